// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include "capability.h"
#include "kernel.h"
#include "paths.h"
#include "util.h"

// Is the entry still what was held? Nothing in the kernel does this and the change in one step: who
// can swap the entry in between may write in its directory anyway.
static bool
is_unchanged(const struct resolved *r)
{
    struct stat held, now;
    if (fstatat(r->fd, r->leaf, &now, AT_SYMLINK_NOFOLLOW) < 0)
        return !r->exists && errno == ENOENT;
    return r->exists && fstat(r->object_fd, &held) == 0 && held.st_dev == now.st_dev &&
           held.st_ino == now.st_ino;
}

static int
do_mkdir(const struct path_call *c, const struct resolved *ends)
{
    return mkdirat(ends[0].fd, ends[0].leaf, c->mode);
}

static int
do_mknod(const struct path_call *c, const struct resolved *ends)
{
    return mknodat(ends[0].fd, ends[0].leaf, c->mode, 0);
}

static int
do_symlink(const struct path_call *c, const struct resolved *ends)
{
    return symlinkat(c->data, ends[0].fd, ends[0].leaf);
}

static int
do_unlink(const struct path_call *c, const struct resolved *ends)
{
    return unlinkat(ends[0].fd, ends[0].leaf, c->kind == PATH_RMDIR ? AT_REMOVEDIR : 0);
}

static int
do_rename(const struct path_call *c, const struct resolved *ends)
{
    return (int)syscall(SYS_renameat2, ends[0].fd, ends[0].leaf, ends[1].fd, ends[1].leaf,
                        c->flags);
}

// The name by which the kernel comes to the very object that is held (I3); it follows no link
// behind it.
struct fd_link {
    char path[40];
};

static struct fd_link
fd_link(const struct resolved *r)
{
    struct fd_link l;
    snprintf(l.path, sizeof l.path, "/proc/self/fd/%d", r->fd);
    return l;
}

static int
do_link(const struct path_call *c, const struct resolved *ends)
{
    struct fd_link from = fd_link(&ends[0]);
    return linkat(AT_FDCWD, from.path, ends[1].fd, ends[1].leaf, AT_SYMLINK_FOLLOW);
}

static int
do_truncate(const struct path_call *c, const struct resolved *ends)
{
    struct fd_link l = fd_link(&ends[0]);
    return truncate(l.path, c->length);
}

static int
do_chmod(const struct path_call *c, const struct resolved *ends)
{
    struct fd_link l = fd_link(&ends[0]);
    return chmod(l.path, c->mode);
}

static int
do_chown(const struct path_call *c, const struct resolved *ends)
{
    return fchownat(ends[0].fd, "", c->uid, c->gid, AT_EMPTY_PATH);
}

static int
do_utimes(const struct path_call *c, const struct resolved *ends)
{
    const struct timespec now[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_NOW}};
    return utimensat(ends[0].fd, "", c->times_now ? now : c->times, AT_EMPTY_PATH);
}

static int
do_setxattr(const struct path_call *c, const struct resolved *ends)
{
    struct fd_link l = fd_link(&ends[0]);
    return setxattr(l.path, c->xname, c->data, c->size, c->xflags);
}

static int
do_removexattr(const struct path_call *c, const struct resolved *ends)
{
    struct fd_link l = fd_link(&ends[0]);
    return removexattr(l.path, c->xname);
}

static int
do_setattr(const struct path_call *c, const struct resolved *ends)
{
    // By an O_PATH descriptor and an empty path it is EBADF.
    struct fd_link l = fd_link(&ends[0]);
    return (int)syscall(SYS_file_setattr, AT_FDCWD, l.path, c->data, c->size, 0);
}

static int (*const doers[])(const struct path_call *c, const struct resolved *ends) = {
    [PATH_MKDIR] = do_mkdir,
    [PATH_MKNOD] = do_mknod,
    [PATH_SYMLINK] = do_symlink,
    [PATH_UNLINK] = do_unlink,
    [PATH_RMDIR] = do_unlink,
    [PATH_RENAME] = do_rename,
    [PATH_LINK] = do_link,
    [PATH_TRUNCATE] = do_truncate,
    [PATH_CHMOD] = do_chmod,
    [PATH_CHOWN] = do_chown,
    [PATH_UTIMES] = do_utimes,
    [PATH_SETXATTR] = do_setxattr,
    [PATH_REMOVEXATTR] = do_removexattr,
    [PATH_SETATTR] = do_setattr,
};

int
path_do(const struct path_call *c, const struct resolved *ends, uint32_t task_umask)
{
    if ((path_is_entry(c->kind) && !is_unchanged(&ends[0])) ||
        (path_has_two_ends(c->kind) && !is_unchanged(&ends[1])))
        return -NONO_ECHANGED;
    umask(task_umask);
    int ret = doers[c->kind](c, ends);
    return ret < 0 ? -errno : ret;
}

// --- what fails anyway -------------------------------------------------------------------------

// May an entry be added to or removed from this directory (fs/namei.c, may_create())?
static bool
may_change(int dir)
{
    return faccessat(dir, "", W_OK | X_OK, AT_EACCESS | AT_EMPTY_PATH) == 0;
}

static bool
has(uint64_t caps, int cap)
{
    return caps & (1ull << cap);
}

static bool
is_owner(const struct stat *st, uint64_t caps)
{
    return st->st_uid == geteuid() || has(caps, CAP_FOWNER);
}

// Nothing is made or removed there, and even a look for a name that is not there is an error.
static bool
is_procfs(int fd)
{
    struct statfs fs;
    return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

// May it be taken out of its directory (fs/namei.c, may_delete())? 0 or an errno.
static int
delete_error(const struct resolved *r, const struct stat *object, uint64_t caps)
{
    struct stat dir;
    if (fstat(r->fd, &dir) < 0)
        return EACCES;
    if (is_procfs(r->fd) && dir.st_uid == geteuid())
        return EPERM;
    if (!may_change(r->fd))
        return EACCES;
    if (dir.st_mode & S_ISVTX && dir.st_uid != geteuid() && !is_owner(object, caps))
        return EPERM;
    return 0;
}

static bool
is_empty(const struct resolved *r)
{
    // The look must not show as a use of the directory; that is its owner's to ask for.
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK;
    int fd = openat(r->object_fd, ".", flags | O_NOATIME);
    if (fd < 0 && errno == EPERM)
        fd = openat(r->object_fd, ".", flags);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        close_fd(&fd);
        return true; // not known
    }
    bool empty = true;
    struct dirent *e;
    while (empty && (e = readdir(dir)))
        empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
    closedir(dir);
    return empty;
}

static int
make_error(const struct path_call *c, const struct resolved *r, uint64_t caps)
{
    if (r->exists)
        return EEXIST;
    if (r->trailing && c->kind != PATH_MKDIR)
        return ENOENT;
    if (is_procfs(r->fd))
        return ENOENT;
    if (!may_change(r->fd))
        return EACCES;
    return path_makes_device(c) ? EPERM : 0;
}

// Is it an entry of /proc/PID itself, which is immutable? That procfs knows no removal is found out
// last elsewhere, behind what kind of entry it is.
static bool
is_of_process(const struct resolved *r)
{
    const char *leaf = strrchr(r->path, '/'), *name = leaf;
    while (name > r->path && name[-1] != '/')
        name--;
    return strspn(name, "0123456789") == (size_t)(leaf - name);
}

static int
remove_error(const struct path_call *c, const struct resolved *r, uint64_t caps)
{
    struct stat st;
    if (!r->exists)
        return ENOENT;
    if (fstat(r->object_fd, &st) < 0)
        return EACCES;
    bool dir = S_ISDIR(st.st_mode);
    if (c->kind == PATH_UNLINK && r->trailing)
        return dir ? EISDIR : ENOTDIR;
    int ret = delete_error(r, &st, caps);
    bool other = c->kind == PATH_UNLINK ? dir : !dir;
    if (ret && !(other && ret == EPERM && is_procfs(r->fd) && !is_of_process(r)))
        return ret;
    if (other)
        return dir ? EISDIR : ENOTDIR;
    return !dir || is_empty(r) ? 0 : ENOTEMPTY;
}

// Names are neither moved nor linked from one mount to another, even of one file system.
static bool
same_mount(const struct resolved *a, const struct resolved *b)
{
    struct statx x, y;
    return statx(a->fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &x) == 0 &&
           statx(b->fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &y) == 0 && x.stx_mnt_id == y.stx_mnt_id;
}

static int
rename_error(const struct path_call *c, const struct resolved *ends, uint64_t caps)
{
    const struct resolved *from = &ends[0], *to = &ends[1];
    struct stat a, b;
    bool exchange = c->flags & RENAME_EXCHANGE;
    if (!same_mount(from, to))
        return EXDEV;
    if (!from->exists || (exchange && !to->exists))
        return ENOENT;
    if (c->flags & RENAME_NOREPLACE && to->exists)
        return EEXIST;
    if (fstat(from->object_fd, &a) < 0 || (to->exists && fstat(to->object_fd, &b) < 0))
        return EACCES;
    if (!S_ISDIR(a.st_mode) && (from->trailing || (!exchange && to->trailing)))
        return ENOTDIR;
    if (exchange && !S_ISDIR(b.st_mode) && to->trailing)
        return ENOTDIR;
    if (to->exists && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
        return 0;
    if (path_is_below(to->path, from->path))
        return EINVAL;
    if (to->exists && path_is_below(from->path, to->path))
        return exchange ? EINVAL : ENOTEMPTY;
    int ret = delete_error(from, &a, caps);
    if (ret || !to->exists)
        return ret ? ret : may_change(to->fd) ? 0 : EACCES;
    if ((ret = delete_error(to, &b, caps)))
        return ret;
    if (exchange || S_ISDIR(a.st_mode) == S_ISDIR(b.st_mode))
        return !exchange && S_ISDIR(a.st_mode) && !is_empty(to) ? ENOTEMPTY : 0;
    return S_ISDIR(a.st_mode) ? ENOTDIR : EISDIR;
}

static int
link_error(const struct path_call *c, const struct resolved *ends, uint64_t caps)
{
    const struct resolved *from = &ends[0], *to = &ends[1];
    struct stat st;
    if (to->exists)
        return EEXIST;
    if (to->trailing)
        return ENOENT;
    if (!same_mount(from, to))
        return is_procfs(to->fd) ? ENOENT : EXDEV;
    if (fstat(from->fd, &st) < 0 || !may_change(to->fd))
        return EACCES;
    return S_ISDIR(st.st_mode) ? EPERM : 0;
}

static int
truncate_error(const struct path_call *c, const struct resolved *r, uint64_t caps)
{
    struct stat st;
    if (fstat(r->fd, &st) < 0)
        return EACCES;
    if (!S_ISREG(st.st_mode))
        return S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
    return faccessat(r->fd, "", W_OK, AT_EACCESS | AT_EMPTY_PATH) < 0 ? EACCES : 0;
}

static int
chmod_error(const struct path_call *c, const struct resolved *r, uint64_t caps)
{
    struct stat st;
    return fstat(r->fd, &st) < 0 ? EACCES : is_owner(&st, caps) ? 0 : EPERM;
}

static int
chown_error(const struct path_call *c, const struct resolved *r, uint64_t caps)
{
    struct stat st;
    if (fstat(r->fd, &st) < 0)
        return EACCES;
    bool nobody = c->uid == UINT32_MAX && c->gid == UINT32_MAX;
    return nobody || st.st_uid == geteuid() || has(caps, CAP_CHOWN) ? 0 : EPERM;
}

static bool
is_valid_time(const struct timespec *t)
{
    return t->tv_nsec == UTIME_NOW || t->tv_nsec == UTIME_OMIT ||
           (t->tv_nsec >= 0 && t->tv_nsec < 1000000000);
}

static int
utimes_error(const struct path_call *c, const struct resolved *r, uint64_t caps)
{
    struct stat st;
    if (fstat(r->fd, &st) < 0)
        return EACCES;
    if (!is_valid_time(&c->times[0]) || !is_valid_time(&c->times[1]))
        return EINVAL;
    if (is_owner(&st, caps))
        return 0;
    if (!c->times_now)
        return EPERM;
    return faccessat(r->fd, "", W_OK, AT_EACCESS | AT_EMPTY_PATH) < 0 ? EACCES : 0;
}

// Each file system has rules of its own for the rest: not guessed (fs/xattr.c, xattr_permission()).
static int
xattr_error(const struct path_call *c, const struct resolved *r, uint64_t caps)
{
    struct stat st;
    if (fstat(r->fd, &st) < 0)
        return EACCES;
    bool user = strncmp(c->xname, "user.", 5) == 0, trusted = strncmp(c->xname, "trusted.", 8) == 0;
    if (trusted && !has(caps, CAP_SYS_ADMIN))
        return c->kind == PATH_SETXATTR ? EPERM : 0;
    return user && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode) ? EPERM : 0;
}

static int
setattr_error(const struct path_call *c, const struct resolved *r, uint64_t caps)
{
    struct stat st;
    if (fstat(r->fd, &st) < 0)
        return EACCES;
    return S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode) ? EOPNOTSUPP : 0;
}

static int (*const native_errors[])(const struct path_call *c, const struct resolved *ends,
                                    uint64_t caps) = {
    [PATH_MKDIR] = make_error,        [PATH_MKNOD] = make_error,
    [PATH_SYMLINK] = make_error,      [PATH_UNLINK] = remove_error,
    [PATH_RMDIR] = remove_error,      [PATH_RENAME] = rename_error,
    [PATH_LINK] = link_error,         [PATH_TRUNCATE] = truncate_error,
    [PATH_CHMOD] = chmod_error,       [PATH_CHOWN] = chown_error,
    [PATH_UTIMES] = utimes_error,     [PATH_SETXATTR] = xattr_error,
    [PATH_REMOVEXATTR] = xattr_error, [PATH_SETATTR] = setattr_error,
};

int
path_native_error(const struct path_call *c, const struct resolved *ends, uint64_t caps)
{
    return native_errors[c->kind](c, ends, caps);
}
