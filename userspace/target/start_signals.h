// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// The signal state that seep was started with, for the commands it starts: by the time it starts
// one, seep has blocked and ignored signals for its own use.
// Taken before main(); what it is does not change. Thread-safe, but for keep_child_signals().

namespace seep {

/// Blocks SIGCHLD, to be read through a descriptor by who launches commands. To be called before
/// any thread is started: one that has it unblocked would take it away.
void keep_child_signals();

/// Gives the calling process the dispositions and the mask that seep was started with.
/// Async-signal-safe: for use between fork and exec, with all signals blocked.
void restore_start_signals();

}  // namespace seep
