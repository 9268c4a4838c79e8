#include "app/image.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace nocobase_operator::app {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_letter(char c) {
  return is_lower(c) || (c >= 'A' && c <= 'Z');
}
bool is_alnum(char c) {
  return is_digit(c) || is_letter(c);
}

template <class Test>
bool all(std::string_view text, Test test) {
  return std::all_of(text.begin(), text.end(), test);
}

// The part of `text` before the first `mark`, which is taken off `text` with the mark; all of it when there is none.
std::string_view cut(std::string_view& text, char mark) {
  const std::size_t at = text.find(mark);
  const std::string_view head = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return head;
}

// [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*
bool is_path_component(std::string_view text) {
  const auto plain = [](char c) { return is_lower(c) || is_digit(c); };
  if (text.empty() || !plain(text.front()) || !plain(text.back())) {
    return false;
  }
  for (std::size_t i = 0; i < text.size();) {
    if (plain(text[i])) {
      ++i;
      continue;
    }
    const std::size_t start = i;
    while (!plain(text[i])) {
      ++i;
    }
    const std::string_view separator = text.substr(start, i - start);
    if (separator != "." && separator != "_" && separator != "__" && !all(separator, [](char c) { return c == '-'; })) {
      return false;
    }
  }
  return true;
}

bool is_path(std::string_view text) {
  while (true) {
    const std::size_t slash = text.find('/');
    if (!is_path_component(text.substr(0, slash))) {
      return false;
    }
    if (slash == std::string_view::npos) {
      return true;
    }
    text.remove_prefix(slash + 1);
  }
}

// A registry: a name or an address in brackets, with a port or without.
bool is_domain(std::string_view text) {
  std::string_view host = text;
  const std::size_t colon = text.rfind(':');
  if (colon != std::string_view::npos && text.find(']', colon) == std::string_view::npos) {
    if (colon + 1 == text.size() || !all(text.substr(colon + 1), is_digit)) {
      return false;
    }
    host = text.substr(0, colon);
  }
  if (host.starts_with('[')) {
    return host.size() > 2 && host.back() == ']' && all(host.substr(1, host.size() - 2), [](char c) {
             return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':';
           });
  }
  while (true) {
    const std::size_t dot = host.find('.');
    const std::string_view label = host.substr(0, dot);
    if (label.empty() || !is_alnum(label.front()) || !is_alnum(label.back()) ||
        !all(label, [](char c) { return is_alnum(c) || c == '-'; })) {
      return false;
    }
    if (dot == std::string_view::npos) {
      return true;
    }
    host.remove_prefix(dot + 1);
  }
}

bool is_repository(std::string_view text) {
  const std::size_t slash = text.find('/');
  return is_path(text) ||
         (slash != std::string_view::npos && is_domain(text.substr(0, slash)) && is_path(text.substr(slash + 1)));
}

bool is_tag(std::string_view text) {
  return !text.empty() && text.size() <= 128 && (is_alnum(text[0]) || text[0] == '_') &&
         all(text, [](char c) { return is_alnum(c) || c == '_' || c == '.' || c == '-'; });
}

// [A-Za-z][A-Za-z0-9]*([-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9A-Fa-f]{32,}
bool is_digest(std::string_view text) {
  std::string_view hex = text;
  const std::string_view algorithm = cut(hex, ':');
  const bool hex_ok = hex.size() >= 32 &&
                      all(hex, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); });
  bool want_letter = true;
  for (const char c : algorithm) {
    if (want_letter ? !is_letter(c) : !is_alnum(c) && std::string_view("-_+.").find(c) == std::string_view::npos) {
      return false;
    }
    want_letter = !is_alnum(c);
  }
  return hex_ok && !want_letter;
}

// A number as semver writes it, without leading zeros.
std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  if (text.size() > 1 && text.front() == '0') {
    return std::nullopt;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = !text.empty() && error == std::errc() && end == text.data() + text.size();
  return whole ? std::optional(value) : std::nullopt;
}

// Compares prereleases as semver does: field by field, numbers by value and below words, a longer one above its prefix.
std::strong_ordering compare_prerelease(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    const std::string_view left = cut(a, '.');
    const std::string_view right = cut(b, '.');
    const auto left_number = number(left);
    const auto right_number = number(right);
    if (left_number.has_value() != right_number.has_value()) {
      return left_number ? std::strong_ordering::less : std::strong_ordering::greater;
    }
    if (const auto order = left_number ? *left_number <=> *right_number : left.compare(right) <=> 0; order != 0) {
      return order;
    }
  }
  return a.size() <=> b.size();
}

}  // namespace

std::strong_ordering operator<=>(const Version& a, const Version& b) {
  if (const auto order = a.major <=> b.major; order != 0) {
    return order;
  }
  if (const auto order = a.minor <=> b.minor; order != 0) {
    return order;
  }
  if (const auto order = a.patch <=> b.patch; order != 0) {
    return order;
  }
  if (a.prerelease.empty() || b.prerelease.empty()) {
    return b.prerelease.size() <=> a.prerelease.size();  // a release is the greater
  }
  return compare_prerelease(a.prerelease, b.prerelease);
}

std::optional<Version> parse_version(std::string_view text) {
  std::string_view rest = text;
  std::string_view core = cut(rest, '-');
  const auto prerelease_ok = [](char c) { return is_alnum(c) || c == '.'; };
  if ((rest.empty() && core.size() != text.size()) || !all(rest, prerelease_ok)) {
    return std::nullopt;
  }
  if (std::count(core.begin(), core.end(), '.') != 2) {
    return std::nullopt;
  }
  const auto major = number(cut(core, '.'));
  const auto minor = number(cut(core, '.'));
  const auto patch = number(core);
  if (!major || !minor || !patch) {
    return std::nullopt;
  }
  return Version{*major, *minor, *patch, std::string(rest)};
}

std::string to_string(const Version& version) {
  const std::string core =
      std::to_string(version.major) + "." + std::to_string(version.minor) + "." + std::to_string(version.patch);
  return version.prerelease.empty() ? core : core + "-" + version.prerelease;
}

Version first_with_several_pods() {
  return {2, 0, 0, ""};
}

Version first_advised() {
  return {2, 1, 41, ""};
}

bool migrates_at_every_start(std::string_view image) {
  const std::optional<Image> parsed = parse_image(image);
  return parsed && parsed->version && *parsed->version < first_with_several_pods();
}

std::optional<Image> parse_image(std::string_view reference) {
  Image image;
  std::string_view rest = reference;
  if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
    image.digest = rest.substr(at + 1);
    rest = rest.substr(0, at);
    if (!is_digest(image.digest)) {
      return std::nullopt;
    }
  }
  const std::size_t slash = rest.rfind('/');
  if (const std::size_t colon = rest.rfind(':');
      colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash)) {
    image.tag = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
    if (!is_tag(image.tag)) {
      return std::nullopt;
    }
  }
  if (!is_repository(rest)) {
    return std::nullopt;
  }
  image.repository = rest;
  std::string_view tag = image.tag;
  const auto drop_suffix = [&tag](std::string_view suffix) {
    const bool there = tag == suffix.substr(1) || tag.ends_with(suffix);
    tag.remove_suffix(!there ? 0 : std::min(tag.size(), suffix.size()));
    return there;
  };
  image.nginx = !drop_suffix("-no-nginx");
  image.full = drop_suffix("-full");
  image.version = parse_version(tag.starts_with('v') ? tag.substr(1) : tag);
  return image;
}

}  // namespace nocobase_operator::app
