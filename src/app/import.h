// What runs NocoBase today becomes a NocoBaseCluster: docker-compose files, Deployments and what they refer to, values
// of NocoBase's own chart, a container app, files of variables. Values in; the cluster, the Secrets it needs and
// remarks for a person out.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kube/source.h"
#include "worker_mode/worker_mode.h"

namespace nocobase_operator::app {

enum class RemarkKind : std::uint8_t {
  needs,    // the cluster cannot run as it did before a person has done something
  changed,  // carried over in another form, or with an assumption
  dropped,  // not carried over
};

// "needs", "changed", "dropped".
[[nodiscard]] std::string_view name_of(RemarkKind kind);

// One thing that the person who imports should know. Tells no value of a secret.
struct Remark {
  RemarkKind kind = RemarkKind::needs;
  std::string file;
  kube::Mark mark;
  std::string subject;  // "DB_HOST", "services.app.ports", "Service nb"
  std::string message;  // what is the case, and why
  std::string advice;   // what to do; "" when there is nothing

  friend bool operator==(const Remark&, const Remark&) = default;
};

// A file of variables (NAME=value lines).
struct VariablesFile {
  std::string file;
  std::string text;
};

struct ImportInput {
  std::vector<kube::SourceDocument> documents;  // of all files, Lists taken apart
  // Given by the person. Beside docker-compose files they stand for the file .env.
  std::vector<VariablesFile> variables;
  // Texts of the files that wanted_files() named, by that name, as far as they exist.
  std::map<std::string, std::string, std::less<>> beside;
  std::string name;                   // of the cluster; "": from the input
  std::string ns;                     // its namespace; "": from the input
  std::string image;                  // "": from the input
  std::vector<std::string> profiles;  // of docker-compose services that are to be imported
};

struct Imported {
  kube::Json cluster;               // a NocoBaseCluster that decode() has no finding about
  std::vector<kube::Json> secrets;  // Secrets with stringData, by name; only with values that the input has
  std::vector<Remark> remarks;      // in the order of the input

  // Whether a person has something to do before the cluster runs.
  [[nodiscard]] bool needs_a_person() const;
};

// Whether a document is a docker-compose file. YAML means another thing there: see io::YamlFlavour.
[[nodiscard]] bool is_compose(const kube::Json& document);
// Whether a text that is no YAML map looks like a file of variables: its first line that says something is NAME=…
[[nodiscard]] bool is_variables_text(std::string_view text);

// The files that docker-compose would read besides: .env and each env_file, by paths relative to the compose file. The
// names may depend on what is in .env: ask again once `beside` has it.
[[nodiscard]] std::vector<std::string> wanted_files(const ImportInput& input);

// Error (invalid) where there is no NocoBase in the input, or it is of several sorts. Never throws, whatever the
// input is.
[[nodiscard]] Result<Imported> import_cluster(const ImportInput& input);

// What a role has to say to serve what a WORKER_MODE serves (nothing: the variable is not set).
struct ModeRole {
  nocobase::worker_mode::RoleServices role;
  std::vector<std::string> lost;  // keys that no role can name, because of blanks and signs in them, or their number
  friend bool operator==(const ModeRole&, const ModeRole&) = default;
};
// Nothing where no role serves as little as the mode does.
[[nodiscard]] std::optional<ModeRole> role_of_mode(std::optional<std::string_view> value);

}  // namespace nocobase_operator::app
