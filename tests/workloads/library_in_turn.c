// SPDX-License-Identifier: GPL-2.0-only
// A library that leaks, of a family whose members can take each other's place in memory. NAME: of
// its functions; FRAME: how much stack they take. Members with frames of one size have all their
// code at the same places.

#include <stdlib.h>

#define JOINED(a, b) a##b
#define JOIN(a, b) JOINED(a, b)
#define OWN(function) JOIN(function##_, NAME)

__attribute__((noinline)) static void OWN(inner)(size_t size) {
    volatile char frame[FRAME];
    frame[0] = 1;
    void* const block = malloc(size);
    __asm__ volatile("" : : "r"(block), "r"(frame) : "memory");
}

__attribute__((noinline)) static void OWN(middle)(size_t size) {
    volatile char frame[2 * FRAME];
    frame[0] = 1;
    OWN(inner)(size);
    __asm__ volatile("" : : "r"(frame) : "memory");
}

/* What a library is known by is made of what it exports, too. */
const char* OWN(member) = "one of them";

void leak_from_library(size_t size) {
    OWN(middle)(size);
    __asm__ volatile("" : : : "memory");
}
