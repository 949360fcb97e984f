// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Gives every code address of the targets its place in the recording: which object, which location.
// New objects and locations are written as they appear, and their symbols asked for.
// Not thread-safe.

#include <cstdint>
#include <map>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "cli/symbol_worker.h"
#include "drain/tracer.h"
#include "store/writer.h"

namespace seep {

class Locations {
 public:
    /// Both must outlive this.
    Locations(RecordingWriter& writer, SymbolWorker& symbols)
        : writer_(&writer), symbols_(&symbols) {}

    /// The location of code of a process. `is_call`: it is a call, known by its return address,
    /// which is one behind `where`.
    Result<LocationId> locate(const TracedProcess& process, const ResolvedAddress& where,
                              bool is_call);
    /// The object of a mapped file.
    Result<ObjectId> object_of(const ObjectFile& file);
    /// Writes the symbols that were found since.
    Result<void> write_symbols();

 private:
    struct Key {
        ObjectId object;
        std::uint64_t address = 0;
        bool is_call = false;
        auto operator<=>(const Key&) const = default;  // NOLINT(modernize-use-nullptr)
    };

    Result<ObjectId> object_of(const TracedProcess& process, const ResolvedAddress& where);
    Result<ObjectId> add_object(ObjectRecord record, SymbolSource source);

    RecordingWriter* writer_;
    SymbolWorker* symbols_;
    std::map<FileIdentity, ObjectId> files_;
    std::map<ProcessId, ObjectId> vdsos_;
    std::map<ProcessId, ObjectId> jits_;
    std::map<Key, LocationId> ids_;
    std::vector<LocationRecord> records_;  ///< By location id; without symbols.
    std::uint32_t objects_ = 0;
};

}  // namespace seep
