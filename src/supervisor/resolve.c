// SPDX-License-Identifier: Apache-2.0
#include "resolve.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "kernel.h"
#include "mounts.h"
#include "tracee.h"
#include "util.h"

ssize_t
resolve_fd_path(int fd, char *buf)
{
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, buf, NONO_PATH_MAX);
    if (n < 0)
        return -errno;
    if (n >= NONO_PATH_MAX)
        return -ENAMETOOLONG;
    buf[n] = 0;
    return n;
}

static bool
ends_deleted(const char *path)
{
    size_t n = strlen(path);
    return n > 10 && strcmp(path + n - 10, " (deleted)") == 0;
}

// The kernel marks the path of what was removed with a suffix that a name may have as well.
static bool
is_deleted(int fd, const char *path)
{
    struct stat held, named;
    if (!ends_deleted(path))
        return false;
    cleanup_fd int at =
        sys_openat2(AT_FDCWD, path, O_PATH | O_CLOEXEC | O_NOFOLLOW, 0, RESOLVE_CACHED);
    return at < 0 || mount_stat(fd, &held) < 0 || mount_stat(at, &named) < 0 ||
           held.st_dev != named.st_dev || held.st_ino != named.st_ino;
}

static void
base_link(pid_t tid, int dirfd, char *buf, size_t n)
{
    if (dirfd == AT_FDCWD)
        snprintf(buf, n, "/proc/%d/cwd", (int)tid);
    else
        snprintf(buf, n, "/proc/%d/fd/%d", (int)tid, dirfd);
}

// The receiver asks for the same few tasks' directories again and again: what procfs shows of a
// task is kept open. A descriptor of a dead task's entry stays dead when its number is used again.
#define TASK_DIRS 16
static _Thread_local struct {
    pid_t tid;
    int fd;  /* its directory */
    int cwd; /* the link in it */
} task_dirs[TASK_DIRS];

static ssize_t
read_kept(size_t slot, int dirfd, char *buf, size_t size)
{
    char name[32];
    if (dirfd == AT_FDCWD)
        return readlinkat(task_dirs[slot].cwd, "", buf, size);
    snprintf(name, sizeof name, "fd/%d", dirfd);
    return readlinkat(task_dirs[slot].fd, name, buf, size);
}

// As base_link(), but read. The length or -1 with errno.
static ssize_t
read_base(pid_t tid, int dirfd, char *buf, size_t size)
{
    char path[32];
    size_t slot = (size_t)tid % TASK_DIRS;
    ssize_t n = task_dirs[slot].tid == tid ? read_kept(slot, dirfd, buf, size) : -1;
    if (n >= 0)
        return n;
    if (task_dirs[slot].tid) {
        close(task_dirs[slot].fd);
        close(task_dirs[slot].cwd);
    }
    task_dirs[slot].tid = 0;
    snprintf(path, sizeof path, "/proc/%d", (int)tid);
    cleanup_fd int dir = open(path, O_PATH | O_CLOEXEC | O_DIRECTORY);
    cleanup_fd int cwd = openat(dir, "cwd", O_PATH | O_CLOEXEC | O_NOFOLLOW);
    if (dir < 0 || cwd < 0)
        return -1;
    task_dirs[slot].tid = tid;
    task_dirs[slot].fd = steal_fd(&dir);
    task_dirs[slot].cwd = steal_fd(&cwd);
    return read_kept(slot, dirfd, buf, size);
}

// Writes path, relative to the directory named base ("" for an absolute path), without empty and
// "." components. -EINVAL when it holds "..", which only a walk can follow; -ENAMETOOLONG.
static int
join_plain(const char *base, const char *path, char *out, bool *ret_trailing)
{
    size_t len = strcmp(base, "/") ? strlen(base) : 0;
    memcpy(out, base, len);
    *ret_trailing = false;
    while (*path) {
        size_t n = 0;
        while (*path == '/')
            path++;
        while (path[n] && path[n] != '/')
            n++;
        *ret_trailing = n == 0 || path[n] == '/' || (n == 1 && path[0] == '.');
        if (n == 2 && path[0] == '.' && path[1] == '.')
            return -EINVAL;
        if (n && !(n == 1 && path[0] == '.')) {
            if (len + n + 2 > NONO_PATH_MAX)
                return -ENAMETOOLONG;
            out[len++] = '/';
            memcpy(out + len, path, n);
            len += n;
        }
        path += n;
    }
    if (len == 0)
        out[len++] = '/';
    out[len] = 0;
    return 0;
}

bool
resolve_is_local(int fd)
{
    return mount_kind_of(fd) > MOUNT_REMOTE;
}

// Holds the directory of the last component and that itself, if it is there. 0 or -errno.
static int
hold_leaf(struct resolved *r, uint64_t how)
{
    r->object_fd =
        sys_openat2(r->fd, r->leaf, O_PATH | O_CLOEXEC | O_NOFOLLOW, 0, how & RESOLVE_CACHED);
    // What was never looked for is not in the cache, but its directory is: a local file system
    // answers at once.
    if (r->object_fd < 0 && errno == EAGAIN && resolve_is_local(r->fd))
        r->object_fd = sys_openat2(r->fd, r->leaf, O_PATH | O_CLOEXEC | O_NOFOLLOW, 0, 0);
    r->exists = r->object_fd >= 0;
    return r->exists || errno == ENOENT ? 0 : -errno;
}

// r->path holds the plain absolute path.
static int
plain_parent(const char *path, uint64_t how, struct resolved *r)
{
    size_t len = strlen(path);
    while (len && path[len - 1] == '/')
        len--;
    char *slash = strrchr(r->path, '/');
    // "." in the last place went away when the path was joined: that is no name.
    if (len == 0 || slash[1] == 0 ||
        (path[len - 1] == '.' && (len == 1 || path[len - 2] == '/' || path[len - 2] == '.')))
        return -EINVAL;
    // The walk knows what is said of the directory first.
    if (strlen(slash + 1) >= sizeof r->leaf)
        return -EINVAL;
    r->trailing = path[len] != 0;
    strcpy(r->leaf, slash + 1);
    *slash = 0;
    r->fd = sys_openat2(AT_FDCWD, slash == r->path ? "/" : r->path,
                        O_PATH | O_CLOEXEC | O_DIRECTORY, 0, how);
    *slash = '/';
    // What a renamed directory hides, the walk finds.
    if (r->fd < 0)
        return errno == ENOENT ? -EINVAL : -errno;
    return hold_leaf(r, how);
}

// As hold_leaf(), for a plain path whose last component is not in the cache. -1 with errno.
static int
open_cold_leaf(char *path, uint64_t flags)
{
    char *slash = strrchr(path, '/');
    *slash = 0;
    cleanup_fd int dir =
        sys_openat2(AT_FDCWD, slash == path ? "/" : path, O_PATH | O_CLOEXEC | O_DIRECTORY, 0,
                    RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_CACHED);
    *slash = '/';
    if (dir < 0)
        return -1;
    if (!resolve_is_local(dir)) {
        errno = EAGAIN;
        return -1;
    }
    int fd = sys_openat2(dir, slash[1] ? slash + 1 : ".", O_PATH | O_CLOEXEC | flags, 0,
                         RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
    int error = errno;
    close_fd(&dir);
    errno = error;
    return fd;
}

// Writes the path from the root by its words into buf, which has room for r->path. -EINVAL: it has
// none, or they are not that simple.
static int
words_of(pid_t tid, int dirfd, const char *path, bool now, char *buf, bool *ret_trailing)
{
    char base[NONO_PATH_MAX], link[64];
    base[0] = 0;
    if (path[0] != '/') {
        ssize_t n;
        if (now) {
            n = read_base(tid, dirfd, base, sizeof base - 1);
        } else {
            base_link(tid, dirfd, link, sizeof link);
            n = readlink(link, base, sizeof base - 1);
        }
        if (n < 0)
            return -EINVAL;
        base[n] = 0;
        if (base[0] != '/' || (size_t)n >= sizeof base - 1 || ends_deleted(base))
            return -EINVAL;
    }
    return join_plain(base, path, buf, ret_trailing) < 0 ? -EINVAL : 0;
}

int
resolve_words(pid_t tid, int dirfd, const char *path, char *buf)
{
    bool trailing;
    return path[0] ? words_of(tid, dirfd, path, true, buf, &trailing) : -EINVAL;
}

bool
resolve_words_hold(const char *words)
{
    // O_DIRECTORY: what is none costs no descriptor.
    int fd = sys_openat2(AT_FDCWD, words, O_PATH | O_CLOEXEC | O_DIRECTORY, 0,
                         RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_CACHED);
    if (fd < 0)
        return errno == ENOTDIR || errno == ENOENT;
    close(fd);
    return true;
}

static bool
ends_in_dot(const char *path)
{
    size_t n = strlen(path);
    while (n && path[n - 1] == '/')
        n--;
    return n && path[n - 1] == '.' && (n == 1 || path[n - 2] == '/');
}

static bool
may_search(int dir)
{
    return faccessat(dir, "", X_OK, AT_EACCESS | AT_EMPTY_PATH) == 0;
}

// The common case in one or two calls: no symbolic link and no ".." anywhere, so the name is the
// object's own. -ELOOP, -EINVAL: not that simple.
static int
resolve_plain(pid_t tid, int dirfd, const char *path, unsigned flags, struct resolved *r)
{
    bool trailing;
    int ret = words_of(tid, dirfd, path, flags & RESOLVE_NOW, r->path, &trailing);
    if (ret < 0)
        return ret;
    uint64_t how = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    if (flags & RESOLVE_NOW)
        how |= RESOLVE_CACHED;
    if (flags & RESOLVE_PARENT)
        return plain_parent(path, how, r);
    r->fd =
        sys_openat2(AT_FDCWD, r->path, O_PATH | O_CLOEXEC | (trailing ? O_DIRECTORY : 0), 0, how);
    if (r->fd < 0 && errno == EAGAIN)
        r->fd = open_cold_leaf(r->path, trailing ? O_DIRECTORY : 0);
    r->exists = r->fd >= 0;
    if (r->exists)
        return !ends_in_dot(path) || may_search(r->fd) ? 0 : -EACCES;
    if (errno != ENOENT || !(flags & RESOLVE_WANT_PARENT) || trailing)
        return -errno;
    char *slash = strrchr(r->path, '/');
    if (strlen(slash + 1) >= sizeof r->leaf)
        return -ENAMETOOLONG;
    strcpy(r->leaf, slash + 1);
    *slash = 0;
    r->fd = sys_openat2(AT_FDCWD, slash == r->path ? "/" : r->path,
                        O_PATH | O_CLOEXEC | O_DIRECTORY, 0, how);
    *slash = '/';
    // A directory that was renamed since its name was read looks missing: let the walk find out.
    return r->fd < 0 ? (errno == ENOENT && path[0] != '/' ? -EINVAL : -errno) : 0;
}

int
resolve_base(pid_t tid, int dirfd, unsigned flags)
{
    char link[64], name[NONO_PATH_MAX];
    if (flags & RESOLVE_NOW) {
        // The link itself asks a remote file system whether it is still there, whatever is wanted.
        ssize_t n = read_base(tid, dirfd, name, sizeof name - 1);
        name[n < 0 ? 0 : n] = 0;
        cleanup_fd int fd = name[0] == '/'
                                ? sys_openat2(AT_FDCWD, name, O_PATH | O_CLOEXEC, 0, RESOLVE_CACHED)
                                : -1;
        if (fd >= 0 ? !resolve_is_local(fd) : name[0] == '/' && errno == EAGAIN)
            return -EAGAIN;
    }
    base_link(tid, dirfd, link, sizeof link);
    int fd = open(link, O_PATH | O_CLOEXEC);
    return fd >= 0 ? fd : errno == ENOENT && dirfd != AT_FDCWD ? -EBADF : -errno;
}

struct walk {
    pid_t tid;
    unsigned flags;
    int fd;             /* where we are, owned */
    struct found found; /* where we arrived, when that is no directory; its dir is owned */
    unsigned links;
    char rest[2 * NONO_PATH_MAX]; /* what is still to be followed */
    struct resolved *r;
};

static int
walk_open(struct walk *w, const char *name, uint64_t flags)
{
    int fd = sys_openat2(w->fd, name, O_PATH | O_CLOEXEC | flags, 0,
                         w->flags & RESOLVE_NOW && flags & O_NOFOLLOW ? RESOLVE_CACHED : 0);
    return fd < 0 ? -errno : fd;
}

static void
walk_to(struct walk *w, int fd)
{
    close(w->fd);
    w->fd = fd;
}

// Puts the link's text in front of what is still to be followed.
static int
walk_prepend(struct walk *w, const char *text)
{
    char rest[sizeof w->rest];
    int n = snprintf(rest, sizeof rest, "%s/%s", text, w->rest);
    if (n < 0 || (size_t)n >= sizeof rest)
        return -ENAMETOOLONG;
    // A link in the last place with nothing behind it asks for no directory.
    if (w->rest[0] == 0)
        rest[n - 1] = 0;
    memcpy(w->rest, rest, (size_t)n + 1);
    return 0;
}

static bool
walk_at_proc_root(const struct walk *w)
{
    struct stat st;
    return mount_stat(w->fd, &st) == 0 && st.st_ino == 1; // PROC_ROOT_INO, include/linux/proc_ns.h
}

// A symbolic link of procfs: "self" and "thread-self" mean the task (I8), what lies inside a
// process directory is followed by the kernel to the very object.
static int
walk_proc_link(struct walk *w, const char *name, int link)
{
    char text[64];
    if (walk_at_proc_root(w)) {
        struct tracee_status s;
        int ret = tracee_read_status(w->tid, &s);
        if (ret < 0)
            return ret;
        if (strcmp(name, "self") == 0)
            snprintf(text, sizeof text, "%d", (int)s.tgid);
        else if (strcmp(name, "thread-self") == 0)
            snprintf(text, sizeof text, "%d/task/%d", (int)s.tgid, (int)w->tid);
        else {
            ssize_t n = readlinkat(link, "", text, sizeof text - 1);
            if (n < 0)
                return -errno;
            text[n] = 0;
        }
        return walk_prepend(w, text);
    }
    // Followed with the supervisor's rights, so only where the task has them too: the kernel lets
    // nobody in the sandbox look through a process outside it.
    char dir[NONO_PATH_MAX];
    ssize_t n = resolve_fd_path(w->fd, dir);
    if (n < 0)
        return (int)n;
    if (!tracee_is_inside(tracee_of_path(dir)))
        return -EACCES;
    int fd = walk_open(w, name, 0);
    if (fd < 0)
        return fd;
    walk_to(w, fd);
    return 0;
}

static int
walk_link(struct walk *w, const char *name, int link)
{
    if (++w->links > NONO_SYMLINKS_MAX)
        return -ELOOP;
    int kind = mount_kind_of(link);
    if (kind < 0)
        return kind;
    if (kind == MOUNT_PROC)
        return walk_proc_link(w, name, link);
    if (kind == MOUNT_REMOTE && w->flags & RESOLVE_NOW)
        return -EAGAIN;
    char text[NONO_PATH_MAX];
    ssize_t n = readlinkat(link, "", text, sizeof text - 1);
    if (n < 0)
        return -errno;
    if (n == 0)
        return -ENOENT;
    text[n] = 0;
    if (text[0] == '/') {
        int root = open("/", O_PATH | O_CLOEXEC | O_DIRECTORY);
        if (root < 0)
            return -errno;
        walk_to(w, root);
    }
    return walk_prepend(w, text);
}

// The last component with RESOLVE_PARENT: 0 or -errno.
static int
walk_leaf(struct walk *w, const char *name, bool slash)
{
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return -EINVAL;
    struct stat st;
    int ret = mount_stat(w->fd, &st);
    if (ret < 0)
        return ret;
    if (!S_ISDIR(st.st_mode))
        return -ENOTDIR;
    strcpy(w->r->leaf, name);
    w->r->trailing = slash;
    w->r->fd = w->fd;
    ret = hold_leaf(w->r, w->flags & RESOLVE_NOW ? RESOLVE_CACHED : 0);
    w->r->fd = -1;
    return ret;
}

// What the kernel looks at before a name that is too long: the directory.
static int
walk_too_long(struct walk *w)
{
    cleanup_fd int fd = walk_open(w, ".", O_DIRECTORY);
    return fd < 0 ? fd : -ENAMETOOLONG;
}

// Follows one component. 1: there is more to do, 0: arrived, else -errno.
static int
walk_step(struct walk *w)
{
    char name[256];
    size_t skip = strspn(w->rest, "/");
    size_t n = strcspn(w->rest + skip, "/");
    if (n == 0)
        return 0;
    if (n >= sizeof name)
        return walk_too_long(w);
    memcpy(name, w->rest + skip, n);
    name[n] = 0;
    memmove(w->rest, w->rest + skip + n, strlen(w->rest + skip + n) + 1);
    bool last = w->rest[strspn(w->rest, "/")] == 0;
    bool slash = w->rest[0] == '/';
    if (last && w->flags & RESOLVE_PARENT)
        return walk_leaf(w, name, slash);
    cleanup_fd int fd = walk_open(w, name, O_NOFOLLOW);
    if (fd == -ENOENT && last && !slash && w->flags & RESOLVE_WANT_PARENT) {
        strcpy(w->r->leaf, name);
        w->r->exists = false;
        return 0;
    }
    if (fd < 0)
        return fd;
    struct stat st;
    int ret = mount_stat(fd, &st);
    if (ret < 0)
        return ret;
    if (S_ISLNK(st.st_mode) && !(last && !slash && w->flags & RESOLVE_KEEP_LINK)) {
        ret = walk_link(w, name, fd);
        return ret < 0 ? ret : 1;
    }
    if ((!last || slash) && !S_ISDIR(st.st_mode))
        return -ENOTDIR;
    // For resolve_deep_name().
    if (!S_ISDIR(st.st_mode) && w->flags & RESOLVE_DEEP && !(w->flags & RESOLVE_NOW)) {
        w->found.dir = fcntl(w->fd, F_DUPFD_CLOEXEC, 3);
        strcpy(w->found.name, name);
    }
    walk_to(w, steal_fd(&fd));
    return 1;
}

int
resolve_name(struct resolved *r, const struct found *found, unsigned flags)
{
    ssize_t n = resolve_fd_path(r->fd, r->path);
    if (n >= 0)
        r->pathless = r->path[0] != '/' || is_deleted(r->fd, r->path);
    else if (n == -ENAMETOOLONG && flags & RESOLVE_DEEP)
        n = flags & RESOLVE_NOW ? -EAGAIN : resolve_deep_name(r, found);
    if (n < 0) {
        resolved_done(r);
        return (int)n;
    }
    if (r->leaf[0] == 0)
        return 0;
    if (r->pathless) {
        // A directory that was removed holds nothing and takes nothing.
        resolved_done(r);
        return -ENOENT;
    }
    if (strcmp(r->path, "/") == 0)
        n = 0;
    r->path[n] = '/';
    strcpy(r->path + n + 1, r->leaf);
    return 0;
}

static int
resolve_walk(pid_t tid, int dirfd, const char *path, unsigned flags, struct resolved *r)
{
    struct walk w = {.tid = tid, .flags = flags, .found = {.dir = -1}, .r = r};
    w.fd = path[0] == '/' ? open("/", O_PATH | O_CLOEXEC) : resolve_base(tid, dirfd, flags);
    if (w.fd < 0)
        return path[0] == '/' ? -errno : w.fd;
    strcpy(w.rest, path);
    r->exists = true;
    int ret;
    while ((ret = walk_step(&w)) > 0)
        ;
    // The root itself has no last component.
    if (ret == 0 && flags & RESOLVE_PARENT && !r->leaf[0])
        ret = -EINVAL;
    r->fd = w.fd;
    if (ret == 0)
        ret = resolve_name(r, &w.found, flags);
    else
        resolved_done(r);
    close_fd(&w.found.dir);
    return ret;
}

// Links and ".." as well, followed by the kernel at once. What it finds in procfs is its idea of
// "self", not the task's (I8), and what it does not find may be there for the task: -EAGAIN, the
// walk by component knows.
static int
resolve_at_once(pid_t tid, int dirfd, const char *path, unsigned flags, struct resolved *r)
{
    cleanup_fd int base = -1;
    if (path[0] != '/' && (base = resolve_base(tid, dirfd, flags)) < 0)
        return -EAGAIN;
    r->fd =
        sys_openat2(base, path, O_PATH | O_CLOEXEC | (flags & RESOLVE_KEEP_LINK ? O_NOFOLLOW : 0),
                    0, RESOLVE_NO_MAGICLINKS | (flags & RESOLVE_NOW ? RESOLVE_CACHED : 0));
    if (r->fd < 0)
        return -EAGAIN;
    r->exists = true;
    int kind = mount_kind_of(r->fd);
    return kind < 0 || kind == MOUNT_PROC ? -EAGAIN : resolve_name(r, NULL, 0);
}

int
resolve_task_fd(pid_t tid, int fd, unsigned flags, struct resolved *ret_r)
{
    *ret_r = (struct resolved){.fd = resolve_base(tid, fd, 0), .object_fd = -1, .exists = true};
    return ret_r->fd < 0 ? ret_r->fd : resolve_name(ret_r, NULL, flags);
}

int
resolve_path(pid_t tid, int dirfd, const char *path, unsigned flags, struct resolved *ret_r)
{
    resolved_init(ret_r);
    if (path[0] == 0)
        return -ENOENT;
    int ret = resolve_plain(tid, dirfd, path, flags, ret_r);
    if (ret < 0)
        resolved_done(ret_r);
    // Who is in a directory needs no leave to pass through those above.
    if (ret != -ELOOP && ret != -EINVAL && (ret != -EACCES || path[0] == '/'))
        return ret;
    ret_r->leaf[0] = 0;
    if (!(flags & RESOLVE_PARENT)) {
        if (resolve_at_once(tid, dirfd, path, flags, ret_r) == 0)
            return 0;
        resolved_done(ret_r);
        ret_r->exists = ret_r->pathless = false;
    }
    return resolve_walk(tid, dirfd, path, flags, ret_r);
}
