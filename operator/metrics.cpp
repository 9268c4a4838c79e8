#include "operator/metrics.h"

#include "kube/kind.h"

namespace nocobase_operator::program {

namespace {

using io::Metric;
using io::MetricType;
using io::Sample;
using Labels = std::vector<std::pair<std::string, std::string>>;

const std::string install =
    "install the chart nocobase-operator-crds, or `nocobase-operator crd | kubectl apply --server-side -f -`; this "
    "operator waits for it";

const Labels controller_label = {{"controller", "nocobasecluster"}};

double number(std::uint64_t value) {
  return static_cast<double>(value);
}

Metric counter(std::string name, std::string help, std::vector<Sample> samples) {
  return {std::move(name), std::move(help), MetricType::counter, std::move(samples)};
}

Metric gauge(std::string name, std::string help, std::vector<Sample> samples) {
  return {std::move(name), std::move(help), MetricType::gauge, std::move(samples)};
}

Labels with(Labels labels, std::string name, std::string value) {
  labels.emplace_back(std::move(name), std::move(value));
  return labels;
}

Metric reconcile_time(const runtime::Durations& durations) {
  Sample sample{controller_label};
  for (std::size_t i = 0; i < runtime::Durations::bounds.size(); ++i) {
    sample.buckets.emplace_back(std::chrono::duration<double>(runtime::Durations::bounds.at(i)).count(),
                                durations.at_most.at(i));
  }
  sample.sum = std::chrono::duration<double>(durations.sum).count();
  sample.count = durations.count;
  return {"controller_runtime_reconcile_time_seconds",
          "Time from a decision to the last reply to its calls.",
          MetricType::histogram,
          {std::move(sample)}};
}

Metric calls(const runtime::Counters& counters) {
  std::vector<Sample> samples;
  for (std::size_t verb = 0; verb < runtime::verb_count; ++verb) {
    const Labels labels = {{"verb", std::string(kube::name_of(static_cast<kube::Verb>(verb)))}};
    samples.push_back({with(labels, "outcome", "ok"), number(counters.calls_ok.at(verb))});
    for (std::size_t code = 0; code < runtime::code_count; ++code) {
      if (const auto failed = counters.calls_failed.at(verb).at(code); failed != 0) {
        samples.push_back({with(labels, "outcome", std::string(name_of(static_cast<Code>(code)))), number(failed)});
      }
    }
  }
  return counter("nocobase_operator_calls_total", "Calls to the API server by verb and outcome.", std::move(samples));
}

void add_upgrades(const runtime::Counters& counters, std::vector<Metric>& out) {
  const auto by = [](const char* label, const std::map<std::string, std::uint64_t>& counts) {
    std::vector<Sample> samples;
    for (const auto& [value, count] : counts) {
      samples.push_back({{{label, value}}, number(count)});
    }
    return samples;
  };
  out.push_back(counter("nocobase_upgrades_total", "Upgrades that were brought to an end, by result.",
                        by("result", counters.upgrades)));
  out.push_back(counter("nocobase_upgrade_down_seconds_total", "Seconds that upgrades have kept applications down.",
                        {{{}, number(counters.upgrade_down)}}));
  out.push_back(counter("nocobase_upgrade_step_seconds_total",
                        "Seconds that upgrades took, by step of status.operation; in Pull what ran goes on.",
                        by("step", counters.upgrade_seconds)));
}

void add_watches(const runtime::Engine& engine, std::vector<Metric>& out) {
  Metric lists = counter("nocobase_operator_watch_lists_total", "Streaming lists opened, by kind.", {});
  Metric failures = counter("nocobase_operator_watch_failures_total", "Watches that did not end well, by kind.", {});
  Metric events = counter("nocobase_operator_watch_events_total", "Objects received by watches, by kind.", {});
  for (const auto& watch : engine.watches()) {
    const Labels labels = {{"kind", std::string(kube::info(watch.kind).kind)}};
    lists.samples.push_back({labels, number(watch.counters.lists)});
    failures.samples.push_back({labels, number(watch.counters.failures)});
    events.samples.push_back({labels, number(watch.counters.events)});
  }
  out.push_back(std::move(lists));
  out.push_back(std::move(failures));
  out.push_back(std::move(events));
}

std::string readiness(const runtime::Engine& engine) {
  std::string text;
  for (const auto& watch : engine.watches()) {
    if (watch.listed && !watch.last_error) {
      continue;
    }
    text.append(kube::info(watch.kind).kind).append(watch.listed ? ": listed" : ": not listed yet");
    if (watch.last_error) {
      const std::string what_to_do = remedy(watch);
      text.append("; ").append(watch.last_error->what).append(what_to_do.empty() ? "" : "; ").append(what_to_do);
    }
    text.append("\n");
  }
  if (const std::string problem = definitions_problem(engine.definitions()); !problem.empty()) {
    text.append("Definitions: ").append(problem).append("\n");
  }
  if (const std::string why = engine.lease_error(); !why.empty()) {
    text.append("Lease: ").append(why).append("\n");
  }
  for (const auto& refusal : engine.refusals()) {
    text.append(kube::name_of(refusal.verb)).append(" ").append(kube::info(refusal.kind).kind);
    text.append(": refused; ").append(refusal.what).append("\n");
  }
  return text;
}

}  // namespace

std::string remedy(const runtime::Engine::WatchState& watch) {
  const bool defined_by_us = watch.kind == kube::Kind::nocobase_cluster || watch.kind == kube::Kind::nocobase_role;
  if (!defined_by_us || !watch.last_error || watch.last_error->code != Code::not_found) {
    return "";
  }
  return kube::api_version(watch.kind) + " is not defined in this cluster: " + install;
}

std::string definitions_problem(const runtime::Definitions& definitions) {
  if (!definitions.missing().empty()) {
    return "older than this operator, without fields that it needs (" + runtime::list_of(definitions.missing()) +
           "): " + install;
  }
  if (const std::string& why = definitions.last_error(); !why.empty()) {
    return "cannot be compared with what this operator needs; " + why;
  }
  return "";
}

std::vector<Metric> metrics_of(const runtime::Engine& engine, Now now) {
  const auto& counters = engine.controller().counters();
  std::vector<Metric> out;
  out.push_back(counter("controller_runtime_reconcile_total", "Passes by result.",
                        {{with(controller_label, "result", "success"), number(counters.passes_ok + counters.settled)},
                         {with(controller_label, "result", "error"), number(counters.passes_failed)}}));
  out.push_back(counter("controller_runtime_reconcile_errors_total", "Passes with a call that failed.",
                        {{controller_label, number(counters.passes_failed)}}));
  out.push_back(reconcile_time(counters.passes));
  out.push_back(gauge("controller_runtime_active_workers", "Clusters being worked on.",
                      {{controller_label, number(engine.controller().passes_in_flight())}}));
  out.push_back(gauge(
      "workqueue_depth", "Clusters that are due and not yet being worked on.",
      {{with(controller_label, "name", "nocobasecluster"), number(engine.controller().queue().overdue(now.mono))}}));
  out.push_back(gauge("leader_election_master_status", "1 while this process leads.",
                      {{{{"name", "nocobase-operator"}}, engine.leading(now.mono) ? 1.0 : 0.0}}));
  out.push_back(calls(counters));
  out.push_back(counter("nocobase_operator_decisions_total", "Plans made, with or without calls.",
                        {{{}, number(counters.plans)}}));
  out.push_back(counter("nocobase_operator_repeated_plans_total",
                        "Plans that repeated without progress and were put off.", {{{}, number(counters.loops)}}));
  out.push_back(counter("nocobase_operator_held_back_total", "Passes put off by a cluster's budget of writes.",
                        {{{}, number(counters.held_back)}}));
  out.push_back(counter("nocobase_operator_unreadable_objects_total", "Objects that could not be read.",
                        {{{}, number(counters.unreadable)}}));
  const auto& events = engine.recorder().counters();
  out.push_back(
      counter("nocobase_operator_events_total", "Events by what became of them.",
              {{{{"result", "sent"}}, number(events.sent)}, {{{"result", "dropped"}}, number(events.dropped)}}));
  add_upgrades(counters, out);
  add_watches(engine, out);
  return out;
}

io::HttpReply answer(const runtime::Engine& engine, std::string_view path, Now now) {
  if (path == "/healthz") {
    return {200, "text/plain; charset=utf-8", "ok\n"};
  }
  if (path == "/readyz") {
    const bool ready = engine.ready();
    return {ready ? 200 : 503, "text/plain; charset=utf-8", (ready ? "ok\n" : "not ready\n") + readiness(engine)};
  }
  if (path == "/metrics") {
    return {200, io::metrics_content_type, io::metrics_text(metrics_of(engine, now))};
  }
  return {404, "text/plain; charset=utf-8", "there are /metrics, /healthz and /readyz\n"};
}

}  // namespace nocobase_operator::program
