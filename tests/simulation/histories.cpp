#include "simulation/histories.h"

#include <cstdlib>
#include <utility>

#include "app/names.h"

namespace nocobase_operator::simulation {
namespace {

void drop_epochs(Json& value) {
  if (value.is_object()) {
    for (const char* const key : {"epoch", "attempt", "setupUID"}) {
      value.erase(key);
    }
    value.erase(std::string(app::annotation_epoch));
    value.erase(std::string(app::annotation_applied));
  }
  if (value.is_structured()) {
    for (Json& item : value) {
      drop_epochs(item);
    }
  }
}

}  // namespace

Step install() {
  return {"installs", [](World& world) {
            Json spec = first_spec(world.scene());
            spec["image"] = "nocobase/nocobase:2.2.5-full";
            spec.erase("upgrade");
            spec["roles"] = {{{"name", "web"}, {"requests", true}, {"replicas", 2}},
                             {{"name", "flow"}, {"services", {"workflow:process"}}}};
            world.scene().server.put_cluster("crm", spec);
          }};
}

Step spec_edit(const std::string& name, const std::function<void(Json&)>& edit) {
  return {name, [name, edit](World& world) { world.edit_spec(name, edit); }};
}

std::vector<Step> holds() {
  return {install(),
          {"scales flow to 3", [](World& world) { world.scale("flow", 3); }},
          spec_edit("maintenance on", [](Json& spec) { spec["maintenance"] = true; }),
          spec_edit("maintenance off", [](Json& spec) { spec.erase("maintenance"); }),
          spec_edit("stopped", [](Json& spec) { spec["stopped"] = true; }),
          spec_edit("goes on", [](Json& spec) { spec.erase("stopped"); })};
}

std::vector<Step> changes() {
  return {
      install(),
      spec_edit("web to 3 with a variable",
                [](Json& spec) {
                  spec["roles"][0]["replicas"] = 3;
                  spec["roles"][0]["env"] = {{{"name", "MARK"}, {"value", "1"}}};
                }),
      spec_edit("a role comes",
                [](Json& spec) {
                  spec["roles"].push_back({{"name", "tasks"}, {"services", {"async-task:process"}}, {"replicas", 1}});
                }),
      spec_edit("flow becomes fixed", [](Json& spec) { spec["roles"][1]["replicas"] = 2; }),
      spec_edit("the role goes", [](Json& spec) { spec["roles"].erase(2); })};
}

std::vector<Step> hands() {
  const auto autoscaled = [](const std::string& name, const Json& on) {
    return spec_edit(name, [on](Json& spec) {
      spec["roles"][1].erase("replicas");
      spec["roles"][1]["autoscaling"] = on;
    });
  };
  const auto fixed = [](const std::string& name) {
    return spec_edit(name, [](Json& spec) {
      spec["roles"][1].erase("autoscaling");
      spec["roles"][1]["replicas"] = 4;
      spec["roles"][1]["resources"] = {{"requests", {{"cpu", "1"}}}};
    });
  };
  return {install(),
          fixed("four of flow"),
          autoscaled("flow by its load", {{"maxReplicas", 6}, {"cpu", 80}}),
          autoscaled("flow by its backlog", {{"maxReplicas", 6}, {"backlog", {{"target", 5}}}}),
          spec_edit("flow from outside", [](Json& spec) { spec["roles"][1].erase("autoscaling"); }),
          autoscaled("flow by its backlog again", {{"maxReplicas", 6}, {"backlog", {{"target", 5}}}}),
          fixed("flow becomes fixed")};
}

std::vector<Step> upgrade() {
  return {install(), spec_edit("another image", [](Json& spec) { spec["image"] = "nocobase/nocobase:2.2.6-full"; })};
}

std::vector<Step> with_jobs() {
  const auto job = [](Json& spec, const char* part) {
    spec["upgrade"][part]["jobTemplate"]["spec"] = {
        {"backoffLimit", 0},
        {"template",
         {{"spec", {{"restartPolicy", "Never"}, {"containers", {{{"name", "job"}, {"image", "tools:1"}}}}}}}}};
  };
  return {install(),
          spec_edit("hooks",
                    [job](Json& spec) {
                      job(spec, "backup");
                      job(spec, "verify");
                    }),
          spec_edit("another image", [](Json& spec) { spec["image"] = "nocobase/nocobase:2.2.6-full"; })};
}

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

Setting setting_of(std::vector<Step> script) {
  Setting setting;
  setting.seed = 1;
  setting.faults = Faults::none();
  setting.script = std::move(script);
  return setting;
}

std::string first_difference(const std::string& a, const std::string& b) {
  const auto line_end = [](const std::string& text, std::size_t from) { return text.find('\n', from); };
  for (std::size_t i = 0, j = 0; i != std::string::npos && j != std::string::npos && i < a.size() && j < b.size();) {
    const std::string left = a.substr(i, line_end(a, i) - i);
    const std::string right = b.substr(j, line_end(b, j) - j);
    if (left != right) {
      const std::size_t from = i > 200 ? i - 200 : 0;
      return a.substr(from, i - from) + "\n  wanted: " + left + "\n  found:  " + right;
    }
    i = line_end(a, i) == std::string::npos ? std::string::npos : line_end(a, i) + 1;
    j = line_end(b, j) == std::string::npos ? std::string::npos : line_end(b, j) + 1;
  }
  return "the same";
}

std::string counted(const Counts& counts) {
  return "creates " + std::to_string(counts.creates) + ", deletes " + std::to_string(counts.deletes) + ", pod stops " +
         std::to_string(counts.pod_stops) + ", pods " + std::to_string(counts.pods_made) + ", migrations " +
         std::to_string(counts.migrations);
}

std::string last_lines(Setting setting) {
  setting.tells = true;
  const Outcome outcome = World(setting).run();
  std::string text;
  for (const std::string& line : outcome.history) {
    text += line.substr(0, 300) + "\n";
  }
  return text.size() > 20'000 ? text.substr(text.size() - 20'000) : text;
}

std::string without_epochs(const std::string& digest) {
  Json all = Json::parse(digest);
  drop_epochs(all);
  return all.dump(1);
}

}  // namespace nocobase_operator::simulation
