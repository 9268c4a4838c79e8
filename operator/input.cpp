#include "operator/input.h"

#include <ostream>
#include <utility>

#include "app/validate.h"
#include "io/file.h"
#include "io/yaml.h"
#include "operator/report.h"

namespace nocobase_operator::program {

bool is_cluster(const kube::Json& value) {
  return kube::string_at(value, {"kind"}) == "NocoBaseCluster" &&
         kube::string_at(value, {"apiVersion"}).starts_with("nocobase.com/");
}

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

bool has_errors(const kube::SourceDocument& document, const Streams& streams) {
  const kube::Findings findings = app::check(document);
  if (app::first_error(findings) == nullptr) {
    return false;
  }
  Report report;
  for (const kube::Finding& finding : findings) {
    if (finding.severity == kube::Severity::error) {
      report.findings.push_back({document.file, kube::mark_of(document, finding.path), finding});
    }
  }
  report.clusters = report.documents = 1;
  write_text(report, {streams.err, streams.err, false});
  return true;
}

}  // namespace nocobase_operator::program
