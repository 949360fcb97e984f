// SPDX-License-Identifier: GPL-2.0-only
#include "output/metric_families.h"

#include <prometheus/text_serializer.h>

#include <algorithm>

#include "base/text.h"

namespace seep {

Labels with(Labels labels, std::string name, std::string value) {
    labels.emplace_back(std::move(name), std::move(value));
    return labels;
}

prometheus::ClientMetric* MetricFamilies::add(const char* name, const char* help,
                                              prometheus::MetricType type, const Labels& labels) {
    const auto [place, is_new] = index_.try_emplace(name, families_.size());
    if (is_new) families_.push_back({name, help, type, {}});
    std::vector<prometheus::ClientMetric::Label> safe;
    for (const auto& [label, value] : labels)
        safe.push_back({label, printable(value, longest_label)});
    if (!known_.emplace(place->second, safe).second) return nullptr;
    prometheus::ClientMetric& metric = families_[place->second].metric.emplace_back();
    metric.label = std::move(safe);
    return &metric;
}

void MetricFamilies::gauge(const char* name, const char* help, const Labels& labels, double value) {
    if (auto* metric = add(name, help, prometheus::MetricType::Gauge, labels))
        metric->gauge.value = value;
}

void MetricFamilies::counter(const char* name, const char* help, const Labels& labels,
                             double value) {
    if (auto* metric = add(name, help, prometheus::MetricType::Counter, labels))
        metric->counter.value = value;
}

void RisingCounters::apply(std::vector<prometheus::MetricFamily>& families) {
    std::map<Key, Counter> present;
    for (prometheus::MetricFamily& family : families) {
        if (family.type != prometheus::MetricType::Counter) continue;
        for (prometheus::ClientMetric& metric : family.metric) {
            double& value = metric.counter.value;
            Key key{family.name, metric.label};
            const auto known = counters_.find(key);
            Counter counter = known != counters_.end() ? known->second : Counter{value, 0};
            counter.fallen += std::max(0.0, counter.last - value);
            counter.last = value;
            value += counter.fallen;
            present.emplace(std::move(key), counter);
        }
    }
    counters_ = std::move(present);
}

std::string metrics_text(const std::vector<prometheus::MetricFamily>& families) {
    return prometheus::TextSerializer().Serialize(families);
}

}  // namespace seep
