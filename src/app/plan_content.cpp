// When what pods refer to is read: at once where pods are about to start with it, else now and then, so that a change
// is noticed. What is missing is looked for more often, until a person has to do something.
#include <algorithm>
#include <map>

#include "app/plan_parts.h"
#include "app/setup.h"

namespace nocobase_operator::app {
namespace {

using kube::Ref;

constexpr Millis missing_period{5'000};

// What is wanted of one object.
struct Interest {
  bool needed = false;   // pods are about to start with it, as far as is known
  bool missing = false;  // and do not, without it
};

// Whether roles are about to be stopped for a setup, or the setup Pod is about to be made: what pods will need is
// looked at before that.
bool is_before_setup(const Situation& s) {
  const Ref setup = setup_pod_ref(*s.cluster);
  const bool made =
      std::any_of(s.seen->pods.begin(), s.seen->pods.end(), [&](const SeenPod& pod) { return pod.meta.ref == setup; });
  return s.operation.step == Step::pull || (s.operation.step == Step::setup && !made);
}

std::map<Ref, Interest> interests(const Situation& s) {
  std::map<Ref, Interest> all;
  const bool before_setup = is_before_setup(s);
  const bool stalled = kube::string_at(s.live, {"phase"}) == name_of(Phase::blocked);
  for (const RoleState& role : s.roles) {
    const bool may_start = before_setup || role.deployment.starts || role.deployment.standing == Standing::unknown;
    for (const Reference& reference : role.references) {
      Interest& interest = all[reference.ref];
      interest.needed = interest.needed || may_start;
      const bool gone = s.seen->absent.contains(reference.ref) || !role.content.missing.empty();
      interest.missing = interest.missing || (!stalled && !reference.optional && gone);
    }
  }
  return all;
}

// When it was last read, there or not.
std::optional<Instant> read_at(const Observed& seen, const Ref& ref) {
  const auto child = seen.children.find(ref);
  if (child != seen.children.end()) {
    return child->second.read_at;
  }
  const auto absent = seen.absent.find(ref);
  return absent == seen.absent.end() ? std::nullopt : std::optional(absent->second);
}

}  // namespace

void draft_content(const Situation& s, Draft& draft) {
  Reread& again = draft.reread;
  again.in = again.period;
  for (const auto& [ref, interest] : interests(s)) {
    const std::optional<Instant> last = read_at(*s.seen, ref);
    const Millis age = last ? s.now.mono - *last : Millis::max();
    const Millis period = interest.missing ? std::min(missing_period, s.seen->reread_period) : s.seen->reread_period;
    if (interest.needed && age >= read_lasts) {
      const bool drafted = std::any_of(draft.reads.begin(), draft.reads.end(),
                                       [&ref = ref](const kube::Call& call) { return call.ref == ref; });
      if (!drafted) {
        draft.reads.push_back(kube::get_call(ref));
      }
    }
    again.refs.push_back(ref);
    again.in = std::min(again.in, age >= period ? Millis(0) : period - age);
    again.period = std::min(again.period, period);
    const auto refusal = s.seen->refusals.find(ref);
    if (refusal != s.seen->refusals.end() && ref != s.keys.child->ref) {
      draft.stall({"Refused", "the API server refuses to show " + kube::to_string(ref) + ": " + refusal->second});
    }
  }
}

bool lacks_content(const RoleState& role) {
  return role.deployment.starts && role.content.hash == 0;
}

}  // namespace nocobase_operator::app
