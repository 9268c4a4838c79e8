// The wire without a wire: calls become HTTP requests, responses become values or Errors. No socket, thread or clock.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "kube/call.h"
#include "kube/live.h"

namespace nocobase_operator::kube {

struct HttpRequest {
  std::string method;
  std::string path_and_query;  // absolute path, already percent-encoded
  std::string content_type;    // "" when there is no body
  std::string body;

  friend bool operator==(const HttpRequest&, const HttpRequest&) = default;
};

struct HttpResponse {
  int status = 0;
  std::string retry_after;  // the Retry-After header as received, "" when absent
  std::string body;
};

// A call as an HTTP request. Precondition fields go into metadata (apply) or DeleteOptions (remove). The body of a
// write gets apiVersion, kind, name and namespace from the ref.
[[nodiscard]] HttpRequest encode(Call call);

// What a watch selects. An empty namespace means all of them.
struct WatchScope {
  Kind kind = Kind::nocobase_cluster;
  std::string ns;
  std::string label_selector;
};

// A streaming list (initial events, then a bookmark annotated k8s.io/initial-events-end, then live events), or, with a
// resourceVersion, a plain watch that resumes there. The server ends it after `timeout`.
[[nodiscard]] HttpRequest encode_watch(const WatchScope& scope, std::string_view resource_version, Seconds timeout);

// One page of a list: at most `limit` objects (0 for no limit), from where the `continue` of the last page says.
[[nodiscard]] HttpRequest encode_list(const WatchScope& scope, std::size_t limit, std::string_view continue_token);

// A 2xx body as JSON; anything else as an Error whose `what` is the Status message of the server, or the start of the
// body when that is no Status. 404 not_found, 409 conflict (AlreadyExists too), 410 gone, 401/403 denied, 429
// throttled, 400/405/406/413/415/422 invalid. 500, 502 and 504 are unknown_outcome: etcd or a proxy timed out, and a
// write may have happened; so is a 2xx whose body is no JSON. The rest is unavailable.
[[nodiscard]] Result<Json> decode(const HttpResponse& response);
// The same of an object's excerpt.
[[nodiscard]] Result<Live> decode_live(const HttpResponse& response, const Excerpt& excerpt);

// The Code of an HTTP status that is not 2xx, as decode() uses it.
[[nodiscard]] Code code_of_status(std::int64_t status);

// The delay a Retry-After header asks for, in seconds or as an HTTP date (RFC 9110, 10.2.3), at most one minute;
// nothing when absent or malformed.
[[nodiscard]] std::optional<Millis> retry_delay(const HttpResponse& response, std::chrono::sys_seconds now);

enum class WatchEventType : std::uint8_t { added, modified, deleted, bookmark };

struct WatchEvent {
  WatchEventType type = WatchEventType::bookmark;
  Json object;                      // what the excerpt leaves of it; of one that was skipped, only its resourceVersion
  std::optional<Json> owned;        // see Live
  bool initial_events_end = false;  // on the bookmark that ends the initial events of a streaming list
  bool skipped = false;             // an added or modified object that need not be looked at
};

// What tells which object an event is of, and which version of it. Views of the event's line.
struct WatchHead {
  std::string_view type;
  std::string_view ns;
  std::string_view name;
  std::string_view version;
};

// The head of an event without the rest being read: nothing where that is not as an API server writes it, which says
// nothing about whether parsing it will succeed.
[[nodiscard]] std::optional<WatchHead> head_of(std::string_view line);

// Bytes of a watch response, in any split, become events. An ERROR event is an Error with the code of its Status (410,
// or reason Expired, is Code::gone); a line that is too long, no JSON or no event is Code::invalid. After an Error the
// decoder is used up and keeps nothing. Takes time linear in the bytes; holds what was fed and not yet read, so whoever
// calls next() until it has nothing after each feed() holds at most one line.
class WatchDecoder {
 public:
  explicit WatchDecoder(std::size_t max_line_bytes, const Excerpt& excerpt = {})
      : max_line_bytes_(max_line_bytes), excerpt_(excerpt) {}
  void feed(std::string_view bytes);
  // Whether an added or modified object need not be looked at.
  using Skip = std::function<bool(const WatchHead&)>;
  // The next event, or nothing until more bytes are fed.
  [[nodiscard]] std::optional<Result<WatchEvent>> next(const Skip& skip = nullptr);
  // Bytes of an unfinished line: at the end of the stream these are a truncated event.
  [[nodiscard]] std::size_t pending_bytes() const { return buffer_.size() - start_; }

 private:
  [[nodiscard]] Error fail(Error error);

  std::size_t max_line_bytes_;
  Excerpt excerpt_;
  std::string buffer_;
  std::size_t start_ = 0;    // first byte of the current line
  std::size_t scanned_ = 0;  // no newline before this
  bool failed_ = false;
};

}  // namespace nocobase_operator::kube
