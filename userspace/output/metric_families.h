// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Samples gathered into families, as Prometheus wants them: all samples of a name together,
// whatever order they come in. Label values are made safe (printable(), cut) because one that is
// not UTF-8 makes Prometheus refuse the whole scrape. Not thread-safe.
//
//     MetricFamilies families;
//     families.gauge("seep_resident_bytes", "Resident memory.", {{"target", "server-1"}}, 4096);

#include <prometheus/metric_family.h>

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace seep {

/// Bytes of a label's value, beyond which it is cut.
inline constexpr std::size_t longest_label = 160;

using Labels = std::vector<std::pair<std::string, std::string>>;

/// `labels` and one more.
Labels with(Labels labels, std::string name, std::string value);

class MetricFamilies {
 public:
    /// A sample whose name and labels are those of an earlier one is left out: two names may be one
    /// when cut, and Prometheus takes one value only.
    void gauge(const char* name, const char* help, const Labels& labels, double value);
    /// The name ends in _total.
    void counter(const char* name, const char* help, const Labels& labels, double value);

    [[nodiscard]] std::vector<prometheus::MetricFamily> take() && { return std::move(families_); }

 private:
    prometheus::ClientMetric* add(const char* name, const char* help, prometheus::MetricType type,
                                  const Labels& labels);

    std::vector<prometheus::MetricFamily> families_;
    std::map<std::string, std::size_t> index_;
    std::set<std::pair<std::size_t, std::vector<prometheus::ClientMetric::Label>>> known_;
};

/// Counters that never fall. What a report sums up falls where the recording forgets a process that
/// has ended; Prometheus would take that for a restart, and all that is left for an increase. Not
/// thread-safe.
class RisingCounters {
 public:
    /// Adds to each counter what it has fallen by so far. Series that are gone are forgotten.
    void apply(std::vector<prometheus::MetricFamily>& families);

 private:
    struct Counter {
        double last = 0;    ///< As it was given.
        double fallen = 0;  ///< Altogether.
    };
    using Key = std::pair<std::string, std::vector<prometheus::ClientMetric::Label>>;
    std::map<Key, Counter> counters_;
};

/// The text exposition format, version 0.0.4.
std::string metrics_text(const std::vector<prometheus::MetricFamily>& families);

}  // namespace seep
