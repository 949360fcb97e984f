// SPDX-License-Identifier: GPL-2.0-only

// doctor_text() of doctor/report.h.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.h"
#include "doctor/names.h"
#include "doctor/report.h"

namespace seep {
namespace {

constexpr std::size_t page_width = 100;
constexpr std::size_t check_indent = 38;
constexpr std::size_t detail_indent = 20;
constexpr std::size_t fact_indent = 14;

/// `label` in a column of its own, `indent` wide, and the words of `text` wrapped beside it.
std::string paragraph(std::string_view label, std::size_t indent, std::string_view text) {
    return wrap_words(fmt::format("{:{}}", label, indent), indent, text, page_width) + '\n';
}

std::string shown_status(CheckStatus status) {
    return status == CheckStatus::missing ? "MISSING" : status_name(status);
}

std::string counted(std::size_t count, std::string_view noun) {
    return fmt::format("{} {}{}", format_count(count), noun, count == 1 ? "" : "s");
}

/// `above`: the remedy that was last shown; checks with one cause share theirs.
std::string check_text(const Check& check, std::string& above) {
    std::string text =
        paragraph(fmt::format("  {:<8} {:<25} ", shown_status(check.status), check.name),
                  check_indent, check.found);
    if (check.status == CheckStatus::ok) return text;
    text += paragraph("           needed", detail_indent, check.needed);
    if (check.mend.empty()) return text;
    text +=
        paragraph("           mend", detail_indent, check.mend == above ? "as above" : check.mend);
    above = check.mend;
    return text;
}

std::string system_text(const std::vector<Check>& checks) {
    std::string text = "System\n";
    std::vector<std::string_view> missing;
    std::string above;
    for (const Check& check : checks) {
        text += check_text(check, above);
        if (check.status == CheckStatus::missing) missing.push_back(check.name);
    }
    text += '\n';
    return text + paragraph("", 0,
                            missing.empty()
                                ? "Nothing that tracing needs is missing here."
                                : fmt::format("Nothing can be traced here. Missing: {}.",
                                              fmt::join(missing, ", ")));
}

std::string fact(std::string_view label, std::string_view text) {
    return paragraph(fmt::format("  {}", label), fact_indent, text);
}

std::string bytes(std::uint64_t count) {
    return format_bytes(static_cast<double>(count));
}

std::string cgroup_text(const TargetDiagnosis& target) {
    const CgroupMemory& memory = target.cgroup_memory;
    return fmt::format("{}: {}, {}", printable(target.cgroup, 400),
                       memory.current ? bytes(*memory.current) : "unknown",
                       memory.limit ? "limit " + bytes(*memory.limit) : "no limit of its own");
}

std::string process_text(const TargetDiagnosis& target) {
    const ProcessInfo& process = target.process;
    std::string text = fact("command", printable(process.command_line, 400));
    text += fact("executable", fmt::format("{} ({})", printable(process.executable, 400),
                                           architecture_name(process.architecture)));
    text += fact("user", fmt::format("{} {}", process.user, printable(target.user_name)));
    text +=
        fact("memory",
             fmt::format("RSS {}, {} of it anonymous; swap {}", bytes(target.memory.rss_bytes),
                         bytes(target.memory.anonymous_bytes), bytes(target.memory.swap_bytes)));
    if (!target.cgroup.empty()) text += fact("cgroup", cgroup_text(target));
    return text;
}

/// "entry", or how many bytes behind it the probe sits.
std::string place_text(const ProbePlan& plan) {
    const std::uint64_t moved = plan.entry.address - plan.function.address;
    return moved == 0 ? "entry" : fmt::format("entry+{}", moved);
}

std::string exit_text(const ProbePlan& plan) {
    if (plan.exit == ExitProbe::none) return "no result";
    std::string text = exit_probe_name(plan.exit);
    if (plan.exit == ExitProbe::at_returns) text += fmt::format(" ({})", plan.returns.size());
    return text;
}

/// A row of the table of functions; fits the page with an address of up to ten characters.
std::string function_row(std::string_view function, std::string_view address, std::string_view kind,
                         std::string_view place, std::string_view exit) {
    return fmt::format("    {:<38} {:>10}  {:<14}  {:<9}  {}\n", function, address, kind, place,
                       exit);
}

std::string allocator_text(const ObjectDiagnosis& object) {
    std::string text = "\n" + paragraph("", 2,
                                        fmt::format("{} in {}", printable(object.allocator, 100),
                                                    printable(object.path, 400)));
    text += fmt::format("  build id {}\n",
                        object.build_id.empty() ? "none" : printable(object.build_id, 64));
    text += function_row("function", "probe at", "instruction", "place", "result seen by");
    for (const ProbePlan& plan : object.probes.plans) {
        text += function_row(fit_columns(printable(plan.function.symbol), 38),
                             fmt::format("{:#x}", plan.entry.address),
                             site_kind_name(plan.entry.kind), place_text(plan), exit_text(plan));
        if (!plan.note.empty()) text += paragraph("", 6, printable(plan.note));
    }
    for (const std::string& skipped : object.probes.skipped) {
        text += paragraph("    skipped", 14, printable(skipped));
    }
    return text;
}

std::string frame_pointers_text(const FramePointers& pointers) {
    if (pointers.kept() == FramePointers::Kept::unknown) return "unknown";
    // Of a few functions a share in percent says more than is known.
    constexpr std::size_t few = 100;
    const char* const kept = kept_name(pointers.kept());
    if (pointers.sampled < few) {
        return fmt::format("{} ({} of {})", kept, pointers.keep, pointers.sampled);
    }
    return fmt::format("{} ({:.0f} %)", kept, pointers.share() * 100);
}

std::string object_row(std::string_view name, std::string_view unwind_table,
                       std::string_view frame_pointers, std::string_view symbols,
                       std::string_view debug_info) {
    return fmt::format("    {:<19}  {:>12}  {:<17}  {:<27}  {}\n", name, unwind_table,
                       frame_pointers, symbols, debug_info);
}

/// Where stacks may end; empty if that is too little to speak of. The stubs that a compiler adds to
/// each object are some hundred bytes.
std::string uncovered_text(const ObjectDiagnosis& object) {
    constexpr double least_share = 0.005;
    constexpr std::uint64_t least_bytes = 1024;
    if (!object.unwind_table || object.unwind_table->uncovered_bytes < least_bytes) return {};
    const double share = static_cast<double>(object.unwind_table->uncovered_bytes) /
                         static_cast<double>(object.unwind_table->code_bytes);
    if (share < least_share) return {};
    return paragraph("", 6,
                     fmt::format("{:.2g} % of its code ({}) have no call frame information: stacks "
                                 "are followed by frame pointers there, and end if it keeps none",
                                 share * 100, bytes(object.unwind_table->uncovered_bytes)));
}

std::string unwind_tables_text(const TargetDiagnosis& target) {
    UnwindTableSize sum;
    std::size_t tables = 0;
    for (const auto& object : target.objects) {
        if (!object->unwind_table) continue;
        ++tables;
        sum.bytes += object->unwind_table->bytes;
        sum.rows += object->unwind_table->rows;
        sum.unsupported += object->unwind_table->unsupported;
    }
    return paragraph(
        "", 2,
        fmt::format("Unwind tables of {} take {} in the kernel, once for all processes "
                    "that map them: {}, and {} of call frame information that they "
                    "cannot say.",
                    counted(tables, "object"), bytes(sum.bytes), counted(sum.rows, "row"),
                    counted(sum.unsupported, "row")));
}

std::string objects_text(const TargetDiagnosis& target) {
    std::string text = "\n  Mapped code\n";
    text += object_row("object", "unwind table", "frame pointers", "symbols", "debug info");
    std::size_t without = 0;
    for (const auto& object : target.objects) {
        const FramePointers::Kept kept = object->frame_pointers.kept();
        without += kept == FramePointers::Kept::no || kept == FramePointers::Kept::partly ? 1 : 0;
        text += object_row(fit_columns(printable(object->name), 19),
                           object->unwind_table ? bytes(object->unwind_table->bytes) : "none",
                           frame_pointers_text(object->frame_pointers),
                           symbols_name(object->symbols), debug_info_name(object->debug_info));
        text += uncovered_text(*object);
        if (!object->problem.empty()) text += paragraph("", 6, printable(object->problem));
    }
    for (const std::string& why : target.unreadable) {
        text += paragraph("    not examined:", 18, printable(why, 400));
    }
    text += unwind_tables_text(target);
    if (without == 0) return text;
    return text + paragraph("", 2,
                            fmt::format("{} without frame pointers throughout: stacks through such "
                                        "code are followed by its call frame information "
                                        "(.eh_frame), and end there if it has none.",
                                        counted(without, "object")));
}

std::string target_text(const TargetDiagnosis& target) {
    std::string title = fmt::format("Process {}", target.pid);
    if (target.process.pid != 0) title += fmt::format(" ({})", printable(target.process.comm));
    std::string text = "\n" + paragraph("", 0, title);
    if (target.refused) {
        text += paragraph("  MISSING", 11, printable(target.refused->message));
        if (!target.refused->hint.empty()) {
            text += paragraph("           mend", detail_indent, printable(target.refused->hint));
        }
    } else {
        text += fmt::format("  ok       {} to probe\n", counted(target.probes(), "function"));
    }
    if (target.process.pid == 0) return text;
    text += process_text(target);
    for (const auto& object : target.objects) {
        if (!object->allocator.empty()) text += allocator_text(*object);
    }
    if (target.probes() > 0)
        text += "\n" +
                paragraph("", 2,
                          "If it calls its allocator so often that --max-overhead leaves little to "
                          "see, what it maps (--source mapping) and who first touches its pages "
                          "(--source faults) are followed without a probe on the allocator.");
    return text + objects_text(target);
}

}  // namespace

std::string doctor_text(const DoctorReport& report) {
    std::string text = system_text(report.checks);
    for (const TargetDiagnosis& target : report.targets) text += target_text(target);
    return text;
}

}  // namespace seep
