// Deleting a cluster: what can be made again goes, what cannot stays and is taken up again.
#include <csignal>

#include "harness.h"

namespace nocobase_operator::e2e {

namespace {

class StorageTest : public OperatorTest {
 protected:
  [[nodiscard]] std::string uid(const std::string& kind, const std::string& name) const {
    return text_at(get(kind, name), "/metadata/uid");
  }
  [[nodiscard]] bool wait_collected() const {
    return wait_for("the children are collected", seconds(90), [&]() -> std::string {
      for (const auto& [kind, name] :
           {std::pair("deployment", "crm-web"), std::pair("deployment", "crm-tasks"), std::pair("nbr", "crm-web"),
            std::pair("service", "crm"), std::pair("serviceaccount", "crm")}) {
        if (cp().find(kind, ns, name)) {
          return std::string(kind) + "/" + name + " is there";
        }
      }
      return cp().list("pod", ns).empty() ? "" : "Pods are there";
    });
  }
};

TEST_F(StorageTest, keys_and_claim_outlive_their_cluster_and_serve_the_next) {
  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", three_roles())));
  ASSERT_TRUE(wait_ready("crm"));
  const Json keys = get("secret", "crm-keys");
  const std::string claim = uid("pvc", "crm-storage");
  const std::string deployment = uid("deployment", "crm-web");
  ASSERT_EQ(cp().kubectl({"delete", "nbc/crm", "-n", ns}).code, 0);
  ASSERT_TRUE(wait_collected());
  EXPECT_EQ(get("secret", "crm-keys"), keys);
  EXPECT_EQ(uid("pvc", "crm-storage"), claim);
  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", three_roles())));
  ASSERT_TRUE(wait_ready("crm"));
  EXPECT_EQ(get("secret", "crm-keys"), keys);
  EXPECT_EQ(uid("pvc", "crm-storage"), claim);
  EXPECT_NE(uid("deployment", "crm-web"), deployment);
}

// No finalizer waits for an operator that has been taken away.
TEST_F(StorageTest, a_cluster_can_be_deleted_where_no_operator_runs) {
  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", three_roles())));
  ASSERT_TRUE(wait_ready("crm"));
  Operator::get().kill(SIGTERM);
  const Output gone = cp().kubectl({"delete", "nbc/crm", "-n", ns, "--timeout=60s"});
  EXPECT_EQ(gone.code, 0) << gone.err;
  EXPECT_TRUE(wait_collected());
  EXPECT_TRUE(cp().find("pvc", ns, "crm-storage").has_value());
}

}  // namespace

}  // namespace nocobase_operator::e2e
