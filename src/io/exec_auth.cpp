#include "io/exec_auth.h"

#include <algorithm>
#include <utility>

namespace nocobase_operator::io {
namespace {

constexpr std::chrono::seconds renew_before{10};
constexpr std::chrono::seconds retry_after{5};
constexpr std::chrono::seconds between_refusals{10};
constexpr std::chrono::seconds shortest_use{1};

}  // namespace

ExecAuth::~ExecAuth() {
  *stop_ = true;
  if (thread_.joinable()) {
    thread_.join();
  }
}

bool ExecAuth::is_known() const {
  if (!known_) {
    return false;
  }
  return known_->ok() ? std::chrono::system_clock::now() < renew_at_ : Steady::now() < retry_at_;
}

bool ExecAuth::is_valid() const {
  return last_ && last_->credential.expires && std::chrono::system_clock::now() < *last_->credential.expires;
}

void ExecAuth::get(Got got) {
  if (is_known()) {
    const Result<Signed> known = *known_;
    got(known);
    return;
  }
  waiting_.push_back(std::move(got));
  if (!running_) {
    run();
  }
}

void ExecAuth::run() {
  running_ = true;
  if (thread_.joinable()) {
    thread_.join();  // it has posted its result and is about to end
  }
  thread_ = std::thread([plugin = plugin_, post = post_, stop = stop_, weak = weak_from_this()] {
    Result<ExecCredential> result = run_exec_plugin(plugin, *stop);
    post([weak, result = std::move(result)]() mutable {
      if (const auto self = weak.lock()) {
        self->finished(std::move(result));
      }
    });
  });
}

void ExecAuth::finished(Result<ExecCredential> result) {
  running_ = false;
  renew_at_ = std::chrono::system_clock::time_point::max();
  if (result.ok()) {
    const std::uint64_t version = last_ ? last_->version : 0;
    const bool same = last_ && last_->credential == result.value();
    last_ = Signed{std::move(result).value(), same ? version : version + 1};
    known_ = *last_;
    if (const auto& expires = last_->credential.expires) {
      // One that lives shorter than that is used for half its life, so that no plugin runs for each request.
      const auto now = std::chrono::system_clock::now();
      const auto early = std::min<std::chrono::system_clock::duration>(renew_before, (*expires - now) / 2);
      renew_at_ = std::max(*expires - early, now + shortest_use);
    }
  } else if (is_valid()) {
    known_ = *last_;
    renew_at_ = std::chrono::system_clock::now() + retry_after;
  } else {
    known_ = result.error();
    retry_at_ = Steady::now() + retry_after;
  }
  const Result<Signed> known = *known_;
  for (const Got& got : std::exchange(waiting_, {})) {
    got(known);
  }
}

void ExecAuth::refused(std::uint64_t version) {
  const auto now = Steady::now();
  if (running_ || !last_ || last_->version != version || now < heed_refusal_from_) {
    return;
  }
  heed_refusal_from_ = now + between_refusals;
  known_.reset();
}

void ExecAuth::stop() {
  *stop_ = true;
  waiting_.clear();
}

}  // namespace nocobase_operator::io
