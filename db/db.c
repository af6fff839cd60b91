// SPDX-License-Identifier: Apache-2.0
#include "db.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "buf.h"
#include "clock.h"
#include "display.h"
#include "schema.h"
#include "util.h"

#define BUSY_MS 5000
#define HALF_MS 200      /* that a session may take from its first write to a -wal */
#define BUSY_STEP_US 500 /* how long another session's commit takes */

sqlite3 *
db_close(sqlite3 *h)
{
    sqlite3_close(h);
    return NULL;
}

// RLIMIT_FSIZE and quotas are plain I/O errors to SQLite, and by the time a commit has failed the
// connection has forgotten errno; the log file has not.
static bool
is_full(sqlite3 *h)
{
    int error = sqlite3_system_errno(h);
    sqlite3_file *log = NULL;
    if (sqlite3_file_control(h, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK && log &&
        log->pMethods && error == 0)
        log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &error);
    return error == ENOSPC || error == EFBIG || error == EDQUOT;
}

int
db_errno(sqlite3 *h, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_IOERR:
        return h && is_full(h) ? -ENOSPC : -EIO;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_READONLY:
        return -EROFS;
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return -EACCES;
    case SQLITE_CANTOPEN:
        return h && sqlite3_system_errno(h) ? -sqlite3_system_errno(h) : -EACCES;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
        return -EINVAL;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_NOTADB:
        return -EEXIST;
    default:
        return -EIO;
    }
}

int
db_fail(sqlite3 *h, int rc, const char *path, struct err *err)
{
    cleanup_free char *shown = display_str(path, DISPLAY_QUOTE);
    int code = db_errno(h, rc);
    if ((rc & 0xff) == SQLITE_NOTADB)
        return err_set(err, code, "%s is not a nono database; use --db FILE or move it away",
                       shown);
    if ((rc & 0xff) == SQLITE_CORRUPT)
        return err_set(err, code, "the database %s is damaged (%s); use --db FILE or move it away",
                       shown, sqlite3_errstr(rc));
    if ((rc & 0xff) == SQLITE_CANTOPEN || (rc & 0xff) == SQLITE_IOERR)
        return err_set(err, code, "can't use the database %s: %s (%s); use --db FILE", shown,
                       strerror(-code), sqlite3_errstr(rc));
    if ((rc & 0xff) == SQLITE_ERROR && h) {
        cleanup_free char *why = display_str(sqlite3_errmsg(h), 0);
        return err_set(err, code,
                       "the database %s does not have the tables of its version (%s); use --db "
                       "FILE or move it away",
                       shown, why);
    }
    return err_set(err, code, "can't use the database %s: %s", shown, sqlite3_errstr(rc));
}

int
db_exec(sqlite3 *h, const char *sql)
{
    return db_errno(h, sqlite3_exec(h, sql, NULL, NULL, NULL));
}

int
db_prepare(sqlite3 *h, const char *sql, sqlite3_stmt **ret_stmt)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v3(h, sql, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL);
    if (rc == SQLITE_OK)
        *ret_stmt = st;
    return db_errno(h, rc);
}

int
db_run(sqlite3_stmt *st)
{
    int rc = sqlite3_step(st);
    sqlite3_reset(st);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

// A result code, so that the caller can say what is wrong with the file.
static int
read_int(sqlite3 *h, const char *sql, int64_t *ret_value)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(h, sql, -1, &st, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        *ret_value = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return rc == SQLITE_ROW ? SQLITE_OK : rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
}

int
db_read_int(sqlite3 *h, const char *sql, int64_t *ret_value)
{
    return db_errno(h, read_int(h, sql, ret_value));
}

void
db_bind_int(sqlite3_stmt *st, int column, int64_t v)
{
    sqlite3_bind_int64(st, column, v);
}

void
db_bind_bytes(sqlite3_stmt *st, int column, const void *data, size_t n)
{
    sqlite3_bind_blob64(st, column, data && n ? data : "", data ? n : 0, SQLITE_STATIC);
}

void
db_bind_string(sqlite3_stmt *st, int column, const char *s)
{
    db_bind_bytes(st, column, s, s ? strlen(s) : 0);
}

void
db_bind_word(sqlite3_stmt *st, int column, const char *word)
{
    sqlite3_bind_text(st, column, word ? word : "", -1, SQLITE_STATIC);
}

// The second lock on the record: whatever SQL runs, nothing is dropped, attached or rewritten.
static int
authorize_write(void *ctx, int action, const char *a, const char *b, const char *name,
                const char *trigger)
{
    switch (action) {
    case SQLITE_UPDATE:
        if (strcmp(a, "access_count") == 0)
            return SQLITE_OK;
        if (strcmp(a, "session") == 0 &&
            (strcmp(b, "ended_ns") == 0 || strcmp(b, "wait_status") == 0 ||
             strcmp(b, "counts_digest") == 0 || strcmp(b, "terminal_digest") == 0))
            return SQLITE_OK;
        if (strcmp(a, "head") == 0)
            return SQLITE_OK;
        return SQLITE_DENY;
    case SQLITE_READ:
    case SQLITE_SELECT:
    case SQLITE_INSERT:
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
    case SQLITE_FUNCTION:
    case SQLITE_PRAGMA:
    case SQLITE_RECURSIVE:
        return SQLITE_OK;
    default:
        return SQLITE_DENY;
    }
}

static int
authorize_removal(void *ctx, int action, const char *a, const char *b, const char *name,
                  const char *trigger)
{
    return action == SQLITE_DELETE ? SQLITE_OK : authorize_write(ctx, action, a, b, name, trigger);
}

void
db_allow_removal(sqlite3 *h)
{
    // A key at a time would be looked for in tables that have no index for it; what goes, goes
    // whole.
    sqlite3_db_config(h, SQLITE_DBCONFIG_ENABLE_FKEY, 0, NULL);
    sqlite3_set_authorizer(h, authorize_removal, NULL);
}

static int
authorize_read(void *ctx, int action, const char *a, const char *b, const char *name,
               const char *trigger)
{
    switch (action) {
    case SQLITE_READ:
    case SQLITE_SELECT:
    case SQLITE_FUNCTION:
    case SQLITE_TRANSACTION:
    case SQLITE_PRAGMA:
    case SQLITE_RECURSIVE:
        return SQLITE_OK;
    default:
        return SQLITE_DENY;
    }
}

// Counting what is allocated costs a lock each time, and nobody asks. Too late once SQLite runs,
// which is no loss but of time.
static void
configure(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

// SQLite's own way sleeps longer with each try, up to 100 ms: a decision would wait long after the
// other sessions' commits have ended.
static int
wait_for_others(void *unused, int tried)
{
    static _Thread_local uint64_t end_ns;
    uint64_t now = clock_mono_ns();
    if (tried == 0)
        end_ns = now + BUSY_MS * NS_PER_MS;
    if (now >= end_ns)
        return 0;
    usleep(BUSY_STEP_US);
    return 1;
}

// flags: of sqlite3_open_v2(). The file is only opened here, not yet read.
static int
open_handle(const char *name, int flags, sqlite3 **ret_h)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    sqlite3 *h = NULL;
    pthread_once(&once, configure);
    int rc =
        sqlite3_open_v2(name, &h, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);
    *ret_h = h;
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_extended_result_codes(h, 1);
    sqlite3_busy_handler(h, wait_for_others, NULL);
    sqlite3_db_config(h, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(h, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(h, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
    sqlite3_db_config(h, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(h, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    // Closing must not cost a checkpoint: a session that only runs `true` would pay for it.
    sqlite3_db_config(h, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_limit(h, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_limit(h, SQLITE_LIMIT_LENGTH, 64 * 1024 * 1024);
    return SQLITE_OK;
}

// Whose file it is. *ret_version: its user_version, 0 for one that is still empty.
static int
inspect(sqlite3 *h, int64_t *ret_version)
{
    int64_t id = 0, version = 0, objects = 0;
    int rc = read_int(h, "PRAGMA application_id", &id);
    if (rc == SQLITE_OK)
        rc = read_int(h, "PRAGMA user_version", &version);
    if (rc != SQLITE_OK)
        return rc;
    if (id == 0 && version == 0) {
        rc = read_int(h, "SELECT count(*) FROM sqlite_schema", &objects);
        if (rc != SQLITE_OK)
            return rc;
    }
    if (id != SCHEMA_APPLICATION_ID && (id || version || objects))
        return SQLITE_NOTADB;
    if (id == SCHEMA_APPLICATION_ID && version <= 0)
        return SQLITE_CORRUPT;
    *ret_version = version;
    return SQLITE_OK;
}

// SQLite takes "file:..." and ":memory:" for something else than names of files.
static char *
plain_name(const char *path)
{
    return path[0] == '/' ? xstrdup(path) : xasprintf("./%s", path);
}

static int
fail_errno(const char *path, int code, struct err *err)
{
    cleanup_free char *shown = display_str(path, DISPLAY_QUOTE);
    if (code == -ELOOP)
        return err_set(err, code,
                       "the database %s is a symbolic link; name the file that it leads to with "
                       "--db FILE",
                       shown);
    return err_set(err, code, "can't use the database %s: %s; use --db FILE", shown,
                   code == -EINVAL ? "not a regular file" : strerror(-code));
}

// Leaves a regular file of mode 0600 at path, in a directory that exists.
static int
make_file(const char *path, struct err *err)
{
    struct stat st;
    if (lstat(path, &st) < 0 && errno == ENOENT) {
        cleanup_free char *dir = xstrdup(path);
        char *slash = strrchr(dir, '/');
        if (slash)
            slash[slash == dir] = 0;
        const char *name = slash ? dir : ".";
        int r = access(name, F_OK) < 0 ? make_private_dir(name) : 0;
        if (r < 0)
            return fail_errno(path, r, err);
        // Not open(2): closing a descriptor of the file would drop the locks that another
        // connection of this process holds on it.
        if (mknod(path, S_IFREG | 0600, 0) < 0 && errno != EEXIST)
            return fail_errno(path, -errno, err);
        cleanup_fd int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0)
            fsync(fd);
    }
    if (lstat(path, &st) < 0)
        return fail_errno(path, -errno, err);
    // I7: what a link leads to may lie where the sandbox writes.
    if (!S_ISREG(st.st_mode))
        return fail_errno(path,
                          S_ISDIR(st.st_mode)   ? -EISDIR
                          : S_ISLNK(st.st_mode) ? -ELOOP
                                                : -EINVAL,
                          err);
    // SQLite would say of a file system that is read only that there is no such file: its -wal.
    return access(path, W_OK) < 0 ? fail_errno(path, -errno, err) : 0;
}

static int
become_wal(sqlite3 *h)
{
    // The switch needs the file for itself and, unlike other waits, may give up at once when
    // another new session is just doing the same.
    for (int left = BUSY_MS;; left -= 5) {
        sqlite3_stmt *st = NULL;
        int rc = sqlite3_prepare_v2(h, "PRAGMA journal_mode=WAL", -1, &st, NULL);
        if (rc == SQLITE_OK)
            rc = sqlite3_step(st);
        const char *mode = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(st, 0) : NULL;
        bool wal = mode && strcmp(mode, "wal") == 0;
        sqlite3_finalize(st);
        if (wal)
            return SQLITE_OK;
        if ((rc & 0xff) != SQLITE_BUSY || left <= 0)
            return rc == SQLITE_ROW ? SQLITE_IOERR_SHMOPEN : rc;
        usleep(5000);
    }
}

static int
copy_pages(sqlite3 *from, sqlite3 *to)
{
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    int rc = backup ? sqlite3_backup_step(backup, -1) : sqlite3_errcode(to);
    sqlite3_backup_finish(backup);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

// What is about to be migrated is kept beside it: audit.db.v1, or audit.db.v1.2 where there is such
// a file already. The caller keeps other writers out.
static int
keep_copy(const char *name, int version)
{
    cleanup_free char *copy = xasprintf("%s.v%d", name, version);
    for (int i = 2; mknod(copy, S_IFREG | 0600, 0) < 0; i++) {
        if (errno != EEXIST || i > 99)
            return SQLITE_CANTOPEN;
        free(copy);
        copy = xasprintf("%s.v%d.%d", name, version, i);
    }
    // Not the caller's connection, which is in a transaction.
    sqlite3 *from = NULL, *to = NULL;
    int rc = open_handle(name, SQLITE_OPEN_READWRITE, &from);
    if (rc == SQLITE_OK)
        rc = open_handle(copy, SQLITE_OPEN_READWRITE, &to);
    if (rc == SQLITE_OK)
        rc = copy_pages(from, to);
    db_close(from);
    db_close(to);
    if (rc != SQLITE_OK)
        unlink(copy);
    return rc;
}

static int
migrate(sqlite3 *h, const char *name)
{
    int64_t version = 0;
    int rc = sqlite3_exec(h, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return rc;
    // Another session may have done it while this one waited.
    rc = inspect(h, &version);
    if (rc == SQLITE_OK && version > 0 && version < SCHEMA_VERSION)
        rc = keep_copy(name, (int)version);
    if (rc == SQLITE_OK && version < SCHEMA_VERSION)
        rc = schema_migrate(h, (int)version);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(h, "COMMIT", NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        sqlite3_exec(h, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

static int
prepare_for_writing(sqlite3 *h, const char *name, const char *path, struct err *err)
{
    int64_t version = 0;
    int rc = inspect(h, &version);
    if (rc != SQLITE_OK)
        return db_fail(h, rc, path, err);
    if (version > SCHEMA_VERSION) {
        cleanup_free char *shown = display_str(path, DISPLAY_QUOTE);
        return err_set(err, -EPROTO,
                       "%s was written by a newer nono (schema %lld, this one knows %d); "
                       "use --db FILE or a newer nono",
                       shown, (long long)version, SCHEMA_VERSION);
    }
    rc = become_wal(h);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(h, "PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0", NULL, NULL,
                          NULL);
    if (rc == SQLITE_OK && version < SCHEMA_VERSION)
        rc = migrate(h, name);
    if (rc != SQLITE_OK)
        return db_fail(h, rc, path, err);
    sqlite3_set_authorizer(h, authorize_write, NULL);
    return 0;
}

int
db_open_write(const char *path, sqlite3 **ret_h, struct err *err)
{
    sqlite3 *h = NULL;
    int r = make_file(path, err);
    if (r < 0)
        return r;
    cleanup_free char *name = plain_name(path);
    int rc = open_handle(name, SQLITE_OPEN_READWRITE, &h);
    r = rc == SQLITE_OK ? prepare_for_writing(h, name, path, err) : db_fail(h, rc, path, err);
    if (r < 0) {
        db_close(h);
        return r;
    }
    *ret_h = h;
    return 0;
}

// A name for SQLite with options of its own.
static char *
uri_name(const char *path, const char *options)
{
    struct buf b = {0};
    buf_puts(&b, "file:");
    for (const unsigned char *p = (const unsigned char *)path; *p; p++) {
        if ((*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z') ||
            strchr("/._-", *p))
            buf_putc(&b, (char)*p);
        else
            buf_printf(&b, "%%%02x", *p);
    }
    buf_puts(&b, options);
    return buf_steal(&b);
}

// Opens and looks whose it is. A result code; *ret_h is to be closed in any case.
static int
open_and_inspect(const char *name, sqlite3 **ret_h, int64_t *ret_version)
{
    int rc = open_handle(name, SQLITE_OPEN_READONLY, ret_h);
    return rc == SQLITE_OK ? inspect(*ret_h, ret_version) : rc;
}

// How to open what lies in a directory where no -shm can be made; NULL: not at all.
static const char *
unlocked_options(const char *name)
{
    struct stat st;
    cleanup_free char *wal = xasprintf("%s-wal", name);
    cleanup_free char *shm = xasprintf("%s-shm", name);
    // Without a -wal, or with an empty one, the file alone is the whole record.
    if (stat(wal, &st) < 0 ? errno == ENOENT : st.st_size == 0)
        return "?immutable=1";
    // Who writes has a -shm. Who has the file for himself needs none for the -wal.
    return stat(shm, &st) < 0 && errno == ENOENT ? "?vfs=unix-none" : NULL;
}

static int
open_unlocked(const char *name, const char *options, sqlite3 **ret_h, int64_t *ret_version)
{
    cleanup_free char *uri = uri_name(name, options);
    int rc = open_handle(uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, ret_h);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(*ret_h, "PRAGMA locking_mode=EXCLUSIVE", NULL, NULL, NULL);
    return rc == SQLITE_OK ? inspect(*ret_h, ret_version) : rc;
}

// A file of mode WAL without tables: what was recorded lies in its -wal. Only without one is it to
// be asked: closing a descriptor would drop the locks that this process holds on the file
// (make_file()), and who has it open for writing has a -wal.
static bool
is_empty_wal_mode(const char *path)
{
    // The header of the file, then that of its first page.
    unsigned char page[108];
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    return fd >= 0 && read(fd, page, sizeof page) == (ssize_t)sizeof page && page[18] == 2 &&
           page[100] == 13 && page[103] == 0 && page[104] == 0;
}

// Such a file whose -wal is not there: that is a copy, or what is left; a first session that is
// killed leaves a -wal. One that begins just now makes one in a moment, or made it between our two
// looks. To be asked before SQLite opens the file and makes one itself.
static bool
is_half(const char *path)
{
    struct stat st;
    cleanup_free char *wal = xasprintf("%s-wal", path);
    for (int left = HALF_MS; stat(wal, &st) < 0 && errno == ENOENT && is_empty_wal_mode(path);
         left -= 5) {
        if (left <= 0)
            return true;
        usleep(5000);
    }
    return false;
}

int
db_open_read(const char *path, sqlite3 **ret_h, struct err *err)
{
    struct stat st;
    sqlite3 *h = NULL;
    int64_t version = 0;
    if (stat(path, &st) < 0) {
        int code = -errno;
        // A link that leads nowhere is not a record that is yet to begin.
        return fail_errno(path, lstat(path, &st) == 0 ? -ELOOP : code, err);
    }
    if (!S_ISREG(st.st_mode))
        return fail_errno(path, S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL, err);
    cleanup_free char *shown = display_str(path, DISPLAY_QUOTE);
    // The -wal lies beside the file, not beside a link to it.
    cleanup_free char *name = realpath(path, NULL);
    if (!name)
        return fail_errno(path, -errno, err);
    if (is_half(name))
        return err_set(err, -EIO,
                       "%s holds nothing without the file of that name with -wal at its end, which "
                       "belongs to it and is not there",
                       shown);
    int rc = open_and_inspect(name, &h, &version);
    bool locked_out = (rc & 0xff) == SQLITE_CANTOPEN || (rc & 0xff) == SQLITE_READONLY;
    const char *options = locked_out ? unlocked_options(name) : NULL;
    if (options) {
        db_close(h);
        rc = open_unlocked(name, options, &h, &version);
    }
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(h, "PRAGMA query_only=1", NULL, NULL, NULL);
    int r = rc == SQLITE_OK ? 0 : db_fail(h, rc, path, err);
    if (r == 0 && version == 0)
        r = err_set(err, -ENOENT, "nothing is recorded yet in %s", shown);
    if (r < 0) {
        db_close(h);
        return r;
    }
    sqlite3_set_authorizer(h, authorize_read, NULL);
    *ret_h = h;
    return 0;
}
