#include "simulation/scene.h"

#include <cstdio>

#include "kube/json.h"

namespace nocobase_operator::simulation {

void History::say(std::int64_t now, std::string_view who, const std::string& what) {
  char head[48];
  std::snprintf(head, sizeof(head), "%10.3f  %-12.*s ", static_cast<double>(now) / 1'000, static_cast<int>(who.size()),
                who.data());
  lines_.push_back(head + what);
}

std::pair<std::string, std::string> owner_of(const Json& object) {
  const Json* const owners = kube::find_path(object, {"metadata", "ownerReferences"});
  if (owners == nullptr || !owners->is_array()) {
    return {};
  }
  for (const Json& owner : *owners) {
    if (const Json* const controls = kube::find(owner, "controller"); controls != nullptr && *controls == true) {
      return {kube::string_at(owner, {"kind"}), kube::string_at(owner, {"uid"})};
    }
  }
  return {};
}

std::string pod_name(Scene& scene, const std::string& of) {
  constexpr std::string_view letters = "bcdfghjklmnpqrstvwxz2456789";
  std::string name = of + "-";
  for (int i = 0; i < 5; ++i) {
    name += letters[scene.rng.below(letters.size())];
  }
  return name;
}

Json pod_of(const Json& pod_template) {
  Json pod = Json::object();
  const Json none = Json::object();
  const Json* const spec = kube::find(pod_template, "spec");
  const Json* const metadata = kube::find(pod_template, "metadata");
  pod["metadata"] = Json::object();
  for (const char* const key : {"labels", "annotations"}) {
    if (const Json* const value = metadata != nullptr ? kube::find(*metadata, key) : nullptr) {
      pod["metadata"][key] = *value;
    }
  }
  pod["spec"] = Json::object();
  for (const auto& [key, value] : (spec != nullptr ? *spec : none).items()) {
    if (value.is_primitive()) {
      pod["spec"][key] = value;
    }
  }
  Json containers = Json::array();
  const Json* const all = spec != nullptr ? kube::find(*spec, "containers") : nullptr;
  for (const Json& container : all != nullptr ? *all : Json::array()) {
    Json kept = {{"name", container.value("name", "")}, {"image", container.value("image", "")}};
    for (const Json& entry : container.value("env", Json::array())) {
      const std::string name = entry.value("name", "");
      if (name == "WORKER_MODE" || name == "SKIP_SAME_VERSION_UPGRADE") {
        kept["env"].push_back(entry);
      }
    }
    containers.push_back(std::move(kept));
  }
  pod["spec"]["containers"] = std::move(containers);
  return pod;
}

}  // namespace nocobase_operator::simulation
