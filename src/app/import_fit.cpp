#include <algorithm>
#include <charconv>

#include "app/import_draft.h"

namespace nocobase_operator::app::importing {
namespace {

// The steps of a path as findings spell it: members and indices, both as text.
std::vector<std::string> steps_of(std::string_view path) {
  std::vector<std::string> out;
  while (!path.empty()) {
    if (path.starts_with("[\"")) {
      std::size_t end = 2;
      while (end < path.size() && path[end] != '"') {
        end += path[end] == '\\' ? 2U : 1U;
      }
      const auto key = kube::parse_json("[" + std::string(path.substr(1, end)) + "]");
      const auto* const text =
          key.ok() && !key.value().empty() ? key.value().front().get_ptr<const std::string*>() : nullptr;
      out.push_back(text == nullptr ? std::string() : *text);
      path.remove_prefix(std::min(end + 2, path.size()));
      continue;
    }
    const bool index = path.front() == '[';
    path.remove_prefix(index || path.front() == '.' ? 1 : 0);
    const std::size_t end = std::min(index ? path.find(']') : path.find_first_of(".["), path.size());
    out.emplace_back(path.substr(0, end));
    path.remove_prefix(std::min(end + (index ? 1 : 0), path.size()));
  }
  return out;
}

Json* step_into(Json& value, const std::string& step) {
  if (value.is_object()) {
    const auto member = value.find(step);
    return member == value.end() ? nullptr : &*member;
  }
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
  const bool whole = error == std::errc() && end == step.data() + step.size();
  return value.is_array() && whole && index < value.size() ? &value[index] : nullptr;
}

void erase_step(Json& owner, const std::string& step) {
  if (owner.is_object()) {
    owner.erase(step);
  } else {
    owner.erase(static_cast<std::size_t>(step_into(owner, step) - &owner[0]));
  }
}

}  // namespace

bool take_out(Json& root, std::string_view path) {
  const std::vector<std::string> steps = steps_of(path);
  std::vector<Json*> owners;
  Json* at = &root;
  for (const std::string& step : steps) {
    Json* const next = step_into(*at, step);
    if (next == nullptr) {
      break;
    }
    owners.push_back(at);
    at = next;
  }
  // What is missing is taken out with what holds it. The spec itself stays.
  if (owners.size() < 2) {
    return false;
  }
  erase_step(*owners.back(), steps[owners.size() - 1]);
  return true;
}

}  // namespace nocobase_operator::app::importing
