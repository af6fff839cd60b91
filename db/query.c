// SPDX-License-Identifier: Apache-2.0
#include "query.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "buf.h"
#include "db.h"
#include "util.h"

struct reader {
    sqlite3 *h;
    char *path;
};

bool
path_matches(const char *glob, const char *path)
{
    if (fnmatch(glob, path, 0) == 0)
        return true;
    if (!strchr(glob, '/')) {
        const char *leaf = strrchr(path, '/');
        return leaf && fnmatch(glob, leaf + 1, 0) == 0;
    }
    size_t n = strlen(glob);
    while (n > 1 && glob[n - 1] == '/')
        n--;
    return !strpbrk(glob, "*?[\\") && strncmp(glob, path, n) == 0 &&
           (path[n] == 0 || path[n] == '/' || n == 1);
}

static void
sql_path_matches(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    const char *glob = (const char *)sqlite3_value_text(argv[0]);
    bool found = false;
    for (int i = 1; i < argc && glob && !found; i++) {
        const char *path = (const char *)sqlite3_value_text(argv[i]);
        found = path && path_matches(glob, path);
    }
    sqlite3_result_int(ctx, found);
}

int
reader_open(const char *path, struct reader **ret_r, struct err *err)
{
    sqlite3 *h = NULL;
    int r = db_open_read(path, &h, err);
    if (r < 0)
        return r;
    int rc = sqlite3_create_function_v2(h, "path_matches", 3, SQLITE_UTF8 | SQLITE_DIRECTONLY, NULL,
                                        sql_path_matches, NULL, NULL, NULL);
    if (rc != SQLITE_OK) {
        r = db_fail(h, rc, path, err);
        db_close(h);
        return r;
    }
    struct reader *reader = xcalloc(1, sizeof *reader);
    reader->h = h;
    reader->path = xstrdup(path);
    *ret_r = reader;
    return 0;
}

struct reader *
reader_close(struct reader *r)
{
    if (!r)
        return NULL;
    db_close(r->h);
    free(r->path);
    free(r);
    return NULL;
}

static const char *
column_string(sqlite3_stmt *st, int column)
{
    return (const char *)sqlite3_column_text(st, column);
}

static uint64_t
column_u64(sqlite3_stmt *st, int column)
{
    return (uint64_t)sqlite3_column_int64(st, column);
}

#define OR_EMPTY(s) ((s) ? (s) : "")

static const char sessions_sql[] =
    "SELECT s.id, s.name, s.cwd, s.argv, s.pid, s.start_time, s.boot_id, s.uid, s.started_ns,"
    " s.ended_ns, s.wait_status,"
    " (SELECT count(*) FROM request r WHERE r.session = s.nr),"
    " coalesce((SELECT sum(d.count) FROM decision d WHERE d.session = s.nr"
    "   AND d.verdict = 'allow'), 0)"
    " + coalesce((SELECT sum(c.n) FROM access_count c JOIN granted g ON g.session = c.session"
    "   AND g.id = c.request WHERE c.session = s.nr AND c.what = 'grant'"
    "   AND g.verdict = 'allow'), 0),"
    " coalesce((SELECT sum(d.count) FROM decision d WHERE d.session = s.nr"
    "   AND d.verdict IN ('deny', 'expired')), 0)"
    " + coalesce((SELECT sum(c.n) FROM access_count c JOIN granted g ON g.session = c.session"
    "   AND g.id = c.request WHERE c.session = s.nr AND c.what = 'grant'"
    "   AND g.verdict = 'deny'), 0)"
    " + coalesce((SELECT sum(c.n) FROM access_count c WHERE c.session = s.nr"
    "   AND c.what = 'refused'), 0),"
    " coalesce((SELECT sum(c.n) FROM access_count c WHERE c.session = s.nr"
    "   AND c.what = 'floor'), 0),"
    " (SELECT count(*) FROM request r WHERE r.session = s.nr AND NOT EXISTS("
    "   SELECT 1 FROM decision d WHERE d.session = r.session AND d.request = r.id))"
    " FROM session s ORDER BY s.nr";

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
        .asked = column_u64(st, 11),
        .allowed = column_u64(st, 12),
        .refused = column_u64(st, 13),
        .floor = column_u64(st, 14),
        .waiting = column_u64(st, 15),
    };
}

// Ends a loop of steps: rc is the last result, ret what the callback said.
static int
finish(struct reader *r, sqlite3_stmt *st, int rc, int ret, struct err *err)
{
    sqlite3_finalize(st);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? ret : db_fail(r->h, rc, r->path, err);
}

int
reader_sessions(struct reader *r, session_fn fn, void *ctx, struct err *err)
{
    sqlite3_stmt *st = NULL;
    int ret = 0, rc = sqlite3_prepare_v2(r->h, sessions_sql, -1, &st, NULL);
    if (rc != SQLITE_OK)
        return finish(r, st, rc, 0, err);
    while (ret == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct session_row row;
        read_session(st, &row);
        ret = fn(ctx, &row);
    }
    return finish(r, st, rc, ret, err);
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
};

// Repeats of a decision are what was refused the same way and what its grants answered.
#define REPEATS(aggregate)                                                                         \
    "(SELECT " aggregate " FROM access_count c WHERE c.session = e.session AND"                    \
    " (c.what = 'refused' AND c.request = e.request OR c.what = 'grant' AND c.request IN ("        \
    "SELECT g2.id FROM granted g2 WHERE g2.session = e.session AND g2.request = e.request)))"
#define USES(aggregate)                                                                            \
    "(SELECT " aggregate " FROM access_count c WHERE c.session = e.session AND"                    \
    " c.what = 'grant' AND c.request = g.id)"
#define DECIDED                                                                                    \
    "EXISTS(SELECT 1 FROM decision d2 WHERE d2.session = e.session AND d2.request = e.request)"

// clang-format off
static const char events_select[] =
    "SELECT e.seq AS seq, s.id, e.kind, e.real_ns AS real_ns, e.request,"
    " coalesce(g.op, r.op), r.target, coalesce(g.path, r.resolved), r.exe,"
    " CASE e.kind WHEN 'session_start' THEN s.cwd ELSE r.cwd END,"
    " CASE e.kind WHEN 'session_start' THEN s.argv ELSE r.argv END,"
    " r.tags, d.source, d.note, e.text, coalesce(g.access, r.access),"
    " CASE e.kind WHEN 'session_start' THEN s.pid ELSE r.pid END,"
    " coalesce(d.verdict, g.verdict), coalesce(d.scope, g.scope), coalesce(d.reach, g.reach),"
    " d.by, d.reason, r.risk, d.waited_ms, d.error,"
    " CASE e.kind WHEN 'decision' THEN d.count + coalesce(" REPEATS("sum(c.n)") ", 0)"
    " WHEN 'grant' THEN coalesce(" USES("sum(c.n)") ", 0) ELSE 0 END,"
    " CASE e.kind WHEN 'decision' THEN " REPEATS("max(c.last_ns)")
    " WHEN 'grant' THEN " USES("max(c.last_ns)") " END,"
    " e.kind = 'request' AND " DECIDED ","
    " e.session AS nr"
    " FROM event e JOIN session s ON s.nr = e.session"
    " LEFT JOIN request r ON r.session = e.session AND r.id = e.request"
    " LEFT JOIN decision d ON d.session = e.session AND d.seq = e.seq"
    " LEFT JOIN granted g ON g.session = e.session AND g.seq = e.seq WHERE 1";
// clang-format on

enum { P_GLOB = 2, P_SINCE, P_UNTIL, P_LIMIT, P_SESSION };

static char *
events_sql(const struct event_filter *f)
{
    struct buf b = {0};
    const char *direction = f->reverse ? " DESC" : "";
    bool newest = f->newest && f->limit;
    if (newest)
        buf_puts(&b, "SELECT * FROM (");
    buf_puts(&b, events_select);
    if (f->sessions) {
        buf_puts(&b, " AND s.id IN (''");
        for (int i = 0; f->sessions[i]; i++)
            buf_printf(&b, ", ?%d", P_SESSION + i);
        buf_puts(&b, ")");
    }
    if (f->path_glob)
        buf_puts(&b, " AND path_matches(?2, r.target, coalesce(g.path, r.resolved))");
    if (f->since_ns)
        buf_puts(&b, " AND e.real_ns >= ?3");
    if (f->until_ns)
        buf_puts(&b, " AND e.real_ns < ?4");
    if (f->outcomes)
        buf_puts(&b, " AND (e.kind IN ('decision', 'fault')"
                     " OR e.kind = 'request' AND NOT " DECIDED ")");
    if (f->verdicts) {
        buf_puts(&b, " AND coalesce(d.verdict, g.verdict) IN (''");
        for (int v = 0; v < _VERDICT_MAX; v++) {
            if (f->verdicts & 1u << v)
                buf_printf(&b, ", '%s'", verdict_to_string((enum verdict)v));
        }
        buf_puts(&b, ")");
    }
    if (newest)
        buf_puts(&b, " ORDER BY e.real_ns DESC, e.session DESC, e.seq DESC LIMIT ?5)");
    buf_printf(&b, " ORDER BY nr%s, seq%s", direction, direction);
    if (f->limit && !newest)
        buf_puts(&b, " LIMIT ?5");
    return buf_steal(&b);
}

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
        .cwd = column_string(st, C_CWD),
        .argv = column_string(st, C_ARGV),
        .argv_len = (size_t)sqlite3_column_bytes(st, C_ARGV),
        .tags = column_string(st, C_TAGS),
        .source = column_string(st, C_SOURCE),
        .note = column_string(st, C_NOTE),
        .text = column_string(st, C_TEXT),
        .access = (unsigned)sqlite3_column_int(st, C_ACCESS),
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
        .error = number_or(st, C_ERROR, -1),
        .count = column_u64(st, C_COUNT),
        .last_ns = column_u64(st, C_LAST_NS),
        .decided = sqlite3_column_int(st, C_DECIDED) != 0,
    };
}

int
reader_events(struct reader *r, const struct event_filter *f, event_fn fn, void *ctx,
              struct err *err)
{
    cleanup_free char *sql = events_sql(f);
    sqlite3_stmt *st = NULL;
    int ret = 0, rc = sqlite3_prepare_v2(r->h, sql, -1, &st, NULL);
    if (rc != SQLITE_OK)
        return finish(r, st, rc, 0, err);
    // A parameter that the filter left out of the text is out of range, which is harmless.
    for (int i = 0; f->sessions && f->sessions[i]; i++)
        sqlite3_bind_text(st, P_SESSION + i, f->sessions[i], -1, SQLITE_STATIC);
    if (f->path_glob)
        sqlite3_bind_text(st, P_GLOB, f->path_glob, -1, SQLITE_STATIC);
    sqlite3_bind_int64(st, P_SINCE, (int64_t)f->since_ns);
    sqlite3_bind_int64(st, P_UNTIL, (int64_t)f->until_ns);
    sqlite3_bind_int64(st, P_LIMIT, (int64_t)f->limit);
    while (ret == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct event_row row;
        read_event(st, &row);
        ret = fn(ctx, &row);
    }
    return finish(r, st, rc, ret, err);
}
