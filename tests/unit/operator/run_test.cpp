// How `run` begins: the process itself, as its credential plugin sees it.
#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <unistd.h>

#include <gmock/gmock.h>

#include "io/process.h"

namespace nocobase_operator::program {
namespace {

namespace fs = std::filesystem;

const std::string tunables = "GLIBC_TUNABLES=";
const std::string ours = tunables + "glibc.malloc.tcache_count=400";  // what glibc leaves of it

std::set<std::string> tunables_in(const fs::path& file) {
  std::set<std::string> found;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(tunables)) {
      found.insert(line);
    }
  }
  return found;
}

class RunTest : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }

  // Starts `run` with a credential plugin that tells both environments and the program's name, and ends it.
  void run(std::vector<std::pair<std::string, std::string>> env) const {
    const std::string plugin = folder_ / "plugin";
    std::ofstream(plugin) << "#!/bin/sh\ncd " << folder_.string()
                          << "\ntr '\\0' '\\n' < /proc/$PPID/environ > its\nenv > own\ncat /proc/$PPID/comm > name\n"
                             "kill -TERM $PPID\nexit 1\n";
    fs::permissions(plugin, fs::perms::owner_all);
    const std::string kubeconfig = folder_ / "kubeconfig";
    std::ofstream(kubeconfig)
        << R"({"current-context":"c","contexts":[{"name":"c","context":{"cluster":"c","user":"u"}}],)"
        << R"("clusters":[{"name":"c","cluster":{"server":"https://127.0.0.1:1"}}],)"
        << R"("users":[{"name":"u","user":{"exec":{"apiVersion":"client.authentication.k8s.io/v1","command":")"
        << plugin << R"(","interactiveMode":"Never"}}}]})";
    const std::atomic<bool> stop{false};
    io::ProcessCommand command{.program = NBO_OPERATOR, .args = {"run", "--kubeconfig", kubeconfig}};
    command.env = std::move(env);
    const auto end = io::run_process(command, stop);
    ASSERT_TRUE(end.ok()) << end.error().what;
    EXPECT_EQ(end.value().exit_code, 0) << end.value().output << end.value().errors;
  }

  const fs::path folder_ = fs::temp_directory_path() / ("nbo-run-" + std::to_string(getpid()));
};

TEST_F(RunTest, its_threads_keep_more_of_what_is_freed_and_nothing_inherits_that) {
  ASSERT_NO_FATAL_FAILURE(run({}));
  EXPECT_THAT(tunables_in(folder_ / "its"), testing::ElementsAre(ours));
  EXPECT_THAT(tunables_in(folder_ / "own"), testing::IsEmpty());
  std::string name;
  std::getline(std::ifstream(folder_ / "name").seekg(0), name);
  EXPECT_EQ(name, std::string("nocobase-operator").substr(0, 15));  // as much as the kernel keeps
}

TEST_F(RunTest, what_somebody_has_set_for_the_allocator_stays) {
  ASSERT_NO_FATAL_FAILURE(run({{"GLIBC_TUNABLES", "glibc.malloc.tcache_count=9"}}));
  const std::string given = tunables + "glibc.malloc.tcache_count=9";
  EXPECT_THAT(tunables_in(folder_ / "its"), testing::ElementsAre(given));
  EXPECT_THAT(tunables_in(folder_ / "own"), testing::ElementsAre(given));
}

}  // namespace
}  // namespace nocobase_operator::program
