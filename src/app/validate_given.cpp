#include "app/validate_given.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "app/env_lint.h"
#include "app/pod.h"
#include "app/url_lint.h"
#include "app/validate_parts.h"

namespace nocobase_operator::app {
namespace {

using Purpose = Use::Purpose;
using State = GivenEntry::State;

constexpr std::size_t max_keys_told = 5;

// "a, b and 3 more"
std::string keys_of(std::span<const GivenObject> objects) {
  std::string out;
  std::size_t told = 0;
  std::size_t left = 0;
  for (const auto& [key, entry] : objects.front().entries) {
    if (told == max_keys_told) {
      ++left;
      continue;
    }
    out += (told++ == 0 ? "" : ", ") + key;
  }
  return left == 0 ? out : out + " and " + std::to_string(left) + " more";
}

Kept kept_in(kube::Kind kind) {
  return kind == kube::Kind::secret ? Kept::secret : Kept::config_map;
}

class Judge {
 public:
  Judge(const Referrer& referrer, const Given& given) : referrer_(referrer), given_(given) {}

  [[nodiscard]] std::vector<Placed> take() && { return std::move(out_); }

  void use(const Use& use, kube::Mark mark) {
    const auto objects = given_.find(use.ref);
    if (objects.empty()) {
      return;
    }
    if (use.keys.empty()) {
      for (const GivenObject& object : objects) {
        for (const auto& [key, entry] : object.entries) {
          variable_of_many(use, object, entry, use.variable + key);
        }
      }
      return;
    }
    bool there = false;
    for (const GivenObject& object : objects) {
      for (const std::string& key : use.keys) {
        if (const auto entry = object.entries.find(key); entry != object.entries.end()) {
          there = true;
          one_entry(use, object, entry->second);
        }
      }
    }
    if (!there && !use.optional) {
      missing(use, objects, mark);
    }
  }

  // Of URLs that could be read, as the spec's rules for databases have it.
  void redis_numbers() {
    std::map<RedisTarget, std::string> users;
    for (const RedisUrl& url : redis_urls_) {
      const std::optional<RedisTarget> target = redis_target(url.entry->value);
      if (!target) {
        continue;
      }
      const std::string& other = users.emplace(*target, url.variable).first->second;
      at(*url.object, *url.entry, [&](Report& report) {
        if (other != url.variable) {
          report.add(
              "NB094", url.entry->path,
              other + " and " + url.variable + " share number " + std::to_string(target->number) + " of one server",
              "give each function a number of its own");
        }
        if (target->number > 15) {
          report.add("NB095", url.entry->path,
                     "number " + std::to_string(target->number) + " exists only if the server is told so",
                     "use 0 to 15");
        }
      });
    }
  }

 private:
  struct RedisUrl {
    std::string variable;
    const GivenObject* object;
    const GivenEntry* entry;
  };

  // Places what `judge` adds at the entry.
  void at(const GivenObject& object, const GivenEntry& entry, const auto& judge) {
    kube::Findings found;
    Report report(found);
    judge(report);
    for (kube::Finding& finding : found) {
      out_.push_back({object.file, entry.mark, std::move(finding)});
    }
  }

  void missing(const Use& use, std::span<const GivenObject> objects, kube::Mark mark) {
    kube::Findings found;
    const std::string keys = keys_of(objects);
    Report(found).add("NB130", use.path,
                      kube::to_string(use.ref) + " has no key " + in_quotes(use.keys.front()) +
                          (keys.empty() ? "; it is empty" : "; it has " + keys),
                      "add the key there, or name another here");
    out_.push_back({referrer_.file, mark, std::move(found.front())});
  }

  // False when nothing can be said of the value.
  bool form(const Use& use, const GivenObject& object, const GivenEntry& entry) {
    if (entry.state == State::malformed || entry.state == State::no_text) {
      at(object, entry, [&](Report& report) {
        const bool base64 = entry.state == State::malformed;
        report.add("NB135", entry.path, base64 ? "the value is no base64" : "the value is no text",
                   !base64                              ? "write it in quotes"
                   : use.ref.kind == kube::Kind::secret ? "encode it, or write it as it is under stringData"
                                                        : "encode it, or write it as it is under data");
      });
    }
    return entry.state == State::readable;
  }

  void one_entry(const Use& use, const GivenObject& object, const GivenEntry& entry) {
    if (!form(use, object, entry) || use.purpose == Purpose::other) {
      return;
    }
    at(object, entry, [&](Report& report) {
      lint_value({use.variable, entry.value, kept_in(use.ref.kind)}, entry.path, report);
      if (use.purpose == Purpose::redis_password && !is_url_encoded(entry.value) && !entry.value.ends_with('\n')) {
        report.add("NB139", entry.path, "the password has a character that must be percent-encoded in a URL",
                   "write %40 for @, %3A for :, %2F for /, %3F for ?, %23 for #, %25 for %");
      }
    });
    if (use.variable.ends_with("REDIS_URL")) {
      redis_urls_.push_back({use.variable, &object, &entry});
    }
  }

  void variable_of_many(const Use& use, const GivenObject& object, const GivenEntry& entry, const std::string& name) {
    if (!form(use, object, entry) || use.purpose == Purpose::other) {
      return;
    }
    at(object, entry, [&](Report& report) {
      if (!is_reserved_variable(name)) {
        lint_value({name, entry.value, kept_in(use.ref.kind)}, entry.path, report);
        return;
      }
      const auto& ours = referrer_.set_by_operator;
      report.add("NB134", entry.path,
                 name + (std::binary_search(ours.begin(), ours.end(), name)
                             ? " has no effect through envFrom: the operator sets it"
                             : " is the operator's, and takes effect through envFrom"),
                 reserved_advice(name, std::nullopt));
    });
  }

  const Referrer& referrer_;
  const Given& given_;
  std::vector<Placed> out_;
  std::vector<RedisUrl> redis_urls_;
};

}  // namespace

Referrer referrer_of(const kube::SourceDocument& document, const Cluster& cluster) {
  Referrer out{document.file, uses_of(cluster), {}, {}};
  for (const Use& use : out.uses) {
    out.marks.push_back(kube::mark_of(document, use.path));
  }
  const bool takes_all = std::any_of(out.uses.begin(), out.uses.end(),
                                     [](const Use& use) { return use.purpose == Purpose::all_variables; });
  for (std::size_t i = 0; takes_all && i < cluster.spec.roles.size(); ++i) {
    for (const EnvVar& variable : environment(cluster, cluster.spec.roles[i], "")) {
      out.set_by_operator.push_back(variable.name);
    }
  }
  std::sort(out.set_by_operator.begin(), out.set_by_operator.end());
  out.set_by_operator.erase(std::unique(out.set_by_operator.begin(), out.set_by_operator.end()),
                            out.set_by_operator.end());
  return out;
}

std::vector<Placed> judge_given(const Referrer& referrer, const Given& given) {
  Judge judge(referrer, given);
  for (std::size_t i = 0; i < referrer.uses.size(); ++i) {
    judge.use(referrer.uses[i], referrer.marks[i]);
  }
  judge.redis_numbers();
  return std::move(judge).take();
}

}  // namespace nocobase_operator::app
