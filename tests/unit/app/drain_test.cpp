// The drain hook, run for real in a PID namespace of its own: a shell as process 1, stand-ins for NocoBase's processes
// below it. No timing is asserted: each test looks at what the processes wrote, in order.
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>

#include "app/pod.h"

namespace nocobase_operator::app {
namespace {

namespace fs = std::filesystem;

// unshare with what this user may do, "" when it may not.
std::string isolation() {
  for (const std::string arguments : {"", "--user --map-root-user "}) {
    const std::string command = "unshare " + arguments + "--pid --net --fork --mount-proc ";
    if (std::system((command + "true 2>/dev/null").c_str()) == 0) {
      return command;
    }
  }
  return "";
}

class Drain : public testing::Test {
 protected:
  void SetUp() override {
    if (isolation().empty()) {
      GTEST_SKIP() << "this user may not make a PID namespace";
    }
    folder_ = fs::path(NBO_BINARY_DIR) / "drain" / testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    std::ofstream(folder_ / "hook.sh") << drain_script();
  }

  // Runs `entry` as process 1, whose exit code it returns. $HOOK is the hook, `when_ready` waits for a stand-in.
  int run(const std::string& entry) {
    std::ofstream(folder_ / "entry.sh") << "set -e\ncd '" << folder_.string() << "'\nPATH='" << NBO_FAKE_NODE_DIR
                                        << "':$PATH\nhook() { /bin/sh -c \"$(cat hook.sh)\" drain \"$@\"; }\n"
                                        << "when_ready() { while [ ! -e ready ]; do sleep 0.1; done; }\n"
                                        << entry;
    const std::string command = isolation() + "/bin/sh '" + (folder_ / "entry.sh").string() + "'";
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  std::vector<std::string> log() {
    std::ifstream file(folder_ / "log");
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) {
      lines.push_back(line);
    }
    return lines;
  }

 private:
  fs::path folder_;
};

using Log = std::vector<std::string>;

TEST_F(Drain, AsksTheServerOnceAndReturnsWhileItFinishesItsWork) {
  EXPECT_EQ(run("(when_ready; hook 0 20; echo hook $? >>log) &\n"
                "node bin/nocobase-v1 start --quickstart\n"
                "echo entry ends >>log\n"),
            0);
  const Log lines = log();
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_EQ((Log{lines[2], lines[3], lines[4]}), (Log{"server drained", "tool ends", "entry ends"}));
  EXPECT_EQ((std::set<std::string>{lines[0], lines[1]}), (std::set<std::string>{"server asked", "hook 0"}));
}

TEST_F(Drain, ASecondHookDoesNotAskAgain) {
  EXPECT_EQ(run("(when_ready; hook 0 20; hook 0 20; echo hooks $? >>log) &\n"
                "node bin/nocobase-v1 start --quickstart\n"),
            0);
  const Log lines = log();
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "server asked"), 1);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "server drained"), 1);
}

TEST_F(Drain, WaitsForAServerThatDoesNotListenToTheSignalYet) {
  EXPECT_EQ(run("export FAKE_LATE=1\n"
                "(when_ready; hook 0 20; echo hook $? >>log) &\n"
                "node bin/nocobase-v1 start --quickstart\n"),
            0);
  const Log lines = log();
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "server asked"), 1);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), "server drained"), 1);
}

TEST_F(Drain, StaysUntilTheServerIsGoneWhereProcessOnePassesSignalsOn) {
  EXPECT_EQ(run("trap 'kill -TERM $tool' TERM\n"
                "node bin/nocobase-v1 start --quickstart & tool=$!\n"
                "(when_ready; hook 0 20; echo hook $? >>log) & hook=$!\n"
                "wait $tool\nwait $hook\n"),
            0);
  const Log lines = log();
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ((Log{lines[0], lines[1]}), (Log{"server asked", "server drained"}));
  EXPECT_EQ(lines[3], "hook 0");
}

TEST_F(Drain, EndsAStartThatHasNotComeToTheServer) {
  EXPECT_EQ(run("(when_ready; hook 0 20) &\n"
                "node bin/nocobase-v1 postinstall\n"
                "echo next step >>log\n"),
            128 + SIGTERM);
  EXPECT_EQ(log(), Log{});
}

TEST_F(Drain, AnotherCommandOfTheApplicationIsNoServer) {
  EXPECT_EQ(run("(when_ready; hook 0 20) &\n"
                "node app/node_modules/@nocobase/app/lib/index.js db:auth\n"
                "echo next step >>log\n"),
            128 + SIGTERM);
  EXPECT_EQ(log(), Log{});
}

TEST_F(Drain, LeavesAServerAloneThatItDoesNotRecognise) {
  EXPECT_EQ(run("node bin/pm2 & pm2=$!\n"
                "when_ready; hook 0 2; echo hook $? >>log\n"
                "kill -0 $pm2 && echo alive >>log\n"),
            0);
  EXPECT_EQ(log(), (Log{"hook 0", "alive"}));
}

TEST_F(Drain, LeavesTheNodeOfAnotherContainerAlone) {
  EXPECT_EQ(run("unshare --mount node sidecar.js & sidecar=$!\n"
                "when_ready; hook 0 2; echo hook $? >>log\n"
                "kill -0 $sidecar && echo alive >>log\n"),
            0);
  EXPECT_EQ(log(), (Log{"hook 0", "alive"}));
}

TEST_F(Drain, GivesUpAfterItsLimit) {
  EXPECT_EQ(run("export FAKE_LATE=1\n"
                "node bin/nocobase-v1 start --quickstart & tool=$!\n"
                "when_ready; hook 0 1; echo hook $? >>log\n"
                "kill -0 $tool && echo alive >>log\n"),
            0);
  EXPECT_EQ(log(), (Log{"hook 0", "alive"}));
}

TEST(DrainScript, IsPosixShell) {
  const fs::path file = fs::path(NBO_BINARY_DIR) / "drain.sh";
  std::ofstream(file) << drain_script();
  EXPECT_EQ(std::system(("/bin/sh -n '" + file.string() + "'").c_str()), 0);
  const std::string script(drain_script());
  for (const char* bashism :
       {"[[", "function ", "local ", "source ", "&>", "<(", "$'", "==", "pgrep", "pkill", "ps "}) {
    EXPECT_EQ(script.find(bashism), std::string::npos) << bashism;
  }
}

// `sh -c SCRIPT` may be one argument of at most 128 KiB, and every pod carries it.
TEST(DrainScript, IsShort) {
  EXPECT_LT(drain_script().size(), 4096U);
}

}  // namespace
}  // namespace nocobase_operator::app
