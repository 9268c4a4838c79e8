// How the owned part is taken out, over any form in which a live object is held. Part of owned and live; nobody else
// includes it. A View is a pointer to a value: copied freely, and of no use when the object has gone.
//   is_object(), is_array(), empty()      empty: an object or list of nothing
//   size()                                of an object
//   find(name)                            the member of an object as optional<View>
//   text()                                optional<string_view> of a string
//   each_member(f(name, View)), each_item(f(View))
//   json()                                a copy, as optional<Json>: nothing when it can't be held
#pragma once
#include <algorithm>
#include <array>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kube/json.h"

namespace nocobase_operator::kube {

// Drops apiVersion, kind and what identifies the object in its metadata.
void drop_identity(Json& object);

// Whether all that is inside a member of a built-in kind has one owner, and whether a list's items have owners of their
// own.
[[nodiscard]] bool is_atomic_object(std::string_view name);
[[nodiscard]] bool is_associative_list(std::string_view name);

// fieldsV1 is a tree of path elements: "f:<field>", "k:<keys of a list item as JSON>", "v:<scalar of a set as JSON>",
// "i:<index>", and "." for the node itself. An empty node is a member without children: a leaf.
// (structured-merge-diff, fieldpath/serialize.go)
inline constexpr std::string_view self_element = ".";

template <class View>
[[nodiscard]] bool is_leaf(const View& node) {
  return !node.is_object() || node.empty() || (node.size() == 1 && node.find(self_element));
}

// Whether a string is written as JSON as it is.
[[nodiscard]] bool is_plain(std::string_view text);
// An element "k:" or "v:" with its JSON as dump() writes it; nothing when that is no JSON.
[[nodiscard]] std::optional<std::string> normal_element(std::string_view element);
// The names of the keys in a normal element "k:".
[[nodiscard]] std::vector<std::string> key_names_of(std::string_view normal);

template <class View>
class Extractor {
 public:
  explicit Extractor(bool built_in) : built_in_(built_in) {}

  // The owned part of the value at a node of the tree; `live` is nothing when the object lacks it.
  [[nodiscard]] std::optional<Json> extract(const View& node, const std::optional<View>& live, std::string_view name) {
    if (is_leaf(node)) {
      return leaf(live, name);
    }
    return live && live->is_array() ? items(node, *live) : members(node, live);
  }

  // Whether a value was met that json() did not give: then what was extracted is incomplete.
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  [[nodiscard]] Json leaf(const std::optional<View>& live, std::string_view name) {
    if (!live) {
      return "";  // a zero value that is not stored
    }
    // A leaf where the schema gives the members owners of their own: we applied it empty, what is inside is not ours.
    if (built_in_ && live->is_object() && !name.empty() && !is_atomic_object(name)) {
      return Json::object();
    }
    if (built_in_ && live->is_array() && is_associative_list(name)) {
      return Json::array();
    }
    std::optional<Json> value = live->json();
    failed_ = failed_ || !value;
    return std::move(value).value_or(Json());
  }

  [[nodiscard]] std::optional<Json> members(const View& node, const std::optional<View>& live) {
    Json out = Json::object();
    bool any = node.find(self_element).has_value();
    node.each_member([&](std::string_view element, const View& child) {
      if (!element.starts_with("f:")) {
        return;
      }
      const std::string_view name = element.substr(2);
      std::optional<Json> value = extract(child, live ? live->find(name) : std::nullopt, name);
      if (value) {
        out[std::string(name)] = std::move(*value);
        any = true;
      }
    });
    return any ? std::optional(std::move(out)) : std::nullopt;
  }

  // Items by path element, so that one pass over the live list finds the owned ones in their order.
  struct ListIndex {
    std::vector<std::string> key_names;  // every item of one list is identified by the same keys
    std::map<std::string, View, std::less<>> by_element;
  };

  static ListIndex index_of(const View& node) {
    ListIndex index;
    node.each_member([&](std::string_view element, const View& child) {
      if (element.starts_with("i:")) {
        index.by_element.emplace(element, child);
      } else if (element.starts_with("k:") || element.starts_with("v:")) {
        if (std::optional<std::string> normal = normal_element(element)) {
          index.by_element.emplace(std::move(*normal), child);
        }
      }
    });
    const auto keyed = index.by_element.lower_bound("k:");
    if (keyed != index.by_element.end() && keyed->first.starts_with("k:")) {
      index.key_names = key_names_of(keyed->first);
    }
    return index;
  }

  [[nodiscard]] std::string element_of(const ListIndex& index, const View& item) {
    std::string out = item.is_object() ? "k:" : "v:";
    if (!item.is_object()) {
      const std::optional<Json> value = item.json();
      failed_ = failed_ || !value;
      return out += dump(value.value_or(Json()));
    }
    if (index.key_names.size() == 1) {
      const std::optional<View> value = item.find(index.key_names[0]);
      const std::optional<std::string_view> text = value ? value->text() : std::nullopt;
      if (text && is_plain(*text) && is_plain(index.key_names[0])) {
        return out.append("{\"").append(index.key_names[0]).append("\":\"").append(*text).append("\"}");
      }
    }
    Json id = Json::object();
    for (const std::string& name : index.key_names) {
      const std::optional<View> value = item.find(name);
      const std::optional<Json> json = value ? value->json() : Json();
      failed_ = failed_ || !json;
      id[name] = json.value_or(Json());
    }
    return out += dump(id);
  }

  [[nodiscard]] std::optional<Json> items(const View& node, const View& live) {
    const ListIndex index = index_of(node);
    Json out = Json::array();
    std::size_t position = 0;
    live.each_item([&](const View& item) {
      auto found = index.by_element.find(element_of(index, item));
      if (found == index.by_element.end()) {
        found = index.by_element.find("i:" + std::to_string(position));
      }
      ++position;
      if (found == index.by_element.end()) {
        return;
      }
      // An item that is a leaf is atomic: its keys would be members of their own otherwise.
      std::optional<Json> part = extract(found->second, item, "");
      if (part) {
        out.push_back(std::move(*part));
      }
    });
    return out;
  }

  bool built_in_;
  bool failed_ = false;
};

}  // namespace nocobase_operator::kube
