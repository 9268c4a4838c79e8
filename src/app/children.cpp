#include "app/children.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "app/children_parts.h"
#include "app/defaults.h"
#include "app/image.h"
#include "app/labels.h"
#include "app/names.h"
#include "app/pod.h"
#include "base/hash.h"
#include "kube/owned.h"
#include "kube/quantity.h"

namespace nocobase_operator::app {

namespace {

Json owner_reference(const Cluster& cluster) {
  const kube::KindInfo& kind = kube::info(kube::Kind::nocobase_cluster);
  Json owner = Json::object();
  owner["apiVersion"] = kube::api_version(kube::Kind::nocobase_cluster);
  owner["kind"] = kind.kind;
  owner["name"] = cluster.name;
  owner["uid"] = cluster.uid;
  owner["controller"] = true;
  owner["blockOwnerDeletion"] = true;
  return owner;
}

}  // namespace

Json new_object(kube::Kind kind, const Cluster& cluster, const std::string& name, Json labels) {
  Json body = Json::object();
  body["apiVersion"] = kube::api_version(kind);
  body["kind"] = kube::info(kind).kind;
  body["metadata"]["name"] = name;
  if (!cluster.ns.empty()) {
    body["metadata"]["namespace"] = cluster.ns;
  }
  body["metadata"]["labels"] = std::move(labels);
  if (!cluster.uid.empty()) {
    body["metadata"]["ownerReferences"] = Json::array({owner_reference(cluster)});
  }
  return body;
}

Child finished(kube::Kind kind, const Cluster& cluster, Json body) {
  const std::string name = body["metadata"]["name"].get<std::string>();
  return sealed({{kind, cluster.ns, name}, std::move(body), 0});
}

namespace {

Child service_account(const Cluster& cluster) {
  Json body = new_object(kube::Kind::service_account, cluster, cluster.name, cluster_labels(cluster));
  body["automountServiceAccountToken"] = false;
  return finished(kube::Kind::service_account, cluster, std::move(body));
}

// The claim as the spec asks for it. Whether a live one may be given that size is for the planner: a claim never
// shrinks. By default the claim outlives the cluster: it has no owner.
Result<Child> claim(const Cluster& cluster) {
  Json body = new_object(kube::Kind::persistent_volume_claim, cluster, claim_name(cluster), cluster_labels(cluster));
  const auto& storage = cluster.spec.storage;
  if (!storage || storage->deletion_policy.value_or(DeletionPolicy::retain) == DeletionPolicy::retain) {
    body["metadata"].erase("ownerReferences");
  }
  const auto size = kube::canonical_quantity(storage_size(cluster.spec));
  if (!size.ok()) {
    return Error{Code::invalid, "spec.storage.size: " + size.error().what};
  }
  body["spec"]["accessModes"] = access_modes(cluster.spec);
  body["spec"]["resources"]["requests"]["storage"] = size.value();
  if (storage && storage->storage_class_name) {  // "" asks for a volume without a class, absent for the default class
    body["spec"]["storageClassName"] = *storage->storage_class_name;
  }
  return finished(kube::Kind::persistent_volume_claim, cluster, std::move(body));
}

Child service(const Cluster& cluster) {
  Json body = new_object(kube::Kind::service, cluster, cluster.name, cluster_labels(cluster));
  const auto& service = cluster.spec.service;
  if (service && !service->annotations.empty()) {
    for (const auto& [key, value] : service->annotations) {
      body["metadata"]["annotations"][key] = value;
    }
  }
  // Written even where it is the default: a type that was given and then taken back has to go back too.
  body["spec"]["type"] = service ? service->type.value_or("ClusterIP") : "ClusterIP";
  body["spec"]["selector"] = service_selector(cluster);
  Json port = Json::object();
  port["name"] = service_port_name;
  port["protocol"] = "TCP";
  port["port"] = service_port(cluster.spec);
  port["targetPort"] = app_port;
  body["spec"]["ports"] = Json::array({std::move(port)});
  return finished(kube::Kind::service, cluster, std::move(body));
}

Child role_object(const Cluster& cluster, const Role& role, const RoleCount& count) {
  Json body =
      new_object(kube::Kind::nocobase_role, cluster, child_name(cluster, role.name), role_labels(cluster, role));
  body["spec"]["clusterName"] = cluster.name;
  body["spec"]["role"] = role.name;
  if (role.replicas) {
    body["spec"]["replicas"] = count.intent;
  }
  return finished(kube::Kind::nocobase_role, cluster, std::move(body));
}

// Two pods at once need a volume and a database that two pods can open, and a version that does not migrate at each
// start.
bool shareable(const Spec& spec) {
  const auto modes = access_modes(spec);
  return spec.database.dialect != Dialect::sqlite && !migrates_at_every_start(spec.image) &&
         std::find(modes.begin(), modes.end(), "ReadWriteMany") != modes.end();
}

// Request roles roll without a gap; workers without a pod more, since each takes one of few worker ids.
Json strategy(const Spec& spec, const Role& role) {
  Json json = Json::object();
  if (!shareable(spec)) {
    json["type"] = "Recreate";
    return json;
  }
  json["type"] = "RollingUpdate";
  json["rollingUpdate"] = {{"maxSurge", role.requests ? 1 : 0}, {"maxUnavailable", role.requests ? 0 : 1}};
  return json;
}

Result<Child> deployment(const RenderInput& input, const Role& role, const RoleCount& count) {
  const Cluster& cluster = *input.cluster;
  const std::string mode = TRY(worker_mode_of(role));
  Json pod = TRY(pod_template(cluster, role, mode));
  Json body = new_object(kube::Kind::deployment, cluster, child_name(cluster, role.name), role_labels(cluster, role));
  body["metadata"]["annotations"][std::string(annotation_epoch)] = std::to_string(input.epoch);
  Json& spec = body["spec"];
  spec["replicas"] = count.effect;
  // A paused Deployment scales the pods of its last roll-out: after an upgrade the old image on the new database.
  spec["paused"] = false;
  spec["selector"]["matchLabels"] = selector_labels(cluster, role);
  spec["strategy"] = strategy(cluster.spec, role);
  spec["progressDeadlineSeconds"] = progress_deadline_seconds(cluster.spec);
  spec["revisionHistoryLimit"] = 2;  // the way back is the spec; `kubectl rollout undo` is overwritten
  spec["template"] = std::move(pod);
  Child child{{kube::Kind::deployment, cluster.ns, child_name(cluster, role.name)}, std::move(body), 0};
  return input.seals_deployments ? sealed(std::move(child)) : std::move(child);
}

}  // namespace

Child sealed(Child child) {
  child.hash = kube::content_hash(child.ref.kind, child.body, annotation_applied);
  child.body["metadata"]["annotations"][std::string(annotation_applied)] = hex64(child.hash);
  return child;
}

void put_content(Child& deployment, std::uint64_t content) {
  if (content != 0) {
    deployment.body["spec"]["template"]["metadata"]["annotations"][std::string(annotation_content)] = hex64(content);
  }
}

Result<std::vector<Child>> render(const RenderInput& input) {
  CHECK(input.cluster != nullptr);
  const Cluster& cluster = *input.cluster;
  CHECK(input.counts.size() == cluster.spec.roles.size());
  std::vector<Child> children;
  children.push_back(service_account(cluster));
  if (!cluster.spec.storage || !cluster.spec.storage->existing_claim) {
    children.push_back(TRY(claim(cluster)));
  }
  children.push_back(service(cluster));
  for (std::size_t i = 0; i < cluster.spec.roles.size(); ++i) {
    const Role& role = cluster.spec.roles[i];
    children.push_back(role_object(cluster, role, input.counts[i]));
    children.push_back(TRY(deployment(input, role, input.counts[i])));
  }
  const auto add = [&](std::optional<Child> asked) {
    if (asked) {
      children.push_back(std::move(*asked));
    }
  };
  for (const Role& role : cluster.spec.roles) {
    add(disruption_budget(cluster, role));
    add(pod_autoscaler(cluster, role));
    add(trigger_authentication(cluster, role));
    add(scaled_object(cluster, role, input.hold));
  }
  for (const auto& render_one : {network_policy, ingress, http_route, pod_monitor}) {
    add(render_one(cluster));
  }
  return children;
}

std::vector<RoleCount> initial_counts(const Cluster& cluster) {
  std::vector<RoleCount> counts;
  counts.reserve(cluster.spec.roles.size());
  for (const Role& role : cluster.spec.roles) {
    const std::int32_t count = role.replicas ? *role.replicas : std::max(1, fewest_pods(role));
    counts.push_back({count, count});
  }
  return counts;
}

}  // namespace nocobase_operator::app
