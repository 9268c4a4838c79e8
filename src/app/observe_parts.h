// Pruning of the kinds that need more than a few lines. Part of observe; nobody else includes it.
#pragma once
#include <string>
#include <string_view>

#include "app/observe.h"

namespace nocobase_operator::app {

// The longest text of somebody else's that is kept, in bytes.
inline constexpr std::size_t max_message_bytes = 256;

// `text` as one line of at most `max_bytes` bytes, cut between characters and then marked with an ellipsis.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t max_bytes = max_message_bytes);

// The time at a chain of members, or the epoch when there is none.
[[nodiscard]] std::chrono::sys_seconds time_at(const Json& value, std::initializer_list<std::string_view> path);

// The condition `type` of an object's status, or nullptr.
[[nodiscard]] const Json* condition_of(const Json& object, std::string_view type);

// An annotation_epoch; 0 for anything that no plan wrote.
[[nodiscard]] std::int64_t parse_epoch(std::string_view text);

[[nodiscard]] SeenPod prune_pod(const Json& object, kube::Meta meta);
[[nodiscard]] SeenSecret prune_secret(const Json& object);
[[nodiscard]] SeenConfig prune_config(const Json& object);

}  // namespace nocobase_operator::app
