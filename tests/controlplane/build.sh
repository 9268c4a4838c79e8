#!/usr/bin/env bash
# Builds the control plane's binary unless the cache has it, and prints the folder that holds it and a link per program.
# The cache is outside the checkout and keyed by the content of src/, so a clean clone and a changed branch find their own.
# NOCOBASE_OPERATOR_CACHE=DIR  (default ${XDG_CACHE_HOME:-~/.cache}/nocobase-operator)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${NOCOBASE_OPERATOR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/nocobase-operator}/controlplane
key=$(cd "$here" && cat build.sh src/*.go src/*.yaml src/go.mod src/go.sum | sha256sum | cut -c1-16)
bin=$cache/$key/bin
if [ -x "$bin/controlplane" ]; then echo "$bin"; exit 0; fi

mkdir -p "$cache"
exec 9> "$cache/lock"
flock -n 9 || { echo "controlplane: another build is under way, waiting for it" >&2; flock 9; }
if [ -x "$bin/controlplane" ]; then echo "$bin"; exit 0; fi

command -v go > /dev/null || PATH=$PATH:/usr/local/go/bin
command -v go > /dev/null || { echo "controlplane: needs Go 1.26 or later on the PATH" >&2; exit 1; }
temporary=$(mktemp -d "$cache/build.XXXXXX")
go_pid=
trap '[ -z "$go_pid" ] || kill "$go_pid" 2>/dev/null || true; rm -rf "$temporary"' EXIT
trap 'exit 130' INT TERM
cd "$here/src"
version() { sed -n "s#^\t$1 \(v[^ ]*\).*#\1#p" go.mod | head -n 1; }
kubernetes=$(version k8s.io/kubernetes)
IFS=. read -r major minor _ <<< "${kubernetes#v}"
flags="-s -w -X sigs.k8s.io/kwok/pkg/consts.Version=$(version sigs.k8s.io/kwok) -X helm.sh/helm/v4/internal/version.version=$(version helm.sh/helm/v4)"
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
  flags+=" -X $package.gitVersion=$kubernetes -X $package.gitMajor=$major -X $package.gitMinor=$minor -X $package.gitTreeState=clean"
done
echo "controlplane: building Kubernetes $kubernetes from Go modules (the first time takes some minutes)" >&2
CGO_ENABLED=0 GOFLAGS="-trimpath -buildvcs=false -mod=readonly" \
  go build -v -ldflags "$flags" -o "$temporary/bin/controlplane" . > "$temporary/log" 2>&1 9>&- &
go_pid=$!
while kill -0 "$go_pid" 2>/dev/null; do
  sleep 1
  if [ $((SECONDS % 5)) = 0 ]; then
    fetched=$(grep -c '^go: downloading' "$temporary/log" || true)
    echo "controlplane: ${SECONDS} s, $fetched modules fetched, $(($(wc -l < "$temporary/log") - fetched)) packages compiled" >&2
  fi
done
wait "$go_pid" || { grep -v '^go: downloading' "$temporary/log" | tail -n 30 >&2; exit 1; }
go_pid=
for program in etcd fakemetrics helm kube-apiserver kube-controller-manager kube-scheduler kubectl kwok metrics-server; do
  ln -s controlplane "$temporary/bin/$program"
done
"$temporary/bin/controlplane" stages > "$temporary/bin/kwok.yaml"
mkdir -p "$cache/$key"
rm -rf "$bin"
mv "$temporary/bin" "$bin"
echo "controlplane: built in ${SECONDS} s" >&2
echo "$bin"
