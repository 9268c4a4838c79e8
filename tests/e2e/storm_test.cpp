// Everything between the operator and the API server goes wrong while people work; when it stops, all is as asked.
#include <algorithm>
#include <iostream>
#include <random>
#include <thread>

#include "fault_proxy.h"
#include "own_operator.h"

namespace nocobase_operator::e2e {

namespace {

constexpr std::uint64_t seed = 20'261;
constexpr std::uint64_t rss_growth = 10U << 20U;
// A change of a cluster takes the operator a dozen writes at most, and as many again where it cannot know what became
// of them; a loop or a missing back-off writes hundreds a second.
constexpr std::size_t writes_per_change = 25;
constexpr std::size_t writes_per_minute = 60;  // that fail and are tried again without anything being changed

class StormTest : public OperatorTest {
 protected:
  void SetUp() override {
    OperatorTest::SetUp();
    Operator::get().kill(SIGTERM);
  }

  // One change as people make them. The names of clusters that are to be there are kept with what they are to be.
  void change() {
    static constexpr std::array<const char*, 4> names{"one", "two", "three", "four"};
    const std::string name = names.at(below(names.size()));
    const auto there = clusters_.find(name);
    if (there == clusters_.end()) {
      clusters_[name] = cluster(name, three_roles());
      apply(clusters_[name]);
      return;
    }
    Json& spec = there->second["spec"];
    switch (below(6)) {
      case 0:
        if (clusters_.size() > 1) {
          clusters_.erase(there);
          EXPECT_EQ(cp().kubectl({"delete", "nbc/" + name, "-n", ns, "--wait=false"}).code, 0);
          return;
        }
        break;
      case 1:
        (void)cp().kubectl({"delete", "deployment/" + name + "-tasks", "-n", ns, "--wait=false"});  // if there is one
        return;
      case 2:
        spec["env"] = Json::array({{{"name", "LOGGER_LEVEL"}, {"value", below(2) == 0 ? "debug" : "warn"}}});
        break;
      case 3:
        spec["stopped"] = below(2) == 0;
        break;
      default:
        spec["roles"][below(3)]["replicas"] = below(3);
        break;
    }
    apply(there->second);
  }

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

  std::map<std::string, Json> clusters_;

 private:
  std::mt19937_64 random_{seed};
};

TEST_F(StormTest, when_faults_stop_everything_is_as_asked) {
  ASSERT_NO_FATAL_FAILURE(grant_all_rights("storm"));
  const Server real = api_server();
  FaultProxy proxy({.server = real.url, .ca_file = cp().file("pki/ca.crt"), .seed = seed});
  OwnOperator storm("storm");
  const std::string system = "nocobase-operator-system";
  ASSERT_NO_FATAL_FAILURE(storm.start(kubeconfig_of(system, "storm", {proxy.url(), proxy.ca_pem()}),
                                      {"--namespace", ns, "--lease-namespace", system}));
  const pid_t pid = storm.pid();
  while (clusters_.size() < 4) {
    change();
  }
  for (const auto& [name, object] : clusters_) {
    ASSERT_TRUE(wait_for(name + " is dealt with", seconds(90), [&, cluster_name = name]() -> std::string {
      const auto seen = cp().find("nbc", ns, cluster_name);
      return seen && at(*seen, "/status/observedGeneration", -1) > 0 ? "" : storm.http("/readyz");
    }));
  }
  const std::uint64_t rss = storm.rss();
  const auto mark = cp().mark();

  const auto length = slow() ? seconds(1'800) : seconds(120);
  const auto end = std::chrono::steady_clock::now() + length;
  proxy.start_faults();
  std::size_t changes = 0;
  while (std::chrono::steady_clock::now() < end) {
    ASSERT_NO_FATAL_FAILURE(change());
    ++changes;
    std::this_thread::sleep_for(seconds(2));
  }
  proxy.stop_faults();

  for (auto& [name, object] : clusters_) {
    ASSERT_TRUE(wait_ready(name, seconds(150)));
    Json set_up = object;
    set_up["spec"]["image"] = text_at(cp().find("nbc", ns, name).value_or(Json()), "/status/image");  // with its digest
    for (auto& [id, want] : rendered(set_up)) {
      if (id.starts_with("Deployment/") && !object["spec"].value("stopped", false)) {
        want["metadata"]["annotations"].erase("nocobase.com/applied-hash");  // of an object without an owner
        want["metadata"]["annotations"].erase("nocobase.com/epoch");         // of a cluster that was never set up
        EXPECT_EQ(missing_from(get("deployment", text_at(want, "/metadata/name")), want), "") << id;
      }
    }
  }
  const std::vector<std::string> known = [&] {
    std::vector<std::string> out;
    for (const auto& [name, object] : clusters_) {
      out.push_back(name);
    }
    return out;
  }();
  for (const Json& deployment : cp().list("deployment", ns)) {
    const std::string owner = text_at(deployment, "/metadata/ownerReferences/0/name");
    EXPECT_TRUE(std::find(known.begin(), known.end(), owner) != known.end()) << deployment["metadata"].dump();
  }
  EXPECT_EQ(storm.pid(), pid);
  EXPECT_TRUE(storm.running());

  const auto writes = cp().writes_since(mark, "system:serviceaccount:" + system + ":storm", ns).size();
  const std::size_t bound =
      changes * writes_per_change + static_cast<std::size_t>(length.count()) * writes_per_minute / 60;
  const std::uint64_t rss_now = storm.rss();
  std::cout << "seed " << seed << ", " << length.count() << " s, " << changes << " changes, " << writes
            << " writes (at most " << bound << "), resident " << rss / 1024 << " KiB before, " << rss_now / 1024
            << " KiB after; faults:";
  for (const auto& [fault, count] : proxy.counts()) {
    std::cout << ' ' << fault << ' ' << count << ',';
  }
  std::cout << '\n';
  EXPECT_LE(writes, bound);
  EXPECT_LE(rss_now, rss + rss_growth);
  // Below, what ended a quiet watch is told until it speaks again.
  EXPECT_THAT(storm.http("/readyz"), testing::StartsWith("200 ok\n"));
  storm.stop(SIGTERM);
}

}  // namespace

}  // namespace nocobase_operator::e2e
