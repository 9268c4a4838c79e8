// What is made from the definitions of the command line: completion, by the shells themselves, and the manual page.
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "golden.h"
#include "io/process.h"
#include "operator/cli_model.h"

namespace nocobase_operator::program {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

using Words = std::vector<std::string>;

// The output of a program that ends well; a test failure otherwise.
std::string said_by(const std::string& program, const Words& args) {
  const std::atomic<bool> stop{false};
  io::ProcessCommand command{.program = program, .args = args};
  command.env = {{"PATH", fs::path(NBO_OPERATOR).parent_path().string() + ":" + std::getenv("PATH")},
                 {"KUBECONFIG", "/nowhere"}};
  const auto end = io::run_process(command, stop);
  if (!end.ok()) {
    ADD_FAILURE() << program << ": " << end.error().what;
    return "";
  }
  EXPECT_EQ(end.value().exit_code, 0) << end.value().errors;
  EXPECT_EQ(end.value().errors, "");
  return end.value().output;
}

Words lines_of(const std::string& text) {
  Words lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    lines.push_back(line);
  }
  return lines;
}

// The first word of each line that the program itself answers with, and its directive.
Words completed(const Words& words, const std::string& program = NBO_OPERATOR) {
  Words args = {"__complete"};
  args.insert(args.end(), words.begin(), words.end());
  Words out;
  for (const std::string& line : lines_of(said_by(program, args))) {
    out.push_back(line.substr(0, line.find('\t')));
  }
  return out;
}

std::string plugin() {
  return (fs::path(NBO_OPERATOR).parent_path() / "kubectl-nocobase").string();
}

TEST(Completion, OffersCommandsOptionsAndTheirWords) {
  EXPECT_THAT(completed({"exp"}), ElementsAre("explain", ":4"));
  EXPECT_THAT(completed({"explain", "--diag"}), ElementsAre("--diagram", ":4"));
  EXPECT_THAT(completed({"explain", "--diagram", ""}), ElementsAre("mermaid", "svg", "text", ":4"));
  EXPECT_THAT(completed({"explain", "--diagram", "s"}), ElementsAre("svg", ":4"));
  EXPECT_THAT(completed({"explain", "--diagram=s"}), ElementsAre("--diagram=svg", ":4"));
  EXPECT_THAT(completed({"explain", "--diagram", "=", "s"}), ElementsAre("svg", ":4"));
  EXPECT_THAT(completed({"explain", "--diagram", "="}), ElementsAre("mermaid", "svg", "text", ":4"));
  EXPECT_THAT(completed({"validate", "-o", ""}), ElementsAre("text", "json", "sarif", "github", "gitlab", ":4"));
  EXPECT_THAT(completed({"import", "--only", ""}), ElementsAre("cluster", "secrets", ":4"));
  EXPECT_THAT(completed({"completion", ""}), ElementsAre("bash", "zsh", "fish", ":4"));
  EXPECT_THAT(completed({"completion", "bash", ""}), ElementsAre(":4"));
  EXPECT_THAT(completed({"nonsense", "--diagram", ""}), testing::Contains("explain"));
}

TEST(Completion, OffersFilesWhereAFileComes) {
  EXPECT_THAT(completed({"render", ""}), ElementsAre(":0"));
  EXPECT_THAT(completed({"validate", "a.yaml", "b"}), ElementsAre(":0"));
  EXPECT_THAT(completed({"plan", "--from", ""}), ElementsAre(":0"));
  EXPECT_THAT(completed({"validate", "--from", ""}), ElementsAre(":0"));
  EXPECT_THAT(completed({"import", "a.yaml", "--env-file", ""}), ElementsAre(":0"));
  EXPECT_THAT(completed({"run", "--kubeconfig", ""}), ElementsAre(":0"));
  EXPECT_THAT(completed({"plan", "--from", "a.yaml", "b"}), ElementsAre(":0"));
  EXPECT_THAT(completed({"plan", "a.yaml", "b"}), ElementsAre(":4"));
  EXPECT_THAT(completed({"plan", "--context", ""}), ElementsAre(":4"));
  EXPECT_THAT(completed({"plan", "--", "-"}), ElementsAre(":0"));
}

TEST(Completion, OffersEveryOptionOfACommand) {
  const Words all = completed({"explain", "--"});
  EXPECT_THAT(all, ElementsAre("--help", "--file", "--key", "--output", "--diagram", "--cluster", ":4"));
  EXPECT_THAT(completed({"import", "--"}), ElementsAre("--help", "--env-file", "--profile", "--name", "--namespace",
                                                       "--image", "--only", "--output", ":4"));
  EXPECT_THAT(completed({"validate", "--"}), ElementsAre("--help", "--from", "--output", "--fail-on", ":4"));
  EXPECT_THAT(completed({"explain", "-"}), testing::IsSupersetOf({"-h", "-f", "-o", "--file"}));
}

TEST(Completion, ThePluginHasItsOwnCommands) {
  EXPECT_THAT(completed({""}, plugin()), ElementsAre("status", "maintenance", "plan", "explain", ":4"));
  EXPECT_THAT(completed({"maintenance", ""}, plugin()), ElementsAre("on", "off", ":4"));
  EXPECT_THAT(completed({"maintenance", "on", "--t"}, plugin()), ElementsAre("--timeout", ":4"));
  // The API server that would know the names is not there.
  EXPECT_THAT(completed({"status", ""}, plugin()), ElementsAre(":4"));
}

TEST(Completion, KubectlAsksByAnotherName) {
  const std::string asked = (fs::path(NBO_OPERATOR).parent_path() / "kubectl_complete-nocobase").string();
  EXPECT_EQ(said_by(asked, {"maint"}).substr(0, 12), "maintenance\t");
  EXPECT_EQ(said_by(asked, {"maintenance", "o"}), "on\noff\n:4\n");
  EXPECT_EQ(said_by(asked, {"plan", ""}), ":0\n");
}

TEST(Completion, AClusterIsLookedForWhereTheLineSays) {
  const CliCommand status{"status",
                          "",
                          {{{}, {}, "NAME", "TEXT", {}, "", "", "", true, false},
                           {{"kubeconfig"}, {}, "", "FILE", {}, "", "", "", false, false},
                           {{"context"}, {}, "", "CONTEXT", {}, "", "", "", false, false},
                           {{"namespace"}, {"n"}, "", "NAMESPACE", {}, "", "", "", false, false}},
                          {}};
  const Completion all = complete(status, {"-n", "apps", "--context=prod", "--kubeconfig", "k.yaml", "c"});
  EXPECT_TRUE(all.clusters);
  EXPECT_EQ(all.ns, "apps");
  EXPECT_EQ(all.context, "prod");
  EXPECT_EQ(all.kubeconfig, "k.yaml");
  EXPECT_FALSE(complete(status, {"crm", ""}).clusters);
  EXPECT_FALSE(complete(status, {"-n", ""}).clusters);
  EXPECT_THAT(complete(status, {}).candidates, IsEmpty());
}

// Shells quote what they give back: a script that puts it together wrongly shows here.
const std::string bash_line = R"(
  source <(nocobase-operator completion bash)
  [[ $(complete -p nocobase-operator) == 'complete -F _nocobase_operator_complete nocobase-operator' ]] || exit 3
  ask() {
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    _nocobase_operator_complete
    printf '<%s>' "${COMPREPLY[@]}"
    echo
  }
  ask nocobase-operator comp
  ask nocobase-operator explain --diagram ''
  ask nocobase-operator explain --diagram = sv
  ask nocobase-operator render ''
)";

TEST(Completion, BashCompletes) {
  EXPECT_THAT(lines_of(said_by("bash", {"--norc", "-c", bash_line})),
              ElementsAre("<completion>", "<mermaid><svg><text>", "<svg>", "<>"));
}

// Without a terminal zsh has no completion system: the three functions of it that are called are put in its place.
const std::string zsh_line = R"(
  compdef() { print "compdef $*" }
  _describe() { print -r -- "$1 ${(P)2}" }
  _files() { print files }
  source <(nocobase-operator completion zsh)
  ask() { words=("$@"); CURRENT=$#; _nocobase-operator }
  ask nocobase-operator compl
  ask nocobase-operator explain --diagram s
  ask nocobase-operator explain --output=j
  ask nocobase-operator render ''
  ask nocobase-operator plan --context ''
)";

TEST(Completion, ZshCompletes) {
  EXPECT_THAT(lines_of(said_by("zsh", {"-f", "-c", zsh_line})),
              ElementsAre("compdef _nocobase-operator nocobase-operator",
                          "nocobase-operator completion:Print the script by which a shell completes the arguments",
                          "nocobase-operator svg", "nocobase-operator --output=json", "files"));
}

const std::string fish_line = R"(
  nocobase-operator completion fish | source
  complete -C 'nocobase-operator compl'
  complete -C 'nocobase-operator explain --diagram s'
  complete -C 'nocobase-operator plan --context '
  cd (mktemp -d); touch one.yaml
  complete -C 'nocobase-operator render o'
)";

TEST(Completion, FishCompletes) {
  EXPECT_THAT(lines_of(said_by("fish", {"--no-config", "-c", fish_line})),
              ElementsAre("completion\tPrint the script by which a shell completes the arguments", "svg", "one.yaml"));
}

TEST(Manual, OnDiskIsWhatTheProgramSays) {
  expect_golden(fs::path(NBO_SOURCE_DIR) / "docs/man/nocobase-operator.1", said_by(NBO_OPERATOR, {"man"}));
}

TEST(Manual, HasEveryOptionAndCommand) {
  const std::string page = said_by(NBO_OPERATOR, {"man"});
  for (const std::string& program : {std::string(NBO_OPERATOR), plugin()}) {
    for (const std::string& command : completed({""}, program)) {
      if (command.starts_with(":")) {
        continue;
      }
      EXPECT_NE(page.find(" " + command), std::string::npos) << command;
      for (const std::string& option : completed({command, "--"}, program)) {
        if (option.starts_with(":") || option == "--help") {
          continue;
        }
        std::string written = "\\fB";
        for (const char c : option) {
          written += c == '-' ? "\\-" : std::string(1, c);
        }
        EXPECT_NE(page.find(written + "\\fR"), std::string::npos) << command << " " << option;
      }
    }
  }
}

TEST(Manual, IsRoffThatNothingIsWrongWith) {
  const std::string page = (fs::path(NBO_SOURCE_DIR) / "docs/man/nocobase-operator.1").string();
  // A page without a date is what it is: a date would have to be changed with every release.
  EXPECT_EQ(said_by("mandoc", {"-T", "lint", "-W", "error", page}), "");
}

TEST(Manual, TextIsNoRequest) {
  const CliCommand program{"a-b", ".SH \"x\" \\n", {}, {{"c", "'run \\ it", {}, {}}}};
  const std::string page = manual(program, {"k", "", {}, {}}, "1");
  EXPECT_NE(page.find("a\\-b, kubectl\\-nocobase \\- \\&.SH \\(dqx\\(dq \\en\n"), std::string::npos) << page;
  EXPECT_NE(page.find("\n\\&'run \\e it.\n"), std::string::npos) << page;
}

TEST(Install, PutsEverythingInItsUsualPlace) {
  std::string folder = (fs::temp_directory_path() / "nbo-install-XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  (void)said_by("cmake", {"--install", NBO_BINARY_DIR, "--component", "operator", "--prefix", folder});
  std::map<std::string, std::string> found;  // what is at each place: a link's target, a file's first line
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string place = entry.path().lexically_relative(folder).string();
    if (entry.is_symlink()) {
      found[place] = "-> " + fs::read_symlink(entry.path()).string();
    } else if (entry.is_regular_file()) {
      found[place] = place == "bin/nocobase-operator" ? "" : lines_of(golden_text(entry.path())).front();
    }
  }
  fs::remove_all(folder);
  const std::map<std::string, std::string> wanted = {
      {"bin/nocobase-operator", ""},
      {"bin/kubectl-nocobase", "-> nocobase-operator"},
      {"bin/kubectl_complete-nocobase", "-> nocobase-operator"},
      {"share/bash-completion/completions/nocobase-operator", "# bash completion for nocobase-operator"},
      {"share/zsh/site-functions/_nocobase-operator", "#compdef nocobase-operator"},
      {"share/fish/vendor_completions.d/nocobase-operator.fish", "# fish completion for nocobase-operator"},
      {"share/man/man1/nocobase-operator.1",
       ".\\\" Written by `nocobase-operator man`; a change goes into the program."},
      {"share/man/man1/kubectl-nocobase.1", ".so man1/nocobase-operator.1"},
  };
  EXPECT_EQ(found, wanted);
}

}  // namespace
}  // namespace nocobase_operator::program
