#include "io/in_order.h"

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace nocobase_operator::io {
namespace {

enum class State : std::uint8_t { waiting, running, done };

struct Entry {
  Piece piece;
  State state = State::waiting;
};

class Line {
 public:
  explicit Line(const Crew& crew) : crew_(crew) {
    try {
      for (std::size_t i = 1; i < crew.threads; ++i) {
        threads_.emplace_back([this] { help(); });
      }
    } catch (const std::system_error&) {
      // The system gives no more of them: those that are there will do.
    }
  }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  Line(Line&&) = delete;
  Line& operator=(Line&&) = delete;
  ~Line() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) {
      thread.join();
    }
  }

  void run(const std::function<std::optional<Piece>()>& next) {
    std::optional<Piece> coming = next();
    while (coming || !entries_.empty()) {
      if (coming && has_room(*coming)) {
        take_in(std::move(*coming));
        coming = next();
      } else {
        end_first();
      }
    }
  }

 private:
  [[nodiscard]] bool has_room(const Piece& piece) const {
    if (entries_.empty()) {
      return true;
    }
    return !piece.alone && !entries_.back().piece.alone && entries_.size() < crew_.pieces &&
           bytes_ + piece.bytes <= crew_.bytes;
  }

  // Entries are put in and taken out by the caller's thread alone, and stay where they are meanwhile.
  void take_in(Piece piece) {
    bytes_ += piece.bytes;
    {
      const std::lock_guard lock(mutex_);
      entries_.push_back({std::move(piece), State::waiting});
    }
    changed_.notify_one();
  }

  // Ends the first piece; while another thread has it, this one works on others.
  void end_first() {
    std::unique_lock lock(mutex_);
    while (entries_.front().state != State::done) {
      if (!work_on_one(lock)) {
        changed_.wait(lock, [this] { return entries_.front().state == State::done || find_waiting() != nullptr; });
      }
    }
    const Piece piece = std::move(entries_.front().piece);
    entries_.pop_front();
    started_ -= 1;
    lock.unlock();
    bytes_ -= piece.bytes;
    piece.after();
  }

  [[nodiscard]] Entry* find_waiting() { return started_ < entries_.size() ? &entries_[started_] : nullptr; }

  // False when there was nothing to do.
  bool work_on_one(std::unique_lock<std::mutex>& lock) {
    Entry* const entry = find_waiting();
    if (entry == nullptr) {
      return false;
    }
    entry->state = State::running;
    ++started_;
    lock.unlock();
    entry->piece.work();
    lock.lock();
    entry->state = State::done;
    return true;
  }

  void help() {
    std::unique_lock lock(mutex_);
    while (!over_) {
      if (work_on_one(lock)) {
        changed_.notify_all();
      } else {
        changed_.wait(lock, [this] { return over_ || find_waiting() != nullptr; });
      }
    }
  }

  const Crew crew_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Entry> entries_;  // in order; those that were started come first
  std::size_t started_ = 0;    // how many of the entries were
  std::size_t bytes_ = 0;      // of the entries
  bool over_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace

std::size_t usual_threads() {
  return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 4);
}

void in_order(const Crew& crew, const std::function<std::optional<Piece>()>& next) {
  Line(crew).run(next);
}

}  // namespace nocobase_operator::io
