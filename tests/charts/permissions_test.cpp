// Least privilege, both ways: every call that the code can make is permitted, and nothing is permitted that no call
// needs.
#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "app/observe.h"
#include "app/plan.h"
#include "charts/rules.h"
#include "golden.h"
#include "io/yaml.h"
#include "runtime/lease.h"
#include "runtime/recorder.h"
#include "runtime/store.h"
#include "unit/app/plan_world.h"

namespace nocobase_operator::charts {
namespace {

namespace fs = std::filesystem;
using kube::Kind;

const fs::path root = NBO_SOURCE_DIR;

std::vector<Json> documents(const fs::path& file) {
  std::vector<Json> out;
  const auto count = io::read_documents(golden_text(file), file.string(), {},
                                        [&](const kube::SourceDocument& document) { out.push_back(document.value); });
  EXPECT_TRUE(count.ok()) << count.error().what;
  return out;
}

// What a call needs, with the read that runtime::Controller makes of an object when the outcome of a write is in doubt.
void add_call(Grants& grants, const kube::Call& call) {
  const std::string_view subresource = call.verb == kube::Verb::apply_status ? "status" : "";
  add(grants, resource_name(call.ref.kind, subresource), app::rbac_verbs(call.verb));
  if (kube::is_write(call.verb)) {
    add(grants, resource_name(call.ref.kind, ""), app::rbac_verbs(kube::Verb::get));
  }
  const Json* const owners = kube::find_path(call.body, {"metadata", "ownerReferences"});
  for (const Json& owner : owners != nullptr ? *owners : Json::array()) {
    if (owner.value("blockOwnerDeletion", false)) {
      add(grants, resource_name(Kind::nocobase_cluster, "finalizers"), "update");
    }
  }
}

// What a role that was taken out has left, if it had an object of that kind.
app::SeenChild leftover(const app::World& world, Kind kind) {
  app::SeenChild child;
  child.cluster = kube::string_at(world.cluster(), {"metadata", "name"});
  child.meta.ref = app::ref_of(kind, child.cluster + "-gone");
  child.meta.uid = "uid-gone-" + std::string(kube::info(kind).plural);
  child.meta.owner_kind = kube::info(Kind::nocobase_cluster).kind;
  child.meta.owner_name = child.cluster;
  child.meta.owner_uid = app::sample_uid;
  child.watched = true;
  return child;
}

// A cluster from its making over another image to its stop.
void add_life(Grants& grants, Json cluster) {
  cluster["metadata"]["name"] = "crm";  // the world's
  cluster["metadata"]["namespace"] = "apps";
  cluster["metadata"]["uid"] = app::sample_uid;
  cluster["metadata"]["resourceVersion"] = "1";
  cluster["metadata"]["generation"] = 1;
  cluster["status"] = {{"observedGeneration", -1}};
  app::World world(std::move(cluster));
  world.put_references();
  const auto note = [&](const app::World&, const app::Plan& plan) {
    for (const kube::Call& call : plan.calls) {
      add_call(grants, call);
    }
  };
  EXPECT_GT(world.settle(note), 0);
  for (auto kind = Kind::nocobase_role; kind <= Kind::trigger_authentication;
       kind = static_cast<Kind>(static_cast<int>(kind) + 1)) {
    if (kind != Kind::pod && kind != Kind::event && kind != Kind::lease && kind != Kind::secret &&
        kind != Kind::config_map) {
      world.put(leftover(world, kind));
    }
  }
  EXPECT_GT(world.settle(note), 0);
  world.edit_spec([](Json& spec) {
    spec["image"] = "nocobase/nocobase:2.9.9-full";
    spec["upgrade"]["approvedImage"] = spec["image"];
  });
  EXPECT_GT(world.settle(note), 0);
  world.edit_spec([](Json& spec) { spec["stopped"] = true; });
  EXPECT_GT(world.settle(note), 0);
}

Grants made_for_clusters() {
  Grants out;
  for (const Kind kind : runtime::watched_kinds) {
    add(out, resource_name(kind, ""), "list watch");
  }
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(root / "operator/samples")) {
    files.push_back(entry.path());
  }
  for (const auto& entry : fs::directory_iterator(root / "tests/golden/render")) {
    files.push_back(entry.path() / "in.yaml");
  }
  int clusters = 0;
  for (const fs::path& file : files) {
    for (const Json& document : documents(file)) {
      if (kube::string_at(document, {"kind"}) == kube::info(Kind::nocobase_cluster).kind) {
        SCOPED_TRACE(file.string());
        add_life(out, document);
        ++clusters;
      }
    }
  }
  EXPECT_GT(clusters, 4);
  kube::Meta cluster;
  cluster.ref = {Kind::nocobase_cluster, "apps", "crm"};
  runtime::Recorder recorder({});
  recorder.record(cluster, {}, {});
  add(out, resource_name(Kind::event, ""), app::rbac_verbs(recorder.poll({}).value().verb));
  return out;
}

Grants made_for_the_lease() {
  Grants out;
  Now now{Instant(std::chrono::hours(1)), std::chrono::sys_seconds(std::chrono::seconds(1'800'000'000))};
  runtime::Lease::Options options;
  options.ref = {Kind::lease, "operators", "nocobase-operator"};
  options.identity = "me";
  runtime::Lease lease(options, Rng(1));
  Json stored;
  for (int i = 0; i < 10; ++i) {
    if (i == 8) {
      lease.release(now);
    }
    if (const auto call = lease.poll(now)) {
      add(out, resource_name(Kind::lease, ""), app::rbac_verbs(call->verb));
      if (call->verb == kube::Verb::get && stored.is_null()) {
        lease.replied(lease.attempt(), Error{Code::not_found, "none"}, now);
      } else {
        stored = call->verb == kube::Verb::get ? stored : call->body;
        lease.replied(lease.attempt(), stored, now);
      }
    }
    now.mono += Millis(3'000);
    now.wall += std::chrono::seconds(3);
  }
  return out;
}

Grants beyond(const Grants& some, const Grants& others) {
  Grants out;
  std::set_difference(some.begin(), some.end(), others.begin(), others.end(), std::inserter(out, out.end()));
  return out;
}

TEST(Permissions, are_those_that_the_calls_for_clusters_need) {
  const Grants granted = needed(app::Reach::watched);
  const Grants made = made_for_clusters();
  EXPECT_EQ(beyond(made, granted), Grants());
  EXPECT_EQ(beyond(granted, made), Grants());
}

TEST(Permissions, are_those_that_leader_election_needs) {
  EXPECT_EQ(needed(app::Reach::own), made_for_the_lease());
}

TEST(Permissions, say_why) {
  for (const app::Permission& permission : app::permissions()) {
    EXPECT_TRUE(permission.why.ends_with('.')) << permission.why;
  }
}

TEST(Permissions, are_what_the_plain_manifest_grants) {
  std::map<std::string, Json> roles;
  for (const Json& document : documents(root / "operator/rbac.yaml")) {
    roles[kube::string_at(document, {"kind"})] = document;
  }
  EXPECT_EQ(granted(roles.at("ClusterRole")), needed(app::Reach::watched));
  EXPECT_EQ(granted(roles.at("Role")), needed(app::Reach::own));
}

// | `apps/deployments` | get, watch | … |
std::string table_row(const app::Permission& permission) {
  std::string resource = resource_name(permission.kind, permission.subresource);
  resource = resource.front() == '/' ? resource.substr(1) : resource;
  std::string verbs(permission.verbs);
  for (std::size_t at = 0; (at = verbs.find(' ', at)) != std::string::npos; at += 2) {
    verbs.replace(at, 1, ", ");
  }
  return "| `" + resource + "` | " + verbs + " | " + std::string(permission.why) + " |";
}

TEST(Permissions, are_what_the_document_tells) {
  std::vector<std::string> expected;
  for (const app::Permission& permission : app::permissions()) {
    expected.push_back(table_row(permission));
  }
  std::vector<std::string> told;
  std::istringstream in(golden_text(root / "docs/install.md"));
  bool in_table = false;
  for (std::string line; std::getline(in, line);) {
    in_table = line == "| resource | verbs | why |" || (in_table && line.starts_with("|"));
    if (in_table && line.starts_with("| `")) {
      told.push_back(line);
    }
  }
  EXPECT_EQ(told, expected);
}

}  // namespace
}  // namespace nocobase_operator::charts
