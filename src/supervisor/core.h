// SPDX-License-Identifier: Apache-2.0
// The supervisor's own state, shared by the files that make up its thread: supervisor.c (loop,
// queues, parked calls), judge.c (what is to be done about a call), onbehalf.c (doing it). Private
// to src/supervisor; everything here is called on the supervisor thread.
#pragma once
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include "broker.h"
#include "files.h"
#include "queue.h"
#include "supervisor.h"
#include "worker.h"

struct supervisor {
    struct supervisor_options o;
    pthread_t thread;
    // What follows belongs to the thread.
    struct broker broker;
    struct worker_pool *workers;
    char own_proc[32], monitor_proc[32];
    uint64_t floor_counts[_OP_MAX];
    bool counted;
    struct msg *outbox; /* for main, when its queue was full */
    size_t n_outbox, room_outbox;
    size_t tick_row;       /* where the next look after parked calls starts */
    struct open_job *jobs; /* opens in workers (onbehalf.c) */
    int timer_fd;          /* a poll(2) time-out would arm a timer for every call */
    uint64_t timer_at;     /* monotonic; 0: not armed */
    uint64_t tick_at, flush_at;
    rlim_t fd_limit; /* held objects stay below it; constant */
    bool drained;
};

// One line for the person.
void core_notice(struct supervisor *s, const char *text);
// Something was counted: the counters go to the record within 100 ms.
void core_mark_counted(struct supervisor *s);

// A copy of the call without its path, which is not looked at again; freed with free().
struct open_call *onbehalf_call_dup(const struct open_call *c);
// Moves the resolution into an allocation of its own: r->fd is -1 afterwards. Freed by
// onbehalf_release().
struct resolved *onbehalf_hold(struct resolved *r);
void onbehalf_release(void *object);
// Opens the target for the task and answers the call: here when it cannot block, else in a worker.
// c and r stay the caller's.
void onbehalf_open(struct supervisor *s, const struct open_call *c, const struct resolved *r);
// Interrupts the opens in workers whose task is gone, or has a signal to return for.
void onbehalf_look_after(struct supervisor *s);
// Looks the call's path up in a worker; judge_resolved() is called then. c stays the caller's.
void onbehalf_resolve(struct supervisor *s, const struct open_call *c);

// Decides about a notification that was just received.
void judge_notification(struct supervisor *s, const struct seccomp_notif *n);
// Goes on once the path is resolved, or could not be (error, negative errno). Takes r->fd over.
void judge_resolved(struct supervisor *s, const struct open_call *c, struct resolved *r, int error);
