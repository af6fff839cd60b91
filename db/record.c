// SPDX-License-Identifier: Apache-2.0
#include "record.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "clock.h"
#include "db.h"
#include "util.h"

static const char *const sql[_RECORD_MAX] = {
    [RECORD_SAVEPOINT] = "SAVEPOINT record",
    [RECORD_RELEASE] = "RELEASE record",
    [RECORD_UNDO] = "ROLLBACK TO record",
    [RECORD_EVENT] = "INSERT INTO event(session, seq, kind, real_ns, request, text)"
                     " VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [RECORD_REQUEST] =
        "INSERT INTO request(session, id, seq, op, access, call, flags, mode, pid, tid, start_time,"
        " uid, exe, argv, cwd, ancestry, target, resolved, covered, nearest, why, object_exists,"
        " dev, ino, object_mode, object_uid, object_gid, size, nlink, risk, tags, raised_ns,"
        " digest) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,"
        " ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33)",
    [RECORD_DECISION] =
        "INSERT INTO decision(session, seq, request, verdict, scope, reach, by, reason, source,"
        " note, decided_ns, waited_ms, keys_ignored, error, for_ns, count, digest)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
    [RECORD_GRANT] =
        "INSERT INTO granted(session, id, seq, request, verdict, op, access, scope, reach, path,"
        " dev, ino, created_ns, expires_ns)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    [RECORD_COUNT] =
        "INSERT INTO access_count(session, what, request, op, n, first_ns, last_ns)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE SET n = n + excluded.n,"
        " first_ns = min(first_ns, excluded.first_ns), last_ns = max(last_ns, excluded.last_ns)",
    [RECORD_END] = "UPDATE session SET ended_ns = ?2, wait_status = ?3 WHERE nr = ?1",
};

// NULL when it cannot be prepared: sqlite3_errcode() says why.
static sqlite3_stmt *
statement(struct recorder *rec, enum record_stmt id)
{
    if (!rec->stmt[id])
        db_prepare(rec->h, sql[id], &rec->stmt[id]);
    return rec->stmt[id];
}

static int
run(struct recorder *rec, enum record_stmt id)
{
    sqlite3_stmt *st = statement(rec, id);
    return st ? db_run(st) : sqlite3_extended_errcode(rec->h);
}

// request: 0 for none.
static int
add_event(struct recorder *rec, enum kind kind, uint64_t real_ns, uint64_t request,
          const char *text)
{
    sqlite3_stmt *st = statement(rec, RECORD_EVENT);
    if (!st)
        return sqlite3_extended_errcode(rec->h);
    sqlite3_clear_bindings(st);
    db_bind_int(st, 1, rec->session);
    db_bind_int(st, 2, (int64_t)rec->seq + 1);
    db_bind_word(st, 3, kind_to_string(kind));
    db_bind_int(st, 4, (int64_t)real_ns);
    if (request)
        db_bind_int(st, 5, (int64_t)request);
    if (text)
        db_bind_string(st, 6, text);
    int rc = db_run(st);
    if (rc == SQLITE_OK)
        rec->seq++;
    return rc;
}

// Ends the savepoint that the row was written in. seq: as it was before the row.
static int
settle(struct recorder *rec, uint64_t seq, int rc)
{
    if (rc == SQLITE_OK)
        return run(rec, RECORD_RELEASE);
    // Most other errors have ended the transaction already, and with it the savepoint.
    if (!sqlite3_get_autocommit(rec->h) && run(rec, RECORD_UNDO) == SQLITE_OK)
        run(rec, RECORD_RELEASE);
    rec->seq = seq;
    return rc;
}

int
recorder_add_session(struct recorder *rec, const struct session_info *info)
{
    static const char insert[] =
        "INSERT INTO session(id, name, pid, start_time, boot_id, uid, cwd, argv, capabilities,"
        " started_ns) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(rec->h, insert, -1, &st, NULL);
    if (rc != SQLITE_OK)
        return rc;
    db_bind_word(st, 1, info->id);
    db_bind_string(st, 2, info->name);
    db_bind_int(st, 3, info->pid);
    db_bind_int(st, 4, (int64_t)info->start_time);
    db_bind_word(st, 5, info->boot_id);
    db_bind_int(st, 6, info->uid);
    db_bind_string(st, 7, info->cwd);
    db_bind_bytes(st, 8, info->argv, info->argv_len);
    db_bind_string(st, 9, info->capabilities);
    db_bind_int(st, 10, (int64_t)info->started_real_ns);
    rc = db_run(st);
    sqlite3_finalize(st);
    if (rc != SQLITE_OK)
        return rc;
    rec->session = sqlite3_last_insert_rowid(rec->h);
    return add_event(rec, KIND_SESSION_START, info->started_real_ns, 0, NULL);
}

static void
bind_object(sqlite3_stmt *st, int column, const struct object *o)
{
    db_bind_int(st, column, o->exists);
    db_bind_int(st, column + 1, (int64_t)o->dev);
    db_bind_int(st, column + 2, (int64_t)o->ino);
    db_bind_int(st, column + 3, o->mode);
    db_bind_int(st, column + 4, o->uid);
    db_bind_int(st, column + 5, o->gid);
    db_bind_int(st, column + 6, (int64_t)o->size);
    db_bind_int(st, column + 7, (int64_t)o->nlink);
}

static int
insert_request(struct recorder *rec, const struct request *r)
{
    int rc = add_event(rec, KIND_REQUEST, r->raised_real_ns, r->id, NULL);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_stmt *st = statement(rec, RECORD_REQUEST);
    if (!st)
        return sqlite3_extended_errcode(rec->h);
    db_bind_int(st, 1, rec->session);
    db_bind_int(st, 2, (int64_t)r->id);
    db_bind_int(st, 3, (int64_t)rec->seq);
    db_bind_word(st, 4, op_to_string(r->op));
    db_bind_int(st, 5, r->access);
    db_bind_word(st, 6, r->call);
    db_bind_int(st, 7, (int64_t)r->flags);
    db_bind_int(st, 8, r->mode);
    db_bind_int(st, 9, r->pid);
    db_bind_int(st, 10, r->tid);
    db_bind_int(st, 11, (int64_t)r->start_time);
    db_bind_int(st, 12, r->uid);
    db_bind_string(st, 13, r->exe);
    db_bind_bytes(st, 14, r->argv, r->argv_len);
    db_bind_string(st, 15, r->cwd);
    db_bind_string(st, 16, r->ancestry);
    db_bind_string(st, 17, r->target);
    db_bind_string(st, 18, r->resolved);
    db_bind_int(st, 19, (int64_t)r->covered);
    db_bind_string(st, 20, r->nearest);
    db_bind_word(st, 21, reason_to_string(r->why));
    bind_object(st, 22, &r->object);
    db_bind_word(st, 30, risk_to_string(r->risk));
    db_bind_word(st, 31, r->tags);
    db_bind_int(st, 32, (int64_t)r->raised_real_ns);
    db_bind_bytes(st, 33, r->digest, DIGEST_LEN);
    return db_run(st);
}

int
recorder_add_request(struct recorder *rec, const struct request *r)
{
    uint64_t seq = rec->seq;
    int rc = run(rec, RECORD_SAVEPOINT);
    return rc == SQLITE_OK ? settle(rec, seq, insert_request(rec, r)) : rc;
}

static int
insert_decision(struct recorder *rec, const struct decision *d, unsigned count)
{
    int rc = add_event(rec, KIND_DECISION, d->real_ns, d->request, NULL);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_stmt *st = statement(rec, RECORD_DECISION);
    if (!st)
        return sqlite3_extended_errcode(rec->h);
    sqlite3_clear_bindings(st);
    db_bind_int(st, 1, rec->session);
    db_bind_int(st, 2, (int64_t)rec->seq);
    db_bind_int(st, 3, (int64_t)d->request);
    db_bind_word(st, 4, verdict_to_string(d->verdict));
    db_bind_word(st, 5, scope_to_string(d->scope));
    db_bind_word(st, 6, reach_to_string(d->reach));
    db_bind_word(st, 7, decider_to_string(d->by));
    db_bind_word(st, 8, reason_to_string(d->reason));
    if (d->source)
        db_bind_string(st, 9, d->source);
    if (d->note)
        db_bind_string(st, 10, d->note);
    db_bind_int(st, 11, (int64_t)d->real_ns);
    db_bind_int(st, 12, (int64_t)d->waited_ms);
    db_bind_int(st, 13, d->keys_ignored);
    db_bind_int(st, 14, d->error);
    db_bind_int(st, 15, (int64_t)d->for_ns);
    db_bind_int(st, 16, count);
    db_bind_bytes(st, 17, d->digest, DIGEST_LEN);
    return db_run(st);
}

static int
insert_grant(struct recorder *rec, const struct grant *g)
{
    int rc = add_event(rec, KIND_GRANT, g->created_real_ns, g->request, NULL);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_stmt *st = statement(rec, RECORD_GRANT);
    if (!st)
        return sqlite3_extended_errcode(rec->h);
    sqlite3_clear_bindings(st);
    db_bind_int(st, 1, rec->session);
    db_bind_int(st, 2, (int64_t)g->id);
    db_bind_int(st, 3, (int64_t)rec->seq);
    db_bind_int(st, 4, (int64_t)g->request);
    db_bind_word(st, 5, verdict_to_string(g->verdict));
    db_bind_word(st, 6, op_to_string(g->op));
    db_bind_int(st, 7, g->access);
    db_bind_word(st, 8, scope_to_string(g->scope));
    db_bind_word(st, 9, reach_to_string(g->reach));
    db_bind_string(st, 10, g->path);
    db_bind_int(st, 11, (int64_t)g->dev);
    db_bind_int(st, 12, (int64_t)g->ino);
    db_bind_int(st, 13, (int64_t)g->created_real_ns);
    if (g->expires_mono_ns)
        db_bind_int(st, 14, (int64_t)(clock_real_ns() + g->expires_mono_ns - clock_mono_ns()));
    return db_run(st);
}

int
recorder_add_decision(struct recorder *rec, const struct decision *d, const struct grant *g,
                      unsigned count)
{
    uint64_t seq = rec->seq;
    int rc = run(rec, RECORD_SAVEPOINT);
    if (rc != SQLITE_OK)
        return rc;
    rc = insert_decision(rec, d, count);
    if (rc == SQLITE_OK && g)
        rc = insert_grant(rec, g);
    return settle(rec, seq, rc);
}

int
recorder_add_fault(struct recorder *rec, uint64_t real_ns, const char *text)
{
    return add_event(rec, KIND_FAULT, real_ns, 0, text);
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
    int rc = add_event(rec, KIND_SESSION_END, real_ns, 0, text);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_stmt *st = statement(rec, RECORD_END);
    if (!st)
        return sqlite3_extended_errcode(rec->h);
    db_bind_int(st, 1, rec->session);
    db_bind_int(st, 2, (int64_t)real_ns);
    db_bind_int(st, 3, wait_status);
    return db_run(st);
}

void
recorder_done(struct recorder *rec)
{
    for (int i = 0; i < _RECORD_MAX; i++)
        sqlite3_finalize(rec->stmt[i]);
    memset(rec->stmt, 0, sizeof rec->stmt);
}
