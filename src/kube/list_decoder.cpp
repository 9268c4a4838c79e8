#include "kube/list_decoder.h"

#include <utility>

namespace nocobase_operator::kube {
namespace {

// A buffer that once held a big item is given back when it is empty and larger than this.
constexpr std::size_t kept_capacity = 64U << 10U;
constexpr std::size_t max_key_bytes = 256;
constexpr std::size_t max_metadata_bytes = 64U << 10U;

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

}  // namespace

void ListDecoder::feed(std::string_view bytes) {
  if (state_ == State::end || state_ == State::failed) {
    return;
  }
  // Dropping what was read moves the rest; only when it is the smaller half, so that every byte moves once on average.
  const std::size_t read = is_inside() ? start_ : at_;
  if (read >= buffer_.size() - read) {
    buffer_.erase(0, read);
    at_ -= read;
    start_ = 0;
  }
  if (buffer_.empty() && buffer_.capacity() > kept_capacity) {
    std::string().swap(buffer_);
  }
  buffer_.append(bytes);
}

std::optional<Result<Live>> ListDecoder::next() {
  while (at_ < buffer_.size() && state_ != State::end && state_ != State::failed) {
    if (!is_inside()) {
      const char c = buffer_[at_];
      if (!is_blank(c)) {
        look_between(c);
      } else {
        ++at_;
      }
      continue;
    }
    if (!value_ends()) {
      continue;
    }
    if (state_ == State::in_item) {
      std::optional<Result<Live>> item = end_item();
      if (item) {
        return item;
      }
    } else if (state_ == State::in_key) {
      end_key();
    } else if (state_ == State::in_value) {
      end_value();
    }
  }
  if (state_ == State::end) {
    std::string().swap(buffer_);
    at_ = start_ = 0;
  }
  if (state_ == State::failed && !failure_.empty()) {
    return Result<Live>(Error{Code::invalid, std::exchange(failure_, "")});
  }
  return std::nullopt;
}

bool ListDecoder::is_inside() const {
  return state_ == State::in_key || state_ == State::in_value || state_ == State::in_item;
}

// What follows when this byte, which is no blank, comes between the parts; nothing when it must not.
std::optional<ListDecoder::State> ListDecoder::after(char c) const {
  const auto if_it_is = [c](char wanted, State then) { return c == wanted ? std::optional(then) : std::nullopt; };
  const bool may_end = !after_comma_;
  switch (state_) {
    case State::start:
      return if_it_is('{', State::key);
    case State::key:
      return may_end && c == '}' ? State::end : if_it_is('"', State::in_key);
    case State::colon:
      return if_it_is(':', State::value);
    case State::value:
      if (member_ == Member::items && c == '[') {
        return State::item;
      }
      return std::string_view(",:]}").find(c) == std::string_view::npos ? std::optional(State::in_value) : std::nullopt;
    case State::comma:
      return c == '}' ? State::end : if_it_is(',', State::key);
    case State::item:
      return may_end && c == ']' ? State::comma : if_it_is('{', State::in_item);
    case State::item_comma:
      return c == ']' ? State::comma : if_it_is(',', State::item);
    case State::in_key:
    case State::in_value:
    case State::in_item:
    case State::end:
    case State::failed:
      break;
  }
  return std::nullopt;
}

void ListDecoder::look_between(char c) {
  const std::optional<State> then = after(c);
  if (!then) {
    fail("this is no list of objects");
    return;
  }
  const State before = std::exchange(state_, *then);
  if (is_inside()) {
    begin_value(c);
    return;
  }
  if (state_ == State::end) {
    end_list();
  }
  after_comma_ = before == State::comma || before == State::item_comma;
  ++at_;
}

void ListDecoder::begin_value(char c) {
  start_ = at_++;
  in_string_ = c == '"';
  escaped_ = false;
  depth_ = c == '{' || c == '[' ? 1 : 0;
}

std::size_t ListDecoder::limit() const {
  if (state_ == State::in_key) {
    return max_key_bytes;
  }
  return state_ == State::in_item ? max_item_bytes_ : max_metadata_bytes;
}

// Looks on through the value we are inside of. Whether it has ended; a number or a word ends before `at_`, the rest
// with it. When the bytes run out, it has not.
bool ListDecoder::value_ends() {
  bool ended = false;
  while (!ended && at_ < buffer_.size()) {
    const char c = buffer_[at_];
    if (in_string_) {
      in_string_ = escaped_ || c != '"';
      escaped_ = !escaped_ && c == '\\';
      ended = !in_string_ && depth_ == 0;
    } else if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if (depth_ > 0) {
      depth_ -= c == '}' || c == ']' ? 1U : 0U;
      ended = depth_ == 0;
    } else if (c == ',' || c == '}' || c == ']' || is_blank(c)) {
      return true;
    }
    ++at_;
  }
  const bool skipped = state_ == State::in_value && member_ == Member::other;
  if (skipped) {
    start_ = at_;
  }
  if (at_ - start_ > limit()) {
    fail("a part of the list is longer than " + std::to_string(limit()) + " bytes");
    return false;
  }
  return ended;
}

void ListDecoder::end_key() {
  const std::string_view name = std::string_view(buffer_).substr(start_ + 1, at_ - start_ - 2);
  member_ = name == "items" ? Member::items : name == "metadata" ? Member::metadata : Member::other;
  bool& seen = member_ == Member::items ? has_items_ : has_metadata_;
  if (member_ != Member::other && std::exchange(seen, true)) {
    fail("the list has two members of one name");
    return;
  }
  state_ = State::colon;
}

// The end of a member that is not the list of items.
void ListDecoder::end_value() {
  state_ = State::comma;
  const std::string_view text = std::string_view(buffer_).substr(start_, at_ - start_);
  if (member_ == Member::items && text != "null") {  // as Go writes a list that was never made
    fail("the items of the list are no list");
  } else if (member_ == Member::metadata) {
    const Result<Json> metadata = parse_json(text, {.max_bytes = max_metadata_bytes});
    if (!metadata.ok()) {
      fail("the list's metadata: " + metadata.error().what);
      return;
    }
    resource_version_ = string_at(metadata.value(), {"resourceVersion"});
    continue_ = string_at(metadata.value(), {"continue"});
  }
}

std::optional<Result<Live>> ListDecoder::end_item() {
  state_ = State::item_comma;
  Result<Live> item =
      read_live(std::string_view(buffer_).substr(start_, at_ - start_), excerpt_, "", {.max_bytes = max_item_bytes_});
  if (!item.ok()) {
    fail("an item of the list: " + item.error().what);
    return std::nullopt;
  }
  Live live = std::move(item).value();
  live.object["apiVersion"] = api_version(kind_);
  live.object["kind"] = info(kind_).kind;
  return live;
}

void ListDecoder::end_list() {
  if (!has_items_ || resource_version_.empty()) {
    fail("the list has no items or no resourceVersion");
    return;
  }
  state_ = State::end;
}

void ListDecoder::fail(std::string what) {
  failure_ = std::move(what);
  state_ = State::failed;
  std::string().swap(buffer_);
  at_ = start_ = 0;
}

}  // namespace nocobase_operator::kube
