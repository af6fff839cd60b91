// SPDX-License-Identifier: Apache-2.0
// FAMILY_PATH: calls that change names, files and their metadata. Decoding and doing are here for
// any thread of the supervisor (a call belongs to one at a time); paths.c judges.
#pragma once
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include "bounds.h"
#include "calls.h"
#include "enums.h"
#include "resolve.h"

enum path_kind {
    PATH_MKDIR,
    PATH_MKNOD,
    PATH_SYMLINK,
    PATH_UNLINK,
    PATH_RMDIR,
    PATH_RENAME,
    PATH_LINK,
    PATH_TRUNCATE,
    // Metadata: Landlock knows none of these, so there is no floor under them (I2).
    PATH_CHMOD,
    PATH_CHOWN,
    PATH_UTIMES,
    PATH_SETXATTR,
    PATH_REMOVEXATTR,
    PATH_SETATTR,
};

// One call, its arguments copied once (I2).
struct path_call {
    struct call call;
    enum path_kind kind;
    int dirfd[2];
    int fd;         /* by descriptor: of the task, or AT_FDCWD; else -1 */
    bool opened;    /* which must not be an O_PATH one */
    unsigned flags; /* AT_*, RENAME_* as given */
    uint32_t mode;
    int64_t length;
    uint32_t uid, gid;
    struct timespec times[2];
    bool times_now; /* NULL was given */
    bool nothing;   /* succeeds without an effect, wherever the path leads */
    int xflags;
    char xname[256];
    void *data; /* owned: a symbolic link's text, an attribute's value, file attributes; or NULL */
    size_t size;
    char *target[2]; /* owned: the paths as the task wrote them; target[1] for two ends only */
};

void path_call_done(struct path_call *c);
// Landlock governs the kind: CONTINUE inside the floor is safe whatever the memory holds.
bool path_is_governed(enum path_kind kind);
// The kind names an entry of a directory, not the object behind it.
bool path_is_entry(enum path_kind kind);
bool path_has_two_ends(enum path_kind kind);
enum op path_op(enum path_kind kind);
// Would it make a device node? Those are never made, by whomever.
bool path_makes_device(const struct path_call *c);
// "mode 0644 -> 0600": what a person should know beside the path. st: of the object; other: of what
// is at the other end, or NULL. The caller frees it.
char *path_detail(const struct path_call *c, const struct stat *st, const struct stat *other);

// Copies the arguments. 0, or the errno (positive) that the call fails with; *ret_c is to be freed
// in either case.
int path_decode(const struct call_row *row, const struct seccomp_notif *n, struct path_call *ret_c);
// Resolves end i (0 or 1). flags: RESOLVE_NOW or 0. As resolve_path().
int path_resolve(const struct path_call *c, unsigned i, unsigned flags, struct resolved *ret_r);

// Does it on the held ends. -errno as native, or -NONO_ECHANGED when what was held is no
// longer what is there: the call then comes again and is judged anew. The calling thread must have
// an own umask. task_umask: of the task.
int path_do(const struct path_call *c, const struct resolved *ends, uint32_t task_umask);
// The errno (positive) that the call fails with whatever the policy says, or 0: asking about it
// would be noise. caps: effective ones of the sandbox.
int path_native_error(const struct path_call *c, const struct resolved *ends, uint64_t caps);
