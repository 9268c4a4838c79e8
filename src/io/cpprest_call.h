// One call of the transport while it is under way. Internal to the transport. Runs on the io thread.
#pragma once
#include <functional>
#include <memory>

#include "base/result.h"
#include "base/time.h"
#include "kube/http.h"

namespace nocobase_operator::io {

class Client;

class CpprestCall : public std::enable_shared_from_this<CpprestCall> {
 public:
  using Finish = std::function<void(Result<kube::HttpResponse>)>;

  // `finish` is called once, on the io thread, unless the call is cancelled first.
  CpprestCall(std::shared_ptr<Client> client, kube::HttpRequest request, Millis deadline, Finish finish);
  CpprestCall(const CpprestCall&) = delete;
  CpprestCall& operator=(const CpprestCall&) = delete;
  CpprestCall(CpprestCall&&) = delete;
  CpprestCall& operator=(CpprestCall&&) = delete;
  ~CpprestCall();

  // Both return at once, on any thread.
  void start();
  void cancel();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace nocobase_operator::io
