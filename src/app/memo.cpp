#include "app/memo.h"

#include <algorithm>
#include <utility>

#include "app/defaults.h"
#include "app/names.h"
#include "app/validate.h"
#include "kube/kind.h"
#include "kube/meta.h"

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

namespace {

Json& epoch_in(Child& deployment) {
  return deployment.body["metadata"]["annotations"][std::string(annotation_epoch)];
}

// A step that changes nothing of a Deployment does not write it: it keeps the epoch of the one that last did.
Child sealed_with_epoch(Child deployment, const std::string& epoch, const Memo::Told& told) {
  epoch_in(deployment) = told.epoch == 0 ? epoch : std::to_string(told.epoch);
  const bool same = epoch_in(deployment) == epoch;
  deployment = sealed(std::move(deployment));
  if (same || deployment.hash == told.applied) {
    return deployment;
  }
  epoch_in(deployment) = epoch;
  return sealed(std::move(deployment));
}

}  // namespace

Memo::Deployment::Deployment(Child rendered) : child_(std::make_shared<Child>(std::move(rendered))) {
  const Json* const annotations = kube::find_path(child_->body, {"spec", "template", "metadata", "annotations"});
  if (annotations != nullptr) {
    annotations_ = *annotations;
  }
  epoch_ = kube::annotation_of(child_->body, annotation_epoch);
}

std::shared_ptr<const Child> Memo::Deployment::sealed(const Told& told) {
  if (told_ == told) {
    return child_;
  }
  if (child_.use_count() > 1) {
    child_ = std::make_shared<Child>(*child_);
  }
  Json& pods = child_->body["spec"]["template"]["metadata"];
  if (annotations_) {
    pods["annotations"] = *annotations_;
  } else {
    pods.erase("annotations");
  }
  put_content(*child_, told.content);
  *child_ = sealed_with_epoch(std::move(*child_), epoch_, told);
  told_ = told;
  return child_;
}

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
  deployments_.clear();
  Cluster with_image = *cluster_;
  with_image.spec.image = image;
  RenderInput of_it = input;
  of_it.cluster = &with_image;
  Rendered made;
  std::vector<Child> children = TRY(render(of_it));
  for (Child& child : children) {
    if (child.ref.kind == kube::Kind::deployment) {
      made.references.push_back(references_of(child.body["spec"]["template"], cluster_->ns));
      deployments_.emplace_back(std::move(child));
    } else {
      made.children.push_back(std::make_shared<const Child>(std::move(child)));
    }
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
