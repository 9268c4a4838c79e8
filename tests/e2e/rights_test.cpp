// Every right that is taken away is noticed: something a person looks at names it. A right whose loss nobody notices is
// one that the operator should not ask for.
#include <algorithm>
#include <iostream>
#include <memory>
#include <span>

#include "fault_proxy.h"
#include "own_operator.h"

namespace nocobase_operator::e2e {

namespace {

const std::string optional_crds = std::string(NBO_SOURCE_DIR) + "/tests/e2e/optional_crds.yaml";

// Where the loss of a right is told.
enum class Told : std::uint8_t {
  in_status,  // of the cluster, in the server's own words
  in_readyz,  // and in the log: the status cannot be written, or does not depend on it
};

struct Right {
  std::string group;
  std::string resource;  // with its subresource
  std::string verb;

  [[nodiscard]] Told told() const {
    const bool clusters = resource.starts_with("nocobaseclusters") && !resource.ends_with("/finalizers");
    const bool apart = resource == "leases" || resource == "events";
    return clusters || apart || verb == "list" || verb == "watch" ? Told::in_readyz : Told::in_status;
  }
  // What the API server says to whoever lacks it.
  [[nodiscard]] std::string refusal() const {
    return resource.ends_with("/finalizers") ? "refers to a resource you can't set finalizers on"
                                             : "cannot " + verb + " resource \"" + resource + "\"";
  }
};

// One right less than all, with an operator that has the rest in a namespace of its own.
struct Case {
  Right missing;
  std::string ns;
  std::unique_ptr<OwnOperator> one;
  bool noticed = false;
};

std::vector<Right> rights_of(const Json& role) {
  std::vector<Right> out;
  for (const Json& rule : at(role, "/rules", Json::array())) {
    for (const Json& resource : rule["resources"]) {
      for (const Json& verb : rule["verbs"]) {
        out.push_back({rule["apiGroups"][0], resource, verb});
      }
    }
  }
  return out;
}

Json named(const char* api_version, const char* kind, const std::string& name, const std::string& ns = "") {
  Json out = {{"apiVersion", api_version}, {"kind", kind}, {"metadata", {{"name", name}}}};
  if (!ns.empty()) {
    out["metadata"]["namespace"] = ns;
  }
  return out;
}

std::string messages(const Json& cluster) {
  std::string out;
  for (const Json& each : at(cluster, "/status/conditions", Json::array())) {
    out += text_at(each, "/message") + "\n";
  }
  return out;
}

class RightsTest : public NamespaceTest {
 protected:
  void SetUp() override {
    NamespaceTest::SetUp();
    Operator::get().kill(SIGTERM);
    ASSERT_EQ(cp().kubectl({"apply", "--server-side", "-f", optional_crds}).code, 0);
    ASSERT_NO_FATAL_FAILURE(grant_all_rights("rights"));  // so that the roles are there
    const Json all = cp().find("clusterrole", "default", "nocobase-operator").value_or(Json());
    const Json lease = cp().find("role", "nocobase-operator-system", "nocobase-operator-lease").value_or(Json());
    for (const Json& role : {all, lease}) {
      for (Right& right : rights_of(role)) {
        rights_.push_back(std::move(right));
      }
    }
    ASSERT_GT(rights_.size(), 30U);
  }

  void TearDown() override {
    std::vector<std::string> gone = {"delete", "namespace", "--wait=false"};
    for (const Case& each : cases_) {
      gone.push_back(each.ns);
    }
    EXPECT_EQ(cp().kubectl(gone).code, 0);
    EXPECT_EQ(cp().kubectl({"delete", "-f", optional_crds, "--ignore-not-found"}).code, 0);
    NamespaceTest::TearDown();
  }

  // A namespace, ServiceAccount and Role per right, made in one go.
  void prepare() {
    Json items = Json::array();
    for (std::size_t i = 0; i < rights_.size(); ++i) {
      const std::string name = ns + "-" + std::to_string(i);
      cases_.push_back({rights_[i], name, std::make_unique<OwnOperator>("rights-" + std::to_string(i))});
      items.push_back(named("v1", "Namespace", name));
      items.push_back(named("v1", "ServiceAccount", "operator", name));
      Json role = named("rbac.authorization.k8s.io/v1", "Role", "operator", name);
      role["rules"] = Json::array();
      for (std::size_t other = 0; other < rights_.size(); ++other) {
        if (other != i) {
          role["rules"].push_back({{"apiGroups", Json::array({rights_[other].group})},
                                   {"resources", Json::array({rights_[other].resource})},
                                   {"verbs", Json::array({rights_[other].verb})}});
        }
      }
      items.push_back(std::move(role));
      Json binding = named("rbac.authorization.k8s.io/v1", "RoleBinding", "operator", name);
      binding["roleRef"] = {{"apiGroup", "rbac.authorization.k8s.io"}, {"kind", "Role"}, {"name", "operator"}};
      binding["subjects"] = Json::array({Json{{"kind", "ServiceAccount"}, {"name", "operator"}, {"namespace", name}}});
      items.push_back(std::move(binding));
      for (const auto* secret : {"postgres", "redis"}) {
        items.push_back(named("v1", "Secret", secret, name));
        items.back()["stringData"] = {{"password", "for tests"}};
      }
      items.push_back(named("v1", "ConfigMap", "settings", name));
      items.back()["data"] = {{"TZ", "UTC"}};
    }
    apply_all(std::move(items));
  }

  void apply_all(Json items) const {
    const Json list = {{"apiVersion", "v1"}, {"kind", "List"}, {"items", std::move(items)}};
    const Output done =
        cp().kubectl({"apply", "--server-side", "--force-conflicts", "--field-manager=e2e", "-f", "-"}, list.dump());
    ASSERT_EQ(done.code, 0) << done.err;
  }

  // What each cluster of the batch is to be, to begin with and later: children are made, changed and taken away.
  void apply_clusters(std::span<const Case> batch, bool later) const {
    Json items = Json::array();
    for (const Case& each : batch) {
      Json roles = three_roles();
      for (Json& role : roles) {
        role["replicas"] = 0;
      }
      // What is read only where it is lost from sight is still asked for then; a Job is there in an upgrade only.
      const bool changes = later && (each.missing.verb != "get" || each.missing.resource == "jobs");
      if (!changes) {
        roles[1].erase("replicas");
        roles[1]["resources"] = {{"requests", {{"cpu", "100m"}}}};
        roles[1]["autoscaling"] = {{"maxReplicas", 2}, {"cpu", 80}};
        roles[2].erase("replicas");
        roles[2]["autoscaling"] = {{"maxReplicas", 2}, {"backlog", {{"target", 5}}}};
      }
      Json from = {{"configMapKeyRef", {{"name", "settings"}, {"key", "TZ"}}}};
      roles[0]["env"] = Json::array({Json{{"name", "TZ"}, {"valueFrom", std::move(from)}}});
      if (changes) {
        roles.erase(2);
        roles[0]["env"].push_back({{"name", "LOGGER_LEVEL"}, {"value", "debug"}});
        items.push_back(cluster("crm", std::move(roles)));
        items.back()["spec"]["image"] = "nocobase/nocobase:2.2.16-full";  // its upgrade has a Job
      } else {
        roles[0]["disruptionBudget"] = {{"maxUnavailable", 1}};
        items.push_back(cluster("crm", std::move(roles)));
        Json& spec = items.back()["spec"];
        spec["ingress"] = {{"host", each.ns + ".example.com"}};
        spec["gateway"] = {{"parentRefs", Json::array({Json{{"name", "public"}}})},
                           {"hostnames", Json::array({each.ns + ".example.com"})}};
        spec["networkPolicy"] = {{"enabled", true}};
        spec["monitoring"] = {{"enabled", true}, {"podMonitor", true}};
      }
      items.back()["metadata"]["namespace"] = each.ns;
    }
    apply_all(std::move(items));
  }

  // Takes the label by which the operator's watches find its objects from those that it may not read. What it sees
  // without that label is deleted: before it is made again, it is looked for.
  static void hide_what_may_not_be_read(std::span<const Case> batch) {
    for (const Case& each : batch) {
      const Right& right = each.missing;
      if (right.verb == "get") {
        const std::string kind = right.resource + (right.group.empty() ? "" : "." + right.group);
        const bool seen = right.resource == "horizontalpodautoscalers" || right.resource == "scaledobjects";
        (void)cp().kubectl(
            seen ? std::vector<std::string>{"delete", kind, "--all", "-n", each.ns}
                 : std::vector<std::string>{"label", kind, "--all", "-n", each.ns, "app.kubernetes.io/managed-by-"});
      }
    }
  }

  // Whether there is by now what the operator may not delete later.
  [[nodiscard]] static bool has_what_it_may_not_delete(const Case& of) {
    const Right& right = of.missing;
    const std::size_t per_role = right.resource == "deployments" || right.resource == "nocobaseroles" ? 3 : 1;
    return right.verb == "delete" && cp().list(right.resource + "." + right.group, of.ns).size() >= per_role;
  }

  // Marks the cases whose loss is told by now; returns how many are not, but for those that can only be told later.
  static std::size_t look(std::span<Case> batch, bool later) {
    std::map<std::string, Json> clusters;
    for (Json& object : at(Json::parse(cp().kubectl({"get", "nbc", "-A", "-o", "json"}).out, nullptr, false), "/items",
                           std::vector<Json>())) {
      const std::string in = text_at(object, "/metadata/namespace");
      clusters[in] = std::move(object);
    }
    std::size_t left = 0;
    for (Case& each : batch) {
      const Json& object = clusters[each.ns];
      const std::string refusal = each.missing.refusal();
      const auto says = [&](const std::string& text) { return text.find(refusal) != std::string::npos; };
      each.noticed = each.noticed || (each.missing.told() == Told::in_status
                                          ? says(messages(object))
                                          : says(each.one->http("/readyz")) && log_says(*each.one, refusal));
      const bool can_wait = has_what_it_may_not_delete(each) || each.missing.resource == "jobs" ||  // of the upgrade
                            each.missing.verb == "get";
      if (!each.noticed && (later || !can_wait)) {
        ++left;
      }
    }
    return left;
  }

  // The log quotes a text that has quotes in it.
  [[nodiscard]] static bool log_says(const OwnOperator& one, const std::string& text) {
    const std::string quoted = Json(text).dump();
    return one.log().find(quoted.substr(1, quoted.size() - 2)) != std::string::npos;
  }

  [[nodiscard]] static std::string unnoticed(std::span<const Case> batch) {
    std::string out;
    for (const Case& each : batch) {
      if (!each.noticed) {
        out += each.missing.verb + " " + each.missing.resource + ", whose cluster says:\n" +
               messages(cp().find("nbc", each.ns, "crm").value_or(Json())) +
               "and /readyz: " + each.one->http("/readyz");
      }
    }
    return out;
  }

  std::vector<Right> rights_;
  std::vector<Case> cases_;
};

TEST_F(RightsTest, each_right_that_is_missing_is_named) {
  ASSERT_NO_FATAL_FAILURE(prepare());
  const Server real = api_server();
  // A cluster or a Job is read only when it is not known what became of a write to it.
  const auto losing = [](std::string_view write, std::string_view path) {
    return [write, path](std::string_view method, std::string_view target) {
      return method == write && target.find(path) != std::string_view::npos ? Fault::lose_reply : Fault::none;
    };
  };
  FaultProxy status_lost({.server = real.url, .ca_file = cp().file("pki/ca.crt")});
  status_lost.choose_faults(losing("PATCH", "/nocobaseclusters/crm/status"));
  FaultProxy job_lost({.server = real.url, .ca_file = cp().file("pki/ca.crt")});
  job_lost.choose_faults(losing("POST", "/jobs"));
  // A kind is listed only where the server knows no streaming lists.
  FaultProxy older({.server = real.url, .ca_file = cp().file("pki/ca.crt")});
  older.choose_faults([](std::string_view, std::string_view target) {
    return target.find("sendInitialEvents=true") != std::string_view::npos ? Fault::unprocessable : Fault::none;
  });
  const auto server_for = [&](const Right& missing) {
    if (missing.verb == "list") {
      return Server{older.url(), older.ca_pem()};
    }
    if (missing.verb == "get" && missing.resource == "nocobaseclusters") {
      return Server{status_lost.url(), status_lost.ca_pem()};
    }
    if (missing.verb == "get" && missing.resource == "jobs") {
      return Server{job_lost.url(), job_lost.ca_pem()};
    }
    return real;
  };
  constexpr std::size_t at_once = 12;  // gentle to a small machine
  for (std::size_t from = 0; from < cases_.size(); from += at_once) {
    const std::span<Case> batch(cases_.begin() + static_cast<std::ptrdiff_t>(from),
                                std::min(at_once, cases_.size() - from));
    for (Case& each : batch) {
      ASSERT_NO_FATAL_FAILURE(each.one->start(kubeconfig_of(each.ns, "operator", server_for(each.missing)),
                                              {"--namespace", each.ns, "--lease-namespace", each.ns}));
    }
    ASSERT_NO_FATAL_FAILURE(apply_clusters(batch, false));
    for (const bool later : {false, true}) {
      if (later) {
        hide_what_may_not_be_read(batch);
      }
      ASSERT_NO_FATAL_FAILURE(apply_clusters(batch, later));
      EXPECT_TRUE(wait_for("each loss is told", seconds(90),
                           [&] { return look(batch, later) == 0 ? std::string() : unnoticed(batch); }));
    }
    for (Case& each : batch) {
      each.one->stop(SIGTERM);
    }
  }
  std::cout << cases_.size() << " rights\n";
}

}  // namespace

}  // namespace nocobase_operator::e2e
