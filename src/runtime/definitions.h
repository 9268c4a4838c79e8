// Whether the API server's definitions of our kinds have every field that this program needs. A server prunes what its
// definition does not know, so an operator that went on would lose what people ask for and write the same status for
// ever. A machine: what to ask and when, and what the answers mean.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/rng.h"
#include "base/time.h"
#include "kube/http.h"
#include "kube/schema.h"
#include "runtime/backoff.h"

namespace nocobase_operator::runtime {

class Definitions {
 public:
  struct Options {
    std::map<kube::Kind, kube::Fields> needed;  // kinds of one group and version; none: nothing is asked
    Millis recheck{5'000};                      // while fields are missing
    Backoff backoff{Millis(200), Millis(30'000)};
  };

  Definitions(Options options, Rng rng) : options_(std::move(options)), rng_(rng) {}

  // The request to send now, if one is due and none is under way.
  [[nodiscard]] std::optional<kube::HttpRequest> poll(Now now);
  // The outcome of the request.
  void replied(const Result<kube::HttpResponse>& outcome, Now now);
  // The definitions may have become others: a watch of one of the kinds was opened anew.
  void suspect(Now now);

  // Whether work may go on: no field is missing, as far as the server tells. That it is forbidden to ask holds nobody
  // up.
  [[nodiscard]] bool sufficient() const { return options_.needed.empty() || (known_ && missing_.empty()); }
  // The fields that are missing, by kind; as of the last answer.
  [[nodiscard]] const std::map<kube::Kind, kube::Fields>& missing() const { return missing_; }
  // Why the last request was not answered; "" when it was.
  [[nodiscard]] const std::string& last_error() const { return last_error_; }
  // When poll() will next give something.
  [[nodiscard]] std::optional<Instant> next_wake() const;

 private:
  void judge(const kube::Json& document);

  Options options_;
  Rng rng_;
  bool known_ = false;  // the server has answered, were it that it does not tell us
  bool under_way_ = false;
  std::optional<Instant> due_{Instant{}};
  std::map<kube::Kind, kube::Fields> missing_;
  std::string last_error_;
  std::uint32_t failures_ = 0;  // in a row
};

// "NocoBaseCluster: spec.setup, spec.upgrade.paused and 3 more", "" when nothing is missing.
[[nodiscard]] std::string list_of(const std::map<kube::Kind, kube::Fields>& missing);

}  // namespace nocobase_operator::runtime
