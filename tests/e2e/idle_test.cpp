// Many settled clusters and nobody who changes anything: no write, and no memory that grows.
#include <iostream>
#include <thread>

#include "own_operator.h"

namespace nocobase_operator::e2e {

namespace {

constexpr std::int64_t rss_growth = 1'000'000;

class IdleTest : public OperatorTest {
 protected:
  void SetUp() override {
    OperatorTest::SetUp();
    Operator::get().kill(SIGTERM);
  }
  [[nodiscard]] std::size_t ready() const {
    std::size_t count = 0;
    for (const Json& object : cp().list("nbc", ns)) {
      count += condition(object, "Ready").starts_with("True") ? 1U : 0U;
    }
    return count;
  }
};

TEST_F(IdleTest, settled_clusters_cost_no_write_and_no_more_memory) {
  const std::size_t clusters = slow() ? 100 : 10;
  const auto settling = slow() ? seconds(300) : seconds(15);
  const auto idle = slow() ? seconds(7'200) : seconds(20);
  ASSERT_NO_FATAL_FAILURE(grant_all_rights("idle"));
  const std::string system = "nocobase-operator-system";
  OwnOperator one("idle");
  ASSERT_NO_FATAL_FAILURE(
      one.start(kubeconfig_of(system, "idle", api_server()), {"--namespace", ns, "--lease-namespace", system}));
  Json items = Json::array();
  for (std::size_t i = 0; i < clusters; ++i) {
    items.push_back(cluster("c" + std::to_string(i), three_roles()));
  }
  ASSERT_NO_FATAL_FAILURE(apply({{"apiVersion", "v1"}, {"kind", "List"}, {"items", std::move(items)}}));
  ASSERT_TRUE(wait_for("all are ready", seconds(300), [&] {
    const std::size_t count = ready();
    return count == clusters ? std::string() : std::to_string(count) + " are";
  }));
  std::this_thread::sleep_for(settling);  // what is read again from time to time has been read once more

  const auto mark = cp().mark();
  const std::uint64_t before = one.rss();
  std::uint64_t most = before;
  for (auto left = idle; left > seconds(0); left -= seconds(10)) {
    std::this_thread::sleep_for(seconds(10));  // the promise is about time in which nothing happens
    most = std::max(most, one.rss());
  }
  std::cout << clusters << " clusters, " << idle.count() << " s idle: resident " << before / 1024 << " KiB before, "
            << one.rss() / 1024 << " KiB after, at most " << most / 1024 << " KiB\n";
  EXPECT_LT(static_cast<std::int64_t>(most) - static_cast<std::int64_t>(before), rss_growth);
  const std::string user = "system:serviceaccount:" + system + ":idle";
  EXPECT_THAT(cp().writes_since(mark, user, ""), testing::IsEmpty());
  EXPECT_TRUE(one.running());
  one.stop(SIGTERM);
}

}  // namespace

}  // namespace nocobase_operator::e2e
