// SPDX-License-Identifier: GPL-2.0-only
#include "cli/push.h"

#include <fmt/format.h>
#include <limits.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/text.h"
#include "cli/command.h"
#include "output/gzip.h"
#include "output/pprof.h"

namespace seep {
namespace {

constexpr std::chrono::seconds patience{5};
constexpr std::int64_t second_ns = 1'000'000'000;

using Label = std::pair<std::string, std::string>;

bool is_name(std::string_view text) {
    const auto allowed = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
    return !text.empty() && std::isdigit(static_cast<unsigned char>(text[0])) == 0 &&
           std::ranges::all_of(text, allowed);
}

/// What both protocols take as it is, unquoted.
std::string plain(std::string_view text) {
    std::string result(text);
    std::ranges::replace_if(
        result,
        [](unsigned char c) {
            return std::isalnum(c) == 0 && c != '_' && c != '-' && c != '.' && c != '/' && c != ':';
        },
        '_');
    return result;
}

Result<Label> parse_label(const std::string& text) {
    const std::size_t sign = text.find('=');
    if (sign == std::string::npos || !is_name(text.substr(0, sign)) || sign + 1 == text.size() ||
        plain(text.substr(sign + 1)) != text.substr(sign + 1))
        return Error{ErrorKind::bad_input,
                     fmt::format("bad label \"{}\": write NAME=VALUE, of letters, digits and _ (in "
                                 "the value also - . / :)",
                                 printable(text, 80)),
                     ""};
    return Label{text.substr(0, sign), text.substr(sign + 1)};
}

std::string host_name() {
    std::array<char, HOST_NAME_MAX + 1> name{};
    gethostname(name.data(), name.size() - 1);
    return plain(name.data());
}

std::string service_name(const Report& report) {
    if (report.targets.empty()) return "seep";
    const std::string& path = report.targets.front().executable;
    const std::string name = plain(path.substr(path.rfind('/') + 1));
    return name.empty() ? "seep" : name;
}

Result<std::uint64_t> parse_spool_size(const std::string& text) {
    auto size = parse_size(text);
    if (size && *size < (1U << 20))
        return Error{ErrorKind::bad_input, "the spool must be 1M at least", ""};
    return size;
}

}  // namespace

void add_push_options(CLI::App& command, PushOptions& options) {
    const auto add = [&](const char* name, auto& value, const char* text, const char* type) {
        return command.add_option(name, value, text)->type_name(type)->group("Push");
    };
    add("--push", options.url,
        "Send a profile of each analysis to this server; it needs libcurl.so.4", "URL");
    add("--push-protocol", options.protocol, "What the server speaks", "pyroscope|parca")
        ->capture_default_str()
        ->check(CLI::IsMember({"pyroscope", "parca"}));
    add("--push-name", options.name, "Of the service [the target's executable]", "NAME");
    add("--push-label", options.labels, "Added to host=...; may be given several times",
        "NAME=VALUE")
        ->allow_extra_args(false)
        ->check(check_with(parse_label, ""));
    add("--push-headers", options.headers,
        "Lines \"Name: value\" to send, such as Authorization; read anew each time", "FILE");
    add("--push-ca", options.ca, "Certificates to trust instead of the system's", "FILE");
    add("--push-spool", options.spool,
        "Keep what is not delivered yet here, for the next recorder, too", "DIR");
    add("--push-spool-size", options.spool_size, "The oldest profiles go when there are more",
        "SIZE")
        ->capture_default_str()
        ->check(check_with(parse_spool_size, ""));
}

Result<std::unique_ptr<Push>> Push::create(const PushOptions& options) {
    IngestTarget target{
        .url = options.url,
        .protocol = options.protocol == "parca" ? IngestProtocol::parca : IngestProtocol::pyroscope,
        .name = plain(options.name),
        .labels = {},
        .header_file = options.headers,
        .ca_file = options.ca};
    for (const std::string& label : options.labels)
        target.labels.push_back(parse_label(label).value());
    const auto is_host = [](const Label& label) { return label.first == "host"; };
    if (std::ranges::none_of(target.labels, is_host))
        target.labels.emplace_back("host", host_name());
    if (const Result<void> usable = check_target(target); !usable) return usable.error();

    std::optional<TemporaryDirectory> directory;
    if (options.spool.empty()) {
        auto created = TemporaryDirectory::create();
        if (!created) return created.error();
        directory.emplace(std::move(*created));
    }
    auto spool = Spool::open(directory ? directory->file("spool") : options.spool,
                             parse_spool_size(options.spool_size).value());
    if (!spool) return spool.error();
    return std::unique_ptr<Push>(
        new Push(std::move(target), std::move(directory), std::move(*spool)));
}

std::string Push::profile_of(const Report& report) {
    return gzip(pprof_profile(report, ProfileTime::end));
}

void Push::push(const Report& report, const std::string& profile) {
    if (!pusher_) {
        if (target_.name.empty()) target_.name = service_name(report);
        pusher_ = Pusher::start(target_, std::move(*spool_));
    }
    const std::int64_t from = until_ != 0 ? until_ : report.window_start_ns / second_ns;
    until_ = std::max(report.window_end_ns / second_ns, from + 1);
    pusher_->push(profile, from, until_);
}

void Push::finish() {
    if (!pusher_ || pusher_->finish(patience) == 0) return;
    if (directory_)
        spdlog::warn("--push: what was not delivered is lost; --push-spool DIR keeps it");
    else
        spdlog::info("--push: what was not delivered waits in the spool for the next recorder");
}

}  // namespace seep
