#include "app/diagram.h"

#include <algorithm>

#include "app/defaults.h"
#include "app/diagram_parts.h"
#include "worker_mode/worker_mode.h"

namespace nocobase_operator::app {
namespace {

namespace wm = nocobase::worker_mode;

constexpr std::size_t max_label = 60;     // of a key or WORKER_MODE in a box
constexpr std::size_t max_heading = 100;  // of an image
constexpr std::size_t max_entrance = 60;  // under the requests

std::string count_of(std::size_t count, std::string_view what) {
  return std::to_string(count) + ' ' + std::string(what) + (count == 1 ? "" : "s");
}

std::string pods_of(int count) {
  return count_of(static_cast<std::size_t>(count), "pod");
}

std::string joined(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) {
    text += (text.empty() ? "" : ", ") + item;
  }
  return text;
}

// What an autoscaler goes by.
std::string measures(const Autoscaling& autoscaling) {
  std::vector<std::string> by;
  if (autoscaling.cpu) {
    by.push_back("CPU " + std::to_string(*autoscaling.cpu) + " %");
  }
  if (autoscaling.memory) {
    by.push_back("memory " + std::to_string(*autoscaling.memory) + " %");
  }
  if (autoscaling.backlog_target) {
    by.push_back("backlog " + std::to_string(*autoscaling.backlog_target) + " per pod");
  }
  if (autoscaling.metrics && !autoscaling.metrics->empty()) {
    by.push_back(count_of(autoscaling.metrics->size(), "metric"));
  }
  if (autoscaling.triggers && !autoscaling.triggers->empty()) {
    by.push_back(count_of(autoscaling.triggers->size(), "trigger"));
  }
  return by.empty() ? "" : ", by " + joined(by);
}

void count_pods(const Role& role, PictureRole& out) {
  out.fewest = out.most = std::clamp(fewest_pods(role), 0, max_worker_ids);
  if (role.replicas) {
    out.pods = pods_of(out.fewest);
    return;
  }
  if (!role.autoscaling) {
    out.pods = pods_of(out.fewest) + " at first, scaled from outside";
    return;
  }
  out.most = std::clamp(role.autoscaling->max_replicas, out.fewest, max_worker_ids);
  out.pods = (out.fewest == out.most ? "" : std::to_string(out.fewest) + " to ") + pods_of(out.most) +
             measures(*role.autoscaling);
}

std::string mode_text(const Role& role) {
  const Result<std::string> mode = worker_mode_of(role);
  if (!mode.ok()) {
    return "WORKER_MODE cannot be written";
  }
  return mode.value().empty() ? "WORKER_MODE= (set, and empty)" : legible("WORKER_MODE=" + mode.value(), max_label);
}

bool is_every_service(const Role& role) {
  return role.services == std::vector<std::string>{"*"};
}

// Every key there is something to say of: those of NocoBase, of the spec's plugins, and of the roles.
std::vector<std::string> keys_of(const Spec& spec) {
  std::vector<std::string> extra = spec.plugin_services;
  for (const Role& role : spec.roles) {
    extra.insert(extra.end(), role.services.begin(), role.services.end());
  }
  return wm::known_keys(extra);
}

void add_role(const Role& role, const std::vector<std::string>& keys, Picture& out) {
  const std::size_t index = out.roles.size();
  PictureRole drawn;
  drawn.name = legible(role.name, max_label);
  drawn.mode = mode_text(role);
  drawn.requests = role.requests;
  count_pods(role, drawn);
  if (role.requests) {
    drawn.ports.push_back({out.sources.front().label, {0}});
    out.sources.front().roles.push_back(index);
  }
  PicturePort all{"every service", {}, true};
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const bool every = is_every_service(role);
    if (!every && std::find(role.services.begin(), role.services.end(), keys[i]) == role.services.end()) {
      continue;
    }
    out.sources[i + 1].roles.push_back(index);
    if (every) {
      all.sources.push_back(i + 1);
    } else {
      drawn.ports.push_back({out.sources[i + 1].label, {i + 1}});
    }
  }
  if (!all.sources.empty()) {
    drawn.ports.push_back(std::move(all));
  }
  out.roles.push_back(std::move(drawn));
}

std::string entrance_of(const Spec& spec) {
  std::vector<std::string> ways;
  if (spec.ingress) {
    ways.push_back("Ingress " + spec.ingress->host + spec.ingress->path.value_or(""));
  }
  if (spec.gateway) {
    ways.push_back("HTTPRoute" + (spec.gateway->hostnames.empty() ? "" : " " + spec.gateway->hostnames.front()) +
                   (spec.gateway->hostnames.size() > 1 ? " …" : "") + spec.gateway->path.value_or(""));
  }
  return legible(joined(ways), max_entrance);
}

std::string note_of(const Spec& spec) {
  if (spec.stopped) {
    return "stopped: no pod runs until spec.stopped is taken out";
  }
  return spec.maintenance ? "maintenance: one pod that serves requests runs until spec.maintenance is taken out" : "";
}

}  // namespace

Picture picture_of(const Cluster& cluster) {
  const Spec& spec = cluster.spec;
  Picture out;
  out.name = legible(cluster.name, max_label);
  out.image = legible(spec.image, max_heading);
  out.note = note_of(spec);
  out.service = "Service " + out.name + ":" + std::to_string(service_port(spec));
  out.entrance = entrance_of(spec);
  out.sources.push_back({"requests", true, {}});
  const std::vector<std::string> keys = keys_of(spec);
  for (const std::string& key : keys) {
    out.sources.push_back({legible(key, max_label), false, {}});
  }
  for (const Role& role : spec.roles) {
    add_role(role, keys, out);
  }
  return out;
}

std::string standing_of(const Picture& picture, const PictureRole& role) {
  return "behind " + (role.requests ? picture.service : "no Service");
}

std::string in_words(const Picture& picture) {
  std::string text = picture.note.empty() ? "" : picture.note + ". ";
  for (const PictureSource& source : picture.sources) {
    std::vector<std::string> roles;
    for (const std::size_t role : source.roles) {
      roles.push_back(picture.roles[role].name);
    }
    text += source.label + (source.is_requests ? " come in through " + picture.service + " to" : " goes to");
    text += roles.empty() ? " no role. " : (roles.size() == 1 ? " role " : " roles ") + joined(roles) + ". ";
  }
  for (const PictureRole& role : picture.roles) {
    text += "Role " + role.name + ": " + role.mode + ", " + role.pods + ", " + standing_of(picture, role) + ". ";
  }
  text.pop_back();
  return text;
}

std::string diagram(const Cluster& cluster, DiagramFormat format) {
  const Picture picture = picture_of(cluster);
  switch (format) {
    case DiagramFormat::mermaid:
      return draw_mermaid(picture);
    case DiagramFormat::svg:
      return draw_svg(picture);
    case DiagramFormat::text:
      return draw_text(picture);
  }
  return "";
}

}  // namespace nocobase_operator::app
