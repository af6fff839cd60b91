// SPDX-License-Identifier: Apache-2.0
// Golden screens: the whole UI draws into a memfd, a second terminal emulator reads that, and its
// cells are compared with golden/NAME.txt: the text, and for some a map of the attributes.
// NONO_UPDATE_GOLDEN=1 writes the files anew.
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <vterm.h>

#include "clock.h"
#include "display.h"
#include "ui.h"
#include "ui_internal.h"
#include "util.h"

#define START (1000 * NS_PER_SEC)

static uint64_t now_ns = START;

struct screen_test {
    struct ui *ui;
    int fd;
    off_t seen;
    VTerm *vt;
    VTermScreen *cells;
    unsigned rows, cols, agent_rows, agent_cols, resizes;
    const char *notify; /* of the config; set before open_screen_as() */
    struct decision decided;
    unsigned decisions, leaves;
    uint64_t revoked;
    struct buf to_agent, raw;
};

static uint64_t
fake_clock(void)
{
    return now_ns;
}

static int
on_decide(void *ctx, unsigned session, const struct decision *d)
{
    struct screen_test *t = ctx;

    t->decided = *d;
    t->decisions++;
    return 0;
}

static void
on_agent_input(void *ctx, const void *data, size_t n)
{
    struct screen_test *t = ctx;

    buf_add(&t->to_agent, data, n);
}

static void
on_agent_resize(void *ctx, unsigned rows, unsigned cols)
{
    struct screen_test *t = ctx;

    t->agent_rows = rows;
    t->agent_cols = cols;
    t->resizes++;
}

static void
on_leave(void *ctx)
{
    struct screen_test *t = ctx;

    t->leaves++;
}

static int
on_revoke(void *ctx, unsigned session, uint64_t grant)
{
    struct screen_test *t = ctx;

    t->revoked = grant;
    return 0;
}

static int
on_freeze(void *ctx, unsigned session, bool on)
{
    return 0;
}

static const struct ui_ops ops = {.decide = on_decide,
                                  .agent_input = on_agent_input,
                                  .agent_resize = on_agent_resize,
                                  .leave = on_leave,
                                  .revoke = on_revoke,
                                  .freeze = on_freeze};

static struct request *
make_request(uint64_t id, enum op op, const char *resolved, size_t covered, enum risk risk,
             const char *tags)
{
    static const char argv[] = "node\0scripts/deploy.js\0--prod";
    struct request *r = request_new();

    r->id = id;
    r->op = op;
    r->access = ACCESS_READ;
    r->call = "openat";
    r->flags = op == OP_CREATE ? O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC : O_RDONLY | O_CLOEXEC;
    r->mode = 0644;
    r->pid = r->tid = 48213;
    r->uid = 1000;
    r->exe = xstrdup("/usr/bin/node");
    r->argv = xmemdup(argv, sizeof argv);
    r->argv_len = sizeof argv;
    r->cwd = xstrdup("/home/luke/src/shop");
    r->ancestry = xstrdup("claude/48102 > bash/48190");
    r->target = xstrdup(resolved);
    r->resolved = xstrdup(resolved);
    r->covered = covered;
    r->nearest = xstrdup("rw /home/luke/src/shop (--allow)");
    r->why = REASON_POLICY_BLOCKED;
    r->object = (struct object){.exists = op != OP_CREATE,
                                .mode = op == OP_CREATE ? 040755 : 0100600,
                                .uid = 1000,
                                .gid = 1000,
                                .size = 411,
                                .nlink = 1};
    r->risk = risk;
    r->tags = xstrdup(tags);
    r->raised_mono_ns = START - 42 * NS_PER_SEC + id * NS_PER_SEC;
    r->deadline_mono_ns = START + 558 * NS_PER_SEC;
    r->count = id == 2 ? 6 : 1;
    request_seal(r);
    return r;
}

// What *t says of the config holds.
static void
open_screen_as(struct screen_test *t, unsigned rows, unsigned cols, bool agent, const char *locale)
{
    struct ui_config config = {.session = "7f3a5c01d2e4",
                               .title = "claude (~/src/shop)",
                               .agent = agent,
                               .notify = t->notify};
    cleanup_err struct err err = {0};
    char text[16];

    *t = (struct screen_test){.rows = rows, .cols = cols, .notify = t->notify};
    cr_assert(setlocale(LC_ALL, locale));
    snprintf(text, sizeof text, "%u", rows);
    setenv("LINES", text, 1);
    snprintf(text, sizeof text, "%u", cols);
    setenv("COLUMNS", text, 1);
    setenv("TERM", getenv("NONO_TEST_TERM") ? getenv("NONO_TEST_TERM") : "xterm-256color", 1);
    t->fd = memfd_create("screen", MFD_CLOEXEC);
    config.in_fd = config.out_fd = t->fd;
    t->vt = vterm_new((int)rows, (int)cols);
    vterm_set_utf8(t->vt, 1);
    t->cells = vterm_obtain_screen(t->vt);
    vterm_screen_enable_altscreen(t->cells, 1);
    vterm_screen_reset(t->cells, 1);
    cr_assert_eq(ui_open(&config, &ops, t, false, fake_clock, &t->ui, &err), 0, "%s", err.msg);
}

static void
open_screen(struct screen_test *t, unsigned rows, unsigned cols, bool agent, const char *locale)
{
    *t = (struct screen_test){0};
    open_screen_as(t, rows, cols, agent, locale);
}

static void
close_screen(struct screen_test *t)
{
    ui_free(t->ui);
    vterm_free(t->vt);
    close_fd(&t->fd);
    buf_done(&t->to_agent);
    buf_done(&t->raw);
}

static void
take_output(struct screen_test *t)
{
    char data[8192];
    ssize_t n;

    while ((n = pread(t->fd, data, sizeof data, t->seen)) > 0) {
        vterm_input_write(t->vt, data, (size_t)n);
        buf_add(&t->raw, data, (size_t)n);
        t->seen += n;
    }
}

static int
frame_after(struct screen_test *t, unsigned ms)
{
    int wait;

    now_ns += ms * NS_PER_MS;
    wait = ui_draw(t->ui, now_ns);
    take_output(t);
    return wait;
}

static void
type(struct screen_test *t, const char *keys)
{
    for (; *keys; keys++) {
        now_ns += 100 * NS_PER_MS;
        ui_feed_input(t->ui, keys, 1, now_ns);
    }
    frame_after(t, 20);
}

static void
fill(struct screen_test *t)
{
    static const char agent[] =
        "\033]0;not a title\a\033]52;c;AAAA\a> I'll update the deploy script and push the release "
        "tag.\r\n  \033[1mBash\033[0m(node scripts/deploy.js --prod)\r\n  \xe2\x94\x82 "
        "\033[38;2;255;128;0mRunning\033[0m... (42s, blocked)\r\n";

    ui_agent_output(t->ui, agent, sizeof agent - 1);
    ui_add_request(t->ui, 0,
                   make_request(1, OP_READ, "/home/luke/.ssh/id_ed25519", 11, RISK_HIGH,
                                "ssh-key,credentials"));
    ui_add_request(t->ui, 0, make_request(2, OP_CREATE, "/srv/build/out.log", 0, RISK_NONE, ""));
    ui_add_request(t->ui, 0,
                   make_request(3, OP_WRITE,
                                "/home/luke/\xe2\x80\xae"
                                "cod.exe\033]0;x\a  {a}\xcc\x81",
                                11, RISK_NOTICE, "odd"));
    ui_add_request(t->ui, 0,
                   make_request(4, OP_READ,
                                "/home/luke/\xe6\xbc\xa2\xe5\xad\x97/"
                                "gr\xc3\xbc\xc3\x9f x\xcc\x81",
                                11, RISK_NONE, ""));
    ui_set_stats(t->ui, 0,
                 &(struct stats){.floor = 1204, .allowed = 12, .refused = 3, .grants = 14});
}

static void add_cell(const struct screen_test *t, int row, int col, struct buf *line);

// Is that to be read anywhere, in one row?
static bool
shows(const struct screen_test *t, const char *text)
{
    bool found = false;

    for (int row = 0; row < (int)t->rows && !found; row++) {
        cleanup_buf struct buf line = {0};
        for (int col = 0; col < (int)t->cols; col++)
            add_cell(t, row, col, &line);
        found = strstr(buf_str(&line), text);
    }
    return found;
}

static void
add_cell(const struct screen_test *t, int row, int col, struct buf *line)
{
    VTermScreenCell cell;
    VTermPos pos = {row, col};

    vterm_screen_get_cell(t->cells, pos, &cell);
    if (cell.chars[0] == (uint32_t)-1)
        return;
    if (!cell.chars[0]) {
        buf_putc(line, ' ');
        return;
    }
    for (int i = 0; i < VTERM_MAX_CHARS_PER_CELL && cell.chars[i]; i++) {
        uint32_t c = cell.chars[i];
        if (c < 0x80)
            buf_printf(line, "%c", (char)c);
        else if (c < 0x800)
            buf_printf(line, "%c%c", (char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f)));
        else
            buf_printf(line, "%c%c%c", (char)(0xe0 | c >> 12), (char)(0x80 | (c >> 6 & 0x3f)),
                       (char)(0x80 | (c & 0x3f)));
    }
}

// r reverse, b bold, c a colour of its own, C with a background; two of them: the later letter.
static void
add_attribute(const struct screen_test *t, int row, int col, struct buf *line)
{
    VTermScreenCell cell;
    VTermPos pos = {row, col};
    char mark = ' ';

    vterm_screen_get_cell(t->cells, pos, &cell);
    if (cell.attrs.bold)
        mark = 'b';
    if (!VTERM_COLOR_IS_DEFAULT_FG(&cell.fg))
        mark = 'c';
    if (!VTERM_COLOR_IS_DEFAULT_BG(&cell.bg))
        mark = 'C';
    if (cell.attrs.reverse)
        mark = 'r';
    buf_putc(line, mark);
}

static void
add_trimmed(struct buf *out, const struct buf *line)
{
    size_t n = line->len;

    while (n && line->data[n - 1] == ' ')
        n--;
    buf_add(out, line->data, n);
    buf_putc(out, '\n');
}

static void
check_screen(struct screen_test *t, const char *name, bool attributes)
{
    cleanup_buf struct buf got = {0};
    cleanup_free char *want = NULL;
    cleanup_free char *path =
        xasprintf("%.*s/golden/%s.txt", (int)(strrchr(__FILE__, '/') - __FILE__), __FILE__, name);
    const char *update = getenv("NONO_UPDATE_GOLDEN");

    for (int pass = 0; pass < 1 + attributes; pass++) {
        if (pass)
            buf_puts(&got, "--- attributes\n");
        for (int row = 0; row < (int)t->rows; row++) {
            cleanup_buf struct buf line = {0};
            for (int col = 0; col < (int)t->cols; col++)
                (pass ? add_attribute : add_cell)(t, row, col, &line);
            add_trimmed(&got, &line);
        }
    }
    if (update && *update == '1') {
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        cr_assert_eq(write_all(fd, buf_str(&got), got.len), 0);
        close_fd(&fd);
        return;
    }
    cr_assert_gt(read_file_at(AT_FDCWD, path, 1 << 20, &want), 0, "%s", path);
    cr_assert_str_eq(buf_str(&got), want, "%s differs:\n%s", path, buf_str(&got));
}

#define SCREEN_IN(t, rows, cols, agent, locale)                                                    \
    __attribute__((cleanup(close_screen))) struct screen_test t;                                   \
    open_screen(&t, rows, cols, agent, locale);                                                    \
    fill(&t);                                                                                      \
    frame_after(&t, 20)
#define SCREEN(t, rows, cols, agent) SCREEN_IN(t, rows, cols, agent, "C.UTF-8")

Test(screens, split_160x48)
{
    SCREEN(t, 48, 160, true);
    cr_assert_eq(t.agent_rows, 31);
    cr_assert_eq(t.agent_cols, 160);
    check_screen(&t, "160x48-agent", false);
    type(&t, "\035a");
    frame_after(&t, 700);
    check_screen(&t, "160x48-approvals", false);
    cr_assert_eq(t.resizes, 1);
}

Test(screens, bar_and_overlay_80x24)
{
    SCREEN(t, 24, 80, true);
    cr_assert_eq(t.agent_rows, 23);
    check_screen(&t, "80x24-bar", false);
    type(&t, "\035");
    check_screen(&t, "80x24-prefix", false);
    type(&t, "a");
    check_screen(&t, "80x24-locked", false);
    frame_after(&t, 700);
    check_screen(&t, "80x24-armed", true);
    type(&t, "\r");
    check_screen(&t, "80x24-detail", false);
    type(&t, "GGG");
    check_screen(&t, "80x24-detail-end", false);
    type(&t, "?");
    check_screen(&t, "80x24-help", false);
    type(&t, "qqq");
    check_screen(&t, "80x24-bar-again", false);
    cr_assert_eq(t.decisions, 0);
    cr_assert_eq(t.resizes, 1);
}

// I4: the path that was on the screen some lines ago is not what is decided.
Test(screens, detail_scrolled_away_decides_nothing)
{
    SCREEN(t, 24, 80, true);
    type(&t, "\035aj\r");
    type(&t, "G");
    frame_after(&t, 700);
    check_screen(&t, "80x24-detail-away", false);
    type(&t, "o");
    frame_after(&t, 700);
    type(&t, "d");
    cr_assert_eq(t.decisions, 0);
    type(&t, "g");
    frame_after(&t, 700);
    type(&t, "o");
    cr_assert_eq(t.decisions, 1);
    cr_assert_eq(t.decided.request, 2);
}

Test(screens, hostile_name_in_the_detail)
{
    SCREEN(t, 24, 80, true);
    type(&t, "\035ajj\r");
    check_screen(&t, "80x24-hostile", true);
}

Test(screens, confirmation)
{
    SCREEN(t, 24, 80, true);
    type(&t, "\035a");
    frame_after(&t, 700);
    type(&t, "oid_ed");
    check_screen(&t, "80x24-confirm", false);
    type(&t, "25519\r");
    cr_assert_eq(t.decisions, 1);
    cr_assert_eq(t.decided.request, 1);
    cr_assert_eq(t.decided.verdict, VERDICT_ALLOW);
    check_screen(&t, "80x24-decided", false);
}

// Whatever else there is to say, what is of high risk says so; what was said goes.
Test(screens, the_risk_is_always_in_sight)
{
    SCREEN(t, 24, 80, true);
    type(&t, "\035a");
    frame_after(&t, 700);
    ui_set_notice(t.ui, "taken back: nobody holds it");
    frame_after(&t, 20);
    check_screen(&t, "80x24-notice", false);
    type(&t, "Y");
    check_screen(&t, "80x24-notice-hint", false);
    type(&t, ">");
    type(&t, "/id");
    check_screen(&t, "80x24-risk-prompt", false);
    type(&t, "\033");
    frame_after(&t, 100);
    type(&t, "<");
    frame_after(&t, 10000);
    check_screen(&t, "80x24-notice-gone", false);
    cr_assert_eq(t.decisions, 0);
}

// Which tasks hold what was taken back stands at the end of a long line.
Test(screens, a_long_notice_is_read_to_its_end)
{
    static const char text[] =
        "taken back: allow read /home/luke/src/a/rather/long/way/down/to/some/file.txt (used 3 "
        "times, last by node/48213; still open in node/48213, a-program/48214, cat/48215 and 2 "
        "more)";
    SCREEN(t, 24, 80, true);
    type(&t, "\035aj");
    frame_after(&t, 700);
    ui_set_notice(t.ui, text);
    frame_after(&t, 20);
    check_screen(&t, "80x24-notice-long", false);
    type(&t, "j");
    cr_assert(shows(&t, "cat/48215 and 2 more)"), "a key that nobody pressed because of it");
    frame_after(&t, 700);
    type(&t, "k");
    cr_assert_not(shows(&t, "cat/48215"));
    ui_set_size(t.ui, 8, 60, now_ns);
    ui_set_notice(t.ui, text);
    frame_after(&t, 20);
    cr_assert(shows(&t, "[approvals"));
}

Test(screens, typing_locks)
{
    SCREEN(t, 24, 80, true);
    type(&t, "\035axxx");
    check_screen(&t, "80x24-typing", false);
    frame_after(&t, 5000);
    type(&t, "o");
    cr_assert_eq(t.decisions, 0);
}

Test(screens, withdrawn)
{
    SCREEN(t, 24, 80, true);
    type(&t, "\035a");
    frame_after(&t, 700);
    ui_update_request(
        t.ui, 0,
        &(struct request_update){
            .id = 1, .state = STATE_WITHDRAWN, .count = 1, .verdict = VERDICT_WITHDRAWN});
    ui_update_request(t.ui, 0,
                      &(struct request_update){
                          .id = 4, .state = STATE_EXPIRED, .count = 1, .verdict = VERDICT_EXPIRED});
    frame_after(&t, 1000);
    check_screen(&t, "80x24-withdrawn", false);
    type(&t, "d");
    cr_assert_eq(t.decisions, 0);
    frame_after(&t, 6000);
    check_screen(&t, "80x24-withdrawn-gone", false);
}

Test(screens, alone_80x12)
{
    SCREEN(t, 12, 80, false);
    frame_after(&t, 700);
    check_screen(&t, "80x12-alone", false);
    ui_set_stats(t.ui, 0, &(struct stats){.refused = 10, .limited = 7});
    frame_after(&t, 800);
    check_screen(&t, "80x12-limited", false);
    type(&t, "q");
    cr_assert_eq(t.leaves, 1);
}

Test(screens, alone_60x8)
{
    SCREEN(t, 8, 60, false);
    frame_after(&t, 700);
    check_screen(&t, "60x8-alone", false);
}

Test(screens, too_small_40x10)
{
    SCREEN(t, 10, 40, true);
    frame_after(&t, 700);
    check_screen(&t, "40x10", false);
    type(&t, "\035a");
    frame_after(&t, 700);
    type(&t, "d");
    frame_after(&t, 700);
    type(&t, "o");
    cr_assert_eq(t.decisions, 0);
}

Test(screens, c_locale)
{
    SCREEN_IN(t, 24, 80, true, "C");
    type(&t, "\035ajj");
    frame_after(&t, 700);
    check_screen(&t, "80x24-c-locale", false);
    for (size_t i = 0; i < t.raw.len; i++)
        cr_assert_lt((unsigned char)t.raw.data[i], 0x80);
}

Test(screens, no_color)
{
    setenv("NO_COLOR", "1", 1);
    SCREEN(t, 12, 80, false);
    frame_after(&t, 700);
    check_screen(&t, "80x12-no-color", true);
}

Test(screens, nothing_foreign_reaches_the_terminal)
{
    SCREEN(t, 48, 160, true);
    unsigned bells = 0;

    type(&t, "\035ajj\r");
    for (size_t i = 0; i < t.raw.len; i++) {
        unsigned char c = (unsigned char)t.raw.data[i];
        bells += c == '\a';
        cr_assert(c >= 0x20 || strchr("\033\r\n\b\t\016\017\a", c), "byte %02x", c);
        cr_assert_neq(c, 0x7f);
        if (c == 0xc2)
            cr_assert_geq((unsigned char)t.raw.data[i + 1], 0xa0);
    }
    cr_assert_eq(bells, 1, "four requests at once ring once");
    cr_assert_null(memmem(t.raw.data, t.raw.len, "\xe2\x80\xae", 3));
    cr_assert_null(memmem(t.raw.data, t.raw.len, "\033]", 2));
    cr_assert_null(strstr(buf_str(&t.raw), "not a title"));
}

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

Test(screens, the_terminal_is_told)
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
Test(screens, direct_colour)
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
Test(screens, direct_colour_by_its_word)
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

Test(screens, faint_text_is_faint)
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

Test(screens, a_burst_decides_nothing)
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

Test(screens, keys_reach_the_agent_as_typed)
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

static void
set_grants(struct screen_test *t)
{
    const struct grant g[] = {
        {.id = 3,
         .verdict = VERDICT_ALLOW,
         .op = OP_READ,
         .scope = SCOPE_SESSION,
         .reach = REACH_SUBTREE,
         .path = (char[]){"/usr/share/\033]0;x\a"},
         .uses = 6},
        {.id = 4,
         .verdict = VERDICT_ALLOW,
         .op = OP_WRITE,
         .scope = SCOPE_TIME,
         .reach = REACH_OBJECT,
         .expires_mono_ns = START + 552 * NS_PER_SEC,
         .path = (char[]){"/srv/out"},
         .uses = 1},
        {.id = 9,
         .verdict = VERDICT_DENY,
         .op = OP_CONNECT,
         .scope = SCOPE_ALWAYS,
         .reach = REACH_HOST,
         .path = (char[]){"db.example"},
         .host = (char[]){"db.example"},
         .peer = {.family = AF_INET, .addr = {10, 0, 0, 1}}},
    };

    ui_set_grants(t->ui, 0, (const struct grant *[]){&g[0], &g[1], &g[2]}, 3);
}

Test(screens, grants)
{
    SCREEN(t, 24, 80, true);
    set_grants(&t);
    type(&t, "\035aUj");
    check_screen(&t, "80x24-grants", true);
    type(&t, "r");
    cr_assert_eq(t.revoked, 4);
}

Test(screens, grants_and_processes_160x48)
{
    SCREEN(t, 48, 160, true);
    set_grants(&t);
    type(&t, "\035a>");
    frame_after(&t, 700);
    check_screen(&t, "160x48-wide-reach", true);
}

Test(screens, marks_filter_and_freeze)
{
    SCREEN(t, 24, 80, true);
    ui_set_frozen(t.ui, 0, true);
    type(&t, "\035a&luke\r  ");
    check_screen(&t, "80x24-marked", false);
}

Test(screens, what_a_key_promised_goes_when_it_has_come)
{
    SCREEN(t, 24, 80, true);
    type(&t, "\035a\035f");
    cr_assert(shows(&t, " freezing"));
    ui_set_frozen(t.ui, 0, true);
    frame_after(&t, 20);
    cr_assert(shows(&t, "[FROZEN]"));
    cr_assert_not(shows(&t, " freezing"));
    type(&t, "\035f");
    cr_assert(shows(&t, " thawing"));
    ui_set_frozen(t.ui, 0, false);
    frame_after(&t, 20);
    cr_assert_not(shows(&t, " thawing"));
}

Test(screens, two_sessions)
{
    SCREEN(t, 24, 80, false);
    ui_add_session(t.ui, 1, "7e90c3", NULL, "codex (~/src/api)");
    ui_add_request(t.ui, 1, make_request(1, OP_READ, "/etc/hosts", 0, RISK_NONE, ""));
    frame_after(&t, 700);
    check_screen(&t, "80x24-sessions", false);
    ui_end_session(t.ui, 1);
    frame_after(&t, 700);
    check_screen(&t, "80x24-session-ended", false);
}

// What a session was called is what people look for.
Test(screens, sessions_by_their_names)
{
    SCREEN(t, 24, 80, false);
    ui_add_session(t.ui, 0, "7f3a5c01d2e4", "shop", "claude (~/src/shop)");
    frame_after(&t, 700);
    cr_assert(shows(&t, " nono shop  claude"));
    ui_add_session(t.ui, 1, "7e90c3", "a-name-without-room", "codex (~/src/api)");
    ui_add_session(t.ui, 2, "5555", "web-\033[m", "aider (~)");
    ui_add_request(t.ui, 1, make_request(1, OP_READ, "/etc/hosts", 0, RISK_NONE, ""));
    ui_add_request(t.ui, 2, make_request(1, OP_READ, "/etc/fstab", 0, RISK_NONE, ""));
    frame_after(&t, 700);
    cr_assert(shows(&t, "READ   shop "));
    type(&t, "jjjj");
    cr_assert(shows(&t, "READ   7e90 "));
    type(&t, "j");
    cr_assert(shows(&t, "READ   web-\\x1b[m  {/etc/fstab}"));
    type(&t, "\rG");
    cr_assert(shows(&t, "5555 web-\\x1b[m: aider (~)"));
    type(&t, "\033");
    frame_after(&t, 100);
    type(&t, "&without-room\r");
    cr_assert(shows(&t, "{/etc/hosts}"));
    cr_assert_not(shows(&t, "{/etc/fstab}"));
}

static struct request *
make_two_ends(uint64_t id, const char *from, const char *to)
{
    struct request *r = make_request(id, OP_RENAME, from, 0, RISK_NONE, "");

    r->call = "renameat2";
    r->flags = 0;
    r->access = ACCESS_READ | ACCESS_WRITE;
    r->resolved2 = xstrdup(to);
    r->target2 = xstrdup(to);
    r->object2 = (struct object){.mode = 040755, .uid = 1000, .gid = 1000};
    return r;
}

Test(screens, two_ends)
{
    SCREEN(t, 24, 80, false);
    ui_add_request(t.ui, 0, make_two_ends(9, "/srv/a -> /srv/b", "/srv/c"));
    type(&t, "G\r");
    frame_after(&t, 700);
    check_screen(&t, "80x24-two-ends", false);
}

// A row of each operation, with names that are longer than their room.
static void
add_every_operation(struct screen_test *t)
{
    static const struct {
        enum op op;
        const char *path, *to, *address, *detail;
        int family, type;
    } rows[] = {
        {OP_READ, "/home/luke/projects/customers/acme/secrets/id_ed25519", NULL, NULL, NULL, 0, 0},
        {OP_WRITE, "/srv/www/shop/releases/2026-11-25/config/production.json", NULL, NULL, NULL, 0,
         0},
        {OP_READWRITE, "/var/lib/shop/shop.db", NULL, NULL, NULL, 0, 0},
        {OP_CREATE, "/srv/build/out.log", NULL, NULL, NULL, 0, 0},
        {OP_DELETE, "/home/luke/Documents/a long name with blanks in it.odt", NULL, NULL, NULL, 0,
         0},
        {OP_RENAME, "/home/luke/src/shop/dist/bundle.js.tmp", "/srv/www/shop/assets/bundle.js",
         NULL, NULL, 0, 0},
        {OP_LINK, "/etc/passwd", "/srv/www/shop/public/downloads/copy-of-the-file", NULL, NULL, 0,
         0},
        {OP_MKDIR, "/srv/www/shop/releases/2026-11-26", NULL, NULL, NULL, 0, 0},
        {OP_META, "/srv/www/shop/bin/deploy", NULL, NULL, "mode 0755 > 4755", 0, 0},
        {OP_EXEC, "/opt/vendor/tools/bin/terraform", NULL, NULL, NULL, 0, 0},
        {OP_CONNECT, "registry.npmjs.org:443", NULL, "104.16.3.35", NULL, AF_INET, SOCK_STREAM},
        {OP_BIND, "0.0.0.0:8080", NULL, NULL, NULL, AF_INET, SOCK_STREAM},
        {OP_SEND, "resolver.example:53", NULL, "2001:db8:85a3::8a2e:370:7334", NULL, AF_INET6,
         SOCK_DGRAM},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct request *r =
            make_request(i + 1, rows[i].op, rows[i].path, 0, (enum risk)(i % 3), "system");
        r->resolved2 = rows[i].to ? xstrdup(rows[i].to) : NULL;
        if (rows[i].address) {
            r->host = xstrndup(rows[i].path, strcspn(rows[i].path, ":"));
            inet_pton(rows[i].family, rows[i].address, r->peer.addr);
        }
        r->detail = rows[i].detail ? xstrdup(rows[i].detail) : NULL;
        r->peer.family = rows[i].family;
        r->peer.type = rows[i].type;
        ui_add_request(t->ui, 0, r);
    }
}

Test(screens, every_operation_at_every_width)
{
    static const unsigned widths[] = {40, 60, 80, 100, 160};

    for (size_t i = 0; i < ARRAY_SIZE(widths); i++) {
        __attribute__((cleanup(close_screen))) struct screen_test t;
        cleanup_free char *name = xasprintf("%ux48-operations", widths[i]);
        cleanup_free char *bar = xasprintf("%ux12-operations-bar", widths[i]);

        open_screen(&t, 48, widths[i], false, "C.UTF-8");
        add_every_operation(&t);
        frame_after(&t, 700);
        check_screen(&t, name, false);
        close_screen(&t);
        open_screen(&t, 12, widths[i], true, "C.UTF-8");
        add_every_operation(&t);
        for (uint64_t id = 1; id <= 5; id++)
            ui_update_request(
                t.ui, 0,
                &(struct request_update){
                    .id = id, .state = STATE_WITHDRAWN, .count = 1, .verdict = VERDICT_WITHDRAWN});
        frame_after(&t, 700);
        check_screen(&t, bar, false);
    }
}

Test(screens, history_of_the_agent)
{
    SCREEN(t, 24, 80, true);
    for (int i = 1; i <= 60; i++) {
        char line[32];
        snprintf(line, sizeof line, "row %d\r\n", i);
        ui_agent_output(t.ui, line, strlen(line));
    }
    type(&t, "\035[kkk");
    ui_agent_output(t.ui, "more\r\n", 6);
    frame_after(&t, 20);
    check_screen(&t, "80x24-history", false);
    type(&t, "/row 7\r");
    check_screen(&t, "80x24-history-found", false);
    cr_assert_eq(t.to_agent.len, 0, "keys move in the history");
    type(&t, "qx");
    cr_assert_str_eq(buf_str(&t.to_agent), "x");
    cr_assert_eq(t.resizes, 1);
}

Test(screens, the_mouse_never_decides)
{
    static const char click[] = "\033[<0;10;10M\033[<0;10;10m";
    SCREEN(t, 24, 80, true);

    ui_agent_output(t.ui, "\033[?1000h\033[?1006h", 16);
    frame_after(&t, 20);
    cr_assert(memmem(t.raw.data, t.raw.len, "\033[?1000h", 8));
    ui_feed_input(t.ui, click, sizeof click - 1, now_ns);
    cr_assert_str_eq(buf_str(&t.to_agent), click);
    type(&t, "\035a");
    buf_reset(&t.to_agent);
    frame_after(&t, 700);
    for (unsigned row = 1; row <= 24; row++) {
        cleanup_free char *keys = xasprintf("\033[<0;10;%uM\033[<0;10;%um", row, row);
        ui_feed_input(t.ui, keys, strlen(keys), now_ns);
        frame_after(&t, 700);
    }
    cr_assert_eq(t.decisions, 0);
    cr_assert_eq(t.to_agent.len, 0);
}

// Golden text of every look at few colours: the words say it all.
Test(screens, eight_colours_and_none)
{
    static const char *const terms[] = {"linux", "vt100", "xterm", "tmux-256color"};

    for (size_t i = 0; i < ARRAY_SIZE(terms); i++) {
        setenv("NONO_TEST_TERM", terms[i], 1);
        SCREEN(t, 24, 80, true);
        type(&t, "\035a");
        frame_after(&t, 700);
        cleanup_free char *name = xasprintf("80x24-%s", terms[i]);
        check_screen(&t, name, true);
    }
    unsetenv("NONO_TEST_TERM");
}

Test(screens, an_idle_screen_sleeps)
{
    __attribute__((cleanup(close_screen))) struct screen_test t;

    open_screen(&t, 24, 80, true, "C.UTF-8");
    cr_assert_eq(frame_after(&t, 20), -1);
    ui_agent_output(t.ui, "x", 1);
    cr_assert_gt(frame_after(&t, 1), 0, "coalesced into the next frame");
    cr_assert_eq(frame_after(&t, 16), -1);
}

Test(screens, ten_thousand_requests_cost_a_screenful)
{
    __attribute__((cleanup(close_screen))) struct screen_test t;
    size_t before;

    open_screen(&t, 48, 160, false, "C.UTF-8");
    for (uint64_t id = 1; id <= 10000; id++)
        ui_add_request(t.ui, 0, make_request(id, OP_READ, "/etc/shadow", 4, RISK_NONE, ""));
    frame_after(&t, 20);
    before = t.raw.len;
    type(&t, "G");
    cr_assert_lt(t.raw.len - before, 20000);
}

Test(screens, storm_of_sizes)
{
    SCREEN(t, 24, 80, true);
    unsigned seed = 7;

    for (int i = 0; i < 500; i++) {
        unsigned rows = 1 + (unsigned)rand_r(&seed) % 60, cols = 1 + (unsigned)rand_r(&seed) % 200;
        ui_set_size(t.ui, rows, cols, now_ns);
        ui_agent_output(t.ui, "\xe6\xbc\xa2\033[5;70Hx\033#6\xe5\xad\x97\r\n", 20);
        if (i % 7 == 0)
            type(&t, "\035a");
        now_ns += 20 * NS_PER_MS;
        ui_draw(t.ui, now_ns);
    }
    cr_assert_eq(t.decisions, 0);
}
