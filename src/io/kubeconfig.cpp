#include "io/kubeconfig.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "base/base64.h"
#include "io/file.h"
#include "io/url.h"
#include "io/yaml.h"
#include "kube/json.h"

namespace nocobase_operator::io {
namespace {

using kube::Json;

constexpr std::size_t max_file_bytes = 3U << 20U;

Error invalid(std::string what) {
  return {Code::invalid, std::move(what)};
}

// A cluster, user or context with the file it stands in.
struct Entry {
  Json value;
  std::string file;
};

struct Config {
  std::string current_context;
  std::map<std::string, Entry, std::less<>> clusters;
  std::map<std::string, Entry, std::less<>> users;
  std::map<std::string, Entry, std::less<>> contexts;
};

// Reads members of one entry. Each member is a string or a boolean; anything else is an error that names it.
class Fields {
 public:
  Fields(std::string what, const Entry& entry) : what_(std::move(what)), entry_(entry) {}

  [[nodiscard]] Result<std::string> text(std::string_view key) const {
    const Json* value = present(key);
    if (value == nullptr) {
      return std::string();
    }
    const auto* string = value->get_ptr<const std::string*>();
    if (string == nullptr) {
      return invalid(where(key) + " must be a string");
    }
    return *string;
  }

  [[nodiscard]] Result<bool> flag(std::string_view key) const {
    const Json* value = present(key);
    if (value != nullptr && !value->is_boolean()) {
      return invalid(where(key) + " must be true or false");
    }
    return value != nullptr && *value == Json(true);
  }

  [[nodiscard]] Result<std::vector<std::string>> texts(std::string_view key) const {
    std::vector<std::string> result;
    const Json* value = present(key);
    if (value != nullptr && !value->is_array()) {
      return invalid(where(key) + " must be a list of strings");
    }
    for (const Json& item : value == nullptr ? Json::array() : *value) {
      const auto* string = item.get_ptr<const std::string*>();
      if (string == nullptr) {
        return invalid(where(key) + " must be a list of strings");
      }
      result.push_back(*string);
    }
    return result;
  }

  // A list of objects with a name and a value.
  [[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>> variables(std::string_view key) const {
    std::vector<std::pair<std::string, std::string>> result;
    const Json* value = present(key);
    const Json none = Json::array();
    bool sound = value == nullptr || value->is_array();
    for (const Json& item : sound&& value != nullptr ? *value : none) {
      std::string name = kube::string_at(item, {"name"});
      const Json* content = kube::find(item, "value");
      sound = sound && !name.empty() && name.find('=') == std::string::npos &&
              (content == nullptr || content->is_null() || content->is_string());
      result.emplace_back(std::move(name), kube::string_at(item, {"value"}));
    }
    if (!sound) {
      return invalid(where(key) + " must be a list of names and values");
    }
    return result;
  }

  // The member as an entry of its own, which is null when it is absent.
  [[nodiscard]] Entry inner(std::string_view key) const {
    const Json* value = present(key);
    return {value == nullptr ? Json() : *value, entry_.file};
  }

  // A path, made absolute from the folder of the kubeconfig.
  [[nodiscard]] Result<std::string> path(std::string_view key) const {
    std::string value = TRY(text(key));
    return value.empty() ? value : absolute(value);
  }

  [[nodiscard]] std::string absolute(const std::string& path) const {
    return (std::filesystem::path(entry_.file).parent_path() / path).lexically_normal().string();
  }

  // PEM text that stands in the file as base64, which editors like to wrap.
  [[nodiscard]] Result<std::string> data(std::string_view key) const {
    std::string encoded = TRY(text(key));
    encoded.erase(std::remove_if(encoded.begin(), encoded.end(),
                                 [](char c) { return c == '\n' || c == '\r' || c == ' ' || c == '\t'; }),
                  encoded.end());
    std::optional<std::string> decoded = decode_base64(encoded);
    if (!decoded) {
      return invalid(where(key) + " is no base64");
    }
    return std::move(*decoded);
  }

  // Error when the member is there and asks for something.
  [[nodiscard]] Result<Unit> refuse(std::string_view key, std::string_view why) const {
    const Json* value = present(key);
    const bool asks =
        value != nullptr && *value != Json(false) && *value != Json("") && !(value->is_structured() && value->empty());
    if (asks) {
      return invalid(where(key) + " is not supported: " + std::string(why));
    }
    return Unit{};
  }

  [[nodiscard]] std::string where(std::string_view key) const {
    return entry_.file + ": " + what_ + ": " + std::string(key);
  }

 private:
  [[nodiscard]] const Json* present(std::string_view key) const {
    const Json* value = kube::find(entry_.value, key);
    return value == nullptr || value->is_null() ? nullptr : value;
  }

  std::string what_;
  const Entry& entry_;
};

// Adds the named entries of one list; an entry of an earlier file stays.
Result<Unit> add_entries(const Json& config, const std::string& file,
                         std::pair<std::string_view, std::string_view> names,
                         std::map<std::string, Entry, std::less<>>& into) {
  const auto [list_name, member] = names;
  const Json* list = kube::find(config, list_name);
  if (list == nullptr || list->is_null()) {
    return Unit{};
  }
  if (!list->is_array()) {
    return invalid(file + ": " + std::string(list_name) + " must be a list");
  }
  std::set<std::string> seen;
  for (const Json& item : *list) {
    const std::string name = kube::string_at(item, {"name"});
    const Json* value = kube::find(item, member);
    if (name.empty() || value == nullptr || !(value->is_object() || value->is_null())) {
      return invalid(
          std::string(file).append(": ").append(list_name).append(" has an entry without name or ").append(member));
    }
    if (!seen.insert(name).second) {
      return invalid(std::string(file).append(": ").append(list_name).append(" has two entries named ").append(name));
    }
    into.try_emplace(name, Entry{*value, file});
  }
  return Unit{};
}

Result<Unit> add_file(const std::string& file, const std::string& text, Config& config) {
  std::optional<Json> document;
  std::optional<std::string> finding;
  TRY(read_documents(text, file, {}, [&](kube::SourceDocument read) {
    if (!document) {
      document = std::move(read.value);
      if (!read.findings.empty()) {
        finding = read.findings.front().message;
      }
    }
  }));
  if (finding) {
    return invalid(file + ": " + *finding);
  }
  if (!document) {
    return Unit{};
  }
  if (!document->is_object()) {
    return invalid(file + ": this is no kubeconfig");
  }
  const std::string kind = kube::string_at(*document, {"kind"});
  if (!kind.empty() && kind != "Config") {
    return invalid(file + ": kind is " + kind + ", want Config");
  }
  if (config.current_context.empty()) {
    config.current_context = kube::string_at(*document, {"current-context"});
  }
  TRY(add_entries(*document, file, {"clusters", "cluster"}, config.clusters));
  TRY(add_entries(*document, file, {"users", "user"}, config.users));
  return add_entries(*document, file, {"contexts", "context"}, config.contexts);
}

// A list may name files that do not exist, as $KUBECONFIG often does; one file must.
Result<std::vector<KubeconfigText>> load_files(const std::string& path) {
  std::vector<KubeconfigText> files;
  std::string missing = "no kubeconfig is named";
  std::string_view rest = path;
  const bool list = path.find(':') != std::string::npos;
  while (!rest.empty()) {
    const std::string file(rest.substr(0, rest.find(':')));
    rest.remove_prefix(std::min(file.size() + 1, rest.size()));
    if (file.empty()) {
      continue;
    }
    Result<std::string> text = read_file(file, max_file_bytes);
    if (!text.ok()) {
      if (list && text.error().code == Code::not_found) {
        missing = text.error().what;
        continue;
      }
      return text.error();
    }
    files.push_back({file, std::move(text).value()});
  }
  if (files.empty()) {
    return Error{Code::not_found, missing};
  }
  return files;
}

// The cluster's own proxy, which is used whatever the server is, or the environment's.
Result<std::optional<Proxy>> read_proxy(const Fields& fields, const Url& url, const ProxyVariables& proxies) {
  const std::string text = TRY(fields.text("proxy-url"));
  if (text.empty()) {
    return proxy_for(url, proxies);
  }
  Result<Proxy> proxy = parse_proxy(text);
  if (!proxy.ok()) {
    return invalid(fields.where("proxy-url") + ": " + proxy.error().what);
  }
  return std::optional(std::move(proxy).value());
}

Result<Unit> read_cluster(const Fields& fields, const ProxyVariables& proxies, ApiServer& server) {
  TRY(fields.refuse("insecure-skip-tls-verify", "the server's certificate is always verified; name its CA"));
  const std::string url = TRY(fields.text("server"));
  if (url.empty()) {
    return invalid(fields.where("server") + " is missing");
  }
  const Url parsed = TRY(parse_url(url));
  server.url = to_string(parsed);
  server.proxy = TRY(read_proxy(fields, parsed, proxies));
  server.ca_pem = TRY(fields.data("certificate-authority-data"));
  server.ca_file = TRY(fields.path("certificate-authority"));
  server.tls_server_name = TRY(fields.text("tls-server-name"));
  return Unit{};
}

// Ways to sign in that are not supported, each with what to do instead.
Result<Unit> refuse_unsupported(const Fields& fields) {
  constexpr std::string_view instead = "use a token, a client certificate or an exec plugin";
  constexpr std::pair<std::string_view, std::string_view> unsupported[] = {
      {"auth-provider", instead},
      {"username", instead},
      {"password", instead},
      {"as", "nobody is impersonated"},
      {"as-uid", "nobody is impersonated"},
      {"as-groups", "nobody is impersonated"},
      {"as-user-extra", "nobody is impersonated"},
  };
  for (const auto& [key, advice] : unsupported) {
    TRY(fields.refuse(key, advice));
  }
  return Unit{};
}

// Whether what was read is enough to sign in with.
Result<Unit> check_credentials(const Fields& fields, const Credentials& credentials) {
  const bool certificate = !credentials.client_cert_pem.empty() || !credentials.client_cert_file.empty();
  const bool key = !credentials.client_key_pem.empty() || !credentials.client_key_file.empty();
  if (certificate != key) {
    return invalid(fields.where("client-certificate") + " and client-key need each other");
  }
  if (!certificate && credentials.token.empty() && credentials.token_file.empty() && !credentials.exec) {
    return invalid(fields.where("token") + " or a client certificate is missing");
  }
  return Unit{};
}

// How a plugin is told of the cluster: as the kubeconfig has it, its CA as data.
Json cluster_info(const ApiServer& server, const Entry& cluster) {
  Json info = {{"server", server.url}};
  for (const std::string_view key : {"tls-server-name", "proxy-url"}) {
    if (const std::string text = kube::string_at(cluster.value, {key}); !text.empty()) {
      info[std::string(key)] = text;
    }
  }
  if (!server.ca_pem.empty()) {
    info["certificate-authority-data"] = encode_base64(server.ca_pem);
  }
  const Json* const extensions = kube::find(cluster.value, "extensions");
  for (const Json& item : extensions != nullptr && extensions->is_array() ? *extensions : Json::array()) {
    const Json* const extension = kube::find(item, "extension");
    if (kube::string_at(item, {"name"}) == "client.authentication.k8s.io/exec" && extension != nullptr) {
      info["config"] = *extension;
    }
  }
  return info;
}

Result<ExecPlugin> read_exec(const Fields& fields, const ApiServer& server, const Entry& cluster) {
  ExecPlugin plugin{.api_version = TRY(fields.text("apiVersion"))};
  const bool v1 = plugin.api_version == "client.authentication.k8s.io/v1";
  if (!v1 && plugin.api_version != "client.authentication.k8s.io/v1beta1") {
    return invalid(fields.where("apiVersion") + " must be client.authentication.k8s.io/v1 or v1beta1");
  }
  plugin.command.program = TRY(fields.text("command"));
  if (plugin.command.program.empty()) {
    return invalid(fields.where("command") + " is missing");
  }
  if (plugin.command.program.find('/') != std::string::npos) {
    const std::string path = fields.absolute(plugin.command.program);
    plugin.command.program = path.find('/') == std::string::npos ? "./" + path : path;  // not one along PATH
  }
  plugin.command.args = TRY(fields.texts("args"));
  plugin.command.env = TRY(fields.variables("env"));
  plugin.install_hint = TRY(fields.text("installHint"));
  const std::string mode = TRY(fields.text("interactiveMode"));
  if (mode == "Always") {
    return invalid(fields.where("interactiveMode") + " Always is not supported: nobody is there to answer");
  }
  if (mode != "Never" && mode != "IfAvailable" && (v1 || !mode.empty())) {
    return invalid(fields.where("interactiveMode") + " must be Never or IfAvailable");
  }
  if (TRY(fields.flag("provideClusterInfo"))) {
    plugin.cluster = cluster_info(server, cluster);
    plugin.ca_file = server.ca_pem.empty() ? server.ca_file : "";
  }
  return plugin;
}

Result<Unit> read_user(const Fields& fields, Credentials& credentials) {
  TRY(refuse_unsupported(fields));
  credentials.token = TRY(fields.text("token"));
  credentials.token_file = TRY(fields.path("tokenFile"));
  credentials.client_cert_pem = TRY(fields.data("client-certificate-data"));
  credentials.client_key_pem = TRY(fields.data("client-key-data"));
  credentials.client_cert_file = TRY(fields.path("client-certificate"));
  credentials.client_key_file = TRY(fields.path("client-key"));
  return Unit{};
}

// A user's plugin is not asked where a token stands beside it, as client-go has it.
Result<Unit> read_plugin(const Fields& fields, const std::string& what, const Entry& cluster, ApiServer& server) {
  const Entry entry = fields.inner("exec");
  Credentials& credentials = server.credentials;
  if (entry.value.is_null() || !credentials.token.empty() || !credentials.token_file.empty()) {
    return Unit{};
  }
  if (!entry.value.is_object()) {
    return invalid(fields.where("exec") + " must be an object");
  }
  if (!credentials.client_cert_pem.empty() || !credentials.client_cert_file.empty()) {
    return invalid(fields.where("exec") + " and a client certificate exclude each other");
  }
  credentials.exec = TRY(read_exec(Fields(what + ": exec", entry), server, cluster));
  return Unit{};
}

Result<const Entry*> entry(const std::map<std::string, Entry, std::less<>>& entries, const std::string& kind,
                           const std::string& name) {
  const auto found = entries.find(name);
  if (found == entries.end()) {
    return Error{Code::not_found, "the kubeconfig has no " + kind + " \"" + name + "\""};
  }
  return &found->second;
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

Result<ApiServer> load_kubeconfig(const std::string& path, const std::string& context) {
  return read_kubeconfig(TRY(load_files(path)), context, proxy_variables());
}

Result<ApiServer> read_kubeconfig(const std::vector<KubeconfigText>& files, const std::string& context,
                                  const ProxyVariables& proxies) {
  Config config;
  for (const KubeconfigText& file : files) {
    TRY(add_file(file.file, file.text, config));
  }
  const std::string& name = context.empty() ? config.current_context : context;
  if (name.empty()) {
    return invalid("the kubeconfig has no current-context: name one");
  }
  const Entry* chosen = TRY(entry(config.contexts, "context", name));
  const Fields fields("context " + name, *chosen);
  const std::string cluster = TRY(fields.text("cluster"));
  const std::string user = TRY(fields.text("user"));
  ApiServer server;
  server.ns = TRY(fields.text("namespace"));
  if (server.ns.empty()) {
    server.ns = "default";
  }
  const Entry* cluster_entry = TRY(entry(config.clusters, "cluster", cluster));
  TRY(read_cluster(Fields("cluster " + cluster, *cluster_entry), proxies, server));
  // `kubectl proxy` and its like ask for no credentials; any other server without them would mean anonymous access.
  if (user.empty() && server.url.starts_with("http://")) {
    return server;
  }
  const Entry* user_entry = TRY(entry(config.users, "user", user));
  const Fields user_fields("user " + user, *user_entry);
  TRY(read_user(user_fields, server.credentials));
  TRY(read_plugin(user_fields, "user " + user, *cluster_entry, server));
  TRY(check_credentials(user_fields, server.credentials));
  return server;
}

Result<ApiServer> in_cluster(const std::string& mount) {
  std::string host = environment("KUBERNETES_SERVICE_HOST");
  const std::string port = environment("KUBERNETES_SERVICE_PORT");
  if (host.empty() || port.empty()) {
    return Error{Code::not_found, "not in a Pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set"};
  }
  if (host.find(':') != std::string::npos && !host.starts_with('[')) {
    host = "[" + host + "]";
  }
  const Url url = TRY(parse_url("https://" + host + ":" + port));
  ApiServer server;
  server.url = to_string(url);
  server.proxy = TRY(proxy_for(url, proxy_variables()));
  server.ca_file = mount + "/ca.crt";
  server.credentials.token_file = mount + "/token";
  TRY(read_file(server.ca_file, max_file_bytes));
  TRY(read_file(server.credentials.token_file, max_file_bytes));
  const Result<std::string> ns = read_file(mount + "/namespace", 4096);
  server.ns = ns.ok() ? ns.value() : "";
  while (!server.ns.empty() && (server.ns.back() == '\n' || server.ns.back() == ' ')) {
    server.ns.pop_back();
  }
  if (server.ns.empty()) {
    server.ns = "default";
  }
  return server;
}

}  // namespace nocobase_operator::io
