// SPDX-License-Identifier: Apache-2.0
// A request as it was shown, made again from the record.
#include <string.h>
#include <sys/socket.h>

#include "db.h"
#include "facts.h"
#include "query_internal.h"
#include "util.h"

// The names of FACTS_REQUEST without redacted, in their order.
enum {
    R_ID,
    R_SEQ,
    R_OP,
    R_ACCESS,
    R_CALL,
    R_FLAGS,
    R_MODE,
    R_PID,
    R_TID,
    R_START_TIME,
    R_UID,
    R_EXE,
    R_ARGV,
    R_CWD,
    R_ANCESTRY,
    R_TARGET,
    R_RESOLVED,
    R_COVERED,
    R_NEAREST,
    R_WHY,
    R_OBJECT,
    R_RISK = R_OBJECT + 8,
    R_TAGS,
    R_RAISED_NS,
    R_DIGEST,
    R_TARGET2,
    R_RESOLVED2,
    R_OBJECT2,
    R_DETAIL = R_OBJECT2 + 8,
    R_INTERPRETER,
    R_SHA256,
    R_FAMILY,
    R_TYPE,
    R_PORT,
    R_ADDR,
    R_SCOPE_ID,
    R_ABSTRACT,
    R_LOOPBACK,
    R_HOST,
    R_EXE_SHA256,
};

static char *
string_at(sqlite3_stmt *st, int column)
{
    const char *s = column_string(st, column);
    return xstrdup(s ? s : "");
}

static uint32_t
u32_at(sqlite3_stmt *st, int column)
{
    return (uint32_t)sqlite3_column_int64(st, column);
}

// At most n bytes; true when there are that many.
static bool
bytes_at(sqlite3_stmt *st, int column, void *ret, size_t n)
{
    const void *bytes = sqlite3_column_blob(st, column);
    size_t len = bytes ? (size_t)sqlite3_column_bytes(st, column) : 0;
    if (len)
        memcpy(ret, bytes, len < n ? len : n);
    return len == n;
}

static struct object
object_at(sqlite3_stmt *st, int column)
{
    return (struct object){
        .exists = sqlite3_column_int(st, column) != 0,
        .dev = column_u64(st, column + 1),
        .ino = column_u64(st, column + 2),
        .mode = u32_at(st, column + 3),
        .uid = u32_at(st, column + 4),
        .gid = u32_at(st, column + 5),
        .size = column_u64(st, column + 6),
        .nlink = column_u64(st, column + 7),
    };
}

static void
read_peer(sqlite3_stmt *st, struct endpoint *ret_peer)
{
    *ret_peer = (struct endpoint){
        .family = sqlite3_column_int(st, R_FAMILY),
        .type = sqlite3_column_int(st, R_TYPE),
        .port = (uint16_t)sqlite3_column_int(st, R_PORT),
        .scope_id = u32_at(st, R_SCOPE_ID),
        .abstract = sqlite3_column_int(st, R_ABSTRACT) != 0,
        .loopback = sqlite3_column_int(st, R_LOOPBACK) != 0,
    };
    bytes_at(st, R_ADDR, ret_peer->addr, sizeof ret_peer->addr);
}

// Names of system calls are few: each is kept once, for ever.
static const char *
call_name(const char *name)
{
    static const char *const known[] = {
        "open",     "openat",    "openat2",   "creat",    "unlink",    "unlinkat",  "rmdir",
        "rename",   "renameat",  "renameat2", "mkdir",    "mkdirat",   "link",      "linkat",
        "symlink",  "symlinkat", "mknod",     "mknodat",  "truncate",  "chmod",     "fchmod",
        "fchmodat", "fchmodat2", "chown",     "lchown",   "fchown",    "fchownat",  "utime",
        "utimes",   "utimensat", "futimesat", "setxattr", "fsetxattr", "lsetxattr", "removexattr",
        "execve",   "execveat",  "connect",   "bind",     "sendto",    "sendmsg",   "sendmmsg"};
    for (size_t i = 0; name && i < ARRAY_SIZE(known); i++)
        if (strcmp(known[i], name) == 0)
            return known[i];
    return "other";
}

static struct request *
read_request(sqlite3_stmt *st)
{
    struct request *r = request_new();
    size_t argv_len = (size_t)sqlite3_column_bytes(st, R_ARGV);
    const void *argv = sqlite3_column_blob(st, R_ARGV);
    r->id = column_u64(st, R_ID);
    r->op = op_from_string(column_string(st, R_OP));
    r->access = u32_at(st, R_ACCESS) & (ACCESS_READ | ACCESS_WRITE);
    r->call = call_name(column_string(st, R_CALL));
    r->flags = column_u64(st, R_FLAGS);
    r->mode = u32_at(st, R_MODE);
    r->pid = (pid_t)sqlite3_column_int(st, R_PID);
    r->tid = (pid_t)sqlite3_column_int(st, R_TID);
    r->start_time = column_u64(st, R_START_TIME);
    r->uid = u32_at(st, R_UID);
    r->exe = string_at(st, R_EXE);
    r->argv = argv_len ? xmemdup(argv, argv_len) : xstrdup("");
    r->argv_len = argv_len;
    r->cwd = string_at(st, R_CWD);
    r->ancestry = string_at(st, R_ANCESTRY);
    r->target = string_at(st, R_TARGET);
    r->resolved = string_at(st, R_RESOLVED);
    r->covered = column_u64(st, R_COVERED);
    if (r->covered > strlen(r->resolved))
        r->covered = 0;
    r->nearest = string_at(st, R_NEAREST);
    r->why = reason_from_string(column_string(st, R_WHY));
    r->object = object_at(st, R_OBJECT);
    r->risk = risk_from_string(column_string(st, R_RISK));
    r->tags = string_at(st, R_TAGS);
    r->raised_real_ns = column_u64(st, R_RAISED_NS);
    bytes_at(st, R_DIGEST, r->digest, DIGEST_LEN);
    r->target2 = string_at(st, R_TARGET2);
    r->resolved2 = string_at(st, R_RESOLVED2);
    r->object2 = object_at(st, R_OBJECT2);
    r->detail = string_at(st, R_DETAIL);
    r->interpreter = string_at(st, R_INTERPRETER);
    r->has_sha256 = bytes_at(st, R_SHA256, r->sha256, SHA256_LEN);
    read_peer(st, &r->peer);
    r->host = string_at(st, R_HOST);
    r->has_exe_sha256 = bytes_at(st, R_EXE_SHA256, r->exe_sha256, SHA256_LEN);
    r->count = 1;
    return r;
}

int
reader_request(struct reader *r, const char *session, uint64_t id, struct request **ret_r,
               struct err *err)
{
    static const char sql[] =
        "SELECT id, seq, op, access, call, flags, mode, pid, tid, start_time, uid, exe, argv, cwd,"
        " ancestry, target, resolved, covered, nearest, why, object_exists, dev, ino, object_mode,"
        " object_uid, object_gid, size, nlink, risk, tags, raised_ns, digest, target2, resolved2,"
        " object2_exists, dev2, ino2, object2_mode, object2_uid, object2_gid, size2, nlink2,"
        " detail, interpreter, sha256, " FACTS_ENDPOINT ", exe_sha256 FROM request"
        " WHERE session = (SELECT nr FROM session s WHERE s.id = ?1) AND id = ?2";
    struct request *found = NULL;
    int rc = r->request ? SQLITE_OK : reader_prepare(r, sql, &r->request);
    if (rc == SQLITE_OK) {
        sqlite3_bind_text(r->request, 1, session, -1, SQLITE_STATIC);
        sqlite3_bind_int64(r->request, 2, (int64_t)id);
        rc = sqlite3_step(r->request);
    }
    if (rc == SQLITE_ROW)
        found = read_request(r->request);
    sqlite3_reset(r->request);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return db_fail(r->h, rc, r->path, err);
    *ret_r = found;
    return 0;
}
