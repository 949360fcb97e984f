// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Which object an address of a process belongs to.
//
// Keeps the executable mappings as of the last refresh() and an open ObjectFile for each file among
// them (one a file, however many mappings). Code that was unmapped since (dlclose) is remembered,
// so that stacks taken before still resolve. Where another file's code takes its place, the two are
// told apart by a number, the occupant: 0 for what was there first.
//
//     AddressSpace space(pid);
//     auto refreshed = space.refresh();
//     ResolvedAddress where = space.resolve(return_address - 1);
//
// Times are CLOCK_MONOTONIC, in nanoseconds. One AddressSpace is about one process image: after an
// exec make a new one. Not thread-safe.

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "base/result.h"
#include "target/mappings.h"
#include "target/object_file.h"

namespace seep {

struct ResolvedAddress {
    enum class Kind {
        none,       ///< No code is known there.
        anonymous,  ///< Executable memory that no ELF file stands behind: JIT-compiled code.
        vdso,
        file,
    };
    Kind kind = Kind::none;
    std::shared_ptr<const ObjectFile> object;  ///< For file, else null.
    /// file, vdso: in the object's own address space; else the address as it was asked for.
    std::uint64_t address = 0;
};

struct AddressRange {
    std::uint64_t start = 0;
    std::uint64_t end = 0;  ///< One past the last byte.
};

/// A mapping of code that the kernel has told of.
struct MappedCode {
    Mapping mapping;  ///< Its file may have another device and inode than in /proc/PID/maps.
    std::uint64_t time_ns = 0;
    bool operator==(const MappedCode&) const = default;
};

/// Executable memory.
struct CodeRange {
    std::uint64_t start = 0;
    std::uint64_t end = 0;
    std::uint64_t file_offset = 0;  ///< Of `start`.
    FileIdentity file;
    std::shared_ptr<const ObjectFile> object;  ///< Null for what is no ELF file.
    bool vdso = false;
    std::uint8_t occupant = 0;
};

class AddressSpace {
 public:
    using Object = std::shared_ptr<const ObjectFile>;

    static constexpr std::size_t most_occupants = 63;
    static constexpr std::uint8_t unknown_occupant = 63;

    explicit AddressSpace(pid_t pid) : pid_(pid) {}

    struct Refreshed {
        std::vector<Object> added;      ///< Objects that were not known before.
        std::vector<Error> unreadable;  ///< Files of code that cannot be used; each told once.
    };
    /// Reads the mappings again. `mapped`: what the kernel has told of since the last time, in that
    /// order. After an error what was known is kept.
    Result<Refreshed> refresh(const std::vector<MappedCode>& mapped = {});

    /// Of a process that has ended and cannot be asked any more: takes in what it mapped last, in
    /// that order, beside what was known.
    Refreshed add(const std::vector<MappedCode>& mapped);

    /// What is there now, or was last. O(log n), no system call.
    [[nodiscard]] ResolvedAddress resolve(std::uint64_t address) const;
    /// By the number of an occupant, as in code(). Of a place with more occupants than there are
    /// numbers, the last ones share one, and it is the last of those. Of unknown_occupant,
    /// something is known only where there has been no other.
    [[nodiscard]] ResolvedAddress resolve(std::uint64_t address, std::uint8_t occupant) const;

    /// The objects that are mapped now, each once, in the order of their first address.
    [[nodiscard]] std::vector<Object> objects() const;
    [[nodiscard]] std::optional<AddressRange> vdso() const;
    /// What is mapped now, ascending.
    [[nodiscard]] std::vector<CodeRange> code() const;
    /// What was mapped at that time, or unmapped by then and nothing else there yet; ascending.
    /// Exact for times after the one that forget_before() was last given.
    [[nodiscard]] std::vector<CodeRange> code_at(std::uint64_t time_ns) const;
    /// The same for times of the same code_at(), as long as the version is.
    [[nodiscard]] std::size_t epoch(std::uint64_t time_ns) const;
    /// Forgets when things before that were where, but not which there were; of unmapped code, the
    /// oldest if it has become too much.
    void forget_before(std::uint64_t time_ns);
    /// Changes whenever an epoch may have become another.
    [[nodiscard]] std::uint64_t version() const { return version_; }

 private:
    struct Range {
        std::uint64_t start = 0;
        std::uint64_t end = 0;
        std::uint64_t file_offset = 0;  ///< Of `start`.
        FileIdentity file;
        Object object;  ///< Null for what is no ELF file.
        bool vdso = false;
        std::uint8_t occupant = 0;
        std::uint64_t since_ns = 0;   ///< 0: before anything else was known of the place.
        bool dated = false;           ///< The kernel has told that time; else it is an upper limit.
        std::uint64_t until_ns = 0;   ///< When another took the place; 0: none has.
        std::uint64_t last_seen = 0;  ///< The refresh that saw it mapped.

        [[nodiscard]] bool overlaps(const Range& other) const {
            return start < other.end && other.start < end;
        }
        [[nodiscard]] bool same_code(const Range& other) const {
            return file == other.file && start - file_offset == other.start - other.file_offset;
        }
        [[nodiscard]] CodeRange code() const {
            return {start, end, file_offset, file, object, vdso, occupant};
        }
    };

    Object known_object(const FileIdentity& file, const Refreshed& refreshed) const;
    Object open_object(const Mapping& mapping, Refreshed& refreshed);
    std::vector<Range> read_ranges(const std::vector<Mapping>& mappings, Refreshed& refreshed);
    void take_in_told(const std::vector<MappedCode>& mapped, const std::vector<Mapping>& mappings,
                      const std::vector<Range>& now, std::uint64_t last_seen, Refreshed& refreshed);
    void occupy(Range range);
    [[nodiscard]] std::uint8_t occupant_of(const Range& range);
    void date_back(const Range& range);
    [[nodiscard]] std::optional<std::uint64_t> replaced_at(const Range& range) const;
    void occupy_before(Range range, std::uint64_t until_ns);
    [[nodiscard]] const Range* last_range(std::uint64_t address) const;
    static ResolvedAddress resolve(std::uint64_t address, const Range* range);

    pid_t pid_;
    std::uint64_t refreshes_ = 0;
    std::uint64_t version_ = 0;
    std::vector<Range> ranges_;    ///< The last ones at their place: ascending, disjoint.
    std::vector<Range> replaced_;  ///< Those before them, with an end.
    std::set<FileIdentity> told_;
};

}  // namespace seep
