#include "runtime/store.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "unit/runtime/objects.h"

namespace nocobase_operator::runtime {
namespace {

using app::ClusterKey;
using kube::Kind;
using kube::Ref;
using objects::child;
using objects::cluster;
using objects::uid;
using objects::with_replicas;
using Keys = Store::Keys;

const ClusterKey crm{"ns", "crm"};
const ClusterKey erp{"ns", "erp"};
const Ref crm_ref{Kind::nocobase_cluster, "ns", "crm"};
const Ref web{Kind::deployment, "ns", "crm-web"};
const Ref secret{Kind::secret, "ns", "pg"};

app::Seen seen(const kube::Json& object) {
  Result<app::Seen> pruned = app::prune(object, std::nullopt, Instant(Millis(1)));
  EXPECT_TRUE(pruned.ok());
  return std::move(pruned).value();
}
kube::Meta meta(const kube::Json& object) {
  return app::meta_of(seen(object));
}

kube::Json deployment(std::uint64_t version, int replicas = 1, const std::string& of = "crm",
                      const std::string& id = uid(2)) {
  return with_replicas(child(Kind::deployment, "crm-web", version, of, id), replicas);
}

// The version under which the store has an object, 0 when it has none.
std::uint64_t version_of(const Store& store, const ClusterKey& key, const Ref& ref) {
  const auto found = store.find(key, ref);
  return found ? app::meta_of(*found).version : 0;
}

// A store that has listed a cluster and its Deployment, at version 100.
struct Listed {
  Store store;
  Listed() {
    list({cluster("crm", 10)}, Kind::nocobase_cluster, 100);
    list({deployment(20)}, Kind::deployment, 100);
  }
  std::optional<Keys> list(const std::vector<kube::Json>& objects, Kind kind, std::uint64_t version) {
    store.list_began(kind);
    for (const kube::Json& object : objects) {
      static_cast<void>(store.changed(seen(object)));
    }
    return store.list_ended(kind, version);
  }
};

TEST(Store, TellsWhoseStateHasChanged) {
  Store store;
  EXPECT_EQ(store.changed(seen(cluster("crm", 10))), Keys{crm});
  EXPECT_EQ(store.changed(seen(deployment(20))), Keys{crm});
  EXPECT_EQ(store.changed(seen(deployment(20))), Keys{});
  EXPECT_EQ(store.changed(seen(deployment(21))), Keys{}) << "a version alone is no change";
  EXPECT_EQ(version_of(store, crm, web), 21U);
  EXPECT_EQ(store.changed(seen(deployment(22, 2))), Keys{crm});
  EXPECT_EQ(store.removed(meta(deployment(23))), Keys{crm});
  EXPECT_EQ(store.removed(meta(deployment(23))), Keys{});
  EXPECT_EQ(version_of(store, crm, web), 0U);
}

TEST(Store, NeverGoesBackToAnOlderVersion) {
  Listed of;
  of.store.replied(crm, seen(deployment(130, 3)));
  EXPECT_EQ(of.store.changed(seen(deployment(120, 2))), Keys{});
  EXPECT_EQ(of.store.removed(meta(deployment(125))), Keys{}) << "it was made again since";
  EXPECT_EQ(version_of(of.store, crm, web), 130U);
}

TEST(Store, HoldsTheVersionsThatItHasSeenOrThatAWriteGaveBack) {
  Listed listed;
  const auto holds = [&](std::string_view name, std::string_view version) {
    return listed.store.holds(Kind::deployment, {"MODIFIED", "ns", name, version});
  };
  EXPECT_TRUE(holds("crm-web", "20"));
  EXPECT_TRUE(holds("crm-web", "19"));
  EXPECT_FALSE(holds("crm-web", "21"));
  EXPECT_FALSE(holds("crm-job", "20"));
  EXPECT_FALSE(holds("crm-web", ""));
  EXPECT_FALSE(holds("crm-web", "1x"));
  EXPECT_FALSE(listed.store.holds(Kind::service, {"MODIFIED", "ns", "crm-web", "20"}));
  listed.store.replied(crm, seen(deployment(121)));
  EXPECT_TRUE(holds("crm-web", "121"));
  static_cast<void>(listed.store.removed(meta(deployment(122))));
  EXPECT_FALSE(holds("crm-web", "121"));
}

TEST(Store, ALateReplyDoesNotBringBackWhatTheWatchHasSeenGo) {
  Listed of;
  EXPECT_EQ(of.store.removed(meta(deployment(140))), Keys{crm});
  of.store.replied(crm, seen(deployment(130)));
  EXPECT_EQ(version_of(of.store, crm, web), 0U);
  of.store.progressed(Kind::deployment, 150);
  of.store.replied(crm, seen(deployment(145)));
  EXPECT_EQ(version_of(of.store, crm, web), 0U);
  of.store.replied(crm, seen(deployment(160)));
  EXPECT_EQ(version_of(of.store, crm, web), 160U);
}

TEST(Store, AListingDropsWhatItDoesNotName) {
  Listed of;
  EXPECT_EQ(of.list({}, Kind::deployment, 200), Keys{crm});
  EXPECT_EQ(version_of(of.store, crm, web), 0U);
  EXPECT_EQ(of.store.watched_objects(), 1U);
}

TEST(Store, AListingKeepsWhatItNamesAndWhatIsNewer) {
  Listed of;
  const Ref worker{Kind::deployment, "ns", "crm-worker"};
  of.store.list_began(Kind::deployment);
  EXPECT_EQ(of.store.changed(seen(deployment(20))), Keys{});
  of.store.replied(crm, seen(child(Kind::deployment, "crm-worker", 250)));
  EXPECT_EQ(of.store.list_ended(Kind::deployment, 200), Keys{});
  EXPECT_EQ(version_of(of.store, crm, web), 20U);
  EXPECT_EQ(version_of(of.store, crm, worker), 250U);
}

TEST(Store, AListingDropsWhatAReplySaidBeforeItAndIsGoneSince) {
  Listed of;
  of.store.list_began(Kind::deployment);
  of.store.replied(crm, seen(child(Kind::deployment, "crm-worker", 150)));
  EXPECT_EQ(of.store.changed(seen(deployment(20))), Keys{});
  EXPECT_EQ(of.store.list_ended(Kind::deployment, 200), Keys{crm});
  EXPECT_EQ(version_of(of.store, crm, {Kind::deployment, "ns", "crm-worker"}), 0U);
}

TEST(Store, AListingThatNamesAnOlderVersionThanTheOneHeldKeepsTheNewer) {
  Listed of;
  of.store.replied(crm, seen(deployment(150, 3)));
  EXPECT_EQ(of.list({deployment(20)}, Kind::deployment, 140), Keys{});
  EXPECT_EQ(version_of(of.store, crm, web), 150U);
}

TEST(Store, AListingFromBeforeWhatWasSeenEmptiesTheKindAndAsksForAnother) {
  Listed of;
  EXPECT_EQ(of.list({deployment(20)}, Kind::deployment, 99), std::nullopt);
  EXPECT_EQ(version_of(of.store, crm, web), 0U);
  EXPECT_EQ(of.list({deployment(7, 5)}, Kind::deployment, 99), Keys{});
  EXPECT_EQ(version_of(of.store, crm, web), 7U);
}

TEST(Store, AKindThatIsMissingHasNoObjectsAndMayComeBackAtAnyVersion) {
  const Ref route{Kind::http_route, "ns", "crm"};
  Listed of;
  EXPECT_EQ(of.list({child(Kind::http_route, "crm", 150, "crm", uid(7))}, Kind::http_route, 200), Keys{});
  EXPECT_EQ(version_of(of.store, crm, route), 150U);
  EXPECT_EQ(of.store.kind_missing(Kind::http_route), Keys{crm});
  EXPECT_EQ(version_of(of.store, crm, route), 0U);
  EXPECT_EQ(version_of(of.store, crm, web), 20U) << "of another kind";
  EXPECT_EQ(of.store.kind_missing(Kind::http_route), Keys{});
  EXPECT_EQ(of.list({child(Kind::http_route, "crm", 110, "crm", uid(8))}, Kind::http_route, 120), Keys{});
  EXPECT_EQ(version_of(of.store, crm, route), 110U);
}

TEST(Store, MovesAnObjectWhoseLabelsNameAnotherCluster) {
  Listed of;
  static_cast<void>(of.store.changed(seen(cluster("erp", 11, uid(3)))));
  EXPECT_EQ(of.store.changed(seen(deployment(110, 1, "erp"))), (Keys{crm, erp}));
  EXPECT_EQ(version_of(of.store, crm, web), 0U);
  EXPECT_EQ(version_of(of.store, erp, web), 110U);
  EXPECT_EQ(of.store.removed(meta(deployment(111, 1, "crm"))), Keys{erp}) << "by where it is, not by what it says";
}

kube::Json owned(Kind kind, const std::string& name, std::uint64_t version, const std::string& owner) {
  kube::Json out = child(kind, name, version);
  if (!owner.empty()) {
    out["metadata"]["ownerReferences"] = {{{"apiVersion", kube::api_version(Kind::nocobase_cluster)},
                                           {"kind", "NocoBaseCluster"},
                                           {"name", "crm"},
                                           {"uid", owner},
                                           {"controller", true}}};
  }
  return out;
}

// The owner is kept once for all objects of a cluster, and any of them may come first.
TEST(Store, GivesBackOwnersInWhateverOrderObjectsCome) {
  const std::vector<kube::Json> objects{
      owned(Kind::persistent_volume_claim, "crm-storage", 10, ""),
      owned(Kind::service, "crm", 11, uid(5)),
      cluster("crm", 12, uid(5)),
      owned(Kind::service_account, "crm", 13, uid(4)),   // of the cluster before, which is still being collected
      owned(Kind::deployment, "crm-web", 14, "no uid"),  // nothing that Kubernetes would write
  };
  std::vector<std::size_t> order{0, 1, 2, 3, 4};
  do {
    Store store;
    for (const std::size_t i : order) {
      static_cast<void>(store.changed(seen(objects[i])));
      EXPECT_EQ(store.changed(seen(objects[i])), Keys{}) << "nothing new";
    }
    for (const kube::Json& object : objects) {
      const auto found = store.find(crm, meta(object).ref);
      ASSERT_TRUE(found);
      EXPECT_EQ(app::meta_of(*found), meta(object));
    }
    // All go but one, whose own owner is another.
    for (const std::size_t i : {0, 1, 2, 4}) {
      static_cast<void>(store.removed(meta(objects[i])));
    }
    static_cast<void>(store.changed(seen(cluster("crm", 20, uid(6)))));
    static_cast<void>(store.changed(seen(owned(Kind::service, "crm", 21, uid(6)))));
    EXPECT_EQ(app::meta_of(*store.find(crm, crm_ref)).uid, uid(6));
    EXPECT_EQ(app::meta_of(*store.find(crm, {Kind::service, "ns", "crm"})).owner_uid, uid(6));
    EXPECT_EQ(app::meta_of(*store.find(crm, {Kind::service_account, "ns", "crm"})).owner_uid, uid(4));
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(Store, KeepsWhatWasReadForTheClusterThatReadIt) {
  Listed of;
  const kube::Json pg = objects::object(Kind::secret, "pg", 5, uid(9));
  of.store.replied(crm, seen(pg));
  const auto observed = of.store.observe(crm);
  ASSERT_TRUE(observed);
  ASSERT_TRUE(observed->children.contains(secret));
  EXPECT_FALSE(observed->children.at(secret).watched);
  EXPECT_EQ(observed->children.at(secret).read_at, Instant(Millis(1)));
  of.store.absent(crm, secret, Instant(Millis(9)));
  EXPECT_EQ(of.store.observe(crm)->children.count(secret), 0U);
  EXPECT_EQ(of.store.observe(crm)->absent, (std::map<Ref, Instant>{{secret, Instant(Millis(9))}}));
  of.store.replied(crm, seen(pg));
  EXPECT_EQ(of.store.observe(crm)->absent, (std::map<Ref, Instant>{}));
}

TEST(Store, AForeignObjectInTheWayIsKeptAsUnwatched) {
  Listed of;
  const Ref service{Kind::service, "ns", "crm"};
  of.store.replied(crm, seen(child(Kind::service, "crm", 30, "erp")));
  ASSERT_TRUE(of.store.observe(crm)->children.contains(service));
  EXPECT_FALSE(of.store.observe(crm)->children.at(service).watched);
}

TEST(Store, AnObjectOfOursOfAKindWithoutAWatchIsUnwatched) {
  Listed of;
  of.store.replied(crm, seen(child(Kind::config_map, "crm-record", 30)));
  EXPECT_FALSE(of.store.observe(crm)->children.at({Kind::config_map, "ns", "crm-record"}).watched);
}

TEST(Store, KeepsALimitedNumberOfUnwatchedObjectsTheLatestRead) {
  Listed of;
  for (int i = 0; i < 300; ++i) {
    of.store.replied(crm, seen(objects::object(Kind::secret, "s" + std::to_string(i), 5, uid(100))));
    of.store.replied(crm, seen(objects::object(Kind::secret, "s0", 5, uid(100))));
    of.store.absent(crm, {Kind::secret, "ns", "a" + std::to_string(i)}, Instant(Millis(i)));
  }
  const auto observed = of.store.observe(crm);
  EXPECT_EQ(observed->children.size(), 256U + 1U);
  EXPECT_TRUE(observed->children.contains({Kind::secret, "ns", "s0"}));
  EXPECT_FALSE(observed->children.contains({Kind::secret, "ns", "s1"}));
  EXPECT_EQ(observed->absent.size(), 256U);
  EXPECT_FALSE(observed->absent.contains({Kind::secret, "ns", "a43"}));
}

TEST(Store, RemembersWhatWeWrote) {
  Listed of;
  of.store.accepted(crm, web, 77);
  of.store.status_written(crm, crm_ref, {5, 6});
  of.store.refused(crm, secret, std::string(1'000, 'x'));
  static_cast<void>(of.store.changed(seen(deployment(120, 9))));
  auto observed = of.store.observe(crm);
  EXPECT_EQ(observed->accepted, (std::map<Ref, std::uint64_t>{{web, 77}}));
  EXPECT_EQ(observed->statuses, (std::map<Ref, app::StatusWritten>{{crm_ref, {5, 6}}}));
  EXPECT_EQ(observed->refusals, (std::map<Ref, std::string>{{secret, std::string(512, 'x')}}));
  of.store.refused(crm, secret, "");
  EXPECT_TRUE(of.store.observe(crm)->refusals.empty());
  static_cast<void>(of.store.removed(meta(deployment(121))));
  static_cast<void>(of.store.changed(seen(deployment(130))));
  EXPECT_TRUE(of.store.observe(crm)->accepted.empty()) << "of another object of that name";
}

TEST(Store, WhatIsBeingDeletedCountsAsTerminatingUntilTheWatchSaysMore) {
  Listed of;
  of.store.deleting(crm, web, uid(99));
  EXPECT_FALSE(of.store.observe(crm)->children.at(web).meta.terminating) << "another object of that name";
  of.store.deleting(crm, web, uid(2));
  EXPECT_TRUE(of.store.observe(crm)->children.at(web).meta.terminating);
  EXPECT_EQ(of.store.changed(seen(deployment(20))), Keys{}) << "an old event";
  EXPECT_TRUE(of.store.observe(crm)->children.at(web).meta.terminating);
  EXPECT_EQ(of.store.removed(meta(deployment(150))), Keys{crm});
}

TEST(Store, ForgetsWhatItKnewOfAClusterThatIsGone) {
  Listed of;
  of.store.replied(crm, seen(objects::object(Kind::secret, "pg", 5, uid(9))));
  of.store.absent(crm, {Kind::secret, "ns", "keys"}, Instant());
  of.store.accepted(crm, web, 77);
  EXPECT_EQ(of.store.removed(meta(cluster("crm", 120))), Keys{crm});
  EXPECT_FALSE(of.store.observe(crm));
  EXPECT_EQ(of.store.clusters(), 0U);
  of.store.replied(crm, seen(objects::object(Kind::secret, "pg", 5, uid(9))));
  of.store.absent(crm, secret, Instant());
  of.store.refused(crm, secret, "no");
  static_cast<void>(of.store.changed(seen(cluster("crm", 130, uid(5)))));
  const auto observed = of.store.observe(crm);
  ASSERT_TRUE(observed);
  EXPECT_EQ(observed->children.size(), 1U);
  EXPECT_TRUE(observed->accepted.empty() && observed->absent.empty() && observed->refusals.empty());
  static_cast<void>(of.store.removed(meta(cluster("crm", 140))));
  static_cast<void>(of.store.removed(meta(deployment(150))));
  EXPECT_EQ(of.store.record_bytes(), 0U);
  EXPECT_EQ(of.store.watched_objects(), 0U);
}

kube::Json scaler_of(const std::string& target, std::uint64_t version) {
  kube::Json out = objects::object(Kind::horizontal_pod_autoscaler, "mine", version, uid(9));
  out["spec"]["scaleTargetRef"] = {{"kind", "Deployment"}, {"name", target}};
  return out;
}

TEST(Store, ShowsAForeignAutoscalerToTheClusterThatItScales) {
  Listed of;
  Store& store = of.store;
  of.list({cluster("crm", 10), cluster("erp", 11, uid(3))}, Kind::nocobase_cluster, 101);
  static_cast<void>(store.changed(seen(child(Kind::deployment, "erp-web", 102, "erp", uid(4)))));
  const auto scalers = [&](const ClusterKey& key) { return store.observe(key).value().scalers.size(); };
  EXPECT_EQ(store.changed(seen(scaler_of("crm-web", 110))), Keys{crm});
  EXPECT_EQ(scalers(crm), 1U);
  EXPECT_EQ(scalers(erp), 0U);
  EXPECT_EQ(store.observe(crm).value().children.size(), 1U) << "it is no child";
  EXPECT_EQ(store.changed(seen(scaler_of("crm-web", 111))), Keys()) << "nothing else has become different";
  EXPECT_EQ(store.changed(seen(scaler_of("erp-web", 112))), (Keys{erp, crm}));
  EXPECT_EQ(scalers(crm), 0U);
  EXPECT_EQ(scalers(erp), 1U);
  EXPECT_EQ(store.changed(seen(scaler_of("nobodys", 113))), Keys{erp});
  EXPECT_EQ(store.changed(seen(scaler_of("erp-web", 114))), Keys{erp});
  EXPECT_EQ(store.removed(meta(scaler_of("erp-web", 115))), Keys{erp});
  EXPECT_EQ(scalers(erp), 0U);
  static_cast<void>(store.changed(seen(scaler_of("erp-web", 116))));
  EXPECT_EQ(of.list({}, Kind::horizontal_pod_autoscaler, 120), Keys{erp}) << "gone while nobody looked";
  EXPECT_EQ(scalers(erp), 0U);
}

TEST(Store, ShowsAForeignAutoscalerThatWasThereBefore) {
  Store store;
  EXPECT_EQ(store.changed(seen(scaler_of("crm-web", 5))), Keys()) << "whose is it?";
  static_cast<void>(store.changed(seen(cluster("crm", 10))));
  EXPECT_EQ(store.changed(seen(deployment(20))), Keys{crm});
  EXPECT_EQ(store.observe(crm).value().scalers.size(), 1U);
}

TEST(Store, ObservesPodsInOrder) {
  Listed of;
  for (const char* const name : {"crm-b", "crm-a", "crm-c"}) {
    EXPECT_EQ(of.store.changed(seen(child(Kind::pod, name, 110))), Keys{crm});
  }
  const auto observed = of.store.observe(crm);
  ASSERT_EQ(observed->pods.size(), 3U);
  EXPECT_EQ(observed->pods[0].meta.ref.name, "crm-a");
  EXPECT_EQ(observed->pods[2].meta.ref.name, "crm-c");
  EXPECT_EQ(observed->cluster["spec"]["image"], "nocobase/nocobase:2.2.15-full");
  EXPECT_EQ(observed->meta, meta(cluster("crm", 10)));
}

TEST(Store, KeepsHashesOfAReadSecretAndNoValue) {
  Listed of;
  kube::Json pg = objects::object(Kind::secret, "pg", 5, uid(9));
  pg["data"] = {{"password", "c3VwZXJzZWNyZXQ="}};
  of.store.replied(crm, seen(pg));
  const auto first = of.store.observe(crm)->children.at(secret);
  EXPECT_NE(std::get<app::SeenSecret>(first.detail).entries.at("password"), 0U);
  EXPECT_EQ(of.store.find(crm, secret), std::optional<app::Seen>(first));
  kube::Json map = objects::object(Kind::config_map, "map", 6, uid(10));
  map["data"] = {{"a", "supersecret"}};
  of.store.replied(crm, seen(map));
  const auto second = of.store.observe(crm)->children.at({Kind::config_map, "ns", "map"});
  EXPECT_EQ(std::get<app::SeenConfig>(second.detail).entries.at("a"),
            std::get<app::SeenSecret>(first.detail).entries.at("password"));
}

}  // namespace
}  // namespace nocobase_operator::runtime
