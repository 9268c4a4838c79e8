#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/hash.h"
#include "kube/owned.h"
#include "kube/quantity.h"

namespace nocobase_operator::kube {
namespace {

// Where a value is: its member name and those of the objects around it. Items of a list are where the list is.
struct Place {
  std::string_view name;
  std::string_view parent;
  std::string_view grandparent;
  unsigned depth = 0;  // of objects and lists around it
  friend bool operator==(const Place&, const Place&) = default;
};

Place inside(const Place& outer, std::string_view name) {
  return {name, outer.name, outer.parent, outer.depth + 1};
}

Place place_of(std::initializer_list<std::string_view> path) {
  Place place;
  for (const std::string_view name : path) {
    place = inside(place, name);
  }
  return place;
}

// A default that the API server writes into a value which has one owner as a whole, so that it cannot be told from
// ours.
struct Default {
  std::optional<Kind> kind;  // nothing: every built-in kind
  std::string_view parent;
  std::string_view name;
  std::string_view json;  // the canonical form of the default
};

constexpr std::array<Default, 21> defaults{{
    {std::nullopt, "fieldRef", "apiVersion", R"("v1")"},
    {std::nullopt, "resourceFieldRef", "divisor", R"("0")"},
    {std::nullopt, "serviceAccountToken", "expirationSeconds", "3600"},
    {Kind::job, "onPodConditions", "status", R"("True")"},
    {Kind::network_policy, "ports", "protocol", R"("TCP")"},
    {Kind::http_route, "parentRefs", "group", R"("gateway.networking.k8s.io")"},
    {Kind::http_route, "parentRefs", "kind", R"("Gateway")"},
    {Kind::http_route, "backendRefs", "group", R"("")"},
    {Kind::http_route, "backendRefs", "kind", R"("Service")"},
    {Kind::http_route, "backendRefs", "weight", "1"},
    {Kind::http_route, "backendRef", "group", R"("")"},
    {Kind::http_route, "backendRef", "kind", R"("Service")"},
    {Kind::http_route, "headers", "type", R"("Exact")"},
    {Kind::http_route, "queryParams", "type", R"("Exact")"},
    {Kind::http_route, "requestRedirect", "statusCode", "302"},
    {Kind::http_route, "path", "type", R"("PathPrefix")"},
    {Kind::http_route, "path", "value", R"("/")"},
    {Kind::http_route, "matches", "path", R"("")"},     // the two above
    {Kind::http_route, "rules", "matches", R"([""])"},  // one match of that path
    {Kind::pod_monitor, "relabelings", "action", R"("replace")"},
    {Kind::pod_monitor, "metricRelabelings", "action", R"("replace")"},
}};

bool is_default(Kind kind, const Place& place, std::string_view text) {
  constexpr std::size_t longest = 27;
  if (text.size() > longest) {
    return false;
  }
  const bool built_in = is_built_in(kind);
  return std::any_of(defaults.begin(), defaults.end(), [&](const Default& known) {
    return (known.kind ? *known.kind == kind : built_in) && known.name == place.name && known.parent == place.parent &&
           text == known.json;
  });
}

bool is_quantity(Kind kind, const Place& place) {
  if (!is_built_in(kind)) {
    return false;
  }
  if (place.parent == "limits" || place.parent == "requests") {
    return place.grandparent == "resources";
  }
  const bool metric = kind == Kind::horizontal_pod_autoscaler &&
                      ((place.parent == "target" && (place.name == "value" || place.name == "averageValue")) ||
                       place.name == "tolerance");
  return metric || place.parent == "overhead" || (place.name == "sizeLimit" && place.parent == "emptyDir") ||
         (place.name == "divisor" && place.parent == "resourceFieldRef");
}

// Writes the canonical form as text, without building it: this runs for each event of each child.
class Writer {
 public:
  Writer(Kind kind, std::string_view skip_annotation) : kind_(kind), skip_annotation_(skip_annotation) {}

  [[nodiscard]] std::string write(const Json& object) && {
    all(object);
    return std::move(out_);
  }

  // The object of which nothing is there but this, not null, at the chain of members.
  [[nodiscard]] std::string write_at(std::initializer_list<std::string_view> path, const Json& json) && {
    open(path);
    value(json, place_of(path));
    out_.append(path.size(), '}');
    return std::move(out_);
  }

  struct Texts {
    std::string whole;
    std::string part;  // as write_at() gives it; "": there is none
  };
  [[nodiscard]] Texts write_both(const Json& object, std::initializer_list<std::string_view> path) && {
    part_ = place_of(path);
    all(object);
    Texts texts{std::exchange(out_, {}), {}};
    if (part_size_ > 0) {
      open(path);
      out_.append(texts.whole, part_at_, part_size_).append(path.size(), '}');
      texts.part = std::move(out_);
    }
    return texts;
  }

 private:
  static constexpr std::string_view zero = R"("")";

  void all(const Json& object) {
    if (object.is_object()) {
      members(object, {});
    } else {
      out_ = "{}";
    }
  }

  void open(std::initializer_list<std::string_view> path) {
    for (const std::string_view name : path) {
      out_ += '{';
      string(name);
      out_ += ':';
    }
  }

  void value(const Json& json, const Place& place) {
    const std::size_t start = out_.size();
    if (is_quantity(kind_, place)) {
      const std::optional<std::string> text = quantity_text(json);
      const Result<std::string> quantity = canonical_quantity(text.value_or(""));
      quantity.ok() ? string(quantity.value()) : scalar(json);
    } else if (json.is_object()) {
      members(json, place);
    } else if (json.is_array()) {
      items(json, place);
    } else {
      scalar(json);
    }
    const std::string_view text = std::string_view(out_).substr(start);
    if (text == "{}" || text == "[]" || text == "0" || text == "false") {
      out_.replace(start, std::string::npos, zero);
    }
  }

  void members(const Json& json, const Place& place) {
    out_ += '{';
    const std::size_t first = out_.size();
    for (auto member = json.begin(); member != json.end(); ++member) {
      const Place inner = inside(place, member.key());
      if (member->is_null() || is_identity(inner)) {
        continue;
      }
      const std::size_t start = out_.size();
      if (start > first) {
        out_ += ',';
      }
      string(inner.name);
      out_ += ':';
      const std::size_t text = out_.size();
      value(*member, inner);
      const std::string_view written = std::string_view(out_).substr(text);
      if (is_default(kind_, inner, written) || is_left_empty(inner, written)) {
        out_.resize(start);
      } else if (part_ && *part_ == inner) {
        part_at_ = text;
        part_size_ = written.size();
      }
    }
    out_ += '}';
  }

  void items(const Json& json, Place place) {
    ++place.depth;
    out_ += '[';
    const char* separator = "";
    for (const Json& item : json) {
      out_ += separator;
      separator = ",";
      value(item, place);
    }
    out_ += ']';
  }

  void scalar(const Json& json) {
    static constexpr double exact = 9007199254740992.0;  // 2^53
    const auto* const real = json.get_ptr<const double*>();
    if (const auto* const text = json.get_ptr<const std::string*>(); text != nullptr) {
      string(*text);
    } else if (real != nullptr && std::trunc(*real) == *real && std::fabs(*real) <= exact) {
      out_ += std::to_string(static_cast<std::int64_t>(*real));
    } else if (json.is_boolean()) {
      out_ += json == true ? "true" : "false";
    } else {
      out_ += dump(json);
    }
  }

  // As dump() writes it. Most of what is hashed is one long text with lines and quotes, the drain script.
  void string(std::string_view text) {
    const std::size_t start = out_.size();
    out_ += '"';
    for (std::size_t at = 0; at < text.size();) {
      const auto* const special = std::find_if(text.begin() + at, text.end(), [](char c) {
        return c < ' ' || c >= 0x7F || c == '"' || c == '\\';  // what is not ASCII is negative
      });
      const auto end = static_cast<std::size_t>(special - text.begin());
      out_ += text.substr(at, end - at);
      if (end < text.size()) {
        if (text[end] != '"' && text[end] != '\\' && text[end] != '\n') {
          out_.resize(start);
          out_ += dump(Json(text));
          return;
        }
        out_ += '\\';
        out_ += text[end] == '\n' ? 'n' : text[end];
      }
      at = end + 1;
    }
    out_ += '"';
  }

  // What names the object and is no content of it, and the annotation that is left out.
  [[nodiscard]] bool is_identity(const Place& place) const {
    if (place.depth == 1) {
      return place.name == "apiVersion" || place.name == "kind";
    }
    if (place.depth == 2 && place.parent == "metadata") {
      return place.name == "name" || place.name == "namespace" || place.name == "uid" ||
             place.name == "resourceVersion";
    }
    return place.depth == 3 && place.grandparent == "metadata" && place.parent == "annotations" &&
           place.name == skip_annotation_;
  }

  // Metadata of which only the identity was there; annotations that hold, or are still to hold, only the one left out.
  [[nodiscard]] bool is_left_empty(const Place& place, std::string_view text) const {
    const bool metadata = place.depth == 1 && place.name == "metadata";
    const bool annotations = place.depth == 2 && place.parent == "metadata" && place.name == "annotations";
    return text == zero && (metadata || (annotations && !skip_annotation_.empty()));
  }

  Kind kind_;
  std::string_view skip_annotation_;
  std::string out_;
  // The member that is also wanted by itself, and where in the text it is.
  std::optional<Place> part_;
  std::size_t part_at_ = 0;
  std::size_t part_size_ = 0;
};

}  // namespace

Json canonical(Kind kind, const Json& object) {
  return Json::parse(Writer(kind, "").write(object), nullptr, false);
}

std::uint64_t content_hash(Kind kind, const Json& object, std::string_view skip_annotation) {
  return hash64(Writer(kind, skip_annotation).write(object));
}

std::uint64_t content_hash_at(Kind kind, std::initializer_list<std::string_view> path, const Json& value,
                              std::string_view skip_annotation) {
  return hash64(Writer(kind, skip_annotation).write_at(path, value));
}

ContentHashes content_hashes(Kind kind, const Json& object, std::initializer_list<std::string_view> path,
                             std::string_view skip_annotation) {
  const auto [whole, part] = Writer(kind, skip_annotation).write_both(object, path);
  return {hash64(whole), part.empty() ? 0 : hash64(part)};
}

}  // namespace nocobase_operator::kube
