// SPDX-License-Identifier: Apache-2.0
#include "files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "denial.h"
#include "enums.h"
#include "kernel.h"
#include "mounts.h"
#include "tracee.h"
#include "util.h"

#define HOW_SIZE_0 24 /* sizeof(struct open_how) of its first version */
#define KNOWN_FLAGS                                                                                \
    (O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_DSYNC |         \
     O_SYNC | O_ASYNC | O_DIRECT | 0100000 /* O_LARGEFILE */ | O_DIRECTORY | O_NOFOLLOW |          \
     O_NOATIME | O_CLOEXEC | O_PATH | O_TMPFILE)
#define KNOWN_RESOLVE                                                                              \
    (RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH |             \
     RESOLVE_IN_ROOT | RESOLVE_CACHED)

// The structure's size is a register: too small and too large are native whatever the memory holds.
static enum files_decoded
decode_how(const struct seccomp_notif *n, struct open_call *c, int *ret_error)
{
    uint64_t size = n->data.args[3];
    unsigned char how[4096];
    if (size < HOW_SIZE_0 || size > sizeof how)
        return FILES_NATIVE;
    int ret = tracee_read(c->call.tid, n->data.args[2], how, size);
    if (ret < 0) {
        *ret_error = -ret;
        return FILES_ERROR;
    }
    for (size_t i = HOW_SIZE_0; i < size; i++) {
        if (how[i]) {
            *ret_error = E2BIG;
            return FILES_ERROR;
        }
    }
    struct open_how h;
    memcpy(&h, how, sizeof h);
    // open_how refuses what it does not know, and a mode without a creation (fs/open.c,
    // build_open_flags()).
    bool creates = h.flags & O_CREAT || (h.flags & O_TMPFILE) == O_TMPFILE;
    if (h.flags & ~(uint64_t)KNOWN_FLAGS || h.resolve & ~(uint64_t)KNOWN_RESOLVE ||
        (h.resolve & RESOLVE_BENEATH && h.resolve & RESOLVE_IN_ROOT) || (h.mode && !creates) ||
        h.mode & ~07777ull) {
        *ret_error = EINVAL;
        return FILES_ERROR;
    }
    c->flags = h.flags;
    c->mode = (uint32_t)h.mode;
    c->resolve = h.resolve;
    return FILES_OK;
}

// What no memory can make valid: the kernel looks at it before it looks at the path (fs/open.c,
// build_open_flags()). 0 or the errno.
static int
flags_error(const struct open_call *c)
{
    uint64_t f = c->flags;
    bool tmpfile = (f & O_TMPFILE) == O_TMPFILE;
    if ((f & (O_DIRECTORY | O_CREAT)) == (O_DIRECTORY | O_CREAT))
        return EINVAL;
    if (f & (O_TMPFILE & ~O_DIRECTORY) && (!tmpfile || (f & O_ACCMODE) == O_RDONLY))
        return EINVAL;
    if (f & O_PATH && f & ~(uint64_t)(O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC))
        return EINVAL;
    if (c->resolve & RESOLVE_CACHED && (f & (O_TRUNC | O_CREAT) || tmpfile))
        return EAGAIN;
    return 0;
}

enum files_decoded
files_decode(const struct call_row *row, const struct seccomp_notif *n, struct open_call *c,
             int *ret_error)
{
    const __u64 *a = n->data.args;
    uint64_t path;
    c->call = (struct call){.row = row, .id = n->id, .tid = (pid_t)n->pid};
    c->dirfd = AT_FDCWD;
    c->resolve = 0;
    if (row->nr == SYS_openat || row->nr == SYS_openat2) {
        c->dirfd = (int)a[0];
        path = a[1];
        c->flags = (unsigned)a[2];
        c->mode = (uint32_t)a[3];
    } else {
        path = a[0];
        c->flags = (unsigned)a[1];
        c->mode = (uint32_t)a[2];
    }
#ifdef SYS_creat
    if (row->nr == SYS_creat) {
        c->flags = O_CREAT | O_WRONLY | O_TRUNC;
        c->mode = (uint32_t)a[1];
    }
#endif
    if (row->nr == SYS_openat2) {
        enum files_decoded d = decode_how(n, c, ret_error);
        if (d != FILES_OK)
            return d;
    } else {
        // open(2) ignores what it does not know.
        c->flags &= KNOWN_FLAGS;
        c->mode &= 07777;
        if (c->flags & O_PATH)
            c->flags &= O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC;
    }
    if ((*ret_error = flags_error(c)))
        return FILES_ERROR;
    ssize_t len = tracee_read_path(c->call.tid, path, c->path);
    if (len < 0) {
        // I1: a path that cannot be read is a refusal, not a guess.
        *ret_error = len == -EPERM ? EACCES : (int)-len;
        return FILES_ERROR;
    }
    if (len == 0) {
        *ret_error = ENOENT;
        return FILES_ERROR;
    }
    c->path_len = (size_t)len;
    return FILES_OK;
}

unsigned
files_access(const struct open_call *c)
{
    unsigned access;
    if (c->flags & O_PATH)
        return 0;
    switch (c->flags & O_ACCMODE) {
    case O_RDONLY:
        access = ACCESS_READ;
        break;
    case O_WRONLY:
        access = ACCESS_WRITE;
        break;
    default: // 3 wants both permissions and gives neither (open(2), NOTES)
        access = ACCESS_READ | ACCESS_WRITE;
    }
    if (c->flags & O_TRUNC)
        access |= ACCESS_WRITE;
    return access;
}

int
files_resolve(const struct open_call *c, unsigned flags, struct resolved *ret_r)
{
    if (c->flags & O_CREAT) {
        flags |= RESOLVE_WANT_PARENT;
        if (c->flags & O_EXCL)
            flags |= RESOLVE_KEEP_LINK;
    }
    if (c->flags & O_NOFOLLOW)
        flags |= RESOLVE_KEEP_LINK;
    if (c->resolve)
        return resolve_restricted(c->call.tid, c->dirfd, c->path, c->resolve, flags, ret_r);
    return resolve_path(c->call.tid, c->dirfd, c->path, flags | RESOLVE_DEEP, ret_r);
}

bool
files_fails_natively(const struct open_call *c, const struct resolved *r, uint32_t st_mode)
{
    unsigned access = files_access(c);
    bool tmpfile = (c->flags & O_TMPFILE) == O_TMPFILE, local = resolve_is_local(r->fd);
    int want = (access & ACCESS_READ ? R_OK : 0) | (access & ACCESS_WRITE ? W_OK : 0);
    if (!r->exists)
        return local && faccessat(r->fd, "", W_OK | X_OK, AT_EACCESS | AT_EMPTY_PATH) < 0;
    if (S_ISLNK(st_mode) || (c->flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
        return true;
    if (S_ISDIR(st_mode) ? (access & ACCESS_WRITE && !tmpfile) || c->flags & O_CREAT
                         : (c->flags & O_DIRECTORY) != 0)
        return true;
    // Whether a remote one allows it only it can say: that is found out in a worker.
    return local && faccessat(r->fd, "", want, AT_EACCESS | AT_EMPTY_PATH) < 0;
}

bool
files_is_foreign_process(const struct resolved *r)
{
    int kind = mount_kind_of(r->fd);
    if (kind < 0)
        return true;
    if (kind != MOUNT_PROC)
        return false;
    // Another instance of procfs numbers its processes by another namespace.
    if (strncmp(r->path, "/proc/", 6) != 0)
        return true;
    pid_t pid = tracee_of_path(r->path);
    return pid && !tracee_is_inside(pid);
}

const char *
files_in_own_process(const struct resolved *r, pid_t tid)
{
    struct tracee_status st, named;
    pid_t pid = tracee_of_path(r->path);
    if (!r->exists || !pid || mount_kind_of(r->fd) != MOUNT_PROC ||
        tracee_read_status(tid, &st) < 0)
        return NULL;
    // A thread has an entry of its own, which no listing shows.
    bool own = pid == st.tgid || (tracee_read_status(pid, &named) == 0 && named.tgid == st.tgid);
    return own ? path_in_process(r->path, pid) : NULL;
}

bool
files_may_block(const struct open_call *c, const struct resolved *r)
{
    struct stat st;
    if (mount_stat(r->fd, &st) < 0)
        return true;
    return !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) || !resolve_is_local(r->fd);
}

static int
open_create(const struct open_call *c, const struct resolved *r)
{
    // O_EXCL even when the task did not say so: what was shown was that nothing is there (I3).
    int flags =
        (int)(c->flags & ~(uint64_t)(O_CLOEXEC | O_NOFOLLOW)) | O_EXCL | O_CLOEXEC | O_NOCTTY;
    int fd = openat(r->fd, r->leaf, flags, c->mode);
    if (fd < 0 && errno == EEXIST && !(c->flags & O_EXCL))
        return -NONO_ECHANGED;
    return fd < 0 ? -errno : fd;
}

// The holder of a lease (fcntl(2)) may be the sandbox itself, which must not make others wait.
static int
reopen(const char *link, int flags, uint32_t mode, bool now)
{
    int fd = open(link, now ? flags | O_NONBLOCK : flags, mode);
    if (fd < 0)
        return -errno;
    if (now && !(flags & O_NONBLOCK) && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

int
files_open(const struct open_call *c, const struct resolved *r, bool now)
{
    struct tracee_status s;
    if (!r->exists || (c->flags & O_TMPFILE) == O_TMPFILE) {
        int ret = tracee_read_status(c->call.tid, &s);
        if (ret < 0)
            return ret;
        umask(s.umask);
    }
    if (!r->exists)
        return open_create(c, r);
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", r->fd);
    uint64_t drop = O_CREAT | O_NOFOLLOW | O_CLOEXEC;
    if ((c->flags & O_TMPFILE) != O_TMPFILE)
        drop |= O_EXCL;
    return reopen(link, (int)(c->flags & ~drop) | O_CLOEXEC | O_NOCTTY, c->mode, now);
}

bool
files_cloexec(const struct open_call *c)
{
    return c->flags & O_CLOEXEC;
}
