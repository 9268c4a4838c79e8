// The conditions that do not depend on what runs at the moment, but on what the spec comes to.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "app/defaults.h"
#include "app/image.h"
#include "app/plan_parts.h"
#include "worker_mode/worker_mode.h"

namespace nocobase_operator::app {
namespace {

namespace wm = nocobase::worker_mode;

constexpr std::string_view requests_key = "requests";

std::string joined(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) {
    text += (text.empty() ? "" : ", ") + item;
  }
  return text;
}

Condition condition(std::string_view type, bool holds, std::string_view reason, std::string message) {
  return {std::string(type), holds ? "True" : "False", std::string(reason), std::move(message)};
}

Condition services_covered(const Situation& s) {
  std::vector<std::string> missing;
  for (const auto& [key, roles] : served(s)) {
    if (roles.empty()) {
      missing.push_back(key);
    }
  }
  return missing.empty() ? condition("ServicesCovered", true, "AllServed", "")
                         : condition("ServicesCovered", false, "NotServed", "no role serves " + joined(missing));
}

std::int32_t wanted_pods(const Situation& s) {
  return std::accumulate(s.roles.begin(), s.roles.end(), std::int32_t{0},
                         [](std::int32_t sum, const RoleState& role) { return sum + role.effect.count.intent; });
}

bool is_shared(const Redis& redis, const std::optional<SecretKeyRef>& url) {
  return url || !redis.host.empty();
}

bool gives_out_worker_ids(const Spec& spec) {
  const Redis redis = spec.coordination ? spec.coordination->redis.value_or(Redis{}) : Redis{};
  return is_shared(redis, redis.urls.value_or(RedisUrls{}).worker_id);
}

// That two of so many pods draw the same worker id, in percent.
std::string odds(std::int32_t pods) {
  double all_differ = 1;
  for (std::int32_t i = 1; i < pods; ++i) {
    all_differ *= std::max(0.0, 1 - static_cast<double>(i) / max_worker_ids);
  }
  const auto percent = std::lround(100 * (1 - all_differ));
  return percent > 99 ? "more than 99" : std::to_string(percent);
}

Condition worker_ids_available(const Situation& s) {
  std::int32_t pods = s.other_pods;
  std::vector<std::string> limited;
  for (std::size_t i = 0; i < s.roles.size(); ++i) {
    const RoleState& role = s.roles[i];
    pods += role.now.pods;
    if (role.effect.why == Why::worker_id_limit) {
      limited.push_back(s.cluster->spec.roles[i].name);
    }
  }
  const std::string limit = std::to_string(max_worker_ids);
  if (pods > max_worker_ids) {
    return condition("WorkerIdsAvailable", false, "TooManyPods",
                     "there are " + std::to_string(pods) + " pods, and worker ids for " + limit +
                         "; no role grows until some are gone");
  }
  if (!limited.empty()) {
    return condition("WorkerIdsAvailable", false, "Limited",
                     "there are worker ids for " + limit + " pods; fewer pods than wanted: " + joined(limited));
  }
  if (const std::int32_t wanted = wanted_pods(s); wanted > 1 && !gives_out_worker_ids(s.cluster->spec)) {
    return condition("WorkerIdsAvailable", true, "Random",
                     "nothing gives out worker ids, so each pod takes one of " + limit + " at random: two of " +
                         std::to_string(wanted) + " pods have the same with a probability of " + odds(wanted) +
                         " %, and rows that they insert in the same second may clash; set spec.coordination.redis");
  }
  return condition("WorkerIdsAvailable", true, "WithinLimit", "");
}

Condition coordinated(const Situation& s) {
  const std::vector<std::string> own = unshared(s.cluster->spec);
  if (own.empty()) {
    return condition("Coordinated", true, "Shared", "");
  }
  if (wanted_pods(s) <= 1) {
    return condition("Coordinated", true, "SinglePod", "");
  }
  return condition("Coordinated", false, "NotShared",
                   "each pod has its own " + joined(own) + ": work does not cross pods; set spec.coordination");
}

// The Secret is read only when something rests on it; in between, what was found last is what is known.
Condition keys_intact(const Situation& s, const Draft& draft) {
  switch (draft.keys.state) {
    case KeysState::usable:
      return condition(condition_keys_intact, true, "KeysPresent", "");
    case KeysState::unusable:
      if (draft.keys.trouble) {
        return condition(condition_keys_intact, false, draft.keys.trouble->reason, draft.keys.trouble->message);
      }
      break;
    case KeysState::unread:
      break;
  }
  const Json* const before = find_condition(s.live, condition_keys_intact);
  if (before == nullptr) {
    return {std::string(condition_keys_intact), "Unknown", "NotRead", ""};
  }
  return {std::string(condition_keys_intact), kube::string_at(*before, {"status"}),
          kube::string_at(*before, {"reason"}), kube::string_at(*before, {"message"})};
}

Condition image_pinned(const Spec& spec) {
  const std::optional<Image> image = parse_image(spec.image);
  if (image && !image->digest.empty()) {
    return condition("ImagePinned", true, "Digest", "");
  }
  if (image && !image->moves()) {
    return condition("ImagePinned", true, "VersionTag", "");
  }
  return condition("ImagePinned", false, "MovingTag", spec.image + " may mean another version tomorrow");
}

}  // namespace

std::vector<std::pair<std::string, std::vector<std::string>>> served(const Situation& s) {
  std::vector<std::pair<std::string, std::vector<std::string>>> services;
  services.emplace_back(requests_key, std::vector<std::string>());
  for (std::string& key : wm::known_keys(s.cluster->spec.plugin_services)) {
    services.emplace_back(std::move(key), std::vector<std::string>());
  }
  for (std::size_t i = 0; i < s.roles.size(); ++i) {
    const Role& role = s.cluster->spec.roles[i];
    const wm::Mode mode = wm::Mode::parse(s.roles[i].worker_mode);
    for (auto& [key, roles] : services) {
      if (key == requests_key ? role.requests : mode.serves(key)) {
        roles.push_back(role.name);
      }
    }
  }
  return services;
}

std::vector<std::string> unshared(const Spec& spec) {
  const Coordination coordination = spec.coordination.value_or(Coordination{});
  const Redis redis = coordination.redis.value_or(Redis{});
  const RedisUrls urls = redis.urls.value_or(RedisUrls{});
  const auto shared = [&](const std::optional<SecretKeyRef>& url) { return is_shared(redis, url); };
  const bool queue =
      coordination.queue == QueueKind::rabbitmq ? coordination.rabbitmq_url.has_value() : shared(urls.queue);
  std::vector<std::string> own;
  if (!queue) {
    own.emplace_back("queue");
  }
  if (!shared(urls.cache)) {
    own.emplace_back("cache");
  }
  if (!shared(urls.lock)) {
    own.emplace_back("locks");
  }
  return own;
}

std::vector<Condition> standing_conditions(const Situation& s, const Draft& draft) {
  return {services_covered(s),  worker_ids_available(s), coordinated(s),
          autoscalers_ready(s), keys_intact(s, draft),   image_pinned(s.cluster->spec)};
}

}  // namespace nocobase_operator::app
