// SPDX-License-Identifier: GPL-2.0-only
#include "live/controls.h"

#include <gtest/gtest.h>

#include "live_report.h"

namespace seep {
namespace {

using namespace testing;

class Controls : public ::testing::Test {
 protected:
    Controls() { model_.show(shared(live_report({"a", "b", "c"}))); }
    LiveWish press(const char* text) { return controls_.press({Key::Kind::character, text}); }
    LiveWish press(Key::Kind kind) { return controls_.press({kind}); }

    LiveModel model_;
    LiveControls controls_{model_};
};

TEST_F(Controls, LettersSortAndWish) {
    press("l");
    EXPECT_EQ(model_.sort(), SortBy::live);
    press("s");
    EXPECT_EQ(model_.sort(), SortBy::count);
    press("v");
    EXPECT_TRUE(model_.only_growing());
    EXPECT_EQ(press("f"), LiveWish::save_flame_graph);
    EXPECT_EQ(press("r"), LiveWish::save_recording);
    EXPECT_EQ(press("q"), LiveWish::quit);
    EXPECT_EQ(press("\x03"), LiveWish::quit);
    EXPECT_EQ(press("\x1a"), LiveWish::suspend);
    EXPECT_EQ(press("%"), LiveWish::none);
    press(" ");
    EXPECT_TRUE(controls_.paused());
}

TEST_F(Controls, WhatIsTypedIsTheFilterUntilEnterOrEscape) {
    press("/");
    EXPECT_TRUE(controls_.typing());
    for (const char* key : {"q", "é", "x"}) EXPECT_EQ(press(key), LiveWish::none);
    EXPECT_EQ(model_.filter(), "qéx");
    press(Key::Kind::backspace);
    press(Key::Kind::backspace);
    EXPECT_EQ(model_.filter(), "q");
    press("\x01");  // no control characters
    press(Key::Kind::enter);
    EXPECT_FALSE(controls_.typing());
    EXPECT_EQ(model_.filter(), "q");

    press("/");
    press("z");
    EXPECT_EQ(model_.filter(), "qz");
    press(Key::Kind::escape);
    EXPECT_EQ(model_.filter(), "q");
    press(Key::Kind::escape);
    EXPECT_EQ(model_.filter(), "");
    press("/");
    EXPECT_EQ(press("\x03"), LiveWish::quit);
}

TEST_F(Controls, EnterOpensTheSelectedStackAndGoesBack) {
    press(Key::Kind::down);
    press(Key::Kind::enter);
    EXPECT_EQ(controls_.page(), LivePage::stack);
    press(Key::Kind::down);  // scrolls the page
    EXPECT_EQ(model_.selected(), 1u);
    EXPECT_EQ(controls_.first_line(30, 10), 1u);
    press(Key::Kind::end);
    EXPECT_EQ(controls_.first_line(30, 10), 20u);
    press(Key::Kind::page_up);
    EXPECT_EQ(controls_.first_line(30, 10), 11u);
    EXPECT_EQ(controls_.first_line(5, 10), 0u);
    press(Key::Kind::enter);
    EXPECT_EQ(controls_.page(), LivePage::ranking);
    press("?");
    EXPECT_EQ(controls_.page(), LivePage::help);
    press(Key::Kind::escape);
    EXPECT_EQ(controls_.page(), LivePage::ranking);
    press("w");
    EXPECT_EQ(controls_.page(), LivePage::findings);
    EXPECT_EQ(press("q"), LiveWish::none);
    EXPECT_EQ(controls_.page(), LivePage::ranking);
    model_.filter_by("nothing");
    press(Key::Kind::enter);  // there is no stack to open
    EXPECT_EQ(controls_.page(), LivePage::ranking);
}

}  // namespace
}  // namespace seep
