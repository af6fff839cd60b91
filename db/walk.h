// SPDX-License-Identifier: Apache-2.0
// One session's events in order, each with its canonical bytes as they are stored now. For
// verifying, and for giving an older record its chain. Private to db/. One thread.
#pragma once
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "chain.h"
#include "enums.h"

// Facts that have rows of their own, with a key.
enum walk_facts {
    WALK_REQUEST,
    WALK_DECISION,
    WALK_GRANTED,
    WALK_NETWORK,
    WALK_REVOCATION,
    _WALK_FACTS_MAX,
};

struct walk_stream {
    sqlite3_stmt *st;
    bool row;            /* st stands on one */
    int64_t at;          /* its seq */
    uint64_t seen, used; /* rows of the table, rows that an event led to */
};

struct walk {
    sqlite3 *h;
    int64_t session;
    bool old; /* of version 2, or on its way to it */
    sqlite3_stmt *events, *start, *end;
    struct walk_stream facts[_WALK_FACTS_MAX];

    // The event that walk_next() went to; valid until it is called again.
    uint64_t seq;
    enum kind kind;
    const uint8_t *hash; /* as stored; NULL when it is not CHAIN_HASH_LEN bytes */
    struct buf bytes;
    const char *problem; /* static text; NULL when the event and its facts belong together */
};

// 0 or a result code; walk_done() in any case.
int walk_begin(struct walk *w, sqlite3 *h, int64_t session);
// SQLITE_ROW, SQLITE_DONE or an error. At the end, problem says whether there were facts that no
// event led to, and seq to which event they claim to belong.
int walk_next(struct walk *w);
void walk_done(struct walk *w);

// The canonical values of columns from..to-1 of the row that st stands on.
void walk_columns(struct buf *b, sqlite3_stmt *st, int from, int to);

// Over the rows of a session that its last event covers, but that lie in tables of their own.
int walk_counts_digest(sqlite3 *h, int64_t session, uint8_t ret_digest[CHAIN_HASH_LEN],
                       uint64_t *ret_rows);
int walk_terminal_digest(sqlite3 *h, int64_t session, uint8_t ret_digest[CHAIN_HASH_LEN],
                         uint64_t *ret_rows);
