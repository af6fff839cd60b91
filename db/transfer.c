// SPDX-License-Identifier: Apache-2.0
#include "transfer.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chain.h"
#include "clock.h"
#include "db.h"
#include "display.h"
#include "facts.h"
#include "journal.h"
#include "schema.h"
#include "util.h"
#include "verify.h"

struct transfer {
    sqlite3 *from, *to;
    const struct key *key;
    int64_t nr;       /* of the session in from */
    int64_t new_nr;   /* in to */
    const char *with; /* what a SELECT of from begins with */
};

// In the order that foreign keys ask for.
static const struct {
    const char *table, *columns;
} tables[] = {
    {"event", FACTS_EVENT ", hash"},
    {"request", FACTS_REQUEST},
    {"decision", FACTS_DECISION},
    {"granted", FACTS_GRANTED},
    {"network", FACTS_NETWORK},
    {"revocation", FACTS_REVOCATION},
    {"access_count", FACTS_COUNT},
    {"terminal", FACTS_TERMINAL},
    {"head", "seq, hash, real_ns, key, signature"},
};

// Every row that select finds (?1: the session in from) into insert, which takes the columns from
// its parameter first on.
static int
copy_rows(struct transfer *t, const char *select, const char *insert, int first)
{
    sqlite3_stmt *in = NULL, *out = NULL;
    int rc = sqlite3_prepare_v2(t->from, select, -1, &in, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(t->to, insert, -1, &out, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_bind_int64(in, 1, t->nr);
        if (first > 1)
            sqlite3_bind_int64(out, 1, t->new_nr);
    }
    while (rc == SQLITE_OK && (rc = sqlite3_step(in)) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(in); i++)
            sqlite3_bind_value(out, i + first, sqlite3_column_value(in, i));
        rc = db_run(out);
    }
    sqlite3_finalize(in);
    sqlite3_finalize(out);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static char *
parameters(const char *columns)
{
    struct buf b = {0};
    buf_puts(&b, "?");
    for (const char *p = strchr(columns, ','); p; p = strchr(p + 1, ','))
        buf_puts(&b, ", ?");
    return buf_steal(&b);
}

static int
copy_table(struct transfer *t, const char *table, const char *columns)
{
    cleanup_free char *values = parameters(columns);
    cleanup_free char *select =
        xasprintf("%sSELECT %s FROM %s WHERE session = ?1", t->with, columns, table);
    cleanup_free char *insert =
        xasprintf("INSERT INTO %s(session, %s) VALUES(?, %s)", table, columns, values);
    return copy_rows(t, select, insert, 2);
}

#define SESSION_COLUMNS FACTS_SESSION ", " FACTS_SESSION_END

static int
copy_session_row(struct transfer *t)
{
    cleanup_free char *values = parameters(SESSION_COLUMNS);
    cleanup_free char *insert =
        xasprintf("INSERT INTO session(" SESSION_COLUMNS ") VALUES(%s)", values);
    int rc =
        copy_rows(t,
                  "SELECT digest, bytes FROM content WHERE digest IN (SELECT"
                  " capabilities_digest FROM session WHERE nr = ?1 UNION SELECT policy_digest"
                  " FROM session WHERE nr = ?1)",
                  "INSERT INTO content(digest, bytes) VALUES(?1, ?2) ON CONFLICT DO NOTHING", 1);
    if (rc == SQLITE_OK)
        rc = copy_rows(t, "SELECT " SESSION_COLUMNS " FROM session WHERE nr = ?1", insert, 1);
    t->new_nr = sqlite3_last_insert_rowid(t->to);
    return rc;
}

// What the journal there says of the session goes into the journal here, which says first that it
// came from elsewhere.
static int
copy_journal(struct transfer *t, const char *id)
{
    static const char sql[] =
        "SELECT 'imported', seq, hash, NULL, NULL FROM (SELECT seq, hash FROM event WHERE session ="
        " ?2 ORDER BY seq DESC LIMIT 1) UNION ALL SELECT * FROM (SELECT what, n, facts, source,"
        " note FROM journal WHERE id = ?1 AND what IN ('thinned', 'revoked') ORDER BY seq)";
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(t->from, sql, -1, &st, NULL);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_text(st, 1, id, -1, SQLITE_STATIC);
    sqlite3_bind_int64(st, 2, t->nr);
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        const char *what = (const char *)sqlite3_column_text(st, 0);
        const void *hash = sqlite3_column_blob(st, 2);
        bool hashed = sqlite3_column_bytes(st, 2) == CHAIN_HASH_LEN;
        struct journal_row row = {.what = what,
                                  .id = id,
                                  .n = (uint64_t)sqlite3_column_int64(st, 1),
                                  .hash = hashed ? hash : NULL,
                                  .real_ns = clock_real_ns(),
                                  .source = (const char *)sqlite3_column_text(st, 3),
                                  .note = (const char *)sqlite3_column_text(st, 4)};
        rc = journal_add(t->to, &row, t->key);
        if (rc != SQLITE_OK)
            break;
    }
    sqlite3_finalize(st);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

// A session of an older schema has none.
static int
sign_unsigned(struct transfer *t, const char *id)
{
    sqlite3_stmt *st = NULL;
    struct chain_tip tip;
    int rc = sqlite3_prepare_v2(t->to,
                                "SELECT seq, hash FROM event WHERE session = ?1 AND NOT EXISTS"
                                "(SELECT 1 FROM head WHERE session = ?1) ORDER BY seq DESC LIMIT 1",
                                -1, &st, NULL);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(st, 1, t->new_nr);
    rc = sqlite3_step(st);
    bool missing = rc == SQLITE_ROW && sqlite3_column_bytes(st, 1) == CHAIN_HASH_LEN;
    if (missing) {
        tip.seq = (uint64_t)sqlite3_column_int64(st, 0);
        memcpy(tip.hash, sqlite3_column_blob(st, 1), CHAIN_HASH_LEN);
    }
    sqlite3_finalize(st);
    if (missing)
        return head_put(t->to, t->key, t->new_nr, id, &tip, clock_real_ns());
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

// Inside a transaction of the connection it goes to.
static int
copy_session(struct transfer *t, const char *id)
{
    int rc = copy_session_row(t);
    for (size_t i = 0; rc == SQLITE_OK && i < ARRAY_SIZE(tables); i++)
        rc = copy_table(t, tables[i].table, tables[i].columns);
    if (rc == SQLITE_OK)
        rc = sign_unsigned(t, id);
    return rc == SQLITE_OK ? copy_journal(t, id) : rc;
}

static int
find_nr(sqlite3 *h, const char *id, int64_t *ret_nr)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(h, "SELECT nr FROM session WHERE id = ?1", -1, &st, NULL);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_text(st, 1, id, -1, SQLITE_STATIC);
    rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        *ret_nr = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return rc;
}

// --- out -----------------------------------------------------------------------------------------

// One file, that can be read where nothing can be written beside it.
static int
close_whole(sqlite3 *h)
{
    int rc = sqlite3_wal_checkpoint_v2(h, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_set_authorizer(h, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(h, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL);
    db_close(h);
    return rc;
}

static void
remove_all(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
        cleanup_free char *name = xasprintf("%s%s", path, ends[i]);
        unlink(name);
    }
}

// Only what has a chain can be copied.
static int
check_version(struct transfer *t, const char *path, struct err *err)
{
    int64_t version = 0;
    int r = db_read_int(t->from, "PRAGMA user_version", &version);
    t->with = version < 3 ? SCHEMA_V2_TABLES : "";
    cleanup_free char *shown = display_str(path, DISPLAY_QUOTE);
    if (r < 0)
        return err_set(err, r, "can't read %s: %s", shown, strerror(-r));
    if (version > SCHEMA_VERSION)
        return err_set(err, -EPROTO, "%s was written by a newer nono", shown);
    if (version < 2)
        return err_set(err, -ENODATA,
                       "%s is of an older nono; the next session in it brings it forward", shown);
    return 0;
}

static int
export_rows(struct transfer *t, const char *id, const char *path, const char *into, struct err *err)
{
    cleanup_free char *shown = display_str(path, DISPLAY_QUOTE);
    int rc = sqlite3_exec(t->from, "BEGIN", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = find_nr(t->from, id, &t->nr);
    if (rc == SQLITE_DONE)
        return err_set(err, -ENOENT, "no session '%s' in %s", id, shown);
    if (rc != SQLITE_ROW)
        return db_fail(t->from, rc, path, err);
    rc = sqlite3_exec(t->to, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = copy_session(t, id);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(t->to, "COMMIT", NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : db_fail(t->to, rc, into, err);
}

static int
write_export(struct transfer *t, const char *id, const char *path, const char *into,
             struct err *err)
{
    int r = db_open_write(into, &t->to, err);
    if (r == 0) {
        r = export_rows(t, id, path, into, err);
        int rc = close_whole(t->to);
        if (r == 0 && rc != SQLITE_OK)
            r = db_fail(NULL, rc, into, err);
    }
    return r;
}

int
transfer_export(const char *path, const char *id, const char *into, const char *key,
                struct err *err)
{
    struct transfer t = {0};
    struct key opened;
    cleanup_free char *shown = display_str(into, DISPLAY_QUOTE);
    if (sodium_init() < 0)
        return err_set(err, -EIO, "libsodium does not start");
    // The name is ours from here on: what is removed below is nobody else's.
    if (mknod(into, S_IFREG | 0600, 0) < 0)
        return errno == EEXIST ? err_set(err, -EEXIST, "%s is there already", shown)
                               : err_set(err, -errno, "can't write %s: %s", shown, strerror(errno));
    int r = key_open(key, &opened, err);
    t.key = &opened;
    if (r == 0)
        r = db_open_read(path, &t.from, err);
    if (r == 0)
        r = check_version(&t, path, err);
    if (r == 0)
        r = write_export(&t, id, path, into, err);
    db_close(t.from);
    // The whole file, or none.
    if (r < 0)
        remove_all(into);
    sodium_memzero(&opened, sizeof opened);
    return r;
}

// --- in ------------------------------------------------------------------------------------------

static void
keep_problem(void *ctx, const struct verify_row *row)
{
    char *text = ctx;
    if (row->problem && !text[0])
        snprintf(text, 200, "%s%s event %llu: %s", row->id[0] ? "session " : "its journal", row->id,
                 (unsigned long long)row->at, row->problem);
}

static int
import_sessions(struct transfer *t, unsigned *ret_added, unsigned *ret_known)
{
    sqlite3_stmt *st = NULL;
    int64_t known;
    unsigned added = 0, skipped = 0;
    int rc = sqlite3_prepare_v2(t->from, "SELECT nr, id FROM session ORDER BY nr", -1, &st, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        const char *id = (const char *)sqlite3_column_text(st, 1);
        t->nr = sqlite3_column_int64(st, 0);
        rc = find_nr(t->to, id, &known);
        if (rc == SQLITE_ROW) {
            skipped++;
            rc = SQLITE_OK;
        } else if (rc == SQLITE_DONE) {
            added++;
            rc = copy_session(t, id);
        }
    }
    sqlite3_finalize(st);
    *ret_added = added;
    *ret_known = skipped;
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int
import_rows(struct transfer *t, const char *path, unsigned *ret_added, unsigned *ret_known,
            struct err *err)
{
    // One moment of there, all or nothing here.
    int rc = sqlite3_exec(t->from, "BEGIN", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(t->to, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = import_sessions(t, ret_added, ret_known);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(t->to, "COMMIT", NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : db_fail(t->to, rc, path, err);
}

int
transfer_import(const char *from, const char *path, const char *key, unsigned *ret_added,
                unsigned *ret_known, struct err *err)
{
    struct transfer t = {0};
    struct key opened;
    char problem[200] = "";
    cleanup_free char *shown = display_str(from, DISPLAY_QUOTE);
    int r = verify_record(from, &(struct verify_options){0}, keep_problem, problem, err);
    if (r == -EBADMSG)
        return err_set(err, r, "%s is not what was recorded: %s", shown, problem);
    if (r < 0)
        return r;
    r = key_open(key, &opened, err);
    t.key = &opened;
    if (r == 0)
        r = db_open_read(from, &t.from, err);
    if (r == 0)
        r = check_version(&t, from, err);
    if (r == 0)
        r = db_open_write(path, &t.to, err);
    if (r == 0)
        r = import_rows(&t, path, ret_added, ret_known, err);
    db_close(t.from);
    db_close(t.to);
    sodium_memzero(&opened, sizeof opened);
    return r;
}
