#include <algorithm>
#include <array>
#include <utility>

#include "app/import_compose.h"
#include "kube/reader.h"

namespace nocobase_operator::app::importing {
namespace {

constexpr std::size_t max_document_bytes = 8U << 20U;  // of all texts, after interpolation
constexpr std::size_t max_services = 300;

std::string folder_of(std::string_view file) {
  const std::size_t slash = file.rfind('/');
  return slash == std::string_view::npos ? std::string() : std::string(file.substr(0, slash + 1));
}

std::string resolved(std::string_view folder, std::string_view path) {
  if (path.starts_with('/')) {
    return std::string(path);
  }
  while (path.starts_with("./")) {
    path.remove_prefix(2);
  }
  return std::string(folder) + std::string(path);
}

struct EnvFileEntry {
  std::string path;
  bool required = true;
  bool raw = false;
};

std::vector<EnvFileEntry> env_file_entries(const Json& service) {
  std::vector<EnvFileEntry> out;
  const Json* const entries = kube::find(service, "env_file");
  if (entries == nullptr) {
    return out;
  }
  const Json list = entries->is_array() ? *entries : Json::array({*entries});
  for (const Json& entry : list) {
    if (const auto* const text = entry.get_ptr<const std::string*>()) {
      out.push_back({*text, true, false});
    } else if (const std::string path = kube::string_at(entry, {"path"}); !path.empty()) {
      const Json* const required = kube::find(entry, "required");
      out.push_back({path, required == nullptr || *required != false, kube::string_at(entry, {"format"}) == "raw"});
    }
  }
  return out;
}

// Replaces variables in every text of a document.
class Filler {
 public:
  explicit Filler(ComposeFile& file) : file_(file) {}

  // Error (invalid) when the result is too large.
  Result<Unit> fill(Json& value, const std::string& path) {
    if (auto* const text = value.get_ptr<std::string*>()) {
      return fill_text(*text, path);
    }
    if (value.is_object()) {
      for (auto& [key, member] : value.items()) {
        TRY(fill(member, kube::join_path(path, key)));
      }
    } else if (value.is_array()) {
      for (std::size_t i = 0; i < value.size(); ++i) {
        TRY(fill(value[i], kube::join_path(path, i)));
      }
    }
    return Unit{};
  }

 private:
  Result<Unit> fill_text(std::string& text, const std::string& path) {
    if (text.find('$') == std::string::npos) {
      return Unit{};
    }
    Interpolated result = interpolate(text, file_.known);
    if (result.malformed) {
      file_.unknown.emplace(path, "it has a $ that begins no variable; docker-compose refuses it");
    } else if (!result.missing.empty()) {
      file_.unknown.emplace(path, no_value_text(result.missing));
    }
    bytes_ += result.text.size();
    text = std::move(result.text);
    if (bytes_ > max_document_bytes) {
      return Error{Code::invalid, file_.document->file + ": variables make it larger than " +
                                      std::to_string(max_document_bytes) + " bytes"};
    }
    return Unit{};
  }

  ComposeFile& file_;
  std::size_t bytes_ = 0;
};

// The settings of one file of variables.
Result<std::vector<Setting>> settings_of(const VariablesFile& file, KnownVariables& known, bool raw, Remarks& remarks) {
  std::vector<Setting> out;
  std::vector<TextVariable> variables = TRY(parse_variables(file, known, raw));
  for (TextVariable& variable : variables) {
    Setting setting;
    setting.name = std::move(variable.name);
    setting.value = std::move(variable.value);
    setting.unknown = std::move(variable.unknown);
    setting.place = {file.file, variable.mark};
    if (variable.ambiguous) {
      remarks.changed(setting.place, setting.name, std::string(ambiguous_value));
    }
    put_setting(out, std::move(setting));
  }
  return out;
}

// The settings of an env_file entry; nothing where there is no such file.
Result<std::vector<Setting>> entry_settings(const ComposeFile& file, const EnvFileEntry& entry,
                                            const ImportInput& input, Remarks& remarks) {
  KnownVariables known = file.known;
  const std::string path = resolved(file.folder, entry.path);
  if (const auto found = input.beside.find(path); found != input.beside.end()) {
    return settings_of({path, found->second}, known, entry.raw, remarks);
  }
  std::vector<Setting> out;
  const bool is_dot_env = entry.path == ".env" || entry.path.ends_with("/.env");
  if (is_dot_env && !input.variables.empty()) {
    for (const VariablesFile& given : input.variables) {
      std::vector<Setting> settings = TRY(settings_of(given, known, entry.raw, remarks));
      for (Setting& setting : settings) {
        put_setting(out, std::move(setting));
      }
    }
  } else if (entry.required) {
    remarks.needs(place_of(*file.document, "services"), "env_file " + entry.path,
                  "the file is not there, and what it sets is not known",
                  "put it beside the compose file, or name it to import as well");
  }
  return out;
}

std::string unknown_at(const ComposeFile& file, const std::string& path) {
  const auto found = file.unknown.find(path);
  return found == file.unknown.end() ? std::string() : found->second;
}

// A variable without a value takes that of .env, or of the shell.
void inherit(const ComposeFile& file, Setting& setting) {
  const auto found = file.known.find(setting.name);
  if (found != file.known.end() && found->second) {
    setting.value = *found->second;
  } else {
    setting.unknown = "it is taken from the shell of whoever starts docker-compose";
  }
}

void read_environment(const ComposeFile& file, const Json& environment, const std::string& path,
                      std::vector<Setting>& out) {
  const auto add = [&](std::string name, std::optional<std::string> value, const std::string& at) {
    Setting setting;
    setting.name = std::move(name);
    setting.place = place_of(*file.document, at);
    setting.unknown = unknown_at(file, at);
    if (!value) {
      inherit(file, setting);
    } else if (setting.unknown.empty()) {
      setting.value = std::move(value);
    }
    put_setting(out, std::move(setting));
  };
  if (environment.is_object()) {
    for (const auto& [name, value] : environment.items()) {
      if (!value.is_structured()) {
        add(name, scalar_text(value), kube::join_path(path, name));
      }
    }
  } else if (environment.is_array()) {
    for (std::size_t i = 0; i < environment.size(); ++i) {
      const std::string item = scalar_text(environment[i]).value_or("");
      const std::size_t equals = item.find('=');
      if (!item.empty() && equals != 0) {
        add(item.substr(0, equals), equals == std::string::npos ? std::nullopt : std::optional(item.substr(equals + 1)),
            kube::join_path(path, i));
      }
    }
  }
}

void read_mounts(const ComposeFile& file, const Json& volumes, const std::string& path, ComposeService& out) {
  if (!volumes.is_array()) {
    return;
  }
  for (std::size_t i = 0; i < volumes.size(); ++i) {
    ComposeMount mount;
    mount.place = place_of(*file.document, kube::join_path(path, i));
    if (const auto* const text = volumes[i].get_ptr<const std::string*>()) {
      const std::size_t colon = text->find(":/");
      mount.source = colon == std::string::npos ? "" : text->substr(0, colon);
      mount.target = colon == std::string::npos ? *text : text->substr(colon + 1);
      mount.target = mount.target.substr(0, mount.target.find(':'));
    } else {
      mount.source = kube::string_at(volumes[i], {"source"});
      mount.target = kube::string_at(volumes[i], {"target"});
    }
    while (mount.target.size() > 1 && mount.target.ends_with('/')) {
      mount.target.pop_back();
    }
    out.mounts.push_back(std::move(mount));
  }
}

std::string joined_command(const Json& command) {
  if (!command.is_array()) {
    return scalar_text(command).value_or("");
  }
  std::string out;
  for (const Json& word : command) {
    out += (out.empty() ? "" : " ") + scalar_text(word).value_or("");
  }
  return out;
}

// limits or reservations of `deploy.resources`, or of the older keys.
void put_resources(Json& resources, const std::string& part, const std::optional<std::string>& cpus,
                   const std::optional<std::string>& memory) {
  if (cpus && !cpus->empty()) {
    resources[part]["cpu"] = *cpus;
  }
  if (memory) {
    if (const auto bytes = compose_bytes(*memory)) {
      resources[part]["memory"] = *bytes;
    }
  }
}

std::optional<std::string> text_at(const Json& value, std::initializer_list<std::string_view> path) {
  const Json* const found = kube::find_path(value, path);
  return found == nullptr ? std::nullopt : scalar_text(*found);
}

void read_resources(const Json& service, ComposeService& out) {
  Json resources = Json::object();
  put_resources(resources, "limits", text_at(service, {"cpus"}), text_at(service, {"mem_limit"}));
  put_resources(resources, "requests", std::nullopt, text_at(service, {"mem_reservation"}));
  put_resources(resources, "limits", text_at(service, {"deploy", "resources", "limits", "cpus"}),
                text_at(service, {"deploy", "resources", "limits", "memory"}));
  put_resources(resources, "requests", text_at(service, {"deploy", "resources", "reservations", "cpus"}),
                text_at(service, {"deploy", "resources", "reservations", "memory"}));
  if (!resources.empty()) {
    out.resources = std::move(resources);
  }
}

std::optional<std::int32_t> count_at(const Json& value, std::initializer_list<std::string_view> path) {
  const std::int64_t count = kube::integer_at(value, path, -1);
  return count < 0 ? std::nullopt : std::optional(static_cast<std::int32_t>(std::min<std::int64_t>(count, 1000)));
}

constexpr std::array<std::string_view, 16> read_keys = {
    "build", "command", "cpus",      "deploy",   "entrypoint", "env_file",          "environment", "extends",
    "image", "ports",   "mem_limit", "profiles", "scale",      "stop_grace_period", "volumes",     "mem_reservation"};

void read_plain_keys(const ComposeFile& file, const Json& service, const std::string& path, ComposeService& out) {
  out.image = kube::string_at(service, {"image"});
  out.image_unknown = unknown_at(file, path + ".image");
  out.builds = kube::find(service, "build") != nullptr;
  out.has_ports = kube::find(service, "ports") != nullptr;
  out.replicas = count_at(service, {"deploy", "replicas"});
  out.replicas = out.replicas ? out.replicas : count_at(service, {"scale"});
  out.grace_seconds = compose_seconds(kube::string_at(service, {"stop_grace_period"}));
  read_resources(service, out);
  if (const Json* const profiles = kube::find(service, "profiles"); profiles != nullptr && profiles->is_array()) {
    for (const Json& profile : *profiles) {
      out.profiles.push_back(scalar_text(profile).value_or(""));
    }
  }
  if (const Json* const command = kube::find(service, "command")) {
    out.command = joined_command(*command);
  }
  for (const auto& [key, value] : service.items()) {
    const bool read = std::find(read_keys.begin(), read_keys.end(), key) != read_keys.end();
    const bool starts = key == "command" || key == "entrypoint";
    if ((!read || starts) && !key.starts_with("x-") && !value.is_null()) {
      out.others.emplace_back(key, place_of(*file.document, kube::join_path(path, key)));
    }
  }
}

// `over` over `base`, as docker-compose merges files and what a service extends.
ComposeService merged(ComposeService base, ComposeService over) {
  base.name = std::move(over.name);
  base.place = over.place;
  if (!over.image.empty() || !over.image_unknown.empty()) {
    base.image = std::move(over.image);
    base.image_unknown = std::move(over.image_unknown);
  }
  base.builds = base.builds || over.builds;
  base.has_ports = base.has_ports || over.has_ports;
  for (Setting& setting : over.env) {
    put_setting(base.env, std::move(setting));
  }
  for (ComposeMount& mount : over.mounts) {
    const auto same = std::find_if(base.mounts.begin(), base.mounts.end(),
                                   [&mount](const ComposeMount& old) { return old.target == mount.target; });
    if (same == base.mounts.end()) {
      base.mounts.push_back(std::move(mount));
    } else {
      *same = std::move(mount);
    }
  }
  base.replicas = over.replicas ? over.replicas : base.replicas;
  base.resources = over.resources ? std::move(over.resources) : std::move(base.resources);
  base.grace_seconds = over.grace_seconds ? over.grace_seconds : base.grace_seconds;
  base.profiles = over.profiles.empty() ? std::move(base.profiles) : std::move(over.profiles);
  base.command = over.command.empty() ? std::move(base.command) : std::move(over.command);
  base.others.insert(base.others.end(), over.others.begin(), over.others.end());
  return base;
}

class ServiceReader {
 public:
  ServiceReader(const ComposeFile& file, const ImportInput& input, Remarks& remarks)
      : file_(file), input_(input), remarks_(remarks) {}

  Result<ComposeService> read(const std::string& name, int depth) {
    const Json& service = file_.value["services"][name];
    const std::string path = kube::join_path("services", name);
    ComposeService out;
    out.name = name;
    out.place = place_of(*file_.document, path);
    read_plain_keys(file_, service, path, out);
    for (const EnvFileEntry& entry : env_file_entries(service)) {
      std::vector<Setting> settings = TRY(entry_settings(file_, entry, input_, remarks_));
      for (Setting& setting : settings) {
        put_setting(out.env, std::move(setting));
      }
    }
    if (const Json* const environment = kube::find(service, "environment")) {
      read_environment(file_, *environment, path + ".environment", out.env);
      judge_mode_tag(path);
    }
    if (const Json* const volumes = kube::find(service, "volumes")) {
      read_mounts(file_, *volumes, path + ".volumes", out);
    }
    return extended(service, std::move(out), depth);
  }

 private:
  static constexpr int max_extends = 8;

  // An unquoted ! in YAML is a tag before an empty text, and an empty WORKER_MODE means everything.
  void judge_mode_tag(const std::string& path) {
    const auto note = file_.document->notes.find(path + ".environment.WORKER_MODE");
    if (note != file_.document->notes.end() && note->second.tag.starts_with('!')) {
      remarks_.needs(place_of(*file_.document, note->first), "WORKER_MODE",
                     "the unquoted " + note->second.tag + " is a YAML tag: what runs today has an empty WORKER_MODE, " +
                         "which serves everything, and so does the role",
                     "if it was to serve requests only, take services out of the role");
    }
  }

  Result<ComposeService> extended(const Json& service, ComposeService own, int depth) {
    const Json* const extends = kube::find(service, "extends");
    if (extends == nullptr) {
      return own;
    }
    const std::string base =
        extends->is_string() ? scalar_text(*extends).value_or("") : kube::string_at(*extends, {"service"});
    const bool elsewhere = !kube::string_at(*extends, {"file"}).empty();
    const Json* const found = kube::find(file_.value["services"], base);
    if (elsewhere || found == nullptr || !found->is_object() || depth >= max_extends) {
      remarks_.needs(
          own.place, "services." + own.name + ".extends",
          "what it extends is not in this file" + std::string(depth >= max_extends ? ", or extends itself" : ""),
          "import what `docker compose config` prints");
      return own;
    }
    ComposeService whole = TRY(read(base, depth + 1));
    return merged(std::move(whole), std::move(own));
  }

  const ComposeFile& file_;
  const ImportInput& input_;
  Remarks& remarks_;
};

}  // namespace

Result<ComposeFile> load_compose(const kube::SourceDocument& document, const ImportInput& input, Remarks& remarks) {
  ComposeFile file;
  file.document = &document;
  file.folder = folder_of(document.file);
  std::vector<VariablesFile> texts = input.variables;
  const std::string dot_env = resolved(file.folder, ".env");
  if (const auto found = input.beside.find(dot_env); texts.empty() && found != input.beside.end()) {
    texts.push_back({dot_env, found->second});
  }
  for (const VariablesFile& text : texts) {
    TRY(settings_of(text, file.known, false, remarks));
  }
  file.value = document.value;
  TRY(Filler(file).fill(file.value, ""));
  return file;
}

Result<std::map<std::string, ComposeService>> compose_services(const std::vector<ComposeFile>& files,
                                                               const ImportInput& input, Remarks& remarks) {
  std::map<std::string, ComposeService> out;
  for (const ComposeFile& file : files) {
    ServiceReader reader(file, input, remarks);
    if (file.value["services"].size() > max_services) {
      return Error{Code::invalid,
                   file.document->file + ": more than " + std::to_string(max_services) + " services: split it"};
    }
    for (const auto& [name, value] : file.value["services"].items()) {
      if (!value.is_object()) {
        continue;
      }
      ComposeService service = TRY(reader.read(name, 0));
      const auto earlier = out.find(name);
      if (earlier == out.end()) {
        out.emplace(name, std::move(service));
      } else {
        earlier->second = merged(std::move(earlier->second), std::move(service));
      }
    }
  }
  return out;
}

std::vector<std::string> files_beside(const ComposeFile& file) {
  std::vector<std::string> out = {resolved(file.folder, ".env")};
  for (const auto& [name, service] : file.value["services"].items()) {
    for (const EnvFileEntry& entry : env_file_entries(service)) {
      if (unknown_at(file, kube::join_path("services", name) + ".env_file").empty()) {
        out.push_back(resolved(file.folder, entry.path));
      }
    }
  }
  return out;
}

}  // namespace nocobase_operator::app::importing
