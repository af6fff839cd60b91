// SPDX-License-Identifier: Apache-2.0
#include "record.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "clock.h"
#include "db.h"
#include "facts.h"
#include "put.h"
#include "redact.h"
#include "util.h"
#include "walk.h"

// INSERT of all columns: the table's and, in front, the session's number.
static const struct {
    const char *table, *columns;
} inserts[_RECORD_MAX] = {
    [RECORD_SESSION] = {"session", FACTS_SESSION},
    [RECORD_EVENT] = {"event", FACTS_EVENT ", hash"},
    [RECORD_REQUEST] = {"request", FACTS_REQUEST},
    [RECORD_DECISION] = {"decision", FACTS_DECISION},
    [RECORD_GRANT] = {"granted", FACTS_GRANTED},
    [RECORD_NETWORK] = {"network", FACTS_NETWORK},
    [RECORD_REVOCATION] = {"revocation", FACTS_REVOCATION},
    [RECORD_TERMINAL] = {"terminal", FACTS_TERMINAL},
};

static const char *const sql[_RECORD_MAX] = {
    [RECORD_SAVEPOINT] = "SAVEPOINT record",
    [RECORD_RELEASE] = "RELEASE record",
    [RECORD_UNDO] = "ROLLBACK TO record",
    [RECORD_CONTENT] = "INSERT INTO content(digest, bytes) VALUES(?1, ?2) ON CONFLICT DO NOTHING",
    [RECORD_COUNT] =
        "INSERT INTO access_count(session, what, request, op, n, first_ns, last_ns)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE SET n = n + excluded.n,"
        " first_ns = min(first_ns, excluded.first_ns), last_ns = max(last_ns, excluded.last_ns)",
    [RECORD_END] = "UPDATE session SET (" FACTS_SESSION_END ") = (?2, ?3, ?4, ?5) WHERE nr = ?1",
};

static char *
insert_sql(const char *table, const char *columns)
{
    struct buf b = {0};
    // The table of sessions numbers its rows itself: NULL.
    buf_printf(&b, "INSERT INTO %s(%s, %s) VALUES(?", table,
               strcmp(table, "session") == 0 ? "nr" : "session", columns);
    for (const char *p = columns; p; p = strchr(p + 1, ','))
        buf_puts(&b, ", ?");
    buf_puts(&b, ")");
    return buf_steal(&b);
}

// NULL when it cannot be prepared: sqlite3_errcode() says why.
static sqlite3_stmt *
statement(struct recorder *rec, enum record_stmt id)
{
    if (!rec->stmt[id] && inserts[id].table) {
        cleanup_free char *text = insert_sql(inserts[id].table, inserts[id].columns);
        db_prepare(rec->h, text, &rec->stmt[id]);
    } else if (!rec->stmt[id]) {
        db_prepare(rec->h, sql[id], &rec->stmt[id]);
    }
    return rec->stmt[id];
}

static int
run(struct recorder *rec, enum record_stmt id)
{
    sqlite3_stmt *st = statement(rec, id);
    return st ? db_run(st) : sqlite3_extended_errcode(rec->h);
}

// bytes is emptied. 0 or a result code.
static int
put_begin(struct recorder *rec, enum record_stmt id, struct buf *bytes, struct put *ret_p)
{
    sqlite3_stmt *st = statement(rec, id);
    *ret_p = (struct put){.st = st, .column = 1, .bytes = bytes};
    if (!st)
        return sqlite3_extended_errcode(rec->h);
    buf_reset(bytes);
    if (id == RECORD_SESSION)
        sqlite3_bind_null(st, 1);
    else
        db_bind_int(st, 1, rec->session);
    return SQLITE_OK;
}

// --- rows ----------------------------------------------------------------------------------------

// What is in rec->facts belongs to the event. request: 0 for none.
static int
add_event(struct recorder *rec, enum kind kind, uint64_t real_ns, uint64_t request,
          const char *text)
{
    struct put p;
    int rc = put_begin(rec, RECORD_EVENT, &rec->bytes, &p);
    if (rc != SQLITE_OK)
        return rc;
    put_u64(&p, rec->tip.seq + 1);
    put_word(&p, kind_to_string(kind));
    put_u64(&p, real_ns);
    if (request)
        put_u64(&p, request);
    else
        put_null(&p);
    if (text)
        put_string(&p, text);
    else
        put_null(&p);
    if (rec->facts.len)
        buf_add(&rec->bytes, rec->facts.data, rec->facts.len);
    struct chain_tip next = rec->tip;
    chain_add(&next, &rec->bytes);
    db_bind_bytes(p.st, ++p.column, next.hash, CHAIN_HASH_LEN);
    rc = db_run(p.st);
    if (rc == SQLITE_OK)
        rec->tip = next;
    return rc;
}

// The event and the row of its facts, which were bound to p.
static int
add_facts(struct recorder *rec, const struct put *p, enum kind kind, uint64_t real_ns,
          uint64_t request, const char *text)
{
    int rc = add_event(rec, kind, real_ns, request, text);
    return rc == SQLITE_OK ? db_run(p->st) : rc;
}

// Ends the savepoint that the row was written in. tip: as it was before the row.
static int
settle(struct recorder *rec, const struct chain_tip *tip, int rc)
{
    if (rc == SQLITE_OK)
        return run(rec, RECORD_RELEASE);
    // Most other errors have ended the transaction already, and with it the savepoint.
    if (!sqlite3_get_autocommit(rec->h) && run(rec, RECORD_UNDO) == SQLITE_OK)
        run(rec, RECORD_RELEASE);
    rec->tip = *tip;
    return rc;
}

// Stores a text once; *ret_digest names it.
static int
add_content(struct recorder *rec, const char *text, uint8_t ret_digest[CHAIN_HASH_LEN])
{
    sqlite3_stmt *st = statement(rec, RECORD_CONTENT);
    if (!st)
        return sqlite3_extended_errcode(rec->h);
    size_t n = strlen(text);
    crypto_generichash(ret_digest, CHAIN_HASH_LEN, (const unsigned char *)text, n, NULL, 0);
    db_bind_bytes(st, 1, ret_digest, CHAIN_HASH_LEN);
    db_bind_bytes(st, 2, text, n);
    return db_run(st);
}

int
recorder_add_session(struct recorder *rec, const struct session_info *info, const char *text)
{
    uint8_t capabilities[CHAIN_HASH_LEN], policy[CHAIN_HASH_LEN];
    struct put p;
    int rc = add_content(rec, info->capabilities ? info->capabilities : "", capabilities);
    if (rc == SQLITE_OK && info->policy)
        rc = add_content(rec, info->policy, policy);
    if (rc == SQLITE_OK)
        rc = put_begin(rec, RECORD_SESSION, &rec->facts, &p);
    if (rc != SQLITE_OK)
        return rc;
    put_word(&p, info->id);
    put_string(&p, info->name);
    put_int(&p, info->pid);
    put_u64(&p, info->start_time);
    put_word(&p, info->boot_id);
    put_int(&p, info->uid);
    put_string(&p, info->cwd);
    buf_reset(&rec->clean);
    size_t redacted = redact_argv(info->argv, info->argv_len, rec->redact, &rec->clean);
    put_blob(&p, rec->clean.data, rec->clean.len);
    put_string(&p, NULL);
    put_u64(&p, info->started_real_ns);
    put_string(&p, info->profile);
    put_blob(&p, capabilities, CHAIN_HASH_LEN);
    if (info->policy)
        put_blob(&p, policy, CHAIN_HASH_LEN);
    else
        put_null(&p);
    put_redacted(&p, redacted);
    if ((rc = db_run(p.st)) != SQLITE_OK)
        return rc;
    rec->session = sqlite3_last_insert_rowid(rec->h);
    chain_start(&rec->tip, "session", info->id);
    chain_start(&rec->terminal, "terminal", "");
    return add_event(rec, KIND_SESSION_START, info->started_real_ns, 0, text);
}

static int
insert_request(struct recorder *rec, const struct request *r)
{
    struct put p;
    int rc = put_begin(rec, RECORD_REQUEST, &rec->facts, &p);
    if (rc != SQLITE_OK)
        return rc;
    put_u64(&p, r->id);
    put_u64(&p, rec->tip.seq + 1);
    put_word(&p, op_to_string(r->op));
    put_int(&p, r->access);
    put_word(&p, r->call);
    put_u64(&p, r->flags);
    put_int(&p, r->mode);
    put_int(&p, r->pid);
    put_int(&p, r->tid);
    put_u64(&p, r->start_time);
    put_int(&p, r->uid);
    put_string(&p, r->exe);
    buf_reset(&rec->clean);
    buf_reset(&rec->clean2);
    size_t redacted = redact_argv(r->argv, r->argv_len, rec->redact, &rec->clean);
    put_blob(&p, rec->clean.data, rec->clean.len);
    put_string(&p, r->cwd);
    put_string(&p, r->ancestry);
    put_string(&p, r->target);
    put_string(&p, r->resolved);
    put_u64(&p, r->covered);
    put_string(&p, r->nearest);
    put_word(&p, reason_to_string(r->why));
    put_object(&p, &r->object);
    put_word(&p, risk_to_string(r->risk));
    put_word(&p, r->tags);
    put_u64(&p, r->raised_real_ns);
    put_blob(&p, r->digest, DIGEST_LEN);
    if (r->resolved2 && r->resolved2[0]) {
        put_string(&p, r->target2);
        put_string(&p, r->resolved2);
        put_object(&p, &r->object2);
    } else {
        put_nulls(&p, 10);
    }
    redacted += redact_text(r->detail ? r->detail : "", rec->redact, &rec->clean2);
    put_string_or_null(&p, buf_str(&rec->clean2));
    put_string_or_null(&p, r->interpreter);
    if (r->has_sha256)
        put_blob(&p, r->sha256, SHA256_LEN);
    else
        put_null(&p);
    put_endpoint(&p, &r->peer, r->host);
    put_redacted(&p, redacted);
    if (r->has_exe_sha256)
        put_blob(&p, r->exe_sha256, SHA256_LEN);
    else
        put_absent(&p);
    return add_facts(rec, &p, KIND_REQUEST, r->raised_real_ns, r->id, NULL);
}

int
recorder_add_request(struct recorder *rec, const struct request *r)
{
    struct chain_tip tip = rec->tip;
    int rc = run(rec, RECORD_SAVEPOINT);
    return rc == SQLITE_OK ? settle(rec, &tip, insert_request(rec, r)) : rc;
}

static int
insert_decision(struct recorder *rec, const struct decision *d, unsigned count)
{
    struct put p;
    int rc = put_begin(rec, RECORD_DECISION, &rec->facts, &p);
    if (rc != SQLITE_OK)
        return rc;
    put_u64(&p, rec->tip.seq + 1);
    put_u64(&p, d->request);
    put_word(&p, verdict_to_string(d->verdict));
    put_word(&p, scope_to_string(d->scope));
    put_word(&p, reach_to_string(d->reach));
    put_word(&p, decider_to_string(d->by));
    put_word(&p, reason_to_string(d->reason));
    put_string_or_null(&p, d->source);
    buf_reset(&rec->clean);
    size_t redacted = redact_text(d->note ? d->note : "", rec->redact, &rec->clean);
    put_string_or_null(&p, buf_str(&rec->clean));
    put_u64(&p, d->real_ns);
    put_u64(&p, d->waited_ms);
    put_int(&p, d->keys_ignored);
    put_int(&p, d->error);
    put_u64(&p, d->for_ns);
    put_int(&p, count);
    put_blob(&p, d->digest, DIGEST_LEN);
    put_redacted(&p, redacted);
    return add_facts(rec, &p, KIND_DECISION, d->real_ns, d->request, NULL);
}

static int
insert_grant(struct recorder *rec, const struct grant *g)
{
    struct put p;
    int rc = put_begin(rec, RECORD_GRANT, &rec->facts, &p);
    if (rc != SQLITE_OK)
        return rc;
    put_u64(&p, g->id);
    put_u64(&p, rec->tip.seq + 1);
    put_u64(&p, g->request);
    put_word(&p, verdict_to_string(g->verdict));
    put_word(&p, op_to_string(g->op));
    put_int(&p, g->access);
    put_word(&p, scope_to_string(g->scope));
    put_word(&p, reach_to_string(g->reach));
    put_string(&p, g->path);
    put_u64(&p, g->dev);
    put_u64(&p, g->ino);
    put_u64(&p, g->created_real_ns);
    if (g->expires_mono_ns)
        put_u64(&p, clock_real_ns() + g->expires_mono_ns - clock_mono_ns());
    else
        put_null(&p);
    put_endpoint(&p, &g->peer, g->host);
    if (g->path2) {
        put_string(&p, g->path2);
        put_u64(&p, g->dev2);
        put_u64(&p, g->ino2);
    } else {
        put_nulls(&p, 3);
    }
    if (g->has_sha256)
        put_blob(&p, g->sha256, SHA256_LEN);
    else
        put_null(&p);
    put_string_or_null(&p, g->exe);
    return add_facts(rec, &p, KIND_GRANT, g->created_real_ns, g->request, NULL);
}

int
recorder_add_decision(struct recorder *rec, const struct decision *d, const struct grant *g,
                      unsigned count)
{
    struct chain_tip tip = rec->tip;
    int rc = run(rec, RECORD_SAVEPOINT);
    if (rc != SQLITE_OK)
        return rc;
    rc = insert_decision(rec, d, count);
    if (rc == SQLITE_OK && g)
        rc = insert_grant(rec, g);
    return settle(rec, &tip, rc);
}

static int
insert_network(struct recorder *rec, const struct network_event *n)
{
    struct put p;
    uint64_t ms = n->real_ns / NS_PER_MS;
    int rc = put_begin(rec, RECORD_NETWORK, &rec->facts, &p);
    if (rc != SQLITE_OK)
        return rc;
    if (ms <= rec->last_ms)
        ms = rec->last_ms + 1;
    rec->last_ms = ms;
    put_u64(&p, rec->tip.seq + 1);
    put_u64(&p, ms);
    if (n->request)
        put_u64(&p, n->request);
    else
        put_null(&p);
    put_word(&p, op_to_string(n->mode));
    put_word(&p, net_decision_to_string(n->decision));
    put_word(&p, net_category_to_string(n->category));
    put_string(&p, n->target);
    put_word(&p, reason_to_string(n->reason));
    put_endpoint(&p, &n->peer, n->host);
    put_int(&p, n->pid);
    put_u64(&p, n->start_time);
    put_string(&p, n->exe);
    const char *text = n->text && n->text[0] ? n->text : NULL;
    return add_facts(rec, &p, KIND_NETWORK, n->real_ns, n->request, text);
}

int
recorder_add_network(struct recorder *rec, const struct network_event *n)
{
    struct chain_tip tip = rec->tip;
    int rc = run(rec, RECORD_SAVEPOINT);
    return rc == SQLITE_OK ? settle(rec, &tip, insert_network(rec, n)) : rc;
}

static int
insert_revocation(struct recorder *rec, uint64_t real_ns, const struct revocation *v)
{
    struct put p;
    int rc = put_begin(rec, RECORD_REVOCATION, &rec->facts, &p);
    if (rc != SQLITE_OK)
        return rc;
    put_u64(&p, rec->tip.seq + 1);
    put_u64(&p, v->granted);
    put_string_or_null(&p, v->source);
    buf_reset(&rec->clean);
    redact_text(v->note ? v->note : "", rec->redact, &rec->clean);
    put_string_or_null(&p, buf_str(&rec->clean));
    return add_facts(rec, &p, KIND_REVOKE, real_ns, 0, NULL);
}

int
recorder_add_revocation(struct recorder *rec, uint64_t real_ns, const struct revocation *v)
{
    struct chain_tip tip = rec->tip;
    int rc = run(rec, RECORD_SAVEPOINT);
    return rc == SQLITE_OK ? settle(rec, &tip, insert_revocation(rec, real_ns, v)) : rc;
}

void
revocation_done(struct revocation *v)
{
    free(v->source);
    free(v->note);
    *v = (struct revocation){0};
}

int
recorder_add_fault(struct recorder *rec, uint64_t real_ns, const char *text)
{
    buf_reset(&rec->facts);
    return add_event(rec, KIND_FAULT, real_ns, 0, text);
}

int
recorder_add_terminal(struct recorder *rec, const struct terminal_chunk *t)
{
    struct put p;
    struct chain_tip next = rec->terminal;
    int rc = put_begin(rec, RECORD_TERMINAL, &rec->facts, &p);
    if (rc != SQLITE_OK)
        return rc;
    put_u64(&p, next.seq + 1);
    put_u64(&p, t->first_ns);
    put_u64(&p, t->last_ns);
    put_int(&p, t->rows);
    put_int(&p, t->columns);
    put_blob(&p, t->data, t->len);
    chain_add(&next, &rec->facts);
    rc = db_run(p.st);
    if (rc == SQLITE_OK)
        rec->terminal = next;
    return rc;
}

int
recorder_add_count(struct recorder *rec, const struct count_row *c)
{
    sqlite3_stmt *st = statement(rec, RECORD_COUNT);
    if (!st)
        return sqlite3_extended_errcode(rec->h);
    db_bind_int(st, 1, rec->session);
    db_bind_word(st, 2, c->what);
    db_bind_int(st, 3, (int64_t)c->request);
    db_bind_word(st, 4, op_to_string(c->op));
    db_bind_int(st, 5, (int64_t)c->n);
    db_bind_int(st, 6, (int64_t)c->first_ns);
    db_bind_int(st, 7, (int64_t)c->last_ns);
    return db_run(st);
}

int
recorder_end_session(struct recorder *rec, int wait_status, uint64_t real_ns)
{
    char text[32] = "never started";
    if (wait_status != -1 && WIFEXITED(wait_status))
        snprintf(text, sizeof text, "exit %d", WEXITSTATUS(wait_status));
    else if (wait_status != -1 && WIFSIGNALED(wait_status))
        snprintf(text, sizeof text, "signal %d", WTERMSIG(wait_status));
    struct put p;
    uint8_t counts[CHAIN_HASH_LEN];
    uint64_t rows;
    int rc = walk_counts_digest(rec->h, rec->session, counts, &rows);
    if (rc == SQLITE_OK)
        rc = put_begin(rec, RECORD_END, &rec->facts, &p);
    if (rc != SQLITE_OK)
        return rc;
    put_u64(&p, real_ns);
    put_int(&p, wait_status);
    put_blob(&p, counts, CHAIN_HASH_LEN);
    put_blob(&p, rec->terminal.hash, CHAIN_HASH_LEN);
    return add_facts(rec, &p, KIND_SESSION_END, real_ns, 0, text);
}

void
recorder_done(struct recorder *rec)
{
    for (int i = 0; i < _RECORD_MAX; i++)
        sqlite3_finalize(rec->stmt[i]);
    memset(rec->stmt, 0, sizeof rec->stmt);
    buf_done(&rec->facts);
    buf_done(&rec->bytes);
    buf_done(&rec->clean);
    buf_done(&rec->clean2);
}
