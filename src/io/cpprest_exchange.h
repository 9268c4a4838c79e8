// One request on the wire: written, answered, or given up. What calls and streams have in common. Internal to the
// transport.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <cpprest/http_client.h>

#include "io/cpprest_client.h"

namespace nocobase_operator::io {

// All members run on the io thread. The library keeps the exchange alive until it has ended.
class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  struct Events {
    // The status line and headers are there. Body bytes come only after it has returned.
    std::function<void(int status, std::string retry_after)> headers;
    // A piece of the body; see Consume.
    Consume body;
    // The end, once: nothing after a complete response, else the failure. Not called after give_up().
    std::function<void(std::optional<Failure>)> end;
  };

  Exchange(std::shared_ptr<Client> client, Events events)
      : client_(std::move(client)), events_(std::make_shared<const Events>(std::move(events))) {}

  void send(web::http::client::http_client& on, web::http::http_request request);
  // Closes the connection; no event is called any more.
  void give_up();
  // Whether the whole request was handed to the kernel, so that the server may have acted on it.
  [[nodiscard]] bool sent() const { return sent_; }

 private:
  struct Held {
    const char* data;
    std::size_t size;
    pplx::task_completion_event<std::size_t> taken;
  };

  void progress(web::http::message_direction::direction way, std::uint64_t bytes, std::uint64_t body_size);
  pplx::task<std::size_t> body(const char* data, std::size_t size);
  void on_response(const pplx::task<web::http::http_response>& response);
  void on_complete(const pplx::task<web::http::http_response>& response);
  void release_held();
  void end(std::optional<Failure> failure);

  const std::shared_ptr<Client> client_;
  std::shared_ptr<const Events> events_;  // null once it is over
  pplx::cancellation_token_source cancel_;
  std::optional<Held> held_;  // a piece that arrived before the status was known
  bool connected_ = false;
  bool answered_ = false;
  bool sent_ = false;
  bool over_ = false;
};

}  // namespace nocobase_operator::io
