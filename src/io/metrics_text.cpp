#include "io/metrics_text.h"

#include <limits>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace nocobase_operator::io {

namespace {

prometheus::MetricType type_of(MetricType type) {
  switch (type) {
    case MetricType::counter:
      return prometheus::MetricType::Counter;
    case MetricType::gauge:
      return prometheus::MetricType::Gauge;
    case MetricType::histogram:
      return prometheus::MetricType::Histogram;
  }
  return prometheus::MetricType::Untyped;
}

prometheus::ClientMetric client_metric(MetricType type, const Sample& sample) {
  prometheus::ClientMetric out;
  for (const auto& [name, value] : sample.labels) {
    out.label.push_back({name, value});
  }
  switch (type) {
    case MetricType::counter:
      out.counter.value = sample.value;
      break;
    case MetricType::gauge:
      out.gauge.value = sample.value;
      break;
    case MetricType::histogram:
      for (const auto& [bound, at_most] : sample.buckets) {
        out.histogram.bucket.push_back({at_most, bound});
      }
      out.histogram.bucket.push_back({sample.count, std::numeric_limits<double>::infinity()});
      out.histogram.sample_count = sample.count;
      out.histogram.sample_sum = sample.sum;
      break;
  }
  return out;
}

}  // namespace

std::string metrics_text(const std::vector<Metric>& metrics) {
  std::vector<prometheus::MetricFamily> families;
  for (const auto& metric : metrics) {
    prometheus::MetricFamily family;
    family.name = metric.name;
    family.help = metric.help;
    family.type = type_of(metric.type);
    for (const auto& sample : metric.samples) {
      family.metric.push_back(client_metric(metric.type, sample));
    }
    families.push_back(std::move(family));
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace nocobase_operator::io
