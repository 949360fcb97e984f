// SPDX-License-Identifier: GPL-2.0-only

// What facts about a machine are taken to mean.

#include "doctor/system_checks.h"

#include <gmock/gmock.h>
#include <linux/capability.h>

#include "support.h"

namespace seep::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> missing(const SystemFacts& facts) {
    return names_with(check_system(facts), CheckStatus::missing);
}
std::vector<std::string> warned(const SystemFacts& facts) {
    return names_with(check_system(facts), CheckStatus::warning);
}
std::uint64_t without(int capability) {
    return ~(std::uint64_t{1} << capability);
}

TEST(SystemChecks, EverythingThere) {
    EXPECT_THAT(missing(good_facts()), IsEmpty());
    EXPECT_THAT(warned(good_facts()), IsEmpty());
}

TEST(SystemChecks, EachSaysWhatIsNeeded) {
    for (const Check& check : check_system(facts_without_privilege())) {
        EXPECT_FALSE(check.found.empty()) << check.name;
        EXPECT_FALSE(check.needed.empty()) << check.name;
    }
}

TEST(SystemChecks, OrdinaryUserLacksPrivilegeAndIsToldHowToGetIt) {
    const auto checks = check_system(facts_without_privilege());
    EXPECT_THAT(names_with(checks, CheckStatus::missing),
                ElementsAre("BPF", "process events", "CAP_BPF", "CAP_PERFMON"));
    for (const Check& check : checks) {
        if (check.status == CheckStatus::missing) {
            EXPECT_FALSE(check.mend.empty()) << check.name;
        }
    }
    EXPECT_THAT(check_named(checks, "seep's programs").found, HasSubstr("not tried"));
}

TEST(SystemChecks, KernelsByVersion) {
    SystemFacts facts = good_facts();
    for (const char* release : {"6.1.0-18-amd64", "6.10", "7.0.1"}) {
        facts.kernel_release = release;
        EXPECT_THAT(missing(facts), IsEmpty()) << release;
    }
    for (const char* release : {"6.0.19", "5.15.0-91-generic", "", "unknown", "6"}) {
        facts.kernel_release = release;
        EXPECT_THAT(missing(facts), ElementsAre("kernel")) << release;
    }
    facts.kernel_release = "6.9.2";
    EXPECT_THAT(check_named(check_system(facts), "kernel").found, HasSubstr("6.13"));
}

TEST(SystemChecks, OtherProcessor) {
    SystemFacts facts = good_facts();
    facts.machine = "aarch64";
    EXPECT_THAT(missing(facts), ElementsAre("processor"));
}

TEST(SystemChecks, NoBtf) {
    SystemFacts facts = good_facts();
    facts.btf_bytes.reset();
    EXPECT_THAT(missing(facts), ElementsAre("kernel types (BTF)"));
}

TEST(SystemChecks, PerfDeviceMattersOnlyWhereProbesAreAttachedOneByOne) {
    SystemFacts facts = good_facts();
    facts.uprobe_pmu = false;
    EXPECT_THAT(missing(facts), IsEmpty());
    facts.trials.attach_modes = {AttachMode::single};
    EXPECT_THAT(missing(facts), ElementsAre("uprobe perf events"));
}

TEST(SystemChecks, ProgramsThatTheVerifierRefuses) {
    SystemFacts facts = good_facts();
    facts.trials.programs = Error{ErrorKind::untraceable, "cannot load\x1b[2J", "smaller maps"};
    const Check check = check_named(check_system(facts), "seep's programs");
    EXPECT_EQ(check.status, CheckStatus::missing);
    EXPECT_EQ(check.mend, "smaller maps");
    EXPECT_EQ(check.found.find('\x1b'), std::string::npos);
}

TEST(SystemChecks, WatchingMappingsIsNotNeededForTheHeap) {
    SystemFacts facts = good_facts();
    EXPECT_EQ(check_named(check_system(facts), "mappings").status, CheckStatus::ok);
    facts.trials.mappings = Error{ErrorKind::untraceable, "refused\x1b[2J", ""};
    EXPECT_THAT(missing(facts), IsEmpty());
    EXPECT_THAT(warned(facts), ElementsAre("mappings"));
    EXPECT_EQ(check_named(check_system(facts), "mappings").found, "cannot be watched: refused?[2J");
}

TEST(SystemChecks, ProbeCosts) {
    SystemFacts facts = good_facts();
    const auto found = [&] { return check_named(check_system(facts), "cost of probes").found; };
    EXPECT_THAT(found(), HasSubstr("emulated 0.75, "));
    EXPECT_THAT(found(), HasSubstr("single-stepped 0.00, 20.57"));
    EXPECT_THAT(found(), HasSubstr("0.29 us a frame"));
    facts.trials.costs.reset();
    facts.trials.no_costs = "no hits\x1b[2J";
    EXPECT_EQ(found(), "not measured: no hits?[2J");
    EXPECT_THAT(missing(facts), IsEmpty());
    EXPECT_THAT(warned(facts), ElementsAre("cost of probes"));
}

TEST(SystemChecks, AdministratorStandsInForNewerCapabilities) {
    SystemFacts facts = good_facts();
    facts.capabilities = std::uint64_t{1} << CAP_SYS_ADMIN;
    EXPECT_THAT(missing(facts), IsEmpty());
    EXPECT_THAT(warned(facts), ElementsAre("CAP_SYS_PTRACE"));
}

TEST(SystemChecks, EachCapability) {
    SystemFacts facts = good_facts();
    const std::uint64_t ordinary = without(CAP_SYS_ADMIN);
    facts.capabilities = ordinary;
    EXPECT_THAT(missing(facts), IsEmpty());
    facts.capabilities = ordinary & without(CAP_BPF);
    EXPECT_THAT(missing(facts), ElementsAre("CAP_BPF"));
    facts.capabilities = ordinary & without(CAP_PERFMON);
    EXPECT_THAT(missing(facts), ElementsAre("CAP_PERFMON"));
    facts.capabilities = ordinary & without(CAP_CHECKPOINT_RESTORE);
    EXPECT_THAT(missing(facts), IsEmpty());
    EXPECT_THAT(warned(facts), ElementsAre("CAP_CHECKPOINT_RESTORE"));
}

TEST(SystemChecks, CapabilitiesOfAnotherUserNamespaceDoNotCount) {
    SystemFacts facts = good_facts();
    facts.initial_user_namespace = false;
    EXPECT_THAT(missing(facts), ElementsAre("CAP_BPF", "CAP_PERFMON"));
    EXPECT_THAT(check_named(check_system(facts), "CAP_BPF").mend, HasSubstr("namespace"));
}

TEST(SystemChecks, PidNamespaceIsAWarning) {
    SystemFacts facts = good_facts();
    facts.initial_pid_namespace = false;
    EXPECT_THAT(missing(facts), IsEmpty());
    EXPECT_THAT(warned(facts), ElementsAre("namespaces"));
}

TEST(SystemChecks, LockdownIsJudgedByWhatItStops) {
    SystemFacts facts = good_facts();
    facts.lockdown = "confidentiality";
    EXPECT_THAT(warned(facts), ElementsAre("lockdown"));
    facts.trials.programs = Error{ErrorKind::untraceable, "cannot load", ""};
    EXPECT_THAT(missing(facts), ElementsAre("seep's programs", "lockdown"));
}

TEST(SystemChecks, TracingOfChildrenForbidden) {
    SystemFacts facts = good_facts();
    facts.ptrace_scope = 2;
    EXPECT_THAT(warned(facts), IsEmpty());
    facts.ptrace_scope = 3;
    EXPECT_THAT(warned(facts), ElementsAre("yama.ptrace_scope"));
    facts.ptrace_scope = 2;
    facts.capabilities &= without(CAP_SYS_PTRACE);
    EXPECT_THAT(warned(facts), ElementsAre("CAP_SYS_PTRACE", "yama.ptrace_scope"));
}

TEST(SystemChecks, SeccompIsSuspectedOnlyIfPrivilegeIsNotTheReason) {
    SystemFacts facts = facts_without_privilege();
    facts.seccomp = 2;
    EXPECT_EQ(check_named(check_system(facts), "seccomp").status, CheckStatus::ok);
    facts.capabilities = ~std::uint64_t{0};
    EXPECT_EQ(check_named(check_system(facts), "seccomp").status, CheckStatus::warning);
}

TEST(SystemChecks, LibraryVersions) {
    SystemFacts facts = good_facts();
    for (const char* version : {"v1.3", "1.4", "v1.10", "v2.0"}) {
        facts.libbpf_version = version;
        EXPECT_THAT(missing(facts), IsEmpty()) << version;
    }
    for (const char* version : {"v1.2", "v0.8", "", "?"}) {
        facts.libbpf_version = version;
        EXPECT_THAT(missing(facts), ElementsAre("libbpf")) << version;
    }
}

TEST(SystemChecks, FewOpenFiles) {
    SystemFacts facts = good_facts();
    facts.open_files_max = 256;
    EXPECT_THAT(warned(facts), ElementsAre("open files"));
}

TEST(SystemFactsTest, ChoiceInBrackets) {
    EXPECT_EQ(bracketed_choice("[none] integrity confidentiality\n"), "none");
    EXPECT_EQ(bracketed_choice("none integrity [confidentiality]\n"), "confidentiality");
    EXPECT_EQ(bracketed_choice(""), "");
    EXPECT_EQ(bracketed_choice("none"), "");
    EXPECT_EQ(bracketed_choice("]none["), "");
}

TEST(SystemFactsTest, OfThisMachine) {
    const SystemFacts facts = read_system_facts();
    EXPECT_FALSE(facts.kernel_release.empty());
    EXPECT_FALSE(facts.machine.empty());
    EXPECT_TRUE(facts.libbpf_version.starts_with("v"));
    EXPECT_GT(facts.open_files_max, 0U);
}

}  // namespace
}  // namespace seep::test
