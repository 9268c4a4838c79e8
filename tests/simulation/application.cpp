#include "simulation/application.h"

#include <algorithm>
#include <cctype>

#include "base/hash.h"

namespace nocobase_operator::simulation {
namespace {

constexpr std::string_view marker = "@sha256:";

// The tag of an image without its variant; "" when it has none.
std::string tag_of(const std::string& image) {
  const std::string name = image.substr(0, image.find('@'));
  const std::size_t colon = name.rfind(':');
  return colon == std::string::npos || name.find('/', colon) != std::string::npos ? "" : name.substr(colon + 1);
}

std::string without_tag(const std::string& image) {
  const std::string tag = tag_of(image);
  const std::string name = image.substr(0, image.find('@'));
  return tag.empty() ? name : name.substr(0, name.size() - tag.size() - 1);
}

}  // namespace

std::string digest_of(const std::string& image) {
  if (image.empty()) {
    return "";
  }
  if (const std::size_t at = image.find(marker); at != std::string::npos) {
    return image.substr(at + 1);
  }
  std::string digits;
  for (const char* const salt : {"a", "b", "c", "d"}) {
    digits += hex64(hash64(salt + without_tag(image) + ":" + tag_of(image)));
  }
  return "sha256:" + digits;
}

bool cannot_be_pulled(const std::string& image) {
  return image.find("bad") != std::string::npos;
}

bool fails_in_setup(const std::string& image) {
  return image.find("broken") != std::string::npos;
}

std::int64_t version_of(const std::string& image) {
  std::int64_t version = 0;
  std::int64_t part = 0;
  int parts = 0;
  for (const char c : tag_of(image) + ".") {
    if (std::isdigit(static_cast<unsigned char>(c)) != 0) {
      part = part * 10 + (c - '0');
    } else {
      version = version * 1'000 + part;
      part = 0;
      ++parts;
      if (parts == 3 || c != '.') {
        break;
      }
    }
  }
  return parts == 3 ? version : 0;
}

const char* name_of(Damage damage) {
  switch (damage) {
    case Damage::migrated_twice:
      return "migrated by two pods at once";
    case Damage::downgraded:
      return "downgraded";
    case Damage::interrupted:
      return "migration interrupted";
    case Damage::wrong_version:
      return "pod on a database of another version";
  }
  return "";
}

void Databases::learn(const std::string& image) {
  if (const std::int64_t version = version_of(image); version > 0) {
    versions_[digest_of(image)] = version;
  }
}

void Databases::note(Damage damage, const std::string& cluster, const std::string& what) {
  scene_.say("database", cluster + ": " + name_of(damage) + ": " + what);
  incidents_.push_back({damage, cluster, what});
}

void Databases::preset(const std::string& cluster, const std::string& image) {
  learn(image);
  databases_[cluster].image = digest_of(image);
}

Databases::Start Databases::start(const std::string& cluster, const Boot& boot) {
  learn(boot.image);
  Database& database = databases_[cluster];
  const std::string image = digest_of(boot.image);
  const std::int64_t boots = scene_.pick(scene_.faults.boot);
  if (!boot.setup && database.image != image) {
    note(Damage::wrong_version, cluster, boot.name + " runs " + boot.image);
  }
  if (boot.skips && database.image == image) {
    return {boots, -1};
  }
  if (!database.under.empty()) {
    note(Damage::migrated_twice, cluster, boot.name + " beside " + database.under.begin()->first);
  }
  if (!database.image.empty() && versions_[image] < versions_[database.image]) {
    note(Damage::downgraded, cluster, boot.name + " runs " + boot.image);
  }
  database.under[boot.pod] = image;
  ++migrations_;
  scene_.happened(database.image.empty() ? "a first migration" : "a migration");
  scene_.say("database", cluster + ": " + boot.name + " migrates to " + boot.image);
  const std::int64_t takes = scene_.pick(scene_.faults.migrate);
  if (fails_in_setup(boot.image)) {
    scene_.happened("a migration that always fails");
    return scene_.rng.chance(50) ? Start{-1, takes} : Start{-1, -1};
  }
  if (!scene_.quiet && scene_.rng.chance(scene_.faults.crashes_in_setup)) {
    return {-1, takes};
  }
  if (!scene_.quiet && scene_.rng.chance(scene_.faults.hangs_in_setup)) {
    scene_.happened("a migration that hangs");
    return {-1, -1};
  }
  return {boots + takes, -1};
}

void Databases::ready(const std::string& cluster, const std::string& pod) {
  Database& database = databases_[cluster];
  const auto migration = database.under.find(pod);
  if (migration != database.under.end()) {
    database.image = migration->second;
    database.under.erase(migration);
    scene_.say("database", cluster + ": migrated");
  }
}

void Databases::ended(const std::string& cluster, const std::string& pod, const std::string& why) {
  Database& database = databases_[cluster];
  if (const auto migration = database.under.find(pod); migration != database.under.end()) {
    database.image = migration->second;  // the schema is of no version now; the next start of this image repairs it
    database.under.erase(migration);
    note(Damage::interrupted, cluster, why);
  }
}

std::string Databases::version(const std::string& cluster) const {
  const auto found = databases_.find(cluster);
  return found == databases_.end() ? "" : found->second.image;
}

bool Databases::migrates(const std::string& cluster) const {
  const auto found = databases_.find(cluster);
  return found != databases_.end() && !found->second.under.empty();
}

}  // namespace nocobase_operator::simulation
