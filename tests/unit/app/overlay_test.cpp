#include <gtest/gtest.h>

#include "app/pod.h"

namespace nocobase_operator::app {
namespace {

Json parsed(const char* text) {
  auto json = kube::parse_json(text);
  return json.ok() ? std::move(json).value() : Json(json.error().what);
}

TEST(MergeOverlay, FollowsKubernetesMergeKeys) {
  struct Case {
    const char* name;
    const char* base;
    const char* overlay;
    const char* want;
  };
  for (
      const Case& c : {
          Case{"objects by key", R"({"a": 1, "b": {"c": 2}})", R"({"b": {"d": 3}})",
               R"({"a": 1, "b": {"c": 2, "d": 3}})"},
          Case{"null takes away", R"({"a": 1, "b": {"c": 2, "d": 3}})", R"({"a": null, "b": {"c": null}})",
               R"({"b": {"d": 3}})"},
          Case{"null where there is nothing", R"({})", R"({"a": null})", R"({})"},
          Case{"another type replaces", R"({"a": {"b": 1}})", R"({"a": [1]})", R"({"a": [1]})"},
          Case{"containers by name", R"({"containers": [{"name": "x", "image": "i"}]})",
               R"({"containers": [{"name": "y"}, {"name": "x", "tty": true}]})",
               R"({"containers": [{"name": "x", "image": "i", "tty": true}, {"name": "y"}]})"},
          Case{"initContainers by name", R"({"initContainers": [{"name": "x", "image": "i"}]})",
               R"({"initContainers": [{"name": "x", "image": "j"}]})",
               R"({"initContainers": [{"name": "x", "image": "j"}]})"},
          Case{
              "env by name, each entry whole", R"({"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]})",
              R"({"env": [{"name": "C", "value": "3"}, {"name": "A", "valueFrom": {}}]})",
              R"({"env": [{"name": "A", "valueFrom": {}}, {"name": "B", "value": "2"}, {"name": "C", "value": "3"}]})"},
          Case{"volumes by name, each whole", R"({"volumes": [{"name": "run", "emptyDir": {}}]})",
               R"({"volumes": [{"name": "run", "hostPath": {"path": "/x"}}]})",
               R"({"volumes": [{"name": "run", "hostPath": {"path": "/x"}}]})"},
          Case{"volumeMounts by path", R"({"volumeMounts": [{"mountPath": "/a", "name": "x"}]})",
               R"({"volumeMounts": [{"mountPath": "/a", "subPath": "s"}, {"mountPath": "/a/b", "name": "y"}]})",
               R"({"volumeMounts": [{"mountPath": "/a", "name": "x", "subPath": "s"},
                                     {"mountPath": "/a/b", "name": "y"}]})"},
          Case{"ports by number and protocol, which is TCP where it is absent",
               R"({"ports": [{"containerPort": 1, "protocol": "TCP", "name": "a"}]})",
               R"({"ports": [{"containerPort": 1, "name": "b"}, {"containerPort": 1, "protocol": "UDP"}]})",
               R"({"ports": [{"containerPort": 1, "protocol": "TCP", "name": "b"},
                              {"containerPort": 1, "protocol": "UDP"}]})"},
          Case{"spread constraints by key and severity",
               R"({"topologySpreadConstraints": [{"topologyKey": "z", "whenUnsatisfiable": "ScheduleAnyway",
                                                   "maxSkew": 1}]})",
               R"({"topologySpreadConstraints": [{"topologyKey": "z", "whenUnsatisfiable": "ScheduleAnyway",
                                                   "maxSkew": 2},
                                                  {"topologyKey": "z", "whenUnsatisfiable": "DoNotSchedule"}]})",
               R"({"topologySpreadConstraints": [{"topologyKey": "z", "whenUnsatisfiable": "ScheduleAnyway",
                                                   "maxSkew": 2},
                                                  {"topologyKey": "z", "whenUnsatisfiable": "DoNotSchedule"}]})"},
          Case{"pull secrets by name", R"({"imagePullSecrets": [{"name": "a"}]})",
               R"({"imagePullSecrets": [{"name": "b"}, {"name": "a"}]})",
               R"({"imagePullSecrets": [{"name": "a"}, {"name": "b"}]})"},
          Case{"other lists are replaced", R"({"tolerations": [{"key": "a"}], "command": ["x"]})",
               R"({"tolerations": [{"key": "b"}], "command": ["y", "z"]})",
               R"({"tolerations": [{"key": "b"}], "command": ["y", "z"]})"},
          Case{"an item without its key is new", R"({"containers": [{"name": "x"}]})",
               R"({"containers": [{"image": "i"}]})", R"({"containers": [{"name": "x"}, {"image": "i"}]})"},
          Case{"a probe has one handler", R"({"livenessProbe": {"httpGet": {"port": 1}, "periodSeconds": 5}})",
               R"({"livenessProbe": {"tcpSocket": {"port": 2}}})",
               R"({"livenessProbe": {"tcpSocket": {"port": 2}, "periodSeconds": 5}})"},
          Case{"a probe keeps its handler when only its times change",
               R"({"livenessProbe": {"httpGet": {"port": 1}, "periodSeconds": 5}})",
               R"({"livenessProbe": {"periodSeconds": 9}})",
               R"({"livenessProbe": {"httpGet": {"port": 1}, "periodSeconds": 9}})"},
          Case{"so has a hook", R"({"lifecycle": {"preStop": {"exec": {"command": ["x"]}}}})",
               R"({"lifecycle": {"preStop": {"sleep": {"seconds": 3}}}})",
               R"({"lifecycle": {"preStop": {"sleep": {"seconds": 3}}}})"},
      }) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(merge_overlay(parsed(c.base), parsed(c.overlay)), parsed(c.want));
  }
}

TEST(MergeOverlay, MergingTheSameAgainChangesNothing) {
  const Json base = parsed(R"({"spec": {"containers": [{"name": "x", "env": [{"name": "A", "value": "1"}]}]}})");
  const Json overlay = parsed(R"({"metadata": {"labels": {"team": "a"}},
      "spec": {"volumes": [{"name": "v"}], "containers": [{"name": "x", "env": [{"name": "B"}]}, {"name": "y"}]}})");
  const Json once = merge_overlay(base, overlay);
  EXPECT_EQ(merge_overlay(once, overlay), once);
  EXPECT_EQ(merge_overlay(base, Json::object()), base);
}

}  // namespace
}  // namespace nocobase_operator::app
