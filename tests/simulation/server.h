// An API server in memory, as far as the operator can tell it from a real one: versions, preconditions, server-side
// apply with managers and force, graceful deletes, watches with bookmarks and pages that can be compacted.
// tests/conformance compares it with the real one. Controllers are elsewhere and change objects through it.
// Not modelled: schemas and defaulting, admission, finalizers, foreground deletion, dry run, quantities.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kube/call.h"
#include "kube/http.h"

namespace nocobase_operator::simulation {

using kube::Json;
using JsonPtr = std::shared_ptr<const Json>;

// One object became different.
struct Change {
  kube::Ref ref;
  JsonPtr before;  // nullptr: it was made
  JsonPtr after;   // nullptr: it is gone
  std::string actor;
  bool by_call = false;  // of an operator
};

class Server {
 public:
  // Carries a call out, as `actor`.
  [[nodiscard]] kube::HttpResponse execute(const kube::Call& call, const std::string& actor = "operator");

  // A watch as it was asked for: where it stands in the log.
  struct Watch {
    kube::Kind kind = kube::Kind::pod;
    bool initial = false;  // the initial events are still to be sent
    std::uint64_t version = 0;
    bool page = false;  // of a list, from the object after this name on
    std::string after;
  };
  // Whether it is asked for a streaming list and knows none: the server answers 422.
  [[nodiscard]] bool refuses(const kube::HttpRequest& request) const;
  bool streaming_lists = true;
  // Nothing when the version has been compacted: the server answers 410.
  [[nodiscard]] std::optional<Watch> open(const kube::HttpRequest& request) const;
  // What the watch sends next: at most `max_lines` lines, "" when there is nothing new.
  [[nodiscard]] std::string read(Watch& watch, std::size_t max_lines) const;
  [[nodiscard]] bool has_news(const Watch& watch) const;
  [[nodiscard]] std::string bookmark(Watch& watch) const;
  // Forgets the log up to now.
  void compact() { compacted_ = version_; }

  // Changes from outside. A user's edit owns what it makes different; a controller's is of the status and owns nothing.
  void put_cluster(const std::string& name, Json spec, const std::string& ns = "ns");
  void put_data(const kube::Ref& ref, Json data);  // a Secret or ConfigMap
  void edit(const kube::Ref& ref, const std::function<void(Json&)>& edit, const std::string& manager = "user");
  void edit_status(const kube::Ref& ref, const std::function<void(Json&)>& edit, const std::string& actor);
  // What a controller makes: no field managers.
  void make(const kube::Ref& ref, Json object, const std::string& actor);
  // The scale subresource. An equal value takes no ownership. False when the object has no spec.replicas.
  bool scale(const kube::Ref& ref, std::int64_t replicas, const std::string& manager);
  // A delete: a pod that runs on a node gets its grace period; `now` takes it away at once.
  void remove(const kube::Ref& ref, const std::string& actor = "user");
  void remove_now(const kube::Ref& ref, const std::string& actor);

  [[nodiscard]] const Json* find(const kube::Ref& ref) const;
  [[nodiscard]] JsonPtr get(const kube::Ref& ref) const;
  [[nodiscard]] std::vector<kube::Ref> refs(kube::Kind kind) const;
  [[nodiscard]] bool has_uid(const std::string& uid) const { return uids_in_use_.contains(uid); }
  // Managers by Apply (true) or Update with the fields that each owns on the main resource.
  [[nodiscard]] std::map<std::pair<std::string, bool>, Json> owners(const kube::Ref& ref) const;
  [[nodiscard]] std::uint64_t version() const { return version_; }
  // Changes made by calls, leases and Events left out; a call that changes nothing is none.
  [[nodiscard]] std::uint64_t writes() const { return writes_; }

  std::function<void(const Change&)> on_change;
  // Told of each cluster that an operator gets.
  std::function<void(const kube::Ref&, const Json&, const std::string& actor)> on_read;
  std::chrono::sys_seconds wall{};  // no creationTimestamp is written before 1970

 private:
  using Owner = std::pair<std::string, bool>;  // manager, by Apply
  // Its text is made once, for replies and watches.
  struct Text {
    explicit Text(JsonPtr of) : object(std::move(of)) {}
    JsonPtr object;
    std::string text;
    const std::string& get() {
      if (text.empty()) {
        text = object->dump();
      }
      return text;
    }
  };
  using TextPtr = std::shared_ptr<Text>;
  struct Entry {
    JsonPtr live;
    std::map<Owner, Json> owners;  // the fields of each
    TextPtr text;
  };
  struct LogLine {
    std::uint64_t version = 0;
    std::string_view type;
    TextPtr object;
  };

  [[nodiscard]] kube::HttpResponse apply(const kube::Call& call);
  [[nodiscard]] kube::HttpResponse apply_status(const kube::Call& call);
  [[nodiscard]] kube::HttpResponse create(const kube::Call& call);
  [[nodiscard]] kube::HttpResponse update(const kube::Call& call);
  [[nodiscard]] kube::HttpResponse erase(const kube::Call& call);
  [[nodiscard]] std::optional<kube::HttpResponse> precondition_fails(const kube::Call& call) const;
  [[nodiscard]] kube::HttpResponse list(const kube::Call& call) const;
  [[nodiscard]] kube::HttpResponse answer(const kube::Ref& ref, int status) const;
  // Whether the operator's watches show it.
  [[nodiscard]] static bool is_shown(const kube::Ref& ref, const Json& object);
  bool store(const kube::Ref& ref, Json object, std::map<Owner, Json> owners);
  void log(std::string_view type, const kube::Ref& ref, TextPtr object);
  void tell(const kube::Ref& ref, JsonPtr before, JsonPtr after);
  [[nodiscard]] std::string read_page(Watch& watch, std::size_t max_items) const;

  std::map<kube::Ref, Entry> entries_;
  std::map<std::string, kube::Ref> uids_in_use_;
  std::map<kube::Kind, std::vector<LogLine>> log_;
  std::uint64_t version_ = 100;
  std::uint64_t compacted_ = 0;
  std::uint64_t uids_ = 0;
  std::uint64_t writes_ = 0;
  std::string actor_;
  bool by_call_ = false;
};

}  // namespace nocobase_operator::simulation
