// `plan --live` and what the operator then does: every write that was told is made, and no other.
#include <algorithm>
#include <sstream>
#include <thread>

#include "harness.h"

namespace nocobase_operator::e2e {

namespace {

using Lines = std::vector<std::string>;

class PlanTest : public OperatorTest {
 protected:
  // What `plan --live` says of a cluster, as JSON; a test failure when its exit code is another.
  [[nodiscard]] Json told(const Json& object, int exit = 0) const {
    const Output out = run(
        {NBO_OPERATOR, "plan", "-", "--live", "--kubeconfig", cp().file("admin.kubeconfig"), "-n", ns, "-o", "json"},
        object.dump());
    EXPECT_EQ(out.code, exit) << out.err << out.out;
    const Json plans = Json::parse(out.out, nullptr, false);
    return plans.is_object() ? plans["plans"][0] : Json();
  }

  // The writes that a plan tells, as the audit log would have them, sorted.
  [[nodiscard]] static Lines writes_of(const Json& plan) {
    static const std::map<std::string, std::string> verbs = {
        {"apply", "patch"}, {"create", "create"}, {"remove", "delete"}};
    Lines lines;
    for (const Json& step : plan["steps"]) {
      for (const Json& write : step["writes"]) {
        lines.push_back(verbs.at(write["request"]) + " " + text_at(write, "/resource") + "/" + text_at(write, "/name"));
      }
    }
    std::sort(lines.begin(), lines.end());
    return lines;
  }

  // Those that the operator has made since, statuses left out, once it makes no more.
  [[nodiscard]] Lines made_since(std::uint64_t mark) const {
    std::size_t count = 0;
    do {
      count = writes_since(mark).size();
      std::this_thread::sleep_for(seconds(4));  // longer than two writes of a change are apart
    } while (count != writes_since(mark).size());
    Lines lines;
    for (const Write& write : writes_since(mark)) {
      if (write.code < 300 && write.what.find("/status/") == std::string::npos) {
        lines.push_back(write.verb + " " + write.what);
      }
    }
    std::sort(lines.begin(), lines.end());
    return lines;
  }
};

Json elastic() {
  Json roles = three_roles();
  roles[0]["replicas"] = 2;
  roles[2].erase("replicas");
  return cluster("crm", roles);
}

TEST_F(PlanTest, tells_exactly_what_the_operator_then_writes) {
  Json object = elastic();
  const Json first = told(object);
  EXPECT_EQ(text_at(first, "/summary"), "a first installation");
  auto mark = cp().mark();
  ASSERT_NO_FATAL_FAILURE(apply(object));
  ASSERT_TRUE(wait_ready("crm", seconds(120)));
  EXPECT_EQ(made_since(mark), writes_of(first));

  const Json nothing = told(object);
  EXPECT_EQ(text_at(nothing, "/summary"), "nothing is changed");
  EXPECT_EQ(writes_of(nothing), Lines());

  object["spec"]["roles"][0]["env"] = Json::array({Json{{"name", "TZ"}, {"value", "UTC"}}});
  const Json config = told(object);
  EXPECT_EQ(writes_of(config), Lines{"patch deployments/crm-web"});
  mark = cp().mark();
  ASSERT_NO_FATAL_FAILURE(apply(object));
  ASSERT_TRUE(wait_ready("crm", seconds(120)));
  EXPECT_EQ(made_since(mark), writes_of(config));

  object["spec"]["image"] = "nocobase/nocobase:2.2.16-full";
  const Json hook = {
      {"spec", {{"template", {{"spec", {{"containers", {{{"name", "hook"}, {"image", "tools:1"}}}}}}}}}}};
  object["spec"]["upgrade"] = {{"backup", {{"jobTemplate", hook}}}, {"verify", {{"jobTemplate", hook}}}};
  const Json upgrade = told(object);
  Lines steps;
  for (const Json& step : upgrade["steps"]) {
    steps.push_back(step["step"]);
  }
  EXPECT_EQ(steps, (Lines{"Pull", "Drain", "Backup", "Setup", "Migrate", "Verify", "Finish", "Start"}));
  mark = cp().mark();
  ASSERT_NO_FATAL_FAILURE(apply(object));
  ASSERT_TRUE(wait_for("the upgrade is through", seconds(180), [&]() -> std::string {
    const Json status = get("nbc", "crm")["status"];
    const std::string step = text_at(status, "/operation/step");
    return text_at(status, "/version") == "2.2.16" && step == "Idle" ? "" : "at " + step;
  }));
  ASSERT_TRUE(wait_ready("crm", seconds(60)));
  EXPECT_EQ(made_since(mark), writes_of(upgrade));
}

TEST_F(PlanTest, reads_and_never_writes) {
  ASSERT_NO_FATAL_FAILURE(apply(elastic()));
  ASSERT_TRUE(wait_ready("crm", seconds(120)));
  (void)made_since(cp().mark());
  const auto mark = cp().mark();
  Json object = elastic();
  object["spec"]["image"] = "nocobase/nocobase:2.1.41-full";
  const Json refused = told(object, 1);
  EXPECT_EQ(text_at(refused, "/reason"), "DowngradeRefused");
  EXPECT_EQ(cp().writes_since(mark, "kubernetes-admin", ns), std::vector<Write>());
  EXPECT_EQ(writes_since(mark), std::vector<Write>());
}

}  // namespace

}  // namespace nocobase_operator::e2e
