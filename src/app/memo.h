// What was worked out of the specs of the clusters that were looked at last: decoding, rendering and hashing are most
// of a decision, and a cluster is looked at several times in a row while it changes. A memo changes nothing of what is
// decided: it only knows the same answers sooner.
#pragma once
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/children.h"
#include "app/references.h"
#include "app/spec.h"
#include "base/result.h"

namespace nocobase_operator::app {

// Not thread-safe: one for each controller.
class Memo {
 public:
  // The children of a cluster with these counts, but for the Deployments: see Deployment.
  struct Rendered {
    std::vector<std::shared_ptr<const Child>> children;
    // One per role.
    std::vector<std::string> worker_modes;
    std::vector<std::vector<Reference>> references;
  };
  // What is put into a rendered Deployment because observation tells it.
  struct Told {
    std::uint64_t content = 0;  // of what its pods refer to; 0: not known
    std::int64_t epoch = 0;     // of the live one
    std::uint64_t applied = 0;  // to the live one
    friend bool operator==(const Told&, const Told&) = default;
  };
  // One of a role, as it was rendered or as it was sealed last.
  class Deployment {
   public:
    explicit Deployment(Child rendered);
    [[nodiscard]] const Child& child() const { return *child_; }
    [[nodiscard]] std::shared_ptr<const Child> shared() const { return child_; }
    // The same with what observation tells, and its hash. It is changed in place unless somebody still holds it.
    [[nodiscard]] std::shared_ptr<const Child> sealed(const Told& told);

   private:
    std::shared_ptr<Child> child_;
    std::optional<Json> annotations_;  // of its pods, as rendered
    std::string epoch_;                // likewise its own
    std::optional<Told> told_;
  };

  // What is known of one cluster with one spec.
  class Work {
   public:
    explicit Work(const Json& object);

    // Decoded, and validated where that has no errors.
    [[nodiscard]] const std::shared_ptr<const Cluster>& cluster() const { return cluster_; }
    [[nodiscard]] const kube::Findings& findings() const { return findings_; }

    // render() of the cluster with this image, which RenderInput names otherwise. Error (invalid) as there.
    [[nodiscard]] Result<const Rendered*> rendered(const std::string& image, const RenderInput& input);
    // That of a role of the last rendering.
    [[nodiscard]] Deployment& deployment(std::size_t role) { return deployments_[role]; }

   private:
    friend class Memo;

    Json object_;  // without its status
    std::shared_ptr<const Cluster> cluster_;
    kube::Findings findings_;
    std::string image_;
    RenderInput input_;
    std::optional<Rendered> rendered_;
    std::vector<Deployment> deployments_;
  };

  // Keeps what is known of that many clusters: as many as a controller works on at a time.
  explicit Memo(std::size_t clusters = 16) : clusters_(clusters) {}

  // Of a NocoBaseCluster as it is kept (SeenCluster::text). Valid until the next call.
  [[nodiscard]] Work& of(const Json& object);

 private:
  std::size_t clusters_;
  std::list<Work> works_;  // the last one first
};

}  // namespace nocobase_operator::app
