#include "app/validate.h"

#include <algorithm>
#include <set>

#include "app/rules.h"
#include "app/source_lint.h"
#include "app/validate_parts.h"
#include "kube/reader.h"

namespace nocobase_operator::app {
namespace {

// Findings after which the decoded cluster still says what was meant.
bool is_superficial(const kube::Finding& finding) {
  return finding.code == "NB001" || finding.code == "NB002";
}

}  // namespace

std::optional<std::int32_t> most_pods(const Role& role) {
  if (role.replicas) {
    return role.replicas;
  }
  return role.autoscaling ? std::optional(role.autoscaling->max_replicas) : std::nullopt;
}

PodCount pod_count(const Spec& spec) {
  PodCount out;
  for (const Role& role : spec.roles) {
    if (const auto most = most_pods(role)) {
      out.bounded += *most;
    } else {
      ++out.open;
    }
  }
  return out;
}

bool has_several_pods(const Spec& spec) {
  const PodCount count = pod_count(spec);
  return count.bounded + count.open > 1;
}

bool may_have_several_pods(const Spec& spec) {
  const PodCount count = pod_count(spec);
  return count.bounded > 1 || count.open > 0;
}

bool serves(const Role& role, std::string_view key) {
  return std::any_of(role.services.begin(), role.services.end(),
                     [key](const std::string& service) { return service == "*" || service == key; });
}

bool is_split(const Spec& spec) {
  return std::any_of(spec.roles.begin(), spec.roles.end(),
                     [](const Role& role) { return !role.requests || !serves(role, "*"); });
}

std::string role_path(std::size_t index) {
  return kube::join_path("spec.roles", index);
}

std::string in_quotes(std::string_view text) {
  return kube::describe(Json(std::string(text)));
}

kube::Findings validate(const Cluster& cluster, const Cluster* before) {
  kube::Findings findings;
  Report report(findings);
  const Spec& spec = cluster.spec;
  judge_image(spec, report);
  judge_roles(spec, report);
  judge_coverage(spec, report);
  judge_database(spec, report);
  judge_coordination(spec, report);
  judge_storage(spec, report);
  judge_environment(spec, report);
  judge_pod_templates(spec, report);
  judge_lifecycle(spec, report);
  if (before != nullptr) {
    judge_changes(spec, before->spec, report);
  }
  return findings;
}

Inspected inspect(const kube::SourceDocument& document, const Cluster* before) {
  Inspected out{document.findings, std::nullopt};
  kube::Findings& findings = out.findings;
  const kube::Findings signs = lint_source(document);
  std::set<std::string, std::less<>> explained;
  for (const auto& sign : signs) {
    if (sign.code == "NB012") {
      explained.insert(sign.path);
    }
    findings.push_back(sign);
  }
  Decoded decoded = decode(document.value);
  const bool sound = std::all_of(decoded.findings.begin(), decoded.findings.end(), is_superficial);
  for (auto& finding : decoded.findings) {
    if (!explained.contains(finding.path)) {  // an empty key is a consequence of the sign that was not quoted
      findings.push_back(std::move(finding));
    }
  }
  if (sound) {
    for (auto& finding : validate(decoded.cluster, before)) {
      findings.push_back(std::move(finding));
    }
    out.cluster = std::move(decoded.cluster);
  }
  return out;
}

kube::Findings check(const kube::SourceDocument& document) {
  return inspect(document, nullptr).findings;
}

const kube::Finding* first_error(const kube::Findings& findings) {
  const auto found = std::find_if(findings.begin(), findings.end(), [](const kube::Finding& finding) {
    return finding.severity == kube::Severity::error && rule(finding.code).enforcer != Enforcer::validate;
  });
  return found == findings.end() ? nullptr : &*found;
}

}  // namespace nocobase_operator::app
