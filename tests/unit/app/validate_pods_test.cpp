// What a podTemplate must not do to NocoBase's container, and what its neighbours must leave it.
#include <gtest/gtest.h>

#include "spec_samples.h"

namespace nocobase_operator::app {
namespace {

using Codes = std::vector<std::string>;

Codes with(const std::string& containers, const std::string& tag = "2.2.15-full", std::string_view more = "{}") {
  Json object = sample();
  object["spec"]["image"] = "nocobase/nocobase:" + tag;
  object["spec"]["podTemplate"]["spec"]["containers"] = parsed(containers);
  object["spec"].update(parsed(more));
  return codes_of(findings_of(object));
}

TEST(Pods, ports_of_an_image_without_nginx) {
  const std::string at = "spec.podTemplate.spec.containers[0].";
  const std::string bare = "2.2.15-no-nginx";
  const std::string port = R"([{"name": "nocobase", "ports": [{"containerPort": 80}]}])";
  EXPECT_EQ(with(port, bare), Codes{"NB074 " + at + "ports[0].containerPort"});
  EXPECT_EQ(with(port), Codes());
  EXPECT_EQ(with(R"([{"name": "nocobase", "ports": [{"containerPort": 13000}]}])", bare), Codes());
  EXPECT_EQ(with(R"([{"name": "nocobase", "livenessProbe": {"tcpSocket": {"port": 80}},
                      "startupProbe": {"httpGet": {"port": 80}}}])",
                 bare),
            (Codes{"NB074 " + at + "startupProbe.httpGet.port", "NB074 " + at + "livenessProbe.tcpSocket.port"}));
}

TEST(Pods, ports_of_a_neighbour) {
  const auto sidecar = [](int port) {
    return R"([{"name": "proxy", "ports": [{"containerPort": )" + std::to_string(port) + "}]}]";
  };
  const Codes taken = {"NB077 spec.podTemplate.spec.containers[0].ports[0].containerPort"};
  EXPECT_EQ(with(sidecar(13000)), taken);
  EXPECT_EQ(with(sidecar(80)), taken);
  EXPECT_EQ(with(sidecar(80), "2.2.15-full-no-nginx"), Codes());
  EXPECT_EQ(with(sidecar(9464)), Codes());
  EXPECT_EQ(with(sidecar(9464), "2.2.15", R"({"monitoring": {"enabled": true}})"), taken);
  EXPECT_EQ(with(sidecar(8080)), Codes());
}

TEST(Pods, mounts) {
  const auto mounted = [](const std::string& path) {
    return with(R"([{"name": "nocobase", "volumeMounts": [{"name": "a", "mountPath": ")" + path + "\"}]}]");
  };
  const std::string at = " spec.podTemplate.spec.containers[0].volumeMounts[0].mountPath";
  EXPECT_EQ(mounted("/app/nocobase/storage"), Codes{"NB103" + at});
  EXPECT_EQ(mounted("/app/nocobase/storage/"), Codes{"NB103" + at});
  EXPECT_EQ(mounted("/run/nocobase"), Codes{"NB103" + at});
  EXPECT_EQ(mounted("/run/nocobase/pm2"), Codes{"NB103" + at});
  EXPECT_EQ(mounted("/app/nocobase/storage/plugins"), Codes());
  EXPECT_EQ(mounted("/app/storage"), Codes{"NB104" + at});
  EXPECT_EQ(mounted("/data"), Codes());
  EXPECT_EQ(with(R"([{"name": "other", "volumeMounts": [{"name": "a", "mountPath": "/app/nocobase/storage"}]}])"),
            Codes());
}

TEST(Pods, a_container_that_may_not_write) {
  const std::string pod = "spec.podTemplate.spec.";
  EXPECT_EQ(
      with(R"([{"name": "nocobase", "securityContext": {"readOnlyRootFilesystem": true, "runAsNonRoot": true}}])"),
      (Codes{"NB106 " + pod + "containers[0].securityContext.readOnlyRootFilesystem",
             "NB106 " + pod + "containers[0].securityContext.runAsNonRoot"}));
  EXPECT_EQ(with(R"([{"name": "nocobase", "securityContext": {"readOnlyRootFilesystem": false, "runAsUser": 0}}])"),
            Codes());
  EXPECT_EQ(with(R"([{"name": "other", "securityContext": {"readOnlyRootFilesystem": true}}])"), Codes());
  EXPECT_EQ(codes_of(findings_of(
                changed(sample(), "/spec/podTemplate", R"({"spec": {"securityContext": {"runAsUser": 1000}}})"))),
            Codes{"NB106 " + pod + "securityContext.runAsUser"});
}

TEST(Pods, odd_shapes_are_passed_over) {
  for (const char* const odd : {R"([{"name": "nocobase", "ports": 80, "volumeMounts": {}, "securityContext": []}])",
                                R"([{"name": "nocobase", "ports": [{}], "readinessProbe": "x"}, 5, null])"}) {
    EXPECT_EQ(with(odd, "2.2.15-no-nginx"), Codes()) << odd;
  }
}

}  // namespace
}  // namespace nocobase_operator::app
