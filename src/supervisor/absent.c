// SPDX-License-Identifier: Apache-2.0
// FAMILY_ABSENT: what is not there for the sandbox, so that nobody could be asked about it: the
// calls of other ABIs, and io_uring, whose queues carry opens past the filter. ENOSYS, on which
// programs fall back; recorded once for each program. The answer depends on no memory.
#include <errno.h>
#include <linux/audit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "judge.h"
#include "kernel.h"
#include "tracee.h"
#include "util.h"

#if defined __x86_64__
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#define X32_BIT 0x40000000u /* __X32_SYSCALL_BIT */
#elif defined __aarch64__
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#define X32_BIT 0u
#else
#error "which audit architecture is this?"
#endif

static const struct call_row rows[] = {
    {"32-bit", -1, FAMILY_ABSENT, WHEN_ALWAYS, 0, 0},
    {"x32", -1, FAMILY_ABSENT, WHEN_ALWAYS, 0, 0},
};

const struct call_row *
absent_abi(const struct seccomp_notif *n)
{
    if (n->data.arch != NATIVE_ARCH)
        return &rows[0];
    return (uint32_t)n->data.nr & X32_BIT ? &rows[1] : NULL;
}

// About the program: the call has no target of its own.
static struct request *
make_request(struct supervisor *s, const struct call *c)
{
    struct standing standing = {0};
    char link[40];
    struct stat st = {0};
    cleanup_free char *exe = tracee_program(c->tid, NULL, NULL);
    snprintf(link, sizeof link, "/proc/%d/exe", (int)c->tid);
    struct facts f = {.call = c,
                      .op = OP_EXEC,
                      .target = exe,
                      .target_len = strlen(exe),
                      .resolved = exe,
                      .exists = stat(link, &st) == 0,
                      .st = &st,
                      .standing = &standing};
    judge_path(s, exe, 0, &standing);
    struct request *q = judge_request(s, &f);
    if (!q)
        return NULL;
    free(q->detail);
    q->detail = c->row->nr == SYS_io_uring_setup
                    ? xstrdup("io_uring does not run here")
                    : xasprintf("%s system calls do not run here", c->row->name);
    return q;
}

static void
absent_notified(struct supervisor *s, const struct call_row *row, const struct seccomp_notif *n)
{
    struct call c = {.row = row, .id = n->id, .tid = (pid_t)n->pid};
    pthread_mutex_lock(&s->lock);
    core_wait_for_room(s);
    judge_refuse(s, &c, make_request(s, &c), DECIDER_FLOOR, REASON_POLICY_BLOCKED, ENOSYS);
    pthread_mutex_unlock(&s->lock);
}

// Nothing of this family is parked.
const struct family family_absent = {.notified = absent_notified};
