#include "app/status_tree.h"

#include <algorithm>
#include <utility>

#include "app/legible.h"
#include "app/names.h"
#include "app/status.h"
#include "app/status_tree_parts.h"

namespace nocobase_operator::app {
namespace {

using kube::find;
using kube::Kind;
using kube::string_at;

constexpr std::size_t max_line = 2000;  // characters: more than a condition's message
constexpr int least_text = 40;          // characters of a line: a narrower terminal breaks it where it likes
constexpr int sign_width = 2;

// The conditions that are good news when they are False.
bool is_bad_when_true(const std::string& type) {
  return type == condition_reconciling || type == condition_stalled || type == condition_intent_contested;
}

bool is_true(const Json& status, std::string_view type) {
  const Json* const condition = find_condition(status, type);
  return condition != nullptr && string_at(*condition, {"status"}) == "True";
}

bool is_seen(const Json& cluster, const Json& status) {
  return kube::integer_at(status, {"observedGeneration"}, -1) >= kube::integer_at(cluster, {"metadata", "generation"});
}

Mark mark_of(const StatusView& view) {
  return is_true(view.status, condition_stalled) ? Mark::bad : is_ready(view.scene->cluster) ? Mark::good : Mark::waits;
}

Node cluster_node(const StatusView& view) {
  Node node{mark_of(view), "NocoBaseCluster " + view.cluster.ns + "/" + view.cluster.name};
  const std::string phase = string_at(view.status, {"phase"});
  node.text += ": " + (phase.empty() ? "nothing is known yet" : phase);
  for (const char* const key : {"version", "image"}) {
    const std::string text = string_at(view.status, {key});
    node.text += text.empty() ? "" : ", " + short_image(text);
  }
  return node;
}

Node condition_node(const StatusView& view, const Json& condition, bool is_told) {
  const std::string type = string_at(condition, {"type"});
  const std::string status = string_at(condition, {"status"});
  const bool waits =
      type == condition_reconciling || (type == condition_ready && !is_true(view.status, condition_stalled));
  Node node{waits ? Mark::waits : Mark::bad, type + " is " + status};
  if (const std::string reason = string_at(condition, {"reason"}); !reason.empty()) {
    node.text += " (" + reason + ")";
  }
  if (const std::string since = since_text(view, string_at(condition, {"lastTransitionTime"})); !since.empty()) {
    node.text += " for " + since;
  }
  const std::string message = string_at(condition, {"message"});
  node.text += is_told || message.empty() ? "" : ": " + message;
  return node;
}

std::string_view sign_of(Mark mark) {
  switch (mark) {
    case Mark::none:
      return "";
    case Mark::good:
      return "✓ ";
    case Mark::waits:
      return "… ";
    case Mark::bad:
      return "✗ ";
  }
  return "";
}

std::string_view colour_of(Mark mark) {
  switch (mark) {
    case Mark::none:
      return "";
    case Mark::good:
      return "\033[32m";
    case Mark::waits:
      return "\033[33m";
    case Mark::bad:
      return "\033[31m";
  }
  return "";
}

// The text in lines of at most `width` characters, broken at blanks; a longer word stays whole.
std::vector<std::string> broken(const std::string& text, int width) {
  std::vector<std::string> lines(1);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t word = std::min(text.find_first_not_of(' ', at), text.size());
    const std::size_t end = std::min(text.find(' ', word), text.size());
    if (!lines.back().empty() && width_of(lines.back()) + width_of(text.substr(at, end - at)) > width) {
      lines.emplace_back();
      at = word;
    }
    lines.back() += text.substr(at, end - at);
    at = end;
  }
  return lines;
}

void write(const Node& node, const std::string& indent, Look look, std::string& out) {
  const bool coloured = look.colour && node.mark != Mark::none;
  out +=
      std::string(coloured ? colour_of(node.mark) : "") + std::string(sign_of(node.mark)) + (coloured ? "\033[0m" : "");
  const std::string text = legible(node.text, max_line);
  const int width = look.columns - width_of(indent) - sign_width;
  const std::vector<std::string> lines = width < least_text ? std::vector{text} : broken(text, width);
  for (const std::string& line : lines) {
    out += (&line == &lines.front() ? "" : indent + (node.branches.empty() ? "  " : "│ ")) + line + "\n";
  }
  for (const Node& branch : node.branches) {
    const bool last = &branch == &node.branches.back();
    out += indent + (last ? "└─ " : "├─ ");
    write(branch, indent + (last ? "   " : "│  "), look, out);
  }
}

void put_child(StatusView& view, const Json& object, SeenChild child) {
  const std::string name = child.meta.ref.name;
  const Kind kind = child.meta.ref.kind;
  if (kind == Kind::deployment) {
    view.deployment_objects[name] = object;
    view.deployments.emplace(name, std::move(child));
  } else if (kind == Kind::nocobase_role) {
    view.role_objects[name] = object;
    view.roles.emplace(name, std::move(child));
  } else if (kind == Kind::job) {
    view.jobs.push_back(std::move(child));
  }
}

// Autoscalers are of the cluster by what they scale, whoever made them.
void keep_own_scalers(StatusView& view) {
  std::erase_if(view.scalers, [&](const Json& scaler) {
    const std::string target = string_at(scaler, {"spec", "scaleTargetRef", "name"});
    return !view.roles.contains(target) && !view.deployments.contains(target);
  });
}

}  // namespace

StatusView view_of(const StatusScene& scene) {
  StatusView view;
  view.scene = &scene;
  view.cluster = decode(scene.cluster).cluster;
  if (const Json* const status = find(scene.cluster, "status"); status != nullptr && status->is_object()) {
    view.status = *status;
  }
  for (const Json& object : scene.objects) {
    Result<Seen> seen = prune(object, std::nullopt, Instant{});
    if (!seen.ok()) {
      continue;
    }
    const Kind kind = meta_of(seen.value()).ref.kind;
    if (kind == Kind::horizontal_pod_autoscaler || kind == Kind::scaled_object) {
      view.scalers.push_back(object);
    } else if (key_of(seen.value()).name != view.cluster.name) {
      continue;
    } else if (auto* const pod = std::get_if<SeenPod>(&seen.value())) {
      view.pods.push_back(std::move(*pod));
    } else if (auto* const child = std::get_if<SeenChild>(&seen.value())) {
      put_child(view, object, std::move(*child));
    }
  }
  keep_own_scalers(view);
  std::sort(view.pods.begin(), view.pods.end(),
            [](const SeenPod& a, const SeenPod& b) { return a.meta.ref < b.meta.ref; });
  return view;
}

std::string span_text(std::chrono::seconds span) {
  const std::int64_t seconds = std::max<std::int64_t>(span.count(), 0);
  constexpr std::int64_t minute = 60;
  constexpr std::int64_t hour = 60 * minute;
  constexpr std::int64_t day = 24 * hour;
  return seconds < 2 * minute ? std::to_string(seconds) + " s"
         : seconds < 2 * hour ? std::to_string(seconds / minute) + " min"
         : seconds < 2 * day  ? std::to_string(seconds / hour) + " h"
                              : std::to_string(seconds / day) + " d";
}

std::string short_image(std::string image) {
  constexpr std::string_view digest = "@sha256:";
  constexpr std::size_t shown = 12;
  const std::size_t at = image.rfind(digest);
  if (at != std::string::npos && image.size() > at + digest.size() + shown) {
    image.replace(at + digest.size() + shown, std::string::npos, "…");
  }
  return image;
}

std::string since_text(const StatusView& view, const std::string& time) {
  const auto then = from_rfc3339(time);
  return then ? span_text(view.scene->now - *then) : "";
}

std::vector<Node> condition_nodes(const StatusView& view) {
  std::vector<Node> nodes;
  const Json& cluster = view.scene->cluster;
  if (!string_at(cluster, {"metadata", "deletionTimestamp"}).empty()) {
    nodes.push_back({Mark::waits, "is being deleted"});
  }
  if (!is_seen(cluster, view.status)) {
    nodes.push_back({Mark::waits, "waits for the operator, which has not looked at generation " +
                                      std::to_string(kube::integer_at(cluster, {"metadata", "generation"})) +
                                      " of the spec yet; is it running?"});
  }
  if (view.cluster.spec.paused) {
    nodes.push_back({Mark::waits, "is paused: the operator looks and does not touch until spec.paused is taken out"});
  }
  const Json* const conditions = find(view.status, "conditions");
  std::vector<std::string> told;  // what stands in one line is not said again in the next
  for (const Json& condition : conditions != nullptr && conditions->is_array() ? *conditions : Json::array()) {
    const std::string type = string_at(condition, {"type"});
    const bool holds = string_at(condition, {"status"}) == "True";
    if (holds != is_bad_when_true(type)) {
      continue;
    }
    if (string_at(condition, {"status"}) == "Unknown" && !is_ready(cluster)) {
      continue;  // not yet
    }
    const std::string message = string_at(condition, {"message"});
    nodes.push_back(condition_node(view, condition, std::find(told.begin(), told.end(), message) != told.end()));
    told.push_back(message);
  }
  return nodes;
}

bool is_ready(const Json& cluster) {
  const Json* const status = find(cluster, "status");
  return status != nullptr && is_seen(cluster, *status) && is_true(*status, condition_ready) &&
         string_at(cluster, {"metadata", "deletionTimestamp"}).empty();
}

std::string status_tree(const StatusScene& scene, Look look) {
  const StatusView view = view_of(scene);
  Node root = cluster_node(view);
  root.branches = condition_nodes(view);
  for (Node node : {operation_node(view), roles_node(view), last_upgrade_node(view)}) {
    if (!node.text.empty()) {
      root.branches.push_back(std::move(node));
    }
  }
  for (const std::string& unread : scene.unread) {
    root.branches.push_back({Mark::bad, "not shown: " + unread});
  }
  std::string out;
  write(root, "", look, out);
  return out;
}

}  // namespace nocobase_operator::app
