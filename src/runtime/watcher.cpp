#include "runtime/watcher.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace nocobase_operator::runtime {
namespace {

// A stream that lived this long worked: the next failure is the first in a row again.
constexpr Millis good_life{10'000};
// A stream that ends sooner than this, without an event, did not work even if it ended well (client-go reflector.go).
constexpr Millis short_life{1'000};
// After so many resumes in a row that failed, the version itself is suspect (etcd was restored, say): list anew.
constexpr std::uint32_t max_failed_resumes = 8;
// After so many streaming lists in a row that began and were cut off, the next is read in pages.
constexpr std::uint32_t max_cut_off = 2;

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? value : 0;
}

}  // namespace

Watcher::Watcher(Options options, Rng rng)
    : options_(std::move(options)), rng_(rng), decoder_(options_.max_line_bytes) {}

std::optional<Instant> Watcher::next_wake() const {
  return open_ ? std::nullopt : std::optional<Instant>(due_);
}

std::optional<kube::HttpRequest> Watcher::poll(Now now) {
  if (open_ || now.mono < due_) {
    return std::nullopt;
  }
  open_ = true;
  opened_ = now.mono;
  listing_ = version_.empty();
  events_on_stream_ = 0;
  if (listing_ && pages()) {
    return open_page();
  }
  list_told_ = false;
  decoder_ = kube::WatchDecoder(options_.max_line_bytes, options_.excerpt);
  ++(listing_ ? counters_.lists : counters_.resumes);
  const auto spread = rng_.below(static_cast<std::uint64_t>(options_.min_timeout.count()) + 1);
  return kube::encode_watch(options_.scope, version_, options_.min_timeout + Seconds(spread));
}

bool Watcher::pages() const {
  return no_streaming_ || cut_off_ >= max_cut_off;
}

kube::HttpRequest Watcher::open_page() {
  if (continue_.empty()) {
    list_told_ = false;
    ++counters_.lists;
  }
  page_.emplace(options_.scope.kind, options_.max_line_bytes, options_.excerpt);
  return kube::encode_list(options_.scope, whole_ ? 0 : options_.page_size, continue_);
}

void Watcher::feed(std::string_view bytes) {
  if (!open_) {
    return;
  }
  if (page_) {
    page_->feed(bytes);
  } else {
    decoder_.feed(bytes);
  }
}

std::size_t Watcher::pending_bytes() const {
  return page_ ? page_->pending_bytes() : decoder_.pending_bytes();
}

std::optional<WatchChange> Watcher::next(Now now, const Known& known) {
  if (!missing_told_) {
    missing_told_ = true;
    return KindMissing{};
  }
  while (open_) {
    if (listing_ && !list_told_ && pending_bytes() > 0) {
      list_told_ = true;
      listed_ = false;
      return ListBegan{};
    }
    if (page_) {
      return next_of_page(now);
    }
    std::optional<Result<kube::WatchEvent>> event = decoder_.next(listing_ ? nullptr : known);
    if (!event) {
      return std::nullopt;
    }
    if (!event->ok()) {
      failed(event->error(), now);
      return std::nullopt;
    }
    ++events_on_stream_;
    if (std::optional<WatchChange> change = accept(std::move(*event).value(), now)) {
      return change;
    }
  }
  return std::nullopt;
}

std::optional<WatchChange> Watcher::next_of_page(Now now) {
  std::optional<Result<kube::Live>> item = page_->next();
  if (!item) {
    return page_->complete() ? end_page(now) : std::nullopt;
  }
  if (item->ok() && kube::string_at(item->value().object, {"metadata", "resourceVersion"}).empty()) {
    item = Error{Code::invalid, "list item without a resourceVersion"};
  }
  if (!item->ok()) {
    failed(item->error(), now);
    return std::nullopt;
  }
  last_error_.reset();
  ++counters_.events;
  kube::Live live = std::move(*item).value();
  return Changed{std::move(live.object), std::move(live.owned)};
}

// A page has been read: the next one is due, or the watch.
std::optional<WatchChange> Watcher::end_page(Now now) {
  const std::string next = page_->continue_token();
  if (!next.empty() && next == continue_) {
    failed({Code::invalid, "a page of the list leads to itself"}, now);
    return std::nullopt;
  }
  const std::string version = page_->resource_version();
  page_.reset();
  open_ = false;
  due_ = now.mono;
  failures_ = failed_resumes_ = 0;
  last_error_.reset();
  continue_ = next;
  if (!next.empty()) {
    return std::nullopt;
  }
  cut_off_ = 0;
  whole_ = false;
  listing_ = false;
  listed_ = true;
  listed_at_ = now.mono;
  version_ = version;
  return ListEnded{number(version)};
}

// The server knows no streaming lists, and will not learn it while this process runs.
void Watcher::list_in_pages(Now now) {
  no_streaming_ = true;
  open_ = false;
  due_ = now.mono;
}

std::optional<WatchChange> Watcher::accept(kube::WatchEvent event, Now now) {
  const std::string version = kube::string_at(event.object, {"metadata", "resourceVersion"});
  if (version.empty()) {
    failed({Code::invalid, "watch event without a resourceVersion"}, now);
    return std::nullopt;
  }
  last_error_.reset();
  if (!listing_) {
    version_ = version;
    failed_resumes_ = 0;
  }
  if (event.skipped) {
    ++counters_.events;
    return Progressed{number(version)};
  }
  switch (event.type) {
    case kube::WatchEventType::added:
    case kube::WatchEventType::modified:
      ++counters_.events;
      return Changed{std::move(event.object), std::move(event.owned)};
    case kube::WatchEventType::deleted:
      ++counters_.events;
      return Removed{std::move(event.object)};
    case kube::WatchEventType::bookmark:
      break;
  }
  if (!listing_) {
    return Progressed{number(version)};
  }
  if (!event.initial_events_end) {
    // The first bookmark of a streaming list is the one that ends it: this server has ignored what was asked for.
    list_in_pages(now);
    return std::nullopt;
  }
  cut_off_ = 0;
  listing_ = false;
  listed_ = true;
  listed_at_ = now.mono;
  version_ = version;
  return ListEnded{number(version)};
}

void Watcher::closed(const Result<kube::HttpResponse>& how, Now now) {
  if (!open_) {
    return;
  }
  if (!how.ok()) {
    failed(how.error(), now);
    return;
  }
  const kube::HttpResponse& response = how.value();
  if (response.status == 404 && kube::is_optional(kind())) {
    missing(now);
    return;
  }
  if (response.status != 200) {
    // An API server without streaming lists refuses the options (422), whatever else may be wrong with the request.
    if (listing_ && !page_ && kube::code_of_status(response.status) == Code::invalid) {
      list_in_pages(now);
      return;
    }
    const Result<kube::Json> status = kube::decode(response);
    const std::string what = status.ok() ? "a watch was answered with another success" : status.error().what;
    failed({kube::code_of_status(response.status), what}, now,
           kube::retry_delay(response, now.wall).value_or(Millis(0)));
    return;
  }
  if (listing_) {
    failed({Code::unavailable, "the stream ended before the listing was complete"}, now);
    return;
  }
  if (now.mono - opened_ < short_life && events_on_stream_ == 0) {
    failed({Code::unavailable, "the watch ended at once and without an event"}, now);
    return;
  }
  // What is left in the decoder is a line that was cut off: not an event; the resumed watch sends it again.
  open_ = false;
  failures_ = 0;
  due_ = now.mono;
}

void Watcher::missing(Now now) {
  open_ = false;
  listed_ = true;
  missing_told_ = false;
  page_.reset();
  continue_.clear();
  whole_ = false;
  version_.clear();
  last_error_.reset();
  failures_ = failed_resumes_ = 0;
  due_ = now.mono + options_.missing_recheck;
}

void Watcher::failed(const Error& error, Now now, Millis at_least) {
  count_failure(error, now);
  const bool paging = !continue_.empty();
  const bool resumed = !version_.empty() || paging;
  failed_resumes_ = resumed ? failed_resumes_ + 1 : 0;
  const bool refused = error.code == Code::gone || (paging && error.code == Code::invalid);
  const bool expired = resumed && (refused || failed_resumes_ >= max_failed_resumes);
  if (expired) {
    whole_ = paging;
    continue_.clear();
    version_.clear();
    listed_ = false;
    failed_resumes_ = 0;
  }
  // That a version is too old is no failure of the server: listing anew is what it asks for, however long it was away
  // before. Unless it says so of a version that it has just given.
  const bool fresh = listed_at_ && now.mono - *listed_at_ < good_life;
  const bool at_once = expired && error.code == Code::gone && (failures_ == 1 || !fresh);
  due_ = now.mono + std::max(at_least, at_once ? Millis(0) : options_.backoff.after(failures_, rng_));
}

void Watcher::count_failure(const Error& error, Now now) {
  const bool lived = now.mono - opened_ >= good_life;
  if (listing_ && !page_ && (list_told_ || lived)) {
    ++cut_off_;
  }
  open_ = false;
  page_.reset();
  ++counters_.failures;
  last_error_ = error;
  failures_ = lived ? 1 : failures_ + 1;
}

void Watcher::relist(Now now) {
  open_ = false;
  listed_ = false;
  page_.reset();
  continue_.clear();
  version_.clear();
  due_ = now.mono;
}

}  // namespace nocobase_operator::runtime
