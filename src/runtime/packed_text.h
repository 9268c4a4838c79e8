// JSON texts kept small: deflate with a dictionary that is one of the texts themselves, since the clusters of one
// installation look alike. Knows nothing of what the texts say.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace nocobase_operator::runtime {

class PackedTexts {
 public:
  PackedTexts();
  PackedTexts(const PackedTexts&) = delete;
  PackedTexts& operator=(const PackedTexts&) = delete;
  ~PackedTexts();

  // `text` in a form that only unpack() of this same object understands. A text that is at least twice as long as the
  // newest dictionary becomes one, so there are few of them and they are never long.
  [[nodiscard]] std::string pack(std::string_view text);
  // The text that pack() was given.
  [[nodiscard]] std::string unpack(std::string_view packed) const;

 private:
  struct Streams;  // zlib's state, which is reused

  std::unique_ptr<Streams> streams_;
  std::vector<std::string> dictionaries_;  // each at least twice as long as the one before
};

}  // namespace nocobase_operator::runtime
