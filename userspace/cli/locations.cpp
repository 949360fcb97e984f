// SPDX-License-Identifier: GPL-2.0-only
#include "cli/locations.h"

#include <fcntl.h>
#include <fmt/core.h>

namespace seep {

Result<ObjectId> Locations::add_object(ObjectRecord record, SymbolSource source) {
    record.id = ObjectId(++objects_);
    source.object = record.id;
    source.kind = record.kind;
    source.path = record.path;
    source.build_id = record.build_id;
    if (const Result<void> written = writer_->put(record); !written) return written.error();
    symbols_->add_source(std::move(source));
    return record.id;
}

Result<ObjectId> Locations::object_of(const ObjectFile& file) {
    const auto known = files_.find(file.identity());
    if (known != files_.end()) return known->second;
    SymbolSource source;
    source.file = UniqueFd(fcntl(file.fd(), F_DUPFD_CLOEXEC, 0));
    auto id = add_object({{}, ObjectKind::file, file.path(), file.build_id()}, std::move(source));
    if (id) files_.emplace(file.identity(), *id);
    return id;
}

Result<ObjectId> Locations::object_of(const TracedProcess& process, const ResolvedAddress& where) {
    using Kind = ResolvedAddress::Kind;
    if (where.kind == Kind::none) return ObjectId{};
    if (where.kind == Kind::file) return object_of(*where.object);

    auto& known = where.kind == Kind::vdso ? vdsos_ : jits_;
    if (const auto found = known.find(process.id); found != known.end()) return found->second;
    SymbolSource source;
    source.pid = process.process.pid();
    ObjectRecord record{{}, ObjectKind::anonymous, fmt::format("[jit {}]", source.pid), ""};
    if (where.kind == Kind::vdso) {
        record = {{}, ObjectKind::vdso, "[vdso]", ""};
        const AddressRange range = process.space.vdso().value_or(AddressRange{});
        source.start = range.start;
        source.end = range.end;
    }
    auto id = add_object(std::move(record), std::move(source));
    if (id) known.emplace(process.id, *id);
    return id;
}

Result<LocationId> Locations::locate(const TracedProcess& process, const ResolvedAddress& where,
                                     bool is_call) {
    const auto object = object_of(process, where);
    if (!object) return object.error();

    const Key key{*object, where.address + (is_call ? 1 : 0), is_call};
    const auto [place, is_new] =
        ids_.try_emplace(key, LocationId(static_cast<std::uint32_t>(ids_.size() + 1)));
    if (!is_new) return place->second;
    const LocationRecord record{place->second, key.object, key.address, is_call, false, {}};
    if (const Result<void> written = writer_->put(record); !written) return written.error();
    records_.push_back(record);
    if (record.object) symbols_->add_job({record.id, record.object, where.address});
    return record.id;
}

Result<void> Locations::write_symbols() {
    for (SymbolAnswer& answer : symbols_->collect()) {
        LocationRecord record = records_[answer.location.value - 1];
        record.symbolized = true;
        record.frames = std::move(answer.frames);
        if (const Result<void> written = writer_->put(record); !written) return written.error();
    }
    return {};
}

}  // namespace seep
