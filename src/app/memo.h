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
  // The children of a cluster with these counts, before anything that only observation tells is put into them.
  struct Rendered {
    std::vector<std::shared_ptr<const Child>> children;
    // One per role.
    std::vector<std::string> worker_modes;
    std::vector<std::vector<Reference>> references;
  };
  // A Deployment with what observation tells, and what that was.
  struct Sealed {
    std::uint64_t content = 0;
    std::int64_t epoch = 0;     // of the live one
    std::uint64_t applied = 0;  // to the live one
    std::shared_ptr<const Child> child;
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
    // The last one of a role, to be compared and replaced. Empty after another rendering.
    [[nodiscard]] Sealed& sealed(std::size_t role) { return sealed_[role]; }

   private:
    friend class Memo;

    Json object_;  // without its status
    std::shared_ptr<const Cluster> cluster_;
    kube::Findings findings_;
    std::string image_;
    RenderInput input_;
    std::optional<Rendered> rendered_;
    std::vector<Sealed> sealed_;
  };

  // Keeps what is known of that many clusters.
  explicit Memo(std::size_t clusters = 32) : clusters_(clusters) {}

  // Of a NocoBaseCluster as it is kept (SeenCluster::text). Valid until the next call.
  [[nodiscard]] Work& of(const Json& object);

 private:
  std::size_t clusters_;
  std::list<Work> works_;  // the last one first
};

}  // namespace nocobase_operator::app
