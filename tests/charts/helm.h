// Helm as the tests use it: built by tests/controlplane/build.sh, with its files under the build folder.
#pragma once
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "e2e/process.h"
#include "golden.h"
#include "io/yaml.h"

namespace nocobase_operator::charts {

using e2e::Output;
using kube::Json;

inline const std::string root = NBO_SOURCE_DIR;
inline const std::string operator_chart = root + "/charts/nocobase-operator";
inline const std::string crd_chart = root + "/charts/nocobase-operator-crds";

// The folder of the built programs; a test failure and "" when they cannot be built.
inline const std::string& programs() {
  static const std::string folder = [] {
    const Output built = e2e::run({root + "/tests/controlplane/build.sh"});
    EXPECT_EQ(built.code, 0) << built.err;
    return built.out.substr(0, built.out.find('\n'));
  }();
  return folder;
}

inline Output helm(std::vector<std::string> args) {
  args.insert(args.begin(), {"env", "HELM_CACHE_HOME=" NBO_BINARY_DIR "/helm/cache",
                             "HELM_CONFIG_HOME=" NBO_BINARY_DIR "/helm/config",
                             "HELM_DATA_HOME=" NBO_BINARY_DIR "/helm/data", programs() + "/helm"});
  return e2e::run(args);
}

// The objects in a text of YAML documents; a test failure when it is none.
inline std::vector<Json> objects(const std::string& text, const std::string& from) {
  std::vector<Json> out;
  const auto count =
      io::read_documents(text, from, {}, [&](const kube::SourceDocument& document) { out.push_back(document.value); });
  EXPECT_TRUE(count.ok()) << count.error().what;
  return out;
}

inline std::vector<Json> objects_in(const std::string& file) {
  return objects(golden_text(file), file);
}

// What a chart becomes as release nocobase-operator in namespace operators, with these arguments.
inline Output render_text(const std::string& chart, const std::vector<std::string>& arguments) {
  std::vector<std::string> args = {"template", "nocobase-operator", chart, "--namespace", "operators"};
  args.insert(args.end(), arguments.begin(), arguments.end());
  return helm(std::move(args));
}

inline std::vector<Json> render(const std::string& chart, const std::vector<std::string>& arguments = {}) {
  const Output rendered = render_text(chart, arguments);
  EXPECT_EQ(rendered.code, 0) << rendered.err;
  return objects(rendered.out, chart);
}

// The one object of that kind and name suffix; null and a test failure when there is none.
inline Json find(const std::vector<Json>& all, const std::string& kind, const std::string& suffix = "") {
  for (const Json& object : all) {
    if (kube::string_at(object, {"kind"}) == kind && kube::string_at(object, {"metadata", "name"}).ends_with(suffix)) {
      return object;
    }
  }
  ADD_FAILURE() << "no " << kind << " …" << suffix;
  return {};
}

}  // namespace nocobase_operator::charts
