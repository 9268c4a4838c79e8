// An API server in memory, as far as the operator can tell it from a real one: versions, preconditions, server-side
// apply with managers, watches with bookmarks that can be compacted, a garbage collector and a Deployment controller.
// Not modelled: schemas and defaulting, finalizers, dry run, lists with items of several owners (a list has one).
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kube/call.h"
#include "kube/http.h"

namespace nocobase_operator::runtime {

class FakeServer {
 public:
  // Carries a call out.
  [[nodiscard]] kube::HttpResponse execute(const kube::Call& call);
  // One step of the controllers. Whether anything changed.
  bool step();

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
  [[nodiscard]] std::string bookmark(Watch& watch) const;
  // Forgets the log up to now.
  void compact() { compacted_ = version_; }

  // Changes from outside. `edit` gets the object and is noted as the owner of what it makes different.
  void put_cluster(const std::string& name, kube::Json spec);
  void put_data(const kube::Ref& ref, kube::Json data);  // a Secret or ConfigMap
  void edit(const kube::Ref& ref, const std::function<void(kube::Json&)>& edit);
  void remove(const kube::Ref& ref);

  [[nodiscard]] const kube::Json* find(const kube::Ref& ref) const;
  [[nodiscard]] std::vector<kube::Ref> refs(kube::Kind kind) const;
  [[nodiscard]] std::uint64_t version() const { return version_; }
  // Changes made by calls, leases left out; a call that changes nothing is none.
  [[nodiscard]] std::uint64_t writes() const { return writes_; }

 private:
  struct Entry {
    kube::Json live;
    std::map<std::string, kube::Json> applied;  // by manager: the fields it owns, with their values
    std::set<std::string> edited;               // managers that did not apply but update
  };
  struct LogLine {
    std::uint64_t version = 0;
    kube::Kind kind = kube::Kind::pod;
    std::string text;
  };

  [[nodiscard]] kube::HttpResponse apply(const kube::Call& call);
  [[nodiscard]] kube::HttpResponse apply_status(const kube::Call& call);
  [[nodiscard]] kube::HttpResponse create(const kube::Call& call);
  [[nodiscard]] kube::HttpResponse update(const kube::Call& call);
  [[nodiscard]] kube::HttpResponse erase(const kube::Call& call);
  [[nodiscard]] std::optional<kube::HttpResponse> precondition_fails(const kube::Call& call) const;
  void rebuild(Entry& entry);
  bool store(const kube::Ref& ref, Entry entry);
  void log(const std::string& type, const kube::Ref& ref, const kube::Json& object);
  [[nodiscard]] std::string read_page(Watch& watch, std::size_t max_items) const;
  bool step_deployment(const kube::Ref& ref);

  std::map<kube::Ref, Entry> entries_;
  std::vector<LogLine> log_;
  std::uint64_t version_ = 100;
  std::uint64_t compacted_ = 0;
  std::uint64_t uids_ = 0;
  std::uint64_t writes_ = 0;
};

}  // namespace nocobase_operator::runtime
