// SPDX-License-Identifier: Apache-2.0
// Narrow reads for figures: a million rows within a second.
#include <string.h>

#include "db.h"
#include "query_internal.h"
#include "remember.h"
#include "util.h"

static int
each_decided(struct reader *r, const struct event_filter *f, bool repeats, decided_fn fn, void *ctx,
             struct err *err)
{
    cleanup_free char *sql =
        repeats ? filter_decisions(f,
                                   "r.exe, r.resolved, r.op, d.verdict, d.by, d.decided_ns,"
                                   " d.waited_ms, c.n",
                                   FILTER_FROM_REPEATS)
                : filter_decisions(f,
                                   "r.exe, r.resolved, r.op, d.verdict, d.by, d.decided_ns,"
                                   " d.waited_ms, d.count",
                                   FILTER_FROM_ALL);
    sqlite3_stmt *st = NULL;
    int ret = 0, rc = reader_prepare(r, sql, &st);
    if (rc == SQLITE_OK)
        filter_bind(st, f);
    r->filter = f;
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(st);
        if (rc != SQLITE_ROW || ret)
            break;
        const struct decided_row row = {
            .exe = column_string(st, 0),
            .resolved = column_string(st, 1),
            .op = op_from_string(column_string(st, 2)),
            .verdict = verdict_from_string(column_string(st, 3)),
            .by = decider_from_string(column_string(st, 4)),
            .decided_ns = column_u64(st, 5),
            .waited_ms = sqlite3_column_int64(st, 6),
            .count = column_u64(st, 7),
            .repeats = repeats,
        };
        ret = fn(ctx, &row);
    }
    r->filter = NULL;
    return reader_finish(r, st, rc, ret, err);
}

int
reader_decided(struct reader *r, const struct event_filter *f, decided_fn fn, void *ctx,
               struct err *err)
{
    int ret = each_decided(r, f, false, fn, ctx, err);
    return ret ? ret : each_decided(r, f, true, fn, ctx, err);
}

static int
each_grant(struct reader *r, const struct event_filter *f, granted_fn fn, void *ctx,
           struct err *err)
{
    cleanup_buf struct buf b = {0};
    buf_puts(&b, "SELECT s.id, g.path, g.id, g.request, g.created_ns, coalesce((SELECT sum(c.n)"
                 " FROM access_count c WHERE c.session = g.session AND c.what = 'grant'"
                 " AND c.request = g.id), 0), g.verdict, g.op, g.scope, g.reach"
                 " FROM granted g JOIN session s ON s.nr = g.session WHERE 1");
    if (f->since_ns)
        buf_puts(&b, " AND g.created_ns >= ?1");
    if (f->until_ns)
        buf_puts(&b, " AND g.created_ns < ?2");
    filter_put_sessions(&b, f, "g.session");
    sqlite3_stmt *st = NULL;
    int ret = 0, rc = reader_prepare(r, buf_str(&b), &st);
    if (rc == SQLITE_OK)
        filter_bind(st, f);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(st);
        if (rc != SQLITE_ROW || ret)
            break;
        const struct granted_row row = {
            .session = column_string(st, 0),
            .path = column_string(st, 1),
            .id = column_u64(st, 2),
            .request = column_u64(st, 3),
            .created_ns = column_u64(st, 4),
            .uses = column_u64(st, 5),
            .verdict = verdict_from_string(column_string(st, 6)),
            .op = op_from_string(column_string(st, 7)),
            .scope = scope_from_string(column_string(st, 8)),
            .reach = reach_from_string(column_string(st, 9)),
        };
        ret = fn(ctx, &row);
    }
    return reader_finish(r, st, rc, ret, err);
}

// What is in row is that session's; the rest stays unknown when the session it is from is not here.
static int
tell_remembered(sqlite3_stmt *st, struct granted_row *row, granted_fn fn, void *ctx)
{
    sqlite3_bind_text(st, 1, row->origin, -1, SQLITE_STATIC);
    sqlite3_bind_int64(st, 2, (int64_t)row->origin_id);
    row->verdict = _VERDICT_INVALID;
    row->op = _OP_INVALID;
    row->reach = _REACH_INVALID;
    if (sqlite3_step(st) == SQLITE_ROW) {
        row->path = column_string(st, 0);
        row->request = column_u64(st, 1);
        row->created_ns = column_u64(st, 2);
        row->verdict = verdict_from_string(column_string(st, 3));
        row->op = op_from_string(column_string(st, 4));
        row->reach = reach_from_string(column_string(st, 5));
    }
    int ret = fn(ctx, row);
    sqlite3_reset(st);
    return ret;
}

static int
each_remembered(struct reader *r, const struct event_filter *f, granted_fn fn, void *ctx,
                struct err *err)
{
    cleanup_buf struct buf b = {0};
    buf_puts(&b, "SELECT s.id, e.text, c.request, sum(c.n) FROM session s CROSS JOIN event e"
                 " ON e.session = s.nr AND e.seq = 1 AND e.text IS NOT NULL"
                 " CROSS JOIN access_count c ON c.session = s.nr AND c.what = 'grant' WHERE 1");
    if (f->since_ns)
        buf_puts(&b, " AND c.last_ns >= ?1");
    if (f->until_ns)
        buf_puts(&b, " AND c.first_ns < ?2");
    filter_put_sessions(&b, f, "s.nr");
    buf_puts(&b, " GROUP BY s.nr, c.request");
    sqlite3_stmt *st = NULL, *origin = NULL;
    int ret = 0, rc = reader_prepare(r, buf_str(&b), &st);
    if (rc == SQLITE_OK)
        rc = reader_prepare(r,
                            "SELECT g.path, g.request, g.created_ns, g.verdict, g.op, g.reach"
                            " FROM session s JOIN granted g ON g.session = s.nr"
                            " WHERE s.id = ?1 AND g.id = ?2",
                            &origin);
    if (rc == SQLITE_OK)
        filter_bind(st, f);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        char session[REMEMBERED_SESSION_MAX];
        rc = sqlite3_step(st);
        if (rc != SQLITE_ROW || ret)
            break;
        struct granted_row row = {
            .session = column_string(st, 0),
            .origin = session,
            .id = column_u64(st, 2),
            .uses = column_u64(st, 3),
            .scope = SCOPE_ALWAYS,
        };
        if (remembered_find_name(column_string(st, 1), row.id, session, &row.origin_id))
            ret = tell_remembered(origin, &row, fn, ctx);
    }
    sqlite3_finalize(origin);
    return reader_finish(r, st, rc, ret, err);
}

int
reader_granted(struct reader *r, const struct event_filter *f, granted_fn fn, void *ctx,
               struct err *err)
{
    int ret = each_grant(r, f, fn, ctx, err);
    return ret ? ret : each_remembered(r, f, fn, ctx, err);
}

uint64_t
reader_last_seq(struct reader *r, const char *id)
{
    sqlite3_stmt *st = NULL;
    uint64_t seq = 0;
    if (sqlite3_prepare_v2(r->h,
                           "SELECT max(e.seq) FROM event e WHERE e.session ="
                           " (SELECT nr FROM session WHERE id = ?1)",
                           -1, &st, NULL) == SQLITE_OK &&
        sqlite3_bind_text(st, 1, id, -1, SQLITE_STATIC) == SQLITE_OK &&
        sqlite3_step(st) == SQLITE_ROW)
        seq = column_u64(st, 0);
    sqlite3_finalize(st);
    return seq;
}

int64_t
reader_version(struct reader *r)
{
    int64_t version = -1;
    db_read_int(r->h, "PRAGMA data_version", &version);
    return version;
}
