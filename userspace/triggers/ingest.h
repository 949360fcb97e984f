// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// One profile, delivered to a server over HTTP, in one of two protocols:
//
//   pyroscope   POST URL/ingest?name=NAME{LABELS}&from=...&until=...&format=pprof, a form with the
//               fields `profile` and `sample_type_config`
//               (https://grafana.com/docs/pyroscope/latest/reference-server-api/)
//   parca       POST URL/profiles/writeraw, JSON with the profile in base64
//               (parca-dev/parca, proto/parca/profilestore/v1alpha1/profilestore.proto, by its HTTP
//               annotation)
//
// Certificates are verified, redirections are not followed, and what authenticates comes from a
// file that is read anew each time. Only used by one thread at a time.

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace seep {

enum class IngestProtocol { pyroscope, parca };

struct IngestTarget {
    std::string url;  ///< With or without the protocol's path.
    IngestProtocol protocol = IngestProtocol::pyroscope;
    std::string name;  ///< Of the service that the profile is of.
    std::vector<std::pair<std::string, std::string>> labels;
    std::string header_file;  ///< Lines "Name: value"; empty: none.
    std::string ca_file;      ///< Certificates to trust instead of the system's; empty: those.
    std::chrono::seconds timeout{30};  ///< Of one delivery.
};

/// bad_input for what is no http or https URL, or cannot be used: the header file, say.
Result<void> check_target(const IngestTarget& target);

struct Delivery {
    enum class Outcome { delivered, refused, failed };  ///< `failed` is worth another attempt.
    Outcome outcome = Outcome::failed;
    std::string reason;                        ///< Unless delivered; printable.
    std::optional<std::chrono::seconds> wait;  ///< The server asks to wait so long.
};

/// `profile`: a gzipped pprof profile of from..until (Unix time). Gives up soon after `stop` says
/// so.
Delivery deliver(const IngestTarget& target, const std::string& profile, std::int64_t from,
                 std::int64_t until, const std::function<bool()>& stop);

/// The pause before attempt number `attempt` (from 1 on) after failures: doubles from a second to
/// five minutes; at random between half of that and all of it, so that the recorders of a fleet do
/// not come back together. `random`: 0 to 1. Pure.
std::chrono::milliseconds back_off(unsigned attempt, double random);

}  // namespace seep
