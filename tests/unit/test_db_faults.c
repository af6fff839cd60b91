// SPDX-License-Identifier: Apache-2.0
// A disk whose calls fail, one kind at a time: below SQLite lies a layer that refuses.
#include <criterion/criterion.h>
#include <stdatomic.h>

#include "db_helpers.h"
#include "verify.h"

// --- the layer -----------------------------------------------------------------------------------

enum fault { FAULT_NONE, FAULT_WRITE, FAULT_SYNC, FAULT_FULL };

static atomic_int fault;
static atomic_int refused; /* calls that failed so far */
static sqlite3_vfs *real_vfs;

struct file {
    sqlite3_file base;
    sqlite3_file *real; /* behind this */
};

#define REAL(f) (((struct file *)(f))->real)

static int
fail_with(enum fault when, int rc)
{
    if (atomic_load(&fault) != (int)when)
        return SQLITE_OK;
    atomic_fetch_add(&refused, 1);
    return rc;
}

static int
f_close(sqlite3_file *f)
{
    return REAL(f)->pMethods->xClose(REAL(f));
}

static int
f_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    return REAL(f)->pMethods->xRead(REAL(f), p, n, at);
}

static int
f_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    int rc = fail_with(FAULT_WRITE, SQLITE_IOERR_WRITE);
    if (rc == SQLITE_OK)
        rc = fail_with(FAULT_FULL, SQLITE_FULL);
    return rc == SQLITE_OK ? REAL(f)->pMethods->xWrite(REAL(f), p, n, at) : rc;
}

static int
f_truncate(sqlite3_file *f, sqlite3_int64 n)
{
    return REAL(f)->pMethods->xTruncate(REAL(f), n);
}

static int
f_sync(sqlite3_file *f, int flags)
{
    int rc = fail_with(FAULT_SYNC, SQLITE_IOERR_FSYNC);
    return rc == SQLITE_OK ? REAL(f)->pMethods->xSync(REAL(f), flags) : rc;
}

static int
f_size(sqlite3_file *f, sqlite3_int64 *n)
{
    return REAL(f)->pMethods->xFileSize(REAL(f), n);
}

static int
f_lock(sqlite3_file *f, int level)
{
    return REAL(f)->pMethods->xLock(REAL(f), level);
}

static int
f_unlock(sqlite3_file *f, int level)
{
    return REAL(f)->pMethods->xUnlock(REAL(f), level);
}

static int
f_check_lock(sqlite3_file *f, int *locked)
{
    return REAL(f)->pMethods->xCheckReservedLock(REAL(f), locked);
}

static int
f_control(sqlite3_file *f, int op, void *arg)
{
    return REAL(f)->pMethods->xFileControl(REAL(f), op, arg);
}

static int
f_sector(sqlite3_file *f)
{
    return REAL(f)->pMethods->xSectorSize(REAL(f));
}

static int
f_device(sqlite3_file *f)
{
    return REAL(f)->pMethods->xDeviceCharacteristics(REAL(f));
}

static int
f_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **p)
{
    return REAL(f)->pMethods->xShmMap(REAL(f), page, size, extend, p);
}

static int
f_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
    return REAL(f)->pMethods->xShmLock(REAL(f), at, n, flags);
}

static void
f_shm_barrier(sqlite3_file *f)
{
    REAL(f)->pMethods->xShmBarrier(REAL(f));
}

static int
f_shm_unmap(sqlite3_file *f, int remove)
{
    return REAL(f)->pMethods->xShmUnmap(REAL(f), remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = f_close,
    .xRead = f_read,
    .xWrite = f_write,
    .xTruncate = f_truncate,
    .xSync = f_sync,
    .xFileSize = f_size,
    .xLock = f_lock,
    .xUnlock = f_unlock,
    .xCheckReservedLock = f_check_lock,
    .xFileControl = f_control,
    .xSectorSize = f_sector,
    .xDeviceCharacteristics = f_device,
    .xShmMap = f_shm_map,
    .xShmLock = f_shm_lock,
    .xShmBarrier = f_shm_barrier,
    .xShmUnmap = f_shm_unmap,
};

static int
v_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
    struct file *f = (struct file *)file;
    f->real = (sqlite3_file *)(f + 1);
    int rc = real_vfs->xOpen(real_vfs, name, f->real, flags, ret_flags);
    f->base.pMethods = f->real->pMethods ? &methods : NULL;
    return rc;
}

static void
setup_faults(void)
{
    static sqlite3_vfs vfs;
    setup();
    real_vfs = sqlite3_vfs_find(NULL);
    vfs = *real_vfs;
    vfs.zName = "faulty";
    vfs.szOsFile = (int)sizeof(struct file) + real_vfs->szOsFile;
    vfs.xOpen = v_open;
    cr_assert(sqlite3_vfs_register(&vfs, 1) == SQLITE_OK);
}

TestSuite(faults, .init = setup_faults, .fini = teardown, .timeout = 60);

// --- tests
// -----------------------------------------------------------------------------------------

static void
no_problem(void *ctx, const struct verify_row *row)
{
    cr_assert(row->problem == NULL, "%s: %d %s", row->id, (int)row->at, row->problem);
}

static void
decide(struct writer *w, uint64_t id, enum verdict v, int expected)
{
    writer_add_decision(w, make_decision(id, v), NULL, 1, true);
    struct record_ack a = next_ack();
    cr_assert(a.request == id && a.error == expected, "%d", a.error);
}

static void
expect_recovery(enum fault f, int error)
{
    struct writer *w = start("0123456789ab");
    writer_add_request(w, make_request(1));
    decide(w, 1, VERDICT_ALLOW, 0);
    atomic_store(&fault, f);
    writer_add_request(w, make_request(2));
    for (int i = 0; i < 3; i++)
        decide(w, 2, VERDICT_ALLOW, error);
    cr_assert(writer_error(w) == error && atomic_load(&refused) > 0);
    atomic_store(&fault, FAULT_NONE);
    // Without being asked to.
    cr_assert(query_becomes("SELECT count(*) FROM event WHERE kind = 'fault'"
                            " AND CAST(text AS TEXT) LIKE '%could not be written%'",
                            "1"));
    decide(w, 2, VERDICT_DENY, 0);
    writer_stop(w, 0);
    cr_assert(query_gives("SELECT group_concat(verdict) FROM decision", "allow,deny"));
    cr_assert(query_gives("PRAGMA integrity_check", "ok"));
    cleanup_err struct err err = {0};
    cr_assert(verify_record(db, &(struct verify_options){0}, no_problem, NULL, &err) == 0, "%s",
              err.msg);
}

Test(faults, writes_fail)
{
    expect_recovery(FAULT_WRITE, -EIO);
}

// What is not known to be on disk is not acknowledged (I5).
Test(faults, syncs_fail)
{
    expect_recovery(FAULT_SYNC, -EIO);
}

Test(faults, disk_is_full)
{
    expect_recovery(FAULT_FULL, -ENOSPC);
}

Test(faults, besteffort)
{
    besteffort = true;
    struct writer *w = start("0123456789ab");
    atomic_store(&fault, FAULT_WRITE);
    writer_add_request(w, make_request(1));
    decide(w, 1, VERDICT_ALLOW, 0);
    cr_assert(writer_error(w) == -EIO);
    atomic_store(&fault, FAULT_NONE);
    cr_assert(query_becomes("SELECT count(*) FROM decision", "1"));
    writer_stop(w, 0);
}

Test(faults, no_session_without_a_disk)
{
    struct session_info s = {.id = (char *)"0123456789ab"};
    struct writer_options o = {.path = db, .key = key_file, .info = &s, .acks = acks};
    struct writer *w = NULL;
    cleanup_err struct err err = {0};
    writer_stop(start("aaaaaaaaaaaa"), 0);
    atomic_store(&fault, FAULT_WRITE);
    cr_assert(writer_start(&o, &w, &err) == -EIO && strstr(err.msg, "audit.db"), "%s", err.msg);
    atomic_store(&fault, FAULT_NONE);
    cr_assert(writer_start(&o, &w, NULL) == 0);
    writer_stop(w, 0);
    cr_assert(query_gives("SELECT count(*) FROM session", "2"));
}
