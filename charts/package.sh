#!/usr/bin/env bash
# package.sh FOLDER [HELM]: packs both charts and renders install.yaml: the definitions, the namespace
# nocobase-operator-system and the operator for all namespaces, for `kubectl apply --server-side -f`.
set -euo pipefail
folder=${1:?usage: package.sh FOLDER [HELM]}
helm=${2:-helm}
charts=$(cd "$(dirname "$0")" && pwd)
namespace=nocobase-operator-system
mkdir -p "$folder"
for chart in nocobase-operator-crds nocobase-operator; do
  "$helm" package "$charts/$chart" --destination "$folder" > /dev/null
done
{
  "$helm" template nocobase-operator-crds "$charts/nocobase-operator-crds" --set keep=false
  printf -- '---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: %s\n  labels:\n    pod-security.kubernetes.io/enforce: restricted\n' "$namespace"
  "$helm" template nocobase-operator "$charts/nocobase-operator" --namespace "$namespace"
} | sed 's/^\( *app.kubernetes.io\/managed-by:\) Helm$/\1 kubectl/; /^ *helm.sh\//d' > "$folder/install.yaml"
ls "$folder"/*.tgz "$folder/install.yaml"
