// What a person should hear of a plan: the Events of events.k8s.io that go with its calls. Pure; how often one is sent
// is the recorder's business (runtime/recorder.h).
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/observe.h"
#include "app/plan.h"

namespace nocobase_operator::app {

// How long an upgrade has kept the application down, as status.lastUpgrade has it.
struct UpgradeTimes {
  std::string result;                         // Completed or TakenBack
  std::int64_t down = 0;                      // seconds
  std::map<std::string, std::int64_t> steps;  // seconds of each
  friend bool operator==(const UpgradeTimes&, const UpgradeTimes&) = default;
};

enum class EventType : std::uint8_t { normal, warning };

// Something that has happened to a cluster.
struct Event {
  EventType type = EventType::normal;
  std::string reason;                     // CamelCase: what happened
  std::string action;                     // CamelCase: what was being done
  std::string note;                       // for people
  std::optional<UpgradeTimes> upgrade{};  // of an upgrade that is through
  friend bool operator==(const Event&, const Event&) = default;
};

// An Event that has happened once a call has succeeded.
struct EventOfCall {
  std::size_t call = 0;  // its place in Plan::calls
  Event event;
  friend bool operator==(const EventOfCall&, const EventOfCall&) = default;
};

// In the order of the calls. Roles that are made, scaled and taken out, key Secrets that are made, and what the status
// newly says: an upgrade that is through, Ready, or Stalled with its reason. A plan without writes has none.
[[nodiscard]] std::vector<EventOfCall> events_of(const Observed& observed, const Plan& plan);

// The same told in fewer Events: those of one type, reason and action are one, with their notes in a row. An upgrade
// stays by itself.
[[nodiscard]] std::vector<Event> told_together(std::vector<Event> events);

}  // namespace nocobase_operator::app
