#!/usr/bin/env bash
# run.sh STEP...: build, unit, asan, tsan, simulation, simulate, mutants, fuzz, charts, conformance, e2e, worlds_and_e2e,
# gitops, bench, lint, in the order given; the Makefile's targets are lists of steps.
# After test steps it prints what failed and the sum of what their reports say, "N passed, N failed", and fails unless all
# passed.
# FILTER=word        only the end-to-end tests with that word in their name
# FUZZ_SECONDS=N     per fuzzer (default 60)
# SEED=N COUNT=N     simulate: the first world and how many (default 1, 100); TABLE="key=value..." as simulate.cpp says
# WORLDS=N PAIRS=N   simulation: worlds per shard of eight (250), pairs of faults (5000; 0: all)
# E2E_SLOW=1         end to end with long waits
set -uo pipefail
cd "$(dirname "$0")/.."
jobs=$(nproc)
reports=build/reports
passed=0 failed=0 failures=() counted=0 step=0 steps=$(($# + 1))

say() { step=$((step + 1)); echo "[$step/$steps] $* (after $SECONDS s)"; }

# count FILE STATUS WHAT: adds up a JUnit report of ctest or GoogleTest. A step that failed without a failed test in its
# report (it did not build, it crashed, it wrote none) is one failed test.
count() {
  local all=0 bad=0 skipped=0 name
  counted=1
  if [ -s "$1" ]; then
    read -r all bad skipped < <(awk '
      function attribute(name) { return match($0, "[ \t\n]" name "=\"[0-9]+\"") ? substr($0, RSTART + length(name) + 3) + 0 : 0 }
      BEGIN { RS = "<" }
      /^testsuite[ \t\n]/ { all += attribute("tests"); bad += attribute("failures") + attribute("errors")
                            skipped += attribute("skipped") + attribute("disabled") }
      END { print all + 0, bad + 0, skipped + 0 }' "$1")
  fi
  if [ "$bad" != 0 ]; then
    while IFS= read -r name; do failures+=("$3: $name"); done < <(awk '
      BEGIN { RS = "<" }
      /^testcase[ \t\n]/ { name = $0; sub(/.*[ \t\n]name="/, "", name); sub(/".*/, "", name) }
      /^failure[ \t\n]/ && name != "" { print name; name = "" }' "$1")
  elif [ "$2" != 0 ]; then
    bad=1 all=$((all + 1)) failures+=("$3: it ended with $2 and no test that failed")
  fi
  if [ "$all" = 0 ]; then bad=1 all=1 failures+=("$3: no test ran"); fi
  [ "$skipped" = 0 ] || echo "$3: $skipped skipped"
  passed=$((passed + all - bad - skipped)) failed=$((failed + bad))
}

configure() { cmake --preset "$1" > "build/$1.log" 2>&1 || { cat "build/$1.log"; return 1; }; }

configure_and_build() { # PRESET [TARGET...]
  configure "$1" && cmake --build --preset "$1" --parallel "$jobs" ${2:+--target "${@:2}"}
}

run_ctest() { # PRESET
  local report=$PWD/$reports/$1.xml status=0
  configure_and_build "$1" && ctest --preset "$1" --parallel "$jobs" -LE 'e2e|charts' --output-junit "$report" || status=$?
  count "$report" "$status" "$1"
}

build_operator() { configure_and_build dev nocobase-operator && ln -sf dev/operator/nocobase-operator build/nocobase-operator; }

run_build() { say "nocobase-operator"; build_operator && echo "build/nocobase-operator"; }
run_unit() { say "unit tests"; run_ctest dev; }
run_asan() { say "unit tests under AddressSanitizer and UndefinedBehaviorSanitizer"; run_ctest asan; }
run_tsan() { say "unit tests under ThreadSanitizer"; run_ctest tsan; }

# The worlds only compute, and end to end is mostly waiting: they run side by side, the worlds on what is left of the
# processors.
run_worlds_and_e2e() {
  local report=$PWD/$reports/worlds.xml status=0 pid
  say "worlds of faults, beside end to end"
  configure_and_build dev runtime_fault_test simulation_test invariants_test crash_test fault_test ||
    { count /dev/null 1 worlds; return; }
  nice -n 19 ctest --preset dev --parallel "$jobs" --timeout 3600 -L '^(worlds|simulation)$' --output-junit "$report" \
    > "$reports/worlds.log" 2>&1 &
  pid=$!
  run_e2e
  wait "$pid" || { status=$?; cat "$reports/worlds.log"; }
  count "$report" "$status" worlds
}

# All points and more worlds than every day: WORLDS per shard of eight, PAIRS of faults (0: all).
run_simulation() {
  local report=$PWD/$reports/simulation status=0
  say "every fault of the simulation, $((8 * ${WORLDS:-250})) worlds, ${PAIRS:-5000} pairs of faults"
  configure_and_build dev simulation_test fault_test || { count /dev/null 1 simulation; return; }
  NBO_WORLDS=${WORLDS:-250} build/dev/tests/simulation/simulation_test --gtest_output="xml:$report.worlds.xml" || status=$?
  [ "$status" != 0 ] || tests/simulation/situations.sh build/dev/tests/simulation || status=$?
  count "$report.worlds.xml" "$status" worlds
  status=0
  NBO_TWO_FAULTS=${PAIRS:-5000} build/dev/tests/simulation/fault_test --gtest_output="xml:$report.faults.xml" ||
    status=$?
  count "$report.faults.xml" "$status" faults
}

run_simulate() {
  configure_and_build dev simulate > /dev/null &&
    build/dev/tests/simulation/simulate "${SEED:-1}" "${COUNT:-100}" ${TABLE:-}
}

run_mutants() {
  say "mutants"
  configure_and_build mutants app_lifecycle_test app_plan_test runtime_test crash_test simulation_test > build/mutants-build.log ||
    { tail -20 build/mutants-build.log; return 1; }
  tests/simulation/mutants.sh build/mutants
}

run_fuzz() {
  local seconds=${FUZZ_SECONDS:-60} name names
  say "fuzzers, $seconds s each"
  configure asan || { count /dev/null 1 fuzz; return; }
  mapfile -t names < <(ninja -C build/asan -t targets all | grep -v '^cmake_' | sed -n 's/^\([a-z0-9_]*_fuzz\): phony.*/\1/p' | sort)
  configure_and_build asan "${names[@]}" || { count /dev/null 1 fuzz; return; }
  rm -rf "$reports/fuzz"
  mkdir -p "$reports/fuzz"
  printf '%s\n' "${names[@]}" | xargs -P "$jobs" -I NAME tests/fuzz/run.sh NAME "$seconds" "$reports/fuzz"
  for name in "${names[@]}"; do
    if [ -e "$reports/fuzz/$name.passed" ]; then
      echo '<testsuite tests="1" failures="0">'
    else
      printf '<testsuite tests="1" failures="1"><testcase name="%s"><failure ></failure>\n' "$name"
    fi
  done > "$reports/fuzz.xml"
  count "$reports/fuzz.xml" 0 fuzz
}

run_charts() {
  local report=$PWD/$reports/charts.xml status=0
  say "charts"
  configure_and_build dev charts_test && tests/controlplane/build.sh > /dev/null && tests/charts/linters/build.sh > /dev/null &&
    ctest --preset dev --parallel "$jobs" -L '^charts$' --output-junit "$report" || status=$?
  count "$report" "$status" charts
}

# run_gtest PROGRAM SECONDS SHARDS: runs a program of the dev build that is one ctest test with many GoogleTest tests in
# it, as that many processes at once, and ends them after that time. With several, each line begins with the shard's number.
run_gtest() {
  local name=$1 seconds=$2 shards=$3 shard out pids=() writers=()
  if ! { configure_and_build dev "$name" && tests/controlplane/build.sh > /dev/null; }; then
    count /dev/null 1 "$name"
    return
  fi
  for ((shard = 0; shard < shards; shard++)); do
    if [ "$shards" = 1 ]; then exec {out}>&1; else exec {out}> >(sed -u "s/^/$shard: /"); writers+=($!); fi
    GTEST_TOTAL_SHARDS=$shards GTEST_SHARD_INDEX=$shard timeout --foreground "$seconds" "build/dev/tests/$name/$name" \
      ${FILTER:+--gtest_filter="*$FILTER*"} --gtest_output="xml:$PWD/$reports/$name-$shard.xml" \
      >&"$out" 2>&1 {out}>&- &
    pids+=($!)
    exec {out}>&-
  done
  for ((shard = 0; shard < shards; shard++)); do
    local status=0
    wait "${pids[shard]}" || status=$?
    count "$reports/$name-$shard.xml" "$status" "$name"
  done
  [ ${#writers[@]} = 0 ] || wait "${writers[@]}"  # so that the sum is the last line
}

run_e2e() {
  say "end to end on a real control plane"
  build_operator || { count /dev/null 1 e2e; return; }
  # Most of their time is waiting. One test needs no second control plane, nor can two runs use the one that is kept.
  run_gtest e2e "$([ -n "${E2E_SLOW:-}" ] && echo 9000 || echo 2400)" "$([ -n "${FILTER:-}${E2E_RUN:-}" ] && echo 1 || echo 2)"
}

run_conformance() {
  say "the real API server and this program judge the same objects"
  FILTER='' run_gtest conformance 900 1
}

# What kstatus, Argo CD and Flux make of each state of a life, by their own code, is what we say they do.
run_gitops() {
  local bin judged name
  say "the engines of GitOps tools judge the states of a cluster"
  if ! bin=$(tests/gitops/build.sh) || ! judged=$("$bin/gitops-judge" health operator/gitops/argocd-health.lua \
    operator/gitops/flux-health-checks.yaml tests/golden/states/*.json); then
    count /dev/null 1 gitops
    return
  fi
  # Each line is a test; one that only one of the two has, a failed one.
  { echo "<testsuite tests=\"$(sort -u tests/gitops/expected.txt - <<< "$judged" | wc -l)\" failures=\"$(
      sort tests/gitops/expected.txt - <<< "$judged" | uniq -u | wc -l)\">"
    sort tests/gitops/expected.txt - <<< "$judged" | uniq -u |
      while read -r name; do printf '<testcase name="%s"><failure ></failure>\n' "$name"; done
  } > "$reports/gitops.xml"
  count "$reports/gitops.xml" 0 gitops
}

# BENCH="ARG..." is for tests/bench/bench.py.
run_bench() {
  say "the operator beside its peers"
  cmake --preset release -DNBO_BENCH=ON > build/release.log 2>&1 || { cat build/release.log; return 1; }
  cmake --build --preset release --parallel "$jobs" --target nocobase-operator noop_bench bare_yaml || return 1
  # shellcheck disable=SC2086  # several arguments
  tests/bench/bench.py ${BENCH:-}
}

run_lint() {
  local status=0
  say "format and clang-tidy"
  git ls-files '*.cpp' '*.h' | xargs clang-format-14 --dry-run -Werror || status=1
  configure lint || return 1
  git ls-files 'src/*.cpp' 'operator/*.cpp' | xargs -P "$jobs" -I SOURCE \
    bash -c 'echo SOURCE; clang-tidy-14 -p build/lint --quiet SOURCE 2> >(grep -v "warnings\? generated" >&2)' || status=1
  return $status
}

# What runs in the background does not hear Ctrl-C.
trap 'mapfile -t left < <(jobs -p); [ ${#left[@]} = 0 ] || kill "${left[@]}" 2> /dev/null' EXIT
trap 'exit 130' INT TERM
say "packages"
cmake/packages.sh || exit 1
mkdir -p "$reports"
rm -f "$reports"/*.xml
for name in "$@"; do
  "run_$name" || exit 1
done
[ "$counted" = 1 ] || exit 0
[ ${#failures[@]} = 0 ] || printf 'FAILED: %s\n' "${failures[@]}"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
