// The commands that never talk to a cluster: validate, render, explain, crd. Thin over src/app; each returns an exit
// code.
#pragma once
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace nocobase_operator::program {

// What every command returns to the shell.
enum Exit : int {
  exit_ok = 0,
  exit_findings = 1,        // the input is wrong in a way that was told
  exit_unusable_input = 2,  // no input, not readable, no YAML, no NocoBaseCluster; or wrong arguments
};

// Where a command writes.
struct Streams {
  std::ostream& out;
  std::ostream& err;
  bool colour = false;  // out is a terminal
  int columns = 0;      // of that terminal; 0 where it is none
};

struct ValidateOptions {
  std::vector<std::string> inputs;  // files, folders, "-"
  std::string from;                 // a file or folder with the clusters as they were; "": changes are not judged
  std::string output = "text";      // text, json, sarif, github, gitlab
  std::string fail_on = "error";    // error, warning
};
[[nodiscard]] int validate(const ValidateOptions& options, const Streams& streams);

struct RenderOptions {
  std::string input;
  std::string output = "yaml";  // yaml, json
};
[[nodiscard]] int render(const RenderOptions& options, const Streams& streams);

struct ExplainOptions {
  std::optional<std::string> mode;  // a WORKER_MODE value; this or a file
  std::string file;                 // a file with NocoBaseClusters, "-" for stdin
  std::vector<std::string> keys;    // service keys to ask about; the ones of upstream when empty
  std::string output = "text";      // text, json
  std::string diagram{};            // mermaid, svg, text; "" for none
  std::string cluster{};            // of the file's clusters only the one of this name
};
[[nodiscard]] int explain(const ExplainOptions& options, const Streams& streams);

[[nodiscard]] int print_crds(const Streams& streams);

}  // namespace nocobase_operator::program
