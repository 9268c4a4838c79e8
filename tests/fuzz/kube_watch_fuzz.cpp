// A watch stream cut at any places gives the same events as in one piece.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "kube/http.h"

namespace nocobase_operator::kube {
namespace {

constexpr std::size_t max_line = 512;

void drain(WatchDecoder& decoder, std::string& out) {
  while (const auto event = decoder.next()) {
    out += event->ok() ? std::to_string(static_cast<int>(event->value().type)) + dump(event->value().object)
                       : "error " + event->error().what;
    out += '\n';
  }
}

void check_splits(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return;
  }
  const std::size_t step = data[0] % 32U + 1;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  WatchDecoder whole(max_line);
  WatchDecoder pieces(max_line);
  std::string from_whole;
  std::string from_pieces;
  whole.feed(stream);
  drain(whole, from_whole);
  for (std::size_t at = 0; at < stream.size(); at += step) {
    pieces.feed(stream.substr(at, step));
    drain(pieces, from_pieces);
    CHECK(pieces.pending_bytes() <= max_line);
  }
  CHECK(from_whole == from_pieces);
  CHECK(whole.pending_bytes() == pieces.pending_bytes());
}

}  // namespace
}  // namespace nocobase_operator::kube

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  nocobase_operator::kube::check_splits(data, size);
  return 0;
}
