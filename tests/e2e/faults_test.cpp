// Parts of the control plane fail; the operator carries on where it was.
#include "harness.h"

namespace nocobase_operator::e2e {

namespace {

using testing::IsEmpty;

class FaultsTest : public OperatorTest {};

TEST_F(FaultsTest, an_api_server_that_is_away_for_ten_seconds_costs_nothing) {
  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", three_roles())));
  ASSERT_TRUE(wait_ready("crm"));
  const std::string uid = text_at(get("deployment", "crm-web"), "/metadata/uid");
  const pid_t pid = Operator::get().pid();
  const auto mark = cp().mark();
  ASSERT_TRUE(cp().restart_api_server("KILL", seconds(10)));
  ASSERT_TRUE(wait_caught_up());
  EXPECT_TRUE(Operator::get().running());
  EXPECT_EQ(Operator::get().pid(), pid);
  EXPECT_THAT(writes_since(mark), IsEmpty());
  EXPECT_EQ(text_at(get("deployment", "crm-web"), "/metadata/uid"), uid);
  // Its watches are back: an edit is seen.
  ASSERT_EQ(cp().kubectl({"delete", "deployment/crm-web", "-n", ns}).code, 0);
  EXPECT_TRUE(wait_for("the Deployment comes back", seconds(60), [&]() -> std::string {
    return cp().find("deployment", ns, "crm-web") ? "" : "it does not exist";
  }));
  EXPECT_TRUE(wait_ready("crm"));
}

TEST_F(FaultsTest, a_pod_that_crashes_is_told_and_recovers) {
  Json roles = three_roles();
  roles[1]["podTemplate"] = {{"metadata", {{"annotations", {{"sim/fate", "crash"}}}}}};
  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", roles)));
  EXPECT_TRUE(wait_for("the cause is told", seconds(60), [&]() -> std::string {
    const Json object = get("nbc", "crm");
    for (const auto& each : at(object, "/status/conditions", std::vector<Json>())) {
      const std::string message = text_at(each, "/message");
      if (text_at(each, "/type") == "Ready" && text_at(each, "/status") == "False" &&
          message.find("workflow") != std::string::npos && message.find("CrashLoopBackOff") != std::string::npos) {
        return "";
      }
    }
    return at(object, "/status", Json()).dump();
  }));
  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", three_roles())));
  EXPECT_TRUE(wait_ready("crm", seconds(120)));
}

}  // namespace

}  // namespace nocobase_operator::e2e
