// Several clusters in one input: what only one of them may have.
#include "app/validate_several.h"

#include <gtest/gtest.h>

#include "spec_samples.h"

namespace nocobase_operator::app {
namespace {

using Codes = std::vector<std::string>;

struct Named {
  std::string file = "a.yaml";
  std::string ns = "apps";
  std::string name = "crm";
  std::string spec = "{}";  // merged into the sample's
};

std::vector<Placed> judged(const std::vector<Named>& clusters) {
  std::vector<Belongings> all;
  for (const Named& each : clusters) {
    kube::SourceDocument document{each.file, sample(), {}, {}, {}};
    document.value["metadata"] = {{"name", each.name}, {"namespace", each.ns}};
    document.value["spec"].merge_patch(parsed(each.spec));
    document.marks[""] = {1, 1};
    document.marks["metadata.name"] = {4, 3};
    document.marks["spec.database"] = {9, 3};
    all.push_back(belongings_of(document, decode(document.value).cluster));
  }
  return judge_several(all);
}

Codes codes(const std::vector<Placed>& findings) {
  Codes out;
  for (const Placed& placed : findings) {
    out.push_back(placed.file + ":" + std::to_string(placed.mark.line) + " " + placed.finding.code + " " +
                  placed.finding.path);
  }
  return out;
}

const std::string own_database = R"({"database": {"name": "shop"}})";
const std::string own_all = R"({"database": {"name": "shop"}, "coordination": {"redis": {"host": "redis-shop"}}})";

TEST(Several, what_another_cluster_has_is_told_once_for_each_kind) {
  EXPECT_EQ(codes(judged({{}, {"b.yaml", "apps", "shop"}})),
            (Codes{"b.yaml:9 NB140 spec.database", "b.yaml:1 NB141 spec.coordination.redis"}));
  EXPECT_EQ(codes(judged({{}, {"b.yaml", "apps", "shop", own_database}})),
            Codes{"b.yaml:1 NB141 spec.coordination.redis"});
  EXPECT_EQ(codes(judged({{}, {"b.yaml", "apps", "shop", own_all}})), Codes());
  const std::vector<Placed> found = judged({{}, {"b.yaml", "apps", "shop"}});
  EXPECT_EQ(found[0].finding.message, "database nocobase on pg-rw.apps:5432 is taken by cluster apps/crm already");
  EXPECT_EQ(found[1].finding.message, "number 0 of the Redis redis.apps:6379 is taken by cluster apps/crm already");
}

TEST(Several, short_host_names_are_of_the_namespace) {
  EXPECT_EQ(codes(judged({{}, {"b.yaml", "shop", "shop"}})), Codes());
  const std::string far =
      R"({"database": {"host": "pg.example.com"}, "coordination": {"redis": {"host": "r.example.com"}}})";
  EXPECT_EQ(codes(judged({{"a.yaml", "apps", "crm", far}, {"b.yaml", "shop", "shop", far}})),
            (Codes{"b.yaml:9 NB140 spec.database", "b.yaml:1 NB141 spec.coordination.redis"}));
}

TEST(Several, schema_prefix_port_and_numbers_tell_them_apart) {
  const auto beside = [](const std::string& spec) { return codes(judged({{}, {"b.yaml", "apps", "shop", spec}})); };
  const Codes redis = {"b.yaml:1 NB141 spec.coordination.redis"};
  EXPECT_EQ(beside(R"({"database": {"schema": "shop"}})"), redis);
  EXPECT_EQ(beside(R"({"database": {"tablePrefix": "s_"}})"), redis);
  EXPECT_EQ(beside(R"({"database": {"port": 5433}})"), redis);
  EXPECT_EQ(beside(R"({"database": {"name": "shop"}, "coordination": {"redis": {"databases":
                      {"cache": 5, "pubsub": 6, "lock": 7, "queue": 8, "workerId": 9}}}})"),
            Codes());
  EXPECT_EQ(beside(R"({"database": {"name": "shop"}, "coordination": {"redis": {"databases":
                      {"cache": 5, "pubsub": 6, "lock": 7, "queue": 8}}}})"),
            redis);
  EXPECT_EQ(beside(R"({"database": {"dialect": "sqlite"}, "coordination": null})"), Codes());
}

TEST(Several, claims) {
  const std::string claim =
      R"({"database": {"name": "shop"}, "coordination": null, "storage": {"existingClaim": "files"}})";
  const Named first{"a.yaml", "apps", "crm", R"({"storage": {"existingClaim": "files"}})"};
  EXPECT_EQ(codes(judged({first, {"b.yaml", "apps", "shop", claim}})),
            Codes{"b.yaml:1 NB142 spec.storage.existingClaim"});
  EXPECT_EQ(codes(judged({first, {"b.yaml", "shop", "shop", claim}})), Codes());
}

TEST(Several, one_name_in_two_files_is_one_cluster_in_two_overlays) {
  EXPECT_EQ(codes(judged({{}, {"b.yaml"}})), Codes());
  EXPECT_EQ(codes(judged({{}, {}})), Codes{"a.yaml:4 NB143 metadata.name"});
}

}  // namespace
}  // namespace nocobase_operator::app
