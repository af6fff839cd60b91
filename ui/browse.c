// SPDX-License-Identifier: Apache-2.0
#include "browse.h"

#include <string.h>

#include "input.h"
#include "util.h"

#define SPLIT_ROWS 16 /* from here on the list and the whole of one fit below each other */
#define TYPED_MAX 1024
#define CTRL(c) ((c)-64)

void
browse_init(struct browse *b, const struct browse_ops *ops, void *ctx, size_t n)
{
    // The newest is what people come for.
    *b = (struct browse){.ops = ops, .ctx = ctx, .n = n, .at = n ? n - 1 : 0, .text_of = SIZE_MAX};
}

void
browse_done(struct browse *b)
{
    buf_done(&b->text);
    buf_done(&b->typed);
    buf_done(&b->words);
    buf_done(&b->note);
}

static size_t
text_rows(const struct browse *b)
{
    return b->opened ? b->rows + b->detail + (b->detail > 0) : b->detail;
}

// Keeps everything in its bounds and the cursor in sight.
static void
settle(struct browse *b)
{
    if (b->at >= b->n)
        b->at = b->n ? b->n - 1 : 0;
    if (b->at < b->top)
        b->top = b->at;
    if (b->rows && b->at - b->top >= b->rows)
        b->top = b->at - b->rows + 1;
    if (b->top && b->n - b->top < b->rows)
        b->top = b->n > b->rows ? b->n - b->rows : 0;
    if (b->text_of != b->at && !b->page)
        b->down = 0;
}

void
browse_set_size(struct browse *b, unsigned rows)
{
    unsigned middle = rows > 2 ? rows - 2 : 0; /* without the top and the bottom line */
    b->detail = rows >= SPLIT_ROWS ? middle / 2 : 0;
    b->rows = middle - b->detail - (b->detail > 0);
    settle(b);
}

static void
count_lines(struct browse *b)
{
    b->lines = 0;
    for (const char *p = buf_str(&b->text); (p = strchr(p, '\n')); p++)
        b->lines++;
}

const char *
browse_text(struct browse *b)
{
    if (b->page)
        return b->made ? buf_str(&b->text) : "  reading ...\n";
    if (b->text_of != b->at && b->n) {
        buf_reset(&b->text);
        b->ops->whole(b->ctx, b->at, &b->text);
        b->text_of = b->at;
        b->down = 0;
        count_lines(b);
    }
    return b->n ? buf_str(&b->text) : "";
}

// Out of what has the whole screen.
static void
close_text(struct browse *b)
{
    if (b->page) {
        b->ops->page(b->ctx, BROWSE_NO_PAGE);
        b->page = BROWSE_NO_PAGE;
        b->text_of = SIZE_MAX;
    }
    b->opened = false;
}

static void
open_page(struct browse *b, enum browse_page page)
{
    bool close = b->page == page;
    close_text(b);
    if (close)
        return;
    b->page = page;
    b->opened = true;
    b->made = false;
    b->down = b->lines = 0;
    b->ops->page(b->ctx, page);
}

void
browse_set_page(struct browse *b, const char *text)
{
    if (!b->page)
        return;
    buf_reset(&b->text);
    buf_puts(&b->text, text);
    b->made = true;
    count_lines(b);
}

void
browse_set_list(struct browse *b, size_t n, size_t at)
{
    size_t down = b->down;
    b->n = n;
    b->at = at;
    settle(b);
    if (b->page)
        return;
    // The same one, perhaps decided meanwhile: read again where it was.
    b->text_of = SIZE_MAX;
    browse_text(b);
    b->down = b->opened && down < b->lines ? down : 0;
}

static void
go(struct browse *b, size_t at)
{
    b->at = at;
    settle(b);
}

// Down (or up) by so many entries, or lines of the open one.
static void
move_by(struct browse *b, bool down, size_t by)
{
    size_t *where = b->opened ? &b->down : &b->at;
    size_t last = b->n ? b->n - 1 : 0;
    if (b->opened) {
        browse_text(b);
        last = b->lines > text_rows(b) ? b->lines - text_rows(b) : 0;
    }
    if (down)
        *where = by < last - (*where < last ? *where : last) ? *where + by : last;
    else
        *where -= by < *where ? by : *where;
    settle(b);
}

static void
look_for(struct browse *b, int direction)
{
    size_t found;
    if (!b->searched)
        buf_puts(&b->note, "nothing to look for: / asks for it");
    else if (b->ops->next(b->ctx, b->at, direction, &found))
        go(b, found);
    else
        buf_printf(&b->note, "no match %s", direction > 0 ? "behind this one" : "before this one");
}

static void
ask(struct browse *b, enum browse_prompt prompt)
{
    close_text(b);
    b->prompt = prompt;
    buf_reset(&b->typed);
    // A filter is changed rather than typed anew.
    if (prompt == BROWSE_SIFT)
        buf_puts(&b->typed, buf_str(&b->words));
}

static void
answer(struct browse *b)
{
    bool search = b->prompt == BROWSE_SEARCH;
    const char *words = buf_str(&b->typed);
    int (*fn)(void *, const char *, struct buf *) = search ? b->ops->search : b->ops->sift;
    b->prompt = BROWSE_LIST;
    if (search && !*words)
        return;
    b->busy = true;
    if (fn(b->ctx, words, &b->note) < 0)
        b->busy = false;
}

void
browse_sifted(struct browse *b, size_t n, size_t at, const char *why)
{
    b->busy = false;
    if (why) {
        buf_puts(&b->note, why);
        return;
    }
    buf_reset(&b->words);
    buf_puts(&b->words, buf_str(&b->typed));
    b->n = n;
    b->text_of = SIZE_MAX;
    b->searched = false;
    go(b, at);
}

void
browse_searched(struct browse *b, const char *why)
{
    b->busy = false;
    if (why) {
        buf_puts(&b->note, why);
        return;
    }
    b->searched = true;
    look_for(b, 1);
    if (!b->note.len)
        return;
    // As less(1) does not, but a reader at the end would want.
    buf_reset(&b->note);
    look_for(b, -1);
}

static void
type(struct browse *b, uint32_t code)
{
    char utf8[4];
    size_t n = 0;
    if (code < 0x80) {
        utf8[n++] = (char)code;
    } else if (code < 0x800) {
        utf8[n++] = (char)(0xc0 | code >> 6);
        utf8[n++] = (char)(0x80 | (code & 63));
    } else if (code < 0x10000) {
        utf8[n++] = (char)(0xe0 | code >> 12);
        utf8[n++] = (char)(0x80 | (code >> 6 & 63));
        utf8[n++] = (char)(0x80 | (code & 63));
    } else {
        utf8[n++] = (char)(0xf0 | code >> 18);
        utf8[n++] = (char)(0x80 | (code >> 12 & 63));
        utf8[n++] = (char)(0x80 | (code >> 6 & 63));
        utf8[n++] = (char)(0x80 | (code & 63));
    }
    browse_paste(b, utf8, n);
}

void
browse_paste(struct browse *b, const char *bytes, size_t n)
{
    for (size_t i = 0; b->prompt != BROWSE_LIST && i < n && b->typed.len < TYPED_MAX; i++)
        if ((unsigned char)bytes[i] >= 0x20 && bytes[i] != 0x7f)
            buf_putc(&b->typed, bytes[i]);
}

static void
rub_out(struct browse *b)
{
    struct buf kept = {0};
    size_t n = b->typed.len;
    // The bytes that continue a character go with it.
    while (n && (buf_str(&b->typed)[n - 1] & 0xc0) == 0x80)
        n--;
    buf_add(&kept, buf_str(&b->typed), n ? n - 1 : 0);
    buf_done(&b->typed);
    b->typed = kept;
}

static void
prompt_key(struct browse *b, uint32_t code)
{
    if (code == '\r' || code == '\n')
        answer(b);
    else if (code == 0x1b || code == CTRL('C'))
        b->prompt = BROWSE_LIST;
    else if (code == 0x7f || code == '\b')
        rub_out(b);
    else if (code == CTRL('U'))
        buf_reset(&b->typed);
    else if (code >= 0x20 && code < INPUT_UP)
        type(b, code);
}

// Back from what lies above the list; out of the list only by q.
static void
back(struct browse *b, bool leave)
{
    if (!b->opened)
        b->leave = leave;
    close_text(b);
}

static void
follow(struct browse *b)
{
    b->following = !b->following;
    b->ops->follow(b->ctx, b->following);
    if (b->following)
        go(b, b->n ? b->n - 1 : 0);
}

void
browse_key(struct browse *b, uint32_t code)
{
    size_t page = b->opened ? text_rows(b) : b->rows;
    buf_reset(&b->note);
    if (b->prompt != BROWSE_LIST) {
        prompt_key(b, code);
        return;
    }
    if (b->help) {
        b->help = false;
        return;
    }
    switch (code) {
    case 'j':
    case INPUT_DOWN:
        move_by(b, true, 1);
        break;
    case 'k':
    case INPUT_UP:
        move_by(b, false, 1);
        break;
    case 'g':
    case INPUT_HOME:
        move_by(b, false, SIZE_MAX);
        break;
    case 'G':
    case INPUT_END:
        move_by(b, true, SIZE_MAX);
        break;
    case ' ':
    case CTRL('F'):
    case INPUT_PAGE_DOWN:
        move_by(b, true, page > 1 ? page - 1 : 1);
        break;
    case CTRL('B'):
    case INPUT_PAGE_UP:
        move_by(b, false, page > 1 ? page - 1 : 1);
        break;
    case CTRL('D'):
        move_by(b, true, page / 2 + 1);
        break;
    case CTRL('U'):
        move_by(b, false, page / 2 + 1);
        break;
    case '\r':
    case '\n':
        if (b->opened)
            close_text(b);
        else
            b->opened = b->n > 0;
        b->down = 0;
        break;
    case 't':
        open_page(b, BROWSE_TREE);
        break;
    case 's':
        open_page(b, BROWSE_STATS);
        break;
    case 'F':
        follow(b);
        break;
    case '/':
        ask(b, BROWSE_SEARCH);
        break;
    case '&':
        ask(b, BROWSE_SIFT);
        break;
    case 'n':
    case 'N':
        if (b->page)
            close_text(b);
        look_for(b, code == 'n' ? 1 : -1);
        break;
    case '?':
        b->help = true;
        break;
    case 0x1b:
        back(b, false);
        break;
    case 'q':
        back(b, true);
        break;
    case CTRL('C'):
        b->leave = true;
        break;
    default:
        break;
    }
}
