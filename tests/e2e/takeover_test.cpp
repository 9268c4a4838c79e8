// Two operators, one Lease: at any time at most one of them writes.
#include <csignal>
#include <iostream>
#include <thread>

#include "own_operator.h"

namespace nocobase_operator::e2e {

namespace {

using std::chrono::steady_clock;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr auto system_namespace = "nocobase-operator-system";

class TakeoverTest : public OperatorTest {
 protected:
  void SetUp() override {
    OperatorTest::SetUp();
    Operator::get().kill(SIGTERM);
    for (const auto* name : {"first", "second"}) {
      ASSERT_NO_FATAL_FAILURE(grant_all_rights(name));
    }
  }

  void start(OwnOperator& one, const std::string& name) const {
    one.start(kubeconfig_of(system_namespace, name, api_server()),
              {"--namespace", ns, "--lease-namespace", system_namespace});
  }

  [[nodiscard]] static std::string holder() {
    return text_at(cp().find("lease", system_namespace, "nocobase-operator").value_or(Json()), "/spec/holderIdentity");
  }
  [[nodiscard]] static bool wait_holder(const std::string& name) {
    return wait_for(name + " leads", seconds(60), [&] { return holder() == name ? "" : holder() + " leads"; });
  }

  void scale_web(int replicas) const {
    Json roles = three_roles();
    roles[0]["replicas"] = replicas;
    apply(cluster("crm", roles));
  }
  [[nodiscard]] bool wait_scaled(int replicas) const {
    return wait_for("crm-web has its number of pods", seconds(60), [&]() -> std::string {
      const int now = at(get("deployment", "crm-web"), "/spec/replicas", -1);
      return now == replicas ? "" : std::to_string(now);
    });
  }

  [[nodiscard]] std::vector<Write> writes_of(const std::string& name, std::uint64_t mark) const {
    return cp().writes_since(mark, "system:serviceaccount:" + std::string(system_namespace) + ":" + name, ns);
  }
};

TEST_F(TakeoverTest, a_leader_that_was_frozen_writes_nothing_and_one_that_ends_hands_over) {
  OwnOperator first("first");
  OwnOperator second("second");
  ASSERT_NO_FATAL_FAILURE(start(first, "first"));
  ASSERT_TRUE(wait_holder("first"));
  ASSERT_NO_FATAL_FAILURE(start(second, "second"));
  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", three_roles())));
  ASSERT_TRUE(wait_ready("crm"));
  EXPECT_THAT(writes_of("second", 0), IsEmpty());

  // What is asked for while the leader is frozen lies in its connections when it goes on.
  first.signal(SIGSTOP);
  const auto frozen = cp().mark();
  const auto until = steady_clock::now() + seconds(40);
  ASSERT_NO_FATAL_FAILURE(scale_web(2));
  ASSERT_TRUE(wait_holder("second"));
  ASSERT_TRUE(wait_scaled(2));
  std::this_thread::sleep_until(until);
  ASSERT_NO_FATAL_FAILURE(scale_web(3));
  first.signal(SIGCONT);
  ASSERT_TRUE(wait_scaled(3));
  EXPECT_TRUE(wait_for("the first knows that it no longer leads", seconds(30), [&]() -> std::string {
    return first.http("/metrics").find("leader_election_master_status{name=\"nocobase-operator\"} 0") !=
                   std::string::npos
               ? ""
               : first.log();
  }));
  ASSERT_TRUE(wait_ready("crm"));
  EXPECT_THAT(writes_of("first", frozen), IsEmpty());
  EXPECT_THAT(writes_of("second", frozen), Not(IsEmpty()));
  EXPECT_EQ(holder(), "second");
  EXPECT_TRUE(first.running());

  const auto handover = cp().mark();
  const auto began = steady_clock::now();
  second.stop(SIGTERM);
  ASSERT_TRUE(wait_holder("first"));
  std::cout << "handed over after "
            << std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - began).count() << " ms\n";
  EXPECT_THAT(second.log(), HasSubstr("stopped"));
  ASSERT_NO_FATAL_FAILURE(scale_web(1));
  ASSERT_TRUE(wait_scaled(1));
  EXPECT_THAT(writes_of("second", handover), IsEmpty());
  EXPECT_THAT(writes_of("first", handover), Not(IsEmpty()));
  first.stop(SIGTERM);
}

}  // namespace

}  // namespace nocobase_operator::e2e
