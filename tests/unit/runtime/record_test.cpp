#include "runtime/record.h"

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/rng.h"
#include "runtime/bytes.h"
#include "runtime/ref_index.h"
#include "unit/runtime/objects.h"

namespace nocobase_operator::runtime {
namespace {

using kube::Kind;
using objects::uid;

const app::ClusterKey key{"ns", "crm"};

kube::Meta meta(Kind kind, const std::string& name) {
  return {.ref = {kind, "ns", name},
          .uid = uid(7),
          .version = 123'456'789'012,
          .generation = 4,
          .terminating = true,
          .owner_kind = "NocoBaseCluster",
          .owner_name = "crm",
          .owner_uid = uid(1)};
}

app::SeenChild child(Kind kind, const std::string& name) {
  return {.meta = meta(kind, name),
          .cluster = "crm",
          .applied = 0x8123456789abcdefU,
          .owned = 3,
          .epoch = -2,
          .watched = true,
          .read_at = Instant(Millis(-5)),
          .detail = {}};
}

app::SeenChild with(app::SeenChild of, decltype(app::SeenChild::detail) detail) {
  of.detail = std::move(detail);
  return of;
}

struct Case {
  std::string name;
  app::Seen seen;
};

std::vector<Case> cases() {
  app::SeenChild odd = child(Kind::service, "other-name");
  odd.meta.uid = "not a uid";
  odd.meta.owner_uid = std::string(36, 'x');
  odd.cluster = "";
  odd.watched = false;
  odd.meta.ref.ns = "elsewhere";
  app::SeenChild in_sync = child(Kind::service, "crm");
  in_sync.owned = in_sync.applied;
  const app::SeenPod pod{.meta = meta(Kind::pod, "crm-web-5d8f7c9b4-x2x4z"),
                         .cluster = "crm",
                         .role = "web",
                         .image = "nocobase/nocobase:2.2.15-full",
                         .node = "node-1",
                         .phase = "Running",
                         .ready = true,
                         .since = std::chrono::sys_seconds(Seconds(1'700'000'000)),
                         .scheduled = false,
                         .reason = std::string(300, 'r'),
                         .message = "back-off \"restarting\"",
                         .restarts = 70'000,
                         .exit_code = -1,
                         .started = true,
                         .epoch = 7,
                         .ip = "10.0.0.1",
                         .image_id = "docker.io/nocobase/nocobase@sha256:d"};
  return {
      {"cluster", app::SeenCluster{meta(Kind::nocobase_cluster, "crm"), R"({"spec":{"image":"a"}})"}},
      {"cluster with a text of zeros", app::SeenCluster{meta(Kind::nocobase_cluster, "crm"), std::string(3'000, '\0')}},
      {"cluster with an empty text", app::SeenCluster{meta(Kind::nocobase_cluster, "crm"), ""}},
      {"pod", pod},
      {"empty pod", app::SeenPod{}},
      {"child without detail", child(Kind::service, "crm")},
      {"child with odd names", odd},
      {"deployment", with(child(Kind::deployment, "crm-web"),
                          app::SeenDeployment{.spec_replicas = 3,
                                              .observed_generation = 9,
                                              .replicas = 1,
                                              .updated = 2,
                                              .ready = 3,
                                              .available = -4,
                                              .failure = "exceeded quota",
                                              .progress = "ProgressDeadlineExceeded",
                                              .progressed_at = std::chrono::sys_seconds(Seconds(-1)),
                                              .template_hash = ~std::uint64_t{0},
                                              .content = 8})},
      {"role",
       with(child(Kind::nocobase_role, "crm-web"), app::SeenRole{.intent = 0,
                                                                 .main_owns_intent = true,
                                                                 .intent_manager_owns = false,
                                                                 .selectable = true,
                                                                 .intent_by = "kubectl",
                                                                 .intent_at = std::chrono::sys_seconds(Seconds(9)),
                                                                 .status_hash = 77})},
      {"autoscaler", with(child(Kind::horizontal_pod_autoscaler, "crm-web"),
                          app::SeenScaler{"NocoBaseRole", "crm-web", "FailedGetResourceMetric"})},
      {"role without intent", with(child(Kind::nocobase_role, "crm-web"), app::SeenRole{})},
      {"claim", with(child(Kind::persistent_volume_claim, "crm-storage"), app::SeenClaim{"Bound", "10Gi"})},
      {"secret", with(child(Kind::secret, "pg"),
                      app::SeenSecret{{{"a", 0}, {"password", ~std::uint64_t{0}}}, "too short", "0123", "4567"})},
      {"config", with(child(Kind::config_map, "settings"), app::SeenConfig{{{"TZ", 9}}, {}})},
      {"record", with(child(Kind::config_map, "crm-record"),
                      app::SeenConfig{{{"image", 9}}, app::SetupRecord{"a", "b", "c", "d", "e", "f"}})},
      {"in sync", in_sync},
      {"job", with(child(Kind::job, "crm-pull-3"), app::SeenJob{app::JobState::failed, "DeadlineExceeded"})},
  };
}

TEST(Record, GivesBackWhatWasPutIn) {
  RecordCodec codec;
  for (int round = 0; round < 4; ++round) {  // from the second time on all shared words are known
    const PackedUid owner = round < 2 ? PackedUid{} : packed_uid(uid(round == 2 ? 1 : 7)).value();
    const Shared shared{key, owner};
    for (const Case& one : cases()) {
      SCOPED_TRACE(one.name);
      const kube::Meta& of = app::meta_of(one.seen);
      const auto* const as_child = std::get_if<app::SeenChild>(&one.seen);
      const RecordHead head{.kind = of.ref.kind,
                            .mark = 200,
                            .watched = as_child == nullptr || as_child->watched,
                            .version = of.version,
                            .accepted = round == 0 ? std::optional<std::uint64_t>() : 5,
                            .status = round == 0 ? std::optional<app::StatusWritten>() : app::StatusWritten{6, 7}};
      const std::string body = codec.pack(one.seen, shared);
      const std::string bytes = join(head, pack_name(of.ref.name, key), body) + "more";
      const RecordView record = first_record(bytes);
      EXPECT_EQ(record.whole.size() + 4, bytes.size());
      EXPECT_EQ(record.head, head);
      EXPECT_EQ(record.body, body);
      EXPECT_TRUE(codec.unpack(record, shared) == one.seen);
      EXPECT_EQ(codec.pack(one.seen, shared), body);
    }
  }
}

TEST(Record, TheOwnerThatAllHaveInCommonTakesNoBytes) {
  RecordCodec codec;
  const PackedUid none{};
  const PackedUid owner = packed_uid(uid(1)).value();
  EXPECT_EQ(owner_of(child(Kind::service, "crm")), owner);
  EXPECT_EQ(owner_of(app::SeenCluster{meta(Kind::nocobase_cluster, "crm"), "{}"}), packed_uid(uid(7)).value());
  app::SeenChild other = child(Kind::pod, "crm-web-1");
  other.meta.owner_kind = "ReplicaSet";
  EXPECT_EQ(owner_of(other), none);
  const app::SeenChild service = child(Kind::service, "crm");
  EXPECT_EQ(codec.pack(service, {key, owner}).size() + owner.size(), codec.pack(service, {key, none}).size());
  app::SeenChild zero = service;  // no UID of a server, and not to be taken for what a later owner will be
  zero.meta.owner_uid = "00000000-0000-0000-0000-000000000000";
  EXPECT_EQ(codec.pack(zero, {key, none}).size(), codec.pack(service, {key, none}).size());
}

TEST(Record, AHashOfWhatIsInSyncTakesNoBytes) {
  RecordCodec codec;
  const PackedUid none{};
  app::SeenChild service = child(Kind::service, "crm");
  const std::size_t size = codec.pack(service, {key, none}).size();
  service.owned = service.applied;
  EXPECT_EQ(codec.pack(service, {key, none}).size() + sizeof service.owned, size);
}

TEST(Record, ABodyDoesNotDependOnTheVersion) {
  RecordCodec codec;
  const PackedUid none{};
  const Shared shared{key, none};
  app::SeenChild one = child(Kind::service, "crm");
  app::SeenChild other = one;
  other.meta.version = 1;
  EXPECT_EQ(codec.pack(one, shared), codec.pack(other, shared));
  other.epoch = 5;
  EXPECT_NE(codec.pack(one, shared), codec.pack(other, shared));
}

TEST(Words, TakesNoMoreThanItsLimitAndNoLongOnes) {
  Words words;
  EXPECT_EQ(words.number_of(std::string(256, 'x')), std::nullopt);
  for (std::uint64_t i = 0; i < 8'192; ++i) {
    ASSERT_EQ(words.number_of("word " + std::to_string(i)), i);
  }
  EXPECT_EQ(words.number_of("one more"), std::nullopt);
  EXPECT_EQ(words.number_of("word 17"), 17U);
  EXPECT_EQ(words.at(17), "word 17");
}

TEST(PackedTexts, GivesBackEveryTextWhateverCameBeforeOrAfterIt) {
  PackedTexts texts;
  Rng rng(5);
  std::vector<std::pair<std::string, std::string>> packed;
  for (int i = 0; i < 300; ++i) {
    std::string text;
    const std::uint64_t size = rng.below(std::uint64_t{1} << rng.below(16));
    while (text.size() < size) {
      text += rng.chance(80) ? R"({"name":"web","requests":true},)" : std::to_string(rng.next());
    }
    std::string small = texts.pack(text);
    packed.emplace_back(std::move(text), std::move(small));
  }
  for (const auto& [text, small] : packed) {
    ASSERT_EQ(texts.unpack(small), text);
  }
}

TEST(PackedTexts, TextsThatLookAlikeTakeLittle) {
  PackedTexts texts;
  const auto text = [](int number) {
    std::string out;
    for (int i = 0; i < 30; ++i) {
      out += R"({"type":"Condition)" + std::to_string(i) + R"(","status":"True","reason":"AsItShouldBe"},)";
    }
    return out + std::to_string(number);
  };
  static_cast<void>(texts.pack(text(1)));
  EXPECT_LT(texts.pack(text(2)).size(), text(2).size() / 20);
}

TEST(Uid, IsPackedOnlyInTheFormThatKubernetesWrites) {
  const std::string good = "0b5c1f6e-8a4d-4c53-9d0e-0123456789ab";
  const auto packed = packed_uid(good);
  ASSERT_TRUE(packed);
  EXPECT_EQ(unpacked_uid(*packed), good);
  for (const std::string bad : {"", "0B5C1F6E-8A4D-4C53-9D0E-0123456789AB", "0b5c1f6e08a4d-4c53-9d0e-0123456789ab",
                                "0b5c1f6e-8a4d-4c53-9d0e-0123456789ag", "0b5c1f6e-8a4d-4c53-9d0e-0123456789abc"}) {
    EXPECT_EQ(packed_uid(bad), std::nullopt) << bad;
  }
}

TEST(RefIndex, FindsWhatAMapFinds) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Rng rng(seed);
    RefIndex<int> index;
    std::map<std::uint64_t, int*> naive;
    std::vector<int> values(8);
    for (int step = 0; step < 5'000; ++step) {
      // Few high bits, so that many entries want the same slot.
      const std::uint64_t hash = rng.below(8) << 61U | rng.below(64) << 20U | 1U;
      if (rng.chance(55)) {
        int* const value = &values[rng.below(8)];
        index.set(hash, value);
        naive[hash] = value;
      } else {
        index.erase(hash);
        naive.erase(hash);
      }
      const std::uint64_t other = rng.below(8) << 61U | rng.below(64) << 20U | 1U;
      const auto found = naive.find(other);
      ASSERT_EQ(index.find(other), found == naive.end() ? nullptr : found->second);
      ASSERT_EQ(index.size(), naive.size());
    }
  }
}

}  // namespace
}  // namespace nocobase_operator::runtime
