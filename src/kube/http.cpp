#include "kube/http.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/check.h"

namespace nocobase_operator::kube {
namespace {

constexpr std::size_t max_message = 1024;

// RFC 3986: everything but the unreserved characters.
std::string percent_encoded(std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += digits[byte >> 4U];
      out += digits[byte & 15U];
    }
  }
  return out;
}

// One segment of a path. "." and ".." would be resolved on the way; no object is called that.
std::string segment(std::string_view text) {
  if (text == "." || text == "..") {
    return text.size() == 1 ? "%2E" : "%2E%2E";
  }
  return percent_encoded(text);
}

// /apis/apps/v1/namespaces/crm/deployments; without a namespace, the collection over all of them.
std::string collection_path(Kind kind, std::string_view ns) {
  const KindInfo& of = info(kind);
  std::string path = of.group.empty() ? "/api/" : "/apis/" + std::string(of.group) + "/";
  path += of.version;
  if (!ns.empty()) {
    path += "/namespaces/" + segment(ns);
  }
  path += '/';
  path += of.plural;
  return path;
}

std::string object_path(const Ref& ref) {
  return collection_path(ref.kind, ref.ns) + "/" + segment(ref.name);
}

// The body, taken out of the call, with what identifies the object, and the precondition where the verb carries it in
// metadata.
Json identified(Call& call, const Precondition& precondition) {
  Json body = call.body.is_object() ? std::move(call.body) : Json::object();
  body["apiVersion"] = api_version(call.ref.kind);
  body["kind"] = info(call.ref.kind).kind;
  Json& metadata = body["metadata"];
  if (!metadata.is_object()) {
    metadata = Json::object();
  }
  metadata["name"] = call.ref.name;
  if (!call.ref.ns.empty()) {
    metadata["namespace"] = call.ref.ns;
  }
  if (!precondition.uid.empty()) {
    metadata["uid"] = precondition.uid;
  }
  if (!precondition.resource_version.empty()) {
    metadata["resourceVersion"] = precondition.resource_version;
  }
  return body;
}

HttpRequest encode_apply(Call& call, std::string_view subresource) {
  // What is to be made has nothing that could be taken by force: there it fails by its fields as well as its version.
  const bool makes = call.precondition == must_not_exist;
  return {"PATCH",
          object_path(call.ref) + std::string(subresource) + "?fieldManager=" + percent_encoded(call.manager) +
              (makes ? "" : "&force=true"),
          "application/apply-patch+yaml",  // JSON is YAML; this is the one media type every supported server knows
          dump(identified(call, call.precondition))};
}

std::string_view policy_of(Propagation propagation) {
  switch (propagation) {
    case Propagation::background:
      return "Background";
    case Propagation::foreground:
      return "Foreground";
    case Propagation::orphan:
      return "Orphan";
  }
  CHECK(false);
}

HttpRequest encode_remove(const Call& call) {
  Json options = {{"apiVersion", "v1"}, {"kind", "DeleteOptions"}, {"propagationPolicy", policy_of(call.propagation)}};
  if (!call.precondition.uid.empty()) {
    options["preconditions"]["uid"] = call.precondition.uid;
  }
  if (!call.precondition.resource_version.empty()) {
    options["preconditions"]["resourceVersion"] = call.precondition.resource_version;
  }
  return {"DELETE", object_path(call.ref), "application/json", dump(options)};
}

// The start of a text that somebody else wrote, on one line and cut between two characters.
std::string excerpt(std::string_view text) {
  std::size_t size = std::min(text.size(), max_message);
  while (size > 0 && size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) {
    --size;
  }
  std::string out(text.substr(0, size));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20U || c == 0x7F; }, ' ');
  return size < text.size() ? out + "..." : out;
}

Error error_of(const HttpResponse& response) {
  const std::string status = "HTTP " + std::to_string(response.status);
  const Code code = code_of_status(response.status);
  const Result<Json> body = parse_json(response.body);
  if (body.ok() && string_at(body.value(), {"kind"}) == "Status") {
    const std::string message = string_at(body.value(), {"message"});
    const std::string reason = string_at(body.value(), {"reason"});
    return {code, !message.empty() ? excerpt(message) : reason.empty() ? status : status + " " + excerpt(reason)};
  }
  return {code, response.body.empty() ? status : status + ": " + excerpt(response.body)};
}

}  // namespace

HttpRequest encode(Call call) {
  switch (call.verb) {
    case Verb::get:
      return {"GET", object_path(call.ref), "", ""};
    case Verb::list:
      return {"GET", collection_path(call.ref.kind, call.ref.ns) + "?labelSelector=" + percent_encoded(call.selector),
              "", ""};
    case Verb::apply:
      return encode_apply(call, "");
    case Verb::apply_status:
      return encode_apply(call, "/status");
    case Verb::create:
      return {"POST", collection_path(call.ref.kind, call.ref.ns) + "?fieldManager=" + percent_encoded(call.manager),
              "application/json", dump(identified(call, {}))};
    case Verb::update:
      return {"PUT", object_path(call.ref) + "?fieldManager=" + percent_encoded(call.manager), "application/json",
              dump(identified(call, {}))};
    case Verb::remove:
      return encode_remove(call);
  }
  CHECK(false);
}

HttpRequest encode_watch(const WatchScope& scope, std::string_view resource_version, Seconds timeout) {
  std::string path = collection_path(scope.kind, scope.ns) +
                     "?watch=true&allowWatchBookmarks=true&timeoutSeconds=" + std::to_string(timeout.count());
  if (resource_version.empty()) {
    path += "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
  } else {
    path += "&resourceVersion=" + percent_encoded(resource_version);
  }
  if (!scope.label_selector.empty()) {
    path += "&labelSelector=" + percent_encoded(scope.label_selector);
  }
  return {"GET", path, "", ""};
}

HttpRequest encode_list(const WatchScope& scope, std::size_t limit, std::string_view continue_token) {
  std::vector<std::string> query;
  if (limit > 0) {
    query.push_back("limit=" + std::to_string(limit));
  }
  if (!continue_token.empty()) {
    query.push_back("continue=" + percent_encoded(continue_token));
  }
  if (!scope.label_selector.empty()) {
    query.push_back("labelSelector=" + percent_encoded(scope.label_selector));
  }
  std::string path = collection_path(scope.kind, scope.ns);
  for (std::size_t i = 0; i < query.size(); ++i) {
    path += (i == 0 ? "?" : "&") + query[i];
  }
  return {"GET", path, "", ""};
}

Code code_of_status(std::int64_t status) {
  switch (status) {
    case 400:
    case 405:
    case 406:
    case 413:
    case 415:
    case 422:
      return Code::invalid;
    case 401:
    case 403:
      return Code::denied;
    case 404:
      return Code::not_found;
    case 409:
      return Code::conflict;
    case 410:
      return Code::gone;
    case 429:
      return Code::throttled;
    case 500:
    case 502:
    case 504:
      return Code::unknown_outcome;
    default:
      return Code::unavailable;
  }
}

Result<Json> decode(const HttpResponse& response) {
  return TRY(decode_live(response, {})).object;
}

Result<Live> decode_live(const HttpResponse& response, const Excerpt& excerpt) {
  if (response.status < 200 || response.status > 299) {
    return error_of(response);
  }
  Result<Live> body = read_live(response.body, excerpt);
  if (!body.ok()) {
    return Error{Code::unknown_outcome,
                 "HTTP " + std::to_string(response.status) + " with an unreadable body: " + body.error().what};
  }
  return body;
}

std::optional<Millis> retry_delay(const HttpResponse& response, std::chrono::sys_seconds now) {
  static constexpr Seconds longest{60};
  const std::string& text = response.retry_after;
  if (text.empty()) {
    return std::nullopt;
  }
  if (text.find_first_not_of("0123456789") != std::string::npos) {
    const std::optional<std::chrono::sys_seconds> until = from_http_date(text);
    return until ? std::optional<Millis>(std::clamp(*until - now, Seconds(0), longest)) : std::nullopt;
  }
  Seconds delay{0};
  for (const char digit : text) {
    delay = std::min(delay * 10 + Seconds(digit - '0'), longest);
  }
  return delay;
}

}  // namespace nocobase_operator::kube
