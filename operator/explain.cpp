// `explain`: what a WORKER_MODE, or each role of a file, serves, and the traps in it; or a picture of the roles.
#include <algorithm>
#include <ostream>

#include "app/defaults.h"
#include "app/diagram.h"
#include "app/spec.h"
#include "app/validate.h"
#include "io/file.h"
#include "io/yaml.h"
#include "kube/reader.h"
#include "operator/input.h"
#include "operator/offline.h"
#include "operator/report.h"
#include "worker_mode/worker_mode.h"

namespace nocobase_operator::program {

namespace {

namespace wm = nocobase::worker_mode;

std::vector<std::string> keys_to_ask(const ExplainOptions& options, const std::vector<std::string>& plugin_keys) {
  return options.keys.empty() ? wm::known_keys(plugin_keys) : options.keys;
}

kube::Json mode_json(const std::string& value, const std::vector<std::string>& keys) {
  const auto mode = wm::Mode::parse(value);
  kube::Json served = kube::Json::object();
  for (const auto& key : keys) {
    served[key] = mode.serves(key);
  }
  kube::Json findings = kube::Json::array();
  for (const auto& finding : wm::lint(value, {keys})) {
    findings.push_back({{"code", finding.code()},
                        {"severity", wm::to_text(finding.severity())},
                        {"offset", finding.offset},
                        {"length", finding.length},
                        {"message", finding.message},
                        {"advice", finding.advice}});
  }
  return {{"mode", value},
          {"requests", mode.serves_requests()},
          {"keys", std::move(served)},
          {"transient", mode.is_transient()},
          {"findings", std::move(findings)}};
}

void write_mode(const std::string& value, const std::vector<std::string>& keys, std::ostream& out) {
  const auto mode = wm::Mode::parse(value);
  out << "WORKER_MODE " << kube::describe(value) << '\n';
  out << "  requests" << std::string(20, ' ') << (mode.serves_requests() ? "yes" : "no") << '\n';
  for (const auto& key : keys) {
    const std::size_t width = 28;
    out << "  " << key << std::string(key.size() < width ? width - key.size() : 1, ' ')
        << (mode.serves(key) ? "yes" : "no") << '\n';
  }
  for (const auto& finding : wm::lint(value, {keys})) {
    out << "  " << wm::to_text(finding.severity()) << ' ' << finding.code() << ": " << finding.message << '\n';
    if (!finding.advice.empty()) {
      out << "    " << finding.advice << '\n';
    }
  }
}

// The roles of one cluster; false when it has errors, which go to stderr.
bool explain_cluster(const kube::SourceDocument& document, const ExplainOptions& options, const Streams& streams,
                     kube::Json& json) {
  const auto decoded = app::decode(document.value);
  const auto& cluster = decoded.cluster;
  bool good = true;
  kube::Json roles = kube::Json::array();
  if (options.output == "text") {
    streams.out << "NocoBaseCluster " << cluster.name << '\n';
  }
  for (const auto& role : cluster.spec.roles) {
    const auto mode = app::worker_mode_of(role);
    if (!mode.ok()) {
      streams.err << document.file << ": role " << role.name << ": " << mode.error().what << '\n';
      good = false;
      continue;
    }
    const auto keys = keys_to_ask(options, cluster.spec.plugin_services);
    kube::Json entry = mode_json(mode.value(), keys);
    entry["role"] = role.name;
    roles.push_back(std::move(entry));
    if (options.output == "text") {
      streams.out << "role " << role.name << ": ";
      write_mode(mode.value(), keys, streams.out);
    }
  }
  json.push_back({{"cluster", cluster.name}, {"roles", std::move(roles)}});
  return good;
}

bool is_meant(const kube::SourceDocument& document, const ExplainOptions& options) {
  return options.cluster.empty() || kube::string_at(document.value, {"metadata", "name"}) == options.cluster;
}

int none_meant(const ExplainOptions& options, const Streams& streams) {
  streams.err << options.file << ": no NocoBaseCluster" << (options.cluster.empty() ? "" : " " + options.cluster)
              << " in it\n";
  return exit_unusable_input;
}

app::DiagramFormat format_of(const std::string& name) {
  return name == "svg"       ? app::DiagramFormat::svg
         : name == "mermaid" ? app::DiagramFormat::mermaid
                             : app::DiagramFormat::text;
}

// Whether the cluster can be drawn: what it says was understood. What is wrong is told on stderr otherwise.
bool is_drawable(const kube::SourceDocument& document, const app::Decoded& decoded, const Streams& streams) {
  if (app::first_error(decoded.findings) != nullptr) {
    return !has_errors(document, streams);
  }
  for (const auto& role : decoded.cluster.spec.roles) {
    if (const auto mode = app::worker_mode_of(role); !mode.ok()) {
      streams.err << document.file << ": " << mode.error().what << '\n';
      return false;
    }
  }
  return true;
}

int draw_file(const ExplainOptions& options, const Streams& streams) {
  auto clusters = clusters_in(options.file, streams);
  if (!clusters) {
    return exit_unusable_input;
  }
  std::erase_if(*clusters, [&](const kube::SourceDocument& document) { return !is_meant(document, options); });
  if (clusters->empty()) {
    return none_meant(options, streams);
  }
  if (clusters->size() > 1 && options.diagram != "text") {
    streams.err << options.file << ": " << clusters->size()
                << " NocoBaseClusters, and a picture shows one; choose it with --cluster NAME\n";
    return exit_unusable_input;
  }
  bool first = true;
  int code = exit_ok;
  for (const kube::SourceDocument& document : *clusters) {
    const auto decoded = app::decode(document.value);
    if (!is_drawable(document, decoded, streams)) {
      code = exit_findings;
      continue;
    }
    streams.out << (first ? "" : "\n") << app::diagram(decoded.cluster, format_of(options.diagram));
    first = false;
  }
  return code;
}

int explain_file(const ExplainOptions& options, const Streams& streams) {
  const auto text = io::read_file(options.file, max_input_bytes);
  if (!text.ok()) {
    streams.err << text.error().what << '\n';
    return exit_unusable_input;
  }
  std::size_t clusters = 0;
  bool good = true;
  kube::Json json = kube::Json::array();
  const auto documents = io::read_documents(text.value(), options.file, {}, [&](const kube::SourceDocument& document) {
    if (kube::string_at(document.value, {"kind"}) == "NocoBaseCluster" && is_meant(document, options)) {
      ++clusters;
      good = explain_cluster(document, options, streams, json) && good;
    }
  });
  if (!documents.ok()) {
    streams.err << documents.error().what << '\n';
    return exit_unusable_input;
  }
  if (clusters == 0) {
    return none_meant(options, streams);
  }
  if (options.output == "json") {
    streams.out << json.dump(2, ' ', false, kube::Json::error_handler_t::replace) << '\n';
  }
  return good ? exit_ok : exit_findings;
}

}  // namespace

int explain(const ExplainOptions& options, const Streams& streams) {
  if (!options.diagram.empty()) {
    return draw_file(options, streams);
  }
  if (!options.file.empty()) {
    return explain_file(options, streams);
  }
  if (!options.mode) {
    streams.err << "explain: give a WORKER_MODE value or -f FILE\n";
    return exit_unusable_input;
  }
  const auto keys = keys_to_ask(options, {});
  if (options.output == "json") {
    streams.out << mode_json(*options.mode, keys).dump(2, ' ', false, kube::Json::error_handler_t::replace) << '\n';
  } else {
    write_mode(*options.mode, keys, streams.out);
  }
  return exit_ok;
}

}  // namespace nocobase_operator::program
