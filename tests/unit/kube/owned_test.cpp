#include "kube/owned.h"

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "kube/meta.h"

namespace nocobase_operator::kube {
namespace {

constexpr std::string_view manager = "nocobase-operator";
constexpr std::string_view hash_annotation = "nocobase.com/applied";

// Objects as they were applied by server-side apply and as an API server (1.37) then returned them.
Json fixture(const std::string& name) {
  std::ifstream file(NBO_SOURCE_DIR "/tests/unit/kube/fixtures/" + name + ".json");
  std::stringstream text;
  text << file.rdbuf();
  const Result<Json> value = parse_json(text.str());
  EXPECT_TRUE(value.ok()) << name;
  return value.ok() ? value.value() : Json();
}

Kind kind_in(const Json& object) {
  return read_meta(object).value().ref.kind;
}

TEST(OwnedPart, EqualsWhatWasApplied) {
  for (const std::string name :
       {"config_map", "deployment", "horizontal_pod_autoscaler", "http_route", "ingress", "job", "network_policy",
        "network_policy_empty", "nocobase_role", "persistent_volume_claim", "pod_disruption_budget", "quantities",
        "scaled_object", "service", "service_account", "trigger_authentication"}) {
    SCOPED_TRACE(name);
    const Json pair = fixture(name);
    const Kind kind = kind_in(pair["wanted"]);
    const Json owned = owned_part(pair["live"], manager);
    EXPECT_EQ(canonical(kind, pair["wanted"]), canonical(kind, owned));
    EXPECT_EQ(content_hash(kind, pair["wanted"], hash_annotation), content_hash(kind, owned, hash_annotation));
    EXPECT_EQ(owned_part(pair["live"], "somebody-else"), nullptr);
  }
}

TEST(OwnedPart, OfTheStatusIsApartFromTheRest) {
  const Json pair = fixture("nocobase_role_status");
  EXPECT_EQ(canonical(Kind::nocobase_role, pair["wanted"]),
            canonical(Kind::nocobase_role, owned_part(pair["live"], manager, "status")));
  EXPECT_EQ(canonical(Kind::nocobase_role, fixture("nocobase_role")["wanted"]),
            canonical(Kind::nocobase_role, owned_part(pair["live"], manager)));
}

TEST(ContentHash, OfAPartIsThatOfAnObjectWithNothingElse) {
  const Json pods = fixture("deployment")["wanted"]["spec"]["template"];
  for (const Json& value : {pods, Json::object(), Json("a"), Json(0)}) {
    Json alone = Json::object();
    alone["spec"]["template"] = value;
    EXPECT_EQ(content_hash_at(Kind::deployment, {"spec", "template"}, value, hash_annotation),
              content_hash(Kind::deployment, alone, hash_annotation));
  }
}

TEST(ContentHash, OfAnObjectAndItsPartAtOnceIsWhatTheyAreApart) {
  const Json whole = fixture("deployment")["wanted"];
  const Json pods = whole["spec"]["template"];
  const auto both = [](const Json& object) {
    return content_hashes(Kind::deployment, object, {"spec", "template"}, hash_annotation);
  };
  for (const Json& value : {pods, Json::object(), Json::array(), Json("a"), Json(0)}) {
    Json object = whole;
    object["spec"]["template"] = value;
    object["metadata"]["template"] = {{"spec", 1}};
    const ContentHashes hashes = both(object);
    EXPECT_EQ(hashes.whole, content_hash(Kind::deployment, object, hash_annotation));
    EXPECT_EQ(hashes.part, content_hash_at(Kind::deployment, {"spec", "template"}, value, hash_annotation));
  }
  for (const char* const without : {R"({"spec":{"template":null}})", R"({"spec":{}})", R"({"spec":[{"template":1}]})",
                                    R"({"template":{"spec":1}})", "[]", "{}"}) {
    const Json object = Json::parse(without);
    const ContentHashes hashes = both(object);
    EXPECT_EQ(hashes.whole, content_hash(Kind::deployment, object, hash_annotation)) << without;
    EXPECT_EQ(hashes.part, 0U) << without;
  }
}

TEST(ContentHash, StaysWhenOthersAddAndChangesWhenOursIsTouched) {
  const Json drift = fixture("drift");
  const std::uint64_t wanted = content_hash(Kind::deployment, drift["wanted"], hash_annotation);
  ASSERT_GE(drift["kept"].size(), 6U);
  for (const auto& [name, live] : drift["kept"].items()) {
    SCOPED_TRACE(name);
    EXPECT_EQ(content_hash(Kind::deployment, owned_part(live, manager), hash_annotation), wanted);
  }
  ASSERT_GE(drift["changed"].size(), 15U);
  for (const auto& [name, live] : drift["changed"].items()) {
    SCOPED_TRACE(name);
    EXPECT_NE(content_hash(Kind::deployment, owned_part(live, manager), hash_annotation), wanted);
  }
}

// A live object with one entry of ours in managedFields.
Json live_of(std::string_view body, std::string_view fields) {
  Json live = Json::parse(body);
  live["apiVersion"] = "apps/v1";
  live["kind"] = "Deployment";
  live["metadata"]["name"] = "a";
  live["metadata"]["managedFields"] =
      Json::array({{{"manager", manager}, {"operation", "Apply"}, {"fieldsV1", Json::parse(fields)}}});
  return live;
}

TEST(OwnedPart, FollowsEachKindOfPathElement) {
  struct Case {
    std::string_view name;
    std::string_view body;
    std::string_view fields;
    std::string_view want;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"a scalar", R"({"spec":{"a":1,"b":2}})", R"({"f:spec":{"f:a":{}}})", R"({"spec":{"a":1}})"},
           {"an atomic list", R"({"x":{"args":[1,{"y":2}]}})", R"({"f:x":{"f:args":{}}})",
            R"({"x":{"args":[1,{"y":2}]}})"},
           {"an atomic object", R"({"x":{"selector":{"a":"b"}}})", R"({"f:x":{"f:selector":{}}})",
            R"({"x":{"selector":{"a":"b"}}})"},
           {"an object applied empty, filled by others", R"({"x":{"securityContext":{"a":"b"}}})",
            R"({"f:x":{"f:securityContext":{}}})", R"({"x":{"securityContext":{}}})"},
           {"a list applied empty, filled by others", R"({"x":{"volumes":[{"name":"v"}]}})",
            R"({"f:x":{"f:volumes":{}}})", R"({"x":{"volumes":[]}})"},
           {"items by key in live order", R"({"x":[{"k":"b","v":1},{"k":"z","v":0},{"k":"a","v":2,"w":3}]})",
            R"({"f:x":{"k:{\"k\":\"a\"}":{".":{},"f:k":{},"f:v":{}},"k:{\"k\":\"b\"}":{".":{},"f:k":{},"f:v":{}}}})",
            R"({"x":[{"k":"b","v":1},{"k":"a","v":2}]})"},
           {"items by two keys, in any order", R"({"x":[{"p":1,"q":"TCP"},{"p":1,"q":"UDP","n":"u"}]})",
            R"({"f:x":{"k:{\"q\":\"UDP\",\"p\":1}":{".":{},"f:n":{}}}})", R"({"x":[{"n":"u"}]})"},
           {"an item owned as a whole", R"({"x":[{"uid":"1","n":"a"},{"uid":"2"}]})",
            R"({"f:x":{"k:{\"uid\":\"1\"}":{}}})", R"({"x":[{"uid":"1","n":"a"}]})"},
           {"a field of an item that others own", R"({"x":[{"k":"a","v":1,"w":2}]})",
            R"({"f:x":{"k:{\"k\":\"a\"}":{"f:v":{}}}})", R"({"x":[{"v":1}]})"},
           {"members of a set", R"({"x":["c","a",1,true,"b"]})",
            R"({"f:x":{"v:\"a\"":{},"v:\"c\"":{},"v:1":{},"v:true":{},"v:\"q\"":{}}})", R"({"x":["c","a",1,true]})"},
           {"an item by position", R"({"x":["c","a"]})", R"({"f:x":{"i:1":{}}})", R"({"x":["a"]})"},
           {"an item that is gone", R"({"x":[{"k":"b"}]})", R"({"f:x":{"k:{\"k\":\"a\"}":{".":{},"f:k":{}}}})",
            R"({"x":[]})"},
           {"a list that is gone", R"({"y":1})", R"({"f:y":{},"f:x":{"k:{\"k\":\"a\"}":{".":{}}}})", R"({"y":1})"},
           {"a zero value that is not stored", R"({"x":{}})", R"({"f:x":{"f:hostNetwork":{}}})",
            R"({"x":{"hostNetwork":""}})"},
           {"the object itself and a member", R"({"x":{"a":1,"b":2}})", R"({"f:x":{".":{},"f:a":{}}})",
            R"({"x":{"a":1}})"},
           {"a name with a colon", R"({"x":{"f:a":1}})", R"({"f:x":{"f:f:a":{}}})", R"({"x":{"f:a":1}})"},
           {"elements of the future", R"({"x":1})", R"({"f:x":{},"q:y":{},"":{},"zz":{}})", R"({"x":1})"},
           {"keys that are no JSON", R"({"x":[{"k":1}]})", R"({"f:x":{"k:{":{},"v:":{},"i:x":{}}})", R"({"x":[]})"},
           {"an object that became a scalar", R"({"x":3,"y":1})", R"({"f:x":{"k:{\"k\":1}":{".":{}}},"f:y":{}})",
            R"({"y":1})"},
       }) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(owned_part(live_of(c.body, c.fields), manager), Json::parse(c.want));
  }
}

TEST(OwnedPart, OfACustomResourceTakesLeavesWhole) {
  Json live = live_of(R"({"x":{"metadata":{"a":"b"}}})", R"({"f:x":{"f:metadata":{}}})");
  live["apiVersion"] = "keda.sh/v1alpha1";
  live["kind"] = "ScaledObject";
  EXPECT_EQ(owned_part(live, manager), Json::parse(R"({"x":{"metadata":{"a":"b"}}})"));
}

TEST(OwnedPart, IsNullWithoutAnApplyOfOurs) {
  Json live = live_of(R"({"x":1})", R"({"f:x":{}})");
  Json& entry = live["metadata"]["managedFields"][0];
  EXPECT_NE(owned_part(live, manager), nullptr);
  EXPECT_EQ(owned_part(live, "nocobase-operator-intent"), nullptr);
  EXPECT_EQ(owned_part(live, manager, "status"), nullptr);
  entry["operation"] = "Update";
  EXPECT_EQ(owned_part(live, manager), nullptr);
  entry["operation"] = "Apply";
  entry["subresource"] = "scale";
  EXPECT_EQ(owned_part(live, manager), nullptr);
  for (const std::string_view fields : {"{}", "null", "[]", "3", R"({".":{}})"}) {
    SCOPED_TRACE(fields);
    EXPECT_EQ(owned_part(live_of("{}", fields), manager), nullptr);
  }
  for (const std::string_view object : {"null", "3", "{}", R"({"metadata":{"managedFields":{}}})"}) {
    SCOPED_TRACE(object);
    EXPECT_EQ(owned_part(Json::parse(object), manager), nullptr);
  }
}

TEST(OwnedPart, JoinsWhatWasAppliedUnderSeveralVersions) {
  Json live = live_of(R"({"x":{"selector":{"a":1},"b":2,"c":3},"y":[{"k":1,"v":2}]})",
                      R"({"f:x":{"f:selector":{},"f:b":{}},"f:y":{"k:{\"k\":1}":{".":{},"f:k":{}}}})");
  live["metadata"]["managedFields"].push_back(
      {{"manager", manager},
       {"operation", "Apply"},
       {"fieldsV1", Json::parse(R"({"f:x":{"f:c":{}},"f:y":{"k:{\"k\":1}":{"f:v":{}}}})")}});
  EXPECT_EQ(owned_part(live, manager), Json::parse(R"({"x":{"selector":{"a":1},"b":2,"c":3},"y":[{"k":1,"v":2}]})"));
}

TEST(OwnsField, FollowsTheChain) {
  const Json live = live_of(R"({"spec":{"replicas":2,"selector":{"matchLabels":{"a":"b"}},"paused":true}})",
                            R"({"f:spec":{"f:replicas":{},"f:selector":{},"f:gone":{}}})");
  EXPECT_TRUE(owns_field(live, manager, {"spec", "replicas"}));
  EXPECT_TRUE(owns_field(live, manager, {"spec"}));
  EXPECT_TRUE(owns_field(live, manager, {"spec", "selector", "matchLabels"}));  // inside an atomic value
  EXPECT_FALSE(owns_field(live, manager, {"spec", "selector", "matchExpressions"}));
  EXPECT_FALSE(owns_field(live, manager, {"spec", "paused"}));
  EXPECT_FALSE(owns_field(live, manager, {"spec", "gone"}));
  EXPECT_FALSE(owns_field(live, "other", {"spec", "replicas"}));
  EXPECT_FALSE(owns_field(Json(), manager, {"spec", "replicas"}));
}

TEST(OwnersOf, AreAllThatOwnTheFieldByWhateverOperation) {
  Json live = {{"spec", {{"replicas", 2}}}};
  const auto entry = [](const char* by, const char* operation, const char* field, const char* at) {
    return Json{
        {"manager", by}, {"operation", operation}, {"time", at}, {"fieldsV1", {{"f:spec", {{field, Json::object()}}}}}};
  };
  live["metadata"]["managedFields"] = Json::array(
      {entry("a", "Apply", "f:replicas", "2026-01-01T00:00:00Z"), entry("b", "Update", "f:other", "t"),
       entry("kubectl", "Update", "f:replicas", "2026-01-02T00:00:00Z"), Json("odd"), Json{{"manager", "c"}}});
  const auto owners = [&] { return owners_of(live, {"spec", "replicas"}); };
  EXPECT_EQ(owners(), (std::vector<FieldOwner>{{"a", "2026-01-01T00:00:00Z"}, {"kubectl", "2026-01-02T00:00:00Z"}}));
  live["spec"].erase("replicas");
  EXPECT_EQ(owners(), std::vector<FieldOwner>());
  EXPECT_EQ(owners_of(Json(), {"spec"}), std::vector<FieldOwner>());
}

TEST(Canonical, BringsSpellingsTogether) {
  struct Case {
    std::string_view name;
    Kind kind;
    std::string_view text;
    std::string_view want;
  };
  for (
      const Case& c : std::initializer_list<Case>{
          {"identity", Kind::service,
           R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"a","namespace":"b","uid":"c",
                "resourceVersion":"1","labels":{"x":"y"}}})",
           R"({"metadata":{"labels":{"x":"y"}}})"},
          {"nothing but identity", Kind::service, R"({"metadata":{"name":"a"}})", "{}"},
          {"null members", Kind::service, R"({"spec":{"a":null,"b":1}})", R"({"spec":{"b":1}})"},
          {"zero values", Kind::service, R"({"a":0,"b":false,"c":"","d":[],"e":{},"f":{"g":{}},"h":-0.0,"i":[0,{}]})",
           R"({"a":"","b":"","c":"","d":"","e":"","f":{"g":""},"h":"","i":["",""]})"},
          {"numbers", Kind::service, R"({"a":3.0,"b":3.5,"c":1e300,"d":"80","e":80})",
           R"({"a":3,"b":3.5,"c":1e300,"d":"80","e":80})"},
          {"quantities where a kind holds them", Kind::deployment,
           R"({"resources":{"limits":{"cpu":0.5,"memory":" 1024Mi","x":"no"},"claims":[{"name":"0.5"}]},
                "limits":{"cpu":"0.5"},"emptyDir":{"sizeLimit":"1024Ki"},"overhead":{"cpu":1000},
                "resourceFieldRef":{"divisor":"1000m"},"sizeLimit":"1024Ki","value":"0.5"})",
           R"({"resources":{"limits":{"cpu":"500m","memory":"1Gi","x":"no"},"claims":[{"name":"0.5"}]},
                "limits":{"cpu":"0.5"},"emptyDir":{"sizeLimit":"1Mi"},"overhead":{"cpu":"1k"},
                "resourceFieldRef":{"divisor":"1"},"sizeLimit":"1024Ki","value":"0.5"})"},
          {"quantities of metrics", Kind::horizontal_pod_autoscaler,
           R"({"metrics":[{"target":{"value":"0.5","averageValue":5,"averageUtilization":80}}],"tolerance":"0.05"})",
           R"({"metrics":[{"target":{"value":"500m","averageValue":"5","averageUtilization":80}}],"tolerance":"50m"})"},
          {"no quantities in a custom resource", Kind::nocobase_role, R"({"resources":{"limits":{"cpu":0.5}}})",
           R"({"resources":{"limits":{"cpu":0.5}}})"},
          {"a zero quantity", Kind::deployment, R"({"resources":{"limits":{"cpu":0}}})",
           R"({"resources":{"limits":{"cpu":"0"}}})"},
          {"defaults inside atomic values", Kind::deployment,
           R"({"fieldRef":{"apiVersion":"v1","fieldPath":"x"},"resourceFieldRef":{"divisor":"0","resource":"y"},
                "serviceAccountToken":{"expirationSeconds":3600,"path":"t"},"ports":[{"protocol":"TCP","x":1}]})",
           R"({"fieldRef":{"fieldPath":"x"},"resourceFieldRef":{"resource":"y"},"serviceAccountToken":{"path":"t"},
                "ports":[{"protocol":"TCP","x":1}]})"},
          {"other values than the default", Kind::deployment,
           R"({"fieldRef":{"apiVersion":"v2"},"serviceAccountToken":{"expirationSeconds":7200}})",
           R"({"fieldRef":{"apiVersion":"v2"},"serviceAccountToken":{"expirationSeconds":7200}})"},
          {"ports of a NetworkPolicy", Kind::network_policy,
           R"({"ports":[{"protocol":"TCP","port":1},{"protocol":"UDP","port":2}]})",
           R"({"ports":[{"port":1},{"protocol":"UDP","port":2}]})"},
          {"matches of an HTTPRoute", Kind::http_route,
           R"({"rules":[{"matches":[{"path":{"type":"PathPrefix","value":"/"}}],"backendRefs":[{"group":"",
                "kind":"Service","weight":1,"name":"a"}]},{"matches":[{"path":{"type":"PathPrefix","value":"/x"}}]}]})",
           R"({"rules":[{"backendRefs":[{"name":"a"}]},{"matches":[{"path":{"value":"/x"}}]}]})"},
          {"no object", Kind::service, "[1]", "{}"},
      }) {
    SCOPED_TRACE(c.name);
    const Json got = canonical(c.kind, Json::parse(c.text));
    EXPECT_EQ(got, Json::parse(c.want));
  }
}

TEST(ContentHash, IsOfTheCanonicalFormWithoutTheAnnotation) {
  const auto hash = [](std::string_view text) {
    return content_hash(Kind::deployment, Json::parse(text), hash_annotation);
  };
  EXPECT_EQ(hash(R"({"resources":{"limits":{"cpu":0.5}}})"), hash(R"({"resources":{"limits":{"cpu":"500m"}}})"));
  EXPECT_EQ(hash("{}"), hash(R"({"metadata":{"name":"a","annotations":{"nocobase.com/applied":"1"}}})"));
  EXPECT_EQ(hash("{}"), hash(R"({"metadata":{"annotations":{}}})"));
  EXPECT_EQ(hash(R"({"metadata":{"annotations":{"a":"b"}}})"),
            hash(R"({"metadata":{"annotations":{"a":"b","nocobase.com/applied":"1"}}})"));
  EXPECT_NE(hash("{}"), hash(R"({"metadata":{"annotations":{"a":"b"}}})"));
  EXPECT_NE(hash(R"({"spec":{"metadata":{"annotations":{"nocobase.com/applied":"1"}}}})"),
            hash(R"({"spec":{"metadata":{"annotations":{}}}})"));
  EXPECT_NE(hash(R"({"spec":{"replicas":0}})"), hash(R"({"spec":{}})"));
  // Stored in annotations: another value of the same object rewrites every child at an upgrade.
  EXPECT_EQ(hash(R"({"spec":{"replicas":0,"x":[1.0,null,"é\n\"",{"k":1e300}],"y":null}})"),
            hash64(R"({"spec":{"replicas":"","x":[1,null,"é\n\"",{"k":1e+300}]}})"));
}

}  // namespace
}  // namespace nocobase_operator::kube
