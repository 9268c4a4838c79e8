// Work whose pieces do not need each other, done on several threads, with effects in the order of the pieces.
#pragma once
#include <cstddef>
#include <functional>
#include <optional>

namespace nocobase_operator::io {

struct Piece {
  std::function<void()> work;   // on any thread
  std::function<void()> after;  // on the caller's, when the work is done and every piece before has had its own
  std::size_t bytes = 0;        // what it holds
  bool alone = false;           // whether no other piece may be there while it is
};

struct Crew {
  std::size_t threads = 1;  // the caller's among them
  std::size_t pieces = 256;
  std::size_t bytes = std::size_t{1} << 20U;
};

// As many threads as there are processors, and no more than a few.
[[nodiscard]] std::size_t usual_threads();

// Does the pieces that `next` gives until it gives nothing. `next` and `after` are called on the caller's thread. No
// more of them are there at a time than the crew may hold, or one that is larger. With one thread no other is started.
void in_order(const Crew& crew, const std::function<std::optional<Piece>()>& next);

}  // namespace nocobase_operator::io
