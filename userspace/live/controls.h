// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// What keys do to a live view. Not thread-safe.

#include <cstddef>
#include <string>
#include <string_view>

#include "live/model.h"

namespace seep {

struct Key {
    enum class Kind {
        character,
        up,
        down,
        page_up,
        page_down,
        home,
        end,
        enter,
        escape,
        backspace
    };
    Kind kind = Kind::character;
    std::string text = {};  ///< Of a character, UTF-8.
};

enum class LivePage { ranking, stack, findings, help };

/// What a key asks of whoever runs the view.
enum class LiveWish { none, quit, suspend, save_flame_graph, save_recording };

class LiveControls {
 public:
    explicit LiveControls(LiveModel& model) : model_(&model) {}

    LiveWish press(const Key& key);

    [[nodiscard]] LivePage page() const { return page_; }
    /// Whether keys go into the filter, which holds while it is typed.
    [[nodiscard]] bool typing() const { return typing_; }
    /// Whether the view is to stay as it is while new reports come.
    [[nodiscard]] bool paused() const { return paused_; }
    /// The first line to show of a page with so many lines where `visible` fit.
    std::size_t first_line(std::size_t lines, std::size_t visible);
    /// How far the keys for a page go.
    void set_page_rows(std::size_t rows) { page_rows_ = rows; }

 private:
    void type(const Key& key);
    LiveWish press_character(std::string_view character);
    void scroll(std::ptrdiff_t lines);
    void open(LivePage page);
    void toggle(LivePage page);

    LiveModel* model_;
    LivePage page_ = LivePage::ranking;
    bool typing_ = false;
    bool paused_ = false;
    std::string filter_before_;
    std::size_t line_ = 0;
    std::size_t page_rows_ = 10;
};

}  // namespace seep
