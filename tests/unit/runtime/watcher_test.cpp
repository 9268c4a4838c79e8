#include "runtime/watcher.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "unit/runtime/objects.h"
#include "unit/runtime/watched.h"

namespace nocobase_operator::runtime {
namespace {

using kube::Kind;
using objects::at;

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
