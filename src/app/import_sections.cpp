// The sections of the spec that say where data and keys are: database, keys, initialAdmin.
#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "app/decode_fields.h"
#include "app/form.h"
#include "app/import_draft.h"
#include "app/names.h"
#include "app/placeholder.h"
#include "app/secrecy.h"
#include "kube/reader.h"

namespace nocobase_operator::app::importing {
namespace {

constexpr std::string_view database_suffix = "database";
constexpr std::string_view keys_suffix = "app-keys";
constexpr std::string_view admin_suffix = "admin";
constexpr std::string_view public_password =
    "admin123";  // packages/plugins/@nocobase/plugin-users/src/server/server.ts
constexpr std::array<std::string_view, 5> dialects = {"postgres", "mysql", "mariadb", "kingbase", "sqlite"};

class DatabaseWriter {
 public:
  DatabaseWriter(Draft& draft, const DatabaseHint& hint, const Place& whole)
      : draft_(draft), hint_(hint), whole_(whole) {}

  Json write() {
    write_dialect();
    if (out_["dialect"] != "sqlite") {
      write_server();
    } else {
      for (const Home home : {Home::host, Home::port, Home::database, Home::user, Home::password}) {
        drop_for_sqlite(home);
      }
    }
    write_layout();
    write_tls();
    return std::move(out_);
  }

 private:
  // A text that has the form of a field, or nothing.
  std::optional<std::string> fitting(Home home, const std::string& field, const form::Form& form) {
    std::optional<std::string> text = draft_.text(home, "database." + field);
    if (text && (form::length(*text) > form.max || (form.matches != nullptr && !form.matches(*text)))) {
      draft_.remarks().needs(draft_.at(home)->place, draft_.at(home)->name,
                             (has_password(*text) ? "the value" : kube::describe(Json(*text))) +
                                 " has not the form of " + std::string(form.want),
                             "say it in database." + field);
      return std::nullopt;
    }
    return text;
  }

  // A field that every server needs: from the application, from the server beside it, or a stand-in.
  void required(Home home, const std::string& field, const form::Form& form, const std::optional<std::string>& hint,
                std::string_view stand_in) {
    const bool is_set = draft_.at(home) != nullptr;
    if (std::optional<std::string> text = fitting(home, field, form)) {
      out_[field] = std::move(*text);
      return;
    }
    const bool usable = hint && !hint->empty() && form::length(*hint) <= form.max &&
                        (form.matches == nullptr || form.matches(*hint)) && !is_placeholder_text(*hint, false);
    out_[field] = usable && !is_set ? *hint : std::string(stand_in);
    if (is_set) {
      return;  // what is wrong with it has been said
    }
    if (usable) {
      draft_.remarks().changed(hint_.place, std::string(variable_at(home)),
                               "it is not set: database." + field + " is that of the server beside it, " + *hint);
    } else {
      draft_.remarks().needs(whole_, std::string(variable_at(home)), "it is not set",
                             "say it in database." + field + ", where " + std::string(stand_in) + " stands");
    }
  }

  void write_dialect() {
    const Setting* const setting = draft_.at(Home::dialect);
    std::optional<std::string> text = draft_.text(Home::dialect, "database.dialect");
    const bool known = text && std::find(dialects.begin(), dialects.end(), *text) != dialects.end();
    if (known) {
      out_["dialect"] = *text;
      return;
    }
    const std::string assumed = hint_.dialect.empty() ? "postgres" : hint_.dialect;
    out_["dialect"] = assumed;
    if (text) {
      draft_.remarks().needs(setting->place, setting->name,
                             kube::describe(Json(*text)) + " is no database that NocoBase or the operator knows; " +
                                 assumed + " is assumed",
                             "say it in database.dialect");
    } else if (setting == nullptr && hint_.dialect.empty()) {
      draft_.remarks().needs(whole_, "DB_DIALECT", "it is not set; postgres is assumed", "say it in database.dialect");
    } else if (setting == nullptr) {
      draft_.remarks().changed(hint_.place, "DB_DIALECT",
                               "it is not set: database.dialect is that of the server beside it, " + assumed);
    }
  }

  void write_server() {
    const std::optional<std::string> host = hint_.dialect.empty() ? std::nullopt : std::optional(hint_.host);
    required(Home::host, "host", form::host, host, filler_host);
    required(Home::database, "name", {1, 128, nullptr, "a name"}, hint_.name, filler);
    required(Home::user, "user", {1, 128, nullptr, "a name"}, hint_.user, filler);
    write_port();
    write_password();
    if (hint_.max_connections && out_["host"] == hint_.host) {
      out_["maxConnections"] = *hint_.max_connections;
    }
  }

  void write_port() {
    const std::optional<std::string> text = draft_.text(Home::port, "database.port");
    if (!text) {
      return;
    }
    std::int32_t port = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), port);
    if (error != std::errc() || end != text->data() + text->size() || port < 1 || port > 65535) {
      draft_.remarks().needs(draft_.at(Home::port)->place, "DB_PORT", kube::describe(Json(*text)) + " is no port",
                             "say it in database.port");
      return;
    }
    out_["port"] = port;
  }

  void write_password() {
    const Setting* const setting = draft_.at(Home::password);
    if (std::optional<Json> ref = draft_.secret(setting, database_suffix, "password")) {
      out_["passwordSecretRef"] = std::move(*ref);
      return;
    }
    if (const std::string secret = draft_.unseen_secret(); !secret.empty()) {
      out_["passwordSecretRef"] = Json::object({{"name", secret}, {"key", variable_at(Home::password)}});
      draft_.remarks().changed(whole_, "DB_PASSWORD",
                               "it is assumed to be in Secret " + secret + ", which pods take their variables from");
    } else if (hint_.password && !is_placeholder_text(*hint_.password, true)) {
      out_["passwordSecretRef"] = draft_.keep(database_suffix, "password", *hint_.password);
      draft_.remarks().changed(hint_.place, "DB_PASSWORD", "it is not set: that of the server beside it is taken");
    } else {
      out_["passwordSecretRef"] = Json::object({{"name", draft_.secret_name(database_suffix)}, {"key", "password"}});
      draft_.remarks().needs(whole_, "DB_PASSWORD", "it is not set",
                             "put it into key password of Secret " + draft_.secret_name(database_suffix));
    }
  }

  void drop_for_sqlite(Home home) {
    if (const Setting* const setting = draft_.at(home)) {
      draft_.remarks().dropped(setting->place, setting->name, "sqlite is a file in the storage and has no server");
    }
  }

  void write_layout() {
    if (auto schema = fitting(Home::schema, "schema", {1, 63, form::is_schema_name, "a schema's name"})) {
      out_["schema"] = std::move(*schema);
    }
    if (auto prefix =
            fitting(Home::table_prefix, "tablePrefix", {1, 32, form::is_table_prefix, "letters, digits and _"})) {
      out_["tablePrefix"] = std::move(*prefix);
    }
    if (const std::optional<std::string> text = draft_.text(Home::underscored, "database.underscored")) {
      out_["underscored"] = *text == "true";
      if (*text != "true" && *text != "false") {
        draft_.remarks().changed(draft_.at(Home::underscored)->place, "DB_UNDERSCORED",
                                 kube::describe(Json(*text)) + " counts as false: NocoBase wants exactly true");
      }
    }
  }

  void write_tls() {
    Json tls = Json::object();
    if (auto mode = fitting(Home::tls_mode, "tls.mode", {1, 32, form::is_tls_mode, "a mode"})) {
      tls["mode"] = std::move(*mode);
    }
    if (const auto text = draft_.text(Home::tls_reject, "database.tls.rejectUnauthorized")) {
      tls["rejectUnauthorized"] = *text != "false";
    }
    write_certificate(Home::tls_ca, "caSecretRef", "ca.crt", tls);
    write_certificate(Home::tls_cert, "certSecretRef", "tls.crt", tls);
    write_certificate(Home::tls_key, "keySecretRef", "tls.key", tls);
    if (!tls.empty()) {
      out_["tls"] = std::move(tls);
    }
  }

  void write_certificate(Home home, const std::string& field, const std::string& key, Json& tls) {
    const Setting* const setting = draft_.at(home);
    if (setting == nullptr) {
      return;
    }
    if (setting->value && !setting->source && setting->value->find("-----BEGIN") == std::string::npos) {
      draft_.remarks().needs(setting->place, setting->name, "it names a file, and the operator takes it from a Secret",
                             "put the file into a Secret and name that in database.tls." + field);
      return;
    }
    if (std::optional<Json> ref = draft_.secret(setting, database_suffix, key)) {
      tls[field] = std::move(*ref);
    }
  }

  Draft& draft_;
  const DatabaseHint& hint_;
  const Place& whole_;
  Json out_ = Json::object();
};

// The Secret that both variables come from under their own names; "" when there is none.
std::string common_secret(const Setting* a, const Setting* b) {
  std::string name;
  for (const Setting* const setting : {a, b}) {
    if (setting == nullptr || !setting->source ||
        kube::string_at(*setting->source, {"secretKeyRef", "key"}) != setting->name) {
      return "";
    }
    const std::string own = kube::string_at(*setting->source, {"secretKeyRef", "name"});
    if (!name.empty() && own != name) {
      return "";
    }
    name = own;
  }
  return name;
}

void judge_placeholder(Draft& draft, const Setting* setting) {
  if (setting != nullptr && setting->value && is_placeholder_text(*setting->value, true)) {
    draft.remarks().needs(setting->place, setting->name, "the value in its Secret is the placeholder of a template",
                          "write a value there");
  }
}

// Takes a key into our own Secret, or says how it gets there.
void keep_key(Draft& draft, Home home, const Place& whole, const std::string& absent, const std::string& advice) {
  const Setting* const setting = draft.at(home);
  const std::string key(variable_at(home));
  if (setting == nullptr) {
    draft.remarks().needs(whole, key, absent, advice);
  } else if (setting->source && setting->value && !is_placeholder_text(*setting->value, true)) {
    draft.keep(keys_suffix, key, *setting->value);
  } else if (setting->source) {
    judge_placeholder(draft, setting);
    draft.remarks().needs(setting->place, key,
                          "both keys have to be in one Secret under their own names, and it comes from another",
                          "copy it into key " + key + " of Secret " + draft.secret_name(keys_suffix));
  } else {
    static_cast<void>(draft.secret(setting, keys_suffix, key));
  }
}

}  // namespace

Json database_section(Draft& draft, const DatabaseHint& hint, const Place& whole) {
  return DatabaseWriter(draft, hint, whole).write();
}

// Always a Secret that somebody names, never generated keys: with new ones, what is encrypted in the database cannot be
// read.
Json keys_section(Draft& draft, const Place& whole) {
  const Setting* const app = draft.at(Home::app_key);
  const Setting* const aes = draft.at(Home::aes_key);
  Json out = Json::object();
  if (std::string name = common_secret(app, aes); !name.empty()) {
    judge_placeholder(draft, app);
    judge_placeholder(draft, aes);
    out["secretRef"]["name"] = std::move(name);
    return out;
  }
  if (std::string secret = draft.unseen_secret(); app == nullptr && aes == nullptr && !secret.empty()) {
    draft.remarks().needs(whole, "APP_KEY",
                          "it is assumed to be in Secret " + secret + ", which pods take their variables from",
                          "see to it that APP_KEY and APP_AES_SECRET_KEY are in it");
    out["secretRef"]["name"] = std::move(secret);
    return out;
  }
  const std::string own = draft.secret_name(keys_suffix);
  keep_key(draft, Home::app_key, whole, "it is not set, and NocoBase then signs tokens with a constant that is public",
           "put `openssl rand -hex 32` into key APP_KEY of Secret " + own + "; everybody logs in again");
  keep_key(
      draft, Home::aes_key, whole,
      "it is not set: NocoBase made one in storage/apps/main/aes_key.dat, and what it encrypted is lost without it",
      "put that file's 64 hex digits (od -An -v -tx1 aes_key.dat | tr -d ' \\n') into key APP_AES_SECRET_KEY of "
      "Secret " +
          own + ", or `openssl rand -hex 32` where there is no data yet");
  out["secretRef"]["name"] = own;
  return out;
}

Json admin_section(Draft& draft) {
  const Setting* const password = draft.at(Home::admin_password);
  const Setting* const email = draft.at(Home::admin_email);
  const Setting* const either = password != nullptr ? password : email;
  if (either == nullptr) {
    return nullptr;
  }
  Json out = Json::object();
  if (std::string name = common_secret(password, email); !name.empty()) {
    out["secretRef"]["name"] = std::move(name);
    return out;
  }
  const auto usable = [](const Setting* setting) {
    return setting != nullptr && setting->value && !setting->refers && !is_placeholder_text(*setting->value, true);
  };
  if (!usable(password) || !usable(email) || *password->value == public_password) {
    draft.remarks().changed(
        either->place, either->name,
        password != nullptr && password->value && *password->value == public_password
            ? "the password is the public default: the operator makes one for a new installation"
            : "e-mail and password are not both known: the operator makes them for a new installation",
        "read them from Secret " + draft.secret_name("keys"));
    return nullptr;
  }
  draft.keep(admin_suffix, std::string(key_admin_email), *email->value);
  draft.keep(admin_suffix, std::string(key_admin_password), *password->value);
  out["secretRef"]["name"] = draft.secret_name(admin_suffix);
  return out;
}

}  // namespace nocobase_operator::app::importing
