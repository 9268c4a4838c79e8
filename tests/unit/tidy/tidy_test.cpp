// The rules of this code base that no compiler checks: layers, words that belong to one folder, sizes, documents.
#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace {

namespace fs = std::filesystem;

const fs::path root = NBO_SOURCE_DIR;

struct Line {
  fs::path file;
  int number = 0;
  std::string text;
  [[nodiscard]] std::string where() const { return fs::relative(file, root).string() + ":" + std::to_string(number); }
};

bool is_source(const fs::path& path) {
  return path.extension() == ".cpp" || path.extension() == ".h";
}

std::vector<fs::path> files_below(const fs::path& folder) {
  std::vector<fs::path> out;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) {
      out.push_back(entry.path());
    }
  }
  return out;
}

std::vector<Line> lines_of(const fs::path& file) {
  std::vector<Line> out;
  std::ifstream in(file);
  for (std::string text; std::getline(in, text);) {
    out.push_back({file, static_cast<int>(out.size()) + 1, text});
  }
  return out;
}

// The layer of a source file: its folder under src/, or "operator".
std::string layer_of(const fs::path& file) {
  const fs::path relative = fs::relative(file, root);
  auto part = relative.begin();
  return *part == "src" ? (++part)->string() : part->string();
}

std::vector<fs::path> product_sources() {
  std::vector<fs::path> out;
  for (const auto* folder : {"src", "operator"}) {
    for (const auto& file : files_below(root / folder)) {
      if (is_source(file)) {
        out.push_back(file);
      }
    }
  }
  return out;
}

const std::map<std::string, std::set<std::string>, std::less<>> may_include = {
    {"base", {"base"}},
    {"worker_mode", {"worker_mode"}},
    {"kube", {"kube", "base"}},
    {"app", {"app", "kube", "base", "worker_mode"}},
    {"runtime", {"runtime", "app", "kube", "base"}},
    {"io", {"io", "kube", "base"}},
    {"operator", {"operator", "io", "runtime", "app", "kube", "base", "worker_mode"}},
};

TEST(Tidy, a_layer_includes_only_those_below_it) {
  for (const auto& file : product_sources()) {
    const auto allowed = may_include.find(layer_of(file));
    ASSERT_NE(allowed, may_include.end()) << "a folder without a layer: " << file;
    for (const auto& line : lines_of(file)) {
      const bool beside = line.text.find('/') == std::string::npos;  // worker_mode can be built on its own
      if (line.text.starts_with("#include \"") && !(beside && layer_of(file) == "worker_mode")) {
        const std::string target = line.text.substr(10, line.text.find_first_of("/\"", 10) - 10);
        EXPECT_TRUE(allowed->second.contains(target)) << line.where() << ": must not include " << target;
      }
    }
  }
}

TEST(Tidy, words_that_belong_to_one_folder_stay_there) {
  // word -> the layers that may contain it
  const std::map<std::string, std::set<std::string>> homes = {
      {"std::thread", {"io"}},
      {"std::jthread", {"io"}},
      {"std::mutex", {"io"}},
      {"std::condition_variable", {"io"}},
      {"<cpprest/", {"io"}},
      {"<boost/", {"io"}},
      {"<yaml-cpp/", {"io"}},
      {"<spdlog/", {"io"}},
      {"<openssl/", {"io", "base"}},
      {"_clock::now", {"io"}},
      {"random_device", {}},
      {"std::rand", {}},
      {"getenv", {"io", "operator"}},
      {"catch (", {"io", "operator"}},
      {"throw ", {}},
      {"using namespace", {}},
      {"dynamic_cast", {}},
      {"const_cast", {"io"}},  // for OpenSSL, whose callbacks are handed const objects that they may change
      {"TODO", {}},
      {"FIXME", {}},
      {"XXX", {}},
  };
  for (const auto& file : product_sources()) {
    const std::string layer = layer_of(file);
    for (const auto& line : lines_of(file)) {
      const std::string code = line.text.substr(0, line.text.find("//"));
      for (const auto& [word, layers] : homes) {
        const bool is_in_tests_only = word == "getenv" && file.filename() == "mutant.h";
        if (code.find(word) != std::string::npos && !layers.contains(layer) && !is_in_tests_only) {
          ADD_FAILURE() << line.where() << ": '" << word << "' has no place in " << layer;
        }
      }
    }
  }
}

TEST(Tidy, every_suppression_says_why) {
  for (const auto& file : product_sources()) {
    for (const auto& line : lines_of(file)) {
      const auto at = line.text.find("NOLINT");
      if (at != std::string::npos) {
        const auto end = line.text.find(')', at);
        EXPECT_TRUE(end != std::string::npos && line.text.size() > end + 5)
            << line.where() << ": NOLINT without a reason";
      }
    }
  }
}

TEST(Tidy, sizes_stay_readable) {
  for (const auto& file : product_sources()) {
    const auto lines = lines_of(file);
    EXPECT_LE(lines.size(), 500U) << fs::relative(file, root) << ": more than one thing?";
    for (const auto& line : lines) {
      EXPECT_LE(line.text.size(), 120U) << line.where() << ": line too long";
    }
  }
}

TEST(Tidy, every_header_opens_with_what_it_is) {
  for (const auto& file : product_sources()) {
    if (file.extension() == ".h") {
      const auto lines = lines_of(file);
      ASSERT_FALSE(lines.empty()) << file;
      EXPECT_TRUE(lines.front().text.starts_with("// ")) << fs::relative(file, root) << ": no opening comment";
      bool once = false;
      for (const auto& line : lines) {
        once = once || line.text == "#pragma once";
      }
      EXPECT_TRUE(once) << fs::relative(file, root) << ": no #pragma once";
    }
  }
}

TEST(Tidy, the_architecture_names_every_layer) {
  std::string text;
  for (const auto& line : lines_of(root / "docs" / "architecture.md")) {
    text += line.text + "\n";
  }
  for (const auto& [layer, allowed] : may_include) {
    const std::string heading = layer == "operator" ? "### `operator/`" : "### `src/" + layer + "`";
    EXPECT_NE(text.find(heading), std::string::npos) << "docs/architecture.md has no heading " << heading;
  }
}

TEST(Tidy, no_path_of_a_machine_is_in_the_project) {
  const std::array<std::string_view, 3> banned = {
      "/wo"
      "rk/",
      "/ro"
      "ot/",
      "/ho"
      "me/"};
  for (const auto* folder : {"src", "operator", "tests", "docs", "crds", "charts", "cmake"}) {
    for (const auto& file : files_below(root / folder)) {
      if (file.extension() == ".sum" || file.extension() == ".jsonl" ||
          file.string().find("/corpus/") != std::string::npos) {
        continue;
      }
      for (const auto& line : lines_of(file)) {
        for (const auto word : banned) {
          const auto at = line.text.find(word);
          const bool absolute =
              at != std::string::npos && (at == 0 || std::isalnum(static_cast<unsigned char>(line.text[at - 1])) == 0);
          EXPECT_FALSE(absolute) << line.where() << ": " << word;
        }
      }
    }
  }
}

}  // namespace
