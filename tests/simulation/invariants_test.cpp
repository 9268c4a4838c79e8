// Every invariant can fail: for each, a state made by hand that breaks it, and one beside it that does not.
#include "simulation/invariants.h"

#include <functional>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "app/names.h"
#include "simulation/scene.h"

namespace nocobase_operator::simulation {
namespace {

using kube::Kind;
using kube::Ref;

const std::string old_image = "nocobase/nocobase:2.2.2-full";
const std::string new_image = "nocobase/nocobase:2.2.3-full";

Json labels(const std::string& component) {
  return {{std::string(app::label_managed_by), std::string(app::manager)},
          {std::string(app::label_instance), "crm"},
          {std::string(app::label_component), component}};
}

Json pod(const std::string& component, const std::string& image, const std::string& mode = "!") {
  Json object = {
      {"metadata", {{"labels", labels(component)}}},
      {"spec",
       {{"nodeName", "node-0"},
        {"terminationGracePeriodSeconds", 600},
        {"containers",
         {{{"name", "nocobase"}, {"image", image}, {"env", {{{"name", "WORKER_MODE"}, {"value", mode}}}}}}}}}};
  if (component != "setup") {
    object["metadata"]["ownerReferences"] = {
        {{"apiVersion", "apps/v1"}, {"kind", "ReplicaSet"}, {"name", "x"}, {"uid", "1"}, {"controller", true}}};
  }
  return object;
}

Json deployment(const std::string& role, int replicas, const std::string& image = old_image) {
  return {{"metadata", {{"labels", labels(role)}}},
          {"spec",
           {{"replicas", replicas},
            {"template", {{"spec", {{"containers", {{{"name", "nocobase"}, {"image", image}}}}}}}}}}};
}

Json role(const std::string& name, int replicas) {
  return {{"metadata", {{"labels", labels(name)}}},
          {"spec", {{"clusterName", "crm"}, {"role", name}, {"replicas", replicas}}}};
}

// A server whose changes are judged like a world's; keeps the first rule that is broken.
class Court {
 public:
  Court() {
    server.wall = std::chrono::sys_seconds(Seconds(1'700'000'000));
    server.on_change = [this](const Change& change) {
      state.now = now;
      state.take(change);
      const Broken found = check(state, change);
      if (broken.empty()) {
        broken = found.name;
        what = found.what;
      }
    };
    server.on_read = [this](const kube::Ref& ref, const Json& cluster, const std::string& actor) {
      state.read(ref, cluster, actor);
    };
    Scene scene(1, Faults::none());
    spec = {{"image", old_image},
            {"roles",
             {{{"name", "web"}, {"requests", true}, {"replicas", 2}},
              {{"name", "flow"}, {"services", {"workflow:process"}}}}},
            {"database",
             {{"dialect", "postgres"},
              {"host", "pg"},
              {"name", "n"},
              {"user", "n"},
              {"passwordSecretRef", {{"name", "pg"}, {"key", "password"}}}}}};
    server.put_cluster("crm", spec);
  }
  void by_controller(Kind kind, const std::string& name, Json object) {
    server.make({kind, "ns", name}, std::move(object), "deployments");
  }
  void by_operator(kube::Verb verb, Kind kind, const std::string& name, Json body = Json::object(),
                   const std::string& actor = "operator") {
    const kube::Call call{verb, {kind, "ns", name}, std::move(body), std::string(app::manager), {}, {}};
    EXPECT_LT(server.execute(call, actor).status, 300) << name;
  }
  void status(const std::string& pod_name, Json value) {
    server.edit_status(
        {Kind::pod, "ns", pod_name}, [&](Json& of) { of["status"] = std::move(value); }, "kubelet");
  }

  Server server;
  State state;
  Json spec;
  std::int64_t now = 0;
  std::string broken, what;
};

struct Case {
  std::string breaks;  // the invariant, "" for none
  std::string name;
  std::function<void(Court&)> act;
};

const Json running = {{"phase", "Running"},
                      {"containerStatuses", {{{"name", "nocobase"}, {"state", {{"running", {{"startedAt", ""}}}}}}}}};

const std::vector<Case>& cases() {
  using kube::Verb;
  static const std::vector<Case> all = {
      {"", "pods of one image, by tag and by digest",
       [](Court& c) {
         c.by_controller(Kind::pod, "a", pod("web", old_image));
         c.by_controller(Kind::pod, "b", pod("web", "nocobase/nocobase@" + digest_of(old_image)));
       }},
      {"I1 one image", "two images, one of them terminating",
       [](Court& c) {
         c.by_controller(Kind::pod, "a", pod("web", old_image));
         c.server.remove({Kind::pod, "ns", "a"});
         c.by_controller(Kind::pod, "b", pod("web", new_image));
       }},
      {"", "two images, one after the other",
       [](Court& c) {
         c.by_controller(Kind::pod, "a", pod("web", old_image));
         c.server.remove_now({Kind::pod, "ns", "a"}, "kubelet");
         c.by_controller(Kind::pod, "b", pod("web", new_image));
       }},
      {"I2 setup alone", "a setup pod beside a pod that terminates",
       [](Court& c) {
         c.by_controller(Kind::pod, "a", pod("web", old_image));
         c.server.remove({Kind::pod, "ns", "a"});
         c.by_operator(Verb::create, Kind::pod, "crm-setup", pod("setup", old_image));
       }},
      {"", "a setup pod beside a job's",
       [](Court& c) {
         c.by_controller(Kind::pod, "a", pod("backup", "tools:1"));
         c.by_operator(Verb::create, Kind::pod, "crm-setup", pod("setup", old_image));
       }},
      {"I2 no role beside setup", "a role's pod beside the setup pod",
       [](Court& c) {
         c.by_operator(Verb::create, Kind::pod, "crm-setup", pod("setup", old_image));
         c.by_controller(Kind::pod, "a", pod("web", old_image));
       }},
      {"I3 worker ids", "33 pods",
       [](Court& c) {
         c.by_operator(Verb::apply, Kind::deployment, "crm-web", deployment("web", 20));
         c.by_operator(Verb::apply, Kind::deployment, "crm-flow", deployment("flow", 13));
       }},
      {"I3 worker ids", "32 wanted and one that terminates",
       [](Court& c) {
         c.by_operator(Verb::apply, Kind::deployment, "crm-web", deployment("web", 20));
         c.by_controller(Kind::pod, "a", pod("web", old_image));
         c.server.remove({Kind::pod, "ns", "a"}, "deployments");
         c.by_operator(Verb::apply, Kind::deployment, "crm-flow", deployment("flow", 12));
       }},
      {"", "32 pods, and one more that a drain has evicted",
       [](Court& c) {
         c.by_operator(Verb::apply, Kind::deployment, "crm-web", deployment("web", 20));
         c.by_controller(Kind::pod, "a", pod("web", old_image));
         c.server.remove({Kind::pod, "ns", "a"}, "drain");
         c.by_operator(Verb::apply, Kind::deployment, "crm-flow", deployment("flow", 12));
         c.by_operator(Verb::apply, Kind::deployment, "crm-flow", deployment("flow", 2));
       }},
      {"I4 secrets", "a Secret is applied to",
       [](Court& c) {
         c.by_operator(Verb::create, Kind::secret, "crm-keys", {{"data", {{"APP_KEY", "a"}}}});
         c.by_operator(Verb::apply, Kind::secret, "crm-keys", {{"data", {{"APP_KEY", "b"}}}});
       }},
      {"I4 secrets", "a Secret is deleted",
       [](Court& c) {
         c.by_operator(Verb::create, Kind::secret, "crm-keys", {{"data", {{"APP_KEY", "a"}}}});
         c.by_operator(Verb::remove, Kind::secret, "crm-keys");
       }},
      {"I4 claims", "a claim shrinks",
       [](Court& c) {
         const auto claim = [](const char* size) {
           return Json{{"spec", {{"resources", {{"requests", {{"storage", size}}}}}}}};
         };
         c.by_operator(Verb::apply, Kind::persistent_volume_claim, "crm-storage", claim("10Gi"));
         c.by_operator(Verb::apply, Kind::persistent_volume_claim, "crm-storage", claim("20Gi"));
         EXPECT_EQ(c.broken, "");
         c.by_operator(Verb::apply, Kind::persistent_volume_claim, "crm-storage", claim("10Gi"));
       }},
      {"I4 claims", "a claim is deleted",
       [](Court& c) {
         c.by_operator(Verb::apply, Kind::persistent_volume_claim, "crm-storage", {{"spec", {{"a", "b"}}}});
         c.by_operator(Verb::remove, Kind::persistent_volume_claim, "crm-storage");
       }},
      {"I5 intent", "an intent that kubectl has set is lowered",
       [](Court& c) {
         c.by_operator(Verb::apply, Kind::nocobase_role, "crm-flow", role("flow", 3));
         c.by_operator(Verb::apply, Kind::nocobase_role, "crm-flow", role("flow", 1));  // our own
         c.server.scale({Kind::nocobase_role, "ns", "crm-flow"}, 5, "kubectl");
         EXPECT_EQ(c.broken, "");
         c.by_operator(Verb::apply, Kind::nocobase_role, "crm-flow", role("flow", 2));
       }},
      {"", "an intent is lowered whose number the operator read in the spec before it was taken out",
       [](Court& c) {
         c.by_operator(Verb::apply, Kind::nocobase_role, "crm-web", role("web", 3));
         c.server.scale({Kind::nocobase_role, "ns", "crm-web"}, 5, "kubectl");
         c.by_operator(Verb::get, Kind::nocobase_cluster, "crm", Json::object());
         c.spec["roles"][0].erase("replicas");
         c.server.put_cluster("crm", c.spec);
         c.by_operator(Verb::apply, Kind::nocobase_role, "crm-web", role("web", 2));
       }},
      {"I5 intent", "and one of a number that was taken out before it was read",
       [](Court& c) {
         c.by_operator(Verb::apply, Kind::nocobase_role, "crm-web", role("web", 3));
         c.server.scale({Kind::nocobase_role, "ns", "crm-web"}, 5, "kubectl");
         c.spec["roles"][0].erase("replicas");
         c.server.put_cluster("crm", c.spec);
         c.by_operator(Verb::get, Kind::nocobase_cluster, "crm", Json::object());
         c.by_operator(Verb::apply, Kind::nocobase_role, "crm-web", role("web", 2));
       }},
      {"", "an intent that the spec gives is lowered",
       [](Court& c) {
         c.by_operator(Verb::apply, Kind::nocobase_role, "crm-web", role("web", 3));
         c.server.scale({Kind::nocobase_role, "ns", "crm-web"}, 5, "kubectl");
         c.by_operator(Verb::apply, Kind::nocobase_role, "crm-web", role("web", 2));
       }},
      {"I5 intent in a hold", "an autoscaler that still has a selector when the pods are gone",
       [](Court& c) {
         c.by_operator(Verb::apply, Kind::nocobase_role, "crm-flow",
                       {{"metadata", {{"labels", labels("flow")}}}, {"spec", {{"role", "flow"}, {"replicas", 5}}}});
         c.by_operator(Verb::apply, Kind::deployment, "crm-flow", deployment("flow", 0));
         c.by_operator(Verb::apply_status, Kind::nocobase_cluster, "crm",
                       {{"status", {{"phase", "Draining"}, {"operation", {{"step", "Drain"}}}}}});
         c.server.scale({Kind::nocobase_role, "ns", "crm-flow"}, 1, "hpa");
       }},
      {"", "the same where another operator than the one that holds has put the selector back",
       [](Court& c) {
         const auto status = [](const char* selector) { return Json{{"status", {{"selector", selector}}}}; };
         c.by_operator(Verb::apply, Kind::nocobase_role, "crm-flow",
                       {{"metadata", {{"labels", labels("flow")}}}, {"spec", {{"role", "flow"}, {"replicas", 5}}}});
         c.by_operator(Verb::apply, Kind::deployment, "crm-flow", deployment("flow", 0));
         c.by_operator(Verb::apply_status, Kind::nocobase_cluster, "crm",
                       {{"status", {{"phase", "Draining"}, {"operation", {{"step", "Drain"}}}}}});
         c.now += 1;
         c.by_operator(Verb::apply_status, Kind::nocobase_role, "crm-flow", status("a=b"), "another");
         c.server.scale({Kind::nocobase_role, "ns", "crm-flow"}, 1, "hpa");
       }},
      {"I6 exposure", "a worker that is labelled as serving requests",
       [](Court& c) {
         Json worker = pod("flow", old_image, "workflow:process");
         worker["metadata"]["labels"][std::string(app::label_requests)] = "true";
         c.by_controller(Kind::pod, "a", worker);
       }},
      {"I6 exposure", "a setup pod that is labelled as serving requests",
       [](Court& c) {
         Json setup = pod("setup", old_image);
         setup["metadata"]["labels"][std::string(app::label_requests)] = "true";
         c.by_operator(Verb::create, Kind::pod, "crm-setup", setup);
       }},
      {"I6 exposure", "a Service that selects all pods",
       [](Court& c) {
         c.by_operator(Verb::apply, Kind::service, "crm",
                       {{"metadata", {{"labels", labels("")}}},
                        {"spec", {{"selector", {{std::string(app::label_instance), "crm"}}}}}});
       }},
      {"I8 invalid", "a Deployment is changed long after the spec has become invalid",
       [](Court& c) {
         c.by_operator(Verb::apply, Kind::deployment, "crm-web", deployment("web", 2));
         c.spec["database"]["dialect"] = "oracle";
         c.server.put_cluster("crm", c.spec);
         c.by_operator(Verb::apply, Kind::deployment, "crm-web", deployment("web", 3));  // was under way
         EXPECT_EQ(c.broken, "");
         c.now += 2 * hears_within;
         c.by_operator(Verb::apply, Kind::deployment, "crm-web", deployment("web", 0));
       }},
      {"I8 invalid", "a Deployment is changed long after the cluster was paused",
       [](Court& c) {
         c.spec["paused"] = true;
         c.server.put_cluster("crm", c.spec);
         c.now += 2 * hears_within;
         c.by_operator(Verb::apply, Kind::deployment, "crm-web", deployment("web", 0));
       }},
      {"I8 unpullable", "a Deployment is given an image that is nowhere",
       [](Court& c) {
         c.by_operator(Verb::apply, Kind::deployment, "crm-web", deployment("web", 2, "bad/nocobase:2.2.3-full"));
       }},
      {"", "a Deployment without pods is given one",
       [](Court& c) {
         c.by_operator(Verb::apply, Kind::deployment, "crm-web", deployment("web", 0, "bad/nocobase:2.2.3-full"));
       }},
      {"D migration", "a setup pod is deleted when it has started",
       [](Court& c) {
         c.by_operator(Verb::create, Kind::pod, "crm-setup", pod("setup", old_image));
         c.status("crm-setup", running);
         c.by_operator(Verb::remove, Kind::pod, "crm-setup");
       }},
      {"", "a setup pod is deleted when it is ready, and before it starts",
       [](Court& c) {
         c.by_operator(Verb::create, Kind::pod, "crm-setup", pod("setup", old_image));
         c.by_operator(Verb::remove, Kind::pod, "crm-setup");
         c.server.remove_now({Kind::pod, "ns", "crm-setup"}, "kubelet");
         c.by_operator(Verb::create, Kind::pod, "crm-setup", pod("setup", old_image));
         Json ready = running;
         ready["conditions"] = {{{"type", "Ready"}, {"status", "True"}}};
         c.status("crm-setup", ready);
         c.by_operator(Verb::remove, Kind::pod, "crm-setup");
       }},
      {"", "a setup pod that was ready is deleted when its node is lost",
       [](Court& c) {
         c.by_operator(Verb::create, Kind::pod, "crm-setup", pod("setup", old_image));
         Json status = running;
         for (const char* ready : {"True", "Unknown"}) {
           status["conditions"] = {{{"type", "Ready"}, {"status", ready}}};
           c.status("crm-setup", status);
         }
         c.by_operator(Verb::remove, Kind::pod, "crm-setup");
       }},
      {"", "a setup pod whose attempt has failed is deleted",
       [](Court& c) {
         c.by_operator(Verb::create, Kind::pod, "crm-setup", pod("setup", old_image));
         c.status("crm-setup", running);
         c.by_operator(
             Verb::apply_status, Kind::nocobase_cluster, "crm",
             {{"status", {{"conditions", {{{"type", "Stalled"}, {"status", "True"}, {"reason", "SetupTimedOut"}}}}}}});
         c.by_operator(Verb::remove, Kind::pod, "crm-setup");
       }},
  };
  return all;
}

TEST(Invariants, EachCanFailAndDoesSoAlone) {
  std::set<std::string> seen;
  for (const Case& item : cases()) {
    SCOPED_TRACE(item.name);
    Court court;
    item.act(court);
    EXPECT_EQ(court.broken, item.breaks) << court.what;
    seen.insert(item.breaks);
  }
  for (const Invariant& invariant : invariants()) {
    EXPECT_TRUE(seen.contains(std::string(invariant.name))) << invariant.name << " is never broken here";
  }
}

TEST(Invariants, DamageToTheDatabase) {
  Court court;
  const auto judged = [&](Damage damage) { return check(court.state, Incident{damage, "ns/crm", ""}).name; };
  EXPECT_EQ(judged(Damage::migrated_twice), "D migrated twice");
  EXPECT_EQ(judged(Damage::downgraded), "D downgraded");
  EXPECT_EQ(judged(Damage::wrong_version), "D wrong version");
  EXPECT_EQ(judged(Damage::interrupted), "");  // by whom is judged by "D migration"
  court.spec["upgrade"]["allowDowngrade"] = true;
  court.server.put_cluster("crm", court.spec);
  EXPECT_EQ(judged(Damage::downgraded), "");
}

TEST(Invariants, TheEnd) {
  Court court;
  const auto says = [&](const char* ready, const char* stalled, const char* reason) {
    const std::int64_t generation =
        kube::integer_at(*court.server.find({Kind::nocobase_cluster, "ns", "crm"}), {"metadata", "generation"});
    court.by_operator(kube::Verb::apply_status, Kind::nocobase_cluster, "crm",
                      {{"status",
                        {{"observedGeneration", generation},
                         {"conditions",
                          {{{"type", "Ready"}, {"status", ready}, {"reason", "x"}},
                           {{"type", "Stalled"}, {"status", stalled}, {"reason", reason}}}}}}});
    return check_end(court.state).what;
  };
  EXPECT_EQ(check_end(court.state).what, "ns/crm has not heard of its last spec");
  EXPECT_EQ(says("False", "False", ""), "ns/crm is neither Ready nor Stalled");
  EXPECT_EQ(says("False", "True", ""), "ns/crm is neither Ready nor Stalled");  // without a reason
  EXPECT_EQ(says("False", "True", "ImagePull"), "");
  EXPECT_EQ(says("True", "False", ""), "");
  court.by_operator(kube::Verb::create, Kind::pod, "crm-setup", pod("setup", old_image));
  EXPECT_EQ(check_end(court.state).what, "crm-setup is left");
  court.server.remove_now({Kind::pod, "ns", "crm-setup"}, "kubelet");
  court.by_operator(kube::Verb::apply, Kind::nocobase_role, "crm-flow",
                    {{"metadata", {{"labels", labels("flow")}}}, {"spec", {{"role", "flow"}, {"replicas", 3}}}});
  EXPECT_EQ(check_end(court.state).what, "crm-flow has no Deployment or intent");
  court.by_operator(kube::Verb::apply, Kind::deployment, "crm-flow", deployment("flow", 1));
  EXPECT_EQ(check_end(court.state).what, "crm-flow is not given what is wanted");
  court.by_operator(kube::Verb::apply, Kind::deployment, "crm-flow", deployment("flow", 3));
  EXPECT_EQ(check_end(court.state).what, "");
}

}  // namespace
}  // namespace nocobase_operator::simulation
