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
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include "broker.h"
#include "exec.h"
#include "files.h"
#include "queue.h"
#include "supervisor.h"
#include "worker.h"

struct held;
struct sockets;
struct trust;

struct supervisor {
    // Constant.
    struct supervisor_options o;
    pthread_t clerk, receiver;
    char own_proc[32], monitor_proc[32];
    struct trust *trust; /* has locks of its own; NULL: nothing is verified */
    rlim_t fd_limit;     /* held objects stay below it */
    // Either thread, without the lock.
    atomic_uint_least64_t floor_counts[_OP_MAX];
    atomic_bool counted;  /* something is to be flushed, at flush_at */
    atomic_bool drained;  /* the last task is gone */
    atomic_uint restarts; /* calls that workers send round again, at most */
    atomic_bool lowered;  /* a task has set its capabilities: they are looked at from then on */
    atomic_bool initial;  /* the command itself has not been run yet */
    // Under the lock.
    pthread_mutex_t lock;
    struct broker broker;
    struct worker_pool *workers;
    struct sockets *sockets; /* sockets_state.h */
    char *last;         /* what was refused last, for the sandbox (last.h); NULL: nothing yet */
    struct msg *outbox; /* for main, when its queue was full */
    size_t n_outbox, room_outbox;
    size_t tick_waiter;        /* where the next look after parked calls starts */
    struct task_job *jobs;     /* in workers */
    struct task_job *tick_job; /* where the next look after them starts; NULL: at the first */
    unsigned n_jobs;
    struct exec_scripts scripts;
    struct exec_refusals refusals;
    struct asker_job *askers; /* asker.h: in workers */
    unsigned n_askers;
    bool told_busy;     /* that too many calls block */
    sem_t received_all; /* posted by the receiver at its end */
    unsigned killed;    /* programs that were not the approved ones */
    int timer_fd;       /* a poll(2) time-out would arm a timer for every call */
    int end_fd;         /* epoll of the listener: readable when the last task is gone */
    uint64_t timer_at;  /* monotonic; 0: not armed */
    uint64_t tick_at, flush_at;
};

// An own umask, no more power than the sandbox, and interruptible: for either thread, at its start.
void core_thread_prepare(struct supervisor *s);
// The receiver's thread.
void *receive_main(void *supervisor);
// Waits for the end of the thread, once the last task is gone.
void receive_end(struct supervisor *s);
// Returns when there is room for what a request leaves behind: a full queue is a state, not a loss;
// the kernel keeps the callers asleep meanwhile. Releases the lock while it waits.
void core_wait_for_room(struct supervisor *s);
bool core_has_room(const struct supervisor *s);

// One line for the person.
void core_notice(struct supervisor *s, const char *text);
// Looks after what is parked or in a worker: whose task is gone, or has a signal to return for.
void core_tick(struct supervisor *s, uint64_t now);
// Withdraws the calls of a request whose tasks are gone, before it is asked or decided. More than a
// few are left to the ticks.
void core_look_at(struct supervisor *s, uint64_t request, uint64_t now);
// There is something for the clerk to look after, which may be asleep without a timer.
void core_look_after(struct supervisor *s);
// Something was counted: the counters go to the record within 100 ms.
void core_mark_counted(struct supervisor *s);
// Counts an access that the floor allows. Needs no lock, and must be called without it if locked is
// false.
void core_count_floor(struct supervisor *s, enum op op, bool locked);

// A family of calls (calls.h).
struct family {
    // Decodes and judges a notification that was just received, and answers or parks it. Receiver,
    // without the lock.
    void (*notified)(struct supervisor *s, const struct call_row *row,
                     const struct seccomp_notif *n);
    // Does what was approved on the object that was held, and answers. c stays the caller's.
    void (*perform)(struct supervisor *s, struct call *c, struct held *object);
    // A decision was taken about it, before it is done or refused; NULL where nobody is told.
    void (*decided)(struct supervisor *s, struct call *c, const struct request *q,
                    const struct decision *d);
    // Frees the copy of a call that was parked.
    void (*free_call)(struct call *c);
    // The path as the task wrote it and what is done with it, for the record of a call that no
    // worker takes. NULL where that is recorded already.
    const char *(*path)(const struct call *c, enum op *ret_op);
};
extern const struct family family_open, family_path, family_socket, family_exec, family_process,
    family_ipc, family_queue, family_absent;
// For a call of another ABI than this program's: a row of FAMILY_ABSENT; else NULL.
const struct call_row *absent_abi(const struct seccomp_notif *n);
const struct family *core_family(const struct call *c);
// Hands a notification to its family. Receiver, without the lock.
void core_notified(struct supervisor *s, const struct seccomp_notif *n);

// What a parked call is about, held from the moment it was judged (I3): one object, or two for a
// rename or a link.
struct held {
    unsigned n;
    struct resolved end[];
};
// Moves n resolutions into an allocation of their own: their descriptors are -1 afterwards.
struct held *held_new(unsigned n, struct resolved *const ends[]);
// For the broker: takes a struct held.
void held_free(void *held);

// An operation in a worker, done for a task that waits.
struct task_job {
    struct job job;
    struct call *call;               /* owned; freed by its family */
    struct task_job *before, *after; /* in the supervisor's list */
    int result;                      /* a descriptor, a value, or -errno */
    bool blocks;                     /* for as long as somebody else likes: a peer */
    bool interrupted;                /* for a signal of the task */
    pid_t process;                   /* 0: not looked for yet */
};
// 0: onbehalf_submit() for this call succeeds while the lock is held. Or -EAGAIN, and the person is
// told: no worker is left, or the caller's process has its share of them. blocks: as of the job.
int onbehalf_reserve(struct supervisor *s, const struct call *c, bool blocks);
// Gives j to a worker. On failure the call is answered EACCES, which is recorded, the person told,
// and j dropped.
void onbehalf_submit(struct supervisor *s, struct task_job *j);
// To be called first by the job's done().
void onbehalf_returned(struct supervisor *s, struct task_job *j);
// Interrupts the jobs whose task is gone, or has a signal to return for; until end_ns, the rest the
// next time.
void onbehalf_look_after(struct supervisor *s, uint64_t end_ns);
// I8: the calling thread acts with no more powers than the task has now. 0, or -errno: nothing may
// be done then. To be followed by onbehalf_leave(). Any thread of the supervisor.
int onbehalf_enter(const struct supervisor *s, pid_t tid);
void onbehalf_leave(const struct supervisor *s);

// Opens the target for the task and answers the call: here when it cannot block, else in a worker.
// c and r stay the caller's.
void onbehalf_open(struct supervisor *s, const struct open_call *c, const struct resolved *r);
// Looks the call's path up in a worker; open_resolved() is called then. c stays the caller's.
void onbehalf_resolve(struct supervisor *s, const struct open_call *c);
// A copy of the call; freed with free().
struct open_call *open_call_dup(const struct open_call *c);
// Goes on once the path is resolved, or could not be (error, negative errno). Takes r's descriptors
// over.
void open_resolved(struct supervisor *s, const struct open_call *c, struct resolved *r, int error);
