// SPDX-License-Identifier: Apache-2.0
#include "peer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bounds.h"
#include "display.h"
#include "util.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

#define DEPTH_MAX 1024
#define WALKS_MAX 16

int
peer_address_init(struct peer_address *a, const char *path)
{
    *a = (struct peer_address){.un.sun_family = AF_UNIX, .dirfd = -1};
    size_t n = strlen(path);
    const char *slash = strrchr(path, '/');
    if (n < sizeof a->un.sun_path) {
        memcpy(a->un.sun_path, path, n + 1);
    } else {
        if (!slash)
            return -ENAMETOOLONG;
        cleanup_free char *dir = xstrndup(path, slash == path ? 1 : (size_t)(slash - path));
        a->dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (a->dirfd < 0)
            return -errno;
        int len = snprintf(a->un.sun_path, sizeof a->un.sun_path, "/proc/self/fd/%d/%s", a->dirfd,
                           slash + 1);
        if (len < 0 || (size_t)len >= sizeof a->un.sun_path) {
            close_fd(&a->dirfd);
            return -ENAMETOOLONG;
        }
        n = (size_t)len;
    }
    a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
    return 0;
}

void
peer_address_done(struct peer_address *a)
{
    close_fd(&a->dirfd);
}

bool
peer_socket_alive(const char *path)
{
    cleanup_peer_address struct peer_address a = {.dirfd = -1};
    if (peer_address_init(&a, path) < 0)
        return false;
    // A stream socket never answers a datagram one: the kernel says EPROTOTYPE where one is bound
    // and ECONNREFUSED where its process is gone, and the session does not notice.
    cleanup_fd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return true;
    if (connect(fd, (const struct sockaddr *)&a.un, a.len) == 0)
        return true;
    return errno != ECONNREFUSED && errno != ENOENT && errno != ENOTDIR;
}

static int
bind_socket(const char *path, int *ret_fd, struct err *err)
{
    cleanup_free char *shown = display_str(path, DISPLAY_QUOTE);
    cleanup_peer_address struct peer_address a = {.dirfd = -1};
    struct stat st;
    int r = peer_address_init(&a, path);
    if (r < 0)
        return err_set(err, r, "%s: %s", shown, strerror(-r));
    if (lstat(path, &st) == 0) {
        if (!S_ISSOCK(st.st_mode))
            return err_set(err, -EEXIST, "%s is not a socket", shown);
        if (peer_socket_alive(path))
            return err_set(err, -EADDRINUSE, "%s belongs to a running session", shown);
        unlink(path);
    }
    cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    // The mode of the socket before bind(2) becomes that of the file: no time in which it is wider,
    // and the umask of other threads is left alone.
    if (fd < 0 || fchmod(fd, 0600) < 0 || bind(fd, (const struct sockaddr *)&a.un, a.len) < 0 ||
        listen(fd, 64) < 0) {
        r = -errno;
        return err_set(err, r, "control socket %s: %s", shown, strerror(-r));
    }
    *ret_fd = steal_fd(&fd);
    return 0;
}

static int
prepare_dir(const char *path, struct err *err)
{
    cleanup_free char *dir = xstrdup(path);
    char *slash = strrchr(dir, '/');
    struct stat st;
    if (!slash || slash == dir)
        return err_set(err, -EINVAL, "a control socket needs a directory of its own");
    *slash = 0;
    int r = make_private_dir(dir);
    if (r == 0 && (stat(dir, &st) < 0 || (st.st_mode & 0077 && chmod(dir, 0700) < 0)))
        r = -errno;
    if (r == 0)
        return 0;
    cleanup_free char *shown = display_str(dir, DISPLAY_QUOTE);
    return err_set(err, r, "runtime directory %s: %s", shown, strerror(-r));
}

int
peer_listen(const char *path, int *ret_fd, struct err *err)
{
    int r = prepare_dir(path, err);
    return r < 0 ? r : bind_socket(path, ret_fd, err);
}

static int
read_parent(pid_t pid, pid_t *ret_parent)
{
    char path[64];
    cleanup_free char *text = NULL;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    ssize_t n = read_file_at(AT_FDCWD, path, 4096, &text);
    if (n < 0)
        return n == -ENOENT ? -ESRCH : (int)n;
    // comm (field 2) may hold anything but what follows its last ')' is ours: " S ppid".
    const char *p = strrchr(text, ')');
    if (!p || p[1] != ' ' || !p[2] || p[3] != ' ')
        return -EIO;
    char *end;
    long parent = strtol(p + 4, &end, 10);
    if (end == p + 4 || parent < 0)
        return -EIO;
    *ret_parent = (pid_t)parent;
    return 0;
}

// The chain of parents, read upwards and then again downwards. As long as a task's parent field
// names B, B has not gone; both readings of B lie between both readings of its child, so they were
// of B itself, and so on up: neither a parent that dies during the walk nor its number used anew
// can hide an ancestor.
static int
walk(pid_t pid, pid_t root)
{
    pid_t chain[DEPTH_MAX];
    size_t n = 0;
    bool found = false;
    for (pid_t p = pid; p > 0 && !found;) {
        pid_t parent;
        if (n + 1 >= DEPTH_MAX)
            return -ELOOP;
        int r = read_parent(p, &parent);
        if (r < 0)
            return n == 0 ? r : -ESTALE;
        chain[n++] = p;
        chain[n] = parent;
        found = parent == root;
        p = parent;
    }
    for (size_t i = n; i-- > 0;) {
        pid_t parent;
        if (read_parent(chain[i], &parent) < 0 || parent != chain[i + 1])
            return -ESTALE;
    }
    return found;
}

int
peer_descends(pid_t pid, pid_t root)
{
    int r = -ESTALE;
    if (pid <= 0 || root <= 0)
        return -ESRCH;
    if (pid == root)
        return 0;
    for (int i = 0; r == -ESTALE && i < WALKS_MAX; i++)
        r = walk(pid, root);
    return r;
}

// A connection that a supervisor made is one that it made on behalf of its sandbox: no command of
// nono that talks to a session keeps a record of its own. The name of the thread is the
// supervisor's to give, nobody's in its sandbox.
static bool
is_supervisor(pid_t pid)
{
    char path[64], comm[32];
    bool found = false;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *threads = opendir(path);
    if (!threads)
        return true;
    for (struct dirent *e; !found && (e = readdir(threads));) {
        snprintf(path, sizeof path, "%.20s/comm", e->d_name);
        cleanup_fd int at = openat(dirfd(threads), path, O_RDONLY | O_CLOEXEC);
        ssize_t n = at < 0 ? 0 : read(at, comm, sizeof comm - 1);
        comm[n < 0 ? 0 : n] = 0;
        found = strcmp(comm, RECORD_THREAD "\n") == 0;
    }
    closedir(threads);
    return found;
}

int
peer_check(int fd, pid_t root)
{
    struct ucred cred;
    socklen_t len = sizeof cred;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
        return -ESRCH;
    if (cred.uid != geteuid())
        return -EACCES;
    cleanup_fd int pidfd = -1;
    len = sizeof pidfd;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) < 0) {
        pidfd = -1;
        // Kernels before 6.5 do not know it; any other failure means that the peer is gone.
        if (errno != ENOPROTOOPT)
            return -ESRCH;
    }
    int r = peer_descends(cred.pid, root);
    if (r < 0)
        return -ESRCH;
    // I4: nor a task of another sandbox, by way of its supervisor.
    if (r > 0 || is_supervisor(cred.pid))
        return -EPERM;
    // Still there after the walk: the number belonged to the peer all the time.
    struct pollfd pfd = {.fd = pidfd, .events = POLLIN};
    if (pidfd >= 0 && poll(&pfd, 1, 0) != 0)
        return -ESRCH;
    return 0;
}
