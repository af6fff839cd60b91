// SPDX-License-Identifier: Apache-2.0
// Rule memory: what decisions left behind, of this session and remembered ones of earlier sessions.
// Pure. Under the supervisor's lock, like the broker.
//
// What a grant answers. A grant is about one kind of thing: files, programs, connecting, binding.
// Among files an allow answers the operations that it was given for (opening and creating are one;
// deleting, renaming, linking, making a directory and changing attributes are each their own), and
// no access that it does not hold. Only an allow to write that reaches over a directory or a
// subtree answers every change there, as --write does. A denial answers more: one of writing
// answers every change, and one of an object holds under every name that the object gets. Either
// answers one program only when it names one.
//
// Reach: an object is one path and, where it exists, one inode, and one content of a program; a
// directory is what lies directly in it, and reading itself; a subtree is a directory and
// everything below it. A port is one exact "host:port", a host every port of it.
//
// What a name leads to may change. An allow that was given for a name answers for it at the address
// that was shown with it, and, where that was one of the public Internet, at others of it: for this
// machine, its network or the metadata of its cloud the person is asked again.
//
// A denial is looked for before an allow, whatever their reach. An allow that reaches beyond one
// object answers for no protected root (I7), and for no rename that would move a protected root or
// something that is denied.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capability.h"
#include "decision.h"
#include "request.h"

struct memory {
    const struct capability_set *caps; /* whose protected roots count; not owned */
    struct grant **grants;             /* all live ones */
    size_t n, room;
    size_t *buckets; /* by hash of the path: index + 1 into grants, 0 for none */
    size_t *chain;   /* next index + 1, parallel to grants */
    size_t *inodes;  /* likewise by inode: denials of one object */
    size_t *inode_chain;
    size_t n_wide; /* grants that reach beyond one object */
    uint64_t next_id;
    uint64_t expiry_ns; /* the earliest expiry among them, monotonic; 0: none */
};

// What a call wants.
struct memory_query {
    enum op op;
    unsigned access;
    const char *path;  /* as request.resolved: a canonical path, or "host:port" */
    uint64_t dev, ino; /* of what path names; 0, 0 when it does not exist, and for sockets */
    const char *path2; /* the other end of a rename or link; NULL for none */
    uint64_t dev2, ino2;
    const uint8_t *sha256;       /* of a program's content; NULL for none */
    const char *exe;             /* the program that asks; NULL: not known */
    const struct endpoint *peer; /* where the name of a host leads to now; NULL: no name */
    bool abstract; /* a socket whose name lies in no file system: nothing answers it */
};

// What answers it: one grant, or one for each end.
struct memory_answer {
    enum verdict verdict; /* ALLOW or DENY */
    struct grant *grants[2];
    size_t n;
};

// caps must outlive m.
void memory_init(struct memory *m, const struct capability_set *caps);
void memory_done(struct memory *m);

// The query of a request; refers to its strings.
struct memory_query memory_query_of(const struct request *r);
// False when nothing is remembered that answers. The grants are valid until m changes.
bool memory_ask(const struct memory *m, const struct memory_query *q, uint64_t now_ns,
                struct memory_answer *ret);
// The answer was given to a call of thread tid.
void memory_used(const struct memory_answer *a, pid_t tid);

// Can a decision of that scope, reach and length be taken about r? 0, -EINVAL for nonsense,
// -EOPNOTSUPP for what this request has not.
int memory_can_keep(const struct request *r, const struct decision *d);
// Makes the grant that decision d about r leaves behind, with a fresh id; not yet live. NULL for a
// decision that counts once. The caller owns it.
struct grant *memory_grant_for(struct memory *m, const struct request *r, const struct decision *d,
                               uint64_t now_ns);
// Makes it live; takes g over. -ENOSPC when there are too many: g is still the caller's.
int memory_add(struct memory *m, struct grant *g);
// NULL when there is no live one of that id.
struct grant *memory_find(const struct memory *m, uint64_t id);
// Takes it out: the caller owns it. NULL when there is none.
struct grant *memory_remove(struct memory *m, uint64_t id);
// Takes one out whose time is over; NULL when there is none.
struct grant *memory_expired(struct memory *m, uint64_t now_ns);
// The object that a grant allowed to be made is there now: it is the grant's from now on.
void memory_adopt(struct memory *m, const char *path, uint64_t dev, uint64_t ino);
