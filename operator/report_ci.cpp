// Findings in the forms that code hosts show beside the line: SARIF, workflow commands of GitHub, Code Quality of
// GitLab.
#include <filesystem>
#include <map>
#include <ostream>
#include <set>

#include "app/rules.h"
#include "base/check.h"
#include "base/hash.h"
#include "kube/json.h"
#include "operator/report.h"

namespace nocobase_operator::program {

namespace {

using kube::Json;

constexpr std::string_view own_name = "nocobase-operator";

bool is_stdin(std::string_view file) {
  return file == "-";
}

// A file's name as a repository tells it: relative to the folder the program runs in, where the file is below that.
std::string name_in(const std::string& folder, const std::string& file) {
  const std::filesystem::path path = std::filesystem::path(file).lexically_normal();
  if (path.is_absolute() && !folder.empty()) {
    const std::filesystem::path inside = path.lexically_relative(folder);
    if (!inside.empty() && *inside.begin() != "..") {
      return inside.generic_string();
    }
  }
  return path.generic_string();
}

// A path as a URI reference (RFC 3986): what a path segment may not hold is percent-encoded.
std::string uri_of(std::string_view path) {
  static constexpr std::string_view plain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/!$&'()*+,;=@";
  static constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : path) {
    if (plain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'%', digits[byte >> 4U], digits[byte & 15U]};
    }
  }
  return out;
}

// "spec.image: message", then the advice.
std::string words_of(const kube::Finding& finding, std::string_view separator) {
  std::string out = finding.path.empty() ? "" : finding.path + ": ";
  out += finding.message;
  return finding.advice.empty() ? out : out + std::string(separator) + finding.advice;
}

std::string_view sarif_level(kube::Severity severity) {
  switch (severity) {
    case kube::Severity::error:
      return "error";
    case kube::Severity::warning:
      return "warning";
    case kube::Severity::info:
      return "note";
  }
  CHECK(false);
  return "";
}

Json sarif_rules() {
  Json out = Json::array();
  for (const app::Rule& rule : app::rules()) {
    const std::string page = app::page_of(rule.code);
    out.push_back(
        {{"id", rule.code},
         {"shortDescription", {{"text", rule.title}}},
         {"fullDescription", {{"text", rule.reason}}},
         {"help",
          {{"text", std::string(rule.reason) + " With examples: " + page + " of the operator's repository."},
           {"markdown", std::string(rule.reason) + "\n\nWith examples: `" + page + "` of the operator's repository."}}},
         {"defaultConfiguration", {{"level", sarif_level(rule.severity)}}},
         {"properties", {{"tags", Json::array({app::group_of(rule.code)})}}}});
  }
  return out;
}

Json sarif_location(const Report& report, const Located& located) {
  Json physical = Json::object();
  if (is_stdin(located.file)) {
    physical["artifactLocation"] = {{"description", {{"text", "standard input"}}}};
  } else {
    const std::string name = name_in(report.folder, located.file);
    const bool absolute = name.starts_with('/');
    physical["artifactLocation"] = {{"uri", (absolute ? "file://" : "") + uri_of(name)}};
    if (!absolute) {
      physical["artifactLocation"]["uriBaseId"] = "%SRCROOT%";
    }
  }
  if (located.mark.line != 0) {
    physical["region"] = {{"startLine", located.mark.line}, {"startColumn", located.mark.column}};
  }
  Json out = {{"physicalLocation", std::move(physical)}};
  if (!located.finding.path.empty()) {
    out["logicalLocations"] = Json::array({{{"fullyQualifiedName", located.finding.path}}});
  }
  return out;
}

Json sarif_results(const Report& report) {
  std::map<std::string_view, std::size_t> indices;
  for (const app::Rule& rule : app::rules()) {
    indices.emplace(rule.code, indices.size());
  }
  Json out = Json::array();
  for (const Located& located : report.findings) {
    const auto index = indices.find(located.finding.code);
    CHECK(index != indices.end());
    out.push_back({{"ruleId", located.finding.code},
                   {"ruleIndex", index->second},
                   {"level", sarif_level(located.finding.severity)},
                   {"message", {{"text", words_of(located.finding, "\n")}}},
                   {"locations", Json::array({sarif_location(report, located)})}});
  }
  return out;
}

// A message of a workflow command may hold anything but these; a property, neither : nor , either.
// github.com/actions/toolkit: packages/core/src/command.ts.
std::string github_escaped(std::string_view text, bool property) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '%':
        out += "%25";
        break;
      case '\r':
        out += "%0D";
        break;
      case '\n':
        out += "%0A";
        break;
      case ':':
        out += property ? "%3A" : ":";
        break;
      case ',':
        out += property ? "%2C" : ",";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string_view github_command(kube::Severity severity) {
  switch (severity) {
    case kube::Severity::error:
      return "::error ";
    case kube::Severity::warning:
      return "::warning ";
    case kube::Severity::info:
      return "::notice ";
  }
  CHECK(false);
  return "";
}

std::string_view gitlab_severity(kube::Severity severity) {
  switch (severity) {
    case kube::Severity::error:
      return "critical";
    case kube::Severity::warning:
      return "minor";
    case kube::Severity::info:
      return "info";
  }
  CHECK(false);
  return "";
}

}  // namespace

void write_sarif(const Report& report, const Streams& streams) {
  Json notifications = Json::array();
  for (const std::string& line : report.unusable) {
    notifications.push_back({{"level", "error"}, {"message", {{"text", line}}}});
  }
  const bool complete = report.unusable.empty() && report.unreadable == 0;
  const Json run = {
      {"tool", {{"driver", {{"name", own_name}, {"version", NBO_VERSION}, {"rules", sarif_rules()}}}}},
      {"columnKind", "unicodeCodePoints"},
      {"invocations",
       Json::array({{{"executionSuccessful", complete}, {"toolExecutionNotifications", std::move(notifications)}}})},
      {"results", sarif_results(report)}};
  const Json log = {
      {"$schema", "https://json.schemastore.org/sarif-2.1.0.json"}, {"version", "2.1.0"}, {"runs", Json::array({run})}};
  streams.out << log.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

void write_github(const Report& report, const Streams& streams) {
  for (const std::string& line : report.unusable) {
    streams.out << "::error title=" << own_name << "::" << github_escaped(line, false) << '\n';
  }
  for (const auto& [file, mark, finding] : report.findings) {
    std::string properties;
    if (!is_stdin(file)) {
      properties = "file=" + github_escaped(name_in(report.folder, file), true) + ",";
      if (mark.line != 0) {
        properties += "line=" + std::to_string(mark.line) + ",col=" + std::to_string(mark.column) + ",";
      }
    }
    const std::string title = finding.code + " " + std::string(app::rule(finding.code).title);
    streams.out << github_command(finding.severity) << properties << "title=" << github_escaped(title, true)
                << "::" << github_escaped(words_of(finding, "\n"), false) << '\n';
  }
  streams.out << summary_of(report) << '\n';
}

void write_gitlab(const Report& report, const Streams& streams) {
  std::set<std::string> fingerprints;
  Json out = Json::array();
  for (const auto& [file, mark, finding] : report.findings) {
    const std::string name = name_in(report.folder, file);
    // Not the line: a finding that moved is the same one.
    std::string material = name;
    for (const std::string_view part : {finding.code, finding.path, finding.message}) {
      material += '\0';
      material += part;
    }
    std::string fingerprint = hex64(hash64(material));
    while (!fingerprints.insert(fingerprint).second) {
      fingerprint = hex64(hash64(fingerprint));
    }
    out.push_back({{"description", finding.code + " " + words_of(finding, ". ")},
                   {"check_name", finding.code},
                   {"fingerprint", fingerprint},
                   {"severity", gitlab_severity(finding.severity)},
                   {"location", {{"path", name}, {"lines", {{"begin", std::max<std::uint32_t>(mark.line, 1)}}}}}});
  }
  streams.out << out.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

}  // namespace nocobase_operator::program
