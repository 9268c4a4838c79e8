#include "io/yaml.h"

#include <chrono>
#include <exception>
#include <istream>
#include <malloc.h>
#include <optional>
#include <streambuf>
#include <utility>

#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "io/yaml_build.h"
#include "io/yaml_json.h"
#include "io/yaml_text.h"

namespace nocobase_operator::io {
namespace {

constexpr std::string_view white_space = " \t\r\n";

// Gives the parser its text in pieces, and no more once it has gone astray: on some malformed inputs yaml-cpp queues a
// token of 88 bytes for every byte it reads, and looks at none before the last.
class GuardedText final : public std::streambuf {
 public:
  explicit GuardedText(std::string text)
      : text_(std::move(text)), heap_at_start_(heap_bytes()), deadline_(std::chrono::steady_clock::now() + max_time) {}

  // Whether the text was cut off.
  [[nodiscard]] bool cut() const { return cut_; }

 protected:
  int_type underflow() override {
    if (given_ == text_.size() || cut_) {
      return traits_type::eof();
    }
    cut_ = heap_bytes() > heap_at_start_ + max_heap_bytes || std::chrono::steady_clock::now() > deadline_;
    if (cut_) {
      return traits_type::eof();
    }
    const std::size_t size = std::min(piece, text_.size() - given_);
    char* start = text_.data() + given_;
    setg(start, start, start + size);
    given_ += size;
    return traits_type::to_int_type(*start);
  }

 private:
  static constexpr std::size_t piece = 16384;
  static constexpr std::size_t max_heap_bytes = 96U << 20U;
  static constexpr std::chrono::seconds max_time{3};

  static std::size_t heap_bytes() {
    const struct mallinfo2 info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
  }

  std::string text_;
  std::size_t given_ = 0;
  std::size_t heap_at_start_;
  std::chrono::steady_clock::time_point deadline_;
  bool cut_ = false;
};

// What yaml-cpp says, in words for somebody who has never seen its grammar.
Unreadable in_words(const std::string& message) {
  struct Words {
    std::string_view theirs;
    std::string_view ours;
    Unreadable::Why why = Unreadable::Why::syntax;
  };
  constexpr auto alias = Unreadable::Why::alias;
  static constexpr Words words[] = {
      {"illegal map value", "\": \" is not allowed here: a second key in the line, or a value that needs quotes"},
      {"end of map not found", "this does not belong to the map above: is the indentation right?"},
      {"end of sequence not found", "this does not belong to the list above: is the indentation right?"},
      {"end of map flow not found", "the '{' above is not closed"},
      {"end of sequence flow not found", "the '[' above is not closed"},
      {"illegal block entry", "\"- \" is not allowed here"},
      {"illegal EOF in scalar", "the quoted text is not closed"},
      {"illegal tab when looking for indentation", "a tab can not indent: use blanks"},
      {"unknown token", "this character can not start a value: quote it"},
      {"bad file", "nested too deep", Unreadable::Why::limit},
      {"alias not found after *", "an unquoted * begins a YAML alias: write \"*\" in quotes if it is meant as a text",
       alias},
      {"the referenced anchor is not defined", "", alias},
  };
  for (const Words& entry : words) {
    if (message.starts_with(entry.theirs)) {
      return {entry.why, {}, entry.ours.empty() ? message : std::string(entry.ours)};
    }
  }
  return {Unreadable::Why::syntax, {}, message};
}

// How many values there are, lists and maps included. No deeper than YamlLimits::max_depth.
std::size_t count_values(const kube::Json& value) {
  std::size_t count = 1;
  if (value.is_structured()) {
    for (const kube::Json& item : value) {
      count += count_values(item);
    }
  }
  return count;
}

class Reader {
 public:
  Reader(const std::string& file, const YamlLimits& limits, const std::function<void(kube::SourceDocument)>& each,
         YamlFlavour flavour)
      : file_(file), limits_(limits), each_(each), flavour_(flavour) {}

  [[nodiscard]] std::size_t delivered() const { return delivered_; }

  std::optional<Unreadable> read(const Slice& slice) {
    if (++documents_ > limits_.max_documents || values_ > limits_.max_values) {
      return Unreadable{Unreadable::Why::limit,
                        {slice.first_line, 1},
                        "more than " + std::to_string(limits_.max_documents) + " documents or " +
                            std::to_string(limits_.max_values) + " values in one file: split it"};
    }
    if (slice.text.size() > limits_.max_document_bytes) {
      return Unreadable{Unreadable::Why::limit,
                        {slice.first_line, 1},
                        "the document is larger than " + std::to_string(limits_.max_document_bytes) + " bytes"};
    }
    if (auto no_text = check_text(slice)) {
      return no_text;
    }
    const std::string text = with_unix_lines(slice.text);
    const Places places(text, slice.first_line);
    if (read_all_json(text, places)) {
      return std::nullopt;
    }
    return read_yaml(text, places);
  }

 private:
  void deliver(kube::SourceDocument document) {
    if (document.value.is_null()) {
      return;
    }
    values_ += count_values(document.value);
    document.file = file_;
    document.index = delivered_++;
    each_(std::move(document));
  }

  // JSON values one after the other, as kubectl accepts them. False when it is anything else; then nothing was
  // delivered.
  bool read_all_json(const std::string& text, const Places& places) {
    std::size_t at = text.starts_with("---") ? 3 : 0;
    std::vector<kube::SourceDocument> documents;
    for (;;) {
      at = text.find_first_not_of(white_space, at);
      if (at == std::string::npos) {
        break;
      }
      if (text[at] != '{' && text[at] != '[') {
        return false;
      }
      const std::size_t size = json_extent(std::string_view(text).substr(at));
      std::optional<kube::SourceDocument> document =
          size == 0 ? std::nullopt : read_json(std::string_view(text).substr(at, size), at, places, limits_);
      if (!document) {
        return false;
      }
      documents.push_back(std::move(*document));
      at += size;
    }
    for (kube::SourceDocument& document : documents) {
      deliver(std::move(document));
    }
    return true;
  }

  std::optional<Unreadable> read_yaml(const std::string& text, const Places& places) {
    YamlBuilder builder(text, places, limits_, flavour_);
    GuardedText guarded(text);
    std::istream stream(&guarded);
    std::optional<Unreadable> error;
    try {
      YAML::Parser parser(stream);
      while (!builder.failure() && parser.HandleNextDocument(builder)) {
      }
    } catch (const YAML::Exception& e) {
      error = in_words(e.msg);
      error->mark = places.at_line(static_cast<std::size_t>(std::max(e.mark.line, 0)),
                                   static_cast<std::size_t>(std::max(e.mark.column, 0)));
    } catch (const std::exception& e) {
      error = Unreadable{Unreadable::Why::syntax, places.at(0), e.what()};
    }
    if (builder.failure()) {
      return builder.failure();
    }
    if (guarded.cut()) {
      return Unreadable{Unreadable::Why::limit, places.at(0), "the document is too complex to be read"};
    }
    if (!error && builder.complete()) {
      deliver(builder.take());
    }
    return error;
  }

  const std::string& file_;
  const YamlLimits& limits_;
  const std::function<void(kube::SourceDocument)>& each_;
  YamlFlavour flavour_;
  std::size_t delivered_ = 0;
  std::size_t documents_ = 0;
  std::size_t values_ = 0;  // of those that were delivered
};

}  // namespace

Reading read_text(std::string_view text, const std::string& file, const YamlLimits& limits,
                  const std::function<void(kube::SourceDocument)>& each, YamlFlavour flavour) {
  if (text.size() > limits.max_bytes) {
    return {0,
            Unreadable{Unreadable::Why::limit, {1, 1}, "larger than " + std::to_string(limits.max_bytes) + " bytes"}};
  }
  Splitter splitter(text);
  Reader reader(file, limits, each, flavour);
  while (const std::optional<Slice> slice = splitter.next()) {
    if (auto unreadable = reader.read(*slice)) {
      return {reader.delivered(), std::move(unreadable)};
    }
  }
  return {reader.delivered(), std::nullopt};
}

Result<std::size_t> read_documents(std::string_view text, const std::string& file, const YamlLimits& limits,
                                   const std::function<void(kube::SourceDocument)>& each, YamlFlavour flavour) {
  const Reading reading = read_text(text, file, limits, each, flavour);
  if (!reading.unreadable) {
    return reading.documents;
  }
  const auto& [why, mark, what] = *reading.unreadable;
  return Error{Code::invalid, file + ":" + std::to_string(mark.line) + ":" + std::to_string(mark.column) + ": " + what};
}

}  // namespace nocobase_operator::io
