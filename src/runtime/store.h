// The cache: what was seen of clusters, children and pods, and what we remember of our own calls, in one block of bytes
// per cluster. It keeps the newest version of each object whatever order things arrive in; it decides nothing.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "app/observe.h"
#include "kube/http.h"
#include "runtime/cluster_key_hash.h"
#include "runtime/record.h"
#include "runtime/ref_index.h"

namespace nocobase_operator::runtime {

// The kinds that a watch keeps current: every cluster and autoscaler, and of the others what carries our label.
inline constexpr std::array watched_kinds = {kube::Kind::nocobase_cluster,
                                             kube::Kind::nocobase_role,
                                             kube::Kind::deployment,
                                             kube::Kind::service,
                                             kube::Kind::service_account,
                                             kube::Kind::persistent_volume_claim,
                                             kube::Kind::pod,
                                             kube::Kind::job,
                                             kube::Kind::pod_disruption_budget,
                                             kube::Kind::horizontal_pod_autoscaler,
                                             kube::Kind::scaled_object,
                                             kube::Kind::trigger_authentication,
                                             kube::Kind::network_policy,
                                             kube::Kind::ingress,
                                             kube::Kind::http_route,
                                             kube::Kind::pod_monitor};
[[nodiscard]] bool is_watched(kube::Kind kind);

class Store {
 public:
  // The clusters of which something has become different, other than a version.
  using Keys = std::vector<app::ClusterKey>;

  // From the watch of a kind, in the order of the stream.
  void list_began(kube::Kind kind);
  // The object as it is, or was before it went. An older version than the one held changes nothing.
  [[nodiscard]] Keys changed(app::Seen seen);
  [[nodiscard]] Keys removed(const kube::Meta& meta);
  // Everything up to this version has been told.
  void progressed(kube::Kind kind, std::uint64_t version);
  // The listing is complete: what it did not name, and is not newer than it, is gone. Nothing is returned if the
  // listing is older than what was seen before, as after etcd was restored: then the kind has been emptied and must be
  // listed anew.
  [[nodiscard]] std::optional<Keys> list_ended(kube::Kind kind, std::uint64_t version);

  // The API server has no such kind: nothing of it is there.
  [[nodiscard]] Keys kind_missing(kube::Kind kind);

  // From replies to calls made for the cluster `key`. The object as a read or a write gave it back: it is kept unless
  // the watch has told more. An object that is not the cluster's own by its labels is kept for it as an unwatched one.
  void replied(const app::ClusterKey& key, app::Seen seen);
  // The object does not exist, as a read said at `now`.
  void absent(const app::ClusterKey& key, const kube::Ref& ref, Instant now);
  // The object of that UID was deleted, or is on its way out: it counts as terminating until the watch tells that it is
  // gone. One that no watch shows is dropped.
  void deleting(const app::ClusterKey& key, const kube::Ref& ref, std::string_view uid);
  // Our apply was accepted, and this is what we own of the object since.
  void accepted(const app::ClusterKey& key, const kube::Ref& ref, std::uint64_t owned);
  // The cluster's pods, as a list has given them at `now`.
  void pods_read(const app::ClusterKey& key, std::vector<app::SeenPod> pods, Instant now);
  // Our status was written.
  void status_written(const app::ClusterKey& key, const kube::Ref& ref, app::StatusWritten status);
  // What a read of a Secret or ConfigMap gave that is made again and again. Whether it says anything new.
  [[nodiscard]] bool content_read(const app::ClusterKey& key, const app::SeenChild& seen);
  [[nodiscard]] bool content_absent(const app::ClusterKey& key, const kube::Ref& ref, Instant now);
  [[nodiscard]] bool content_refused(const app::ClusterKey& key, const kube::Ref& ref, std::string_view message);
  // Whether a read has told of the object, there or not, at that time or later.
  [[nodiscard]] bool was_read_since(const app::ClusterKey& key, const kube::Ref& ref, Instant when) const;
  // The server refused our call for the object, with this message; or, with "", does so no longer.
  void refused(const app::ClusterKey& key, const kube::Ref& ref, std::string_view message);

  // Whether the watch need not tell of this version: that object is held in it, or in a newer one.
  [[nodiscard]] bool holds(kube::Kind kind, const kube::WatchHead& head) const;
  // All that is known of a cluster; nothing when there is no such cluster.
  [[nodiscard]] std::optional<app::Observed> observe(const app::ClusterKey& key) const;
  // The object as it is kept for a cluster.
  [[nodiscard]] std::optional<app::Seen> find(const app::ClusterKey& key, const kube::Ref& ref) const;

  [[nodiscard]] std::size_t clusters() const { return clusters_; }
  [[nodiscard]] std::size_t watched_objects() const { return index_.size(); }
  // Of records; what maps and the allocator add is not counted.
  [[nodiscard]] std::size_t record_bytes() const { return record_bytes_; }

 private:
  // What is remembered of objects that need not exist.
  struct Notes {
    std::map<kube::Ref, Instant> absent;
    std::map<kube::Ref, std::string> refusals;
    std::optional<app::PodsRead> pods;
  };
  struct Bucket {
    std::string records;           // one after the other; the cluster is one of them
    PackedUid owner{};             // see Shared: of the first record that tells one, and kept while there are records
    std::unique_ptr<Notes> notes;  // null when there is nothing to remember
  };
  using Buckets = std::unordered_map<app::ClusterKey, Bucket, ClusterKeyHash>;
  using Node = Buckets::value_type;
  // What the watch of a kind has told so far.
  struct KindState {
    std::uint64_t told = 0;  // everything up to this version
    std::uint8_t mark = 0;   // of the last listing
    bool listing = false;
    bool listed = false;
  };

  [[nodiscard]] static Shared shared(const Node& node) { return {node.first, node.second.owner}; }
  [[nodiscard]] static std::optional<RecordView> find_record(const Node& node, const kube::Ref& ref);
  // The node of a cluster that exists, or nullptr.
  [[nodiscard]] Node* live_node(const app::ClusterKey& key);
  bool put(Node& node, const app::Seen& seen, RecordHead head);
  void leave_old_bucket(const kube::Ref& ref, const Node& now_in, Keys& touched);
  void replace(Node& node, std::string_view whole, std::string_view with);
  void drop(Node& node, const kube::Ref& ref);
  void drop_surplus(Node& node);
  void touch(const Node& node, const app::Seen& seen, Keys& touched) const;
  [[nodiscard]] std::string refusal_of(const app::ClusterKey& key, const kube::Ref& ref) const;
  void add_foreign_scalers(const app::ClusterKey& key, app::Observed& observed) const;
  void forget_cluster(Node& node);
  void drop_if_empty(const Node& node);
  [[nodiscard]] Keys drop_unmarked(kube::Kind kind, std::uint64_t version);
  static void forget_pods_read(Node& node);
  static void tidy(Node& node);

  RecordCodec codec_;
  Buckets buckets_;
  RefIndex<Node> index_;  // of watched objects
  std::map<kube::Kind, KindState> kinds_;
  std::size_t clusters_ = 0;
  std::size_t record_bytes_ = 0;
};

}  // namespace nocobase_operator::runtime
