// Pieces of work on several threads, with effects in order.
#include "io/in_order.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace nocobase_operator::io {
namespace {

// Gives the pieces of a list.
std::function<std::optional<Piece>()> one_by_one(std::vector<Piece>& pieces) {
  return [&pieces, at = std::size_t{0}]() mutable -> std::optional<Piece> {
    return at < pieces.size() ? std::optional(pieces[at++]) : std::nullopt;
  };
}

// Takes longer for some numbers than for others.
std::size_t sum_up_to(std::size_t number) {
  std::vector<std::size_t> parts(number % 7 * 500 + 1, number);
  return std::accumulate(parts.begin(), parts.end(), std::size_t{0}) / parts.size();
}

TEST(InOrder, effects_come_in_the_order_of_the_pieces) {
  for (const std::size_t threads : {1U, 2U, 5U}) {
    SCOPED_TRACE(threads);
    std::vector<std::size_t> worked(2000), told;
    std::vector<Piece> pieces;
    for (std::size_t i = 0; i < worked.size(); ++i) {
      pieces.push_back({[&worked, i] { worked[i] = sum_up_to(i); }, [&, i] { told.push_back(worked[i]); }});
    }
    in_order({.threads = threads}, one_by_one(pieces));
    std::vector<std::size_t> want(worked.size());
    std::iota(want.begin(), want.end(), std::size_t{0});
    EXPECT_EQ(told, want);
  }
}

TEST(InOrder, of_nothing_is_nothing) {
  std::vector<Piece> none;
  in_order({.threads = 3}, one_by_one(none));
}

TEST(InOrder, with_one_thread_all_is_done_on_the_callers) {
  std::vector<std::thread::id> ids;
  std::vector<Piece> pieces(10, {[&ids] { ids.push_back(std::this_thread::get_id()); }, [] {}});
  in_order({.threads = 1}, one_by_one(pieces));
  EXPECT_EQ(ids, std::vector<std::thread::id>(10, std::this_thread::get_id()));
}

TEST(InOrder, two_pieces_are_worked_on_at_the_same_time) {
  std::promise<void> begun[2];
  std::atomic<int> met = 0;
  std::vector<Piece> pieces;
  for (const int i : {0, 1}) {
    pieces.push_back({[&, i] {
                        begun[i].set_value();
                        met +=
                            begun[1 - i].get_future().wait_for(std::chrono::seconds(60)) == std::future_status::ready;
                      },
                      [] {}});
  }
  in_order({.threads = 2}, one_by_one(pieces));
  EXPECT_EQ(met, 2);
}

TEST(InOrder, no_more_is_there_than_the_crew_may_hold) {
  struct Case {
    std::string name;
    Crew crew;
    std::size_t bytes;  // of each piece
    std::size_t most;
  };
  const Case cases[] = {{"pieces", {.threads = 3, .pieces = 4, .bytes = 1000}, 1, 4},
                        {"bytes", {.threads = 3, .pieces = 100, .bytes = 1000}, 200, 5},
                        {"one that is larger", {.threads = 3, .pieces = 100, .bytes = 1000}, 1001, 1}};
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    std::size_t there = 0, most = 0;
    std::vector<Piece> pieces(50, {[] {}, [&there] { --there; }, one.bytes});
    const auto each = one_by_one(pieces);
    in_order(one.crew, [&] {
      std::optional<Piece> piece = each();
      // One that was asked for is there only when it is taken in, which the next call shows.
      most = std::max(most, there);
      there += piece ? 1 : 0;
      return piece;
    });
    EXPECT_EQ(most, one.most);
  }
}

TEST(InOrder, a_piece_that_wants_to_be_alone_is) {
  std::atomic<int> there = 0;
  std::atomic<int> beside = 0;
  std::vector<Piece> pieces;
  for (int i = 0; i < 60; ++i) {
    const bool alone = i % 5 == 2;
    pieces.push_back({[&, alone] {
                        const int now = ++there;
                        beside += alone && now > 1 ? 1 : 0;
                        sum_up_to(6);
                        beside += alone && there > 1 ? 1 : 0;
                        --there;
                      },
                      [] {}, 1, alone});
  }
  in_order({.threads = 4}, one_by_one(pieces));
  EXPECT_EQ(beside, 0);
}

}  // namespace
}  // namespace nocobase_operator::io
