#include <array>
#include <limits>

#include "app/decode_fields.h"
#include "app/image.h"
#include "app/spec.h"
#include "kube/kind.h"

namespace nocobase_operator::app {
namespace {

using kube::Reader;

constexpr form::Form image = {1, 512, is_image, "an image such as nocobase/nocobase:2.2.15-full"};
constexpr form::Form cluster_name = {1, 30, form::is_dns_1035_label,
                                     "a lower-case letter, then letters, digits and -, 30 characters at most"};
constexpr form::Form role_name = {1, 20, form::is_dns_label, "lower-case letters, digits and -, 20 characters at most"};
constexpr std::array<std::string_view, 3> pull_policies = {"Always", "IfNotPresent", "Never"};

void decode_metadata(FieldDecoder& fields, const Json& object, Cluster& out) {
  const Json* const metadata = kube::find(object, "metadata");
  if (metadata == nullptr || metadata->is_null()) {
    fields.report().add("NB005", "metadata", "is required", "a cluster needs metadata.name");
    return;
  }
  // Never finished: what else is in metadata is the API server's business.
  Reader reader(*metadata, "metadata", FieldDecoder::codes(), fields.findings());
  reader.require("name", "the cluster's name");
  if (auto name = reader.string("name")) {
    out.name = std::move(*name);
    if (form::length(out.name) > cluster_name.max || !form::is_dns_1035_label(out.name)) {
      fields.report().add("NB014", "metadata.name", kube::describe(Json(out.name)) + " cannot name a cluster",
                          "want " + std::string(cluster_name.want));
    }
  }
  out.ns = reader.string("namespace").value_or("");
  out.uid = reader.string("uid").value_or("");
  out.generation = reader.integer("generation", 0, std::numeric_limits<std::int64_t>::max()).value_or(0);
}

void decode_type(FieldDecoder& fields, Reader& top) {
  const kube::KindInfo& want = kube::info(kube::Kind::nocobase_cluster);
  for (const auto& [key, value] :
       {std::pair<std::string_view, std::string>("apiVersion", kube::api_version(kube::Kind::nocobase_cluster)),
        std::pair<std::string_view, std::string>("kind", want.kind)}) {
    top.require(key, "want " + value);
    if (const auto got = top.string(key); got && *got != value) {
      fields.report().add("NB013", std::string(key), kube::describe(Json(*got)) + " is not what this program reads",
                          "want " + value);
    }
  }
}

std::optional<Autoscaling> decode_autoscaling(FieldDecoder& fields, Reader& role) {
  std::optional<Autoscaling> out;
  role.nested("autoscaling", [&](Reader& reader) {
    out.emplace();
    reader.require("maxReplicas", "how many pods at most, from 1 to 32");
    out->min_replicas = fields.number(reader, "minReplicas", 0, 32);
    out->max_replicas = fields.number(reader, "maxReplicas", 1, 32).value_or(0);
    out->cpu = fields.number(reader, "cpu", 1, 10000);
    out->memory = fields.number(reader, "memory", 1, 10000);
    reader.nested("backlog", [&](Reader& backlog) {
      backlog.require("target", "how many queued items one pod is meant to have");
      out->backlog_target = fields.number(backlog, "target", 1, 1'000'000);
    });
    out->metrics = fields.objects(reader, "metrics", {0, 16});
    out->behavior = reader.object("behavior");
    out->triggers = fields.objects(reader, "triggers", {0, 16});
  });
  return out;
}

std::optional<DisruptionBudget> decode_budget(FieldDecoder& fields, Reader& role) {
  std::optional<DisruptionBudget> out;
  role.nested("disruptionBudget", [&](Reader& reader) {
    out.emplace();
    out->min_available = fields.count_or_percentage(reader, "minAvailable");
    out->max_unavailable = fields.count_or_percentage(reader, "maxUnavailable");
  });
  return out;
}

void decode_roles(FieldDecoder& fields, Reader& spec, std::vector<Role>& out) {
  std::vector<std::string> names;
  spec.require("roles", "at least one role, such as {name: web, requests: true, replicas: 2}");
  const bool there = spec.each("roles", [&](Reader& reader) {
    out.push_back(decode_role(fields, reader));
    names.push_back(out.back().name);
  });
  if (there) {
    fields.limit("spec.roles", out.size(), {1, 16});
    fields.unique("spec.roles", names, "role");
  }
}

void decode_setup(FieldDecoder& fields, Reader& reader, Setup& out) {
  out.env = fields.env(reader, "env");
  out.env_from = fields.objects(reader, "envFrom", {0, 32});
  out.timeout_seconds = fields.number(reader, "timeoutSeconds", 60, 86400);
  out.revision = fields.text(reader, "revision", form::any_text);
}

void decode_monitoring(FieldDecoder& fields, Reader& reader, Monitoring& out) {
  out.enabled = reader.boolean("enabled").value_or(false);
  out.pod_monitor = reader.boolean("podMonitor").value_or(false);
  out.interval = fields.text(reader, "interval", {1, 16, form::is_interval, "a duration such as 30s"});
}

// Calls `read` with the member `key` and a fresh value in `out`; `out` stays empty when the member is absent.
template <class T, class Read>
void optional_part(FieldDecoder& fields, Reader& spec, std::string_view key, std::optional<T>& out, Read read) {
  spec.nested(key, [&](Reader& reader) { read(fields, reader, out.emplace()); });
}

void decode_image(FieldDecoder& fields, Reader& spec, Spec& out) {
  spec.require("image", "want an image such as nocobase/nocobase:2.2.15-full");
  out.image = fields.text(spec, "image", image).value_or("");
  if (const auto policy = fields.choice(spec, "imagePullPolicy", pull_policies)) {
    out.image_pull_policy = pull_policies[*policy];
  }
  const bool there = spec.each("imagePullSecrets", [&](Reader& reader) {
    reader.require("name", "the name of a Secret in this namespace");
    out.image_pull_secrets.push_back(fields.text(reader, "name", form::secret_name).value_or(""));
  });
  if (there) {
    fields.limit("spec.imagePullSecrets", out.image_pull_secrets.size(), {0, 16});
    fields.unique("spec.imagePullSecrets", out.image_pull_secrets, "the Secret");
  }
}

void decode_spec(FieldDecoder& fields, Reader& spec, Spec& out) {
  decode_image(fields, spec, out);
  decode_roles(fields, spec, out.roles);
  out.plugin_services = fields.set(spec, "pluginServices", form::plain_service_key, {0, 64});
  spec.require("database", "want at least dialect, host, name and user");
  spec.nested("database", [&](Reader& reader) { decode_database(fields, reader, out.database); });
  optional_part(fields, spec, "coordination", out.coordination, decode_coordination);
  spec.nested("keys", [&](Reader& reader) {
    out.keys.emplace();
    out.keys->secret = fields.secret_ref(reader, "secretRef");
    out.keys->accepted_fingerprint = fields.text(reader, "acceptedFingerprint", form::any_text);
  });
  spec.nested("initialAdmin", [&](Reader& reader) {
    reader.require("secretRef", "the Secret with INIT_ROOT_EMAIL and INIT_ROOT_PASSWORD");
    out.initial_admin_secret = fields.secret_ref(reader, "secretRef");
  });
  optional_part(fields, spec, "setup", out.setup, decode_setup);
  optional_part(fields, spec, "storage", out.storage, decode_storage);
  decode_exposure(fields, spec, out);
  out.env = fields.env(spec, "env");
  out.env_from = fields.objects(spec, "envFrom", {0, 32});
  out.pod_template = fields.object_template(spec, "podTemplate");
  optional_part(fields, spec, "upgrade", out.upgrade, decode_upgrade);
  out.progress_deadline_seconds = fields.number(spec, "progressDeadlineSeconds", 30, 86400);
  out.maintenance = spec.boolean("maintenance").value_or(false);
  out.stopped = spec.boolean("stopped").value_or(false);
  out.paused = spec.boolean("paused").value_or(false);
  spec.nested("networkPolicy", [&](Reader& reader) {
    out.network_policy.emplace().enabled = reader.boolean("enabled").value_or(false);
  });
  optional_part(fields, spec, "monitoring", out.monitoring, decode_monitoring);
}

}  // namespace

bool is_image(std::string_view text) {
  return parse_image(text).has_value();
}

Role decode_role(FieldDecoder& fields, Reader& reader) {
  Role out;
  reader.require("name", "");
  out.name = fields.text(reader, "name", role_name).value_or("");
  out.requests = reader.boolean("requests").value_or(false);
  out.services = fields.set(reader, "services", form::service_key, {0, 32});
  out.replicas = fields.number(reader, "replicas", 0, 32);
  out.autoscaling = decode_autoscaling(fields, reader);
  out.resources = fields.resources(reader, "resources");
  out.env = fields.env(reader, "env");
  out.pod_template = fields.object_template(reader, "podTemplate");
  out.termination_grace_period_seconds = reader.integer("terminationGracePeriodSeconds", 1, 86400);
  out.disruption_budget = decode_budget(fields, reader);
  return out;
}

Decoded decode(const Json& object) {
  Decoded out;
  FieldDecoder fields(out.findings);
  Reader top(object, "", FieldDecoder::codes(), out.findings);
  if (!object.is_object()) {
    return out;
  }
  decode_type(fields, top);
  decode_metadata(fields, object, out.cluster);
  top.skip("metadata");
  top.skip("status");
  top.require("spec", "want at least image, roles and database");
  top.nested("spec", [&](Reader& spec) { decode_spec(fields, spec, out.cluster.spec); });
  top.finish();
  return out;
}

}  // namespace nocobase_operator::app
