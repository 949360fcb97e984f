/* SPDX-License-Identifier: GPL-2.0-only */
/* What loader_calls.c uses of loader_library.c. */
#ifndef LOADER_CALLS_H
#define LOADER_CALLS_H

int chosen_late(int number);
int touch_thread_memory(int number);

#endif
