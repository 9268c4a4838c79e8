#include "runtime/watcher.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "unit/runtime/objects.h"

namespace nocobase_operator::runtime {
namespace {

using kube::Kind;
using objects::at;

const kube::WatchScope scope{kube::Kind::pod, "", "a=b"};

Watcher watcher() {
  return Watcher({.scope = scope, .min_timeout = Seconds(0)}, Rng(1));
}

kube::HttpRequest request(std::string_view version) {
  return kube::encode_watch(scope, version, Seconds(0));
}

std::string line(const std::string& type, const std::string& name, int version) {
  return R"({"type":")" + type + R"(","object":{"apiVersion":"v1","kind":"Pod","metadata":{"name":")" + name +
         R"(","resourceVersion":")" + std::to_string(version) + "\"}}}\n";
}
std::string bookmark(int version, bool end = false) {
  const std::string annotations = end ? R"(,"annotations":{"k8s.io/initial-events-end":"true"})" : "";
  return R"({"type":"BOOKMARK","object":{"apiVersion":"v1","kind":"Pod","metadata":{"resourceVersion":")" +
         std::to_string(version) + "\"" + annotations + "}}}\n";
}
std::string error_event(int code) {
  return R"({"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","status":"Failure","message":"too old","code":)" +
         std::to_string(code) + "}}\n";
}

// What a change says, in a word.
std::string told(const WatchChange& change) {
  const auto name = [](const kube::Json& object) { return kube::string_at(object, {"metadata", "name"}); };
  if (const auto* const changed = std::get_if<Changed>(&change)) {
    return "changed " + name(changed->object);
  }
  if (const auto* const removed = std::get_if<Removed>(&change)) {
    return "removed " + name(removed->object);
  }
  if (const auto* const ended = std::get_if<ListEnded>(&change)) {
    return "ended " + std::to_string(ended->version);
  }
  if (const auto* const progressed = std::get_if<Progressed>(&change)) {
    return "progressed " + std::to_string(progressed->version);
  }
  return std::holds_alternative<KindMissing>(change) ? "missing" : "began";
}

std::vector<std::string> feed(Watcher& of, std::string_view bytes, Now now) {
  std::vector<std::string> out;
  of.feed(bytes);
  while (const auto change = of.next(now)) {
    out.push_back(told(*change));
  }
  return out;
}

using Told = std::vector<std::string>;
const std::string listing = line("ADDED", "a", 5) + line("ADDED", "b", 3) + bookmark(9, true);

TEST(Watcher, ListsThenWatches) {
  Watcher of = watcher();
  EXPECT_FALSE(of.listed());
  EXPECT_EQ(of.poll(at(0)), request(""));
  EXPECT_EQ(of.poll(at(0)), std::nullopt);
  EXPECT_EQ(of.next_wake(), std::nullopt);
  EXPECT_EQ(feed(of, listing, at(1)), (Told{"began", "changed a", "changed b", "ended 9"}));
  EXPECT_TRUE(of.listed());
  EXPECT_EQ(feed(of, line("MODIFIED", "a", 10) + line("DELETED", "b", 11) + bookmark(20), at(2)),
            (Told{"changed a", "removed b", "progressed 20"}));
  EXPECT_EQ(of.counters(), (Watcher::Counters{.lists = 1, .resumes = 0, .failures = 0, .events = 4}));
}

TEST(Watcher, LooksOverWhatIsHeldAlreadyOnceEverythingIsListed) {
  Watcher of = watcher();
  EXPECT_EQ(of.poll(at(0)), request(""));
  of.feed(R"({"type":"ADDED","object":{"metadata":{"name":"a","namespace":"ns","resourceVersion":"5"}}})"
          "\n" +
          bookmark(9, true));
  const Watcher::Known known = [](const kube::WatchHead& head) {
    EXPECT_EQ(head.ns, "ns");
    return head.name == "a";
  };
  Told got;
  const auto take = [&] {
    while (const auto change = of.next(at(1), known)) {
      got.push_back(told(*change));
    }
  };
  take();
  for (const char* const name : {"a", "b"}) {
    of.feed(R"({"type":"MODIFIED","object":{"metadata":{"name":")" + std::string(name) +
            R"(","namespace":"ns","resourceVersion":"12"}}})" + "\n");
  }
  take();
  EXPECT_EQ(got, (Told{"began", "changed a", "ended 9", "progressed 12", "changed b"}));
  EXPECT_EQ(of.counters().events, 3U);
}

TEST(Watcher, SaysTheSameHoweverTheBytesAreSplit) {
  const std::string bytes = listing + line("MODIFIED", "a", 10) + bookmark(12);
  const Told whole = {"began", "changed a", "changed b", "ended 9", "changed a", "progressed 12"};
  for (std::size_t split = 0; split <= bytes.size(); ++split) {
    Watcher of = watcher();
    ASSERT_TRUE(of.poll(at(0)));
    Told got = feed(of, std::string_view(bytes).substr(0, split), at(1));
    for (const std::string& more : feed(of, std::string_view(bytes).substr(split), at(1))) {
      got.push_back(more);
    }
    ASSERT_EQ(got, whole) << split;
  }
  Watcher of = watcher();
  ASSERT_TRUE(of.poll(at(0)));
  Told got;
  for (const char byte : bytes) {
    for (const std::string& more : feed(of, std::string_view(&byte, 1), at(1))) {
      got.push_back(more);
    }
  }
  EXPECT_EQ(got, whole);
}

// How a stream ends after the listing and one event of version 10, and what is asked for then.
struct End {
  std::string name;
  std::string bytes;               // fed before the end
  Result<kube::HttpResponse> how;  // ignored when the bytes ended it
  std::string version;             // of the next request
  Millis least{0};                 // the back-off
  Millis most{0};
  bool listed = true;
};

TEST(Watcher, ResumesOrListsAnewByHowTheStreamEnded) {
  const std::vector<End> ends = {
      {"a clean end resumes at once at the last event", "", kube::HttpResponse{200, "", ""}, "10", Millis(0),
       Millis(0)},
      {"a bookmark moves the version", bookmark(17), kube::HttpResponse{200, "", ""}, "17", Millis(0), Millis(0)},
      {"a cut-off line is no event", line("MODIFIED", "a", 12).substr(0, 40), kube::HttpResponse{200, "", ""}, "10",
       Millis(0), Millis(0)},
      {"a reset connection resumes after a back-off", "", Error{Code::unavailable, "reset"}, "10", Millis(200),
       Millis(250)},
      {"410 lists anew at once", "", kube::HttpResponse{410, "", ""}, "", Millis(0), Millis(0), false},
      {"an ERROR event of 410 lists anew at once", error_event(410), Error{Code::unavailable, ""}, "", Millis(0),
       Millis(0), false},
      {"an ERROR event of 500 resumes after a back-off", error_event(500), Error{Code::unavailable, ""}, "10",
       Millis(200), Millis(250)},
      {"garbage resumes after a back-off", "]\n", Error{Code::unavailable, ""}, "10", Millis(200), Millis(250)},
      {"an event without a version resumes after a back-off", "{\"type\":\"ADDED\",\"object\":{}}\n",
       Error{Code::unavailable, ""}, "10", Millis(200), Millis(250)},
      {"an ERROR event of reason Expired alone lists anew at once",
       "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"reason\":\"Expired\"}}\n", Error{Code::unavailable, ""},
       "", Millis(0), Millis(0), false},
      {"an ERROR event of reason Gone alone lists anew at once",
       "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"reason\":\"Gone\"}}\n", Error{Code::unavailable, ""}, "",
       Millis(0), Millis(0), false},
      {"an object nested too deep resumes after a back-off",
       "{\"type\":\"ADDED\",\"object\":{\"a\":" + std::string(100, '[') + std::string(100, ']') + "}}\n",
       Error{Code::unavailable, ""}, "10", Millis(200), Millis(250)},
      {"422 resumes after a back-off", "", kube::HttpResponse{422, "", ""}, "10", Millis(200), Millis(250)},
      {"500 resumes after a back-off", "", kube::HttpResponse{500, "", ""}, "10", Millis(200), Millis(250)},
      {"503 resumes after a back-off", "", kube::HttpResponse{503, "", ""}, "10", Millis(200), Millis(250)},
      {"503 waits as long as told", "", kube::HttpResponse{503, "3", ""}, "10", Millis(3'000), Millis(3'000)},
      {"429 without a delay backs off", "", kube::HttpResponse{429, "", ""}, "10", Millis(200), Millis(250)},
      {"429 with garbage for a delay backs off", "", kube::HttpResponse{429, "soon", ""}, "10", Millis(200),
       Millis(250)},
      {"429 with an endless delay waits a minute", "", kube::HttpResponse{429, "999999", ""}, "10", Millis(60'000),
       Millis(60'000)},
      {"429 until a date waits until then", "", kube::HttpResponse{429, "Tue, 14 Nov 2023 22:13:29 GMT", ""}, "10",
       Millis(4'000), Millis(4'000)},
      {"403 resumes after a back-off", "", kube::HttpResponse{403, "", ""}, "10", Millis(200), Millis(250)},
      {"429 waits as long as told", "", kube::HttpResponse{429, "7", ""}, "10", Millis(7'000), Millis(7'000)},
  };
  for (const End& end : ends) {
    SCOPED_TRACE(end.name);
    Watcher of = watcher();
    ASSERT_TRUE(of.poll(at(0)));
    feed(of, listing + line("MODIFIED", "a", 10), at(1));
    feed(of, end.bytes, at(5'000));
    of.closed(end.how, at(5'000));
    EXPECT_FALSE(of.open());
    EXPECT_EQ(of.listed(), end.listed);
    const Instant wake = of.next_wake().value_or(Instant::max());
    EXPECT_GE(wake, at(5'000).mono + end.least);
    EXPECT_LE(wake, at(5'000).mono + end.most);
    EXPECT_EQ(of.poll({wake, {}}), request(end.version));
  }
}

TEST(Watcher, ListsAnewWhenTheListingWasCutOff) {
  Watcher of = watcher();
  ASSERT_TRUE(of.poll(at(0)));
  EXPECT_EQ(feed(of, line("ADDED", "a", 5), at(1)), (Told{"began", "changed a"}));
  of.closed(kube::HttpResponse{200, "", ""}, at(2));
  EXPECT_FALSE(of.listed());
  EXPECT_EQ(of.poll(at(2)), std::nullopt);
  EXPECT_EQ(of.poll(at(300)), request(""));
  EXPECT_EQ(feed(of, listing, at(301)), (Told{"began", "changed a", "changed b", "ended 9"}));
  EXPECT_TRUE(of.listed());
}

TEST(Watcher, AVersionThatIsGoneAfterAnOutageIsListedAnewAtOnce) {
  Watcher of = watcher();
  ASSERT_TRUE(of.poll(at(0)));
  feed(of, listing, at(1));
  Now now = at(60'000);
  of.closed(Error{Code::unavailable, "reset"}, now);
  for (int i = 0; i < 5; ++i) {
    now.mono = of.next_wake().value_or(Instant::max());
    ASSERT_EQ(of.poll(now), request("9"));
    of.closed(Error{Code::unavailable, "refused"}, now);
  }
  now.mono = of.next_wake().value_or(Instant::max());
  ASSERT_EQ(of.poll(now), request("9"));
  of.closed(kube::HttpResponse{410, "", ""}, now);
  EXPECT_EQ(of.poll(now), request(""));
  feed(of, listing, now);
  ASSERT_EQ(of.counters().lists, 2U);
  of.closed(kube::HttpResponse{410, "", ""}, now);
  EXPECT_EQ(of.poll(now), std::nullopt) << "the version was just given";
}

TEST(Watcher, AListingThatIsGoneBacksOff) {
  Watcher of = watcher();
  ASSERT_TRUE(of.poll(at(0)));
  of.closed(kube::HttpResponse{410, "", ""}, at(1));
  EXPECT_EQ(of.poll(at(1)), std::nullopt);
  EXPECT_EQ(of.poll(at(300)), request(""));
}

TEST(Watcher, BacksOffTwiceAsLongUpToALimitAndStartsAfreshAfterAStreamThatLived) {
  Watcher of = watcher();
  Now now = at(0);
  const std::vector<std::int64_t> delays = {200, 400, 800, 1'600, 3'200, 6'400, 12'800, 25'600, 30'000, 30'000};
  for (const std::int64_t delay : delays) {
    SCOPED_TRACE(delay);
    ASSERT_TRUE(of.poll(now));
    of.closed(Error{Code::unavailable, "refused"}, now);
    EXPECT_EQ(of.last_error(), (Error{Code::unavailable, "refused"}));
    const Instant wake = of.next_wake().value_or(Instant::max());
    EXPECT_GE(wake - now.mono, Millis(delay));
    EXPECT_LE(wake - now.mono, Millis(delay + delay / 4));
    now.mono = wake;
  }
  ASSERT_TRUE(of.poll(now));
  feed(of, listing, now);
  EXPECT_EQ(of.last_error(), std::nullopt);
  now.mono += Millis(10'000);
  of.closed(Error{Code::unavailable, "reset"}, now);
  EXPECT_LE(of.next_wake().value_or(Instant::max()) - now.mono, Millis(250));
}

TEST(Watcher, AStreamThatEndsAtOnceWithoutAnEventIsAFailure) {
  Watcher of = watcher();
  ASSERT_TRUE(of.poll(at(0)));
  feed(of, listing, at(1));
  of.closed(kube::HttpResponse{200, "", ""}, at(2));
  ASSERT_TRUE(of.poll(at(2)));
  of.closed(kube::HttpResponse{200, "", ""}, at(500));
  EXPECT_EQ(of.poll(at(500)), std::nullopt);
  EXPECT_EQ(of.poll(at(800)), request("9"));
}

TEST(Watcher, ListsAnewWhenResumingFailsAgainAndAgain) {
  Watcher of = watcher();
  ASSERT_TRUE(of.poll(at(0)));
  feed(of, listing, at(1));
  of.closed(kube::HttpResponse{200, "", ""}, at(2));
  Now now = at(2);
  for (int failure = 0; failure < 8; ++failure) {
    EXPECT_EQ(of.poll(now), request("9")) << failure;
    of.closed(kube::HttpResponse{504, "", ""}, now);
    now.mono = of.next_wake().value_or(Instant::max());
  }
  EXPECT_FALSE(of.listed());
  EXPECT_EQ(of.poll(now), request(""));
}

const kube::WatchScope optional_scope{Kind::http_route, "", "a=b"};
const kube::HttpResponse no_such_kind{404, "", "404 page not found\n"};

TEST(Watcher, AnOptionalKindThatIsMissingIsListedAndAskedForAgainAfterAWhile) {
  Watcher of({.scope = optional_scope, .min_timeout = Seconds(0)}, Rng(1));
  for (const std::int64_t start : {0, 60'000, 120'000}) {
    SCOPED_TRACE(start);
    EXPECT_EQ(of.poll(at(start)), kube::encode_watch(optional_scope, "", Seconds(0)));
    of.closed(no_such_kind, at(start));
    EXPECT_EQ(feed(of, "", at(start)), Told{"missing"});
    EXPECT_FALSE(of.open());
    EXPECT_TRUE(of.listed());
    EXPECT_EQ(of.last_error(), std::nullopt);
    EXPECT_EQ(of.next_wake(), at(start + 60'000).mono);
  }
  EXPECT_EQ(of.counters(), (Watcher::Counters{.lists = 3, .resumes = 0, .failures = 0, .events = 0}));
  ASSERT_TRUE(of.poll(at(180'000)));
  EXPECT_TRUE(of.listed()) << "nothing speaks against it yet";
  EXPECT_EQ(feed(of, listing, at(180'001)), (Told{"began", "changed a", "changed b", "ended 9"}));
  EXPECT_TRUE(of.listed());
}

TEST(Watcher, AnOptionalKindThatGoesIsMissingFromThenOn) {
  Watcher of({.scope = optional_scope, .min_timeout = Seconds(0)}, Rng(1));
  ASSERT_TRUE(of.poll(at(0)));
  feed(of, listing, at(1));
  of.closed(kube::HttpResponse{200, "", ""}, at(5'000));
  EXPECT_EQ(of.poll(at(5'000)), kube::encode_watch(optional_scope, "9", Seconds(0)));
  of.closed(no_such_kind, at(5'001));
  EXPECT_EQ(feed(of, "", at(5'001)), Told{"missing"});
  EXPECT_TRUE(of.listed());
  EXPECT_EQ(of.poll(at(65'001)), kube::encode_watch(optional_scope, "", Seconds(0)));
}

TEST(Watcher, AnOptionalKindThatGoesBetweenPagesIsMissingAndListedFromTheStartLater) {
  Watcher of({.scope = optional_scope, .min_timeout = Seconds(0)}, Rng(1));
  ASSERT_TRUE(of.poll(at(0)));
  of.closed(kube::HttpResponse{422, "", ""}, at(0));
  EXPECT_EQ(of.poll(at(0)), kube::encode_list(optional_scope, 500, ""));
  feed(of, R"({"metadata":{"resourceVersion":"9","continue":"next"},"items":[]})", at(1));
  EXPECT_EQ(of.poll(at(1)), kube::encode_list(optional_scope, 500, "next"));
  of.closed(no_such_kind, at(2));
  EXPECT_EQ(feed(of, "", at(2)), Told{"missing"});
  EXPECT_EQ(of.poll(at(60'002)), kube::encode_list(optional_scope, 500, ""));
}

TEST(Watcher, AKindThatHasToBeThereIsNeverMissing) {
  Watcher of = watcher();
  ASSERT_TRUE(of.poll(at(0)));
  of.closed(no_such_kind, at(1));
  EXPECT_EQ(feed(of, "", at(1)), Told{});
  EXPECT_FALSE(of.listed());
  EXPECT_EQ(of.last_error(), (Error{Code::not_found, "HTTP 404: 404 page not found "}));
  EXPECT_EQ(of.poll(at(300)), request(""));
}

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

TEST(Watcher, IgnoresWhatComesWhenNoStreamIsOpen) {
  Watcher of = watcher();
  EXPECT_EQ(feed(of, listing, at(0)), Told{});
  of.closed(Error{Code::unavailable, ""}, at(0));
  EXPECT_EQ(of.poll(at(0)), request(""));
}

TEST(Watcher, RefusesALineThatIsTooLong) {
  Watcher of({.scope = scope, .min_timeout = Seconds(0), .max_line_bytes = 100}, Rng(1));
  ASSERT_TRUE(of.poll(at(0)));
  feed(of, std::string(200, 'x'), at(1));
  EXPECT_FALSE(of.open());
  EXPECT_EQ(of.counters().failures, 1U);
}

}  // namespace
}  // namespace nocobase_operator::runtime
