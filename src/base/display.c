// SPDX-License-Identifier: Apache-2.0
#include "display.h"

#include <stdint.h>
#include <string.h>

#include "util.h"

struct range {
    uint32_t first, last;
};
#include "display_ranges.h"

#define COMBINING_MAX 2 /* marks shown on one base; a flood of them paints over other lines */

enum class { CLASS_HIDDEN, CLASS_NARROW, CLASS_WIDE, CLASS_COMBINING };

static bool
in_ranges(const struct range *r, size_t n, uint32_t c)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (c > r[mid].last)
            low = mid + 1;
        else if (c < r[mid].first)
            high = mid;
        else
            return true;
    }
    return false;
}

static enum class classify(uint32_t c) {
    if (c < 0x80) return c >= 0x20 && c < 0x7f ? CLASS_NARROW : CLASS_HIDDEN;
    if (in_ranges(narrow_ranges, ARRAY_SIZE(narrow_ranges), c)) return CLASS_NARROW;
    if (in_ranges(wide_ranges, ARRAY_SIZE(wide_ranges), c)) return CLASS_WIDE;
    if (in_ranges(combining_ranges, ARRAY_SIZE(combining_ranges), c)) return CLASS_COMBINING;
    return CLASS_HIDDEN;
}

// Length of the well-formed UTF-8 sequence at p (Unicode, table 3-7: nothing overlong, no
// surrogates), 0 for none.
static size_t
decode(const unsigned char *p, size_t n, uint32_t *ret_c)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = p[0] < 0x80       ? 1
                 : p[0] >> 5 == 6  ? 2
                 : p[0] >> 4 == 14 ? 3
                 : p[0] >> 3 == 30 ? 4
                                   : 0;
    if (len == 0 || len > n)
        return 0;
    uint32_t c = len == 1 ? p[0] : p[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if (p[i] >> 6 != 2)
            return 0;
        c = c << 6 | (p[i] & 0x3fu);
    }
    if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return 0;
    *ret_c = c;
    return len;
}

// One step of the escaping: how many input bytes, what they become.
struct step {
    size_t len;
    size_t columns;
    bool escaped; /* and not for the backslash's own sake */
    char text[16];
    size_t text_len;
};

static void
step_escape(struct step *s, const char *fmt, uint32_t v)
{
    static const char digits[] = "0123456789abcdef";
    char hex[8];
    size_t n = 0;
    do
        hex[n++] = digits[v & 15];
    while ((v >>= 4) != 0);
    if (fmt[1] == 'x' && n == 1)
        hex[n++] = '0';
    s->text_len = 0;
    s->text[s->text_len++] = '\\';
    s->text[s->text_len++] = fmt[1];
    if (fmt[1] == 'u')
        s->text[s->text_len++] = '{';
    while (n)
        s->text[s->text_len++] = hex[--n];
    if (fmt[1] == 'u')
        s->text[s->text_len++] = '}';
    s->columns = s->text_len;
    s->escaped = true;
}

static void
step_plain(struct step *s, const unsigned char *p, size_t columns)
{
    memcpy(s->text, p, s->len);
    s->text_len = s->len;
    s->columns = columns;
}

// marks: combining marks since the last base, -1 where there is no base yet.
static void
step_next(struct step *s, const unsigned char *p, size_t i, size_t n, unsigned flags, int *marks)
{
    uint32_t c = 0;
    *s = (struct step){.len = decode(p + i, n - i, &c)};
    if (s->len == 0) {
        s->len = 1;
        step_escape(s, "\\x", p[i]);
        *marks = -1;
        return;
    }
    enum class class = classify(c);
    if (class == CLASS_COMBINING && *marks >= 0 && *marks < COMBINING_MAX &&
        !(flags & DISPLAY_ASCII)) {
        ++*marks;
        step_plain(s, p + i, 0);
        return;
    }
    bool space = c == ' ' && (i == 0 || i + 1 == n || p[i - 1] == ' ');
    if (class == CLASS_HIDDEN || class == CLASS_COMBINING || space ||
        (c >= 0x80 && flags & DISPLAY_ASCII)) {
        step_escape(s, c < 0x80 ? "\\x" : "\\u", c);
        *marks = -1;
        return;
    }
    *marks = 0;
    if (c == '\\') {
        memcpy(s->text, "\\\\", 2);
        s->text_len = s->columns = 2;
        return;
    }
    step_plain(s, p + i, class == CLASS_WIDE ? 2 : 1);
}

static size_t
escape_plain(struct buf *out, const unsigned char *p, size_t n, unsigned flags)
{
    struct step s;
    int marks = -1;
    size_t columns = 0;
    for (size_t i = 0; i < n; i += s.len) {
        step_next(&s, p, i, n, flags, &marks);
        buf_add(out, s.text, s.text_len);
        columns += s.columns;
    }
    return columns;
}

static bool
shell_safe(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("_-./+,:@%=", c)) || c >= 0x80;
}

// Three forms, told apart by their first byte: bare where the shell needs nothing, '...' for spaces
// and the like,
// $'...' where something is escaped.
static size_t
escape_quoted(struct buf *out, const unsigned char *p, size_t n, unsigned flags)
{
    bool odd = display_is_odd(p, n) || (flags & DISPLAY_ASCII), quote = n == 0;
    struct step s;
    int marks = -1;
    for (size_t i = 0; i < n; i++) {
        quote |= !shell_safe(p[i]);
        odd |= p[i] == '\'' || p[i] == '\\';
    }
    if (odd && flags & DISPLAY_ASCII) {
        odd = false;
        for (size_t i = 0; i < n; i++)
            odd |= p[i] >= 0x80 || p[i] < 0x20 || p[i] == 0x7f || p[i] == '\'' || p[i] == '\\';
        odd |= display_is_odd(p, n);
    }
    if (!odd && !quote)
        return escape_plain(out, p, n, flags);
    buf_puts(out, odd ? "$'" : "'");
    size_t columns = odd ? 3 : 2;
    for (size_t i = 0; i < n; i += s.len) {
        step_next(&s, p, i, n, flags, &marks);
        if (odd && p[i] == '\'')
            buf_putc(out, '\\'), columns++;
        buf_add(out, s.text, s.text_len);
        columns += s.columns;
    }
    buf_putc(out, '\'');
    return columns;
}

size_t
display_escape(struct buf *out, const void *bytes, size_t n, unsigned flags)
{
    return flags & DISPLAY_QUOTE ? escape_quoted(out, bytes, n, flags)
                                 : escape_plain(out, bytes, n, flags);
}

char *
display_str(const char *s, unsigned flags)
{
    struct buf out = {0};
    display_escape(&out, s, strlen(s), flags);
    return buf_steal(&out);
}

bool
display_is_odd(const void *bytes, size_t n)
{
    struct step s;
    int marks = -1;
    for (size_t i = 0; i < n; i += s.len) {
        step_next(&s, bytes, i, n, 0, &marks);
        if (s.escaped)
            return true;
    }
    return false;
}

size_t
display_width(const char *escaped)
{
    const unsigned char *p = (const unsigned char *)escaped;
    size_t n = strlen(escaped), columns = 0, len;
    for (size_t i = 0; i < n; i += len) {
        uint32_t c = 0;
        len = decode(p + i, n - i, &c);
        if (len == 0)
            len = 1;
        enum class class = classify(c);
        columns += class == CLASS_COMBINING ? 0 : class == CLASS_WIDE ? 2 : 1;
    }
    return columns;
}

// Bytes of the unit at p that is cut or kept whole: an escape, or a character with its marks.
static size_t
unit_length(const char *p)
{
    const unsigned char *q = (const unsigned char *)p;
    size_t n = strlen(p), len;
    uint32_t c = 0;
    if (p[0] == '\\' && p[1] == 'x' && n >= 4)
        return 4;
    if (p[0] == '\\' && p[1] == 'u')
        return strcspn(p, "}") + (strchr(p, '}') ? 1 : 0);
    if (p[0] == '\\' && p[1])
        return 2;
    len = decode(q, n, &c);
    if (len == 0)
        len = 1;
    for (;;) {
        size_t more = len < n ? decode(q + len, n - len, &c) : 0;
        if (!more || classify(c) != CLASS_COMBINING)
            return len;
        len += more;
    }
}

size_t
display_clip(struct buf *out, const char *escaped, size_t columns)
{
    size_t width = display_width(escaped);
    if (width <= columns) {
        buf_puts(out, escaped);
        return width;
    }
    if (columns == 0)
        return 0;
    size_t used = 0;
    while (*escaped) {
        char unit[64];
        size_t n = unit_length(escaped);
        if (n >= sizeof unit)
            n = sizeof unit - 1;
        memcpy(unit, escaped, n);
        unit[n] = 0;
        size_t w = display_width(unit);
        if (used + w > columns - 1)
            break;
        buf_add(out, escaped, n);
        used += w;
        escaped += n;
    }
    buf_putc(out, '>');
    return used + 1;
}
