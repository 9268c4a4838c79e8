// What each sample and each case of tests/golden/render becomes, byte by byte as `render` prints it.
#include "golden.h"

#include <algorithm>
#include <filesystem>
#include <locale>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "app/children.h"
#include "app/validate.h"
#include "io/yaml.h"

namespace nocobase_operator::app {
namespace {

namespace fs = std::filesystem;

const fs::path root = NBO_SOURCE_DIR;

struct Case {
  std::string name;
  fs::path in, out;
};

std::vector<kube::SourceDocument> clusters_of(const std::string& text, const std::string& name) {
  std::vector<kube::SourceDocument> out;
  const auto count = io::read_documents(text, name, {}, [&](kube::SourceDocument document) {
    if (kube::string_at(document.value, {"kind"}) == "NocoBaseCluster") {
      out.push_back(std::move(document));
    }
  });
  EXPECT_TRUE(count.ok()) << count.error().what;
  return out;
}

std::vector<kube::SourceDocument> clusters_in(const fs::path& file) {
  return clusters_of(golden_text(file), file.filename().string());
}

std::vector<Case> cases() {
  std::vector<Case> out;
  const fs::path golden = root / "tests/golden/render";
  for (const auto& entry : fs::directory_iterator(root / "operator/samples")) {
    if (clusters_in(entry.path()).empty()) {
      continue;  // the Secrets that a sample refers to
    }
    const std::string name = "sample-" + entry.path().stem().string();
    out.push_back({name, entry.path(), golden / name / "out.yaml"});
  }
  for (const auto& entry : fs::directory_iterator(golden)) {
    if (fs::exists(entry.path() / "in.yaml")) {
      out.push_back({entry.path().filename().string(), entry.path() / "in.yaml", entry.path() / "out.yaml"});
    }
  }
  std::sort(out.begin(), out.end(), [](const Case& a, const Case& b) { return a.name < b.name; });
  return out;
}

std::string rendered(const std::vector<kube::SourceDocument>& documents) {
  std::string text;
  for (const auto& document : documents) {
    const Decoded decoded = decode(document.value);
    const auto children = render({&decoded.cluster, initial_counts(decoded.cluster), 0});
    if (!children.ok()) {
      return children.error().what;
    }
    for (const Child& child : children.value()) {
      text += "---\n" + io::to_yaml(child.body);
    }
  }
  return text;
}

TEST(RenderGolden, IsWhatItWas) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    expect_golden(c.out, rendered(clusters_in(c.in)));
  }
}

// The value as JSON with the members of every object in the opposite order.
std::string backwards(const Json& value) {
  std::string out;
  if (value.is_object()) {
    for (const auto& [key, member] : value.items()) {
      out = Json(key).dump() + ":" + backwards(member) + (out.empty() ? "" : "," + out);
    }
    return "{" + out + "}";
  }
  if (value.is_array()) {
    for (const Json& item : value) {
      out += (out.empty() ? "" : ",") + backwards(item);
    }
    return "[" + out + "]";
  }
  return value.dump();
}

TEST(RenderGolden, DoesNotDependOnTheOrderOfKeys) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    const auto documents = clusters_in(c.in);
    std::string text;
    for (const auto& document : documents) {
      text += backwards(document.value) + "\n";
    }
    EXPECT_EQ(text.find("{\"spec\""), 0U) << "another order than that of the file";
    EXPECT_EQ(rendered(clusters_of(text, "backwards.json")), rendered(documents));
  }
}

// How Germans write numbers.
class Commas final : public std::numpunct<char> {
 protected:
  [[nodiscard]] char do_decimal_point() const override { return ','; }
  [[nodiscard]] char do_thousands_sep() const override { return '.'; }
  [[nodiscard]] std::string do_grouping() const override { return "\3"; }
};

TEST(RenderGolden, DoesNotDependOnTheLocale) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    const std::string want = rendered(clusters_in(c.in));
    const std::locale before = std::locale::global(std::locale(std::locale::classic(), new Commas));
    EXPECT_EQ(rendered(clusters_in(c.in)), want);
    std::locale::global(before);
  }
}

TEST(RenderGolden, EveryFolderIsACase) {
  std::set<std::string> names;
  for (const Case& c : cases()) {
    names.insert(c.name);
  }
  for (const auto& entry : fs::directory_iterator(root / "tests/golden/render")) {
    EXPECT_EQ(names.count(entry.path().filename().string()), 1U) << entry.path() << " has no input";
  }
}

TEST(RenderGolden, EveryInputIsValid) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    const auto documents = clusters_in(c.in);
    EXPECT_EQ(documents.size(), 1U);
    for (const auto& document : documents) {
      for (const kube::Finding& finding : check(document)) {
        EXPECT_NE(finding.severity, kube::Severity::error)
            << finding.code << " " << finding.path << ": " << finding.message;
      }
    }
  }
}

// A sample is what people copy: not even advice may be left in it.
TEST(Samples, HaveNoFindings) {
  for (const auto& entry : fs::directory_iterator(root / "operator/samples")) {
    SCOPED_TRACE(entry.path().filename().string());
    for (const auto& document : clusters_in(entry.path())) {
      for (const kube::Finding& finding : check(document)) {
        EXPECT_EQ(finding.severity, kube::Severity::info)
            << finding.code << " " << finding.path << ": " << finding.message << " " << finding.advice;
      }
    }
  }
}

// What YAML prints is what the children are, whatever a value looks like.
TEST(RenderGolden, ReadsBackAsTheSameObjects) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    for (const auto& document : clusters_in(c.in)) {
      const Decoded decoded = decode(document.value);
      const auto children = render({&decoded.cluster, initial_counts(decoded.cluster), 0});
      ASSERT_TRUE(children.ok()) << children.error().what;
      for (const Child& child : children.value()) {
        Json back;
        const auto count = io::read_documents(io::to_yaml(child.body), "out.yaml", {},
                                              [&](kube::SourceDocument read) { back = std::move(read.value); });
        ASSERT_TRUE(count.ok()) << count.error().what;
        EXPECT_EQ(back, child.body);
      }
    }
  }
}

}  // namespace
}  // namespace nocobase_operator::app
