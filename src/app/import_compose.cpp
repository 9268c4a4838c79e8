#include "app/import_compose.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "kube/reader.h"

namespace nocobase_operator::app::importing {
namespace {

// What of a service has another form in Kubernetes, or none.
struct Key {
  std::string_view name;
  std::string_view why;
};
constexpr std::array<Key, 20> keys = {{
    {"command", "the image's own start is kept: the drain before a pod goes rests on it"},
    {"container_name", "pods get names of their own"},
    {"cpu_shares", "Kubernetes has requests: see resources of the role"},
    {"depends_on", "the operator starts one pod alone and the others after it"},
    {"dns", "say it in podTemplate.spec.dnsConfig"},
    {"entrypoint", "the image's own start is kept: the drain before a pod goes rests on it"},
    {"extra_hosts", "say it in podTemplate.spec.hostAliases"},
    {"healthcheck", "the operator has probes of its own, which give a start ten minutes and a setup an hour"},
    {"hostname", "pods get names of their own"},
    {"init", "the operator ends the server itself before a pod goes"},
    {"labels",
     "labels of containers mean nothing to Kubernetes; what a proxy reads from them goes into ingress or "
     "gateway"},
    {"logging", "logs go to the console, where Kubernetes collects them"},
    {"networks", "pods reach Services by their names"},
    {"platform", "say it in podTemplate.spec.nodeSelector"},
    {"pull_policy", "say it in imagePullPolicy"},
    {"restart", "Kubernetes starts containers again"},
    {"secrets", "NocoBase reads no files of secrets"},
    {"stop_signal", "the operator ends the server itself before a pod goes"},
    {"ulimits", "they are the node's"},
    {"user", "say it in podTemplate.spec.securityContext"},
}};

struct Server {
  std::string_view part;  // of the image's name
  std::string_view dialect;
};
constexpr std::array<Server, 8> servers = {{{"postgres", "postgres"},
                                            {"postgis", "postgres"},
                                            {"pgvector", "postgres"},
                                            {"timescaledb", "postgres"},
                                            {"mariadb", "mariadb"},
                                            {"mysql", "mysql"},
                                            {"percona", "mysql"},
                                            {"kingbase", "kingbase"}}};

std::string_view dialect_of(const ComposeService& service) {
  const std::string base = image_base(service.image);
  const auto* const found = std::find_if(servers.begin(), servers.end(), [&base](const Server& server) {
    return base.find(server.part) != std::string::npos;
  });
  return found == servers.end() ? "" : found->dialect;
}

bool is_redis(const ComposeService& service) {
  const std::string base = image_base(service.image);
  return base.find("redis") != std::string::npos || base.find("valkey") != std::string::npos;
}

bool is_nocobase(const ComposeService& service) {
  return is_nocobase_image(service.image) || (dialect_of(service).empty() && is_nocobase_env(service.env));
}

std::optional<std::string> first_value(const ComposeService& service, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    const Setting* const setting = find_setting(service.env, name);
    if (setting != nullptr && setting->value && !setting->value->empty()) {
      return setting->value;
    }
  }
  return std::nullopt;
}

// The number after "max_connections=" in a command line.
std::optional<std::int32_t> max_connections(std::string_view command) {
  for (const std::string_view word : {"max_connections=", "max-connections="}) {
    const std::size_t at = command.find(word);
    if (at == std::string_view::npos) {
      continue;
    }
    const std::string_view number = command.substr(at + word.size());
    std::int32_t value = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (error == std::errc() && value > 0 && value <= 1'000'000) {
      return value;
    }
  }
  return std::nullopt;
}

DatabaseHint hint_of(const ComposeService& service) {
  DatabaseHint out;
  out.dialect = dialect_of(service);
  out.host = service.name;
  out.place = service.place;
  if (out.dialect == "postgres") {
    out.user = first_value(service, {"POSTGRES_USER"});
    out.name = first_value(service, {"POSTGRES_DB", "POSTGRES_USER"});
    out.password = first_value(service, {"POSTGRES_PASSWORD"});
  } else if (out.dialect == "mysql" || out.dialect == "mariadb") {
    out.name = first_value(service, {"MARIADB_DATABASE", "MYSQL_DATABASE"});
    out.user = first_value(service, {"MARIADB_USER", "MYSQL_USER"});
    out.password = first_value(service, {"MARIADB_PASSWORD", "MYSQL_PASSWORD"});
  }
  out.max_connections = max_connections(service.command);
  return out;
}

class ComposeReader {
 public:
  ComposeReader(const ImportInput& input, Remarks& remarks) : input_(input), remarks_(remarks) {}

  Result<Blueprint> read() {
    for (const kube::SourceDocument& document : input_.documents) {
      files_.push_back(TRY(load_compose(document, input_, remarks_)));
      judge_document(document);
    }
    services_ = TRY(compose_services(files_, input_, remarks_));
    plan_.name = kube::string_at(files_.front().value, {"name"});
    plan_.place = place_of(*files_.front().document, "services");
    for (auto& [name, service] : services_) {
      if (is_nocobase(service) && starts(service)) {
        add_workload(service);
      }
    }
    if (plan_.workloads.empty()) {
      return Error{Code::invalid, input_.documents.front().file +
                                      ": no service runs NocoBase: none that is started has an image called nocobase, "
                                      "or DB_DIALECT; name profiles with --profile"};
    }
    tell_keys();
    judge_storage();
    for (const auto& [name, service] : services_) {
      if (!is_nocobase(service) && starts(service)) {
        judge_other(service);
      }
    }
    return std::move(plan_);
  }

 private:
  void judge_document(const kube::SourceDocument& document) {
    if (kube::find(document.value, "include") != nullptr) {
      remarks_.needs(place_of(document, "include"), "include", "other files are not followed",
                     "import what `docker compose config` prints");
    }
  }

  // Services without a profile are always started.
  bool starts(const ComposeService& service) {
    const bool asked =
        service.profiles.empty() ||
        std::any_of(service.profiles.begin(), service.profiles.end(), [this](const std::string& name) {
          return std::find(input_.profiles.begin(), input_.profiles.end(), name) != input_.profiles.end();
        });
    if (!asked) {
      remarks_.dropped(service.place, "services." + service.name,
                       "it is started only with the profile " + service.profiles.front(),
                       "add --profile " + service.profiles.front() + " if it belongs to the cluster");
    }
    return asked;
  }

  void add_workload(ComposeService& service) {
    Workload out;
    out.name = service.name;
    out.place = service.place;
    out.image = service.image;
    out.image_unknown = service.image_unknown;
    if (out.image.empty() && out.image_unknown.empty()) {
      out.image_unknown = service.builds ? "the service is built and its image has no name" : "the service names none";
    }
    out.env = service.env;
    out.replicas = service.replicas.value_or(1);
    out.resources = service.resources;
    out.grace_seconds = service.grace_seconds;
    for (const auto& [key, place] : service.others) {
      Told& told = told_[key];
      told.place = told.services.empty() ? place : told.place;
      told.services.insert(service.name);
    }
    if (service.has_ports) {
      ports_.insert(service.name);
    }
    plan_.workloads.push_back(std::move(out));
  }

  static std::string listed(const std::set<std::string>& names) {
    std::string out;
    for (const std::string& name : names) {
      out += (out.empty() ? "" : ", ") + name;
    }
    return out;
  }

  void tell_keys() {
    for (const auto& entry : told_) {
      const std::string& name = entry.first;
      const Told& told = entry.second;
      const auto* const key = std::find_if(keys.begin(), keys.end(), [&](const Key& k) { return k.name == name; });
      remarks_.dropped(told.place, name + " (" + listed(told.services) + ")",
                       key == keys.end() ? "the spec has nothing like it" : std::string(key->why),
                       key == keys.end() ? "see podTemplate, which is merged into every pod" : "");
    }
    if (!ports_.empty()) {
      remarks_.changed(plan_.place, "ports (" + listed(ports_) + ")",
                       "pods are reached by the Service, from within Kubernetes, on port 80",
                       "say ingress or gateway to reach it from outside");
    }
  }

  void judge_storage() {
    std::set<std::string> sources;
    Place place = plan_.place;
    for (const Workload& workload : plan_.workloads) {
      for (const ComposeMount& mount : services_.at(workload.name).mounts) {
        if (mount.target == upstream_storage) {
          place = sources.empty() ? mount.place : place;
          sources.insert(mount.source.empty() ? "an unnamed volume" : mount.source);
        } else if (mount.target.starts_with(upstream_storage)) {
          remarks_.dropped(mount.place, "volume " + mount.target,
                           "it is mounted into NocoBase's own files, and all of these are in one claim",
                           "copy what is in it into that folder of the claim");
        } else {
          const bool plugin = mount.target.find("/node_modules/") != std::string::npos;
          remarks_.dropped(mount.place, "volume " + mount.target, "files of a host are not carried over",
                           plugin ? "bring the plugin by the image, or in plugins/ of the claim"
                                  : "bring them by the image, or by a volume in podTemplate");
        }
      }
    }
    if (sources.empty()) {
      remarks_.changed(plan_.place, "storage",
                       "nothing is mounted at " + std::string(upstream_storage) +
                           ", so that files were lost with each container; now they are kept in a claim");
      return;
    }
    remarks_.needs(place, "storage",
                   "the files in " + listed(sources) + " are not carried over" +
                       (plan_.workloads.size() > 1 ? "; where hosts had volumes of their own, merge them" : ""),
                   "make a claim, copy them into it, and name it in storage.existingClaim");
  }

  void judge_other(const ComposeService& service) {
    const std::string subject = "services." + service.name;
    if (!dialect_of(service).empty()) {
      if (plan_.database.dialect.empty()) {
        plan_.database = hint_of(service);
      }
      remarks_.needs(service.place, subject, "the database runs beside NocoBase in this file and is not carried over",
                     "move it to a server that pods reach, and name that in database.host");
    } else if (is_redis(service)) {
      plan_.redis_host = plan_.redis_host.empty() ? service.name : plan_.redis_host;
      remarks_.needs(service.place, subject, "Redis runs beside NocoBase in this file and is not carried over",
                     "run one that pods reach, and name it in coordination.redis.host");
    } else {
      remarks_.dropped(service.place, subject, "it is not NocoBase",
                       "if it is a proxy before it, say ingress or gateway instead");
    }
  }

  struct Told {
    Place place;
    std::set<std::string> services;
  };

  const ImportInput& input_;
  Remarks& remarks_;
  Blueprint plan_;
  std::vector<ComposeFile> files_;
  std::map<std::string, ComposeService> services_;
  std::map<std::string, Told> told_;
  std::set<std::string> ports_;
};

}  // namespace

std::optional<std::int64_t> compose_seconds(std::string_view text) {
  struct TimeUnit {
    std::string_view name;
    std::int64_t milliseconds;
  };
  static constexpr std::array<TimeUnit, 4> units = {{{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}}};
  if (text.empty()) {
    return std::nullopt;
  }
  std::int64_t sum = 0;
  while (!text.empty()) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const auto* const unit =
        std::find_if(units.begin(), units.end(), [text](const TimeUnit& u) { return text.starts_with(u.name); });
    if (error != std::errc() || value < 0 || value > 1'000'000 || unit == units.end()) {
      return std::nullopt;
    }
    text.remove_prefix(unit->name.size());
    sum += value * unit->milliseconds;
  }
  return (sum + 999) / 1000;
}

std::optional<std::string> compose_bytes(std::string_view text) {
  struct SizeUnit {
    std::string_view name;
    std::string_view suffix;
  };
  static constexpr std::array<SizeUnit, 14> units = {{{"", ""},
                                                      {"b", ""},
                                                      {"k", "Ki"},
                                                      {"kb", "Ki"},
                                                      {"kib", "Ki"},
                                                      {"m", "Mi"},
                                                      {"mb", "Mi"},
                                                      {"mib", "Mi"},
                                                      {"g", "Gi"},
                                                      {"gb", "Gi"},
                                                      {"gib", "Gi"},
                                                      {"t", "Ti"},
                                                      {"tb", "Ti"},
                                                      {"tib", "Ti"}}};
  const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
  const std::string number(text.substr(0, digits));
  std::string unit(text.substr(digits));
  std::transform(unit.begin(), unit.end(), unit.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  const auto* const found =
      std::find_if(units.begin(), units.end(), [&unit](const SizeUnit& known) { return known.name == unit; });
  if (number.empty() || number == "0" || found == units.end()) {
    return std::nullopt;
  }
  return number + std::string(found->suffix);
}

Result<Blueprint> read_compose(const ImportInput& input, Remarks& remarks) {
  return ComposeReader(input, remarks).read();
}

}  // namespace nocobase_operator::app::importing
