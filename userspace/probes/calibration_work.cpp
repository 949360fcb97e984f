// SPDX-License-Identifier: GPL-2.0-only
#include "probes/calibration_work.h"

#include <sys/socket.h>
#include <unistd.h>

#include <utility>

namespace seep {
namespace {

constexpr std::size_t cache_line = 64;

}  // namespace

Result<OtherWork> OtherWork::prepare() {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return errno_error("cannot make a pair of sockets");
    return OtherWork(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

void OtherWork::do_some() {
    // Neither blocks: there is room for a message, and then there is one.
    if (send(in_.get(), message_.data(), message_.size(), MSG_DONTWAIT) > 0)
        sum_ +=
            static_cast<unsigned>(recv(out_.get(), message_.data(), message_.size(), MSG_DONTWAIT));
    for (std::size_t i = 0; i < data_.size(); i += cache_line)
        data_[i] = static_cast<unsigned char>(sum_ += data_[i]);
}

}  // namespace seep
