#include "app/validate_several.h"

#include <map>
#include <set>
#include <utility>

#include "app/defaults.h"
#include "app/report.h"

namespace nocobase_operator::app {
namespace {

// A short host name is one of the namespace.
std::string host_in(const Cluster& cluster, const std::string& host) {
  return host.find('.') != std::string::npos || host.find(':') != std::string::npos || cluster.ns.empty()
             ? host
             : host + "." + cluster.ns;
}

class Collector {
 public:
  Collector(const kube::SourceDocument& document, const Cluster& cluster, Belongings& out)
      : document_(document), cluster_(cluster), out_(out) {}

  void database() {
    const Database& database = cluster_.spec.database;
    if (database.dialect != Dialect::sqlite) {
      const std::string layout = database.schema.value_or("") + "/" + database.table_prefix.value_or("");
      add("NB140",
          "database " + database.name + " on " + host_in(cluster_, database.host) + ":" +
              std::to_string(database_port(database)) + (layout == "/" ? "" : " (schema and prefix " + layout + ")"),
          "spec.database");
    }
  }

  void redis() {
    if (!cluster_.spec.coordination || !cluster_.spec.coordination->redis ||
        cluster_.spec.coordination->redis->host.empty()) {
      return;
    }
    const Redis& redis = *cluster_.spec.coordination->redis;
    const RedisDatabases numbers = redis.databases.value_or(RedisDatabases());
    const RedisUrls urls = redis.urls.value_or(RedisUrls());
    std::set<std::int32_t> used;
    for (const auto& [own_url, number] : {std::pair(urls.cache.has_value(), numbers.cache.value_or(0)),
                                          std::pair(urls.pubsub.has_value(), numbers.pubsub.value_or(1)),
                                          std::pair(urls.lock.has_value(), numbers.lock.value_or(2)),
                                          std::pair(urls.queue.has_value(), numbers.queue.value_or(3)),
                                          std::pair(urls.worker_id.has_value(), numbers.worker_id.value_or(4))}) {
      if (!own_url && used.insert(number).second) {
        add("NB141",
            "number " + std::to_string(number) + " of the Redis " + host_in(cluster_, redis.host) + ":" +
                std::to_string(redis.port.value_or(6379)),
            "spec.coordination.redis");
      }
    }
  }

  void claim() {
    if (cluster_.spec.storage && cluster_.spec.storage->existing_claim) {
      const std::string where = cluster_.ns.empty() ? "" : " in " + cluster_.ns;
      add("NB142", "claim " + *cluster_.spec.storage->existing_claim + where, "spec.storage.existingClaim");
    }
  }

 private:
  void add(std::string_view code, std::string thing, const std::string& path) {
    out_.all.push_back({code, std::move(thing), path, kube::mark_of(document_, path)});
  }

  const kube::SourceDocument& document_;
  const Cluster& cluster_;
  Belongings& out_;
};

Placed placed(const Belongings& cluster, kube::Mark mark, std::string_view code, const std::string& path,
              const std::string& message, const std::string& advice) {
  kube::Findings found;
  Report(found).add(code, path, message, advice);
  return {cluster.file, mark, std::move(found.front())};
}

}  // namespace

Belongings belongings_of(const kube::SourceDocument& document, const Cluster& cluster) {
  Belongings out{document.file,
                 cluster.ns.empty() ? cluster.name : cluster.ns + "/" + cluster.name,
                 kube::mark_of(document, "metadata.name"),
                 {}};
  Collector collector(document, cluster, out);
  collector.database();
  collector.redis();
  collector.claim();
  return out;
}

std::vector<Placed> judge_several(const std::vector<Belongings>& clusters) {
  std::vector<Placed> out;
  std::set<std::pair<std::string_view, std::string_view>> seen;  // file and name
  std::map<std::string_view, const Belongings*> owners;
  for (const Belongings& cluster : clusters) {
    if (!seen.emplace(cluster.file, cluster.name).second) {
      out.push_back(placed(cluster, cluster.mark, "NB143", "metadata.name",
                           "cluster " + cluster.name + " is listed twice in this file", "take one of them out"));
    }
    std::set<std::string_view> told;  // codes
    for (const Belongings::Belonging& belonging : cluster.all) {
      const Belongings& owner = *owners.emplace(belonging.thing, &cluster).first->second;
      if (owner.name != cluster.name && told.insert(belonging.code).second) {
        out.push_back(placed(cluster, belonging.mark, belonging.code, belonging.path,
                             belonging.thing + " is taken by cluster " + owner.name + " already",
                             "give each cluster its own"));
      }
    }
  }
  return out;
}

}  // namespace nocobase_operator::app
