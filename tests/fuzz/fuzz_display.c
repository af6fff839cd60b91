// SPDX-License-Identifier: Apache-2.0
// clang -fsanitize=fuzzer,address,undefined -Isrc/base tests/fuzz/fuzz_display.c src/base/*.c
// No byte below 0x20, 0x7f or C1 comes out, the width is what was promised, a clip fits, and the
// plain form can be read back to the very input.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "display.h"

#define CHECK(what)                                                                                \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            fprintf(stderr, "%s: %s\n", #what, buf_str(&out));                                     \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
add_char(struct buf *b, unsigned long c)
{
    if (c < 0x80) {
        buf_putc(b, (char)c);
        return;
    }
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char first[] = {0, 0xc0, 0xe0, 0xf0};
    buf_putc(b, (char)(first[more] | c >> (6 * more)));
    while (more-- > 0)
        buf_putc(b, (char)(0x80 | (c >> (6 * more) & 0x3f)));
}

// The inverse of the plain form.
static void
read_back(struct buf *b, const char *s)
{
    while (*s) {
        if (s[0] != '\\') {
            buf_putc(b, *s++);
        } else if (s[1] == 'x') {
            char hex[3] = {s[2], s[3], 0};
            buf_putc(b, (char)strtoul(hex, NULL, 16));
            s += 4;
        } else if (s[1] == 'u') {
            char *end;
            add_char(b, strtoul(s + 3, &end, 16));
            s = end + 1;
        } else {
            buf_putc(b, '\\');
            s += 2;
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0)
        return 0;
    for (unsigned flags = 0; flags < 4; flags++) {
        cleanup_buf struct buf out = {0}, back = {0}, cut = {0};
        size_t width = display_escape(&out, data + 1, n - 1, flags), used;

        CHECK(width == display_width(buf_str(&out)));
        CHECK(strlen(buf_str(&out)) == out.len);
        for (size_t i = 0; i < out.len; i++) {
            unsigned char c = (unsigned char)out.data[i];
            CHECK(c >= 0x20 && c != 0x7f);
            CHECK(c < 0x80 || !(flags & DISPLAY_ASCII));
            CHECK(c != 0xc2 || (unsigned char)out.data[i + 1] > 0xa0);
        }
        used = display_clip(&cut, buf_str(&out), data[0]);
        CHECK(used <= data[0] && used == display_width(buf_str(&cut)));
        if (!(flags & DISPLAY_QUOTE)) {
            read_back(&back, buf_str(&out));
            CHECK(back.len == n - 1 && memcmp(buf_str(&back), data + 1, n - 1) == 0);
        }
    }
    return 0;
}
