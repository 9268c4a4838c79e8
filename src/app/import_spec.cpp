#include <algorithm>
#include <set>
#include <utility>

#include "app/children.h"
#include "app/decode_fields.h"
#include "app/image.h"
#include "app/import_draft.h"
#include "app/names.h"
#include "app/placeholder.h"
#include "app/spec.h"
#include "app/validate.h"
#include "kube/reader.h"

namespace nocobase_operator::app::importing {
namespace {

namespace wm = nocobase::worker_mode;

constexpr std::size_t max_env = 100;  // entries, as the API has it
constexpr std::size_t max_rounds = 1000;

// Writes env of the cluster, of its roles and of the setup Pod.
class EnvWriter {
 public:
  EnvWriter(Draft& draft, Json& spec) : draft_(draft), spec_(spec) {}

  void write() {
    const std::vector<RoleDraft>& roles = draft_.roles();
    for (std::size_t i = 0; i < roles.size(); ++i) {
      for (const Setting& setting : roles[i].workload.env) {
        place(setting, i);
      }
    }
    write_env_from();
    tell_empty();
    if (!setup_.empty()) {
      spec_["setup"] = std::move(setup_);
    }
  }

 private:
  void place(const Setting& setting, std::size_t role) {
    const Variable variable = home_of(setting.name);
    if (!setting.is_set()) {
      if (variable.home != Home::worker_mode) {
        empty_.insert(setting.name);
        empty_at_ = setting.place;
      }
      return;
    }
    const Home home = variable.home;
    if (home == Home::dropped) {
      draft_.remarks().dropped(setting.place, setting.name, std::string(variable.why));
    } else if (home == Home::needs) {
      draft_.remarks().needs(setting.place, setting.name, std::string(variable.why));
    } else if (home == Home::env || home == Home::secret) {
      add_env(setting, home == Home::secret, role);
    } else if (home == Home::setup || home == Home::setup_secret) {
      add_once(setup_, setting, home == Home::setup_secret, setting.name);
    } else if (home == Home::plugins && !spec_.contains("coordination")) {
      add_env(setting, false, role);
    }  // the others have fields of their own
  }

  // For all roles where all agree, else for this one.
  void add_env(const Setting& setting, bool secret, std::size_t role) {
    const std::vector<RoleDraft>& roles = draft_.roles();
    const bool shared = std::all_of(roles.begin(), roles.end(), [&setting](const RoleDraft& each) {
      const Setting* const own = find_setting(each.workload.env, setting.name);
      return own != nullptr && own->same_as(setting);
    });
    add_once(shared ? spec_ : spec_["roles"][role], setting, secret,
             shared ? setting.name : roles[role].name + "." + setting.name);
  }

  // `key`: of the value in a Secret.
  void add_once(Json& owner, const Setting& setting, bool secret, const std::string& key) {
    const Json* const list = kube::find(owner, "env");
    const bool there = list != nullptr && std::any_of(list->begin(), list->end(), [&setting](const Json& item) {
                         return kube::string_at(item, {"name"}) == setting.name;
                       });
    if (there) {
      return;
    }
    if (list != nullptr && list->size() >= max_env) {
      draft_.remarks().needs(setting.place, setting.name,
                             "there are more than " + std::to_string(max_env) + " variables",
                             "put the others into a ConfigMap and name that in envFrom");
    } else if (std::optional<Json> item = draft_.variable(setting, secret, key)) {
      owner["env"].push_back(std::move(*item));
    }
  }

  void write_env_from() {
    for (const RoleDraft& role : draft_.roles()) {
      for (const Json& source : role.workload.env_from) {
        Json& list = spec_["envFrom"];
        if (std::find(list.begin(), list.end(), source) == list.end()) {
          list.push_back(source);
        }
      }
    }
  }

  void tell_empty() {
    std::string names;
    for (const std::string& name : empty_) {
      names += (names.empty() ? "" : ", ") + name;
    }
    if (!names.empty()) {
      draft_.remarks().dropped(empty_at_, names, "empty, which is as good as not set");
    }
  }

  Draft& draft_;
  Json& spec_;
  Json setup_ = Json::object();
  std::set<std::string> empty_;
  Place empty_at_;
};

// The roles without env.
Json roles_section(const Draft& draft) {
  Json out = Json::array();
  for (const RoleDraft& role : draft.roles()) {
    Json item = Json::object({{"name", role.name}});
    if (role.serves.requests) {
      item["requests"] = true;
    }
    if (!role.serves.services.empty()) {
      item["services"] = role.serves.services;
    }
    if (role.workload.autoscaling) {
      item["autoscaling"] = *role.workload.autoscaling;
    } else {
      item["replicas"] = role.replicas;
    }
    if (role.workload.resources) {
      item["resources"] = *role.workload.resources;
    }
    if (role.workload.grace_seconds) {
      item["terminationGracePeriodSeconds"] = *role.workload.grace_seconds;
    }
    out.push_back(std::move(item));
  }
  return out;
}

// Services of plugins: what is neither NocoBase's own nor looks like a slip of the pen.
Json plugin_services(const Draft& draft) {
  Json out = Json::array();
  const std::vector<std::string> known = wm::known_keys();
  for (const RoleDraft& role : draft.roles()) {
    for (const std::string& key : role.serves.services) {
      const bool is_known = key == "*" || std::find(known.begin(), known.end(), key) != known.end();
      if (!is_known && !wm::suggest(key, known) && std::find(out.begin(), out.end(), key) == out.end()) {
        out.push_back(key);
      }
    }
  }
  return out;
}

std::string image_of(const Blueprint& plan, const ImportInput& input, Remarks& remarks) {
  if (!input.image.empty()) {
    return input.image;
  }
  const Workload& first = plan.workloads.front();
  for (const Workload& workload : plan.workloads) {
    if (workload.image != first.image) {
      remarks.needs(workload.place, "image",
                    "it differs between " + first.name + " and " + workload.name +
                        "; all pods of a cluster have one image, and the first one is taken",
                    "say the newer one in image");
    }
  }
  const bool usable = first.image_unknown.empty() && first.image.size() <= 512 && parse_image(first.image) &&
                      !is_placeholder_text(first.image, false);
  if (usable) {
    return first.image;
  }
  remarks.needs(first.place, "image",
                first.image_unknown.empty() ? kube::describe(Json(first.image)) + " is no image" : first.image_unknown,
                "say in image, or with --image, the version that runs today: an older one damages the database");
  return "nocobase/nocobase:" + std::string(filler);
}

// A podTemplate: for all roles where all have the same.
void write_pods(const Draft& draft, Json& spec) {
  const std::vector<RoleDraft>& roles = draft.roles();
  const Json& first = roles.front().workload.pod;
  const bool same =
      std::all_of(roles.begin(), roles.end(), [&first](const RoleDraft& role) { return role.workload.pod == first; });
  if (same && !first.empty()) {
    spec["podTemplate"]["spec"] = first;
  }
  for (std::size_t i = 0; !same && i < roles.size(); ++i) {
    if (!roles[i].workload.pod.empty()) {
      spec["roles"][i]["podTemplate"]["spec"] = roles[i].workload.pod;
    }
  }
}

// A grace period that the drain does not fit into is of no use.
void drop_short_grace(Draft& draft, Json& spec) {
  for (std::size_t i = 0; i < draft.roles().size(); ++i) {
    const RoleDraft& role = draft.roles()[i];
    const std::int64_t least = role.serves.requests && role.serves.services.empty() ? 30 : 70;
    if (role.workload.grace_seconds && *role.workload.grace_seconds < least) {
      spec["roles"][i].erase("terminationGracePeriodSeconds");
      draft.remarks().dropped(
          role.workload.place, "grace period of " + role.name,
          std::to_string(*role.workload.grace_seconds) +
              " seconds are too short for the drain before a pod goes; the operator's own is taken");
    }
  }
}

// Objects of the input that stand where the operator's are to be.
void judge_names(const Blueprint& plan, const Draft& draft, Remarks& remarks) {
  std::set<std::pair<std::string, std::string>> own = {
      {"Service", draft.cluster()}, {"ServiceAccount", draft.cluster()}, {"Ingress", draft.cluster()}};
  for (const RoleDraft& role : draft.roles()) {
    own.emplace("Deployment", draft.cluster() + "-" + role.name);
  }
  for (const ExistingObject& object : plan.existing) {
    if (own.contains({object.kind, object.name})) {
      remarks.needs(object.place, object.kind + " " + object.name,
                    "the operator makes one of that name, and leaves alone what is not its own",
                    "delete it before you apply the cluster, or choose another name with --name");
    }
  }
}

// What is left after everything that the API has no form for was taken out.
Json fitted(Json cluster, const Blueprint& plan, Remarks& remarks) {
  for (std::size_t round = 0; round < max_rounds; ++round) {
    const kube::Findings findings = decode(cluster).findings;
    if (findings.empty()) {
      break;
    }
    const kube::Finding& finding = findings.front();
    remarks.needs(plan.place, finding.path, finding.message + ": it is left out", finding.advice);
    if (!take_out(cluster, finding.path)) {
      break;
    }
  }
  return cluster;
}

// What `validate` says of the result: errors, which keep the operator from acting as well, and that the image is none
// to run it on. A placeholder has been told where it was written.
void judge_result(const Json& cluster, const Blueprint& plan, Remarks& remarks) {
  const Decoded decoded = decode(cluster);
  for (const kube::Finding& finding : validate(decoded.cluster)) {
    const bool image = finding.code == "NB070" || finding.code == "NB073";
    if (image || (finding.severity == kube::Severity::error && finding.code != "NB053")) {
      remarks.needs(image ? plan.workloads.front().place : plan.place, finding.path,
                    finding.code + ": " + finding.message, finding.advice);
    }
  }
  if (const auto children = render({&decoded.cluster, initial_counts(decoded.cluster), 0}); !children.ok()) {
    remarks.needs(plan.place, "the cluster", children.error().what);
  }
}

void put(Json& spec, const std::string& key, Json section) {
  if (!section.is_null() && !(section.is_structured() && section.empty())) {
    spec[key] = std::move(section);
  }
}

std::string cluster_name(const Blueprint& plan, const ImportInput& input) {
  const std::string name = fitted_name(input.name.empty() ? plan.name : input.name, 30);
  return name.empty() ? "nocobase" : name;
}

Json spec_of(const Blueprint& plan, const ImportInput& input, Draft& draft) {
  Remarks& remarks = draft.remarks();
  Json spec = Json::object();
  spec["image"] = image_of(plan, input, remarks);
  if (plan.pull_policy) {
    spec["imagePullPolicy"] = *plan.pull_policy;
  }
  for (const std::string& name : plan.pull_secrets) {
    spec["imagePullSecrets"].push_back({{"name", name}});
  }
  spec["roles"] = roles_section(draft);
  drop_short_grace(draft, spec);
  put(spec, "pluginServices", plugin_services(draft));
  put(spec, "database", database_section(draft, plan.database, plan.place));
  put(spec, "coordination", coordination_section(draft, plan));
  put(spec, "keys", keys_section(draft, plan.place));
  put(spec, "initialAdmin", admin_section(draft));
  put(spec, "storage", plan.storage);
  put(spec, "service", plan.service);
  put(spec, "ingress", plan.ingress);
  write_pods(draft, spec);
  EnvWriter(draft, spec).write();
  return spec;
}

}  // namespace

Result<Imported> write_cluster(const Blueprint& plan, const ImportInput& input, Remarks& remarks) {
  const std::string name = cluster_name(plan, input);
  const std::string ns = input.ns.empty() ? plan.ns : input.ns;
  std::vector<RoleDraft> roles = roles_of(plan, name, remarks);
  if (roles.empty()) {
    return Error{Code::invalid, plan.place.file +
                                    ": no role can be written for any WORKER_MODE in it, because none "
                                    "serves anything"};
  }
  Draft draft(name, std::move(roles), remarks);
  Imported out;
  Json cluster = Json::object({{"apiVersion", "nocobase.com/v1alpha1"}, {"kind", "NocoBaseCluster"}});
  cluster["metadata"]["name"] = name;
  if (!ns.empty()) {
    cluster["metadata"]["namespace"] = ns;
  }
  cluster["spec"] = spec_of(plan, input, draft);
  judge_names(plan, draft, remarks);
  out.cluster = fitted(std::move(cluster), plan, remarks);
  judge_result(out.cluster, plan, remarks);
  out.secrets = draft.secrets(ns);
  out.remarks = std::move(remarks).take();
  return out;
}

}  // namespace nocobase_operator::app::importing
