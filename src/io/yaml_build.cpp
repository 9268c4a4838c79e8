#include "io/yaml_build.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <system_error>
#include <utility>

#include "io/yaml_scalar.h"
#include "kube/reader.h"

namespace nocobase_operator::io {
namespace {

using kube::Json;

// Paths are kept for findings; longer ones, and more of them, only an attacker has.
constexpr std::size_t max_path_bytes = 512;
constexpr std::size_t max_mark_bytes = 32U << 20U;
constexpr std::size_t max_findings = 100;
constexpr std::string_view plain_tag = "?";
constexpr auto limit = Unreadable::Why::limit;

bool is_null_word(std::string_view text) {
  for (const std::string_view word : {"~", "null", "Null", "NULL"}) {
    if (text.starts_with(word)) {
      return text.size() == word.size() ||
             std::string_view(" \t\n,]}").find(text[word.size()]) != std::string_view::npos;
    }
  }
  return false;
}

// Whether people take a whole number for another one, or for none: 010, 0x1F, 1_000, which only YAML 1.1 writes so.
bool is_odd_number(std::string_view text, const Json& read) {
  const std::string_view digits = text.substr(text.starts_with('-') || text.starts_with('+') ? 1 : 0);
  if (digits.find('_') != std::string_view::npos) {
    return true;
  }
  if (digits.size() < 2 || digits[0] != '0') {
    return false;
  }
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (end == digits.data() + 1) {
    return std::string_view("xXbBoO").find(digits[1]) != std::string_view::npos;
  }
  return end == digits.data() + digits.size() &&
         (error != std::errc() || read != (text.starts_with('-') ? -number : number));
}

}  // namespace

YamlBuilder::YamlBuilder(std::string_view text, const Places& places, const YamlLimits& limits, YamlFlavour flavour)
    : text_(text), places_(places), limits_(limits), flavour_(flavour) {}

Result<Json> YamlBuilder::resolve(const std::string& tag, const std::string& value) const {
  if (tag != plain_tag) {
    return resolve_tagged(tag, value);
  }
  Result<Json> resolved = resolve_plain(value);
  static constexpr std::array<std::string_view, 6> booleans = {"true", "True", "TRUE", "false", "False", "FALSE"};
  const bool old_word = resolved.ok() && resolved.value().is_boolean() &&
                        std::find(booleans.begin(), booleans.end(), value) == booleans.end();
  return old_word && flavour_ == YamlFlavour::compose ? Result<Json>(Json(value)) : std::move(resolved);
}

void YamlBuilder::fail(kube::Mark mark, std::string what, Unreadable::Why why) {
  if (!failure_) {
    failure_ = Unreadable{why, mark, std::move(what)};
  }
}

kube::Mark YamlBuilder::place(const YAML::Mark& mark) const {
  return places_.at_line(static_cast<std::size_t>(std::max(mark.line, 0)),
                         static_cast<std::size_t>(std::max(mark.column, 0)));
}

// Counts what the document expands to, so that aliases of aliases end early.
bool YamlBuilder::spend(kube::Mark mark, std::size_t nodes, std::size_t bytes) {
  nodes_ += nodes;
  bytes_ += bytes;
  if (nodes_ > limits_.max_nodes) {
    fail(mark, "more than " + std::to_string(limits_.max_nodes) + " values, aliases counted as often as they are used",
         limit);
  } else if (bytes_ > 4 * limits_.max_document_bytes) {
    fail(mark, "aliases make the document too large", limit);
  }
  return !failure_;
}

// The tag and the end of the properties in front of a node. The event alone can not tell "!" from a quoted scalar.
YamlBuilder::Properties YamlBuilder::properties(const YAML::Mark& mark) const {
  Properties found{"", std::min(static_cast<std::size_t>(std::max(mark.pos, 0)), text_.size())};
  for (int i = 0; i < 2; ++i) {
    const std::string_view rest = text_.substr(found.end);
    if (!rest.starts_with('!') && !rest.starts_with('&')) {
      break;
    }
    const bool verbatim = rest.starts_with("!<");
    const std::size_t end =
        std::min(verbatim ? rest.find('>') : rest.find_first_of(" \t\n,[]{}"), rest.size() - 1) + (verbatim ? 1 : 0);
    if (rest.starts_with('!')) {
      found.tag = rest.substr(0, std::clamp<std::size_t>(end, 1, 256));
    }
    found.end += std::min(rest.find_first_not_of(" \t\n", end), rest.size());
  }
  return found;
}

bool YamlBuilder::expects_key() const {
  return !frames_.empty() && frames_.back().value.is_object() && !frames_.back().key;
}

std::string YamlBuilder::next_path() const {
  if (frames_.empty()) {
    return "";
  }
  const Frame& frame = frames_.back();
  if (!frame.traced) {
    return frame.path;
  }
  return frame.key ? kube::join_path(frame.path, *frame.key) : kube::join_path(frame.path, frame.value.size());
}

bool YamlBuilder::is_traced(const std::string& path) const {
  return path.size() <= max_path_bytes && (frames_.empty() || frames_.back().traced);
}

void YamlBuilder::set_mark(std::string path, kube::Mark mark) {
  mark_bytes_ += path.size() + 96;
  if (is_traced(path) && mark_bytes_ <= max_mark_bytes) {
    document_.marks.insert_or_assign(std::move(path), mark);
  }
}

void YamlBuilder::note(std::string path, kube::ScalarNote note) {
  mark_bytes_ += path.size() + note.text.size() + 160;
  if (is_traced(path) && mark_bytes_ <= max_mark_bytes) {
    document_.notes.insert_or_assign(std::move(path), std::move(note));
  }
}

// What is true of an anchored collection's scalars is true where it is used, too.
void YamlBuilder::copy_notes(const std::string& from, const std::string& to) {
  std::vector<std::pair<std::string, kube::ScalarNote>> copies;
  for (auto at = document_.notes.lower_bound(from); at != document_.notes.end() && at->first.starts_with(from); ++at) {
    const std::string_view rest = std::string_view(at->first).substr(from.size());
    if (rest.starts_with('.') || rest.starts_with('[')) {
      copies.emplace_back(to + std::string(rest), at->second);
    }
  }
  for (auto& [path, copied] : copies) {
    copied.alias = true;
    note(path, std::move(copied));
  }
}

void YamlBuilder::OnDocumentStart(const YAML::Mark& mark) {
  if (complete_) {
    fail(place(mark), "unexpected content after the end of the document");
    return;
  }
  set_mark("", place(mark));
}

void YamlBuilder::OnDocumentEnd() {
  complete_ = true;
}

void YamlBuilder::OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) {
  const kube::Mark where = place(mark);
  if (failure_ || !spend(where, 1, 0)) {
    return;
  }
  if (expects_key()) {
    fail(where, "a key is missing or null");
    return;
  }
  std::string path = next_path();
  remember(anchor, {.value = nullptr, .path = path, .nodes = 1, .bytes = 0});
  if (!is_null_word(text_.substr(properties(mark).end))) {
    note(path, {});
  }
  add(nullptr, std::move(path), where);
}

void YamlBuilder::OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) {
  const kube::Mark where = place(mark);
  if (failure_) {
    return;
  }
  const auto found = anchors_.find(anchor);
  if (found == anchors_.end()) {
    fail(where, "an anchor's value contains the anchor itself", Unreadable::Why::alias);
    return;
  }
  const Anchored& anchored = found->second;
  if (!spend(where, anchored.nodes, anchored.bytes)) {
    return;
  }
  if (expects_key()) {
    take_key(anchored.value, kube::dump(anchored.value), where);
    return;
  }
  std::string path = next_path();
  if (anchored.value.is_structured()) {
    copy_notes(anchored.path, path);
  } else {
    const auto* text = anchored.value.get_ptr<const std::string*>();
    const auto noted = document_.notes.find(anchored.path);
    kube::ScalarNote copy = noted == document_.notes.end() ? kube::ScalarNote{} : noted->second;
    copy.text = text != nullptr ? *text : kube::dump(anchored.value);
    copy.alias = true;
    note(path, std::move(copy));
  }
  add(anchored.value, std::move(path), where);
}

void YamlBuilder::OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                           const std::string& scanned) {
  const std::string value = repair_escapes(scanned);
  const kube::Mark where = place(mark);
  if (failure_ || !spend(where, 1, value.size())) {
    return;
  }
  const Properties written = properties(mark);
  const char first = written.end < text_.size() ? text_[written.end] : '\0';
  const bool plain = first != '"' && first != '\'' && first != '|' && first != '>';
  Result<Json> resolved = resolve(tag, value);
  if (!resolved.ok()) {
    fail(where, resolved.error().what);
    return;
  }
  const bool is_key = expects_key();
  std::string path = is_key ? std::string() : next_path();
  if (anchor != 0) {
    remember(anchor, {.value = resolved.value(), .path = path, .nodes = 1, .bytes = value.size()});
  }
  if (is_key) {
    const bool merges = value == "<<" && (tag == plain_tag || tag.ends_with(":merge"));
    take_key(resolved.value(), value, where);
    if (!failure_) {
      frames_.back().merge = merges;
    }
    return;
  }
  if (!written.tag.empty()) {
    note(path, {.tag = written.tag, .text = value, .plain = plain, .alias = false, .read = ""});
  } else if (plain && resolved.value().is_number_integer() && is_odd_number(value, resolved.value())) {
    note(path, {.tag = "", .text = value, .plain = true, .alias = false, .read = resolved.value().dump()});
  }
  add(std::move(resolved).value(), std::move(path), where);
}

void YamlBuilder::OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                                  YAML::EmitterStyle::value /*style*/) {
  open(mark, Json::array(), anchor);
}

void YamlBuilder::OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                             YAML::EmitterStyle::value /*style*/) {
  open(mark, Json::object(), anchor);
}

void YamlBuilder::OnSequenceEnd() {
  close();
}

void YamlBuilder::OnMapEnd() {
  close();
}

void YamlBuilder::open(const YAML::Mark& mark, Json empty, YAML::anchor_t anchor) {
  const kube::Mark where = place(mark);
  if (failure_) {
    return;
  }
  if (expects_key()) {
    fail(where, "a list or map can not be a key");
    return;
  }
  if (frames_.size() >= limits_.max_depth) {
    fail(where, "nested deeper than " + std::to_string(limits_.max_depth) + " levels", limit);
    return;
  }
  Frame frame;
  frame.path = next_path();
  frame.traced = frames_.empty() || frames_.back().traced;
  if (frame.path.size() > max_path_bytes) {
    frame.path = frames_.back().path;
    frame.traced = false;
  }
  frame.value = std::move(empty);
  frame.mark = where;
  frame.anchor = anchor;
  frame.nodes_before = nodes_;
  frame.bytes_before = bytes_;
  if (spend(where, 1, 0)) {
    frames_.push_back(std::move(frame));
  }
}

void YamlBuilder::close() {
  if (failure_) {
    return;
  }
  Frame frame = std::move(frames_.back());
  frames_.pop_back();
  const std::size_t nodes = nodes_ - frame.nodes_before;
  const std::size_t bytes = bytes_ - frame.bytes_before;
  if (frame.anchor != 0) {
    // The anchor keeps a copy, which counts.
    if (!spend(frame.mark, nodes, bytes)) {
      return;
    }
    remember(frame.anchor, {.value = frame.value, .path = frame.path, .nodes = nodes, .bytes = bytes});
  }
  std::string path = frame.traced ? std::move(frame.path) : next_path();
  add(std::move(frame.value), std::move(path), frame.mark);
}

void YamlBuilder::remember(YAML::anchor_t anchor, Anchored anchored) {
  if (anchor != 0) {
    anchors_.insert_or_assign(anchor, std::move(anchored));
  }
}

// Puts a finished value where it belongs. A list's item is marked at its start, a map's value at its key.
void YamlBuilder::add(Json value, std::string path, kube::Mark mark) {
  if (failure_) {
    return;
  }
  if (frames_.empty()) {
    document_.value = std::move(value);
    return;
  }
  Frame& frame = frames_.back();
  if (frame.value.is_array()) {
    set_mark(std::move(path), mark);
    frame.value.push_back(std::move(value));
    return;
  }
  if (frame.merge) {
    merge(frame, value);
  } else {
    set_mark(std::move(path), frame.key_mark);
    frame.value[std::move(*frame.key)] = std::move(value);
  }
  frame.key.reset();
  frame.merge = false;
}

void YamlBuilder::take_key(const Json& key, std::string_view written, kube::Mark mark) {
  Frame& frame = frames_.back();
  std::optional<std::string> text = key_text(key, written);
  if (!text) {
    fail(mark, key.is_null() ? "a key is missing or null" : "a list or map can not be a key");
    return;
  }
  // A merged key may be given again; "<<" is none of the keys.
  if (frame.value.contains(*text) && frame.merged.erase(*text) == 0 && document_.findings.size() < max_findings) {
    std::string path = kube::join_path(frame.path, *text);
    const std::uint32_t first = kube::mark_of(document_, path).line;
    document_.findings.push_back({"NB002", kube::Severity::error, std::move(path),
                                  "the key \"" + text->substr(0, 128) + "\" stands twice: in line " +
                                      std::to_string(first) + " and in line " + std::to_string(mark.line),
                                  "keep one of them: kubectl would take the last and the API server refuses both"});
  }
  frame.key = std::move(text);
  frame.key_mark = mark;
}

// Of several maps the first wins. As kubectl does it, a merge replaces what stands above it.
void YamlBuilder::merge(Frame& frame, const Json& value) {
  if (value.is_object()) {
    merge_map(frame, value);
    return;
  }
  const bool maps =
      value.is_array() && std::all_of(value.begin(), value.end(), [](const Json& item) { return item.is_object(); });
  if (!maps) {
    fail(frame.key_mark, "\"<<\" needs a map or a list of maps", Unreadable::Why::alias);
    return;
  }
  for (auto item = value.rbegin(); item != value.rend(); ++item) {
    merge_map(frame, *item);
  }
}

void YamlBuilder::merge_map(Frame& frame, const Json& map) {
  for (const auto& [key, value] : map.items()) {
    const bool there = frame.value.contains(key);
    if (there && flavour_ == YamlFlavour::compose && !frame.merged.contains(key)) {
      continue;
    }
    if (!there) {
      frame.merged.insert(key);
    }
    set_mark(kube::join_path(frame.path, key), frame.key_mark);
    frame.value[key] = value;
  }
}

}  // namespace nocobase_operator::io
