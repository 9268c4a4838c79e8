// The API server of tests/simulation behaves as the real one: the same scripts of calls are run on both, and after each
// call the status codes, the object, its generation and who owns which of its fields are compared.
#include <chrono>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "api_server.h"
#include "kube/call.h"
#include "kube/http.h"
#include "simulation/fields.h"
#include "simulation/server.h"

namespace nocobase_operator::conformance {
namespace {

using kube::Json;
using kube::Kind;
using kube::Ref;
using kube::Verb;

// A call, made from the object as it is at the server that it is for (null when there is none).
struct Step {
  std::string name;
  std::function<kube::Call(const Json& live)> call;
  std::int64_t scale_to = -1;  // by the scale subresource instead
};
struct Script {
  std::string name;
  std::vector<Step> steps;
  bool versions = true;  // nobody else writes to the object: whether its version changes is compared
};

Ref ref(Kind kind, const std::string& name) {
  return {kind, "default", name};
}

std::string version_of(const Json& live) {
  return kube::string_at(live, {"metadata", "resourceVersion"});
}
std::string uid_of(const Json& live) {
  return kube::string_at(live, {"metadata", "uid"});
}

Step apply(const Ref& to, const std::string& manager, const Json& body, const std::string& name) {
  return {name, [=](const Json&) { return kube::Call{Verb::apply, to, body, manager, {}, {}}; }};
}

using Fix = std::function<kube::Precondition(const Json& live)>;
Step apply_if(const Ref& to, const Json& body, const Fix& must, const std::string& name) {
  return {name, [=](const Json& live) { return kube::Call{Verb::apply, to, body, "a", must(live), {}}; }};
}
Step create(const Ref& to, const Json& body, const std::string& name) {
  return {name, [=](const Json&) { return kube::Call{Verb::create, to, body, "a", {}, {}}; }};
}
Step remove_if(const Ref& to, const Fix& must, const std::string& name) {
  return {name, [=](const Json& live) { return kube::Call{Verb::remove, to, {}, "a", must(live), {}}; }};
}

const Fix no_condition = [](const Json&) { return kube::Precondition{}; };
const Fix right_uid = [](const Json& live) { return kube::Precondition{uid_of(live), ""}; };
const Fix right_both = [](const Json& live) { return kube::Precondition{uid_of(live), version_of(live)}; };
const Fix wrong_uid = [](const Json&) { return kube::Precondition{"11111111-2222-3333-4444-555555555555", ""}; };
const Fix wrong_both = [](const Json&) { return kube::Precondition{"11111111-2222-3333-4444-555555555555", "2"}; };
const Fix old_version = [](const Json& live) { return kube::Precondition{uid_of(live), "2"}; };
const Fix absent = [](const Json&) { return kube::must_not_exist; };

Json config(std::initializer_list<std::pair<const std::string, Json>> data) {
  Json body = {{"data", Json::object()}};
  for (const auto& [key, value] : data) {
    body["data"][key] = value;
  }
  return body;
}

Script of_config_maps() {
  const Ref to = ref(Kind::config_map, "semantics-a");
  return {
      "create, apply, delete of a ConfigMap",
      {create(to, config({{"x", "1"}, {"y", "1"}}), "create"), create(to, config({{"x", "2"}}), "create again"),
       apply(to, "b", config({{"x", "1"}}), "b applies an equal value"),
       apply(to, "b", config({{"x", "2"}}), "b applies another value"),
       apply(to, "b", config({{"x", "2"}}), "b applies it again"),
       apply(to, "c", config({{"x", "2"}, {"z", "1"}}), "c applies the same and more"),
       apply(to, "b", config({}), "b leaves all out"),
       apply(to, "c", config({{"z", "1"}}), "c leaves x out, whose last owner it was"),
       remove_if(to, wrong_uid, "delete with another uid"), remove_if(to, old_version, "delete with another version"),
       remove_if(to, wrong_both, "delete with another uid and version"), remove_if(to, right_both, "delete"),
       remove_if(to, no_condition, "delete what is gone"),
       remove_if(to, wrong_uid, "delete what is gone, with a uid")}};
}

Script of_preconditions() {
  const Ref to = ref(Kind::config_map, "semantics-b");
  return {"preconditions of apply",
          {apply_if(to, config({{"x", "1"}}), wrong_uid, "with a uid, where nothing is"),
           apply_if(to, config({{"x", "1"}}), absent, "must not exist, where nothing is"),
           apply_if(to, config({{"x", "2"}}), absent, "must not exist, where it is"),
           apply_if(to, config({{"x", "2"}}), wrong_uid, "with another uid"),
           apply_if(to, config({{"x", "2"}}), old_version, "with another version"),
           apply_if(to, config({{"x", "2"}}), right_uid, "with its uid"),
           apply_if(to, config({{"x", "3"}}), right_both, "with its uid and version"),
           apply_if(to, config({{"x", "3"}}), right_both, "with nothing new"), remove_if(to, right_uid, "delete")}};
}

Json labelled(Json body, const Json& labels) {
  body["metadata"]["labels"] = labels;
  return body;
}

Script of_services() {
  const Ref to = ref(Kind::service, "semantics-c");
  const auto spec = [](const char* name, int port) {
    return Json{{"spec",
                 {{"selector", {{"app", name}}},
                  {"ports", {{{"name", "http"}, {"protocol", "TCP"}, {"port", port}, {"targetPort", 13000}}}}}}};
  };
  return {"a Service: an atomic selector, ports by key",
          {apply(to, "a", labelled(spec("x", 80), {{"l", "1"}, {"m", "1"}}), "a creates"),
           apply(to, "b", {{"metadata", {{"labels", {{"m", "2"}}}}}}, "b takes a label"),
           apply(to, "a", labelled(spec("y", 80), {{"l", "1"}}), "a changes the selector, leaves the label"),
           apply(to, "b", {{"spec", {{"selector", {{"other", "z"}}}}}}, "b takes the selector"),
           apply(to, "a", labelled(spec("y", 81), {{"l", "1"}}), "a moves the port and takes the selector back"),
           remove_if(to, right_both, "delete")}};
}

Json deployment(const std::vector<std::pair<std::string, std::string>>& env, int replicas) {
  Json container = {{"name", "nocobase"}, {"image", "a:1"}};
  for (const auto& [name, value] : env) {
    container["env"].push_back({{"name", name}, {"value", value}});
  }
  return {
      {"spec",
       {{"replicas", replicas},
        {"selector", {{"matchLabels", {{"app", "s"}}}}},
        {"template",
         {{"metadata", {{"labels", {{"app", "s"}}}}},
          {"spec", {{"containers", {container}}, {"volumes", {{{"name", "run"}, {"emptyDir", Json::object()}}}}}}}}}}};
}

Script of_deployments() {
  const Ref to = ref(Kind::deployment, "semantics-d");
  Json more = {
      {"spec",
       {{"template",
         {{"spec", {{"containers", {{{"name", "nocobase"}, {"env", {{{"name", "B"}, {"value", "b"}}}}}}}}}}}}}};
  Json annotated = deployment({{"X", "2"}, {"W", "0"}}, 0);
  annotated["metadata"]["annotations"] = {{"nocobase.com/epoch", "3"}};
  return {
      "a Deployment: containers and variables by name",
      {apply(to, "a", deployment({{"X", "1"}, {"Y", "1"}}, 0), "a creates"),
       apply(to, "a", deployment({{"X", "2"}, {"W", "0"}}, 0), "a changes one variable, drops one, adds one"),
       apply(to, "b", more, "b adds a variable"),
       apply(to, "a", deployment({{"X", "2"}, {"W", "0"}, {"B", "c"}}, 0), "a takes that variable"),
       apply(to, "b", Json::object(), "b leaves"), apply(to, "a", annotated, "a sets an annotation: no new generation"),
       apply(to, "b", {{"spec", {{"replicas", 1}}}}, "b scales"),
       apply_if(to, deployment({{"X", "2"}}, 0), wrong_uid, "with another uid"),
       apply_if(to, deployment({{"X", "2"}}, 0), wrong_both, "with another uid and version"),
       remove_if(to, right_uid, "delete")},
      false};
}

Script of_intents() {
  const Ref to = ref(Kind::nocobase_role, "semantics-e");
  const auto role = [](int replicas) {
    Json body = {{"spec", {{"clusterName", "crm"}, {"role", "web"}}}};
    if (replicas >= 0) {
      body["spec"]["replicas"] = replicas;
    }
    return body;
  };
  const Json intent = {{"spec", {{"replicas", 3}}}};
  const auto status = [&](const char* selector) {
    const Json body = {{"status", {{"replicas", 1}, {"selector", selector}}}};
    return Step{"status", [=](const Json& live) {
                  return kube::Call{Verb::apply_status, to, body, "a", {uid_of(live), version_of(live)}, {}};
                }};
  };
  return {"the intent of a role and its owners",
          {apply(to, "a", role(3), "fixed"),
           status("a=b"),
           status("a=b"),
           status(""),
           apply(to, "intent", intent, "the intent manager applies the same"),
           apply(to, "a", role(-1), "the main one leaves it"),
           {"kubectl scales to the same", {}, 3},
           {"kubectl scales", {}, 5},
           apply(to, "intent", Json::object(), "the intent manager applies nothing"),
           apply(to, "a", role(2), "fixed again"),
           apply(to, "a", role(2), "again"),
           apply_if(to, role(4), wrong_uid, "with another uid"),
           remove_if(to, right_both, "delete"),
           apply(to, "a", role(-1), "made without an intent"),
           apply(to, "a", role(1), "given one"),
           apply(to, "a", role(-1), "its sole owner leaves it"),
           remove_if(to, right_both, "delete")}};
}

Script of_leases() {
  const Ref to = ref(Kind::lease, "semantics-f");
  const auto update = [=](const char* holder, bool stale) {
    return Step{stale ? "update with another version" : "update", [=](const Json& live) {
                  Json body = {{"spec", {{"holderIdentity", holder}, {"leaseDurationSeconds", 15}}}};
                  body["metadata"]["resourceVersion"] = stale ? "2" : version_of(live);
                  return kube::Call{Verb::update, to, body, "a", {}, {}};
                }};
  };
  return {"a Lease",
          {create(to, {{"spec", {{"holderIdentity", "x"}, {"leaseDurationSeconds", 15}}}}, "create"), update("y", true),
           update("y", false), update("y", false), remove_if(to, right_both, "delete"), update("z", true)}};
}

Script of_pods() {
  const Ref to = ref(Kind::pod, "semantics-g");
  const auto pod = [](const char* node) {
    Json body = {{"metadata", {{"labels", {{"app", "s"}}}}},
                 {"spec",
                  {{"terminationGracePeriodSeconds", 600},
                   {"restartPolicy", "Never"},
                   {"schedulerName", "nobody"},
                   {"containers", {{{"name", "nocobase"}, {"image", "a:1"}}}}}}};
    if (*node != '\0') {
      body["spec"]["nodeName"] = node;
    }
    return body;
  };
  return {"deletes of a pod",
          {create(to, pod(""), "create a pod that no node has"), create(to, pod(""), "create it again"),
           remove_if(to, wrong_uid, "delete with another uid"), remove_if(to, right_uid, "delete: it is gone at once"),
           create(to, pod("no-such-node"), "create a pod of a node"),
           remove_if(to, old_version, "delete with another version"),
           remove_if(to, right_uid, "delete: it gets its grace period"), create(to, pod(""), "create one beside it"),
           remove_if(to, right_uid, "delete once more")},
          false};
}

Script of_jobs() {
  const Ref to = ref(Kind::job, "semantics-h");
  const Json job = {
      {"spec",
       {{"suspend", true},
        {"backoffLimit", 0},
        {"template", {{"spec", {{"restartPolicy", "Never"}, {"containers", {{{"name", "x"}, {"image", "a:1"}}}}}}}}}}};
  return {"a Job",
          {create(to, job, "create"), create(to, job, "create again"), remove_if(to, wrong_uid, "another uid"),
           remove_if(to, right_uid, "delete")},
          false};
}

Script of_clusters() {
  const Ref to = ref(Kind::nocobase_cluster, "semantics-i");
  Json spec = {
      {"image", "nocobase/nocobase:2.2.15"},
      {"paused", true},
      {"roles", {{{"name", "web"}, {"requests", true}, {"replicas", 1}}, {{"name", "w"}, {"services", {"*"}}}}},
      {"database",
       {{"dialect", "postgres"},
        {"host", "pg"},
        {"name", "n"},
        {"user", "n"},
        {"passwordSecretRef", {{"name", "pg"}, {"key", "password"}}}}}};
  Json changed = spec;
  changed["roles"][0]["replicas"] = 2;
  const auto status = [=](const Fix& must, const char* phase) {
    return Step{"status", [=](const Json& live) {
                  return kube::Call{Verb::apply_status, to, {{"status", {{"phase", phase}}}}, "a", must(live), {}};
                }};
  };
  return {"a NocoBaseCluster: generation and status",
          {apply(to, "user", {{"spec", spec}}, "create"), status(right_both, "Paused"), status(right_both, "Paused"),
           apply(to, "user", {{"spec", spec}}, "nothing new"), apply(to, "user", {{"spec", changed}}, "a role changes"),
           status(old_version, "Running"), status(wrong_uid, "Running"), status(right_both, "Running"),
           remove_if(to, right_uid, "delete"), status(no_condition, "Running")}};
}

// Whether everything in `part` is in `whole` with the same value; the server may add to objects.
bool contains(const Json& whole, const Json& part) {
  if (part.is_object() && whole.is_object()) {
    for (const auto& [key, value] : part.items()) {
      const Json* const there = kube::find(whole, key);
      if (there == nullptr ? !(value.empty() && !value.is_string()) : !contains(*there, value)) {
        return false;
      }
    }
    return true;
  }
  if (part.is_array() && whole.is_array() && part.size() == whole.size()) {
    for (std::size_t i = 0; i < part.size(); ++i) {
      if (!contains(whole[i], part[i])) {
        return false;
      }
    }
    return true;
  }
  return part == whole;
}

// The managers by Apply with what they own of the main resource. (Who owns what by Update is not asked by anyone, and
// the server lists members then that apply leaves out.)
Json owners_of(const Json& live) {
  Json out = Json::object();
  const Json* const managed = kube::find_path(live, {"metadata", "managedFields"});
  for (const Json& entry : managed != nullptr ? *managed : Json::array()) {
    if (entry.value("operation", "") == "Apply" && entry.value("subresource", "").empty()) {
      out[entry.value("manager", "")] = entry.value("fieldsV1", Json());
    }
  }
  return out;
}

class Semantics : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    real = new ApiServer;
    ASSERT_TRUE(real->up());
    const Ref probe = ref(Kind::nocobase_role, "probe");
    const kube::Call call{Verb::apply, probe, {{"spec", {{"clusterName", "c"}, {"role", "r"}}}}, "a", {}, {}};
    ASSERT_TRUE(is_served([&] { return at_real(call).code <= 201; }));
  }
  static void TearDownTestSuite() {
    delete real;
    real = nullptr;
  }

  static Answer at_real(const kube::Call& call) {
    const kube::HttpRequest request = kube::encode(call);
    return real->request(request.method, request.path_and_query, request.body,
                         request.content_type.empty() ? "application/json" : request.content_type);
  }
  static Json live_at_real(const Ref& of) {
    Answer answer = at_real({Verb::get, of, {}, "", {}, {}});
    return answer.code == 200 ? std::move(answer.body) : Json();
  }

  void compare(const Script& script) {
    simulation::Server model;
    model.wall = std::chrono::sys_seconds(Seconds(1'700'000'000));
    Ref of;
    for (const Step& step : script.steps) {
      of = step.call ? step.call(Json()).ref : of;
      SCOPED_TRACE(script.name + ": " + step.name);
      const Json* const there = model.find(of);
      const Json model_before = there != nullptr ? *there : Json();
      const Json real_before = live_at_real(of);
      if (step.scale_to >= 0) {
        model.scale(of, step.scale_to, "kubectl");
        scale_at_real(of, step.scale_to);
      } else {
        const kube::HttpResponse expected = model.execute(step.call(model_before));
        const Answer found = at_real(step.call(real_before));
        EXPECT_EQ(expected.status, found.code) << kube::dump(found.body).substr(0, 500);
      }
      const Json* const now = model.find(of);
      compare_objects(script, model_before, now != nullptr ? *now : Json(), real_before, live_at_real(of));
    }
  }

  static void scale_at_real(const Ref& of, std::int64_t replicas) {
    const std::string path = kube::encode({Verb::get, of, {}, "", {}, {}}).path_and_query;
    const Answer scale = real->request("GET", path + "/scale", "");
    Json body = scale.body;
    body["spec"]["replicas"] = replicas;
    EXPECT_EQ(real->request("PUT", path + "/scale?fieldManager=kubectl", kube::dump(body)).code, 200);
  }

  void compare_objects(const Script& script, const Json& model_before, const Json& model_now, const Json& real_before,
                       const Json& real_now) {
    ++compared;
    ASSERT_EQ(model_now.is_null(), real_now.is_null()) << "whether it is there";
    if (model_now.is_null()) {
      return;
    }
    const Json body = simulation::fields::owned_body(model_now);
    EXPECT_TRUE(contains(real_now, body))
        << "here  " << body.dump() << "\nreal  " << simulation::fields::owned_body(real_now).dump();
    if (const Json* const replicas = kube::find_path(real_now, {"spec", "replicas"})) {
      EXPECT_EQ(kube::integer_at(model_now, {"spec", "replicas"}, -1), replicas->get<std::int64_t>());
    }
    EXPECT_EQ(owners_of(model_now), owners_of(real_now));
    EXPECT_EQ(kube::integer_at(model_now, {"metadata", "generation"}),
              kube::integer_at(real_now, {"metadata", "generation"}))
        << "generation";
    EXPECT_EQ(kube::find_path(model_now, {"metadata", "deletionTimestamp"}) != nullptr,
              kube::find_path(real_now, {"metadata", "deletionTimestamp"}) != nullptr);
    EXPECT_EQ(kube::integer_at(model_now, {"metadata", "deletionGracePeriodSeconds"}, -1),
              kube::integer_at(real_now, {"metadata", "deletionGracePeriodSeconds"}, -1));
    EXPECT_EQ(model_before.is_null() || uid_of(model_before) == uid_of(model_now),
              real_before.is_null() || uid_of(real_before) == uid_of(real_now));
    if (script.versions && !model_before.is_null()) {
      EXPECT_EQ(version_of(model_before) == version_of(model_now), version_of(real_before) == version_of(real_now))
          << "whether there is a new version";
    }
  }

  static inline ApiServer* real = nullptr;
  static inline int compared = 0;
};

TEST_F(Semantics, config_maps) {
  compare(of_config_maps());
}
TEST_F(Semantics, preconditions) {
  compare(of_preconditions());
}
TEST_F(Semantics, services) {
  compare(of_services());
}
TEST_F(Semantics, deployments) {
  compare(of_deployments());
}
TEST_F(Semantics, intents) {
  compare(of_intents());
}
TEST_F(Semantics, leases) {
  compare(of_leases());
}
TEST_F(Semantics, pods) {
  compare(of_pods());
}
TEST_F(Semantics, jobs) {
  compare(of_jobs());
}
TEST_F(Semantics, clusters) {
  compare(of_clusters());
}
TEST_F(Semantics, zz_how_many) {
  std::cout << compared << " calls compared with the real API server\n";
}

}  // namespace
}  // namespace nocobase_operator::conformance
