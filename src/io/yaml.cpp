#include "io/yaml.h"

#include <chrono>
#include <exception>
#include <istream>
#include <malloc.h>
#include <memory>
#include <optional>
#include <streambuf>
#include <utility>

#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "io/in_order.h"
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
  // No text up to this size makes it need much.
  static constexpr std::size_t harmless = std::size_t{512} << 10U;

  explicit GuardedText(std::string text)
      : text_(std::move(text)),
        heap_at_start_(text_.size() > harmless ? heap_bytes() : 0),
        deadline_(std::chrono::steady_clock::now() + max_time) {}

  // Whether the text was cut off.
  [[nodiscard]] bool cut() const { return cut_; }

 protected:
  int_type underflow() override {
    if (given_ == text_.size() || cut_) {
      return traits_type::eof();
    }
    cut_ = given_ > 0 && ((text_.size() > harmless && heap_bytes() > heap_at_start_ + max_heap_bytes) ||
                          std::chrono::steady_clock::now() > deadline_);
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

// What one slice of a text holds.
struct Content {
  std::vector<kube::SourceDocument> documents;
  std::size_t values = 0;
  std::optional<Unreadable> unreadable;
};

class SliceReader {
 public:
  SliceReader(const YamlLimits& limits, YamlFlavour flavour) : limits_(limits), flavour_(flavour) {}

  [[nodiscard]] Content read(const Slice& slice) {
    content_.unreadable = read_any(slice);
    return std::move(content_);
  }

 private:
  std::optional<Unreadable> read_any(const Slice& slice) {
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

  void take(kube::SourceDocument document) {
    if (!document.value.is_null()) {
      content_.values += count_values(document.value);
      content_.documents.push_back(std::move(document));
    }
  }

  // JSON values one after the other, as kubectl accepts them. False when it is anything else; then nothing was taken.
  bool read_all_json(std::string_view text, const Places& places) {
    std::size_t at = text.starts_with("---") ? 3 : 0;
    std::vector<kube::SourceDocument> documents;
    for (;;) {
      at = text.find_first_not_of(white_space, at);
      if (at == std::string_view::npos) {
        break;
      }
      if (text[at] != '{' && text[at] != '[') {
        return false;
      }
      const std::size_t size = json_extent(text.substr(at));
      std::optional<kube::SourceDocument> document =
          size == 0 ? std::nullopt : read_json(text.substr(at, size), at, places, limits_);
      if (!document) {
        return false;
      }
      documents.push_back(std::move(*document));
      at += size;
    }
    for (kube::SourceDocument& document : documents) {
      take(std::move(document));
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
      take(builder.take());
    }
    return error;
  }

  const YamlLimits& limits_;
  YamlFlavour flavour_;
  Content content_;
};

std::optional<Unreadable> too_large(std::string_view text, const YamlLimits& limits) {
  if (text.size() <= limits.max_bytes) {
    return std::nullopt;
  }
  return Unreadable{Unreadable::Why::limit, {1, 1}, "larger than " + std::to_string(limits.max_bytes) + " bytes"};
}

// Counts what a text holds, slice by slice.
class Tally {
 public:
  explicit Tally(const YamlLimits& limits) : limits_(limits) {}

  // To be called for every slice; what keeps it from being read, if the ones before were enough.
  [[nodiscard]] std::optional<Unreadable> begin(const Slice& slice) {
    if (++slices_ <= limits_.max_documents && values_ <= limits_.max_values) {
      return std::nullopt;
    }
    return Unreadable{Unreadable::Why::limit,
                      {slice.first_line, 1},
                      "more than " + std::to_string(limits_.max_documents) + " documents or " +
                          std::to_string(limits_.max_values) + " values in one file: split it"};
  }

  void add(std::size_t documents, std::size_t values) {
    documents_ += documents;
    values_ += values;
  }
  [[nodiscard]] std::size_t documents() const { return documents_; }

 private:
  const YamlLimits& limits_;
  std::size_t slices_ = 0;
  std::size_t documents_ = 0;
  std::size_t values_ = 0;
};

// A text of which slices are being read.
struct Progress {
  Progress(Text its_text, const YamlLimits& limits)
      : text(std::move(its_text)), splitter(text.text), tally(limits), unreadable(too_large(text.text, limits)) {}
  Text text;
  Splitter splitter;
  Tally tally;
  std::optional<Unreadable> unreadable;
};

// A slice after it was read.
struct Judged {
  std::vector<std::function<void()>> conclusions;
  std::size_t values = 0;
  std::optional<Unreadable> unreadable;
};

// Cuts texts into pieces of work, and puts the results together.
class Cutter {
 public:
  Cutter(const std::function<std::optional<Text>()>& next, const YamlLimits& limits, const Judge& judge,
         const std::function<void(const std::string& file, const Reading& reading)>& done)
      : next_(next), limits_(limits), judge_(judge), done_(done) {}

  std::optional<Piece> cut() {
    if (!progress_) {
      std::optional<Text> text = next_();
      if (!text) {
        return std::nullopt;
      }
      progress_ = std::make_shared<Progress>(std::move(*text), limits_);
    }
    std::optional<Slice> slice;
    if (!progress_->unreadable) {
      slice = progress_->splitter.next();
    }
    return slice ? piece_of(*slice) : last_piece();
  }

 private:
  [[nodiscard]] Piece piece_of(const Slice& slice) const {
    const auto judged = std::make_shared<Judged>();
    Piece piece;
    piece.work = [this, slice, judged, progress = progress_] {
      Content content = SliceReader(limits_, YamlFlavour::kubectl).read(slice);
      for (kube::SourceDocument& document : content.documents) {
        document.file = progress->text.file;
        judged->conclusions.push_back(judge_(std::move(document)));
      }
      judged->values = content.values;
      judged->unreadable = std::move(content.unreadable);
    };
    piece.after = [slice, judged, progress = progress_] {
      if (!progress->unreadable) {
        progress->unreadable = progress->tally.begin(slice);
      }
      if (progress->unreadable) {
        return;
      }
      for (const std::function<void()>& conclude : judged->conclusions) {
        conclude();
      }
      progress->tally.add(judged->conclusions.size(), judged->values);
      progress->unreadable = std::move(judged->unreadable);
    };
    piece.bytes = slice.text.size();
    piece.alone = slice.text.size() > GuardedText::harmless;
    return piece;
  }

  [[nodiscard]] Piece last_piece() {
    const std::shared_ptr<Progress> progress = std::exchange(progress_, nullptr);
    Piece piece;
    piece.work = [] {};
    piece.after = [this, progress] { done_(progress->text.file, {progress->tally.documents(), progress->unreadable}); };
    return piece;
  }

  const std::function<std::optional<Text>()>& next_;
  const YamlLimits& limits_;
  const Judge& judge_;
  const std::function<void(const std::string& file, const Reading& reading)>& done_;
  std::shared_ptr<Progress> progress_;
};

}  // namespace

Reading read_text(std::string_view text, const std::string& file, const YamlLimits& limits,
                  const std::function<void(kube::SourceDocument)>& each, YamlFlavour flavour) {
  if (auto large = too_large(text, limits)) {
    return {0, std::move(large)};
  }
  Splitter splitter(text);
  Tally tally(limits);
  while (const std::optional<Slice> slice = splitter.next()) {
    if (auto enough = tally.begin(*slice)) {
      return {tally.documents(), std::move(enough)};
    }
    Content content = SliceReader(limits, flavour).read(*slice);
    tally.add(content.documents.size(), content.values);
    for (kube::SourceDocument& document : content.documents) {
      document.file = file;
      each(std::move(document));
    }
    if (content.unreadable) {
      return {tally.documents(), std::move(content.unreadable)};
    }
  }
  return {tally.documents(), std::nullopt};
}

void read_texts(const std::function<std::optional<Text>()>& next, const YamlLimits& limits, const Judge& judge,
                const std::function<void(const std::string& file, const Reading& reading)>& done, std::size_t threads) {
  Cutter cutter(next, limits, judge, done);
  in_order({.threads = threads == 0 ? usual_threads() : threads}, [&cutter] { return cutter.cut(); });
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
