#include "app/source_lint.h"

#include "app/report.h"
#include "app/validate_parts.h"
#include "kube/reader.h"

namespace nocobase_operator::app {
namespace {

using kube::Json;
using kube::SourceDocument;

constexpr std::string_view requests_advice = "write `requests: true` for !, and quote a key that begins with a sign";

const kube::ScalarNote* note_at(const SourceDocument& document, const std::string& path) {
  const auto found = document.notes.find(path);
  return found == document.notes.end() ? nullptr : &found->second;
}

// Reports a tag at `path`; whether there was one.
bool lint_tag(const SourceDocument& document, const std::string& path, Report& report) {
  const kube::ScalarNote* const note = note_at(document, path);
  if (note == nullptr || !note->tag.starts_with('!')) {
    return false;
  }
  report.add("NB012", path,
             "the unquoted " + note->tag + " is a YAML tag, and what is read is " + in_quotes(note->text),
             std::string(requests_advice));
  return true;
}

void lint_item(const SourceDocument& document, const std::string& path, const Json& item, Report& report) {
  if (lint_tag(document, path, report)) {
    return;
  }
  const kube::ScalarNote* const note = note_at(document, path);
  if (note != nullptr && note->alias && !item.is_string()) {
    report.add("NB012", path, "the unquoted * is a YAML alias, and what is read is " + kube::describe(item),
               "write \"*\" in quotes");
  } else if (item.is_null() || item.is_array()) {
    report.add("NB012", path, "an empty item or an unquoted -, and what is read is " + kube::describe(item),
               "write one service key per item; a pod never has the mode -");
  } else if (item == "!" || item == "-") {
    report.add("NB012", path, kube::describe(item) + " is no service key",
               item == "!" ? "write `requests: true` beside the services"
                           : "a pod never has the mode -; write `requests: true`, or a service key");
  }
}

void lint_services(const SourceDocument& document, const std::string& path, const Json& services, Report& report) {
  if (services.is_array()) {
    for (std::size_t i = 0; i < services.size(); ++i) {
      lint_item(document, kube::join_path(path, i), services[i], report);
    }
    return;
  }
  if (lint_tag(document, path, report)) {
    return;
  }
  if (const auto* const text = services.get_ptr<const std::string*>();
      text != nullptr && (*text == "!" || *text == "*" || *text == "-")) {
    report.add("NB012", path, in_quotes(*text) + " is no list",
               *text == "!"   ? "write `requests: true`"
               : *text == "*" ? "write services: [\"*\"]"
                              : "a pod never has the mode -");
  }
}

// WORKER_MODE with an unquoted sign reads as an empty text, which means everything.
void lint_env(const SourceDocument& document, const std::string& path, const Json* env, Report& report) {
  if (env == nullptr || !env->is_array()) {
    return;
  }
  for (std::size_t i = 0; i < env->size(); ++i) {
    if (kube::string_at((*env)[i], {"name"}) == "WORKER_MODE") {
      lint_tag(document, kube::join_path(path, i) + ".value", report);
    }
  }
}

}  // namespace

kube::Findings lint_source(const SourceDocument& document) {
  kube::Findings findings;
  Report report(findings);
  for (const auto& [path, note] : document.notes) {
    if (!note.read.empty() && note.read != note.text) {
      report.add("NB015", path, note.text + " is read as " + note.read, "write " + note.read + ", or quote a text");
    }
  }
  const Json* const roles = kube::find_path(document.value, {"spec", "roles"});
  if (roles != nullptr && roles->is_array()) {
    for (std::size_t i = 0; i < roles->size(); ++i) {
      const std::string path = role_path(i);
      if (const Json* const services = kube::find((*roles)[i], "services"); services != nullptr) {
        lint_services(document, path + ".services", *services, report);
      }
      lint_env(document, path + ".env", kube::find((*roles)[i], "env"), report);
    }
  }
  lint_env(document, "spec.env", kube::find_path(document.value, {"spec", "env"}), report);
  return findings;
}

}  // namespace nocobase_operator::app
