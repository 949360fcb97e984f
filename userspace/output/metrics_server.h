// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Metrics over HTTP, at /metrics. A scrape gets what was published last: it computes nothing and
// waits for nobody, so no number of them reaches the target or the collector. Connections are
// bounded: some are served at once, some wait, and the kernel refuses the rest; one that is silent
// for some seconds is closed. The server has threads of its own; publish() is thread-safe.

#include <prometheus/exposer.h>
#include <prometheus/metric_family.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace seep {

struct ListenAddress {
    std::string address;     ///< IPv4, dotted.
    std::uint16_t port = 0;  ///< 0: one that the kernel chooses.

    [[nodiscard]] bool is_loopback() const { return address.starts_with("127."); }
};

/// "ADDRESS:PORT", ADDRESS an IPv4 address or localhost; ":PORT" and "PORT" are the loopback's.
/// bad_input for anything else.
Result<ListenAddress> parse_listen_address(std::string_view text);

class MetricsServer {
 public:
    /// Listens from now on; a scrape before the first publish() gets no metric. An error, with what
    /// to do, if the address cannot be had. Signals must be blocked already: the threads inherit
    /// it.
    static Result<MetricsServer> listen(const ListenAddress& address);
    MetricsServer(MetricsServer&&) noexcept = default;
    MetricsServer& operator=(MetricsServer&&) = delete;
    ~MetricsServer();

    void publish(std::vector<prometheus::MetricFamily> families);
    /// The address as it is: with the port that was chosen.
    [[nodiscard]] const ListenAddress& address() const { return address_; }

 private:
    class Published;
    MetricsServer(ListenAddress address, std::shared_ptr<Published> published,
                  std::unique_ptr<prometheus::Exposer> exposer);

    ListenAddress address_;
    std::shared_ptr<Published> published_;
    std::unique_ptr<prometheus::Exposer> exposer_;
};

}  // namespace seep
