#include "kube/diff.h"

#include <algorithm>
#include <set>
#include <utility>

#include "kube/owned.h"

namespace nocobase_operator::kube {
namespace {

// A value in the form that is compared and as it was written.
struct Side {
  const Json* canonical = nullptr;  // nullptr: there is none
  const Json* written = nullptr;
};

const Json* named(const Json& list, const std::string& name) {
  const auto found =
      std::find_if(list.begin(), list.end(), [&](const Json& item) { return string_at(item, {"name"}) == name; });
  return found == list.end() ? nullptr : &*found;
}

Side member(const Side& side, const std::string& key) {
  const auto in = [&](const Json* value) { return value == nullptr ? nullptr : find(*value, key); };
  return {in(side.canonical), in(side.written)};
}

Side item(const Side& side, const std::string& name) {
  const auto in = [&](const Json* value) {
    return value == nullptr || !value->is_array() ? nullptr : named(*value, name);
  };
  return {in(side.canonical), in(side.written)};
}

Side item(const Side& side, std::size_t index) {
  const auto in = [&](const Json* value) {
    return value == nullptr || !value->is_array() || index >= value->size() ? nullptr : &(*value)[index];
  };
  return {in(side.canonical), in(side.written)};
}

bool has_names(const Json* list) {
  if (list == nullptr || !list->is_array()) {
    return list == nullptr;
  }
  std::set<std::string> names;
  return std::all_of(list->begin(), list->end(), [&](const Json& each) {
    const std::string name = string_at(each, {"name"});
    return !name.empty() && names.insert(name).second;
  });
}

bool is_a(const Json* value, Json::value_t type) {
  return value != nullptr && value->type() == type;
}

std::string in_brackets(std::string path, const std::string& name) {
  return path.append("[").append(name).append("]");
}

std::string child(std::string path, const std::string& key) {
  if (key.find_first_of("./") != std::string::npos) {
    return in_brackets(std::move(path), key);
  }
  return path.append(path.empty() ? "" : ".").append(key);
}

class Comparison {
 public:
  void compare(const std::string& path, const Side& before, const Side& after) {
    const Json* const a = before.canonical;
    const Json* const b = after.canonical;
    if (a != nullptr && b != nullptr && *a == *b) {
      return;
    }
    if (is_a(a, Json::value_t::object) && is_a(b, Json::value_t::object)) {
      return members(path, before, after);
    }
    if (is_a(a, Json::value_t::array) && is_a(b, Json::value_t::array)) {
      return items(path, before, after);
    }
    changes.push_back({path, value_of(before), value_of(after)});
  }

  std::vector<FieldChange> changes;

 private:
  static std::optional<Json> value_of(const Side& side) {
    const Json* const value = side.written != nullptr ? side.written : side.canonical;
    return value == nullptr ? std::nullopt : std::optional(*value);
  }

  void members(const std::string& path, const Side& before, const Side& after) {
    std::set<std::string> keys;
    for (const Json* const side : {before.canonical, after.canonical}) {
      for (const auto& [key, value] : side->items()) {
        keys.insert(key);
      }
    }
    for (const std::string& key : keys) {
      compare(child(path, key), member(before, key), member(after, key));
    }
  }

  void items(const std::string& path, const Side& before, const Side& after) {
    const Json& a = *before.canonical;
    const Json& b = *after.canonical;
    if (has_names(&a) && has_names(&b)) {
      std::set<std::string> names;
      for (const Json* const side : {&a, &b}) {
        for (const Json& each : *side) {
          names.insert(string_at(each, {"name"}));
        }
      }
      const std::size_t found = changes.size();
      for (const std::string& name : names) {
        compare(in_brackets(path, name), item(before, name), item(after, name));
      }
      if (changes.size() == found) {  // only the order is another
        changes.push_back({path, value_of(before), value_of(after)});
      }
      return;
    }
    if (a.size() != b.size()) {
      changes.push_back({path, value_of(before), value_of(after)});
      return;
    }
    for (std::size_t i = 0; i < a.size(); ++i) {
      compare(in_brackets(path, std::to_string(i)), item(before, i), item(after, i));
    }
  }
};

}  // namespace

std::vector<FieldChange> field_changes(Kind kind, const Json& before, const Json& after) {
  const Json a = canonical(kind, before);
  const Json b = canonical(kind, after);
  Comparison comparison;
  comparison.compare("", {&a, &before}, {&b, &after});
  return std::move(comparison.changes);
}

}  // namespace nocobase_operator::kube
