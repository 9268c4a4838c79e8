#!/usr/bin/env bash
# mutants.sh FOLDER: switches each fault on that is_mutant() names in the sources, and runs tests until one of them fails.
# FOLDER is a build with NBO_MUTANTS. The last line says how many were caught; fails unless all were.
# MUTANT=name      only that one
# NBO_WORLDS=N     of the simulation, for each of its eight shards (default 20)
set -uo pipefail
cd "$(dirname "$0")/../.."
folder=$1
export NBO_WORLDS=${NBO_WORLDS:-20}
# The quick ones first.
programs=(unit/app/app_lifecycle_test unit/app/app_plan_test unit/runtime/runtime_test simulation/crash_test simulation/simulation_test)
mapfile -t names < <(grep -rhoE 'is_mutant\("[a-z-]+"\)' src | cut -d '"' -f 2 | sort -u | grep -E "^${MUTANT:-.*}\$")

# The test that a run of GoogleTest, read from standard input, failed in, or in which it hung or crashed.
failed_in() {
  awk '/^\[ RUN      \] / { running = $4 }
       /^\[  FAILED  \] / && failed == "" { failed = $4; sub(/,$/, "", failed) }
       /^\[       OK \] / { running = "" }
       END { print failed != "" ? failed : running != "" ? running " (it did not end)" : "(before its first test)" }'
}

# A test that fails anyway would catch everything.
declare -A passes=()
passes_without() { # PROGRAM
  local output
  [ -z "${passes[$1]:-}" ] || return 0
  output=$("$folder/tests/$1" --gtest_fail_fast 2>&1) || {
    echo "${1##*/} fails without a fault: $(failed_in <<< "$output")" >&2
    exit 1
  }
  passes[$1]=1
}

# Sets `by` to the first test that fails with the fault, or that hangs or crashes.
catch() { # NAME
  local program output
  for program in "${programs[@]}"; do
    passes_without "$program"
    output=$(NBO_MUTANT=$1 timeout 600 "$folder/tests/$program" --gtest_fail_fast 2>&1) && continue
    by="${program##*/} $(failed_in <<< "$output")"
    return 0
  done
  return 1
}

caught=0
for name in "${names[@]}"; do
  if catch "$name"; then
    caught=$((caught + 1))
    printf '%-28s caught by %s\n' "$name" "$by"
  else
    printf '%-28s NOT CAUGHT\n' "$name"
  fi
done
echo "$caught of ${#names[@]} mutants caught"
[ "$caught" = "${#names[@]}" ] && [ "$caught" -gt 0 ]
