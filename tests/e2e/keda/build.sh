#!/usr/bin/env bash
# Builds KEDA's operator and metrics adapter unless the cache has them, and prints the folder that holds both and, under
# crds/, KEDA's CustomResourceDefinitions. The cache is outside the checkout and keyed by the content of this folder, as that
# of tests/controlplane/build.sh.
# NOCOBASE_OPERATOR_CACHE=DIR  (default ${XDG_CACHE_HOME:-~/.cache}/nocobase-operator)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${NOCOBASE_OPERATOR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/nocobase-operator}/keda
key=$(cd "$here" && cat build.sh go.mod go.sum | sha256sum | cut -c1-16)
bin=$cache/$key/bin
if [ -x "$bin/adapter" ]; then echo "$bin"; exit 0; fi

mkdir -p "$cache"
exec 9> "$cache/lock"
flock 9
if [ -x "$bin/adapter" ]; then echo "$bin"; exit 0; fi
command -v go > /dev/null || PATH=$PATH:/usr/local/go/bin
command -v go > /dev/null || { echo "keda: needs Go 1.26 or later on the PATH" >&2; exit 1; }
temporary=$(mktemp -d "$cache/build.XXXXXX")
trap 'rm -rf "$temporary"' EXIT
cd "$here"
echo "keda: building from Go modules (about 12 minutes of processor time)" >&2
CGO_ENABLED=0 GOFLAGS="-trimpath -buildvcs=false -mod=readonly" \
  go build -ldflags "-s -w" -o "$temporary/bin/" github.com/kedacore/keda/v2/cmd/operator github.com/kedacore/keda/v2/cmd/adapter 9>&-
cp -R "$(GOFLAGS=-mod=readonly go list -m -f '{{.Dir}}' github.com/kedacore/keda/v2)/config/crd/bases" "$temporary/bin/crds"
chmod -R u+w "$temporary/bin"
mkdir -p "$cache/$key"
rm -rf "$bin"
mv "$temporary/bin" "$bin"
echo "keda: built in ${SECONDS} s" >&2
echo "$bin"
