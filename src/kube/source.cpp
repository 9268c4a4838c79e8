#include "kube/source.h"

namespace nocobase_operator::kube {
namespace {

// The offsets at which the path may be cut: the end of each segment, in order. A key in ["…"] may hold dots and
// brackets.
std::vector<std::size_t> segment_ends(std::string_view path) {
  std::vector<std::size_t> ends;
  bool quoted = false;
  for (std::size_t at = 0; at < path.size(); ++at) {
    if (quoted) {
      if (path[at] == '\\') {
        ++at;
      } else if (path[at] == '"') {
        quoted = false;
      }
    } else if (path[at] == '"') {
      quoted = true;
    } else if (at > 0 && (path[at] == '.' || path[at] == '[')) {
      ends.push_back(at);
    }
  }
  ends.push_back(path.size());
  return ends;
}

}  // namespace

Mark mark_of(const SourceDocument& document, std::string_view path) {
  std::vector<std::size_t> ends = segment_ends(path);
  while (!ends.empty()) {
    const auto found = document.marks.find(path.substr(0, ends.back()));
    if (found != document.marks.end()) {
      return found->second;
    }
    ends.pop_back();
  }
  const auto whole = document.marks.find(std::string_view());
  return whole == document.marks.end() ? Mark{} : whole->second;
}

}  // namespace nocobase_operator::kube
