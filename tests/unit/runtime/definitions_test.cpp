// Whether work may go on with the definitions that the API server has.
#include "runtime/definitions.h"

#include <gtest/gtest.h>

#include "unit/runtime/objects.h"

namespace nocobase_operator::runtime {
namespace {

using kube::Fields;
using kube::Json;
using kube::Kind;
using objects::at;

const std::map<Kind, Fields> needed = {{Kind::nocobase_cluster, {"spec", "spec.image", "spec.setup"}},
                                       {Kind::nocobase_role, {"spec", "spec.replicas"}}};

// A document with these fields of a cluster's spec, and roles as they are to be.
kube::HttpResponse document(const std::vector<std::string>& fields) {
  const auto schema = [](const char* kind, const std::vector<std::string>& names) {
    Json spec = Json::object();
    for (const std::string& name : names) {
      spec["properties"][name] = Json::object();
    }
    return Json{{"properties", {{"spec", std::move(spec)}}},
                {"x-kubernetes-group-version-kind",
                 Json::array({Json{{"group", "nocobase.com"}, {"version", "v1alpha1"}, {"kind", kind}}})}};
  };
  const Json out = {
      {"components",
       {{"schemas",
         {{"cluster", schema("NocoBaseCluster", fields)}, {"role", schema("NocoBaseRole", {"replicas"})}}}}}};
  return {200, "", out.dump()};
}

Definitions made() {
  return Definitions({.needed = needed}, Rng(1));
}

TEST(Definitions, AreAskedForAtTheStartAndThenWhenTheyMayHaveChanged) {
  Definitions of = made();
  EXPECT_FALSE(of.sufficient());
  const auto request = of.poll(at(0));
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->path_and_query, "/openapi/v3/apis/nocobase.com/v1alpha1");
  EXPECT_FALSE(of.poll(at(0)).has_value()) << "one at a time";
  EXPECT_EQ(of.next_wake(), std::nullopt);
  of.replied(document({"image", "setup", "more"}), at(1));
  EXPECT_TRUE(of.sufficient());
  EXPECT_EQ(of.next_wake(), std::nullopt);
  of.suspect(at(60'000));
  EXPECT_TRUE(of.sufficient()) << "until the answer";
  EXPECT_TRUE(of.poll(at(60'000)).has_value());
}

TEST(Definitions, WithoutAFieldHoldWorkUpUntilTheyHaveIt) {
  Definitions of = made();
  (void)of.poll(at(0));
  of.replied(document({"image"}), at(0));
  EXPECT_FALSE(of.sufficient());
  EXPECT_EQ(of.missing(), (std::map<Kind, Fields>{{Kind::nocobase_cluster, {"spec.setup"}}}));
  EXPECT_EQ(of.next_wake(), at(5'000).mono);
  EXPECT_FALSE(of.poll(at(4'999)).has_value());
  EXPECT_TRUE(of.poll(at(5'000)).has_value());
  of.replied(Error{Code::unavailable, "down"}, at(5'000));
  EXPECT_FALSE(of.sufficient()) << "nothing has become better";
  EXPECT_EQ(of.last_error(), "down");
  EXPECT_TRUE(of.poll(at(5'500)).has_value());
  of.replied(document({"image", "setup"}), at(5'500));
  EXPECT_TRUE(of.sufficient());
  EXPECT_EQ(of.last_error(), "");
}

TEST(Definitions, ThatBecomeOlderHoldWorkUp) {
  Definitions of = made();
  (void)of.poll(at(0));
  of.replied(document({"image", "setup"}), at(0));
  of.suspect(at(1'000));
  (void)of.poll(at(1'000));
  of.replied(document({"setup"}), at(1'000));
  EXPECT_FALSE(of.sufficient());
}

TEST(Definitions, ThatMayNotBeReadHoldNobodyUp) {
  Definitions of = made();
  (void)of.poll(at(0));
  of.replied(kube::HttpResponse{403, "", "no"}, at(0));
  EXPECT_TRUE(of.sufficient());
  EXPECT_EQ(of.last_error(), "HTTP 403: no");
  EXPECT_EQ(of.next_wake(), std::nullopt) << "until the next watch";
}

TEST(Definitions, ThatCannotBeReadAtTheStartAreWaitedFor) {
  Definitions of = made();
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(of.poll(at(i * 60'000)).has_value());
    of.replied(kube::HttpResponse{404, "", "none"}, at(i * 60'000));
    EXPECT_FALSE(of.sufficient());
  }
  of.suspect(at(19 * 60'000));
  ASSERT_TRUE(of.poll(at(19 * 60'000)).has_value()) << "a watch has begun: they are there";
  of.replied(kube::HttpResponse{404, "", "none"}, at(19 * 60'000));
  EXPECT_LE(of.next_wake().value_or(Instant::max()), at(19 * 60'000 + 1'000).mono) << "the back-off begins anew";
}

TEST(Definitions, KindThatIsNotThereIsForItsWatchToTell) {
  Definitions of = made();
  (void)of.poll(at(0));
  of.replied(kube::HttpResponse{200, "", "{}"}, at(0));
  EXPECT_TRUE(of.missing().empty());
}

TEST(Definitions, NothingIsAskedWhenNothingIsNeeded) {
  Definitions of({}, Rng(1));
  EXPECT_TRUE(of.sufficient());
  EXPECT_FALSE(of.poll(at(0)).has_value());
  EXPECT_EQ(of.next_wake(), std::nullopt);
}

TEST(Definitions, MissingFieldsAreListedWithoutWhatIsBelowThem) {
  EXPECT_EQ(list_of({}), "");
  EXPECT_EQ(list_of({{Kind::nocobase_cluster, {"spec.a", "spec.a.b", "spec.ab", "spec.r", "spec.r[].x"}},
                     {Kind::nocobase_role, {"a", "b", "c", "d", "e", "f", "g"}}}),
            "NocoBaseCluster: spec.a, spec.ab, spec.r; NocoBaseRole: a, b, c, d, e and 2 more");
}

}  // namespace
}  // namespace nocobase_operator::runtime
