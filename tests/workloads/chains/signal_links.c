// SPDX-License-Identifier: GPL-2.0-only
// Links across a signal: raised, at any instruction by a timer, at a function's first instruction,
// in the vDSO; on the thread's stack and on a stack for signals.

#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "chains.h"

#define SIGNAL_STACK (4 << 20)

static __thread volatile sig_atomic_t links_of_handler;
static __thread volatile sig_atomic_t handled;

static void handle(int number) {
    (void)number;
    const int links = links_of_handler;
    descend(links);
    handled = 1;
}

static void handle_trap(int number, siginfo_t* info, void* context) {
    (void)info;
    ((ucontext_t*)context)->uc_mcontext.gregs[REG_RIP] += 2;  // behind ud2
    handle(number);
}

void prepare_signals(void) {
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_NODEFER};
    stack_t stack = {.ss_size = SIGNAL_STACK};

    stack.ss_sp =
        mmap(NULL, SIGNAL_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack.ss_sp == MAP_FAILED || sigaltstack(&stack, NULL)) abort();
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGALRM, &action, NULL);
    action.sa_flags = SA_NODEFER | SA_ONSTACK;
    sigaction(SIGUSR2, &action, NULL);
    action.sa_sigaction = handle_trap;
    action.sa_flags = SA_NODEFER | SA_SIGINFO;
    sigaction(SIGILL, &action, NULL);
}

static void in_handler(int links) {
    links_of_handler = links;
    raise(SIGUSR1);
    STAY();
}

// The kernel would begin anew at the top of the signal stack if a coroutine that was entered from
// there got the signal. Volatile, because glibc declares raise() a leaf, which calls nothing here.
static void on_signal_stack(int links) {
    static __thread volatile char is_in_use;
    const char was_in_use = is_in_use;
    links_of_handler = links;
    is_in_use = 1;
    raise(was_in_use ? SIGUSR1 : SIGUSR2);
    is_in_use = was_in_use;
}

// The instruction that a signal interrupts is no return address: a look-up one byte before it would
// find the function that lies before this one.
void trap_at_once(void);
__asm__(
    ".text\n"
    "before_trap: .cfi_startproc\n"
    "  sub $72, %rsp\n"
    "  .cfi_def_cfa_offset 80\n"
    "  ud2\n"
    "  .cfi_endproc\n"
    ".globl trap_at_once\n"
    ".type trap_at_once, @function\n"
    "trap_at_once: .cfi_startproc\n"
    "  ud2\n"
    "  ret\n"
    "  .cfi_endproc\n");

static void at_first_instruction(int links) {
    links_of_handler = links;
    trap_at_once();
    STAY();
}

static void set_timer(long nanoseconds) {
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM};
    const struct itimerspec when = {.it_value = {.tv_nsec = nanoseconds}};
    static __thread int timer;
    static __thread char has_timer;

    event._sigev_un._tid = gettid();
    if (!has_timer && syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer)) abort();
    has_timer = 1;
    syscall(SYS_timer_settime, timer, 0, &when, NULL);
}

static NOINLINE long leaf(long a, long b) {
    volatile long numbers[4] = {a, b};
    return numbers[0] * 31 + numbers[1];
}

static NOINLINE long branch(long a) {
    const long b = leaf(a, 1), c = leaf(b, 2), d = leaf(c, 3);
    return leaf(a, b) + leaf(b, c) + leaf(c, d) + leaf(d, a);
}

static void at_any_instruction(int links) {
    volatile long sum = 0;
    links_of_handler = links;
    handled = 0;
    set_timer(20000 + random_below(50000));
    while (!handled) sum += branch(sum);
    handled = 0;
}

#ifdef __clang__
#define NO_PLT_STUB
#else
#define NO_PLT_STUB __attribute__((noplt))
#endif
/* LLD, which rustc links with, writes no call frame information for PLT stubs, in which the thread
 * would be interrupted as well. */
NO_PLT_STUB int clock_gettime(clockid_t clock, struct timespec* now);

static void in_vdso(int links) {
    struct timespec now;
    links_of_handler = links;
    handled = 0;
    set_timer(20000 + random_below(50000));
    while (!handled) clock_gettime(CLOCK_MONOTONIC, &now);
    handled = 0;
}

const Link signal_links[] = {in_handler, on_signal_stack, at_first_instruction, at_any_instruction,
                             in_vdso};
const size_t signal_link_count = sizeof signal_links / sizeof signal_links[0];
