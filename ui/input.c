// SPDX-License-Identifier: Apache-2.0
#include "input.h"

#include <string.h>

#include "display.h"
#include "util.h"

#define SEQUENCE_MAX 32 /* bytes; what goes on longer is no key */

static const char paste_begin[] = "\033[200~", paste_finish[] = "\033[201~";

void
input_done(struct input *in)
{
    buf_done(&in->bytes);
    *in = (struct input){0};
}

void
input_feed(struct input *in, const void *data, size_t n, uint64_t now_ns)
{
    if (n == 0)
        return;
    if (in->used) {
        buf_consume(&in->bytes, in->used);
        in->used = 0;
    }
    buf_add(&in->bytes, data, n);
    in->fed_ns = now_ns;
}

size_t
input_drop(struct input *in)
{
    size_t n = in->bytes.len - in->used;

    in->used = in->bytes.len;
    return n;
}

uint64_t
input_deadline(const struct input *in)
{
    if (in->paste)
        return in->fed_ns + INPUT_PASTE_NS;
    return in->used < in->bytes.len ? in->fed_ns + INPUT_ESCAPE_NS : UINT64_MAX;
}

static uint32_t
letter_code(char c)
{
    switch (c) {
    case 'A':
        return INPUT_UP;
    case 'B':
        return INPUT_DOWN;
    case 'C':
        return INPUT_RIGHT;
    case 'D':
        return INPUT_LEFT;
    case 'H':
        return INPUT_HOME;
    case 'F':
        return INPUT_END;
    case 'Z':
        return INPUT_BACKTAB;
    case 'P':
    case 'Q':
    case 'R':
    case 'S':
        return INPUT_F0 + 1 + (uint32_t)(c - 'P');
    default:
        return INPUT_OTHER;
    }
}

static uint32_t
number_code(unsigned n)
{
    static const uint32_t codes[] = {
        [1] = INPUT_HOME,    [2] = INPUT_INSERT,    [3] = INPUT_DELETE,   [4] = INPUT_END,
        [5] = INPUT_PAGE_UP, [6] = INPUT_PAGE_DOWN, [7] = INPUT_HOME,     [8] = INPUT_END,
        [11] = INPUT_F0 + 1, [12] = INPUT_F0 + 2,   [13] = INPUT_F0 + 3,  [14] = INPUT_F0 + 4,
        [15] = INPUT_F0 + 5, [17] = INPUT_F0 + 6,   [18] = INPUT_F0 + 7,  [19] = INPUT_F0 + 8,
        [20] = INPUT_F0 + 9, [21] = INPUT_F0 + 10,  [23] = INPUT_F0 + 11, [24] = INPUT_F0 + 12,
    };

    return n < ARRAY_SIZE(codes) && codes[n] ? codes[n] : INPUT_OTHER;
}

// ESC [ < button ; column ; row M, or m for a release.
static void
decode_mouse(const char *p, size_t n, struct input_key *k)
{
    unsigned numbers[3] = {0}, count = 0;

    for (size_t i = 3; i + 1 < n; i++) {
        if (p[i] >= '0' && p[i] <= '9' && numbers[count] < 10000)
            numbers[count] = numbers[count] * 10 + (unsigned)(p[i] - '0');
        else if (p[i] == ';' && count < 2)
            count++;
        else
            return;
    }
    if (count != 2 || !numbers[1] || !numbers[2] || (p[n - 1] != 'M' && p[n - 1] != 'm'))
        return;
    k->code = INPUT_MOUSE;
    k->button = numbers[0];
    k->col = numbers[1] - 1;
    k->row = numbers[2] - 1;
    k->release = p[n - 1] == 'm';
}

// ESC [ ... with its final byte at p[n - 1].
static void
decode_csi(const char *p, size_t n, struct input_key *k)
{
    unsigned numbers[2] = {0}, count = 0;
    char last = p[n - 1];

    k->code = INPUT_OTHER;
    if (n > 3 && p[2] == '<') {
        decode_mouse(p, n, k);
        return;
    }
    for (size_t i = 2; i + 1 < n; i++) {
        if (p[i] >= '0' && p[i] <= '9' && numbers[count] < 1000)
            numbers[count] = numbers[count] * 10 + (unsigned)(p[i] - '0');
        else if (p[i] == ';' && count == 0)
            count = 1;
        else
            return;
    }
    if (last == '~')
        k->code = number_code(numbers[0]);
    else
        k->code = letter_code(last);
    if (count == 1 && numbers[1] > 1 && numbers[1] <= 8)
        k->mods = numbers[1] - 1;
}

// Length of the key that starts with ESC at p; 0 when its end has not come.
static size_t
decode_escape(const char *p, size_t n, struct input_key *k)
{
    size_t i = 2, length;
    uint32_t c = 0;

    if (n < 2)
        return 0;
    if (p[1] == '[') {
        if (n >= 3 && p[2] == '[') { /* function keys of the linux console */
            if (n < 4)
                return 0;
            k->code = p[3] >= 'A' && p[3] <= 'E' ? INPUT_F0 + 1 + (uint32_t)(p[3] - 'A')
                                                 : (uint32_t)INPUT_OTHER;
            return 4;
        }
        while (i < n && i < SEQUENCE_MAX && p[i] >= 0x20 && p[i] < 0x40)
            i++;
        if (i == n && i < SEQUENCE_MAX)
            return 0;
        if (i == n || i == SEQUENCE_MAX || p[i] < 0x40) {
            k->code = INPUT_OTHER;
            return i;
        }
        decode_csi(p, i + 1, k);
        return i + 1;
    }
    if (p[1] == 'O') {
        if (n < 3)
            return 0;
        k->code = letter_code(p[2]);
        return 3;
    }
    if (p[1] == '\033') { /* two of them: the first is a key of its own */
        k->code = '\033';
        return 1;
    }
    length = display_decode(p + 1, n - 1, &c);
    k->code = length ? c : INPUT_OTHER;
    k->mods = INPUT_ALT;
    return 1 + (length ? length : 1);
}

static bool
next_pasted(struct input *in, bool stale, struct input_key *k)
{
    const char *p = in->bytes.data + in->used;
    size_t n = in->bytes.len - in->used, mark = sizeof paste_finish - 1, keep = 0;
    const char *end = n ? memmem(p, n, paste_finish, mark) : NULL;

    *k = (struct input_key){.code = INPUT_PASTE, .raw = p, .paste_start = in->paste_new};
    if (end) {
        k->raw_len = (size_t)(end - p);
        k->paste_end = true;
        in->used += k->raw_len + mark;
    } else {
        // The last bytes may be the start of the mark.
        for (size_t i = 1; i < mark && i <= n && !stale; i++)
            if (memcmp(p + n - i, paste_finish, i) == 0)
                keep = i;
        k->raw_len = n - keep;
        k->paste_end = stale;
        in->used += k->raw_len;
        if (k->raw_len == 0 && !stale)
            return false;
    }
    in->paste_new = false;
    in->paste = !k->paste_end;
    return true;
}

bool
input_next(struct input *in, uint64_t now_ns, struct input_key *ret_key)
{
    bool stale = now_ns >= input_deadline(in);
    const char *p = buf_str(&in->bytes) + in->used;
    size_t n = in->bytes.len - in->used, length, begin = sizeof paste_begin - 1;
    struct input_key k = {.raw = p};

    if (in->paste)
        return next_pasted(in, stale, ret_key);
    if (n == 0)
        return false;
    if (n >= begin && memcmp(p, paste_begin, begin) == 0) {
        in->used += begin;
        in->paste = in->paste_new = true;
        return next_pasted(in, false, ret_key);
    }
    if (p[0] == '\033') {
        length = decode_escape(p, n, &k);
        if (length == 0 && !stale)
            return false;
        if (length == 0) {
            k.code = '\033';
            k.mods = 0;
            length = 1;
        }
    } else {
        length = display_decode(p, n, &k.code);
        if (length == 0) {
            static const unsigned char lengths[] = {2, 2, 3, 4};
            unsigned char first = (unsigned char)p[0];
            bool partial = first >= 0xc2 && first <= 0xf4 && n < lengths[(first >> 4) - 12];
            if (partial && !stale)
                return false;
            k.code = INPUT_OTHER;
            length = 1;
        }
    }
    k.raw_len = length;
    in->used += length;
    *ret_key = k;
    return true;
}
