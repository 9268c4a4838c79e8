// What may come next on a command line, and the scripts by which shells ask for it.
#include <algorithm>

#include "operator/cli_model.h"

namespace nocobase_operator::program {

namespace {

constexpr std::string_view value_of_file = "FILE";
constexpr std::string_view value_of_cluster = "NAME";

bool has(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

const CliOption* option_named(const CliCommand& command, const std::string& word) {
  for (const CliOption& option : command.options) {
    const bool is_long = word.starts_with("--") && has(option.longs, word.substr(2));
    const bool is_short = word.size() == 2 && word.front() == '-' && has(option.shorts, word.substr(1));
    if (is_long || is_short) {
      return &option;
    }
  }
  return nullptr;
}

// Reads the words before the one that is written.
class CommandLine {
 public:
  explicit CommandLine(const CliCommand& command) : command_(&command) {}

  void read(const std::string& word) {
    if (awaits_ != nullptr) {
      if (word != "=") {  // a word of its own in bash
        take(*awaits_, word);
        awaits_ = nullptr;
      }
      return;
    }
    if (!only_arguments_ && word == "--") {
      only_arguments_ = true;
      return;
    }
    if (!only_arguments_ && word.size() > 1 && word.front() == '-') {
      read_option(word);
      return;
    }
    for (const CliCommand& child : command_->commands) {
      if (child.name == word) {
        command_ = &child;
        arguments_ = 0;
        return;
      }
    }
    ++arguments_;
  }

  [[nodiscard]] Completion finish(const std::string& word) {
    if (awaits_ != nullptr) {
      offer(*awaits_, "", word == "=" ? "" : word);
    } else if (!only_arguments_ && word.starts_with("-")) {
      finish_option(word);
    } else if (!command_->commands.empty()) {
      for (const CliCommand& child : command_->commands) {
        add(child.name, child.description, word);
      }
    } else if (const CliOption* const argument = next_argument()) {
      offer(*argument, "", word);
    }
    return std::move(out_);
  }

 private:
  void read_option(const std::string& word) {
    const std::size_t equals = word.find('=');
    const CliOption* const option = option_named(*command_, word.substr(0, equals));
    if (option == nullptr || option->value.empty()) {
      return;
    }
    if (equals == std::string::npos) {
      awaits_ = option;
    } else {
      take(*option, word.substr(equals + 1));
    }
  }

  void take(const CliOption& option, const std::string& value) {
    if (has(option.longs, "kubeconfig")) {
      out_.kubeconfig = value;
    } else if (has(option.longs, "context")) {
      out_.context = value;
    } else if (has(option.longs, "namespace")) {
      out_.ns = value;
    }
  }

  void finish_option(const std::string& word) {
    const std::size_t equals = word.find('=');
    if (equals != std::string::npos) {
      const CliOption* const option = option_named(*command_, word.substr(0, equals));
      if (option != nullptr) {
        offer(*option, word.substr(0, equals + 1), word.substr(equals + 1));
      }
      return;
    }
    for (const CliOption& option : command_->options) {
      for (const std::string& name : option.longs) {
        add("--" + name, option.description, word);
      }
      for (const std::string& name : option.shorts) {
        add("-" + name, option.description, word);
      }
    }
  }

  [[nodiscard]] const CliOption* next_argument() const {
    std::size_t place = 0;
    for (const CliOption& option : command_->options) {
      if (!option.argument.empty() && (place++ == arguments_ || option.repeats)) {
        return &option;
      }
    }
    return nullptr;
  }

  // The values of an option or argument, each behind `before`.
  void offer(const CliOption& option, const std::string& before, const std::string& word) {
    for (const std::string& choice : option.choices) {
      if (choice.starts_with(word)) {
        out_.candidates.push_back({before + choice, ""});
      }
    }
    const std::string& what = option.argument.empty() ? option.value : option.argument;
    out_.files = option.choices.empty() && what == value_of_file;
    out_.clusters = option.choices.empty() && what == value_of_cluster && before.empty();
  }

  void add(const std::string& text, const std::string& help, const std::string& word) {
    if (text.starts_with(word)) {
      out_.candidates.push_back({text, help});
    }
  }

  const CliCommand* command_;
  const CliOption* awaits_ = nullptr;  // whose value comes next
  bool only_arguments_ = false;
  std::size_t arguments_ = 0;  // that were given
  Completion out_;
};

// `program` is put in for PROGRAM, and for NAME where a name cannot have a dash.
constexpr std::string_view bash_script = R"(# bash completion for PROGRAM
_NAME_complete() {
  local candidate help directive=4
  COMPREPLY=()
  while IFS=$'\t' read -r candidate help; do
    case $candidate in
      :*) directive=${candidate#:} ;;
      *) COMPREPLY+=("$candidate") ;;
    esac
  done < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  [ "$directive" != 0 ] || compopt -o default 2>/dev/null
}
complete -F _NAME_complete PROGRAM
)";

constexpr std::string_view zsh_script = R"(#compdef PROGRAM
_PROGRAM() {
  local line directive=4 tab=$'\t'
  local -a candidates
  for line in "${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    if [[ $line == :* ]]; then
      directive=${line#:}
    elif [[ $line == *$tab* ]]; then
      candidates+=("${${line%%$tab*}//:/\\:}:${line#*$tab}")
    elif [[ -n $line ]]; then
      candidates+=("${line//:/\\:}")
    fi
  done
  if (( $#candidates )); then
    _describe PROGRAM candidates
  elif [[ $directive == 0 ]]; then
    _files
  fi
}
if [[ ${funcstack[1]} == _PROGRAM ]]; then _PROGRAM "$@"; else compdef _PROGRAM PROGRAM; fi
)";

constexpr std::string_view fish_script = R"(# fish completion for PROGRAM
function __NAME_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lines ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
    string match -v -r '^:[0-9]+$' -- $lines
    if contains -- :0 $lines
        __fish_complete_path "$current"
    end
end
complete -c PROGRAM -f -a '(__NAME_complete)'
)";

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
  return text;
}

}  // namespace

Completion complete(const CliCommand& command, const std::vector<std::string>& words) {
  CommandLine line(command);
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    line.read(words[i]);
  }
  return line.finish(words.empty() ? "" : words.back());
}

std::string to_lines(const Completion& completion) {
  std::string out;
  for (const Candidate& candidate : completion.candidates) {
    out += candidate.text + (candidate.help.empty() ? "" : "\t" + candidate.help) + "\n";
  }
  return out + (completion.files ? ":0\n" : ":4\n");
}

std::string completion_script(const std::string& shell, const std::string& program) {
  const std::string_view script = shell == "bash" ? bash_script : shell == "zsh" ? zsh_script : fish_script;
  return replaced(replaced(std::string(script), "PROGRAM", program), "NAME", replaced(program, "-", "_"));
}

}  // namespace nocobase_operator::program
