// SPDX-License-Identifier: Apache-2.0
// A recorded terminal as asciicast v2 event lines: [seconds, "o", "what it showed"], "r" a new size
// as "COLUMNSxROWS", "m" a remark of ours. Pure; one owner.
//
// Lines are made as output comes and leave in chunks, zlib streams of whole lines. They are valid
// JSON in valid UTF-8 whatever the bytes: a character that came in pieces is put together, a byte
// that is part of none becomes U+FFFD, and what a terminal would not show as itself is escaped, so
// that printing a line draws nothing (I6).
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "buf.h"
#include "event.h"

#define CAST_CHUNK 65536            /* bytes of lines that are worth a chunk */
#define CAST_TEXT_MAX (1024 * 1024) /* bytes of lines in a chunk; a larger one is refused */

struct cast {
    uint64_t start_ns; /* CLOCK_REALTIME: 0 of the lines */
    unsigned rows, columns;
    struct buf lines;           /* the chunk in the making */
    uint64_t first_ns, last_ns; /* of it; last_ns: of all, so that time never goes back */
    unsigned first_rows, first_columns;
    char partial[4]; /* the begin of a character */
    size_t partial_n;
    uint64_t lost; /* bytes that the chunk had no room for */
};

void cast_init(struct cast *c, uint64_t start_ns, unsigned rows, unsigned columns);
void cast_done(struct cast *c);
void cast_output(struct cast *c, uint64_t now_ns, const void *data, size_t n);
// A size that it has already is nothing. Without room neither this nor a remark is anything.
void cast_resize(struct cast *c, uint64_t now_ns, unsigned rows, unsigned columns);
void cast_remark(struct cast *c, uint64_t now_ns, const char *text);
// The lines so far, compressed; NULL when there are none. The caller frees it and its data.
struct terminal_chunk *cast_take(struct cast *c);

struct cast_event {
    uint64_t at_ns; /* since the start */
    char code;      /* 'o', 'r' or 'm' */
    const char *text;
    size_t n;
    unsigned rows, columns; /* 'r' */
};
// 0 to go on, anything else to stop: that is then returned.
typedef int (*cast_fn)(void *ctx, const struct cast_event *e);
// Reads a chunk. 0, what fn said, or -EBADMSG for what cast_take() did not make (lines of an
// unknown kind are passed over).
int cast_read(const void *data, size_t n, cast_fn fn, void *ctx);

// The file: a header, then a line per event. command: foreign bytes.
void cast_print_header(FILE *out, uint64_t start_ns, unsigned rows, unsigned columns,
                       const char *command, size_t n);
void cast_print_event(FILE *out, const struct cast_event *e);
