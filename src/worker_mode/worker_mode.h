// WORKER_MODE, read exactly as NocoBase reads it: what a value serves, how to write one, and what looks wrong in one.
// A library of its own: C++17 and the standard library, no exceptions, no RTTI. It must not know Kubernetes or the
// operator.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nocobase::worker_mode {

/// A service key that NocoBase itself asks for, and where it does so.
struct KnownKey {
  std::string_view key;
  std::string_view source;  ///< file in the nocobase/nocobase repository, as of 2.2.15
};

/// Every service key of the open-source code. Commercial and own plugins may define more.
inline constexpr std::array<KnownKey, 2> upstream_keys{{
    {"workflow:process", "packages/plugins/@nocobase/plugin-workflow/src/server/Plugin.ts"},
    {"async-task:process", "packages/plugins/@nocobase/plugin-async-task-manager/src/server/base-task-manager.ts"},
}};

/// The upstream keys followed by those of `extra` that are new. "", "!", "*", "-" and whatever has a comma in it can
/// never be served by name and are left out.
std::vector<std::string> known_keys(const std::vector<std::string>& extra = {});

/// The longest value that Linux accepts: 131,072 bytes for "WORKER_MODE=", the value and the closing NUL
/// (MAX_ARG_STRLEN).
inline constexpr std::size_t max_value_size = 131'072 - 1 - std::string_view("WORKER_MODE=").size();

/// What a role does: serve requests, and process the services that are listed. `{"*"}` stands for every service.
struct RoleServices {
  bool requests = false;
  std::vector<std::string> services;

  friend bool operator==(const RoleServices& a, const RoleServices& b) {
    return a.requests == b.requests && a.services == b.services;
  }
  friend bool operator!=(const RoleServices& a, const RoleServices& b) { return !(a == b); }
};

/// A WORKER_MODE that was read. Reading is total: upstream has no error path, so every string is a mode. What looks
/// wrong in a string is told by lint(). Source of the rules: packages/core/server/src/worker-mode.ts (nocobase 2.2.15).
///
/// Text is UTF-8. Where bytes are not, each ill-formed sequence stands for U+FFFD, as in Node.js ("maximal subparts",
/// WHATWG).
class Mode {
 public:
  enum class Kind : std::uint8_t {
    everything,    ///< unset or empty: requests and every service
    transient,     ///< exactly "-": nothing; upstream gives it to its worker threads
    all_services,  ///< exactly "*": every service, not requests
    listed,        ///< anything else: what is in the list, which may be nothing
  };

  /// Like unset().
  Mode() = default;

  /// The mode of a variable that is set to `value`, which may be empty.
  static Mode parse(std::string_view value);

  /// The mode of a variable that is not set; it equals that of an empty one.
  static Mode unset() { return {}; }

  [[nodiscard]] Kind kind() const { return kind_; }

  /// Upstream's serving(key). An empty key is no key, and that asks for requests.
  [[nodiscard]] bool serves(std::string_view key) const;

  /// Upstream's serving() without a key. NocoBase never asks it (2.2.15): a pod of any kind but `transient` answers
  /// HTTP.
  [[nodiscard]] bool serves_requests() const;

  /// Upstream's isTransient(): such a process writes no application status, so as a pod it answers 503 for ever.
  [[nodiscard]] bool is_transient() const { return kind_ == Kind::transient; }

  /// Requests and every service.
  [[nodiscard]] bool serves_everything() const { return kind_ == Kind::everything; }

  /// Every service, whatever its key.
  [[nodiscard]] bool serves_all_services() const { return kind_ == Kind::everything || kind_ == Kind::all_services; }

  /// Neither requests nor any service.
  [[nodiscard]] bool serves_nothing() const;

  /// The keys that are served because the list names them: in order, once each, without "!" and without empty items.
  /// Empty unless kind() is `listed`. Text that is not UTF-8 is already replaced here.
  [[nodiscard]] const std::vector<std::string>& services() const { return services_; }

  /// Whether both give the same answer to every question; the order of a list does not matter.
  friend bool operator==(const Mode& a, const Mode& b);
  friend bool operator!=(const Mode& a, const Mode& b) { return !(a == b); }

 private:
  Kind kind_ = Kind::everything;
  bool listed_requests_ = false;
  std::vector<std::string> services_;
};

/// Whether `mode` serves what `role` says, no more and no less.
bool serves_exactly(const Mode& mode, const RoleServices& role);

/// Why a role or a key cannot be written as WORKER_MODE.
enum class FormatError : std::uint8_t {
  none,
  nothing_to_serve,  ///< neither requests nor a service: an empty value would mean everything
  star_not_alone,    ///< "*" beside other keys
  repeated_key,      ///< the same key twice
  empty_key,         ///< upstream takes an empty key for none
  comma_in_key,      ///< a comma separates keys
  reserved_start,    ///< "!" or "-" first
  blank_in_key,      ///< white space of any script, which upstream compares
  invisible_in_key,  ///< a control or invisible character
  key_not_utf8,      ///< Node.js would read another text
  value_too_long,    ///< over max_value_size bytes
};

/// The error for people: a clause without subject or full stop, such as "contains a comma".
std::string_view to_text(FormatError error);

/// What is wrong with `key` as one service key of a list ("*" is nothing wrong); `none` when it can be written.
FormatError check_key(std::string_view key);

/// The outcome of format(): a value, or why there is none.
struct Formatted {
  std::string value;                      ///< WORKER_MODE; may be empty on success, which has to be set explicitly
  FormatError error = FormatError::none;  ///< `none` on success
  std::size_t index = 0;                  ///< the place in `services` that the error is about, where it is about one

  [[nodiscard]] bool ok() const { return error == FormatError::none; }
};

/// The WORKER_MODE of a role. Keys keep their order. Without an error, Mode::parse() of the value serves exactly the
/// role.
///
///   requests  services  value          requests  services  value
///   yes       none      !              no        none      refused
///   yes       a, b      !,a,b          no        a, b      a,b
///   yes       *         (empty)        no        *         *
Formatted format(const RoleServices& role);

/// The role that serves exactly what `mode` serves; nothing when no role can be written for it (it serves nothing, or
/// it lists a key that check_key() refuses).
std::optional<RoleServices> role_of(const Mode& mode);

/// One line in plain English on what a mode serves and which of the `known` keys it leaves out, such as
/// "serves requests and workflow:process; not async-task:process". Keys that are not known are quoted and marked.
std::string describe(const Mode& mode, const std::vector<std::string>& known = known_keys());

/// The known key that `key` probably means: the nearest within two edits (insert, remove, replace or swap bytes; one
/// edit for each three bytes of the known key), letter case aside, or else the only one whose part before the colon it
/// is. Nothing when `key` is known or over 256 bytes long. Of equally near ones the first.
std::optional<std::string> suggest(std::string_view key, const std::vector<std::string>& known);

enum class Severity : std::uint8_t { info, warning, error };

/// "info", "warning" or "error".
std::string_view to_text(Severity severity);

/// What lint() can find. A code, once released, keeps its meaning.
enum class Rule : std::uint8_t {
  summary,
  empty_value,
  transient_value,
  blank_value,
  padded_dash,
  padded_star,
  value_too_long,
  not_utf8,
  outer_blank,
  item_blank,
  inner_blank,
  empty_item,
  repeated_item,
  star_in_list,
  dash_in_list,
  glued_bang,
  glued_dash,
  star_in_key,
  quote,
  other_separator,
  look_alike,
  invisible,
  wrong_case,
  unknown_key,
  too_many,
};

/// What is the same for every finding of a rule.
struct RuleInfo {
  Rule rule;
  std::string_view code;  ///< "WM001"
  Severity severity;
  std::string_view title;
};

/// Every rule, in the order of the enum and of the codes.
inline constexpr std::array<RuleInfo, 25> lint_rules{{
    {Rule::summary, "WM001", Severity::info, "what the value really serves"},
    {Rule::empty_value, "WM002", Severity::info, "set but empty: everything is served"},
    {Rule::transient_value, "WM003", Severity::error, "`-` is for worker threads, never for a pod"},
    {Rule::blank_value, "WM004", Severity::error, "not empty, yet without a single key: nothing is served"},
    {Rule::padded_dash, "WM005", Severity::error, "`-` with white space is not transient and serves nothing"},
    {Rule::padded_star, "WM006", Severity::error, "`*` with white space is no wildcard and serves nothing"},
    {Rule::value_too_long, "WM007", Severity::error, "longer than Linux accepts"},
    {Rule::not_utf8, "WM008", Severity::error, "bytes that are not UTF-8"},
    {Rule::outer_blank, "WM010", Severity::warning, "white space around the value"},
    {Rule::item_blank, "WM011", Severity::error, "white space around an item is part of its key"},
    {Rule::inner_blank, "WM012", Severity::error, "white space inside a key"},
    {Rule::empty_item, "WM013", Severity::warning, "empty item"},
    {Rule::repeated_item, "WM014", Severity::warning, "repeated item"},
    {Rule::star_in_list, "WM020", Severity::error, "`*` in a list is no wildcard"},
    {Rule::dash_in_list, "WM021", Severity::error, "`-` in a list means nothing"},
    {Rule::glued_bang, "WM022", Severity::error, "`!` glued to a key"},
    {Rule::glued_dash, "WM023", Severity::error, "`-` glued to a key excludes nothing"},
    {Rule::star_in_key, "WM024", Severity::error, "patterns are not understood"},
    {Rule::quote, "WM030", Severity::error, "quotes are part of the value"},
    {Rule::other_separator, "WM031", Severity::error, "only a comma separates"},
    {Rule::look_alike, "WM032", Severity::error, "a full-width or similar character in place of the ASCII one"},
    {Rule::invisible, "WM033", Severity::error, "a control or invisible character"},
    {Rule::wrong_case, "WM040", Severity::error, "keys are case-sensitive"},
    {Rule::unknown_key, "WM041", Severity::warning, "no known service has this key"},
    {Rule::too_many, "WM090", Severity::error, "too many findings; the rest of the value was not looked at"},
}};

/// The entry of `rule` in lint_rules.
constexpr const RuleInfo& info(Rule rule) {
  return lint_rules[static_cast<std::size_t>(rule)];
}

/// One thing that lint() has to say.
struct Finding {
  Rule rule = Rule::summary;
  std::size_t offset = 0;  ///< in bytes from the start of the value
  std::size_t length = 0;  ///< in bytes; offset + length never exceeds the size of the value
  std::string message;     ///< one line, what is the case; foreign text is quoted and escaped
  std::string advice;      ///< one line, what to write instead; may be empty

  [[nodiscard]] std::string_view code() const { return info(rule).code; }
  [[nodiscard]] Severity severity() const { return info(rule).severity; }

  friend bool operator==(const Finding& a, const Finding& b) {
    return a.rule == b.rule && a.offset == b.offset && a.length == b.length && a.message == b.message &&
           a.advice == b.advice;
  }
  friend bool operator!=(const Finding& a, const Finding& b) { return !(a == b); }
};

struct LintOptions {
  /// Service keys that exist besides the upstream ones, from plugins. An item that is one of them gets no finding.
  std::vector<std::string> extra_keys;
  /// Whether the first finding is WM001, which says what the value means; putting it in words takes most of the time.
  bool summary = true;
};

/// After this many findings lint() says WM090 and stops.
inline constexpr std::size_t max_findings = 100;

/// What there is to say about a WORKER_MODE that is set to `value`, ordered by offset, then by code. The first one is
/// WM001, unless the options leave it out.
std::vector<Finding> lint(std::string_view value, const LintOptions& options = {});

}  // namespace nocobase::worker_mode
