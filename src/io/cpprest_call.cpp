#include "io/cpprest_call.h"

#include <chrono>
#include <string>
#include <utility>

#include <boost/asio/steady_timer.hpp>

#include "io/cpprest_exchange.h"

namespace nocobase_operator::io {
namespace {

constexpr std::size_t max_response_bytes = 32U << 20U;

// Whether sending the request a second time can do no harm when the first one did arrive. A POST would make a second
// object or fail on the first; a PUT would fail on the resourceVersion that it has itself moved on.
bool is_repeatable(const kube::HttpRequest& request) {
  if (request.method == "GET") {
    return true;
  }
  if (request.method == "PATCH") {
    return request.content_type == "application/apply-patch+yaml";
  }
  return request.method == "DELETE" && request.body.find("\"preconditions\"") != std::string::npos;
}

}  // namespace

struct CpprestCall::State {
  State(std::shared_ptr<Client> client_in, kube::HttpRequest request_in, Millis deadline_in, Finish finish_in)
      : client(std::move(client_in)),
        request(std::move(request_in)),
        deadline(deadline_in),
        finish(std::move(finish_in)),
        timer(io_thread()) {}

  const std::shared_ptr<Client> client;
  const kube::HttpRequest request;
  const Millis deadline;
  Finish finish;  // empty once it was called or the call was cancelled
  boost::asio::steady_timer timer;
  std::shared_ptr<Exchange> exchange;
  Client::Identity identity;
  kube::HttpResponse response;
  bool sent_before = false;  // by an earlier attempt
  bool repeated = false;     // after a lost connection
  bool renewed = false;      // after a 401

  void attempt(const std::shared_ptr<CpprestCall>& self);
  void send(const std::shared_ptr<CpprestCall>& self, Client::Identity as);
  void on_refused(const std::shared_ptr<CpprestCall>& self);
  pplx::task<std::size_t> collect(const char* data, std::size_t size);
  void on_end(const std::shared_ptr<CpprestCall>& self, const std::optional<Failure>& failure);
  void on_failure(const std::shared_ptr<CpprestCall>& self, const Failure& failure);
  void on_deadline();
  void conclude(Result<kube::HttpResponse> result);
  [[nodiscard]] bool sent() const { return sent_before || (exchange && exchange->sent()); }
  [[nodiscard]] Error lost(const std::string& what) const;
};

CpprestCall::CpprestCall(std::shared_ptr<Client> client, kube::HttpRequest request, Millis deadline, Finish finish)
    : state_(std::make_unique<State>(std::move(client), std::move(request), deadline, std::move(finish))) {}

CpprestCall::~CpprestCall() = default;

void CpprestCall::start() {
  io_thread().post([self = shared_from_this()] {
    State& state = *self->state_;
    if (!state.finish) {
      return;
    }
    state.timer.expires_after(state.deadline);
    state.timer.async_wait([weak = self->weak_from_this()](const boost::system::error_code& error) {
      const auto call = weak.lock();
      if (call && !error) {
        call->state_->on_deadline();
      }
    });
    state.attempt(self);
  });
}

void CpprestCall::cancel() {
  io_thread().post([self = shared_from_this()] {
    State& state = *self->state_;
    state.finish = nullptr;
    state.timer.cancel();
    if (state.exchange) {
      state.exchange->give_up();
    }
  });
}

void CpprestCall::State::attempt(const std::shared_ptr<CpprestCall>& self) {
  client->sign_in([self](Result<Client::Identity> who) {
    if (!self->state_->finish) {
      return;  // over before a credential plugin was
    }
    if (who.ok()) {
      self->state_->send(self, std::move(who).value());
    } else {
      self->state_->conclude(who.error());
    }
  });
}

void CpprestCall::State::send(const std::shared_ptr<CpprestCall>& self, Client::Identity as) {
  identity = std::move(as);
  response = {};
  Result<web::http::http_request> encoded = client->encode(request, identity.token);
  if (!encoded.ok()) {
    conclude(encoded.error());
    return;
  }
  // The events are dropped by the exchange when it ends; until then they keep the call alive.
  exchange = std::make_shared<Exchange>(
      client,
      Exchange::Events{.headers =
                           [self](int status, std::string retry_after) {
                             self->state_->response.status = status;
                             self->state_->response.retry_after = std::move(retry_after);
                           },
                       .body = [self](const char* data, std::size_t size) { return self->state_->collect(data, size); },
                       .end = [self](const std::optional<Failure>& failure) { self->state_->on_end(self, failure); }});
  web::http::client::http_client on = client->for_call(is_repeatable(request));
  exchange->send(on, std::move(encoded).value());
}

pplx::task<std::size_t> CpprestCall::State::collect(const char* data, std::size_t size) {
  if (response.body.size() + size > max_response_bytes) {
    conclude(Error{request.method == "GET" ? Code::invalid : Code::unknown_outcome,
                   client->name() + ": the response is larger than " + std::to_string(max_response_bytes) + " bytes"});
  } else {
    response.body.append(data, size);
  }
  return pplx::task_from_result(size);
}

void CpprestCall::State::on_end(const std::shared_ptr<CpprestCall>& self, const std::optional<Failure>& failure) {
  if (failure) {
    on_failure(self, *failure);
    return;
  }
  if (response.status == 401 && !renewed) {
    renewed = true;
    on_refused(self);
    return;
  }
  conclude(std::move(response));
}

// The server refused before it did anything. The token or certificate may just have been replaced on disk, or a plugin
// may have a newer one.
void CpprestCall::State::on_refused(const std::shared_ptr<CpprestCall>& self) {
  client->refused(identity);
  client->sign_in([self](Result<Client::Identity> who) {
    State& state = *self->state_;
    if (!state.finish) {
      return;
    }
    if (who.ok() && who.value().version != state.identity.version) {
      state.send(self, std::move(who).value());
    } else {
      state.conclude(std::move(state.response));
    }
  });
}

void CpprestCall::State::on_failure(const std::shared_ptr<CpprestCall>& self, const Failure& failure) {
  sent_before = sent();
  const bool harmless = !sent_before || is_repeatable(request);
  if (failure.stage == Failure::Stage::exchange && harmless && !repeated) {
    // Most likely a pooled connection that the server had closed. The others of that pool are as old: use none of them.
    repeated = true;
    client->renew();
    attempt(self);
    return;
  }
  conclude(lost(failure.what));
}

void CpprestCall::State::on_deadline() {
  conclude(lost(client->name() + ": no answer within " + std::to_string(deadline.count()) + " ms"));
}

Error CpprestCall::State::lost(const std::string& what) const {
  return {sent() && request.method != "GET" ? Code::unknown_outcome : Code::unavailable, what};
}

void CpprestCall::State::conclude(Result<kube::HttpResponse> result) {
  timer.cancel();
  const Finish callback = std::exchange(finish, nullptr);
  if (exchange) {
    exchange->give_up();  // nothing to do but after a deadline
  }
  if (callback) {
    callback(std::move(result));
  }
}

}  // namespace nocobase_operator::io
