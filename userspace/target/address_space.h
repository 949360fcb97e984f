// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Which object an address of a process belongs to.
//
// Keeps the executable mappings as of the last refresh() and an open ObjectFile for each file among
// them (one a file, however many mappings). Code that was unmapped since (dlclose) is remembered,
// so that stacks taken before still resolve, until other code takes its place.
//
//     AddressSpace space(pid);
//     auto refreshed = space.refresh();
//     ResolvedAddress where = space.resolve(return_address - 1);
//
// One AddressSpace is about one process image: after an exec make a new one. Not thread-safe.

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

/// Executable memory.
struct CodeRange {
    std::uint64_t start = 0;
    std::uint64_t end = 0;
    std::uint64_t file_offset = 0;             ///< Of `start`.
    std::shared_ptr<const ObjectFile> object;  ///< Null for what is no ELF file.
    bool vdso = false;
};

class AddressSpace {
 public:
    using Object = std::shared_ptr<const ObjectFile>;

    explicit AddressSpace(pid_t pid) : pid_(pid) {}

    struct Refreshed {
        std::vector<Object> added;      ///< Objects that were not known before.
        std::vector<Error> unreadable;  ///< Files of code that cannot be used; each told once.
    };
    /// Reads the mappings again. After an error what was known is kept.
    Result<Refreshed> refresh();

    /// Of a process that has ended and cannot be asked any more: takes in what it mapped last, in
    /// that order, beside what was known.
    Refreshed add(const std::vector<Mapping>& mapped);

    /// O(log n), no system call.
    [[nodiscard]] ResolvedAddress resolve(std::uint64_t address) const;

    /// The objects that are mapped now, each once, in the order of their first address.
    [[nodiscard]] std::vector<Object> objects() const;
    [[nodiscard]] std::optional<AddressRange> vdso() const;
    /// What is mapped now, ascending.
    [[nodiscard]] std::vector<CodeRange> code() const;

 private:
    struct Range {
        std::uint64_t start = 0;
        std::uint64_t end = 0;
        std::uint64_t file_offset = 0;  ///< Of `start`.
        FileIdentity file;
        Object object;  ///< Null for what is no ELF file.
        bool vdso = false;
        std::uint64_t last_seen = 0;  ///< The refresh that saw it mapped.
    };

    Object known_object(const FileIdentity& file) const;
    Object open_object(const Mapping& mapping, Refreshed& refreshed);
    std::vector<Range> read_ranges(const std::vector<Mapping>& mappings, Refreshed& refreshed);
    void keep_unmapped(std::vector<Range>& ranges) const;

    pid_t pid_;
    std::uint64_t refreshes_ = 0;
    std::vector<Range> ranges_;  ///< Ascending, disjoint.
    std::set<FileIdentity> told_;
};

}  // namespace seep
