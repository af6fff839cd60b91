// SPDX-License-Identifier: Apache-2.0
// openat2(2) with RESOLVE_* flags: the kernel itself walks, from the task's directory, under the
// same restrictions.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kernel.h"
#include "mounts.h"
#include "resolve.h"
#include "tracee.h"
#include "util.h"

struct restricted {
    pid_t tid;
    int base;
    uint64_t how; /* RESOLVE_* of the kernel */
};

static int
open_under(const struct restricted *w, const char *path, uint64_t flags)
{
    return sys_openat2(w->base, path, O_PATH | O_CLOEXEC | flags, 0, w->how);
}

static bool
is_proc_root(const struct restricted *w, const char *path, size_t len)
{
    char dir[NONO_PATH_MAX + 2];
    struct stat st;
    snprintf(dir, sizeof dir, "%.*s", len ? (int)len : 1, len ? path : ".");
    cleanup_fd int fd = open_under(w, dir, O_DIRECTORY);
    return fd >= 0 && mount_kind_of(fd) == MOUNT_PROC && mount_stat(fd, &st) == 0 &&
           st.st_ino == 1; // PROC_ROOT_INO, include/linux/proc_ns.h
}

// I8: "self" and "thread-self" of procfs are links whose text depends on who looks: the path is
// written with what they are for the task. Where no link may be followed none is. 0, -ENAMETOOLONG
// or -errno.
static int
name_task(const struct restricted *w, const char *path, char *ret_path, size_t size)
{
    size_t out = 0;
    if (strlen(path) >= size)
        return -ENAMETOOLONG;
    for (const char *at = path; *at;) {
        size_t slashes = strspn(at, "/"), n = strcspn(at + slashes, "/");
        const char *name = at + slashes;
        bool thread = n == 11 && strncmp(name, "thread-self", n) == 0;
        struct tracee_status s;
        char own[64];
        memcpy(ret_path + out, at, slashes);
        out += slashes;
        ret_path[out] = 0;
        if ((thread || (n == 4 && strncmp(name, "self", n) == 0)) &&
            !(w->how & RESOLVE_NO_SYMLINKS) && is_proc_root(w, ret_path, out)) {
            int ret = tracee_read_status(w->tid, &s);
            if (ret < 0)
                return ret;
            name = own;
            at += n;
            n = (size_t)snprintf(own, sizeof own, thread ? "%d/task/%d" : "%d", (int)s.tgid,
                                 (int)w->tid);
        } else {
            at += n;
        }
        at += slashes;
        if (out + n + strlen(at) >= size)
            return -ENAMETOOLONG;
        memcpy(ret_path + out, name, n);
        out += n;
        ret_path[out] = 0;
    }
    return 0;
}

// What is to be made: its directory. 0 or -errno.
static int
hold_parent(const struct restricted *w, const char *path, struct resolved *r)
{
    char dir[NONO_PATH_MAX + 2];
    const char *slash = strrchr(path, '/');
    const char *leaf = slash ? slash + 1 : path;
    if (!*leaf || strlen(leaf) >= sizeof r->leaf)
        return -ENOENT;
    snprintf(dir, sizeof dir, "%.*s", slash ? (int)(leaf - path) : 1, slash ? path : ".");
    r->fd = open_under(w, dir, O_DIRECTORY);
    if (r->fd < 0)
        return -errno;
    strcpy(r->leaf, leaf);
    return 0;
}

int
resolve_restricted(pid_t tid, int dirfd, const char *path, uint64_t how, unsigned flags,
                   struct resolved *ret_r)
{
    // Room for what a process id may add.
    char text[NONO_PATH_MAX + 32];
    bool from_base = path[0] != '/' || how & (RESOLVE_IN_ROOT | RESOLVE_BENEATH);
    cleanup_fd int base = from_base ? resolve_base(tid, dirfd, flags) : -1;
    if (from_base && base < 0)
        return base;
    struct restricted w = {
        .tid = tid, .base = base, .how = how | (flags & RESOLVE_NOW ? RESOLVE_CACHED : 0)};
    int ret = name_task(&w, path, text, sizeof text);
    if (ret < 0)
        return ret;
    *ret_r = (struct resolved){.fd = -1, .object_fd = -1};
    ret_r->fd = open_under(&w, text, flags & RESOLVE_KEEP_LINK ? O_NOFOLLOW : 0);
    ret_r->exists = ret_r->fd >= 0;
    if (!ret_r->exists) {
        ret =
            errno == ENOENT && flags & RESOLVE_WANT_PARENT ? hold_parent(&w, text, ret_r) : -errno;
        if (ret < 0)
            return ret;
    }
    ret = resolve_name(ret_r, NULL, 0);
    return ret;
}
