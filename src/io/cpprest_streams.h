// The two stream buffers we hand to cpprestsdk: one that passes a response body on piece by piece, one that yields a
// request body once. Internal to the transport: it includes the library's headers.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <cpprest/streams.h>

namespace nocobase_operator::io {

// Takes the next piece of a body on the io thread. The library reads on once the task is done; the bytes stay valid
// until then. The task must not fail and nothing may be thrown: the library would close the stream and wait for that on
// the very thread that has to do it. Who wants no more closes the connection.
using Consume = std::function<pplx::task<std::size_t>(const char* data, std::size_t size)>;

// A stream that hands each piece to `consume`, in order and never two at a time.
[[nodiscard]] concurrency::streams::ostream make_sink(Consume consume);

// A stream that yields `body` once. It cannot seek: so the library can not send a request a second time behind our
// back, which it does when a pooled connection is lost after the request was written, whatever the method.
[[nodiscard]] concurrency::streams::istream make_one_shot(std::shared_ptr<const std::string> body);

}  // namespace nocobase_operator::io
