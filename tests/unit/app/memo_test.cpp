// The memo knows the same answers sooner. That they are the same is checked wherever a world of these tests settles
// (plan_world.cpp).
#include "app/memo.h"

#include <gtest/gtest.h>

#include "app/validate.h"
#include "unit/app/spec_samples.h"

namespace nocobase_operator::app {
namespace {

const std::string image = "nocobase/nocobase:2.2.15-full";

RenderInput input(const std::vector<RoleCount>& counts) {
  return {.cluster = nullptr, .counts = counts, .epoch = 1, .seals_deployments = false, .hold = false};
}

Json with_uid(Json object, const std::string& uid) {
  object["metadata"]["uid"] = uid;
  return object;
}

TEST(Memo, WorksASpecOutOnceWhateverItsStatusSays) {
  Memo memo;
  const Json object = sample();
  const Memo::Work* const first = &memo.of(object);
  EXPECT_EQ(*first->cluster(), decode(object).cluster);
  EXPECT_EQ(&memo.of(changed(object, "/status", R"({"phase": "Running"})")), first);
  const std::shared_ptr<const Cluster> before = first->cluster();
  const Memo::Work& other = memo.of(changed(object, "/spec/roles/0/replicas", "3"));
  EXPECT_NE(other.cluster(), before);
  EXPECT_EQ(other.cluster()->spec.roles[0].replicas, 3);
}

TEST(Memo, FindsWhatIsWrongAsOftenAsItIsAsked) {
  Memo memo;
  const Json wrong = changed(sample(), "/spec/roles/0/replicas", "-1");
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(codes_of(memo.of(wrong).findings()), (std::vector<std::string>{"NB004 spec.roles[0].replicas"}));
  }
  EXPECT_EQ(first_error(memo.of(sample()).findings()), nullptr);
}

TEST(Memo, RendersAgainOnlyWhereTheInputIsAnother) {
  Memo memo;
  Memo::Work& work = memo.of(sample());
  const auto rendered = [&](const std::string& with, const RenderInput& of) {
    const auto result = work.rendered(with, of);
    EXPECT_TRUE(result.ok());
    return result.value()->children;
  };
  const auto first = rendered(image, input({{2, 2}, {1, 1}}));
  EXPECT_EQ(rendered(image, input({{2, 2}, {1, 1}})), first);  // the same objects, not only equal ones
  work.sealed(0).content = 7;
  EXPECT_EQ(rendered(image, input({{2, 2}, {1, 1}})), first);
  EXPECT_EQ(work.sealed(0).content, 7U);
  RenderInput later = input({{2, 2}, {1, 1}});
  later.epoch = 2;
  RenderInput held = input({{2, 2}, {1, 1}});
  held.hold = true;
  for (const auto& [with, of] :
       {std::pair(image, input({{2, 2}, {1, 0}})), std::pair(image, later), std::pair(image, held),
        std::pair(std::string("nocobase/nocobase:2.2.16-full"), input({{2, 2}, {1, 1}}))}) {
    const auto again = rendered(with, of);
    EXPECT_EQ(again.size(), first.size());
    EXPECT_NE(again, first);
    EXPECT_EQ(work.sealed(0).content, 0U) << "what was sealed is of another rendering";
    EXPECT_NE(rendered(image, input({{2, 2}, {1, 1}})), again);
  }
}

TEST(Memo, KeepsTheClustersThatWereLookedAtLast) {
  Memo memo(2);
  const std::shared_ptr<const Cluster> a = memo.of(with_uid(sample(), "a")).cluster();
  const std::shared_ptr<const Cluster> b = memo.of(with_uid(sample(), "b")).cluster();
  EXPECT_EQ(memo.of(with_uid(sample(), "a")).cluster(), a);
  static_cast<void>(memo.of(with_uid(sample(), "c")));
  EXPECT_EQ(memo.of(with_uid(sample(), "a")).cluster(), a);
  EXPECT_NE(memo.of(with_uid(sample(), "b")).cluster(), b);
}

TEST(Memo, KeepsOneSpecOfACluster) {
  Memo memo(2);
  static_cast<void>(memo.of(with_uid(sample(), "a")));
  const std::shared_ptr<const Cluster> b = memo.of(with_uid(sample(), "b")).cluster();
  for (const char* const replicas : {"3", "4", "5"}) {
    static_cast<void>(memo.of(with_uid(changed(sample(), "/spec/roles/0/replicas", replicas), "a")));
  }
  EXPECT_EQ(memo.of(with_uid(sample(), "b")).cluster(), b);
}

}  // namespace
}  // namespace nocobase_operator::app
