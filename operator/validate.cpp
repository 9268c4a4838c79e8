// `validate`: files in, findings with their places out.
#include "app/validate.h"

#include <filesystem>
#include <functional>
#include <map>
#include <ostream>
#include <set>
#include <system_error>
#include <tuple>
#include <utility>

#include "app/report.h"
#include "app/validate_given.h"
#include "base/check.h"
#include "io/file.h"
#include "io/yaml.h"
#include "operator/input.h"
#include "operator/offline.h"
#include "operator/report.h"

namespace nocobase_operator::program {

namespace {

constexpr std::size_t max_findings = 100'000;

void add_findings(Report& report, const kube::SourceDocument& document, const kube::Findings& findings) {
  for (const auto& finding : findings) {
    if (report.findings.size() < max_findings) {
      report.findings.push_back({document.file, kube::mark_of(document, finding.path), finding});
    }
  }
}

// Of the Secrets and ConfigMaps in the input, each once however many clusters take the same entry.
void add_findings_of_given(Report& report, const std::vector<app::Referrer>& referrers, const app::Given& given) {
  std::set<std::tuple<std::string, std::uint32_t, std::uint32_t, std::string, std::string>> told;
  for (const app::Referrer& referrer : referrers) {
    for (app::Placed& placed : app::judge_given(referrer, given)) {
      const auto& [file, mark, finding] = placed;
      if (report.findings.size() < max_findings &&
          told.emplace(file, mark.line, mark.column, finding.code, finding.message).second) {
        report.findings.push_back({file, mark, std::move(placed.finding)});
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

// Calls `each` for every object in the files and folders; what cannot be read is told in the report. Returns how many
// documents there were.
std::size_t read_objects(const std::vector<std::string>& inputs, Report& report,
                         const std::function<void(const kube::SourceDocument&)>& each) {
  const auto files = io::expand_inputs(inputs);
  if (!files.ok()) {
    report.unusable.push_back(files.error().what);
    return 0;
  }
  std::size_t documents = 0;
  for (const std::string& file : files.value()) {
    const auto text = io::read_file(file, max_input_bytes);
    if (!text.ok()) {
      report.unusable.push_back(text.error().what);
      continue;
    }
    const auto deliver = [&each](kube::SourceDocument document) { for_each_object(std::move(document), each); };
    const io::Reading reading = io::read_text(text.value(), file, {}, deliver);
    documents += reading.documents;
    if (reading.unreadable) {
      kube::Findings found;
      app::Report(found).add(code_of(reading.unreadable->why), "", reading.unreadable->what);
      report.findings.push_back({file, reading.unreadable->mark, std::move(found.front())});
      ++report.unreadable;
    }
  }
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
    read_objects({from}, report, [&out](const kube::SourceDocument& object) {
      if (is_cluster(object.value)) {
        app::Decoded decoded = app::decode(object.value);
        if (!kube::has_errors(decoded.findings)) {
          out.insert_or_assign(name_of_object(object.value), std::move(decoded.cluster));
        }
      }
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
  app::Given given;
  report.documents = read_objects(options.inputs, report, [&](const kube::SourceDocument& object) {
    if (!is_cluster(object.value)) {
      given.add(object);
      return;
    }
    ++report.clusters;
    const auto old = before.find(name_of_object(object.value));
    const app::Inspected inspected = app::inspect(object, old == before.end() ? nullptr : &old->second);
    add_findings(report, object, inspected.findings);
    if (inspected.cluster) {
      referrers.push_back(app::referrer_of(object, *inspected.cluster));
    }
  });
  add_findings_of_given(report, referrers, given);
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
