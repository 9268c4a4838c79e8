// What the cluster looks like, as the few values a decision needs. Whole objects are pruned to these when they arrive,
// so that tens of thousands of them fit in memory.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "app/operation.h"
#include "app/spec.h"
#include "base/result.h"
#include "base/time.h"
#include "kube/live.h"
#include "kube/meta.h"

namespace nocobase_operator::app {

// The cluster a child belongs to, by its labels or owner; the key of all work.
struct ClusterKey {
  std::string ns;
  std::string name;
  friend auto operator<=>(const ClusterKey&, const ClusterKey&) = default;
  friend bool operator==(const ClusterKey&, const ClusterKey&) = default;
};

struct SeenDeployment {
  std::int32_t spec_replicas = 0;
  std::int64_t observed_generation = 0;
  std::int32_t replicas = 0, updated = 0, ready = 0, available = 0;
  std::string failure;                       // message of ReplicaFailure=True (quota, admission), "" otherwise
  std::string progress;                      // reason of Progressing (ProgressDeadlineExceeded, …)
  std::chrono::sys_seconds progressed_at{};  // when the roll-out last got on (lastUpdateTime of Progressing)
  std::uint64_t template_hash = 0;           // template_hash() of the part that `manager` owns
  std::uint64_t content = 0;                 // annotation_content of that part; 0 when absent
  friend bool operator==(const SeenDeployment&, const SeenDeployment&) = default;
};

struct SeenRole {
  std::optional<std::int32_t> intent;    // spec.replicas
  bool main_owns_intent = false;         // `manager` owns spec.replicas by apply
  bool intent_manager_owns = false;      // `intent_manager` owns it by apply
  bool selectable = false;               // status.selector is not empty: an autoscaler can act on it
  std::string intent_by;                 // who else has set spec.replicas, by field manager; "" when nobody has
  std::chrono::sys_seconds intent_at{};  // when they last did
  std::uint64_t status_hash = 0;         // status_hash() of the status
  friend bool operator==(const SeenRole&, const SeenRole&) = default;
};

// An autoscaler: a HorizontalPodAutoscaler or ScaledObject.
struct SeenScaler {
  std::string target_kind;  // of what it scales
  std::string target;       // its name
  std::string problem;      // why it does nothing, in one word; "" when it is at work or nothing is known
  friend bool operator==(const SeenScaler&, const SeenScaler&) = default;
};

struct SeenClaim {
  std::string phase;      // Pending, Bound, Lost
  std::string requested;  // canonical quantity of spec.resources.requests.storage
  friend bool operator==(const SeenClaim&, const SeenClaim&) = default;
};

// The names of data entries, each with a hash of its value; 0 when that is empty. Never shown: it is not keyed.
using SeenEntries = std::map<std::string, std::uint64_t>;

// A Secret without its values.
struct SeenSecret {
  SeenEntries entries;
  std::string problem;      // what is wrong with APP_KEY or APP_AES_SECRET_KEY in it, "" when they are usable
  std::string fingerprint;  // of APP_KEY and APP_AES_SECRET_KEY; "" when either is missing
  std::string content_key;  // derived from APP_AES_SECRET_KEY, for hashes that are shown; "" when that is missing
  friend bool operator==(const SeenSecret&, const SeenSecret&) = default;
};

// A ConfigMap without its values, but for what was last set up.
struct SeenConfig {
  SeenEntries entries;
  std::optional<SetupRecord> record;  // of C-record
  friend bool operator==(const SeenConfig&, const SeenConfig&) = default;
};

struct SeenJob {
  JobState state = JobState::running;
  std::string message;  // why it failed
  friend bool operator==(const SeenJob&, const SeenJob&) = default;
};

// An object other than a cluster or a pod.
struct SeenChild {
  kube::Meta meta;
  std::string cluster;        // label_instance, or the owning cluster's name
  std::uint64_t applied = 0;  // annotation_applied; 0 when absent
  std::uint64_t owned = 0;    // kube::content_hash of the part `manager` owns; 0 when it owns nothing
  std::int64_t epoch = 0;     // annotation_epoch
  bool watched = false;       // carries label_managed_by and is no Secret or ConfigMap, so a watch keeps it current;
                              // else it is as old as read_at
  Instant read_at{};          // when it was read by a GET; meaningful only when not watched
  std::variant<std::monostate, SeenDeployment, SeenRole, SeenScaler, SeenClaim, SeenSecret, SeenConfig, SeenJob> detail;
  friend bool operator==(const SeenChild&, const SeenChild&) = default;
};

struct SeenPod {
  kube::Meta meta;
  std::string cluster, role;
  std::string image;  // of the application container
  std::string node;
  std::string phase;
  bool ready = false;
  std::chrono::sys_seconds since{};  // since when it is ready or not ready
  bool scheduled = true;
  std::string reason;   // what keeps it from being ready: ImagePullBackOff, Unschedulable, …; "" if nothing is known
  std::string message;  // the server's text to it, shortened
  std::int32_t restarts = 0;
  std::optional<std::int32_t> exit_code;  // of the last termination of the application container
  // Of the setup Pod alone.
  bool started = false;    // the application container runs, or has run
  std::int64_t epoch = 0;  // annotation_epoch
  std::string ip;          // "" until it has one
  std::string image_id;    // what the container runtime says that it runs
  friend bool operator==(const SeenPod&, const SeenPod&) = default;
};

// A NocoBaseCluster as it is kept: spec and status as compact JSON text (decoding again is cheap, memory is not).
struct SeenCluster {
  kube::Meta meta;
  std::string text;  // {"apiVersion":…,"kind":…,"metadata":{name,namespace,uid,generation},"spec":…,"status":…}
  friend bool operator==(const SeenCluster&, const SeenCluster&) = default;
};

using Seen = std::variant<SeenCluster, SeenChild, SeenPod>;

// Prunes an object of any kind that is watched or read. Error (invalid) when it is no such object.
[[nodiscard]] Result<Seen> prune(const Json& object, std::optional<kube::Kind> fallback, Instant read_at);
// The same of an excerpt_of(kind).
[[nodiscard]] Result<Seen> prune(const kube::Live& live, std::optional<kube::Kind> fallback, Instant read_at);
// What prune() looks at of an object.
[[nodiscard]] kube::Excerpt excerpt_of(kube::Kind kind);

// The cluster that an object belongs to, or is. The name is "" where neither an owner nor a label tells one: such an
// object is only met by reading it, and belongs to whoever read it.
[[nodiscard]] ClusterKey key_of(const Seen& seen);
[[nodiscard]] const kube::Meta& meta_of(const Seen& seen);

// A hash of spec.template in its canonical form; 0 when there is none. Of a wanted Deployment and of the part of a live
// one that is ours it tells whether applying would restart pods.
[[nodiscard]] std::uint64_t template_hash(const Json& deployment);

// A hash of a status that leaves out the times of its conditions and the order of its lists, so that it tells whether
// anything was said anew. No status and an empty one are the same.
[[nodiscard]] std::uint64_t status_hash(const Json& status);

// A status that was written, and the resourceVersion that the object has had since.
struct StatusWritten {
  std::uint64_t hash = 0;  // status_hash() of the status in the call's body
  std::uint64_t version = 0;
  friend bool operator==(const StatusWritten&, const StatusWritten&) = default;
};

// The cluster's pods as the API server itself gave them. Forgotten when anything of the cluster changes.
struct PodsRead {
  std::vector<SeenPod> pods;
  Instant at{};
  friend bool operator==(const PodsRead&, const PodsRead&) = default;
};

// Whether objects of this kind that do not carry our label are looked at as well: clusters, and autoscalers, which may
// scale what is ours.
[[nodiscard]] bool is_looked_at_unlabelled(kube::Kind kind);
// What an autoscaler scales, if that is of a kind that is ours.
[[nodiscard]] std::optional<kube::Ref> scaled_by(const Seen& seen);

// Everything one decision is made from.
struct Observed {
  Json cluster;                             // SeenCluster::text, parsed
  kube::Meta meta;                          // of the cluster
  std::map<kube::Ref, SeenChild> children;  // all that carry its label or are owned by it, and what else was read
  std::map<kube::Ref, Instant> absent;      // read at that time and not there
  std::set<kube::Kind> missing_kinds;       // optional ones that the API server does not have now
  std::vector<SeenChild> scalers;           // autoscalers of others that scale what is among the children
  std::vector<SeenPod> pods;                // all of the cluster's, as the watch shows them
  std::optional<PodsRead> pods_read;        // the same, as a list has given them
  std::string entropy;                      // keys_entropy_bytes of it, for a key Secret
  // The owned hash that the server's reply to our last apply had: what "in sync" looks like where the server spells our
  // fields its own way.
  std::map<kube::Ref, std::uint64_t> accepted;
  // What the server said to our last write or read of an object that it refused (invalid, denied), until one succeeds.
  std::map<kube::Ref, std::string> refusals;
  // Our last status write to the cluster and to its roles: where a server drops a part of it, it is not sent again.
  std::map<kube::Ref, StatusWritten> statuses;
  // How old what pods refer to may become before it is read again (see Plan::reread).
  Millis reread_period{60'000};
};

}  // namespace nocobase_operator::app
