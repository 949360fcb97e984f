// SPDX-License-Identifier: GPL-2.0-only
#include "symbols/demangle.h"

#include <sys/syscall.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <csetjmp>
#include <csignal>
#include <ctime>

// libiberty would declare basename() itself, differently from <cstring>.
#define HAVE_DECL_BASENAME 1
#include <libiberty/demangle.h>

namespace seep {
namespace {

// Longer names are shown as they are. libiberty recurses at most once a character: the deepest name
// of this length was measured to need less than 1 MiB of stack.
constexpr std::size_t max_mangled_bytes = 4096;
constexpr long time_limit_ns = 50'000'000;

// What runs in libiberty may have to be abandoned: a name of 200 bytes can expand to terabytes of
// text, and another one search a graph for ever without writing any. The callback interface
// allocates nothing for C++ names, so leaving it by a jump loses nothing.
struct Attempt {
    std::array<char, max_name_bytes> text;
    std::size_t length = 0;
    sigjmp_buf abandon;
};
thread_local Attempt* volatile running_attempt = nullptr;

void append(const char* text, std::size_t length, void* attempt_pointer) {
    auto* attempt = static_cast<Attempt*>(attempt_pointer);
    if (length > attempt->text.size() - attempt->length) siglongjmp(attempt->abandon, 1);
    std::copy_n(text, length, attempt->text.data() + attempt->length);
    attempt->length += length;
}

// A signal to this thread when it has run for time_limit_ns. SIGVTALRM, because nothing else in a
// program that uses timers of its own is likely to want it.
class Watchdog {
 public:
    Watchdog() {
        static const bool installed = install_handler();
        sigevent event{};
        event.sigev_notify = SIGEV_THREAD_ID;
        event.sigev_signo = SIGVTALRM;
        event._sigev_un._tid = gettid();
        armed_ = installed && timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer_) == 0;
        const itimerspec once{.it_interval = {},
                              .it_value = {.tv_sec = 0, .tv_nsec = time_limit_ns}};
        if (armed_) timer_settime(timer_, 0, &once, nullptr);
    }
    ~Watchdog() {
        if (armed_) timer_delete(timer_);
    }
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;
    [[nodiscard]] bool armed() const { return armed_; }

 private:
    static bool install_handler() {
        struct sigaction action {};
        action.sa_handler = [](int) {
            if (Attempt* attempt = running_attempt) siglongjmp(attempt->abandon, 1);
        };
        return sigaction(SIGVTALRM, &action, nullptr) == 0;
    }

    timer_t timer_{};
    bool armed_ = false;
};

using Demangler = int (*)(const char*, int, demangle_callbackref, void*);

// Only trivially destructible objects live between sigsetjmp and the end: the jump skips them.
bool attempt_demangling(Demangler demangler, const char* name, int options, Attempt& attempt) {
    attempt.length = 0;
    if (sigsetjmp(attempt.abandon, 1) != 0) {
        running_attempt = nullptr;
        return false;
    }
    running_attempt = &attempt;
    const bool ok = demangler(name, options, append, &attempt) != 0;
    running_attempt = nullptr;
    return ok;
}

std::string demangle(const std::string& name) {
    Attempt attempt;
    // Rust's v0 demangler may allocate (punycode), so it must not be left from a signal handler; it
    // bounds its recursion, and what it expands ends at the limit on the text.
    if (attempt_demangling(rust_demangle_callback, name.c_str(), 0, attempt)) {
        return {attempt.text.data(), attempt.length};
    }
    // Without NO_RECURSE_LIMIT every name of more than 1,023 bytes is refused.
    constexpr int options = DMGL_PARAMS | DMGL_ANSI | DMGL_NO_RECURSE_LIMIT;
    const Watchdog watchdog;
    if (watchdog.armed() &&
        attempt_demangling(cplus_demangle_v3_callback, name.c_str(), options, attempt)) {
        return {attempt.text.data(), attempt.length};
    }
    return name;
}

bool is_number(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

bool is_clone_kind(std::string_view word) {
    constexpr std::string_view kinds[] = {"cold",       "constprop", "isra",     "llvm",
                                          "localalias", "part",      "lto_priv", "__uniq"};
    return std::ranges::find(kinds, word) != std::end(kinds);
}

// Takes off ".constprop.0", ".isra.0.cold", ".llvm.123", but no other dotted part: languages with
// modules have such names of their own.
std::string_view without_clone_suffixes(std::string_view name) {
    while (true) {
        std::string_view rest = name;
        if (const auto dot = rest.rfind('.'); dot != rest.npos && is_number(rest.substr(dot + 1))) {
            rest = rest.substr(0, dot);
        }
        const auto dot = rest.rfind('.');
        if (dot == rest.npos || dot == 0 || !is_clone_kind(rest.substr(dot + 1))) return name;
        name = rest.substr(0, dot);
    }
}

}  // namespace

std::string display_name(std::string_view linkage_name) {
    std::string_view name = linkage_name.substr(0, max_name_bytes);
    if (const auto version = name.find('@', 1); version != name.npos)
        name = name.substr(0, version);
    name = without_clone_suffixes(name);
    const bool mangled = name.starts_with("_Z") || name.starts_with("_R");
    if (!mangled || name.size() > max_mangled_bytes) return std::string(name);
    return demangle(std::string(name));
}

}  // namespace seep
