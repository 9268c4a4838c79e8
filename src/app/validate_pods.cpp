#include <algorithm>
#include <array>

#include "app/defaults.h"
#include "app/image.h"
#include "app/labels.h"
#include "app/names.h"
#include "app/pod.h"
#include "app/validate_parts.h"
#include "kube/json.h"
#include "kube/reader.h"

namespace nocobase_operator::app {
namespace {

constexpr std::int32_t nginx_port = 80;  // of the images that have nginx (docker/nocobase/nocobase.conf.tpl)

void each_item(const Json& object, std::string_view list, const std::string& path, const auto& visit) {
  const Json* const items = kube::find(object, list);
  if (items == nullptr || !items->is_array()) {
    return;
  }
  for (std::size_t i = 0; i < items->size(); ++i) {
    visit((*items)[i], kube::join_path(kube::join_path(path, list), i));
  }
}

void judge_labels(const Json& pod_template, const std::string& path, Report& report) {
  const Json* const labels = kube::find_path(pod_template, {"metadata", "labels"});
  if (labels == nullptr || !labels->is_object()) {
    return;
  }
  for (const auto& [label, value] : labels->items()) {
    if (std::find(fixed_labels.begin(), fixed_labels.end(), label) != fixed_labels.end()) {
      report.add("NB058", kube::join_path(path + ".metadata.labels", label), label + " is set by the operator",
                 "leave it out");
    }
  }
}

void judge_container_env(const Spec& spec, const Json& container, const std::string& path, Report& report) {
  each_item(container, "env", path, [&](const Json& item, const std::string& at) {
    const std::string name = kube::string_at(item, {"name"});
    if (const std::string_view field = field_setting(spec, name); !field.empty()) {
      report.add("NB059", at + ".name", name + " is set by " + std::string(field),
                 "say it there, or leave that field out");
    }
    if (is_reserved_variable(name)) {
      const Json* const value = kube::find(item, "value");
      const auto* const text = value == nullptr ? nullptr : value->get_ptr<const std::string*>();
      report.add("NB051", at + ".name", name + " is set by the operator",
                 reserved_advice(name, text == nullptr ? std::nullopt : std::optional(*text)));
    }
  });
}

// Only an image with nginx listens on its port.
void judge_ports(const Spec& spec, const Json& container, const std::string& path, Report& report) {
  const std::optional<Image> image = parse_image(spec.image);
  if (!image || image->nginx) {
    return;
  }
  const auto judge = [&](const Json* port, const std::string& at) {
    if (port != nullptr && *port == nginx_port) {
      report.add("NB074", at, "an image without nginx does not listen on port 80",
                 "use " + std::to_string(app_port) + ", or an image with nginx");
    }
  };
  each_item(container, "ports", path, [&](const Json& item, const std::string& at) {
    judge(kube::find(item, "containerPort"), at + ".containerPort");
  });
  for (const char* const probe : {"startupProbe", "readinessProbe", "livenessProbe"}) {
    for (const char* const action : {"httpGet", "tcpSocket"}) {
      judge(kube::find_path(container, {probe, action, "port"}), path + "." + probe + "." + action + ".port");
    }
  }
}

void judge_mounts(const Json& container, const std::string& path, Report& report) {
  static constexpr auto look_alikes =
      std::to_array<std::string_view>({"/app/storage", "/nocobase/storage", "/storage", "/var/www/nocobase/storage"});
  each_item(container, "volumeMounts", path, [&](const Json& item, const std::string& at) {
    std::string mount = kube::string_at(item, {"mountPath"});
    while (mount.size() > 1 && mount.ends_with('/')) {
      mount.pop_back();
    }
    if (mount == storage_folder || mount == run_folder || mount.starts_with(std::string(run_folder) + "/")) {
      report.add("NB103", at + ".mountPath", mount + " is a volume of the operator",
                 mount == storage_folder ? "say storage.existingClaim" : "choose another path");
    } else if (std::find(look_alikes.begin(), look_alikes.end(), mount) != look_alikes.end()) {
      report.add("NB104", at + ".mountPath", "NocoBase keeps nothing below " + mount,
                 "files are in " + std::string(storage_folder) + ", for which storage provides");
    }
  });
}

void judge_security(const Json& context, const std::string& path, Report& report) {
  for (const std::string& member :
       {std::string("readOnlyRootFilesystem"), std::string("runAsNonRoot"), std::string("runAsUser")}) {
    const Json* const value = kube::find(context, member);
    const bool other_user = value != nullptr && value->is_number_integer() && *value != 0;
    if (value != nullptr && (*value == true || other_user)) {
      report.add("NB106", kube::join_path(path, member),
                 "NocoBase's own image writes to its file system as root when it starts",
                 "leave " + member + " out, unless the image was made for it");
    }
  }
}

// Containers of a pod share its ports.
void judge_sidecar(const Spec& spec, const Json& container, const std::string& path, Report& report) {
  const std::optional<Image> image = parse_image(spec.image);
  const bool monitored = spec.monitoring && spec.monitoring->enabled;
  each_item(container, "ports", path, [&](const Json& item, const std::string& at) {
    const Json* const port = kube::find(item, "containerPort");
    if (port != nullptr &&
        (*port == app_port || (monitored && *port == metrics_port) || (image && image->nginx && *port == nginx_port))) {
      report.add("NB077", at + ".containerPort", "NocoBase listens on port " + port->dump() + " of the same pod",
                 "let the other container listen on another port");
    }
  });
}

void judge_template(const Spec& spec, const std::string& path, const std::optional<Json>& pod_template,
                    Report& report) {
  if (!pod_template) {
    return;
  }
  judge_labels(*pod_template, path, report);
  const Json* const pod = kube::find(*pod_template, "spec");
  if (pod == nullptr) {
    return;
  }
  const std::string pod_path = path + ".spec";
  if (const Json* const context = kube::find(*pod, "securityContext")) {
    judge_security(*context, pod_path + ".securityContext", report);
  }
  each_item(*pod, "containers", pod_path, [&](const Json& container, const std::string& at) {
    if (kube::string_at(container, {"name"}) != container_name) {
      judge_sidecar(spec, container, at, report);
      return;
    }
    judge_container_env(spec, container, at, report);
    judge_ports(spec, container, at, report);
    judge_mounts(container, at, report);
    if (const Json* const context = kube::find(container, "securityContext")) {
      judge_security(*context, at + ".securityContext", report);
    }
  });
}

}  // namespace

void judge_pod_templates(const Spec& spec, Report& report) {
  judge_template(spec, "spec.podTemplate", spec.pod_template, report);
  for (std::size_t i = 0; i < spec.roles.size(); ++i) {
    judge_template(spec, role_path(i) + ".podTemplate", spec.roles[i].pod_template, report);
  }
}

}  // namespace nocobase_operator::app
