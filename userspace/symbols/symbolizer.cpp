// SPDX-License-Identifier: GPL-2.0-only
#include "symbols/symbolizer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <unordered_map>
#include <utility>

#include "base/text.h"
#include "symbols/debug_info.h"
#include "symbols/demangle.h"
#include "symbols/object_opener.h"
#include "symbols/symbol_table.h"
#include "target/proc_file.h"

namespace seep {
namespace {

// The kernel's is 4 to 16 KiB.
constexpr std::uint64_t max_vdso_bytes = 1 << 20;

/// An object's symbols and debug information.
class Object {
 public:
    explicit Object(OpenObject open)
        : open_(std::move(open)), symbols_(open_.module), debug_info_(open_.module, symbols_) {}
    // debug_info_ holds a reference to symbols_.
    Object(const Object&) = delete;
    Object& operator=(const Object&) = delete;

    std::vector<SourceFrame> resolve(std::uint64_t address) {
        const std::uint64_t module_address = address + open_.bias;
        std::vector<SourceFrame> frames = debug_info_.lookup(module_address);
        const std::string_view symbol = symbols_.lookup(module_address);
        if (symbol.empty()) return frames;
        if (frames.empty()) frames.emplace_back();
        frames.back().function = display_name(symbol);
        return frames;
    }

 private:
    OpenObject open_;
    SymbolTable symbols_;
    DebugInfo debug_info_;
};

/// A copy of part of a process's memory as a file.
Result<UniqueFd> memory_image(pid_t pid, std::uint64_t start, std::uint64_t end) {
    const auto failed = [&] {
        return errno_error(fmt::format("cannot read the vDSO of process {}", pid));
    };
    if (start >= end || end - start > max_vdso_bytes) {
        return Error{ErrorKind::failed, fmt::format("no vDSO at {:#x}-{:#x}", start, end), ""};
    }
    const UniqueFd memory(open(proc_path(pid, "mem").c_str(), O_RDONLY | O_CLOEXEC));
    std::vector<char> bytes(end - start);
    if (!memory || pread(memory.get(), bytes.data(), bytes.size(), static_cast<off_t>(start)) !=
                       static_cast<ssize_t>(bytes.size())) {
        return failed();
    }
    UniqueFd image(memfd_create("vdso", MFD_CLOEXEC));
    if (!image ||
        write(image.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
        return failed();
    }
    return image;
}

}  // namespace

struct Symbolizer::State {
    /// An object is opened when an address of it is first asked for, which may mean a download.
    struct Entry {
        ObjectSource source;
        bool opened = false;
        std::unique_ptr<Object> object;  // Empty if it could not be opened.
    };

    std::unique_ptr<ObjectOpener> opener;
    std::unordered_map<std::uint32_t, Entry> entries;
    std::map<std::pair<std::uint32_t, std::uint64_t>, std::vector<SourceFrame>> resolved;

    Object* object_of(std::uint32_t number) {
        const auto found = entries.find(number);
        if (found == entries.end()) return nullptr;
        Entry& entry = found->second;
        if (!std::exchange(entry.opened, true)) {
            auto opened = opener->open(std::move(entry.source));
            if (opened) entry.object = std::make_unique<Object>(std::move(*opened));
        }
        return entry.object.get();
    }
};

Symbolizer::Symbolizer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Symbolizer::Symbolizer(Symbolizer&&) noexcept = default;
Symbolizer& Symbolizer::operator=(Symbolizer&&) noexcept = default;
Symbolizer::~Symbolizer() = default;

Result<Symbolizer> Symbolizer::create(SymbolizerOptions options) {
    // libdwfl has no other way to be told.
    if (!options.debuginfod) unsetenv("DEBUGINFOD_URLS");
    auto state = std::make_unique<State>();
    auto opener = ObjectOpener::create(options.debug_directories);
    if (!opener) return opener.error();
    state->opener = std::move(*opener);
    return Symbolizer(std::move(state));
}

Result<void> Symbolizer::add_object(std::uint32_t object, UniqueFd fd, const std::string& path,
                                    const std::string& build_id) {
    const auto failed = [&](std::string_view why) {
        return Error{ErrorKind::failed, fmt::format("no symbols for {}: {}", printable(path), why),
                     ""};
    };
    if (fd && !build_id.empty() && read_build_id(fd.get()) != build_id) {
        return failed("the file is of another build");
    }
    if (!fd) fd = state_->opener->find(path, build_id);
    if (!fd && build_id.empty()) return failed("no file, and no build id to find one by");
    state_->entries.insert_or_assign(object, State::Entry{{std::move(fd), path, build_id}});
    return {};
}

Result<void> Symbolizer::add_vdso(std::uint32_t object, pid_t pid, std::uint64_t start,
                                  std::uint64_t end) {
    auto image = memory_image(pid, start, end);
    if (!image) return image.error();
    state_->entries.insert_or_assign(object, State::Entry{{std::move(*image), "[vdso]", ""}});
    return {};
}

const std::vector<SourceFrame>& Symbolizer::resolve(std::uint32_t object, std::uint64_t address) {
    const auto [found, is_new] = state_->resolved.try_emplace({object, address});
    if (is_new) {
        if (Object* known = state_->object_of(object)) found->second = known->resolve(address);
    }
    return found->second;
}

}  // namespace seep
