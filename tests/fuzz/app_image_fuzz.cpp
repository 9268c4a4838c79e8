// An image reference that is taken apart is the sum of its parts, and its version reads back.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "app/image.h"
#include "base/check.h"

namespace {

using namespace nocobase_operator::app;  // NOLINT(google-build-using-namespace) one file, one purpose

void check_version(std::string_view text) {
  if (const auto version = parse_version(text)) {
    CHECK(to_string(*version) == text);
    CHECK((*version <=> *version) == std::strong_ordering::equal);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_version(text);
  const auto image = parse_image(text);
  if (!image) {
    return 0;
  }
  std::string whole = image->repository;
  whole += image->tag.empty() ? "" : ":" + image->tag;
  whole += image->digest.empty() ? "" : "@" + image->digest;
  CHECK(whole == text);
  CHECK(!image->repository.empty());
  CHECK(parse_image(whole) == image);
  CHECK(!image->version || image->tag.find(to_string(*image->version)) != std::string::npos);
  CHECK(image->moves() == (image->digest.empty() && !image->version));
  return 0;
}
