// SPDX-License-Identifier: Apache-2.0
#include "find.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "display.h"
#include "util.h"

// N of "@{N}", 0 for "@", -1 for anything else.
static int64_t
parse_at(const char *spec)
{
    char *end;
    if (strcmp(spec, "@") == 0)
        return 0;
    if (strncmp(spec, "@{", 2) != 0)
        return -1;
    long n = strtol(spec + 2, &end, 10);
    return end != spec + 2 && strcmp(end, "}") == 0 && n >= 0 ? n : -1;
}

bool
find_is_id(const char *id)
{
    return id && strlen(id) == 12 && strspn(id, "0123456789abcdef") == 12;
}

// The first row of at most two; how many there were in *ret_n.
static int
look_up(sqlite3 *h, const char *sql, const char *text, int64_t number, char **ret_id, int *ret_n)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(h, sql, -1, &st, NULL);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_text(st, 1, text, -1, SQLITE_STATIC);
    sqlite3_bind_int64(st, 2, number);
    for (*ret_n = 0; (rc = sqlite3_step(st)) == SQLITE_ROW; ++*ret_n) {
        if (*ret_n == 0)
            *ret_id = xstrdup((const char *)sqlite3_column_text(st, 0));
    }
    sqlite3_finalize(st);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int
find_session(const char *path, const char *spec, char **ret_id, struct err *err)
{
    static const char by_name[] =
        "SELECT id FROM session WHERE id = ?1 OR (?1 <> '' AND"
        " CAST(name AS TEXT) = ?1) ORDER BY id = ?1 DESC, nr DESC LIMIT 1";
    static const char by_age[] = "SELECT id FROM session ORDER BY nr DESC LIMIT 1 OFFSET ?2";
    static const char by_start[] =
        "SELECT id FROM session WHERE substr(id, 1, length(?1)) = ?1 LIMIT 2";
    sqlite3 *h = NULL;
    cleanup_free char *id = NULL;
    cleanup_free char *shown = display_str(spec, 0);
    int64_t at = parse_at(spec);
    int n = 0, r = db_open_read(path, &h, err);
    if (r < 0)
        return r;
    int rc = look_up(h, at >= 0 ? by_age : by_name, spec, at, &id, &n);
    if (rc == SQLITE_OK && n == 0 && at < 0 && strlen(spec) >= 2)
        rc = look_up(h, by_start, spec, 0, &id, &n);
    if (rc != SQLITE_OK)
        r = db_fail(h, rc, path, err);
    else if (n == 0 || (n == 1 && !find_is_id(id)))
        r = err_set(err, -ESRCH, "no session '%s' in this record", shown);
    else if (n > 1)
        r = err_set(err, -ENOTUNIQ, "'%s' is the start of more than one session id", shown);
    db_close(h);
    if (r == 0)
        *ret_id = steal_pointer(&id);
    return r;
}
