// Any bytes as YAML: no crash, no runaway, places within the text, and what is written reads back as the same value.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "io/yaml.h"

namespace {

using namespace nocobase_operator;  // NOLINT(google-build-using-namespace) one file, one purpose

// Floats may lose digits in text and are left out of the comparison.
bool has_float(const kube::Json& value) {
  if (value.is_structured()) {
    for (const auto& item : value) {
      if (has_float(item)) {
        return true;
      }
    }
  }
  return value.is_number_float();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::size_t lines = 1;
  for (const char c : text) {
    lines += c == '\n' || c == '\r' ? 1U : 0U;
  }
  std::vector<kube::SourceDocument> documents;
  const auto first = io::read_documents(
      text, "f", {}, [&](kube::SourceDocument document) { documents.push_back(std::move(document)); });
  for (const auto& document : documents) {
    for (const auto& [path, mark] : document.marks) {
      CHECK(mark.line >= 1 && mark.line <= lines + 1 && mark.column >= 1);
    }
    if (has_float(document.value)) {
      continue;
    }
    std::vector<kube::Json> again;
    const auto second = io::read_documents(io::to_yaml(document.value), "g", {},
                                           [&](kube::SourceDocument copy) { again.push_back(std::move(copy.value)); });
    CHECK(second.ok());
    CHECK(again.size() == (document.value.is_null() ? again.size() : 1U));
    CHECK(again.empty() || again.front() == document.value);
  }
  static_cast<void>(first.ok());
  return 0;
}
