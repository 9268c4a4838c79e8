// One stream of the transport: bytes gathered on the io thread, taken by the loop in batches. Internal to the
// transport.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "kube/http.h"

namespace nocobase_operator::io {

class Client;

class CpprestStream : public std::enable_shared_from_this<CpprestStream> {
 public:
  struct Batch {
    std::string bytes;
    std::optional<Result<kube::HttpResponse>> end;  // after those bytes
  };

  // `ready` is called on the io thread when there is something to take(), and not again before it was taken.
  CpprestStream(std::shared_ptr<Client> client, kube::HttpRequest request, Millis idle, std::function<void()> ready);
  CpprestStream(const CpprestStream&) = delete;
  CpprestStream& operator=(const CpprestStream&) = delete;
  CpprestStream(CpprestStream&&) = delete;
  CpprestStream& operator=(CpprestStream&&) = delete;
  ~CpprestStream();

  // Both return at once, on any thread. After cancel() nothing is gathered and `ready` is called no more.
  void start();
  void cancel();

  // What has been gathered so far. Thread-safe.
  [[nodiscard]] Batch take();
  // The last batch was used: the connection is read on if it was held back. Thread-safe.
  void consumed();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace nocobase_operator::io
