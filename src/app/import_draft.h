// A NocoBaseCluster while import writes it: its roles, the variables that they share, and the Secrets it needs.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/import_parts.h"
#include "app/import_variables.h"

namespace nocobase_operator::app::importing {

// A role, made of workloads that do the same.
struct RoleDraft {
  std::string name;
  nocobase::worker_mode::RoleServices serves;
  std::int64_t replicas = 0;
  Workload workload;  // the first of them
};

// The roles of a plan. Workloads that serve nothing are left out.
[[nodiscard]] std::vector<RoleDraft> roles_of(const Blueprint& plan, const std::string& cluster, Remarks& remarks);

// Stand-ins where the input has nothing. No database or image is found by them, so nothing happens before they are
// replaced.
inline constexpr std::string_view filler_host = "replace-me.invalid";
inline constexpr std::string_view filler = "replace-me";

class Draft {
 public:
  Draft(std::string cluster, std::vector<RoleDraft> roles, Remarks& remarks);

  [[nodiscard]] const std::string& cluster() const { return cluster_; }
  [[nodiscard]] const std::vector<RoleDraft>& roles() const { return roles_; }
  [[nodiscard]] Remarks& remarks() { return remarks_; }
  // Whether there is or may be more than one pod, or some pod does not do everything.
  [[nodiscard]] bool is_distributed() const;

  // The variable with this home, as the first role has it that has it; nullptr when it is not set.
  [[nodiscard]] const Setting* at(Home home) const;
  [[nodiscard]] const Setting* called(std::string_view name) const;
  // Its text, for a field that holds no secret; nothing when it is not set, or not known (which is remarked on).
  [[nodiscard]] std::optional<std::string> text(Home home, std::string_view field);
  // A reference to its value: where it comes from, or {C-suffix, key}, where it is put if it is known. Nothing when it
  // is not set.
  [[nodiscard]] std::optional<Json> secret(const Setting* setting, std::string_view suffix, const std::string& key);
  // Puts a value into Secret C-suffix.
  Json keep(std::string_view suffix, const std::string& key, const std::string& value);
  [[nodiscard]] std::string secret_name(std::string_view suffix) const { return cluster_ + "-" + std::string(suffix); }
  // A variable as an entry of env, a secret value in key `key` of Secret C-env; nothing when it is left out.
  [[nodiscard]] std::optional<Json> variable(const Setting& setting, bool secret, const std::string& key);
  // The one Secret that pods take all its keys from and that the input does not have; "" when there is none or many.
  [[nodiscard]] std::string unseen_secret() const;

  // The Secrets, by name.
  [[nodiscard]] std::vector<Json> secrets(const std::string& ns) const;

 private:
  void tell_differences();

  std::string cluster_;
  std::vector<RoleDraft> roles_;
  Remarks& remarks_;
  std::map<std::string, std::map<std::string, std::string>> kept_;
};

// Takes the member at a finding's path out of an object, or what holds it where it is missing. False when nothing but
// the whole spec could be taken out.
bool take_out(Json& root, std::string_view path);

// Sections of the spec; null where there is nothing to say.
[[nodiscard]] Json database_section(Draft& draft, const DatabaseHint& hint, const Place& whole);
[[nodiscard]] Json keys_section(Draft& draft, const Place& whole);
[[nodiscard]] Json admin_section(Draft& draft);
[[nodiscard]] Json coordination_section(Draft& draft, const Blueprint& plan);

}  // namespace nocobase_operator::app::importing
