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
  list_told_ = false;
  events_on_stream_ = 0;
  decoder_ = kube::WatchDecoder(options_.max_line_bytes);
  ++(listing_ ? counters_.lists : counters_.resumes);
  const auto spread = rng_.below(static_cast<std::uint64_t>(options_.min_timeout.count()) + 1);
  return kube::encode_watch(options_.scope, version_, options_.min_timeout + Seconds(spread));
}

void Watcher::feed(std::string_view bytes) {
  if (open_) {
    decoder_.feed(bytes);
  }
}

std::optional<WatchChange> Watcher::next(Now now) {
  while (open_) {
    if (listing_ && !list_told_ && decoder_.pending_bytes() > 0) {
      list_told_ = true;
      listed_ = false;
      return ListBegan{};
    }
    std::optional<Result<kube::WatchEvent>> event = decoder_.next();
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
  switch (event.type) {
    case kube::WatchEventType::added:
    case kube::WatchEventType::modified:
      ++counters_.events;
      return Changed{std::move(event.object)};
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
    return std::nullopt;  // the list is not complete, so nothing can resume here
  }
  listing_ = false;
  listed_ = true;
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
  if (response.status != 200) {
    const Result<kube::Json> status = kube::decode(response);
    const std::string what = status.ok() ? "a watch was answered with another success" : status.error().what;
    failed({kube::code_of_status(response.status), what}, now, kube::retry_delay(response).value_or(Millis(0)));
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

void Watcher::failed(const Error& error, Now now, Millis at_least) {
  open_ = false;
  ++counters_.failures;
  last_error_ = error;
  if (now.mono - opened_ >= good_life) {
    failures_ = 0;
  }
  const bool resumed = !version_.empty();
  ++failures_;
  failed_resumes_ = resumed ? failed_resumes_ + 1 : 0;
  const bool expired = resumed && (error.code == Code::gone || failed_resumes_ >= max_failed_resumes);
  if (expired) {
    version_.clear();
    listed_ = false;
    failed_resumes_ = 0;
  }
  // That a version is too old is no failure of the server: listing anew is what it asks for.
  const bool at_once = expired && error.code == Code::gone && failures_ == 1;
  due_ = now.mono + std::max(at_least, at_once ? Millis(0) : options_.backoff.after(failures_, rng_));
}

void Watcher::relist(Now now) {
  open_ = false;
  listed_ = false;
  version_.clear();
  due_ = now.mono;
}

}  // namespace nocobase_operator::runtime
