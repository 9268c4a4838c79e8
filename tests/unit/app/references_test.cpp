#include "app/references.h"

#include <set>

#include <gtest/gtest.h>

#include "app/names.h"
#include "app/pod.h"

namespace nocobase_operator::app {
namespace {

using kube::Kind;

Json pod_of(Json container) {
  Json json = Json::object();
  json["spec"]["containers"] = Json::array({std::move(container)});
  return json;
}

Json env(const char* source, Json from) {
  return {{"env", {{{"name", "A"}, {"valueFrom", {{source, std::move(from)}}}}}}};
}

Json env_from(const char* source, Json from) {
  return {{"envFrom", {{{source, std::move(from)}}}}};
}

TEST(References, AreWhatAPodReadsWhenItStarts) {
  struct Case {
    std::string_view name;
    Json pod;
    std::vector<Reference> want;
  };
  const kube::Ref pg = kube::Ref{Kind::secret, "apps", "pg"};
  const kube::Ref map = kube::Ref{Kind::config_map, "apps", "map"};
  Json init = Json::object();
  init["spec"]["initContainers"] = Json::array({env("secretKeyRef", {{"name", "pg"}, {"key", "a"}})});
  Json twice = pod_of(env("secretKeyRef", {{"name", "pg"}, {"key", "a"}, {"optional", true}}));
  twice["spec"]["initContainers"] = init["spec"]["initContainers"];
  Json volumes = Json::object();
  const Json sources = {{{"secret", {{"name", "pg"}, {"items", {{{"key", "ca"}, {"path", "ca.crt"}}}}}}}};
  volumes["spec"]["volumes"] = {
      {{"name", database_tls_volume}, {"projected", {{"sources", sources}}}},
      {{"name", "theirs"},
       {"projected", {{"sources", {{{"secret", {{"name", "other"}, {"items", {{{"key", "k"}}}}}}}}}}}},
      {{"name", "more"}, {"secret", {{"secretName", "more"}}}}};
  const Case cases[] = {
      {"a key of a Secret", pod_of(env("secretKeyRef", {{"name", "pg"}, {"key", "a"}})), {{pg, "a", false}}},
      {"a key of a ConfigMap", pod_of(env("configMapKeyRef", {{"name", "map"}, {"key", "a"}})), {{map, "a", false}}},
      {"an optional key",
       pod_of(env("secretKeyRef", {{"name", "pg"}, {"key", "a"}, {"optional", true}})),
       {{pg, "a", true}}},
      {"all of a Secret", pod_of(env_from("secretRef", {{"name", "pg"}})), {{pg, "", false}}},
      {"all of a ConfigMap, if it is there",
       pod_of(env_from("configMapRef", {{"name", "map"}, {"optional", true}})),
       {{map, "", true}}},
      {"an init container", init, {{pg, "a", false}}},
      {"what is required in one place is required", twice, {{pg, "a", false}}},
      {"the certificates of the database, and no other volume", volumes, {{pg, "ca", false}}},
      {"a field of the pod is none", pod_of(env("fieldRef", {{"fieldPath", "metadata.name"}})), {}},
      {"a reference without a name or key is none",
       {{"spec",
         {{"containers", {env("secretKeyRef", {{"name", "pg"}}), env_from("secretRef", Json::object()), 3}},
          {"volumes", "x"}}}},
       {}},
      {"no pod", nullptr, {}},
  };
  for (const Case& item : cases) {
    SCOPED_TRACE(item.name);
    EXPECT_EQ(references_of(item.pod, "apps"), item.want);
  }
}

TEST(References, BeyondALimitAreNotFollowed) {
  Json container = {{"envFrom", Json::array()}};
  for (int i = 0; i < 200; ++i) {
    container["envFrom"].push_back({{"secretRef", {{"name", "s" + std::to_string(i)}}}});
  }
  EXPECT_EQ(references_of(pod_of(container), "apps").size(), max_references);
}

class ContentTest : public testing::Test {
 protected:
  ContentTest() {
    SeenChild child;
    child.detail = SeenSecret{{{"APP_AES_SECRET_KEY", 1}, {"APP_KEY", 2}, {"INIT_ROOT_EMAIL", 3}}, "", "", "key"};
    seen.children[keys] = child;
    put(pg, {{"password", 1}, {"user", 2}});
  }
  void put(const kube::Ref& ref, SeenEntries entries) {
    SeenChild child;
    child.detail = SeenSecret{std::move(entries), "", "", ""};
    seen.children[ref] = std::move(child);
  }
  [[nodiscard]] Content of(const Reference& reference) const { return content_of({reference}, seen, keys); }

  const kube::Ref keys = kube::Ref{Kind::secret, "apps", "crm-keys"};
  const kube::Ref pg = kube::Ref{Kind::secret, "apps", "pg"};
  Observed seen;
};

TEST_F(ContentTest, IsTheSameExactlyIfWhatIsReferredToIs) {
  const Content password = of({pg, "password", false});
  EXPECT_NE(password.hash, 0U);
  const Content all = of({pg, "", false});
  put(pg, {{"password", 1}, {"user", 3}});
  EXPECT_EQ(of({pg, "password", false}), password) << "another key";
  EXPECT_NE(of({pg, "", false}).hash, all.hash);
  put(pg, {{"password", 1}, {"user", 2}});
  EXPECT_EQ(of({pg, "", false}), all) << "made anew with the same content";
  put(pg, {{"password", 9}, {"user", 2}});
  EXPECT_NE(of({pg, "password", false}).hash, password.hash);
}

TEST_F(ContentTest, TellsApartWhereAValueStands) {
  std::set<std::uint64_t> hashes;
  for (const SeenEntries& entries :
       {SeenEntries{{"a", 1}, {"b", 2}}, SeenEntries{{"a", 2}, {"b", 1}}, SeenEntries{{"a", 1}}, SeenEntries{}}) {
    put(pg, entries);
    hashes.insert(of({pg, "", true}).hash);
  }
  seen.children.erase(pg);
  seen.absent[pg] = Instant{};
  hashes.insert(of({pg, "", true}).hash);
  EXPECT_EQ(hashes.size(), 5U);
}

TEST_F(ContentTest, IsKeyed) {
  const Content before = of({pg, "password", false});
  std::get<SeenSecret>(seen.children[keys].detail).content_key = "other";
  EXPECT_NE(of({pg, "password", false}).hash, before.hash);
}

TEST_F(ContentTest, IsUnknownUntilAllIsReadAndThere) {
  const kube::Ref other = kube::Ref{Kind::secret, "apps", "other"};
  EXPECT_EQ(of({other, "", false}), Content{}) << "not read";
  EXPECT_EQ(of({other, "", true}), Content{});
  seen.absent[other] = Instant{};
  EXPECT_EQ(of({other, "", false}), (Content{0, {"Secret apps/other does not exist"}}));
  EXPECT_NE(of({other, "", true}).hash, 0U);
  EXPECT_EQ(of({pg, "nothing", false}), (Content{0, {"Secret apps/pg has no key nothing"}}));
  EXPECT_NE(of({pg, "nothing", true}).hash, 0U);
  EXPECT_NE(of({keys, "INIT_ROOT_EMAIL", false}).hash, 0U);
  std::get<SeenSecret>(seen.children[keys].detail).entries.clear();
  EXPECT_EQ(of({keys, "INIT_ROOT_EMAIL", false}), (Content{0, {"Secret apps/crm-keys has no key INIT_ROOT_EMAIL"}}));
  EXPECT_EQ(of({keys, "APP_KEY", false}), Content{}) << "the planner speaks of it";
  seen.children.erase(keys);
  EXPECT_EQ(of({pg, "password", false}), Content{}) << "without the key there is no hash";
}

}  // namespace
}  // namespace nocobase_operator::app
