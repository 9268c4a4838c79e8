// An answer of an API server, or of whatever stands in front of it: a status, a Retry-After header and a body.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "kube/http.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nocobase_operator;  // NOLINT(google-build-using-namespace) one function, one purpose
  if (size < 2) {
    return 0;
  }
  const std::string_view text(reinterpret_cast<const char*>(data + 2), size - 2);
  const std::size_t line = text.find('\n');
  kube::HttpResponse response;
  response.status = data[0] * 4 + data[1] % 4;
  response.retry_after = text.substr(0, line);
  response.body = line == std::string_view::npos ? "" : text.substr(line + 1);
  const auto delay = kube::retry_delay(response, std::chrono::sys_seconds(Seconds(1'800'000'000)));
  CHECK(!delay || (*delay >= Millis(0) && *delay <= Millis(60'000)));
  const auto decoded = kube::decode(response);
  const bool success = response.status >= 200 && response.status < 300;
  CHECK(success || !decoded.ok());
  if (!decoded.ok()) {
    CHECK(!decoded.error().what.empty() && decoded.error().what.size() < 8'192);
    CHECK(success || decoded.error().code == kube::code_of_status(response.status));
  }
  return 0;
}
