// The section of the spec that says how pods find each other: coordination.
#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <utility>

#include "app/decode_fields.h"
#include "app/form.h"
#include "app/import_draft.h"
#include "app/placeholder.h"
#include "kube/reader.h"

namespace nocobase_operator::app::importing {
namespace {

constexpr std::string_view suffix = "redis";

struct Function {
  std::string_view field;   // in coordination.redis.databases
  std::string_view secret;  // in coordination.redis.urls
  Home url;
  Home on;              // the variable that switches it on by the word redis, or by being there if it is the URL
  std::int32_t number;  // of the operator's own choice
};
constexpr std::array<Function, 5> functions = {{
    {"cache", "cacheSecretRef", Home::cache_url, Home::cache_store, 0},
    {"pubsub", "pubsubSecretRef", Home::pubsub_url, Home::pubsub_url, 1},
    {"lock", "lockSecretRef", Home::lock_url, Home::lock_adapter, 2},
    {"queue", "queueSecretRef", Home::queue_url, Home::queue_adapter, 3},
    {"workerId", "workerIdSecretRef", Home::worker_id_url, Home::worker_id_url, 4},
}};

// A Redis URL in parts.
struct RedisUrl {
  bool tls = false;
  std::string username;                 // decoded
  std::optional<std::string> password;  // as it stands in the URL
  std::string host;
  std::int32_t port = 6379;
  std::int32_t number = 0;
  bool repaired = false;  // one slash stood where two belong

  [[nodiscard]] bool same_server(const RedisUrl& other) const {
    return tls == other.tls && username == other.username && password == other.password && host == other.host &&
           port == other.port;
  }
};

std::optional<std::int32_t> number_in(std::string_view text, std::int32_t least, std::int32_t most) {
  std::int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = !text.empty() && error == std::errc() && end == text.data() + text.size();
  return whole && value >= least && value <= most ? std::optional(value) : std::nullopt;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    unsigned byte = 0;
    const std::string_view digits = text.substr(i + 1, 2);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (digits.size() != 2 || error != std::errc() || end != digits.data() + 2 || byte < 0x20 || byte > 0x7E) {
      return std::nullopt;
    }
    out += static_cast<char>(byte);
    i += 2;
  }
  return out;
}

// [user][:password]@ off the front; false where it cannot be taken apart.
bool take_user(std::string_view& text, RedisUrl& out) {
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos) {
    return true;
  }
  const std::string_view user = text.substr(0, at);
  text.remove_prefix(at + 1);
  const std::size_t colon = std::min(user.find(':'), user.size());
  const std::optional<std::string> name = percent_decoded(user.substr(0, colon));
  if (!name || name->size() > 128 || user.find_first_of("/?#@[] ") != std::string_view::npos) {
    return false;
  }
  out.username = *name;
  if (colon + 1 < user.size()) {
    out.password = std::string(user.substr(colon + 1));
  }
  return true;
}

// Nothing where the fields of the spec cannot say the same.
std::optional<RedisUrl> parse_redis_url(std::string_view text) {
  RedisUrl out;
  if (text.starts_with("rediss:/")) {
    out.tls = true;
    text.remove_prefix(8);
  } else if (text.starts_with("redis:/")) {
    text.remove_prefix(7);
  } else {
    return std::nullopt;
  }
  out.repaired = !text.starts_with('/');
  text.remove_prefix(out.repaired ? 0 : 1);
  if (!take_user(text, out)) {
    return std::nullopt;
  }
  const std::size_t slash = std::min(text.find('/'), text.size());
  std::string_view server = text.substr(0, slash);
  std::string_view path = text.substr(slash);
  path.remove_prefix(path.empty() ? 0 : 1);
  const std::size_t bracket = server.find(']');
  const std::size_t colon = server.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    const auto port = number_in(server.substr(colon + 1), 1, 65535);
    if (!port) {
      return std::nullopt;
    }
    out.port = *port;
    server = server.substr(0, colon);
  }
  const auto number = path.empty() ? std::optional<std::int32_t>(0) : number_in(path, 0, 1023);
  if (!number || !form::is_host(server) || server.size() > 253) {
    return std::nullopt;
  }
  out.host = server;
  out.number = *number;
  return out;
}

class CoordinationWriter {
 public:
  CoordinationWriter(Draft& draft, const Blueprint& plan) : draft_(draft), plan_(plan) {}

  Json write() {
    const Setting* const queue = draft_.at(Home::queue_adapter);
    rabbitmq_ = draft_.at(Home::rabbitmq_url) != nullptr || (queue != nullptr && queue->value == "rabbitmq");
    if (!is_wanted()) {
      drop_all();
      return nullptr;
    }
    Json out = Json::object();
    if (has_url() || any_on() || !rabbitmq_) {
      Json redis = Json::object();
      if (!write_server(redis)) {
        write_urls(redis);
      }
      out["redis"] = std::move(redis);
    }
    if (rabbitmq_) {
      write_rabbitmq(out);
    }
    write_plugins(out);
    tell_switched_on();
    return out;
  }

 private:
  static bool says(const Setting* setting, std::string_view word) {
    return setting != nullptr && setting->value && setting->value == word;
  }

  [[nodiscard]] bool is_on(const Function& function) const {
    return function.on == function.url ? draft_.at(function.url) != nullptr : says(draft_.at(function.on), "redis");
  }

  [[nodiscard]] bool any_on() const {
    return std::any_of(functions.begin(), functions.end(),
                       [this](const Function& function) { return is_on(function); });
  }

  [[nodiscard]] bool has_url() const {
    return std::any_of(functions.begin(), functions.end(),
                       [this](const Function& function) { return draft_.at(function.url) != nullptr; });
  }

  // In a single pod that does everything an adapter that was not switched on stays so: one whose plugin is missing
  // fails at every use.
  [[nodiscard]] bool is_wanted() const {
    return any_on() || rabbitmq_ || (draft_.is_distributed() && (has_url() || !plan_.redis_host.empty()));
  }

  void drop_all() {
    for (const Home home : {Home::cache_store, Home::cache_url, Home::pubsub_url, Home::lock_adapter, Home::lock_url,
                            Home::queue_adapter, Home::queue_url, Home::worker_id_url}) {
      const Setting* const setting = draft_.at(home);
      if (setting == nullptr || says(setting, "memory") || says(setting, "local")) {
        continue;
      }
      std::string message = "no adapter was switched on, and one pod needs none";
      if (setting->value && setting->value->starts_with("redis:/") && !setting->value->starts_with("redis://")) {
        message += "; besides, its URL has one slash where two belong";
      }
      draft_.remarks().dropped(setting->place, setting->name, std::move(message),
                               "say coordination.redis before there are more pods");
    }
  }

  // The URL of a function as text, if it is known.
  static std::optional<RedisUrl> url_of(const Setting* setting) {
    return setting != nullptr && setting->value && setting->unknown.empty() ? parse_redis_url(*setting->value)
                                                                            : std::nullopt;
  }

  // One server for everything: host and numbers. False where the URLs are of several servers, or not understood.
  bool write_server(Json& redis) {
    std::optional<RedisUrl> server;
    for (const Function& function : functions) {
      const Setting* const setting = draft_.at(function.url);
      if (setting == nullptr) {
        continue;
      }
      const std::optional<RedisUrl> url = url_of(setting);
      if (!url || (server && !server->same_server(*url))) {
        return false;
      }
      if (url->repaired) {
        draft_.remarks().changed(setting->place, setting->name,
                                 "it has one slash where two belong, so that NocoBase connected to localhost; mended");
      }
      server = url;
    }
    Json password;
    if (!server) {
      write_hint(redis);
    } else if (!server->password || put_password(*server->password, password)) {
      put_server(*server, std::move(password), redis);
    } else {
      return false;
    }
    write_numbers(redis);
    return true;
  }

  // No URL, and something is switched on: NocoBase would use localhost.
  void write_hint(Json& redis) {
    const bool usable = form::is_host(plan_.redis_host) && plan_.redis_host.size() <= 253;
    redis["host"] = usable ? plan_.redis_host : std::string(filler_host);
    if (usable) {
      draft_.remarks().changed(plan_.place, "coordination.redis.host",
                               "there is no URL of Redis: it is the server "
                               "beside NocoBase");
    } else {
      draft_.remarks().needs(plan_.place, "coordination.redis.host", "there is no URL of Redis",
                             "say it where " + std::string(filler_host) + " stands");
    }
  }

  static void put_server(const RedisUrl& server, Json password, Json& redis) {
    redis["host"] = server.host;
    if (server.port != 6379) {
      redis["port"] = server.port;
    }
    if (server.tls) {
      redis["tls"] = true;
    }
    if (!server.username.empty()) {
      redis["username"] = server.username;
    }
    if (!password.is_null()) {
      redis["passwordSecretRef"] = std::move(password);
    }
  }

  // A reference to the password, as it stands in the URL: the operator puts it into one again. False where it is made
  // of other variables and they do not lead to a Secret.
  bool put_password(const std::string& password, Json& out) {
    if (password.find("$(") == std::string::npos) {
      if (is_placeholder_text(password, true)) {
        out = Json::object({{"name", draft_.secret_name(suffix)}, {"key", "password"}});
        draft_.remarks().needs(plan_.place, "coordination.redis", "the password in its URL is a template's placeholder",
                               "put it into key password of Secret " + draft_.secret_name(suffix));
        return true;
      }
      out = draft_.keep(suffix, "password", password);
      return true;
    }
    if (!password.starts_with("$(") || password.find(')') + 1 != password.size()) {
      return false;
    }
    const Setting* const setting = draft_.called(password.substr(2, password.size() - 3));
    if (setting == nullptr || !setting->source || kube::find(*setting->source, "secretKeyRef") == nullptr) {
      return false;
    }
    const Json& ref = (*setting->source)["secretKeyRef"];
    out = Json::object({{"name", kube::string_at(ref, {"name"})}, {"key", kube::string_at(ref, {"key"})}});
    return true;
  }

  // The numbers that were used stay; the others get what is free.
  void write_numbers(Json& redis) {
    std::array<std::optional<std::int32_t>, functions.size()> numbers;
    std::set<std::int32_t> taken;
    bool usual = true;
    for (std::size_t i = 0; i < functions.size(); ++i) {
      if (const auto url = url_of(draft_.at(functions[i].url))) {
        numbers[i] = url->number;
        taken.insert(url->number);
        usual = usual && url->number == functions[i].number;
      }
    }
    std::string chosen;
    for (std::size_t i = 0; i < functions.size(); ++i) {
      if (numbers[i]) {
        continue;
      }
      std::int32_t number = functions[i].number;
      if (taken.contains(number)) {
        for (number = 0; taken.contains(number);) {
          ++number;
        }
        usual = false;
      }
      taken.insert(number);
      numbers[i] = number;
      chosen += (chosen.empty() ? "" : ", ") + std::string(functions[i].field) + " " + std::to_string(number);
    }
    for (std::size_t i = 0; i < functions.size() && !usual; ++i) {
      redis["databases"][std::string(functions[i].field)] = *numbers[i];
    }
    if (!usual && !chosen.empty()) {
      draft_.remarks().changed(plan_.place, "coordination.redis.databases",
                               "functions without a URL got numbers that are free: " + chosen);
    }
  }

  // A URL per function, each in a Secret.
  void write_urls(Json& redis) {
    for (const Function& function : functions) {
      const Setting* const setting = draft_.at(function.url);
      if (function.url == Home::queue_url && rabbitmq_) {
        continue;
      }
      if (setting == nullptr) {
        draft_.remarks().needs(plan_.place, std::string(variable_at(function.url)),
                               "it is not set, and Redis is named by URLs: that function stays each pod's own",
                               "say coordination.redis.urls." + std::string(function.secret));
        continue;
      }
      if (setting->value && !setting->refers && !parse_redis_url(*setting->value)) {
        draft_.remarks().needs(setting->place, setting->name,
                               "the URL is not understood; reserved characters in a password must be percent-encoded",
                               "write redis://:password@host:6379/0");
      }
      if (std::optional<Json> ref = draft_.secret(setting, suffix, std::string(function.field) + "-url")) {
        redis["urls"][std::string(function.secret)] = std::move(*ref);
      }
    }
    if (redis.empty()) {
      write_hint(redis);
    }
  }

  void write_rabbitmq(Json& out) {
    out["queue"] = "RabbitMQ";
    const Setting* const setting = draft_.at(Home::rabbitmq_url);
    if (std::optional<Json> ref = draft_.secret(setting, "rabbitmq", "url")) {
      out["rabbitmq"]["urlSecretRef"] = std::move(*ref);
      return;
    }
    out["rabbitmq"]["urlSecretRef"] = Json::object({{"name", draft_.secret_name("rabbitmq")}, {"key", "url"}});
    draft_.remarks().needs(plan_.place, "QUEUE_ADAPTER", "the queue is RabbitMQ, and its URL is not known",
                           "put it into key url of Secret " + draft_.secret_name("rabbitmq"));
  }

  void write_plugins(Json& out) {
    const std::optional<std::string> text = draft_.text(Home::plugins, "coordination.plugins");
    std::string_view rest = text ? std::string_view(*text) : std::string_view();
    std::set<std::string> seen;
    while (!rest.empty()) {
      std::string_view name = rest.substr(0, std::min(rest.find(','), rest.size()));
      rest.remove_prefix(std::min(name.size() + 1, rest.size()));
      name.remove_prefix(std::min(name.find_first_not_of(' '), name.size()));
      name = name.substr(0, name.find_last_not_of(' ') + 1);
      if (name.empty() || !seen.emplace(name).second) {
        continue;
      }
      if (!form::is_package_name(name) || name.size() > 214 || out["plugins"].size() >= 32) {
        draft_.remarks().needs(draft_.at(Home::plugins)->place, std::string(variable_at(Home::plugins)),
                               kube::describe(Json(std::string(name))) + " is no package, or one too many",
                               "say it in coordination.plugins");
        continue;
      }
      out["plugins"].push_back(std::string(name));
    }
    if (out.contains("plugins") && out["plugins"].is_null()) {
      out.erase("plugins");
    }
  }

  // The operator switches everything on together.
  void tell_switched_on() {
    std::string off;
    for (const Function& function : functions) {
      const bool replaced = function.url == Home::queue_url && rabbitmq_;
      if (!is_on(function) && !replaced) {
        off += (off.empty() ? "" : ", ") + std::string(function.field);
      }
    }
    if (!off.empty()) {
      draft_.remarks().needs(plan_.place, "coordination",
                             "it switches on what was not on before (" + off +
                                 "), and an adapter whose plugin is not enabled fails at every use",
                             "see to it that the adapters' plugins are enabled: list them in coordination.plugins");
    }
  }

  Draft& draft_;
  const Blueprint& plan_;
  bool rabbitmq_ = false;
};

}  // namespace

Json coordination_section(Draft& draft, const Blueprint& plan) {
  return CoordinationWriter(draft, plan).write();
}

}  // namespace nocobase_operator::app::importing
