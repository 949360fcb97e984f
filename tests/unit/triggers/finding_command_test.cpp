// SPDX-License-Identifier: GPL-2.0-only
// What a command is given, when it is run, and what it cannot break.

#include "triggers/finding_command.h"

#include <gmock/gmock.h>
#include <poll.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "triggers/findings_log.h"

namespace seep {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

class Commands : public ::testing::Test {
 protected:
    Commands() {
        std::string name = (std::filesystem::temp_directory_path() / "seep-test-XXXXXX").string();
        directory_ = mkdtemp(name.data());
        report_.targets.push_back({.pid = 4242, .command = "app\n$(touch x)"});
        add_finding("leaky", "aa");
    }
    ~Commands() override { std::filesystem::remove_all(directory_); }

    void add_finding(const std::string& function, const std::string& stack) {
        Finding finding{.verdict = "leak", .sentence = "`" + function + "` leaks"};
        finding.frame.function = function;
        finding.growth = {.bytes_per_second = 10, .low = 9, .high = 11};
        finding.live_bytes = 12345;
        finding.stacks = {stack};
        report_.findings.push_back(finding);
    }
    [[nodiscard]] std::string path(const std::string& name) const {
        return directory_ + "/" + name;
    }
    [[nodiscard]] std::string text(const std::string& name) const {
        std::ifstream file(path(name));
        return {std::istreambuf_iterator<char>(file), {}};
    }
    /// A program that does this, run for the findings and waited for.
    void run(const std::string& script, std::chrono::nanoseconds timeout = 30s,
             std::chrono::nanoseconds cooldown = 1h) {
        FindingCommand command({{"/bin/sh", "-c", script, "sh", directory_}, cooldown, timeout});
        for (std::size_t i = 0; i < report_.findings.size(); ++i)
            command.tell(report_, i, "/var/x.seep");
        command.finish();
    }

    std::string directory_;
    Report report_;
};

TEST_F(Commands, GetTheFindingAsJsonAndInTheEnvironment) {
    setenv("SEEP_LEFT_OVER", "1", 1);
    setenv("MINE", "kept", 1);
    run("cat > $1/json; env > $1/env");
    const auto json = nlohmann::json::parse(text("json"));
    EXPECT_EQ(json["verdict"], "leak");
    EXPECT_EQ(json["function"], "leaky");
    EXPECT_EQ(json["recording"], "/var/x.seep");
    EXPECT_EQ(json["target"]["pid"], 4242);
    EXPECT_EQ(json["bytes_per_hour"]["low"], 9 * 3600.0);
    const std::string environment = text("env");
    EXPECT_THAT(environment, HasSubstr("SEEP_VERDICT=leak\n"));
    EXPECT_THAT(environment, HasSubstr("SEEP_BYTES_PER_HOUR=36000\n"));
    EXPECT_THAT(environment, HasSubstr("SEEP_BYTES_PER_HOUR_LOW=32400\n"));
    EXPECT_THAT(environment, HasSubstr("SEEP_LIVE_BYTES=12345\n"));
    EXPECT_THAT(environment, HasSubstr("SEEP_PID=4242\n"));
    EXPECT_THAT(environment, HasSubstr("SEEP_COMMAND=app?$(touch x)\n"));
    EXPECT_THAT(environment, HasSubstr("MINE=kept\n"));
    EXPECT_THAT(environment, Not(HasSubstr("SEEP_LEFT_OVER")));
}

TEST_F(Commands, RunOncePerFindingUntilTheCooldownIsOver) {
    add_finding("other", "bb");
    add_finding("leaky, by its name known later", "aa");
    run("echo $SEEP_FUNCTION >> $1/told");
    EXPECT_EQ(text("told"), "leaky\nother\n");
    std::filesystem::remove(path("told"));
    run("echo $SEEP_FUNCTION >> $1/told", 30s, 0s);
    EXPECT_EQ(text("told"), "leaky\nother\nleaky, by its name known later\n");
}

TEST_F(Commands, RunOneAtATimeAndFailWithoutHarm) {
    add_finding("other", "bb");
    run("echo begin >> $1/told; sleep 0.1; echo end >> $1/told; exit 7");
    EXPECT_EQ(text("told"), "begin\nend\nbegin\nend\n");
    FindingCommand missing({{"/no/such/program"}, 1h, 30s});
    missing.tell(report_, 0, "x");
    EXPECT_TRUE(missing.poll_fds().empty());
    missing.finish();
}

TEST_F(Commands, AreKilledWithAllTheyStartedWhenTheyTakeTooLong) {
    const auto begun = std::chrono::steady_clock::now();
    run("sleep 100 & echo $! > $1/pid; sleep 100; echo end >> $1/told", 300ms);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 50s);
    EXPECT_FALSE(std::filesystem::exists(path("told")));
    const pid_t child = std::stoi(text("pid"));
    // Nobody but init collects it here.
    for (int i = 0; i < 500 && kill(child, 0) == 0; ++i) usleep(10'000);
    std::ifstream status("/proc/" + std::to_string(child) + "/stat");
    const std::string stat{std::istreambuf_iterator<char>(status), {}};
    EXPECT_TRUE(stat.empty() || stat.find(") Z ") != std::string::npos) << stat;
}

TEST_F(Commands, StartWithDefaultSignalsAndNoDescriptorOfOurs) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    run("grep SigBlk /proc/self/status > $1/blocked; ls /proc/self/fd | wc -l > $1/count");
    sigprocmask(SIG_SETMASK, &before, nullptr);
    EXPECT_THAT(text("blocked"), HasSubstr("0000000000000000"));
    EXPECT_EQ(text("count"), "4\n");  // and the one that ls reads with
}

TEST(ParseCommand, FollowsTheShellsQuotingWithoutAShell) {
    const auto words = [](const std::string& text) { return parse_command(text).value(); };
    setenv("SEEP_TEST_WORD", "a b", 1);
    EXPECT_THAT(words("echo one 'two three' \"four  five\" six\\ seven"),
                ElementsAre("echo", "one", "two three", "four  five", "six seven"));
    EXPECT_THAT(words("echo \"$SEEP_TEST_WORD\""), ElementsAre("echo", "a b"));
    EXPECT_THAT(words("sh -c 'a | b; c'"), ElementsAre("sh", "-c", "a | b; c"));
    for (const char* bad :
         {"", "  ", "echo 'open", "echo a | b", "echo $(id)", "echo `id`", "echo ; id",
          "echo $SEEP_NO_SUCH", "no-such-program-at-all", "/etc/passwd", "/etc"}) {
        const auto parsed = parse_command(bad);
        ASSERT_FALSE(parsed) << bad;
        EXPECT_EQ(parsed.error().kind, ErrorKind::bad_input);
        EXPECT_THAT(parsed.error().message, HasSubstr("bad command"));
    }
}

TEST_F(Commands, LogGetsALineAFindingThoughItIsMovedAway) {
    add_finding("nasty\n\"\xff\u202e", "bb");
    const auto log = FindingsLog::open(path("log"));
    ASSERT_TRUE(log);
    FindingsLog writable = *log;
    ASSERT_TRUE(writable.write(report_, "x.seep"));
    struct stat status {};
    ASSERT_EQ(stat(path("log").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
    std::filesystem::rename(path("log"), path("log.1"));
    ASSERT_TRUE(writable.write(report_, "x.seep"));
    for (const char* name : {"log", "log.1"}) {
        std::ifstream file(path(name));
        int lines = 0;
        for (std::string line; std::getline(file, line); ++lines)
            EXPECT_EQ(nlohmann::json::parse(line)["rank"], lines + 1) << line;
        EXPECT_EQ(lines, 2);
    }
    EXPECT_FALSE(FindingsLog::open("/no/such/directory/log"));
}

}  // namespace
}  // namespace seep
