// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Growth that is known and accepted: it is left out of the findings, and counted. The format is
// LeakSanitizer's (clang.llvm.org/docs/AddressSanitizer.html, "Suppressing memory leaks"), so that
// a project's file serves both:
//
//     # the table of names is never given back
//     leak:intern_name          any frame whose function, source file or module contains this
//     leak:^init_*_table$       ^ and $ stand for the ends of the name, * for anything
//     leak:libcrypto.so
//
// Values after parsing: thread-safe.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "analysis/contents.h"
#include "base/result.h"

namespace seep {

/// A name with * for any text; it may stand anywhere within a text unless ^ or $ hold it to an end.
class NamePattern {
 public:
    explicit NamePattern(std::string_view pattern);
    [[nodiscard]] bool matches(std::string_view text) const;
    /// As it was written.
    [[nodiscard]] const std::string& text() const { return text_; }

 private:
    std::string text_;
    bool at_start_ = false;
    bool at_end_ = false;
    std::vector<std::string> pieces_;  ///< What stands between the *, at least one, may be empty.
};

class Suppressions {
 public:
    Suppressions() = default;
    /// `name`: the file's, for messages. bad_input with the number of the first bad line.
    static Result<Suppressions> parse(std::string_view text, std::string_view name);
    [[nodiscard]] const std::vector<NamePattern>& patterns() const { return patterns_; }

 private:
    std::vector<NamePattern> patterns_;
};

/// Which pattern suppresses a stack. A location is matched once, however many stacks go through it.
class SuppressionMatcher {
 public:
    SuppressionMatcher(const Suppressions& suppressions, const RecordingContents& contents);
    /// The index of the pattern that the innermost matching frame matches.
    [[nodiscard]] std::optional<std::size_t> match(const StackRecord& stack) const;

 private:
    std::unordered_map<LocationId, std::size_t> matches_;
};

}  // namespace seep
