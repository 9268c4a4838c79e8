// A list cut at any places gives the same items as in one piece, and those that a reader of the whole text finds.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "kube/list_decoder.h"

namespace nocobase_operator::kube {
namespace {

constexpr std::size_t max_item = 512;

void drain(ListDecoder& decoder, std::string& out) {
  while (const auto item = decoder.next()) {
    out += (item->ok() ? dump(item->value().object) : "error " + item->error().what) + "\n";
  }
}

std::string end_of(const ListDecoder& decoder) {
  return decoder.complete() ? "end " + decoder.resource_version() + " " + decoder.continue_token() : "";
}

// What a list says as a whole; nothing when it is none, or one that only differs in how it is written.
std::string read_whole(std::string_view text) {
  const Result<Json> whole = parse_json(text);
  const Json* const items = whole.ok() ? find(whole.value(), "items") : nullptr;
  if (items == nullptr || !items->is_array() || text.find('\\') != std::string_view::npos) {
    return "";
  }
  std::string out;
  for (Json item : *items) {
    if (!item.is_object()) {
      return "";
    }
    item["apiVersion"] = api_version(Kind::pod);
    item["kind"] = info(Kind::pod).kind;
    out += dump(item) + "\n";
  }
  const std::string version = string_at(whole.value(), {"metadata", "resourceVersion"});
  return version.empty() ? "" : out + "end " + version + " " + string_at(whole.value(), {"metadata", "continue"});
}

void check_splits(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return;
  }
  const std::size_t step = data[0] % 32U + 1;
  const std::string_view list(reinterpret_cast<const char*>(data) + 1, size - 1);
  ListDecoder whole(Kind::pod, max_item);
  ListDecoder pieces(Kind::pod, max_item);
  std::string from_whole;
  std::string from_pieces;
  whole.feed(list);
  drain(whole, from_whole);
  for (std::size_t at = 0; at < list.size(); at += step) {
    pieces.feed(list.substr(at, step));
    drain(pieces, from_pieces);
  }
  CHECK(from_whole + end_of(whole) == from_pieces + end_of(pieces));
  const std::string want = read_whole(list);
  const bool long_part = from_whole.find("error a part of the list is longer") != std::string::npos;
  CHECK(want.empty() || long_part || want == from_whole + end_of(whole));
}

}  // namespace
}  // namespace nocobase_operator::kube

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  nocobase_operator::kube::check_splits(data, size);
  return 0;
}
