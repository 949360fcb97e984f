// SPDX-License-Identifier: GPL-2.0-only
#include "output/metrics_server.h"

#include <CivetServer.h>
#include <arpa/inet.h>
#include <fmt/core.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <exception>
#include <mutex>
#include <thread>

#include "base/handles.h"
#include "base/text.h"

namespace seep {
namespace {

std::string text_of(const ListenAddress& address) {
    return fmt::format("{}:{}", address.address, address.port);
}

sockaddr_in place_of(const ListenAddress& address) {
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_port = htons(address.port);
    inet_pton(AF_INET, address.address.c_str(), &place.sin_addr);
    return place;
}

/// The library does not say why it cannot listen.
Result<void> try_to_bind(const ListenAddress& address) {
    const UniqueFd trial(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!trial) return errno_error("cannot make a socket");
    const int reuse = 1;
    setsockopt(trial.get(), SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof(reuse));
    const sockaddr_in place = place_of(address);
    // Two sockets that do not listen yet may have one address.
    if (bind(trial.get(), reinterpret_cast<const sockaddr*>(&place), sizeof(place)) == 0 &&
        ::listen(trial.get(), 1) == 0)
        return {};
    return errno_error(fmt::format("cannot listen on {}", text_of(address)), errno,
                       ErrorKind::failed,
                       errno == EADDRINUSE ? "give another port with --listen ADDRESS:PORT"
                                           : "give an address of this machine with --listen");
}

/// civetweb waits for a connection for two seconds before it sees that it is to stop.
void keep_connecting(const ListenAddress& address, const std::stop_token& stop) {
    constexpr std::chrono::milliseconds pause{10};
    const sockaddr_in place = place_of(address);
    while (!stop.stop_requested()) {
        const UniqueFd visitor(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (visitor)
            static_cast<void>(
                connect(visitor.get(), reinterpret_cast<const sockaddr*>(&place), sizeof(place)));
        std::this_thread::sleep_for(pause);
    }
}

/// civetweb's options. A scrape is one short request, and Prometheus makes one at a time.
std::vector<std::string> server_options(const ListenAddress& address) {
    return {"listening_ports",
            text_of(address),
            "num_threads",
            "4",
            "connection_queue",
            "16",
            "listen_backlog",
            "32",
            "request_timeout_ms",
            "5000",
            "enable_keep_alive",
            "no",
            "enable_directory_listing",
            "no"};
}

/// Somebody looks what is there: nothing but the metrics, which the exposer has at their path.
int answer_at_root(mg_connection* connection) {
    constexpr std::string_view page =
        "seep serve: metrics for Prometheus are at /metrics.\n"
        "What they mean, alerts and a dashboard: docs/metrics.md, and share/ of the same.\n";
    const mg_request_info* const request = mg_get_request_info(connection);
    if (std::string_view(request->local_uri) != "/") return 0;
    constexpr int ok = 200;
    mg_send_http_ok(connection, "text/plain; charset=utf-8", static_cast<long long>(page.size()));
    if (std::string_view(request->request_method) != "HEAD")
        mg_write(connection, page.data(), page.size());
    return ok;
}

}  // namespace

Result<ListenAddress> parse_listen_address(std::string_view text) {
    const auto bad = [&] {
        const bool is_ipv6 = std::ranges::count(text, ':') > 1;
        return Error{ErrorKind::bad_input,
                     fmt::format("cannot listen on \"{}\"{}", printable(text, 80),
                                 is_ipv6 ? ": the HTTP library knows no IPv6, only IPv4" : ""),
                     "give an IPv4 address and a port: 127.0.0.1:9977; 0.0.0.0:9977 is all of this "
                     "machine's"};
    };
    const std::size_t colon = text.rfind(':');
    const std::string_view port = colon == std::string_view::npos ? text : text.substr(colon + 1);
    const std::string_view name = colon == std::string_view::npos ? "" : text.substr(0, colon);
    ListenAddress address{.address = std::string(name)};
    if (name.empty() || name == "localhost") address.address = "127.0.0.1";
    in_addr parsed{};
    if (inet_pton(AF_INET, address.address.c_str(), &parsed) != 1) return bad();
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
    if (error != std::errc() || end != port.data() + port.size()) return bad();
    return address;
}

class MetricsServer::Published : public prometheus::Collectable {
 public:
    void set(std::vector<prometheus::MetricFamily> families) {
        auto made =
            std::make_shared<const std::vector<prometheus::MetricFamily>>(std::move(families));
        const std::lock_guard lock(mutex_);
        families_.swap(made);
    }
    [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override {
        std::shared_ptr<const std::vector<prometheus::MetricFamily>> families;
        {
            const std::lock_guard lock(mutex_);
            families = families_;
        }
        return *families;
    }

 private:
    mutable std::mutex mutex_;
    std::shared_ptr<const std::vector<prometheus::MetricFamily>> families_ =
        std::make_shared<const std::vector<prometheus::MetricFamily>>();  // guarded by mutex_
};

MetricsServer::MetricsServer(ListenAddress address, std::shared_ptr<Published> published,
                             std::unique_ptr<prometheus::Exposer> exposer)
    : address_(std::move(address)),
      published_(std::move(published)),
      exposer_(std::move(exposer)) {}

Result<MetricsServer> MetricsServer::listen(const ListenAddress& address) {
    if (const Result<void> bound = try_to_bind(address); !bound) return bound.error();
    auto published = std::make_shared<Published>();
    try {
        CivetCallbacks callbacks;  // the server makes a copy
        callbacks.begin_request = answer_at_root;
        auto exposer = std::make_unique<prometheus::Exposer>(server_options(address), &callbacks);
        exposer->RegisterCollectable(published);
        const std::vector<int> ports = exposer->GetListeningPorts();
        const ListenAddress chosen{
            address.address,
            ports.empty() ? address.port : static_cast<std::uint16_t>(ports.front())};
        return MetricsServer(chosen, std::move(published), std::move(exposer));
    } catch (const std::exception& error) {
        return Error{ErrorKind::failed,
                     fmt::format("cannot listen on {}: {}", text_of(address), error.what()), ""};
    }
}

MetricsServer::~MetricsServer() {
    if (!exposer_) return;
    const std::jthread waker(
        [this](const std::stop_token& stop) { keep_connecting(address_, stop); });
    exposer_.reset();
}

void MetricsServer::publish(std::vector<prometheus::MetricFamily> families) {
    published_->set(std::move(families));
}

}  // namespace seep
