#include "kube/live.h"

#include <simdjson.h>
#include <string>
#include <utility>

#include "base/check.h"
#include "kube/json_tape.h"
#include "kube/owned_parts.h"

namespace nocobase_operator::kube {
namespace {

namespace dom = simdjson::dom;

// The parser takes fourteen times the text: what is larger is read the other way, and what it has taken for one of more
// than the usual size is given back.
constexpr std::size_t max_quick_bytes = 256U << 10U;
constexpr std::size_t usual_bytes = 64U << 10U;

// The only parser of a thread, while it holds a text.
class Tape {
 public:
  Tape() : mine_(!parser().busy) { parser().busy = true; }
  ~Tape() {
    if (!mine_) {
      return;
    }
    parser().busy = false;
    if (parser().parser.capacity() > usual_bytes) {
      parser().parser = dom::parser();
    }
  }
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  // The value of the text, which lasts as long as this does; nothing when it can't be read so. Deeper than `max_depth`
  // is nothing too.
  [[nodiscard]] std::optional<dom::element> read(std::string_view text, std::size_t max_depth) const {
    // Half a surrogate pair is wrong, and not noticed by every version.
    if (!mine_ || text.size() > max_quick_bytes || text.find("\\ud") != std::string_view::npos ||
        text.find("\\uD") != std::string_view::npos) {
      return std::nullopt;
    }
    dom::parser& reader = parser().parser;
    const bool room = reader.capacity() >= text.size() && reader.max_depth() == max_depth;
    if (!room && reader.allocate(std::max(text.size(), usual_bytes), max_depth) != simdjson::SUCCESS) {
      return std::nullopt;
    }
    dom::element root;
    return reader.parse(text.data(), text.size()).get(root) == simdjson::SUCCESS ? std::optional(root) : std::nullopt;
  }

 private:
  struct Parser {
    dom::parser parser;
    bool busy = false;
  };
  static Parser& parser() {
    thread_local Parser of_thread;
    return of_thread;
  }

  bool mine_;
};

// What is inside a value that is of that type.
template <class T>
T as(dom::element value) {
  T out{};
  CHECK(value.get(out) == simdjson::SUCCESS);
  return out;
}

std::optional<Json> build(dom::element value);

std::optional<Json> build_array(dom::array list) {
  Json out = Json::array();
  auto& items = out.get_ref<Json::array_t&>();
  items.reserve(list.size());
  for (const dom::element item : list) {
    std::optional<Json> built = build(item);
    if (!built) {
      return std::nullopt;
    }
    items.push_back(std::move(*built));
  }
  return out;
}

// Nothing when a name occurs twice.
std::optional<Json> build_object(dom::object object, std::optional<std::string_view> left_out = std::nullopt) {
  Json out = Json::object();
  auto& members = out.get_ref<Json::object_t&>();
  for (const dom::key_value_pair member : object) {
    if (member.key == left_out) {
      continue;
    }
    std::optional<Json> built = build(member.value);
    if (!built || !members.try_emplace(std::string(member.key), std::move(*built)).second) {
      return std::nullopt;
    }
  }
  return out;
}

// Recursion ends where the parser's depth does.
std::optional<Json> build(dom::element value) {
  switch (value.type()) {
    case dom::element_type::ARRAY:
      return build_array(as<dom::array>(value));
    case dom::element_type::OBJECT:
      return build_object(as<dom::object>(value));
    case dom::element_type::INT64: {
      const std::int64_t number = as<std::int64_t>(value);
      return number < 0 ? Json(number) : Json(static_cast<std::uint64_t>(number));
    }
    case dom::element_type::UINT64:
      return Json(as<std::uint64_t>(value));
    case dom::element_type::DOUBLE:
      return Json(as<double>(value));
    case dom::element_type::STRING:
      return Json(std::string(as<std::string_view>(value)));
    case dom::element_type::BOOL:
      return Json(as<bool>(value));
    case dom::element_type::NULL_VALUE:
      return Json(nullptr);
  }
  return std::nullopt;
}

std::optional<dom::element> member_of(dom::element value, std::string_view name) {
  dom::element found;
  return value.is_object() && value.at_key(name).get(found) == simdjson::SUCCESS ? std::optional(found) : std::nullopt;
}

std::string_view text_of(const std::optional<dom::element>& value) {
  return value && value->is_string() ? as<std::string_view>(*value) : std::string_view();
}

// A value as Extractor looks at it.
class TapeView {
 public:
  explicit TapeView(dom::element value) : value_(value) {}
  [[nodiscard]] bool is_object() const { return value_.is_object(); }
  [[nodiscard]] bool is_array() const { return value_.is_array(); }
  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] std::size_t size() const {
    return is_object() ? as<dom::object>(value_).size() : as<dom::array>(value_).size();
  }
  [[nodiscard]] std::optional<TapeView> find(std::string_view name) const {
    const std::optional<dom::element> member = member_of(value_, name);
    return member ? std::optional(TapeView(*member)) : std::nullopt;
  }
  [[nodiscard]] std::optional<std::string_view> text() const {
    return value_.is_string() ? std::optional(as<std::string_view>(value_)) : std::nullopt;
  }
  template <class Visit>
  void each_member(const Visit& visit) const {
    const auto object = as<dom::object>(value_);
    for (const dom::key_value_pair member : object) {
      visit(member.key, TapeView(member.value));
    }
  }
  template <class Visit>
  void each_item(const Visit& visit) const {
    const auto list = as<dom::array>(value_);
    for (const dom::element item : list) {
      visit(TapeView(item));
    }
  }
  [[nodiscard]] std::optional<Json> json() const { return build(value_); }

 private:
  dom::element value_;
};

// The set of fields that the manager has applied. Nothing when that is not one: then there is none, or it takes
// joining.
std::optional<dom::element> applied_fields(dom::element live, std::string_view manager) {
  const std::optional<dom::element> metadata = member_of(live, "metadata");
  const std::optional<dom::element> entries = metadata ? member_of(*metadata, "managedFields") : std::nullopt;
  std::optional<dom::element> found;
  if (!entries || !entries->is_array()) {
    return std::nullopt;
  }
  const auto list = as<dom::array>(*entries);
  for (const dom::element entry : list) {
    const std::optional<dom::element> set = member_of(entry, "fieldsV1");
    if (set && text_of(member_of(entry, "manager")) == manager && text_of(member_of(entry, "operation")) == "Apply" &&
        text_of(member_of(entry, "subresource")).empty() && !is_leaf(TapeView(*set))) {
      if (found) {
        return std::nullopt;
      }
      found = set;
    }
  }
  return found;
}

std::optional<Json> owned_of(dom::element live, dom::element fields, const Excerpt& excerpt) {
  const std::optional<dom::element> api_version = member_of(live, "apiVersion");
  const std::optional<dom::element> name = member_of(live, "kind");
  const bool bare = !api_version && !name;
  const std::optional<Kind> kind = bare ? excerpt.kind : kind_of(text_of(api_version), text_of(name));
  Extractor<TapeView> extractor(kind && is_built_in(*kind));
  std::optional<Json> owned = extractor.extract(TapeView(fields), TapeView(live), "");
  if (extractor.failed()) {
    return std::nullopt;
  }
  if (owned) {
    drop_identity(*owned);
  }
  return std::move(owned).value_or(Json());
}

// The object without what the excerpt does not want.
std::optional<Json> build_excerpt(dom::object object, const Excerpt& excerpt) {
  Json out = Json::object();
  for (const dom::key_value_pair member : object) {
    const std::string_view left_out = !excerpt.managed_fields && member.key == "metadata" ? "managedFields"
                                      : !excerpt.pod_template && member.key == "spec"     ? "template"
                                                                                          : "";
    const bool cut = !left_out.empty() && member.value.is_object();
    std::optional<Json> built = cut ? build_object(as<dom::object>(member.value), left_out) : build(member.value);
    if (!built || !out.get_ref<Json::object_t&>().try_emplace(std::string(member.key), std::move(*built)).second) {
      return std::nullopt;
    }
  }
  return out;
}

std::optional<Live> read_object(dom::element value, const Excerpt& excerpt) {
  if (!value.is_object()) {
    return std::nullopt;
  }
  const auto object = as<dom::object>(value);
  std::optional<Json> owned;
  if (!excerpt.owned_by.empty()) {
    const std::optional<dom::element> fields = applied_fields(value, excerpt.owned_by);
    owned = fields ? owned_of(value, *fields, excerpt) : std::nullopt;
    if (!owned) {
      return std::nullopt;
    }
  }
  std::optional<Json> built = build_excerpt(object, excerpt);
  return built ? std::optional(Live{std::move(*built), std::move(owned)}) : std::nullopt;
}

// The text's members, the one named `member` as an excerpt.
std::optional<Live> read_around(dom::element value, std::string_view member, const Excerpt& excerpt) {
  if (!value.is_object()) {
    return std::nullopt;
  }
  const auto object = as<dom::object>(value);
  Live out{Json::object(), std::nullopt};
  for (const dom::key_value_pair part : object) {
    std::optional<Json> built;
    if (part.key == member) {
      if (std::optional<Live> inner = read_object(part.value, excerpt)) {
        built = std::move(inner->object);
        out.owned = std::move(inner->owned);
      }
    } else {
      built = build(part.value);
    }
    if (!built || !out.object.get_ref<Json::object_t&>().try_emplace(std::string(part.key), std::move(*built)).second) {
      return std::nullopt;
    }
  }
  return out;
}

}  // namespace

std::optional<Json> parse_quickly(std::string_view text, std::size_t max_depth) {
  const Tape tape;
  const std::optional<dom::element> root = tape.read(text, max_depth);
  return root ? build(*root) : std::nullopt;
}

Result<Live> read_live(std::string_view text, const Excerpt& excerpt, std::string_view member,
                       const JsonLimits& limits) {
  if (text.size() <= limits.max_bytes) {
    const Tape tape;
    const std::optional<dom::element> root = tape.read(text, limits.max_depth);
    std::optional<Live> live;
    if (root) {
      live = member.empty() ? read_object(*root, excerpt) : read_around(*root, member, excerpt);
    }
    if (live) {
      return std::move(*live);
    }
  }
  return Live{TRY(parse_json(text, limits)), std::nullopt};
}

}  // namespace nocobase_operator::kube
