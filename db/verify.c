// SPDX-License-Identifier: Apache-2.0
#include "verify.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "db.h"
#include "display.h"
#include "facts.h"
#include "find.h"
#include "journal.h"
#include "schema.h"
#include "util.h"
#include "walk.h"

// What must hold at one event of a chain.
struct check {
    uint64_t seq;
    uint8_t hash[CHAIN_HASH_LEN];
    const char *problem; /* what is wrong when it does not */
};

struct verifier {
    sqlite3 *h;
    const struct verify_options *o;
    verify_fn fn;
    void *ctx;
    bool bad;
    // Of the chain at hand.
    struct check *checks;
    size_t checks_n, checks_room;
    bool thinned; /* its counts and its terminal were pruned */
};

static void
add_check(struct verifier *v, uint64_t seq, const void *hash, int hash_len, const char *problem)
{
    if (v->checks_n == v->checks_room) {
        v->checks_room = v->checks_room ? v->checks_room * 2 : 8;
        v->checks = xrealloc(v->checks, v->checks_room * sizeof *v->checks);
    }
    struct check *c = &v->checks[v->checks_n++];
    *c = (struct check){.seq = seq, .problem = problem};
    if (hash_len == CHAIN_HASH_LEN)
        memcpy(c->hash, hash, CHAIN_HASH_LEN);
}

static void
found(struct verify_row *row, const char *problem, uint64_t at)
{
    if (row->problem)
        return;
    row->problem = problem;
    row->at = at;
}

static int
prepare(struct verifier *v, const char *sql, sqlite3_stmt **ret_st)
{
    return sqlite3_prepare_v2(v->h, sql, -1, ret_st, NULL);
}

// A statement whose rows do not matter any more: errors only.
static int
finish(sqlite3_stmt *st, int rc)
{
    sqlite3_finalize(st);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static void
report(struct verifier *v, const struct verify_row *row)
{
    v->bad |= row->problem != NULL;
    v->fn(v->ctx, row);
}

// --- heads and anchors ---------------------------------------------------------------------------

static void
check_anchors(struct verifier *v, const char *id)
{
    for (size_t i = 0; i < v->o->anchors_n; i++) {
        const struct verify_anchor *a = &v->o->anchors[i];
        if (strcmp(a->id, id) == 0)
            add_check(v, a->seq, a->hash, CHAIN_HASH_LEN, "differs from the anchor");
    }
}

// Reads the signed head of a chain and adds what it says to the checks.
static int
check_head(struct verifier *v, int64_t session, struct verify_row *row, uint8_t *key)
{
    sqlite3_stmt *st = NULL;
    struct chain_tip tip = {0};
    cleanup_buf struct buf b = {0};
    int rc =
        prepare(v, "SELECT seq, hash, real_ns, key, signature FROM head WHERE session = ?1", &st);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(st, 1, session);
    rc = sqlite3_step(st);
    if (rc != SQLITE_ROW)
        return finish(st, rc);
    tip.seq = (uint64_t)sqlite3_column_int64(st, 0);
    const void *hash = sqlite3_column_blob(st, 1), *public = sqlite3_column_blob(st, 3),
               *signature = sqlite3_column_blob(st, 4);
    uint64_t ns = (uint64_t)sqlite3_column_int64(st, 2);
    if (sqlite3_column_bytes(st, 1) != CHAIN_HASH_LEN ||
        sqlite3_column_bytes(st, 3) != KEY_PUBLIC_LEN ||
        sqlite3_column_bytes(st, 4) != KEY_SIGNATURE_LEN) {
        found(row, "its signed head is damaged", 0);
        return finish(st, rc);
    }
    memcpy(tip.hash, hash, CHAIN_HASH_LEN);
    memcpy(key, public, KEY_PUBLIC_LEN);
    head_bytes(&b, row->id, &tip, ns);
    row->key = key;
    row->foreign_key = v->o->key && memcmp(v->o->key, key, KEY_PUBLIC_LEN) != 0;
    if (key_check(key, b.data, b.len, signature) < 0) {
        found(row, "the signature of its head is wrong", 0);
    } else {
        row->signed_to = tip.seq;
        row->signed_ns = ns;
        add_check(v, tip.seq, tip.hash, CHAIN_HASH_LEN, "differs from what was signed");
    }
    return finish(st, rc);
}

static void
check_key(struct verifier *v, struct verify_row *row)
{
    if (v->o->key_only && row->foreign_key && !row->imported)
        found(row, "is signed by another key than yours", row->signed_to);
}

static void
run_checks(struct verifier *v, const struct chain_tip *tip, struct verify_row *row)
{
    for (size_t i = 0; i < v->checks_n; i++) {
        const struct check *c = &v->checks[i];
        if (c->seq == tip->seq && memcmp(c->hash, tip->hash, CHAIN_HASH_LEN) != 0)
            found(row, c->problem, tip->seq);
    }
}

// The chain ends at tip. What was signed or noted of it must not lie behind that.
static void
check_length(struct verifier *v, const struct chain_tip *tip, struct verify_row *row)
{
    for (size_t i = 0; i < v->checks_n; i++) {
        if (v->checks[i].seq > tip->seq)
            found(row, "is missing: the end was cut off", tip->seq + 1);
    }
}

// --- sessions ------------------------------------------------------------------------------------

// What the journal knows of a session; whether it knows it at all.
static int
check_journal(struct verifier *v, struct verify_row *row)
{
    sqlite3_stmt *st = NULL;
    bool known = false, adopted = false;
    int rc = prepare(v, "SELECT what, n, facts FROM journal WHERE id = ?1 ORDER BY seq", &st);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_text(st, 1, row->id, -1, SQLITE_STATIC);
    v->thinned = false;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        const char *what = (const char *)sqlite3_column_text(st, 0);
        if (!what || strcmp(what, JOURNAL_REVOKED) == 0)
            continue;
        if (strcmp(what, JOURNAL_THINNED) == 0)
            v->thinned = true;
        // What was pruned may be imported again.
        known = strcmp(what, JOURNAL_PRUNED) != 0;
        adopted |= strcmp(what, JOURNAL_ADOPTED) == 0;
        row->imported |= strcmp(what, JOURNAL_IMPORTED) == 0;
        add_check(v, (uint64_t)sqlite3_column_int64(st, 1), sqlite3_column_blob(st, 2),
                  sqlite3_column_bytes(st, 2), "differs from what the journal says");
    }
    if (!known)
        found(row, "the journal does not know it: it was inserted", 0);
    else if (!row->key && !adopted)
        found(row, "its signed head is missing", 0);
    return finish(st, rc);
}

// What the last event covers, but lies in tables of its own.
static int
check_counts(struct verifier *v, int64_t session, struct verify_row *row)
{
    static const char sql[] =
        "SELECT counts_digest, terminal_digest, ended_ns, coalesce(ended_ns, wait_status,"
        " counts_digest, terminal_digest) IS NOT NULL FROM session WHERE nr = ?1";
    uint8_t counts[CHAIN_HASH_LEN], terminal[CHAIN_HASH_LEN];
    uint64_t counts_n = 0, terminal_n = 0;
    sqlite3_stmt *st = NULL;
    int rc = walk_counts_digest(v->h, session, counts, &counts_n);
    if (rc == SQLITE_OK)
        rc = walk_terminal_digest(v->h, session, terminal, &terminal_n);
    if (rc == SQLITE_OK)
        rc = prepare(v, sql, &st);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(st, 1, session);
    rc = sqlite3_step(st);
    bool ended = rc == SQLITE_ROW && sqlite3_column_type(st, 2) != SQLITE_NULL;
    if (ended && !row->ended)
        found(row, "is missing: the end was cut off", row->events + 1);
    if (rc == SQLITE_ROW && sqlite3_column_int(st, 3) && !row->ended)
        found(row, "it has an end that no event tells of", 0);
    for (int i = 0; ended && i < 2; i++) {
        const uint8_t *now = i ? terminal : counts;
        // A session that was recorded without a chain had no digests of these either.
        if (sqlite3_column_type(st, i) == SQLITE_NULL ||
            (v->thinned && !(i ? terminal_n : counts_n)))
            continue;
        if (sqlite3_column_bytes(st, i) != CHAIN_HASH_LEN ||
            memcmp(sqlite3_column_blob(st, i), now, CHAIN_HASH_LEN) != 0)
            found(row, i ? "its terminal was altered" : "its counts were altered", 0);
    }
    return finish(st, rc);
}

// Goes through the events up to the first one that is wrong.
static int
walk_session(struct verifier *v, struct walk *w, struct chain_tip *tip, struct verify_row *row)
{
    int rc;
    while ((rc = walk_next(w)) == SQLITE_ROW && !row->problem) {
        if (w->seq != tip->seq + 1) {
            found(row, "is missing", tip->seq + 1);
            break;
        }
        if (row->ended)
            found(row, "was inserted behind the end", w->seq);
        if (w->problem)
            found(row, w->problem, w->seq);
        chain_add(tip, &w->bytes);
        if (!w->hash || memcmp(w->hash, tip->hash, CHAIN_HASH_LEN) != 0)
            found(row, "is not the one that was recorded (altered, inserted or moved)", w->seq);
        if ((w->kind == KIND_SESSION_START) != (w->seq == 1))
            found(row, "is of the wrong kind", w->seq);
        row->ended = w->kind == KIND_SESSION_END;
        run_checks(v, tip, row);
        if (!row->problem)
            row->events = tip->seq;
    }
    if (rc == SQLITE_DONE && w->problem)
        found(row, w->problem, w->seq);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int
verify_session(struct verifier *v, int64_t session, const char *id)
{
    struct verify_row row = {.id = id};
    struct chain_tip tip;
    struct walk w;
    uint8_t key[KEY_PUBLIC_LEN];
    chain_start(&tip, "session", id);
    v->checks_n = 0;
    int rc = check_head(v, session, &row, key);
    if (rc == SQLITE_OK)
        rc = check_journal(v, &row);
    check_anchors(v, id);
    check_key(v, &row);
    if (rc != SQLITE_OK)
        return rc;
    rc = walk_begin(&w, v->h, session);
    if (rc == SQLITE_OK)
        rc = walk_session(v, &w, &tip, &row);
    walk_done(&w);
    if (rc == SQLITE_OK && !row.problem) {
        check_length(v, &tip, &row);
        if (row.ended && row.key && row.signed_to < tip.seq)
            found(&row, "was inserted: it lies behind the signed end", row.signed_to + 1);
    }
    if (rc == SQLITE_OK)
        rc = check_counts(v, session, &row);
    row.hash = tip.hash;
    if (rc == SQLITE_OK)
        report(v, &row);
    return rc;
}

static bool
is_wanted(const struct verifier *v, const char *id)
{
    if (!v->o->sessions)
        return true;
    for (size_t i = 0; v->o->sessions[i]; i++) {
        if (strcmp(v->o->sessions[i], id) == 0)
            return true;
    }
    return false;
}

static int
verify_sessions(struct verifier *v)
{
    sqlite3_stmt *st = NULL;
    int rc = prepare(v, "SELECT nr, id FROM session ORDER BY nr", &st);
    while (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        const char *id = (const char *)sqlite3_column_text(st, 1);
        rc = SQLITE_OK;
        if (!find_is_id(id))
            report(v, &(struct verify_row){.id = "?", .problem = "has an id that none has"});
        else if (is_wanted(v, id))
            rc = verify_session(v, sqlite3_column_int64(st, 0), id);
    }
    return finish(st, rc);
}

// --- the record as a whole -----------------------------------------------------------------------

static int
walk_journal(struct verifier *v, struct chain_tip *tip, struct verify_row *row)
{
    cleanup_buf struct buf b = {0};
    sqlite3_stmt *st = NULL;
    int rc = prepare(v, "SELECT hash, " FACTS_JOURNAL " FROM journal ORDER BY seq", &st);
    if (rc != SQLITE_OK)
        return rc;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW && !row->problem) {
        if ((uint64_t)sqlite3_column_int64(st, 1) != tip->seq + 1) {
            found(row, "is missing", tip->seq + 1);
            break;
        }
        buf_reset(&b);
        walk_columns(&b, st, 1, sqlite3_column_count(st));
        chain_add(tip, &b);
        if (sqlite3_column_bytes(st, 0) != CHAIN_HASH_LEN ||
            memcmp(sqlite3_column_blob(st, 0), tip->hash, CHAIN_HASH_LEN) != 0)
            found(row, "is not the one that was recorded (altered, inserted or moved)", tip->seq);
        run_checks(v, tip, row);
        if (!row->problem)
            row->events = tip->seq;
    }
    return finish(st, rc);
}

// A single value: is there anything that the query finds?
static int
check_none(struct verifier *v, const char *sql, const char *problem, struct verify_row *row)
{
    int64_t n = 0;
    sqlite3_stmt *st = NULL;
    int rc = prepare(v, sql, &st);
    if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW)
        n = sqlite3_column_int64(st, 0);
    if (n)
        found(row, problem, 0);
    return finish(st, rc);
}

// Every text is the one that its digest names, and every digest of a session names one.
static int
check_contents(struct verifier *v, struct verify_row *row)
{
    sqlite3_stmt *st = NULL;
    int rc = prepare(v, "SELECT digest, bytes FROM content", &st);
    while (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        uint8_t digest[CHAIN_HASH_LEN];
        const void *bytes = sqlite3_column_blob(st, 1);
        crypto_generichash(digest, sizeof digest, bytes, (size_t)sqlite3_column_bytes(st, 1), NULL,
                           0);
        if (sqlite3_column_bytes(st, 0) != CHAIN_HASH_LEN ||
            memcmp(sqlite3_column_blob(st, 0), digest, CHAIN_HASH_LEN) != 0)
            found(row, "a stored text (capabilities or policy) was altered", 0);
        rc = SQLITE_OK;
    }
    rc = finish(st, rc);
    if (rc == SQLITE_OK)
        rc =
            check_none(v,
                       "SELECT count(*) FROM session s WHERE capabilities_digest NOT IN (SELECT"
                       " digest FROM content) OR policy_digest NOT IN (SELECT digest FROM content)",
                       "a stored text (capabilities or policy) is missing", row);
    if (rc == SQLITE_OK)
        rc = check_none(v,
                        "SELECT count(*) FROM content WHERE digest NOT IN (SELECT"
                        " capabilities_digest FROM session WHERE capabilities_digest IS NOT NULL"
                        " UNION SELECT policy_digest FROM session WHERE policy_digest IS NOT NULL)",
                        "a stored text belongs to no session: it was inserted", row);
    return rc;
}

// Rows whose session is not there. One look-up for each session that a table knows, not one for
// each row.
static int
check_orphans(struct verifier *v, struct verify_row *row)
{
    static const char *const tables[] = {"event",        "request",  "decision",
                                         "granted",      "network",  "revocation",
                                         "access_count", "terminal", "head"};
    int rc = SQLITE_OK;
    for (size_t i = 0; rc == SQLITE_OK && i < ARRAY_SIZE(tables); i++) {
        cleanup_free char *sql = xasprintf(
            "WITH RECURSIVE n(s) AS (SELECT min(session) FROM %s UNION ALL SELECT (SELECT"
            " min(session) FROM %s WHERE session > n.s) FROM n WHERE n.s IS NOT NULL) SELECT"
            " count(*) FROM n WHERE s IS NOT NULL%s AND s NOT IN (SELECT nr FROM session)",
            tables[i], tables[i], strcmp(tables[i], "head") == 0 ? " AND s IS NOT 0" : "");
        rc = check_none(v, sql, "there are rows of a session that does not exist", row);
    }
    return rc;
}

#define DAMAGED "an index is damaged: what is looked for may not be found (sqlite3 FILE REINDEX)"

// What is looked for by an index that does not fit its table is not found, though the chain, which
// is read from the tables, is whole. Whether as many entries are there as rows costs nothing.
static int
check_indices(struct verifier *v, struct verify_row *row)
{
    static const struct {
        const char *table, *index;
    } indices[] = {{"event", "event_by_time"},        {"decision", "decision_by_request"},
                   {"granted", "granted_by_request"}, {"granted", "granted_by_seq"},
                   {"journal", "journal_by_session"}, {"revocation", "revocation_by_granted"}};
    int rc = SQLITE_OK;
    for (size_t i = 0; rc == SQLITE_OK && i < ARRAY_SIZE(indices); i++) {
        cleanup_free char *sql =
            xasprintf("SELECT (SELECT count(*) FROM %s NOT INDEXED) IS NOT (SELECT count(*) FROM %s"
                      " INDEXED BY %s)",
                      indices[i].table, indices[i].table, indices[i].index);
        rc = check_none(v, sql, DAMAGED, row);
        // One that is not there at all, or is another one, can't be named in a statement.
        if (rc == SQLITE_ERROR) {
            found(row, "an index is missing or has been changed", 0);
            rc = SQLITE_OK;
        }
    }
    return rc;
}

// Every entry of every index, and the shape of the file.
static int
check_thoroughly(struct verifier *v, struct verify_row *row)
{
    sqlite3_stmt *st = NULL;
    int rc = prepare(v, "PRAGMA integrity_check(1)", &st);
    if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(st, 0);
        // Its words name what the file calls things: they are not ours to print.
        if (!text || strcmp(text, "ok") != 0)
            found(row, strstr(text ? text : "", " index ") ? DAMAGED : "the file is damaged", 0);
    }
    return finish(st, rc);
}

static int
report_removed(struct verifier *v)
{
    static const char sql[] =
        "SELECT DISTINCT id FROM journal j WHERE what IN ('began', 'adopted', 'imported') AND NOT"
        " EXISTS(SELECT 1 FROM session s WHERE s.id = j.id) AND NOT EXISTS(SELECT 1 FROM journal p"
        " WHERE p.id = j.id AND p.what = 'pruned' AND p.seq > j.seq)";
    sqlite3_stmt *st = NULL;
    int rc = prepare(v, sql, &st);
    while (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        const char *id = (const char *)sqlite3_column_text(st, 0);
        struct verify_row row = {.id = find_is_id(id) ? id : "?",
                                 .problem = "was removed: the journal knows it"};
        report(v, &row);
        rc = SQLITE_OK;
    }
    return finish(st, rc);
}

static int
verify_journal(struct verifier *v)
{
    struct verify_row row = {.id = ""};
    struct chain_tip tip;
    uint8_t key[KEY_PUBLIC_LEN];
    chain_start(&tip, "journal", "");
    v->checks_n = 0;
    int rc = check_head(v, CHAIN_JOURNAL, &row, key);
    check_anchors(v, "");
    check_key(v, &row);
    if (rc == SQLITE_OK)
        rc = walk_journal(v, &tip, &row);
    if (rc == SQLITE_OK && !row.problem) {
        check_length(v, &tip, &row);
        if (!row.key)
            found(&row, "its signed head is missing", 0);
        else if (row.signed_to < tip.seq)
            found(&row, "was inserted: it lies behind the signed end", row.signed_to + 1);
    }
    if (rc == SQLITE_OK)
        rc = check_contents(v, &row);
    if (rc == SQLITE_OK)
        rc = check_orphans(v, &row);
    if (rc == SQLITE_OK)
        rc = check_indices(v, &row);
    if (rc == SQLITE_OK && v->o->thorough)
        rc = check_thoroughly(v, &row);
    row.hash = tip.hash;
    if (rc == SQLITE_OK)
        report(v, &row);
    return rc == SQLITE_OK ? report_removed(v) : rc;
}

static int
check_version(struct verifier *v, const char *path, struct err *err)
{
    int64_t version = 0;
    int r = db_read_int(v->h, "PRAGMA user_version", &version);
    if (r < 0)
        return db_fail(v->h, sqlite3_extended_errcode(v->h), path, err);
    cleanup_free char *shown = display_str(path, DISPLAY_QUOTE);
    if (version > SCHEMA_VERSION)
        return err_set(err, -EPROTO,
                       "%s was written by a newer nono: it can't be verified by this one", shown);
    if (version < 2)
        return err_set(err, -ENODATA,
                       "%s is of an older nono and has no chain yet; the next session gives it one",
                       shown);
    return 0;
}

int
verify_record(const char *path, const struct verify_options *o, verify_fn fn, void *ctx,
              struct err *err)
{
    struct verifier v = {.o = o, .fn = fn, .ctx = ctx};
    if (sodium_init() < 0)
        return err_set(err, -EIO, "libsodium does not start");
    int r = db_open_read(path, &v.h, err);
    if (r < 0)
        return r;
    r = check_version(&v, path, err);
    if (r == 0) {
        // One moment for all that is read.
        int rc = sqlite3_exec(v.h, "BEGIN", NULL, NULL, NULL);
        if (rc == SQLITE_OK && !o->sessions)
            rc = verify_journal(&v);
        if (rc == SQLITE_OK)
            rc = verify_sessions(&v);
        r = rc == SQLITE_OK ? (v.bad ? -EBADMSG : 0) : db_fail(v.h, rc, path, err);
        sqlite3_exec(v.h, "ROLLBACK", NULL, NULL, NULL);
    }
    free(v.checks);
    db_close(v.h);
    return r;
}
