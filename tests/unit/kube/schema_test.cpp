#include "kube/schema.h"

#include <gtest/gtest.h>

namespace nocobase_operator::kube {
namespace {

Json json(std::string_view text) {
  return Json::parse(text);
}

TEST(Schema, ItsFieldsAreNamedAsPeopleWriteThem) {
  const Json schema = json(R"({"properties": {
    "apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"properties": {"name": {}}},
    "spec": {"properties": {
      "image": {"type": "string"},
      "roles": {"items": {"properties": {"name": {}, "metadata": {}, "services": {"items": {"type": "string"}}}}},
      "nodeSelector": {"additionalProperties": {"type": "string"}},
      "closed": {"additionalProperties": false}}}}})");
  EXPECT_EQ(fields_of(schema),
            (Fields{"spec", "spec.closed", "spec.image", "spec.nodeSelector", "spec.nodeSelector.*", "spec.roles",
                    "spec.roles[].metadata", "spec.roles[].name", "spec.roles[].services"}));
}

TEST(Schema, NonsenseHasNoFields) {
  for (const auto* text : {"null", "3", "[]", "[{\"properties\": {\"a\": {}}}]", R"({"properties": "x"})",
                           R"({"items": "x", "additionalProperties": 7})"}) {
    EXPECT_EQ(fields_of(json(text)), Fields{}) << text;
    EXPECT_TRUE(fields_of_document(json(text)).empty()) << text;
    EXPECT_EQ(fields_of_definition(json(text), "v1"), Fields{}) << text;
  }
}

TEST(Schema, ADefinitionHasFieldsByVersion) {
  const Json definition = json(R"({"spec": {"versions": [
    {"name": "v1", "schema": {"openAPIV3Schema": {"properties": {"old": {}}}}},
    {"name": "v2", "schema": {"openAPIV3Schema": {"properties": {"new": {}}}}}, {"name": "v3"}]}})");
  EXPECT_EQ(fields_of_definition(definition, "v1"), Fields{"old"});
  EXPECT_EQ(fields_of_definition(definition, "v2"), Fields{"new"});
  EXPECT_EQ(fields_of_definition(definition, "v3"), Fields{});
}

TEST(Schema, IsAskedForByGroupAndVersion) {
  EXPECT_EQ(encode_schema(Kind::nocobase_role), (HttpRequest{"GET", "/openapi/v3/apis/nocobase.com/v1alpha1", "", ""}));
}

TEST(Schema, ADocumentDefinesKindsByTheirNames) {
  const Json document = json(R"({"components": {"schemas": {
    "com.nocobase.v1alpha1.NocoBaseCluster": {"properties": {"spec": {}},
      "x-kubernetes-group-version-kind": [{"group": "nocobase.com", "kind": "NocoBaseCluster", "version": "v1alpha1"}]},
    "com.nocobase.v1alpha1.NocoBaseClusterList": {"properties": {"items": {}},
      "x-kubernetes-group-version-kind": [{"group": "nocobase.com", "kind": "NocoBaseClusterList", "version": "v1alpha1"}]},
    "io.k8s.api.core.v1.Pod": {"properties": {"spec": {}},
      "x-kubernetes-group-version-kind": [{"group": "", "kind": "Pod", "version": "v1"}]},
    "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta": {"properties": {"name": {}}}}}})");
  EXPECT_EQ(fields_of_document(document), (std::map<Kind, Fields>{{Kind::nocobase_cluster, {"spec"}}}));
}

}  // namespace
}  // namespace nocobase_operator::kube
