#include "app/observe.h"

#include <gtest/gtest.h>

#include "app/names.h"
#include "base/base64.h"
#include "base/hash.h"
#include "kube/owned.h"

namespace nocobase_operator::app {
namespace {

using kube::Kind;

constexpr Instant read_at{Millis(5)};

Json object(const char* api_version, const char* kind, const char* name) {
  return {{"apiVersion", api_version},
          {"kind", kind},
          {"metadata", {{"name", name}, {"namespace", "apps"}, {"uid", "u1"}, {"resourceVersion", "12"}}}};
}

template <class T>
T pruned(const Json& value) {
  return std::get<T>(prune(value, std::nullopt, read_at).value());
}

template <class T>
T detail(const Json& value) {
  return std::get<T>(pruned<SeenChild>(value).detail);
}

TEST(Observe, AClusterKeepsSpecAndStatusAsText) {
  Json cluster = object("nocobase.com/v1alpha1", "NocoBaseCluster", "crm");
  cluster["metadata"]["generation"] = 3;
  cluster["metadata"]["managedFields"] = Json::array({1});
  cluster["spec"] = {{"image", "x"}};
  cluster["status"] = {{"phase", "Running"}};
  const SeenCluster seen = pruned<SeenCluster>(cluster);
  EXPECT_EQ(kube::parse_json(seen.text).value(),
            (Json{{"apiVersion", "nocobase.com/v1alpha1"},
                  {"kind", "NocoBaseCluster"},
                  {"metadata", {{"name", "crm"}, {"namespace", "apps"}, {"uid", "u1"}, {"generation", 3}}},
                  {"spec", {{"image", "x"}}},
                  {"status", {{"phase", "Running"}}}}));
  EXPECT_EQ(seen.meta.version, 12U);
  EXPECT_EQ(key_of(Seen(seen)), (ClusterKey{"apps", "crm"}));
}

Json owned_deployment() {
  Json value = object("apps/v1", "Deployment", "crm-web");
  Json& meta = value["metadata"];
  meta["generation"] = 4;
  meta["labels"] = {{std::string(label_managed_by), manager}, {std::string(label_instance), "crm"}};
  meta["annotations"] = {{std::string(annotation_applied), "00000000000000ff"}, {std::string(annotation_epoch), "6"}};
  meta["ownerReferences"] = {{{"apiVersion", "nocobase.com/v1alpha1"},
                              {"kind", "NocoBaseCluster"},
                              {"name", "crm"},
                              {"uid", "u0"},
                              {"controller", true}}};
  meta["managedFields"] = {
      {{"manager", manager},
       {"operation", "Apply"},
       {"apiVersion", "apps/v1"},
       {"fieldsType", "FieldsV1"},
       {"fieldsV1",
        {{"f:spec",
          {{"f:replicas", Json::object()}, {"f:template", {{"f:spec", {{"f:nodeName", Json::object()}}}}}}}}}}};
  value["spec"] = {
      {"replicas", 2}, {"paused", false}, {"template", {{"spec", {{"nodeName", "n"}, {"hostname", "h"}}}}}};
  value["status"] = {
      {"observedGeneration", 4},
      {"replicas", 3},
      {"updatedReplicas", 1},
      {"readyReplicas", 2},
      {"availableReplicas", 2},
      {"conditions",
       {{{"type", "Progressing"},
         {"status", "True"},
         {"reason", "ReplicaSetUpdated"},
         {"lastUpdateTime", "2026-01-01T00:00:10Z"}},
        {{"type", "ReplicaFailure"}, {"status", "True"}, {"reason", "FailedCreate"}, {"message", "exceeded\nquota"}}}}};
  return value;
}

TEST(Observe, ADeployment) {
  const Json value = owned_deployment();
  const SeenChild seen = pruned<SeenChild>(value);
  const Json ours = {{"spec", {{"replicas", 2}, {"template", {{"spec", {{"nodeName", "n"}}}}}}}};
  EXPECT_EQ(seen.cluster, "crm");
  EXPECT_EQ(seen.applied, 0xffU);
  EXPECT_EQ(seen.epoch, 6);
  EXPECT_TRUE(seen.watched);
  EXPECT_EQ(seen.owned, kube::content_hash(Kind::deployment, ours, annotation_applied));
  EXPECT_EQ(std::get<SeenDeployment>(seen.detail),
            (SeenDeployment{.spec_replicas = 2,
                            .observed_generation = 4,
                            .replicas = 3,
                            .updated = 1,
                            .ready = 2,
                            .available = 2,
                            .failure = "exceeded quota",
                            .progress = "ReplicaSetUpdated",
                            .progressed_at = std::chrono::sys_seconds(Seconds(1'767'225'610)),
                            .template_hash = template_hash(ours)}));
  EXPECT_NE(template_hash(ours), 0U);
  EXPECT_EQ(template_hash(Json::object()), 0U);
}

TEST(Observe, WhatNobodyAppliedIsNotOwned) {
  Json value = owned_deployment();
  value["metadata"].erase("managedFields");
  value["metadata"].erase("annotations");
  value["metadata"].erase("ownerReferences");
  value["metadata"]["labels"].erase(std::string(label_managed_by));
  const SeenChild seen = pruned<SeenChild>(value);
  EXPECT_EQ(seen.owned, 0U);
  EXPECT_EQ(seen.applied, 0U);
  EXPECT_EQ(seen.epoch, 0);
  EXPECT_FALSE(seen.watched);
  EXPECT_EQ(key_of(Seen(seen)), (ClusterKey{"apps", "crm"}));
}

TEST(Observe, AnEpochThatIsNoneIsNone) {
  for (const char* const epoch : {"", "-1", "x", "1x", " 1", "99999999999999999999", "0"}) {
    SCOPED_TRACE(epoch);
    Json value = owned_deployment();
    value["metadata"]["annotations"][std::string(annotation_epoch)] = epoch;
    EXPECT_EQ(pruned<SeenChild>(value).epoch, 0);
  }
}

TEST(Observe, ARole) {
  Json value = object("nocobase.com/v1alpha1", "NocoBaseRole", "crm-web");
  EXPECT_EQ(detail<SeenRole>(value), (SeenRole{.intent = {}, .intent_by = "", .status_hash = status_hash(Json())}));
  value["spec"] = {{"replicas", 3}};
  value["status"] = {{"selector", "a=b"}};
  const auto entry = [](std::string_view by) {
    return Json{{"manager", by},
                {"operation", "Apply"},
                {"apiVersion", "nocobase.com/v1alpha1"},
                {"fieldsType", "FieldsV1"},
                {"fieldsV1", {{"f:spec", {{"f:replicas", Json::object()}}}}}};
  };
  value["metadata"]["managedFields"] = Json::array({entry(intent_manager)});
  EXPECT_EQ(detail<SeenRole>(value), (SeenRole{.intent = 3,
                                               .main_owns_intent = false,
                                               .intent_manager_owns = true,
                                               .selectable = true,
                                               .intent_by = "",
                                               .status_hash = status_hash(value["status"])}));
  value["metadata"]["managedFields"] = Json::array({entry(manager)});
  EXPECT_TRUE(detail<SeenRole>(value).main_owns_intent);
}

TEST(Observe, WhoElseHasSetTheNumberOfARole) {
  Json value = object("nocobase.com/v1alpha1", "NocoBaseRole", "crm-web");
  value["spec"] = {{"replicas", 3}};
  const auto entry = [](std::string_view by, const char* operation) {
    return Json{{"manager", by},
                {"operation", operation},
                {"subresource", "scale"},
                {"time", "2026-01-31T12:00:00Z"},
                {"fieldsV1", {{"f:spec", {{"f:replicas", Json::object()}}}}}};
  };
  value["metadata"]["managedFields"] = Json::array({entry(manager, "Apply"), entry(intent_manager, "Apply")});
  EXPECT_EQ(detail<SeenRole>(value).intent_by, "");
  value["metadata"]["managedFields"].push_back(entry("kube-controller-manager", "Update"));
  EXPECT_EQ(detail<SeenRole>(value).intent_by, "kube-controller-manager");
  EXPECT_EQ(to_rfc3339(detail<SeenRole>(value).intent_at), "2026-01-31T12:00:00Z");
}

TEST(Observe, AnAutoscaler) {
  Json value = object("autoscaling/v2", "HorizontalPodAutoscaler", "web");
  value["metadata"]["labels"] = {{std::string(label_instance), "crm"}};
  value["spec"]["scaleTargetRef"] = {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", "crm-web"}};
  const auto seen = pruned<SeenChild>(value);
  EXPECT_EQ(seen.cluster, "") << "the instance of something else";
  EXPECT_EQ(std::get<SeenScaler>(seen.detail), (SeenScaler{"Deployment", "crm-web", ""}));
  EXPECT_EQ(scaled_by(seen), (kube::Ref{Kind::deployment, "apps", "crm-web"}));
  const auto condition = [](const char* type, const char* status, const char* reason) {
    return Json{{"type", type}, {"status", status}, {"reason", reason}};
  };
  value["status"]["conditions"] = Json::array({condition("AbleToScale", "True", "ReadyForNewScale"),
                                               condition("ScalingActive", "False", "FailedGetResourceMetric"),
                                               condition("ScalingLimited", "False", "DesiredWithinRange")});
  EXPECT_EQ(detail<SeenScaler>(value).problem, "FailedGetResourceMetric");

  Json of_keda = object("keda.sh/v1alpha1", "ScaledObject", "web");
  of_keda["metadata"]["labels"] = {{std::string(label_instance), "crm"}, {std::string(label_managed_by), manager}};
  of_keda["spec"]["scaleTargetRef"] = {{"name", "crm-web"}};
  of_keda["status"]["conditions"] = Json::array(
      {condition("Ready", "False", "ScaledObjectCheckFailed"), condition("Active", "False", "ScalerNotActive")});
  EXPECT_EQ(pruned<SeenChild>(of_keda).cluster, "crm") << "ours";
  EXPECT_EQ(detail<SeenScaler>(of_keda), (SeenScaler{"Deployment", "crm-web", "ScaledObjectCheckFailed"}));
  of_keda["spec"]["scaleTargetRef"]["kind"] = "StatefulSet";
  EXPECT_EQ(scaled_by(pruned<SeenChild>(of_keda)), std::nullopt);
}

TEST(Observe, AClaim) {
  Json value = object("v1", "PersistentVolumeClaim", "crm-storage");
  value["spec"] = {{"resources", {{"requests", {{"storage", "1024Mi"}}}}}};
  value["status"] = {{"phase", "Bound"}};
  EXPECT_EQ(detail<SeenClaim>(value), (SeenClaim{"Bound", "1Gi"}));
}

TEST(Observe, ASecretTellsItsKeysAndNeverTheirValues) {
  struct Case {
    std::string_view name;
    Json data;
    std::set<std::string> keys;
    std::string problem;
  };
  const char* const aes = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZg==";
  const Case cases[] = {
      {"usable", {{"APP_KEY", "czNjcjN0"}, {"APP_AES_SECRET_KEY", aes}}, {"APP_AES_SECRET_KEY", "APP_KEY"}, ""},
      {"an empty value is none", {{"APP_KEY", ""}, {"APP_AES_SECRET_KEY", aes}}, {"APP_AES_SECRET_KEY"}, ""},
      {"no base64 is none", {{"APP_KEY", "a"}, {"x", 3}}, {}, ""},
      {"placeholder", {{"APP_KEY", "eW91ci1zZWNyZXQta2V5"}}, {"APP_KEY"}, "APP_KEY is the placeholder of an example"},
      {"line break", {{"APP_KEY", "czNjcjN0Cg=="}}, {"APP_KEY"}, "APP_KEY ends with a line break"},
      {"short AES",
       {{"APP_AES_SECRET_KEY", "YWJj"}},
       {"APP_AES_SECRET_KEY"},
       "APP_AES_SECRET_KEY is not 64 hexadecimal digits"},
      {"others are not judged", {{"password", "Cg=="}}, {"password"}, ""},
  };
  for (const Case& item : cases) {
    SCOPED_TRACE(item.name);
    Json value = object("v1", "Secret", "crm-keys");
    value["metadata"]["labels"] = {{std::string(label_managed_by), manager}};
    value["data"] = item.data;
    const SeenChild seen = pruned<SeenChild>(value);
    const auto& secret = std::get<SeenSecret>(seen.detail);
    std::set<std::string> keys;
    for (const auto& [name, hash] : secret.entries) {
      if (hash != 0) {
        keys.insert(name);
      }
    }
    EXPECT_EQ(keys, item.keys);
    EXPECT_EQ(secret.problem, item.problem);
    EXPECT_EQ(secret.fingerprint.size(), item.name == "usable" ? 16U : 0U);
    EXPECT_FALSE(seen.watched) << "no watch shows Secrets";
    EXPECT_EQ(seen.read_at, read_at);
  }
}

// Decoded as hexadecimal digits, any other text would be cut short without a word.
TEST(Observe, AnAesKeyIs64HexadecimalDigits) {
  struct Case {
    std::string_view name;
    std::string value;
    bool usable;
  };
  const std::string digits(63, 'a');
  const Case cases[] = {
      {"lower case", digits + "0", true},
      {"upper case", std::string(64, 'F'), true},
      {"a digit short", digits, false},
      {"a digit too many", digits + "00", false},
      {"0x before 64", "0x" + digits + "0", false},
      {"0x among 64", "0x" + digits.substr(1), false},
      {"a blank before them", " " + digits, false},
      {"32 bytes in base64", encode_base64(std::string(32, '\xA5')), false},
  };
  for (const Case& item : cases) {
    SCOPED_TRACE(item.name);
    Json value = object("v1", "Secret", "crm-keys");
    value["data"]["APP_AES_SECRET_KEY"] = encode_base64(item.value);
    EXPECT_EQ(detail<SeenSecret>(value).problem, item.usable ? "" : "APP_AES_SECRET_KEY is not 64 hexadecimal digits");
  }
}

TEST(Observe, AFingerprintTellsKeysApart) {
  const auto fingerprint = [](const char* key) {
    Json value = object("v1", "Secret", "crm-keys");
    value["data"] = {{"APP_KEY", key}, {"APP_AES_SECRET_KEY", "YWJj"}};
    return detail<SeenSecret>(value).fingerprint;
  };
  EXPECT_EQ(fingerprint("czNjcjN0"), fingerprint("czNjcjN0"));
  EXPECT_NE(fingerprint("czNjcjN0"), fingerprint("czNjcjN1"));
}

TEST(Observe, AnEntryIsTheSameExactlyIfItsValueIs) {
  Json secret = object("v1", "Secret", "pg");
  secret["data"] = {{"a", "czNjcjN0"}, {"b", "czNjcjN0"}, {"c", "czNjcjN1"}, {"empty", ""}};
  const SeenEntries entries = detail<SeenSecret>(secret).entries;
  EXPECT_EQ(entries.at("a"), entries.at("b"));
  EXPECT_NE(entries.at("a"), entries.at("c"));
  EXPECT_EQ(entries.at("empty"), 0U);
  Json config = object("v1", "ConfigMap", "settings");
  config["metadata"]["labels"] = {{std::string(label_managed_by), manager}};
  config["data"] = {{"a", "s3cr3t"}, {"empty", ""}};
  config["binaryData"] = {{"b", "czNjcjN0"}};
  const SeenChild seen = pruned<SeenChild>(config);
  EXPECT_EQ(std::get<SeenConfig>(seen.detail).entries,
            (SeenEntries{{"a", entries.at("a")}, {"b", entries.at("a")}, {"empty", 0}}));
  EXPECT_FALSE(seen.watched) << "no watch shows ConfigMaps";
}

TEST(Observe, TheKeyOfContentHashesComesFromOneKeyAlone) {
  const auto content_key = [](const Json& data) {
    Json value = object("v1", "Secret", "crm-keys");
    value["data"] = data;
    return detail<SeenSecret>(value).content_key;
  };
  const std::string key = content_key({{"APP_AES_SECRET_KEY", "YWJj"}});
  EXPECT_EQ(key.size(), 32U);
  EXPECT_EQ(content_key({{"APP_AES_SECRET_KEY", "YWJj"}, {"APP_KEY", "czNjcjN0"}}), key);
  EXPECT_NE(content_key({{"APP_AES_SECRET_KEY", "YWJk"}}), key);
  EXPECT_EQ(content_key({{"APP_KEY", "czNjcjN0"}}), "");
}

TEST(Observe, ADeploymentTellsTheContentItsPodsWereMadeOf) {
  Json value = object("apps/v1", "Deployment", "crm-web");
  const std::string name(annotation_content);
  value["spec"]["template"]["metadata"]["annotations"][name] = "00000000000000ff";
  EXPECT_EQ(detail<SeenDeployment>(value).content, 0U) << "somebody else's";
  Json& fields = value["metadata"]["managedFields"];
  fields = {{{"manager", manager}, {"operation", "Apply"}, {"fieldsV1", Json::object()}}};
  fields[0]["fieldsV1"]["f:spec"]["f:template"]["f:metadata"]["f:annotations"]["f:" + name] = Json::object();
  EXPECT_EQ(detail<SeenDeployment>(value).content, 0xFFU);
}

Json pod() {
  Json value = object("v1", "Pod", "crm-web-1");
  value["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z";
  value["metadata"]["labels"] = {{std::string(label_instance), "crm"}, {std::string(label_component), "web"}};
  value["spec"] = {{"nodeName", "n1"},
                   {"containers", {{{"name", "sidecar"}, {"image", "s"}}, {{"name", container_name}, {"image", "i"}}}}};
  value["status"] = {{"phase", "Running"}};
  return value;
}

Json container(Json state, int restarts = 0, Json last = Json::object()) {
  return {{"name", container_name},
          {"ready", false},
          {"restartCount", restarts},
          {"state", std::move(state)},
          {"lastState", std::move(last)}};
}

TEST(Observe, APodThatIsReady) {
  Json value = pod();
  value["status"]["conditions"] = {
      {{"type", "Ready"}, {"status", "True"}, {"lastTransitionTime", "2026-01-01T00:01:00Z"}}};
  SeenPod want;
  want.meta = kube::read_meta(value).value();
  want.cluster = "crm";
  want.role = "web";
  want.image = "i";
  want.node = "n1";
  want.phase = "Running";
  want.ready = true;
  want.since = std::chrono::sys_seconds(Seconds(1'767'225'660));
  EXPECT_EQ(pruned<SeenPod>(value), want);
}

TEST(Observe, WhatKeepsAPodFromBeingReady) {
  struct Case {
    std::string_view name;
    Json status;
    std::string reason;
    std::string message;
    std::optional<std::int32_t> exit_code;
  };
  const Json ended = {{"terminated", {{"exitCode", 137}, {"reason", "OOMKilled"}}}};
  const auto waiting = [](const char* reason, const char* message) {
    return Json{{"waiting", {{"reason", reason}, {"message", message}}}};
  };
  const Case cases[] = {
      {"unschedulable",
       {{"conditions",
         {{{"type", "PodScheduled"}, {"status", "False"}, {"reason", "Unschedulable"}, {"message", "0/3 nodes"}}}}},
       "Unschedulable",
       "0/3 nodes",
       {}},
      {"evicted",
       {{"phase", "Failed"}, {"reason", "Evicted"}, {"message", "low on disk"}},
       "Evicted",
       "low on disk",
       {}},
      {"pull, first try",
       {{"containerStatuses", {container(waiting("ErrImagePull", "rpc error: denied"))}}},
       "ImagePullBackOff",
       "rpc error: denied",
       {}},
      {"pull, between tries",
       {{"containerStatuses",
         {container(waiting("ImagePullBackOff", "Back-off pulling image \"x\": ErrImagePull: rpc error: denied"))}}},
       "ImagePullBackOff",
       "rpc error: denied",
       {}},
      {"missing key",
       {{"containerStatuses", {container(waiting("CreateContainerConfigError", "couldn't find key"))}}},
       "CreateContainerConfigError",
       "couldn't find key",
       {}},
      {"crash, waiting for the next try",
       {{"containerStatuses", {container(waiting("CrashLoopBackOff", "back-off 20s"), 2, ended)}}},
       "CrashLoopBackOff",
       "OOMKilled",
       137},
      {"crash, in the next try",
       {{"containerStatuses", {container({{"running", Json::object()}}, 2, ended)}}},
       "CrashLoopBackOff",
       "OOMKilled",
       137},
      {"ended for the first time", {{"containerStatuses", {container(ended)}}}, "OOMKilled", "", 137},
      {"starting", {{"containerStatuses", {container(waiting("ContainerCreating", ""))}}}, "ContainerCreating", "", {}},
      {"running", {{"containerStatuses", {container({{"running", Json::object()}})}}}, "", "", {}},
      {"an init container fails",
       {{"initContainerStatuses",
         {{{"name", "fix"}, {"ready", false}, {"state", waiting("ImagePullBackOff", "Back-off")}}}},
        {"containerStatuses", {container(waiting("PodInitializing", ""))}}},
       "ImagePullBackOff",
       "container fix",
       {}},
      {"a container that is ready is not to blame",
       {{"containerStatuses",
         {{{"name", "sidecar"}, {"ready", true}, {"restartCount", 4}, {"lastState", ended}},
          container({{"running", Json::object()}})}}},
       "",
       "",
       {}},
      {"nothing is known", Json::object(), "", "", {}},
  };
  for (const Case& item : cases) {
    SCOPED_TRACE(item.name);
    Json value = pod();
    value["status"].update(item.status);
    const SeenPod seen = pruned<SeenPod>(value);
    EXPECT_FALSE(seen.ready);
    EXPECT_EQ(seen.reason, item.reason);
    EXPECT_EQ(seen.message, item.message);
    EXPECT_EQ(seen.exit_code, item.exit_code);
  }
}

TEST(Observe, ForeignTextIsCutBetweenCharacters) {
  Json value = pod();
  std::string text(251, 'x');
  text += "äöü and more";
  value["status"].update({{"reason", "Evicted"}, {"message", text}});
  EXPECT_EQ(pruned<SeenPod>(value).message, std::string(251, 'x') + "ä…");
}

TEST(Observe, SurvivesObjectsOfAnyShape) {
  for (const char* const kind : {"Pod", "Secret", "PersistentVolumeClaim", "Service"}) {
    for (const Json& part : {Json(), Json(3), Json("x"), Json::array({1, "x", Json::object()}),
                             Json{{"conditions", 3}, {"containers", Json::array({3})}, {"containerStatuses", "x"}}}) {
      Json value = object("v1", kind, "x");
      value["spec"] = part;
      value["status"] = part;
      value["data"] = part;
      EXPECT_TRUE(prune(value, std::nullopt, read_at).ok());
    }
  }
  EXPECT_FALSE(prune(Json(3), Kind::pod, read_at).ok());
  EXPECT_FALSE(prune(object("v1", "Node", "x"), std::nullopt, read_at).ok());
  EXPECT_FALSE(prune(object("coordination.k8s.io/v1", "Lease", "x"), std::nullopt, read_at).ok());
}

TEST(Observe, AnItemOfAListHasTheKindThatWasAskedFor) {
  Json value = pod();
  value.erase("kind");
  value.erase("apiVersion");
  EXPECT_EQ(meta_of(prune(value, Kind::pod, read_at).value()).ref, (kube::Ref{Kind::pod, "apps", "crm-web-1"}));
}

}  // namespace
}  // namespace nocobase_operator::app
