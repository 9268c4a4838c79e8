#!/usr/bin/env bash
# Writes go.mod for other versions: KUBERNETES=1.37.2 ETCD=v3.7.0 KWOK=v0.8.0 HELM=v4.3.1 METRICS_SERVER=v0.9.0 ./update-modules.sh
# The Kubernetes module replaces its staging modules by folders of its own tree; outside of it they need their published versions.
set -euo pipefail
cd "$(dirname "$0")"
kubernetes=${KUBERNETES:-1.37.2} staging=0.${kubernetes#1.}
upstream=$(cd /tmp && go mod download -json "k8s.io/kubernetes@v$kubernetes" | sed -n 's/.*"GoMod": "\(.*\)",/\1/p')
{
  printf 'module controlplane\n\n'
  grep '^go ' "$upstream"
  grep '^godebug' "$upstream" || true
  echo 'replace ('
  sed -n "s#^\t\(k8s.io/[a-z-]*\) => ./staging.*#\t\1 => \1 v$staging#p" "$upstream"
  printf ')\nrequire (\n\tk8s.io/kubernetes v%s\n' "$kubernetes"
  for module in api client-go component-base kubectl metrics; do printf '\tk8s.io/%s v%s\n' $module "$staging"; done
  printf '\tgo.etcd.io/etcd/server/v3 %s\n\tsigs.k8s.io/kwok %s\n' "${ETCD:-v3.7.0}" "${KWOK:-v0.8.0}"
  printf '\thelm.sh/helm/v4 %s\n\tsigs.k8s.io/metrics-server %s\n)\n' "${HELM:-v4.3.1}" "${METRICS_SERVER:-v0.9.0}"
} > go.mod
rm -f go.sum
go mod tidy
