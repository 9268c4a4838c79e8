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

# The first test that fails with the fault, or that hangs or crashes.
catch() { # NAME
  local program output
  for program in "${programs[@]}"; do
    output=$(NBO_MUTANT=$1 timeout 600 "$folder/tests/$program" --gtest_brief=1 --gtest_fail_fast 2>&1) && continue
    output=$(grep -m 1 '^\[  FAILED  \] .*[./]' <<< "$output" | cut -c 14- | cut -d ' ' -f 1 | tr -d ,)
    echo "${program##*/} ${output:-(it did not end well)}"
    return 0
  done
  return 1
}

caught=0
for name in "${names[@]}"; do
  if by=$(catch "$name"); then
    caught=$((caught + 1))
    printf '%-28s caught by %s\n' "$name" "$by"
  else
    printf '%-28s NOT CAUGHT\n' "$name"
  fi
done
echo "$caught of ${#names[@]} mutants caught"
[ "$caught" = "${#names[@]}" ] && [ "$caught" -gt 0 ]
