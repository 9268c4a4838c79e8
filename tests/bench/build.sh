#!/usr/bin/env bash
# Builds the peers and the client of the benchmark unless the cache has them, and prints the folder that holds them:
# operator-go, operator-rust, client, and noop-go and noop-rust, which time a reconcile that has nothing to do.
# The cache is outside the checkout and keyed by the content of go/ and rust/, as that of tests/controlplane.
# Rust is the one on the PATH or in ~/.cargo/bin; without one, RUST_VERSION is installed by rustup (Debian 12's is too old).
# NOCOBASE_OPERATOR_CACHE=DIR  (default ${XDG_CACHE_HOME:-~/.cache}/nocobase-operator)
set -euo pipefail
RUST_VERSION=1.95.0
here=$(cd "$(dirname "$0")" && pwd)
cache=${NOCOBASE_OPERATOR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/nocobase-operator}/bench
key=$(cd "$here" && cat build.sh go/go.* go/*/*.go rust/Cargo.* rust/src/*.rs | sha256sum | cut -c1-16)
bin=$cache/$key
if [ -e "$bin/complete" ]; then echo "$bin"; exit 0; fi
mkdir -p "$bin"
exec 9> "$cache/lock"
flock -n 9 || { echo "bench: another build is under way, waiting for it" >&2; flock 9; }
if [ -e "$bin/complete" ]; then echo "$bin"; exit 0; fi

command -v go > /dev/null || PATH=$PATH:/usr/local/go/bin
command -v go > /dev/null || { echo "bench: needs Go 1.26 or later on the PATH" >&2; exit 1; }
echo "bench: building the client and the peer in Go" >&2
export CGO_ENABLED=0 GOFLAGS="-trimpath -buildvcs=false -mod=readonly"
(
  cd "$here/go"
  go build -ldflags '-s -w' -o "$bin/client" ./client
  go build -ldflags '-s -w' -o "$bin/operator-go" ./operator
  go test -c -o "$bin/noop-go" ./operator
) 9>&-

PATH=$HOME/.cargo/bin:$PATH
if ! command -v cargo > /dev/null || ! command -v rustc > /dev/null; then
  echo "bench: installing Rust $RUST_VERSION with rustup into ~/.cargo and ~/.rustup" >&2
  command -v curl > /dev/null || { echo "bench: needs curl to install Rust: apt-get install curl" >&2; exit 1; }
  curl --proto =https --tlsv1.2 -sSf https://sh.rustup.rs |
    sh -s -- -y --quiet --no-modify-path --profile minimal --default-toolchain "$RUST_VERSION" >&2
fi
have=$(rustc --version | cut -d' ' -f2)
[ "$have" = "$RUST_VERSION" ] || echo "bench: Rust is $have; the recorded figures are of $RUST_VERSION" >&2
echo "bench: building the peer in Rust $have (about 5 CPU-minutes)" >&2
(
  cd "$here/rust"
  export CARGO_TARGET_DIR=$cache/rust-target
  cargo build --release --locked --quiet
  cp "$CARGO_TARGET_DIR/release/nocobase-operator-bench" "$bin/operator-rust"
  test=$(cargo test --release --locked --no-run --message-format=json 2> /dev/null |
    sed -n 's/.*"profile":{[^}]*"test":true}.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
  cp "$test" "$bin/noop-rust"
) 9>&-
touch "$bin/complete"
echo "$bin"
