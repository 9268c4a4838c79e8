// Kubernetes objects that run NocoBase, taken apart: containers, and what stands around their pods.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/import_parts.h"

namespace nocobase_operator::app::importing {

// The objects of the input.
class ObjectIndex {
 public:
  explicit ObjectIndex(const std::vector<kube::SourceDocument>& documents) : documents_(documents) {}

  // The object of a kind and name in the namespace; one that names no namespace counts as in any.
  [[nodiscard]] const kube::SourceDocument* find(std::string_view kind, const std::string& ns,
                                                 const std::string& name) const;
  [[nodiscard]] std::vector<const kube::SourceDocument*> all(std::string_view kind) const;

 private:
  const std::vector<kube::SourceDocument>& documents_;
};

// A value of the input with where it stands.
struct Located {
  const kube::SourceDocument* document = nullptr;
  const Json* value = nullptr;
  std::string path;

  [[nodiscard]] Place place(std::string_view below = "") const;
  // The member, with a null value when there is none.
  [[nodiscard]] Located member(std::string_view key) const;
  [[nodiscard]] Located item(std::size_t index) const;
  [[nodiscard]] bool is_array() const { return value != nullptr && value->is_array(); }
  [[nodiscard]] bool is_object() const { return value != nullptr && value->is_object(); }
};

// Whether an object has all members of another one, with their values.
[[nodiscard]] bool has_all(const Json& object, const Json& members);

// What the process of a container sees. What of envFrom is not in the input goes into `env_from`.
[[nodiscard]] std::vector<Setting> container_env(const Located& container, const ObjectIndex& objects, Json& env_from,
                                                 Remarks& remarks);
// ResourceRequirements with amounts as text; nothing when there are none.
[[nodiscard]] std::optional<Json> resources_of(const Json* resources);
// What of a pod and of NocoBase's container is handed on in podTemplate.spec; the rest is remarked on.
[[nodiscard]] Json pod_overlay(const Located& pod, const Located& container, Remarks& remarks);

// Section `service`, of the first Service that selects one of the pods; and Section `ingress`, of the first Ingress to
// such a Service. Empty objects when there are none.
struct Exposure {
  Json service = Json::object();
  Json ingress = Json::object();
};
[[nodiscard]] Exposure exposure_of(const ObjectIndex& objects, const std::vector<Json>& pod_labels, Remarks& remarks);
// Section `ingress` of one Ingress spec; `host` and the rest of the rules are remarked on.
[[nodiscard]] Json ingress_section(const Located& spec, const Json* annotations, Remarks& remarks);
// The autoscaling of a role as a HorizontalPodAutoscaler has it.
[[nodiscard]] Json autoscaling_of(const Located& spec, Remarks& remarks);

}  // namespace nocobase_operator::app::importing
