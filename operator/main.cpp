// nocobase-operator: arguments to options, options to a command, its result to an exit code.
#include <cstdlib>
#include <exception>
#include <functional>
#include <iostream>
#include <optional>
#include <string>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>
#include <sys/ioctl.h>

#include "io/allocator.h"
#include "operator/cli_model.h"
#include "operator/import.h"
#include "operator/offline.h"
#include "operator/plan.h"
#include "operator/plugin.h"
#include "operator/run.h"

namespace program = nocobase_operator::program;

namespace {

using Command = std::function<int()>;

program::Streams standard_streams() {
  program::Streams streams{std::cout, std::cerr};
  winsize size{};
  if (isatty(STDOUT_FILENO) != 0) {
    streams.colour = std::getenv("NO_COLOR") == nullptr;
    streams.columns = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
  }
  return streams;
}

// Which API server is asked.
void add_server(CLI::App* command, std::string& kubeconfig, std::string& context) {
  command
      ->add_option("--kubeconfig", kubeconfig,
                   "Kubeconfig files (default: ~/.kube/config, or the service account of the Pod)")
      ->envname("KUBECONFIG")
      ->type_name("FILE");
  command->add_option("--context", context, "Context of the kubeconfig (default: the current one)")
      ->type_name("CONTEXT");
}

void add_run(CLI::App& app, program::RunOptions& options, char** argv, Command& chosen) {
  auto* command = app.add_subcommand("run", "Watch NocoBaseClusters and reconcile them until told to stop");
  command->add_option("--kubeconfig", options.kubeconfig, "Kubeconfig files (default: the Pod's service account)")
      ->envname("KUBECONFIG")
      ->type_name("FILE");
  command->add_option("--context", options.context, "Context of the kubeconfig (default: the current one)")
      ->type_name("CONTEXT");
  command->add_option("--namespace", options.ns, "Watch this namespace only (default: all)")->type_name("NAMESPACE");
  command->add_option("--lease-namespace", options.lease_namespace, "Namespace of the leader election Lease")
      ->type_name("NAMESPACE");
  command->add_option("--lease-name", options.lease_name, "Name of the leader election Lease")->capture_default_str();
  command->add_option("--identity", options.identity, "Holder identity in the Lease (default: host name and a suffix)");
  command->add_option("--listen", options.listen, "ADDRESS:PORT of /metrics, /healthz and /readyz (default: none)")
      ->type_name("ADDRESS");
  command->add_option("--log-format", options.log_format, "Lines of text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->add_option("--log-level", options.log_level, "The lowest level that is logged")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->capture_default_str();
  command
      ->add_option("--reread-period", options.reread_period,
                   "Seconds after which Secrets and ConfigMaps that pods refer to are read again")
      ->check(CLI::Range(1, 86'400))
      ->type_name("SECONDS")
      ->capture_default_str();
  command->callback([&options, &chosen, argv] {
    chosen = [&options, argv] {
      nocobase_operator::io::enlarge_thread_caches(argv);
      return program::run(options);
    };
  });
}

void add_validate(CLI::App& app, program::ValidateOptions& options, Command& chosen) {
  auto* command = app.add_subcommand("validate", "Check NocoBaseClusters in files, folders or - (stdin)");
  command->add_option("FILE", options.inputs, "Files, folders, or -")->required();
  command->add_option("--from", options.from, "A file or folder with the clusters as they were: changes are judged too")
      ->type_name("FILE");
  command
      ->add_option("-o,--output", options.output,
                   "Print text, json, sarif, github (annotations) or gitlab (Code Quality)")
      ->check(CLI::IsMember({"text", "json", "sarif", "github", "gitlab"}))
      ->capture_default_str();
  command->add_option("--fail-on", options.fail_on, "Lowest severity that makes the exit code 1: error or warning")
      ->check(CLI::IsMember({"error", "warning"}))
      ->capture_default_str();
  command->callback([&] { chosen = [&options] { return program::validate(options, standard_streams()); }; });
}

void add_render(CLI::App& app, program::RenderOptions& options, Command& chosen) {
  auto* command =
      app.add_subcommand("render", "Print the children of a NocoBaseCluster as the controller applies them");
  command->add_option("FILE", options.input, "A file, or -")->required();
  command->add_option("-o,--output", options.output, "Print yaml or json")
      ->check(CLI::IsMember({"yaml", "json"}))
      ->capture_default_str();
  command->callback([&] { chosen = [&options] { return program::render(options, standard_streams()); }; });
}

void add_plan(CLI::App& app, program::PlanOptions& options, Command& chosen) {
  auto* command = app.add_subcommand("plan", "Tell what a NocoBaseCluster leads to: steps, stops, and every change");
  command->add_option("FILE", options.input, "A file, or -")->required();
  auto* from =
      command->add_option("--from", options.from, "A file with the cluster as it was (default: a first install)")
          ->type_name("FILE");
  command->add_flag("--live", options.live, "From what the API server has; it is only read")->excludes(from);
  add_server(command, options.kubeconfig, options.context);
  command->add_option("-n,--namespace", options.ns, "Namespace of a cluster that names none")->type_name("NAMESPACE");
  command->add_option("-o,--output", options.output, "Print text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->callback([&] { chosen = [&options] { return program::plan(options, standard_streams()); }; });
}

void add_explain(CLI::App& app, program::ExplainOptions& options, Command& chosen) {
  auto* command = app.add_subcommand("explain", "Tell what a WORKER_MODE, or each role of a file, serves");
  auto* mode = command->add_option("MODE", options.mode, "A WORKER_MODE value; put -- before one that starts with -");
  auto* file = command->add_option("-f,--file", options.file, "A file with NocoBaseClusters, or -")
                   ->excludes(mode)
                   ->type_name("FILE");
  auto* key = command->add_option("--key", options.keys, "A service key to ask about (repeat for more)")
                  ->allow_extra_args(false)
                  ->type_name("KEY");
  auto* output = command->add_option("-o,--output", options.output, "Print text or json")
                     ->check(CLI::IsMember({"text", "json"}))
                     ->capture_default_str();
  command->add_option("--diagram", options.diagram, "Draw the roles of a file: mermaid, svg or text")
      ->check(CLI::IsMember({"mermaid", "svg", "text"}))
      ->needs(file)
      ->excludes(key)
      ->excludes(output);
  command->add_option("--cluster", options.cluster, "The name of the one cluster of the file that is meant")
      ->needs(file);
  command->callback([&] { chosen = [&options] { return program::explain(options, standard_streams()); }; });
}

void add_import(CLI::App& app, program::ImportOptions& options, Command& chosen) {
  auto* command = app.add_subcommand(
      "import", "Turn docker-compose files, Kubernetes objects, chart values or a .env into a NocoBaseCluster");
  command->add_option("FILE", options.inputs, "Files, folders, or -")->required();
  command->add_option("--env-file", options.env_files, "Take it for the .env of docker-compose (repeat for more)")
      ->allow_extra_args(false)
      ->type_name("FILE");
  command->add_option("--profile", options.profiles, "A docker-compose profile to import (repeat for more)")
      ->allow_extra_args(false)
      ->type_name("PROFILE");
  command->add_option("--name", options.name, "Name of the cluster (default: from the input)");
  command->add_option("-n,--namespace", options.ns, "Namespace of the cluster (default: from the input)")
      ->type_name("NAMESPACE");
  command->add_option("--image", options.image, "Image of the cluster (default: from the input)")->type_name("IMAGE");
  command->add_option("--only", options.only, "Print only this: cluster or secrets (default: both)")
      ->check(CLI::IsMember({"cluster", "secrets"}));
  command->add_option("-o,--output", options.output, "Print yaml or json")
      ->check(CLI::IsMember({"yaml", "json"}))
      ->capture_default_str();
  command->callback([&] { chosen = [&options] { return program::import_files(options, standard_streams()); }; });
}

void add_status(CLI::App& app, program::StatusOptions& options, Command& chosen) {
  auto* command = app.add_subcommand("status", "Tell how a cluster stands: what runs, what waits for what, and why");
  command->add_option("NAME", options.name, "The NocoBaseCluster")->required();
  add_server(command, options.server.kubeconfig, options.server.context);
  command->add_option("-n,--namespace", options.ns, "Its namespace (default: that of the kubeconfig)")
      ->type_name("NAMESPACE");
  command->callback([&] { chosen = [&options] { return program::status(options, standard_streams()); }; });
}

void add_maintenance(CLI::App& app, program::MaintenanceOptions& options, Command& chosen) {
  auto* command = app.add_subcommand(
      "maintenance", "Leave one pod that serves requests, or bring all back. Git, if it has the field, puts it back");
  command->add_option("STATE", options.state, "on or off")->required()->check(CLI::IsMember({"on", "off"}));
  command->add_option("NAME", options.name, "The NocoBaseCluster")->required();
  command->add_flag("--wait", options.wait, "Until it is reached");
  command->add_option("--timeout", options.timeout, "How long at most, in seconds")
      ->check(CLI::Range(1, 86'400))
      ->type_name("SECONDS")
      ->capture_default_str();
  add_server(command, options.server.kubeconfig, options.server.context);
  command->add_option("-n,--namespace", options.ns, "Its namespace (default: that of the kubeconfig)")
      ->type_name("NAMESPACE");
  command->callback([&] { chosen = [&options] { return program::maintenance(options, standard_streams()); }; });
}

// `kubectl nocobase`: what is asked of clusters that run, and what of them needs no cluster.
struct Plugin {
  CLI::App app{"Look at NocoBaseClusters that run, and hold them for maintenance"};
  program::StatusOptions status;
  program::MaintenanceOptions maintenance;
  program::PlanOptions plan;
  program::ExplainOptions explain;

  explicit Plugin(Command& chosen) {
    app.name("kubectl nocobase");
    app.set_version_flag("--version", "nocobase-operator " NBO_VERSION);
    app.require_subcommand(1);
    add_status(app, status, chosen);
    add_maintenance(app, maintenance, chosen);
    plan.live = true;
    add_plan(app, plan, chosen);
    auto* command = app.get_subcommand("plan");
    command->remove_option(command->get_option("--live"));
    command->description("Tell what a file leads to from what the cluster has, or from another file");
    command->get_option("--from")->description("A file with the cluster as it was (default: what the cluster has)");
    add_explain(app, explain, chosen);
  }
};

void add_shells(CLI::App& app, const Plugin& plugin, std::string& shell, Command& chosen) {
  auto* completion = app.add_subcommand("completion", "Print the script by which a shell completes the arguments");
  completion->add_option("SHELL", shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completion->callback([&] {
    chosen = [&shell] {
      std::cout << program::completion_script(shell, "nocobase-operator");
      return program::exit_ok;
    };
  });
  app.add_subcommand("man", "Print the manual page")->callback([&] {
    chosen = [&app, &plugin] {
      std::cout << program::manual(program::describe(app), program::describe(plugin.app), NBO_VERSION);
      return program::exit_ok;
    };
  });
}

// Answers a shell that asks what may come next.
int complete(const CLI::App& app, const std::vector<std::string>& words) {
  program::Completion completion = program::complete(program::describe(app), words);
  if (completion.clusters) {
    const char* const variable = std::getenv("KUBECONFIG");
    if (completion.kubeconfig.empty() && variable != nullptr) {
      completion.kubeconfig = variable;
    }
    for (std::string& name : program::cluster_names({completion.kubeconfig, completion.context}, completion.ns)) {
      if (name.starts_with(words.back())) {
        completion.candidates.push_back({std::move(name), "NocoBaseCluster"});
      }
    }
  }
  std::cout << program::to_lines(completion) << std::flush;
  return program::exit_ok;
}

// The words that a shell asks about; nothing when none asks. The first argument is the program's own name.
std::optional<std::vector<std::string>> asked_words(const std::vector<std::string>& arguments) {
  if (!arguments.empty() && arguments.front().ends_with("kubectl_complete-nocobase")) {
    return std::vector<std::string>(arguments.begin() + 1, arguments.end());
  }
  if (arguments.size() > 1 && arguments[1] == "__complete") {
    return std::vector<std::string>(arguments.begin() + 2, arguments.end());
  }
  return std::nullopt;
}

int main_with_exceptions(int argc, char** argv) {
  CLI::App app("Kubernetes operator for NocoBase clusters whose services are split by WORKER_MODE");
  app.set_version_flag("--version", "nocobase-operator " NBO_VERSION);
  app.require_subcommand(1);
  app.name("nocobase-operator");
  program::RunOptions run_options;
  program::ValidateOptions validate_options;
  program::RenderOptions render_options;
  program::PlanOptions plan_options;
  program::ExplainOptions explain_options;
  program::ImportOptions import_options;
  Command chosen;
  add_run(app, run_options, argv, chosen);
  add_validate(app, validate_options, chosen);
  add_render(app, render_options, chosen);
  add_plan(app, plan_options, chosen);
  add_explain(app, explain_options, chosen);
  add_import(app, import_options, chosen);
  app.add_subcommand("crd", "Print the CustomResourceDefinitions this program was built with")->callback([&chosen] {
    chosen = [] { return program::print_crds(standard_streams()); };
  });
  Plugin plugin(chosen);
  std::string shell;
  add_shells(app, plugin, shell, chosen);
  const std::vector<std::string> arguments(argv, argv + argc);
  CLI::App& meant = !arguments.empty() && program::is_plugin(arguments.front()) ? plugin.app : app;
  if (const auto words = asked_words(arguments)) {
    return complete(meant, *words);
  }
  try {
    meant.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return meant.exit(error) == 0 ? program::exit_ok : program::exit_unusable_input;
  }
  const int code = chosen();
  std::cout.flush();
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return main_with_exceptions(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "nocobase-operator: " << error.what() << '\n';
    return program::exit_unusable_input;
  }
}
