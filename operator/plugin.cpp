#include "operator/plugin.h"

#include <array>
#include <filesystem>
#include <ostream>
#include <utility>

#include "app/legible.h"
#include "app/maintenance.h"
#include "app/status_tree.h"

namespace nocobase_operator::program {

namespace {

using kube::Kind;

constexpr std::size_t max_error = 1000;  // characters of one that is told
constexpr Millis between_looks{1000};    // while it is waited for something
constexpr Millis patience{3000};         // of somebody who has pressed the Tab key
constexpr std::size_t max_names = 500;   // that are of use to them
constexpr std::array listed = {
    Kind::nocobase_role, Kind::deployment, Kind::pod, Kind::job, Kind::horizontal_pod_autoscaler, Kind::scaled_object};

int unusable(const Streams& streams, const std::string& what) {
  streams.err << app::legible(what, max_error) << '\n';
  return exit_unusable_input;
}

// The API server, and the cluster on it that is meant.
struct Target {
  io::ApiServer server;
  kube::Ref ref;
};

Result<Target> target_of(const ServerOptions& options, const std::string& ns, const std::string& name) {
  io::ApiServer server = TRY(find_server(options));
  const kube::Ref ref{Kind::nocobase_cluster, ns.empty() ? server.ns : ns, name};
  return Target{std::move(server), ref};
}

std::string full_name(const kube::Ref& ref) {
  return ref.ns + "/" + ref.name;
}

Result<kube::Json> decoded(const Result<kube::HttpResponse>& answer) {
  return answer.ok() ? kube::decode(answer.value()) : answer.error();
}

// All that a status tree is made from, in one round: it is to be of one moment.
Result<app::StatusScene> read_scene(const Target& target) {
  app::StatusScene scene;
  Result<kube::Json> cluster = Error{Code::unavailable, ""};
  TRY(ask(target.server, [&](const Answers& answers, Now now) {
    Round round;
    if (answers.empty()) {
      round.requests.push_back(get_request(target.ref));
      for (const Kind kind : listed) {
        // Autoscalers of others may scale what is ours.
        const bool of_all = kind == Kind::horizontal_pod_autoscaler || kind == Kind::scaled_object;
        round.requests.push_back(
            kube::encode_list({kind, target.ref.ns, of_all ? "" : selector_of(target.ref.name)}, 0, ""));
      }
      return round;
    }
    scene.now = now.wall;
    cluster = decoded(answers.front());
    for (std::size_t i = 0; i < listed.size(); ++i) {
      Result<std::vector<kube::Json>> items = items_of(listed[i], answers[i + 1]);
      if (items.ok()) {
        for (kube::Json& item : std::move(items).value()) {
          scene.objects.push_back(std::move(item));
        }
      } else if (items.error().code != Code::not_found || !kube::is_optional(listed[i])) {
        scene.unread.push_back(items.error().what);
      }
    }
    return round;
  }));
  scene.cluster = TRY(cluster);
  return scene;
}

kube::HttpRequest patch_request(const kube::Ref& ref, bool on) {
  kube::HttpRequest request = get_request(ref);
  request.method = "PATCH";
  request.path_and_query += "?fieldManager=" + std::string(app::maintenance_manager);
  request.content_type = "application/merge-patch+json";
  request.body = kube::dump(app::maintenance_patch(on));
  return request;
}

// The cluster after it was asked for; `changed` when that was a change.
struct Asked {
  kube::Json cluster;
  bool changed = false;
};

Result<Asked> ask_for(const Target& target, bool on) {
  Result<kube::Json> answer = Error{Code::unavailable, ""};
  bool changed = false;
  std::size_t rounds = 0;
  TRY(ask(target.server, [&](const Answers& answers, Now) {
    Round round;
    if (rounds++ == 0) {
      round.requests.push_back(get_request(target.ref));
      return round;
    }
    answer = decoded(answers.front());
    if (rounds == 2 && answer.ok() && app::asks_for_maintenance(answer.value()) != on) {
      changed = true;
      round.requests.push_back(patch_request(target.ref, on));
    }
    return round;
  }));
  return Asked{TRY(answer), changed};
}

// Where the cluster is kept as Git has it, the change does not last unless Git has it too.
void tell_of_git(const kube::Json& cluster, std::ostream& out) {
  const std::string keeper = app::gitops_of(cluster);
  if (keeper.empty()) {
    out << "note: if this cluster is applied from Git or by a pipeline, what that says of spec.maintenance is put "
           "back\n";
  } else {
    out << "note: " << app::legible(keeper, max_error)
        << " applies this cluster: what Git says of spec.maintenance is put back at the next sync, so set it there "
           "too\n";
  }
}

// What a look at the cluster tells of maintenance that was asked for.
app::MaintenanceState judged(const Result<kube::Json>& cluster, bool on) {
  if (!cluster.ok()) {
    const bool passes = cluster.error().code == Code::unavailable || cluster.error().code == Code::throttled;
    return {passes ? app::Reach::under_way : app::Reach::never, cluster.error().what};
  }
  if (app::asks_for_maintenance(cluster.value()) != on) {
    return {app::Reach::never, "spec.maintenance was changed again meanwhile"};
  }
  return app::maintenance_state(cluster.value());
}

// Looks at the cluster until it is as asked for, never will be, or the time is up; says what it waits for.
Result<app::MaintenanceState> watch(const Target& target, const MaintenanceOptions& options, const Streams& streams) {
  app::MaintenanceState state;
  std::string told;
  std::optional<Instant> end;
  TRY(ask(target.server, [&](const Answers& answers, Now now) {
    if (answers.empty()) {
      end = now.mono + Seconds(options.timeout);
      return Round{{get_request(target.ref)}};
    }
    state = judged(decoded(answers.front()), options.state == "on");
    if (state.reach != app::Reach::under_way || now.mono >= *end) {
      return Round{};
    }
    if (state.message != told) {
      told = state.message;
      streams.out << "waits: " << app::legible(told, max_error) << '\n' << std::flush;
    }
    return Round{{get_request(target.ref)}, between_looks};
  }));
  return state;
}

int wait_for(const Target& target, const MaintenanceOptions& options, const Streams& streams) {
  const auto state = watch(target, options, streams);
  if (!state.ok()) {
    return unusable(streams, full_name(target.ref) + ": " + state.error().what);
  }
  const std::string message = app::legible(state.value().message, max_error);
  if (state.value().reach == app::Reach::reached) {
    streams.out << "reached: " << message << '\n';
    return exit_ok;
  }
  const bool is_late = state.value().reach == app::Reach::under_way;
  streams.err << full_name(target.ref) << ": "
              << (is_late ? "not reached within " + std::to_string(options.timeout) + " s: " : "") << message << '\n';
  return exit_findings;
}

}  // namespace

bool is_plugin(const std::string& path) {
  const std::string name = std::filesystem::path(path).filename().string();
  return name == "kubectl-nocobase" || name == "kubectl_complete-nocobase";
}

int status(const StatusOptions& options, const Streams& streams) {
  const auto target = target_of(options.server, options.ns, options.name);
  if (!target.ok()) {
    return unusable(streams, target.error().what);
  }
  const auto scene = read_scene(target.value());
  if (!scene.ok()) {
    return unusable(streams, full_name(target.value().ref) + ": " + scene.error().what);
  }
  streams.out << app::status_tree(scene.value(), {streams.colour, streams.columns});
  return app::is_ready(scene.value().cluster) ? exit_ok : exit_findings;
}

std::vector<std::string> cluster_names(const ServerOptions& options, const std::string& ns) {
  std::vector<std::string> names;
  const auto target = target_of(options, ns, "");
  if (!target.ok()) {
    return names;
  }
  const auto asked = ask(target.value().server, [&](const Answers& answers, Now) {
    Round round;
    round.deadline = patience;
    if (answers.empty()) {
      round.requests.push_back(kube::encode_list({Kind::nocobase_cluster, target.value().ref.ns, ""}, max_names, ""));
      return round;
    }
    const auto items = items_of(Kind::nocobase_cluster, answers.front());
    for (const kube::Json& item : items.ok() ? items.value() : std::vector<kube::Json>()) {
      names.push_back(kube::string_at(item, {"metadata", "name"}));
    }
    return round;
  });
  return asked.ok() ? names : std::vector<std::string>();
}

int maintenance(const MaintenanceOptions& options, const Streams& streams) {
  const auto target = target_of(options.server, options.ns, options.name);
  if (!target.ok()) {
    return unusable(streams, target.error().what);
  }
  const auto asked = ask_for(target.value(), options.state == "on");
  if (!asked.ok()) {
    return unusable(streams, full_name(target.value().ref) + ": " + asked.error().what);
  }
  streams.out << "NocoBaseCluster " << full_name(target.value().ref) << ": maintenance is "
              << (asked.value().changed ? "" : "already ") << options.state << " in its spec\n";
  if (asked.value().changed) {
    tell_of_git(asked.value().cluster, streams.out);
  }
  return options.wait ? wait_for(target.value(), options, streams) : exit_ok;
}

}  // namespace nocobase_operator::program
