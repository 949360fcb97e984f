// SPDX-License-Identifier: GPL-2.0-only
// Links that compilers lay out in different ways: frames of fixed and of changing size, realigned
// ones, arguments on the stack, calls that are a function's last instruction, other stacks.

#define _GNU_SOURCE
#include <alloca.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "chains.h"

static void use(void* memory) {
    __asm__ volatile("" ::"r"(memory) : "memory");
}

static NOINLINE void small_frame(int links) {
    descend(links);
    STAY();
}

static NOINLINE void large_frame(int links) {
    char memory[3000];
    use(memory);
    descend(links);
    use(memory);
}

static NOINLINE long many_registers(int links, long a, long b, long c, long d) {
    const long e = a * b, f = c * d;
    descend(links);
    const long g = a ^ e;
    STAY();
    return a + b + c + d + e + f + g;
}

static void saves_registers(int links) {
    volatile long result = many_registers(links, links, 3, links + 1, 5);
    (void)result;
}

static NOINLINE long arguments_on_stack(long a, long b, long c, long d, long e, long f, long g,
                                        long h, int links) {
    descend(links);
    STAY();
    return a + b + c + d + e + f + g + h;
}

static void pushes_arguments(int links) {
    volatile long result = arguments_on_stack(1, 2, 3, 4, 5, 6, links, 8, links);
    (void)result;
}

static NOINLINE int variadic(int links, ...) {
    va_list arguments;
    va_start(arguments, links);
    int sum = va_arg(arguments, int);
    descend(links);
    sum += va_arg(arguments, int);
    va_end(arguments);
    return sum;
}

static void calls_variadic(int links) {
    volatile int result = variadic(links, 1, 2, 3, 4, 5, 6, 7, 1.0);
    (void)result;
}

static NOINLINE void frame_of_any_size(int links) {
    char* memory = alloca(16 + random_below(2000));
    use(memory);
    descend(links);
    use(memory);
}

static NOINLINE void array_of_any_size(int links) {
    char memory[1 + random_below(500)];
    use(memory);
    descend(links);
    use(memory);
}

static NOINLINE void realigned(int links) {
    char memory[64] __attribute__((aligned(64)));
    use(memory);
    descend(links);
    use(memory);
}

// gcc keeps the address of the arguments in a register of its own, and CFI has an expression.
static NOINLINE long realigned_of_any_size(int links, long a, long b, long c, long d, long e,
                                           long f, long g) {
    char aligned[96] __attribute__((aligned(32)));
    char* memory = alloca(16 + random_below(300));
    use(aligned);
    use(memory);
    descend(links);
    use(memory);
    return a + b + c + d + e + f + g;
}

static void calls_realigned(int links) {
    volatile long result = realigned_of_any_size(links, 1, 2, 3, 4, 5, 6, links);
    (void)result;
}

static NOINLINE void tail_call(int links) {
    if (links & 1) return large_frame(links);
    small_frame(links);
}

// Links further in set it, too, and put it back before they return.
static __thread jmp_buf* way_back;

static NOINLINE __attribute__((noreturn)) void never_returns(int links) {
    descend(links);
    longjmp(*way_back, 1);
}

static NOINLINE __attribute__((noreturn)) void ends_with_a_call(int links) {
    never_returns(links);
}

static NOINLINE void jumps_back(int links) {
    jmp_buf here;
    jmp_buf* volatile outer = way_back;
    way_back = &here;
    if (setjmp(here) == 0) ends_with_a_call(links);
    way_back = outer;
}

static __thread int links_of_callback;

static int compare(const void* a, const void* b) {
    const int links = links_of_callback;
    links_of_callback = -1;
    if (links >= 0) descend(links);
    return *(const int*)a - *(const int*)b;
}

static void through_qsort(int links) {
    int numbers[] = {5, 3, 1};
    links_of_callback = links;
    qsort(numbers, 3, sizeof numbers[0], compare);
    links_of_callback = -1;
}

static void through_bsearch(int links) {
    int numbers[] = {1, 3, 5, 7}, key = 7;
    links_of_callback = links;
    use(bsearch(&key, numbers, 4, sizeof numbers[0], compare));
    links_of_callback = -1;
}

static NOINLINE int recursive(int levels, int links) {
    const int result = levels > 0 ? recursive(levels - 1, links) : (descend(links), 0);
    STAY();
    return result + 1;
}

static void recursion(int links) {
    volatile int result = recursive((int)random_below(6), links);
    (void)result;
}

#define COROUTINE_STACK (4 << 20)

uintptr_t ends_of_coroutines[2];

static void* new_stack(void) {
    void* const stack = mmap(NULL, COROUTINE_STACK, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED) abort();
    return stack;
}

static void coroutine(int links) {
    descend(links);
    STAY();
}

static void on_another_stack(int links) {
    ucontext_t here, there;
    void* const stack = new_stack();
    getcontext(&there);
    there.uc_stack.ss_sp = stack;
    there.uc_stack.ss_size = COROUTINE_STACK;
    there.uc_link = &here;
    makecontext(&there, (void (*)(void))coroutine, 1, links);
    ends_of_coroutines[0] = *(uintptr_t*)there.uc_mcontext.gregs[REG_RSP];
    swapcontext(&here, &there);
    munmap(stack, COROUTINE_STACK);
}

// As Boost.Context does it: without call frame information, by a jump, and with a return address
// that no call has left. What such code does about rbp is nothing.
void call_on_stack(void* top, void (*function)(int), int links);
void return_from_stack(void);
__asm__(
    ".text\n"
    ".globl call_on_stack, return_from_stack\n"
    ".type call_on_stack, @function\n"
    "call_on_stack:\n"
    "  push %rbp\n"
    "  push %rbx\n"
    "  push %r12\n"
    "  push %r13\n"
    "  push %r14\n"
    "  push %r15\n"
    "  mov %rsp, -32(%rdi)\n"
    "  lea return_from_stack(%rip), %rax\n"
    "  mov %rax, -40(%rdi)\n"
    "  lea -40(%rdi), %rsp\n"
    "  mov %edx, %edi\n"
    "  jmp *%rsi\n"
    "return_from_stack:\n"
    "  mov (%rsp), %rsp\n"
    "  pop %r15\n"
    "  pop %r14\n"
    "  pop %r13\n"
    "  pop %r12\n"
    "  pop %rbx\n"
    "  pop %rbp\n"
    "  ret\n"
    ".size call_on_stack, . - call_on_stack\n");

static void on_a_stack_by_hand(int links) {
    void* const stack = new_stack();
    ends_of_coroutines[1] = (uintptr_t)return_from_stack;
    call_on_stack((char*)stack + COROUTINE_STACK, coroutine, links);
    munmap(stack, COROUTINE_STACK);
}

// Weighted by being there more than once: on another stack, a chain begins anew.
const Link plain_links[] = {
    small_frame,        large_frame,   saves_registers, pushes_arguments,  calls_variadic,
    frame_of_any_size,  realigned,     calls_realigned, array_of_any_size, tail_call,
    jumps_back,         through_qsort, through_bsearch, recursion,         on_another_stack,
    on_a_stack_by_hand, small_frame,   saves_registers, pushes_arguments,  calls_realigned,
    recursion,
};
const size_t plain_link_count = sizeof plain_links / sizeof plain_links[0];
