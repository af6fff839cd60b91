// SPDX-License-Identifier: Apache-2.0
#include "worker.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

#include "bounds.h"
#include "event.h"
#include "launch.h"
#include "util.h"

#define STACK_SIZE (512 * 1024)

struct worker_pool {
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;
    struct job *first, **last;
    unsigned threads, busy, waiting;
    bool closing;
    unsigned users;      /* threads and the owner: the last one frees */
    struct queue *inbox; /* constant; not touched once closing */
    uint64_t caps;       /* constant */
    pthread_attr_t attr; /* constant */
};

static void
pool_unref(struct worker_pool *p)
{
    bool last = --p->users == 0;
    pthread_mutex_unlock(&p->lock);
    if (!last)
        return;
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->wake);
    pthread_attr_destroy(&p->attr);
    free(p);
}

static void
job_drop_msg(void *data)
{
    struct job *j = data;
    j->drop(j);
}

static void
on_interrupt(int signal)
{
}

static void
interrupt_prepare(void)
{
    // Without SA_RESTART: its only purpose is the EINTR.
    struct sigaction act = {.sa_handler = on_interrupt};
    sigaction(NONO_SIGNAL_INTERRUPT, &act, NULL);
}

void
worker_allow_interrupt(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, NONO_SIGNAL_INTERRUPT);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void *
worker_main(void *arg)
{
    struct worker_pool *p = arg;
    launch_limit_thread(p->caps);
    if (unshare(CLONE_FS) < 0)
        die("unshare(CLONE_FS) failed");
    worker_allow_interrupt();
    pthread_mutex_lock(&p->lock);
    while (!p->closing) {
        struct job *j = p->first;
        if (!j) {
            pthread_cond_wait(&p->wake, &p->lock);
            continue;
        }
        p->first = j->next;
        p->waiting--;
        p->busy++;
        if (!p->first)
            p->last = &p->first;
        j->thread = pthread_self();
        j->running = true;
        pthread_mutex_unlock(&p->lock);
        j->run(j);
        pthread_mutex_lock(&p->lock);
        j->running = false;
        p->busy--;
        struct msg m = {.type = MSG_WORKED, .data = j, .free = job_drop_msg};
        // The inbox is gone once the pool closes; its room is kept for such answers.
        if (p->closing || queue_push(p->inbox, &m, 0) < 0)
            j->drop(j);
    }
    pool_unref(p);
    return NULL;
}

struct worker_pool *
worker_pool_new(struct queue *inbox, uint64_t caps)
{
    struct worker_pool *p = xcalloc(1, sizeof *p);
    interrupt_prepare();
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    p->last = &p->first;
    p->users = 1;
    p->inbox = inbox;
    p->caps = caps;
    // Each blocked connect of the sandbox has one.
    pthread_attr_init(&p->attr);
    pthread_attr_setstacksize(&p->attr, STACK_SIZE);
    return p;
}

// With the lock held.
static int
reserve(struct worker_pool *p)
{
    if (p->threads - p->busy > p->waiting)
        return 0;
    pthread_t t;
    if (p->threads >= NONO_WORKERS_MAX || pthread_create(&t, &p->attr, worker_main, p) != 0)
        return -EAGAIN;
    pthread_detach(t);
    p->threads++;
    p->users++;
    return 0;
}

int
worker_reserve(struct worker_pool *p)
{
    pthread_mutex_lock(&p->lock);
    int ret = reserve(p);
    pthread_mutex_unlock(&p->lock);
    return ret;
}

int
worker_submit(struct worker_pool *p, struct job *j)
{
    pthread_mutex_lock(&p->lock);
    int ret = reserve(p);
    if (ret == 0) {
        j->next = NULL;
        *p->last = j;
        p->last = &j->next;
        p->waiting++;
        pthread_cond_signal(&p->wake);
    }
    pthread_mutex_unlock(&p->lock);
    return ret;
}

void
worker_interrupt(struct worker_pool *p, struct job *j)
{
    pthread_mutex_lock(&p->lock);
    if (j->running)
        pthread_kill(j->thread, NONO_SIGNAL_INTERRUPT);
    pthread_mutex_unlock(&p->lock);
}

struct worker_pool *
worker_pool_free(struct worker_pool *p)
{
    if (!p)
        return NULL;
    pthread_mutex_lock(&p->lock);
    p->closing = true;
    for (struct job *j = p->first, *next; j; j = next) {
        next = j->next;
        j->drop(j);
    }
    p->first = NULL;
    pthread_cond_broadcast(&p->wake);
    pool_unref(p);
    return NULL;
}
