// SPDX-License-Identifier: Apache-2.0
// What somebody else does with files between two looks of this process at them.
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "db_helpers.h"
#include "transfer.h"

static const char *looked_at; /* behind the first look at this ... */
static void (*then)(void);    /* ... that is done; NULL: nothing, or it is done already */

// Instead of the one of the C library.
int
stat(const char *path, struct stat *st)
{
    int ret = fstatat(AT_FDCWD, path, st, 0), error = errno;
    void (*now)(void) = then;
    if (now && strcmp(path, looked_at) == 0) {
        then = NULL;
        now();
    }
    errno = error;
    return ret;
}

TestSuite(between, .init = setup, .fini = teardown, .timeout = 60);

static char other[96];
static int theirs;

static void
put_other(void)
{
    theirs = open(other, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (theirs >= 0)
        cr_assert(write_all(theirs, "theirs", 6) == 0);
}

// The export takes the name before it begins: who comes later has to do without.
Test(between, export_removes_nothing_of_others)
{
    writer_end(start("aaaaaaaaaaaa"), 0, &(struct writer_lost){0});
    snprintf(other, sizeof other, "%s/other.db", dir);
    looked_at = db;
    then = put_other;
    cr_assert(transfer_export(db, "aaaaaaaaaaaa", other, key_file, NULL) == 0 && !then);
    cr_assert(theirs < 0 && access(other, F_OK) == 0);
    cr_assert(unlink(other) == 0);
    then = put_other;
    cr_assert(transfer_export(db, "ffffffffffff", other, key_file, NULL) == -ENOENT && !then);
    cr_assert(theirs < 0 && access(other, F_OK) < 0);
}

static struct writer *begun;

static void
begin(void)
{
    begun = start("bbbbbbbbbbbb");
}

// A session that begins while a file is looked at that holds nothing: its log is there then.
Test(between, record_of_a_session_that_begins)
{
    sqlite3 *h = NULL;
    struct reader *r = NULL;
    cleanup_err struct err err = {0};
    cleanup_free char *wal = xasprintf("%s-wal", db), *above = xasprintf("%s/state", dir);
    cr_assert(mkdir(above, 0700) == 0 && sqlite3_open(db, &h) == SQLITE_OK);
    cr_assert(sqlite3_exec(h, "PRAGMA journal_mode=WAL", NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(h);
    cr_assert(reader_open(db, &r, &err) == -EIO && strstr(err.msg, "-wal"), "%s", err.msg);
    err_done(&err);
    looked_at = wal;
    then = begin;
    int ret = reader_open(db, &r, &err);
    cr_assert(ret == 0 && !then, "%s", err.msg);
    reader_close(r);
    writer_end(begun, 0, &(struct writer_lost){0});
}
