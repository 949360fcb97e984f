// SPDX-License-Identifier: GPL-2.0-only
#include "triggers/ingest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/text.h"
#include "output/base64.h"
#include "target/proc_file.h"
#include "triggers/curl_library.h"

namespace seep {
namespace {

constexpr std::size_t largest_header_file = 64 << 10;
constexpr std::size_t reason_bytes = 300;
constexpr std::chrono::seconds longest_wait{300};

Error unusable(const IngestTarget& target, std::string_view why) {
    return {ErrorKind::bad_input, fmt::format("cannot push to {}: {}", printable(target.url), why),
            ""};
}

/// Lines of "Name: value"; empty lines and those that begin with # are left out.
Result<std::vector<std::string>> read_headers(const std::string& path) {
    std::vector<std::string> headers;
    if (path.empty()) return headers;
    const auto text = read_text_file(path, largest_header_file);
    if (!text) return text.error();
    std::istringstream lines(*text);
    for (std::string line; std::getline(lines, line);) {
        if (line.ends_with('\r')) line.pop_back();
        if (line.empty() || line.front() == '#') continue;
        const std::size_t colon = line.find(':');
        // Not the line itself: it may be a secret.
        if (colon == std::string::npos || colon == 0 || line.find('\r') != std::string::npos)
            return Error{
                ErrorKind::bad_input,
                fmt::format("{} has a line that is no header \"Name: value\"", printable(path)),
                ""};
        headers.push_back(std::move(line));
    }
    return headers;
}

std::string pyroscope_name(const IngestTarget& target) {
    std::string labels;
    for (const auto& [name, value] : target.labels)
        labels += fmt::format("{}{}={}", labels.empty() ? "" : ",", name, value);
    return fmt::format("{}{{{}}}", target.name, labels);
}

/// What is live adds up to nothing over time: a server is to average it. What was allocated since
/// attach is left out, because servers take it for that of one profile.
const char* const sample_type_config =
    R"({"inuse_space":{"units":"bytes","aggregation":"average","display-name":"inuse_space",)"
    R"("sampled":false},"inuse_objects":{"units":"objects","aggregation":"average",)"
    R"("display-name":"inuse_objects","sampled":false}})";

std::string parca_body(const IngestTarget& target, const std::string& profile) {
    using Json = nlohmann::ordered_json;
    Json labels = Json::array();
    labels.push_back({{"name", "__name__"}, {"value", "memory"}});
    labels.push_back({{"name", "job"}, {"value", target.name}});
    for (const auto& [name, value] : target.labels)
        labels.push_back({{"name", name}, {"value", value}});
    const Json body{
        {"series", Json::array({{{"labels", {{"labels", std::move(labels)}}},
                                 {"samples", Json::array({{{"raw_profile", base64(profile)}}})}}})},
        {"normalized", true}};
    return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// The URL with the protocol's path, and for pyroscope its parameters.
Result<std::string> request_url(const CurlLibrary& curl, const IngestTarget& target,
                                std::int64_t from, std::int64_t until) {
    const std::unique_ptr<CURLU, decltype(curl.url_cleanup)> url(curl.url(), curl.url_cleanup);
    if (curl.url_set(url.get(), CURLUPART_URL, target.url.c_str(), 0) != CURLUE_OK)
        return unusable(target, "it is no URL");
    const auto part = [&](CURLUPart which) {
        char* text = nullptr;
        if (curl.url_get(url.get(), which, &text, 0) != CURLUE_OK) return std::string();
        std::string copy = text;
        curl.free(text);
        return copy;
    };
    if (const std::string scheme = part(CURLUPART_SCHEME); scheme != "http" && scheme != "https")
        return unusable(target, "write http:// or https://");
    if (!part(CURLUPART_PASSWORD).empty() || !part(CURLUPART_USER).empty())
        return unusable(target, "a password in it could be seen by everybody: use --push-headers");
    const bool pyroscope = target.protocol == IngestProtocol::pyroscope;
    const std::string_view end = pyroscope ? "/ingest" : "/profiles/writeraw";
    std::string path = part(CURLUPART_PATH);
    while (path.ends_with('/')) path.pop_back();
    if (!path.ends_with(end)) path += end;
    curl.url_set(url.get(), CURLUPART_PATH, path.c_str(), 0);
    const auto add = [&](const std::string& parameter) {
        curl.url_set(url.get(), CURLUPART_QUERY, parameter.c_str(),
                     CURLU_APPENDQUERY | CURLU_URLENCODE);
    };
    if (pyroscope) {
        add("name=" + pyroscope_name(target));
        add(fmt::format("from={}", from));
        add(fmt::format("until={}", until));
        add("format=pprof");
    }
    return part(CURLUPART_URL);
}

/// The beginning of what the server says.
std::size_t keep_beginning(const char* data, std::size_t size, std::size_t count, void* text) {
    auto& kept = *static_cast<std::string*>(text);
    kept.append(data, std::min(size * count, reason_bytes - std::min(reason_bytes, kept.size())));
    return size * count;
}

int check_stop(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return (*static_cast<const std::function<bool()>*>(stop))() ? 1 : 0;
}

/// Everything that a request is made of, released together.
class Request {
 public:
    explicit Request(const CurlLibrary& curl)
        : curl_(&curl),
          handle_(curl.easy_init(), curl.easy_cleanup),
          form_(nullptr, curl.mime_free),
          headers_(nullptr, curl.slist_free_all) {}

    template <typename Value>
    void set(CURLoption option, Value value) {
        curl_->easy_setopt(handle_.get(), option, value);
    }
    void add_header(const std::string& header) {
        headers_.reset(curl_->slist_append(headers_.release(), header.c_str()));
        set(CURLOPT_HTTPHEADER, headers_.get());
    }
    void add_field(const char* name, const char* file, const std::string& data) {
        if (!form_) form_.reset(curl_->mime_init(handle_.get()));
        curl_mimepart* const part = curl_->mime_addpart(form_.get());
        curl_->mime_name(part, name);
        curl_->mime_filename(part, file);
        curl_->mime_data(part, data.data(), data.size());
        set(CURLOPT_MIMEPOST, form_.get());
    }
    CURLcode perform() { return curl_->easy_perform(handle_.get()); }
    template <typename Value>
    [[nodiscard]] Value info(CURLINFO which) const {
        Value value{};
        curl_->easy_getinfo(handle_.get(), which, &value);
        return value;
    }

 private:
    const CurlLibrary* curl_;
    std::unique_ptr<CURL, decltype(CurlLibrary::easy_cleanup)> handle_;
    std::unique_ptr<curl_mime, decltype(CurlLibrary::mime_free)> form_;
    std::unique_ptr<curl_slist, decltype(CurlLibrary::slist_free_all)> headers_;
};

Delivery failed(Delivery::Outcome outcome, std::string_view reason) {
    return {outcome, printable(reason, reason_bytes), std::nullopt};
}

/// What another attempt can change: the server's trouble, too many requests, and that its proxy
/// does not know yet who we are.
bool worth_another_attempt(long status) {
    return status >= 500 || status == 401 || status == 403 || status == 408 || status == 425 ||
           status == 429;
}

}  // namespace

Result<void> check_target(const IngestTarget& target) {
    const auto curl = CurlLibrary::load();
    if (!curl) return curl.error();
    if (const auto url = request_url(**curl, target, 0, 0); !url) return url.error();
    if (const auto headers = read_headers(target.header_file); !headers)
        return Error{ErrorKind::bad_input, headers.error().message, headers.error().hint};
    if (!target.ca_file.empty())
        if (const auto read = read_text_file(target.ca_file, 1); !read)
            return Error{ErrorKind::bad_input, printable(read.error().message), ""};
    return {};
}

Delivery deliver(const IngestTarget& target, const std::string& profile, std::int64_t from,
                 std::int64_t until, const std::function<bool()>& stop) {
    using Outcome = Delivery::Outcome;
    const auto curl = CurlLibrary::load();
    if (!curl) return failed(Outcome::failed, curl.error().message);
    const auto url = request_url(**curl, target, from, until);
    if (!url) return failed(Outcome::refused, url.error().message);
    const auto headers = read_headers(target.header_file);
    if (!headers) return failed(Outcome::failed, headers.error().message);

    Request request(**curl);
    std::string body;  // outlives the request's use of it
    std::string answer;
    request.set(CURLOPT_URL, url->c_str());
    request.set(CURLOPT_PROTOCOLS_STR, "http,https");
    request.set(CURLOPT_NOSIGNAL, 1L);
    request.set(CURLOPT_CONNECTTIMEOUT, 10L);
    request.set(CURLOPT_TIMEOUT, static_cast<long>(target.timeout.count()));
    request.set(CURLOPT_USERAGENT, "seep/" SEEP_VERSION);
    request.set(CURLOPT_WRITEFUNCTION, &keep_beginning);
    request.set(CURLOPT_WRITEDATA, &answer);
    request.set(CURLOPT_NOPROGRESS, 0L);
    request.set(CURLOPT_XFERINFOFUNCTION, &check_stop);
    request.set(CURLOPT_XFERINFODATA, &stop);
    if (!target.ca_file.empty()) request.set(CURLOPT_CAINFO, target.ca_file.c_str());
    // A proxy in the way may answer "100 Continue" late or never.
    request.add_header("Expect:");
    for (const std::string& header : *headers) request.add_header(header);
    if (target.protocol == IngestProtocol::pyroscope) {
        request.add_field("profile", "profile.pb.gz", profile);
        request.add_field("sample_type_config", "sample_type_config.json", sample_type_config);
    } else {
        body = parca_body(target, profile);
        request.add_header("Content-Type: application/json");
        request.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
        request.set(CURLOPT_POSTFIELDS, body.data());
    }
    if (const CURLcode code = request.perform(); code != CURLE_OK)
        return failed(Outcome::failed, (*curl)->easy_strerror(code));

    const long status = request.info<long>(CURLINFO_RESPONSE_CODE);
    if (status >= 200 && status < 300) return {Outcome::delivered, "", std::nullopt};
    Delivery delivery = failed(
        worth_another_attempt(status) ? Outcome::failed : Outcome::refused,
        fmt::format("the server answers {}{}{}", status, answer.empty() ? "" : ": ", answer));
    if (const auto wait = request.info<curl_off_t>(CURLINFO_RETRY_AFTER); wait > 0)
        delivery.wait = std::min(std::chrono::seconds(wait), longest_wait);
    return delivery;
}

std::chrono::milliseconds back_off(unsigned attempt, double random) {
    constexpr double first_ms = 1000;
    constexpr double most_ms = 300'000;
    constexpr unsigned most_doublings = 20;
    const double doubled =
        first_ms * static_cast<double>(1U << std::min(attempt - 1, most_doublings));
    return std::chrono::milliseconds(
        static_cast<std::int64_t>(std::min(doubled, most_ms) * (0.5 + random / 2)));
}

}  // namespace seep
