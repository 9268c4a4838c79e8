// Any bytes through import, as YAML of both flavours, as a file of variables, and as .env beside a compose file: never
// a crash, the same answer twice, and a cluster that decode() has no finding about and that reads back from its YAML.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "app/children.h"
#include "app/import.h"
#include "app/spec.h"
#include "base/check.h"
#include "io/yaml.h"
#include "io/yaml_text.h"

namespace {

namespace app = nocobase_operator::app;
namespace io = nocobase_operator::io;
namespace kube = nocobase_operator::kube;

constexpr std::size_t max_input = 64U << 10U;

std::vector<kube::SourceDocument> documents_in(std::string_view text, io::YamlFlavour flavour) {
  std::vector<kube::SourceDocument> out;
  const auto read = io::read_documents(
      text, "f", {}, [&out](kube::SourceDocument document) { out.push_back(std::move(document)); }, flavour);
  return read.ok() ? out : std::vector<kube::SourceDocument>();
}

void judge(const app::ImportInput& input) {
  const auto imported = app::import_cluster(input);
  const auto again = app::import_cluster(input);
  CHECK(imported.ok() == again.ok());
  if (!imported.ok()) {
    CHECK(imported.error() == again.error() && !imported.error().what.empty());
    return;
  }
  const app::Imported& result = imported.value();
  CHECK(result.cluster == again.value().cluster && result.remarks == again.value().remarks);
  const app::Decoded decoded = app::decode(result.cluster);
  CHECK(decoded.findings.empty());
  static_cast<void>(app::render({&decoded.cluster, app::initial_counts(decoded.cluster), 0}));
  std::string text = io::to_yaml(result.cluster);
  for (const kube::Json& secret : result.secrets) {
    text += "---\n" + io::to_yaml(secret);
  }
  const std::vector<kube::SourceDocument> back = documents_in(text, io::YamlFlavour::kubectl);
  CHECK(back.size() == 1 + result.secrets.size());
  CHECK(back.front().value == result.cluster);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), std::min(size, max_input));
  if (io::check_text({text, 1})) {
    return 0;
  }
  for (const io::YamlFlavour flavour : {io::YamlFlavour::kubectl, io::YamlFlavour::compose}) {
    app::ImportInput input;
    input.documents = documents_in(text, flavour);
    judge(input);
    for (const std::string& name : app::wanted_files(input)) {
      input.beside[name] = "A=1\nDB_PASSWORD=\"hidden-of-tests\"\nB=${A}\n";
    }
    judge(input);
  }
  app::ImportInput alone;
  alone.variables.push_back({"f", io::with_unix_lines(text)});
  judge(alone);
  alone.documents = documents_in(
      "services: {a: {image: nocobase, env_file: .env, environment: {DB_DIALECT: postgres, DB_USER: $U, B: "
      "\"${A:-x}\"}}}",
      io::YamlFlavour::compose);
  judge(alone);
  return 0;
}
