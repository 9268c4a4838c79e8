#!/usr/bin/env bash
# Stops what up.sh (and whoever else used its list of processes) started, each by its pid and start time. Logs stay.
source "$(dirname "$0")/lib.sh"
if [ ! -s "$pids" ]; then echo "nothing runs in $run"; exit 0; fi
# Clients first, then the API server, etcd last: the other way round each of them waits for its time limit.
clients=$(cut -d' ' -f1 "$pids" | grep -v -x -e etcd -e kube-apiserver || true)
for name in $clients; do
  if found=$(pid_of "$name"); then kill "${found% *}" 2>/dev/null || true; fi
done
for name in $clients; do stop_process "$name" TERM 3; done
stop_process kube-apiserver KILL
stop_process etcd TERM 5
rm -rf "$pids" "$run/etcd"
echo "stopped what ran in $run"
