#include "operator/offline.h"

#include <algorithm>
#include <ostream>

#include "app/children.h"
#include "app/spec.h"
#include "app/validate.h"
#include "io/file.h"
#include "io/yaml.h"
#include "operator/crds.h"
#include "operator/input.h"
#include "operator/report.h"

namespace nocobase_operator::program {

namespace {

constexpr std::size_t max_findings = 100'000;

void add_findings(Report& report, const kube::SourceDocument& document, const kube::Findings& findings) {
  for (const auto& finding : findings) {
    if (report.findings.size() < max_findings) {
      report.findings.push_back({document.file, kube::mark_of(document, finding.path), finding});
    }
  }
}

void validate_file(const std::string& path, Report& report) {
  const auto text = io::read_file(path, max_input_bytes);
  if (!text.ok()) {
    report.unusable.push_back(text.error().what);
    return;
  }
  const auto documents = io::read_documents(text.value(), path, {}, [&report](const kube::SourceDocument& document) {
    for_each_object(document, [&report](const kube::SourceDocument& object) {
      if (is_cluster(object.value)) {
        ++report.clusters;
        add_findings(report, object, app::check(object));
      }
    });
  });
  if (documents.ok()) {
    report.documents += documents.value();
  } else {
    report.unusable.push_back(documents.error().what);
  }
}

int exit_of(const Report& report, const std::string& fail_on) {
  if (!report.unusable.empty() || report.clusters == 0) {
    return exit_unusable_input;
  }
  const bool failed =
      count(report, kube::Severity::error) > 0 || (fail_on == "warning" && count(report, kube::Severity::warning) > 0);
  return failed ? exit_findings : exit_ok;
}

// The children of one cluster appended to `out`; false when its findings (told on stderr) or its rendering forbid that.
bool render_cluster(const kube::SourceDocument& document, const Streams& streams, std::vector<kube::Json>& out) {
  if (has_errors(document, streams)) {
    return false;
  }
  const auto decoded = app::decode(document.value);
  const auto children = app::render({&decoded.cluster, app::initial_counts(decoded.cluster), 0});
  if (!children.ok()) {
    streams.err << document.file << ": " << children.error().what << '\n';
    return false;
  }
  for (const auto& child : children.value()) {
    out.push_back(child.body);
  }
  return true;
}

}  // namespace

int validate(const ValidateOptions& options, const Streams& streams) {
  Report report;
  const auto files = io::expand_inputs(options.inputs);
  if (!files.ok()) {
    streams.err << files.error().what << '\n';
    return exit_unusable_input;
  }
  for (const auto& file : files.value()) {
    validate_file(file, report);
  }
  for (const auto& line : report.unusable) {
    streams.err << line << '\n';
  }
  if (options.output == "json") {
    write_json(report, streams);
  } else {
    write_text(report, streams);
  }
  if (report.unusable.empty() && report.clusters == 0) {
    streams.err << "no NocoBaseCluster in the input\n";
  }
  return exit_of(report, options.fail_on);
}

int render(const RenderOptions& options, const Streams& streams) {
  const auto clusters = clusters_in(options.input, streams);
  if (!clusters) {
    return exit_unusable_input;
  }
  std::vector<kube::Json> children;
  bool good = true;
  for (const auto& cluster : *clusters) {
    good = render_cluster(cluster, streams, children) && good;
  }
  if (!good) {
    return exit_findings;
  }
  if (options.output == "json") {
    const kube::Json list = {{"apiVersion", "v1"}, {"kind", "List"}, {"items", std::move(children)}};
    streams.out << list.dump(2, ' ', false, kube::Json::error_handler_t::replace) << '\n';
  } else {
    for (const auto& child : children) {
      streams.out << "---\n" << io::to_yaml(child);
    }
  }
  return exit_ok;
}

int print_crds(const Streams& streams) {
  for (const auto crd : crds()) {
    streams.out << "---\n" << crd;
  }
  return exit_ok;
}

}  // namespace nocobase_operator::program
