// SPDX-License-Identifier: Apache-2.0
// The chain of the record itself, and the signed heads of all chains. Inside a transaction of the
// caller. Private to db/. Results are SQLite's.
#pragma once
#include <sqlite3.h>
#include <stdint.h>

#include "chain.h"
#include "key.h"

// The words of journal.what.
#define JOURNAL_BEGAN "began"       /* a session */
#define JOURNAL_ADOPTED "adopted"   /* one of a schema without a chain was given one */
#define JOURNAL_IMPORTED "imported" /* one that was recorded elsewhere */
#define JOURNAL_THINNED "thinned"   /* its counts and its terminal were pruned */
#define JOURNAL_PRUNED "pruned"     /* all of it was */
#define JOURNAL_REVOKED "revoked"   /* a grant that it had left behind for later sessions */

#define CHAIN_JOURNAL 0 /* head.session of the journal */

struct journal_row {
    const char *what;
    const char *id;      /* of the session */
    uint64_t n;          /* how many events it had; revoked: the grant's number */
    const uint8_t *hash; /* of its last event; revoked: NULL */
    uint64_t real_ns;
    const char *source, *note; /* revoked; else NULL */
};

// key: NULL leaves the journal's head as it was.
int journal_add(sqlite3 *h, const struct journal_row *row, const struct key *key);

// Signs the tip of a chain: the journal's (id "") or a session's.
int head_put(sqlite3 *h, const struct key *key, int64_t session, const char *id,
             const struct chain_tip *tip, uint64_t real_ns);
// What a head signs.
void head_bytes(struct buf *b, const char *id, const struct chain_tip *tip, uint64_t real_ns);
