// SPDX-License-Identifier: Apache-2.0
#include "remember.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bounds.h"
#include "clock.h"
#include "db.h"
#include "facts.h"
#include "find.h"
#include "journal.h"
#include "schema.h"
#include "util.h"

#define IN_FORCE " FROM granted g JOIN session s ON s.nr = g.session WHERE " REMEMBERED_IN_FORCE

enum {
    C_SESSION,
    C_PROFILE,
    C_UID,
    C_NOTE,
    C_ID,
    C_REQUEST,
    C_VERDICT,
    C_OP,
    C_ACCESS,
    C_REACH,
    C_PATH,
    C_DEV,
    C_INO,
    C_CREATED,
    C_EXE,
    C_FAMILY,
    C_TYPE,
    C_PORT,
    C_ADDR,
    C_SCOPE_ID,
    C_ABSTRACT,
    C_LOOPBACK,
    C_HOST,
    C_PATH2,
    C_DEV2,
    C_INO2,
    C_SHA256,
};

static char *
column_dup(sqlite3_stmt *st, int column)
{
    return xstrdup((const char *)sqlite3_column_text(st, column));
}

static struct endpoint
read_endpoint(sqlite3_stmt *st)
{
    struct endpoint e = {.family = sqlite3_column_int(st, C_FAMILY),
                         .type = sqlite3_column_int(st, C_TYPE),
                         .port = (uint16_t)sqlite3_column_int(st, C_PORT),
                         .scope_id = (uint32_t)sqlite3_column_int64(st, C_SCOPE_ID),
                         .abstract = sqlite3_column_int(st, C_ABSTRACT) != 0,
                         .loopback = sqlite3_column_int(st, C_LOOPBACK) != 0};
    const void *addr = sqlite3_column_blob(st, C_ADDR);
    size_t n = (size_t)sqlite3_column_bytes(st, C_ADDR);
    if (n && n <= sizeof e.addr)
        memcpy(e.addr, addr, n);
    return e;
}

static struct grant *
read_grant(sqlite3_stmt *st)
{
    struct grant *g = grant_new();
    g->origin = column_dup(st, C_SESSION);
    g->origin_id = (uint64_t)sqlite3_column_int64(st, C_ID);
    g->id = (uint64_t)sqlite3_column_int64(st, C_ID);
    g->request = (uint64_t)sqlite3_column_int64(st, C_REQUEST);
    g->verdict = verdict_from_string((const char *)sqlite3_column_text(st, C_VERDICT));
    g->op = op_from_string((const char *)sqlite3_column_text(st, C_OP));
    g->access = (unsigned)sqlite3_column_int(st, C_ACCESS);
    g->scope = SCOPE_ALWAYS;
    g->reach = reach_from_string((const char *)sqlite3_column_text(st, C_REACH));
    g->path = column_dup(st, C_PATH);
    g->dev = (uint64_t)sqlite3_column_int64(st, C_DEV);
    g->ino = (uint64_t)sqlite3_column_int64(st, C_INO);
    g->created_real_ns = (uint64_t)sqlite3_column_int64(st, C_CREATED);
    g->exe = column_dup(st, C_EXE);
    g->peer = read_endpoint(st);
    g->host = column_dup(st, C_HOST);
    g->path2 = column_dup(st, C_PATH2);
    g->dev2 = (uint64_t)sqlite3_column_int64(st, C_DEV2);
    g->ino2 = (uint64_t)sqlite3_column_int64(st, C_INO2);
    g->has_sha256 = sqlite3_column_bytes(st, C_SHA256) == SHA256_LEN;
    if (g->has_sha256)
        memcpy(g->sha256, sqlite3_column_blob(st, C_SHA256), SHA256_LEN);
    return g;
}

// A word that this nono does not know is a grant that it does not understand: not in force (I1).
static bool
is_understood(const struct grant *g)
{
    return (g->verdict == VERDICT_ALLOW || g->verdict == VERDICT_DENY) && (int)g->op >= 0 &&
           (int)g->reach >= 0 && g->path;
}

int
remembered_read(sqlite3 *h, uint32_t uid, const char *profile, remembered_fn fn, void *ctx,
                int *ret_stopped)
{
    static const char sql[] =
        "SELECT s.id, s.profile, s.uid, (SELECT d.note FROM decision d WHERE d.session = g.session"
        " AND d.request = g.request LIMIT 1), g.id, g.request, g.verdict, g.op, g.access, g.reach,"
        " g.path, g.dev, g.ino, g.created_ns, g.exe, " FACTS_ENDPOINT ", g.path2, g.dev2, g.ino2,"
        " g.sha256" IN_FORCE
        " AND s.uid = ?1 AND (?2 IS NULL OR coalesce(s.profile, x'') = CAST(?2 AS BLOB))"
        " ORDER BY g.created_ns, g.session, g.id";
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(h, sql, -1, &st, NULL);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_int64(st, 1, uid);
    sqlite3_bind_text(st, 2, profile, -1, SQLITE_STATIC);
    while (*ret_stopped == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct grant *g = read_grant(st);
        struct remembered r = {.session = (const char *)sqlite3_column_text(st, C_SESSION),
                               .profile = (const char *)sqlite3_column_text(st, C_PROFILE),
                               .uid = (uint32_t)sqlite3_column_int64(st, C_UID),
                               .note = (const char *)sqlite3_column_text(st, C_NOTE),
                               .grant = g};
        if (is_understood(g))
            *ret_stopped = fn(ctx, &r);
        grant_free(g);
    }
    sqlite3_finalize(st);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int
remembered_list(const char *path, uint32_t uid, const char *profile, remembered_fn fn, void *ctx,
                struct err *err)
{
    sqlite3 *h = NULL;
    int64_t version = 0;
    int stopped = 0;
    int r = db_open_read(path, &h, err);
    if (r == -ENOENT) {
        if (err)
            err_done(err);
        return 0;
    }
    if (r < 0)
        return r;
    int rc = SQLITE_OK;
    if (db_read_int(h, "PRAGMA user_version", &version) < 0)
        rc = sqlite3_extended_errcode(h);
    // Before schema 2 nothing was remembered.
    else if (version >= 2)
        rc = remembered_read(h, uid, profile, fn, ctx, &stopped);
    if (rc != SQLITE_OK)
        r = db_fail(h, rc, path, err);
    db_close(h);
    return r < 0 ? r : stopped;
}

static int
revoke_grant(sqlite3 *h, const struct key *key, const struct journal_row *row, bool *ret_found)
{
    static const char sql[] = "SELECT 1" IN_FORCE " AND s.id = ?1 AND g.id = ?2";
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(h, sql, -1, &st, NULL);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_text(st, 1, row->id, -1, SQLITE_STATIC);
    sqlite3_bind_int64(st, 2, (int64_t)row->n);
    rc = sqlite3_step(st);
    sqlite3_finalize(st);
    *ret_found = rc == SQLITE_ROW;
    if (rc == SQLITE_ROW)
        return journal_add(h, row, key);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int
remembered_revoke(const char *path, const char *key, const char *session, uint64_t id,
                  const char *source, const char *note, struct err *err)
{
    sqlite3 *h = NULL;
    struct key opened;
    bool found = false;
    if (sodium_init() < 0)
        return err_set(err, -EIO, "libsodium does not start");
    int r = key_open(key, &opened, err);
    if (r == 0)
        r = db_open_write(path, &h, err);
    if (r < 0)
        return r;
    struct journal_row row = {.what = JOURNAL_REVOKED,
                              .id = session,
                              .n = id,
                              .real_ns = clock_real_ns(),
                              .source = source,
                              .note = note};
    int rc = sqlite3_exec(h, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = revoke_grant(h, &opened, &row, &found);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(h, "COMMIT", NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        r = db_fail(h, rc, path, err);
    else if (!found)
        r = err_set(err, -ENOENT, "no remembered grant %llu of session %s is in force",
                    (unsigned long long)id, session);
    sodium_memzero(&opened, sizeof opened);
    db_close(h);
    return r;
}

// --- names in later sessions ------------------------------------------------------------------

#define TITLE "remembered:"
#define NAME_LEN_MAX 40 /* " SESSION:GRANT", and to spare */

void
remembered_put_name(struct buf *text, const char *session, uint64_t id)
{
    buf_printf(text, "%s %s:%" PRIu64, text->len ? "" : TITLE, session, id);
}

bool
remembered_find_name(const char *text, uint64_t number,
                     char ret_session[static REMEMBERED_SESSION_MAX], uint64_t *ret_id)
{
    char session[REMEMBERED_SESSION_MAX], *end;
    // Whoever wrote the file: no look at it takes long. More than that are never live.
    if (strncmp(text, TITLE, strlen(TITLE)) != 0 || number == 0 || number > NONO_GRANTS_MAX)
        return false;
    text += strlen(TITLE);
    while (text && *text && --number > 0)
        text = memchr(text + 1, ' ', strnlen(text + 1, NAME_LEN_MAX));
    if (!text || *text != ' ' || strnlen(text, NAME_LEN_MAX) < REMEMBERED_SESSION_MAX + 2)
        return false;
    const char *colon = text + REMEMBERED_SESSION_MAX;
    if (*colon != ':')
        return false;
    memcpy(session, text + 1, sizeof session - 1);
    session[sizeof session - 1] = 0;
    uint64_t id = strtoull(colon + 1, &end, 10);
    if (!find_is_id(session) || end == colon + 1 || (*end && *end != ' '))
        return false;
    memcpy(ret_session, session, sizeof session);
    *ret_id = id;
    return true;
}
