// The work queue: which cluster is to be looked at, and when. A key is queued once however often it is added, the
// earliest time wins, and a key that is being worked on is never handed out a second time (client-go's dirty and
// processing sets). It knows nothing of what the work is.
#pragma once
#include <cstdint>
#include <optional>
#include <set>
#include <unordered_map>

#include "app/observe.h"
#include "base/rng.h"
#include "base/time.h"
#include "runtime/backoff.h"
#include "runtime/cluster_key_hash.h"
#include "runtime/due.h"

namespace nocobase_operator::runtime {

class Queue {
 public:
  // What is counted since the start.
  struct Counters {
    std::uint64_t adds = 0;     // calls that queued a key which was not waiting
    std::uint64_t retries = 0;  // calls of failed()
    friend bool operator==(const Counters&, const Counters&) = default;
  };

  // A time for add(): before all that is due by the clock.
  static constexpr Instant first = Instant::min();

  explicit Queue(Rng rng, Backoff backoff = {Millis(100), Millis(60'000)}) : rng_(rng), backoff_(backoff) {}

  // Makes `key` due at `due`, or earlier if it already is. While it is being worked on this takes effect at its end.
  void add(const app::ClusterKey& key, Instant due);
  // The key that has been due for longest, if any is due. It is being worked on until finished() or failed(). Keys that
  // became due at the same time come in the order in which they were added.
  [[nodiscard]] std::optional<app::ClusterKey> take(Instant now);
  // Ends the work on a key that was taken. Its failures are remembered until forget().
  void finished(const app::ClusterKey& key);
  // Ends one part of the work on a key that was taken: it is taken again before whatever became due after it did, so
  // that what was begun is brought to an end first.
  void again(const app::ClusterKey& key);
  // Ends the work on a key that was taken and makes it due again after a back-off, which is at least `at_least` long.
  // If it was added meanwhile, it is due as it was added: what is new may be what helps.
  void failed(const app::ClusterKey& key, Instant now, Millis at_least = Millis(0));
  // Forgets the failures of a key, so that its next back-off is the shortest again.
  void forget(const app::ClusterKey& key);

  // When take() will next give something; nothing when no key waits.
  [[nodiscard]] std::optional<Instant> next_due() const;
  // How many keys wait, due or not. A key that was added while it is worked on counts when the work has ended.
  [[nodiscard]] std::size_t waiting() const { return order_.size(); }
  // How many keys are due and wait.
  [[nodiscard]] std::size_t overdue(Instant now) const;
  // How many keys are being worked on.
  [[nodiscard]] std::size_t processing() const { return processing_; }
  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  struct Item {
    Instant due = Instant::max();    // max(): nobody asked for it
    std::uint64_t order = 0;         // breaks ties of due; meaningful while it waits in order_ and for again()
    Instant taken = Instant::max();  // when it was due, of one that is being worked on
    std::uint32_t failures = 0;
    bool processing = false;
  };
  using Items = std::unordered_map<app::ClusterKey, Item, ClusterKeyHash>;

  void wait(Items::value_type& node, std::uint64_t order);
  void drop_if_idle(Items::iterator it);

  Rng rng_;
  Backoff backoff_;
  Items items_;          // keys that wait, are worked on, or have failed
  std::set<Due> order_;  // those that wait
  std::uint64_t next_order_ = 1;
  std::size_t processing_ = 0;
  Counters counters_;
};

}  // namespace nocobase_operator::runtime
