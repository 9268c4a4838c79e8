// A cursor over JSON that somebody else wrote. It knows its path, never throws, and collects findings instead of
// stopping at the first. Strict: finish() reports members that nobody asked for.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kube/finding.h"
#include "kube/json.h"

namespace nocobase_operator::kube {

// The codes under which a Reader reports; the caller owns the numbering and keeps the object while readers use it.
struct ReaderCodes {
  std::string unknown_field;
  std::string wrong_type;
  std::string out_of_range;
  std::string missing;
};

// The names of members are literals: a reader keeps them to the end.
class Reader {
 public:
  // Reads `value`, which must outlive the reader, and appends to `findings`. A null or non-object value is a finding.
  Reader(const Json& value, std::string path, const ReaderCodes& codes, Findings& findings);

  // Each returns nothing when the member is absent or null (null means absent, as the API server treats it), and adds a
  // finding and returns nothing when it has the wrong type or is out of range.
  [[nodiscard]] std::optional<std::string> string(std::string_view key);
  [[nodiscard]] std::optional<bool> boolean(std::string_view key);
  // Accepts whole JSON numbers only (3.0 counts as 3).
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view key, std::int64_t min, std::int64_t max);
  // A list of strings; an item of another type is a finding and left out.
  [[nodiscard]] std::optional<std::vector<std::string>> strings(std::string_view key);
  // A string, or a whole number as an integer: Kubernetes' IntOrString, where "80" and 80 differ. An empty string and a
  // number out of int32 are findings.
  [[nodiscard]] std::optional<Json> int_or_string(std::string_view key);
  // A quantity: a string or a number, as text. Its syntax is not checked here: see canonical_quantity().
  [[nodiscard]] std::optional<std::string> quantity(std::string_view key);
  // An object or array that is handed on as it is, whatever it holds.
  [[nodiscard]] std::optional<Json> object(std::string_view key);
  [[nodiscard]] std::optional<Json> array(std::string_view key);
  // An object of strings (labels, annotations, selectors), by key; a value of another type is a finding and left out.
  [[nodiscard]] std::optional<std::vector<std::pair<std::string, std::string>>> string_map(std::string_view key);

  // Calls `read` with a reader of the nested object, and its finish() afterwards. False when absent or wrong.
  bool nested(std::string_view key, const std::function<void(Reader&)>& read);
  // The same for each item of a list of objects, in order. False when absent or wrong.
  bool each(std::string_view key, const std::function<void(Reader&)>& read);

  [[nodiscard]] bool has(std::string_view key) const;  // present and not null
  // Adds a finding when a member is absent.
  void require(std::string_view key, std::string_view advice);
  // Marks a member as known without reading it.
  void skip(std::string_view key);
  // Adds a finding for the member `key` (or for this object when key is empty).
  void fail(std::string_view key, std::string code, std::string message, std::string advice);
  // Reports every member that was neither read nor skipped, with "did you mean" among the known ones.
  void finish();

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string path_of(std::string_view key) const;

 private:
  const Json* take(std::string_view key);
  void wrong_type(std::string_view key, std::string_view want, const Json& got);

  const Json* value_;
  std::string path_;
  const ReaderCodes* codes_;
  Findings* findings_;
  std::vector<std::string_view> known_;  // some of them more than once
};

// "path.key", or "path["a.b/c"]" when the key is no plain identifier; "path[3]" for an index.
[[nodiscard]] std::string join_path(std::string_view path, std::string_view key);
[[nodiscard]] std::string join_path(std::string_view path, std::size_t index);
// A short description of a JSON value for messages: `"two"`, `3`, `a list of 2`, `an object`.
[[nodiscard]] std::string describe(const Json& value);

}  // namespace nocobase_operator::kube
