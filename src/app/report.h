// Collects findings under the codes of rules.h: the table decides the severity, so that no check can contradict it.
#pragma once
#include <string>
#include <string_view>
#include <utility>

#include "app/rules.h"
#include "kube/finding.h"

namespace nocobase_operator::app {

class Report {
 public:
  // Appends to `findings`, which must outlive the report.
  explicit Report(kube::Findings& findings) : findings_(&findings) {}

  void add(std::string_view code, std::string path, std::string message, std::string advice = "") {
    findings_->push_back(
        {std::string(code), rule(code).severity, std::move(path), std::move(message), std::move(advice)});
  }

 private:
  kube::Findings* findings_;
};

}  // namespace nocobase_operator::app
