// SPDX-License-Identifier: Apache-2.0
// A growing byte buffer, always NUL-terminated behind its end. {0} is an empty one. One owner.
#pragma once
#include <stddef.h>

struct buf {
    char *data; /* NULL while empty */
    size_t len;
    size_t room;
};

#define cleanup_buf __attribute__((cleanup(buf_done)))

void buf_add(struct buf *b, const void *data, size_t n);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
// Two hexadecimal digits for each byte.
void buf_hex(struct buf *b, const void *data, size_t n);
// Drops the first n bytes.
void buf_consume(struct buf *b, size_t n);
// Empties it and keeps the memory.
void buf_reset(struct buf *b);
void buf_done(struct buf *b);
// The text, never NULL; valid until the next call.
const char *buf_str(const struct buf *b);
// Hands the text over (never NULL) and leaves the buffer empty.
char *buf_steal(struct buf *b);
