#include "app/references.h"

#include <algorithm>
#include <set>
#include <utility>

#include "app/names.h"
#include "app/pod.h"
#include "base/hash.h"
#include "base/hmac.h"
#include "kube/reader.h"

namespace nocobase_operator::app {
namespace {

using kube::Kind;

void each_item(const Json& object, std::string_view list, const auto& visit) {
  const Json* const items = kube::find(object, list);
  if (items != nullptr && items->is_array()) {
    std::for_each(items->begin(), items->end(), visit);
  }
}

class Collector {
 public:
  explicit Collector(const std::string& ns) : ns_(ns) {}

  void container(const Json& container) {
    each_item(container, "env", [&](const Json& item) {
      if (const Json* const source = kube::find(item, "valueFrom")) {
        add(Kind::secret, kube::find(*source, "secretKeyRef"), true);
        add(Kind::config_map, kube::find(*source, "configMapKeyRef"), true);
      }
    });
    each_item(container, "envFrom", [&](const Json& item) {
      add(Kind::secret, kube::find(item, "secretRef"), false);
      add(Kind::config_map, kube::find(item, "configMapRef"), false);
    });
  }

  void database_tls(const Json& volume) {
    const Json* const projected = kube::find(volume, "projected");
    if (projected == nullptr || kube::string_at(volume, {"name"}) != database_tls_volume) {
      return;
    }
    each_item(*projected, "sources", [&](const Json& source) {
      const Json* const secret = kube::find(source, "secret");
      if (secret == nullptr) {
        return;
      }
      each_item(*secret, "items", [&](const Json& item) {
        put(Kind::secret, kube::string_at(*secret, {"name"}), kube::string_at(item, {"key"}), false);
      });
    });
  }

  // One that is required in one place is required.
  [[nodiscard]] std::vector<Reference> take() && {
    std::vector<Reference> all(found_.begin(), found_.end());  // of equal ones the required one comes first
    const auto same = [](const Reference& a, const Reference& b) { return a.ref == b.ref && a.key == b.key; };
    all.erase(std::unique(all.begin(), all.end(), same), all.end());
    return all;
  }

 private:
  void add(Kind kind, const Json* source, bool by_key) {
    if (source == nullptr) {
      return;
    }
    const std::string key = by_key ? kube::string_at(*source, {"key"}) : "";
    const Json* const optional = kube::find(*source, "optional");
    if (!by_key || !key.empty()) {
      put(kind, kube::string_at(*source, {"name"}), key, optional != nullptr && *optional == true);
    }
  }

  void put(Kind kind, const std::string& name, std::string key, bool optional) {
    const kube::Ref ref{kind, ns_, name};
    if (!name.empty() && (objects_.contains(ref) || objects_.size() < max_references)) {
      objects_.insert(ref);
      found_.insert({ref, std::move(key), optional});
    }
  }

  const std::string& ns_;
  std::set<kube::Ref> objects_;
  std::set<Reference> found_;
};

const SeenEntries* entries_of(const SeenChild& child) {
  if (const auto* const secret = std::get_if<SeenSecret>(&child.detail)) {
    return &secret->entries;
  }
  const auto* const config = std::get_if<SeenConfig>(&child.detail);
  return config == nullptr ? nullptr : &config->entries;
}

// What goes into the hash for one entry. A name holds no NUL.
std::string material(std::string_view name, std::string_view value) {
  std::string text(name);
  text += '\0';
  text += value;
  text += '\0';
  return text;
}

// What goes into the hash for a reference; nothing when what it refers to is not there.
std::optional<std::string> material_of(const Reference& reference, const SeenEntries* entries) {
  if (entries == nullptr) {
    return std::nullopt;
  }
  if (!reference.key.empty()) {
    const auto entry = entries->find(reference.key);
    return entry == entries->end() ? std::nullopt : std::optional(material(reference.key, hex64(entry->second)));
  }
  std::string all;
  for (const auto& [name, hash] : *entries) {
    all += material(name, hex64(hash));
  }
  return all;
}

std::string describe_missing(const Reference& reference, const SeenEntries* entries) {
  const std::string name = kube::to_string(reference.ref);
  return entries == nullptr ? name + " does not exist" : name + " has no key " + reference.key;
}

std::string content_key(const Observed& seen, const kube::Ref& keys) {
  const auto found = seen.children.find(keys);
  const auto* const secret = found == seen.children.end() ? nullptr : std::get_if<SeenSecret>(&found->second.detail);
  return secret == nullptr ? "" : secret->content_key;
}

}  // namespace

std::vector<Reference> references_of(const Json& pod_template, const std::string& ns) {
  Collector collector(ns);
  if (const Json* const spec = kube::find(pod_template, "spec")) {
    for (const std::string_view list : {"containers", "initContainers"}) {
      each_item(*spec, list, [&](const Json& container) { collector.container(container); });
    }
    each_item(*spec, "volumes", [&](const Json& volume) { collector.database_tls(volume); });
  }
  return std::move(collector).take();
}

Content content_of(const std::vector<Reference>& references, const Observed& seen, const kube::Ref& keys) {
  Content content;
  std::string all;
  bool known = true;
  for (const Reference& reference : references) {
    const auto found = seen.children.find(reference.ref);
    const bool there = found != seen.children.end();
    if (!there && !seen.absent.contains(reference.ref)) {
      known = false;
      continue;
    }
    const SeenEntries* const entries = there ? entries_of(found->second) : nullptr;
    const std::optional<std::string> part = material_of(reference, entries);
    all +=
        material(kube::info(reference.ref.kind).kind, reference.ref.name) + material(reference.key, part.value_or("-"));
    if (part || reference.optional) {
      continue;
    }
    known = false;
    const bool spoken_of =
        reference.ref == keys && (entries == nullptr || reference.key == key_app || reference.key == key_aes);
    if (!spoken_of) {
      content.missing.push_back(describe_missing(reference, entries));
    }
  }
  const std::string key = content_key(seen, keys);
  if (known && !key.empty()) {
    content.hash = std::max<std::uint64_t>(parse_hex64(hmac_sha256_hex(key, all).substr(0, 16)), 1);
  }
  return content;
}

}  // namespace nocobase_operator::app
