// NocoBase as far as the operator can do it harm (facts: boot, upgrade, versions): one database per cluster with a
// version, a migration by every start without SKIP_SAME_VERSION_UPGRADE, no lock, no transaction, no guard against a
// downgrade. What went wrong is kept; invariants.cpp says which of it must never happen.
#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "simulation/scene.h"

namespace nocobase_operator::simulation {

// Who an image is, whichever way it is written: by tag or by digest. "" for none.
[[nodiscard]] std::string digest_of(const std::string& image);
// Never there in a registry: it has "bad" in its name.
[[nodiscard]] bool cannot_be_pulled(const std::string& image);
// Its migration never ends well: it has "broken" in its name.
[[nodiscard]] bool fails_in_setup(const std::string& image);
// Orders images: 2.2.10 comes after 2.2.9. 0 when nobody knows.
[[nodiscard]] std::int64_t version_of(const std::string& image);

// One start of the application's container.
struct Boot {
  std::string pod;  // its uid
  std::string name;
  std::string image;
  bool skips = false;  // SKIP_SAME_VERSION_UPGRADE=true
  bool setup = false;
};

enum class Damage : std::uint8_t {
  migrated_twice,  // by two pods at once
  downgraded,
  interrupted,    // a container ended during its migration
  wrong_version,  // a role's pod ran on a database of another version
};
[[nodiscard]] const char* name_of(Damage damage);

struct Incident {
  Damage damage = Damage::interrupted;
  std::string cluster;
  std::string what;
};

class Databases {
 public:
  explicit Databases(Scene& scene) : scene_(scene) {}

  // How long until the application answers, or -1: never. `crashes` is when its container ends by itself instead.
  struct Start {
    std::int64_t ready_in = -1;
    std::int64_t crashes_in = -1;
  };
  Start start(const std::string& cluster, const Boot& boot);
  void ready(const std::string& cluster, const std::string& pod);
  void ended(const std::string& cluster, const std::string& pod, const std::string& why);
  // An application that has been set up by somebody else.
  void preset(const std::string& cluster, const std::string& image);

  [[nodiscard]] std::string version(const std::string& cluster) const;
  [[nodiscard]] bool migrates(const std::string& cluster) const;
  [[nodiscard]] const std::vector<Incident>& incidents() const { return incidents_; }
  [[nodiscard]] std::uint64_t migrations() const { return migrations_; }
  void learn(const std::string& image);  // so that its digest has a version

 private:
  struct Database {
    std::string image;                         // that migrated it last
    std::map<std::string, std::string> under;  // migrations: pod -> image
  };
  void note(Damage damage, const std::string& cluster, const std::string& what);

  Scene& scene_;
  std::map<std::string, Database> databases_;
  std::map<std::string, std::int64_t> versions_;  // by digest
  std::vector<Incident> incidents_;
  std::uint64_t migrations_ = 0;
};

}  // namespace nocobase_operator::simulation
