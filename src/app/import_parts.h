// Between the readers of import (one per sort of input) and the writer of the spec: what runs today, in words that all
// sorts of input have in common.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/import.h"
#include "app/spec.h"

namespace nocobase_operator::app::importing {

// Where something stands in the input.
struct Place {
  std::string file;
  kube::Mark mark;
  friend bool operator==(const Place&, const Place&) = default;
};
[[nodiscard]] Place place_of(const kube::SourceDocument& document, std::string_view path);

// Collects remarks; the same one twice (roles share their variables) is told once.
class Remarks {
 public:
  void needs(const Place& place, std::string subject, std::string message, std::string advice = "");
  void changed(const Place& place, std::string subject, std::string message, std::string advice = "");
  void dropped(const Place& place, std::string subject, std::string message, std::string advice = "");
  [[nodiscard]] std::vector<Remark> take() && { return std::move(list_); }

 private:
  void add(Remark remark);
  std::vector<Remark> list_;
  bool full_ = false;
};

// A variable of a workload.
struct Setting {
  std::string name;
  std::optional<std::string> value;  // what the process sees, as far as the input tells
  std::optional<Json> source;        // valueFrom, where it comes from elsewhere
  bool refers = false;               // `value` holds $(NAME) that only Kubernetes can fill in
  std::string unknown;               // why nobody knows the value; "" when it is known or has a source
  Place place;

  // Whether the process sees a text that is not empty, or may see one.
  [[nodiscard]] bool is_set() const { return source || refers || !unknown.empty() || (value && !value->empty()); }
  // Whether both say the same, wherever they stand.
  [[nodiscard]] bool same_as(const Setting& other) const {
    return name == other.name && value == other.value && source == other.source && unknown == other.unknown;
  }
};
// Puts a setting in the place of one of the same name, or at the end.
void put_setting(std::vector<Setting>& list, Setting setting);
[[nodiscard]] const Setting* find_setting(const std::vector<Setting>& list, std::string_view name);

// Pods or containers that run NocoBase with the same configuration.
struct Workload {
  std::string name;
  Place place;
  std::string image;          // "" when it is not known
  std::string image_unknown;  // why
  std::vector<Setting> env;
  Json env_from = Json::array();  // what of envFrom could not be looked into
  std::int32_t replicas = 1;
  std::optional<Json> autoscaling;  // as a role has it
  std::optional<Json> resources;
  std::optional<std::int64_t> grace_seconds;
  Json pod = Json::object();  // spec of a podTemplate
};

// What the input says of the database besides the application's own variables: a server that runs beside it.
struct DatabaseHint {
  std::string dialect;  // "" when there is no such server
  std::string host;
  std::optional<std::string> name, user, password;
  std::optional<std::int32_t> max_connections;
  Place place;
};

// An object of the input.
struct ExistingObject {
  std::string kind;
  std::string name;
  Place place;
};

// What runs today.
struct Blueprint {
  std::string name;  // "" when the input has none
  std::string ns;
  std::vector<Workload> workloads;
  Json storage = Json::object();  // sections of the spec
  Json service = Json::object();
  Json ingress = Json::object();
  std::optional<std::string> pull_policy;
  std::vector<std::string> pull_secrets;
  DatabaseHint database;
  std::string redis_host;  // of a server that runs beside it
  std::vector<ExistingObject> existing;
  Place place;  // of the whole
};

// The readers. Each adds what it finds, and remarks on what it leaves out.
[[nodiscard]] Result<Blueprint> read_compose(const ImportInput& input, Remarks& remarks);
[[nodiscard]] Result<Blueprint> read_kubernetes(const ImportInput& input, Remarks& remarks);
[[nodiscard]] Result<Blueprint> read_chart_values(const ImportInput& input, Remarks& remarks);
[[nodiscard]] Result<Blueprint> read_container_app(const ImportInput& input, Remarks& remarks);
[[nodiscard]] Result<Blueprint> read_variables(const ImportInput& input, Remarks& remarks);

// The writer. Error (invalid) where nothing that a role can be written for is left.
[[nodiscard]] Result<Imported> write_cluster(const Blueprint& plan, const ImportInput& input, Remarks& remarks);

// Whether an image is, or contains, NocoBase by its name.
[[nodiscard]] bool is_nocobase_image(std::string_view image);
// Whether variables are those of NocoBase.
[[nodiscard]] bool is_nocobase_env(const std::vector<Setting>& env);
// The last part of an image's name, "" when it is no image: "postgres" of docker.io/library/postgres:16.
[[nodiscard]] std::string image_base(std::string_view image);
// The text of a scalar as a container sees it; nothing for null, lists and maps.
[[nodiscard]] std::optional<std::string> scalar_text(const Json& value);
// A name made to fit: lower-case letters, digits and single dashes, a letter first, at most `max` characters.
[[nodiscard]] std::string fitted_name(std::string_view text, std::size_t max);
// $$ for each $: Kubernetes expands $(NAME) in values, and takes $$ for $.
[[nodiscard]] std::string escaped_for_kubernetes(std::string_view value);

// Where NocoBase keeps its files.
inline constexpr std::string_view upstream_storage = "/app/nocobase/storage";

}  // namespace nocobase_operator::app::importing
