// SPDX-License-Identifier: Apache-2.0
// I3: from the path that a task wrote to an object that the supervisor holds. Symbolic links are
// followed as the call would follow them, "/proc/self" and its kin mean the task. Any thread of the
// supervisor.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bounds.h"

enum resolve_flags {
    RESOLVE_WANT_PARENT = 1 << 0, /* a missing last component is fine: hold its directory */
    RESOLVE_KEEP_LINK = 1 << 1,   /* do not follow a symbolic link in the last component */
    RESOLVE_PARENT = 1 << 3, /* hold the directory whether or not the last component is there; that
                                is held as object_fd and never followed */
    RESOLVE_NOW = 1 << 2,    /* only what the dentry cache holds: -EAGAIN instead of blocking */
    RESOLVE_DEEP = 1 << 4,   /* what has a path of more than NONO_PATH_MAX bytes is held as well */
};

struct resolved {
    int fd;        /* O_PATH: the object, or the directory of what is missing; owned */
    int object_fd; /* with RESOLVE_PARENT the object, or -1; owned */
    bool exists;
    bool trailing;  /* with RESOLVE_PARENT: slashes followed the last component */
    bool pathless;  /* a pipe, socket or other object without a name, or a deleted one */
    char leaf[256]; /* of what is missing; with RESOLVE_PARENT of the object */
    char path[NONO_PATH_MAX + 256]; /* absolute; of the object itself, or directory + "/" + leaf */
    // With RESOLVE_DEEP: so many bytes of path are that of a directory above, RESOLVE_BEYOND_TEXT
    // stands for what is between. 0: the path is whole. Until judge_knows() whole is all of it,
    // where that could be found out; owned; or NULL.
    size_t known;
    char *whole;
};
#define RESOLVE_BEYOND_TEXT "/..."
// Where what is no directory was found.
struct found {
    int dir; /* or -1 */
    char name[256];
};

// 0, or the errno that the kernel gives for such a path (-ENOENT, -ENOTDIR, -ELOOP, -EACCES ...),
// -EAGAIN with RESOLVE_NOW, -EBADF for a bad dirfd, -EINVAL with RESOLVE_PARENT for a last
// component that is no name (".", "..", the root). *ret_r is only set on success.
int resolve_path(pid_t tid, int dirfd, const char *path, unsigned flags, struct resolved *ret_r);
// As resolve_path() for a call with RESOLVE_* flags of openat2(2) (how), whose errors are added.
int resolve_restricted(pid_t tid, int dirfd, const char *path, uint64_t how, unsigned flags,
                       struct resolved *ret_r);
// Sets the path of what is held. found may be NULL. 0, or -errno with the descriptors closed.
int resolve_name(struct resolved *r, const struct found *found, unsigned flags);
// The same in two halves for what is only to be let through (I2), with nothing held. First the path
// from the root by its words alone, no link followed and nothing looked at; buf has room for
// NONO_PATH_MAX + 256 bytes. 0, or -EINVAL: it is not that simple, ask resolve_path(). The
// receiver's thread.
int resolve_words(pid_t tid, int dirfd, const char *path, char *buf);
// Then whether a walk along these words meets no link: what is there, if anything is, has that
// name. False also where it cannot be told without blocking.
bool resolve_words_hold(const char *words);
// The object behind a descriptor of the task, whatever it is. flags: of a name that is too long.
// -EBADF.
int resolve_task_fd(pid_t tid, int fd, unsigned flags, struct resolved *ret_r);
// The task's directory (AT_FDCWD) or descriptor itself, O_PATH, the caller's to close; flags:
// RESOLVE_NOW. -EBADF, -EAGAIN, -errno.
int resolve_base(pid_t tid, int dirfd, unsigned flags);
// For resolve_name(): sets path, known and whole of what has too long a path. May take long. The
// length of path, or -errno.
ssize_t resolve_deep_name(struct resolved *r, const struct found *found);
// Holds nothing.
void resolved_init(struct resolved *r);
void resolved_done(struct resolved *r);
// Takes the kernel's mark of what was removed off its path. False where it has none: it is no file
// of a directory.
bool resolved_drop_mark(struct resolved *r);
// A copy with descriptors of its own. 0 or -errno.
int resolved_dup(const struct resolved *r, struct resolved *ret_r);

// Is it on a file system that answers without asking anyone else?
bool resolve_is_local(int fd);
// The path of a descriptor of this process, at least NONO_PATH_MAX bytes of room. Length or -errno.
ssize_t resolve_fd_path(int fd, char *buf);
