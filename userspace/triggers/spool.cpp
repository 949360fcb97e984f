// SPDX-License-Identifier: GPL-2.0-only
#include "triggers/spool.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "base/text.h"
#include "target/proc_file.h"

namespace seep {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view suffix = ".pb.gz";

/// The numbers of a name, each with a "-" before the next; false for another file.
bool parse_name(std::string_view name, Spool::Entry& entry, std::uint64_t& number) {
    if (!name.ends_with(suffix)) return false;
    name.remove_suffix(suffix.size());
    const char* at = name.data();
    const char* const end = at + name.size();
    const auto take = [&](auto& value, char after) {
        const auto [rest, error] = std::from_chars(at, end, value);
        if (error != std::errc()) return false;
        at = rest;
        if (after == '\0') return at == end;
        return at != end && *at++ == after;
    };
    return take(entry.from, '-') && take(entry.until, '-') && take(number, '\0');
}

Error unusable(const std::string& directory, const std::string& why, const char* hint) {
    return {ErrorKind::bad_input,
            fmt::format("cannot use {} as a spool: {}", printable(directory), why), hint};
}

}  // namespace

Result<Spool> Spool::open(const std::string& directory, std::uint64_t max_bytes) {
    if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
        return unusable(directory, std::strerror(errno), "make the directory above it first");
    UniqueFd lock(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!lock) return unusable(directory, std::strerror(errno), "give a directory of its own");
    if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
        return unusable(directory, "another recorder uses it", "give each a directory of its own");
    Spool spool(directory, max_bytes, std::move(lock));
    spool.find_entries();
    spool.make_room(0);
    return spool;
}

void Spool::find_entries() {
    std::error_code error;
    for (fs::directory_iterator file(directory_, error), end; !error && file != end;
         file.increment(error)) {
        Entry entry;
        std::uint64_t number = 0;
        entry.name = file->path().filename().string();
        std::error_code vanished;
        if (!file->is_regular_file(vanished) || file->is_symlink(vanished) ||
            !parse_name(entry.name, entry, number))
            continue;
        entry.bytes = file->file_size(vanished);
        if (vanished) continue;
        number_ = std::max(number_, number);
        bytes_ += entry.bytes;
        entries_.push_back(std::move(entry));
    }
    std::ranges::sort(entries_, {}, &Entry::name);
}

void Spool::make_room(std::uint64_t bytes) {
    while (!entries_.empty() && bytes_ + bytes > max_bytes_) {
        const Entry oldest = entries_.front();
        remove(oldest);
        ++dropped_;
    }
}

Result<void> Spool::add(std::string_view content, std::int64_t from, std::int64_t until) {
    if (content.size() > max_bytes_) {
        ++dropped_;
        return Error{ErrorKind::failed,
                     fmt::format("a profile of {} is larger than the spool",
                                 format_bytes(static_cast<double>(content.size()))),
                     ""};
    }
    make_room(content.size());
    const std::string name = fmt::format("{:015}-{:015}-{:06}{}", from, until, ++number_, suffix);
    const std::string new_file = path("new");
    const UniqueFd file(
        ::open(new_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    const auto size = static_cast<ssize_t>(content.size());
    if (!file || write(file.get(), content.data(), content.size()) != size ||
        rename(new_file.c_str(), path(name).c_str()) != 0) {
        const int number = errno;
        (void)unlink(new_file.c_str());
        ++dropped_;
        return errno_error(fmt::format("cannot write to the spool {}", printable(directory_)),
                           number);
    }
    entries_.push_back({name, from, until, content.size()});
    bytes_ += content.size();
    return {};
}

Result<std::string> Spool::read(const Entry& entry) const {
    return read_text_file(path(entry.name), max_bytes_);
}

void Spool::remove(const Entry& entry) {
    const auto found = std::ranges::find(entries_, entry.name, &Entry::name);
    if (found == entries_.end()) return;
    (void)unlink(path(entry.name).c_str());
    bytes_ -= entry.bytes;
    entries_.erase(found);
}

}  // namespace seep
