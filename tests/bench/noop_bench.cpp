// What a decision costs that comes to nothing, and what WORKER_MODE costs.
#include <string>
#include <utility>

#include <benchmark/benchmark.h>

#include "app/plan.h"
#include "base/check.h"
#include "runtime/store.h"
#include "unit/app/plan_world.h"
#include "worker_mode/worker_mode.h"

namespace nocobase_operator {

namespace {

// A settled cluster of three roles as the caches have it.
struct Settled {
  Settled() {
    app::World world(app::sample_cluster());
    world.put_references();
    CHECK(world.settle() > 0);
    app::Observed seen = world.observe();
    key = {seen.meta.ref.ns, seen.meta.ref.name};
    now = world.now();
    (void)store.changed(app::SeenCluster{seen.meta, kube::dump(seen.cluster)});
    for (auto& [ref, child] : seen.children) {
      if (runtime::is_watched(ref.kind)) {
        (void)store.changed(std::move(child));
      } else {
        store.replied(key, std::move(child));
      }
    }
    for (const auto& [ref, when] : seen.absent) {
      store.absent(key, ref, when);
    }
    for (const auto& [ref, owned] : seen.accepted) {
      store.accepted(key, ref, owned);
    }
  }

  runtime::Store store;
  app::ClusterKey key;
  Now now{};
};

// As the controller decides: it remembers what it has worked out of the specs that it looked at last.
void no_op_reconcile(benchmark::State& state) {
  const Settled settled;
  app::Memo memo;
  for (auto _ : state) {
    const auto observed = settled.store.observe(settled.key);
    const app::Plan plan = app::plan(*observed, settled.now, memo);
    CHECK(plan.calls.empty());
  }
}
BENCHMARK(no_op_reconcile);

// The same of a cluster that it has not looked at for long.
void first_look(benchmark::State& state) {
  const Settled settled;
  for (auto _ : state) {
    const auto observed = settled.store.observe(settled.key);
    const app::Plan plan = app::plan(*observed, settled.now);
    CHECK(plan.calls.empty());
  }
}
BENCHMARK(first_look);

constexpr const char* mode_text = "!,workflow:process,async-task:process,plugin:one,plugin:two";

void serving_parse(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(nocobase::worker_mode::Mode::parse(mode_text));
  }
}
BENCHMARK(serving_parse);

void serving_ask(benchmark::State& state) {
  const auto mode = nocobase::worker_mode::Mode::parse(mode_text);
  for (auto _ : state) {
    benchmark::DoNotOptimize(mode.serves("async-task:process"));
  }
}
BENCHMARK(serving_ask);

}  // namespace

}  // namespace nocobase_operator

BENCHMARK_MAIN();
