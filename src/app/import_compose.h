// docker-compose files, taken apart: documents with their variables filled in, and services as values.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/import_parts.h"
#include "app/import_text.h"
#include "base/result.h"

namespace nocobase_operator::app::importing {

// A compose file with its variables filled in.
struct ComposeFile {
  const kube::SourceDocument* document = nullptr;
  std::string folder;                                       // "" or ending in a slash
  KnownVariables known;                                     // what .env says
  Json value;                                               // of the document, after interpolation
  std::map<std::string, std::string, std::less<>> unknown;  // by path: why a text is not known
};

struct ComposeMount {
  std::string source;
  std::string target;
  Place place;
};

// One service, after `extends` and all files.
struct ComposeService {
  std::string name;
  Place place;
  std::string image;
  std::string image_unknown;
  bool builds = false;
  std::vector<Setting> env;  // env_file, then environment
  std::vector<ComposeMount> mounts;
  std::optional<std::int32_t> replicas;
  std::optional<Json> resources;
  std::optional<std::int64_t> grace_seconds;
  std::vector<std::string> profiles;
  std::string command;
  bool has_ports = false;
  std::vector<std::pair<std::string, Place>> others;  // keys that are not read
};

// Error (invalid) where variables make the document too large or .env cannot be read.
[[nodiscard]] Result<ComposeFile> load_compose(const kube::SourceDocument& document, const ImportInput& input,
                                               Remarks& remarks);
// The services of all files by name, a later file over an earlier one.
[[nodiscard]] Result<std::map<std::string, ComposeService>> compose_services(const std::vector<ComposeFile>& files,
                                                                             const ImportInput& input,
                                                                             Remarks& remarks);
// Paths of .env and the env_file entries of a file, as wanted_files() wants them.
[[nodiscard]] std::vector<std::string> files_beside(const ComposeFile& file);

// "1m30s" in seconds.
[[nodiscard]] std::optional<std::int64_t> compose_seconds(std::string_view text);
// "512m" as a quantity: "512Mi".
[[nodiscard]] std::optional<std::string> compose_bytes(std::string_view text);

}  // namespace nocobase_operator::app::importing
