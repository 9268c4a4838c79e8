// The split of a cluster as one picture: requests and service keys on the left, the roles that serve them with their
// pods on the right. Pure layout and text.
#pragma once
#include <cstdint>
#include <string>

#include "app/spec.h"

namespace nocobase_operator::app {

enum class DiagramFormat : std::uint8_t {
  mermaid,  // a flowchart, for Markdown
  svg,      // one file that needs nothing else
  text,     // box drawing for a terminal of any width
};

// The picture of a cluster, ended by a line feed; the same cluster gives the same text. What is not legible (controls,
// bytes that are no UTF-8) is replaced and what is very long is cut, whatever the cluster holds.
[[nodiscard]] std::string diagram(const Cluster& cluster, DiagramFormat format);

}  // namespace nocobase_operator::app
