#!/usr/bin/env bash
# Builds gitops-judge unless the cache has it, and prints the folder that holds it. The cache is outside the checkout and keyed
# by the content of this folder, as that of tests/controlplane/build.sh.
# NOCOBASE_OPERATOR_CACHE=DIR  (default ${XDG_CACHE_HOME:-~/.cache}/nocobase-operator)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${NOCOBASE_OPERATOR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/nocobase-operator}/gitops
key=$(cd "$here" && cat build.sh main.go go.mod go.sum | sha256sum | cut -c1-16)
bin=$cache/$key/bin
if [ -x "$bin/gitops-judge" ]; then echo "$bin"; exit 0; fi

mkdir -p "$cache"
exec 9> "$cache/lock"
flock 9
if [ -x "$bin/gitops-judge" ]; then echo "$bin"; exit 0; fi
command -v go > /dev/null || PATH=$PATH:/usr/local/go/bin
command -v go > /dev/null || { echo "gitops: needs Go 1.26 or later on the PATH" >&2; exit 1; }
temporary=$(mktemp -d "$cache/build.XXXXXX")
trap 'rm -rf "$temporary"' EXIT
cd "$here"
echo "gitops: building the engines of GitOps tools from Go modules (about five minutes of processor time)" >&2
CGO_ENABLED=0 GOFLAGS="-trimpath -buildvcs=false -mod=readonly" go build -ldflags "-s -w" -o "$temporary/bin/gitops-judge" . 9>&-
mkdir -p "$cache/$key"
rm -rf "$bin"
mv "$temporary/bin" "$bin"
echo "gitops: built in ${SECONDS} s" >&2
echo "$bin"
