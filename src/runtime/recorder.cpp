#include "runtime/recorder.h"

#include <algorithm>
#include <utility>

#include "app/names.h"
#include "base/check.h"
#include "base/hash.h"
#include "runtime/micro_time.h"

namespace nocobase_operator::runtime {
namespace {

// The API server's limits, in bytes.
constexpr std::size_t max_note = 1'024;
constexpr std::size_t max_instance = 128;

constexpr std::string_view controller_name = "nocobase.com/nocobase-operator";

// At most that many bytes, and no part of a character.
std::string cut(std::string text, std::size_t limit) {
  if (text.size() > limit) {
    std::size_t end = limit;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
      --end;
    }
    text.resize(end);
  }
  return text;
}

}  // namespace

void Recorder::record(const kube::Meta& cluster, const app::Event& event, Now now) {
  const Key key(cluster.uid, event.reason + "\n" + event.note);
  const auto found = series_.find(key);
  if (found != series_.end() && now.mono <= found->second.last_at + options_.series_lasts) {
    again(key, found->second, now);
    return;
  }
  const bool known = found != series_.end();
  const app::ClusterKey of{cluster.ref.ns, cluster.ref.name};
  if (budget_.next(of, now.mono) > now.mono || (!known && !has_room(now.mono)) || under_way_ == key) {
    ++counters_.dropped;
    return;
  }
  budget_.spend(of, now.mono);
  if (known) {
    std::erase_if(waiting_, [&](const auto& waiting) { return waiting.second == key; });
  }
  Series& series = series_[key];
  series = {};
  series.cluster = cluster;
  series.event = event;
  series.first = series.last = now.wall;
  series.last_at = now.mono;
  series.name = cluster.ref.name + "." +
                hex64(hash64(key.first + key.second + micro_time(now.wall) +
                             std::to_string(now.mono.time_since_epoch().count())));
  waiting_.emplace(now.mono, key);
}

void Recorder::again(const Key& key, Series& series, Now now) {
  ++series.count;
  series.last = now.wall;
  series.last_at = now.mono;
  const bool all_told = series.told == series.count - 1 && under_way_ != key;
  if (all_told) {
    const Instant due = series.count == 2 ? now.mono : std::max(now.mono, series.told_at + options_.series_period);
    waiting_.emplace(due, key);
  }
}

bool Recorder::has_room(Instant now) {
  if (series_.size() >= options_.max_series) {
    std::erase_if(series_, [&](const auto& entry) {
      const Series& series = entry.second;
      return series.told == series.count && under_way_ != entry.first && series.last_at + options_.series_lasts < now;
    });
  }
  return series_.size() < options_.max_series;
}

kube::Json Recorder::body_of(const Series& series) const {
  const kube::Meta& cluster = series.cluster;
  kube::Json body = {{"eventTime", micro_time(series.first)},
                     {"reportingController", controller_name},
                     {"reportingInstance", cut(options_.instance, max_instance)},
                     {"type", series.event.type == app::EventType::warning ? "Warning" : "Normal"},
                     {"reason", series.event.reason},
                     {"action", series.event.action},
                     {"note", cut(series.event.note, max_note)},
                     {"regarding",
                      {{"apiVersion", kube::api_version(cluster.ref.kind)},
                       {"kind", kube::info(cluster.ref.kind).kind},
                       {"name", cluster.ref.name},
                       {"namespace", cluster.ref.ns},
                       {"uid", cluster.uid}}}};
  if (series.count > 1) {
    body["series"] = {{"count", series.count}, {"lastObservedTime", micro_time(series.last)}};
  }
  return body;
}

std::optional<kube::Call> Recorder::poll(Now now) {
  if (under_way_ || waiting_.empty() || waiting_.begin()->first > now.mono) {
    return std::nullopt;
  }
  under_way_ = waiting_.begin()->second;
  waiting_.erase(waiting_.begin());
  const Series& series = series_.at(*under_way_);
  told_under_way_ = series.count;
  return kube::Call{.verb = kube::Verb::apply,
                    .ref = {kube::Kind::event, series.cluster.ref.ns, series.name},
                    .body = body_of(series),
                    .manager = std::string(app::manager),
                    .precondition = {},
                    .propagation = kube::Propagation::background};
}

void Recorder::replied(const Result<kube::Json>& result, Now now) {
  CHECK(under_way_.has_value());
  const Key key = *std::exchange(under_way_, std::nullopt);
  Series& series = series_.at(key);
  if (result.ok()) {
    ++counters_.sent;
    series.told = told_under_way_;
    series.told_at = now.mono;
    series.attempts = 0;
    if (series.count > series.told) {
      waiting_.emplace(now.mono + options_.series_period, key);
    }
    return;
  }
  const bool final = result.error().code == Code::denied || result.error().code == Code::invalid;
  if (final || ++series.attempts >= options_.max_attempts) {
    ++counters_.dropped;
    series_.erase(key);
    return;
  }
  waiting_.emplace(now.mono + options_.retry_delay, key);
}

std::optional<Instant> Recorder::next_wake() const {
  return under_way_ || waiting_.empty() ? std::nullopt : std::optional(waiting_.begin()->first);
}

}  // namespace nocobase_operator::runtime
