#include "app/pod.h"

#include <gtest/gtest.h>

#include "app/names.h"
#include "app/setup.h"
#include "unit/app/render_samples.h"

namespace nocobase_operator::app {
namespace {

Json parsed(const char* text) {
  auto json = kube::parse_json(text);
  return json.ok() ? std::move(json).value() : Json(json.error().what);
}

Json pod_of(const Cluster& cluster, std::size_t role = 0) {
  auto pod = pod_template(cluster, cluster.spec.roles[role], "!");
  return pod.ok() ? std::move(pod).value() : Json(pod.error().what);
}

Json container_of(const Cluster& cluster, std::size_t role = 0) {
  return pod_of(cluster, role)["spec"]["containers"][0];
}

std::string error_of(const Cluster& cluster) {
  auto pod = pod_template(cluster, cluster.spec.roles[0], "!");
  return pod.ok() ? "(none)" : pod.error().what;
}

// Arguments of the drain hook.
std::pair<std::string, std::string> drain_of(const Cluster& cluster, std::size_t role = 0) {
  const Json command = container_of(cluster, role)["lifecycle"]["preStop"]["exec"]["command"];
  EXPECT_EQ(command.size(), 6U);
  EXPECT_EQ(command[0], "/bin/sh");
  EXPECT_EQ(command[1], "-c");
  EXPECT_EQ(command[2], drain_script());
  EXPECT_EQ(command[3], "drain");
  return {command[4].get<std::string>(), command[5].get<std::string>()};
}

TEST(PodTemplate, OnlyPodsThatServeRequestsCarryTheRequestsLabel) {
  const Cluster cluster = small_cluster();
  EXPECT_EQ(pod_of(cluster, 0)["metadata"]["labels"],
            parsed(R"({"app.kubernetes.io/name": "nocobase", "app.kubernetes.io/instance": "crm",
                       "app.kubernetes.io/component": "web", "app.kubernetes.io/part-of": "nocobase",
                       "app.kubernetes.io/managed-by": "nocobase-operator", "nocobase.com/requests": "true"})"));
  EXPECT_EQ(pod_of(cluster, 1)["metadata"]["labels"],
            parsed(R"({"app.kubernetes.io/name": "nocobase", "app.kubernetes.io/instance": "crm",
                       "app.kubernetes.io/component": "workflow", "app.kubernetes.io/part-of": "nocobase",
                       "app.kubernetes.io/managed-by": "nocobase-operator"})"));
}

TEST(PodTemplate, KeepsTheClusterAwayFromThePod) {
  const Json spec = pod_of(small_cluster())["spec"];
  EXPECT_EQ(spec["enableServiceLinks"], false);
  EXPECT_EQ(spec["automountServiceAccountToken"], false);
  EXPECT_EQ(spec["serviceAccountName"], "crm");
}

TEST(PodTemplate, TheDrainFitsIntoTheGracePeriod) {
  struct Case {
    const char* name;
    std::optional<std::int64_t> grace;
    std::int64_t want_grace;
    std::pair<std::string, std::string> want;
  };
  for (const Case& c : {Case{"a request role's default", {}, 70, {"5", "60"}}, Case{"long", 3600, 3600, {"5", "3590"}},
                        Case{"30 s", 30, 30, {"5", "20"}}, Case{"just enough", 11, 11, {"5", "1"}},
                        Case{"too short for a delay", 7, 7, {"2", "1"}}, Case{"none at all", 0, 0, {"0", "1"}}}) {
    SCOPED_TRACE(c.name);
    Cluster cluster = small_cluster();
    cluster.spec.roles[0].termination_grace_period_seconds = c.grace;
    EXPECT_EQ(pod_of(cluster)["spec"]["terminationGracePeriodSeconds"], c.want_grace);
    EXPECT_EQ(drain_of(cluster), c.want);
  }
  EXPECT_EQ(drain_of(small_cluster(), 1), (std::pair<std::string, std::string>{"5", "600"}));
}

TEST(PodTemplate, EveryProbeAsksTheHealthPath) {
  Cluster cluster = small_cluster();
  cluster.spec.env = {{"APP_PUBLIC_PATH", "/crm/", {}}};
  const Json container = container_of(cluster);
  const Json get = parsed(R"({"path": "/crm/api/__health_check", "port": 13000})");
  for (const char* name : {"startupProbe", "readinessProbe", "livenessProbe"}) {
    EXPECT_EQ(container[name]["httpGet"], get) << name;
  }
  const auto seconds = [&](const char* name) {
    return container[name]["periodSeconds"].get<int>() * container[name]["failureThreshold"].get<int>();
  };
  EXPECT_EQ(seconds("startupProbe"), 600);
  EXPECT_EQ(seconds("livenessProbe"), 600);
  EXPECT_EQ(seconds("readinessProbe"), 15);
}

// A probe that kills would break a migration off, however long it takes.
TEST(SetupPod, IsAskedWhetherItIsReadyAndNeverKilled) {
  const auto made = setup_pod(small_cluster(), "nocobase/nocobase:2.2.16-full", 3);
  ASSERT_TRUE(made.ok()) << made.error().what;
  const Json& pod = made.value();
  const Json& container = pod["spec"]["containers"][0];
  EXPECT_EQ(container["readinessProbe"]["httpGet"], parsed(R"({"path": "/api/__health_check", "port": 13000})"));
  EXPECT_FALSE(container.contains("startupProbe"));
  EXPECT_FALSE(container.contains("livenessProbe"));
  EXPECT_EQ(pod["spec"]["restartPolicy"], "Never");
  EXPECT_EQ(pod["metadata"]["annotations"]["cluster-autoscaler.kubernetes.io/safe-to-evict"], "false");
  EXPECT_FALSE(pod["metadata"]["labels"].contains(std::string(label_requests))) << "no user is sent to it";
  for (const Json& item : container["env"]) {
    EXPECT_NE(kube::string_at(item, {"name"}), "SKIP_SAME_VERSION_UPGRADE");
  }
}

TEST(PodTemplate, StorageIsSharedAndTheRestIsThePodsOwn) {
  const Json pod = pod_of(small_cluster());
  EXPECT_EQ(pod["spec"]["volumes"],
            parsed(R"([{"name": "storage", "persistentVolumeClaim": {"claimName": "crm-storage"}},
                                               {"name": "run", "emptyDir": {}}])"));
  EXPECT_EQ(pod["spec"]["containers"][0]["volumeMounts"],
            parsed(
                R"([{"name": "storage", "mountPath": "/app/nocobase/storage"},
                       {"name": "run", "mountPath": "/run/nocobase"}])"));
}

// rm -rf of a mount point fails with EBUSY, and that is what a start does with PM2_HOME.
TEST(PodTemplate, Pm2HomeIsBelowAMountAndNotOne) {
  const Json container = container_of(small_cluster());
  std::string home;
  for (const Json& item : container["env"]) {
    if (item["name"] == "PM2_HOME") {
      home = item["value"].get<std::string>();
    }
  }
  ASSERT_FALSE(home.empty());
  for (const Json& mount : container["volumeMounts"]) {
    EXPECT_NE(mount["mountPath"], home);
  }
}

TEST(PodTemplate, DatabaseCertificatesAreFiles) {
  Cluster cluster = small_cluster();
  cluster.spec.database.tls.emplace().ca = SecretKeyRef{"pg-tls", "root.pem"};
  const Json pod = pod_of(cluster);
  EXPECT_EQ(pod["spec"]["volumes"][2], parsed(R"({"name": "database-tls",
                       "projected": {"sources": [{"secret": {"name": "pg-tls",
                                                              "items": [{"key": "root.pem", "path": "ca.crt"}]}}]}})"));
  EXPECT_EQ(pod["spec"]["containers"][0]["volumeMounts"][2],
            parsed(R"({"name": "database-tls", "mountPath": "/etc/nocobase/database-tls", "readOnly": true})"));
  cluster.spec.database.tls = DatabaseTls{"require", {}, {}, {}, {}};
  EXPECT_EQ(pod_of(cluster)["spec"]["volumes"].size(), 2U);
}

TEST(PodTemplate, SpreadIsNeverAReasonNotToRun) {
  const Json selector = parsed(R"({"app.kubernetes.io/name": "nocobase", "app.kubernetes.io/instance": "crm",
                                   "app.kubernetes.io/component": "web"})");
  const Json constraints = pod_of(small_cluster())["spec"]["topologySpreadConstraints"];
  ASSERT_EQ(constraints.size(), 2U);
  for (const Json& constraint : constraints) {
    EXPECT_EQ(constraint["whenUnsatisfiable"], "ScheduleAnyway");
    EXPECT_EQ(constraint["labelSelector"]["matchLabels"], selector);
  }
}

TEST(PodTemplate, ImageSettings) {
  Cluster cluster = small_cluster();
  EXPECT_FALSE(container_of(cluster).contains("imagePullPolicy"));
  EXPECT_FALSE(pod_of(cluster)["spec"].contains("imagePullSecrets"));
  cluster.spec.image_pull_policy = "Always";
  cluster.spec.image_pull_secrets = {"a", "b"};
  EXPECT_EQ(container_of(cluster)["imagePullPolicy"], "Always");
  EXPECT_EQ(container_of(cluster)["image"], "nocobase/nocobase:2.2.15-full");
  EXPECT_EQ(pod_of(cluster)["spec"]["imagePullSecrets"], parsed(R"([{"name": "a"}, {"name": "b"}])"));
}

TEST(PodTemplate, MonitoringOpensAPort) {
  Cluster cluster = small_cluster();
  EXPECT_EQ(container_of(cluster)["ports"], parsed(R"([{"name": "http", "containerPort": 13000, "protocol": "TCP"}])"));
  cluster.spec.monitoring.emplace().enabled = true;
  EXPECT_EQ(container_of(cluster)["ports"][1],
            parsed(R"({"name": "metrics", "containerPort": 9464, "protocol": "TCP"})"));
}

TEST(PodTemplate, QuantitiesAreWrittenAsTheServerStoresThem) {
  Cluster cluster = small_cluster();
  cluster.spec.roles[0].resources =
      parsed(R"({"requests": {"cpu": 0.5, "memory": "1024Mi"}, "limits": {"cpu": "1000m"}})");
  cluster.spec.pod_template = parsed(R"({"spec": {
      "initContainers": [{"name": "i", "resources": {"limits": {"memory": "1e9"}}}],
      "volumes": [{"name": "v", "emptyDir": {"sizeLimit": "2048Mi"}}],
      "overhead": {"cpu": "0.1"}, "resources": {"requests": {"cpu": 2}}}})");
  const Json spec = pod_of(cluster)["spec"];
  EXPECT_EQ(spec["containers"][0]["resources"],
            parsed(R"({"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"cpu": "1"}})"));
  EXPECT_EQ(spec["initContainers"][0]["resources"]["limits"]["memory"], "1e9");
  EXPECT_EQ(spec["volumes"][2]["emptyDir"]["sizeLimit"], "2Gi");
  EXPECT_EQ(spec["overhead"]["cpu"], "100m");
  EXPECT_EQ(spec["resources"]["requests"]["cpu"], "2");
}

TEST(PodTemplate, NamesTheQuantityThatIsNone) {
  Cluster cluster = small_cluster();
  cluster.spec.roles[0].resources = parsed(R"({"requests": {"memory": "1gi"}})");
  EXPECT_EQ(error_of(cluster).rfind("role web: spec.containers[0].resources.requests.memory: ", 0), 0U)
      << error_of(cluster);
  cluster.spec.roles[0].resources = parsed(R"({"requests": {"memory": {}}})");
  EXPECT_EQ(error_of(cluster), "role web: spec.containers[0].resources.requests.memory: no quantity");
}

TEST(PodTemplate, TheRolesOverlayComesLast) {
  Cluster cluster = small_cluster();
  cluster.spec.pod_template =
      parsed(R"({"metadata": {"labels": {"team": "a", "tier": "app"}}, "spec": {"nodeSelector": {"a": "1"}}})");
  cluster.spec.roles[0].pod_template =
      parsed(R"({"metadata": {"labels": {"team": "b"}}, "spec": {"nodeSelector": {"a": "2"}}})");
  const Json pod = pod_of(cluster);
  EXPECT_EQ(pod["metadata"]["labels"]["team"], "b");
  EXPECT_EQ(pod["metadata"]["labels"]["tier"], "app");
  EXPECT_EQ(pod["spec"]["nodeSelector"]["a"], "2");
  EXPECT_EQ(pod_of(cluster, 1)["spec"]["nodeSelector"]["a"], "1");
}

TEST(PodTemplate, RefusesAnOverlayThatTakesWhatIsTheOperators) {
  struct Case {
    const char* name;
    const char* overlay;
    const char* want;
  };
  for (const Case& c : {
           Case{"WORKER_MODE as a role",
                R"({"spec": {"containers": [{"name": "nocobase",
                                            "env": [{"name": "WORKER_MODE", "value": "!,workflow:process"}]}]}})",
                "podTemplate of role web: the variable WORKER_MODE is reserved: in the role, write requests: true and "
                "services: "
                "[\"workflow:process\"]"},
           Case{"WORKER_MODE for workers",
                R"({"spec": {"containers": [{"name": "nocobase", "env": [{"name": "WORKER_MODE", "value": "*"}]}]}})",
                "podTemplate of role web: the variable WORKER_MODE is reserved: in the role, write requests: false and "
                "services: "
                "[\"*\"]"},
           Case{"a transient WORKER_MODE",
                R"({"spec": {"containers": [{"name": "nocobase", "env": [{"name": "WORKER_MODE", "value": "-"}]}]}})",
                "podTemplate of role web: the variable WORKER_MODE is reserved: no role can be written for its value, "
                "which "
                "serves nothing or a key with unusual characters"},
           Case{
               "WORKER_MODE from elsewhere",
               R"({"spec": {"containers": [{"name": "nocobase", "env": [{"name": "WORKER_MODE", "valueFrom": {}}]}]}})",
               "podTemplate of role web: the variable WORKER_MODE is reserved: write requests and services in the "
               "role, and "
               "the operator writes it"},
           Case{"another reserved variable",
                R"({"spec": {"containers": [{"name": "nocobase",
                                            "env": [{"name": "OK"}, {"name": "DB_HOST", "value": "x"}]}]}})",
                "podTemplate of role web: the variable DB_HOST is reserved: it belongs to the operator, which sets it "
                "from the "
                "fields of the spec"},
           Case{"the image", R"({"spec": {"containers": [{"name": "nocobase", "image": "x"}]}})",
                "podTemplate of role web: the container nocobase sets image; the application's image is spec.image, of "
                "one "
                "version in all roles"},
           Case{"a label of the selector", R"({"metadata": {"labels": {"app.kubernetes.io/component": "x"}}})",
                "podTemplate of role web: the label app.kubernetes.io/component is reserved: selectors rest on it"},
           Case{"taking a label away", R"({"metadata": {"labels": {"app.kubernetes.io/instance": null}}})",
                "podTemplate of role web: the label app.kubernetes.io/instance is reserved: selectors rest on it"},
           Case{"a wrong shape", R"({"spec": []})",
                "podTemplate of role web: it is no object with the objects metadata and spec"},
           Case{"a list", R"([])", "podTemplate of role web: it is no object with the objects metadata and spec"},
       }) {
    SCOPED_TRACE(c.name);
    Cluster cluster = small_cluster();
    cluster.spec.roles[0].pod_template = parsed(c.overlay);
    EXPECT_EQ(error_of(cluster), c.want);
    cluster.spec.pod_template = cluster.spec.roles[0].pod_template;
    EXPECT_EQ(error_of(cluster).rfind("spec.podTemplate: ", 0), 0U) << error_of(cluster);
  }
}

TEST(PodTemplate, NothingOfTheOperatorsIsTakenAwayWithNull) {
  struct Case {
    const char* overlay;
    const char* want;
  };
  for (const Case& c : {
           Case{R"({"metadata": null})", "it is no object with the objects metadata and spec"},
           Case{R"({"metadata": {"labels": null}})", "metadata.labels is no object"},
           Case{R"({"spec": null})", "it is no object with the objects metadata and spec"},
           Case{R"({"spec": {"containers": null}})", "spec.containers is no list"},
           Case{R"({"spec": {"containers": [{"name": "nocobase", "env": null}]}})",
                "env of the container nocobase is no list"},
       }) {
    SCOPED_TRACE(c.overlay);
    Cluster cluster = small_cluster();
    cluster.spec.pod_template = parsed(c.overlay);
    EXPECT_EQ(error_of(cluster), std::string("spec.podTemplate: ") + c.want);
  }
}

// Whatever stands in an overlay, it is merged or refused, and never a crash.
TEST(PodTemplate, TakesOverlaysOfAnyShape) {
  const std::vector<Json> values = {nullptr,
                                    true,
                                    1,
                                    0.5,
                                    "x",
                                    Json::array(),
                                    Json::object(),
                                    Json::array({1, nullptr, "x"}),
                                    Json::array({Json::object(), Json{{"name", 1}}, Json{{"name", "nocobase"}}})};
  const std::vector<std::string> paths = {"/metadata",
                                          "/metadata/labels",
                                          "/metadata/annotations",
                                          "/spec",
                                          "/spec/containers",
                                          "/spec/volumes",
                                          "/spec/overhead",
                                          "/spec/resources",
                                          "/spec/initContainers",
                                          "/spec/terminationGracePeriodSeconds",
                                          "/spec/topologySpreadConstraints",
                                          "/spec/containers/0/env",
                                          "/spec/containers/0/lifecycle",
                                          "/spec/containers/0/resources",
                                          "/spec/containers/0/resources/limits",
                                          "/spec/containers/0/ports",
                                          "/spec/volumes/0/emptyDir"};
  for (const std::string& path : paths) {
    for (const Json& value : values) {
      SCOPED_TRACE(path + " " + value.dump());
      Json overlay = Json::object();
      if (path.rfind("/spec/containers/0", 0) == 0) {
        overlay["spec"]["containers"] = Json::array({Json{{"name", "nocobase"}}});
      }
      if (path.rfind("/spec/volumes/0", 0) == 0) {
        overlay["spec"]["volumes"] = Json::array({Json{{"name", "run"}}});
      }
      overlay[Json::json_pointer(path)] = value;
      Cluster cluster = small_cluster();
      cluster.spec.pod_template = overlay;
      const auto pod = pod_template(cluster, cluster.spec.roles[0], "!");
      EXPECT_TRUE(pod.ok() || pod.error().code == Code::invalid);
    }
  }
}

TEST(PodTemplate, AnOverlaysGracePeriodIsTheDrainsToo) {
  Cluster cluster = small_cluster();
  cluster.spec.roles[0].pod_template = parsed(R"({"spec": {"terminationGracePeriodSeconds": 130}})");
  EXPECT_EQ(drain_of(cluster), (std::pair<std::string, std::string>{"5", "120"}));
  const Json own = parsed(R"({"preStop": {"sleep": {"seconds": 3}}})");
  cluster.spec.roles[0].pod_template->at("spec")["containers"] =
      Json::array({Json{{"name", "nocobase"}, {"lifecycle", own}}});
  EXPECT_EQ(container_of(cluster)["lifecycle"], own);
}

TEST(PodTemplate, AWorkerCannotBePutBehindTheService) {
  Cluster cluster = small_cluster();
  cluster.spec.roles[1].pod_template = parsed(R"({"metadata": {"labels": {"nocobase.com/requests": "true"}}})");
  const auto pod = pod_template(cluster, cluster.spec.roles[1], "workflow:process");
  ASSERT_FALSE(pod.ok());
  EXPECT_EQ(pod.error().what,
            "podTemplate of role workflow: the label nocobase.com/requests is reserved: selectors rest on it");
}

TEST(PodTemplate, ASidecarMayUseAnyVariableAndImage) {
  Cluster cluster = small_cluster();
  cluster.spec.pod_template = parsed(
      R"({"spec": {"containers": [{"name": "proxy", "image": "x", "env": [{"name": "DB_HOST", "value": "y"}]}]}})");
  const Json pod = pod_of(cluster);
  EXPECT_EQ(pod["spec"]["containers"].size(), 2U);
  EXPECT_EQ(pod["spec"]["containers"][0]["name"], "nocobase");
  EXPECT_EQ(pod["spec"]["containers"][1], cluster.spec.pod_template->at("spec").at("containers").at(0));
}

TEST(PodTemplate, RepeatingAFixedLabelIsHarmless) {
  Cluster cluster = small_cluster();
  cluster.spec.roles[0].pod_template =
      parsed(R"({"metadata": {"labels": {"app.kubernetes.io/instance": "crm", "nocobase.com/requests": "true"}}})");
  EXPECT_EQ(error_of(cluster), "(none)");
}

}  // namespace
}  // namespace nocobase_operator::app
