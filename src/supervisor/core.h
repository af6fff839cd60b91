// SPDX-License-Identifier: Apache-2.0
// The supervisor's own state, shared by its two threads. The receiver (receive.c) takes every
// notification and answers by itself what the floor allows, without a lock: that touches constants
// and counters only. Everything else happens under the lock: what the receiver finds to be more
// than that, and the clerk's messages, decisions and timers (supervisor.c). judge.c says what is to
// be done about a call, onbehalf.c does it. Private to src/supervisor; what is declared here is
// called with the lock held unless it says otherwise.
#pragma once
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
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
    // Constant.
    struct supervisor_options o;
    pthread_t clerk, receiver;
    char own_proc[32], monitor_proc[32];
    rlim_t fd_limit; /* held objects stay below it */
    // Either thread, without the lock.
    atomic_uint_least64_t floor_counts[_OP_MAX];
    atomic_bool counted; /* something is to be flushed, at flush_at */
    atomic_bool drained; /* the last task is gone */
    atomic_bool received_all;
    // Under the lock.
    pthread_mutex_t lock;
    struct broker broker;
    struct worker_pool *workers;
    struct msg *outbox; /* for main, when its queue was full */
    size_t n_outbox, room_outbox;
    size_t tick_row;       /* where the next look after parked calls starts */
    struct open_job *jobs; /* opens in workers (onbehalf.c) */
    int timer_fd;          /* a poll(2) time-out would arm a timer for every call */
    uint64_t timer_at;     /* monotonic; 0: not armed */
    uint64_t tick_at, flush_at;
};

// An own umask, no more power than the sandbox, and interruptible: for either thread, at its start.
void core_thread_prepare(struct supervisor *s);
// The receiver's thread.
void *receive_main(void *supervisor);
// Returns when there is room for what a request leaves behind: a full queue is a state, not a loss;
// the kernel keeps the callers asleep meanwhile. Releases the lock while it waits. Receiver.
void core_wait_for_room(struct supervisor *s);

// One line for the person.
void core_notice(struct supervisor *s, const char *text);
// Something was counted: the counters go to the record within 100 ms.
void core_mark_counted(struct supervisor *s);
// Counts an access that the floor allows. Needs no lock, and must be called without it if locked is
// false.
void core_count_floor(struct supervisor *s, enum op op, bool locked);

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

// Decides about a notification that was just received. Receiver, without the lock.
void judge_notification(struct supervisor *s, const struct seccomp_notif *n);
// Goes on once the path is resolved, or could not be (error, negative errno). Takes r->fd over.
void judge_resolved(struct supervisor *s, const struct open_call *c, struct resolved *r, int error);
