// Holds the parser against a second reading of upstream's serving(), written from its words and on code points, and
// checks what format() and lint() promise for every input.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "worker_mode/worker_mode.h"

namespace wm = nocobase::worker_mode;

namespace {

void require(bool holds, const char* what) {
  if (!holds) {
    std::fprintf(stderr, "does not hold: %s\n", what);
    std::abort();
  }
}

using Text = std::u32string;

// UTF-8 to code points by the table of well-formed sequences in the Unicode standard (3-7), as a list of what may
// follow.
Text decoded(std::string_view bytes) {
  struct Row {
    unsigned first, last, low, high, more;
  };
  static constexpr Row rows[] = {{0x00, 0x7F, 0, 0, 0},       {0xC2, 0xDF, 0x80, 0xBF, 1}, {0xE0, 0xE0, 0xA0, 0xBF, 2},
                                 {0xE1, 0xEC, 0x80, 0xBF, 2}, {0xED, 0xED, 0x80, 0x9F, 2}, {0xEE, 0xEF, 0x80, 0xBF, 2},
                                 {0xF0, 0xF0, 0x90, 0xBF, 3}, {0xF1, 0xF3, 0x80, 0xBF, 3}, {0xF4, 0xF4, 0x80, 0x8F, 3}};
  Text out;
  std::size_t i = 0;
  while (i < bytes.size()) {
    const unsigned lead = static_cast<unsigned char>(bytes[i++]);
    const Row* row =
        std::find_if(std::begin(rows), std::end(rows), [&](const Row& r) { return lead >= r.first && lead <= r.last; });
    if (row == std::end(rows)) {
      out.push_back(0xFFFD);
      continue;
    }
    char32_t value = row->more == 0 ? lead : lead % (1U << (6 - row->more));
    unsigned taken = 0;
    while (taken < row->more && i < bytes.size()) {
      const unsigned next = static_cast<unsigned char>(bytes[i]);
      if (next < (taken == 0 ? row->low : 0x80) || next > (taken == 0 ? row->high : 0xBF)) {
        break;
      }
      value = value * 64 + next % 64;
      ++taken;
      ++i;
    }
    out.push_back(taken == row->more ? value : 0xFFFD);
  }
  return out;
}

Text trimmed(const Text& text) {
  static const Text blanks =
      U"\t\n\v\f\r "
      U"\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f"
      U"\u3000\ufeff";
  const std::size_t first = text.find_first_not_of(blanks);
  return first == Text::npos ? Text() : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// serving(key): an item is in the list when the list between two commas contains it between two commas.
bool serving(const Text& value, const Text& key) {
  if (value.empty()) {
    return true;
  }
  if (value == U"-" || key.find(U',') != Text::npos) {
    return !key.empty() && value == U"*";
  }
  if (!key.empty() && value == U"*") {
    return true;
  }
  const Text wanted = key.empty() ? Text(U"!") : key;
  return (U"," + trimmed(value) + U",").find(U"," + wanted + U",") != Text::npos;
}

void check_mode(std::string_view value, std::string_view key) {
  const wm::Mode mode = wm::Mode::parse(value);
  const Text text = decoded(value);
  std::vector<std::string> keys = {std::string(key), "", "!", "*", "-", "a", "workflow:process"};
  keys.insert(keys.end(), mode.services().begin(), mode.services().end());
  for (const std::string& each : keys) {
    require(mode.serves(each) == serving(text, decoded(each)), "serves() is upstream's serving()");
  }
  require(mode.serves_requests() == serving(text, U""), "serves_requests() is serving() without a key");
  require(mode.is_transient() == (value == "-"), "only the exact dash is transient");
  for (const std::string& service : mode.services()) {
    require(mode.serves(service) && service != "!" && !service.empty(), "what is listed is served");
  }
  if (const auto role = wm::role_of(mode)) {
    const wm::Formatted again = wm::format(*role);
    require(again.ok() && wm::Mode::parse(again.value) == mode, "a mode's role formats to the same mode");
  }
}

void check_format(std::string_view input) {
  wm::RoleServices role;
  for (std::size_t at = 0; at < input.size();) {  // keys between NULs, so that commas get into them
    const std::size_t end = std::min(input.find('\0', at), input.size());
    role.services.emplace_back(input.substr(at, end - at));
    at = end + 1;
  }
  role.requests = !input.empty() && (static_cast<unsigned char>(input.back()) & 1U) != 0;
  const wm::Formatted out = wm::format(role);
  if (!out.ok()) {
    require(out.value.empty() && (out.index == 0 || out.index < role.services.size()), "no value with an error");
    return;
  }
  require(wm::serves_exactly(wm::Mode::parse(out.value), role), "a formatted role serves exactly itself");
  require(wm::role_of(wm::Mode::parse(out.value)) == role, "a formatted role comes back");
  for (const wm::Finding& finding : wm::lint(out.value, {role.services})) {
    require(finding.severity() == wm::Severity::info, "a formatted role has nothing wrong");
  }
}

bool one_clean_line(const std::string& text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

void check_lint(std::string_view value, std::string_view extra) {
  const std::vector<wm::Finding> findings = wm::lint(value, {{std::string(extra)}});
  require(!findings.empty() && findings.front().rule == wm::Rule::summary, "the summary is first");
  require(findings.size() <= wm::max_findings + 1, "the number of findings is limited");
  for (std::size_t i = 0; i < findings.size(); ++i) {
    const wm::Finding& f = findings[i];
    require(f.offset <= value.size() && f.length <= value.size() - f.offset, "a finding lies inside the value");
    require(i == 0 || findings[i - 1].offset < f.offset ||
                (findings[i - 1].offset == f.offset && findings[i - 1].rule <= f.rule),
            "findings are ordered");
    require(one_clean_line(f.message) && one_clean_line(f.advice), "texts are one line and safe to print");
  }
  const wm::Mode mode = wm::Mode::parse(value);
  const bool errors = std::any_of(findings.begin(), findings.end(),
                                  [](const wm::Finding& f) { return f.severity() == wm::Severity::error; });
  require(errors || !mode.serves_nothing(), "a value that serves nothing has an error");
  // An item of white space is a key that no role can have, and yet harmless: the one such thing that is only a warning.
  const bool blank_item = std::any_of(findings.begin(), findings.end(), [](const wm::Finding& f) {
    return f.rule == wm::Rule::empty_item && f.length > 0;
  });
  require(errors || blank_item || !extra.empty() || wm::role_of(mode),
          "without an error, there is a role for the value");
  const auto meant = wm::suggest(value, wm::known_keys({std::string(extra)}));
  require(!meant || *meant != value, "nothing is suggested in its own place");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t split = std::min(input.find('\n'), size);  // value, then key
  const std::string_view value = input.substr(0, split);
  const std::string_view key = split < size ? input.substr(split + 1) : std::string_view();
  check_mode(value, key);
  check_mode(input, key);
  check_format(input);
  check_lint(value, key);
  check_lint(input, "");
  return 0;
}
