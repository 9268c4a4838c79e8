#include "kube/kind.h"

#include <array>

#include <gtest/gtest.h>

#include "kube/call.h"

namespace nocobase_operator::kube {
namespace {

struct Case {
  Kind kind;
  std::string_view api_version;
  std::string_view name;
  std::string_view plural;
  bool built_in;
};

constexpr std::array<Case, 20> cases{{
    {Kind::nocobase_cluster, "nocobase.com/v1alpha1", "NocoBaseCluster", "nocobaseclusters", false},
    {Kind::nocobase_role, "nocobase.com/v1alpha1", "NocoBaseRole", "nocobaseroles", false},
    {Kind::deployment, "apps/v1", "Deployment", "deployments", true},
    {Kind::pod, "v1", "Pod", "pods", true},
    {Kind::service, "v1", "Service", "services", true},
    {Kind::service_account, "v1", "ServiceAccount", "serviceaccounts", true},
    {Kind::secret, "v1", "Secret", "secrets", true},
    {Kind::config_map, "v1", "ConfigMap", "configmaps", true},
    {Kind::persistent_volume_claim, "v1", "PersistentVolumeClaim", "persistentvolumeclaims", true},
    {Kind::job, "batch/v1", "Job", "jobs", true},
    {Kind::lease, "coordination.k8s.io/v1", "Lease", "leases", true},
    {Kind::event, "events.k8s.io/v1", "Event", "events", true},
    {Kind::pod_disruption_budget, "policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", true},
    {Kind::horizontal_pod_autoscaler, "autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", true},
    {Kind::ingress, "networking.k8s.io/v1", "Ingress", "ingresses", true},
    {Kind::network_policy, "networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", true},
    {Kind::http_route, "gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes", false},
    {Kind::pod_monitor, "monitoring.coreos.com/v1", "PodMonitor", "podmonitors", false},
    {Kind::scaled_object, "keda.sh/v1alpha1", "ScaledObject", "scaledobjects", false},
    {Kind::trigger_authentication, "keda.sh/v1alpha1", "TriggerAuthentication", "triggerauthentications", false},
}};

TEST(Kind, HasItsNamesAndIsFoundByThem) {
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(api_version(c.kind), c.api_version);
    EXPECT_EQ(info(c.kind).kind, c.name);
    EXPECT_EQ(info(c.kind).plural, c.plural);
    EXPECT_EQ(is_built_in(c.kind), c.built_in);
    EXPECT_EQ(kind_of(c.api_version, c.name), c.kind);
  }
}

TEST(Kind, IsOptionalWhereOtherSoftwareBringsIt) {
  std::vector<Kind> optional;
  for (int i = 0; i <= static_cast<int>(Kind::trigger_authentication); ++i) {
    if (is_optional(static_cast<Kind>(i))) {
      optional.push_back(static_cast<Kind>(i));
    }
  }
  EXPECT_EQ(optional, (std::vector<Kind>{Kind::http_route, Kind::pod_monitor, Kind::scaled_object,
                                         Kind::trigger_authentication}));
}

TEST(Kind, OfAnotherGroupOrVersionIsNotOurs) {
  EXPECT_EQ(kind_of("apps/v1beta1", "Deployment"), std::nullopt);
  EXPECT_EQ(kind_of("v1", "Deployment"), std::nullopt);
  EXPECT_EQ(kind_of("/v1", "Pod"), std::nullopt);
  EXPECT_EQ(kind_of("v1", "Event"), std::nullopt);  // the core group's events are another resource
  EXPECT_EQ(kind_of("networking.k8s.io/v1", "HTTPRoute"), std::nullopt);
  EXPECT_EQ(kind_of("v1", "pod"), std::nullopt);
  EXPECT_EQ(kind_of("", ""), std::nullopt);
}

TEST(Ref, ReadsAsKindNamespaceName) {
  EXPECT_EQ(to_string({Kind::deployment, "crm", "crm-web"}), "Deployment crm/crm-web");
  EXPECT_EQ(to_string({Kind::deployment, "", "crm-web"}), "Deployment crm-web");
}

TEST(Verb, OnlyGetChangesNothing) {
  struct VerbCase {
    Verb verb;
    std::string_view name;
    bool write;
  };
  for (const VerbCase& c : {VerbCase{Verb::get, "get", false}, VerbCase{Verb::apply, "apply", true},
                            VerbCase{Verb::apply_status, "apply_status", true}, VerbCase{Verb::create, "create", true},
                            VerbCase{Verb::update, "update", true}, VerbCase{Verb::remove, "remove", true}}) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(name_of(c.verb), c.name);
    EXPECT_EQ(is_write(c.verb), c.write);
  }
}

}  // namespace
}  // namespace nocobase_operator::kube
