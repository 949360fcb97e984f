// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// How a function begins to use the stack. What depends on the processor is in prologue_x86_64.cpp.
// Hostile input. Not thread-safe.

#include <cstdint>

#include "probes/code.h"
#include "target/object_file.h"

namespace seep {

enum class Prologue {
    no_stack,       ///< Not before control divides or leaves, or no code is there.
    frame_pointer,  ///< It saves the frame pointer and sets up its own.
    other,          ///< It pushes or reserves space without.
};

class PrologueReader {
 public:
    /// `object` must outlive this.
    explicit PrologueReader(const ObjectFile& object) : object_(object), code_(object) {}

    Prologue read(std::uint64_t function);

 private:
    const ObjectFile& object_;
    Code code_;
};

}  // namespace seep
