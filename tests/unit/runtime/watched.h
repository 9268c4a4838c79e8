// What a Watcher is fed, and what it says, for its tests.
#pragma once
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "kube/json.h"
#include "runtime/watcher.h"

namespace nocobase_operator::runtime {

inline const kube::WatchScope scope{kube::Kind::pod, "", "a=b"};

inline Watcher watcher() {
  return Watcher({.scope = scope, .min_timeout = Seconds(0)}, Rng(1));
}

inline kube::HttpRequest request(std::string_view version) {
  return kube::encode_watch(scope, version, Seconds(0));
}

inline std::string line(const std::string& type, const std::string& name, int version) {
  return R"({"type":")" + type + R"(","object":{"apiVersion":"v1","kind":"Pod","metadata":{"name":")" + name +
         R"(","resourceVersion":")" + std::to_string(version) + "\"}}}\n";
}
inline std::string bookmark(int version, bool end = false) {
  const std::string annotations = end ? R"(,"annotations":{"k8s.io/initial-events-end":"true"})" : "";
  return R"({"type":"BOOKMARK","object":{"apiVersion":"v1","kind":"Pod","metadata":{"resourceVersion":")" +
         std::to_string(version) + "\"" + annotations + "}}}\n";
}
inline std::string error_event(int code) {
  return R"({"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","status":"Failure","message":"too old","code":)" +
         std::to_string(code) + "}}\n";
}

// What a change says, in a word.
inline std::string told(const WatchChange& change) {
  const auto name = [](const kube::Json& object) { return kube::string_at(object, {"metadata", "name"}); };
  if (const auto* const changed = std::get_if<Changed>(&change)) {
    return "changed " + name(changed->object);
  }
  if (const auto* const removed = std::get_if<Removed>(&change)) {
    return "removed " + name(removed->object);
  }
  if (const auto* const ended = std::get_if<ListEnded>(&change)) {
    return "ended " + std::to_string(ended->version);
  }
  if (const auto* const progressed = std::get_if<Progressed>(&change)) {
    return "progressed " + std::to_string(progressed->version);
  }
  return std::holds_alternative<KindMissing>(change) ? "missing" : "began";
}

inline std::vector<std::string> feed(Watcher& of, std::string_view bytes, Now now) {
  std::vector<std::string> out;
  of.feed(bytes);
  while (const auto change = of.next(now)) {
    out.push_back(told(*change));
  }
  return out;
}

}  // namespace nocobase_operator::runtime
