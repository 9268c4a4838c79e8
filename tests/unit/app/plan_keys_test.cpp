// Keys: never new ones beside data, and what is told where they are missing or others.
#include <gtest/gtest.h>

#include "app/plan.h"
#include "app/status.h"
#include "plan_world.h"

namespace nocobase_operator::app {
namespace {

using kube::Kind;

// A cluster that runs as asked.
World settled() {
  World world(sample_cluster());
  CHECK(world.settle() > 0);
  return world;
}

TEST(Plan, NeverMakesKeysForDataThatExists) {
  for (const bool existing : {false, true}) {
    SCOPED_TRACE(existing);
    Json cluster = sample_cluster();
    if (existing) {
      cluster["spec"]["storage"]["existingClaim"] = "old-data";
    }
    World world(cluster);
    if (!existing) {
      World other = settled();
      SeenChild claim = other.at(ref_of(Kind::persistent_volume_claim, "crm-storage"));
      world.put(claim);
    }
    ASSERT_GT(world.settle(), 0);
    EXPECT_EQ(world.condition("Stalled"), "True KeysMissing");
    EXPECT_EQ(world.find(ref_of(Kind::secret, "crm-keys")), nullptr);
    EXPECT_EQ(world.find(ref_of(Kind::deployment, "crm-web")), nullptr);
    EXPECT_NE(world.find(ref_of(Kind::service, "crm")), nullptr);
  }
}

TEST(Plan, MakesKeysOnlyWhenAClaimOnItsWayOutIsGone) {
  World other = settled();
  World world(sample_cluster());
  SeenChild claim = other.at(ref_of(Kind::persistent_volume_claim, "crm-storage"));
  claim.meta.terminating = true;
  world.put(claim);
  for (int i = 0; i < 3; ++i) {
    for (const kube::Call& call : plan(world.observe(), world.now()).calls) {
      world.call(call);
    }
  }
  EXPECT_EQ(world.condition("Stalled"), "False AsExpected");
  EXPECT_EQ(world.find(ref_of(Kind::secret, "crm-keys")), nullptr);
  EXPECT_EQ(world.find(ref_of(Kind::deployment, "crm-web")), nullptr);
  world.settle();
  EXPECT_NE(world.find(ref_of(Kind::secret, "crm-keys")), nullptr);
  EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
}

TEST(Plan, LooksAgainAtKeysThatWereBrokenEvenIfNothingRestsOnThem) {
  World world = settled();
  auto& secret = std::get<SeenSecret>(world.at(ref_of(Kind::secret, "crm-keys")).detail);
  const SeenSecret good = secret;
  secret.fingerprint = "00000000000000bb";
  world.restart();
  world.edit_spec([](Json& spec) { spec["env"] = {{{"name", "TZ"}, {"value", "UTC"}}}; });
  world.settle();
  EXPECT_EQ(world.condition("KeysIntact"), "False KeysChanged");
  world.edit_spec([](Json& spec) { spec.erase("env"); });
  std::get<SeenSecret>(world.at(ref_of(Kind::secret, "crm-keys")).detail) = good;
  world.advance(Seconds(31));
  world.settle();
  EXPECT_EQ(world.condition("KeysIntact"), "True KeysPresent");
  EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
}

TEST(Plan, NamesTheSecretAndTheKeyThatAreMissing) {
  Json cluster = sample_cluster();
  cluster["spec"]["keys"]["secretRef"]["name"] = "mine";
  World world(cluster);
  world.settle();
  const auto message = [&] {
    return kube::string_at(*find_condition(world.cluster()["status"], "Stalled"), {"message"});
  };
  EXPECT_EQ(world.find(ref_of(Kind::persistent_volume_claim, "crm-storage")), nullptr);
  EXPECT_EQ(message(),
            "Secret apps/mine does not exist; it is named by spec.keys.secretRef and must hold APP_KEY and "
            "APP_AES_SECRET_KEY");
  SeenChild secret;
  secret.meta.ref = ref_of(Kind::secret, "mine");
  secret.meta.uid = "uid-secret";
  secret.detail = SeenSecret{{{"APP_KEY", 1}}, "", "", ""};
  world.put(secret);
  world.advance(Seconds(31));
  world.settle();
  EXPECT_EQ(message(), "Secret apps/mine has no APP_AES_SECRET_KEY; put back the one that this data was written with");
  std::get<SeenSecret>(world.at(secret.meta.ref).detail) = {
      {{"APP_AES_SECRET_KEY", 1}, {"APP_KEY", 2}}, "APP_KEY is bad", "0a", "key"};
  world.advance(Seconds(31));
  world.settle();
  EXPECT_EQ(world.condition("Stalled"), "True KeysUnusable");
  EXPECT_EQ(message(), "Secret apps/mine: APP_KEY is bad");
  std::get<SeenSecret>(world.at(secret.meta.ref).detail) = {
      {{"APP_AES_SECRET_KEY", 1}, {"APP_KEY", 2}}, "", "0a", "key"};
  world.advance(Seconds(31));
  world.settle();
  EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
  EXPECT_EQ(world.condition("KeysIntact"), "True KeysPresent");
  EXPECT_EQ(world.cluster()["status"]["keyFingerprint"], "0a");
}

TEST(Plan, OtherKeysStopTheClusterUntilTheyAreAccepted) {
  World world = settled();
  std::get<SeenSecret>(world.at(ref_of(Kind::secret, "crm-keys")).detail).fingerprint = "00000000000000bb";
  world.restart();
  world.edit_spec([](Json& spec) { spec["env"] = {{{"name", "TZ"}, {"value", "UTC"}}}; });
  const auto before = world.at(ref_of(Kind::deployment, "crm-web")).applied;
  world.settle();
  EXPECT_EQ(world.condition("Stalled"), "True KeysChanged");
  EXPECT_EQ(world.condition("KeysIntact"), "False KeysChanged");
  EXPECT_EQ(world.condition("Ready"), "False Rolling");
  EXPECT_EQ(world.at(ref_of(Kind::deployment, "crm-web")).applied, before);
  world.edit_spec([](Json& spec) { spec["keys"]["acceptedFingerprint"] = "00000000000000bb"; });
  world.settle();
  EXPECT_EQ(world.condition("Ready"), "True AllRolesReady");
  EXPECT_EQ(world.condition("KeysIntact"), "True KeysPresent");
  EXPECT_NE(world.at(ref_of(Kind::deployment, "crm-web")).applied, before);
}

}  // namespace
}  // namespace nocobase_operator::app
