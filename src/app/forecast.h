// Where a spec leads: plan() run forward on a model of the cluster until nothing is left to do. Tells the steps in
// order, what each of them stops and writes, and what is different at the end. Pure.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/model.h"
#include "app/operation.h"
#include "kube/call.h"
#include "kube/diff.h"
#include "kube/finding.h"

namespace nocobase_operator::app {

// A write to an object of the cluster's, other than to a status.
struct ForecastWrite {
  kube::Verb verb = kube::Verb::apply;
  kube::Ref ref;
  bool makes = false;                      // the object was not there
  bool starts = false, stops = false;      // pods of a role
  bool gap = false;                        // its old pods are gone before new ones start
  std::string effect;                      // what it does to pods, for people; "" when nothing
  std::vector<kube::FieldChange> changes;  // of an object that was there; no value of a secret
};

// How long a step may take, as far as that can be told beforehand.
struct Duration {
  std::optional<Seconds> at_most;  // when it is over for certain
  std::optional<Seconds> limit;    // when the operator calls for a person; it may take longer
  std::optional<Seconds> last;     // that the last upgrade took for it
  std::string why;                 // what it depends on
};

// One step of the lifecycle, and what is done in it.
struct ForecastStep {
  Step step = Step::idle;
  std::string image;                          // that is being set up
  bool nothing_serves = false;                // no role has pods in it
  bool after_approval = false;                // it is made once a person has approved of the image
  std::vector<ForecastWrite> writes;          // in order
  std::map<std::string, std::int32_t> pods;   // how many pods each role is told to have when it begins
  std::map<std::string, std::int32_t> after;  // and when it ends
  Duration duration;
};

enum class ForecastEnd : std::uint8_t {
  done,      // what is asked for is reached
  approval,  // the same, once a person has approved
  person,    // it stalls: a person has to do something
  refused,   // the API server does not take the change
  paused,    // spec.paused
  deleting,  // the cluster is being deleted
  waits,     // it waits for something that is not there
  open,      // it does not come to rest
};

// An object that is not the same afterwards.
struct ChildChange {
  kube::Ref ref;
  bool before = false, after = false;      // whether it is there
  std::vector<kube::FieldChange> changes;  // when it is there before and after
};

struct Forecast {
  std::vector<kube::Ref> unread;  // must be looked for first; all else is empty then
  std::vector<std::string> why;   // what it is that is set up anew; empty when nothing is
  kube::Findings changes;         // of validate() for the change; with an error among them the API server refuses it
  std::vector<ForecastStep> steps;
  std::vector<ChildChange> children;
  ForecastEnd end = ForecastEnd::done;
  std::string reason, message;  // of the end
  std::string image;            // that roles run afterwards, as written and, where it is known, by its digest
};

// From the scene to where `wanted`, a NocoBaseCluster without errors, leads.
[[nodiscard]] Forecast forecast(const Scene& scene, const Json& wanted);

// The same from where `before` has led a cluster that there was not. Error (invalid): `before` does not come to rest.
[[nodiscard]] Result<Forecast> forecast_from(const Json& before, const Json& wanted);

}  // namespace nocobase_operator::app
