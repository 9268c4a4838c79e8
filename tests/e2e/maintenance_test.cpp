// Maintenance on and off beside a real HorizontalPodAutoscaler that scales a role.
#include <iostream>

#include "lifecycle_fixture.h"

namespace nocobase_operator::e2e {

namespace {

class MaintenanceTest : public LifecycleTest {
 protected:
  // One that asks for five pods whatever the load is: there are no metrics here.
  void autoscale_workflow() const {
    ASSERT_NO_FATAL_FAILURE(
        apply({{"apiVersion", "autoscaling/v2"},
               {"kind", "HorizontalPodAutoscaler"},
               {"metadata", {{"name", "workflow"}}},
               {"spec",
                {{"minReplicas", 5},
                 {"maxReplicas", 6},
                 {"scaleTargetRef",
                  {{"apiVersion", "nocobase.com/v1alpha1"}, {"kind", "NocoBaseRole"}, {"name", "crm-workflow"}}}}}}));
  }
  [[nodiscard]] int ready_pods(const std::string& deployment) const {
    return at(cp().find("deployment", ns, deployment).value_or(Json()), "/status/readyReplicas", 0);
  }
  [[nodiscard]] int intent() const { return at(get("nbr", "crm-workflow"), "/spec/replicas", -1); }
};

TEST_F(MaintenanceTest, a_role_that_an_autoscaler_has_at_five_is_at_five_afterwards) {
  Json roles = three_roles();
  roles[1].erase("replicas");
  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", roles)));
  ASSERT_TRUE(wait_ready("crm", seconds(120)));
  ASSERT_NO_FATAL_FAILURE(autoscale_workflow());
  ASSERT_TRUE(wait_for("the autoscaler has scaled", seconds(90), [&] {
    const int pods = ready_pods("crm-workflow");
    return pods == 5 ? std::string() : std::to_string(pods) + " are ready";
  }));

  Json object = cluster("crm", roles);
  object["spec"]["maintenance"] = true;
  ASSERT_NO_FATAL_FAILURE(apply(object));
  ASSERT_TRUE(wait_for("one pod is left", seconds(90), [&] {
    const std::size_t pods = pods_now().size();
    return pods == 1 && ready_pods("crm-web") == 1 ? std::string() : std::to_string(pods) + " are there";
  }));
  // The autoscaler looks every 15 s: it must have looked meanwhile.
  ASSERT_TRUE(wait_for("the autoscaler says that it stands still", seconds(60), [&]() -> std::string {
    const std::string active = condition(get("hpa", "workflow"), "ScalingActive");
    return active == "False InvalidSelector" ? "" : active;
  }));
  EXPECT_EQ(intent(), 5);
  EXPECT_EQ(pods_now().size(), 1U);

  ASSERT_NO_FATAL_FAILURE(apply(cluster("crm", roles)));
  ASSERT_TRUE(wait_for("all are back", seconds(90), [&] {
    const int pods = ready_pods("crm-workflow");
    return pods == 5 ? std::string() : std::to_string(pods) + " are ready";
  }));
  ASSERT_TRUE(wait_ready("crm"));
  EXPECT_EQ(intent(), 5);
  EXPECT_EQ(pods_now().size(), 7U);
}

}  // namespace

}  // namespace nocobase_operator::e2e
