// What /readyz says to a person who has to find out what an operator waits for.
#include "operator/metrics.h"

#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "io/yaml.h"
#include "operator/crds.h"
#include "operator/definitions.h"

namespace nocobase_operator::program {
namespace {

using kube::Kind;
using runtime::Engine;

const Now start{Instant(Millis(1'000)), std::chrono::sys_seconds(Seconds(1'800'000'000))};

// What /readyz says after every watch and the first call for the Lease have met these answers.
io::HttpReply readyz(const kube::HttpResponse& watches, const kube::HttpResponse& lease) {
  Engine::Options options;
  options.lease = runtime::Lease::Options{.ref = {Kind::lease, "ns", "operator"}, .identity = "me"};
  options.controller.random_bytes = [](std::size_t size) { return std::string(size, 'r'); };
  Engine engine(std::move(options), Rng(1));
  for (const runtime::Effect& effect : engine.poll(start)) {
    if (const auto* const call = std::get_if<runtime::SendCall>(&effect)) {
      engine.replied(call->id, lease, start);
    } else if (const auto* const watch = std::get_if<runtime::OpenWatch>(&effect)) {
      engine.watch_closed(watch->id, watches, start);
    }
  }
  return answer(engine, "/readyz", start);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    out.push_back(line);
  }
  return out;
}

TEST(Readyz, says_which_kind_is_not_listed_and_why) {
  const io::HttpReply reply = readyz({403, "", "no"}, {404, "", ""});
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(
      lines_of(reply.body),
      (std::vector<std::string>{
          "not ready", "NocoBaseCluster: not listed yet; HTTP 403: no", "NocoBaseRole: not listed yet; HTTP 403: no",
          "Deployment: not listed yet; HTTP 403: no", "Service: not listed yet; HTTP 403: no",
          "ServiceAccount: not listed yet; HTTP 403: no", "PersistentVolumeClaim: not listed yet; HTTP 403: no",
          "Pod: not listed yet; HTTP 403: no", "Job: not listed yet; HTTP 403: no",
          "PodDisruptionBudget: not listed yet; HTTP 403: no", "HorizontalPodAutoscaler: not listed yet; HTTP 403: no",
          "ScaledObject: not listed yet; HTTP 403: no", "TriggerAuthentication: not listed yet; HTTP 403: no",
          "NetworkPolicy: not listed yet; HTTP 403: no", "Ingress: not listed yet; HTTP 403: no",
          "HTTPRoute: not listed yet; HTTP 403: no", "PodMonitor: not listed yet; HTTP 403: no"}));
}

TEST(Readyz, says_what_to_do_about_kinds_that_are_not_defined) {
  const std::string body = readyz({404, "", "none"}, {404, "", ""}).body;
  const std::string to_do =
      "nocobase.com/v1alpha1 is not defined in this cluster: install the chart "
      "nocobase-operator-crds, or `nocobase-operator crd | kubectl apply --server-side -f -`; this operator waits for "
      "it";
  const std::vector<std::string> lines = lines_of(body);
  EXPECT_EQ(lines.at(1), "NocoBaseCluster: not listed yet; HTTP 404: none; " + to_do);
  EXPECT_EQ(lines.at(2), "NocoBaseRole: not listed yet; HTTP 404: none; " + to_do);
  EXPECT_EQ(lines.at(3), "Deployment: not listed yet; HTTP 404: none") << "no definition of ours";
}

TEST(NeededFields, are_those_of_the_definitions_that_crd_prints) {
  std::map<Kind, kube::Fields> fields;
  for (const std::string_view text : crds()) {
    const auto read = io::read_documents(text, "crds", {}, [&](const kube::SourceDocument& document) {
      const bool cluster = kube::string_at(document.value, {"spec", "names", "kind"}) == "NocoBaseCluster";
      fields[cluster ? Kind::nocobase_cluster : Kind::nocobase_role] =
          kube::fields_of_definition(document.value, "v1alpha1");
    });
    ASSERT_TRUE(read.ok());
  }
  EXPECT_EQ(needed_fields(), fields);
}

TEST(Readyz, says_which_fields_the_definitions_lack) {
  Engine::Options options;
  options.controller.random_bytes = [](std::size_t size) { return std::string(size, 'r'); };
  options.definitions.needed = needed_fields();
  EXPECT_TRUE(options.definitions.needed.at(Kind::nocobase_cluster).contains("spec.roles[].replicas"));
  EXPECT_TRUE(options.definitions.needed.at(Kind::nocobase_role).contains("status.selector"));
  options.definitions.needed = {{Kind::nocobase_cluster, {"spec.roles", "spec.setup", "status.new"}}};
  Engine engine(std::move(options), Rng(1));
  const std::string served =
      R"({"components": {"schemas": {"cluster": {"properties": {"spec": {"properties": {"roles": {}}}},)"
      R"("x-kubernetes-group-version-kind": [{"group": "nocobase.com", "version": "v1alpha1", "kind": "NocoBaseCluster"}]}}}})";
  for (const auto& [answer_of_server, told] :
       {std::pair(kube::HttpResponse{503, "", "busy"},
                  std::string("cannot be compared with what this operator needs; HTTP 503: busy")),
        std::pair(kube::HttpResponse{200, "", served},
                  std::string("older than this operator, without fields that it needs (NocoBaseCluster: spec.setup, "
                              "status.new): install the chart nocobase-operator-crds, or `nocobase-operator crd | "
                              "kubectl apply --server-side -f -`; this operator waits for it"))}) {
    for (const runtime::Effect& effect : engine.poll({start.mono + Seconds(60), start.wall})) {
      if (const auto* const fetch = std::get_if<runtime::Fetch>(&effect)) {
        engine.replied(fetch->id, answer_of_server, start);
      }
    }
    const io::HttpReply reply = answer(engine, "/readyz", start);
    EXPECT_EQ(reply.status, 503);
    EXPECT_EQ(lines_of(reply.body).back(), "Definitions: " + told);
  }
}

TEST(Readyz, says_which_call_for_the_lease_fails) {
  const std::string body = readyz({403, "", "no"}, {403, "", "cannot get"}).body;
  EXPECT_EQ(lines_of(body).back(), "Lease: HTTP 403: cannot get");
}

TEST(Metrics, tell_of_upgrades) {
  Engine::Options options;
  options.controller.random_bytes = [](std::size_t size) { return std::string(size, 'r'); };
  const Engine engine(std::move(options), Rng(1));
  const std::string text = answer(engine, "/metrics", start).body;
  EXPECT_NE(text.find("# TYPE nocobase_upgrades_total counter\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nnocobase_upgrade_down_seconds_total 0\n"), std::string::npos) << text;
  EXPECT_NE(text.find("# TYPE nocobase_upgrade_step_seconds_total counter\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace nocobase_operator::program
