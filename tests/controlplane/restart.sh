#!/usr/bin/env bash
# restart.sh NAME [SIGNAL [PAUSE_SECONDS]]: ends one process (default KILL) and starts it again with the same arguments.
# CP_ARGS="ARG..."   and with these, until the next restart
source "$(dirname "$0")/lib.sh"
name=${1:?usage: restart.sh NAME [SIGNAL [PAUSE_SECONDS]]}
[ -f "$run/$name.command" ] || { echo "restart.sh: $name was never started in $run" >&2; exit 1; }
eval "command=($(cat "$run/$name.command"))"
stop_process "$name" "${2:-KILL}"
sleep "${3:-0}"
cp "$run/$name.command" "$run/$name.command.kept"
# shellcheck disable=SC2086  # several arguments
spawn "$name" "${command[@]}" ${CP_ARGS:-}
mv "$run/$name.command.kept" "$run/$name.command"
