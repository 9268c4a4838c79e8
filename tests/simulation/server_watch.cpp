// Watches and lists of the server.
#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include "kube/json.h"
#include "simulation/server.h"

namespace nocobase_operator::simulation {
namespace {

using kube::Kind;
using kube::Ref;

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string line(std::string_view type, std::string_view object) {
  std::string text = R"({"type":")";
  text.append(type).append(R"(","object":)").append(object).append("}\n");
  return text;
}

}  // namespace

bool Server::refuses(const kube::HttpRequest& request) const {
  return !streaming_lists && request.path_and_query.find("sendInitialEvents=true") != std::string::npos;
}

std::optional<Server::Watch> Server::open(const kube::HttpRequest& request) const {
  const std::string& path = request.path_and_query;
  Watch watch;
  for (int i = 0; i <= static_cast<int>(Kind::trigger_authentication); ++i) {
    const auto kind = static_cast<Kind>(i);
    if (path.find("/" + std::string(kube::info(kind).plural) + "?") != std::string::npos) {
      watch.kind = kind;
    }
  }
  watch.page = path.find("watch=true") == std::string::npos;
  watch.initial = watch.page || path.find("sendInitialEvents=true") != std::string::npos;
  if (watch.page) {
    // The continue token is the version of the first page and the last name.
    constexpr std::string_view key = "continue=";
    const std::size_t at = path.find(key);
    const std::string token =
        at == std::string::npos ? "" : path.substr(at + key.size(), path.find('&', at) - at - key.size());
    watch.version = token.empty() ? version_ : number(token);
    watch.after = token.empty() ? "" : token.substr(token.find('.') + 1);
    return watch.version < compacted_ ? std::nullopt : std::optional(watch);
  }
  if (const std::size_t at = path.find("&resourceVersion="); !watch.initial && at != std::string::npos) {
    watch.version = number(std::string_view(path).substr(at + std::string_view("&resourceVersion=").size()));
    if (watch.version < compacted_) {
      return std::nullopt;
    }
  }
  return watch;
}

std::string Server::bookmark(Watch& watch) const {
  watch.version = version_;
  Json object = {{"apiVersion", kube::api_version(watch.kind)},
                 {"kind", kube::info(watch.kind).kind},
                 {"metadata", {{"resourceVersion", std::to_string(version_)}}}};
  if (watch.initial) {
    object["metadata"]["annotations"]["k8s.io/initial-events-end"] = "true";
    watch.initial = false;
  }
  return line("BOOKMARK", object.dump());
}

// Pages show what is there now under the version of the first one: what came in between is told once more by the watch.
std::string Server::read_page(Watch& watch, std::size_t max_items) const {
  if (watch.version == 0) {
    return "";  // it has been read
  }
  Json items = Json::array();
  Json metadata = {{"resourceVersion", std::to_string(watch.version)}};
  for (const Ref& ref : refs(watch.kind)) {
    if (ref.name <= watch.after || !is_shown(ref, *find(ref))) {
      continue;
    }
    if (items.size() == max_items) {
      metadata["continue"] = std::to_string(watch.version) + "." + kube::string_at(items.back(), {"metadata", "name"});
      break;
    }
    items.push_back(*find(ref));
    items.back().erase("apiVersion");
    items.back().erase("kind");
  }
  watch.version = 0;
  return Json{{"kind", "List"}, {"apiVersion", "v1"}, {"metadata", metadata}, {"items", items}}.dump();
}

bool Server::has_news(const Watch& watch) const {
  if (watch.page) {
    return watch.version != 0;
  }
  if (watch.initial) {
    return true;
  }
  const auto lines = log_.find(watch.kind);
  return lines != log_.end() && lines->second.back().version > watch.version;
}

std::string Server::read(Watch& watch, std::size_t max_lines) const {
  if (watch.page) {
    return read_page(watch, max_lines);
  }
  std::string out;
  if (watch.initial) {
    for (const Ref& ref : refs(watch.kind)) {
      const Entry& entry = entries_.at(ref);
      if (is_shown(ref, *entry.live)) {
        out += line("ADDED", entry.text->get());
      }
    }
    return out + bookmark(watch);
  }
  const auto of_kind = log_.find(watch.kind);
  if (of_kind == log_.end()) {
    return out;
  }
  const std::vector<LogLine>& lines = of_kind->second;
  auto it = std::upper_bound(lines.begin(), lines.end(), watch.version,
                             [](std::uint64_t version, const LogLine& of) { return version < of.version; });
  for (std::size_t count = 0; it != lines.end() && count < max_lines; ++it, ++count) {
    out += line(it->type, it->object->get());
    watch.version = it->version;
  }
  return out;
}

}  // namespace nocobase_operator::simulation
