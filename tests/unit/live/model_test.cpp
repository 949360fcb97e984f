// SPDX-License-Identifier: GPL-2.0-only
#include "live/model.h"

#include <gmock/gmock.h>

#include "live_report.h"

namespace seep {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> names(const LiveModel& model) {
    std::vector<std::string> result;
    for (const ReportStack* stack : model.rows()) result.push_back(stack->frames[1].function);
    return result;
}

TEST(LiveModel, SortsByWhatIsAsked) {
    Report report = live_report({"a", "b", "c"});
    report.stacks[2].totals.allocated_bytes = 9000;
    report.stacks[1].totals.allocated_count = 500;
    LiveModel model;
    EXPECT_THAT(model.rows(), IsEmpty());
    model.show(shared(report));
    EXPECT_THAT(names(model), ElementsAre("a", "b", "c"));
    model.sort_by_next();
    EXPECT_EQ(model.sort(), SortBy::live);
    EXPECT_THAT(names(model), ElementsAre("c", "a", "b"));
    model.sort_by_next();
    EXPECT_THAT(names(model), ElementsAre("b", "c", "a"));
    model.sort_by_next();
    EXPECT_EQ(model.sort(), SortBy::allocated);
    model.sort_by_next();
    EXPECT_EQ(model.sort(), SortBy::growth);
}

TEST(LiveModel, FiltersByFunctionModuleFileAndVerdict) {
    Report report = live_report({"parse_header", "Cache::insert", "idle"});
    report.stacks[1].frames[1].module = "libcache.so";
    report.stacks[1].frames[1].file = "cache.cpp";
    LiveModel model;
    model.show(shared(report));
    const auto filtered = [&](const char* text) {
        model.filter_by(text);
        return names(model);
    };
    EXPECT_THAT(filtered("HEADER"), ElementsAre("parse_header"));
    EXPECT_THAT(filtered("libcache"), ElementsAre("Cache::insert"));
    EXPECT_THAT(filtered("http.c"), ElementsAre("parse_header", "idle"));
    EXPECT_THAT(filtered("steady"), ElementsAre("idle"));
    EXPECT_THAT(filtered("nothing"), IsEmpty());
    EXPECT_EQ(model.selected_stack(), nullptr);
    model.move(1);  // there is nowhere to go
    model.move_to_last();
    EXPECT_THAT(filtered(""), ElementsAre("parse_header", "Cache::insert", "idle"));
    model.toggle_only_growing();
    EXPECT_THAT(names(model), ElementsAre("parse_header", "Cache::insert"));
}

TEST(LiveModel, TheSelectionStaysOnItsStack) {
    LiveModel model;
    model.show(shared(live_report({"a", "b", "c"})));
    model.show(shared(live_report({"b", "a", "c"})));
    EXPECT_EQ(model.selected_stack()->frames[1].function, "b");  // nobody moved it: the first
    model.move(1);
    EXPECT_EQ(model.selected_stack()->frames[1].function, "a");
    model.show(shared(live_report({"c", "new", "b", "a"})));
    EXPECT_EQ(model.selected(), 3u);
    EXPECT_EQ(model.selected_stack()->frames[1].function, "a");
    model.filter_by("c");
    model.filter_by("");
    EXPECT_EQ(model.selected_stack()->frames[1].function, "a");
    model.move(-100);
    EXPECT_EQ(model.selected(), 0u);
    model.move(100);
    EXPECT_EQ(model.selected(), 3u);
    model.move_to_first();
    model.show(shared(live_report({"x", "y"})));
    EXPECT_EQ(model.selected_stack()->frames[1].function, "x");
}

TEST(LiveModel, ScrollsNoMoreThanItMust) {
    std::vector<std::string> functions;
    for (int i = 0; i < 20; ++i) functions.push_back("f" + std::to_string(i));
    LiveModel model;
    model.show(shared(live_report(functions)));
    EXPECT_EQ(model.first_of(5), 0u);
    model.move(5);
    EXPECT_EQ(model.first_of(5), 1u);
    model.move(-3);
    EXPECT_EQ(model.first_of(5), 1u);
    model.move(-2);
    EXPECT_EQ(model.first_of(5), 0u);
    model.move_to_last();
    EXPECT_EQ(model.first_of(5), 15u);
    EXPECT_EQ(model.first_of(30), 0u);
    EXPECT_EQ(model.first_of(0), 19u);
}

}  // namespace
}  // namespace seep
