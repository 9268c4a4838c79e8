#include "app/memo.h"

#include <algorithm>
#include <utility>

#include "app/defaults.h"
#include "app/validate.h"
#include "kube/kind.h"

namespace nocobase_operator::app {
namespace {

constexpr std::string_view status = "status";

bool is_same_but_status(const Json& without, const Json& object) {
  if (!object.is_object() || !without.is_object() || without.size() + object.count(status) != object.size()) {
    return without == object;
  }
  // Both are sorted by key.
  auto ours = without.begin();
  for (auto theirs = object.begin(); theirs != object.end(); ++theirs) {
    if (theirs.key() == status) {
      continue;
    }
    if (ours.key() != theirs.key() || *ours != *theirs) {
      return false;
    }
    ++ours;
  }
  return true;
}

Json without_status(const Json& object) {
  if (!object.is_object()) {
    return object;
  }
  Json out = Json::object();
  for (const auto& [key, value] : object.items()) {
    if (key != status) {
      out[key] = value;
    }
  }
  return out;
}

}  // namespace

Memo::Work::Work(const Json& object) : object_(without_status(object)) {
  Decoded decoded = decode(object_);
  findings_ = std::move(decoded.findings);
  if (first_error(findings_) == nullptr) {
    findings_ = validate(decoded.cluster);
  }
  cluster_ = std::make_shared<const Cluster>(std::move(decoded.cluster));
}

Result<const Memo::Rendered*> Memo::Work::rendered(const std::string& image, const RenderInput& input) {
  const bool same = rendered_ && image == image_ && input.counts == input_.counts && input.epoch == input_.epoch &&
                    input.seals_deployments == input_.seals_deployments && input.hold == input_.hold;
  if (same) {
    return &*rendered_;
  }
  rendered_.reset();
  sealed_.assign(cluster_->spec.roles.size(), {});
  Cluster with_image = *cluster_;
  with_image.spec.image = image;
  RenderInput of_it = input;
  of_it.cluster = &with_image;
  Rendered made;
  std::vector<Child> children = TRY(render(of_it));
  for (Child& child : children) {
    if (child.ref.kind == kube::Kind::deployment) {
      made.references.push_back(references_of(child.body["spec"]["template"], cluster_->ns));
    }
    made.children.push_back(std::make_shared<const Child>(std::move(child)));
  }
  for (const Role& role : cluster_->spec.roles) {
    made.worker_modes.push_back(TRY(worker_mode_of(role)));
  }
  image_ = image;
  input_ = input;
  input_.cluster = nullptr;
  rendered_ = std::move(made);
  return &*rendered_;
}

Memo::Work& Memo::of(const Json& object) {
  const auto found = std::find_if(works_.begin(), works_.end(),
                                  [&](const Work& work) { return is_same_but_status(work.object_, object); });
  if (found != works_.end()) {
    works_.splice(works_.begin(), works_, found);
    return works_.front();
  }
  const auto same_cluster = [&](const Work& work) {
    const Json* const theirs = kube::find(work.object_, "metadata");
    const Json* const ours = kube::find(object, "metadata");
    return theirs != nullptr && ours != nullptr &&
           kube::string_at(*theirs, {"name"}) == kube::string_at(*ours, {"name"}) &&
           kube::string_at(*theirs, {"uid"}) == kube::string_at(*ours, {"uid"});
  };
  works_.remove_if(same_cluster);
  works_.emplace_front(object);
  while (works_.size() > clusters_) {
    works_.pop_back();
  }
  return works_.front();
}

}  // namespace nocobase_operator::app
