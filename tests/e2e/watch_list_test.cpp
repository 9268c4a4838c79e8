// API servers without streaming lists.
#include <csignal>

#include "harness.h"

namespace nocobase_operator::e2e {

namespace {

class WatchListTest : public OperatorTest {
 protected:
  void TearDown() override {
    EXPECT_TRUE(cp().restart_api_server("TERM", seconds(0)));
    OperatorTest::TearDown();
  }
};

TEST_F(WatchListTest, what_is_not_streamed_is_listed_in_pages) {
  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", three_roles())));
  ASSERT_TRUE(wait_ready("crm"));
  Operator::get().kill(SIGTERM);
  ASSERT_TRUE(cp().restart_api_server("TERM", seconds(0), "--feature-gates=WatchList=false"));
  const Output refused = cp().kubectl(
      {"get", "--raw",
       "/api/v1/pods?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1"});
  ASSERT_THAT(refused.err, testing::HasSubstr("sendInitialEvents")) << "this API server streams lists";
  const auto mark = cp().mark();
  Operator::get().ensure_running();
  ASSERT_TRUE(wait_caught_up());
  EXPECT_THAT(writes_since(mark), testing::IsEmpty()) << "it knows what is there";
  // What was listed is watched on.
  ASSERT_EQ(cp().kubectl({"delete", "deployment/crm-web", "-n", ns}).code, 0);
  EXPECT_TRUE(wait_for("the Deployment comes back", seconds(60), [&]() -> std::string {
    return cp().find("deployment", ns, "crm-web") ? "" : "it does not exist";
  }));
  EXPECT_TRUE(wait_ready("crm"));
}

}  // namespace

}  // namespace nocobase_operator::e2e
