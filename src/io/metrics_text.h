// Numbers with names as Prometheus text. prometheus-cpp's headers stay in the .cpp.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace nocobase_operator::io {

enum class MetricType : std::uint8_t { counter, gauge, histogram };

// One time series: a value, or, for a histogram, cumulative buckets with sum and count.
struct Sample {
  std::vector<std::pair<std::string, std::string>> labels;
  double value = 0;
  std::vector<std::pair<double, std::uint64_t>> buckets = {};  // upper bound -> how many at most that; without +Inf
  double sum = 0;
  std::uint64_t count = 0;
};

struct Metric {
  std::string name;  // "workqueue_depth"
  std::string help;
  MetricType type = MetricType::counter;
  std::vector<Sample> samples;
};

// The text exposition format, version 0.0.4.
[[nodiscard]] std::string metrics_text(const std::vector<Metric>& metrics);
inline constexpr const char* metrics_content_type = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace nocobase_operator::io
