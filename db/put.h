// SPDX-License-Identifier: Apache-2.0
// Values of a row: bound to its statement and made canonical (chain.h) in one, so that what is
// stored is what is hashed. Private to db/.
#pragma once
#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "request.h"

struct put {
    sqlite3_stmt *st;
    int column; /* the last one that was bound */
    struct buf *bytes;
};

// Each binds the next column. The memory must stay until the statement was run.
void put_int(struct put *p, int64_t v);
void put_u64(struct put *p, uint64_t v);
void put_null(struct put *p);
void put_nulls(struct put *p, int n);
// A BLOB; NULL is an empty one.
void put_blob(struct put *p, const void *data, size_t n);
void put_string(struct put *p, const char *s);
// NULL for an empty one.
void put_string_or_null(struct put *p, const char *s);
// A TEXT.
void put_word(struct put *p, const char *word);
// NULL, and nothing of it is hashed: a column that older records do not have.
void put_absent(struct put *p);
// The eight columns from object_exists on.
void put_object(struct put *p, const struct object *o);
// FACTS_ENDPOINT
void put_endpoint(struct put *p, const struct endpoint *e, const char *host);
// How many secrets were taken out; NULL for none.
void put_redacted(struct put *p, size_t n);
