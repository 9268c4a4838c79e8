#include "io/metrics_text.h"

#include <gtest/gtest.h>

namespace nocobase_operator::io {
namespace {

TEST(MetricsText, each_type_is_written_as_prometheus_reads_it) {
  const std::vector<Metric> metrics = {
      {"calls_total",
       "Calls.",
       MetricType::counter,
       {{{{"code", "200"}, {"verb", "get"}}, 3}, {{{"code", "a\"b"}}, 0}}},
      {"depth", "Depth.", MetricType::gauge, {{{}, 1.5}}},
      {"seconds", "Time.", MetricType::histogram, {{{{"c", "x"}}, 0, {{0.1, 1}, {1, 2}}, 4.25, 3}}},
  };
  EXPECT_EQ(metrics_text(metrics),
            "# HELP calls_total Calls.\n"
            "# TYPE calls_total counter\n"
            "calls_total{code=\"200\",verb=\"get\"} 3\n"
            "calls_total{code=\"a\\\"b\"} 0\n"
            "# HELP depth Depth.\n"
            "# TYPE depth gauge\n"
            "depth 1.5\n"
            "# HELP seconds Time.\n"
            "# TYPE seconds histogram\n"
            "seconds_count{c=\"x\"} 3\n"
            "seconds_sum{c=\"x\"} 4.25\n"
            "seconds_bucket{c=\"x\",le=\"0.1\"} 1\n"
            "seconds_bucket{c=\"x\",le=\"1\"} 2\n"
            "seconds_bucket{c=\"x\",le=\"+Inf\"} 3\n");
}

TEST(MetricsText, no_metrics_are_no_text) {
  EXPECT_EQ(metrics_text({}), "");
}

}  // namespace
}  // namespace nocobase_operator::io
