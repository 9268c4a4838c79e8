// Lists in pages, where a server has no streaming ones.
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/watcher.h"
#include "unit/runtime/objects.h"
#include "unit/runtime/watched.h"

namespace nocobase_operator::runtime {
namespace {

using kube::Kind;
using objects::at;
using Told = std::vector<std::string>;

kube::HttpRequest page(std::size_t limit, std::string_view token) {
  return kube::encode_list(scope, limit, token);
}
std::string list(const std::vector<std::pair<std::string, int>>& items, int version, const std::string& next) {
  std::string out = R"({"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":")" + std::to_string(version) +
                    R"(","continue":")" + next + R"("},"items":[)";
  for (std::size_t i = 0; i < items.size(); ++i) {
    out += (i == 0 ? "" : ",") + std::string(R"({"metadata":{"name":")") + items[i].first + R"(","resourceVersion":")" +
           std::to_string(items[i].second) + "\"}}";
  }
  return out + "]}\n";
}
// A watcher whose server has refused a streaming list, with its first page asked for.
Watcher paging() {
  Watcher of = watcher();
  EXPECT_EQ(of.poll(at(0)), request(""));
  of.closed(kube::HttpResponse{422, "", ""}, at(0));
  EXPECT_EQ(of.poll(at(0)), page(500, ""));
  return of;
}

TEST(Watcher, ListsInPagesWhereTheServerRefusesStreamingLists) {
  for (const int status : {400, 422}) {
    Watcher of = watcher();
    ASSERT_EQ(of.poll(at(0)), request(""));
    of.closed(kube::HttpResponse{status, "", ""}, at(0));
    EXPECT_EQ(of.poll(at(0)), page(500, ""));
    EXPECT_EQ(feed(of, list({{"a", 5}, {"b", 3}}, 9, "next"), at(1)), (Told{"began", "changed a", "changed b"}));
    EXPECT_FALSE(of.open());
    EXPECT_FALSE(of.listed());
    EXPECT_EQ(of.poll(at(1)), page(500, "next"));
    EXPECT_EQ(feed(of, list({{"c", 4}}, 9, ""), at(2)), (Told{"changed c", "ended 9"}));
    EXPECT_FALSE(of.open());
    EXPECT_TRUE(of.listed());
    EXPECT_EQ(of.poll(at(2)), request("9"));
    EXPECT_EQ(feed(of, line("MODIFIED", "a", 10), at(3)), (Told{"changed a"}));
    EXPECT_EQ(of.counters(), (Watcher::Counters{.lists = 2, .resumes = 1, .failures = 0, .events = 4}));
    of.closed(kube::HttpResponse{410, "", ""}, at(20'000));
    EXPECT_EQ(of.poll(at(20'000)), page(500, "")) << "it is not asked for a streaming list again";
  }
}

TEST(Watcher, ReadsOfAnItemOfAPageWhatItReadsOfAnEvent) {
  const kube::Excerpt excerpt{.kind = Kind::pod, .owned_by = "us", .managed_fields = false, .pod_template = true};
  const std::string pod =
      R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","resourceVersion":"5","labels":{"x":"y","z":"w"},)"
      R"("managedFields":[{"manager":"us","operation":"Apply","fieldsV1":{"f:metadata":{"f:labels":{"f:x":{}}}}}]}})";
  Watcher events({.scope = scope, .excerpt = excerpt}, Rng(1));
  static_cast<void>(events.poll(at(0)));
  events.feed(R"({"type":"ADDED","object":)" + pod + "}\n");
  Watcher pages({.scope = scope, .excerpt = excerpt}, Rng(1));
  static_cast<void>(pages.poll(at(0)));
  pages.closed(kube::HttpResponse{422, "", ""}, at(0));
  static_cast<void>(pages.poll(at(0)));
  pages.feed(R"({"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"9"},"items":[)" + pod + "]}");
  for (Watcher* const of : {&events, &pages}) {
    EXPECT_TRUE(of->next(at(1)));  // the list begins
    const std::optional<WatchChange> change = of->next(at(1));
    ASSERT_TRUE(change);
    const auto* const changed = std::get_if<Changed>(&*change);
    ASSERT_NE(changed, nullptr);
    EXPECT_EQ(changed->owned, kube::Json::parse(R"({"metadata":{"labels":{"x":"y"}}})"));
    EXPECT_EQ(changed->object["metadata"],
              kube::Json::parse(R"({"name":"a","resourceVersion":"5","labels":{"x":"y","z":"w"}})"));
  }
}

TEST(Watcher, ListsInPagesWhereAStreamingListIsTakenForAPlainWatch) {
  Watcher of = watcher();
  ASSERT_EQ(of.poll(at(0)), request(""));
  EXPECT_EQ(feed(of, line("ADDED", "a", 5) + bookmark(7), at(1)), (Told{"began", "changed a"}));
  EXPECT_FALSE(of.open());
  EXPECT_EQ(of.poll(at(1)), page(500, ""));
}

TEST(Watcher, ListsInPagesOnceWhenStreamingListsAreCutOffTwice) {
  for (const bool spoke : {true, false}) {
    Watcher of = watcher();
    Now now = at(0);
    for (int i = 0; i < 2; ++i) {
      ASSERT_EQ(of.poll(now), request(""));
      now.mono += Millis(60'000);
      feed(of, spoke ? line("ADDED", "a", 5) : "", now);
      of.closed(Error{Code::unavailable, "no byte within a minute"}, now);
      now.mono = of.next_wake().value_or(Instant::max());
    }
    ASSERT_EQ(of.poll(now), page(500, ""));
    EXPECT_EQ(feed(of, list({}, 9, ""), now), (Told{"began", "ended 9"}));
    ASSERT_EQ(of.poll(now), request("9"));
    of.closed(kube::HttpResponse{410, "", ""}, now);
    EXPECT_EQ(of.poll(now), request("")) << "it may have been the network";
  }
}

TEST(Watcher, AServerThatCannotBeReachedIsNotTakenForAnOldOne) {
  Watcher of = watcher();
  Now now = at(0);
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(of.poll(now), request(""));
    of.closed(Error{Code::unavailable, "refused"}, now);
    now.mono = of.next_wake().value_or(Instant::max());
  }
}

// What comes after a page that did not go well.
struct PageEnd {
  std::string name;
  std::string bytes;
  Result<kube::HttpResponse> how;
  kube::HttpRequest next;
  Millis least{0};
  Millis most{0};
};

TEST(Watcher, RepeatsAPageOrStartsOverByHowItEnded) {
  const std::string good = list({{"b", 3}}, 9, "");
  for (const PageEnd& end : std::initializer_list<PageEnd>{
           {"a lost connection repeats the page", good.substr(0, good.size() - 4), Error{Code::unavailable, "reset"},
            page(500, "next"), Millis(200), Millis(250)},
           {"an end before the list's repeats it", good.substr(0, good.size() - 4), kube::HttpResponse{200, "", ""},
            page(500, "next"), Millis(200), Millis(250)},
           {"429 repeats it as told", "", kube::HttpResponse{429, "7", ""}, page(500, "next"), Millis(7'000),
            Millis(7'000)},
           {"410 starts over at once, without pages", "", kube::HttpResponse{410, "", ""}, page(0, ""), Millis(0),
            Millis(0)},
           {"a token that is refused starts over", "", kube::HttpResponse{400, "", ""}, page(0, ""), Millis(200),
            Millis(250)},
           {"broken JSON starts over", "{]", Error{Code::unavailable, ""}, page(0, ""), Millis(200), Millis(250)},
           {"an item without a version starts over", R"({"metadata":{"resourceVersion":"9"},"items":[{}]})",
            Error{Code::unavailable, ""}, page(0, ""), Millis(200), Millis(250)},
           {"a page that leads to itself starts over", list({}, 9, "next"), Error{Code::unavailable, ""}, page(0, ""),
            Millis(200), Millis(250)},
       }) {
    SCOPED_TRACE(end.name);
    Watcher of = paging();
    feed(of, list({{"a", 5}}, 9, "next"), at(1));
    ASSERT_EQ(of.poll(at(1)), page(500, "next"));
    feed(of, end.bytes, at(1'000));
    of.closed(end.how, at(1'000));
    EXPECT_FALSE(of.open());
    EXPECT_FALSE(of.listed());
    const Instant wake = of.next_wake().value_or(Instant::max());
    EXPECT_GE(wake, at(1'000).mono + end.least);
    EXPECT_LE(wake, at(1'000).mono + end.most);
    ASSERT_EQ(of.poll({wake, {}}), end.next);
    const bool over = end.next == page(0, "");
    EXPECT_EQ(feed(of, good, {wake, {}}),
              over ? (Told{"began", "changed b", "ended 9"}) : (Told{"changed b", "ended 9"}));
  }
}

TEST(Watcher, AListThatIsAskedForAnewForgetsItsPage) {
  Watcher of = paging();
  feed(of, list({{"a", 5}}, 9, "next"), at(1));
  of.relist(at(2));
  EXPECT_EQ(of.poll(at(2)), page(500, ""));
}

}  // namespace
}  // namespace nocobase_operator::runtime
