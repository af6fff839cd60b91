// SPDX-License-Identifier: Apache-2.0
// What a session may do without asking, and how a path is judged by it. Pure, but for
// capability_add_path(), which looks the path up once. One owner.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "enums.h"
#include "err.h"

enum capability_kind {
    CAPABILITY_SUBTREE, /* a directory and everything below it */
    CAPABILITY_FILE,    /* exactly this file */
};

struct capability {
    enum capability_kind kind;
    unsigned access; /* bits of enum access */
    bool exec;       /* programs in it may be run */
    bool device;     /* ioctl(2) of a device node */
    bool holed;      /* a protected root lies below it (capability_set_seal()) */
    char *path;      /* canonical, no trailing slash but for "/" */
    size_t len;      /* of path */
    char *source;    /* where it comes from: "--allow", "default" */
};

struct capability_set {
    struct capability *caps;
    size_t n;
    char **protected_roots; /* canonical; nobody can grant them (I7) */
    size_t n_protected;
};

#define cleanup_capability_set __attribute__((cleanup(capability_set_done)))
void capability_set_done(struct capability_set *s);

// Adds what path names (resolved now). -ENOENT, -ENOTDIR (kind SUBTREE), -EISDIR (kind FILE) and so
// on with a line naming source and path in *err.
int capability_add_path(struct capability_set *s, enum capability_kind kind, unsigned access,
                        const char *path, const char *source, struct err *err);
// The same for what may be missing (defaults): 0 then, and nothing is added. kind follows what is
// there.
void capability_add_default(struct capability_set *s, unsigned access, bool exec, const char *path);
// To be called once when all is added: finds the capabilities that have a protected root below.
void capability_set_seal(struct capability_set *s);
// Adds a protected root; need not exist yet (its nearest existing ancestor is resolved).
void capability_protect(struct capability_set *s, const char *path);

// The defaults of SPEC 2 without a profile: system directories, /proc, plain devices, /tmp,
// $TMPDIR.
void capability_add_defaults(struct capability_set *s, const char *tmpdir);

// How a canonical path stands to the set.
struct judgement {
    unsigned access; /* what the capabilities covering the path give together */
    bool exec;
    bool protected_; /* is, or lies below, a protected root: always refused */
    bool holed;      /* covered by a capability with a hole below: ask the floor's own list */
    const struct capability *nearest; /* most specific one covering it; NULL for none */
    size_t shared; /* bytes of path that the nearest one shares, at a component's edge */
};
void capability_judge(const struct capability_set *s, const char *path, struct judgement *ret_j);

// For a path that nothing covers: sets nearest and shared to the capability that shares most of it,
// if any shares more than the root.
void capability_nearest(const struct capability_set *s, const char *path, struct judgement *j);

// Is path equal to root or below it (whole components)?
bool path_is_below(const char *path, const char *root);

// "rw /home/u/shop (--allow)"; foreign bytes raw. The caller frees it.
char *capability_describe(const struct capability *c);
