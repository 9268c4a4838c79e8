#include "app/legible.h"

#include "app/form.h"
#include "worker_mode/unicode.h"

namespace nocobase_operator::app {

namespace wm = nocobase::worker_mode;

std::string legible(std::string_view text, std::size_t max) {
  constexpr std::string_view replacement = "\xEF\xBF\xBD";
  constexpr std::string_view ellipsis = "…";
  std::string out;
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); ++count) {
    if (count == max) {
      return out + std::string(ellipsis);
    }
    const wm::CodePoint point = wm::decode(text, at);
    const bool control = point.value < 0x20 || (point.value >= 0x7F && point.value < 0xA0);
    const bool shown = point.valid && !control && !wm::is_invisible(point.value) && (point.value & 0xFFFEU) != 0xFFFEU;
    out += shown ? text.substr(at, point.length) : replacement;
    at += point.length;
  }
  return out;
}

int width_of(std::string_view text) {
  return static_cast<int>(form::length(text));
}

}  // namespace nocobase_operator::app
