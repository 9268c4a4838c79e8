#include "operator/cli_model.h"

#include <CLI/CLI.hpp>

namespace nocobase_operator::program {

namespace {

// CLI11 tells the words that an option takes as a part of its type: "TEXT:{text,json}".
std::vector<std::string> choices_of(const std::string& type) {
  std::vector<std::string> choices;
  const std::size_t open = type.find('{');
  const std::size_t close = type.find('}', open);
  if (open == std::string::npos || close == std::string::npos) {
    return choices;
  }
  for (std::size_t at = open + 1; at <= close;) {
    const std::size_t end = std::min(type.find(',', at), close);
    choices.push_back(type.substr(at, end - at));
    at = end + 1;
  }
  return choices;
}

CliOption option_of(const CLI::Option& option) {
  CliOption out;
  out.longs = option.get_lnames();
  out.shorts = option.get_snames();
  if (option.get_positional()) {
    out.argument = option.get_name(true);
  }
  const std::string type = option.get_type_name();
  if (option.get_items_expected_max() > 0) {
    out.value = type.substr(0, type.find_first_of(": "));
    out.choices = choices_of(type);
  }
  out.description = option.get_description();
  out.initial = option.get_default_str();
  out.variable = option.get_envname();
  out.required = option.get_required();
  out.repeats = option.get_items_expected_max() > 1;
  return out;
}

}  // namespace

CliCommand describe(const CLI::App& app) {
  CliCommand command;
  command.name = app.get_name();
  command.description = app.get_description();
  for (const CLI::Option* const option : app.get_options([](const CLI::Option*) { return true; })) {
    command.options.push_back(option_of(*option));
  }
  for (const CLI::App* const child : app.get_subcommands([](const CLI::App*) { return true; })) {
    command.commands.push_back(describe(*child));
  }
  return command;
}

}  // namespace nocobase_operator::program
