// SPDX-License-Identifier: Apache-2.0
#include "screen.h"

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include "buf.h"
#include "display.h"
#include "terminfo.h"
#include "util.h"

#define PASTE_ON "\033[?2004h"
#define PASTE_OFF "\033[?2004l"
#define MOUSE_OFF "\033[?1003l\033[?1002l\033[?1000l\033[?1006l"
#define SHAPE_OFF "\033[0 q"

// What puts the terminal back: static for a signal handler, and in shared memory for a process that
// outlives this one.
static struct rescue {
    int in_fd, out_fd;
    struct termios modes;
    char restore[256];
    size_t restore_len;
    volatile sig_atomic_t active;
} own, *rescue = &own;

// One screen at a time.
static struct {
    SCREEN *curses;
    FILE *in, *out;
    int in_fd, out_fd;
    bool tty, utf8, console, colours, own_colours, pastes, shapes, forget;
    enum terminal_mouse mouse;
    unsigned shape;
} scr;

#define PLAIN_WAY "nono run --ui plain and nono ui --plain need no screen"

bool
screen_possible(int out_fd)
{
    const char *term = getenv("TERM");

    return term && *term && terminfo_check(term, out_fd) != TERMINFO_NO_CURSOR;
}

static int
check_terminal(int in_fd, int out_fd, bool tty, struct err *err)
{
    const char *term = getenv("TERM");
    cleanup_free char *shown = display_str(term ? term : "", DISPLAY_QUOTE);

    if (tty && (!isatty(in_fd) || !isatty(out_fd)))
        return err_set(err, -ENOTTY, "no terminal for the screen (" PLAIN_WAY ")");
    switch (terminfo_check(term, out_fd)) {
    case TERMINFO_UNKNOWN:
        return err_set(err, -EINVAL, "TERM=%s: unknown terminal (set TERM, or " PLAIN_WAY ")",
                       shown);
    case TERMINFO_NO_CURSOR:
        return err_set(err, -EINVAL,
                       "TERM=%s: this terminal cannot move its cursor (" PLAIN_WAY ")", shown);
    case TERMINFO_GOOD:
        break;
    }
    return 0;
}

static void
prepare_restore(void)
{
    const char *term = getenv("TERM");
    cleanup_buf struct buf text = {0};

    scr.console = strncmp(term, "linux", 5) == 0;
    scr.pastes = strncmp(term, "vt1", 3) != 0 && !scr.console;
    scr.shapes = terminfo_has_cursor_shape(term, scr.out_fd);
    scr.mouse = TERMINAL_MOUSE_NONE;
    scr.shape = 0;
    if (scr.pastes)
        buf_puts(&text, PASTE_OFF MOUSE_OFF);
    if (scr.shapes)
        buf_puts(&text, SHAPE_OFF);
    terminfo_add_restore(&text);
    rescue->restore_len = text.len < sizeof rescue->restore ? text.len : sizeof rescue->restore;
    memcpy(rescue->restore, buf_str(&text), rescue->restore_len);
}

static void
on_no_signal(int sig)
{
}

// Does the person's terminal say that it shows direct colours, where its description does not? GNU
// screen passes the word on and not the colours.
static bool
says_direct(void)
{
    const char *word = getenv("COLORTERM");

    return word && (strcmp(word, "truecolor") == 0 || strcmp(word, "24bit") == 0) &&
           (strncmp(getenv("TERM"), "screen", 6) != 0 || getenv("TMUX"));
}

// curses takes another description by the environment alone. Other threads may be reading that:
// they see the one or the other, and what they may still see stays until the next time.
static SCREEN *
newterm_described(const char *description, FILE *out, FILE *in)
{
    static char **mine;
    char **before = environ;
    size_t n = 0;
    SCREEN *s;

    while (before[n])
        n++;
    if (mine)
        free(mine[0]);
    free(mine);
    mine = xcalloc(n + 2, sizeof *mine);
    mine[0] = xasprintf("TERMINFO=%s", description);
    memcpy(mine + 1, before, n * sizeof *mine);
    environ = mine;
    s = newterm(NULL, out, in);
    environ = before;
    return s;
}

// newterm() takes signals that have their default action, and from then on ignores SIGTSTP whenever
// it draws, which would lose one that waits for a signalfd. One that is taken it leaves alone for
// good.
static SCREEN *
newterm_without_signals(FILE *out, FILE *in)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGTSTP, SIGWINCH};
    struct sigaction taken = {.sa_handler = on_no_signal}, before[ARRAY_SIZE(signals)];
    cleanup_free char *direct = says_direct() ? terminfo_direct(getenv("TERM"), fileno(out)) : NULL;
    SCREEN *s;

    for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
        sigaction(signals[i], &taken, &before[i]);
    s = direct ? newterm_described(direct, out, in) : newterm(NULL, out, in);
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
        sigaction(signals[i], &before[i], NULL);
    return s;
}

static void
set_colours(void)
{
    const char *no = getenv("NO_COLOR");

    scr.colours = has_colors() && start_color() == OK && COLORS >= 8;
    if (scr.colours)
        use_default_colors();
    scr.own_colours = scr.colours && !(no && *no);
}

int
screen_open(int in_fd, int out_fd, bool tty, struct err *err)
{
    int ret = check_terminal(in_fd, out_fd, tty, err);

    if (ret < 0)
        return ret;
    scr.in_fd = rescue->in_fd = in_fd;
    scr.out_fd = rescue->out_fd = out_fd;
    scr.tty = tty && tcgetattr(in_fd, &rescue->modes) == 0;
    scr.in = fdopen(fcntl(in_fd, F_DUPFD_CLOEXEC, 3), "r");
    scr.out = fdopen(fcntl(out_fd, F_DUPFD_CLOEXEC, 3), "w");
    scr.curses = scr.in && scr.out ? newterm_without_signals(scr.out, scr.in) : NULL;
    if (!scr.curses) {
        if (scr.in)
            fclose(scr.in);
        if (scr.out)
            fclose(scr.out);
        return err_set(err, -EINVAL, "the terminal could not be set up (" PLAIN_WAY ")");
    }
    prepare_restore();
    scr.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    set_colours();
    typeahead(-1);
    leaveok(stdscr, FALSE);
    scrollok(stdscr, FALSE);
    screen_resume();
    return 0;
}

void
screen_resume(void)
{
    rescue->active = scr.tty;
    raw();
    noecho();
    nonl();
    screen_forget();
    screen_flush(false, 0, 0);
    if (scr.pastes && write_all(scr.out_fd, PASTE_ON, strlen(PASTE_ON)) < 0)
        return;
}

static void
send_sequence(const char *text)
{
    // A terminal that is gone is seen by whoever reads from it.
    if (write_all(scr.out_fd, text, strlen(text)) < 0)
        scr.forget = true;
}

void
screen_set_mouse(enum terminal_mouse mouse)
{
    static const char *const on[] = {
        [TERMINAL_MOUSE_CLICK] = "\033[?1000h\033[?1006h",
        [TERMINAL_MOUSE_DRAG] = "\033[?1002h\033[?1006h",
        [TERMINAL_MOUSE_MOVE] = "\033[?1003h\033[?1006h",
    };

    if (mouse == scr.mouse || !scr.pastes)
        return;
    send_sequence(MOUSE_OFF);
    if (mouse != TERMINAL_MOUSE_NONE)
        send_sequence(on[mouse]);
    scr.mouse = mouse;
}

void
screen_set_cursor_shape(unsigned shape)
{
    char text[16];

    if (shape == scr.shape || !scr.shapes)
        return;
    snprintf(text, sizeof text, "\033[%u q", shape);
    send_sequence(text);
    scr.shape = shape;
}

void
screen_suspend(void)
{
    screen_set_mouse(TERMINAL_MOUSE_NONE);
    screen_set_cursor_shape(0);
    if (scr.pastes && write_all(scr.out_fd, PASTE_OFF, strlen(PASTE_OFF)) < 0)
        scr.pastes = false;
    if (!terminfo_has_alternate()) {
        screen_erase();
        refresh();
    }
    endwin();
    if (scr.tty)
        tcsetattr(scr.in_fd, TCSADRAIN, &rescue->modes);
    rescue->active = 0;
}

void
screen_close(void)
{
    if (!scr.curses)
        return;
    if (!isendwin())
        screen_suspend();
    delscreen(scr.curses);
    scr.curses = NULL;
    fclose(scr.in);
    fclose(scr.out);
}

void
screen_emergency_restore(void)
{
    if (!rescue->active)
        return;
    rescue->active = 0;
    if (write(rescue->out_fd, rescue->restore, rescue->restore_len) >= 0)
        tcsetattr(rescue->in_fd, TCSANOW, &rescue->modes);
}

void
screen_share_restore(void)
{
    void *shared =
        mmap(NULL, sizeof *rescue, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared != MAP_FAILED)
        rescue = shared;
}

void
screen_set_size(unsigned rows, unsigned cols)
{
    resizeterm((int)rows, (int)cols);
    screen_forget();
}

void
screen_resize(void)
{
    struct winsize ws;

    if (ioctl(scr.out_fd, TIOCGWINSZ, &ws) == 0 && ws.ws_row && ws.ws_col)
        screen_set_size(ws.ws_row, ws.ws_col);
}

void
screen_size(unsigned *ret_rows, unsigned *ret_cols)
{
    *ret_rows = (unsigned)LINES;
    *ret_cols = (unsigned)COLS;
}

unsigned
screen_display_flags(void)
{
    // The font of Linux's own console has 512 characters at most: all others look the same there.
    return scr.utf8 && !scr.console ? 0 : DISPLAY_ASCII;
}

void
screen_erase(void)
{
    attr_set(A_NORMAL, 0, NULL);
    erase();
}

void
screen_forget(void)
{
    scr.forget = true;
}

void
screen_flush(bool cursor, unsigned row, unsigned col)
{
    if (scr.forget)
        clearok(curscr, TRUE);
    scr.forget = false;
    curs_set(cursor ? 1 : 0);
    move(cursor ? (int)row : LINES - 1, cursor ? (int)col : 0);
    refresh();
}

void
screen_bell(void)
{
    beep();
}

enum screen_notice
screen_notice_of(const char *word)
{
    if (!word)
        return SCREEN_NO_NOTICE;
    return strcmp(word, "osc9") == 0     ? SCREEN_OSC9
           : strcmp(word, "osc777") == 0 ? SCREEN_OSC777
                                         : SCREEN_NO_NOTICE;
}

void
screen_notify(enum screen_notice how)
{
    static const char *const texts[][2] = {
        [SCREEN_OSC9] = {"\033]9;nono: a request waits\a",
                         "\033Ptmux;\033\033]9;nono: a request waits\a\033\\"},
        [SCREEN_OSC777] = {"\033]777;notify;nono;a request waits\a",
                           "\033Ptmux;\033\033]777;notify;nono;a request waits\a\033\\"},
    };
    const char *term = getenv("TERM");
    bool tmux = strncmp(term, "tmux", 4) == 0, screen = strncmp(term, "screen", 6) == 0;

    if (how == SCREEN_NO_NOTICE || !scr.pastes || (screen && !getenv("TMUX")))
        return;
    // A multiplexer keeps what it does not know; tmux can be told to pass it on.
    send_sequence(texts[how][tmux || screen]);
}

// Nearest entry of the 6x6x6 cube or the grey ramp of the 256 colour palette.
static int
nearest_256(unsigned rgb)
{
    static const unsigned steps[] = {0, 95, 135, 175, 215, 255};
    const unsigned v[3] = {rgb >> 16 & 255, rgb >> 8 & 255, rgb & 255};
    unsigned cube[3], distance = 0;
    for (int i = 0; i < 3; i++) {
        cube[i] = v[i] < 48 ? 0 : v[i] < 115 ? 1 : (v[i] - 35) / 40;
        distance += (v[i] - steps[cube[i]]) * (v[i] - steps[cube[i]]);
    }
    unsigned mean = (v[0] + v[1] + v[2]) / 3;
    unsigned grey = mean < 8 ? 0 : mean > 238 ? 23 : (mean - 3) / 10;
    unsigned level = 8 + grey * 10, away = 0;
    for (int i = 0; i < 3; i++)
        away += (v[i] - level) * (v[i] - level);
    return away < distance ? 232 + (int)grey : 16 + (int)(36 * cube[0] + 6 * cube[1] + cube[2]);
}

// An entry of the 256 colour palette as red, green and blue, the way xterm has them.
static int
palette_rgb(int colour)
{
    static const int bright[] = {0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00,
                                 0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff};
    static const int steps[] = {0, 95, 135, 175, 215, 255};

    if (colour < 16)
        return bright[colour & 7];
    if (colour >= 232)
        return (8 + (colour - 232) * 10) * 0x010101;
    colour -= 16;
    return steps[colour / 36] << 16 | steps[colour / 6 % 6] << 8 | steps[colour % 6];
}

// A colour on this terminal: one with direct colours takes red, green and blue as they are; on one
// with fewer than 256, bright ones are the plain ones, the others their nearest corner of the cube.
static int
fit_colour(int colour)
{
    if (colour < 0)
        return -1;
    if (COLORS == TERMINFO_DIRECT)
        return colour;
    if (COLORS > 256)
        return colour & TERMINAL_RGB ? colour & 0xffffff
               : colour < 8          ? colour
                                     : palette_rgb(colour);
    if (colour & TERMINAL_RGB)
        colour = nearest_256((unsigned)colour & 0xffffff);
    if (colour < COLORS)
        return colour;
    if (colour < 16)
        return colour - 8;
    if (colour >= 232)
        return colour < 244 ? COLOR_BLACK : COLOR_WHITE;
    colour -= 16;
    return (colour / 36 >= 3 ? 1 : 0) | (colour / 6 % 6 >= 3 ? 2 : 0) | (colour % 6 >= 3 ? 4 : 0);
}

static int
pair_for(int fg, int bg)
{
    int pair;

    if (!scr.colours || (fg < 0 && bg < 0))
        return 0;
    pair = alloc_pair(fit_colour(fg), fit_colour(bg));
    return pair > 0 ? pair : 0;
}

static attr_t
look_attributes(enum look look, int *ret_pair)
{
    // Monochrome, and then the colours of 256 and of 8 with their attributes.
    static const struct {
        attr_t mono;
        int fg256, bg256;
        attr_t with256;
        int fg8, bg8;
        attr_t with8;
    } table[_LOOK_MAX] = {
        [LOOK_PLAIN] = {A_NORMAL, -1, -1, A_NORMAL, -1, -1, A_NORMAL},
        [LOOK_BAR] = {A_REVERSE, 252, 237, A_NORMAL, -1, -1, A_REVERSE},
        [LOOK_SELECTED] = {A_REVERSE, 231, 24, A_BOLD, -1, -1, A_REVERSE},
        [LOOK_HIGH] = {A_BOLD, 214, -1, A_BOLD, COLOR_YELLOW, -1, A_BOLD},
        [LOOK_NOTICE] = {A_NORMAL, 117, -1, A_NORMAL, COLOR_CYAN, -1, A_NORMAL},
        [LOOK_DIM] = {A_NORMAL, 245, -1, A_NORMAL, -1, -1, A_DIM},
        [LOOK_STRONG] = {A_BOLD, -1, -1, A_BOLD, -1, -1, A_BOLD},
        [LOOK_ARMED] = {A_REVERSE, 16, 117, A_BOLD, COLOR_BLACK, COLOR_CYAN, A_NORMAL},
        [LOOK_LOCKED] = {A_BOLD, 214, -1, A_NORMAL, COLOR_YELLOW, -1, A_NORMAL},
    };

    *ret_pair = 0;
    if (!scr.own_colours)
        return table[look].mono;
    if (COLORS >= 256) {
        *ret_pair = pair_for(table[look].fg256, table[look].bg256);
        return table[look].with256;
    }
    *ret_pair = pair_for(table[look].fg8, table[look].bg8);
    return table[look].with8;
}

// Puts one character with its marks; what the C library gives another width would shift the row.
static void
put_char(unsigned row, unsigned col, const uint32_t *chars, size_t n, unsigned width,
         attr_t attributes, int pair)
{
    wchar_t text[CCHARW_MAX + 1] = {0};
    cchar_t cell;

    for (size_t i = 0; i < n && i < CCHARW_MAX; i++)
        text[i] = (wchar_t)chars[i];
    if (!text[0] || text[0] < 0x20)
        text[0] = L' ', text[1] = 0;
    else if (text[0] > 0x7e && (!scr.utf8 || wcwidth(text[0]) != (int)width))
        text[0] = L'?', text[1] = 0;
    if (setcchar(&cell, text, attributes, (short)pair, &pair) == OK)
        mvadd_wch((int)row, (int)col, &cell);
    if (width == 2 && text[0] < 0x7f)
        put_char(row, col + 1, NULL, 0, 1, attributes, pair);
}

unsigned
screen_text(unsigned row, unsigned col, unsigned width, enum look look, const char *text)
{
    bool cut = display_width(text) > width;
    unsigned used = 0;
    int pair;
    attr_t attributes = look_attributes(look, &pair);

    for (;;) {
        size_t columns, length = display_unit(text, &columns);
        bool escape = text[0] == '\\' && length > 1;

        if (length == 0 || used + columns > width - cut)
            break;
        for (size_t i = 0; i < length;) {
            uint32_t chars[CCHARW_MAX] = {'?'};
            unsigned n = display_decode(text + i, length - i, &chars[0]);
            int w = n ? display_char_width(chars[0]) : -1;
            size_t count = 1;

            n = n ? n : 1;
            chars[0] = w < 1 ? '?' : chars[0];
            for (i += n; count < CCHARW_MAX && i < length && !escape; count++, i += n)
                if ((n = display_decode(text + i, length - i, &chars[count])) == 0)
                    break;
            put_char(row, col + used, chars, count, w == 2 ? 2 : 1,
                     escape ? attributes ^ A_REVERSE : attributes, pair);
            used += w == 2 ? 2 : 1;
        }
        text += length;
    }
    if (cut && used < width)
        put_char(row, col + used++, (uint32_t[]){'>'}, 1, 1, attributes ^ A_REVERSE, pair);
    for (unsigned i = used; i < width; i++)
        put_char(row, col + i, NULL, 0, 1, attributes, pair);
    return used;
}

void
screen_line(unsigned row, unsigned col, unsigned width, enum look look, bool heavy)
{
    int pair;
    attr_t attributes = look_attributes(look, &pair);
    uint32_t c = heavy ? 0x2501 : 0x2500;

    if (!scr.utf8)
        c = heavy ? '=' : '-';
    for (unsigned i = 0; i < width; i++)
        put_char(row, col + i, &c, 1, 1, attributes, pair);
}

// Line drawing of the agent on a terminal without it.
static uint32_t
ascii_for(uint32_t c)
{
    if (c < 0x2500 || c > 0x257f)
        return c;
    if (c == 0x2500 || c == 0x2501 || c == 0x2550)
        return '-';
    return c == 0x2502 || c == 0x2503 || c == 0x2551 ? '|' : '+';
}

void
screen_cell(unsigned row, unsigned col, const struct terminal_cell *c)
{
    attr_t attributes = (c->bold ? A_BOLD : 0) | (c->faint ? A_DIM : 0) |
                        (c->underline ? A_UNDERLINE : 0) | (c->reverse ? A_REVERSE : 0) |
                        (c->italic ? A_ITALIC : 0) | (c->blink ? A_BLINK : 0);
    uint32_t first;
    size_t n = 0;

    if (c->width == 0)
        return;
    while (n < ARRAY_SIZE(c->chars) && c->chars[n])
        n++;
    first = ascii_for(c->chars[0]);
    put_char(row, col, scr.utf8 ? c->chars : &first, scr.utf8 ? n : 1, c->width, attributes,
             pair_for(c->fg, c->bg));
}
