#!/usr/bin/env bash
# Installs the Debian packages of packages.txt; leaves apt alone when they are all there.
set -euo pipefail
mapfile -t wanted < <(grep -v '^#' "$(dirname "$0")/packages.txt")
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null || true)
missing=()
for package in "${wanted[@]}"; do
  grep -qx "installed $package" <<< "$installed" || missing+=("$package")
done
if [ ${#missing[@]} = 0 ]; then echo "packages: all there"; exit 0; fi
echo "packages: installing ${missing[*]}"
root=()
[ "$(id -u)" = 0 ] || root=(sudo)
"${root[@]}" apt-get -q update
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "${missing[@]}"
