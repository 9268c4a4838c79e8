// The decision: from what is observed to the calls to make, now. Pure: no clock, randomness, environment or log.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "app/memo.h"
#include "app/observe.h"
#include "base/time.h"
#include "kube/call.h"

namespace nocobase_operator::app {

// What pods refer to and no watch shows, to be read again so that a change is noticed. All of it is in the cluster's
// namespace.
struct Reread {
  std::vector<kube::Ref> refs;
  Millis in{0};                            // from now, the first time
  Millis period = std::chrono::hours(24);  // how old it may become after that
  friend bool operator==(const Reread&, const Reread&) = default;
};

struct Plan {
  std::vector<kube::Call>
      calls;  // in order; independent of each other unless a failure says otherwise (see stop_on_error)
  bool stop_on_error = false;     // a failed call ends the pass
  std::optional<Millis> recheck;  // decide again after this time even if nothing is seen to change
  std::string why;                // one line for people: what is being done or waited for
  // In place of what the plan before asked for, if set. No decision is asked for while these say what they said.
  std::optional<Reread> reread{};
  // The status at the end may be left to the plan that follows, where all before it has succeeded: it says nothing that
  // the next one would not say.
  bool status_waits = false;

  friend bool operator==(const Plan&, const Plan&) = default;
};

// Reads first (children that no cache knows), then children in order, then deletions, then one status write, last. A
// second plan from the world that the first one made is empty.
[[nodiscard]] Plan plan(const Observed& observed, const Now& now);
// The same, sooner where the cluster was looked at before.
[[nodiscard]] Plan plan(const Observed& observed, const Now& now, Memo& memo);

}  // namespace nocobase_operator::app
