// SPDX-License-Identifier: Apache-2.0
// The browser's model: where keys lead, in a list of any length.
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "browse.h"
#include "input.h"

#define CTRL(c) ((c)-64)

// A list of numbers; a search for "7" finds the multiples of 7, the filter "even" leaves those.
struct fake {
    size_t n, wholes;
    enum browse_page page; /* asked for */
    const char *sift;      /* likewise */
    bool search;
    bool following;
};

static void
on_line(void *ctx, size_t i, struct buf *out)
{
    buf_printf(out, "%zu", i);
}

static void
on_whole(void *ctx, size_t i, struct buf *out)
{
    struct fake *f = ctx;
    cr_assert(i < f->n, "%zu", i);
    f->wholes++;
    for (size_t line = 0; line < 100; line++)
        buf_printf(out, "%zu line %zu\n", i, line);
}

static int
on_sift(void *ctx, const char *words, struct buf *why)
{
    struct fake *f = ctx;
    if (strcmp(words, "wrong") == 0) {
        buf_puts(why, "no such filter");
        return -EINVAL;
    }
    f->sift = words;
    return 0;
}

static int
on_search(void *ctx, const char *words, struct buf *why)
{
    struct fake *f = ctx;
    if (strcmp(words, "(") == 0) {
        buf_puts(why, "no regular expression");
        return -EINVAL;
    }
    f->search = true;
    return 0;
}

static bool
on_next(void *ctx, size_t from, int direction, size_t *ret_i)
{
    struct fake *f = ctx;
    if (direction < 0 && from == 0)
        return false;
    *ret_i = direction > 0 ? (from / 7 + 1) * 7 : (from - 1) / 7 * 7;
    return *ret_i < f->n;
}

static void
on_page(void *ctx, enum browse_page page)
{
    struct fake *f = ctx;
    f->page = page;
}

static void
on_follow(void *ctx, bool on)
{
    struct fake *f = ctx;
    f->following = on;
}

static const struct browse_ops ops = {
    .line = on_line,
    .whole = on_whole,
    .place = on_line,
    .sift = on_sift,
    .search = on_search,
    .next = on_next,
    .page = on_page,
    .follow = on_follow,
};

// What was asked for comes.
static void
serve(struct browse *b)
{
    struct fake *f = b->ctx;
    cr_assert(b->busy == (f->sift || f->search));
    if (f->sift) {
        size_t n = strcmp(f->sift, "none") == 0   ? 0
                   : strcmp(f->sift, "even") == 0 ? f->n / 2
                                                  : 1000000;
        f->sift = NULL;
        browse_sifted(b, f->n = n, n ? n - 1 : 0, NULL);
    }
    if (f->search) {
        f->search = false;
        browse_searched(b, NULL);
    }
    cr_assert(!b->busy);
}

static void
keys(struct browse *b, const char *text)
{
    for (; *text; text++) {
        browse_key(b, (unsigned char)*text);
        serve(b);
    }
}

// Whatever happened, what is drawn exists.
static void
check(const struct browse *b)
{
    cr_assert(b->n ? b->at < b->n : b->at == 0);
    cr_assert(b->top <= b->at);
    cr_assert(!b->rows || b->at - b->top < b->rows);
}

Test(browse, movement)
{
    struct fake f = {.n = 1000000};
    struct browse b;
    browse_init(&b, &ops, &f, f.n);
    browse_set_size(&b, 24);
    cr_assert(b.rows == 10 && b.detail == 11);
    cr_assert(b.at == 999999 && b.top == 999990, "the newest first");
    keys(&b, "j");
    cr_assert(b.at == 999999);
    keys(&b, "kkk");
    cr_assert(b.at == 999996 && b.top == 999990);
    browse_key(&b, INPUT_PAGE_UP);
    cr_assert(b.at == 999987 && b.top == 999987);
    keys(&b, "g");
    cr_assert(b.at == 0 && b.top == 0);
    keys(&b, "k");
    cr_assert(b.at == 0);
    browse_key(&b, CTRL('D'));
    cr_assert(b.at == 6);
    browse_key(&b, CTRL('U'));
    cr_assert(b.at == 0);
    keys(&b, "G");
    cr_assert(b.at == 999999);
    cr_assert(f.wholes == 0, "moving asks for nothing");
    browse_set_size(&b, 10);
    cr_assert(b.rows == 8 && b.detail == 0, "no room for both");
    check(&b);
    browse_set_size(&b, 1);
    check(&b);
    browse_done(&b);
}

Test(browse, one_of_them_whole)
{
    struct fake f = {.n = 5};
    struct browse b;
    browse_init(&b, &ops, &f, f.n);
    browse_set_size(&b, 24);
    keys(&b, "\r");
    cr_assert(b.opened);
    cr_assert(strncmp(browse_text(&b), "4 line 0\n", 9) == 0 && b.lines == 100);
    keys(&b, "jj");
    cr_assert(b.down == 2 && b.at == 4 && f.wholes == 1);
    keys(&b, "G");
    cr_assert(b.down == 100 - 22, "%zu", b.down);
    keys(&b, "j g");
    cr_assert(b.down == 0);
    browse_key(&b, 0x1b);
    cr_assert(!b.opened && !b.leave, "Esc goes back");
    browse_key(&b, 0x1b);
    cr_assert(!b.leave, "and never leaves");
    keys(&b, "\rq");
    cr_assert(!b.opened && !b.leave);
    keys(&b, "q");
    cr_assert(b.leave);
    browse_done(&b);
}

Test(browse, pages)
{
    struct fake f = {.n = 5};
    struct browse b;
    browse_init(&b, &ops, &f, f.n);
    browse_set_size(&b, 24);
    keys(&b, "t");
    cr_assert(f.page == BROWSE_TREE && b.opened && strstr(browse_text(&b), "reading"));
    keys(&b, "jjG");
    cr_assert(b.at == 4, "the list behind it stays");
    browse_set_page(&b, "a tree\nof two lines\n");
    cr_assert_str_eq(browse_text(&b), "a tree\nof two lines\n");
    keys(&b, "s");
    cr_assert(f.page == BROWSE_STATS && strstr(browse_text(&b), "reading"), "one for the other");
    cleanup_buf struct buf text = {0};
    for (int i = 0; i < 100; i++)
        buf_printf(&text, "line %d\n", i);
    browse_set_page(&b, buf_str(&text));
    keys(&b, "jj");
    cr_assert(b.down == 2);
    browse_set_list(&b, 3, 1);
    cr_assert(b.down == 2 && b.at == 1, "what comes meanwhile does not move it");
    keys(&b, "s");
    cr_assert(f.page == BROWSE_NO_PAGE && !b.opened && !b.leave, "again: back");
    cr_assert(strncmp(browse_text(&b), "1 line 0\n", 9) == 0);
    browse_set_page(&b, "too late");
    cr_assert(strncmp(browse_text(&b), "1 line 0\n", 9) == 0);
    keys(&b, "tq");
    cr_assert(f.page == BROWSE_NO_PAGE && !b.opened && !b.leave);
    keys(&b, "t/");
    cr_assert(f.page == BROWSE_NO_PAGE && !b.opened && b.prompt == BROWSE_SEARCH);
    browse_done(&b);
}

Test(browse, following)
{
    struct fake f = {.n = 5};
    struct browse b;
    browse_init(&b, &ops, &f, f.n);
    browse_set_size(&b, 24);
    keys(&b, "gF");
    cr_assert(f.following && b.following && b.at == 4, "at the end, where news come");
    f.n = 7;
    browse_set_list(&b, 7, 6);
    cr_assert(b.at == 6);
    keys(&b, "\rjjj");
    cr_assert(b.down == 3);
    f.n = 9;
    browse_set_list(&b, 9, 6);
    cr_assert(b.at == 6 && b.down == 3 && b.opened, "what is read stays where it is");
    f.n = 0;
    browse_set_list(&b, 0, 0);
    check(&b);
    keys(&b, "F");
    cr_assert(!f.following && !b.following);
    browse_done(&b);
}

Test(browse, search)
{
    struct fake f = {.n = 1000000};
    struct browse b;
    browse_init(&b, &ops, &f, f.n);
    browse_set_size(&b, 24);
    keys(&b, "n");
    cr_assert(b.note.len && b.at == 999999, "nothing to look for yet");
    keys(&b, "g/seven\r");
    cr_assert(b.at == 7 && !b.note.len);
    keys(&b, "nn");
    cr_assert(b.at == 21);
    keys(&b, "N");
    cr_assert(b.at == 14);
    keys(&b, "\rn");
    cr_assert(b.at == 21 && b.opened, "matches are gone through in full");
    keys(&b, "q/(\r");
    cr_assert(strcmp(buf_str(&b.note), "no regular expression") == 0 && b.at == 21);
    keys(&b, "G/x\r");
    cr_assert(b.at == 999999 / 7 * 7 || b.at == (999999 - 1) / 7 * 7, "behind the last: before it");
    check(&b);
    keys(&b, "/seven");
    browse_key(&b, 0x1b);
    cr_assert(b.prompt == BROWSE_LIST && !b.leave);
    browse_done(&b);
}

Test(browse, filter)
{
    struct fake f = {.n = 1000000};
    struct browse b;
    browse_init(&b, &ops, &f, f.n);
    browse_set_size(&b, 24);
    keys(&b, "&even\r");
    cr_assert(b.n == 500000 && b.at == 499999);
    cr_assert(strcmp(buf_str(&b.words), "even") == 0);
    keys(&b, "&");
    cr_assert(strcmp(buf_str(&b.typed), "even") == 0, "changed, not typed anew");
    browse_key(&b, CTRL('U'));
    keys(&b, "wrong\r");
    cr_assert(b.n == 500000 && b.note.len, "a wrong one changes nothing");
    cr_assert(strcmp(buf_str(&b.words), "even") == 0);
    keys(&b, "&");
    browse_key(&b, CTRL('U'));
    keys(&b, "none\r");
    cr_assert(b.n == 0 && b.at == 0);
    // Nothing is there: no key may ask for it.
    keys(&b, "jkgG \rn N");
    cr_assert(!b.opened && strcmp(browse_text(&b), "") == 0);
    check(&b);
    keys(&b, "&");
    browse_key(&b, CTRL('U'));
    keys(&b, "\r");
    cr_assert(b.n == 1000000 && !b.words.len);
    browse_done(&b);
}

Test(browse, what_can_not_be_read)
{
    struct fake f = {.n = 5};
    struct browse b;
    browse_init(&b, &ops, &f, f.n);
    browse_set_size(&b, 24);
    for (const char *p = "&even\r"; *p; p++)
        browse_key(&b, (unsigned char)*p);
    cr_assert(b.busy);
    browse_sifted(&b, 0, 0, "it is gone");
    cr_assert(!b.busy && b.n == 5 && !b.words.len && strcmp(buf_str(&b.note), "it is gone") == 0);
    for (const char *p = "/x\r"; *p; p++)
        browse_key(&b, (unsigned char)*p);
    browse_searched(&b, "it is gone");
    cr_assert(!b.busy && !b.searched && b.at == 4);
    browse_done(&b);
}

Test(browse, typing)
{
    struct fake f = {.n = 5};
    struct browse b;
    browse_init(&b, &ops, &f, f.n);
    browse_set_size(&b, 24);
    browse_paste(&b, "q", 1);
    cr_assert(!b.typed.len && !b.leave, "a paste is no key");
    keys(&b, "/");
    browse_key(&b, 0xe4);
    browse_key(&b, 0x20ac);
    browse_key(&b, 0x1f600);
    cr_assert(strcmp(buf_str(&b.typed), "\u00e4\u20ac\U0001f600") == 0);
    browse_key(&b, 0x7f);
    browse_key(&b, 0x7f);
    cr_assert(strcmp(buf_str(&b.typed), "\u00e4") == 0);
    browse_key(&b, INPUT_UP);
    browse_paste(&b, "a\x1b[31mb\r", 7);
    cr_assert(strcmp(buf_str(&b.typed), "\u00e4a[31mb") == 0, "%s", buf_str(&b.typed));
    for (int i = 0; i < 9; i++)
        browse_key(&b, 0x7f);
    cr_assert(!b.typed.len && b.prompt == BROWSE_SEARCH);
    for (int i = 0; i < 5000; i++)
        browse_key(&b, 'x');
    cr_assert(b.typed.len <= 1024);
    browse_done(&b);
}

// Any keys at any size leave the cursor on an entry that is there and in sight.
Test(browse, any_keys)
{
    static const uint32_t all[] = {
        'j',      'k',        'g',        'G',       ' ',       '\r',      '/',
        '&',      'n',        'N',        '?',       0x1b,      'q',       'e',
        'v',      'x',        0x7f,       CTRL('U'), CTRL('D'), CTRL('F'), CTRL('B'),
        INPUT_UP, INPUT_DOWN, INPUT_HOME, INPUT_END, 't',       's',       'F'};
    struct fake f = {.n = 1000000};
    struct browse b;
    unsigned seed = 4;
    browse_init(&b, &ops, &f, f.n);
    for (int i = 0; i < 200000; i++) {
        seed = seed * 1103515245 + 12345;
        if ((seed >> 16) % 50 == 0)
            browse_set_size(&b, (seed >> 20) % 60);
        browse_key(&b, all[(seed >> 16) % (sizeof all / sizeof *all)]);
        serve(&b);
        check(&b);
        if (f.page && (seed >> 18) % 3 == 0)
            browse_set_page(&b, "one\ntwo\nthree\n");
        if (f.following && (seed >> 18) % 9 == 0)
            browse_set_list(&b, f.n, f.n ? f.n - 1 : 0);
        check(&b);
        browse_text(&b);
        cr_assert(b.down <= 100);
    }
    browse_done(&b);
}
