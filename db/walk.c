// SPDX-License-Identifier: Apache-2.0
#include "walk.h"

#include <string.h>

#include "db.h"
#include "facts.h"
#include "schema.h"
#include "util.h"

// The facts of an event are found by its seq: each stream goes through its table in that order.
// Requests are keyed by their id, which nearly always grows with seq: a table of them in order of
// seq would cost an index.
#define SELECT(columns, table, order)                                                              \
    "SELECT " columns " FROM " table " WHERE session = ?1 ORDER BY " order

static const struct {
    const char *table, *sql;
    enum kind kind;
    int seq; /* column */
} streams[_WALK_FACTS_MAX] = {
    [WALK_REQUEST] = {"request", SELECT(FACTS_REQUEST, "request", "id"), KIND_REQUEST, 1},
    [WALK_DECISION] = {"decision", SELECT(FACTS_DECISION, "decision", "seq"), KIND_DECISION, 0},
    [WALK_GRANTED] = {"granted", SELECT(FACTS_GRANTED, "granted", "seq"), KIND_GRANT, 1},
    [WALK_NETWORK] = {"network", SELECT(FACTS_NETWORK, "network", "seq"), KIND_NETWORK, 0},
    [WALK_REVOCATION] = {"revocation", SELECT(FACTS_REVOCATION, "revocation", "seq"), KIND_REVOKE,
                         0},
};

void
walk_columns(struct buf *b, sqlite3_stmt *st, int from, int to)
{
    for (int i = from; i < to; i++) {
        // One call for each column that takes the connection's (absent) lock, not three.
        sqlite3_value *v = sqlite3_column_value(st, i);
        const void *data;
        switch (sqlite3_value_type(v)) {
        case SQLITE_INTEGER:
            canon_int(b, sqlite3_value_int64(v));
            break;
        case SQLITE_BLOB:
            data = sqlite3_value_blob(v);
            canon_blob(b, data, (size_t)sqlite3_value_bytes(v));
            break;
        case SQLITE_TEXT:
            data = sqlite3_value_text(v);
            canon_text(b, data, (size_t)sqlite3_value_bytes(v));
            break;
        case SQLITE_NULL:
            canon_null(b);
            break;
        default:
            buf_putc(b, 'x'); // never written
        }
    }
}

static void
add_row(struct walk *w, enum walk_facts i, sqlite3_stmt *st)
{
    int n = sqlite3_column_count(st), later = i == WALK_REQUEST ? FACTS_REQUEST_LATER : 0;
    while (later-- > 0 && sqlite3_column_type(st, n - 1) == SQLITE_NULL)
        n--;
    walk_columns(&w->bytes, st, 0, n);
}

static int
prepare(struct walk *w, const char *sql, sqlite3_stmt **ret_st)
{
    cleanup_free char *old = w->old ? xasprintf(SCHEMA_V2_TABLES "%s", sql) : NULL;
    int rc = sqlite3_prepare_v2(w->h, old ? old : sql, -1, ret_st, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(*ret_st, 1, w->session);
    return rc;
}

static int
stream_step(struct walk_stream *s, int seq_column)
{
    int rc = sqlite3_step(s->st);
    s->row = rc == SQLITE_ROW;
    if (s->row) {
        s->at = sqlite3_column_int64(s->st, seq_column);
        s->seen++;
    }
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int
walk_begin(struct walk *w, sqlite3 *h, int64_t session)
{
    int64_t version = 0;
    *w = (struct walk){.h = h, .session = session};
    if (db_read_int(h, "PRAGMA user_version", &version) < 0)
        return sqlite3_extended_errcode(h);
    w->old = version < 3;
    int rc = prepare(w, SELECT("hash, request, " FACTS_EVENT, "event", "seq"), &w->events);
    if (rc == SQLITE_OK)
        rc = prepare(w, "SELECT " FACTS_SESSION " FROM session WHERE nr = ?1", &w->start);
    if (rc == SQLITE_OK)
        rc = prepare(w, "SELECT " FACTS_SESSION_END " FROM session WHERE nr = ?1", &w->end);
    for (int i = 0; rc == SQLITE_OK && i < _WALK_FACTS_MAX; i++) {
        rc = prepare(w, streams[i].sql, &w->facts[i].st);
        if (rc == SQLITE_OK)
            rc = stream_step(&w->facts[i], streams[i].seq);
    }
    return rc;
}

static int
add_single(struct walk *w, sqlite3_stmt *st)
{
    int rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        walk_columns(&w->bytes, st, 0, sqlite3_column_count(st));
    else if (rc == SQLITE_DONE)
        w->problem = "its session is missing";
    sqlite3_reset(st);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

// A request whose id is not the next one: looked up.
static int
add_request_by_id(struct walk *w, int64_t id)
{
    static const char sql[] =
        "SELECT " FACTS_REQUEST " FROM request WHERE session = ?1 AND id = ?2";
    sqlite3_stmt *st = NULL;
    int rc = prepare(w, sql, &st);
    if (rc == SQLITE_OK) {
        sqlite3_bind_int64(st, 2, id);
        rc = sqlite3_step(st);
    }
    if (rc == SQLITE_ROW && (uint64_t)sqlite3_column_int64(st, 1) == w->seq) {
        add_row(w, WALK_REQUEST, st);
        w->facts[WALK_REQUEST].used++;
    } else if (rc == SQLITE_ROW || rc == SQLITE_DONE) {
        w->problem = "its facts are missing";
    }
    sqlite3_finalize(st);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int
add_facts(struct walk *w, enum walk_facts i)
{
    struct walk_stream *s = &w->facts[i];
    int rc = SQLITE_OK;
    // What is passed over was looked up by its id before, or belongs to no event: see walk_end().
    while (rc == SQLITE_OK && s->row && s->at < (int64_t)w->seq)
        rc = stream_step(s, streams[i].seq);
    if (rc != SQLITE_OK)
        return rc;
    if (s->row && s->at == (int64_t)w->seq) {
        add_row(w, i, s->st);
        s->used++;
        return stream_step(s, streams[i].seq);
    }
    if (i == WALK_REQUEST && sqlite3_column_type(w->events, 1) == SQLITE_INTEGER)
        return add_request_by_id(w, sqlite3_column_int64(w->events, 1));
    w->problem = "its facts are missing";
    return SQLITE_OK;
}

// Are there facts that no event led to? Which ones is only looked for when there are.
static int
walk_end(struct walk *w)
{
    int rc = SQLITE_OK;
    for (int i = 0; rc == SQLITE_OK && !w->problem && i < _WALK_FACTS_MAX; i++) {
        struct walk_stream *s = &w->facts[i];
        while (rc == SQLITE_OK && s->row)
            rc = stream_step(s, streams[i].seq);
        if (rc != SQLITE_OK || s->seen == s->used)
            continue;
        cleanup_free char *sql = xasprintf(
            "SELECT min(f.seq) FROM %s f WHERE f.session = ?1 AND NOT EXISTS(SELECT 1 FROM event e"
            " WHERE e.session = f.session AND e.seq = f.seq AND e.kind = '%s'%s)",
            streams[i].table, kind_to_string(streams[i].kind),
            i == WALK_REQUEST ? " AND e.request = f.id" : "");
        sqlite3_stmt *st = NULL;
        w->problem = "there are facts without an event";
        rc = prepare(w, sql, &st);
        if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
            w->seq = (uint64_t)sqlite3_column_int64(st, 0);
            rc = SQLITE_OK;
        }
        sqlite3_finalize(st);
    }
    return rc == SQLITE_OK ? SQLITE_DONE : rc;
}

enum { C_HASH, C_REQUEST, C_EVENT, C_SEQ = C_EVENT, C_KIND };

int
walk_next(struct walk *w)
{
    int rc = sqlite3_step(w->events);
    w->problem = NULL;
    if (rc != SQLITE_ROW)
        return rc == SQLITE_DONE ? walk_end(w) : rc;
    const void *hash = sqlite3_column_blob(w->events, C_HASH);
    w->hash = sqlite3_column_bytes(w->events, C_HASH) == CHAIN_HASH_LEN ? hash : NULL;
    w->seq = (uint64_t)sqlite3_column_int64(w->events, C_SEQ);
    w->kind = kind_from_string((const char *)sqlite3_column_text(w->events, C_KIND));
    buf_reset(&w->bytes);
    walk_columns(&w->bytes, w->events, C_EVENT, sqlite3_column_count(w->events));
    rc = SQLITE_OK;
    if (w->kind == KIND_SESSION_START)
        rc = add_single(w, w->start);
    else if (w->kind == KIND_SESSION_END)
        rc = add_single(w, w->end);
    for (int i = 0; rc == SQLITE_OK && i < _WALK_FACTS_MAX; i++) {
        if (streams[i].kind == w->kind)
            rc = add_facts(w, i);
    }
    return rc == SQLITE_OK ? SQLITE_ROW : rc;
}

void
walk_done(struct walk *w)
{
    sqlite3_finalize(w->events);
    sqlite3_finalize(w->start);
    sqlite3_finalize(w->end);
    for (int i = 0; i < _WALK_FACTS_MAX; i++)
        sqlite3_finalize(w->facts[i].st);
    buf_done(&w->bytes);
}

int
walk_counts_digest(sqlite3 *h, int64_t session, uint8_t ret_digest[CHAIN_HASH_LEN],
                   uint64_t *ret_rows)
{
    static const char sql[] = "SELECT " FACTS_COUNT " FROM access_count WHERE session = ?1"
                              " ORDER BY what, request, op";
    cleanup_buf struct buf b = {0};
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(h, sql, -1, &st, NULL);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(st, 1, session);
    for (*ret_rows = 0; (rc = sqlite3_step(st)) == SQLITE_ROW; ++*ret_rows)
        walk_columns(&b, st, 0, sqlite3_column_count(st));
    chain_hash(ret_digest, "counts", 6, b.data, b.len);
    sqlite3_finalize(st);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int
walk_terminal_digest(sqlite3 *h, int64_t session, uint8_t ret_digest[CHAIN_HASH_LEN],
                     uint64_t *ret_rows)
{
    static const char sql[] = "SELECT " FACTS_TERMINAL " FROM terminal WHERE session = ?1"
                              " ORDER BY chunk";
    cleanup_buf struct buf b = {0};
    struct chain_tip tip;
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(h, sql, -1, &st, NULL);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(st, 1, session);
    chain_start(&tip, "terminal", "");
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        buf_reset(&b);
        walk_columns(&b, st, 0, sqlite3_column_count(st));
        chain_add(&tip, &b);
    }
    memcpy(ret_digest, tip.hash, CHAIN_HASH_LEN);
    *ret_rows = tip.seq;
    sqlite3_finalize(st);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}
