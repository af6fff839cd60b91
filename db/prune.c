// SPDX-License-Identifier: Apache-2.0
#include "prune.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "chain.h"
#include "clock.h"
#include "db.h"
#include "journal.h"
#include "schema.h"
#include "util.h"

struct candidate {
    int64_t nr;
    char id[16];
    uint64_t ended_ns; /* of its last event, where it has no end */
    struct chain_tip tip;
    bool held; /* a remembered grant of it is in force */
    bool gone;
};

struct pruner {
    sqlite3 *h;
    const struct prune_options *o;
    struct key key;
    struct candidate *candidates; /* oldest first; owned */
    size_t n, room;
    struct prune_result result;
};

// Bound to ?1: session.nr.
static int
run_for(struct pruner *p, const char *sql, int64_t nr, int *ret_changes)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(p->h, sql, -1, &st, NULL);
    if (rc != SQLITE_OK)
        return rc;
    db_bind_int(st, 1, nr);
    rc = db_run(st);
    if (rc == SQLITE_OK)
        *ret_changes += sqlite3_changes(p->h);
    sqlite3_finalize(st);
    return rc;
}

static int
bytes_in_use(struct pruner *p, uint64_t *ret_bytes)
{
    int64_t pages = 0, unused = 0, size = 0;
    if (db_read_int(p->h, "PRAGMA page_count", &pages) < 0 ||
        db_read_int(p->h, "PRAGMA freelist_count", &unused) < 0 ||
        db_read_int(p->h, "PRAGMA page_size", &size) < 0)
        return sqlite3_extended_errcode(p->h);
    *ret_bytes = (uint64_t)((pages - unused) * size);
    return SQLITE_OK;
}

// --- which ones ----------------------------------------------------------------------------------

static void
add_candidate(struct pruner *p, sqlite3_stmt *st)
{
    struct candidate c = {.nr = sqlite3_column_int64(st, 0),
                          .ended_ns = (uint64_t)sqlite3_column_int64(st, 6),
                          .held = sqlite3_column_int(st, 7) != 0};
    bool ended = sqlite3_column_int(st, 5) != 0;
    const char *boot = (const char *)sqlite3_column_text(st, 4);
    if (!ended && p->o->alive((pid_t)sqlite3_column_int(st, 2),
                              (uint64_t)sqlite3_column_int64(st, 3), boot ? boot : ""))
        return;
    const char *id = (const char *)sqlite3_column_text(st, 1);
    strncpy(c.id, id ? id : "", sizeof c.id - 1);
    c.tip.seq = (uint64_t)sqlite3_column_int64(st, 8);
    if (sqlite3_column_bytes(st, 9) == CHAIN_HASH_LEN)
        memcpy(c.tip.hash, sqlite3_column_blob(st, 9), CHAIN_HASH_LEN);
    if (p->n == p->room) {
        p->room = p->room ? p->room * 2 : 64;
        p->candidates = xrealloc(p->candidates, p->room * sizeof *p->candidates);
    }
    p->candidates[p->n++] = c;
}

static int
find_candidates(struct pruner *p)
{
    static const char sql[] =
        "SELECT s.nr, s.id, s.pid, s.start_time, s.boot_id, s.ended_ns IS NOT NULL, e.real_ns,"
        " EXISTS(SELECT 1 FROM granted g WHERE g.session = s.nr AND " REMEMBERED_IN_FORCE "),"
        " e.seq, e.hash FROM session s JOIN event e ON e.session = s.nr AND e.seq ="
        " (SELECT max(seq) FROM event l WHERE l.session = s.nr) ORDER BY s.nr";
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(p->h, sql, -1, &st, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        add_candidate(p, st);
        rc = SQLITE_OK;
    }
    sqlite3_finalize(st);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

// --- what goes -----------------------------------------------------------------------------------

static int
tell(struct pruner *p, const struct candidate *c, const char *what)
{
    struct journal_row row = {.what = what,
                              .id = c->id,
                              .n = c->tip.seq,
                              .hash = c->tip.hash,
                              .real_ns = clock_real_ns()};
    return journal_add(p->h, &row, &p->key);
}

static int
thin(struct pruner *p, struct candidate *c)
{
    int changes = 0;
    int rc = run_for(p, "DELETE FROM access_count WHERE session = ?1", c->nr, &changes);
    if (rc == SQLITE_OK)
        rc = run_for(p, "DELETE FROM terminal WHERE session = ?1", c->nr, &changes);
    if (rc != SQLITE_OK || !changes)
        return rc;
    p->result.thinned++;
    return tell(p, c, JOURNAL_THINNED);
}

static int
prune(struct pruner *p, struct candidate *c)
{
    static const char *const tables[] = {"access_count", "terminal", "decision",
                                         "granted",      "network",  "revocation",
                                         "request",      "event",    "head"};
    int changes = 0;
    if (c->held) {
        p->result.held++;
        return thin(p, c);
    }
    // In front of the rest: the triggers ask the journal.
    int rc = tell(p, c, JOURNAL_PRUNED);
    for (size_t i = 0; rc == SQLITE_OK && i < ARRAY_SIZE(tables); i++) {
        cleanup_free char *sql = xasprintf("DELETE FROM %s WHERE session = ?1", tables[i]);
        rc = run_for(p, sql, c->nr, &changes);
    }
    if (rc == SQLITE_OK)
        rc = run_for(p, "DELETE FROM session WHERE nr = ?1", c->nr, &changes);
    c->gone = true;
    p->result.pruned++;
    p->result.events += c->tip.seq;
    return rc;
}

static int
drop_contents(struct pruner *p)
{
    static const char sql[] =
        "DELETE FROM content WHERE digest NOT IN (SELECT capabilities_digest FROM session WHERE"
        " capabilities_digest IS NOT NULL UNION SELECT policy_digest FROM session WHERE"
        " policy_digest IS NOT NULL)";
    return sqlite3_exec(p->h, sql, NULL, NULL, NULL);
}

// The oldest first, as long as the record is too large.
static int
shrink(struct pruner *p, int (*one)(struct pruner *, struct candidate *))
{
    uint64_t bytes = 0;
    int rc = SQLITE_OK;
    for (size_t i = 0; rc == SQLITE_OK && i < p->n; i++) {
        rc = bytes_in_use(p, &bytes);
        if (rc != SQLITE_OK || bytes <= p->o->max_bytes)
            break;
        if (!p->candidates[i].gone)
            rc = one(p, &p->candidates[i]);
    }
    return rc;
}

static int
prune_all(struct pruner *p)
{
    int rc = find_candidates(p);
    for (size_t i = 0; rc == SQLITE_OK && i < p->n; i++) {
        struct candidate *c = &p->candidates[i];
        if (p->o->before_ns && c->ended_ns < p->o->before_ns)
            rc = p->o->decisions ? prune(p, c) : thin(p, c);
    }
    if (rc == SQLITE_OK && p->o->max_bytes)
        rc = shrink(p, thin);
    if (rc == SQLITE_OK && p->o->max_bytes && p->o->decisions)
        rc = shrink(p, prune);
    return rc == SQLITE_OK ? drop_contents(p) : rc;
}

// The space that became free goes back to the file system, when nobody else is at work.
static bool
give_back(sqlite3 *h)
{
    // VACUUM works in a database of its own beside this one.
    sqlite3_set_authorizer(h, NULL, NULL);
    sqlite3_limit(h, SQLITE_LIMIT_ATTACHED, 1);
    return sqlite3_exec(h, "VACUUM", NULL, NULL, NULL) == SQLITE_OK &&
           sqlite3_wal_checkpoint_v2(h, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) == SQLITE_OK;
}

int
prune_record(const char *path, const char *key, const struct prune_options *o,
             struct prune_result *ret_result, struct err *err)
{
    struct pruner p = {.o = o};
    if (sodium_init() < 0)
        return err_set(err, -EIO, "libsodium does not start");
    int r = key_open(key, &p.key, err);
    if (r == 0)
        r = db_open_write(path, &p.h, err);
    if (r < 0)
        return r;
    db_allow_removal(p.h);
    int rc = sqlite3_exec(p.h, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = bytes_in_use(&p, &p.result.bytes_before);
    if (rc == SQLITE_OK)
        rc = prune_all(&p);
    if (rc == SQLITE_OK)
        rc = bytes_in_use(&p, &p.result.bytes_after);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(p.h, o->dry_run ? "ROLLBACK" : "COMMIT", NULL, NULL, NULL);
    if (rc != SQLITE_OK) {
        r = db_fail(p.h, rc, path, err);
        sqlite3_exec(p.h, "ROLLBACK", NULL, NULL, NULL);
    } else if (!o->dry_run) {
        p.result.shrunk = give_back(p.h);
    }
    sodium_memzero(&p.key, sizeof p.key);
    free(p.candidates);
    db_close(p.h);
    if (r == 0)
        *ret_result = p.result;
    return r;
}
