// SPDX-License-Identifier: Apache-2.0
#include "display.h"

#include <assert.h>
#include <ctype.h>
#include <langinfo.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unicode.h"

#define MARKS_MAX 2 /* combining marks on one base; more hide the text around them */

// One step through the input: a character, or a byte that belongs to none.
struct unit {
    uint32_t c;      /* code point, or the byte */
    unsigned length; /* bytes of input */
    bool valid;      /* part of valid UTF-8 */
    bool shown;      /* goes out as it is */
    unsigned columns;
};

// What the units before decide about the next one.
struct context {
    bool base;        /* a character that marks may stand on */
    unsigned marks;   /* on that base */
    uint32_t starter; /* the last character shown without a place in an order; 0: none */
    uint32_t order;   /* of the character before */
};

static int
compare_range(const void *key, const void *entry)
{
    const struct unicode_range *r = entry;
    uint32_t c = *(const uint32_t *)key;

    return c < r->first ? -1 : c > r->last;
}

static bool
in_ranges(const struct unicode_range *ranges, size_t count, uint32_t c)
{
    return bsearch(&c, ranges, count, sizeof(*ranges), compare_range) != NULL;
}

static uint32_t
order_of(uint32_t c)
{
    static_assert(offsetof(struct unicode_order, range) == 0, "compared as its range");
    const struct unicode_order *o =
        bsearch(&c, unicode_order, unicode_order_count, sizeof(*unicode_order), compare_range);

    return o ? o->order : 0;
}

static int
compare_pair(const void *key, const void *entry)
{
    const struct unicode_pair *k = key, *e = entry;

    if (k->base != e->base)
        return k->base < e->base ? -1 : 1;
    return k->mark < e->mark ? -1 : k->mark > e->mark;
}

// A mark above takes the place of the dot of i and j: with it, those without one look the same.
#define ORDER_ABOVE 230
static bool
is_dotless(uint32_t c)
{
    return c == 0x131 || c == 0x237;
}

// True when the text up to here, with c behind it, is what Unicode takes for another spelling: of
// one character that looks like two, or of the same marks in their order. What is shown is thereby
// always normalised (NFC), and two texts that are equal to a reader are not both shown.
static bool
second_spelling(const struct context *ctx, uint32_t c, uint32_t order)
{
    struct unicode_pair pair = {ctx->starter, c};

    if (c < 0x80)
        return false;
    return (order && ctx->order > order) || (order == ORDER_ABOVE && is_dotless(ctx->starter)) ||
           bsearch(&pair, unicode_pair, unicode_pair_count, sizeof(pair), compare_pair);
}

int
display_char_width(uint32_t c)
{
    if (c < 0x80)
        return c >= 0x20 && c < 0x7f ? 1 : -1;
    if (in_ranges(unicode_narrow, unicode_narrow_count, c))
        return 1;
    if (in_ranges(unicode_wide, unicode_wide_count, c))
        return 2;
    return in_ranges(unicode_mark, unicode_mark_count, c) ? 0 : -1;
}

unsigned
display_decode(const void *bytes, size_t n, uint32_t *ret_c)
{
    const unsigned char *p = bytes;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned length;
    uint32_t c;

    if (n == 0)
        return 0;
    if (p[0] < 0x80) {
        *ret_c = p[0];
        return 1;
    }
    if (p[0] >= 0xc2 && p[0] <= 0xdf)
        length = 2;
    else if ((p[0] & 0xf0) == 0xe0)
        length = 3;
    else if (p[0] >= 0xf0 && p[0] <= 0xf4)
        length = 4;
    else
        return 0;
    if (n < length)
        return 0;
    c = p[0] & (0x7f >> length);
    for (unsigned i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    if (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *ret_c = c;
    return length;
}

static struct unit
unit_next(const unsigned char *p, size_t n, size_t at, struct context *ctx, unsigned flags)
{
    struct unit u = {.c = p[at], .length = 1};
    unsigned length = display_decode(p + at, n - at, &u.c);
    uint32_t order;
    int width;

    if (length == 0) {
        *ctx = (struct context){0};
        return u;
    }
    u.length = length;
    u.valid = true;
    order = order_of(u.c);
    width = u.c >= 0x80 && (flags & DISPLAY_ASCII) ? -1 : display_char_width(u.c);
    if (u.c == ' ')
        u.shown = at > 0 && at + 1 < n && p[at - 1] != ' ';
    else if (width == 0)
        u.shown = ctx->base && ctx->marks < MARKS_MAX;
    else
        u.shown = width > 0;
    u.shown = u.shown && !second_spelling(ctx, u.c, order);
    if (!u.shown) {
        *ctx = (struct context){0};
        return u;
    }
    u.columns = (unsigned)width;
    if (width == 0) {
        ctx->marks++;
    } else {
        // On a slash, a quote or a backslash a mark would hide what a path or a word ends with.
        ctx->base = u.c >= 0x80 || isalnum((int)u.c);
        ctx->marks = 0;
    }
    if (!order)
        ctx->starter = u.c;
    ctx->order = order;
    return u;
}

static size_t
add_escaped(struct buf *out, const unsigned char *p, size_t n, unsigned flags)
{
    struct context ctx = {0};
    size_t columns = 0;

    for (size_t i = 0; i < n;) {
        struct unit u = unit_next(p, n, i, &ctx, flags);
        size_t before = out->len;

        if (u.shown && u.c != '\\') {
            buf_add(out, p + i, u.length);
            columns += u.columns;
        } else {
            if (u.c == '\\')
                buf_puts(out, "\\\\");
            else if (u.valid && u.c >= 0x80)
                buf_printf(out, "\\u{%x}", u.c);
            else
                buf_printf(out, "\\x%02x", p[i]);
            columns += out->len - before;
        }
        i += u.length;
    }
    return columns;
}

enum quoting { QUOTE_NONE, QUOTE_PLAIN, QUOTE_ESCAPED };

static enum quoting
quoting_for(const unsigned char *p, size_t n, unsigned flags)
{
    struct context ctx = {0};
    enum quoting q = n == 0 ? QUOTE_PLAIN : QUOTE_NONE;

    for (size_t i = 0; i < n;) {
        struct unit u = unit_next(p, n, i, &ctx, flags);
        bool word = u.c >= 0x80 || (u.c >= '0' && u.c <= '9') || (u.c >= 'a' && u.c <= 'z') ||
                    (u.c >= 'A' && u.c <= 'Z') || (u.c && strchr("_@%+:,./-", (int)u.c)) ||
                    (u.c == '=' && i > 0);

        if (!u.shown)
            return QUOTE_ESCAPED;
        if (!word)
            q = QUOTE_PLAIN;
        i += u.length;
    }
    return q;
}

static size_t
add_quoted(struct buf *out, const unsigned char *p, size_t n, unsigned flags)
{
    enum quoting q = quoting_for(p, n, flags);
    struct context ctx = {0};
    size_t wide = 0, ascii = out->len;

    if (q != QUOTE_NONE)
        buf_puts(out, q == QUOTE_ESCAPED ? "$'" : "'");
    for (size_t i = 0; i < n;) {
        struct unit u = unit_next(p, n, i, &ctx, flags);

        if (!u.shown) {
            for (unsigned k = 0; k < u.length; k++)
                buf_printf(out, "\\x%02x", p[i + k]);
        } else if (u.c == '\'') {
            buf_puts(out, q == QUOTE_ESCAPED ? "\\'" : "'\\''");
        } else if (u.c == '\\' && q == QUOTE_ESCAPED) {
            buf_puts(out, "\\\\");
        } else {
            buf_add(out, p + i, u.length);
            if (u.length > 1) {
                ascii += u.length;
                wide += u.columns;
            }
        }
        i += u.length;
    }
    if (q != QUOTE_NONE)
        buf_putc(out, '\'');
    return out->len - ascii + wide;
}

unsigned
display_flags_of(int fd)
{
    const char *term = getenv("TERM");
    bool console = term && strncmp(term, "linux", 5) == 0 && isatty(fd);
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0 && !console ? 0 : DISPLAY_ASCII;
}

size_t
display_escape(struct buf *out, const void *bytes, size_t n, unsigned flags)
{
    return flags & DISPLAY_QUOTE ? add_quoted(out, bytes, n, flags)
                                 : add_escaped(out, bytes, n, flags);
}

char *
display_str(const char *s, unsigned flags)
{
    struct buf b = {0};

    display_escape(&b, s, strlen(s), flags);
    return buf_steal(&b);
}

size_t
display_width(const char *escaped)
{
    size_t columns = 0, n = strlen(escaped);

    while (n > 0) {
        uint32_t c = 0;
        unsigned length = display_decode(escaped, n, &c);
        int width = length ? display_char_width(c) : 1;

        columns += width < 0 ? 1 : (size_t)width;
        length = length ? length : 1;
        escaped += length;
        n -= length;
    }
    return columns;
}

// Length of the escape at s, 0 when there is none: in a quoted word a backslash may stand for
// itself.
static size_t
escape_length(const char *s)
{
    size_t n;

    if (s[0] != '\\' || s[1] == 0)
        return 0;
    if (s[1] == 'x' && isxdigit((unsigned char)s[2]) && isxdigit((unsigned char)s[3]))
        return 4;
    if (s[1] == 'u' && s[2] == '{') {
        n = 3 + strspn(s + 3, "0123456789abcdef");
        return s[n] == '}' ? n + 1 : 0;
    }
    return strchr("\\'{}", s[1]) ? 2 : 0;
}

size_t
display_unit(const char *escaped, size_t *ret_columns)
{
    size_t n = strlen(escaped), length = escape_length(escaped);
    uint32_t c = 0;
    int width;

    *ret_columns = length;
    if (n == 0 || length > 0)
        return length;
    length = display_decode(escaped, n, &c);
    width = length ? display_char_width(c) : 1;
    length = length ? length : 1;
    *ret_columns = width < 0 ? 1 : (size_t)width;
    for (;;) {
        unsigned more = display_decode(escaped + length, n - length, &c);
        if (more < 2 || display_char_width(c) != 0)
            return length;
        length += more;
    }
}

size_t
display_clip(struct buf *out, const char *escaped, size_t columns)
{
    size_t total = display_width(escaped), used = 0;

    if (total <= columns) {
        buf_puts(out, escaped);
        return total;
    }
    if (columns == 0)
        return 0;
    for (;;) {
        size_t width, length = display_unit(escaped, &width);

        if (length == 0 || used + width > columns - 1)
            break;
        buf_add(out, escaped, length);
        escaped += length;
        used += width;
    }
    buf_putc(out, '>');
    return used + 1;
}

size_t
display_clip_start(struct buf *out, const char *escaped, size_t columns)
{
    size_t used = display_width(escaped), width;
    if (used <= columns) {
        buf_puts(out, escaped);
        return used;
    }
    if (columns == 0)
        return 0;
    while (used >= columns) {
        escaped += display_unit(escaped, &width);
        used -= width;
    }
    buf_putc(out, '<');
    buf_puts(out, escaped);
    return used + 1;
}

bool
display_is_odd(const void *bytes, size_t n)
{
    struct context ctx = {0};

    for (size_t i = 0; i < n;) {
        struct unit u = unit_next(bytes, n, i, &ctx, 0);
        if (!u.shown)
            return true;
        i += u.length;
    }
    return false;
}
