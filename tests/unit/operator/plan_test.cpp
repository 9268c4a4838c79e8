// `plan` without a Kubernetes cluster: what is told of each kind of change, byte by byte, and with which exit code.
#include "operator/plan.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "golden.h"
#include "kube/json.h"
#include "operator/live.h"
#include "operator/plan_report.h"

namespace nocobase_operator::program {
namespace {

namespace fs = std::filesystem;
using kube::Json;

const Json base = Json::parse(R"({
  "apiVersion": "nocobase.com/v1alpha1",
  "kind": "NocoBaseCluster",
  "metadata": {"name": "crm", "namespace": "apps"},
  "spec": {
    "image": "nocobase/nocobase:2.2.15-full",
    "roles": [
      {"name": "web", "requests": true, "replicas": 2},
      {"name": "workflow", "services": ["workflow:process"], "replicas": 1},
      {"name": "tasks", "services": ["async-task:process"]}
    ],
    "database": {"dialect": "postgres", "host": "pg", "name": "nocobase", "user": "nocobase",
                 "passwordSecretRef": {"name": "pg", "key": "password"}},
    "coordination": {"redis": {"host": "redis"}}
  }
})");

// The cluster with a part of its spec merged in (RFC 7396).
Json with(const std::string& patch) {
  Json cluster = base;
  cluster["spec"].merge_patch(Json::parse(patch));
  return cluster;
}

class PlanTest : public ::testing::Test {
 protected:
  PlanTest() {
    std::string name = (fs::temp_directory_path() / "nbo-plan-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~PlanTest() override { fs::remove_all(folder_); }
  PlanTest(const PlanTest&) = delete;
  PlanTest& operator=(const PlanTest&) = delete;

  std::string file(const std::string& name, const std::string& content) {
    const fs::path path = folder_ / name;
    std::ofstream(path) << content;
    return path.string();
  }
  int run(const Json& before, const Json& wanted, const std::string& output = "text") {
    PlanOptions options;
    options.input = file("in.json", wanted.dump());
    options.from = before.is_null() ? "" : file("from.json", before.dump());
    options.output = output;
    return plan(options, {out_, err_, false});
  }

  fs::path folder_;
  std::ostringstream out_, err_;
};

struct Case {
  std::string name;
  Json before;
  Json wanted;
  int exit = exit_ok;
};

const char* const hooks = R"({
  "image": "nocobase/nocobase:2.2.16-full",
  "upgrade": {
    "backup": {"jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "dump", "image": "tools:1"}]}}}}},
    "verify": {"jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "look", "image": "tools:1"}]}}}}}
  }
})";

std::vector<Case> cases() {
  const Json roles = base["spec"]["roles"];
  Json one_env = roles;
  Json of_web = roles;
  of_web[0]["env"] = {{{"name", "TZ"}, {"value", "UTC"}}};
  one_env[1]["env"] = {{{"name", "WORKFLOW_LIMIT"}, {"value", "5"}}, {{"name", "MAIL_PASSWORD"}, {"value", "s3cret"}}};
  Json other_env = one_env;
  other_env[1]["env"][0]["value"] = "9";
  other_env[1]["env"][1]["value"] = "0ther";
  Json four = roles;
  four[0]["replicas"] = 4;
  Json more = roles;
  more.push_back({{"name", "all"}, {"services", {"*"}}, {"replicas", 1}});
  const auto roles_of = [](const Json& list) { return Json{{"roles", list}}.dump(); };
  return {
      {"first-install", nullptr, base},
      {"first-setup-of-existing-data", nullptr,
       with(R"({"storage": {"existingClaim": "files"}, "keys": {"secretRef": {"name": "old-keys"}}})")},
      {"existing-data-without-its-keys", nullptr, with(R"({"storage": {"existingClaim": "files"}})"), exit_findings},
      {"variables-added", base, with(roles_of(one_env))},
      {"nothing-to-do", base, base},
      {"config-of-one-role", base, with(roles_of(of_web))},
      {"config-of-a-single-worker", with(roles_of(one_env)), with(roles_of(other_env))},
      {"config-on-a-volume-of-one-node", with(R"({"storage": {"accessModes": ["ReadWriteOnce"]},
                "roles": [{"name": "all", "requests": true, "services": ["*"], "replicas": 1}]})"),
       with(R"({"storage": {"accessModes": ["ReadWriteOnce"]}, "env": [{"name": "TZ", "value": "UTC"}],
                "roles": [{"name": "all", "requests": true, "services": ["*"], "replicas": 1}]})")},
      {"replicas", base, with(roles_of(four))},
      {"upgrade-with-hooks", base, with(hooks)},
      {"upgrade-pinned-by-digest", base,
       with(R"({"image": "nocobase/nocobase:2.2.16-full@sha256:)" + std::string(64, 'a') + "\"}")},
      {"upgrade-under-approval", base,
       with(R"({"image": "nocobase/nocobase:2.2.16-full", "upgrade": {"approval": "Manual"}})"), exit_findings},
      {"downgrade-refused", base, with(R"({"image": "nocobase/nocobase:2.1.41-full"})"), exit_findings},
      {"downgrade-allowed", base,
       with(R"({"image": "nocobase/nocobase:2.1.41-full", "upgrade": {"allowDowngrade": true}})")},
      {"setup-revision", base, with(R"({"setup": {"revision": "2"}})")},
      {"maintenance-on", base, with(R"({"maintenance": true})")},
      {"maintenance-off", with(R"({"maintenance": true})"), base},
      {"stopped", base, with(R"({"stopped": true})")},
      {"started-again", with(R"({"stopped": true})"), base},
      {"paused", base, with(R"({"paused": true, "image": "nocobase/nocobase:2.2.16-full"})")},
      {"role-added", base, with(roles_of(more))},
      {"role-removed", with(roles_of(more)), base},
      {"role-scaled-from-outside", base, with(roles_of({roles[0], roles[2], roles[1]}))},
      {"storage-shrinks", with(R"({"storage": {"size": "20Gi"}})"), base, exit_findings},
  };
}

TEST_F(PlanTest, tells_what_it_told) {
  for (const Case& each : cases()) {
    SCOPED_TRACE(each.name);
    out_.str("");
    EXPECT_EQ(run(each.before, each.wanted), each.exit) << err_.str();
    expect_golden(fs::path(NBO_SOURCE_DIR) / "tests/golden/plan" / (each.name + ".txt"), out_.str());
  }
  EXPECT_EQ(err_.str(), "");
}

TEST_F(PlanTest, no_secret_is_shown) {
  for (const Case& each : cases()) {
    if (each.name != "config-of-a-single-worker" && each.name != "variables-added") {
      continue;
    }
    for (const char* const output : {"text", "json"}) {
      out_.str("");
      EXPECT_EQ(run(each.before, each.wanted, output), each.exit);
      EXPECT_NE(out_.str().find("MAIL_PASSWORD"), std::string::npos) << each.name;
      EXPECT_EQ(out_.str().find("s3cret"), std::string::npos) << each.name;
      EXPECT_EQ(out_.str().find("0ther"), std::string::npos) << each.name;
    }
  }
}

TEST_F(PlanTest, json_tells_the_same) {
  ASSERT_EQ(run(base, with(hooks), "json"), exit_ok);
  const Json plans = Json::parse(out_.str()).at("plans");
  ASSERT_EQ(plans.size(), 1U);
  const Json& told = plans[0];
  EXPECT_EQ(told["cluster"], "apps/crm");
  EXPECT_EQ(told["end"], "Done");
  std::vector<std::string> steps;
  for (const Json& step : told["steps"]) {
    steps.push_back(step["step"]);
  }
  EXPECT_EQ(steps,
            (std::vector<std::string>{"Pull", "Drain", "Backup", "Setup", "Migrate", "Verify", "Finish", "Start"}));
  const Json& drain = told["steps"][1];
  EXPECT_EQ(drain["nothingServes"], true);
  EXPECT_EQ(drain["podsBefore"], (Json{{"tasks", 1}, {"web", 2}, {"workflow", 1}}));
  EXPECT_EQ(drain["podsAfter"], (Json{{"tasks", 0}, {"web", 0}, {"workflow", 0}}));
  EXPECT_EQ(drain["seconds"]["atMost"], 610);
  const Json change = {{"kind", "Deployment"},
                       {"resource", "deployments"},
                       {"namespace", "apps"},
                       {"name", "crm-web"},
                       {"verb", "change"},
                       {"request", "apply"},
                       {"effect", "stops its 2 pods"},
                       {"changes", Json::array({{{"path", "spec.replicas"}, {"before", 2}, {"after", 0}}})}};
  EXPECT_EQ(drain["writes"][1], change);
  EXPECT_EQ(told["steps"][4]["seconds"]["known"], false);
}

TEST_F(PlanTest, a_cluster_without_a_namespace_is_in_the_one_that_is_given) {
  Json cluster = base;
  cluster["metadata"].erase("namespace");
  PlanOptions options;
  options.input = options.from = file("in.json", cluster.dump());
  EXPECT_EQ(plan(options, {out_, err_, false}), exit_ok);
  options.ns = "shop";
  EXPECT_EQ(plan(options, {out_, err_, false}), exit_ok);
  const std::string rest =
      ": nothing is changed\n\nNothing to do: AllRolesReady: every role has the pods it is to have.\n";
  EXPECT_EQ(out_.str(), "NocoBaseCluster default/crm" + rest + "NocoBaseCluster shop/crm" + rest);
}

TEST_F(PlanTest, input_that_cannot_be_used) {
  PlanOptions options;
  options.input = (folder_ / "none.yaml").string();
  EXPECT_EQ(plan(options, {out_, err_, false}), exit_unusable_input);
  EXPECT_NE(err_.str().find("none.yaml"), std::string::npos);

  err_.str("");
  options.input = file("other.yaml", "kind: ConfigMap\n");
  EXPECT_EQ(plan(options, {out_, err_, false}), exit_unusable_input);
  EXPECT_EQ(err_.str(), options.input + ": no NocoBaseCluster in it\n");

  err_.str("");
  EXPECT_EQ(run(nullptr, with(R"({"roles": [{"name": "web", "services": ["a"], "requests": "x"}]})")), exit_findings);
  EXPECT_NE(err_.str().find("error NB003 spec.roles[0].requests"), std::string::npos) << err_.str();
  EXPECT_EQ(out_.str(), "");
}

// --- from what an API server has -------------------------------------------------------------------------------------

Result<kube::HttpResponse> answer(int status, const Json& body) {
  return kube::HttpResponse{status, "", body.dump()};
}

Json missing() {
  return {{"kind", "Status"}, {"code", 404}, {"reason", "NotFound"}, {"message", "not found"}};
}

// Answers every list with nothing and every object with 404.
std::vector<Result<kube::HttpResponse>> nothing_there(const std::vector<kube::HttpRequest>& requests) {
  std::vector<Result<kube::HttpResponse>> answers;
  for (const kube::HttpRequest& request : requests) {
    const bool list = request.path_and_query.find("labelSelector=") != std::string::npos;
    answers.push_back(list ? answer(200, {{"items", Json::array()}}) : answer(404, missing()));
  }
  return answers;
}

TEST(LivePlan, an_empty_namespace_is_a_first_installation) {
  LivePlan live(base, std::chrono::sys_seconds(Seconds(1'767'225'600)));
  std::vector<kube::HttpRequest> requests = live.next({});
  ASSERT_FALSE(requests.empty());
  EXPECT_EQ(requests.back().path_and_query, "/apis/nocobase.com/v1alpha1/namespaces/apps/nocobaseclusters/crm");
  std::size_t rounds = 1;
  while (!requests.empty()) {
    for (const kube::HttpRequest& request : requests) {
      EXPECT_EQ(request.method, "GET");
    }
    requests = live.next(nothing_there(requests));
    ASSERT_LT(++rounds, 20U);
  }
  ASSERT_TRUE(live.result().ok());
  const app::Forecast& forecast = live.result().value();
  EXPECT_EQ(forecast.end, app::ForecastEnd::waits);
  EXPECT_EQ(forecast.reason, "ReferenceMissing");
  EXPECT_EQ(forecast.message, "role web: Secret apps/pg does not exist; its pods need it to start");
}

// It carries no label of ours, so that no list shows it.
TEST(LivePlan, what_is_foreign_and_has_the_name_of_a_child_is_told_and_not_made) {
  const Json service = {{"apiVersion", "v1"},
                        {"kind", "Service"},
                        {"metadata", {{"name", "crm"}, {"namespace", "apps"}, {"uid", "u9"}, {"resourceVersion", "7"}}},
                        {"spec", Json::object()}};
  LivePlan live(base, std::chrono::sys_seconds(Seconds(1'767'225'600)));
  std::vector<kube::HttpRequest> requests = live.next({});
  for (std::size_t rounds = 0; !requests.empty() && rounds < 20; ++rounds) {
    std::vector<Result<kube::HttpResponse>> answers = nothing_there(requests);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      if (requests[i].path_and_query == "/api/v1/namespaces/apps/services/crm") {
        answers[i] = answer(200, service);
      }
    }
    requests = live.next(answers);
  }
  ASSERT_TRUE(live.result().ok());
  const app::Forecast& forecast = live.result().value();
  EXPECT_EQ(forecast.reason, "NameConflict");
  EXPECT_EQ(forecast.message,
            "Service apps/crm exists and is not this cluster's; remove it, or give one of them another name");
  std::size_t writes = 0;
  for (const app::ForecastStep& step : forecast.steps) {
    for (const app::ForecastWrite& write : step.writes) {
      ++writes;
      EXPECT_NE(write.ref, (kube::Ref{kube::Kind::service, "apps", "crm"}));
    }
  }
  EXPECT_GT(writes, 0U);
}

TEST(LivePlan, what_may_not_be_read_is_an_error) {
  LivePlan live(base, std::chrono::sys_seconds(Seconds(1'767'225'600)));
  std::vector<Result<kube::HttpResponse>> answers = nothing_there(live.next({}));
  answers.front() = answer(403, {{"kind", "Status"}, {"code", 403}, {"message", "you may not list nocobaseroles"}});
  EXPECT_TRUE(live.next(answers).empty());
  ASSERT_FALSE(live.result().ok());
  EXPECT_EQ(live.result().error().code, Code::denied);
  EXPECT_EQ(live.result().error().what, "NocoBaseRole: you may not list nocobaseroles");
}

}  // namespace
}  // namespace nocobase_operator::program
