// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "buf.h"
#include "kernel.h"
#include "paths.h"
#include "tracee.h"
#include "util.h"

#define NONE (-1)
#define FILE_ATTR_MIN 24u /* sizeof(struct file_attr) of its first version */

// Which argument is what; NONE: the call has none. `own` is where those that only this kind has
// begin, in the order of the man page.
struct layout {
    int nr;
    enum path_kind kind;
    signed char dirfd, path, dirfd2, path2, fd, mode, flags, own;
    unsigned implied; /* flags that the call stands for */
    unsigned known;   /* flags that it takes */
};

#define NOFOLLOW AT_SYMLINK_NOFOLLOW
#define AT_META (AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)
#define RENAME_KNOWN (RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)

// clang-format off
static const struct layout layouts[] = {
    // number          kind               dir path dir2 path2 fd mode flags own   implied  known
    {SYS_mkdirat,      PATH_MKDIR,        0, 1, NONE, NONE, NONE, 2, NONE, NONE, 0, 0},
    {SYS_mknodat,      PATH_MKNOD,        0, 1, NONE, NONE, NONE, 2, NONE, 3, 0, 0},
    {SYS_symlinkat,    PATH_SYMLINK,      1, 2, NONE, NONE, NONE, NONE, NONE, 0, 0, 0},
    {SYS_unlinkat,     PATH_UNLINK,       0, 1, NONE, NONE, NONE, NONE, 2, NONE, 0, AT_REMOVEDIR},
    {SYS_renameat2,    PATH_RENAME,       0, 1, 2, 3, NONE, NONE, 4, NONE, 0, RENAME_KNOWN},
    {SYS_linkat,       PATH_LINK,         0, 1, 2, 3, NONE, NONE, 4, NONE, 0,
     AT_SYMLINK_FOLLOW | AT_EMPTY_PATH},
    {SYS_truncate,     PATH_TRUNCATE,     NONE, 0, NONE, NONE, NONE, NONE, NONE, 1, 0, 0},
    {SYS_fchmod,       PATH_CHMOD,        NONE, NONE, NONE, NONE, 0, 1, NONE, NONE, 0, 0},
    {SYS_fchmodat,     PATH_CHMOD,        0, 1, NONE, NONE, NONE, 2, NONE, NONE, 0, 0},
    {SYS_fchmodat2,    PATH_CHMOD,        0, 1, NONE, NONE, NONE, 2, 3, NONE, 0, AT_META},
    {SYS_fchown,       PATH_CHOWN,        NONE, NONE, NONE, NONE, 0, NONE, NONE, 1, 0, 0},
    {SYS_fchownat,     PATH_CHOWN,        0, 1, NONE, NONE, NONE, NONE, 4, 2, 0, AT_META},
    {SYS_utimensat,    PATH_UTIMES,       0, 1, NONE, NONE, NONE, NONE, 3, 2, 0, AT_META},
    {SYS_setxattr,     PATH_SETXATTR,     NONE, 0, NONE, NONE, NONE, NONE, NONE, 1, 0, 0},
    {SYS_lsetxattr,    PATH_SETXATTR,     NONE, 0, NONE, NONE, NONE, NONE, NONE, 1, NOFOLLOW, 0},
    {SYS_fsetxattr,    PATH_SETXATTR,     NONE, NONE, NONE, NONE, 0, NONE, NONE, 1, 0, 0},
    {SYS_setxattrat,   PATH_SETXATTR,     0, 1, NONE, NONE, NONE, NONE, 2, 3, 0, AT_META},
    {SYS_removexattr,  PATH_REMOVEXATTR,  NONE, 0, NONE, NONE, NONE, NONE, NONE, 1, 0, 0},
    {SYS_lremovexattr, PATH_REMOVEXATTR,  NONE, 0, NONE, NONE, NONE, NONE, NONE, 1, NOFOLLOW, 0},
    {SYS_fremovexattr, PATH_REMOVEXATTR,  NONE, NONE, NONE, NONE, 0, NONE, NONE, 1, 0, 0},
    {SYS_removexattrat, PATH_REMOVEXATTR, 0, 1, NONE, NONE, NONE, NONE, 2, 3, 0, AT_META},
    {SYS_file_setattr, PATH_SETATTR,      0, 1, NONE, NONE, NONE, NONE, 4, 2, 0, AT_META},
#ifdef SYS_renameat
    {SYS_renameat,     PATH_RENAME,       0, 1, 2, 3, NONE, NONE, NONE, NONE, 0, 0},
#endif
#ifdef SYS_open
    {SYS_mkdir,        PATH_MKDIR,        NONE, 0, NONE, NONE, NONE, 1, NONE, NONE, 0, 0},
    {SYS_mknod,        PATH_MKNOD,        NONE, 0, NONE, NONE, NONE, 1, NONE, 2, 0, 0},
    {SYS_symlink,      PATH_SYMLINK,      NONE, 1, NONE, NONE, NONE, NONE, NONE, 0, 0, 0},
    {SYS_unlink,       PATH_UNLINK,       NONE, 0, NONE, NONE, NONE, NONE, NONE, NONE, 0, 0},
    {SYS_rmdir,        PATH_RMDIR,        NONE, 0, NONE, NONE, NONE, NONE, NONE, NONE, 0, 0},
    {SYS_rename,       PATH_RENAME,       NONE, 0, NONE, 1, NONE, NONE, NONE, NONE, 0, 0},
    {SYS_link,         PATH_LINK,         NONE, 0, NONE, 1, NONE, NONE, NONE, NONE, 0, 0},
    {SYS_chmod,        PATH_CHMOD,        NONE, 0, NONE, NONE, NONE, 1, NONE, NONE, 0, 0},
    {SYS_chown,        PATH_CHOWN,        NONE, 0, NONE, NONE, NONE, NONE, NONE, 1, 0, 0},
    {SYS_lchown,       PATH_CHOWN,        NONE, 0, NONE, NONE, NONE, NONE, NONE, 1, NOFOLLOW, 0},
    {SYS_utime,        PATH_UTIMES,       NONE, 0, NONE, NONE, NONE, NONE, NONE, 1, 0, 0},
    {SYS_utimes,       PATH_UTIMES,       NONE, 0, NONE, NONE, NONE, NONE, NONE, 1, 0, 0},
    {SYS_futimesat,    PATH_UTIMES,       0, 1, NONE, NONE, NONE, NONE, NONE, 2, 0, 0},
#endif
};
// clang-format on

static const struct layout *
layout_find(int nr)
{
    for (size_t i = 0; i < ARRAY_SIZE(layouts); i++)
        if (layouts[i].nr == nr)
            return &layouts[i];
    return NULL;
}

void
path_call_done(struct path_call *c)
{
    free(c->data);
    free(c->target[0]);
    free(c->target[1]);
    c->data = c->target[0] = c->target[1] = NULL;
}

// 0 or a positive errno, as strncpy_from_user() and getname() give it.
static int
copy_path(const struct path_call *c, uint64_t addr, char **ret_path)
{
    char path[NONO_PATH_MAX];
    ssize_t n = tracee_read_path(c->call.tid, addr, path);
    // I1: a path that cannot be read is a refusal, not a guess.
    if (n < 0)
        return n == -EPERM ? EACCES : (int)-n;
    *ret_path = xstrndup(path, (size_t)n);
    return 0;
}

static int
copy_bytes(struct path_call *c, uint64_t addr, uint64_t size, uint64_t max, int too_large)
{
    if (size > max)
        return too_large;
    c->size = size;
    if (size == 0)
        return 0;
    c->data = xmalloc(size);
    return -tracee_read(c->call.tid, addr, c->data, size);
}

static int
decode_times(struct path_call *c, int nr, uint64_t addr)
{
    int64_t raw[4];
    c->times_now = addr == 0;
    if (c->times_now)
        return 0;
#ifdef SYS_utime
    if (nr == SYS_utime) {
        int ret = tracee_read(c->call.tid, addr, raw, 2 * sizeof raw[0]);
        c->times[0].tv_sec = raw[0];
        c->times[1].tv_sec = raw[1];
        return -ret;
    }
#endif
    int ret = tracee_read(c->call.tid, addr, raw, sizeof raw);
    if (ret < 0)
        return -ret;
    bool micro = nr != SYS_utimensat;
    for (int i = 0; i < 2; i++) {
        c->times[i] = (struct timespec){.tv_sec = raw[2 * i], .tv_nsec = raw[2 * i + 1]};
        if (micro && (c->times[i].tv_nsec < 0 || c->times[i].tv_nsec >= 1000000))
            return EINVAL;
        if (micro)
            c->times[i].tv_nsec *= 1000;
    }
    // Neither is to change: done, wherever the path leads (fs/utimes.c).
    c->nothing = !micro && c->times[0].tv_nsec == UTIME_OMIT && c->times[1].tv_nsec == UTIME_OMIT;
    return 0;
}

static int
decode_xname(struct path_call *c, uint64_t addr)
{
    char name[NONO_PATH_MAX];
    ssize_t n = tracee_read_path(c->call.tid, addr, name);
    if (n == -ENAMETOOLONG || n == 0 || n > XATTR_NAME_MAX)
        return ERANGE;
    if (n < 0)
        return n == -EPERM ? EACCES : (int)-n;
    memcpy(c->xname, name, (size_t)n + 1);
    return 0;
}

// What the kernel looks at before the path: the flags behind the structure (fs/xattr.c,
// setxattr_copy()).
static int
decode_xattr(struct path_call *c, int nr, const __u64 *own)
{
    uint64_t value = own[1], size = own[2];
    if (nr != SYS_setxattrat) {
        c->xflags = (int)own[3];
    } else {
        struct {
            uint64_t value;
            uint32_t size, flags;
        } args;
        if (own[2] < sizeof args)
            return EINVAL;
        int ret = own[2] > 4096 ? -E2BIG : tracee_read(c->call.tid, own[1], &args, sizeof args);
        if (ret < 0)
            return -ret;
        for (uint64_t i = sizeof args; i < own[2]; i++) {
            char more;
            if ((ret = tracee_read(c->call.tid, own[1] + i, &more, 1)) < 0 || more)
                return ret < 0 ? -ret : E2BIG;
        }
        value = args.value;
        size = args.size;
        c->xflags = (int)args.flags;
    }
    if (c->flags & ~(unsigned)AT_META || c->xflags & ~(XATTR_CREATE | XATTR_REPLACE))
        return EINVAL;
    int ret = decode_xname(c, own[0]);
    return ret ? ret : copy_bytes(c, value, size, XATTR_SIZE_MAX, E2BIG);
}

// Which fields and flags there are the kernel knows, which looks at them before the path: for a
// descriptor that is none it tells of them alone.
static int
decode_file_attr(struct path_call *c, uint64_t addr, uint64_t size)
{
    int ret = size < FILE_ATTR_MIN ? EINVAL : copy_bytes(c, addr, size, 4096, E2BIG);
    if (ret == 0 && syscall(SYS_file_setattr, -1, "", c->data, c->size, AT_EMPTY_PATH) < 0 &&
        errno != EBADF)
        ret = errno;
    return ret;
}

static bool
is_node(uint32_t mode)
{
    return !(mode & S_IFMT) || S_ISREG(mode) || S_ISFIFO(mode) || S_ISSOCK(mode) || S_ISCHR(mode) ||
           S_ISBLK(mode);
}

static int
decode_own(struct path_call *c, int nr, const __u64 *own)
{
    switch (c->kind) {
    case PATH_MKNOD:
        // Before the path is looked at (fs/namei.c, may_mknod()).
        return S_ISDIR(c->mode) ? EPERM : is_node(c->mode) ? 0 : EINVAL;
    case PATH_SYMLINK: {
        char *text;
        int ret = copy_path(c, own[0], &text);
        if (ret)
            return ret;
        c->data = text;
        c->size = strlen(text);
        return c->size ? 0 : ENOENT;
    }
    case PATH_TRUNCATE:
        c->length = (int64_t)own[0];
        return c->length < 0 ? EINVAL : 0;
    case PATH_CHOWN:
        c->uid = (uint32_t)own[0];
        c->gid = (uint32_t)own[1];
        return 0;
    case PATH_UTIMES:
        return decode_times(c, nr, own[0]);
    case PATH_SETXATTR:
        return decode_xattr(c, nr, own);
    case PATH_REMOVEXATTR:
        return decode_xname(c, own[0]);
    case PATH_SETATTR:
        return decode_file_attr(c, own[0], own[1]);
    case PATH_MKDIR:
    case PATH_UNLINK:
    case PATH_RMDIR:
    case PATH_RENAME:
    case PATH_LINK:
    case PATH_CHMOD:
        break;
    }
    return 0;
}

// An empty path. newest: an O_PATH descriptor is none.
static int
decode_descriptor(struct path_call *c, bool newest)
{
    c->fd = c->dirfd[0];
    c->opened = newest && c->fd != AT_FDCWD;
    // removexattrat(2) alone has no directory then.
    bool directory = c->fd == AT_FDCWD && !(newest && c->kind == PATH_REMOVEXATTR);
    return c->fd < 0 && !directory ? EBADF : 0;
}

// Since it shares its code with setxattrat(2), fsetxattr(2) takes AT_FDCWD (fs/xattr.c,
// Linux 6.13).
static bool
takes_directory(int nr)
{
    // Flags that no kernel knows.
    return nr == SYS_fsetxattr &&
           !(syscall(SYS_setxattrat, -1, "", ~0u, "", NULL, 0) < 0 && errno == ENOSYS);
}

static int
decode_paths(struct path_call *c, const struct layout *l, const __u64 *a)
{
    if (l->fd >= 0) {
        c->fd = (int)a[l->fd];
        c->opened = c->fd != AT_FDCWD;
        return c->fd < 0 && (c->opened || !takes_directory(l->nr)) ? EBADF : 0;
    }
    // futimens(3) and its kin: the descriptor itself.
    if (c->kind == PATH_UTIMES && a[l->path] == 0 && l->dirfd >= 0 && c->dirfd[0] != AT_FDCWD) {
        c->fd = c->dirfd[0];
        c->opened = true;
        return c->flags ? EINVAL : c->fd < 0 ? EBADF : 0;
    }
    // The newest calls take no path for an empty one, and both for the open descriptor
    // (fs/namei.c, getname_maybe_null()).
    bool newest = l->flags >= 0 && c->flags & AT_EMPTY_PATH && c->kind >= PATH_SETXATTR;
    if (newest && a[l->path] == 0)
        return decode_descriptor(c, true);
    int ret = copy_path(c, a[l->path], &c->target[0]);
    if (ret == 0 && l->path2 >= 0)
        ret = copy_path(c, a[l->path2], &c->target[1]);
    if (ret || c->target[0][0])
        return ret;
    if (!(c->flags & AT_EMPTY_PATH) || c->kind == PATH_RENAME)
        return ENOENT;
    return decode_descriptor(c, newest);
}

static bool
has_bad_flags(const struct path_call *c, const struct layout *l, const __u64 *a)
{
    if (l->flags < 0)
        return false;
    if (c->kind == PATH_RENAME && c->flags & RENAME_EXCHANGE &&
        c->flags & (RENAME_NOREPLACE | RENAME_WHITEOUT))
        return true;
    return (unsigned)a[l->flags] & ~l->known;
}

int
path_decode(const struct call_row *row, const struct seccomp_notif *n, struct path_call *c)
{
    const struct layout *l = layout_find(row->nr);
    const __u64 *a = n->data.args;
    *c = (struct path_call){.call = {.row = row, .id = n->id, .tid = (pid_t)n->pid},
                            .dirfd = {AT_FDCWD, AT_FDCWD},
                            .fd = -1};
    if (!l)
        return ENOSYS;
    c->kind = l->kind;
    c->flags = l->implied | (l->flags >= 0 ? (unsigned)a[l->flags] : 0);
    // utimensat(2) looks at its times first, setxattrat(2) at its structure.
    bool late = l->kind == PATH_UTIMES || l->nr == SYS_setxattrat;
    if (!late && has_bad_flags(c, l, a))
        return EINVAL;
    if (c->kind == PATH_UNLINK && c->flags & AT_REMOVEDIR)
        c->kind = PATH_RMDIR;
    if (l->dirfd >= 0)
        c->dirfd[0] = (int)a[l->dirfd];
    if (l->dirfd2 >= 0)
        c->dirfd[1] = (int)a[l->dirfd2];
    if (l->mode >= 0)
        c->mode = (uint32_t)a[l->mode] & (c->kind == PATH_MKNOD ? 0177777u : 07777u);
    int ret = l->own >= 0 ? decode_own(c, row->nr, a + l->own) : 0;
    if (ret || c->nothing)
        return ret;
    return has_bad_flags(c, l, a) ? EINVAL : decode_paths(c, l, a);
}

int
path_resolve(const struct path_call *c, unsigned i, unsigned flags, struct resolved *ret_r)
{
    flags |= RESOLVE_DEEP;
    if (i == 0 && c->fd != NONE)
        return c->opened && tracee_fd_is_path(c->call.tid, c->fd)
                   ? -EBADF
                   : resolve_task_fd(c->call.tid, c->fd, flags, ret_r);
    if (i == 1 || path_is_entry(c->kind))
        flags |= RESOLVE_PARENT;
    // A link is made of the object, not of its name.
    else if (c->kind == PATH_LINK ? !(c->flags & AT_SYMLINK_FOLLOW)
                                  : (c->flags & AT_SYMLINK_NOFOLLOW) != 0)
        flags |= RESOLVE_KEEP_LINK;
    return resolve_path(c->call.tid, c->dirfd[i], c->target[i], flags, ret_r);
}

bool
path_makes_device(const struct path_call *c)
{
    return c->kind == PATH_MKNOD && (S_ISCHR(c->mode) || S_ISBLK(c->mode));
}

bool
path_is_governed(enum path_kind kind)
{
    return kind <= PATH_TRUNCATE;
}

bool
path_is_entry(enum path_kind kind)
{
    return kind <= PATH_RENAME;
}

bool
path_has_two_ends(enum path_kind kind)
{
    return kind == PATH_RENAME || kind == PATH_LINK;
}

enum op
path_op(enum path_kind kind)
{
    static const enum op ops[] = {
        [PATH_MKDIR] = OP_MKDIR,      [PATH_MKNOD] = OP_CREATE,   [PATH_SYMLINK] = OP_CREATE,
        [PATH_UNLINK] = OP_DELETE,    [PATH_RMDIR] = OP_DELETE,   [PATH_RENAME] = OP_RENAME,
        [PATH_LINK] = OP_LINK,        [PATH_TRUNCATE] = OP_WRITE, [PATH_CHMOD] = OP_META,
        [PATH_CHOWN] = OP_META,       [PATH_UTIMES] = OP_META,    [PATH_SETXATTR] = OP_META,
        [PATH_REMOVEXATTR] = OP_META, [PATH_SETATTR] = OP_META,
    };
    return ops[kind];
}

// What a rename does to what is there: nothing, where both names are of one file.
static void
describe_replaced(struct buf *b, const struct stat *from, const struct stat *to)
{
    if (from->st_dev == to->st_dev && from->st_ino == to->st_ino)
        return;
    if (S_ISREG(to->st_mode))
        buf_printf(b, "replaces a file of %lld bytes", (long long)to->st_size);
    else
        buf_printf(b, "replaces %s",
                   S_ISDIR(to->st_mode)   ? "an empty directory"
                   : S_ISLNK(to->st_mode) ? "a symbolic link"
                                          : "a special file");
}

char *
path_detail(const struct path_call *c, const struct stat *st, const struct stat *other)
{
    struct buf b = {0};
    switch (c->kind) {
    case PATH_MKDIR:
        buf_printf(&b, "mode %04o", c->mode);
        break;
    case PATH_MKNOD:
        buf_printf(&b, "%s, mode %04o",
                   S_ISFIFO(c->mode)   ? "fifo"
                   : S_ISSOCK(c->mode) ? "socket"
                                       : "regular file",
                   c->mode & 07777);
        break;
    case PATH_SYMLINK:
        buf_printf(&b, "symbolic link to %s", (const char *)c->data);
        break;
    case PATH_RMDIR:
        buf_printf(&b, "directory");
        break;
    case PATH_RENAME:
        if (c->flags & RENAME_EXCHANGE)
            buf_printf(&b, "exchange");
        else if (c->flags & RENAME_NOREPLACE)
            buf_printf(&b, "replaces nothing");
        else if (other)
            describe_replaced(&b, st, other);
        break;
    case PATH_TRUNCATE:
        buf_printf(&b, "truncate to %lld bytes", (long long)c->length);
        break;
    case PATH_CHMOD:
        buf_printf(&b, "mode %04o -> %04o", st->st_mode & 07777, c->mode);
        break;
    case PATH_CHOWN:
        buf_printf(&b, "owner -> %d:%d", (int)c->uid, (int)c->gid);
        break;
    case PATH_UTIMES:
        buf_printf(&b, "times");
        break;
    case PATH_SETXATTR:
        buf_printf(&b, "set attribute %s (%zu bytes)", c->xname, c->size);
        break;
    case PATH_REMOVEXATTR:
        buf_printf(&b, "remove attribute %s", c->xname);
        break;
    case PATH_SETATTR:
        buf_printf(&b, "file attributes");
        break;
    case PATH_UNLINK:
    case PATH_LINK:
        break;
    }
    return buf_steal(&b);
}
