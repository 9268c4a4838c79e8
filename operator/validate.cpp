// `validate`: files in, findings with their places out.
#include "app/validate.h"

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <ostream>
#include <set>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include "app/report.h"
#include "app/validate_given.h"
#include "app/validate_several.h"
#include "base/check.h"
#include "io/file.h"
#include "io/yaml.h"
#include "operator/input.h"
#include "operator/offline.h"
#include "operator/report.h"

namespace nocobase_operator::program {

namespace {

constexpr std::size_t max_findings = 100'000;

void add_placed(Report& report, const app::Placed& placed) {
  if (report.findings.size() < max_findings) {
    report.findings.push_back({placed.file, placed.mark, placed.finding});
  }
}

// Of the Secrets and ConfigMaps in the input, each once however many clusters take the same entry.
void add_findings_of_given(Report& report, const std::vector<app::Referrer>& referrers, const app::Given& given) {
  std::set<std::tuple<std::string, std::uint32_t, std::uint32_t, std::string, std::string>> told;
  for (const app::Referrer& referrer : referrers) {
    for (const app::Placed& placed : app::judge_given(referrer, given)) {
      const auto& [file, mark, finding] = placed;
      if (told.emplace(file, mark.line, mark.column, finding.code, finding.message).second) {
        add_placed(report, placed);
      }
    }
  }
}

std::string_view code_of(io::Unreadable::Why why) {
  switch (why) {
    case io::Unreadable::Why::alias:
      return "NB010";
    case io::Unreadable::Why::limit:
      return "NB011";
    case io::Unreadable::Why::bytes:
    case io::Unreadable::Why::syntax:
      return "NB016";
  }
  CHECK(false);
  return "";
}

// What is to be said of an object: on any thread, and what it returns on this one, in the order of the objects.
using JudgeObject = std::function<std::function<void()>(const kube::SourceDocument&)>;

// Judges every object in the files and folders; what cannot be read is told in the report. Returns how many documents
// there were.
std::size_t read_objects(const std::vector<std::string>& inputs, Report& report, const JudgeObject& judge) {
  const auto files = io::expand_inputs(inputs);
  if (!files.ok()) {
    report.unusable.push_back(files.error().what);
    return 0;
  }
  auto file = files.value().begin();
  const auto next = [&]() -> std::optional<io::Text> {
    while (file != files.value().end()) {
      const std::string& name = *file++;
      auto text = io::read_file(name, max_input_bytes);
      if (text.ok()) {
        return io::Text{name, std::move(text).value()};
      }
      report.unusable.push_back(text.error().what);
    }
    return std::nullopt;
  };
  const auto judge_document = [&judge](kube::SourceDocument document) -> std::function<void()> {
    std::vector<std::function<void()>> conclusions;
    for_each_object(std::move(document),
                    [&](const kube::SourceDocument& object) { conclusions.push_back(judge(object)); });
    return [conclusions = std::move(conclusions)] {
      for (const std::function<void()>& conclude : conclusions) {
        conclude();
      }
    };
  };
  std::size_t documents = 0;
  const auto done = [&](const std::string& name, const io::Reading& reading) {
    documents += reading.documents;
    if (reading.unreadable) {
      kube::Findings found;
      app::Report(found).add(code_of(reading.unreadable->why), "", reading.unreadable->what);
      report.findings.push_back({name, reading.unreadable->mark, std::move(found.front())});
      ++report.unreadable;
    }
  };
  io::read_texts(next, {}, judge_document, done);
  return documents;
}

using Name = std::pair<std::string, std::string>;  // namespace and name

Name name_of_object(const kube::Json& object) {
  return {kube::string_at(object, {"metadata", "namespace"}), kube::string_at(object, {"metadata", "name"})};
}

// The clusters as they were. One that could not be decoded then can only have become better.
std::map<Name, app::Cluster> clusters_before(const std::string& from, Report& report) {
  std::map<Name, app::Cluster> out;
  if (!from.empty()) {
    read_objects({from}, report, [&out](const kube::SourceDocument& object) -> std::function<void()> {
      if (!is_cluster(object.value)) {
        return [] {};
      }
      app::Decoded decoded = app::decode(object.value);
      return [&out, name = name_of_object(object.value), decoded = std::move(decoded)]() mutable {
        if (!kube::has_errors(decoded.findings)) {
          out.insert_or_assign(name, std::move(decoded.cluster));
        }
      };
    });
  }
  return out;
}

int exit_of(const Report& report, const std::string& fail_on) {
  if (!report.unusable.empty() || report.unreadable > 0) {
    return exit_unusable_input;
  }
  const bool failed =
      count(report, kube::Severity::error) > 0 || (fail_on == "warning" && count(report, kube::Severity::warning) > 0);
  return failed ? exit_findings : exit_ok;
}

void write(const Report& report, const std::string& output, const Streams& streams) {
  if (output == "json") {
    write_json(report, streams);
  } else if (output == "sarif") {
    write_sarif(report, streams);
  } else if (output == "github") {
    write_github(report, streams);
  } else if (output == "gitlab") {
    write_gitlab(report, streams);
  } else {
    write_text(report, streams);
  }
}

}  // namespace

int validate(const ValidateOptions& options, const Streams& streams) {
  Report report;
  std::error_code no_folder;
  report.folder = std::filesystem::current_path(no_folder).string();
  const std::map<Name, app::Cluster> before = clusters_before(options.from, report);
  std::vector<app::Referrer> referrers;
  std::vector<app::Belongings> belongings;
  app::Given given;
  report.documents =
      read_objects(options.inputs, report, [&](const kube::SourceDocument& object) -> std::function<void()> {
        if (!is_cluster(object.value)) {
          return [&given, found = app::given_in(object)]() mutable {
            if (found) {
              given.add(std::move(*found));
            }
          };
        }
        const auto old = before.find(name_of_object(object.value));
        app::Inspected inspected = app::inspect(object, old == before.end() ? nullptr : &old->second);
        std::vector<app::Placed> placed;
        for (kube::Finding& finding : inspected.findings) {
          kube::Mark mark = kube::mark_of(object, finding.path);
          placed.push_back({object.file, mark, std::move(finding)});
        }
        std::optional<app::Referrer> referrer;
        std::optional<app::Belongings> own;
        if (inspected.cluster) {
          referrer = app::referrer_of(object, *inspected.cluster);
          own = app::belongings_of(object, *inspected.cluster);
        }
        return [&report, &referrers, &belongings, own = std::move(own), placed = std::move(placed),
                referrer = std::move(referrer)]() mutable {
          ++report.clusters;
          for (const app::Placed& each : placed) {
            add_placed(report, each);
          }
          if (referrer) {
            referrers.push_back(std::move(*referrer));
            belongings.push_back(std::move(*own));
          }
        };
      });
  add_findings_of_given(report, referrers, given);
  for (const app::Placed& placed : app::judge_several(belongings)) {
    add_placed(report, placed);
  }
  if (report.clusters == 0 && report.unusable.empty() && report.unreadable == 0) {
    report.unusable.emplace_back("no NocoBaseCluster in the input");
  }
  for (const auto& line : report.unusable) {
    streams.err << line << '\n';
  }
  write(report, options.output, streams);
  return exit_of(report, options.fail_on);
}

}  // namespace nocobase_operator::program
