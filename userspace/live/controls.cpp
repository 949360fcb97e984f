// SPDX-License-Identifier: GPL-2.0-only
#include "live/controls.h"

#include <algorithm>
#include <limits>

namespace seep {
namespace {

constexpr std::string_view ctrl_c = "\x03";
constexpr std::string_view ctrl_z = "\x1a";
constexpr std::size_t longest_filter = 200;  // bytes

/// Text without its last character.
std::string shortened(std::string text) {
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0U) == 0x80)
        text.pop_back();
    if (!text.empty()) text.pop_back();
    return text;
}

bool is_control(std::string_view character) {
    return character.size() == 1 &&
           (static_cast<unsigned char>(character[0]) < ' ' || character[0] == 0x7f);
}

}  // namespace

void LiveControls::open(LivePage page) {
    page_ = page;
    line_ = 0;
}

/// From any page to this one, from this one back.
void LiveControls::toggle(LivePage page) {
    open(page_ == page ? LivePage::ranking : page);
}

std::size_t LiveControls::first_line(std::size_t lines, std::size_t visible) {
    return line_ = std::min(line_, lines > visible ? lines - visible : 0);
}

void LiveControls::scroll(std::ptrdiff_t lines) {
    if (page_ == LivePage::ranking) return model_->move(lines);
    const auto at = static_cast<std::ptrdiff_t>(line_);
    line_ = static_cast<std::size_t>(std::max(at + lines, std::ptrdiff_t{0}));
}

void LiveControls::type(const Key& key) {
    switch (key.kind) {
        case Key::Kind::enter:
            typing_ = false;
            break;
        case Key::Kind::escape:
            typing_ = false;
            model_->filter_by(filter_before_);
            break;
        case Key::Kind::backspace:
            model_->filter_by(shortened(model_->filter()));
            break;
        case Key::Kind::character:
            if (!is_control(key.text) && model_->filter().size() < longest_filter)
                model_->filter_by(model_->filter() + key.text);
            break;
        default:
            scroll(key.kind == Key::Kind::up ? -1 : key.kind == Key::Kind::down ? 1 : 0);
    }
}

LiveWish LiveControls::press_character(std::string_view character) {
    if (character == "q") {
        // As in other programs: what is on top goes first, lest a slip ends hours of watching.
        if (page_ == LivePage::ranking) return LiveWish::quit;
        open(LivePage::ranking);
        return LiveWish::none;
    }
    if (character == "f") return LiveWish::save_flame_graph;
    if (character == "r") return LiveWish::save_recording;
    if (character == " ") paused_ = !paused_;
    if (character == "j") scroll(1);
    if (character == "k") scroll(-1);
    if (character == "?" || character == "h") toggle(LivePage::help);
    if (character == "w") toggle(LivePage::findings);
    if (page_ != LivePage::ranking) return LiveWish::none;
    if (character == "s") model_->sort_by_next();
    if (character == "g") model_->sort_by(SortBy::growth);
    if (character == "l") model_->sort_by(SortBy::live);
    if (character == "c") model_->sort_by(SortBy::count);
    if (character == "a") model_->sort_by(SortBy::allocated);
    if (character == "v") model_->toggle_only_growing();
    if (character == "/") {
        typing_ = true;
        filter_before_ = model_->filter();
    }
    return LiveWish::none;
}

LiveWish LiveControls::press(const Key& key) {
    if (key.kind == Key::Kind::character && key.text == ctrl_c) return LiveWish::quit;
    if (key.kind == Key::Kind::character && key.text == ctrl_z) return LiveWish::suspend;
    if (typing_) {
        type(key);
        return LiveWish::none;
    }
    const auto page = static_cast<std::ptrdiff_t>(std::max<std::size_t>(page_rows_, 2) - 1);
    switch (key.kind) {
        case Key::Kind::character:
            return press_character(key.text);
        case Key::Kind::up:
            scroll(-1);
            break;
        case Key::Kind::down:
            scroll(1);
            break;
        case Key::Kind::page_up:
            scroll(-page);
            break;
        case Key::Kind::page_down:
            scroll(page);
            break;
        case Key::Kind::home:
            if (page_ == LivePage::ranking) model_->move_to_first();
            line_ = 0;
            break;
        case Key::Kind::end:
            if (page_ == LivePage::ranking) model_->move_to_last();
            line_ = std::numeric_limits<std::ptrdiff_t>::max() / 2;
            break;
        case Key::Kind::enter:
            if (page_ != LivePage::ranking)
                open(LivePage::ranking);
            else if (model_->selected_stack() != nullptr)
                open(LivePage::stack);
            break;
        case Key::Kind::escape:
        case Key::Kind::backspace:
            if (page_ == LivePage::ranking)
                model_->filter_by("");
            else
                open(LivePage::ranking);
            break;
    }
    return LiveWish::none;
}

}  // namespace seep
