// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// An ELF file that a target maps code from, opened by inode. What every later stage needs to know
// of it without reading symbols: class and machine, build id, and how file offsets become the
// addresses its symbol tables and DWARF use. Hostile input: sizes and offsets are checked.
// Immutable after open(); thread-safe to read.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/handles.h"
#include "base/result.h"
#include "target/mappings.h"
#include "target/process.h"

namespace seep {

/// A PT_LOAD program header.
struct LoadSegment {
    std::uint64_t file_offset = 0;
    std::uint64_t address = 0;  ///< p_vaddr
    std::uint64_t file_size = 0;
    std::uint64_t memory_size = 0;
    bool executable = false;
};

class ObjectFile {
 public:
    /// Reads headers and the build id note. bad ELF: ErrorKind::failed.
    static Result<ObjectFile> open(UniqueFd fd, std::string path, FileIdentity identity);

    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] const std::string& path() const { return path_; }
    /// The last component of the path: "libc.so.6".
    [[nodiscard]] std::string name() const;
    [[nodiscard]] const FileIdentity& identity() const { return identity_; }
    /// Lower-case hex of the GNU build id; empty if the file has none.
    [[nodiscard]] const std::string& build_id() const { return build_id_; }
    [[nodiscard]] Architecture architecture() const { return architecture_; }
    /// Linked by Go's linker: it has a note of the name "Go".
    [[nodiscard]] bool has_go_code() const { return has_go_code_; }
    /// Executable ones first, else in the file's order.
    [[nodiscard]] const std::vector<LoadSegment>& segments() const { return segments_; }
    /// Address in the object's own address space (p_vaddr) of a file offset in a PT_LOAD segment.
    [[nodiscard]] std::optional<std::uint64_t> address_of_offset(std::uint64_t file_offset) const;
    /// The inverse, for what is backed by the file.
    [[nodiscard]] std::optional<std::uint64_t> offset_of_address(std::uint64_t address) const;

 private:
    ObjectFile() = default;
    UniqueFd fd_;
    std::string path_;
    FileIdentity identity_;
    std::string build_id_;
    Architecture architecture_ = Architecture::other;
    bool has_go_code_ = false;
    std::vector<LoadSegment> segments_;
};

}  // namespace seep
