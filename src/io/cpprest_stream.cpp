#include "io/cpprest_stream.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "io/cpprest_exchange.h"

namespace nocobase_operator::io {
namespace {

// What waits for the loop before the socket is read on; the library has up to one chunk more in hand.
constexpr std::size_t max_waiting_bytes = 128U << 10U;
// Of the body of an answer that is no stream.
constexpr std::size_t max_error_bytes = 1U << 20U;

}  // namespace

struct CpprestStream::State {
  State(std::shared_ptr<Client> client_in, kube::HttpRequest request_in, Millis idle_in, std::function<void()> ready_in)
      : client(std::move(client_in)), request(std::move(request_in)), idle(idle_in), ready(std::move(ready_in)) {}

  const std::shared_ptr<Client> client;
  const kube::HttpRequest request;
  const Millis idle;

  // The io thread's.
  std::function<void()> ready;  // empty once the stream was cancelled
  std::shared_ptr<Exchange> exchange;
  kube::HttpResponse response;
  Client::Identity identity;

  std::mutex mutex;
  Batch batch;
  bool announced = false;  // ready() was called for what is in the batch
  std::optional<pplx::task_completion_event<std::size_t>> held_back;
  std::size_t held_size = 0;

  void open(const std::shared_ptr<CpprestStream>& self);
  void send(const std::shared_ptr<CpprestStream>& self, Client::Identity as);
  pplx::task<std::size_t> collect(const char* data, std::size_t size);
  void on_end(const std::optional<Failure>& failure);
  void close(Result<kube::HttpResponse> result);
  void announce();
};

CpprestStream::CpprestStream(std::shared_ptr<Client> client, kube::HttpRequest request, Millis idle,
                             std::function<void()> ready)
    : state_(std::make_unique<State>(std::move(client), std::move(request), idle, std::move(ready))) {}

CpprestStream::~CpprestStream() = default;

void CpprestStream::start() {
  io_thread().post([self = shared_from_this()] {
    if (self->state_->ready) {
      self->state_->open(self);
    }
  });
}

void CpprestStream::cancel() {
  io_thread().post([self = shared_from_this()] {
    State& state = *self->state_;
    state.ready = nullptr;
    if (state.exchange) {
      state.exchange->give_up();
    }
    std::optional<pplx::task_completion_event<std::size_t>> waiting;
    {
      const std::scoped_lock lock(state.mutex);
      waiting = std::exchange(state.held_back, std::nullopt);
    }
    if (waiting) {
      waiting->set(state.held_size);
    }
  });
}

void CpprestStream::State::open(const std::shared_ptr<CpprestStream>& self) {
  client->sign_in([self](Result<Client::Identity> who) {
    if (!self->state_->ready) {
      return;  // cancelled before a credential plugin had ended
    }
    if (who.ok()) {
      self->state_->send(self, std::move(who).value());
    } else {
      self->state_->close(who.error());
    }
  });
}

void CpprestStream::State::send(const std::shared_ptr<CpprestStream>& self, Client::Identity as) {
  identity = std::move(as);
  Result<web::http::http_request> encoded = client->encode(request, identity.token);
  if (!encoded.ok()) {
    close(encoded.error());
    return;
  }
  exchange = std::make_shared<Exchange>(
      client,
      Exchange::Events{.headers =
                           [self](int status, std::string retry_after) {
                             self->state_->response.status = status;
                             self->state_->response.retry_after = std::move(retry_after);
                           },
                       .body = [self](const char* data, std::size_t size) { return self->state_->collect(data, size); },
                       .end = [self](const std::optional<Failure>& failure) { self->state_->on_end(failure); }});
  // A connection of its own: it is never a pooled one that the server has closed meanwhile, and has its own time-out.
  web::http::client::http_client fresh = client->connect(idle);
  exchange->send(fresh, std::move(encoded).value());
}

pplx::task<std::size_t> CpprestStream::State::collect(const char* data, std::size_t size) {
  if (response.status != 200) {
    response.body.append(data, std::min(size, max_error_bytes - response.body.size()));
    return pplx::task_from_result(size);
  }
  pplx::task<std::size_t> taken = pplx::task_from_result(size);
  {
    const std::scoped_lock lock(mutex);
    batch.bytes.append(data, size);
    if (batch.bytes.size() >= max_waiting_bytes) {
      held_back.emplace();
      held_size = size;
      taken = pplx::create_task(*held_back);
    }
  }
  announce();
  return taken;
}

void CpprestStream::State::on_end(const std::optional<Failure>& failure) {
  if (response.status == 401) {
    client->refused(identity);
  }
  if (!failure) {
    close(std::move(response));
    return;
  }
  if (failure->stage == Failure::Stage::timeout) {
    close(Error{Code::unavailable, client->name() + ": no byte within " + std::to_string(idle.count()) + " ms"});
    return;
  }
  close(Error{Code::unavailable, failure->what});
}

void CpprestStream::State::close(Result<kube::HttpResponse> result) {
  {
    const std::scoped_lock lock(mutex);
    batch.end = std::move(result);
  }
  announce();
}

void CpprestStream::State::announce() {
  {
    const std::scoped_lock lock(mutex);
    if (announced) {
      return;
    }
    announced = true;
  }
  if (ready) {
    ready();
  }
}

CpprestStream::Batch CpprestStream::take() {
  const std::scoped_lock lock(state_->mutex);
  state_->announced = false;
  return std::exchange(state_->batch, {});
}

void CpprestStream::consumed() {
  const std::scoped_lock lock(state_->mutex);
  if (state_->held_back) {
    // On the io thread, so that none of the library's code runs on the loop's.
    io_thread().post(
        [waiting = *std::exchange(state_->held_back, std::nullopt), size = state_->held_size] { waiting.set(size); });
  }
}

}  // namespace nocobase_operator::io
