// The command `import`: what runs NocoBase today becomes a NocoBaseCluster and the Secrets it needs.
#pragma once
#include <string>
#include <vector>

#include "operator/offline.h"

namespace nocobase_operator::program {

struct ImportOptions {
  std::vector<std::string> inputs;     // files, folders, "-"
  std::vector<std::string> env_files;  // instead of .env
  std::vector<std::string> profiles;   // of docker-compose
  std::string name;                    // of the cluster; "": from the input
  std::string ns;                      // its namespace; "": from the input
  std::string image;                   // "": from the input
  std::string only;                    // cluster, secrets; "": both
  std::string output = "yaml";         // yaml, json
};

// The exit code: 0 when nothing is left to do but to apply it, 1 when a person has to do something first (told on
// stderr), 2 when the input is no use.
[[nodiscard]] int import_files(const ImportOptions& options, const Streams& streams);

}  // namespace nocobase_operator::program
