// The command line as values: what completion and the manual page are made from, so that neither can say anything else
// than the program does.
#pragma once
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace nocobase_operator::program {

// An option, or an argument that is told by its place.
struct CliOption {
  std::vector<std::string> longs, shorts;  // without their dashes; none for an argument
  std::string argument;                    // "FILE"; "" for an option
  std::string value;                       // what an option takes: "FILE", "SECONDS"; "" for a flag
  std::vector<std::string> choices;        // the words it takes; none: any text
  std::string description, initial, variable;
  bool required = false;
  bool repeats = false;
};

struct CliCommand {
  std::string name;  // "nocobase-operator", "plan"
  std::string description;
  std::vector<CliOption> options;    // in the order of their definition
  std::vector<CliCommand> commands;  // of those that are shown
};

[[nodiscard]] CliCommand describe(const CLI::App& app);

// What may come next.
struct Candidate {
  std::string text;
  std::string help;
};

struct Completion {
  std::vector<Candidate> candidates;
  bool files = false;     // the name of a file may come
  bool clusters = false;  // the name of a NocoBaseCluster may come
  // Of the options that a cluster is found with, as far as they are there: kubeconfig, context, namespace.
  std::string kubeconfig, context, ns;
};

// What may stand in place of the last of `words`, which the person has begun to write; the others stand before it, the
// program's own name left out. Bash gives `--output=json` as three words, others as one.
[[nodiscard]] Completion complete(const CliCommand& command, const std::vector<std::string>& words);

// The same in the form that Cobra has made common, and kubectl asks for: a line per candidate, with a tab before its
// help, and a line ":4", or ":0" where files may be offered.
[[nodiscard]] std::string to_lines(const Completion& completion);

// The script that makes a shell (bash, zsh or fish) ask `program` itself what may come next.
[[nodiscard]] std::string completion_script(const std::string& shell, const std::string& program);

// The manual page, in the macros of man(7), of the program and of it as a plugin of kubectl.
[[nodiscard]] std::string manual(const CliCommand& program, const CliCommand& plugin, const std::string& version);

}  // namespace nocobase_operator::program
