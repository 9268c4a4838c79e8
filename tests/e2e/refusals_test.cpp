// What the API server itself refuses: the CRD's rules need no operator, and no webhook.
#include "harness.h"

namespace nocobase_operator::e2e {

namespace {

using testing::HasSubstr;

class RefusalsTest : public NamespaceTest {};

TEST_F(RefusalsTest, the_api_server_refuses_what_cannot_be_meant) {
  Json idle = cluster("bad", three_roles());
  idle["spec"]["roles"][1].erase("services");
  Json mode_of_role = cluster("bad", three_roles());
  mode_of_role["spec"]["roles"][0]["env"] = Json::array({{{"name", "WORKER_MODE"}, {"value", "!"}}});
  Json mode_of_all = cluster("bad", three_roles());
  mode_of_all["spec"]["env"] = Json::array({{{"name", "WORKER_MODE"}, {"value", "*"}}});
  Json many = cluster("bad", three_roles());
  many["spec"]["roles"][0]["replicas"] = 31;
  struct Case {
    const char* name;
    const Json* object;
    const char* where;
    const char* why;
  };
  const Case cases[] = {
      {"a role with neither requests nor services", &idle, "spec.roles[1]", "services"},
      {"WORKER_MODE in a role's env", &mode_of_role, "spec.roles[0].env[0].name", "written by the operator"},
      {"WORKER_MODE in the cluster's env", &mode_of_all, "spec.env[0].name", "written by the operator"},
      {"more pods than worker ids", &many, "spec", "33 pods"},
  };
  for (const auto& [name, object, where, why] : cases) {
    SCOPED_TRACE(name);
    const Output refused = cp().kubectl({"apply", "--server-side", "-n", ns, "-f", "-"}, object->dump());
    EXPECT_NE(refused.code, 0);
    EXPECT_THAT(refused.err, HasSubstr(where));
    EXPECT_THAT(refused.err, HasSubstr(why));
  }
  EXPECT_FALSE(cp().find("nbc", ns, "bad").has_value());
}

}  // namespace

}  // namespace nocobase_operator::e2e
