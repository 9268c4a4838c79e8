#include <algorithm>
#include <array>
#include <set>

#include "app/import_objects.h"
#include "kube/reader.h"

namespace nocobase_operator::app::importing {
namespace {

constexpr std::array<std::string_view, 2> workload_kinds = {"Deployment", "StatefulSet"};
// Kinds that are read together with the workloads.
constexpr std::array<std::string_view, 7> read_kinds = {
    "ConfigMap", "HorizontalPodAutoscaler", "Ingress", "Namespace", "PersistentVolumeClaim", "Secret", "Service"};
// What pods of these kinds have, the operator makes too.
constexpr std::array<std::string_view, 4> own_kinds = {"HorizontalPodAutoscaler", "NetworkPolicy",
                                                       "PodDisruptionBudget", "ServiceAccount"};

bool is_among(std::string_view name, const auto& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string kind_of(const kube::SourceDocument& document) {
  return kube::string_at(document.value, {"kind"});
}

std::string name_of_object(const kube::SourceDocument& document) {
  return kube::string_at(document.value, {"metadata", "name"});
}

std::string subject_of(const kube::SourceDocument& document) {
  return kind_of(document) + " " + name_of_object(document);
}

class KubernetesReader {
 public:
  KubernetesReader(const ImportInput& input, Remarks& remarks)
      : input_(input), remarks_(remarks), objects_(input.documents) {}

  Result<Blueprint> read() {
    for (const kube::SourceDocument& document : input_.documents) {
      if (!is_among(kind_of(document), workload_kinds) || !read_workload(document)) {
        others_.push_back(&document);
      }
    }
    if (plan_.workloads.empty()) {
      return Error{Code::invalid, input_.documents.front().file +
                                      ": no Deployment or StatefulSet runs NocoBase: no container has an image called "
                                      "nocobase, or DB_DIALECT"};
    }
    const Exposure exposure = exposure_of(objects_, labels_, remarks_);
    plan_.service = exposure.service;
    plan_.ingress = exposure.ingress;
    plan_.name = common_name();
    for (const kube::SourceDocument* const document : others_) {
      judge_other(*document);
    }
    for (const kube::SourceDocument& document : input_.documents) {
      plan_.existing.push_back({kind_of(document), name_of_object(document), place_of(document, "")});
    }
    return std::move(plan_);
  }

 private:
  // The container of a pod that runs NocoBase, with its variables.
  struct Found {
    Located container;
    std::vector<Setting> env;
    Json env_from = Json::array();
  };
  std::optional<Found> find_container(const Located& containers) {
    for (std::size_t i = 0; containers.is_array() && i < containers.value->size(); ++i) {
      Found out;
      out.container = containers.item(i);
      if (!out.container.is_object()) {
        continue;
      }
      Remarks unsaid;  // of a container that may be another program
      const bool named = is_nocobase_image(kube::string_at(*out.container.value, {"image"}));
      if (!named) {
        Json ignored = Json::array();
        if (!is_nocobase_env(container_env(out.container, objects_, ignored, unsaid))) {
          continue;
        }
      }
      out.env = container_env(out.container, objects_, out.env_from, remarks_);
      return out;
    }
    return std::nullopt;
  }

  // False when it is another program.
  bool read_workload(const kube::SourceDocument& document) {
    const Located root{&document, &document.value, ""};
    const Located pod = root.member("spec").member("template").member("spec");
    if (!pod.is_object()) {
      return false;
    }
    std::optional<Found> found = find_container(pod.member("containers"));
    if (!found) {
      return false;
    }
    Workload out;
    out.name = name_of_object(document);
    out.place = root.place("spec");
    out.image = kube::string_at(*found->container.value, {"image"});
    out.image_unknown = out.image.empty() ? "the container names none" : "";
    out.env = std::move(found->env);
    out.env_from = std::move(found->env_from);
    const std::int64_t replicas = kube::integer_at(document.value, {"spec", "replicas"}, 1);
    out.replicas = static_cast<std::int32_t>(std::clamp<std::int64_t>(replicas, 0, 1000));
    out.resources = resources_of(kube::find(*found->container.value, "resources"));
    if (const std::int64_t grace = kube::integer_at(*pod.value, {"terminationGracePeriodSeconds"}, 0); grace > 0) {
      out.grace_seconds = grace;
    }
    out.autoscaling = autoscaler_of(document);
    out.pod = pod_overlay(pod, found->container, remarks_);
    read_pull(*pod.value, *found->container.value);
    read_storage(document, pod, found->container, replicas);
    judge_template(root, pod, found->container);
    plan_.place = plan_.workloads.empty() ? out.place : plan_.place;
    const std::string ns = kube::string_at(document.value, {"metadata", "namespace"});
    plan_.ns = plan_.ns.empty() ? ns : plan_.ns;
    if (ns != plan_.ns) {
      remarks_.needs(out.place, subject_of(document), "it is in another namespace than the others",
                     "import what is in one namespace at a time");
    }
    plan_.workloads.push_back(std::move(out));
    return true;
  }

  std::optional<Json> autoscaler_of(const kube::SourceDocument& workload) {
    for (const kube::SourceDocument* const scaler : objects_.all("HorizontalPodAutoscaler")) {
      const Located spec{scaler, kube::find(scaler->value, "spec"), "spec"};
      if (spec.is_object() && kube::string_at(*spec.value, {"scaleTargetRef", "kind"}) == kind_of(workload) &&
          kube::string_at(*spec.value, {"scaleTargetRef", "name"}) == name_of_object(workload)) {
        used_.insert(scaler);
        return autoscaling_of(spec, remarks_);
      }
    }
    return std::nullopt;
  }

  void read_pull(const Json& pod, const Json& container) {
    if (const std::string policy = kube::string_at(container, {"imagePullPolicy"}); !policy.empty()) {
      plan_.pull_policy = policy;
    }
    const Json* const secrets = kube::find(pod, "imagePullSecrets");
    for (std::size_t i = 0; secrets != nullptr && secrets->is_array() && i < secrets->size(); ++i) {
      const std::string name = kube::string_at((*secrets)[i], {"name"});
      if (!name.empty() && !is_among(name, plan_.pull_secrets)) {
        plan_.pull_secrets.push_back(name);
      }
    }
  }

  // A volume of the pod by name; a null value when there is none.
  static Located volume_called(const Located& pod, const std::string& name) {
    const Located volumes = pod.member("volumes");
    for (std::size_t i = 0; volumes.is_array() && i < volumes.value->size(); ++i) {
      if (kube::string_at((*volumes.value)[i], {"name"}) == name) {
        return volumes.item(i);
      }
    }
    return {pod.document, nullptr, volumes.path};
  }

  void read_storage(const kube::SourceDocument& workload, const Located& pod, const Located& container,
                    std::int64_t replicas) {
    const Located mounts = container.member("volumeMounts");
    std::optional<Located> storage;
    for (std::size_t i = 0; mounts.is_array() && i < mounts.value->size(); ++i) {
      std::string path = kube::string_at((*mounts.value)[i], {"mountPath"});
      path = path.substr(0, path.find_last_not_of('/') + 1);
      if (path == upstream_storage) {
        storage = mounts.item(i);
      }
    }
    for (std::size_t i = 0; mounts.is_array() && i < mounts.value->size(); ++i) {
      const Located mount = mounts.item(i);
      const std::string path = kube::string_at(*mount.value, {"mountPath"});
      if (storage && storage->path == mount.path) {
        continue;
      }
      const bool meant = !storage && (path.ends_with("/storage") || path.ends_with("/storage/"));
      if (meant) {
        storage = mount;
        remarks_.changed(mount.place(), "volume " + path,
                         "NocoBase keeps its files in " + std::string(upstream_storage) +
                             ": what it wrote was lost with each pod, and the volume will be mounted there now");
      } else {
        remarks_.dropped(mount.place(), "volume " + path, "it is not where NocoBase keeps its files",
                         "say it in podTemplate if it is still needed");
      }
    }
    if (!storage) {
      remarks_.changed(container.place(), "storage",
                       "nothing is mounted at " + std::string(upstream_storage) +
                           ", so that files were lost with each pod; now they are kept in a claim");
      return;
    }
    use_volume(workload, pod, *storage, replicas);
  }

  void use_volume(const kube::SourceDocument& workload, const Located& pod, const Located& mount,
                  std::int64_t replicas) {
    const std::string name = kube::string_at(*mount.value, {"name"});
    const Json* const templates = kube::find_path(workload.value, {"spec", "volumeClaimTemplates"});
    for (std::size_t i = 0; templates != nullptr && templates->is_array() && i < templates->size(); ++i) {
      if (kube::string_at((*templates)[i], {"metadata", "name"}) == name) {
        use_claim(name + "-" + name_of_object(workload) + "-0", &(*templates)[i], mount);
        if (replicas > 1) {
          remarks_.needs(mount.place(), "storage", "each pod has a claim of its own, and all pods share one now",
                         "copy the files of the others into it before the first start");
        }
        return;
      }
    }
    const Located volume = volume_called(pod, name);
    const std::string claim =
        volume.value == nullptr ? "" : kube::string_at(*volume.value, {"persistentVolumeClaim", "claimName"});
    if (claim.empty()) {
      remarks_.needs(mount.place(), "storage",
                     "the volume " + name + " is no claim, and its files are not carried over",
                     "make a claim, copy them into it, and name it in storage.existingClaim");
      return;
    }
    const kube::SourceDocument* const found =
        objects_.find("PersistentVolumeClaim", kube::string_at(workload.value, {"metadata", "namespace"}), claim);
    use_claim(claim, found == nullptr ? nullptr : &found->value, mount);
  }

  void use_claim(const std::string& claim, const Json* object, const Located& mount) {
    Json section = Json::object();
    section["existingClaim"] = claim;
    const Json* const modes = object == nullptr ? nullptr : kube::find_path(*object, {"spec", "accessModes"});
    if (modes != nullptr && modes->is_array() && !modes->empty()) {
      section["accessModes"] = *modes;
    }
    if (plan_.storage.empty()) {
      plan_.storage = std::move(section);
    } else if (plan_.storage["existingClaim"] != claim) {
      remarks_.needs(mount.place(), "storage", "all roles share one claim, and this one is another",
                     "copy the files of " + claim + " into " + kube::string_at(plan_.storage, {"existingClaim"}) +
                         " before the first start");
    }
  }

  void judge_template(const Located& root, const Located& pod, const Located& container) {
    const Json* const labels = kube::find_path(*root.value, {"spec", "template", "metadata", "labels"});
    labels_.push_back(labels == nullptr ? Json::object() : *labels);
    const Json* const wanted = kube::find_path(*root.value, {"spec", "selector", "matchLabels"});
    if (wanted != nullptr && !has_all(labels_.back(), *wanted)) {
      remarks_.changed(root.place("spec"), subject_of(*root.document),
                       "its pods lack the labels that it selects, which the API server refuses; the operator sets "
                       "labels of its own");
    }
    const Located others = pod.member("containers");
    for (std::size_t i = 0; i < others.value->size(); ++i) {
      if (others.item(i).path != container.path) {
        remarks_.dropped(
            others.item(i).place(),
            "container " + kube::string_at((*others.value)[i], {"name"}) + " of " + name_of_object(*root.document),
            "a container beside NocoBase is not carried over", "say it in podTemplate");
      }
    }
  }

  // The part before the last dash that the names of all workloads share.
  [[nodiscard]] std::string common_name() const {
    std::string common = plan_.workloads.front().name;
    if (plan_.workloads.size() == 1) {
      return common;
    }
    for (const Workload& workload : plan_.workloads) {
      while (!common.empty() && workload.name != common && !workload.name.starts_with(common + "-")) {
        const std::size_t dash = common.rfind('-');
        common = dash == std::string::npos ? "" : common.substr(0, dash);
      }
    }
    return common;
  }

  void judge_other(const kube::SourceDocument& document) {
    const std::string kind = kind_of(document);
    if (used_.contains(&document) || (is_among(kind, read_kinds) && !is_among(kind, own_kinds))) {
      return;
    }
    if (is_among(kind, own_kinds)) {
      remarks_.dropped(place_of(document, ""), subject_of(document),
                       "the operator makes its own for the pods of the cluster; this one is left as it is");
    } else {
      remarks_.dropped(place_of(document, ""), subject_of(document), "it does not run NocoBase and is left as it is");
    }
  }

  const ImportInput& input_;
  Remarks& remarks_;
  ObjectIndex objects_;
  Blueprint plan_;
  std::vector<Json> labels_;
  std::vector<const kube::SourceDocument*> others_;
  std::set<const kube::SourceDocument*> used_;
};

}  // namespace

Result<Blueprint> read_kubernetes(const ImportInput& input, Remarks& remarks) {
  return KubernetesReader(input, remarks).read();
}

}  // namespace nocobase_operator::app::importing
