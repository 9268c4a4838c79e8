#include "operator/offline.h"

#include <algorithm>
#include <ostream>

#include "app/children.h"
#include "app/spec.h"
#include "app/validate.h"
#include "io/file.h"
#include "io/yaml.h"
#include "operator/crds.h"
#include "operator/report.h"

namespace nocobase_operator::program {

namespace {

// More than any GitOps repository renders; keeps one run inside a small container.
constexpr std::size_t max_input_bytes = 64U << 20U;
constexpr std::size_t max_findings = 100'000;

void add_findings(Report& report, const kube::SourceDocument& document, const kube::Findings& findings) {
  for (const auto& finding : findings) {
    if (report.findings.size() < max_findings) {
      report.findings.push_back({document.file, kube::mark_of(document, finding.path), finding});
    }
  }
}

bool is_cluster(const kube::Json& value) {
  return kube::string_at(value, {"kind"}) == "NocoBaseCluster" &&
         kube::string_at(value, {"apiVersion"}).starts_with("nocobase.com/");
}

// Calls `each` for every document, those inside a List too.
void for_each_object(const kube::SourceDocument& document,
                     const std::function<void(const kube::SourceDocument&)>& each) {
  const kube::Json* items = kube::find(document.value, "items");
  if (kube::string_at(document.value, {"kind"}) != "List" || items == nullptr || !items->is_array()) {
    each(document);
    return;
  }
  for (std::size_t i = 0; i < items->size(); ++i) {
    const std::string prefix = "items[" + std::to_string(i) + "]";
    kube::SourceDocument item{document.file, document.index, (*items)[i], {}, {}, {}};
    const auto inner = [&prefix](const std::string& path) {
      const auto rest = path.substr(prefix.size());
      return rest.starts_with('.') ? rest.substr(1) : rest;
    };
    for (const auto& [path, mark] : document.marks) {
      if (path.starts_with(prefix) &&
          (path.size() == prefix.size() || path[prefix.size()] == '.' || path[prefix.size()] == '[')) {
        item.marks.emplace(inner(path), mark);
      }
    }
    for (const auto& [path, note] : document.notes) {
      if (path.starts_with(prefix + ".")) {
        item.notes.emplace(inner(path), note);
      }
    }
    for (auto finding : document.findings) {
      if (finding.path.starts_with(prefix)) {
        finding.path = inner(finding.path);
        item.findings.push_back(std::move(finding));
      }
    }
    each(item);
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

// The clusters in a file, or a message on stderr and nothing.
std::optional<std::vector<kube::SourceDocument>> clusters_in(const std::string& path, const Streams& streams) {
  const auto text = io::read_file(path, max_input_bytes);
  if (!text.ok()) {
    streams.err << text.error().what << '\n';
    return std::nullopt;
  }
  std::vector<kube::SourceDocument> clusters;
  const auto documents = io::read_documents(text.value(), path, {}, [&clusters](const kube::SourceDocument& document) {
    for_each_object(document, [&clusters](const kube::SourceDocument& object) {
      if (is_cluster(object.value)) {
        clusters.push_back(object);
      }
    });
  });
  if (!documents.ok()) {
    streams.err << documents.error().what << '\n';
    return std::nullopt;
  }
  if (clusters.empty()) {
    streams.err << path << ": no NocoBaseCluster in it\n";
    return std::nullopt;
  }
  return clusters;
}

// The children of one cluster appended to `out`; false when its findings (told on stderr) or its rendering forbid that.
bool render_cluster(const kube::SourceDocument& document, const Streams& streams, std::vector<kube::Json>& out) {
  const auto findings = app::check(document);
  if (app::first_error(findings) != nullptr) {
    Report report;
    for (const auto& finding : findings) {
      if (finding.severity == kube::Severity::error) {
        report.findings.push_back({document.file, kube::mark_of(document, finding.path), finding});
      }
    }
    report.clusters = report.documents = 1;
    write_text(report, {streams.err, streams.err, false});
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
