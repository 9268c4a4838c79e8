#!/usr/bin/env bash
# situations.sh FOLDER: adds up what the shards of simulation_test have met, prints how often each named situation came
# about, and fails if one of situations.txt never did.
set -euo pipefail
cat "$1"/situations.[0-9]* | awk -F'\t' -v names="$(dirname "$0")/situations.txt" '
  { times[$2] += $1 }
  END {
    while ((getline name < names) > 0) {
      if (name == "" || name ~ /^#/) continue
      printf "%8d  %s\n", times[name], name
      if (times[name] == 0) { missed = 1; print "FAILED: this never happened: " name }
    }
    exit missed
  }'
