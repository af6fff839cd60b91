// SPDX-License-Identifier: Apache-2.0
// What the outer terminal is told, and how the agent's own one is drawn in it.
#include "screen_helpers.h"

static void
check_notice(const char *term, const char *word, const char *sequence)
{
    __attribute__((cleanup(close_screen))) struct screen_test t = {.notify = word};
    const char *first;

    setenv("NONO_TEST_TERM", term, 1);
    open_screen_as(&t, 24, 80, true, "C.UTF-8");
    frame_after(&t, 20);
    for (uint64_t id = 1; id <= 3; id++)
        ui_add_request(t.ui, 0,
                       make_request(id, OP_READ, "/a\033]9;x\a", 0, RISK_NONE, "\033]777;t\a"));
    frame_after(&t, 20);
    first = memmem(t.raw.data, t.raw.len, sequence, strlen(sequence));
    cr_expect(first, "%s %s", term, word);
    cr_expect_null(first ? strstr(first + strlen(sequence), sequence) : NULL, "once");
    unsetenv("NONO_TEST_TERM");
}

Test(screens_terminal, the_terminal_is_told)
{
    static const char *const terms[] = {"linux", "vt100", "screen"};

    unsetenv("TMUX");
    check_notice("xterm-256color", "osc9", "\033]9;nono: a request waits\a");
    check_notice("xterm", "osc777", "\033]777;notify;nono;a request waits\a");
    check_notice("tmux-256color", "osc9", "\033Ptmux;\033\033]9;nono: a request waits\a\033\\");
    for (size_t i = 0; i < ARRAY_SIZE(terms); i++) {
        __attribute__((cleanup(close_screen))) struct screen_test t = {.notify = "osc9"};
        setenv("NONO_TEST_TERM", terms[i], 1);
        open_screen_as(&t, 24, 80, true, "C.UTF-8");
        ui_add_request(t.ui, 0, make_request(1, OP_READ, "/a", 0, RISK_NONE, ""));
        frame_after(&t, 20);
        cr_expect_null(memmem(t.raw.data, t.raw.len, "]9;", 3), "%s", terms[i]);
    }
    unsetenv("NONO_TEST_TERM");
}

// 38;2 as it came, and the nearest of what a terminal with fewer colours has.
Test(screens_terminal, direct_colour)
{
    static const char agent[] = "\033[38;2;18;52;86;48;2;254;220;186mX\033[0;38;5;196mY\033[m";
    VTermScreenCell cell;
    __attribute__((cleanup(close_screen))) struct screen_test t;

    char dir[] = "/tmp/nono-terminfo.XXXXXX";
    cr_assert(mkdtemp(dir));
    cleanup_free char *make = xasprintf("tic -x -o %s " NONO_TEST_DATA "/direct.ti", dir);
    cleanup_free char *gone = xasprintf("rm -rf %s", dir);
    cr_assert_eq(system(make), 0);
    setenv("TERMINFO", dir, 1);
    setenv("NONO_TEST_TERM", "nono-direct", 1);
    open_screen(&t, 24, 80, true, "C.UTF-8");
    unsetenv("NONO_TEST_TERM");
    unsetenv("TERMINFO");
    cr_assert_eq(system(gone), 0);
    ui_agent_output(t.ui, agent, sizeof agent - 1);
    frame_after(&t, 20);
    vterm_screen_get_cell(t.cells, (VTermPos){0, 0}, &cell);
    cr_assert_eq(cell.chars[0], 'X');
    cr_assert(VTERM_COLOR_IS_RGB(&cell.fg) && VTERM_COLOR_IS_RGB(&cell.bg));
    cr_expect_eq(cell.fg.rgb.red << 16 | cell.fg.rgb.green << 8 | cell.fg.rgb.blue, 0x123456);
    cr_expect_eq(cell.bg.rgb.red << 16 | cell.bg.rgb.green << 8 | cell.bg.rgb.blue, 0xfedcba);
    vterm_screen_get_cell(t.cells, (VTermPos){0, 1}, &cell);
    cr_assert_eq(cell.chars[0], 'Y');
    vterm_screen_convert_color_to_rgb(t.cells, &cell.fg);
    cr_expect_eq(cell.fg.rgb.red << 16 | cell.fg.rgb.green << 8 | cell.fg.rgb.blue, 0xff0000);
}

// A terminal of 256 colours that says COLORTERM: direct ones are as they are, the palette's stay
// the palette's. One that does not say so gets the nearest of the palette.
Test(screens_terminal, direct_colour_by_its_word)
{
    static const char agent[] = "\033[38;2;18;52;86;48;2;254;220;186mX\033[0;38;5;196mY"
                                "\033[0;91;104mZ\033[0;31;42mW\033[m";
    static const struct {
        const char *word;
        bool direct;
    } rows[] = {{"truecolor", true}, {"24bit", true}, {"yes", false}, {"", false}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        VTermScreenCell c[4];
        __attribute__((cleanup(close_screen))) struct screen_test t;

        setenv("COLORTERM", rows[i].word, 1);
        open_screen(&t, 24, 80, true, "C.UTF-8");
        cr_assert_null(getenv("TERMINFO"), "not for the children");
        unsetenv("COLORTERM");
        ui_agent_output(t.ui, agent, sizeof agent - 1);
        frame_after(&t, 20);
        for (int col = 0; col < 4; col++)
            vterm_screen_get_cell(t.cells, (VTermPos){0, col}, &c[col]);
        cr_assert_eq(c[0].chars[0], 'X');
        cr_assert_eq(VTERM_COLOR_IS_RGB(&c[0].fg), rows[i].direct);
        if (rows[i].direct) {
            cr_expect_eq(c[0].fg.rgb.red << 16 | c[0].fg.rgb.green << 8 | c[0].fg.rgb.blue,
                         0x123456);
            cr_expect_eq(c[0].bg.rgb.red << 16 | c[0].bg.rgb.green << 8 | c[0].bg.rgb.blue,
                         0xfedcba);
        }
        for (int col = 1; col < 4; col++)
            cr_assert(VTERM_COLOR_IS_INDEXED(&c[col].fg));
        cr_expect_eq(c[1].fg.indexed.idx, 196);
        cr_expect_eq(c[2].fg.indexed.idx, 9);
        cr_expect_eq(c[2].bg.indexed.idx, 12);
        cr_expect_eq(c[3].fg.indexed.idx, 1);
        cr_expect_eq(c[3].bg.indexed.idx, 2);
    }
}

Test(screens_terminal, faint_text_is_faint)
{
    static const char agent[] = "\033[2mfaint\033[22m not";
    __attribute__((cleanup(close_screen))) struct screen_test t;

    open_screen(&t, 24, 80, true, "C.UTF-8");
    frame_after(&t, 20);
    buf_reset(&t.raw);
    ui_agent_output(t.ui, agent, sizeof agent - 1);
    frame_after(&t, 20);
    cr_expect(strstr(buf_str(&t.raw), "2mfaint\033"), "%s", buf_str(&t.raw));
    cr_expect(strstr(buf_str(&t.raw), "m not"));
}

Test(screens_terminal, a_burst_decides_nothing)
{
    SCREEN(t, 24, 80, false);
    frame_after(&t, 700);
    ui_feed_input(t.ui, "dd", 2, now_ns);
    frame_after(&t, 700);
    ui_feed_input(t.ui, "\033[200~d\033[201~", 13, now_ns);
    frame_after(&t, 700);
    ui_feed_input(t.ui, "d", 1, now_ns);
    cr_assert_eq(t.decisions, 0, "locked by the paste");
    ui_feed_input(t.ui, "\035a", 2, now_ns);
    frame_after(&t, 20);
    frame_after(&t, 700);
    ui_feed_input(t.ui, "d", 1, now_ns);
    cr_assert_eq(t.decisions, 1);
    cr_assert_eq(t.decided.keys_ignored, 4);
}

Test(screens_terminal, keys_reach_the_agent_as_typed)
{
    static const char modes[] = "\033[?1h\033[?2004h\033[6n";
    static const char typed[] = "ls\r\x03\x1a\033x\xc3\xa9\033[1;5C\033[Z";
    SCREEN(t, 24, 80, true);

    ui_feed_input(t.ui, typed, sizeof typed - 1, now_ns);
    ui_feed_input(t.ui, "\035]", 2, now_ns);
    cr_assert_str_eq(buf_str(&t.to_agent), "ls\r\x03\x1a\033x\xc3\xa9\033[1;5C\033[Z\035");
    buf_reset(&t.to_agent);
    ui_agent_output(t.ui, modes, sizeof modes - 1);
    ui_feed_input(t.ui, "\033[A\033[200~a\nb\033[201~", 18, now_ns);
    cr_assert_str_eq(buf_str(&t.to_agent), "\033[4;1R\033OA\033[200~a\nb\033[201~");
}
