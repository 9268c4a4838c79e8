#include <algorithm>
#include <string_view>

#include "app/defaults.h"
#include "app/names.h"
#include "app/plan_parts.h"
#include "base/mutant.h"

namespace nocobase_operator::app {
namespace {

using kube::Kind;

const ChildState* claim_of(const Situation& s) {
  const auto found = std::find_if(s.children.begin(), s.children.end(), [](const ChildState& state) {
    return state.child->ref.kind == Kind::persistent_volume_claim;
  });
  return found == s.children.end() ? nullptr : &*found;
}

// Whether something is about to be made that cannot run, or would run on other keys, if the Secret is not as it should
// be; or the Secret was not when it was last read, or what was read has not been written down.
bool are_needed(const Situation& s) {
  const Json* const intact = find_condition(s.live, condition_keys_intact);
  const bool broken = intact != nullptr && kube::string_at(*intact, {"status"}) == "False";
  if (broken || kube::string_at(s.live, {"keyFingerprint"}).empty()) {
    return true;
  }
  const ChildState* const claim = claim_of(s);
  if (claim != nullptr && claim->standing == Standing::absent) {
    return true;
  }
  if (s.operation.step == Step::pull || s.operation.step == Step::setup || s.operation.step == Step::start) {
    return true;
  }
  return std::any_of(s.roles.begin(), s.roles.end(), [](const RoleState& role) {
    return role.deployment.standing == Standing::absent || role.deployment.rolls;
  });
}

std::string secret_name(const Situation& s) {
  return "Secret " + s.cluster->ns + "/" + s.keys.child->ref.name;
}

// What is wrong with a Secret that is there.
std::optional<Trouble> judge(const Situation& s, const SeenSecret& secret) {
  for (const std::string_view key : {key_app, key_aes}) {
    const auto entry = secret.entries.find(std::string(key));
    if (entry == secret.entries.end() || entry->second == 0) {
      return Trouble{"KeysMissing", secret_name(s) + " has no " + std::string(key) +
                                        "; put back the one that this data was written with"};
    }
  }
  if (!secret.problem.empty()) {
    return Trouble{"KeysUnusable", secret_name(s) + ": " + secret.problem};
  }
  std::string known = kube::string_at(s.live, {"keyFingerprint"});
  if (known.empty() && s.operation.record) {
    known = s.operation.record->keys;
  }
  const auto& spec = s.cluster->spec.keys;
  const bool accepted = spec && spec->accepted_fingerprint == secret.fingerprint;
  if (!known.empty() && known != secret.fingerprint && !accepted) {
    return Trouble{"KeysChanged", secret_name(s) + " holds other keys (" + secret.fingerprint + ") than before (" +
                                      known +
                                      "): what was encrypted cannot be read with them. Put the old ones back, or set "
                                      "spec.keys.acceptedFingerprint to " +
                                      secret.fingerprint};
  }
  return std::nullopt;
}

// Makes a Secret with what the cluster's spec does not name, alone.
void draft_secret(const Situation& s, const kube::Ref& ref, Draft& draft) {
  CHECK(s.seen->entropy.size() == keys_entropy_bytes);
  kube::Call create = apply_call(ref, keys_secret(*s.cluster, s.seen->entropy), manager, {});
  create.verb = kube::Verb::create;
  draft.writes.push_back(std::move(create));
  draft.alone = true;
  const auto refusal = s.seen->refusals.find(ref);
  if (refusal != s.seen->refusals.end()) {
    draft.refuse("the API server refuses " + kube::to_string(ref) + ": " + refusal->second);
  }
}

// What can be done about a Secret that is not there. Keys are made only together with a claim: data that exists was
// written with others.
void draft_absent(const Situation& s, Draft& draft) {
  const ChildState* const claim = claim_of(s);
  const bool given = s.cluster->spec.keys && s.cluster->spec.keys->secret;
  draft.keys.state = KeysState::unusable;
  if (!given && claim != nullptr && claim->standing != Standing::ours) {
    if (claim->standing == Standing::absent) {
      draft_secret(s, s.keys.child->ref, draft);
    }
    return;  // a claim that is in the way is spoken of with the other children
  }
  const std::string why =
      given ? " does not exist; it is named by spec.keys.secretRef and must hold APP_KEY and APP_AES_SECRET_KEY"
            : " does not exist, but data does that was written with its keys; restore it, or name another one in "
              "spec.keys.secretRef";
  draft.keys.state = KeysState::unusable;
  draft.keys.trouble = Trouble{"KeysMissing", secret_name(s) + why};
  draft.stall(*draft.keys.trouble);
  draft.recheck_in(read_lasts);
}

// The first administrator of a cluster whose keys are given and whose administrator is not. Nothing but an installation
// reads it, so it may be made for data that exists.
void draft_admin(const Situation& s, Draft& draft) {
  const bool keys_given = s.cluster->spec.keys && s.cluster->spec.keys->secret;
  const kube::Ref ref = {Kind::secret, s.cluster->ns, initial_admin_secret_name(*s.cluster)};
  const auto absent = s.seen->absent.find(ref);
  const bool starts =
      s.operation.step == Step::setup ||
      std::any_of(s.roles.begin(), s.roles.end(), [](const RoleState& role) { return role.deployment.starts; });
  if (!keys_given || s.cluster->spec.initial_admin_secret || !starts || absent == s.seen->absent.end() ||
      s.now.mono - absent->second >= read_lasts || ref == s.keys.child->ref) {
    return;
  }
  draft_secret(s, ref, draft);
}

}  // namespace

void draft_keys(const Situation& s, Draft& draft) {
  const bool needed = are_needed(s);
  const auto* const secret = s.keys.seen == nullptr ? nullptr : std::get_if<SeenSecret>(&s.keys.seen->detail);
  if (secret != nullptr) {
    draft.keys.trouble = judge(s, *secret);
    draft.keys.state = draft.keys.trouble ? KeysState::unusable : KeysState::usable;
    draft.keys.fingerprint = secret->fingerprint;
    if (is_mutant("keys-rewritten") && s.operation.step == Step::setup) {
      draft.writes.push_back(apply_call(s.keys.child->ref, keys_secret(*s.cluster, s.seen->entropy), manager, {}));
    }
    if (draft.keys.trouble) {
      draft.stall(*draft.keys.trouble);
      draft.recheck_in(read_lasts);
    } else {
      draft_admin(s, draft);
    }
    return;
  }
  if (!needed) {
    return;
  }
  if (s.keys.standing == Standing::absent) {
    draft_absent(s, draft);
    return;
  }
  draft.reads.push_back(kube::get_call(s.keys.child->ref));
}

}  // namespace nocobase_operator::app
