// SPDX-License-Identifier: Apache-2.0
#include "browser.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "display.h"
#include "input.h"
#include "screen.h"
#include "util.h"

#define READS_MAX 16

struct browser {
    struct browse browse;
    struct input input;
    int in_fd;
    unsigned rows, cols;
    bool dirty, lost;
};

static const char *const help[] = {
    "j k, arrows      one down, one up           g G  Home End   first, last",
    "^D ^U            half a page                Space, PgUp PgDn, ^F ^B   a page",
    "Enter            all of it, and back        Esc             back",
    "/ REGEX          look for it in all texts   n N             next, previous match",
    "& WORDS          list only what they want: op:read,write  decision:-allow  asked",
    "                 path:'*.pem'  exe:git  host:10.0.0.0/8  since:'2h ago'  grep:REGEX",
    "                 (nothing: all again; other words are looked for in all texts)",
    "t                by process              s               figures (again: back)",
    "F                go on with what happens now; the cursor stays at the end when it is there",
    "q                leave                      ^L              draw anew",
};

static void
take_size(struct browser *b)
{
    screen_size(&b->rows, &b->cols);
    browse_set_size(&b->browse, b->rows);
    b->dirty = true;
}

int
browser_new(int in_fd, int out_fd, const struct browse_ops *ops, void *ctx, size_t n,
            struct browser **ret_b, struct err *err)
{
    int ret = screen_open(in_fd, out_fd, true, err);
    if (ret < 0)
        return ret;
    struct browser *b = xcalloc(1, sizeof *b);
    b->in_fd = in_fd;
    browse_init(&b->browse, ops, ctx, n);
    take_size(b);
    *ret_b = b;
    return 0;
}

struct browser *
browser_free(struct browser *b)
{
    if (!b)
        return NULL;
    screen_close();
    browse_done(&b->browse);
    input_done(&b->input);
    free(b);
    return NULL;
}

void
browser_resized(struct browser *b)
{
    screen_resize();
    take_size(b);
}

void
browser_press(struct browser *b, uint32_t code)
{
    browse_key(&b->browse, code);
    b->dirty = true;
}

void
browser_sifted(struct browser *b, size_t n, size_t at, const char *why)
{
    browse_sifted(&b->browse, n, at, why);
    b->dirty = true;
}

void
browser_searched(struct browser *b, const char *why)
{
    browse_searched(&b->browse, why);
    b->dirty = true;
}

void
browser_set_list(struct browser *b, size_t n, size_t at)
{
    browse_set_list(&b->browse, n, at);
    b->dirty = true;
}

void
browser_set_page(struct browser *b, const char *text)
{
    browse_set_page(&b->browse, text);
    b->dirty = true;
}

size_t
browser_at(const struct browser *b)
{
    return b->browse.at;
}

static void
press_all(struct browser *b, uint64_t now_ns)
{
    struct input_key key;
    while (!b->browse.leave && !b->browse.busy && input_next(&b->input, now_ns, &key)) {
        if (key.code == INPUT_PASTE)
            browse_paste(&b->browse, key.raw, key.raw_len);
        else if (key.code == 'L' - 64)
            screen_forget();
        else
            browse_key(&b->browse, key.code);
        b->dirty = true;
    }
}

int
browser_read_input(struct browser *b, uint64_t now_ns)
{
    struct pollfd p = {.fd = b->in_fd, .events = POLLIN};
    char data[4096];
    for (int i = 0; i < READS_MAX && !b->lost && poll(&p, 1, 0) > 0; i++) {
        ssize_t n = read(b->in_fd, data, sizeof data);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            break;
        if (n <= 0)
            b->lost = true;
        else
            input_feed(&b->input, data, (size_t)n, now_ns);
    }
    press_all(b, now_ns);
    return b->lost ? -ENODATA : b->browse.leave;
}

static void
put_escaped(struct buf *line, const struct buf *bytes)
{
    display_escape(line, buf_str(bytes), bytes->len, screen_display_flags());
}

static void
draw_top(struct browser *b)
{
    cleanup_buf struct buf line = {0};
    const struct browse *v = &b->browse;
    buf_printf(&line, " nono log -i  %zu of %zu%s", v->n ? v->at + 1 : 0, v->n,
               v->following ? "  following" : "");
    if (v->words.len) {
        buf_puts(&line, "  &");
        put_escaped(&line, &v->words);
    }
    if (v->n && !v->page) {
        buf_puts(&line, "  ");
        v->ops->place(v->ctx, v->at, &line);
    }
    screen_text(0, 0, b->cols, LOOK_BAR, buf_str(&line));
}

static void
draw_list(struct browser *b)
{
    const struct browse *v = &b->browse;
    for (unsigned i = 0; i < v->rows; i++) {
        cleanup_buf struct buf line = {0};
        bool selected = v->n && v->top + i == v->at;
        if (v->top + i < v->n)
            v->ops->line(v->ctx, v->top + i, &line);
        else if (i == 0)
            buf_puts(&line, " nothing to show");
        screen_text(1 + i, 0, b->cols, selected ? LOOK_SELECTED : LOOK_PLAIN, buf_str(&line));
    }
}

static void
draw_text(struct browser *b, unsigned from, unsigned rows)
{
    const char *text = browse_text(&b->browse);
    for (size_t skip = b->browse.down; skip && *text; skip--)
        text = strchr(text, '\n') ? strchr(text, '\n') + 1 : "";
    for (unsigned i = 0; i < rows; i++) {
        cleanup_buf struct buf line = {0};
        size_t n = strcspn(text, "\n");
        buf_add(&line, text, n);
        screen_text(from + i, 0, b->cols, LOOK_PLAIN, buf_str(&line));
        text += n + (text[n] == '\n');
    }
}

// The last line; *ret_cursor: the column of the cursor, 0 for none.
static void
draw_bottom(struct browser *b, unsigned *ret_cursor)
{
    cleanup_buf struct buf line = {0};
    const struct browse *v = &b->browse;
    enum look look = LOOK_DIM;
    *ret_cursor = 0;
    if (v->prompt != BROWSE_LIST) {
        buf_putc(&line, v->prompt == BROWSE_SEARCH ? '/' : '&');
        put_escaped(&line, &v->typed);
        size_t width = display_width(buf_str(&line));
        *ret_cursor = width < b->cols ? (unsigned)width : b->cols - 1;
        look = LOOK_PLAIN;
    } else if (v->busy) {
        buf_puts(&line, " looking ...");
        look = LOOK_STRONG;
    } else if (v->note.len) {
        buf_printf(&line, " %s", buf_str(&v->note));
        look = LOOK_STRONG;
    } else {
        buf_puts(&line, v->page     ? " j k move  t tree  s stats  q back"
                        : v->opened ? " j k move  n N match  Enter back  q back"
                                    : " Enter all of it  / search  n N  & filter  t tree  s stats"
                                      "  F follow  ? help  q leave");
    }
    screen_text(b->rows - 1, 0, b->cols, look, buf_str(&line));
}

static void
draw(struct browser *b)
{
    const struct browse *v = &b->browse;
    unsigned cursor = 0, middle = b->rows > 2 ? b->rows - 2 : 0;
    screen_erase();
    draw_top(b);
    if (v->help) {
        for (unsigned i = 0; i < ARRAY_SIZE(help) && i < middle; i++)
            screen_text(1 + i, 1, b->cols > 1 ? b->cols - 1 : 0, LOOK_PLAIN, help[i]);
    } else if (v->opened) {
        draw_text(b, 1, middle);
    } else {
        draw_list(b);
        if (v->detail) {
            screen_line(1 + v->rows, 0, b->cols, LOOK_DIM, false);
            draw_text(b, 2 + v->rows, v->detail);
        }
    }
    if (b->rows > 1)
        draw_bottom(b, &cursor);
    screen_flush(cursor > 0, b->rows - 1, cursor);
}

int
browser_draw(struct browser *b, uint64_t now_ns)
{
    if (b->dirty && b->rows && b->cols)
        draw(b);
    b->dirty = false;
    uint64_t deadline = input_deadline(&b->input);
    if (deadline == UINT64_MAX)
        return -1;
    return deadline > now_ns ? (int)((deadline - now_ns) / NS_PER_MS) + 1 : 0;
}
