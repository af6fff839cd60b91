// SPDX-License-Identifier: Apache-2.0
#include "query.h"

#include <errno.h>
#include <string.h>

#include "db.h"
#include "query_internal.h"
#include "schema.h"
#include "util.h"

#define NULL_ENDPOINT                                                                              \
    "NULL AS family, NULL AS socktype, NULL AS port, NULL AS addr, NULL AS scope_id,"              \
    " NULL AS abstract, NULL AS loopback, NULL AS host"

// Names of a WITH clause hide tables.
static const char old_tables[] =
    "WITH request AS (SELECT *, NULL AS target2, NULL AS resolved2, NULL AS object2_exists,"
    " NULL AS dev2, NULL AS ino2, NULL AS object2_mode, NULL AS object2_uid, NULL AS object2_gid,"
    " NULL AS size2, NULL AS nlink2, NULL AS detail, NULL AS interpreter, NULL AS sha256,"
    " NULL AS exe_sha256,"
    " " NULL_ENDPOINT " FROM main.request),"
    " granted AS (SELECT *, NULL AS exe, " NULL_ENDPOINT " FROM main.granted),"
    " session AS (SELECT *, NULL AS profile, NULL AS capabilities_digest, NULL AS policy_digest"
    " FROM main.session),"
    " content AS (SELECT NULL AS digest, NULL AS bytes WHERE 0),"
    " network AS (SELECT NULL AS session, NULL AS seq, NULL AS request, NULL AS mode,"
    " NULL AS decision, NULL AS category, NULL AS target, NULL AS reason, NULL AS pid,"
    " NULL AS exe, " NULL_ENDPOINT " WHERE 0),"
    " terminal AS (SELECT NULL AS session, NULL AS chunk, NULL AS first_ns, NULL AS last_ns,"
    " NULL AS rows, NULL AS columns, NULL AS data WHERE 0),"
    " revocation AS (SELECT NULL AS session, NULL AS seq, NULL AS granted, NULL AS source,"
    " NULL AS note WHERE 0) ";

int
reader_open(const char *path, struct reader **ret_r, struct err *err)
{
    sqlite3 *h = NULL;
    int r = db_open_read(path, &h, err);
    if (r < 0)
        return r;
    struct reader *reader = xcalloc(1, sizeof *reader);
    reader->h = h;
    reader->path = xstrdup(path);
    int64_t version = 0;
    int rc = filter_define(reader);
    if (rc == SQLITE_OK && db_read_int(h, "PRAGMA user_version", &version) < 0)
        rc = sqlite3_errcode(h);
    // Scans of large records are twice as fast; SQLite does without where it can't be had.
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(h, "PRAGMA mmap_size=2147418112", NULL, NULL, NULL);
    reader->old = version < 2 ? old_tables : version < 3 ? SCHEMA_V2_TABLES : NULL;
    if (rc != SQLITE_OK) {
        r = db_fail(h, rc, path, err);
        reader_close(reader);
        return r;
    }
    *ret_r = reader;
    return 0;
}

struct reader *
reader_close(struct reader *r)
{
    if (!r)
        return NULL;
    sqlite3_finalize(r->event);
    sqlite3_finalize(r->request);
    db_close(r->h);
    free(r->path);
    free(r);
    return NULL;
}

void
reader_interrupt(struct reader *r)
{
    sqlite3_interrupt(r->h);
}

int
reader_prepare(struct reader *r, const char *sql, sqlite3_stmt **ret_st)
{
    cleanup_free char *text = r->old ? xasprintf("%s%s", r->old, sql) : NULL;
    return sqlite3_prepare_v3(r->h, text ? text : sql, -1, 0, ret_st, NULL);
}

const char *
column_string(sqlite3_stmt *st, int column)
{
    return (const char *)sqlite3_column_text(st, column);
}

uint64_t
column_u64(sqlite3_stmt *st, int column)
{
    return (uint64_t)sqlite3_column_int64(st, column);
}

#define OR_EMPTY(s) ((s) ? (s) : "")

static const char sessions_sql[] =
    "SELECT s.id, s.name, s.cwd, s.argv, s.pid, s.start_time, s.boot_id, s.uid, s.started_ns,"
    " s.ended_ns, s.wait_status FROM session s ORDER BY s.nr";

static void
read_session(sqlite3_stmt *st, struct session_row *ret_row)
{
    *ret_row = (struct session_row){
        .id = OR_EMPTY(column_string(st, 0)),
        .name = OR_EMPTY(column_string(st, 1)),
        .cwd = OR_EMPTY(column_string(st, 2)),
        .argv = OR_EMPTY(column_string(st, 3)),
        .argv_len = (size_t)sqlite3_column_bytes(st, 3),
        .pid = (pid_t)sqlite3_column_int64(st, 4),
        .start_time = column_u64(st, 5),
        .boot_id = OR_EMPTY(column_string(st, 6)),
        .uid = (uint32_t)sqlite3_column_int64(st, 7),
        .started_ns = column_u64(st, 8),
        .ended_ns = column_u64(st, 9),
        .wait_status = (int)sqlite3_column_int64(st, 10),
    };
}

int
reader_finish(struct reader *r, sqlite3_stmt *st, int rc, int ret, struct err *err)
{
    sqlite3_finalize(st);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? ret : db_fail(r->h, rc, r->path, err);
}

int
reader_sessions(struct reader *r, session_fn fn, void *ctx, struct err *err)
{
    sqlite3_stmt *st = NULL;
    int ret = 0, rc = reader_prepare(r, sessions_sql, &st);
    if (rc != SQLITE_OK)
        return reader_finish(r, st, rc, 0, err);
    while (ret == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct session_row row;
        read_session(st, &row);
        ret = fn(ctx, &row);
    }
    return reader_finish(r, st, rc, ret, err);
}

enum event_column {
    C_SEQ,
    C_SESSION,
    C_KIND,
    C_REAL_NS,
    C_REQUEST,
    C_OP,
    C_TARGET,
    C_RESOLVED,
    C_EXE,
    C_CWD,
    C_ARGV,
    C_ANCESTRY,
    C_TAGS,
    C_SOURCE,
    C_NOTE,
    C_TEXT,
    C_ACCESS,
    C_PID,
    C_VERDICT,
    C_SCOPE,
    C_REACH,
    C_BY,
    C_REASON,
    C_RISK,
    C_WAITED_MS,
    C_ERROR,
    C_COUNT,
    C_LAST_NS,
    C_DECIDED,
    C_TARGET2,
    C_RESOLVED2,
    C_DETAIL,
    C_INTERPRETER,
    C_HOST,
    C_FAMILY,
    C_PORT,
    C_ABSTRACT,
    C_NET_DECISION,
    C_CATEGORY,
    C_GRANTED,
    C_SHA256,
    C_EXE_SHA256,
    C_ADDR,
    C_ONLY_EXE,
    C_KEYS_IGNORED,
};

// Repeats of a decision are what was refused the same way and what its grants answered. (As one
// query with OR they would be looked for in the whole session.)
#define REFUSED(aggregate)                                                                         \
    "coalesce((SELECT " aggregate " FROM access_count c WHERE c.session = e.session AND"           \
    " c.what = 'refused' AND c.request = e.request), 0)"
#define GRANTED(aggregate)                                                                         \
    "coalesce((SELECT " aggregate " FROM granted g2 CROSS JOIN access_count c"                     \
    " ON c.session = g2.session AND c.what = 'grant' AND c.request = g2.id"                        \
    " WHERE g2.session = e.session AND g2.request = e.request), 0)"
#define USES(aggregate)                                                                            \
    "coalesce((SELECT " aggregate " FROM access_count c WHERE c.session = e.session AND"           \
    " c.what = 'grant' AND c.request = g.id), 0)"
#define DECIDED                                                                                    \
    "EXISTS(SELECT 1 FROM decision d2 WHERE d2.session = e.session AND d2.request = e.request)"

// clang-format off
static const char events_select[] =
    "SELECT e.seq, s.id, e.kind, e.real_ns, e.request,"
    " coalesce(g.op, r.op, n.mode), coalesce(n.target, r.target), coalesce(g.path, r.resolved),"
    " coalesce(r.exe, n.exe),"
    " CASE e.kind WHEN 'session_start' THEN s.cwd ELSE r.cwd END,"
    " CASE e.kind WHEN 'session_start' THEN s.argv ELSE r.argv END, r.ancestry,"
    " r.tags, coalesce(d.source, v.source), coalesce(d.note, v.note), e.text,"
    " coalesce(g.access, r.access),"
    " CASE e.kind WHEN 'session_start' THEN s.pid ELSE coalesce(r.pid, n.pid) END,"
    " coalesce(d.verdict, g.verdict), coalesce(d.scope, g.scope), coalesce(d.reach, g.reach),"
    " d.by, coalesce(d.reason, n.reason), r.risk, d.waited_ms, d.error,"
    " CASE e.kind WHEN 'decision' THEN d.count + " REFUSED("sum(c.n)") " + " GRANTED("sum(c.n)")
    " WHEN 'grant' THEN " USES("sum(c.n)") " ELSE 0 END,"
    " CASE e.kind WHEN 'decision' THEN"
    " max(" REFUSED("max(c.last_ns)") ", " GRANTED("max(c.last_ns)") ")"
    " WHEN 'grant' THEN " USES("max(c.last_ns)") " END,"
    " e.kind = 'request' AND " DECIDED ","
    " r.target2, r.resolved2, r.detail, r.interpreter, coalesce(n.host, r.host),"
    " coalesce(n.family, r.family), coalesce(n.port, r.port), coalesce(n.abstract, r.abstract),"
    " n.decision, n.category, coalesce(g.id, v.granted), r.sha256,"
    " r.exe_sha256,"
    " coalesce(n.addr, r.addr),"
    // Found by the index that covers its key: otherwise SQLite goes through all of the session.
    " coalesce(g.exe, CASE e.kind WHEN 'decision' THEN (SELECT g3.exe FROM granted g2"
    " CROSS JOIN granted g3 ON g3.session = g2.session AND g3.id = g2.id"
    " WHERE g2.session = e.session AND g2.request = e.request) END), d.keys_ignored"
    " FROM event e JOIN session s ON s.nr = e.session"
    " LEFT JOIN request r ON r.session = e.session AND r.id = e.request"
    " LEFT JOIN decision d ON e.kind = 'decision' AND d.session = e.session AND d.seq = e.seq"
    " LEFT JOIN granted g ON e.kind = 'grant' AND g.session = e.session AND g.seq = e.seq"
    " LEFT JOIN network n ON e.kind = 'network' AND n.session = e.session AND n.seq = e.seq"
    " LEFT JOIN revocation v ON e.kind = 'revoke' AND v.session = e.session AND v.seq = e.seq";
// clang-format on

static int
number_or(sqlite3_stmt *st, int column, int absent)
{
    return sqlite3_column_type(st, column) == SQLITE_NULL ? absent : sqlite3_column_int(st, column);
}

static void
read_event(sqlite3_stmt *st, struct event_row *ret_row)
{
    *ret_row = (struct event_row){
        .seq = column_u64(st, C_SEQ),
        .session = OR_EMPTY(column_string(st, C_SESSION)),
        .kind = kind_from_string(column_string(st, C_KIND)),
        .real_ns = column_u64(st, C_REAL_NS),
        .request = column_u64(st, C_REQUEST),
        .op = op_from_string(column_string(st, C_OP)),
        .target = column_string(st, C_TARGET),
        .resolved = column_string(st, C_RESOLVED),
        .exe = column_string(st, C_EXE),
        .only_exe = column_string(st, C_ONLY_EXE),
        .cwd = column_string(st, C_CWD),
        .argv = column_string(st, C_ARGV),
        .argv_len = (size_t)sqlite3_column_bytes(st, C_ARGV),
        .ancestry = column_string(st, C_ANCESTRY),
        .tags = column_string(st, C_TAGS),
        .source = column_string(st, C_SOURCE),
        .note = column_string(st, C_NOTE),
        .text = column_string(st, C_TEXT),
        .access = (unsigned)sqlite3_column_int(st, C_ACCESS) & (ACCESS_READ | ACCESS_WRITE),
        .pid = number_or(st, C_PID, -1),
        .verdict = verdict_from_string(column_string(st, C_VERDICT)),
        .scope = scope_from_string(column_string(st, C_SCOPE)),
        .reach = reach_from_string(column_string(st, C_REACH)),
        .by = decider_from_string(column_string(st, C_BY)),
        .reason = reason_from_string(column_string(st, C_REASON)),
        .risk = risk_from_string(column_string(st, C_RISK)),
        .waited_ms = sqlite3_column_type(st, C_WAITED_MS) == SQLITE_NULL
                         ? -1
                         : sqlite3_column_int64(st, C_WAITED_MS),
        .keys_ignored = sqlite3_column_int64(st, C_KEYS_IGNORED),
        .error = number_or(st, C_ERROR, -1),
        .count = column_u64(st, C_COUNT),
        .last_ns = column_u64(st, C_LAST_NS),
        .decided = sqlite3_column_int(st, C_DECIDED) != 0,
        .target2 = column_string(st, C_TARGET2),
        .resolved2 = column_string(st, C_RESOLVED2),
        .detail = column_string(st, C_DETAIL),
        .interpreter = column_string(st, C_INTERPRETER),
        .host = column_string(st, C_HOST),
        .family = number_or(st, C_FAMILY, -1),
        .port = number_or(st, C_PORT, -1),
        .abstract = sqlite3_column_int(st, C_ABSTRACT) != 0,
        .net_decision = net_decision_from_string(column_string(st, C_NET_DECISION)),
        .category = net_category_from_string(column_string(st, C_CATEGORY)),
        .granted = column_u64(st, C_GRANTED),
        .sha256 = sqlite3_column_bytes(st, C_SHA256) == SHA256_LEN
                      ? sqlite3_column_blob(st, C_SHA256)
                      : NULL,
        .exe_sha256 = sqlite3_column_bytes(st, C_EXE_SHA256) == SHA256_LEN
                          ? sqlite3_column_blob(st, C_EXE_SHA256)
                          : NULL,
        .addr = sqlite3_column_blob(st, C_ADDR),
        .addr_len = (size_t)sqlite3_column_bytes(st, C_ADDR),
    };
}

static int
each_row(struct reader *r, sqlite3_stmt *st, event_fn fn, void *ctx, int *ret_rc)
{
    int ret = 0, rc = SQLITE_DONE;
    while (ret == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct event_row row;
        read_event(st, &row);
        ret = fn(ctx, &row);
    }
    *ret_rc = ret ? SQLITE_ROW : rc;
    return ret;
}

// Nothing is filtered by but sessions: row by row as they lie.
static int
stream(struct reader *r, const struct event_filter *f, event_fn fn, void *ctx, struct err *err)
{
    cleanup_buf struct buf b = {0};
    const char *direction = f->reverse ? " DESC" : "";
    sqlite3_stmt *st = NULL;
    buf_puts(&b, events_select);
    buf_puts(&b, " WHERE 1");
    filter_put_sessions(&b, f, "e.session");
    if (f->outcomes)
        buf_puts(&b, " AND (e.kind IN ('decision', 'fault')"
                     " OR e.kind = 'request' AND NOT " DECIDED ")");
    buf_printf(&b, " ORDER BY e.session%s, e.seq%s", direction, direction);
    int ret = 0, rc = reader_prepare(r, buf_str(&b), &st);
    if (rc == SQLITE_OK) {
        filter_bind(st, f);
        ret = each_row(r, st, fn, ctx, &rc);
    }
    return reader_finish(r, st, rc, ret, err);
}

struct keys {
    struct event_key *list;
    size_t n, room;
};

static int
collect(struct reader *r, const struct event_filter *f, const char *sql, struct keys *keys,
        struct err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = reader_prepare(r, sql, &st);
    bool told = rc == SQLITE_OK && sqlite3_column_count(st) > 3;
    if (rc == SQLITE_OK)
        filter_bind(st, f);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(st);
        if (rc != SQLITE_ROW)
            break;
        if (keys->n == keys->room) {
            keys->room = keys->room ? keys->room * 2 : 256;
            keys->list = xrealloc(keys->list, keys->room * sizeof *keys->list);
        }
        keys->list[keys->n++] = (struct event_key){
            .real_ns = column_u64(st, 0),
            .seq = column_u64(st, 1),
            .session = sqlite3_column_int64(st, 2),
            .kind = told ? kind_from_string(column_string(st, 3)) : _KIND_INVALID,
            .request = told ? column_u64(st, 4) : 0,
        };
    }
    return reader_finish(r, st, rc, 0, err);
}

int
event_key_compare(const void *a, const void *b)
{
    const struct event_key *x = a, *y = b;
    if (x->real_ns != y->real_ns)
        return x->real_ns < y->real_ns ? -1 : 1;
    if (x->reader != y->reader)
        return x->reader < y->reader ? -1 : 1;
    if (x->session != y->session)
        return x->session < y->session ? -1 : 1;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int
by_session(const void *a, const void *b)
{
    const struct event_key *x = a, *y = b;
    if (x->session != y->session)
        return x->session < y->session ? -1 : 1;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

size_t
event_keys_sort(struct event_key *keys, size_t n, const struct event_filter *f)
{
    if (n)
        qsort(keys, n, sizeof *keys, event_key_compare);
    // Two arms may have found one event.
    size_t kept = n ? 1 : 0;
    for (size_t i = 1; i < n; i++)
        if (event_key_compare(&keys[i], &keys[kept - 1]) != 0)
            keys[kept++] = keys[i];
    n = kept;
    if (f->limit && n > f->limit) {
        memmove(keys, keys + (n - f->limit), f->limit * sizeof *keys);
        n = f->limit;
    }
    if (n && !f->by_time)
        qsort(keys, n, sizeof *keys, by_session);
    for (size_t i = 0; f->reverse && i < n / 2; i++) {
        struct event_key swap = keys[i];
        keys[i] = keys[n - 1 - i];
        keys[n - 1 - i] = swap;
    }
    return n;
}

int
reader_keys(struct reader *r, const struct event_filter *f, struct event_key **ret_keys,
            size_t *ret_n, struct err *err)
{
    char *arms[FILTER_ARMS_MAX];
    struct keys keys = {0};
    int ret = 0;
    filter_arms(f, arms);
    r->filter = f;
    for (size_t i = 0; arms[i]; i++) {
        if (ret == 0)
            ret = collect(r, f, arms[i], &keys, err);
        free(arms[i]);
    }
    r->filter = NULL;
    if (ret < 0) {
        free(keys.list);
        return ret;
    }
    *ret_n = event_keys_sort(keys.list, keys.n, f);
    *ret_keys = keys.list;
    return 0;
}

int
reader_event(struct reader *r, const struct event_key *key, event_fn fn, void *ctx, struct err *err)
{
    int rc = SQLITE_OK;
    if (!r->event) {
        cleanup_free char *sql = xasprintf("%s WHERE e.session = ?1 AND e.seq = ?2", events_select);
        rc = reader_prepare(r, sql, &r->event);
    }
    if (rc != SQLITE_OK)
        return db_fail(r->h, rc, r->path, err);
    sqlite3_bind_int64(r->event, 1, key->session);
    sqlite3_bind_int64(r->event, 2, (int64_t)key->seq);
    int ret = each_row(r, r->event, fn, ctx, &rc);
    sqlite3_reset(r->event);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? ret : db_fail(r->h, rc, r->path, err);
}

int
reader_events(struct reader *r, const struct event_filter *f, event_fn fn, void *ctx,
              struct err *err)
{
    if (filter_is_plain(f))
        return stream(r, f, fn, ctx, err);
    cleanup_free struct event_key *keys = NULL;
    size_t n = 0;
    int ret = reader_keys(r, f, &keys, &n, err);
    for (size_t i = 0; i < n && ret == 0; i++)
        ret = reader_event(r, &keys[i], fn, ctx, err);
    return ret;
}
