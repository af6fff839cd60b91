// SPDX-License-Identifier: Apache-2.0
// FAMILY_PROCESS: calls that set how a process is scheduled, its limits, or its capabilities. The
// kernel asks only for the same user, and no scope of Landlock holds them: a process outside is
// refused. Who is meant is a register, which no thread can change behind a look at it.
#include <errno.h>
#include <sys/resource.h>

#include "judge.h"
#include "kernel.h"
#include "notify.h"
#include "tracee.h"

#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_WHO_PGRP 2

// Whom the call means: a process or thread, 0 for the caller or its group, -1 for more than one
// process that is named by anything else.
static pid_t
whom(const struct seccomp_notif *n)
{
    const __u64 *a = n->data.args;
    switch (n->data.nr) {
    case SYS_setpriority:
        return (int)a[0] == PRIO_PROCESS || ((int)a[0] == PRIO_PGRP && (pid_t)a[1] == 0)
                   ? (pid_t)a[1]
                   : -1;
    case SYS_ioprio_set:
        return (int)a[0] == IOPRIO_WHO_PROCESS || ((int)a[0] == IOPRIO_WHO_PGRP && (pid_t)a[1] == 0)
                   ? (pid_t)a[1]
                   : -1;
    case SYS_capset:
        return 0; // only of the caller, whatever it names (capset(2))
    case SYS_prlimit64:
        return a[2] ? (pid_t)a[0] : 0; // only reads
    default:
        return (pid_t)a[0];
    }
}

static void
process_notified(struct supervisor *s, const struct call_row *row, const struct seccomp_notif *n)
{
    pid_t pid = whom(n);
    if (n->data.nr == SYS_capset)
        atomic_store(&s->lowered, true);
    // I2: registers only. A number that became another process's since is a chance in a wrap of all
    // of them, and gives no access to anything.
    if (pid == 0 || (pid > 0 && (pid == (pid_t)n->pid || tracee_is_inside(pid))))
        notify_continue(s->o.listener, n->id);
    else
        notify_fail(s->o.listener, n->id, EPERM);
}

// Nothing of this family is parked.
const struct family family_process = {.notified = process_notified};
