// No disagreement: what the API server refuses under strict validation this program refuses with an error of a rule
// that the table marks crd or strict, and the other way round.
#include <iostream>
#include <set>

#include <gtest/gtest.h>

#include "api_server.h"
#include "app/rules.h"
#include "app/validate.h"
#include "base/rng.h"
#include "mutations.h"

namespace nocobase_operator::conformance {
namespace {

using kube::Json;

const std::string collection = "/apis/nocobase.com/v1alpha1/namespaces/default/nocobaseclusters";
const std::string strictly = "?fieldValidation=Strict";
const std::string dry = strictly + "&dryRun=All";
constexpr std::size_t shown = 20;  // disagreements after which a test stops

class Conformance : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    server = new ApiServer;
    ASSERT_TRUE(server->up());
    ASSERT_TRUE(
        is_served([] { return server->request("POST", collection + dry, kube::dump(full_object())).code == 201; }));
  }
  static void TearDownTestSuite() {
    delete server;
    server = nullptr;
  }

  // Errors that the API server is to have as well, "" when there are none.
  static std::string ours(const Json& object, const Json* before = nullptr) {
    app::Decoded decoded = app::decode(object);
    kube::Findings findings = std::move(decoded.findings);
    if (findings.empty()) {
      const app::Cluster old_cluster = before != nullptr ? app::decode(*before).cluster : app::Cluster();
      findings = app::validate(decoded.cluster, before != nullptr ? &old_cluster : nullptr);
    }
    std::string out;
    for (const kube::Finding& finding : findings) {
      if (app::is_refused_by_server(app::rule(finding.code).enforcer)) {
        codes.insert(finding.code);
        out += finding.code + " " + finding.path + ": " + finding.message + "; ";
      }
    }
    return out;
  }

  // Compares the two verdicts; false when they differ.
  static bool agree(const Json& object, const std::string& what, const std::string& judged, const Answer& answer) {
    ++count;
    const bool accepted = answer.code == 200 || answer.code == 201;
    const bool refused = answer.code == 400 || answer.code == 422;
    refusals += refused ? 1U : 0U;
    EXPECT_TRUE(accepted || refused) << what << ": status " << answer.code << " " << kube::dump(answer.body);
    if (accepted == judged.empty()) {
      return true;
    }
    ADD_FAILURE() << what << "\n  API server: "
                  << (accepted ? "accepted" : kube::string_at(answer.body, {"message"}).substr(0, 600))
                  << "\n  here: " << (judged.empty() ? "accepted" : judged)
                  << "\n  object: " << kube::dump(object).substr(0, 300);
    return false;
  }

  static bool agree_on_create(const Json& object, const std::string& what) {
    return agree(object, what, ours(object), server->request("POST", collection + dry, kube::dump(object)));
  }

  // Every mutation of `base` by itself.
  static void judge_singles(const Json& base, const std::vector<Mutation>& mutations) {
    std::size_t disagreements = 0;
    for (const Mutation& mutation : mutations) {
      Json object = base;
      apply(object, mutation);
      disagreements += agree_on_create(object, to_string(mutation)) ? 0U : 1U;
      ASSERT_LT(disagreements, shown);
    }
  }

  static inline ApiServer* server = nullptr;
  static inline std::size_t count = 0;
  static inline std::size_t refusals = 0;
  static inline std::set<std::string> codes;
};

TEST_F(Conformance, the_samples_are_accepted) {
  EXPECT_TRUE(agree_on_create(full_object(), "full"));
  EXPECT_TRUE(agree_on_create(small_object(), "small"));
  EXPECT_EQ(ours(full_object()), "");
  EXPECT_EQ(ours(small_object()), "");
}

TEST_F(Conformance, every_field_valid_at_its_limits_and_wrong) {
  judge_singles(full_object(), single_mutations(full_object()));
}

TEST_F(Conformance, rules_between_fields) {
  judge_singles(small_object(), rule_mutations());
  judge_singles(full_object(), rule_mutations());
}

TEST_F(Conformance, pairs) {
  std::vector<Mutation> pool = rule_mutations();
  const std::vector<Mutation> singles = single_mutations(full_object());
  Rng rng(20);
  std::size_t disagreements = 0;
  for (int round = 0; round < 600; ++round) {
    Json object = round % 2 == 0 ? full_object() : small_object();
    const Mutation& first = pool[rng.below(pool.size())];
    const Mutation& second = round % 3 == 0 ? singles[rng.below(singles.size())] : pool[rng.below(pool.size())];
    apply(object, first);
    apply(object, second);
    disagreements += agree_on_create(object, to_string(first) + " and " + to_string(second)) ? 0U : 1U;
    ASSERT_LT(disagreements, shown);
  }
}

TEST_F(Conformance, transitions) {
  const std::vector<Mutation> mutations = transition_mutations();
  std::size_t disagreements = 0;
  for (std::size_t i = 0; i < mutations.size(); ++i) {
    Json before = small_object();
    apply(before, mutations[i]);
    before["metadata"]["name"] = "before-" + std::to_string(i);
    const Answer created = server->request("POST", collection + strictly, kube::dump(before));
    if (created.code == 400 || created.code == 422) {
      continue;
    }
    ASSERT_EQ(created.code, 201) << kube::dump(created.body);
    const std::string name = kube::string_at(before, {"metadata", "name"});
    for (const Mutation& mutation : mutations) {
      Json after = small_object();
      apply(after, mutation);
      after["metadata"] = {{"name", name},
                           {"resourceVersion", kube::string_at(created.body, {"metadata", "resourceVersion"})}};
      const Answer answer = server->request("PUT", collection + "/" + name + dry, kube::dump(after));
      disagreements +=
          agree(after, to_string(mutations[i]) + ", then " + to_string(mutation), ours(after, &before), answer) ? 0U
                                                                                                                : 1U;
      ASSERT_LT(disagreements, shown);
    }
    static_cast<void>(server->request("DELETE", collection + "/" + name, ""));
  }
}

TEST_F(Conformance, every_rule_that_the_server_shares_was_met) {
  for (const app::Rule& rule : app::rules()) {
    // A key given twice is gone before there is an object; another kind never reaches this URL.
    if (app::is_refused_by_server(rule.enforcer) && rule.code != "NB002" && rule.code != "NB013") {
      EXPECT_TRUE(codes.contains(std::string(rule.code))) << rule.code << " " << rule.title;
    }
  }
  std::cout << count << " objects judged by both, " << refusals << " refused by both\n";
}

}  // namespace
}  // namespace nocobase_operator::conformance
