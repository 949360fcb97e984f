// SPDX-License-Identifier: GPL-2.0-only

// The report as people and programs read it, with names that a hostile target chose.

#include "doctor/report.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "base/text.h"
#include "doctor/system_checks.h"
#include "support.h"

namespace seep::test {
namespace {

using testing::HasSubstr;
using testing::Not;

const AllocatorFunction malloc_function{.name = "malloc", .role = Role::allocate, .size = 1};

ObjectDiagnosis hostile_object() {
    const std::string name = "evil\x1b[2J\n\xff\xfe" + std::string(300, 'x');
    ObjectDiagnosis object{.path = "/tmp/" + name, .name = name, .build_id = "c0ffee"};
    object.allocator = "allocator in " + name;
    object.frame_pointers = {.sampled = 1000, .keep = 300};
    object.unwind_table = {
        .bytes = 4096, .rows = 777, .unsupported = 1, .code_bytes = 40960, .uncovered_bytes = 2048};
    object.problem = name;
    object.probes.plans = {
        {.function = {&malloc_function, name, 0x1000, 64, ""},
         .entry = {.address = 0x1004, .file_offset = 0x4, .kind = SiteKind::emulated},
         .exit = ExitProbe::return_probe}};
    object.probes.skipped = {name + ": its code cannot be decoded"};
    return object;
}

TargetDiagnosis hostile_target() {
    const ObjectDiagnosis object = hostile_object();
    TargetDiagnosis target{.pid = 17};
    target.process.pid = 17;
    target.process.comm = target.process.command_line = object.name;
    target.process.executable = object.path;
    target.process.architecture = Architecture::x86_64;
    target.cgroup = "/sys/fs/cgroup/" + object.name;
    target.objects = {std::make_shared<const ObjectDiagnosis>(object)};
    target.unreadable = {"cannot open " + object.path};
    return target;
}

TargetDiagnosis refused_target() {
    return {.pid = 18, .refused = Error{ErrorKind::untraceable, "there is no process 18", "look"}};
}

TEST(DoctorReportTest, TracingIsPossibleUnlessSomethingIsMissing) {
    DoctorReport report{.checks = check_system(good_facts()), .targets = {hostile_target()}};
    report.checks.front().status = CheckStatus::warning;
    EXPECT_TRUE(report.can_trace());
    report.targets.push_back(refused_target());
    EXPECT_FALSE(report.can_trace());
    EXPECT_FALSE((DoctorReport{check_system(facts_without_privilege()), {}}).can_trace());
}

TEST(DoctorTextTest, FitsTheTerminalAndCannotControlIt) {
    const std::string text = doctor_text(
        {check_system(facts_without_privilege()), {hostile_target(), refused_target()}});
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        EXPECT_LE(display_columns(line), 100U) << line;
        EXPECT_EQ(printable(line), line);
    }
}

TEST(DoctorTextTest, SaysHowToMendWhatIsMissing) {
    const std::string text =
        doctor_text({check_system(facts_without_privilege()), {refused_target()}});
    EXPECT_THAT(text, HasSubstr("MISSING  CAP_BPF "));
    EXPECT_THAT(text, HasSubstr("mend     run as root"));
    EXPECT_THAT(text, HasSubstr("Missing: BPF, process events, CAP_BPF, CAP_PERFMON."));
    EXPECT_THAT(text, HasSubstr("MISSING  there is no process 18"));
    EXPECT_THAT(doctor_text({check_system(good_facts()), {}}), Not(HasSubstr("needed   ")));
}

TEST(DoctorTextTest, SaysWhereProbesSit) {
    const std::string text = doctor_text({{}, {hostile_target()}});
    EXPECT_THAT(text, HasSubstr("0x1004  emulated        entry+4    return probe"));
    EXPECT_THAT(text, HasSubstr("partly (30 %)"));
    EXPECT_THAT(text, HasSubstr("(.eh_frame)"));
    EXPECT_THAT(text, HasSubstr("Unwind tables of 1 object take 4 KiB in the kernel"));
    EXPECT_THAT(text, HasSubstr("5 % of its code (2 KiB) have no call frame information"));
}

TEST(DoctorJsonTest, HoldsWhatTheTextSays) {
    const auto json = nlohmann::json::parse(doctor_json(
        {check_system(facts_without_privilege()), {hostile_target(), refused_target()}}));
    ASSERT_EQ(json["checks"].size(), check_system(good_facts()).size());
    for (const auto& check : json["checks"]) {
        for (const char* key : {"name", "status", "found", "needed", "mend"}) {
            EXPECT_TRUE(check[key].is_string()) << check;
        }
    }
    const auto& target = json["targets"][0];
    EXPECT_EQ(target["status"], "ok");
    EXPECT_EQ(target["allocators"][0]["functions"][0]["site"], 0x1004);
    EXPECT_EQ(target["allocators"][0]["functions"][0]["moved"], 4);
    EXPECT_EQ(target["objects"][0]["frame_pointers"]["kept"], "partly");
    EXPECT_EQ(target["objects"][0]["unwind_table"]["rows"], 777);
    EXPECT_EQ(target["objects"][0]["unwind_table"]["uncovered_bytes"], 2048);
    EXPECT_EQ(target["memory"]["cgroup_limit_bytes"], nullptr);
    EXPECT_EQ(json["targets"][1]["status"], "missing");
    EXPECT_EQ(json["targets"][1]["mend"], "look");
}

}  // namespace
}  // namespace seep::test
