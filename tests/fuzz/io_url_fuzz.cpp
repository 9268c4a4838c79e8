// A URL that is read is written and read back as the same.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "io/url.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nocobase_operator::io;  // NOLINT(google-build-using-namespace) one function, one purpose
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto url = parse_url(text);
  if (!url.ok()) {
    return 0;
  }
  CHECK(!url.value().host.empty());
  CHECK(!url.value().prefix.ends_with('/'));
  const auto again = parse_url(to_string(url.value()));
  CHECK(again.ok() && again.value() == url.value());
  const std::string host = authority(url.value());
  CHECK(!host.empty());
  for (const char c : host) {
    CHECK(static_cast<unsigned char>(c) > ' ' && c != '/' && c != '@' && c != '\x7f');
  }
  return 0;
}
