#include "operator/input.h"

#include <charconv>
#include <ostream>
#include <string_view>
#include <system_error>
#include <utility>

#include "app/validate.h"
#include "io/file.h"
#include "io/yaml.h"
#include "operator/report.h"

namespace nocobase_operator::program {

namespace {

// A path of a List: in which item it lies, and where there.
struct Inside {
  std::size_t item = 0;
  std::string_view path;
};

// Nothing for a path that does not begin with "items[3]".
std::optional<Inside> inside_list(std::string_view path) {
  constexpr std::string_view prefix = "items[";
  if (!path.starts_with(prefix)) {
    return std::nullopt;
  }
  Inside out;
  const auto [end, error] = std::from_chars(path.data() + prefix.size(), path.data() + path.size(), out.item);
  if (error != std::errc() || end == path.data() + path.size() || *end != ']') {
    return std::nullopt;
  }
  out.path = path.substr(static_cast<std::size_t>(end - path.data()) + 1);
  out.path.remove_prefix(out.path.starts_with('.') ? 1 : 0);
  return out;
}

}  // namespace

bool is_cluster(const kube::Json& value) {
  return kube::string_at(value, {"kind"}) == "NocoBaseCluster" &&
         kube::string_at(value, {"apiVersion"}).starts_with("nocobase.com/");
}

void for_each_object(kube::SourceDocument document, const std::function<void(const kube::SourceDocument&)>& each) {
  const bool list = kube::string_at(document.value, {"kind"}).ends_with("List");
  const kube::Json* const items = list ? kube::find(document.value, "items") : nullptr;
  if (items == nullptr || !items->is_array()) {
    each(document);
    return;
  }
  std::vector<kube::SourceDocument> parts;
  for (kube::Json& item : document.value["items"]) {
    parts.push_back({document.file, std::move(item), {}, {}, {}});
  }
  // Everything is looked at once: a List may have thousands of items.
  const auto part_of = [&parts](const std::optional<Inside>& at) {
    return at && at->item < parts.size() ? &parts[at->item] : nullptr;
  };
  for (const auto& [path, mark] : document.marks) {
    const std::optional<Inside> at = inside_list(path);
    if (kube::SourceDocument* const part = part_of(at)) {
      part->marks.emplace(at->path, mark);
    }
  }
  for (const auto& [path, note] : document.notes) {
    const std::optional<Inside> at = inside_list(path);
    if (kube::SourceDocument* const part = part_of(at)) {
      part->notes.emplace(at->path, note);
    }
  }
  for (kube::Finding& finding : document.findings) {
    const std::optional<Inside> at = inside_list(finding.path);
    if (kube::SourceDocument* const part = part_of(at)) {
      finding.path = std::string(at->path);
      part->findings.push_back(std::move(finding));
    }
  }
  for (const kube::SourceDocument& part : parts) {
    each(part);
  }
}

std::optional<std::vector<kube::SourceDocument>> clusters_in(const std::string& path, const Streams& streams) {
  const auto text = io::read_file(path, max_input_bytes);
  if (!text.ok()) {
    streams.err << text.error().what << '\n';
    return std::nullopt;
  }
  std::vector<kube::SourceDocument> clusters;
  const auto documents = io::read_documents(text.value(), path, {}, [&clusters](kube::SourceDocument document) {
    for_each_object(std::move(document), [&clusters](const kube::SourceDocument& object) {
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
