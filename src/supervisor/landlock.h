// SPDX-License-Identifier: Apache-2.0
// The floor: one Landlock layer made from the capabilities (I2). What is refused below an allowed
// directory is carved out: the directories on the way to it get no rule, what lies beside it does.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "capability.h"
#include "err.h"
#include "socket_policy.h"

struct floor_rule {
    char *path;
    unsigned access;
    uint64_t dev, ino;
};

// What the kernel was told. Constant after the start.
struct floor {
    int abi;                  /* 0: no Landlock here */
    int ruleset_fd;           /* -1 without Landlock; owned */
    struct floor_rule *rules; /* sorted by path */
    size_t n;
    int *held; /* what is refused and was there: its inode number stays its own; owned */
    size_t n_held;
};

// Landlock's ABI version, 0 where it is missing or switched off.
int landlock_abi(void);

// Builds the ruleset. without: no floor at all (--without-landlock). 0 or -errno with *err set; a
// kernel without Landlock is -EOPNOTSUPP unless without.
int floor_build(const struct capability_set *s, const struct socket_policy *sockets, bool without,
                struct floor *ret_f, struct err *err);
void floor_done(struct floor *f);
// Confines the calling thread. no_new_privs must be set. 0 or -errno.
int floor_enforce(const struct floor *f);
// Puts the calling thread, for good, into a domain that restricts it in nothing but what every
// domain does: it has no power over a process outside (ptrace(2), PTRACE_MODE_READ too). 0 or
// -errno.
int landlock_enter_domain(void);

// Does a rule cover path for access? For capabilities with a hole below (struct judgement). dev and
// ino of the object tell a replaced entry from the one that has the rule; 0, 0 when the object does
// not exist yet. The directories above are looked at again, for the same reason.
bool floor_covers(const struct floor *f, const char *path, uint64_t dev, uint64_t ino,
                  unsigned access);
