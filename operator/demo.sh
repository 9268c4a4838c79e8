#!/usr/bin/env bash
# demo.sh up|down: a local control plane, the operator outside of it, and the quickstart sample, left running in build/demo.
# Run again it keeps the control plane with all that is in it, and starts the operator anew from the present sources.
set -euo pipefail
cd "$(dirname "$0")/.."
export CP_RUN=$PWD/build/demo CP_PORT=${CP_PORT:-auto}
crds=(crds/*.yaml)
export CP_CRDS="${crds[*]}"
namespace=nocobase-operator-system
say() { echo "[$1/6] $2"; }

case ${1:-} in
up) ;;
down) [ ! -s "$CP_RUN/pids" ] || exec tests/controlplane/down.sh; echo "the demo does not run"; exit 0 ;;
*) echo "usage: demo.sh up|down" >&2; exit 2 ;;
esac

say 1 "packages"
cmake/packages.sh
say 2 "nocobase-operator"
tests/run.sh build | grep --line-buffered -v '^\[\|^packages:'
say 3 "control plane: build"
bin=$(tests/controlplane/build.sh)
say 4 "control plane: start"
tests/controlplane/up.sh | grep -v '^export'
source tests/controlplane/lib.sh
source "$run/env.sh"

say 5 "operator"
kubectl apply --server-side --force-conflicts -f crds/ -f operator/rbac.yaml
kubectl wait --for=condition=Established --timeout=30s -f crds/ > /dev/null
stop_process operator
operator/kubeconfig.sh > "$run/operator.kubeconfig"
spawn operator build/nocobase-operator run --kubeconfig "$run/operator.kubeconfig" --lease-namespace "$namespace"
pid_of operator > /dev/null || { cat "$run/log/operator.log"; exit 1; }
echo "runs as process $(pid_of operator | cut -d' ' -f1), log: build/demo/log/operator.log"

say 6 "sample: operator/samples/quickstart.yaml"
kubectl apply --server-side -f operator/samples/quickstart-secrets.yaml -f operator/samples/quickstart.yaml
shown= limit=$((SECONDS + 180)) quiet=$SECONDS
until kubectl wait --for=condition=Ready --timeout=0 -f operator/samples/quickstart.yaml > /dev/null 2>&1; do
  now=$(kubectl get nbr --no-headers 2>/dev/null | sed 's/  *[0-9smhd]*$//' || true) # without the age
  if [ "$now" != "$shown" ]; then
    comm -13 <(sort <<< "$shown") <(sort <<< "$now")
    shown=$now quiet=$SECONDS
  elif [ $((SECONDS - quiet)) -ge 10 ]; then
    echo "waiting: $(kubectl get -f operator/samples/quickstart.yaml -o 'jsonpath={.status.conditions[?(@.type=="Ready")].message}')"
    quiet=$SECONDS
  fi
  if ! pid_of operator > /dev/null; then echo "the operator has ended:"; tail -n 20 "$run/log/operator.log"; exit 1; fi
  [ "$SECONDS" -lt "$limit" ] || break
  sleep 0.5
done
kubectl get nbc,nbr,deploy,svc
kubectl wait --for=condition=Ready --timeout=0 -f operator/samples/quickstart.yaml > /dev/null || { tail -n 20 "$run/log/operator.log"; exit 1; }
cat <<END

All roles are ready. Pods are simulated, everything else is real. To look around:

  $(cat "$run/env.sh")
  kubectl get pods --show-labels
  kubectl scale nbr/crm-tasks --replicas=3; kubectl get nbr -w
  kubectl delete deploy/crm-web; kubectl get deploy -w

To end it: make demo-down
END
