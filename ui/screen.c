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
#include <termios.h>
#include <unistd.h>

#include "display.h"
#include "util.h"

// Not <term.h>: its macros take words like "columns" away from everyone.
int setupterm(const char *term, int fd, int *ret_found);
char *tigetstr(const char *name);

#define PASTE_ON "\033[?2004h"
#define PASTE_OFF "\033[?2004l"
#define PAIRS_MAX 1024

// One screen at a time: what a signal handler needs must be static.
static struct {
    SCREEN *curses;
    FILE *in, *out;
    int in_fd, out_fd;
    struct termios modes;
    char restore[256];
    size_t restore_len;
    volatile sig_atomic_t active;
    bool utf8, colours, pastes;
    int palette; /* colours of the terminal: 8 or 256 */
    struct {
        int fg, bg;
    } pairs[PAIRS_MAX];
    int n_pairs;
} scr;

static int
check_terminal(int out_fd, struct err *err)
{
    int found;
    const char *term = getenv("TERM");
    cleanup_free char *shown = display_str(term ? term : "", DISPLAY_QUOTE);
    if (!isatty(out_fd))
        return err_set(err, -ENOTTY, "no terminal for the screen (use --ui none)");
    if (!term || setupterm(NULL, out_fd, &found) != OK)
        return err_set(err, -EINVAL, "TERM=%s: unknown terminal (set TERM, or use --ui none)",
                       shown);
    char *cup = tigetstr("cup");
    if (!cup || cup == (char *)-1)
        return err_set(err, -EINVAL,
                       "TERM=%s: this terminal cannot move its cursor (use --ui none)", shown);
    return 0;
}

static void
add_restore(const char *capability)
{
    const char *s = capability[0] == '\033' ? capability : tigetstr(capability);
    if (!s || s == (char *)-1)
        return;
    size_t n = strlen(s);
    if (scr.restore_len + n < sizeof scr.restore) {
        memcpy(scr.restore + scr.restore_len, s, n);
        scr.restore_len += n;
    }
}

static bool
colour_wanted(void)
{
    const char *no = getenv("NO_COLOR");
    return !(no && *no) && has_colors();
}

int
screen_open(int in_fd, int out_fd, struct err *err)
{
    int ret = check_terminal(out_fd, err);
    if (ret < 0)
        return ret;
    scr.in_fd = in_fd;
    scr.out_fd = out_fd;
    tcgetattr(in_fd, &scr.modes);
    scr.in = fdopen(fcntl(in_fd, F_DUPFD_CLOEXEC, 3), "r");
    scr.out = fdopen(fcntl(out_fd, F_DUPFD_CLOEXEC, 3), "w");
    scr.curses = scr.in && scr.out ? newterm(NULL, scr.out, scr.in) : NULL;
    if (!scr.curses)
        return err_set(err, -EINVAL, "the terminal could not be set up (use --ui none)");
    scr.restore_len = 0;
    scr.pastes = strncmp(getenv("TERM"), "vt1", 3) != 0 && strcmp(getenv("TERM"), "linux") != 0;
    add_restore("sgr0");
    add_restore("cnorm");
    add_restore("rmkx");
    if (scr.pastes)
        add_restore(PASTE_OFF);
    add_restore("rmcup");
    scr.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    scr.colours = colour_wanted();
    if (scr.colours) {
        start_color();
        use_default_colors();
        scr.palette = COLORS >= 256 ? 256 : 8;
    }
    scr.n_pairs = 1;
    set_escdelay(25);
    define_key("\033[200~", KEY_MAX + 1);
    define_key("\033[201~", KEY_MAX + 2);
    screen_resume();
    return 0;
}

void
screen_resume(void)
{
    raw();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    leaveok(stdscr, FALSE);
    clearok(stdscr, TRUE);
    refresh();
    scr.active = 1;
    if (scr.pastes)
        write_all(scr.out_fd, PASTE_ON, strlen(PASTE_ON));
}

void
screen_suspend(void)
{
    if (scr.pastes)
        write_all(scr.out_fd, PASTE_OFF, strlen(PASTE_OFF));
    endwin();
    tcsetattr(scr.in_fd, TCSADRAIN, &scr.modes);
    scr.active = 0;
}

void
screen_close(void)
{
    if (!scr.curses)
        return;
    screen_suspend();
    delscreen(scr.curses);
    scr.curses = NULL;
    fclose(scr.in);
    fclose(scr.out);
}

void
screen_emergency_restore(void)
{
    if (!scr.active)
        return;
    scr.active = 0;
    tcsetattr(scr.in_fd, TCSANOW, &scr.modes);
    if (write(scr.out_fd, scr.restore, scr.restore_len) < 0)
        return;
}

void
screen_resize(void)
{
    struct winsize ws;
    if (ioctl(scr.out_fd, TIOCGWINSZ, &ws) == 0 && ws.ws_row && ws.ws_col)
        resizeterm(ws.ws_row, ws.ws_col);
    clearok(stdscr, TRUE);
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
    return scr.utf8 ? 0 : DISPLAY_ASCII;
}

void
screen_begin(void)
{
    erase();
}

void
screen_end(bool cursor, unsigned row, unsigned col)
{
    curs_set(cursor ? 1 : 0);
    if (cursor)
        move((int)row, (int)col);
    refresh();
}

static int
fit_palette(int colour)
{
    if (colour < scr.palette)
        return colour;
    if (colour < 16)
        return colour - 8;
    if (colour >= 232)
        return colour < 244 ? COLOR_BLACK : COLOR_WHITE;
    int c = colour - 16;
    return (c / 36 >= 3 ? 1 : 0) | (c / 6 % 6 >= 3 ? 2 : 0) | (c % 6 >= 3 ? 4 : 0);
}

// The curses pair for two colours, made when it is first needed; 0 (the default) when there are too
// many.
static int
pair_for(int fg, int bg)
{
    if (!scr.colours || (fg < 0 && bg < 0))
        return 0;
    fg = fit_palette(fg);
    bg = fit_palette(bg);
    for (int i = 1; i < scr.n_pairs; i++)
        if (scr.pairs[i].fg == fg && scr.pairs[i].bg == bg)
            return i;
    if (scr.n_pairs >= PAIRS_MAX || scr.n_pairs >= COLOR_PAIRS)
        return 0;
    scr.pairs[scr.n_pairs].fg = fg;
    scr.pairs[scr.n_pairs].bg = bg;
    init_extended_pair(scr.n_pairs, fg, bg);
    return scr.n_pairs++;
}

static attr_t
look_attributes(enum look look, int *ret_pair)
{
    *ret_pair = 0;
    switch (look) {
    case LOOK_BAR:
        return A_REVERSE;
    case LOOK_SELECTED:
        return A_REVERSE | A_BOLD;
    case LOOK_HIGH:
        *ret_pair = pair_for(COLOR_YELLOW, -1);
        return A_BOLD;
    case LOOK_NOTICE:
        *ret_pair = pair_for(COLOR_CYAN, -1);
        return A_NORMAL;
    case LOOK_DIM:
        return A_DIM;
    case LOOK_STRONG:
        return A_BOLD;
    case LOOK_PLAIN:
        break;
    }
    return A_NORMAL;
}

unsigned
screen_text(unsigned row, unsigned col, unsigned width, enum look look, const char *text)
{
    struct buf cut = {0};
    int pair;
    attr_t attributes = look_attributes(look, &pair);
    unsigned used = (unsigned)display_clip(&cut, text, width);
    attr_set(attributes, (short)pair, &pair);
    mvaddstr((int)row, (int)col, buf_str(&cut));
    for (unsigned i = used; i < width; i++)
        mvaddch((int)row, (int)(col + i), ' ');
    attr_set(A_NORMAL, 0, NULL);
    buf_done(&cut);
    return used;
}

void
screen_cell(unsigned row, unsigned col, const struct terminal_cell *c)
{
    wchar_t text[CCHARW_MAX + 1] = {0};
    cchar_t cell;
    attr_t attributes = (c->bold ? A_BOLD : 0) | (c->underline ? A_UNDERLINE : 0) |
                        (c->reverse ? A_REVERSE : 0) | (c->italic ? A_ITALIC : 0) |
                        (c->blink ? A_BLINK : 0);
    if (c->width == 0)
        return;
    for (size_t i = 0; i < CCHARW_MAX && i < ARRAY_SIZE(c->chars) && c->chars[i]; i++)
        text[i] = (wchar_t)c->chars[i];
    // The emulator keeps printable characters only; what the locale can't show becomes a question
    // mark.
    if (!text[0] || text[0] < 0x20 || (text[0] >= 0x7f && text[0] < 0xa0))
        text[0] = L' ', text[1] = 0;
    else if (!scr.utf8 && text[0] > 0x7e)
        text[0] = L'?', text[1] = 0;
    int pair = pair_for(c->fg, c->bg);
    if (setcchar(&cell, text, attributes, (short)pair, &pair) == OK)
        mvadd_wch((int)row, (int)col, &cell);
}

static uint32_t
special_key(wint_t k)
{
    static const struct {
        wint_t curses;
        unsigned key;
    } map[] = {
        {KEY_ENTER, TK_ENTER}, {KEY_BTAB, TK_BACKTAB}, {KEY_BACKSPACE, TK_BACKSPACE},
        {KEY_UP, TK_UP},       {KEY_DOWN, TK_DOWN},    {KEY_LEFT, TK_LEFT},
        {KEY_RIGHT, TK_RIGHT}, {KEY_IC, TK_INS},       {KEY_DC, TK_DEL},
        {KEY_HOME, TK_HOME},   {KEY_END, TK_END},      {KEY_PPAGE, TK_PGUP},
        {KEY_NPAGE, TK_PGDN},
    };
    if (k == KEY_MAX + 1)
        return SCREEN_PASTE_START;
    if (k == KEY_MAX + 2)
        return SCREEN_PASTE_END;
    for (size_t i = 0; i < ARRAY_SIZE(map); i++)
        if (map[i].curses == k)
            return SCREEN_SPECIAL + map[i].key;
    for (unsigned n = 1; n <= 12; n++)
        if (k == KEY_F(n))
            return SCREEN_SPECIAL + TK_FUNCTION + n;
    return 0;
}

bool
screen_key(uint32_t *ret_key)
{
    wint_t k;
    for (;;) {
        int ret = get_wch(&k);
        if (ret == ERR)
            return false;
        *ret_key = ret == KEY_CODE_YES ? special_key(k) : (uint32_t)k;
        if (ret != KEY_CODE_YES || *ret_key)
            return true;
    }
}

void
screen_flush_input(void)
{
    flushinp();
}
