// SPDX-License-Identifier: Apache-2.0
// The agent's terminal: what it shows, keeps, answers, drops and passes on.
#include <criterion/criterion.h>
#include <string.h>

#include "../../ui/sift.h"
#include "../../ui/terminal.h"
#include "buf.h"
#include "util.h"

static void
on_reply(void *ctx, const void *data, size_t n)
{
    buf_add(ctx, data, n);
}

struct term_test {
    struct terminal *t;
    struct buf reply;
};

static void
close_term(struct term_test *x)
{
    terminal_free(x->t);
    buf_done(&x->reply);
}

#define TERM(x, rows, cols)                                                                        \
    __attribute__((cleanup(close_term))) struct term_test x = {0};                                 \
    x.t = terminal_new(rows, cols, on_reply, &x.reply)

static void
feed(struct term_test *x, const char *s)
{
    terminal_feed(x->t, s, strlen(s));
}

static char *
row_text(const struct terminal *t, size_t back, unsigned row)
{
    struct buf b = {0};
    struct terminal_cell c;
    unsigned rows, cols;

    terminal_size(t, &rows, &cols);
    for (unsigned col = 0; col < cols; col++) {
        terminal_cell_back(t, back, row, col, &c);
        if (c.width)
            buf_putc(&b, c.chars[0] && c.chars[0] < 0x80 ? (char)c.chars[0]
                         : c.chars[0]                    ? '?'
                                                         : ' ');
    }
    while (b.len && b.data[b.len - 1] == ' ')
        b.data[--b.len] = 0;
    return buf_steal(&b);
}

static void
expect_row(const struct terminal *t, size_t back, unsigned row, const char *want)
{
    cleanup_free char *got = row_text(t, back, row);

    cr_expect_str_eq(got, want, "back %zu row %u: '%s'", back, row, got);
}

static void
print_lines(struct term_test *x, int n)
{
    for (int i = 1; i <= n; i++) {
        cleanup_free char *line = xasprintf("line %d%s", i, i < n ? "\r\n" : "");
        feed(x, line);
    }
}

Test(terminal, history_is_kept_and_found)
{
    TERM(x, 5, 40);
    size_t back = 0;

    print_lines(&x, 100);
    cr_assert_eq(terminal_history(x.t), 95);
    expect_row(x.t, 0, 4, "line 100");
    expect_row(x.t, 95, 0, "line 1");
    expect_row(x.t, 95, 4, "line 5");
    expect_row(x.t, 3, 0, "line 93");
    expect_row(x.t, 1000, 0, "line 1");
    cr_assert(terminal_find(x.t, "LINE 42", true, &back));
    expect_row(x.t, back, 0, "line 42");
    cr_assert(terminal_find(x.t, "line 4", true, &back));
    expect_row(x.t, back, 0, "line 41");
    cr_assert(terminal_find(x.t, "line 50", false, &back));
    expect_row(x.t, back, 0, "line 50");
    cr_assert_not(terminal_find(x.t, "nowhere", true, &back));
    expect_row(x.t, back, 0, "line 50");
}

Test(terminal, history_is_bounded)
{
    TERM(x, 5, 40);

    print_lines(&x, 10000);
    cr_assert_eq(terminal_history(x.t), 2000);
    cr_assert_eq(terminal_pushed(x.t), 9995);
    expect_row(x.t, 2000, 0, "line 7996");
}

Test(terminal, history_comes_back_when_it_grows)
{
    TERM(x, 5, 40);

    print_lines(&x, 20);
    terminal_resize(x.t, 10, 40);
    expect_row(x.t, 0, 0, "line 11");
    expect_row(x.t, 0, 9, "line 20");
    cr_assert_eq(terminal_history(x.t), 10);
    terminal_resize(x.t, 3, 4);
    terminal_resize(x.t, 24, 80);
    expect_row(x.t, terminal_history(x.t), 0, "line 1");
}

Test(terminal, a_full_screen_program_leaves_no_history)
{
    TERM(x, 5, 40);

    print_lines(&x, 5);
    feed(&x, "\033[?1049h");
    print_lines(&x, 50);
    cr_assert_eq(terminal_history(x.t), 0);
    feed(&x, "\033[?1049l");
    expect_row(x.t, 0, 4, "line 5");
}

static struct input_key
mouse(unsigned button, bool release)
{
    return (struct input_key){.code = INPUT_MOUSE, .button = button, .release = release};
}

Test(terminal, the_mouse_is_passed_on_when_asked_for)
{
    TERM(x, 24, 80);
    struct input_key down = mouse(0, false), up = mouse(0, true), wheel = mouse(64, false);

    terminal_mouse(x.t, &down, 3, 5);
    cr_assert_eq(x.reply.len, 0, "nobody asked");
    feed(&x, "\033[?1000h\033[?1006h");
    cr_assert_eq(terminal_mouse_wanted(x.t), TERMINAL_MOUSE_CLICK);
    terminal_mouse(x.t, &down, 3, 5);
    terminal_mouse(x.t, &up, 3, 5);
    terminal_mouse(x.t, &wheel, 3, 5);
    terminal_mouse(x.t, &down, 24, 0);
    cr_assert_str_eq(buf_str(&x.reply), "\033[<0;6;4M\033[<0;6;4m\033[<64;6;4M");
    feed(&x, "\033[?1002h");
    cr_assert_eq(terminal_mouse_wanted(x.t), TERMINAL_MOUSE_DRAG);
    feed(&x, "\033[?1003h");
    cr_assert_eq(terminal_mouse_wanted(x.t), TERMINAL_MOUSE_MOVE);
    feed(&x, "\033[?1003l");
    cr_assert_eq(terminal_mouse_wanted(x.t), TERMINAL_MOUSE_NONE);
}

Test(terminal, shape_of_the_cursor)
{
    static const unsigned shapes[] = {1, 2, 3, 4, 5, 6};
    TERM(x, 24, 80);

    cr_assert_eq(terminal_cursor_shape(x.t), 0);
    for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
        cleanup_free char *s = xasprintf("\033[%u q", shapes[i]);
        feed(&x, s);
        cr_expect_eq(terminal_cursor_shape(x.t), shapes[i], "%u", terminal_cursor_shape(x.t));
    }
}

Test(terminal, colours)
{
    TERM(x, 24, 80);
    struct terminal_cell c;

    feed(&x, "\033[31ma\033[38;5;200mb\033[38;2;18;52;86mc\033[48;2;1;2;3md\033[0me");
    terminal_cell(x.t, 0, 0, &c);
    cr_expect_eq(c.fg, 1);
    terminal_cell(x.t, 0, 1, &c);
    cr_expect_eq(c.fg, 200);
    terminal_cell(x.t, 0, 2, &c);
    cr_expect_eq(c.fg, TERMINAL_RGB | 0x123456);
    terminal_cell(x.t, 0, 3, &c);
    cr_expect_eq(c.bg, TERMINAL_RGB | 0x010203);
    terminal_cell(x.t, 0, 4, &c);
    cr_expect_eq(c.fg, -1);
    cr_expect_eq(c.bg, -1);
}

// Documented in nono-keys(7): what is answered, and that all else goes nowhere.
Test(terminal, questions_and_requests)
{
    static const struct {
        const char *output, *reply;
    } rows[] = {
        {"\033[6n", "\033[1;1R"}, {"\033[5n", "\033[0n"},        {"\033[c", "\033[?1;2c"},
        {"\033]0;title\a", ""},   {"\033]2;title\033\\", ""},    {"\033]8;;http://x\033\\", ""},
        {"\033]9;note\a", ""},    {"\033]777;notify;a;b\a", ""}, {"\033]52;c;AAAA\a", ""},
        {"\033]52;c;?\a", ""},    {"\033]10;?\a", ""},           {"\033]11;?\a", ""},
        {"\033]4;1;?\a", ""},     {"\033P+q544e\033\\", ""},     {"\033[21t", ""},
        {"\033[18t", ""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        TERM(x, 24, 80);
        feed(&x, rows[i].output);
        cr_expect_str_eq(buf_str(&x.reply), rows[i].reply, "%zu", i);
        expect_row(x.t, 0, 0, "");
    }
}

// As xterm has it: of the attributes of the moment, what is erased takes the background alone.
Test(terminal, the_erased_is_neither_reverse_nor_underlined)
{
    struct terminal_cell c;
    TERM(x, 24, 80);

    feed(&x, "\033[1;3;4;5;7;44m\033[2K ");
    terminal_cell(x.t, 0, 0, &c);
    cr_expect(c.reverse && c.underline && c.bold && c.italic && c.blink,
              "a blank that was written");
    terminal_cell(x.t, 0, 1, &c);
    cr_expect(!c.reverse && !c.underline && !c.bold && !c.italic && !c.blink);
    cr_expect_eq(c.bg, 4);
    feed(&x, "\033[?5h");
    terminal_cell(x.t, 0, 1, &c);
    cr_expect(c.reverse, "the screen as a whole");
}

// libvterm alone crashes at the erasure.
Test(terminal, the_cursor_stays_inside_when_it_shrinks)
{
    TERM(x, 24, 80);

    feed(&x, "\n\n\nX\033[H");
    terminal_resize(x.t, 2, 65);
    feed(&x, "\033[Ky");
    expect_row(x.t, 0, 0, "y");
}

// Likewise.
Test(terminal, margins_do_not_outlive_their_rows)
{
    TERM(x, 24, 80);

    feed(&x, "\033[10;20r\033[3;7Hab\033[31");
    terminal_resize(x.t, 6, 80);
    feed(&x, ";1mc\033[L\033[M\033[20S");
    terminal_resize(x.t, 24, 80);
    feed(&x, "\033[2J\033[Hd");
    expect_row(x.t, 0, 0, "d");
}

// libvterm alone writes below its rows.
Test(terminal, a_saved_cursor_does_not_outlive_its_rows)
{
    static const char *const restores[] = {"\0338", "\033[?1048l", "\033[?1049l"};
    unsigned row, col;

    for (size_t i = 0; i < ARRAY_SIZE(restores); i++) {
        TERM(x, 24, 80);
        feed(&x, "\033[24;80H\0337");
        terminal_resize(x.t, 6, 30);
        feed(&x, restores[i]);
        terminal_cursor(x.t, &row, &col);
        cr_expect(row < 6 && col < 30, "%zu: %u,%u", i, row, col);
        feed(&x, "\033#6\033[L\r\033[Kd");
        expect_row(x.t, 0, row, "d");
    }
}

// libvterm alone never returns from some of these.
Test(terminal, repeated_characters, .timeout = 20)
{
    static const struct {
        const char *output, *row;
    } rows[] = {
        {"\033[5b", ""},
        {"\xcc\x81\033[5b", "?"},
        {"\033]0;x\033[5b", ""},
        {"\033P\033[5bx", "x"},
        {"\033([5b", ""},
        {"\033[;5b", ""},
        {"\033[5\x7f\x01"
         "b",
         ""},
        {"\033c\033[b", ""},
        {"ab\033[3bc", "abbbbc"},
        {"a\033[b", "aa"},
        {"a\033[0b", "aa"},
        {"a\033[38;2;1;2;3mb\033[2b", "abbb"},
        {"a\033[?3b", "a"},
        {"\xe6\xbc\xa2\033[1bx", "??x"},
        {"x\033[999999999999b\033[Hy", "yxxx"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        for (int piecewise = 0; piecewise < 2; piecewise++) {
            TERM(x, 2, i + 1 == ARRAY_SIZE(rows) ? 4 : 40);
            for (const char *p = rows[i].output; piecewise && *p; p++)
                terminal_feed(x.t, p, 1);
            if (!piecewise)
                feed(&x, rows[i].output);
            expect_row(x.t, 0, 0, rows[i].row);
        }
    }
}

// libvterm alone writes what the agent likes behind its sixteen numbers, into what it calls next.
Test(terminal, more_numbers_than_libvterm_holds)
{
    static const char *const ways[] = {
        "",
        "\033[1",
        "\033[1\033]0;title\a",
        "\033[1\033\\",
        "\033[1\033Pq\033\\",
        "\033[1\033(",
        "\033[1\033                 ",
        "\033[1\033\xc3\xa4",
        "\033[1\xc3\xa4",
        "\033[1\177\001",
        "\033[1 2",
        "\033[1?2",
        "\033[?1",
        "\033([1",
        "\033[1\033_x\030",
    };
    struct terminal_cell c;

    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        for (int colons = 0; colons < 2; colons++) {
            TERM(x, 24, 80);
            feed(&x, ways[i]);
            feed(&x, "\033[");
            for (int n = 0; n < 200; n++)
                feed(&x, colons ? "77:" : "77;");
            feed(&x, "m");
            feed(&x, ways[i]);
            for (int n = 0; n < 200; n++)
                feed(&x, colons ? "77:" : "77;");
            feed(&x, "m\033c\033[38;2;1;2;3;48;2;4;5;6;1;3;4;7;9;53;5;5;5mX");
            terminal_cell(x.t, 0, 0, &c);
            cr_expect_eq(c.chars[0], 'X', "%zu", i);
            cr_expect(c.bold && c.italic && c.underline && c.reverse && c.blink, "%zu", i);
            cr_expect_eq(c.fg, TERMINAL_RGB | 0x010203);
        }
    }
}

Test(terminal, pens)
{
    static const struct {
        const char *sgr;
        bool bold, faint, italic, underline;
        int fg;
    } rows[] = {
        {"\033[2m", false, true, false, false, -1},
        {"\033[1;2m", true, true, false, false, -1},
        {"\033[2;22m", false, false, false, false, -1},
        {"\033[1;2;22;3m", false, false, true, false, -1},
        {"\033[2;0;3m", false, false, true, false, -1},
        {"\033[2;;3m", false, false, true, false, -1},
        {"\033[2m\033[m", false, false, false, false, -1},
        {"\033[11m", false, false, false, false, -1},
        {"\033[2;10m", false, true, false, false, -1},
        {"\033[38;5;2m", false, false, false, false, 2},
        {"\033[38;2;2;2;2m", false, false, false, false, TERMINAL_RGB | 0x020202},
        {"\033[38:5:2m", false, false, false, false, 2},
        {"\033[2;38;5;9;2m", false, true, false, false, 9},
        {"\033[58;2;1;2;3m", false, false, false, false, -1},
        {"\033[58:2::1:2:3;1m", true, false, false, false, -1},
        {"\033[4:3;58;5;2;31m", false, false, false, true, 1},
        {"\033[38;5m", false, false, false, false, -1},
        {"\033[38m", false, false, false, false, -1},
        {"\033[?2m", false, false, false, false, -1},
        {"\033[2 m", false, false, false, false, -1},
        {"\033[2 1m", false, false, false, false, -1},
        {"\033[1?2m", false, false, false, false, -1},
        {"\033[2\033[1m", true, false, false, false, -1},
    };
    struct terminal_cell c;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        TERM(x, 2, 40);
        feed(&x, rows[i].sgr);
        feed(&x, "X");
        terminal_cell(x.t, 0, 0, &c);
        cr_expect(c.chars[0] == 'X' && c.bold == rows[i].bold && c.faint == rows[i].faint &&
                      c.italic == rows[i].italic && c.underline == rows[i].underline &&
                      c.fg == rows[i].fg && c.bg == -1,
                  "%zu: %s", i, rows[i].sgr + 1);
    }
}

Test(terminal, numbers_of_any_length)
{
    TERM(x, 24, 80);
    struct terminal_cell c;

    feed(&x, "\033[2147483648;2147483649;99999999999999999999999999m");
    feed(&x, "\033[2147483648A\033[4294967297B\033[H\033[0000000001;1mX");
    terminal_cell(x.t, 0, 0, &c);
    cr_expect_eq(c.chars[0], 'X');
    cr_expect(c.bold);
}

// libvterm alone writes two characters for the byte that breaks one off, into room for one.
Test(terminal, broken_characters)
{
    static const struct {
        const char *output, *row; /* a question mark is U+FFFD or what else is not ASCII */
    } rows[] = {
        {"a\xe6z", "a?z"},
        {"a\xe6\xbcz", "a?z"},
        {"a\xe6\xbc\xa2z", "a?z"},
        {"\xc3\xc3\xa4\xc3", "??"},
        {"\xff\xfe\x80\xc0y", "????y"},
        {"\xed\xa0\x80y", "?y"},
        {"\xf4\x90\x80\x80y", "?y"},
        {"a\xc2\x9by", "a?y"},
        {"a\xe6\033[my", "a?y"},
        {"a\xe6\ry", "y?"},
        {"\033[\xc3\xa4y", "?y"},
        {"a\xe6\033]x\az", "a?z"},
        {"\033)\xe6\xbc\xa2y", "?y"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        for (int piecewise = 0; piecewise < 2; piecewise++) {
            TERM(x, 2, 40);
            for (const char *p = rows[i].output; piecewise && *p; p++)
                terminal_feed(x.t, p, 1);
            if (!piecewise)
                feed(&x, rows[i].output);
            expect_row(x.t, 0, 0, rows[i].row);
        }
    }
}

static size_t sifted;

static void
count_sifted(void *ctx, const char *data, size_t n)
{
    size_t *pieces = ctx;

    cr_expect_leq(n, SIFT_PIECE);
    sifted += n;
    ++*pieces;
}

// libvterm alone keeps as many marks on one character as memory has room for.
Test(terminal, marks_without_end)
{
    static const char *const marks[] = {"\xcc\x81",        "\xe2\x80\x8d", "\xdb\x9e",
                                        "\xe1\x9c\xb4",    "\xe3\x80\xae", "\xef\xb8\x8f",
                                        "\xf3\xa0\x84\x80"};
    size_t pieces = 0;

    for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
        struct sift s = {0};
        sifted = 0;
        sift_feed(&s, "a", 1, count_sifted, &pieces);
        for (int n = 0; n < 1000; n++)
            sift_feed(&s, marks[i], strlen(marks[i]), count_sifted, &pieces);
        cr_expect_eq(sifted, 1 + SIFT_MARKS_MAX * strlen(marks[i]), "%zu: %zu", i, sifted);
    }
}

// libvterm alone puts all of it on the stack, several times.
Test(terminal, much_at_once)
{
    struct sift s = {0};
    cleanup_free char *text = xmalloc(1 << 20);
    size_t pieces = 0;

    memset(text, 'x', 1 << 20);
    sifted = 0;
    sift_feed(&s, text, 1 << 20, count_sifted, &pieces);
    cr_expect_eq(sifted, 1 << 20);
    cr_expect_eq(pieces, (1 << 20) / SIFT_PIECE);
}

Test(terminal, odd_characters_in_cells)
{
    TERM(x, 24, 80);
    struct terminal_cell c;

    feed(&x, "a\xe2\x80\xae"
             "b\xe2\x80\x8b"
             "c\xc2\x9b"
             "31md");
    for (unsigned col = 0; col < 80; col++) {
        terminal_cell(x.t, 0, col, &c);
        for (size_t i = 0; i < 6 && c.chars[i]; i++)
            cr_expect(c.chars[i] >= 0x20 && c.chars[i] != 0x202e && c.chars[i] != 0x200b &&
                      (c.chars[i] < 0x7f || c.chars[i] > 0x9f));
    }
}

static void
drop_reply(void *ctx, const void *data, size_t n)
{
}

static void
text_of(const struct terminal *t, struct buf *out)
{
    unsigned rows, cols, row, col;
    struct terminal_cell c;

    terminal_size(t, &rows, &cols);
    buf_printf(out, "%ux%u cursor %d ", rows, cols, terminal_cursor(t, &row, &col));
    buf_printf(out, "%u,%u mouse %d\n", row, col, (int)terminal_mouse_wanted(t));
    for (row = 0; row < rows; row++)
        for (col = 0; col < cols; col++) {
            terminal_cell(t, row, col, &c);
            buf_printf(out, "%x:%u:%d%d%d:%d:%d ", c.chars[0], c.width, c.bold, c.underline,
                       c.reverse, c.fg, c.bg);
        }
}

// A piece of output, or a new size: the same for the same number.
static void
feed_piece(struct terminal *t, unsigned n)
{
    static const char *const pieces[] = {
        "plain text\r\n",  "\033[31;1mred\033[0m",
        "\033[?1049h",     "\033[?1049l",
        "\033[2J\033[H",   "\033[3;7r",
        "\033[r",          "\033[?25l",
        "\033[?25h",       "\033[?1000h",
        "\033[10;10Hhere", "\xe6\xbc\xa2\xe5\xad\x97",
        "\033[",           "4m",
        "\033[L",          "\n\n\n\n\n",
        "\033(0qqq\033(B", "\0337",
        "\0338",           "\033[5b",
        "\033]0;a title",  "\a",
        "\xe2\x82",        "\xac",
        "\033[?6h",        "\033[?7l",
    };
    unsigned kind = n * 2654435761u >> 16;

    if (kind % 128 == 5)
        terminal_resize(t, 4 + kind / 16 % 30, 10 + kind / 512 % 90);
    else
        terminal_feed(t, pieces[kind % ARRAY_SIZE(pieces)],
                      strlen(pieces[kind % ARRAY_SIZE(pieces)]));
}

// Going back and on again is as if nobody had gone back.
Test(copies, a_copy_goes_on_as_the_terminal_did)
{
    enum { PIECES = 2000, EVERY = 100 };
    struct terminal *t = terminal_new(24, 80, drop_reply, NULL);
    struct terminal_copy *copies[PIECES / EVERY];
    struct buf texts[PIECES / EVERY] = {0};
    size_t bytes = 0;

    terminal_keep(t);
    for (unsigned i = 0; i < PIECES; i++) {
        if (i % EVERY == 0) {
            copies[i / EVERY] = terminal_copy(t, &bytes);
            text_of(t, &texts[i / EVERY]);
            cr_assert(bytes > 1000);
        }
        feed_piece(t, i);
    }
    for (unsigned round = 0; round < 30; round++) {
        unsigned from = round * 7 % (PIECES / EVERY), to = from;

        cr_assert(terminal_restore(t, copies[from]));
        for (unsigned i = from * EVERY; to < PIECES / EVERY && to < from + 4; i++) {
            if (i % EVERY == 0) {
                cleanup_buf struct buf text = {0};
                text_of(t, &text);
                cr_assert_str_eq(buf_str(&text), buf_str(&texts[to]), "copy %u at %u", from, to);
                to++;
            }
            feed_piece(t, i);
        }
    }
    for (unsigned i = 0; i < PIECES / EVERY; i++) {
        terminal_copy_free(copies[i]);
        buf_done(&texts[i]);
    }
    terminal_free(t);
}

Test(copies, a_reversed_screen)
{
    struct terminal *t = terminal_new(24, 80, drop_reply, NULL);
    struct terminal_cell c;
    size_t bytes;

    terminal_keep(t);
    struct terminal_copy *copy = terminal_copy(t, &bytes);
    terminal_feed(t, "\033[?5h", 5);
    terminal_cell(t, 3, 3, &c);
    cr_assert(c.reverse);
    cr_assert(terminal_restore(t, copy));
    terminal_cell(t, 3, 3, &c);
    cr_assert(!c.reverse);
    terminal_copy_free(copy);
    terminal_free(t);
}

Test(copies, too_many_changes_of_size_give_them_up)
{
    struct terminal *t = terminal_new(24, 80, drop_reply, NULL);
    size_t bytes;

    terminal_keep(t);
    struct terminal_copy *copy = terminal_copy(t, &bytes);
    for (unsigned i = 0; i < 200; i++)
        terminal_resize(t, 100 + i % 2, 300);
    cr_assert(!terminal_restore(t, copy));
    terminal_feed(t, "x", 1);
    terminal_copy_free(terminal_copy(t, &bytes));
    terminal_copy_free(copy);
    terminal_free(t);
}
