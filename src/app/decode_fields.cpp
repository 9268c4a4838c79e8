#include "app/decode_fields.h"

#include <iterator>
#include <set>

namespace nocobase_operator::app {
namespace {

constexpr form::Form variable_name = {1, 256, form::is_variable_name, "the name of a variable"};
constexpr form::Form variable_value = {0, 32768, nullptr, ""};
constexpr form::Form secret_key = {1, 253, form::is_secret_key, "a key of a Secret: letters, digits, -, _ and ."};
constexpr ListLimits env_limits = {0, 100};

std::string in_quotes(std::string_view text) {
  return kube::describe(Json(std::string(text)));
}

std::string joined(std::span<const std::string_view> words) {
  std::string out;
  for (const auto word : words) {
    out += (out.empty() ? "" : ", ") + (word.empty() ? std::string("\"\"") : std::string(word));
  }
  return out;
}

}  // namespace

const kube::ReaderCodes& FieldDecoder::codes() {
  static const kube::ReaderCodes codes = {
      .unknown_field = "NB001", .wrong_type = "NB003", .out_of_range = "NB004", .missing = "NB005"};
  return codes;
}

bool FieldDecoder::fits(std::string_view text, const form::Form& form) {
  const std::size_t size = form::length(text);
  return size >= form.min && size <= form.max && (form.matches == nullptr || form.matches(text));
}

void FieldDecoder::check(const std::string& path, std::string_view text, const form::Form& form) {
  const std::size_t size = form::length(text);
  if (size > form.max) {
    report_.add("NB008", path,
                "is " + std::to_string(size) + " characters long, " + std::to_string(form.max) + " are allowed");
  } else if (size < form.min) {
    report_.add("NB008", path, "is empty", form.want.empty() ? "" : "want " + std::string(form.want));
  } else if (form.matches != nullptr && !form.matches(text)) {
    report_.add("NB007", path, in_quotes(text) + " has the wrong form", "want " + std::string(form.want));
  }
}

std::optional<std::string> FieldDecoder::text(kube::Reader& reader, std::string_view key, const form::Form& form) {
  auto value = reader.string(key);
  if (value && !fits(*value, form)) {
    check(reader.path_of(key), *value, form);
  }
  return value;
}

std::optional<std::size_t> FieldDecoder::choice(kube::Reader& reader, std::string_view key,
                                                std::span<const std::string_view> words) {
  const auto value = reader.string(key);
  if (!value) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == *value) {
      return i;
    }
  }
  report_.add("NB006", reader.path_of(key), in_quotes(*value) + " is not known here", "want one of " + joined(words));
  return std::nullopt;
}

std::optional<std::int32_t> FieldDecoder::number(kube::Reader& reader, std::string_view key, std::int32_t min,
                                                 std::int32_t max) {
  const auto value = reader.integer(key, min, max);
  return value ? std::optional(static_cast<std::int32_t>(*value)) : std::nullopt;
}

void FieldDecoder::limit(const std::string& path, std::size_t size, const ListLimits& limits) {
  if (size < limits.min) {
    report_.add("NB008", path,
                "has " + std::to_string(size) + " entries, at least " + std::to_string(limits.min) + " is wanted");
  } else if (size > limits.max) {
    report_.add("NB008", path,
                "has " + std::to_string(size) + " entries, " + std::to_string(limits.max) + " are allowed");
  }
}

void FieldDecoder::unique(const std::string& path, const std::vector<std::string>& names, std::string_view what) {
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!seen.insert(names[i]).second) {
      report_.add("NB009", kube::join_path(path, i),
                  std::string(what) + " " + in_quotes(names[i]) + " is listed twice");
    }
  }
}

std::vector<std::string> FieldDecoder::set(kube::Reader& reader, std::string_view key, const form::Form& form,
                                           const ListLimits& limits) {
  auto items = reader.strings(key);
  if (!items) {
    return {};
  }
  const std::string path = reader.path_of(key);
  limit(path, items->size(), limits);
  for (std::size_t i = 0; i < items->size(); ++i) {
    if (!fits((*items)[i], form)) {
      check(kube::join_path(path, i), (*items)[i], form);
    }
  }
  unique(path, *items, "the entry");
  return std::move(*items);
}

std::optional<Json> FieldDecoder::objects(kube::Reader& reader, std::string_view key, const ListLimits& limits) {
  auto list = reader.array(key);
  if (!list) {
    return std::nullopt;
  }
  const std::string path = reader.path_of(key);
  limit(path, list->size(), limits);
  for (std::size_t i = 0; i < list->size(); ++i) {
    if (!(*list)[i].is_object()) {
      report_.add("NB003", kube::join_path(path, i), "want an object, got " + kube::describe((*list)[i]));
    }
  }
  return list;
}

std::optional<Json> FieldDecoder::count_or_percentage(kube::Reader& reader, std::string_view key) {
  auto value = reader.int_or_string(key);
  if (!value) {
    return std::nullopt;
  }
  if (const auto* const text = value->get_ptr<const std::string*>(); text != nullptr) {
    if (!form::is_percentage(*text)) {
      report_.add("NB007", reader.path_of(key), in_quotes(*text) + " is no percentage",
                  "write a number without quotes, or a percentage such as \"50%\"");
    }
  } else if (value->is_number_integer() && *value < 0) {
    report_.add("NB004", reader.path_of(key), "want a number of at least 0, got " + kube::describe(*value));
  }
  return value;
}

std::optional<Json> FieldDecoder::object_template(kube::Reader& reader, std::string_view key) {
  std::optional<Json> out;
  reader.nested(key, [&out](kube::Reader& inner) {
    out = Json::object();
    for (const auto* const part : {"metadata", "spec"}) {
      if (auto value = inner.object(part)) {
        (*out)[part] = std::move(*value);
      }
    }
  });
  return out;
}

StringMap FieldDecoder::text_map(kube::Reader& reader, std::string_view key) {
  StringMap out;
  const Json map = reader.object(key).value_or(Json::object());
  for (const auto& [name, value] : map.items()) {
    if (const auto* const text = value.get_ptr<const std::string*>(); text != nullptr) {
      out.emplace_back(name, *text);
    } else if (!value.is_null()) {
      report_.add("NB003", kube::join_path(reader.path_of(key), name), "want a string, got " + kube::describe(value));
    }
  }
  return out;
}

std::optional<Json> FieldDecoder::resources(kube::Reader& reader, std::string_view key) {
  std::optional<Json> out;
  reader.nested(key, [&](kube::Reader& inner) {
    out = Json::object();
    for (const auto* const part : {"limits", "requests"}) {
      auto map = inner.object(part);
      if (!map) {
        continue;
      }
      for (auto entry = map->begin(); entry != map->end();) {  // the API server drops null
        entry = entry->is_null() ? map->erase(entry) : std::next(entry);
      }
      for (const auto& [name, amount] : map->items()) {
        const std::string path = kube::join_path(inner.path_of(part), name);
        if (const auto* const text = amount.get_ptr<const std::string*>(); text != nullptr) {
          check(path, *text, {1, 64, form::is_quantity, "a quantity such as 500m, 2 or 1Gi"});
        } else if (amount.is_number_integer() && amount < 0) {
          report_.add("NB004", path, "want a quantity of at least 0, got " + kube::describe(amount));
        } else if (!amount.is_number_integer()) {
          report_.add("NB003", path, "want a quantity, got " + kube::describe(amount),
                      "write a whole number, or a text such as \"500m\" or \"0.5\"");
        }
      }
      (*out)[part] = std::move(*map);
    }
    if (auto claims = objects(inner, "claims", {0, 16})) {
      (*out)["claims"] = std::move(*claims);
    }
  });
  return out;
}

std::vector<EnvVar> FieldDecoder::env(kube::Reader& reader, std::string_view key) {
  std::vector<EnvVar> out;
  std::vector<std::string> names;
  std::size_t size = 0;
  const bool there = reader.each(key, [&](kube::Reader& item) {
    EnvVar variable;
    item.require("name", "");
    variable.name = text(item, "name", variable_name).value_or("");
    variable.value = text(item, "value", variable_value);
    variable.value_from = item.object("valueFrom");
    if (variable.value && variable.value_from) {
      report_.add("NB052", item.path(), "has both value and valueFrom", "keep one of them");
    }
    if (!variable.name.empty()) {
      names.push_back(variable.name);
    }
    out.push_back(std::move(variable));
    ++size;
  });
  if (there) {
    limit(reader.path_of(key), size, env_limits);
    unique(reader.path_of(key), names, "the variable");
  }
  return out;
}

std::optional<SecretKeyRef> FieldDecoder::secret_key_ref(kube::Reader& reader, std::string_view key) {
  std::optional<SecretKeyRef> out;
  reader.nested(key, [&](kube::Reader& inner) {
    out.emplace();
    inner.require("name", "the name of a Secret in this namespace");
    inner.require("key", "the key within the Secret");
    out->name = text(inner, "name", form::secret_name).value_or("");
    out->key = text(inner, "key", secret_key).value_or("");
  });
  return out;
}

std::optional<std::string> FieldDecoder::secret_ref(kube::Reader& reader, std::string_view key) {
  std::optional<std::string> out;
  reader.nested(key, [&](kube::Reader& inner) {
    inner.require("name", "the name of a Secret in this namespace");
    out = text(inner, "name", form::secret_name);
  });
  return out;
}

}  // namespace nocobase_operator::app
