// SPDX-License-Identifier: Apache-2.0
// Threads for what may block: a lookup on a slow file system, the open of a FIFO. Jobs come back to
// the supervisor's inbox as MSG_WORKED. Each worker has its own umask, cwd and root
// (unshare(CLONE_FS)) and only the sandbox's capabilities.
#pragma once
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "queue.h"

struct job {
    void (*run)(struct job *j);             /* in a worker */
    void (*done)(struct job *j, void *ctx); /* in the supervisor; frees the job */
    void (*drop)(struct job *j);            /* frees a job that can't be delivered any more */
    // The pool's:
    struct job *next;
    pthread_t thread;
    bool running;
};

// Sent to a thread to make the system call that it blocks in return EINTR.
#define NONO_SIGNAL_INTERRUPT SIGRTMAX
// Lets the calling thread be interrupted by it. After worker_pool_new().
void worker_allow_interrupt(void);

struct worker_pool;

// caps: as launch_limit_thread() takes them. inbox must outlive the pool.
struct worker_pool *worker_pool_new(struct queue *inbox, uint64_t caps);
// 0: the next worker_submit() succeeds; or -EAGAIN. Supervisor thread.
int worker_reserve(struct worker_pool *p);
// 0, or -EAGAIN when NONO_WORKERS_MAX of them are busy: j is still the caller's. Supervisor thread.
int worker_submit(struct worker_pool *p, struct job *j);
// Makes the system call that the job blocks in return EINTR. It may come too early: to be repeated
// until the job is done. Supervisor thread.
void worker_interrupt(struct worker_pool *p, struct job *j);
// Drops what waits and ends the idle threads; one that blocks for ever ends with the process. Takes
// NULL, returns NULL.
struct worker_pool *worker_pool_free(struct worker_pool *p);
