#include "operator/import.h"

#include <filesystem>
#include <optional>
#include <ostream>
#include <set>
#include <utility>

#include "app/import.h"
#include "io/file.h"
#include "io/yaml.h"
#include "io/yaml_text.h"
#include "operator/input.h"

namespace nocobase_operator::program {

namespace {

constexpr std::size_t max_text_bytes = 1U << 20U;  // of a file of variables
constexpr int max_rounds = 3;                      // .env names files, and these name none

std::string place_text(const app::Remark& remark) {
  return remark.mark.line == 0
             ? remark.file
             : remark.file + ":" + std::to_string(remark.mark.line) + ":" + std::to_string(remark.mark.column);
}

Result<Unit> check_bytes(const std::string& text, const std::string& path) {
  if (const auto unreadable = io::check_text({text, 1})) {
    const auto& [why, mark, what] = *unreadable;
    return Error{Code::invalid,
                 path + ":" + std::to_string(mark.line) + ":" + std::to_string(mark.column) + ": " + what};
  }
  return Unit{};
}

Result<app::VariablesFile> read_variables(const std::string& path) {
  const std::string text = TRY(io::read_file(path, max_text_bytes));
  TRY(check_bytes(text, path));
  return app::VariablesFile{path, io::with_unix_lines(text)};
}

Result<std::vector<kube::SourceDocument>> read_yaml(const std::string& text, const std::string& path) {
  const auto read = [&](io::YamlFlavour flavour) -> Result<std::vector<kube::SourceDocument>> {
    std::vector<kube::SourceDocument> out;
    const auto count = io::read_documents(
        text, path, {},
        [&out](kube::SourceDocument document) {
          for_each_object(std::move(document), [&out](const kube::SourceDocument& object) { out.push_back(object); });
        },
        flavour);
    if (!count.ok()) {
      return count.error();
    }
    return out;
  };
  std::vector<kube::SourceDocument> documents = TRY(read(io::YamlFlavour::kubectl));
  for (const kube::SourceDocument& document : documents) {
    if (app::is_compose(document.value)) {
      return read(io::YamlFlavour::compose);
    }
  }
  return documents;
}

Result<Unit> read_input(const std::string& path, app::ImportInput& input) {
  const std::string text = TRY(io::read_file(path, max_input_bytes));
  if (app::is_variables_text(text)) {
    if (text.size() > max_text_bytes) {
      return Error{Code::invalid, path + ": larger than " + std::to_string(max_text_bytes) + " bytes"};
    }
    TRY(check_bytes(text, path));
    input.variables.push_back({path, io::with_unix_lines(text)});
    return Unit{};
  }
  for (kube::SourceDocument& document : TRY(read_yaml(text, path))) {
    input.documents.push_back(std::move(document));
  }
  return Unit{};
}

// The files beside docker-compose files, as far as they exist. A pipe or a device would have no end.
Result<Unit> read_beside(app::ImportInput& input) {
  std::set<std::string> tried;
  for (int round = 0; round < max_rounds; ++round) {
    for (const std::string& name : app::wanted_files(input)) {
      std::error_code ignored;
      if (tried.insert(name).second && std::filesystem::is_regular_file(name, ignored)) {
        input.beside.emplace(name, TRY(read_variables(name)).text);
      }
    }
  }
  return Unit{};
}

Result<app::Imported> import_all(const ImportOptions& options) {
  app::ImportInput input;
  input.name = options.name;
  input.ns = options.ns;
  input.image = options.image;
  input.profiles = options.profiles;
  for (const std::string& file : options.env_files) {
    input.variables.push_back(TRY(read_variables(file)));
  }
  const std::vector<std::string> files = TRY(io::expand_inputs(options.inputs));
  for (const std::string& file : files) {
    TRY(read_input(file, input));
  }
  TRY(read_beside(input));
  return app::import_cluster(input);
}

void write_remarks(const std::vector<app::Remark>& remarks, std::ostream& err) {
  for (const app::Remark& remark : remarks) {
    err << place_text(remark) << ": " << app::name_of(remark.kind) << ' ' << remark.subject << ": " << remark.message
        << '\n';
    if (!remark.advice.empty()) {
      err << "    " << remark.advice << '\n';
    }
  }
}

kube::Json to_json(const std::vector<app::Remark>& remarks) {
  kube::Json out = kube::Json::array();
  for (const app::Remark& remark : remarks) {
    out.push_back({{"kind", app::name_of(remark.kind)},
                   {"file", remark.file},
                   {"line", remark.mark.line},
                   {"column", remark.mark.column},
                   {"subject", remark.subject},
                   {"message", remark.message},
                   {"advice", remark.advice}});
  }
  return out;
}

std::vector<kube::Json> objects_of(const app::Imported& imported, const std::string& only) {
  std::vector<kube::Json> out = only == "cluster" ? std::vector<kube::Json>() : imported.secrets;
  if (only != "secrets") {
    out.push_back(imported.cluster);
  }
  return out;
}

// What a person has to do goes with the file.
void write_yaml(const app::Imported& imported, const std::string& only, std::ostream& out) {
  if (only != "secrets") {
    out << "# Stop what runs today, for good, before this is applied: two that start at once migrate one database.\n";
    for (const app::Remark& remark : imported.remarks) {
      if (remark.kind == app::RemarkKind::needs) {
        out << "# - " << remark.subject << ": " << remark.message;
        out << (remark.advice.empty() ? "" : "; " + remark.advice) << '\n';
      }
    }
  }
  bool first = true;
  for (const kube::Json& object : objects_of(imported, only)) {
    out << (first ? "" : "---\n") << io::to_yaml(object);
    first = false;
  }
}

}  // namespace

int import_files(const ImportOptions& options, const Streams& streams) {
  const Result<app::Imported> imported = import_all(options);
  if (!imported.ok()) {
    streams.err << imported.error().what << '\n';
    return exit_unusable_input;
  }
  if (options.output == "json") {
    const kube::Json list = {{"apiVersion", "v1"},
                             {"kind", "List"},
                             {"items", objects_of(imported.value(), options.only)},
                             {"remarks", to_json(imported.value().remarks)}};
    streams.out << list.dump(2, ' ', false, kube::Json::error_handler_t::replace) << '\n';
  } else {
    write_yaml(imported.value(), options.only, streams.out);
    write_remarks(imported.value().remarks, streams.err);
  }
  return imported.value().needs_a_person() ? exit_findings : exit_ok;
}

}  // namespace nocobase_operator::program
