#include "kube/json.h"

#include <limits>
#include <optional>
#include <vector>

#include "kube/json_tape.h"
#include "kube/reader.h"

template class nlohmann::basic_json<>;

namespace nocobase_operator::kube {
namespace {

// Builds the value from parser events. The parser and this builder keep their own stacks.
class Builder {
 public:
  Builder(Json& root, std::size_t max_depth) : root_(&root), max_depth_(max_depth) {}

  [[nodiscard]] const std::string& failure() const { return failure_; }

  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(Json::number_integer_t value) { return add(value); }
  bool number_unsigned(Json::number_unsigned_t value) { return add(value); }
  bool number_float(Json::number_float_t value, const std::string& /*text*/) { return add(value); }
  bool string(std::string& value) { return add(std::move(value)); }
  bool binary(Json::binary_t& /*value*/) { return false; }

  bool start_object(std::size_t /*elements*/) { return open(Json::object()); }
  bool start_array(std::size_t /*elements*/) { return open(Json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }

  bool key(std::string& name) {
    Frame& top = stack_.back();
    const auto [member, added] = top.object->try_emplace(std::move(name));
    top.member = &*member;
    if (!added) {
      failure_ = "duplicate key at " + path();
    }
    return added;
  }

  bool parse_error(std::size_t position, const std::string& /*token*/, const Json::exception& /*error*/) {
    failure_ = "JSON syntax error at byte " + std::to_string(position);
    return false;
  }

 private:
  // An object or a list that is being read; one of the two pointers is set.
  struct Frame {
    Json::object_t* object;
    Json::array_t* array;
    Json::object_t::value_type* member = nullptr;  // the one whose value comes next
  };

  // Puts a value where the parser is and gives its place.
  Json& put(Json&& value) {
    if (stack_.empty()) {
      return *root_ = std::move(value);
    }
    const Frame& top = stack_.back();
    return top.array != nullptr ? top.array->emplace_back(std::move(value)) : top.member->second = std::move(value);
  }

  template <class T>
  bool add(T&& value) {
    put(Json(std::forward<T>(value)));
    return true;
  }

  bool open(Json&& container) {
    if (stack_.size() >= max_depth_) {
      failure_ = "nested deeper than " + std::to_string(max_depth_) + " levels at " + path();
      return false;
    }
    Json& place = put(std::move(container));
    stack_.push_back({place.get_ptr<Json::object_t*>(), place.get_ptr<Json::array_t*>()});
    return true;
  }

  bool close() {
    stack_.pop_back();
    return true;
  }

  [[nodiscard]] std::string path() const {
    static constexpr std::size_t longest = 512;
    std::string out;
    for (const Frame& frame : stack_) {
      // The lists on the way hold the item we are in; the innermost does not hold it yet.
      out = frame.array != nullptr ? join_path(out, frame.array->size() - (&frame == &stack_.back() ? 0 : 1))
                                   : join_path(out, frame.member->first);
      if (out.size() > longest) {
        return out.substr(0, longest) + "...";
      }
    }
    return out.empty() ? "the top" : out;
  }

  Json* root_;
  std::size_t max_depth_;
  std::vector<Frame> stack_;
  std::string failure_;
};

}  // namespace

Result<Json> parse_json(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    return Error{Code::invalid, "JSON of " + std::to_string(text.size()) + " bytes is larger than the limit of " +
                                    std::to_string(limits.max_bytes)};
  }
  if (std::optional<Json> value = parse_quickly(text, limits.max_depth)) {
    return std::move(*value);
  }
  return parse_closely(text, limits);
}

Result<Json> parse_closely(std::string_view text, const JsonLimits& limits) {
  // The library's lexer takes a NUL for the end of its input and would ignore what follows.
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
    return Error{Code::invalid, "JSON syntax error at byte " + std::to_string(nul + 1)};
  }
  Json value;
  Builder builder(value, limits.max_depth);
  if (!Json::sax_parse(text.begin(), text.end(), &builder)) {
    return Error{Code::invalid, builder.failure()};
  }
  return value;
}

const Json* find(const Json& value, std::string_view key) {
  if (!value.is_object()) {
    return nullptr;
  }
  const auto member = value.find(key);
  return member == value.end() ? nullptr : &*member;
}

const Json* find_path(const Json& value, std::initializer_list<std::string_view> path) {
  const Json* at = &value;
  for (const std::string_view key : path) {
    at = find(*at, key);
    if (at == nullptr) {
      return nullptr;
    }
  }
  return at;
}

std::string string_at(const Json& value, std::initializer_list<std::string_view> path) {
  const Json* const at = find_path(value, path);
  const auto* const text = at == nullptr ? nullptr : at->get_ptr<const std::string*>();
  return text == nullptr ? std::string() : *text;
}

std::int64_t integer_at(const Json& value, std::initializer_list<std::string_view> path, std::int64_t fallback) {
  const Json* const at = find_path(value, path);
  if (at == nullptr) {
    return fallback;
  }
  if (const auto* const natural = at->get_ptr<const Json::number_unsigned_t*>(); natural != nullptr) {
    const bool fits = *natural <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return fits ? static_cast<std::int64_t>(*natural) : fallback;
  }
  const auto* const whole = at->get_ptr<const Json::number_integer_t*>();
  return whole == nullptr ? fallback : *whole;
}

std::string dump(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace nocobase_operator::kube
