#include "operator/report.h"

#include <algorithm>
#include <ostream>
#include <set>

#include "app/rules.h"
#include "base/check.h"
#include "kube/json.h"

namespace nocobase_operator::program {

namespace {

constexpr std::size_t max_shown = 1000;  // findings a terminal or a pipeline can still use
constexpr std::size_t max_pages = 10;

std::string_view colour_of(kube::Severity severity) {
  switch (severity) {
    case kube::Severity::error:
      return "\033[31m";
    case kube::Severity::warning:
      return "\033[33m";
    case kube::Severity::info:
      return "\033[36m";
  }
  CHECK(false);
  return "";
}

std::string plural(std::size_t n, std::string_view noun) {
  return std::to_string(n) + " " + std::string(noun) + (n == 1 ? "" : "s");
}

// The pages about what was found, the worst first.
std::string pages_of(const Report& report) {
  std::set<std::pair<kube::Severity, std::string>> codes;
  for (const Located& located : report.findings) {
    codes.emplace(located.finding.severity, located.finding.code);
  }
  std::string out;
  std::size_t told = 0;
  for (const auto& [severity, code] : codes) {
    if (++told > max_pages) {
      return out + " and others";
    }
    out += (out.empty() ? "" : ", ") + app::page_of(code);
  }
  return out;
}

}  // namespace

std::string_view name_of(kube::Severity severity) {
  switch (severity) {
    case kube::Severity::error:
      return "error";
    case kube::Severity::warning:
      return "warning";
    case kube::Severity::info:
      return "info";
  }
  CHECK(false);
  return "";
}

std::size_t count(const Report& report, kube::Severity severity) {
  return static_cast<std::size_t>(
      std::count_if(report.findings.begin(), report.findings.end(),
                    [severity](const Located& located) { return located.finding.severity == severity; }));
}

std::string summary_of(const Report& report) {
  return plural(report.clusters, "NocoBaseCluster") + " in " + plural(report.documents, "document") + ": " +
         plural(count(report, kube::Severity::error), "error") + ", " +
         plural(count(report, kube::Severity::warning), "warning");
}

void write_text(const Report& report, const Streams& streams) {
  std::size_t shown = 0;
  for (const auto& [file, mark, finding] : report.findings) {
    if (++shown > max_shown) {
      streams.out << "… and " << report.findings.size() - max_shown << " more\n";
      break;
    }
    streams.out << file;
    if (mark.line != 0) {
      streams.out << ':' << mark.line << ':' << mark.column;
    }
    streams.out << ": " << (streams.colour ? colour_of(finding.severity) : "") << name_of(finding.severity)
                << (streams.colour ? "\033[0m" : "") << ' ' << finding.code;
    if (!finding.path.empty()) {
      streams.out << ' ' << finding.path;
    }
    streams.out << ": " << finding.message << '\n';
    if (!finding.advice.empty()) {
      streams.out << "    " << finding.advice << '\n';
    }
  }
  if (const std::string pages = pages_of(report); !pages.empty()) {
    streams.out << "Why, with examples: " << pages << '\n';
  }
  streams.out << summary_of(report) << '\n';
}

void write_json(const Report& report, const Streams& streams) {
  kube::Json findings = kube::Json::array();
  for (const auto& [file, mark, finding] : report.findings) {
    findings.push_back({{"file", file},
                        {"line", mark.line},
                        {"column", mark.column},
                        {"code", finding.code},
                        {"severity", name_of(finding.severity)},
                        {"path", finding.path},
                        {"message", finding.message},
                        {"advice", finding.advice},
                        {"page", app::page_of(finding.code)}});
  }
  const kube::Json whole = {{"findings", std::move(findings)},
                            {"documents", report.documents},
                            {"clusters", report.clusters},
                            {"errors", count(report, kube::Severity::error)},
                            {"warnings", count(report, kube::Severity::warning)}};
  streams.out << whole.dump(2, ' ', false, kube::Json::error_handler_t::replace) << '\n';
}

}  // namespace nocobase_operator::program
