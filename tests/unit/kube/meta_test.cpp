#include "kube/meta.h"

#include <gtest/gtest.h>

#include "kube/finding.h"

namespace nocobase_operator::kube {
namespace {

TEST(ReadMeta, ReadsWhatEveryLayerNeeds) {
  const Json object = Json::parse(R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"crm-web",
    "namespace":"crm","uid":"u1","resourceVersion":"18446744073709551615","generation":7,
    "deletionTimestamp":"2026-01-31T00:00:00Z","labels":{"a.b/c":"d","n":1},"annotations":{"x":"y"},
    "ownerReferences":[{"kind":"Other","name":"o","uid":"u2"},{"kind":"No","name":"n","uid":"u4","controller":false},
    {"kind":"NocoBaseCluster","name":"crm","uid":"u3","controller":true}]}})");
  const Result<Meta> meta = read_meta(object);
  ASSERT_TRUE(meta.ok());
  EXPECT_EQ(meta.value().ref, (Ref{Kind::deployment, "crm", "crm-web"}));
  EXPECT_EQ(meta.value().uid, "u1");
  EXPECT_EQ(meta.value().version, 18446744073709551615U);
  EXPECT_EQ(meta.value().generation, 7);
  EXPECT_TRUE(meta.value().terminating);
  EXPECT_EQ(meta.value().owner_kind, "NocoBaseCluster");
  EXPECT_EQ(meta.value().owner_name, "crm");
  EXPECT_EQ(meta.value().owner_uid, "u3");
  EXPECT_EQ(label_of(object, "a.b/c"), "d");
  EXPECT_EQ(label_of(object, "n"), "");
  EXPECT_EQ(label_of(object, "x"), "");
  EXPECT_EQ(annotation_of(object, "x"), "y");
  EXPECT_EQ(annotation_of(Json(1), "x"), "");
}

TEST(ReadMeta, ToleratesWhatIsMissing) {
  const Result<Meta> meta = read_meta(Json::parse(R"({"metadata":{"name":"a","deletionTimestamp":null}})"), Kind::pod);
  ASSERT_TRUE(meta.ok());
  EXPECT_EQ(meta.value().ref, (Ref{Kind::pod, "", "a"}));
  EXPECT_EQ(meta.value().version, 0U);
  EXPECT_FALSE(meta.value().terminating);
  EXPECT_EQ(meta.value().owner_uid, "");
}

TEST(ReadMeta, VersionThatIsNoNumberIsZero) {
  for (const std::string_view version : {"", "abc", "-1", "12x", " 1", "18446744073709551616"}) {
    SCOPED_TRACE(version);
    const Json object = {{"metadata", {{"name", "a"}, {"resourceVersion", version}}}};
    EXPECT_EQ(read_meta(object, Kind::pod).value().version, 0U);
  }
}

TEST(ReadMeta, RefusesWhatIsNotOurs) {
  struct Case {
    std::string_view name;
    std::string_view text;
    std::string_view want;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"no object", "[]", "want a Kubernetes object"},
           {"no name", R"({"metadata":{}})", "Pod has no metadata.name"},
           {"name of another type", R"({"metadata":{"name":1}})", "Pod has no metadata.name"},
           {"a kind of its own beats the fallback", R"({"apiVersion":"v2","kind":"Pod","metadata":{"name":"a"}})",
            R"(kind "Pod" of apiVersion "v2" is not known here)"},
           {"half a kind", R"({"kind":"Pod","metadata":{"name":"a"}})",
            R"(kind "Pod" of apiVersion "" is not known here)"},
       }) {
    SCOPED_TRACE(c.name);
    const Result<Meta> meta = read_meta(Json::parse(c.text), Kind::pod);
    ASSERT_FALSE(meta.ok());
    EXPECT_EQ(meta.error(), (Error{Code::invalid, std::string(c.want)}));
  }
  EXPECT_FALSE(read_meta(Json::parse(R"({"metadata":{"name":"a"}})")).ok());
}

TEST(Findings, HaveErrorsWhenOneIsAnError) {
  const Finding warning{"NB1", Severity::warning, "", "", ""};
  const Finding info{"NB1", Severity::info, "", "", ""};
  const Finding error{"NB1", Severity::error, "", "", ""};
  EXPECT_FALSE(has_errors({}));
  EXPECT_FALSE(has_errors({warning, info}));
  EXPECT_TRUE(has_errors({warning, error}));
}

}  // namespace
}  // namespace nocobase_operator::kube
