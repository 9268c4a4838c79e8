# Sourced by the scripts of this folder and by operator/demo.sh: the processes of one control plane, named by CP_RUN.
# shellcheck shell=bash
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
run=${CP_RUN:-$here/../../build/controlplane}
mkdir -p "$run/log"
run=$(cd "$run" && pwd)
pids=$run/pids # one line per process: NAME PID START_TIME

# A pid alone may belong to somebody else by now; with its start time (clock ticks since boot) it cannot.
start_time() { [ ! -r "/proc/$1/stat" ] || { sed 's/.*) //' "/proc/$1/stat" | cut -d' ' -f20; } 2>/dev/null || true; }
state() { [ ! -r "/proc/$1/stat" ] || { sed 's/.*) //' "/proc/$1/stat" | cut -d' ' -f1; } 2>/dev/null || true; }
alive() { # PID START_TIME
  [ -n "$2" ] && [ "$(start_time "$1")" = "$2" ] && [ "$(state "$1")" != Z ]
}

# pid_of NAME: prints "PID START_TIME" if that process runs.
pid_of() {
  local name pid start
  [ -f "$pids" ] || return 1
  while read -r name pid start; do
    if [ "$name" = "$1" ] && alive "$pid" "$start"; then echo "$pid $start"; return 0; fi
  done < "$pids"
  return 1
}

forget() { # NAME
  [ ! -f "$pids" ] || { grep -v "^$1 " "$pids" > "$pids.new" || true; mv "$pids.new" "$pids"; }
}

# spawn NAME COMMAND...: starts it in a session of its own (it outlives the caller), logs to log/NAME.log, notes its pid,
# and keeps the command line for restart.sh.
spawn() {
  local name=$1 pid; shift
  printf '%q ' "$@" > "$run/$name.command"
  setsid "$@" >> "$run/log/$name.log" 2>&1 < /dev/null 7>&- 9>&- & # 7 and 9 are locks of up.sh
  pid=$!
  forget "$name"
  echo "$name $pid $(start_time "$pid")" >> "$pids"
}

# stop_process NAME [SIGNAL [SECONDS]]: ends it and waits; KILL after the time (default TERM, 10 s).
stop_process() {
  local found pid start i
  found=$(pid_of "$1") || { forget "$1"; return 0; }
  read -r pid start <<< "$found"
  kill -"${2:-TERM}" "$pid" 2>/dev/null || true
  for ((i = 0; i < ${3:-10} * 20; i++)); do
    alive "$pid" "$start" || break
    sleep 0.05
  done
  if alive "$pid" "$start"; then kill -KILL "$pid" 2>/dev/null || true; sleep 0.1; fi
  forget "$1"
}
