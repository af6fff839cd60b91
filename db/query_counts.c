// SPDX-License-Identifier: Apache-2.0
// What the events of a session come to. Narrow reads in the order of their index, put together here
// and not by SQLite, which would take twice as long for a session of a million events.
#include "db.h"
#include "query_internal.h"
#include "util.h"

struct counting {
    struct reader *r;
    const char *id;
    struct session_counts sum;
    sqlite3_stmt *undecided; /* counts the requests between two numbers; owned */
    int64_t last;            /* request whose decision was seen last */
    uint64_t logged;         /* requests that --log-allowed wrote down */
    int64_t *refusing;       /* grants that refuse, in order; owned */
    size_t refusing_n, room, next;
    int rc; /* of SQLite: the first failure */
};

#define SESSION "(SELECT s.nr FROM session s WHERE s.id = ?1)"

static bool
prepare(struct counting *c, const char *sql, sqlite3_stmt **ret_st)
{
    if (c->rc == SQLITE_OK)
        c->rc = reader_prepare(c->r, sql, ret_st);
    if (c->rc == SQLITE_OK)
        c->rc = sqlite3_bind_text(*ret_st, 1, c->id, -1, SQLITE_STATIC);
    return c->rc == SQLITE_OK;
}

static void
each(struct counting *c, const char *sql, void (*add)(struct counting *c, sqlite3_stmt *st))
{
    sqlite3_stmt *st = NULL;
    int rc = SQLITE_DONE;
    if (prepare(c, sql, &st))
        while ((rc = sqlite3_step(st)) == SQLITE_ROW)
            add(c, st);
    sqlite3_finalize(st);
    if (c->rc == SQLITE_OK && rc != SQLITE_DONE)
        c->rc = rc;
}

// Requests behind one number and before another have no decision.
static void
add_undecided(struct counting *c, int64_t after, int64_t before)
{
    static const char sql[] =
        "SELECT count(*) FROM request r WHERE r.session = " SESSION " AND r.id > ?2 AND r.id < ?3";
    if (!c->undecided && !prepare(c, sql, &c->undecided))
        return;
    sqlite3_bind_int64(c->undecided, 2, after);
    sqlite3_bind_int64(c->undecided, 3, before);
    int rc = sqlite3_step(c->undecided);
    if (rc == SQLITE_ROW)
        c->sum.waiting += column_u64(c->undecided, 0);
    sqlite3_reset(c->undecided);
    if (c->rc == SQLITE_OK && rc != SQLITE_ROW)
        c->rc = rc;
}

static void
add_decision(struct counting *c, sqlite3_stmt *st)
{
    int64_t request = sqlite3_column_int64(st, 0);
    uint64_t calls = column_u64(st, 2);
    enum verdict verdict = verdict_from_string(column_string(st, 1));
    if (request - 1 > c->last)
        add_undecided(c, c->last, request);
    c->sum.asked += request != c->last;
    c->last = request;
    c->logged += calls == 0;
    if (verdict == VERDICT_ALLOW)
        c->sum.allowed += calls;
    else if (verdict == VERDICT_DENY || verdict == VERDICT_EXPIRED)
        c->sum.refused += calls;
}

static void
add_refusing(struct counting *c, sqlite3_stmt *st)
{
    if (c->refusing_n == c->room) {
        c->room = c->room ? c->room * 2 : 64;
        c->refusing = xrealloc(c->refusing, c->room * sizeof *c->refusing);
    }
    c->refusing[c->refusing_n++] = sqlite3_column_int64(st, 0);
}

static void
add_uses(struct counting *c, sqlite3_stmt *st)
{
    int64_t grant = sqlite3_column_int64(st, 0);
    while (c->next < c->refusing_n && c->refusing[c->next] < grant)
        c->next++;
    bool refused = c->next < c->refusing_n && c->refusing[c->next] == grant;
    *(refused ? &c->sum.refused : &c->sum.allowed) += column_u64(st, 1);
}

static void
add_refused(struct counting *c, sqlite3_stmt *st)
{
    c->sum.refused += column_u64(st, 0);
}

static void
add_floor(struct counting *c, sqlite3_stmt *st)
{
    c->sum.floor += column_u64(st, 0);
}

static void
count(struct counting *c)
{
    each(c,
         "SELECT d.request, d.verdict, d.count FROM decision d INDEXED BY decision_by_request"
         " WHERE d.session = " SESSION " ORDER BY d.request",
         add_decision);
    add_undecided(c, c->last, INT64_MAX);
    each(c,
         "SELECT g.id FROM granted g WHERE g.session = " SESSION
         " AND g.verdict = 'deny' ORDER BY g.id",
         add_refusing);
    each(c,
         "SELECT c.request, c.n FROM access_count c WHERE c.session = " SESSION
         " AND c.what = 'grant' ORDER BY c.request",
         add_uses);
    each(c, "SELECT c.n FROM access_count c WHERE c.session = " SESSION " AND c.what = 'refused'",
         add_refused);
    each(c, "SELECT c.n FROM access_count c WHERE c.session = " SESSION " AND c.what = 'floor'",
         add_floor);
}

int
reader_counts(struct reader *r, const char *id, struct session_counts *ret_counts, struct err *err)
{
    struct counting c = {.r = r, .id = id, .last = -1};
    // One moment for all that is read; a caller that reads on already has one.
    bool begun = sqlite3_get_autocommit(r->h) != 0;
    if (begun)
        c.rc = sqlite3_exec(r->h, "BEGIN", NULL, NULL, NULL);
    count(&c);
    sqlite3_finalize(c.undecided);
    free(c.refusing);
    int ret = c.rc == SQLITE_OK ? 0 : db_fail(r->h, c.rc, r->path, err);
    if (begun)
        sqlite3_exec(r->h, "COMMIT", NULL, NULL, NULL);
    if (ret < 0)
        return ret;
    c.sum.asked += c.sum.waiting;
    // Nobody was asked about those.
    c.sum.asked -= c.logged < c.sum.asked ? c.logged : c.sum.asked;
    *ret_counts = c.sum;
    return 0;
}
