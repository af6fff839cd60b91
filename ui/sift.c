// SPDX-License-Identifier: Apache-2.0
#include "sift.h"

#include <stdint.h>
#include <string.h>

#include "display.h"

#define ESC 0x1b
#define CAN 0x18
#define SUB 0x1a

#define SETTLE "\033[?h" /* sets nothing, but libvterm looks where the cursor is */
#define INVALID "\xef\xbf\xbd"

// What a byte means to the one that reads it.
enum fate {
    FATE_PASS,
    FATE_DROP,
    FATE_RELEASE, /* what was held back, and this byte */
    FATE_REPEAT,
    FATE_PENS,
    FATE_TEXT,
};

struct out {
    char data[SIFT_PIECE];
    size_t n;
    void (*fn)(void *ctx, const char *data, size_t n);
    void *ctx;
};

static void
put_flush(struct out *o)
{
    if (o->n)
        o->fn(o->ctx, o->data, o->n);
    o->n = 0;
}

static void
put(struct out *o, const char *data, size_t n)
{
    if (n > sizeof o->data - o->n)
        put_flush(o);
    memcpy(o->data + o->n, data, n);
    o->n += n;
}

// Does it join the character before it? More than libvterm's own idea of that.
static bool
is_mark(uint32_t c)
{
    bool private_use = (c >= 0xe000 && c <= 0xf8ff) || c >= 0xf0000;

    return (display_char_width(c) < 1 && !private_use) || c == 0x6de || c == 0x1734 ||
           c == 0x302e || c == 0x302f;
}

// A character is whole.
static void
put_character(struct sift *s, struct out *o)
{
    uint32_t c = 0;

    if (display_decode(s->last, s->len, &c) != s->len || (c >= 0x7f && c < 0xa0)) {
        s->len = s->want = 0;
        put(o, INVALID, strlen(INVALID));
        s->marks = 0;
        return;
    }
    s->marks = is_mark(c) ? s->marks + (s->marks <= SIFT_MARKS_MAX) : 0;
    if (s->marks <= SIFT_MARKS_MAX)
        put(o, s->last, s->len);
}

// What began and was not gone on with.
static void
put_broken_off(struct sift *s, struct out *o)
{
    if (s->len < s->want)
        put(o, INVALID, strlen(INVALID));
}

static void
put_text(struct sift *s, struct out *o, unsigned char c)
{
    static const unsigned char lengths[] = {2, 2, 3, 4};

    if (c >= 0x80 && c < 0xc0 && s->len < s->want) {
        s->last[s->len++] = (char)c;
    } else {
        put_broken_off(s, o);
        s->last[0] = (char)c;
        s->len = s->want = 1;
        if (c >= 0xc2 && c < 0xf5)
            s->want = lengths[(c >> 4) - 12];
    }
    if (c < 0x80) {
        s->marks = 0;
        put(o, s->last, 1);
    } else if (s->len == s->want) {
        put_character(s, o);
    }
}

static enum fate
hold(struct sift *s, unsigned char c)
{
    if (s->n_held < SIFT_HELD_MAX)
        s->held[s->n_held++] = (char)c;
    else
        s->bad = true;
    return FATE_DROP;
}

static enum fate
begin_escape(struct sift *s)
{
    s->state = SIFT_ESCAPE;
    s->n_held = 0;
    s->bad = false;
    return hold(s, ESC);
}

// Behind ESC and any intermediate bytes: libvterm looks at the last one alone.
static enum fate
take_escape(struct sift *s, unsigned char c)
{
    if (c < 0x30)
        return hold(s, c);
    // No escape at all: libvterm would go on waiting for its end.
    if (c >= 0x80) {
        s->state = SIFT_TEXT;
        return FATE_TEXT;
    }
    if (c == ']' || c == 'P' || c == 'X' || c == '^' || c == '_') {
        s->state = SIFT_STRING;
        return FATE_DROP;
    }
    if (c != '[') {
        s->state = SIFT_TEXT;
        return s->bad ? FATE_DROP : FATE_RELEASE;
    }
    s->state = SIFT_CSI;
    s->plain = true;
    s->closed = s->bad = false;
    s->digits = 0;
    s->numbers = 1;
    s->n_held = 1;
    return hold(s, c);
}

static enum fate
take_digit(struct sift *s, unsigned char c)
{
    s->bad |= s->closed;
    s->digits += s->digits <= SIFT_DIGITS_MAX;
    if (s->digits > SIFT_DIGITS_MAX || s->numbers > SIFT_PEN_NUMBERS)
        return FATE_DROP;
    return hold(s, c);
}

static enum fate
take_separator(struct sift *s, unsigned char c)
{
    s->bad |= s->closed;
    s->digits = 0;
    s->numbers += s->numbers <= SIFT_PEN_NUMBERS;
    return s->numbers <= SIFT_PEN_NUMBERS ? hold(s, c) : FATE_DROP;
}

static enum fate
end_csi(struct sift *s, unsigned char c)
{
    s->state = SIFT_TEXT;
    if (s->bad)
        return FATE_DROP;
    if (s->plain && c == 'm')
        return FATE_PENS;
    if (s->numbers > SIFT_NUMBERS_MAX)
        return FATE_DROP;
    return s->plain && c == 'b' ? FATE_REPEAT : FATE_RELEASE;
}

static enum fate
take_csi(struct sift *s, unsigned char c)
{
    if (c >= 0x80) {
        s->state = SIFT_TEXT;
        return FATE_TEXT;
    }
    if (c >= 0x40)
        return end_csi(s, c);
    if (c >= '0' && c <= '9')
        return take_digit(s, c);
    if (c == ':' || c == ';')
        return take_separator(s, c);
    s->plain = false;
    // One of <=>? stands before the numbers, a blank and the like behind them.
    s->bad |= c >= '<' && s->n_held > 2;
    s->closed |= c < '0';
    return hold(s, c);
}

static enum fate
take_string(struct sift *s, unsigned char c)
{
    if (s->state == SIFT_STRING_ESCAPE && c != '\\') {
        // Anything but ST ends the string all the same, and is an escape of its own.
        begin_escape(s);
        return c == ESC ? FATE_DROP : take_escape(s, c);
    }
    if (s->state == SIFT_STRING_ESCAPE || c == '\a' || c == CAN || c == SUB)
        s->state = SIFT_TEXT;
    else if (c == ESC)
        s->state = SIFT_STRING_ESCAPE;
    return FATE_DROP;
}

static enum fate
take_byte(struct sift *s, unsigned char c)
{
    if (s->state == SIFT_STRING || s->state == SIFT_STRING_ESCAPE)
        return take_string(s, c);
    if (c == ESC)
        return begin_escape(s);
    // Control characters act inside of a sequence, and it goes on behind them.
    if (c < 0x20 || c == 0x7f) {
        if (c == CAN || c == SUB)
            s->state = SIFT_TEXT;
        return FATE_PASS;
    }
    if (s->state == SIFT_ESCAPE)
        return take_escape(s, c);
    return s->state == SIFT_CSI ? take_csi(s, c) : FATE_TEXT;
}

// The number that begins at p.
static unsigned
number_at(const char *p, const char *end)
{
    unsigned n = 0;

    for (; p < end && *p >= '0' && *p <= '9'; p++)
        n = n * 10 + (unsigned)(*p - '0');
    return n;
}

static void
put_repeated(const struct sift *s, struct out *o)
{
    unsigned n = number_at(s->held + 2, s->held + s->n_held);
    uint32_t c = 0;

    // A mark alone has no width: that is the case that must not come through.
    if (!s->want || s->len != s->want || display_decode(s->last, s->len, &c) != s->len ||
        display_char_width(c) < 1)
        return;
    n = n ? n : 1;
    for (n = n < SIFT_REPEAT_MAX ? n : SIFT_REPEAT_MAX; n > 0; n--)
        put(o, s->last, s->len);
}

static const char *
separator_from(const char *p, const char *end)
{
    const char *found = memchr(p, ';', (size_t)(end - p));

    return found ? found : end;
}

static bool
is_colour(unsigned pen)
{
    return pen == 38 || pen == 48 || pen == 58;
}

// The end of one setting: a colour has further numbers behind it, if not behind colons.
static const char *
pen_end(const char *p, const char *end)
{
    const char *stop = separator_from(p, end);
    unsigned more = 0;

    if (is_colour(number_at(p, end)) && !memchr(p, ':', (size_t)(stop - p)) && stop < end)
        more = number_at(stop + 1, end) == 5 ? 2 : number_at(stop + 1, end) == 2 ? 4 : 0;
    while (more-- && stop < end)
        stop = separator_from(stop + 1, end);
    return stop;
}

static void
put_pen(struct out *o, const char *p, const char *stop)
{
    unsigned pen = number_at(p, stop), numbers = 1;

    for (const char *c = p; c < stop; c++)
        numbers += *c == ':' || *c == ';';
    if (numbers > SIFT_NUMBERS_MAX)
        return;
    if (pen == 2) {
        put(o, "\033[11m", 5);
    } else if (pen == 22) {
        put(o, "\033[22;10m", 8);
    } else if ((pen < 10 || pen > 19) && pen != 58) {
        put(o, "\033[", 2);
        put(o, p, (size_t)(stop - p));
        put(o, "m", 1);
    }
}

// Each setting of an SGR as one of its own.
static void
put_pens(const struct sift *s, struct out *o)
{
    const char *end = s->held + s->n_held, *stop;

    for (const char *p = s->held + 2;; p = stop + 1) {
        stop = pen_end(p, end);
        put_pen(o, p, stop);
        if (stop == end)
            return;
    }
}

void
sift_feed(struct sift *s, const char *data, size_t n,
          void (*out)(void *ctx, const char *data, size_t n), void *ctx)
{
    struct out o = {.n = 0, .fn = out, .ctx = ctx};

    for (size_t i = 0; i < n; i++) {
        enum fate fate = take_byte(s, (unsigned char)data[i]);

        if (fate != FATE_TEXT && s->len < s->want) {
            put_broken_off(s, &o);
            s->len = s->want = 0;
        }
        switch (fate) {
        case FATE_RELEASE:
            put(&o, s->held, s->n_held);
            put(&o, data + i, 1);
            if (data[i] == '8')
                put(&o, SETTLE, strlen(SETTLE));
            break;
        case FATE_PASS:
            put(&o, data + i, 1);
            break;
        case FATE_REPEAT:
            put_repeated(s, &o);
            break;
        case FATE_PENS:
            put_pens(s, &o);
            break;
        case FATE_TEXT:
            put_text(s, &o, (unsigned char)data[i]);
            break;
        case FATE_DROP:
            break;
        }
    }
    put_flush(&o);
}
