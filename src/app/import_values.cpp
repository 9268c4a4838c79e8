// The smaller sorts of input: values of NocoBase's own Helm chart, a container app, files of variables alone.
#include <algorithm>
#include <array>

#include "app/defaults.h"
#include "app/import_objects.h"
#include "app/import_text.h"
#include "app/names.h"
#include "kube/quantity.h"
#include "kube/reader.h"

namespace nocobase_operator::app::importing {
namespace {

// Of nocobase/helm-charts: charts/nocobase 0.1.0, whose image has this tag where the values name none.
constexpr std::string_view chart_app_version = "1.7";

struct ValuesKey {
  std::string_view name;
  std::string_view why;  // "" when it is read
};
constexpr std::array<ValuesKey, 22> values_keys = {{
    {"affinity", ""},
    {"configMap", ""},
    {"fullnameOverride", "objects are named after the cluster"},
    {"image", ""},
    {"imagePullSecrets", ""},
    {"ingress", ""},
    {"livenessProbe", "the operator has probes of its own, which give a start ten minutes"},
    {"nameOverride", "objects are named after the cluster"},
    {"nodeSelector", ""},
    {"persistent", ""},
    {"podAnnotations", "say them in podTemplate.metadata"},
    {"podLabels", "say them in podTemplate.metadata"},
    {"podSecurityContext", ""},
    {"readinessProbe", "the operator has probes of its own, which give a start ten minutes"},
    {"replicaCount", ""},
    {"resources", ""},
    {"securityContext", ""},
    {"service", ""},
    {"serviceAccount", "the operator makes one for the pods"},
    {"tolerations", ""},
    {"volumeMounts", "the chart does not use it either"},
    {"volumes", "the chart does not use it either"},
}};

class ChartReader {
 public:
  ChartReader(const kube::SourceDocument& document, Remarks& remarks)
      : root_{&document, &document.value, ""}, remarks_(remarks) {}

  Blueprint read() {
    plan_.place = root_.place();
    Workload workload;
    workload.place = plan_.place;
    read_image(workload);
    workload.replicas = static_cast<std::int32_t>(
        std::clamp<std::int64_t>(kube::integer_at(*root_.value, {"replicaCount"}, 1), 0, 1000));
    workload.resources = resources_of(kube::find(*root_.value, "resources"));
    read_data(workload);
    read_pod(workload.pod);
    read_around();
    for (const auto& [key, value] : root_.value->items()) {
      judge_key(key, value);
    }
    plan_.workloads.push_back(std::move(workload));
    return std::move(plan_);
  }

 private:
  void read_image(Workload& workload) {
    const Located image = root_.member("image");
    std::string repository = image.is_object() ? kube::string_at(*image.value, {"repository"}) : "";
    std::string tag =
        image.is_object() && image.value->contains("tag") ? scalar_text((*image.value)["tag"]).value_or("") : "";
    repository = repository.empty() ? "nocobase/nocobase" : repository;
    if (tag.empty()) {
      tag = chart_app_version;
      remarks_.changed(root_.place("image"), "image.tag", "there is none, and the chart then takes " + tag);
    }
    workload.image = repository + ":" + tag;
    if (image.is_object()) {
      if (const std::string policy = kube::string_at(*image.value, {"pullPolicy"}); !policy.empty()) {
        plan_.pull_policy = policy;
      }
    }
    const Located secrets = root_.member("imagePullSecrets");
    for (std::size_t i = 0; secrets.is_array() && i < secrets.value->size(); ++i) {
      if (const std::string name = kube::string_at((*secrets.value)[i], {"name"}); !name.empty()) {
        plan_.pull_secrets.push_back(name);
      }
    }
  }

  void read_data(Workload& workload) {
    const Located data = root_.member("configMap").member("data");
    if (!data.is_object()) {
      return;
    }
    for (const auto& [key, value] : data.value->items()) {
      Setting setting;
      setting.name = key;
      setting.place = data.place(key);
      setting.value = scalar_text(value);
      if (!value.is_string()) {
        remarks_.changed(setting.place, key, "without quotes it is no text, which the API server refuses");
      }
      put_setting(workload.env, std::move(setting));
    }
  }

  void read_pod(Json& pod) {
    const auto filled = [this](std::string_view key) {
      const Json* const value = kube::find(*root_.value, key);
      return value != nullptr && value->is_structured() && !value->empty() ? value : nullptr;
    };
    for (const auto* const key : {"nodeSelector", "tolerations"}) {
      if (const Json* const value = filled(key)) {
        pod[key] = *value;
      }
    }
    if (const Json* const affinity = filled("affinity")) {
      if (const Json* const node = kube::find(*affinity, "nodeAffinity")) {
        pod["affinity"]["nodeAffinity"] = *node;
      }
      if (kube::find(*affinity, "podAffinity") != nullptr || kube::find(*affinity, "podAntiAffinity") != nullptr) {
        remarks_.dropped(root_.place("affinity"), "affinity",
                         "affinity to pods looks for labels of the chart; the operator spreads the pods of a role");
      }
    }
    if (const Json* const context = filled("podSecurityContext")) {
      pod["securityContext"] = *context;
    }
    if (const Json* const context = filled("securityContext"); context != nullptr && context->is_object()) {
      pod["containers"] = Json::array({Json::object({{"name", container_name}, {"securityContext", *context}})});
    }
  }

  void read_around() {
    if (const std::string type = kube::string_at(*root_.value, {"service", "type"});
        type == "NodePort" || type == "LoadBalancer") {
      plan_.service["type"] = type;
    }
    if (const std::int64_t port = kube::integer_at(*root_.value, {"service", "port"}, 80);
        port > 0 && port <= 65535 && port != 80) {
      plan_.service["port"] = port;
    }
    const Located ingress = root_.member("ingress");
    if (const Json* const enabled = ingress.is_object() ? kube::find(*ingress.value, "enabled") : nullptr;
        enabled != nullptr && *enabled == true) {
      plan_.ingress = ingress_section(ingress, kube::find(*ingress.value, "annotations"), remarks_);
      remarks_.changed(ingress.place("enabled"), "ingress", "the chart cannot render it; the operator makes one");
    }
    const Located persistent = root_.member("persistent");
    if (const std::string size = kube::string_at(*root_.value, {"persistent", "size"}); !size.empty()) {
      plan_.storage["size"] = size;
    }
    const Json* const class_name = persistent.is_object() ? kube::find(*persistent.value, "storageClassName") : nullptr;
    plan_.storage["storageClassName"] = class_name == nullptr ? "" : scalar_text(*class_name).value_or("");
    remarks_.needs(persistent.is_object() ? persistent.place() : root_.place(), "storage",
                   "the claim of a release that runs is not named in the values, so a new one would be made",
                   "name it in storage.existingClaim instead of size and storageClassName: it is called like the "
                   "release's Deployment");
  }

  void judge_key(const std::string& key, const Json& value) {
    if (value.is_null() || (value.is_structured() && value.empty()) || value == "") {
      return;
    }
    const auto* const known = std::find_if(values_keys.begin(), values_keys.end(),
                                           [&key](const ValuesKey& each) { return each.name == key; });
    if (known == values_keys.end()) {
      remarks_.dropped(root_.place(key), key, "NocoBase's own chart does not know it");
    } else if (!known->why.empty()) {
      remarks_.dropped(root_.place(key), key, std::string(known->why));
    }
  }

  Located root_;
  Remarks& remarks_;
  Blueprint plan_;
};

// The template of a container app: where containers and scale are. Both forms that are in use: that of a provider's
// command line, and a short one.
struct AppParts {
  Located container;
  Located scale;
  Located ingress;
};

AppParts parts_of(const Located& root) {
  const Located properties = root.member("properties");
  if (!properties.is_object()) {
    return {root.member("container"), root.member("scale"), root.member("ingress")};
  }
  const Located inner = properties.member("template");
  const Located containers = inner.member("containers");
  AppParts out;
  out.container = containers.is_array() && !containers.value->empty() ? containers.item(0) : containers;
  for (std::size_t i = 0; containers.is_array() && i < containers.value->size(); ++i) {
    if (is_nocobase_image(kube::string_at((*containers.value)[i], {"image"}))) {
      out.container = containers.item(i);
      break;
    }
  }
  out.scale = inner.member("scale");
  out.ingress = properties.member("configuration").member("ingress");
  return out;
}

void read_scale(const Located& scale, Workload& out, Remarks& remarks) {
  if (!scale.is_object()) {
    return;
  }
  const std::int64_t least = kube::integer_at(*scale.value, {"minReplicas"}, 1);
  const std::int64_t most = kube::integer_at(*scale.value, {"maxReplicas"}, least);
  if (most > 1 && most != least) {
    out.autoscaling = autoscaling_of(scale, remarks);
  } else {
    out.replicas = static_cast<std::int32_t>(std::clamp<std::int64_t>(most, 0, 1000));
  }
}

void read_size(const Located& container, Workload& out) {
  const Located inner = container.member("resources");
  const Json& from = inner.is_object() ? *inner.value : *container.value;
  Json resources = Json::object();
  for (const auto* const name : {"cpu", "memory"}) {
    const Json* const amount = kube::find(from, name);
    if (const auto text = amount == nullptr ? std::nullopt : kube::quantity_text(*amount)) {
      resources["requests"][name] = *text;
    }
  }
  if (const Json* const memory = kube::find_path(resources, {"requests", "memory"})) {
    resources["limits"]["memory"] = Json(*memory);
  }
  if (!resources.empty()) {
    out.resources = std::move(resources);
  }
}

}  // namespace

Result<Blueprint> read_chart_values(const ImportInput& input, Remarks& remarks) {
  if (input.documents.size() > 1) {
    return Error{Code::invalid, input.documents[1].file +
                                    ": more than one set of chart values: import what `helm get values --all` prints"};
  }
  return ChartReader(input.documents.front(), remarks).read();
}

Result<Blueprint> read_container_app(const ImportInput& input, Remarks& remarks) {
  if (input.documents.size() > 1) {
    return Error{Code::invalid, input.documents[1].file + ": more than one container app: import one at a time"};
  }
  const kube::SourceDocument& document = input.documents.front();
  const Located root{&document, &document.value, ""};
  const AppParts parts = parts_of(root);
  if (!parts.container.is_object()) {
    return Error{Code::invalid, document.file + ": the container app has no container"};
  }
  Blueprint out;
  out.name = kube::string_at(document.value, {"name"});
  out.place = root.place();
  Workload workload;
  workload.name = out.name;
  workload.place = parts.container.place();
  workload.image = kube::string_at(*parts.container.value, {"image"});
  workload.image_unknown = workload.image.empty() ? "the container names none" : "";
  const ObjectIndex nothing(input.documents);
  workload.env = container_env(parts.container, nothing, workload.env_from, remarks);
  read_size(parts.container, workload);
  read_scale(parts.scale, workload, remarks);
  out.workloads.push_back(std::move(workload));
  if (parts.ingress.is_object()) {
    remarks.changed(parts.ingress.place(), "ingress",
                    "pods are reached by the Service, from within Kubernetes, on port 80",
                    "say ingress or gateway to reach it from outside");
  }
  remarks.changed(out.place, "storage", "files were lost with each pod unless a volume was mounted; now they are kept",
                  "if a volume was, make a claim, copy them into it, and name it in storage.existingClaim");
  return out;
}

Result<Blueprint> read_variables(const ImportInput& input, Remarks& remarks) {
  Blueprint out;
  out.place = {input.variables.front().file, {1, 1}};
  Workload workload;
  workload.place = out.place;
  workload.image_unknown = "a file of variables names none";
  KnownVariables known;
  for (const VariablesFile& file : input.variables) {
    std::vector<TextVariable> variables = TRY(parse_variables(file, known));
    for (TextVariable& variable : variables) {
      Setting setting;
      setting.name = std::move(variable.name);
      setting.value = std::move(variable.value);
      setting.unknown = std::move(variable.unknown);
      setting.place = {file.file, variable.mark};
      if (variable.ambiguous) {
        remarks.changed(setting.place, setting.name, std::string(ambiguous_value));
      }
      put_setting(workload.env, std::move(setting));
    }
  }
  if (!is_nocobase_env(workload.env)) {
    return Error{Code::invalid, out.place.file +
                                    ": neither DB_DIALECT nor WORKER_MODE is in it: are these variables of "
                                    "NocoBase?"};
  }
  out.workloads.push_back(std::move(workload));
  return out;
}

}  // namespace nocobase_operator::app::importing
