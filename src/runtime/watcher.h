// One kind's list and watch: which request to open and when, and what its bytes mean. It holds no objects and opens no
// connection; that a stream falls silent is for the transport to notice. The list is a streaming one; where the API
// server refuses that or does not know it, it is read in pages, each a stream of its own.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "base/rng.h"
#include "base/time.h"
#include "kube/http.h"
#include "kube/list_decoder.h"
#include "runtime/backoff.h"

namespace nocobase_operator::runtime {

// A listing begins: what is not listed before its end is gone.
struct ListBegan {};
// An object is there, or has become this.
struct Changed {
  kube::Json object;
  std::optional<kube::Json> owned{};  // see kube::Live
};
// An object is gone, or no longer selected; as it last was, with the version of its going.
struct Removed {
  kube::Json object;
};
// The listing is complete as of this version.
struct ListEnded {
  std::uint64_t version = 0;
};
// All that happened up to this version has been told.
struct Progressed {
  std::uint64_t version = 0;
};
// The API server does not have the kind, so there is nothing of it.
struct KindMissing {};
using WatchChange = std::variant<ListBegan, Changed, Removed, ListEnded, Progressed, KindMissing>;

class Watcher {
 public:
  struct Options {
    kube::WatchScope scope;
    kube::Excerpt excerpt{};   // what is read of each object
    Seconds min_timeout{300};  // the server is told to end each watch after this to twice this (client-go reflector.go)
    Backoff backoff{Millis(200), Millis(30'000)};
    std::size_t max_line_bytes = 8U << 20U;  // of one event or item
    std::size_t page_size = 500;             // objects of a page (client-go pager.go)
    Millis missing_recheck{60'000};  // until a kind that the API server does not have, and need not, is asked for again
  };
  // What is counted since the start.
  struct Counters {
    std::uint64_t lists = 0;     // lists begun
    std::uint64_t resumes = 0;   // watches opened at a known version
    std::uint64_t failures = 0;  // streams that did not end well
    std::uint64_t events = 0;    // objects added, modified, deleted
    friend bool operator==(const Counters&, const Counters&) = default;
  };

  Watcher(Options options, Rng rng);

  // The stream to open now: a list at first and whenever the last version is of no more use, or its next page, else a
  // watch that resumes. Nothing while a stream is open or a back-off runs. From here on the stream counts as open.
  [[nodiscard]] std::optional<kube::HttpRequest> poll(Now now);
  // Bytes of the open stream's body, split anywhere; next() then gives what they say.
  void feed(std::string_view bytes);
  // The next change, or nothing until more bytes are fed or the stream has ended. An error in the stream and the end of
  // a page end it: open() is false from then on.
  // Once everything is listed, an object that `known` says is held in this version, or a newer one, is not looked at:
  // the echo of our own writes.
  using Known = std::function<bool(const kube::WatchHead&)>;
  [[nodiscard]] std::optional<WatchChange> next(Now now, const Known& known = nullptr);
  // The open stream has ended, as io::Transport::stream tells it. Ignored when no stream is open.
  void closed(const Result<kube::HttpResponse>& how, Now now);
  // Drops what is known and lists anew. The stream, if any, no longer counts as open.
  void relist(Now now);

  // Whether the stream that poll() last asked for is still of use. When it is not, it should be closed.
  [[nodiscard]] bool open() const { return open_; }
  // Whether everything has been listed and no new listing has become necessary since. Of an optional kind that is
  // missing, everything is nothing.
  [[nodiscard]] bool listed() const { return listed_; }
  // When poll() will next give something; nothing while a stream is open.
  [[nodiscard]] std::optional<Instant> next_wake() const;
  [[nodiscard]] kube::Kind kind() const { return options_.scope.kind; }
  [[nodiscard]] const Counters& counters() const { return counters_; }
  // What ended the last stream that did not end well; nothing after one that worked.
  [[nodiscard]] const std::optional<Error>& last_error() const { return last_error_; }

 private:
  [[nodiscard]] std::optional<WatchChange> accept(kube::WatchEvent event, Now now);
  void missing(Now now);
  [[nodiscard]] std::optional<WatchChange> next_of_page(Now now);
  [[nodiscard]] std::optional<WatchChange> end_page(Now now);
  [[nodiscard]] kube::HttpRequest open_page();
  [[nodiscard]] bool pages() const;
  [[nodiscard]] std::size_t pending_bytes() const;
  void list_in_pages(Now now);
  void failed(const Error& error, Now now, Millis at_least = Millis(0));
  void count_failure(const Error& error, Now now);

  Options options_;
  Rng rng_;
  kube::WatchDecoder decoder_;
  bool open_ = false;
  bool listing_ = false;    // the open stream is a list that has not ended
  bool list_told_ = false;  // ListBegan was given for it
  bool listed_ = false;
  bool missing_told_ = true;  // KindMissing was given for the stream that ended last, if it is to be
  std::string version_;       // where to resume; "" when a listing is due
  // Lists in pages.
  std::optional<kube::ListDecoder> page_;  // of the open stream, when that is a page
  bool no_streaming_ = false;              // the server has shown that it knows no streaming lists
  std::uint32_t cut_off_ = 0;              // streaming lists in a row that began and never came to their end
  std::string continue_;                   // the next page; "" is the first
  bool whole_ = false;                     // without pages: the last list took so long that they expired
  Instant due_{};                          // no stream is opened before this
  Instant opened_{};
  std::optional<Instant> listed_at_;  // when the last list came to its end
  std::uint64_t events_on_stream_ = 0;
  std::uint32_t failures_ = 0;  // in a row
  std::uint32_t failed_resumes_ = 0;
  std::optional<Error> last_error_;
  Counters counters_;
};

}  // namespace nocobase_operator::runtime
