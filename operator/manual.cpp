// The manual page, from the definitions of the command line.
#include <algorithm>
#include <map>

#include "operator/cli_model.h"

namespace nocobase_operator::program {

namespace {

// Text that no request of roff is read in.
std::string text_of(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '\\':
        out += "\\e";
        break;
      case '-':
        out += "\\-";
        break;
      case '"':
        out += "\\(dq";
        break;
      case '~':
        out += "\\(ti";
        break;
      case '^':
        out += "\\(ha";
        break;
      default:
        out += c;
    }
  }
  const bool is_request = out.starts_with('.') || out.starts_with('\'');
  return (is_request ? "\\&" : "") + out;
}

std::string bold(std::string_view text) {
  return "\\fB" + text_of(text) + "\\fR";
}

std::string slanted(std::string_view text) {
  return "\\fI" + text_of(text) + "\\fR";
}

std::string section(std::string_view title) {
  return ".SH " + text_of(title) + "\n";
}

bool is_help(const CliOption& option) {
  return option.longs == std::vector<std::string>{"help"};
}

std::string usage(const std::string& before, const CliCommand& command) {
  std::string out = before;
  std::string arguments;
  bool options = false;
  for (const CliOption& option : command.options) {
    if (option.argument.empty()) {
      options = options || !is_help(option);
      continue;
    }
    const std::string name = option.argument + (option.repeats ? "..." : "");
    arguments += option.required ? " " + name : " [" + name + "]";
  }
  return out + " " + command.name + (options ? " [OPTION]..." : "") + arguments;
}

std::string names_of(const CliOption& option) {
  if (!option.argument.empty()) {
    return slanted(option.argument);
  }
  std::string out;
  for (const std::string& name : option.shorts) {
    out += (out.empty() ? "" : ", ") + bold("-" + name);
  }
  for (const std::string& name : option.longs) {
    out += (out.empty() ? "" : ", ") + bold("--" + name);
  }
  std::string value;
  for (const std::string& choice : option.choices) {
    value += (value.empty() ? "" : "|") + choice;
  }
  value = value.empty() ? option.value : value;
  return value.empty() ? out : out + " " + slanted(value);
}

std::string sentence(std::string text) {
  if (!text.empty() && text.back() != '.' && text.back() != '!' && text.back() != '?') {
    text += '.';
  }
  return text;
}

std::string option_text(const CliOption& option) {
  std::string out = ".TP\n" + names_of(option) + "\n" + text_of(sentence(option.description)) + "\n";
  if (!option.initial.empty()) {
    out += "By default " + bold(option.initial) + ".\n";
  }
  if (!option.variable.empty()) {
    out += "Without it the variable " + bold(option.variable) + " counts.\n";
  }
  return out;
}

std::string command_text(const std::string& before, const CliCommand& command) {
  std::string out = ".SS \"" + text_of(usage(before, command)) + "\"\n" + text_of(sentence(command.description)) + "\n";
  for (const bool arguments : {true, false}) {
    for (const CliOption& option : command.options) {
      if (option.argument.empty() != arguments && !is_help(option)) {
        out += option_text(option);
      }
    }
  }
  return out;
}

void gather_variables(const CliCommand& command, std::map<std::string, std::vector<std::string>>& out) {
  for (const CliOption& option : command.options) {
    if (!option.variable.empty()) {
      out[option.variable].push_back(option.longs.empty() ? option.argument : "--" + option.longs.front());
    }
  }
  for (const CliCommand& child : command.commands) {
    gather_variables(child, out);
  }
}

std::string environment(const CliCommand& program, const CliCommand& plugin) {
  std::map<std::string, std::vector<std::string>> variables;
  gather_variables(program, variables);
  gather_variables(plugin, variables);
  std::string out = section("ENVIRONMENT");
  for (auto& [name, options] : variables) {
    std::sort(options.begin(), options.end());
    options.erase(std::unique(options.begin(), options.end()), options.end());
    out += ".TP\n" + bold(name) + "\nWhat " + bold(options.front()) + " is where it is not given.\n";
  }
  return out + ".TP\n" + bold("NO_COLOR") + "\nIf set, nothing is coloured. Elsewhere than on a terminal nothing is.\n";
}

constexpr std::string_view ending = R"(.SH EXIT STATUS
.TP
.B 0
Done, and nothing to tell of: the input has no findings, a plan gets there by itself, a cluster is Ready.
.TP
.B 1
The input has findings, a person has to do something, a cluster is not Ready or what was waited for was not reached.
.TP
.B 2
The input, the arguments or the API server are of no use; standard error says why.
.SH FILES
.TP
.I \(ti/.kube/config
The kubeconfig where neither an option nor a variable names one; without it a Pod's service account counts.
.SH SEE ALSO
.BR kubectl (1)
)";

}  // namespace

std::string manual(const CliCommand& program, const CliCommand& plugin, const std::string& version) {
  std::string out = ".\\\" Written by `nocobase-operator man`; a change goes into the program.\n";
  out += ".TH NOCOBASE\\-OPERATOR 1 \"\" \"nocobase\\-operator " + version + "\" \"User Commands\"\n";
  out += section("NAME") + text_of(program.name) + ", kubectl\\-nocobase \\- " + text_of(program.description) + "\n";
  out += section("SYNOPSIS");
  out += bold(program.name) + " " + slanted("COMMAND") + " [" + slanted("OPTION") + "]... [" + slanted("ARGUMENT") +
         "]...\n.br\n";
  out += bold(plugin.name) + " " + slanted("COMMAND") + " [" + slanted("OPTION") + "]... [" + slanted("ARGUMENT") +
         "]...\n";
  out += section("DESCRIPTION");
  out += "As " + bold("nocobase-operator") + " it is the controller, and the tool for files of clusters.\nAs " +
         bold("kubectl-nocobase") + " on the PATH it is the plugin " + bold("kubectl nocobase") +
         ", for clusters that run.\nEvery command tells its options with " + bold("--help") + ".\n";
  out += section("COMMANDS");
  for (const CliCommand& command : program.commands) {
    out += command_text(program.name, command);
  }
  out += section("COMMANDS OF THE PLUGIN");
  for (const CliCommand& command : plugin.commands) {
    out += command_text(plugin.name, command);
  }
  return out + environment(program, plugin) + std::string(ending);
}

}  // namespace nocobase_operator::program
