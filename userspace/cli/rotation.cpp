// SPDX-License-Identifier: GPL-2.0-only
#include "cli/rotation.h"

#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "store/copy.h"

namespace seep {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view suffix = ".seep";
constexpr std::string_view pattern = "-ddddddddTddddddZ";

std::string stem_of(const std::string& recording) {
    return recording.ends_with(suffix) ? recording.substr(0, recording.size() - suffix.size())
                                       : recording;
}

/// Whether this is what rotated_name() puts behind a stem.
bool is_stamp(std::string_view text) {
    const auto fits = [](char wanted, unsigned char c) {
        return wanted == 'd' ? std::isdigit(c) != 0 : wanted == static_cast<char>(c);
    };
    return text.size() == pattern.size() + suffix.size() && text.ends_with(suffix) &&
           std::equal(pattern.begin(), pattern.end(), text.begin(), fits);
}

}  // namespace

std::string rotated_name(const std::string& recording, std::int64_t time) {
    const time_t seconds = time;
    tm utc{};
    gmtime_r(&seconds, &utc);
    std::array<char, 32> stamp{};
    strftime(stamp.data(), stamp.size(), "-%Y%m%dT%H%M%SZ", &utc);
    return stem_of(recording) + stamp.data() + std::string(suffix);
}

void remove_older_copies(const std::string& recording, std::size_t files) {
    const fs::path stem = stem_of(recording);
    const std::string name = stem.filename().string();
    const fs::path directory = stem.has_parent_path() ? stem.parent_path() : fs::path(".");
    std::vector<fs::path> copies;
    std::error_code error;
    for (fs::directory_iterator file(directory, error), end; !error && file != end;
         file.increment(error)) {
        const std::string other = file->path().filename().string();
        std::error_code vanished;
        if (other.starts_with(name) && is_stamp(std::string_view(other).substr(name.size())) &&
            fs::is_regular_file(file->symlink_status(vanished)))
            copies.push_back(file->path());
    }
    std::ranges::sort(copies);
    for (std::size_t i = 0; i + files < copies.size(); ++i) {
        std::error_code ignored;  // somebody else has removed it
        fs::remove(copies[i], ignored);
    }
}

void Rotation::look(const std::string& recording) {
    if (copy_.busy() || std::chrono::steady_clock::now() < next_) return;
    next_ += every_;
    copy_.start([recording, files = files_]() -> Result<void> {
        setpriority(PRIO_PROCESS, 0, 19);  // of this thread
        const std::string copy = rotated_name(recording, ::time(nullptr));
        Result<void> copied = copy_recording(recording, copy);
        if (copied) remove_older_copies(recording, files);
        return copied;
    });
}

void Rotation::handle() {
    const auto copied = copy_.take();
    if (copied && !*copied) spdlog::warn("--rotate: {}", printable(copied->error().message));
}

}  // namespace seep
