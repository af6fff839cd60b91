// SPDX-License-Identifier: Apache-2.0
// Shared by query*.c.
#pragma once
#include <sqlite3.h>

#include "buf.h"
#include "query.h"

struct reader {
    sqlite3 *h;
    char *path;
    const char *old;                   /* what statements begin with for an older schema; or NULL */
    sqlite3_stmt *event;               /* of reader_event(); prepared when first needed */
    sqlite3_stmt *request;             /* of reader_request(), likewise */
    const struct event_filter *filter; /* that the SQL functions look at, during a query */
};

const char *column_string(sqlite3_stmt *st, int column);
uint64_t column_u64(sqlite3_stmt *st, int column);
// Prepares a SELECT. In a record of schema 1, which is read as it lies, the tables are seen with
// the columns of the current one. A result code.
int reader_prepare(struct reader *r, const char *sql, sqlite3_stmt **ret_st);
// Ends a loop of steps: finalizes st; rc is the last result, ret what the callback said.
int reader_finish(struct reader *r, sqlite3_stmt *st, int rc, int ret, struct err *err);

// Defines the SQL functions that filter. A result code.
int filter_define(struct reader *r);
// Is anything but sessions asked for that streaming by seq does not give?
bool filter_is_plain(const struct event_filter *f);
// One SELECT of (real_ns, seq, session) per source of events that f wants; NULL behind the last.
// The caller frees each.
enum { FILTER_ARMS_MAX = 7 };
void filter_arms(const struct event_filter *f, char *ret_sql[static FILTER_ARMS_MAX]);
// A SELECT of columns of the decision (d), of its request (r) and of the repeats of a refusal (c),
// as far as they are where it looks.
enum filter_from {
    FILTER_FROM_DECISIONS,
    FILTER_FROM_REQUESTS, /* where f is about requests */
    FILTER_FROM_ALL,      /* both, whatever f is about */
    FILTER_FROM_REPEATS,
};
char *filter_decisions(const struct event_filter *f, const char *columns, enum filter_from from);
// " AND expression IN (?N, ...)" for f->sessions.
void filter_put_sessions(struct buf *b, const struct event_filter *f, const char *nr);
void filter_bind(sqlite3_stmt *st, const struct event_filter *f);
