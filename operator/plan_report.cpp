#include "operator/plan_report.h"

#include <algorithm>
#include <ostream>

#include "app/image.h"

namespace nocobase_operator::program {

namespace {

using app::ForecastEnd;
using app::ForecastStep;
using app::ForecastWrite;
using app::Step;

constexpr std::size_t max_value = 160;  // bytes of a value that a line can still show

// The digest of an image that nobody has pulled yet is not known.
std::string readable(std::string text) {
  const std::string known = "<digest as pulled>";
  for (std::size_t at = text.find(app::unknown_digest); at != std::string::npos; at = text.find(app::unknown_digest)) {
    text.replace(at, app::unknown_digest.size(), known);
  }
  return text;
}

std::string value_text(const std::optional<kube::Json>& value) {
  if (!value) {
    return "(absent)";
  }
  std::string text = readable(kube::dump(*value));
  if (text.size() <= max_value) {
    return text;
  }
  std::size_t end = max_value;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
    --end;
  }
  return text.substr(0, end) + "…";
}

std::string object_name(const kube::Ref& ref) {
  return std::string(kube::info(ref.kind).kind) + " " + ref.name;
}

std::string pods(std::int32_t count) {
  return std::to_string(count) + (count == 1 ? " pod" : " pods");
}

std::string seconds(Seconds time) {
  return std::to_string(time.count()) + " s";
}

// The roles whose pods all go in a step: those that lose their last one, and those that are made anew all at once.
std::vector<std::string> stopped_roles(const ForecastStep& step) {
  std::vector<std::string> roles;
  for (const auto& [role, count] : step.pods) {
    const auto after = step.after.find(role);
    const bool goes = count > 0 && (after == step.after.end() || after->second == 0);
    const bool anew = std::any_of(step.writes.begin(), step.writes.end(), [&role = role](const ForecastWrite& write) {
      return write.ref.kind == kube::Kind::deployment && write.ref.name.ends_with("-" + role) && write.gap;
    });
    if (goes || anew) {
      roles.push_back(role + " (" + pods(count) + ")");
    }
  }
  return roles;
}

std::string joined(const std::vector<std::string>& items, const std::string& separator) {
  std::string text;
  for (const std::string& item : items) {
    text += (text.empty() ? "" : separator) + item;
  }
  return text;
}

std::string title(const ForecastStep& step, const std::string& runs) {
  const std::vector<std::string> stopped = stopped_roles(step);
  const std::string stops = stopped.empty() ? "" : "STOPS " + joined(stopped, ", ");
  switch (step.step) {
    case Step::idle:
      return "Apply" + (stops.empty() ? ": nothing is stopped" : ": " + stops);
    case Step::pull:
      return "Pull: a Job tries whether " + step.image + " can be pulled; what runs goes on";
    case Step::drain:
      return "Drain: " + (stops.empty() ? "no role has pods" : stops);
    case Step::backup:
      return "Back up: the Job of spec.upgrade.backup runs, and nothing else";
    case Step::setup:
      return "Set up: one pod is made, the setup Pod, with " + step.image;
    case Step::migrate:
      return "Migrate: the setup Pod sets " + step.image +
             " up, alone; from here on the database may have changed, and nothing breaks it off";
    case Step::verify:
      return "Verify: the Job of spec.upgrade.verify looks at " + step.image + " in the setup Pod";
    case Step::finish:
      return "Finish: what was set up is recorded, and the setup Pod goes";
    case Step::start:
      return "Start: every role comes up on " + readable(runs);
    case Step::failed:
      return "Failed: nothing runs";
  }
  return "";
}

std::string time_text(const app::Duration& duration) {
  std::string text;
  if (duration.at_most) {
    text = "at most " + seconds(*duration.at_most) + ": " + duration.why;
  } else if (duration.limit) {
    text = "unknown: " + duration.why + "; after " + seconds(*duration.limit) + " it calls for a person";
  } else {
    text = duration.why;
  }
  return duration.last ? text + "; the last time " + seconds(*duration.last) : text;
}

std::string verb_of(const ForecastWrite& write) {
  return write.verb == kube::Verb::remove ? "delete" : write.makes ? "create" : "change";
}

bool is_setup_up(const app::Forecast& forecast) {
  return std::any_of(forecast.steps.begin(), forecast.steps.end(),
                     [](const ForecastStep& step) { return step.step == Step::setup; });
}

bool pulls(const app::Forecast& forecast) {
  return std::any_of(forecast.steps.begin(), forecast.steps.end(),
                     [](const ForecastStep& step) { return step.step == Step::pull; });
}

std::string headline(const app::Forecast& forecast) {
  if (is_setup_up(forecast)) {
    if (!forecast.why.empty()) {
      return "everything stops while it is set up anew: " + joined(forecast.why, "; ");
    }
    return pulls(forecast) ? "a first setup, of data that is there already" : "a first installation";
  }
  std::vector<std::string> stopped;
  bool any = false;
  for (const ForecastStep& step : forecast.steps) {
    any = any || !step.writes.empty();
    for (std::string& role : stopped_roles(step)) {
      stopped.push_back(std::move(role));
    }
  }
  if (!stopped.empty()) {
    return "stops " + joined(stopped, ", ");
  }
  return any ? "nothing is stopped" : "nothing is changed";
}

// How long no role serves anybody: what is known of it, and what is not.
void write_down(const app::Forecast& forecast, std::ostream& out) {
  Seconds known{0};
  Seconds last{0};
  std::vector<std::string> unknown;
  std::size_t first = 0;
  std::size_t end = 0;
  for (std::size_t i = 0; i < forecast.steps.size(); ++i) {
    const ForecastStep& step = forecast.steps[i];
    if (!step.nothing_serves && !(first != 0 && step.step == Step::start)) {
      continue;
    }
    first = first == 0 ? i + 1 : first;
    end = i + 1;
    known += step.duration.at_most.value_or(Seconds(0));
    last += step.duration.last.value_or(Seconds(0));
    if (!step.duration.at_most) {
      unknown.emplace_back(app::name_of(step.step));
    }
  }
  if (first == 0) {
    return;
  }
  const bool comes_back = forecast.steps[end - 1].step == Step::start;
  out << "\nNothing serves from step " << first
      << (comes_back ? " until pods are ready in step " + std::to_string(end) : std::string(" on")) << ": at most "
      << seconds(known) << (unknown.empty() ? "" : " and the unknown time of " + joined(unknown, ", "));
  out << (last.count() > 0 ? "; the last time " + seconds(last) : "") << ".\n";
}

void write_end(const app::Forecast& forecast, std::ostream& out) {
  out << '\n';
  switch (forecast.end) {
    case ForecastEnd::done:
      out << (forecast.steps.empty() ? "Nothing to do: " : "Ends ") << forecast.reason << ": " << forecast.message
          << ".\n";
      break;
    case ForecastEnd::approval:
      out << "Needs approval: set spec.upgrade.approvedImage to the text of spec.image.\n";
      break;
    case ForecastEnd::person:
      out << "Needs a person: " << forecast.reason << ": " << forecast.message << ".\n";
      break;
    case ForecastEnd::refused:
      out << "The API server refuses the change: " << forecast.message << ".\n";
      break;
    case ForecastEnd::paused:
      out << "Nothing to do: spec.paused holds everything back.\n";
      break;
    case ForecastEnd::deleting:
      out << "The cluster is being deleted: nothing is done.\n";
      break;
    case ForecastEnd::waits:
      out << "Waits: " << forecast.reason << ": " << forecast.message << ".\n";
      break;
    case ForecastEnd::open:
      out << "Does not come to rest: " << forecast.reason << ": " << forecast.message << ".\n";
      break;
  }
  if (is_setup_up(forecast) && !forecast.image.empty()) {
    out << "Roles run " << readable(forecast.image) << ", the digest that the setup Pod has run.\n";
  }
  if (!forecast.steps.empty()) {
    out << "Taken for granted: images can be pulled, Jobs succeed, pods become ready.\n";
  }
}

void write_step(std::size_t number, const ForecastStep& step, const std::string& runs, std::ostream& out) {
  out << "  " << number << ". " << title(step, runs) << '\n';
  if (const std::string time = time_text(step.duration); !time.empty()) {
    out << "     time " << time << '\n';
  }
  for (const ForecastWrite& write : step.writes) {
    out << "     - " << verb_of(write) << ' ' << object_name(write.ref)
        << (write.effect.empty() ? "" : ": " + write.effect) << '\n';
  }
}

std::string_view name_of(ForecastEnd end) {
  switch (end) {
    case ForecastEnd::done:
      return "Done";
    case ForecastEnd::approval:
      return "AwaitingApproval";
    case ForecastEnd::person:
      return "Stalled";
    case ForecastEnd::refused:
      return "Refused";
    case ForecastEnd::paused:
      return "Paused";
    case ForecastEnd::deleting:
      return "Deleting";
    case ForecastEnd::waits:
      return "Waits";
    case ForecastEnd::open:
      return "Open";
  }
  return "";
}

// The same with every text readable.
kube::Json readable(kube::Json value) {
  if (value.is_string()) {
    return readable(value.get<std::string>());
  }
  if (value.is_structured()) {
    for (kube::Json& item : value) {
      item = readable(std::move(item));
    }
  }
  return value;
}

kube::Json changes_json(const std::vector<kube::FieldChange>& changes) {
  kube::Json list = kube::Json::array();
  for (const kube::FieldChange& change : changes) {
    kube::Json item = {{"path", change.path}};
    if (change.before) {
      item["before"] = readable(*change.before);
    }
    if (change.after) {
      item["after"] = readable(*change.after);
    }
    list.push_back(std::move(item));
  }
  return list;
}

kube::Json object_json(const kube::Ref& ref) {
  return {{"kind", kube::info(ref.kind).kind},
          {"resource", kube::info(ref.kind).plural},
          {"namespace", ref.ns},
          {"name", ref.name}};
}

kube::Json duration_json(const app::Duration& duration) {
  kube::Json json = kube::Json::object();
  const auto put = [&json](const char* key, const std::optional<Seconds>& value) {
    if (value) {
      json[key] = value->count();
    }
  };
  put("atMost", duration.at_most);
  put("limit", duration.limit);
  put("last", duration.last);
  json["known"] = duration.at_most.has_value();
  json["why"] = duration.why;
  return json;
}

kube::Json step_json(const ForecastStep& step) {
  kube::Json writes = kube::Json::array();
  for (const ForecastWrite& write : step.writes) {
    kube::Json item = object_json(write.ref);
    item["verb"] = verb_of(write);
    item["request"] = kube::name_of(write.verb);
    item["effect"] = write.effect;
    item["changes"] = changes_json(write.changes);
    writes.push_back(std::move(item));
  }
  return {{"step", app::name_of(step.step)},
          {"image", step.image},
          {"nothingServes", step.nothing_serves},
          {"afterApproval", step.after_approval},
          {"stops", stopped_roles(step)},
          {"seconds", duration_json(step.duration)},
          {"podsBefore", step.pods},
          {"podsAfter", step.after},
          {"writes", std::move(writes)}};
}

}  // namespace

void write_text(const std::string& name, const app::Forecast& forecast, std::ostream& out) {
  out << "NocoBaseCluster " << name << ": " << headline(forecast) << '\n';
  for (const kube::Finding& finding : forecast.changes) {
    out << "  " << finding.code << ' ' << finding.path << ": " << finding.message << "; " << finding.advice << '\n';
  }
  bool approved = false;
  for (std::size_t i = 0; i < forecast.steps.size(); ++i) {
    const ForecastStep& step = forecast.steps[i];
    out << (i == 0 ? "\nSteps\n" : "");
    if (step.after_approval && !approved) {
      approved = true;
      out << "  -- waits here, running, until spec.upgrade.approvedImage is the text of spec.image --\n";
    }
    write_step(i + 1, step, forecast.image, out);
  }
  out << (forecast.children.empty() ? "" : "\nChanges\n");
  for (const app::ChildChange& child : forecast.children) {
    out << "  " << (!child.before ? '+' : !child.after ? '-' : '~') << ' ' << object_name(child.ref) << '\n';
    for (const kube::FieldChange& change : child.changes) {
      out << "      " << change.path << ": " << value_text(change.before) << " -> " << value_text(change.after) << '\n';
    }
  }
  write_down(forecast, out);
  write_end(forecast, out);
}

kube::Json to_json(const std::string& name, const app::Forecast& forecast) {
  kube::Json steps = kube::Json::array();
  for (const ForecastStep& step : forecast.steps) {
    steps.push_back(step_json(step));
  }
  kube::Json children = kube::Json::array();
  for (const app::ChildChange& child : forecast.children) {
    kube::Json item = object_json(child.ref);
    item["change"] = !child.before ? "created" : !child.after ? "deleted" : "changed";
    item["changes"] = changes_json(child.changes);
    children.push_back(std::move(item));
  }
  kube::Json findings = kube::Json::array();
  for (const kube::Finding& finding : forecast.changes) {
    findings.push_back({{"code", finding.code}, {"path", finding.path}, {"message", finding.message}});
  }
  return {{"cluster", name},
          {"summary", headline(forecast)},
          {"end", name_of(forecast.end)},
          {"reason", forecast.reason},
          {"message", forecast.message},
          {"image", readable(forecast.image)},
          {"why", forecast.why},
          {"findings", std::move(findings)},
          {"steps", std::move(steps)},
          {"children", std::move(children)}};
}

}  // namespace nocobase_operator::program
