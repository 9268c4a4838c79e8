// Secrets and ConfigMaps that pods take variables from: a change replaces the pods, equal content does not.
#include <csignal>
#include <set>

#include "harness.h"

namespace nocobase_operator::e2e {

namespace {

using testing::IsEmpty;

class ContentTest : public OperatorTest {
 protected:
  void SetUp() override {
    OperatorTest::SetUp();
    if (!HasFatalFailure()) {
      put("ConfigMap", "settings", {{"TZ", "UTC"}});
      Json roles = three_roles();
      roles[1]["env"] = {{{"name", "TZ"}, {"valueFrom", {{"configMapKeyRef", {{"name", "settings"}, {"key", "TZ"}}}}}}};
      apply(cluster("crm", roles));
      ASSERT_TRUE(wait_ready("crm"));
    }
  }

  void put(const std::string& kind, const std::string& name, const Json& data) const {
    Json object = {{"apiVersion", "v1"}, {"kind", kind}, {"metadata", {{"name", name}}}};
    object[kind == "Secret" ? "stringData" : "data"] = data;
    apply(object);
  }
  [[nodiscard]] std::string content(const std::string& role) const {
    return text_at(get("deployment", "crm-" + role), "/spec/template/metadata/annotations/nocobase.com~1content-hash");
  }
  // True once the operator has read everything again: twice the period, and what a busy machine adds.
  [[nodiscard]] bool wait_reread() const {
    const auto reads = [this] {
      std::size_t count = 0;
      for (const auto& read : cp().reads_since(mark_, Operator::user, ns)) {
        count += read == "secrets/postgres" ? 1 : 0;
      }
      return count;
    };
    return wait_for("the Secret is read again", seconds(60),
                    [&]() -> std::string { return reads() >= 2 ? "" : std::to_string(reads()) + " reads"; });
  }
  void note() { mark_ = cp().mark(); }

  std::uint64_t mark_ = 0;
};

TEST_F(ContentTest, a_changed_secret_replaces_the_pods_of_every_role) {
  const std::string before = content("web");
  EXPECT_EQ(before.size(), 16U);
  put("Secret", "postgres", {{"password", "another"}});
  ASSERT_TRUE(wait_for("every role has the new content", seconds(60), [&]() -> std::string {
    const std::set<std::string> all = {content("web"), content("tasks")};
    return all.size() == 1 && !all.contains(before) ? "" : "not yet";
  }));
  ASSERT_TRUE(wait_ready("crm"));
}

TEST_F(ContentTest, a_changed_config_map_replaces_the_pods_of_the_role_that_uses_it) {
  const std::string web = content("web");
  const std::string workflow = content("workflow");
  put("ConfigMap", "settings", {{"TZ", "Asia/Shanghai"}});
  ASSERT_TRUE(wait_for("the role has the new content", seconds(60),
                       [&]() -> std::string { return content("workflow") != workflow ? "" : "not yet"; }));
  ASSERT_TRUE(wait_ready("crm"));
  EXPECT_EQ(content("web"), web);
}

TEST_F(ContentTest, equal_content_writes_nothing) {
  note();
  ASSERT_EQ(cp().kubectl({"annotate", "secret", "postgres", "-n", ns, "touched=yes"}).code, 0);
  put("ConfigMap", "settings", {{"TZ", "UTC"}, {"OTHER", "nobody refers to it"}});
  ASSERT_TRUE(wait_reread());
  EXPECT_THAT(writes_since(mark_), IsEmpty());
}

TEST_F(ContentTest, a_secret_that_is_deleted_and_made_anew_with_equal_content_replaces_no_pod) {
  const auto generation = [this] { return at(get("deployment", "crm-web"), "/metadata/generation", 0); };
  const int before = generation();
  ASSERT_EQ(cp().kubectl({"delete", "secret", "postgres", "-n", ns}).code, 0);
  put("Secret", "postgres", {{"password", "for tests"}});
  note();
  ASSERT_TRUE(wait_reread());
  EXPECT_EQ(generation(), before);
}

TEST_F(ContentTest, an_operator_that_starts_anew_reads_all_and_writes_nothing) {
  Operator::get().kill(SIGKILL);
  note();
  ASSERT_NO_FATAL_FAILURE(Operator::get().ensure_running());
  ASSERT_TRUE(wait_reread());
  EXPECT_THAT(writes_since(mark_), IsEmpty());
}

TEST_F(ContentTest, a_missing_secret_is_named_and_waited_for) {
  Json late = cluster("late", three_roles());
  late["spec"]["database"]["passwordSecretRef"]["name"] = "late";
  apply(late);
  ASSERT_TRUE(wait_for("the missing Secret is named", seconds(60), [&]() -> std::string {
    const Json status = get("nbc", "late");
    const bool named = status.dump().find("Secret " + ns + "/late does not exist") != std::string::npos;
    return named && condition(status, "Ready") == "False ReferenceMissing" ? "" : condition(status, "Ready");
  }));
  EXPECT_FALSE(cp().find("deployment", ns, "late-web").has_value());
  put("Secret", "late", {{"password", "here"}});
  ASSERT_TRUE(wait_ready("late"));
}

}  // namespace

}  // namespace nocobase_operator::e2e
