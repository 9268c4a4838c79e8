#include <algorithm>
#include <unordered_set>
#include <utility>

#include "unicode.h"
#include "worker_mode.h"

namespace nocobase::worker_mode {
namespace {

constexpr std::string_view everything_advice = "for requests and every service, set WORKER_MODE to an empty string";

// What one pass over the characters of an item sees; each place is the first of its sort.
struct Sights {
  struct Place {
    std::size_t at = std::string_view::npos;
    CodePoint point;

    [[nodiscard]] bool seen() const { return at != std::string_view::npos; }
  };
  Place ill_formed, look_alike, quote, separator, invisible, blank;
};

void note(Sights::Place& place, std::size_t at, const CodePoint& point) {
  if (!place.seen()) {
    place = {at, point};
  }
}

Sights look_at(std::string_view text) {
  Sights sights;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = decode(text, at);
    if (!point.valid) {
      note(sights.ill_formed, at, point);
    } else if (ascii_meant_by(point.value) != '\0') {
      note(sights.look_alike, at, point);
    } else if (is_quote(point.value)) {
      note(sights.quote, at, point);
    } else if (point.value == U';' || point.value == U'|') {
      note(sights.separator, at, point);
    } else if (is_js_space(point.value)) {
      note(sights.blank, at, point);
    } else if (is_invisible(point.value)) {
      note(sights.invisible, at, point);
    }
    at += point.length;
  }
  return sights;
}

// What a person meant: ASCII for look-alikes, commas for other separators, and nothing for quotes and what is
// invisible.
std::string cleaned(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = decode(text, at);
    const char meant = ascii_meant_by(point.value);
    const char32_t c = meant != '\0' ? static_cast<char32_t>(meant) : point.value;
    if (c == U';' || c == U'|') {
      out += ',';
    } else if (meant != '\0' && !is_quote(c)) {
      out += meant;
    } else if (!is_quote(c) && !is_invisible(c)) {
      out.append(text.substr(at, point.length));
    }
    at += point.length;
  }
  return out;
}

std::string write(std::string_view text) {
  return text.empty() || text == "-" ? "list what is to be served" : "write " + quoted(text);
}

std::string comma_for_blanks(std::string_view text) {
  std::string out;
  bool gap = false;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = decode(text, at);
    const bool blank = is_js_space(point.value);
    if (!blank) {
      out += gap ? "," : "";
      out.append(text.substr(at, point.length));
    }
    gap = blank;
    at += point.length;
  }
  return out;
}

class Linter {
 public:
  Linter(std::string_view value, const LintOptions& options)
      : summary_(options.summary),
        value_(value),
        mode_(Mode::parse(value)),
        known_(known_keys(options.extra_keys)),
        is_known_(known_.begin(), known_.end()) {}

  std::vector<Finding> run() {
    if (summary_) {
      add(Rule::summary, value_, "the value " + describe(mode_, known_), "");
    }
    if (const std::size_t at = find_ill_formed(value_); at != std::string_view::npos) {
      add(Rule::not_utf8, value_.substr(at, decode(value_, at).length),
          "these bytes are not UTF-8; Node.js reads U+FFFD in their place", "write the key in UTF-8");
    }
    if (value_.size() > max_value_size) {
      add(Rule::value_too_long, value_.substr(max_value_size),
          "Linux starts no process with a WORKER_MODE of more than " + std::to_string(max_value_size) +
              " bytes; this has " + std::to_string(value_.size()),
          "split the keys over several roles");
    }
    if (!judge_whole()) {
      judge_items();
    }
    return finished();
  }

 private:
  // `where` lies inside the value.
  void add(Rule rule, std::string_view where, std::string message, std::string advice) {
    if (findings_.size() >= max_findings) {
      stopped_ = true;
      return;
    }
    findings_.push_back(Finding{rule, static_cast<std::size_t>(where.data() - value_.data()), where.size(),
                                std::move(message), std::move(advice)});
  }

  std::vector<Finding> finished() {
    std::stable_sort(findings_.begin(), findings_.end(), [](const Finding& a, const Finding& b) {
      return std::pair(a.offset, a.rule) < std::pair(b.offset, b.rule);
    });
    if (stopped_) {
      add_last();
    }
    return std::move(findings_);
  }

  void add_last() {
    findings_.push_back(Finding{Rule::too_many, value_.size(), 0,
                                "more than " + std::to_string(max_findings) + " findings; the rest was not looked at",
                                "mend these first"});
  }

  // What the value as a whole gives away. True if nothing is left to say about its items.
  bool judge_whole() {
    const std::string_view trimmed = js_trim(value_);
    if (value_.empty()) {
      add(Rule::empty_value, value_, "the value is empty, which means everything",
          "right if everything is meant; an unquoted ! in YAML reads as an empty string, so quote it: \"!\"");
      return true;
    }
    if (value_ == "*") {
      return true;
    }
    if (value_ == "-") {
      add(Rule::transient_value, value_,
          "NocoBase gives - to its own worker threads; a pod that has it answers every API call with 503, for ever",
          "list what the pod is to serve; to run none, scale the role to zero");
      return true;
    }
    if (is_blank_list(trimmed)) {
      add(Rule::blank_value, value_, "the value is not empty, so it does not mean everything, and no key is in it",
          std::string(everything_advice));
      return true;
    }
    if (trimmed == "-") {
      add(Rule::padded_dash, value_, "with white space around it, - is not the transient mode but an unknown key",
          "list what is to be served");
      return true;
    }
    if (trimmed == "*") {
      add(Rule::padded_star, value_, "with white space around it, * is not every service but an unknown key",
          write("*"));
      return true;
    }
    judge_margins(trimmed);
    return false;
  }

  static bool is_blank_list(std::string_view list) {
    for (std::size_t at = 0; at < list.size();) {
      const CodePoint point = decode(list, at);
      if (point.value != U',' && !is_js_space(point.value)) {
        return false;
      }
      at += point.length;
    }
    return true;
  }

  void judge_margins(std::string_view trimmed) {
    const auto before = static_cast<std::size_t>(trimmed.data() - value_.data());
    for (const std::string_view margin : {value_.substr(0, before), value_.substr(before + trimmed.size())}) {
      if (!margin.empty()) {
        add(Rule::outer_blank, margin, "NocoBase trims white space around the whole value, other readers may not",
            "leave it out");
      }
    }
  }

  void judge_items() {
    const std::string_view list = js_trim(value_);
    std::unordered_set<std::string_view> seen;
    for (std::size_t at = 0; at <= list.size() && !stopped_;) {
      const std::size_t end = std::min(list.find(',', at), list.size());
      const std::string_view item = list.substr(at, end - at);
      const std::string_view core = js_trim(item);
      at = end + 1;
      if (core.empty()) {
        add(Rule::empty_item, item, "nothing stands between these commas", "leave the extra comma out");
      } else if (!seen.insert(item).second) {
        add(Rule::repeated_item, item, quoted(item) + " is already in the list", "leave it out");
      } else {
        judge_item(item, core);
      }
    }
  }

  void judge_item(std::string_view item, std::string_view core) {
    if (core.size() != item.size()) {
      add(Rule::item_blank, item, quoted(item) + " is compared with its white space and never matches " + quoted(core),
          "leave the white space out");
    }
    if (core == "!" || is_known_.count(core) != 0) {
      return;
    }
    if (core == "*") {
      add(Rule::star_in_list, core,
          "* means every service only when it is the whole value; in a list it is an unknown key",
          mode_.serves_requests() ? std::string(everything_advice) : "for every service, write \"*\" alone");
    } else if (core == "-") {
      add(Rule::dash_in_list, core, "- means something only as the whole value; in a list it is an unknown key",
          "leave it out");
    } else if (!judge_spelling(core) && !judge_shape(core)) {
      judge_key(core);
    }
  }

  // Characters that were taken for others. True if there were any.
  bool judge_spelling(std::string_view core) {
    const Sights sights = look_at(core);
    const auto at = [&](const Sights::Place& place) { return core.substr(place.at, place.point.length); };
    if (sights.ill_formed.seen()) {
      return true;  // the finding for the whole value says it
    }
    if (sights.look_alike.seen()) {
      add(Rule::look_alike, at(sights.look_alike),
          quoted(at(sights.look_alike)) + " only looks like " +
              quoted(std::string(1, ascii_meant_by(sights.look_alike.point.value))),
          write(cleaned(core)));
    } else if (sights.quote.seen()) {
      add(Rule::quote, at(sights.quote), "the quotation mark is part of what NocoBase compares", write(cleaned(core)));
    } else if (sights.separator.seen()) {
      add(Rule::other_separator, at(sights.separator),
          quoted(at(sights.separator)) + " does not separate keys; all of " + quoted(core) + " is one key",
          write(cleaned(core)));
    } else if (sights.invisible.seen()) {
      add(Rule::invisible, at(sights.invisible),
          quoted(at(sights.invisible)) + " cannot be seen and is part of the key", write(cleaned(core)));
    } else if (sights.blank.seen() && core.front() != '!' && core.front() != '-') {
      add(Rule::inner_blank, at(sights.blank),
          "white space does not separate keys; all of " + quoted(core) + " is one key", write(comma_for_blanks(core)));
    } else {
      return false;
    }
    return true;
  }

  // Signs that mean nothing inside an item. True if there were any.
  bool judge_shape(std::string_view core) {
    if (core.front() == '!') {
      const std::string_view rest = js_trim(core.substr(std::min(core.find_first_not_of('!'), core.size())));
      std::string advice = write(rest.empty() || rest == "-" ? "!" : "!," + std::string(rest));
      if (rest == "*") {
        advice = everything_advice;
      }
      add(Rule::glued_bang, core,
          "! means requests only as an item of its own; " + quoted(core) + " is one unknown key", std::move(advice));
    } else if (core.front() == '-') {
      add(Rule::glued_dash, core, "nothing can be taken out with -; " + quoted(core) + " is one unknown key",
          "list what is to be served and nothing else");
    } else if (core.find('*') != std::string_view::npos) {
      add(Rule::star_in_key, core, quoted(core) + " is compared as it stands; * is not a pattern",
          core.find_first_not_of('*') == std::string_view::npos ? "for every service, write \"*\" alone"
                                                                : "list each key in full");
    } else {
      return false;
    }
    return true;
  }

  void judge_key(std::string_view core) {
    const std::string lower = ascii_lower(core);
    for (const std::string& key : known_) {
      if (ascii_lower(key) == lower) {
        add(Rule::wrong_case, core, quoted(core) + " is not " + quoted(key) + ": keys are case-sensitive", write(key));
        return;
      }
    }
    const std::optional<std::string> meant = suggest(core, known_);
    add(Rule::unknown_key, core, "no known service has the key " + quoted(core),
        meant ? "did you mean " + quoted(*meant) + "?" : "right only if an installed plugin defines this key");
  }

  bool summary_;
  std::string_view value_;
  Mode mode_;
  std::vector<std::string> known_;
  std::unordered_set<std::string_view> is_known_;
  std::vector<Finding> findings_;
  bool stopped_ = false;
};

}  // namespace

std::string_view to_text(Severity severity) {
  switch (severity) {
    case Severity::info:
      return "info";
    case Severity::warning:
      return "warning";
    case Severity::error:
      return "error";
  }
  return {};
}

std::vector<Finding> lint(std::string_view value, const LintOptions& options) {
  return Linter(value, options).run();
}

}  // namespace nocobase::worker_mode
