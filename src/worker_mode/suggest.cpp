// Telling what a mode serves, and what a person may have meant by a key.
#include <algorithm>
#include <unordered_set>

#include "unicode.h"
#include "worker_mode.h"

namespace nocobase::worker_mode {
namespace {

constexpr std::size_t max_edits = 2;
constexpr std::size_t longest_key = 256;
constexpr std::size_t most_named = 8;

// Edits between two texts, each an insertion, removal, replacement or swap of neighbours (optimal string alignment).
std::size_t edits(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) {
    last[j] = j;
  }
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, last[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
    before_last.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

std::string joined(const std::vector<std::string>& words, std::string_view last_word) {
  std::string out;
  const std::size_t shown = words.size() > most_named ? most_named : words.size();
  for (std::size_t i = 0; i < shown; ++i) {
    if (i > 0) {
      out += i + 1 == words.size() ? " " + std::string(last_word) + " " : ", ";
    }
    out += words[i];
  }
  if (shown < words.size()) {
    out += " " + std::string(last_word) + " " + std::to_string(words.size() - shown) + " more";
  }
  return out;
}

// A known key as it stands, or quoted where it is long or not safe to print: known keys may come from a user too.
std::string named(const std::string& key) {
  std::string safe = quoted(key);
  return safe.size() == key.size() + 2 && safe.compare(1, key.size(), key) == 0 ? key : safe;
}

std::string describe_list(const Mode& mode, const std::vector<std::string>& known) {
  std::vector<std::string> served;
  std::vector<std::string> left_out;
  (mode.serves_requests() ? served : left_out).emplace_back("requests");
  for (const std::string& key : known) {
    (mode.serves(key) ? served : left_out).push_back(named(key));
  }
  std::vector<std::string> unknown;
  const std::unordered_set<std::string_view> is_known(known.begin(), known.end());
  for (const std::string& key : mode.services()) {
    if (is_known.count(key) == 0) {
      unknown.push_back(quoted(key));
    }
  }
  std::string out = served.empty() ? "serves nothing that is known" : "serves " + joined(served, "and");
  if (!served.empty() && !left_out.empty()) {
    out += "; not " + joined(left_out, "or");
  }
  return unknown.empty() ? out : out + "; unknown: " + joined(unknown, "and");
}

}  // namespace

std::string describe(const Mode& mode, const std::vector<std::string>& known) {
  switch (mode.kind()) {
    case Mode::Kind::everything:
      return "serves everything: requests and every service";
    case Mode::Kind::transient:
      return "serves nothing: the transient mode of worker threads, never right for a pod";
    case Mode::Kind::all_services:
      return "serves every service; not requests";
    case Mode::Kind::listed:
      break;
  }
  return mode.serves_nothing() ? "serves nothing: neither requests nor any service" : describe_list(mode, known);
}

std::optional<std::string> suggest(std::string_view key, const std::vector<std::string>& known) {
  if (key.empty() || key.size() > longest_key || std::find(known.begin(), known.end(), key) != known.end()) {
    return std::nullopt;
  }
  const std::string wanted = ascii_lower(key);
  const std::string* best = nullptr;
  std::size_t best_edits = max_edits + 1;
  for (const std::string& candidate : known) {
    const std::size_t allowed = std::min(max_edits, candidate.size() / 3);
    if (candidate.size() > wanted.size() + allowed || wanted.size() > candidate.size() + allowed) {
      continue;
    }
    const std::size_t distance = edits(wanted, ascii_lower(candidate));
    if (distance <= allowed && distance < best_edits) {
      best = &candidate;
      best_edits = distance;
    }
  }
  if (best != nullptr) {
    return *best;
  }
  for (const std::string& candidate : known) {
    if (ascii_lower(candidate.substr(0, candidate.find(':'))) == wanted) {
      if (best != nullptr) {
        return std::nullopt;  // two services of one plugin: either could be meant
      }
      best = &candidate;
    }
  }
  return best == nullptr ? std::nullopt : std::optional<std::string>(*best);
}

}  // namespace nocobase::worker_mode
