// SPDX-License-Identifier: GPL-2.0-only
#include "base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace seep {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(ParseDuration, TakesANumberAndAUnit) {
    EXPECT_EQ(parse_duration("7ns").value(), 7ns);
    EXPECT_EQ(parse_duration("20us").value(), 20us);
    EXPECT_EQ(parse_duration("250ms").value(), 250ms);
    EXPECT_EQ(parse_duration("10s").value(), 10s);
    EXPECT_EQ(parse_duration("5m").value(), 5min);
    EXPECT_EQ(parse_duration("2h").value(), 2h);
    EXPECT_EQ(parse_duration("1d").value(), 24h);
    EXPECT_EQ(parse_duration("0s").value(), 0ns);
}

TEST(ParseDuration, TakesUpToThreeDecimals) {
    EXPECT_EQ(parse_duration("1.5s").value(), 1500ms);
    EXPECT_EQ(parse_duration("0.25s").value(), 250ms);
    EXPECT_EQ(parse_duration("1.001s").value(), 1001ms);
    EXPECT_EQ(parse_duration("0.5ns").value(), 0ns);
    EXPECT_FALSE(parse_duration("1.0001s"));
}

TEST(ParseDuration, RefusesWhatItWouldHaveToGuess) {
    for (const char* text : {"", "10", "s", "1.s", ".5s", "1e3s", "0x10s", "-5s", "+5s", " 5s",
                             "5 s", "5s ", "5S", "5sec", "1m30s", "1..5s", "1,5s", "nan"}) {
        EXPECT_FALSE(parse_duration(text)) << text;
    }
    EXPECT_EQ(parse_duration("10").error().kind, ErrorKind::bad_input);
    EXPECT_THAT(parse_duration("1\x1b[31m").error().message, HasSubstr("'1?[31m'"));
}

TEST(ParseDuration, RefusesWhatDoesNotFit) {
    EXPECT_EQ(parse_duration("9223372036854775807ns").value().count(),
              std::numeric_limits<std::int64_t>::max());
    EXPECT_FALSE(parse_duration("9223372036854775808ns"));
    EXPECT_EQ(parse_duration("106751d").value(), 24h * 106751);
    EXPECT_FALSE(parse_duration("106752d"));
    EXPECT_FALSE(parse_duration("99999999999999999999999s"));
}

TEST(Text, ParsesCounts) {
    EXPECT_EQ(parse_count("1").value(), 1U);
    EXPECT_EQ(parse_count("4294967296").value(), 1ULL << 32);
    for (const char* text : {"", "0", "-1", "+1", "1e3", "12x", " 1", "1 ", "99999999999999999999"})
        EXPECT_FALSE(parse_count(text)) << text;
}

TEST(Text, QuotesForAShellWhatHasToBe) {
    EXPECT_EQ(shell_word("/var/lib/seep-redis-1.seep"), "/var/lib/seep-redis-1.seep");
    EXPECT_EQ(shell_word("a b$c"), "'a b$c'");
    EXPECT_EQ(shell_word("it's"), "'it'\\''s'");
    EXPECT_EQ(shell_word("\u00fc"), "'\u00fc'");
    EXPECT_EQ(shell_word(""), "''");
}

TEST(ParseSize, TakesBytesAndBinaryUnits) {
    EXPECT_EQ(parse_size("4096").value(), 4096U);
    EXPECT_EQ(parse_size("0").value(), 0U);
    EXPECT_EQ(parse_size("512K").value(), 512U * 1024);
    EXPECT_EQ(parse_size("512k").value(), 512U * 1024);
    EXPECT_EQ(parse_size("1M").value(), 1024U * 1024);
    EXPECT_EQ(parse_size("2G").value(), 2ULL << 30);
    EXPECT_EQ(parse_size("1.5K").value(), 1536U);
    EXPECT_EQ(parse_size("0.3K").value(), 307U);
}

TEST(ParseSize, RefusesEverythingElse) {
    for (const char* text :
         {"", "K", "0x10", "-1", "+1", "1KB", "1 K", "1T", "1e6", "K1", "1.", "1.5.5"}) {
        EXPECT_FALSE(parse_size(text)) << text;
    }
    EXPECT_EQ(parse_size("18446744073709551615").value(), ~0ULL);
    EXPECT_FALSE(parse_size("18446744073709551616"));
    EXPECT_EQ(parse_size("17179869183G").value(), 17179869183ULL << 30);
    EXPECT_FALSE(parse_size("17179869184G"));
    EXPECT_EQ(parse_size("1x").error().kind, ErrorKind::bad_input);
}

TEST(FormatBytes, ShowsThreeSignificantDigits) {
    EXPECT_EQ(format_bytes(0), "0 B");
    EXPECT_EQ(format_bytes(1), "1 B");
    EXPECT_EQ(format_bytes(0.25), "0.25 B");
    EXPECT_EQ(format_bytes(-0.0001), "0 B");
    EXPECT_EQ(format_bytes(999), "999 B");
    EXPECT_EQ(format_bytes(1023), "1023 B");
    EXPECT_EQ(format_bytes(1024), "1 KiB");
    EXPECT_EQ(format_bytes(1536), "1.5 KiB");
    EXPECT_EQ(format_bytes(-1536), "-1.5 KiB");
    EXPECT_EQ(format_bytes(1024 * 123.456), "123 KiB");
    EXPECT_EQ(format_bytes(1024 * 999.6), "1000 KiB");
    EXPECT_EQ(format_bytes(1024 * 1023.4), "1023 KiB");
    EXPECT_EQ(format_bytes(1024 * 1023.6), "1 MiB");
    EXPECT_EQ(format_bytes(std::ldexp(1.0, 64)), "16 EiB");
    EXPECT_EQ(format_bytes(std::ldexp(1.0, 74)), "16384 EiB");
}

TEST(FormatCount, GroupsDigits) {
    EXPECT_EQ(format_count(0), "0");
    EXPECT_EQ(format_count(999), "999");
    EXPECT_EQ(format_count(1000), "1,000");
    EXPECT_EQ(format_count(12345678), "12,345,678");
    EXPECT_EQ(format_count(~0ULL), "18,446,744,073,709,551,615");
}

TEST(FormatDuration, ShowsTwoUnitsAtMost) {
    EXPECT_EQ(format_duration(0ns), "0s");
    EXPECT_EQ(format_duration(999ns), "999ns");
    EXPECT_EQ(format_duration(1500ns), "1us");
    EXPECT_EQ(format_duration(250ms), "250ms");
    EXPECT_EQ(format_duration(1500ms), "1.5s");
    EXPECT_EQ(format_duration(10s), "10s");
    EXPECT_EQ(format_duration(59999ms), "59.9s");
    EXPECT_EQ(format_duration(60s), "1m");
    EXPECT_EQ(format_duration(93500ms), "1m33s");
    EXPECT_EQ(format_duration(3600s), "1h");
    EXPECT_EQ(format_duration(3660s), "1h1m");
    EXPECT_EQ(format_duration(49h + 59min), "2d1h");
    EXPECT_EQ(format_duration(-90s), "-1m30s");
    EXPECT_EQ(format_duration(std::chrono::nanoseconds::min()), "-106751d23h");
}

TEST(FormatRfc3339, IsInUtcWithMilliseconds) {
    EXPECT_EQ(format_rfc3339(0), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(format_rfc3339(1795197600'250'999'999), "2026-11-20T18:00:00.250Z");
    EXPECT_EQ(format_rfc3339(951782400'000'000'000), "2000-02-29T00:00:00.000Z");
    EXPECT_EQ(format_rfc3339(-1), "1969-12-31T23:59:59.999Z");
    EXPECT_EQ(format_rfc3339(std::numeric_limits<std::int64_t>::min()), "1677-09-21T00:12:43.145Z");
}

TEST(Printable, KeepsOrdinaryText) {
    EXPECT_EQ(printable("ns::f<int>(char const*)"), "ns::f<int>(char const*)");
    EXPECT_EQ(printable("größe 日本 \U0001f600"), "größe 日本 \U0001f600");
}

TEST(Printable, ReplacesWhatATerminalWouldObey) {
    EXPECT_EQ(printable("a\x1b[31mb\r\n\tc\x7f"), "a?[31mb???c?");
    EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a?b");
    EXPECT_EQ(printable("a\u0085b\u009b"), "a?b?");
    EXPECT_EQ(printable("a\u202eb\u2066c\u200fd\u2028e\ufefff\uffffg"), "a?b?c?d?e?f?g");
}

TEST(Printable, ReplacesEachInvalidByte) {
    EXPECT_EQ(printable("\xff\xfe"), "??");
    EXPECT_EQ(printable("\xc0\xaf"), "??");            // Overlong '/'.
    EXPECT_EQ(printable("\xe0\x80\xaf"), "???");       // Overlong '/'.
    EXPECT_EQ(printable("\xed\xa0\x80"), "???");       // A surrogate.
    EXPECT_EQ(printable("\xf4\x90\x80\x80"), "????");  // Beyond U+10FFFF.
    EXPECT_EQ(printable("a\xe6\x97"), "a??");          // Cut short.
    EXPECT_EQ(printable("\xe6\x97"
                        "a"),
              "??a");
    EXPECT_EQ(printable("\x80"), "?");
}

TEST(Printable, CutsAtACharacterBoundary) {
    EXPECT_EQ(printable("abcdef", 6), "abcdef");
    EXPECT_EQ(printable("abcdefg", 6), "abc...");
    EXPECT_EQ(printable("ab日本", 8), "ab日本");
    EXPECT_EQ(printable("ab日本c", 8), "ab日...");
    EXPECT_EQ(printable("ab日本c", 7), "ab...");
    EXPECT_EQ(printable("abc", 2), "..");
    EXPECT_EQ(printable("abc", 0), "");
    EXPECT_EQ(printable(std::string(1 << 20, 'x')).size(), 4096U);
}

TEST(FitColumns, CutsToTheWidthOfAMonospacedFont) {
    EXPECT_EQ(fit_columns("abcdef", 6), "abcdef");
    EXPECT_EQ(fit_columns("abcdefg", 6), "abcd..");
    EXPECT_EQ(fit_columns("日本", 4), "日本");
    EXPECT_EQ(fit_columns("日本語", 5), "日..");
    EXPECT_EQ(fit_columns("abc", 1), "");
    EXPECT_EQ(display_columns("aé日"), 5U);
}

TEST(WrapWords, WrapsWordsBesideTheirLabel) {
    EXPECT_EQ(wrap_words("to  ", 4, "one two three", 11), "to  one two\n    three");
    EXPECT_EQ(wrap_words("", 0, "", 11), "");
    EXPECT_EQ(wrap_words("  ", 2, "abcdefghijkl m", 10), "  abcdef..\n  m");
}

}  // namespace
}  // namespace seep
