// SPDX-License-Identifier: GPL-2.0-only
#include "drain/deferred_walks.h"

#include <bpf/libbpf.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstring>
#include <iterator>
#include <mutex>
#include <thread>
#include <utility>

#include "base/handles.h"
#include "base/wakeups.h"

namespace seep {
namespace {

/// Beyond it walks are left in the kernel's buffer, and when that is full, too, their stacks are
/// truncated.
constexpr std::size_t most_bytes = std::size_t{256} << 20;

}  // namespace

struct DeferredWalks::State {
    UniqueFd arrived;
    UniqueFd wanted;   ///< The ring is to be emptied, or the thread to end.
    std::mutex mutex;  ///< Of what follows.
    std::condition_variable taken;
    std::condition_variable emptied;
    bool stopping = false;
    std::uint64_t asked = 0;     ///< How often somebody wanted the ring to be emptied,
    std::uint64_t answered = 0;  ///< and up to which time it was.
    std::vector<DeferredWalk> walks;
    std::size_t bytes = 0;
    CHandle<ring_buffer, ring_buffer__free> ring;
    std::thread emptier;

    static int take(void* state, void* data, std::size_t size);
    void run();
    ~State();
};

/// Called by the ring, with the mutex held. A negative result ends the reading.
int DeferredWalks::State::take(void* state, void* data, std::size_t size) {
    State& self = *static_cast<State*>(state);
    DeferredWalk walk;
    if (size < sizeof walk.walk) return 0;
    std::memcpy(&walk.walk, data, sizeof walk.walk);
    const auto* const stack = static_cast<const unsigned char*>(data) + sizeof walk.walk;
    walk.stack.assign(stack,
                      stack + std::min<std::size_t>(walk.walk.copied, size - sizeof walk.walk));
    self.bytes += size;
    self.walks.push_back(std::move(walk));
    return 0;
}

/// Ahead of all that share the processors by turns: it has little to do, and at once. Where that is
/// not permitted, it takes its turn.
void hurry() {
    const sched_param least{.sched_priority = sched_get_priority_min(SCHED_RR)};
    (void)pthread_setschedparam(pthread_self(), SCHED_RR, &least);
}

void DeferredWalks::State::run() {
    hurry();
    std::array<pollfd, 2> waiting{
        {{ring_buffer__epoll_fd(ring.get()), POLLIN, 0}, {wanted.get(), POLLIN, 0}}};
    for (;;) {
        (void)poll(waiting.data(), waiting.size(), -1);
        std::unique_lock lock(mutex);
        taken.wait(lock, [&] { return stopping || bytes < most_bytes; });
        if (stopping) return;
        reset_event(wanted);
        ring_buffer__consume(ring.get());
        answered = asked;
        emptied.notify_all();
        if (!walks.empty()) set_event(arrived);
    }
}

DeferredWalks::State::~State() {
    if (!emptier.joinable()) return;
    {
        const std::lock_guard lock(mutex);
        stopping = true;
    }
    taken.notify_one();
    set_event(wanted);
    emptier.join();
}

DeferredWalks::DeferredWalks(std::unique_ptr<State> state) : state_(std::move(state)) {}
DeferredWalks::DeferredWalks(DeferredWalks&&) noexcept = default;
DeferredWalks& DeferredWalks::operator=(DeferredWalks&&) noexcept = default;
DeferredWalks::~DeferredWalks() = default;

Result<DeferredWalks> DeferredWalks::open(int map) {
    auto state = std::make_unique<State>();
    state->arrived = make_event();
    state->wanted = make_event();
    state->ring.reset(ring_buffer__new(map, State::take, state.get(), nullptr));
    if (!state->arrived || !state->wanted || !state->ring)
        return errno_error("cannot listen to the kernel's programs");
    state->emptier = std::thread(&State::run, state.get());
    return DeferredWalks(std::move(state));
}

int DeferredWalks::poll_fd() const {
    return state_->arrived.get();
}

/// The ring is left to the thread: this one may be held up while it reads, and the ring would fill.
std::vector<DeferredWalk> DeferredWalks::read() {
    State& state = *state_;
    std::vector<DeferredWalk> walks;
    const auto take_over = [&] {
        std::ranges::move(state.walks, std::back_inserter(walks));
        state.walks.clear();
        state.bytes = 0;
        state.taken.notify_one();
    };
    std::unique_lock lock(state.mutex);
    take_over();  // or the thread may wait for room
    const std::uint64_t mine = ++state.asked;
    set_event(state.wanted);
    state.emptied.wait(lock, [&] { return state.answered >= mine; });
    take_over();
    reset_event(state.arrived);
    return walks;
}

}  // namespace seep
