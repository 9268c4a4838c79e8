// The only door to the API server. Callbacks run on the Loop's thread; no code of ours runs on a library's thread but
// copying bytes.
#pragma once
#include <functional>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "kube/http.h"

namespace nocobase_operator::io {

class Transport {
 public:
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  virtual ~Transport() = default;

  using Done = std::function<void(Result<kube::HttpResponse>)>;
  using Bytes = std::function<void(std::string_view)>;

  // Sends one request and calls `done` once, with any HTTP status, or with an Error: unavailable when nothing can have
  // been changed (no connection, or a GET), unknown_outcome when the request was sent and the reply was lost. A request
  // that failed on a pooled connection before anything was answered is repeated once on a fresh one where that is safe.
  virtual void call(kube::HttpRequest request, Millis deadline, Done done) = 0;

  // Opens a streaming GET. `bytes` gets the body of a 200 in order; `closed` is called once, at the end: with the
  // response (status 200 and an empty body after a clean end, another status with its body), or with an Error. No byte
  // within `idle` is an Error. Destroying the handle cancels the stream; neither callback runs after that.
  [[nodiscard]] virtual std::shared_ptr<void> stream(kube::HttpRequest request, Millis idle, Bytes bytes,
                                                     Done closed) = 0;
};

}  // namespace nocobase_operator::io
