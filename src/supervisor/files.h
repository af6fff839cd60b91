// SPDX-License-Identifier: Apache-2.0
// The open family: from a notification to what is to be done about it, and doing it on behalf.
// Any thread of the supervisor (a call belongs to one at a time).
#pragma once
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "calls.h"
#include "resolve.h"

// One open, its arguments copied once (I2). Plain data.
struct open_call {
    struct call call;
    int dirfd;
    uint64_t flags;
    uint32_t mode;
    uint64_t resolve; /* of openat2 */
    bool steers;      /* the path is that of an instruction file as it is written (trust.h) */
    size_t path_len;
    char path[NONO_PATH_MAX];
};

enum files_decoded {
    FILES_OK,
    FILES_NATIVE, /* malformed in a way that the kernel refuses whatever the memory holds: let it
                     say so */
    FILES_ERROR,  /* *ret_error is the answer */
};
// Copies the arguments. The caller checks the notification id afterwards.
enum files_decoded files_decode(const struct call_row *row, const struct seccomp_notif *n,
                                struct open_call *ret_c, int *ret_error);

// What the open needs, as bits of enum access.
unsigned files_access(const struct open_call *c);
// Resolves the target; flags beyond the call's own: RESOLVE_NOW or 0. As resolve_path().
int files_resolve(const struct open_call *c, unsigned flags, struct resolved *ret_r);
// Would the call fail natively whatever the policy says (wrong type, exists already, not permitted
// by mode)? Asking about it would be noise.
bool files_fails_natively(const struct open_call *c, const struct resolved *r, uint32_t st_mode);
// Is it of a process outside the sandbox, as procfs shows it? Only the kernel, which looks at who
// opens, may answer for such an object.
bool files_is_foreign_process(const struct resolved *r);
// What is behind the entry of /proc of thread tid's own process, or of a thread of that, as
// path_in_process(); NULL: it is something else.
const char *files_in_own_process(const struct resolved *r, pid_t tid);
// May the open of such an object block?
bool files_may_block(const struct open_call *c, const struct resolved *r);
// Opens the held object, or creates in the held directory, with the task's flags, mode and umask.
// now: -EAGAIN instead of waiting for the holder of a lease.
// Returns a descriptor (close-on-exec), -errno as native, or -NONO_ECHANGED when something
// appeared at the name meanwhile: the call then comes again and is judged anew. The calling thread
// must have an own umask (unshare(CLONE_FS)).
int files_open(const struct open_call *c, const struct resolved *r, bool now);
bool files_cloexec(const struct open_call *c);
