#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "worker_mode/worker_mode.h"

namespace nocobase::worker_mode {
namespace {

TEST(Suggest, TheKnownKeyThatWasProbablyMeant) {
  struct Case {
    std::string_view name;
    std::string key;
    std::vector<std::string> known;
    std::optional<std::string> want;
  };
  const std::vector<std::string> keys = known_keys();
  const std::vector<Case> cases = {
      {"a letter left out", "workflow:proces", keys, "workflow:process"},
      {"a letter too many", "workflows:process", keys, "workflow:process"},
      {"a letter replaced", "workflow-process", keys, "workflow:process"},
      {"two neighbours swapped are one edit", "ab:cde", {"ba:cde"}, "ba:cde"},
      {"two edits", "asynctask:proces", keys, "async-task:process"},
      {"three edits are too many", "asynctask:proce", keys, std::nullopt},
      {"two letters too many", "workflows:processs", keys, "workflow:process"},
      {"two letters left out and one replaced", "wxrkflow:proce", keys, std::nullopt},
      {"two letters too many and one replaced", "wxrkflow:processzz", keys, std::nullopt},
      {"a swap and two replaced", "wrokflow.procesz", keys, std::nullopt},
      {"swap and replacement", "wrokflow.process", keys, "workflow:process"},
      {"case does not count", "WORKFLOW:PROCES", keys, "workflow:process"},
      {"only the case differs", "Async-Task:process", keys, "async-task:process"},
      {"a known key needs none", "workflow:process", keys, std::nullopt},
      {"no key", "", keys, std::nullopt},
      {"nothing known", "a", {}, std::nullopt},
      {"the nearest", "abcdefx", {"abcdeyz", "abcdefg"}, "abcdefg"},
      {"of equals the first", "abcdefx", {"abcdefh", "abcdefg"}, "abcdefh"},
      {"short words need to be nearer: none of two letters", "ab", {"ac"}, std::nullopt},
      {"one edit in three letters", "wab", {"web"}, "web"},
      {"not two in five", "xxbcd", {"abcde"}, std::nullopt},
      {"two in six", "abcdyz", {"abcdef"}, "abcdef"},
      {"the part before the colon", "workflow", keys, "workflow:process"},
      {"the part before the colon in another case", "Async-Task", keys, "async-task:process"},
      {"the part before the colon of two", "mail", {"mail:send", "mail:fetch"}, std::nullopt},
      {"the part after the colon says too little", "process", keys, std::nullopt},
      {"a longest key", std::string(256, 'k'), {std::string(257, 'k')}, std::string(257, 'k')},
      {"over the limit", std::string(257, 'k'), {std::string(256, 'k')}, std::nullopt},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(suggest(c.key, c.known), c.want);
  }
}

}  // namespace
}  // namespace nocobase::worker_mode
