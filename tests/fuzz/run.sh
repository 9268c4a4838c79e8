#!/usr/bin/env bash
# run.sh NAME SECONDS FOLDER: runs one fuzzer of build/asan on its seeds and what earlier runs found; the folder gets its
# log, what broke it, and NAME.passed when nothing did.
set -euo pipefail
cd "$(dirname "$0")/../.."
name=$1 seconds=$2 folder=$3
corpus=(build/asan/corpus/"$name")
mkdir -p "${corpus[0]}"
[ ! -d "tests/fuzz/corpus/$name" ] || corpus+=("tests/fuzz/corpus/$name")
if build/asan/tests/fuzz/"$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
  -artifact_prefix="$folder/$name-" "${corpus[@]}" > "$folder/$name.log" 2>&1; then
  echo "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$folder/$name.log") inputs"
  touch "$folder/$name.passed"
else
  echo "$name: FAILED, see $folder/$name.log"
  tail -n 30 "$folder/$name.log"
fi
