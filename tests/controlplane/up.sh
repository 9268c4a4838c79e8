#!/usr/bin/env bash
# Starts a Kubernetes control plane on loopback; down.sh stops it. Does nothing when it runs already.
# CP_RUN=DIR       certificates, data, logs, kubeconfigs, list of processes (default build/controlplane)
# CP_PORT=N|auto   first of 7 ports (default 16440): API, etcd, etcd peer, controller manager, scheduler, kwok, metrics;
#                  auto finds a free block
# CP_NODES=N       simulated nodes of 32 CPUs, 128 GiB and 110 Pods (default 3)
# CP_METRICS=fake|server|none   fakemetrics (also external metrics), metrics-server, or neither (default none)
# CP_CRDS="FILE..."     applied before the controller manager starts, which otherwise notices a new kind, and collects
#                       its garbage, only at a 30 s resync
# CP_NAMES="NAME..."    more names for the loopback certificate (webhooks behind an ExternalName Service)
# CP_ADMISSION=NAME,...   admission plugins besides the default ones
# CP_AUDIT=1       who wrote what: $CP_RUN/audit.log, one JSON line per answered request
# CP_OWNER=PID     stop it all when that process is gone
source "$(dirname "$0")/lib.sh"
ports=7
nodes=${CP_NODES:-3} metrics=${CP_METRICS:-none} began=$(date +%s%N)
elapsed() { local ms=$((($(date +%s%N) - began) / 1000000)); printf '%d.%d s' $((ms / 1000)) $((ms % 1000 / 100)); }

bin=$("$here/build.sh")
exec 9> "$run/lock"
flock -w 120 9 || { echo "up.sh: another up.sh is at work in $run" >&2; exit 1; }
if [ -s "$pids" ]; then
  missing=
  for name in etcd kube-apiserver kube-controller-manager kube-scheduler kwok; do pid_of "$name" > /dev/null || missing+=" $name"; done
  if [ -z "$missing" ]; then echo "runs already: $run"; exit 0; fi
  "$here/down.sh" > /dev/null
fi

listening() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
free_block() { # FIRST: none of its ports answers
  local port
  for ((port = $1; port < $1 + ports; port++)); do ! listening "$port" || return 1; done
}
# Below the range from which Linux hands out ports by itself. A block is held by a lock until everything in it listens.
choose_block() {
  local folder=${TMPDIR:-/tmp}/nocobase-operator-ports-$UID block try
  mkdir -p "$folder"
  for ((try = 0; try < 200; try++)); do
    block=$((20000 + RANDOM % 1200 * 10))
    exec 7> "$folder/$block"
    if flock -n 7 && free_block "$block"; then first=$block; return 0; fi
  done
  echo "up.sh: no free block of $ports ports" >&2
  return 1
}
first=${CP_PORT:-16440}
if [ "$first" = auto ]; then
  choose_block
else
  free_block "$first" || { echo "up.sh: a port from $first to $((first + ports - 1)) is taken: set CP_PORT=auto" >&2; exit 1; }
fi
api=https://127.0.0.1:$first etcd=http://127.0.0.1:$((first + 1)) peer=http://127.0.0.1:$((first + 2))
pki=$run/pki loopback=(--tls-cert-file="$run/pki/loopback.crt" --tls-private-key-file="$run/pki/loopback.key")
rm -rf "$run/etcd" "$run"/log/*.log "$run/audit.log"
: > "$pids"
trap 'code=$?; [ $code = 0 ] || { echo "up.sh: failed; the logs are in $run/log" >&2; CP_RUN=$run "$here/down.sh" >&2; }' EXIT

"$bin/controlplane" pki "$run" "$api" ${CP_NAMES:-}
spawn etcd "$bin/etcd" --name=local --data-dir="$run/etcd" --unsafe-no-fsync --log-level=warn \
  --listen-client-urls="$etcd" --advertise-client-urls="$etcd" --listen-peer-urls="$peer" \
  --initial-advertise-peer-urls="$peer" --initial-cluster="local=$peer"
audit=() admission=()
[ -z "${CP_ADMISSION:-}" ] || admission=(--enable-admission-plugins="$CP_ADMISSION")
[ "${CP_AUDIT:-0}" != 1 ] || audit=(--audit-policy-file="$here/conf/audit.yaml" --audit-log-path="$run/audit.log" --audit-log-maxsize=4000)
spawn kube-apiserver "$bin/kube-apiserver" --etcd-servers="$etcd" --endpoint-reconciler-type=none \
  --bind-address=127.0.0.1 --advertise-address=127.0.0.1 --secure-port="$first" --authorization-mode=Node,RBAC \
  --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" --client-ca-file="$pki/ca.crt" \
  --service-cluster-ip-range=10.96.0.0/16 --service-account-issuer=https://kubernetes.default.svc \
  --service-account-key-file="$pki/sa.pub" --service-account-signing-key-file="$pki/sa.key" \
  --requestheader-client-ca-file="$pki/front-proxy-ca.crt" --requestheader-allowed-names=front-proxy-client \
  --requestheader-extra-headers-prefix=X-Remote-Extra- --requestheader-group-headers=X-Remote-Group \
  --requestheader-username-headers=X-Remote-User --proxy-client-cert-file="$pki/front-proxy-client.crt" \
  --proxy-client-key-file="$pki/front-proxy-client.key" --kubelet-preferred-address-types=InternalIP "${audit[@]}" "${admission[@]}"
"$bin/controlplane" wait "$api/readyz" "$pki/ca.crt" 90s
echo "API server ready after $(elapsed)"

export KUBECONFIG=$run/admin.kubeconfig
for file in ${CP_CRDS:-}; do "$bin/kubectl" apply --server-side -f "$file"; done
controller() { # NAME PORT ARG...: the flags that the controller manager and the scheduler share
  local name=$1 port=$2 config=$run/${1#kube-}.kubeconfig; shift 2
  spawn "$name" "$bin/$name" --kubeconfig="$config" --authentication-kubeconfig="$config" --authorization-kubeconfig="$config" \
    --bind-address=127.0.0.1 --secure-port="$port" --leader-elect=false "${loopback[@]}" "$@"
}
controller kube-controller-manager $((first + 3)) --use-service-account-credentials=true --kube-api-qps=200 --kube-api-burst=400 \
  --root-ca-file="$pki/ca.crt" --service-account-private-key-file="$pki/sa.key" \
  --horizontal-pod-autoscaler-sync-period=5s --horizontal-pod-autoscaler-downscale-stabilization=15s \
  --horizontal-pod-autoscaler-initial-readiness-delay=3s --horizontal-pod-autoscaler-cpu-initialization-period=15s
controller kube-scheduler $((first + 4))
spawn kwok "$bin/kwok" --kubeconfig="$run/kwok.kubeconfig" --config="$bin/kwok.yaml" --node-ip=127.0.0.1 \
  --node-port=$((first + 5)) --server-address=127.0.0.1:$((first + 5)) "${loopback[@]}"
case $metrics in
fake) spawn fakemetrics "$bin/fakemetrics" "127.0.0.1:$((first + 6))" "$pki/loopback.crt" "$pki/loopback.key" "$KUBECONFIG" ;;
server) controller metrics-server $((first + 6)) --kubelet-insecure-tls --kubelet-use-node-status-port \
  --kubelet-preferred-address-types=InternalIP --metric-resolution=10s --kubelet-request-timeout=5s ;;
none) ;;
*) echo "up.sh: CP_METRICS is fake, server or none, not $metrics" >&2; exit 1 ;;
esac

{
  cat "$here/conf/objects.yaml"
  zones=(a b c)
  for ((i = 1; i <= nodes; i++)); do
    sed -e "s/NODE/node-$i/g" -e "s/ZONE/zone-${zones[(i - 1) % 3]}/" "$here/conf/node.yaml"
  done
  [ "$metrics" = none ] || sed "s/PORT/$((first + 6))/" "$here/conf/metrics.yaml"
  [ "$metrics" != fake ] || sed "s/PORT/$((first + 6))/" "$here/conf/external-metrics.yaml"
} > "$run/objects.yaml"
"$bin/kubectl" apply --server-side -f "$run/objects.yaml" > "$run/log/objects.log" 2>&1
"$bin/kubectl" wait --for=condition=Ready node --all --timeout=60s > /dev/null
# A Pod cannot be made before its namespace has a ServiceAccount.
until "$bin/kubectl" -n default get serviceaccount default > /dev/null 2>&1; do sleep 0.1; done
if [ -n "${CP_OWNER:-}" ]; then
  owner_started=$(start_time "$CP_OWNER")
  setsid bash -c 'source "$1/lib.sh"; while alive "$2" "$3" && [ -s "$pids" ]; do sleep 1; done; "$1/down.sh"' \
    _ "$here" "$CP_OWNER" "$owner_started" > "$run/log/owner.log" 2>&1 < /dev/null 7>&- 9>&- &
fi
printf 'export KUBECONFIG=%q PATH=%q:$PATH\n' "$KUBECONFIG" "$bin" > "$run/env.sh"
echo "up after $(elapsed): $api"
cat "$run/env.sh"
