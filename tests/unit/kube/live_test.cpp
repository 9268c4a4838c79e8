#include "kube/live.h"

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "kube/http.h"
#include "kube/json_tape.h"
#include "kube/list_decoder.h"
#include "kube/owned.h"

namespace nocobase_operator::kube {
namespace {

constexpr std::string_view manager = "nocobase-operator";
constexpr Excerpt excerpt{
    .kind = Kind::deployment, .owned_by = manager, .managed_fields = false, .pod_template = false};

Json fixture(const std::string& name) {
  std::ifstream file(NBO_SOURCE_DIR "/tests/unit/kube/fixtures/" + name + ".json");
  std::stringstream text;
  text << file.rdbuf();
  return Json::parse(text.str())["live"];
}

// What the excerpt leaves of an object.
Json rest_of(Json object) {
  object["metadata"].erase("managedFields");
  if (object.contains("spec") && object["spec"].is_object()) {
    object["spec"].erase("template");
  }
  return object;
}

TEST(ReadLive, TakesOutWhatIsOursAndLeavesOutWhatNobodyReads) {
  for (const std::string name :
       {"config_map", "deployment", "horizontal_pod_autoscaler", "http_route", "ingress", "job", "network_policy",
        "network_policy_empty", "nocobase_role", "nocobase_role_status", "persistent_volume_claim",
        "pod_disruption_budget", "quantities", "scaled_object", "service", "service_account",
        "trigger_authentication"}) {
    SCOPED_TRACE(name);
    const Json object = fixture(name);
    const Live live = read_live(dump(object), excerpt).value();
    EXPECT_EQ(live.owned, owned_part(object, manager));
    EXPECT_EQ(live.object, rest_of(object));
  }
}

TEST(ReadLive, OfAnEventAndOfAnItemIsTheSame) {
  const Json object = fixture("deployment");
  WatchDecoder watch(1U << 20U, excerpt);
  watch.feed(dump({{"type", "MODIFIED"}, {"object", object}}) + "\n");
  const WatchEvent event = watch.next().value().value();
  EXPECT_EQ(event.type, WatchEventType::modified);
  EXPECT_EQ(event.object, rest_of(object));
  EXPECT_EQ(event.owned, owned_part(object, manager));

  Json item = object;  // as a list of a built-in kind holds it
  item.erase("apiVersion");
  item.erase("kind");
  ListDecoder list(Kind::deployment, 1U << 20U, excerpt);
  list.feed(dump({{"metadata", {{"resourceVersion", "7"}}}, {"items", Json::array({item})}}));
  const Live live = list.next().value().value();
  EXPECT_EQ(live.object, rest_of(object));
  EXPECT_EQ(live.owned, owned_part(object, manager));
}

TEST(ReadLive, AsksForNothingByDefault) {
  const Json object = fixture("deployment");
  const Live live = read_live(dump(object), {}).value();
  EXPECT_EQ(live.object, object);
  EXPECT_EQ(live.owned, std::nullopt);
}

// Where the quick way does not do, the object is whole.
TEST(ReadLive, GivesTheWholeWhenItIsUnusual) {
  const Json object = fixture("deployment");
  Json twice = object;  // our fields under two versions are to be joined
  for (const Json& entry : object["metadata"]["managedFields"]) {
    twice["metadata"]["managedFields"].push_back(entry);
  }
  Json nobodys = object;
  nobodys["metadata"].erase("managedFields");
  Json half = object;
  half["metadata"]["annotations"]["big"] = std::string(300'000, 'x');  // more than the quick parser is given
  for (const Json& unusual : {twice, nobodys, half}) {
    const Live live = read_live(dump(unusual), excerpt).value();
    EXPECT_EQ(live.object, unusual);
    EXPECT_EQ(live.owned, std::nullopt);
  }
}

TEST(ReadLive, RefusesWhatParsingRefuses) {
  const std::string deep = std::string(65, '[') + std::string(65, ']');
  const std::vector<std::string> texts{"",
                                       "{",
                                       R"({"a":1,"a":2})",
                                       R"({"a":"\ud800"})",
                                       "{\"a\":\"\xff\"}",
                                       "[1e999]",
                                       "{} {}",
                                       deep,
                                       "[01]",
                                       "nul",
                                       std::string("{}\0", 3),
                                       "{\"a\t"};
  for (const std::string& text : texts) {
    SCOPED_TRACE(text);
    EXPECT_EQ(read_live(text, {}).error(), parse_closely(text).error());
    EXPECT_EQ(parse_json(text).error(), parse_closely(text).error());
  }
  EXPECT_EQ(read_live("[1,2]", {}, "", {.max_bytes = 3}).error(), parse_json("[1,2]", {.max_bytes = 3}).error());
}

TEST(ParseQuickly, GivesTheValuesThatParsingCloselyGives) {
  const std::string deepest = std::string(64, '[') + std::string(64, ']');
  for (const std::string& text : std::vector<std::string>{
           "null", "true", "[]", "{}", "\"\"", R"({"a":{"b":[1,-1,1.5,1e2,0,-0,18446744073709551615,"x",false]}})",
           "18446744073709551616", "-9223372036854775808", R"("\u00e9\n\"\\\/")", R"("\ud83d\ude00")", R"("\u0000")",
           "3.0", "1e-400", "  [ 1 , 2 ]\n", deepest, "\xEF\xBB\xBF{}"}) {
    SCOPED_TRACE(text);
    const Result<Json> closely = parse_closely(text);
    ASSERT_TRUE(closely.ok());
    EXPECT_EQ(parse_json(text).value(), closely.value());
    EXPECT_EQ(dump(parse_json(text).value()), dump(closely.value()));
  }
  EXPECT_TRUE(parse_quickly(R"({"a":[1]})", 64));
  EXPECT_EQ(parse_quickly(R"({"a":[1]})", 2), std::nullopt);
}

}  // namespace
}  // namespace nocobase_operator::kube
