#include <gtest/gtest.h>

#include "kube/http.h"

namespace nocobase_operator::kube {
namespace {

constexpr std::size_t max_line = 4096;

// What a decoder said about a stream, in words.
std::string told(WatchDecoder& decoder) {
  std::string out;
  while (const std::optional<Result<WatchEvent>> event = decoder.next()) {
    if (!event->ok()) {
      return out + std::string(name_of(event->error().code)) + ": " + event->error().what;
    }
    static constexpr std::string_view names[] = {"added", "modified", "deleted", "bookmark"};
    out += std::string(names[static_cast<std::size_t>(event->value().type)]) + " " + dump(event->value().object) +
           (event->value().initial_events_end ? " end; " : "; ");
  }
  return out;
}

std::string told(std::string_view bytes) {
  WatchDecoder decoder(max_line);
  decoder.feed(bytes);
  return told(decoder);
}

TEST(WatchDecoder, ReadsEveryTypeOfEvent) {
  EXPECT_EQ(told("{\"type\":\"ADDED\",\"object\":{\"a\":1}}\n{\"type\":\"MODIFIED\",\"object\":{}}\r\n\n \n"
                 "{\"type\":\"DELETED\",\"object\":{\"b\":2}}\n{\"type\":\"BOOKMARK\",\"object\":{}}\n"),
            "added {\"a\":1}; modified {}; deleted {\"b\":2}; bookmark {}; ");
}

TEST(WatchDecoder, InitialEventsEndWithAnAnnotatedBookmark) {
  const std::string object = R"({"metadata":{"annotations":{"k8s.io/initial-events-end":"true"}}})";
  EXPECT_EQ(told(R"({"type":"BOOKMARK","object":)" + object + "}\n"), "bookmark " + object + " end; ");
  EXPECT_EQ(told(R"({"type":"ADDED","object":)" + object + "}\n"), "added " + object + "; ");
}

TEST(WatchDecoder, ErrorsEndTheStream) {
  struct Case {
    std::string_view name;
    std::string line;
    std::string_view want;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"expired by code",
            R"({"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}})",
            "gone: too old"},
           {"expired by reason alone", R"({"type":"ERROR","object":{"kind":"Status","reason":"Expired"}})",
            "gone: watch error event Expired"},
           {"denied", R"({"type":"ERROR","object":{"code":403,"message":"no"}})", "denied: no"},
           {"internal", R"({"type":"ERROR","object":{"code":500,"message":"oops"}})", "unknown_outcome: oops"},
           {"no status", R"({"type":"ERROR","object":{}})", "unavailable: watch error event without a message"},
           {"unknown type", R"({"type":"RENAMED","object":{}})", "invalid: unknown watch event type \"RENAMED\""},
           {"no type", R"({"object":{}})", "invalid: unknown watch event type \"\""},
           {"type of another type", R"({"type":1,"object":{}})", "invalid: unknown watch event type \"\""},
           {"object is no object", R"({"type":"ADDED","object":[1]})", "invalid: watch event without an object"},
           {"no object", R"({"type":"ADDED"})", "invalid: watch event without an object"},
           {"no event", "[]", "invalid: watch event without an object"},
           {"no JSON", "<html>", "invalid: JSON syntax error at byte 1"},
           {"too deep", R"({"type":"ADDED","object":{"a":)" + std::string(80, '[') + std::string(80, ']') + "}}",
            "invalid: nested deeper than 64 levels at object.a"},
       }) {
    SCOPED_TRACE(c.name);
    WatchDecoder decoder(max_line);
    decoder.feed("{\"type\":\"ADDED\",\"object\":{}}\n" + c.line + "\n{\"type\":\"ADDED\",\"object\":{}}\n");
    const std::string got = told(decoder);
    EXPECT_EQ(got.substr(0, std::string_view("added {}; ").size() + c.want.size()), "added {}; " + std::string(c.want));
    decoder.feed("{\"type\":\"ADDED\",\"object\":{}}\n");
    EXPECT_EQ(told(decoder), "");
    EXPECT_EQ(decoder.pending_bytes(), 0U);
  }
}

TEST(WatchDecoder, GivesTheSameForEverySplit) {
  const std::string stream =
      "{\"type\":\"ADDED\",\"object\":{\"a\":\"é\"}}\n\n{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{"
      "\"annotations\":"
      "{\"k8s.io/initial-events-end\":\"true\"}}}}\n{\"type\":\"ERROR\",\"object\":{\"code\":410,\"message\":\"x\"}}\n";
  const std::string want = told(stream);
  for (std::size_t first = 0; first <= stream.size(); ++first) {
    for (std::size_t second = first; second <= stream.size(); second += 7) {
      WatchDecoder decoder(max_line);
      std::string got;
      for (const std::string_view part :
           {std::string_view(stream).substr(0, first), std::string_view(stream).substr(first, second - first),
            std::string_view(stream).substr(second)}) {
        decoder.feed(part);
        got += told(decoder);
      }
      ASSERT_EQ(got, want) << first << " " << second;
    }
  }
}

TEST(WatchDecoder, CountsTheBytesOfAnUnfinishedLine) {
  WatchDecoder decoder(max_line);
  decoder.feed("{\"type\":\"ADDED\",\"object\":{}}\n{\"ty");
  EXPECT_EQ(told(decoder), "added {}; ");
  EXPECT_EQ(decoder.pending_bytes(), 4U);
  decoder.feed("pe\":\"DELETED\",\"object\":{}}");
  EXPECT_EQ(told(decoder), "");
  decoder.feed("\n");
  EXPECT_EQ(told(decoder), "deleted {}; ");
  EXPECT_EQ(decoder.pending_bytes(), 0U);
}

TEST(WatchDecoder, RefusesALineOfMoreThanTheLimitAsSoonAsItIsLonger) {
  const std::string rest = R"({"type":"ADDED","object":{}})";
  const std::string longest = std::string(max_line - rest.size(), ' ') + rest;
  EXPECT_EQ(told(longest + "\n"), "added {}; ");
  EXPECT_EQ(told(" " + longest + "\n"), "invalid: watch line is longer than 4096 bytes");
  EXPECT_EQ(told(longest), "");
  EXPECT_EQ(told(longest + " "), "invalid: watch line is longer than 4096 bytes");
}

// Byte by byte, a line of 16 MiB would take hours if each call looked at all of it again.
TEST(WatchDecoder, IsLinearHoweverItIsFed) {
  const std::size_t size = 16U << 20U;
  WatchDecoder decoder(size * 2);
  decoder.feed("{\"type\":\"ADDED\",\"object\":{\"a\":\"");
  for (std::size_t at = 0; at < size; ++at) {
    decoder.feed("x");
    ASSERT_FALSE(decoder.next().has_value());
  }
  decoder.feed("\"}}\n");
  const std::optional<Result<WatchEvent>> event = decoder.next();
  ASSERT_TRUE(event.has_value());
  ASSERT_TRUE(event->ok());
  EXPECT_EQ(string_at(event->value().object, {"a"}).size(), size);
}

TEST(WatchDecoder, ManySmallEventsInOnePieceAreLinear) {
  std::string stream;
  const std::size_t count = 100000;
  for (std::size_t at = 0; at < count; ++at) {
    stream += "{\"type\":\"ADDED\",\"object\":{}}\n";
  }
  WatchDecoder decoder(max_line);
  decoder.feed(stream);
  std::size_t seen = 0;
  while (decoder.next()) {
    decoder.feed("");
    ++seen;
  }
  EXPECT_EQ(seen, count);
}

std::string head(std::string_view line) {
  const std::optional<WatchHead> found = head_of(line);
  return !found ? "nothing"
                : std::string(found->type) + " " + std::string(found->ns) + "/" + std::string(found->name) + " " +
                      std::string(found->version);
}

TEST(WatchHead, IsFoundWhereverItStands) {
  // The order of a built-in kind, and that of a custom resource.
  EXPECT_EQ(head(R"({"type":"MODIFIED","object":{"kind":"Service","apiVersion":"v1","metadata":{"name":"crm",)"
                 R"("namespace":"apps","uid":"u","resourceVersion":"17","labels":{"a":"}"}},"spec":{}}})"),
            "MODIFIED apps/crm 17");
  EXPECT_EQ(
      head(R"({"type":"ADDED","object":{"apiVersion":"nocobase.com/v1alpha1","kind":"NocoBaseRole","metadata":)"
           R"({"annotations":{"q":"\"}]{","resourceVersion":"1"},"generation":3,"managedFields":[{"a":[1,{}]},null],)"
           R"( "name" : "crm-web" , "namespace":"apps","resourceVersion":"18"}}})"),
      "ADDED apps/crm-web 18");
  EXPECT_EQ(
      head(R"({"object":{"status":{"metadata":{"name":"no"}},"n":-1.5e3,"t":true,"metadata":{"resourceVersion":"9",)"
           R"("name":"n"}},"type":"ADDED"})"),
      "nothing");  // the type comes after: an API server writes it first
}

TEST(WatchHead, IsNothingWhereTheLineIsNotAsAnApiServerWritesIt) {
  for (const std::string_view line :
       {"", "{}", "[]", "{\"type\":\"ADDED\"}", "{\"type\":\"ADDED\",\"object\":{}}",
        "{\"type\":\"ADDED\",\"object\":[", R"({"type":"ADDED","object":{"metadata":{"name":"a"}}})",
        R"({"type":"ADDED","object":{"metadata":{"name":"a)",
        R"({"type":"ADDED","object":{"metadata":{"name":1,"resourceVersion":"1"}}})",
        R"({"type":"ADDED","object":{"metadata":{"name":"\u0061","resourceVersion":"1"}}})",
        R"({"type":"ADDED","object":{"metadata":"x","name":"a","resourceVersion":"1"}})", "{\"type\":\"AD\\"}) {
    EXPECT_EQ(head(line), "nothing") << line;
  }
}

TEST(WatchDecoder, LeavesOutWhatNeedNotBeLookedAt) {
  WatchDecoder decoder(max_line);
  const auto event = [](std::string_view type, std::string_view version) {
    return R"({"type":")" + std::string(type) + R"(","object":{"metadata":{"name":"a","resourceVersion":")" +
           std::string(version) + R"("},"x":1}})" + "\n";
  };
  decoder.feed(event("ADDED", "5") + event("MODIFIED", "6") + event("DELETED", "5") + event("BOOKMARK", "5"));
  const auto skip = [](const WatchHead& of) { return of.version == "5"; };
  std::string said;
  while (const std::optional<Result<WatchEvent>> next = decoder.next(skip)) {
    said += dump(next->value().object) + (next->value().skipped ? " skipped; " : "; ");
  }
  EXPECT_EQ(
      said,
      R"({"metadata":{"resourceVersion":"5"}} skipped; {"metadata":{"name":"a","resourceVersion":"6"},"x":1}; )"
      R"({"metadata":{"name":"a","resourceVersion":"5"},"x":1}; {"metadata":{"name":"a","resourceVersion":"5"},"x":1}; )");
}

}  // namespace
}  // namespace nocobase_operator::kube
