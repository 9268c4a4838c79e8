// The memo knows the same answers sooner. That they are the same is checked wherever a world of these tests settles
// (plan_world.cpp).
#include "app/memo.h"

#include <gtest/gtest.h>

#include "app/names.h"
#include "app/validate.h"
#include "base/hash.h"
#include "kube/meta.h"
#include "kube/owned.h"
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
  EXPECT_NE(work.deployment(0).sealed({.content = 7, .epoch = 0, .applied = 0})->hash, 0U);
  EXPECT_EQ(rendered(image, input({{2, 2}, {1, 1}})), first);
  EXPECT_NE(work.deployment(0).child().hash, 0U);
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
    EXPECT_EQ(work.deployment(0).child().hash, 0U) << "what was sealed is of another rendering";
    EXPECT_NE(rendered(image, input({{2, 2}, {1, 1}})), again);
  }
}

// One Deployment in place of a rendered one and one for each thing that may be told of it: none leaves a trace.
TEST(Memo, SealsADeploymentAnewFromWhatWasSealedLast) {
  for (const char* const annotations : {"{}", R"({"metadata": {"annotations": {"a": "b"}}})"}) {
    SCOPED_TRACE(annotations);
    const Json object = changed(sample(), "/spec/podTemplate", annotations);
    const RenderInput of = input({{2, 2}, {1, 1}});
    Memo memo;
    Memo::Work& work = memo.of(object);
    ASSERT_TRUE(work.rendered(image, of).ok());
    const std::vector<Memo::Told> history{{7, 0, 0}, {7, 1, 0}, {8, 5, 3}, {0, 0, 0}, {0, 5, 3}, {7, 0, 0}, {7, 0, 0}};
    std::vector<std::shared_ptr<const Child>> held;
    for (const Memo::Told& told : history) {
      Memo other;
      Memo::Work& fresh = other.of(object);
      ASSERT_TRUE(fresh.rendered(image, of).ok());
      const std::shared_ptr<const Child> sealed = work.deployment(0).sealed(told);
      EXPECT_EQ(*sealed, *fresh.deployment(0).sealed(told));
      EXPECT_EQ(sealed->hash, kube::content_hash(kube::Kind::deployment, sealed->body, annotation_applied));
      EXPECT_EQ(kube::string_at(sealed->body, {"spec", "template", "metadata", "annotations", annotation_content}),
                told.content == 0 ? "" : hex64(told.content));
      EXPECT_EQ(kube::annotation_of(sealed->body, annotation_epoch), "1");
      if (held.size() < 3) {
        held.push_back(sealed);  // so that it is not changed in place
      }
    }
    EXPECT_EQ(kube::string_at(held[0]->body, {"spec", "template", "metadata", "annotations", annotation_content}),
              hex64(7));
  }
}

// The epoch of the live one stays where nothing else differs from what was applied to it.
TEST(Memo, SealsADeploymentWithTheLiveEpochWhereThatIsAllThatDiffers) {
  Memo memo;
  Memo::Work& work = memo.of(sample());
  ASSERT_TRUE(work.rendered(image, input({{2, 2}, {1, 1}})).ok());
  Memo::Deployment& deployment = work.deployment(0);
  const std::uint64_t own = deployment.sealed({.content = 7, .epoch = 0, .applied = 0})->hash;
  RenderInput later = input({{2, 2}, {1, 1}});
  later.epoch = 2;
  ASSERT_TRUE(work.rendered(image, later).ok());
  Memo::Deployment& again = work.deployment(0);
  EXPECT_EQ(again.sealed({.content = 7, .epoch = 1, .applied = own})->hash, own);
  EXPECT_EQ(kube::annotation_of(again.child().body, annotation_epoch), "1");
  EXPECT_NE(again.sealed({.content = 8, .epoch = 1, .applied = own})->hash, own);
  EXPECT_EQ(kube::annotation_of(again.child().body, annotation_epoch), "2");
  EXPECT_EQ(again.sealed({.content = 7, .epoch = 1, .applied = own})->hash, own);
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
