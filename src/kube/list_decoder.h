// A list of objects taken apart while it arrives, so that no more than one of them is ever held.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "kube/json.h"
#include "kube/kind.h"
#include "kube/live.h"

namespace nocobase_operator::kube {

// Bytes of the response to a list, in any split, become its items; apiVersion and kind, which the API server leaves out
// of the items of built-in kinds, are added. What is no list, an item or metadata that is too long, or broken JSON is
// Code::invalid; after that the decoder is used up and keeps nothing. Members other than items and metadata are
// skipped without being read closely. Takes time linear in the bytes; holds what was fed and not yet read, so whoever
// calls next() until it has nothing after each feed() holds at most one item.
class ListDecoder {
 public:
  ListDecoder(Kind kind, std::size_t max_item_bytes, const Excerpt& excerpt = {})
      : kind_(kind), max_item_bytes_(max_item_bytes), excerpt_(excerpt) {
    excerpt_.kind = kind;
  }
  void feed(std::string_view bytes);
  // The next item, or nothing until more bytes are fed or the list is complete.
  [[nodiscard]] std::optional<Result<Live>> next();
  // Whether the list has been read to its end, which is when the following two are known.
  [[nodiscard]] bool complete() const { return state_ == State::end; }
  [[nodiscard]] const std::string& resource_version() const { return resource_version_; }
  // Where the next page starts; "" when this was the last one.
  [[nodiscard]] const std::string& continue_token() const { return continue_; }
  // Bytes that have been fed and not yet looked at.
  [[nodiscard]] std::size_t pending_bytes() const { return buffer_.size() - at_; }

 private:
  enum class State : std::uint8_t {
    start,       // before the list's {
    key,         // before a member's name, or the } of an empty list
    in_key,      // inside the name
    colon,       // after it
    value,       // before the member's value
    in_value,    // inside it, when it is not the list of items
    comma,       // after it
    item,        // before an item, or the ] of no items
    in_item,     // inside an item
    item_comma,  // after it
    end,
    failed,
  };
  enum class Member : std::uint8_t { other, metadata, items };

  [[nodiscard]] bool is_inside() const;
  [[nodiscard]] std::optional<State> after(char c) const;
  void look_between(char c);
  void look_inside();
  void begin_value(char c);
  [[nodiscard]] bool value_ends();
  void end_key();
  void end_value();
  void end_list();
  [[nodiscard]] std::optional<Result<Live>> end_item();
  [[nodiscard]] std::size_t limit() const;
  void fail(std::string what);

  Kind kind_;
  std::size_t max_item_bytes_;
  Excerpt excerpt_;
  std::string buffer_;
  std::size_t at_ = 0;     // the next byte to look at
  std::size_t start_ = 0;  // of the name, value or item we are inside of
  State state_ = State::start;
  Member member_ = Member::other;
  bool after_comma_ = false;  // so that one more must come
  bool has_items_ = false;
  bool has_metadata_ = false;
  // Of the value we are inside of.
  std::size_t depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
  std::string failure_;
  std::string resource_version_;
  std::string continue_;
};

}  // namespace nocobase_operator::kube
