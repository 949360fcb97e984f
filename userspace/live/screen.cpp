// SPDX-License-Identifier: GPL-2.0-only
#include "live/screen.h"

#include <curses.h>
#include <langinfo.h>
#include <sys/ioctl.h>
#include <term.h>
#include <unistd.h>

#include <clocale>
#include <csignal>
#include <cstdlib>
#include <cwchar>
#include <string>
#include <string_view>

#include <fmt/format.h>

// ncurses has macros of these names.
#undef lines
#undef columns

namespace seep {
namespace {

enum Colour : short { red = 1, yellow = 2, green = 3 };

LiveSize terminal_size() {
    winsize size{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return {};
    return {size.ws_row, size.ws_col};
}

/// What a style of a Page is to ncurses; the codes are those of Page::styled().
attr_t attributes_of(std::string_view code) {
    const auto coloured = [](Colour colour) {
        return has_colors() ? static_cast<attr_t>(COLOR_PAIR(colour)) : attr_t{A_NORMAL};
    };
    if (code == "1") return A_BOLD;
    if (code == "2") return A_DIM;
    if (code == "1;31") return A_BOLD | coloured(red);
    if (code == "1;33") return A_BOLD | coloured(yellow);
    if (code == "32") return coloured(green);
    return A_NORMAL;
}

/// What the locale cannot show becomes a question mark.
std::string ascii(std::string_view text) {
    std::string result;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80) result += c;
        if (byte >= 0xc0) result += '?';
    }
    return result;
}

std::string utf8(wint_t character) {
    std::string text(MB_CUR_MAX, '\0');
    std::mbstate_t state{};
    const std::size_t size = std::wcrtomb(text.data(), static_cast<wchar_t>(character), &state);
    text.resize(size == static_cast<std::size_t>(-1) ? 0 : size);
    return text;
}

std::optional<Key> named_key(wint_t code) {
    using enum Key::Kind;
    switch (code) {
        case KEY_UP:
            return Key{up};
        case KEY_DOWN:
            return Key{down};
        case KEY_PPAGE:
            return Key{page_up};
        case KEY_NPAGE:
            return Key{page_down};
        case KEY_HOME:
            return Key{home};
        case KEY_END:
            return Key{end};
        case KEY_ENTER:
            return Key{enter};
        case KEY_BACKSPACE:
            return Key{backspace};
        default:
            return std::nullopt;
    }
}

std::optional<Key> character_key(wint_t code) {
    constexpr wint_t escape = 27;
    constexpr wint_t del = 127;
    if (code == '\r' || code == '\n') return Key{Key::Kind::enter};
    if (code == '\b' || code == del) return Key{Key::Kind::backspace};
    if (code == escape) return Key{Key::Kind::escape};
    return Key{Key::Kind::character, utf8(code)};
}

}  // namespace

struct Screen::State {
    SCREEN* terminal = nullptr;
    bool unicode = false;

    void add_line(int row, std::string_view text, attr_t over_all) const;
};

bool locale_has_unicode() {
    return std::setlocale(LC_CTYPE, "") != nullptr &&
           std::string_view(nl_langinfo(CODESET)) == "UTF-8";
}

Result<void> Screen::check() {
    constexpr const char* hint = "for scripts and pipes there is -b, which writes plain text";
    if (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0)
        return Error{ErrorKind::bad_input, "standard input and output are not a terminal", hint};
    int status = 0;
    if (setupterm(nullptr, STDOUT_FILENO, &status) != OK || tigetstr("cup") == nullptr) {
        const char* const term = std::getenv("TERM");
        return Error{ErrorKind::bad_input,
                     fmt::format("the terminal cannot be drawn on (TERM is {})",
                                 term == nullptr ? "not set" : printable(term, 40)),
                     "set TERM to what the terminal is; or use -b, which writes plain text"};
    }
    if (const LiveSize size = terminal_size(); is_too_small(size))
        return Error{
            ErrorKind::bad_input,
            fmt::format("the terminal is too small: it has {}x{}, {}x{} are needed", size.columns,
                        size.lines, least_live_size.columns, least_live_size.lines),
            hint};
    return {};
}

Result<std::unique_ptr<Screen>> Screen::open() {
    if (const Result<void> checked = check(); !checked) return checked.error();
    auto screen = std::unique_ptr<Screen>(new Screen);
    screen->state_ = std::make_unique<State>();
    screen->state_->unicode = locale_has_unicode();
    screen->state_->terminal = newterm(nullptr, stdout, stdin);
    if (screen->state_->terminal == nullptr)
        return Error{ErrorKind::failed, "the terminal cannot be set up", "use -b"};
    constexpr int escape_patience_ms = 100;  // a key's sequence may come in pieces over a network
    set_escdelay(escape_patience_ms);
    raw();
    noecho();
    nonl();
    nodelay(stdscr, TRUE);
    keypad(stdscr, TRUE);
    curs_set(0);
    if (std::getenv("NO_COLOR") == nullptr && has_colors()) {
        start_color();
        use_default_colors();
        init_pair(red, COLOR_RED, -1);
        init_pair(yellow, COLOR_YELLOW, -1);
        init_pair(green, COLOR_GREEN, -1);
    }
    return screen;
}

Screen::~Screen() {
    if (!state_ || state_->terminal == nullptr) return;
    endwin();
    delscreen(state_->terminal);
}

LiveSize Screen::size() const {
    int rows = 0;
    int width = 0;
    getmaxyx(stdscr, rows, width);
    return {static_cast<std::size_t>(rows), static_cast<std::size_t>(width)};
}

void Screen::resize() {
    const LiveSize now = terminal_size();
    resizeterm(static_cast<int>(now.lines), static_cast<int>(now.columns));
    clearok(stdscr, TRUE);
}

void Screen::State::add_line(int row, std::string_view text, attr_t over_all) const {
    move(row, 0);
    attrset(over_all);
    while (!text.empty()) {
        const std::size_t begin = text.find("\x1b[");
        const std::string plain(text.substr(0, begin));
        addstr((unicode ? plain : ascii(plain)).c_str());
        if (begin == std::string_view::npos) break;
        const std::size_t end = text.find('m', begin);
        attrset(attributes_of(text.substr(begin + 2, end - begin - 2)) | over_all);
        text.remove_prefix(end + 1);
    }
    attrset(A_NORMAL);
}

void Screen::show(const LiveScreen& screen) {
    erase();
    for (std::size_t i = 0; i < screen.lines.size(); ++i) {
        const bool selected = screen.selected == i;
        const int row = static_cast<int>(i);
        state_->add_line(row, screen.lines[i], selected ? attr_t{A_REVERSE} : attr_t{A_NORMAL});
        if (!selected) continue;
        // To the right edge.
        mvchgat(row, getcurx(stdscr), -1, A_REVERSE, 0, nullptr);
    }
    refresh();
}

std::optional<Key> Screen::read_key() {
    wint_t code = 0;
    while (true) {
        const int kind = get_wch(&code);
        if (kind == ERR) return std::nullopt;
        auto key = kind == KEY_CODE_YES ? named_key(code) : character_key(code);
        if (key) return key;
    }
}

void Screen::suspend() {
    def_prog_mode();
    endwin();
    raise(SIGSTOP);
    reset_prog_mode();
    resize();
}

}  // namespace seep
