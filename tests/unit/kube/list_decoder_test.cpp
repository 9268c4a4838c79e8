#include "kube/list_decoder.h"

#include <gtest/gtest.h>

namespace nocobase_operator::kube {
namespace {

constexpr std::size_t max_item = 4096;

// What a decoder said about a list, in words.
std::string told(ListDecoder& decoder) {
  std::string out;
  while (const std::optional<Result<Live>> item = decoder.next()) {
    if (!item->ok()) {
      return out + std::string(name_of(item->error().code)) + ": " + item->error().what;
    }
    out += dump(item->value().object) + "; ";
  }
  return decoder.complete() ? out + "end " + decoder.resource_version() + " " + decoder.continue_token() : out;
}

std::string told(std::string_view bytes) {
  ListDecoder decoder(Kind::pod, max_item);
  decoder.feed(bytes);
  return told(decoder);
}

const std::string pods =
    R"({"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"9","continue":"c","x":[{}]},"items":[)"
    R"({"metadata":{"name":"a","labels":{"}":"]\"","\\":"{"}}}, {"spec":{"l":[1,[2],"x"]}}]})";
const std::string pods_told =
    R"({"apiVersion":"v1","kind":"Pod","metadata":{"labels":{"\\":"{","}":"]\""},"name":"a"}}; )"
    R"({"apiVersion":"v1","kind":"Pod","spec":{"l":[1,[2],"x"]}}; end 9 c)";

TEST(ListDecoder, TakesItemsOutOfAList) {
  EXPECT_EQ(told(pods), pods_told);
}

TEST(ListDecoder, SaysTheSameHoweverTheBytesAreSplit) {
  for (std::size_t split = 0; split <= pods.size(); ++split) {
    ListDecoder decoder(Kind::pod, max_item);
    decoder.feed(std::string_view(pods).substr(0, split));
    const std::string first = told(decoder);
    decoder.feed(std::string_view(pods).substr(split));
    const std::string second = split == pods.size() ? "" : told(decoder);
    ASSERT_EQ(first + second, pods_told) << split;
  }
  ListDecoder decoder(Kind::pod, max_item);
  std::string got;
  for (const char byte : pods) {
    decoder.feed(std::string_view(&byte, 1));
    got += told(decoder);
  }
  EXPECT_EQ(got, pods_told);
}

TEST(ListDecoder, JudgesWhatIsNoList) {
  struct Case {
    std::string_view name;
    std::string text;
    std::string want;
  };
  const std::string no_list = "invalid: this is no list of objects";
  const std::string incomplete = "invalid: the list has no items or no resourceVersion";
  const std::string v = R"("metadata":{"resourceVersion":"9"})";
  for (const Case& c : std::initializer_list<Case>{
           {"no items", "{" + v + R"(,"items":[]})", "end 9 "},
           {"null items", "{" + v + R"(,"items":null})", "end 9 "},
           {"metadata last", R"({"items":[{}],)" + v + "}", R"({"apiVersion":"v1","kind":"Pod"}; end 9 )"},
           {"blanks and what follows", " {\n" + v + R"( , "items" : [ ] } x)", "end 9 "},
           {"scalars beside", R"({"a":1,"b":-1.5e3,"c":true ,"d":null,"e":"\"}",)" + v + R"(,"items":[]})", "end 9 "},
           {"nothing yet", "", ""},
           {"cut off", "{" + v + R"(,"items":[)", ""},
           {"a Status", R"({"kind":"Status","code":500})", incomplete},
           {"no version", R"({"metadata":{},"items":[]})", incomplete},
           {"a version that is a number", R"({"metadata":{"resourceVersion":9},"items":[]})", incomplete},
           {"metadata that is none", R"({"metadata":7,"items":[]})", incomplete},
           {"a list at the top", "[]", no_list},
           {"an item that is none", "{" + v + R"(,"items":[1]})", no_list},
           {"a comma too many", "{" + v + R"(,"items":[{},]})", R"({"apiVersion":"v1","kind":"Pod"}; )" + no_list},
           {"a comma too many behind a member", "{" + v + ",}", no_list},
           {"no comma", "{" + v + R"(,"items":[{}{}]})", R"({"apiVersion":"v1","kind":"Pod"}; )" + no_list},
           {"no value", R"({"a":})", no_list},
           {"no colon", R"({"a" 1})", no_list},
           {"items that are an object", "{" + v + R"(,"items":{}})", "invalid: the items of the list are no list"},
           {"items twice", R"({"items":[],"items":[]})", "invalid: the list has two members of one name"},
           {"metadata twice", "{" + v + "," + v + "}", "invalid: the list has two members of one name"},
           {"broken metadata", R"({"metadata":{,}})", "invalid: the list's metadata: JSON syntax error at byte 2"},
           {"a broken item", "{" + v + R"(,"items":[{"a"}]})",
            "invalid: an item of the list: JSON syntax error at byte 5"},
           {"a deep item", "{" + v + R"(,"items":[{"a":)" + std::string(64, '[') + std::string(64, ']') + "}]}",
            "invalid: an item of the list: nested deeper than 64 levels at a" +
                [] {
                  std::string path;
                  for (int i = 0; i < 63; ++i) {
                    path += "[0]";
                  }
                  return path;
                }()},
           {"a long item", "{" + v + R"(,"items":[{"a":")" + std::string(max_item, 'x'),
            "invalid: a part of the list is longer than 4096 bytes"},
           {"long metadata", R"({"metadata":{"a":")" + std::string(70'000, 'x'),
            "invalid: a part of the list is longer than 65536 bytes"},
           {"a long name", "{\"" + std::string(300, 'x'), "invalid: a part of the list is longer than 256 bytes"},
       }) {
    EXPECT_EQ(told(c.text), c.want) << c.name;
  }
}

TEST(ListDecoder, HoldsNoMoreThanAnItem) {
  ListDecoder decoder(Kind::pod, max_item);
  decoder.feed(R"({"skipped":")");
  for (int i = 0; i < 1000; ++i) {
    decoder.feed(std::string(1000, 'x'));
    EXPECT_EQ(told(decoder), "");
    ASSERT_LE(decoder.pending_bytes(), max_item);
  }
  decoder.feed(R"(","metadata":{"resourceVersion":"9"},"items":[)");
  for (int i = 0; i < 1000; ++i) {
    decoder.feed((i == 0 ? "" : ",") + std::string(R"({"a":1})"));
    EXPECT_EQ(told(decoder), R"({"a":1,"apiVersion":"v1","kind":"Pod"}; )");
  }
  decoder.feed("]}");
  EXPECT_EQ(told(decoder), "end 9 ");
}

TEST(ListDecoder, IsUsedUpAfterAnError) {
  ListDecoder decoder(Kind::pod, max_item);
  decoder.feed("[");
  EXPECT_EQ(told(decoder), "invalid: this is no list of objects");
  decoder.feed(pods);
  EXPECT_EQ(told(decoder), "");
  EXPECT_EQ(decoder.pending_bytes(), 0U);
}

}  // namespace
}  // namespace nocobase_operator::kube
