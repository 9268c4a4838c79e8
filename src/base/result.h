// Result<T>: a value or an Error. Ours and not std::expected, because the class itself is [[nodiscard]], gcc 12's has
// no and_then, and clang 14 (clang-tidy, libFuzzer) cannot see it. Knows nothing of what the errors are about.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/check.h"

namespace nocobase_operator {

// What kind of failure it is; decides about retrying, and nothing else does.
enum class Code : std::uint8_t {
  invalid,          // the request or input is wrong: repeating it cannot help
  not_found,        // the object does not exist
  conflict,         // a precondition failed or the name is taken: read again and decide again
  gone,             // a resourceVersion is too old: list again
  denied,           // not authenticated or not authorised
  throttled,        // told to come back later (429)
  unavailable,      // the server or the network failed and nothing was changed
  unknown_outcome,  // a write was sent and its reply was lost: it may have happened
};

// Name of a code for logs and metrics: "invalid", "not_found", …
[[nodiscard]] std::string_view name_of(Code code);

struct Error {
  Code code = Code::unavailable;
  std::string what;  // for people; never parsed, never matched on

  friend bool operator==(const Error&, const Error&) = default;
};

// The value of a Result that carries none.
struct Unit {
  friend bool operator==(const Unit&, const Unit&) = default;
};

template <class T>
class [[nodiscard]] Result {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor) a function returns its value as it is
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  // NOLINTNEXTLINE(google-explicit-constructor) and its error likewise
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool ok() const noexcept { return state_.index() == 0; }
  // The value; aborts when there is none.
  [[nodiscard]] const T& value() const& {
    CHECK(ok());
    return *std::get_if<0>(&state_);
  }
  [[nodiscard]] T&& value() && {
    CHECK(ok());
    return std::move(*std::get_if<0>(&state_));
  }
  // The error; aborts when there is none.
  [[nodiscard]] const Error& error() const {
    CHECK(!ok());
    return *std::get_if<1>(&state_);
  }

  // Calls f with the value and returns its Result, or passes the error on.
  template <class F>
  auto and_then(F&& f) && -> decltype(f(std::declval<T&&>())) {
    if (!ok()) {
      return std::move(*std::get_if<1>(&state_));
    }
    return std::forward<F>(f)(std::move(*std::get_if<0>(&state_)));
  }

 private:
  std::variant<T, Error> state_;
};

}  // namespace nocobase_operator

// `auto x = TRY(call());` returns the Error from the enclosing function (a gcc and clang statement expression).
#define TRY(expr)                   \
  __extension__({                   \
    auto try_result_ = (expr);      \
    if (!try_result_.ok()) {        \
      return try_result_.error();   \
    }                               \
    std::move(try_result_).value(); \
  })
