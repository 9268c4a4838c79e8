#!/usr/bin/env bash
# Prints a kubeconfig for the operator's ServiceAccount (operator/rbac.yaml), good for a year, so that an operator outside
# of the cluster has the rights that it has inside, and no more. Uses kubectl with its current context.
set -euo pipefail
token=$(kubectl create token nocobase-operator --namespace nocobase-operator-system --duration 8760h)
kubectl config view --minify --flatten --raw --output go-template='{{with index .clusters 0}}apiVersion: v1
kind: Config
current-context: operator
clusters:
- name: operator
  cluster: {server: "{{.cluster.server}}", certificate-authority-data: {{index .cluster "certificate-authority-data"}}}
contexts:
- name: operator
  context: {cluster: operator, user: operator}
users:
- name: operator
  user: {token: '"$token"'}
{{end}}'
