#include "operator/plan.h"

#include <algorithm>
#include <ostream>

#include "operator/ask.h"
#include "operator/input.h"
#include "operator/live.h"
#include "operator/plan_report.h"

namespace nocobase_operator::program {

namespace {

// Clusters with a namespace each.
std::optional<std::vector<kube::SourceDocument>> named_clusters(const std::string& path, const std::string& ns,
                                                                const Streams& streams) {
  auto clusters = clusters_in(path, streams);
  if (!clusters) {
    return std::nullopt;
  }
  for (kube::SourceDocument& each : *clusters) {
    if (each.value["metadata"].is_object() && kube::string_at(each.value, {"metadata", "namespace"}).empty()) {
      each.value["metadata"]["namespace"] = ns;
    }
  }
  return clusters;
}

std::string name_of(const kube::Json& cluster) {
  return kube::string_at(cluster, {"metadata", "namespace"}) + "/" + kube::string_at(cluster, {"metadata", "name"});
}

int exit_of(app::ForecastEnd end) {
  return end == app::ForecastEnd::done || end == app::ForecastEnd::paused ? exit_ok : exit_findings;
}

// A first installation, or a change of one of the clusters that were.
Result<app::Forecast> plan_offline(const kube::Json& wanted, const std::vector<kube::SourceDocument>& before) {
  const auto old = std::find_if(before.begin(), before.end(), [&](const kube::SourceDocument& each) {
    return name_of(each.value) == name_of(wanted);
  });
  if (old != before.end()) {
    return app::forecast_from(old->value, wanted);
  }
  app::Scene scene;
  scene.assumed_for = std::vector<kube::Json>{wanted};
  return app::forecast(scene, wanted);
}

}  // namespace

int plan(const PlanOptions& options, const Streams& streams) {
  std::optional<io::ApiServer> server;
  if (options.live && options.from.empty()) {
    Result<io::ApiServer> found = find_server({options.kubeconfig, options.context});
    if (!found.ok()) {
      streams.err << found.error().what << '\n';
      return exit_unusable_input;
    }
    server = std::move(found).value();
  }
  const std::string ns = !options.ns.empty() ? options.ns : server ? server->ns : "default";
  const auto clusters = named_clusters(options.input, ns, streams);
  const auto before =
      options.from.empty() ? std::vector<kube::SourceDocument>() : named_clusters(options.from, ns, streams);
  if (!clusters || !before) {
    return exit_unusable_input;
  }
  for (const auto* const documents : {&*clusters, &*before}) {
    for (const kube::SourceDocument& each : *documents) {
      if (has_errors(each, streams)) {
        return exit_findings;
      }
    }
  }
  int code = exit_ok;
  kube::Json plans = kube::Json::array();
  bool first = true;
  for (const kube::SourceDocument& each : *clusters) {
    const auto forecast = server ? plan_live(*server, each.value) : plan_offline(each.value, *before);
    if (!forecast.ok()) {
      streams.err << name_of(each.value) << ": " << forecast.error().what << '\n';
      return server ? exit_unusable_input : exit_findings;
    }
    code = std::max(code, exit_of(forecast.value().end));
    if (options.output == "json") {
      plans.push_back(to_json(name_of(each.value), forecast.value()));
    } else {
      streams.out << (first ? "" : "\n");
      write_text(name_of(each.value), forecast.value(), streams.out);
    }
    first = false;
  }
  if (options.output == "json") {
    const kube::Json whole = {{"plans", std::move(plans)}};
    streams.out << whole.dump(2, ' ', false, kube::Json::error_handler_t::replace) << '\n';
  }
  return code;
}

}  // namespace nocobase_operator::program
