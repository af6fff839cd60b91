// SPDX-License-Identifier: Apache-2.0
// clang -fsanitize=fuzzer,address,undefined -Isrc/base -Isrc/model tests/fuzz/fuzz_cast.c ...
// Output in any pieces gives the text of the whole, in lines without a control byte; lines of
// anybody's are read or refused.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "cast.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int
add_text(void *ctx, const struct cast_event *e)
{
    buf_add(ctx, e->text, e->n);
    return 0;
}

static void
check(int holds)
{
    if (!holds)
        abort();
}

static void
take(struct cast *c, struct buf *text)
{
    for (size_t i = 0; i < c->lines.len; i++)
        check(c->lines.data[i] == '\n' ||
              ((unsigned char)c->lines.data[i] >= 0x20 && (unsigned char)c->lines.data[i] != 0x7f));
    struct terminal_chunk *t = cast_take(c);
    if (!t)
        return;
    check(cast_read(t->data, t->len, add_text, text) == 0);
    free(t->data);
    free(t);
}

static void
read_lines(const uint8_t *data, size_t n)
{
    cleanup_buf struct buf text = {0};
    uLongf len = compressBound(n);
    cleanup_free Bytef *packed = xmalloc(len);
    check(compress(packed, &len, data, n) == Z_OK);
    cast_read(packed, len, add_text, &text);
    cast_read(data, n, add_text, &text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    cleanup_buf struct buf whole = {0}, pieces = {0};
    struct cast a, b;
    cast_init(&a, 0, 24, 80);
    cast_init(&b, 0, 24, 80);
    cast_output(&a, 1, data, n);
    for (size_t at = 0, piece; at < n; at += piece) {
        piece = 1 + data[at] % 5u;
        piece = piece < n - at ? piece : n - at;
        cast_output(&b, at, data + at, piece);
        if (data[at] % 7 == 0)
            take(&b, &pieces);
    }
    // What was begun at the end is of both.
    check(a.partial_n == b.partial_n && memcmp(a.partial, b.partial, a.partial_n) == 0);
    take(&a, &whole);
    take(&b, &pieces);
    check(whole.len == pieces.len && memcmp(buf_str(&whole), buf_str(&pieces), whole.len) == 0);
    cast_done(&a);
    cast_done(&b);
    read_lines(data, n);
    return 0;
}
