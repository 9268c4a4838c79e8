#include "operator/offline.h"

#include <ostream>

#include "app/children.h"
#include "app/spec.h"
#include "io/yaml.h"
#include "operator/crds.h"
#include "operator/input.h"

namespace nocobase_operator::program {

namespace {

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
