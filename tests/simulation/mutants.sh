#!/usr/bin/env bash
# mutants.sh [NUMBER...]: takes one rule out of the core at a time (mutants.txt) and looks which proof notices: unit tests
# of the lifecycle, of plans, then worlds of the simulation. The sources stay as they are: what is changed is compiled
# beside them and linked first. Fails unless all are noticed.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=build/dev
out=$PWD/build/mutants
lifecycle=tests/unit/app/app_lifecycle_test plans=tests/unit/app/app_plan_test worlds=tests/simulation/simulate
mkdir -p "$out"
cmake --preset dev > /dev/null
cmake --build --preset dev --target app_lifecycle_test app_plan_test simulate > /dev/null

# The command that makes that file of the build, without what comes after a link.
command_of() { ninja -C "$build" -t commands "$1" | tail -1 | sed 's/^: && //; s/ && .*//'; }

# link PROGRAM: with the changed object before all others.
link() {
  local line
  rm -f "$out/$(basename "$1")"
  line=$(command_of "$1" | sed "s# -o $1 # -o $out/$(basename "$1") $out/mutant.o #")
  (cd "$build" && eval "$line")
}

noticed() { # PROGRAM ARGUMENT...
  local program=$1
  shift
  link "$program" || exit 1
  ! (timeout 900 "$out/$(basename "$program")" "$@" > "$out/log" 2>&1; exit $?) 2> /dev/null
}

caught=0 number=0 tried=0
while IFS='|' read -r file change what; do
  [[ $file == \#* || -z $file ]] && continue
  number=$((number + 1))
  [ $# = 0 ] || [[ " $* " == *" $number "* ]] || continue
  tried=$((tried + 1))
  source=src/app/$file.cpp object=src/app/CMakeFiles/nbo_app.dir/$file.cpp.o
  sed -e "$change" "$source" > "$out/$file.cpp"
  if cmp -s "$source" "$out/$file.cpp"; then
    echo "$number: $what: its line is no longer in $source"
    continue
  fi
  line=$(command_of "$object" | sed "s# -c .*# -c $out/$file.cpp#; s# -MF [^ ]*# -MF $out/mutant.d#; s# -o [^ ]*# -o $out/mutant.o#")
  (cd "$build" && eval "$line -Wno-error")
  if noticed "$lifecycle"; then by="the lifecycle's tests"
  elif noticed "$plans" --gtest_filter='Plan*'; then by="the tests of plans"
  elif noticed "$worlds" 1 60 history=0; then by="worlds"
  else by=''; fi
  if [ -n "$by" ]; then
    caught=$((caught + 1))
    echo "$number: $what: caught by $by"
  else
    echo "$number: $what: NOT CAUGHT"
  fi
done < tests/simulation/mutants.txt
echo "$caught of $tried mutants caught"
[ "$caught" = "$tried" ]
