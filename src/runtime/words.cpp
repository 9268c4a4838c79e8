#include "runtime/words.h"

#include "base/check.h"

namespace nocobase_operator::runtime {
namespace {

constexpr std::size_t max_words = 8192;
constexpr std::size_t max_word_length = 255;

}  // namespace

std::optional<std::uint64_t> Words::number_of(std::string_view word) {
  if (word.size() > max_word_length) {
    return std::nullopt;
  }
  if (const auto found = numbers_.find(word); found != numbers_.end()) {
    return found->second;
  }
  if (words_.size() >= max_words) {
    return std::nullopt;
  }
  const auto added = numbers_.emplace(word, words_.size()).first;
  words_.push_back(&added->first);
  return added->second;
}

std::string_view Words::at(std::uint64_t number) const {
  CHECK(number < words_.size());
  return *words_[number];
}

}  // namespace nocobase_operator::runtime
