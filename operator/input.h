// What the commands read: the NocoBaseClusters in files, and what is wrong with them.
#pragma once
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kube/source.h"
#include "operator/offline.h"

namespace nocobase_operator::program {

// More than any GitOps repository renders; keeps one run inside a small container.
inline constexpr std::size_t max_input_bytes = 64U << 20U;

[[nodiscard]] bool is_cluster(const kube::Json& value);

// Calls `each` for a document, or for every item where it is a List of any kind.
void for_each_object(kube::SourceDocument document, const std::function<void(const kube::SourceDocument&)>& each);

// The clusters in a file, or a message on stderr and nothing.
[[nodiscard]] std::optional<std::vector<kube::SourceDocument>> clusters_in(const std::string& path,
                                                                           const Streams& streams);

// Whether a cluster has errors that keep the operator from acting on it; they are told on stderr then.
[[nodiscard]] bool has_errors(const kube::SourceDocument& document, const Streams& streams);

}  // namespace nocobase_operator::program
