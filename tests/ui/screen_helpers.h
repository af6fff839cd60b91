// SPDX-License-Identifier: Apache-2.0
// For the tests of whole screens: the UI draws into a memfd, a second terminal emulator reads that,
// and its cells are compared with golden/NAME.txt: the text, and for some a map of the attributes.
// NONO_UPDATE_GOLDEN=1 writes the files anew.
#pragma once
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

static inline uint64_t
fake_clock(void)
{
    return now_ns;
}

static inline int
on_decide(void *ctx, unsigned session, const struct decision *d)
{
    struct screen_test *t = ctx;

    t->decided = *d;
    t->decisions++;
    return 0;
}

static inline void
on_agent_input(void *ctx, const void *data, size_t n)
{
    struct screen_test *t = ctx;

    buf_add(&t->to_agent, data, n);
}

static inline void
on_agent_resize(void *ctx, unsigned rows, unsigned cols)
{
    struct screen_test *t = ctx;

    t->agent_rows = rows;
    t->agent_cols = cols;
    t->resizes++;
}

static inline void
on_leave(void *ctx)
{
    struct screen_test *t = ctx;

    t->leaves++;
}

static inline int
on_revoke(void *ctx, unsigned session, uint64_t grant)
{
    struct screen_test *t = ctx;

    t->revoked = grant;
    return 0;
}

static inline int
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

static inline struct request *
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
static inline void
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

static inline void
open_screen(struct screen_test *t, unsigned rows, unsigned cols, bool agent, const char *locale)
{
    *t = (struct screen_test){0};
    open_screen_as(t, rows, cols, agent, locale);
}

static inline void
close_screen(struct screen_test *t)
{
    ui_free(t->ui);
    vterm_free(t->vt);
    close_fd(&t->fd);
    buf_done(&t->to_agent);
    buf_done(&t->raw);
}

static inline void
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

static inline int
frame_after(struct screen_test *t, unsigned ms)
{
    int wait;

    now_ns += ms * NS_PER_MS;
    wait = ui_draw(t->ui, now_ns);
    take_output(t);
    return wait;
}

static inline void
type(struct screen_test *t, const char *keys)
{
    for (; *keys; keys++) {
        now_ns += 100 * NS_PER_MS;
        ui_feed_input(t->ui, keys, 1, now_ns);
    }
    frame_after(t, 20);
}

static inline void
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

static inline void add_cell(const struct screen_test *t, int row, int col, struct buf *line);

// Is that to be read anywhere, in one row?
static inline bool
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

static inline void
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
static inline void
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

static inline void
add_trimmed(struct buf *out, const struct buf *line)
{
    size_t n = line->len;

    while (n && line->data[n - 1] == ' ')
        n--;
    buf_add(out, line->data, n);
    buf_putc(out, '\n');
}

static inline void
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
