// SPDX-License-Identifier: Apache-2.0
// What a session may do without asking, and how a path is judged by it. Pure, but for
// capability_add_path(), which looks the path up once. One owner.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "denial.h"
#include "enums.h"
#include "err.h"
#include "path_index.h"

enum capability_kind {
    CAPABILITY_SUBTREE, /* a directory and everything below it */
    CAPABILITY_FILE,    /* exactly this file */
};

struct capability {
    enum capability_kind kind;
    unsigned access; /* bits of enum access */
    bool exec;       /* programs in it may be run */
    bool device;     /* ioctl(2) of a device node */
    bool holed;      /* something refused lies, or may come, below it (capability_set_seal()) */
    bool verified;   /* the kernel lets no file below it be read (trust_carve()) */
    char *path;      /* canonical, no trailing slash but for "/"; what it gives in "/proc/self" each
                        process has of itself alone (capability_judge_own()) */
    size_t len;      /* of path */
    char *source;    /* where it comes from: "--allow", "default.json:12" */
};

struct capability_set {
    struct capability *caps;
    size_t n;
    struct path_index index; /* of their paths */
    struct denials denials;  /* nobody can grant what is refused here (I7) */
};

#define cleanup_capability_set __attribute__((cleanup(capability_set_done)))
void capability_set_done(struct capability_set *s);

// Adds what path names (resolved now). -ENOENT, -ENOTDIR (kind SUBTREE), -EISDIR (kind FILE) and so
// on with a line naming source and path in *err.
int capability_add_path(struct capability_set *s, enum capability_kind kind, unsigned access,
                        const char *path, const char *source, struct err *err);
// The same for what may be missing, or said before (profiles): 0 then, and nothing is added. kind
// follows what is there.
int capability_add_present(struct capability_set *s, unsigned access, const char *path,
                           const char *source, struct err *err);
// The same whether anything is there or not: for judging what happened elsewhere.
int capability_add_missing(struct capability_set *s, enum capability_kind kind, unsigned access,
                           const char *path, const char *source, struct err *err);
// Refuses what path names (denials_add()).
int capability_deny(struct capability_set *s, const char *path, size_t fixed, const char *source,
                    struct err *err);
// Adds a protected root; need not exist yet.
void capability_protect(struct capability_set *s, const char *path);
// To be called once when all is added: finds the capabilities that have something refused below.
void capability_set_seal(struct capability_set *s);

// How a canonical path stands to the set.
struct judgement {
    unsigned access; /* what the capabilities covering the path give together */
    bool exec;
    bool protected_; /* always refused, without asking: denied says what refuses it */
    const struct denial *denied;
    enum decider by; /* with protected_: DECIDER_PROTECTED (nono's own) or DECIDER_INITIAL */
    bool holed;      /* covered by a capability with a hole below: ask the floor's own list */
    const struct capability *nearest; /* most specific one covering it; NULL for none */
    size_t shared; /* bytes of path that the nearest one shares, at a component's edge */
};
void capability_judge(const struct capability_set *s, const char *path, struct judgement *ret_j);
// Adds what "/proc/self" gives where path is an entry of the process that asks; rest is what is
// behind that in it (path_in_process()).
void capability_judge_own(const struct capability_set *s, const char *path, const char *rest,
                          struct judgement *j);
// Is it about that? The kernel has no rule for it.
bool capability_is_own(const struct capability *c);
// Adds to the judgement of a path what is known of the object that was found there: it may be
// refused under another name.
void capability_judge_object(const struct capability_set *s, uint64_t dev, uint64_t ino,
                             struct judgement *j);

// The most specific capability that gives all of access (and exec) to path; NULL for none.
const struct capability *capability_giving(const struct capability_set *s, const char *path,
                                           unsigned access, bool exec);

// For a path that nothing covers: sets nearest and shared to the capability that shares most of it,
// if any shares more than the root.
void capability_nearest(const struct capability_set *s, const char *path, struct judgement *j);

// Is path equal to root or below it (whole components)?
bool path_is_below(const char *path, const char *root);

// "rw /home/u/shop (--allow)"; foreign bytes raw. The caller frees it.
char *capability_describe(const struct capability *c);
// What the judgement rests on, likewise: "deny /home/u/shop/.env (--deny)", else the nearest
// capability, "" for none.
char *judgement_describe(const struct judgement *j);
// The whole set, a line for each capability and each denial ("deny /home/u/shop/.env (--deny)").
// The caller frees it.
char *capability_set_describe(const struct capability_set *s);
