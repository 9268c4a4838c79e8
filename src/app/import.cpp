#include "app/import.h"

#include <algorithm>
#include <set>

#include "app/form.h"
#include "app/image.h"
#include "app/import_compose.h"
#include "app/import_parts.h"
#include "base/check.h"

namespace nocobase_operator::app {
namespace {

constexpr std::size_t max_documents = 2000;

enum class Shape : std::uint8_t { compose, kubernetes, chart_values, container_app, cluster, unknown };

bool has_object(const kube::Json& value, std::string_view key) {
  const kube::Json* const member = kube::find(value, key);
  return member != nullptr && member->is_object();
}

Shape shape_of(const kube::Json& value) {
  const std::string version = kube::string_at(value, {"apiVersion"});
  const std::string kind = kube::string_at(value, {"kind"});
  if (!kind.empty() && !version.empty()) {
    return kind == "NocoBaseCluster" && version.starts_with("nocobase.com/") ? Shape::cluster : Shape::kubernetes;
  }
  if (is_compose(value)) {
    return Shape::compose;
  }
  const kube::Json* const image = kube::find(value, "image");
  if (kube::find_path(value, {"configMap", "data"}) != nullptr || has_object(value, "persistent") ||
      (image != nullptr && kube::find(*image, "repository") != nullptr)) {
    return Shape::chart_values;
  }
  if (has_object(value, "container") || kube::find_path(value, {"properties", "template", "containers"}) != nullptr) {
    return Shape::container_app;
  }
  return Shape::unknown;
}

Error error_at(const kube::SourceDocument& document, const std::string& what) {
  const kube::Mark mark = kube::mark_of(document, "");
  const std::string place = mark.line == 0 ? "" : ":" + std::to_string(mark.line) + ":" + std::to_string(mark.column);
  return {Code::invalid, document.file + place + ": " + what};
}

constexpr auto wanted =
    "want a docker-compose file, Kubernetes objects, values of NocoBase's chart, a container app, or a file of "
    "NAME=value lines";

// The one sort of input that all documents are of.
Result<Shape> common_shape(const ImportInput& input) {
  std::optional<Shape> common;
  for (const kube::SourceDocument& document : input.documents) {
    const Shape shape = shape_of(document.value);
    if (shape == Shape::cluster) {
      return error_at(document, "this is a NocoBaseCluster already");
    }
    if (shape == Shape::unknown) {
      return error_at(document, std::string("import does not know what this is: ") + wanted);
    }
    if (common && *common != shape) {
      return error_at(document, "this is another sort of input than what stands before it: import one at a time");
    }
    common = shape;
  }
  if (!common) {
    return Error{Code::invalid, std::string("nothing to import: ") + wanted};
  }
  if (*common != Shape::compose && !input.variables.empty()) {
    return Error{Code::invalid, input.variables.front().file +
                                    ": a file of variables is imported alone, or beside a docker-compose file"};
  }
  return *common;
}

Result<importing::Blueprint> read_blueprint(const ImportInput& input, importing::Remarks& remarks) {
  if (input.documents.empty() && !input.variables.empty()) {
    return importing::read_variables(input, remarks);
  }
  switch (TRY(common_shape(input))) {
    case Shape::compose:
      return importing::read_compose(input, remarks);
    case Shape::kubernetes:
      return importing::read_kubernetes(input, remarks);
    case Shape::chart_values:
      return importing::read_chart_values(input, remarks);
    case Shape::container_app:
      return importing::read_container_app(input, remarks);
    case Shape::cluster:
    case Shape::unknown:
      break;
  }
  return Error{Code::invalid, "nothing to import"};
}

}  // namespace

std::string_view name_of(RemarkKind kind) {
  switch (kind) {
    case RemarkKind::needs:
      return "needs";
    case RemarkKind::changed:
      return "changed";
    case RemarkKind::dropped:
      return "dropped";
  }
  CHECK(false);
  return "";
}

bool Imported::needs_a_person() const {
  return std::any_of(remarks.begin(), remarks.end(),
                     [](const Remark& remark) { return remark.kind == RemarkKind::needs; });
}

bool is_compose(const kube::Json& document) {
  return kube::find(document, "apiVersion") == nullptr && has_object(document, "services");
}

std::vector<std::string> wanted_files(const ImportInput& input) {
  std::set<std::string> out;
  for (const kube::SourceDocument& document : input.documents) {
    if (!is_compose(document.value)) {
      continue;
    }
    importing::Remarks unsaid;
    if (const auto file = importing::load_compose(document, input, unsaid); file.ok()) {
      const std::vector<std::string> names = importing::files_beside(file.value());
      out.insert(names.begin(), names.end());
    }
  }
  return {out.begin(), out.end()};
}

namespace {

// What the person says must fit as it is.
Result<Unit> check_options(const ImportInput& input) {
  if (!input.name.empty() && importing::fitted_name(input.name, 30) != input.name) {
    return Error{Code::invalid, "--name: want a lower-case letter, then letters, digits and single dashes, 30 at most"};
  }
  if (!input.ns.empty() && (input.ns.size() > 63 || !form::is_dns_label(input.ns))) {
    return Error{Code::invalid, "--namespace: want lower-case letters, digits and dashes, 63 at most"};
  }
  if (!input.image.empty() && (input.image.size() > 512 || !parse_image(input.image))) {
    return Error{Code::invalid, "--image: want an image such as nocobase/nocobase:2.2.15-full"};
  }
  return Unit{};
}

}  // namespace

Result<Imported> import_cluster(const ImportInput& input) {
  TRY(check_options(input));
  if (input.documents.size() > max_documents) {
    return Error{Code::invalid, "more than " + std::to_string(max_documents) + " documents: import what runs NocoBase"};
  }
  importing::Remarks remarks;
  const importing::Blueprint plan = TRY(read_blueprint(input, remarks));
  return importing::write_cluster(plan, input, remarks);
}

}  // namespace nocobase_operator::app
