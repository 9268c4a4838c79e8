// Words that many objects share (images, nodes, phases), each kept once under a number. Knows nothing of what they
// mean.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace nocobase_operator::runtime {

// It only grows, up to a limit: what comes after that has no number.
class Words {
 public:
  // The number of a word, which is added if there is room; nothing when it is too long or there is none.
  [[nodiscard]] std::optional<std::uint64_t> number_of(std::string_view word);
  [[nodiscard]] std::string_view at(std::uint64_t number) const;

 private:
  struct Hash {
    using is_transparent = void;
    [[nodiscard]] std::size_t operator()(std::string_view word) const { return std::hash<std::string_view>{}(word); }
  };
  std::unordered_map<std::string, std::uint64_t, Hash, std::equal_to<>> numbers_;
  std::vector<const std::string*> words_;  // keys of numbers_
};

}  // namespace nocobase_operator::runtime
