// simulate FIRST COUNT [key=value...]: runs worlds and prints what was broken, by kind, and which named situations they
// met. A world that breaks a rule is run again and told. tell=1 tells every world;
// history=N prints the last N lines only.
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <string>

#include "simulation/world.h"

namespace {

using namespace nocobase_operator;

double cpu_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

void print_history(const simulation::Outcome& outcome, std::size_t last) {
  const std::size_t from = outcome.history.size() > last ? outcome.history.size() - last : 0;
  for (std::size_t i = from; i < outcome.history.size(); ++i) {
    std::printf("%s\n", outcome.history[i].c_str());
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t first = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1;
  const std::uint64_t count = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 100;
  std::map<std::string, std::string> options;
  for (int i = 3; i < argc; ++i) {
    const std::string text = argv[i];
    const std::size_t equals = text.find('=');
    options[text.substr(0, equals)] = equals == std::string::npos ? "1" : text.substr(equals + 1);
  }
  const bool tells = options["tell"] == "1";
  const std::size_t last = options.contains("history") ? std::strtoull(options["history"].c_str(), nullptr, 10) : 400;
  std::map<std::string, std::uint64_t> situations;
  std::map<std::string, std::uint64_t> kinds;
  std::map<std::string, std::uint64_t> first_of_kind;
  std::uint64_t events = 0;
  std::uint64_t decisions = 0;
  std::uint64_t broken = 0;
  const double begin = cpu_seconds();
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const simulation::Outcome outcome = simulation::World({.seed = seed, .tells = tells}).run();
    events += outcome.events;
    decisions += outcome.decisions;
    for (const auto& [name, times] : outcome.situations) {
      situations[name] += times;
    }
    if (tells) {
      print_history(outcome, last);
    }
    if (!outcome.broken.name.empty()) {
      const std::string kind(outcome.broken.name);
      ++broken;
      std::printf("seed %llu: %s: %s (at %.3f s)\n", static_cast<unsigned long long>(seed), kind.c_str(),
                  outcome.broken.what.c_str(), static_cast<double>(outcome.at) / 1'000);
      if (++kinds[kind] == 1) {
        first_of_kind[kind] = seed;
        if (!tells && options["history"] != "0") {
          print_history(simulation::World({.seed = seed, .tells = true}).run(), last);
        }
      }
    }
  }
  const double took = cpu_seconds() - begin;
  std::printf("\nsituations met:\n");
  for (const auto& [name, times] : situations) {
    std::printf("  %8llu  %s\n", static_cast<unsigned long long>(times), name.c_str());
  }
  std::printf("%llu worlds, %llu events, %llu decisions, %.1f s of CPU, %.1f worlds per second; %llu broken\n",
              static_cast<unsigned long long>(count), static_cast<unsigned long long>(events),
              static_cast<unsigned long long>(decisions), took, static_cast<double>(count) / (took > 0 ? took : 1),
              static_cast<unsigned long long>(broken));
  for (const auto& [kind, times] : kinds) {
    std::printf("  %6llu  %s, first in seed %llu\n", static_cast<unsigned long long>(times), kind.c_str(),
                static_cast<unsigned long long>(first_of_kind[kind]));
  }
  return broken == 0 ? 0 : 1;
}
