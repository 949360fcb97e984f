// SPDX-License-Identifier: GPL-2.0-only
// How often each verdict is given to stacks whose nature is known: the table of docs/verdicts.md,
// which this test makes, holds to its bounds, and compares with the document.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "analysis/ranking.h"
#include "simulated_stack.h"

namespace seep {
namespace {

constexpr int series_of_a_kind = 200;
constexpr double window_seconds = 60;

/// What the verdicts on a kind must be.
enum class Bound {
    leak,     ///< Over 95 % leak.
    no_leak,  ///< Under 1 % leak.
    not_told_apart,
};

struct Kind {
    const char* name;
    Bound bound;
    std::function<std::vector<SimulatedBlock>(Random&)> make;
    SimulatedWindow window{window_seconds, 61};
    int paths = 1;  ///< Code paths that they come from, one after another.
};

Kind on_paths(int paths, Kind kind, const char* name) {
    kind.paths = paths;
    kind.name = name;
    return kind;
}

using Blocks = std::vector<SimulatedBlock>;

double exponential(double mean, Random& random) {
    return std::exponential_distribution<double>(1 / mean)(random);
}

std::function<double(double)> constant(double rate) {
    return [rate](double) { return rate; };
}

double immortal(double, Random&) {
    return for_ever;
}

/// `level` blocks on average, which live for `life` seconds; it has done so long before attach.
void add_churn(Blocks& blocks, double level, double life, Random& random) {
    const double rate = level / life;
    add_blocks(blocks,
               {-8 * life, window_seconds, rate, constant(rate),
                [life](double, Random& r) { return exponential(life, r); }},
               random);
}

/// Blocks that are all freed every `period` seconds.
void add_sawtooth(Blocks& blocks, double count, double period, Random& random) {
    const double phase = std::uniform_real_distribution<double>(0, period)(random);
    const double rate = count / period;
    add_blocks(blocks,
               {-period, window_seconds, rate, constant(rate),
                [=](double t, Random&) {
                    return period * std::ceil((t - phase) / period + 1e-9) + phase - t;
                }},
               random);
}

void add_leak(Blocks& blocks, double count, Random& random) {
    const double rate = count / window_seconds;
    add_blocks(blocks, {0, window_seconds, rate, constant(rate), immortal}, random);
}

/// Filled to `count`, the misses become fewer by exp(-t/tau).
void add_cache(Blocks& blocks, double count, double tau, Random& random) {
    add_blocks(blocks,
               {0, window_seconds, count / tau,
                [=](double t) { return count / tau * std::exp(-t / tau); }, immortal},
               random);
}

/// A correlation of phi from one snapshot to the next, a second later.
Kind trendless(const char* name, double phi) {
    return {name, Bound::no_leak, [phi](Random& random) {
                Blocks blocks;
                add_churn(blocks, 100, phi > 0 ? -1 / std::log(phi) : 0.1, random);
                return blocks;
            }};
}

Kind sawtooth(const char* name, double period) {
    return {name, Bound::no_leak, [period](Random& random) {
                Blocks blocks;
                add_sawtooth(blocks, 500, period, random);
                return blocks;
            }};
}

Kind cache(const char* name, Bound bound, double tau) {
    return {name, bound, [tau](Random& random) {
                Blocks blocks;
                add_cache(blocks, 2000, tau, random);
                return blocks;
            }};
}

Kind wall(const char* name, Bound bound, double share) {
    return {name, bound, [share](Random& random) {
                Blocks blocks;
                add_blocks(blocks, {0, share * window_seconds, 20, constant(20), immortal}, random);
                return blocks;
            }};
}

Kind leak(const char* name, double count, double churn_level = 0, double period = 0) {
    return {name, Bound::leak, [=](Random& random) {
                Blocks blocks;
                add_leak(blocks, count, random);
                if (churn_level > 0 && period == 0) add_churn(blocks, churn_level, 0.5, random);
                if (period > 0) add_sawtooth(blocks, churn_level, period, random);
                return blocks;
            }};
}

/// Requests hold blocks for 0.3 s and come at a rate of `rate` times 200 a second.
Kind load(const char* name, std::function<double(double)> rate) {
    return {name, Bound::no_leak, [rate = std::move(rate)](Random& random) {
                Blocks blocks;
                add_blocks(blocks,
                           {-3, window_seconds, 600, [&](double t) { return 200 * rate(t); },
                            [](double, Random& r) { return exponential(0.3, r); }},
                           random);
                return blocks;
            }};
}

/// One block, made anew every half of a second, of `size(t)` bytes.
Kind buffer(const char* name, Bound bound, std::function<double(double, Random&)> size) {
    return {name, bound, [size = std::move(size)](Random& random) {
                Blocks blocks;
                const double phase = std::uniform_real_distribution<double>(0, 0.5)(random);
                for (double t = phase; t < window_seconds; t += 0.5)
                    blocks.push_back({t, t + 0.5, static_cast<std::uint64_t>(size(t, random))});
                return blocks;
            }};
}

Blocks burst(double from, double to, double end, Random& random) {
    Blocks blocks;
    add_churn(blocks, 50, 0.5, random);
    add_blocks(blocks,
               {from, to, 500, constant(500),
                [end](double t, Random& r) { return end - t + exponential(1, r); }},
               random);
    return blocks;
}

std::vector<Kind> kinds() {
    const double w = window_seconds;
    return {
        trendless("no trend, uncorrelated", 0),
        trendless("no trend, correlation 0.5", 0.5),
        trendless("no trend, correlation 0.9", 0.9),
        trendless("no trend, correlation 0.97", 0.97),
        {"steady, blocks live for two windows", Bound::no_leak,
         [=](Random& random) {
             Blocks blocks;
             add_churn(blocks, 1000, 2 * w, random);
             return blocks;
         }},
        {"steady, first in first out after 1.5 windows", Bound::no_leak,
         [=](Random& random) {
             Blocks blocks;
             add_blocks(blocks,
                        {-2 * w, w, 20, constant(20), [=](double, Random&) { return 1.5 * w; }},
                        random);
             return blocks;
         }},
        sawtooth("sawtooth, 50 periods", w / 50),
        sawtooth("sawtooth, 20 periods", w / 20),
        sawtooth("sawtooth, 8 periods", w / 8),
        sawtooth("sawtooth, 3 periods", w / 3),
        sawtooth("sawtooth, 1.4 periods", w / 1.4),
        cache("cache warming, fast", Bound::no_leak, w / 20),
        cache("cache warming, in a quarter of the window", Bound::no_leak, w / 4),
        cache("cache warming, in the window", Bound::no_leak, w),
        cache("cache warming, slow: in four windows", Bound::not_told_apart, 4 * w),
        wall("cache that fills in 30 % of the window", Bound::no_leak, 0.3),
        wall("cache that fills in 60 %", Bound::no_leak, 0.6),
        wall("cache that fills in 85 %", Bound::no_leak, 0.85),
        wall("cache that fills beyond the window", Bound::not_told_apart, 1.2),
        {"start-up that takes 3 %", Bound::no_leak,
         [=](Random& random) {
             Blocks blocks;
             add_blocks(blocks, {0, 0.03 * w, 500, constant(500), immortal}, random);
             return blocks;
         }},
        load("load that triples", [=](double t) { return 1 + 2 * std::max(t, 0.0) / w; }),
        load("load that swings", [=](double t) { return 1.5 - std::cos(3 * t / w); }),
        {"burst, given back", Bound::no_leak,
         [=](Random& random) { return burst(0.3 * w, 0.5 * w, 0.8 * w, random); }},
        {"burst, held", Bound::no_leak,
         [=](Random& random) { return burst(0.5 * w, 0.7 * w, 2 * w, random); }},
        leak("leak of 25 blocks (5 sd)", 25),
        leak("leak of 100 blocks (10 sd)", 100),
        leak("leak of 2,500 blocks (50 sd)", 2'500),
        leak("leak of 5 sd of a churn", 84, 100),
        leak("leak of 10 sd of a churn", 200, 100),
        {"leak of a fifth of what a rising load allocates", Bound::leak,
         [=](Random& random) {
             Blocks blocks;
             add_blocks(blocks,
                        {-60, w, 150, [=](double t) { return 100 + 50 * std::max(t, 0.0) / w; },
                         [](double, Random& r) {
                             const bool stays = std::uniform_real_distribution<double>()(r) < 0.2;
                             return stays ? for_ever : exponential(1, r);
                         }},
                        random);
             return blocks;
         }},
        leak("leak under a sawtooth, 20 periods", 400, 200, w / 20),
        leak("leak under a large sawtooth, 50 periods", 400, 400, w / 50),
        buffer("buffer that is appended to", Bound::leak,
               [](double t, Random& random) { return 4096 + 2000 * t + exponential(500, random); }),
        buffer("buffer that is appended to for 60 % of the window", Bound::no_leak,
               [=](double t, Random&) { return 4096 + 2000 * std::min(t, 0.6 * w); }),
        buffer("buffer of ever another size", Bound::no_leak,
               [](double, Random& random) { return 64 + exponential(10'000, random); }),
        on_paths(3, trendless("", 0.9), "three code paths in turn: no trend, correlation 0.9"),
        on_paths(3, sawtooth("", w / 20), "in turn: sawtooth, 20 periods"),
        on_paths(3, cache("", Bound::no_leak, w / 4),
                 "in turn: cache warming, in a quarter of the window"),
        on_paths(3, cache("", Bound::no_leak, w), "in turn: cache warming, in the window"),
        on_paths(3, wall("", Bound::no_leak, 0.6), "in turn: cache that fills in 60 %"),
        on_paths(2,
                 {"", Bound::no_leak,
                  [=](Random& random) {
                      Blocks blocks;
                      add_blocks(
                          blocks,
                          {-2 * w, w, 20, constant(20), [=](double, Random&) { return w / 3; }},
                          random);
                      return blocks;
                  }},
                 "two in turn: full cache, first in first out after a third of the window"),
        on_paths(3, leak("", 100), "in turn: leak of 100 blocks (10 sd)"),
        on_paths(3, leak("", 2'500), "in turn: leak of 2,500 blocks (50 sd)"),
    };
}

constexpr std::array verdicts = {Verdict::leak, Verdict::growing, Verdict::warming,
                                 Verdict::load, Verdict::steady,  Verdict::undetermined};

using Shares = std::array<double, verdicts.size()>;

RecordingContents recording_of(const Kind& kind, Random& random) {
    const Blocks blocks = kind.make(random);
    if (kind.paths == 1) return simulated_contents(blocks, kind.window);
    // Each for a tenth of the window at least.
    std::vector<double> changes;
    std::uniform_real_distribution<double> moment(0.1, 0.9);
    while (changes.size() + 1 < static_cast<std::size_t>(kind.paths)) {
        const double at = moment(random) * window_seconds;
        if (std::ranges::all_of(changes, [at](double other) {
                return std::abs(other - at) > 0.1 * window_seconds;
            }))
            changes.push_back(at);
    }
    std::ranges::sort(changes);
    return simulated_succession(blocks, changes, kind.window);
}

/// Of several stacks: `leak` if any of them is said to, for there is one cause; else of the first.
Verdict verdict_of(const Report& report) {
    const bool leaks = std::ranges::any_of(
        report.stacks, [](const ReportStack& stack) { return stack.verdict == Verdict::leak; });
    return leaks ? Verdict::leak : report.stacks.at(0).verdict;
}

Shares simulate(const Kind& kind, std::uint64_t seed) {
    Shares shares{};
    for (int i = 0; i < series_of_a_kind; ++i) {
        Random random(seed * 1000 + static_cast<std::uint64_t>(i));
        const Report report = build_report(recording_of(kind, random), ReportOptions{});
        const auto found = std::ranges::find(verdicts, verdict_of(report));
        shares[static_cast<std::size_t>(found - verdicts.begin())] += 1.0 / series_of_a_kind;
    }
    return shares;
}

std::string table_row(const Kind& kind, const Shares& shares) {
    std::string row = fmt::format("| {} |", kind.name);
    for (const double share : shares)
        row += share < 0.001 ? std::string(" |") : fmt::format(" {:.1f} |", 100 * share);
    return row + "\n";
}

std::string read_text(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

TEST(VerdictSimulation, EveryKindIsTold) {
    std::string table =
        "| of 200 of each, % | leak | growing | warming | load | steady | "
        "undetermined |\n|---|---|---|---|---|---|---|\n";
    std::uint64_t seed = 617;
    for (const Kind& kind : kinds()) {
        const Shares shares = simulate(kind, seed++);
        table += table_row(kind, shares);
        if (kind.bound == Bound::leak) {
            EXPECT_GT(shares[0], 0.95) << kind.name;
        } else if (kind.bound == Bound::no_leak) {
            EXPECT_LT(shares[0], 0.01) << kind.name;
        }
    }
    const std::string document =
        read_text(std::filesystem::path(TEST_DATA_DIR).parent_path() / "../../../docs/verdicts.md");
    EXPECT_TRUE(document.find(table) != std::string::npos) << "put into docs/verdicts.md:\n"
                                                           << table;
}

}  // namespace
}  // namespace seep
