#include <algorithm>
#include <utility>

#include "kube/http.h"
#include "kube/meta.h"

namespace nocobase_operator::kube {
namespace {

// A buffer that once held a big line is given back when it is empty and larger than this.
constexpr std::size_t kept_capacity = 64U << 10U;

Error status_error(const Json& status) {
  const std::string message = string_at(status, {"message"});
  const std::string reason = string_at(status, {"reason"});
  const bool gone = reason == "Expired" || reason == "Gone";
  const Code code = gone ? Code::gone : code_of_status(integer_at(status, {"code"}));
  return {code, !message.empty() ? message : "watch error event " + (reason.empty() ? "without a message" : reason)};
}

std::optional<WatchEventType> type_of(std::string_view text) {
  static constexpr std::pair<std::string_view, WatchEventType> types[] = {{"ADDED", WatchEventType::added},
                                                                          {"MODIFIED", WatchEventType::modified},
                                                                          {"DELETED", WatchEventType::deleted},
                                                                          {"BOOKMARK", WatchEventType::bookmark}};
  const auto* const found =
      std::find_if(std::begin(types), std::end(types), [&](const auto& of) { return of.first == text; });
  return found == std::end(types) ? std::nullopt : std::optional(found->second);
}

Result<WatchEvent> parse_event(std::string_view line, std::size_t max_bytes, const Excerpt& excerpt) {
  Live live = TRY(read_live(line, excerpt, "object", {.max_bytes = max_bytes}));
  Json& value = live.object;
  const Json* const object = find(value, "object");
  const std::string type_text = string_at(value, {"type"});
  if (object == nullptr || !object->is_object()) {
    return Error{Code::invalid, "watch event without an object"};
  }
  if (type_text == "ERROR") {
    return status_error(*object);
  }
  const std::optional<WatchEventType> type = type_of(type_text);
  if (!type) {
    return Error{Code::invalid, "unknown watch event type \"" + type_text.substr(0, 32) + "\""};
  }
  WatchEvent event{*type, std::move(*value.find("object")), std::move(live.owned), false, false};
  event.initial_events_end =
      event.type == WatchEventType::bookmark && annotation_of(event.object, "k8s.io/initial-events-end") == "true";
  return event;
}

}  // namespace

void WatchDecoder::feed(std::string_view bytes) {
  if (failed_) {
    return;
  }
  // Dropping what was read moves the rest; only when it is the smaller half, so that every byte moves once on average.
  if (start_ >= buffer_.size() - start_) {
    buffer_.erase(0, start_);
    scanned_ -= start_;
    start_ = 0;
  }
  if (buffer_.empty() && buffer_.capacity() > kept_capacity) {
    std::string().swap(buffer_);
  }
  buffer_.append(bytes);
}

std::optional<Result<WatchEvent>> WatchDecoder::next(const Skip& skip) {
  while (!failed_) {
    const std::size_t newline = buffer_.find('\n', scanned_);
    const std::size_t end = newline == std::string::npos ? buffer_.size() : newline;
    scanned_ = end;
    if (end - start_ > max_line_bytes_) {
      return fail({Code::invalid, "watch line is longer than " + std::to_string(max_line_bytes_) + " bytes"});
    }
    if (newline == std::string::npos) {
      return std::nullopt;
    }
    const std::string_view line = std::string_view(buffer_).substr(start_, end - start_);
    start_ = scanned_ = newline + 1;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) {
      continue;
    }
    if (skip) {
      const std::optional<WatchHead> head = head_of(line);
      const std::optional<WatchEventType> type = head ? type_of(head->type) : std::nullopt;
      if ((type == WatchEventType::added || type == WatchEventType::modified) && skip(*head)) {
        Json object = Json::object();
        object["metadata"]["resourceVersion"] = head->version;
        return WatchEvent{*type, std::move(object), std::nullopt, false, true};
      }
    }
    Result<WatchEvent> event = parse_event(line, max_line_bytes_, excerpt_);
    if (!event.ok()) {
      return fail(event.error());
    }
    return event;
  }
  return std::nullopt;
}

Error WatchDecoder::fail(Error error) {
  failed_ = true;
  std::string().swap(buffer_);
  start_ = scanned_ = 0;
  return error;
}

}  // namespace nocobase_operator::kube
