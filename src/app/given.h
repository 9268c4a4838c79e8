// The Secrets and ConfigMaps that stand in the same input as the clusters, with the place of each entry in its file.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kube/kind.h"
#include "kube/source.h"

namespace nocobase_operator::app {

struct GivenEntry {
  enum class State : std::uint8_t {
    readable,
    sealed,     // encrypted, or filled in on the way to the API server: nothing can be said of the value
    malformed,  // data that is not base64
    no_text     // a number, say, where the API server takes text only
  };
  State state = State::readable;
  std::string value;  // decoded; of a readable one
  std::string path;   // in its document: "data.password"
  kube::Mark mark;
};

struct GivenObject {
  kube::Ref ref;
  std::string file;
  std::map<std::string, GivenEntry, std::less<>> entries;
};

// The Secret or ConfigMap that a document is; nothing where it is another object.
[[nodiscard]] std::optional<GivenObject> given_in(const kube::SourceDocument& document);

class Given {
 public:
  void add(GivenObject object);
  // The objects of that name, for several overlays may hold one each.
  [[nodiscard]] std::span<const GivenObject> find(const kube::Ref& ref) const;

 private:
  std::map<kube::Ref, std::vector<GivenObject>> objects_;
};

}  // namespace nocobase_operator::app
