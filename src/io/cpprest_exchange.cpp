#include "io/cpprest_exchange.h"

#include <exception>
#include <limits>
#include <utility>

namespace nocobase_operator::io {
namespace {

namespace http = web::http;

}  // namespace

void Exchange::send(http::client::http_client& on, http::http_request request) {
  const auto self = shared_from_this();
  const std::uint64_t body_size = request.headers().content_length();
  request.set_progress_handler([self, body_size](http::message_direction::direction way, utility::size64_t bytes) {
    self->progress(way, bytes, body_size);
  });
  request.set_response_stream(make_sink([self](const char* data, std::size_t size) { return self->body(data, size); }));
  // Every chain ends in a continuation that looks at the exception: the library traps on one that nobody saw.
  on.request(request, cancel_.get_token()).then([self](const pplx::task<http::http_response>& response) {
    self->on_response(response);
  });
}

void Exchange::progress(http::message_direction::direction way, std::uint64_t bytes, std::uint64_t body_size) {
  connected_ = true;
  if (way == http::message_direction::upload && bytes >= body_size) {
    sent_ = true;
  }
  if (over_) {
    io_thread().post([cancel = cancel_] { cancel.cancel(); });
  }
}

pplx::task<std::size_t> Exchange::body(const char* data, std::size_t size) {
  // The library reads a chunk's size into an int and lets a negative one through as an enormous size.
  if (size > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    io_thread().post([cancel = cancel_] { cancel.cancel(); });
    end(Failure{Failure::Stage::exchange, client_->name() + ": invalid chunk size"});
  }
  if (over_) {
    return pplx::task_from_result(size);
  }
  if (!answered_) {
    held_ = Held{data, size, {}};
    return pplx::create_task(held_->taken);
  }
  const std::shared_ptr<const Events> events = events_;  // the callback may give up
  return events->body(data, size);
}

void Exchange::on_response(const pplx::task<http::http_response>& response) {
  const auto self = shared_from_this();
  http::http_response value;
  std::exception_ptr thrown;
  try {
    value = response.get();
  } catch (...) {
    thrown = std::current_exception();
  }
  if (thrown) {
    end(client_->explain(thrown));
    return;
  }
  value.content_ready().then([self](const pplx::task<http::http_response>& complete) { self->on_complete(complete); });
  if (over_) {
    return;
  }
  const auto& headers = value.headers();
  const auto retry_after = headers.find("Retry-After");
  events_->headers(value.status_code(), retry_after == headers.end() ? "" : retry_after->second);
  answered_ = true;
  release_held();
}

void Exchange::on_complete(const pplx::task<http::http_response>& response) {
  std::exception_ptr thrown;
  try {
    static_cast<void>(response.get());
  } catch (...) {
    thrown = std::current_exception();
  }
  end(thrown ? std::optional(client_->explain(thrown)) : std::nullopt);
}

void Exchange::release_held() {
  if (!held_) {
    return;
  }
  const Held held = std::move(*held_);
  held_.reset();
  body(held.data, held.size).then([taken = held.taken](std::size_t size) { taken.set(size); });
}

void Exchange::end(std::optional<Failure> failure) {
  if (over_) {
    return;
  }
  over_ = true;
  // Moved out, because the events own whoever owns this exchange.
  const std::shared_ptr<const Events> events = std::exchange(events_, nullptr);
  events->end(std::move(failure));
}

void Exchange::give_up() {
  if (over_) {
    return;
  }
  over_ = true;
  events_.reset();
  release_held();
  // While it connects, the library must not be cancelled: it sets an option on the socket once connected and dies when
  // that is closed. progress() does it as soon as that is past.
  if (connected_) {
    cancel_.cancel();
  }
}

}  // namespace nocobase_operator::io
