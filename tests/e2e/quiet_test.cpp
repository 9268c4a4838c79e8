// A settled cluster is left alone: nothing is written until something changes.
#include <csignal>
#include <thread>
#include <vector>

#include "harness.h"

namespace nocobase_operator::e2e {

namespace {

using testing::IsEmpty;
using testing::Not;

class QuietTest : public OperatorTest {
 protected:
  void SetUp() override {
    OperatorTest::SetUp();
    if (!HasFatalFailure()) {
      apply(cluster("crm", three_roles()));
      ASSERT_TRUE(wait_ready("crm"));
    }
  }

  // What the operator has told. Others tell of the same objects when they like.
  [[nodiscard]] std::vector<Json> told() const {
    std::vector<Json> out = cp().list("events", ns);
    std::erase_if(out, [](const Json& event) {
      return text_at(event, "/reportingComponent") != "nocobase.com/nocobase-operator";
    });
    EXPECT_THAT(out, Not(IsEmpty()));
    return out;
  }
};

TEST_F(QuietTest, applying_the_same_again_writes_nothing) {
  const Json same = cluster("crm", three_roles());
  const auto generation = at(get("nbc", "crm"), "/metadata/generation", 0);
  const auto mark = cp().mark();
  ASSERT_NO_FATAL_FAILURE(apply(same));
  ASSERT_TRUE(wait_caught_up());
  EXPECT_THAT(writes_since(mark), IsEmpty());
  EXPECT_EQ(at(get("nbc", "crm"), "/metadata/generation", 0), generation);
}

TEST_F(QuietTest, kubectl_apply_twice_writes_nothing_the_second_time) {
  const std::string text = cluster("twice", three_roles()).dump();
  ASSERT_EQ(cp().kubectl({"apply", "-n", ns, "-f", "-"}, text).code, 0);
  ASSERT_TRUE(wait_ready("twice"));
  const auto mark = cp().mark();
  ASSERT_EQ(cp().kubectl({"apply", "-n", ns, "-f", "-"}, text).code, 0);
  ASSERT_TRUE(wait_caught_up());
  EXPECT_THAT(writes_since(mark), IsEmpty());
}

TEST_F(QuietTest, an_idle_operator_writes_nothing_but_its_lease) {
  ASSERT_TRUE(wait_caught_up());
  const auto mark = cp().mark();
  const std::vector<Json> events = told();
  std::this_thread::sleep_for(slow() ? seconds(60)
                                     : seconds(20));  // the promise is about time in which nothing happens
  EXPECT_THAT(writes_since(mark), IsEmpty());
  EXPECT_THAT(cp().writes_since(mark, Operator::user, "nocobase-operator-system"), IsEmpty());
  EXPECT_EQ(told(), events);
}

TEST_F(QuietTest, an_operator_that_was_killed_comes_back_without_a_write) {
  const auto mark = cp().mark();
  Operator::get().kill(SIGKILL);
  ASSERT_NO_FATAL_FAILURE(Operator::get().ensure_running());
  ASSERT_TRUE(wait_caught_up());
  EXPECT_THAT(writes_since(mark), IsEmpty());
}

TEST_F(QuietTest, an_operator_that_is_stopped_ends_by_itself) {
  const auto mark = cp().mark();
  Operator::get().kill(SIGTERM);
  ASSERT_NO_FATAL_FAILURE(Operator::get().ensure_running());
  ASSERT_TRUE(wait_caught_up());
  EXPECT_THAT(writes_since(mark), IsEmpty());
}

}  // namespace

}  // namespace nocobase_operator::e2e
