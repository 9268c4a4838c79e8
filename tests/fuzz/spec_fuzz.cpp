// Any JSON through decode() and validate(): never a crash, the same answer twice, rules that exist, and paths that lead
// somewhere. Half of the inputs are grafted onto a valid object, so that validate() is reached.
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "app/rules.h"
#include "app/validate.h"
#include "base/check.h"
#include "kube/reader.h"

namespace {

using nocobase_operator::kube::Json;
namespace app = nocobase_operator::app;
namespace kube = nocobase_operator::kube;

constexpr std::string_view base = R"({
  "apiVersion": "nocobase.com/v1alpha1", "kind": "NocoBaseCluster", "metadata": {"name": "crm"},
  "spec": {"image": "a:2.2.15", "roles": [{"name": "web", "requests": true, "replicas": 2}],
           "database": {"dialect": "postgres", "host": "a", "name": "b", "user": "c"}}})";

// Every path of `value`, as findings spell it.
void collect(const Json& value, const std::string& path, std::set<std::string>& out) {
  out.insert(path);
  if (value.is_object()) {
    for (const auto& [name, member] : value.items()) {
      collect(member, kube::join_path(path, name), out);
    }
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      collect(value[i], kube::join_path(path, i), out);
    }
  }
}

// A finding is about something that is there, or about a member that is missing from something that is there.
bool leads_somewhere(const std::string& path, const std::set<std::string>& paths) {
  if (paths.contains(path)) {
    return true;
  }
  const std::size_t dot = path.rfind('.');
  return paths.contains(dot == std::string::npos ? "" : path.substr(0, dot));
}

void judge(const Json& object) {
  const app::Decoded decoded = app::decode(object);
  const app::Decoded again = app::decode(object);
  CHECK(decoded.findings == again.findings && decoded.cluster == again.cluster);
  kube::Findings findings = app::validate(decoded.cluster, &decoded.cluster);
  CHECK(findings == app::validate(again.cluster, &again.cluster));
  std::set<std::string> paths;
  collect(object, "", paths);
  const bool sound = decoded.findings.empty();
  for (const kube::Finding& finding : decoded.findings) {
    CHECK(!app::rule(finding.code).title.empty());
    CHECK(leads_somewhere(finding.path, paths));
  }
  for (const kube::Finding& finding : findings) {
    CHECK(finding.severity == app::rule(finding.code).severity);
    CHECK(!sound || leads_somewhere(finding.path, paths));
  }
  if (sound) {
    kube::SourceDocument document;
    document.value = object;
    static_cast<void>(app::check(document));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto input = kube::parse_json(text, {64U << 10U, 32});
  if (!input.ok()) {
    return 0;
  }
  judge(input.value());
  if (input.value().is_object()) {
    Json grafted = Json::parse(base, nullptr, false);
    grafted["spec"].update(input.value(), true);
    judge(grafted);
  }
  return 0;
}
