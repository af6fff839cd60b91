// SPDX-License-Identifier: Apache-2.0
// What a session would find where a path leads, told before there is one (nono why): by the
// resolver and the checks that the supervisor itself uses, for a process that stands for its task.
// One thread; nothing is held or changed.
#pragma once
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "enums.h"

enum outlook_native {
    OUTLOOK_POLICY,  /* nothing: the policy is asked */
    OUTLOOK_FOREIGN, /* the kernel shows it to nobody in a sandbox: of a process outside */
    OUTLOOK_MODE,    /* owner and mode forbid it */
    OUTLOOK_SOCKET,  /* is not opened but connected to */
};

struct outlook {
    char *path;     /* as a request would name it, "/proc/self" for the task itself; owned */
    char *numbered; /* the same by the number that the task has; owned */
    bool exists;
    struct stat st;
    enum outlook_native native; /* what refuses it, whatever the policy says */
    bool foreign;               /* of a process outside: nobody is asked about it */
    char *interpreter;          /* OP_EXEC: of a script, as its first line has it; owned; or NULL */
};
// A script, its interpreter, and so on where that is a script itself.
#define OUTLOOK_PARTS 6
void outlook_done(struct outlook *o);

// A process of this one's that stands for the task, to be ended by outlook_stop(). -errno.
pid_t outlook_start(void);
void outlook_stop(pid_t task);

// path is absolute. op: OP_READ, OP_WRITE, OP_EXEC, OP_CONNECT, or OP_BIND, which follows no link
// in the last place.
void outlook_at(pid_t task, const char *path, enum op op, struct outlook *ret_o);
