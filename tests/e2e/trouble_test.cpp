// Clusters that cannot be what they are asked to be say what is wrong and where, and keep no other from its work.
#include <chrono>
#include <iostream>

#include "harness.h"

namespace nocobase_operator::e2e {

namespace {

using testing::AllOf;
using testing::HasSubstr;

class TroubleTest : public OperatorTest {
 protected:
  // "status reason: message" of a condition of a cluster.
  [[nodiscard]] static std::string told(const std::string& in, const std::string& name, std::string_view type) {
    for (const auto& each : at(cp().find("nbc", in, name).value_or(Json()), "/status/conditions", Json::array())) {
      if (text_at(each, "/type") == type) {
        return text_at(each, "/status") + " " + text_at(each, "/reason") + ": " + text_at(each, "/message");
      }
    }
    return "";
  }
  static void wait_told(const std::string& in, const std::string& name, std::string_view type,
                        const testing::Matcher<const std::string&>& what) {
    EXPECT_TRUE(wait_for(name + " says what is wrong", seconds(60), [&] {
      const std::string now = told(in, name, type);
      return what.Matches(now) ? "" : "it says " + now;
    }));
  }
};

TEST_F(TroubleTest, three_say_what_is_wrong_and_a_fourth_is_served) {
  const std::string tight = ns + "-tight";
  ASSERT_EQ(cp().kubectl({"create", "namespace", tight}).code, 0);
  ASSERT_EQ(cp().kubectl({"create", "quota", "pods", "--hard=pods=1", "-n", tight}).code, 0);
  for (const auto* secret : {"postgres", "redis"}) {
    ASSERT_EQ(cp().kubectl({"create", "secret", "generic", secret, "--from-literal=password=x", "-n", tight}).code, 0);
  }
  Json roles = three_roles();
  roles[1]["podTemplate"] = {
      {"spec",
       {{"containers", Json::array({{{"name", "sidecar"}, {"image", "busybox"}, {"imagePullPolicy", "Now"}}})}}}};
  ASSERT_NO_FATAL_FAILURE(apply(cluster("template", roles)));
  Json keyless = cluster("keyless", three_roles());
  keyless["spec"]["keys"] = {{"secretRef", {{"name", "nowhere"}}}};
  ASSERT_NO_FATAL_FAILURE(apply(keyless));
  const Output quota =
      cp().kubectl({"apply", "--server-side", "-n", tight, "-f", "-"}, cluster("tight", three_roles()).dump());
  ASSERT_EQ(quota.code, 0) << quota.err;
  ASSERT_NO_FATAL_FAILURE(apply(cluster("fourth", three_roles())));

  EXPECT_TRUE(wait_ready("fourth"));
  wait_told(ns, "template", "Stalled",
            AllOf(HasSubstr("True Refused: the API server refuses Deployment"), HasSubstr("template-workflow"),
                  HasSubstr("imagePullPolicy")));
  wait_told(ns, "keyless", "Stalled", AllOf(HasSubstr("True KeysMissing: "), HasSubstr("nowhere")));
  wait_told(tight, "tight", "Ready", AllOf(HasSubstr("False "), HasSubstr("role "), HasSubstr("exceeded quota: pods")));

  // What is refused keeps neither the rest of its cluster nor any other from its work.
  EXPECT_TRUE(cp().find("deployment", ns, "template-web").has_value());
  Json more = three_roles();
  more[0]["replicas"] = 2;
  const auto asked = std::chrono::steady_clock::now();
  ASSERT_NO_FATAL_FAILURE(apply(cluster("fourth", more)));
  EXPECT_TRUE(wait_for("the fourth is changed", seconds(60),
                       [&] { return at(get("deployment", "fourth-web"), "/spec/replicas", 0) == 2 ? "" : "not yet"; }));
  const auto took = std::chrono::steady_clock::now() - asked;
  std::cout << "with two kubectl and a look each 250 ms, the fourth was changed within "
            << std::chrono::duration_cast<std::chrono::milliseconds>(took).count() << " ms\n";
  EXPECT_TRUE(wait_for("the fourth is scaled", seconds(60), [&] {
    const int replicas = at(get("deployment", "fourth-web"), "/status/readyReplicas", 0);
    return replicas == 2 ? "" : std::to_string(replicas) + " are ready";
  }));

  ASSERT_NO_FATAL_FAILURE(apply(cluster("template", three_roles())));
  EXPECT_TRUE(wait_ready("template", seconds(120)));
  EXPECT_EQ(cp().kubectl({"delete", "nbc/tight", "-n", tight, "--wait=false"}).code, 0);
  EXPECT_EQ(cp().kubectl({"delete", "namespace", tight, "--wait=false"}).code, 0);
}

TEST_F(TroubleTest, events_tell_what_has_happened) {
  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", three_roles())));
  ASSERT_TRUE(wait_ready("crm"));
  Json roles = three_roles();
  roles[0]["replicas"] = 2;
  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", roles)));
  ASSERT_TRUE(wait_ready("crm"));
  ASSERT_NO_FATAL_FAILURE(
      apply({{"apiVersion", "v1"},
             {"kind", "Service"},
             {"metadata", {{"name", "other"}}},
             {"spec", {{"ports", Json::array({{{"port", 80}}})}, {"selector", {{"app", "other"}}}}}}));
  ASSERT_NO_FATAL_FAILURE(apply(cluster("other", three_roles())));
  const auto shows = [&](const std::string& name, const std::vector<std::string>& words) {
    return [&, name, words]() -> std::string {
      const Output described = cp().kubectl({"describe", "nbc", name, "-n", ns});
      const auto events = described.out.find("Events:");
      const std::string text = events == std::string::npos ? "" : described.out.substr(events);
      for (const std::string& word : words) {
        if (text.find(word) == std::string::npos) {
          return "no '" + word + "' in " + text;
        }
      }
      return "";
    };
  };
  EXPECT_TRUE(wait_for("the Events of crm", seconds(30),
                       shows("crm", {"KeysCreated", "made Secret crm-keys", "RoleCreated", "role web from 0 to 1 pod",
                                     "RoleScaled", "role web from 1 to 2 pods", "AllRolesReady"})));
  EXPECT_TRUE(wait_for("the Events of other", seconds(30), shows("other", {"Warning", "NameConflict", "Service"})));
}

}  // namespace

}  // namespace nocobase_operator::e2e
