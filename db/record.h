// SPDX-License-Identifier: Apache-2.0
// One session's rows: plain data in, SQL out, inside a transaction of the caller. Private to db/.
// One thread at a time.
#pragma once
#include <sqlite3.h>
#include <stdint.h>

#include "buf.h"
#include "chain.h"
#include "decision.h"
#include "event.h"
#include "request.h"

enum record_stmt {
    RECORD_SAVEPOINT,
    RECORD_RELEASE,
    RECORD_UNDO,
    RECORD_CONTENT,
    RECORD_SESSION,
    RECORD_EVENT,
    RECORD_REQUEST,
    RECORD_DECISION,
    RECORD_GRANT,
    RECORD_NETWORK,
    RECORD_REVOCATION,
    RECORD_TERMINAL,
    RECORD_COUNT,
    RECORD_END,
    _RECORD_MAX,
};

struct recorder {
    sqlite3 *h;                      /* not owned */
    sqlite3_stmt *stmt[_RECORD_MAX]; /* prepared when first needed */
    int64_t session;                 /* session.nr */
    struct chain_tip tip;            /* the caller restores both on a rollback */
    struct chain_tip terminal;
    uint64_t last_ms;         /* network.ts_ms of the last one */
    struct buf facts, bytes;  /* canonical bytes of the row in the making */
    struct buf clean, clean2; /* its texts without secrets */
    const char *redact;       /* redact.h; not owned */
};

struct count_row {
    const char *what; /* static storage */
    uint64_t request;
    enum op op;
    uint64_t n;
    uint64_t first_ns, last_ns;
};

struct revocation {
    uint64_t granted; /* grant.id, of this session */
    char *source;     /* owned */
    char *note;       /* owned, may be NULL */
};
void revocation_done(struct revocation *v);

// Each gives an SQLite result code. After a constraint error nothing of that row is left behind and
// the transaction goes on; after any other error the caller rolls back.
// text: of the session's first event; or NULL.
int recorder_add_session(struct recorder *rec, const struct session_info *info, const char *text);
int recorder_add_request(struct recorder *rec, const struct request *r);
// g: NULL for none.
int recorder_add_decision(struct recorder *rec, const struct decision *d, const struct grant *g,
                          unsigned count);
int recorder_add_network(struct recorder *rec, const struct network_event *n);
int recorder_add_revocation(struct recorder *rec, uint64_t real_ns, const struct revocation *v);
int recorder_add_fault(struct recorder *rec, uint64_t real_ns, const char *text);
int recorder_add_terminal(struct recorder *rec, const struct terminal_chunk *t);
int recorder_add_count(struct recorder *rec, const struct count_row *c);
int recorder_end_session(struct recorder *rec, int wait_status, uint64_t real_ns);
void recorder_done(struct recorder *rec);
