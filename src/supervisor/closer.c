// SPDX-License-Identifier: Apache-2.0
#include "closer.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "bounds.h"
#include "clock.h"
#include "notify.h"
#include "util.h"
#include "worker.h"

#define STACK_SIZE (64 * 1024)
#define LINGER_NS (200 * NS_PER_MS) /* so long may a close linger */
#define SLOW_MAX (NONO_CLOSERS_MAX * 3 / 4)
#define FLUSH_NS NS_PER_SEC

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

struct closing {
    struct closing *next;
    struct socket_call call; /* owned */
    int listener;            /* -1: nobody waits for the answer */
    int result;
    bool slow; /* it lingers, as far as its socket says */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static struct list {
    struct closing *first, **last;
} quick = {.last = &quick.first}, slow = {.last = &slow.first};
static unsigned threads, idle, waiting, slow_busy;

static void
finish(struct closing *c)
{
    uint64_t id = c->call.call.id;
    socket_call_close(&c->call);
    if (c->listener >= 0 && c->result < 0)
        notify_fail(c->listener, id, -c->result);
    else if (c->listener >= 0)
        notify_return(c->listener, id, c->result);
    free(c);
}

// A signal ends what lingers; again and again, for the first may come before it.
static bool
make_timer(timer_t *ret_timer)
{
    struct sigevent e = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = NONO_SIGNAL_INTERRUPT};
    e.sigev_notify_thread_id = gettid();
    return timer_create(CLOCK_MONOTONIC, &e, ret_timer) == 0;
}

static void
set_timer(timer_t timer, uint64_t ns)
{
    struct itimerspec when = {.it_value.tv_nsec = (long)ns, .it_interval.tv_nsec = (long)ns};
    timer_settime(timer, 0, &when, NULL);
}

static struct closing *
take(struct list *l)
{
    struct closing *c = l->first;
    if (!c)
        return NULL;
    l->first = c->next;
    if (!l->first)
        l->last = &l->first;
    waiting--;
    return c;
}

static void *
closer_main(void *arg)
{
    timer_t timer;
    bool timed = make_timer(&timer);
    worker_allow_interrupt();
    pthread_mutex_lock(&lock);
    for (;;) {
        struct closing *c = take(&quick);
        // Those that linger leave some threads for the others.
        if (!c && slow_busy < SLOW_MAX)
            c = take(&slow);
        if (!c) {
            idle++;
            pthread_cond_wait(&wake, &lock);
            idle--;
            continue;
        }
        bool lingers = c->slow;
        slow_busy += lingers;
        pthread_mutex_unlock(&lock);
        if (timed)
            set_timer(timer, LINGER_NS);
        finish(c);
        if (timed)
            set_timer(timer, 0);
        pthread_mutex_lock(&lock);
        slow_busy -= lingers;
    }
    return arg;
}

static void
start_thread(void)
{
    pthread_t t;
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&t, &attr, closer_main, NULL) == 0)
        threads++;
    pthread_attr_destroy(&attr);
}

// These hold nothing and wait for nothing.
static bool
is_plain(const struct socket_call *c)
{
    bool fds = false;
    for (size_t i = 0; i < c->n; i++)
        fds |= c->messages[i].n_fds > 0;
    bool inet = c->domain == AF_INET || c->domain == AF_INET6;
    return !fds && (c->fd < 0 || c->domain == AF_NETLINK || (inet && c->type == SOCK_DGRAM));
}

static bool
is_slow(const struct socket_call *c)
{
    struct linger l = {0};
    socklen_t len = sizeof l;
    return c->fd >= 0 && getsockopt(c->fd, SOL_SOCKET, SO_LINGER, &l, &len) == 0 && l.l_onoff &&
           l.l_linger;
}

static void
submit(struct socket_call *call, int listener, int result)
{
    struct closing *c = xmalloc(sizeof *c);
    *c = (struct closing){.call = *call, .listener = listener, .result = result};
    call->messages = NULL;
    call->n = call->charged = 0;
    call->fd = -1;
    if (is_plain(&c->call)) {
        finish(c);
        return;
    }
    c->slow = is_slow(&c->call);
    struct list *l = c->slow ? &slow : &quick;
    pthread_mutex_lock(&lock);
    *l->last = c;
    l->last = &c->next;
    waiting++;
    // Without any thread it stays open, and unanswered: refused only when we end.
    if (idle < waiting && threads < NONO_CLOSERS_MAX)
        start_thread();
    pthread_cond_signal(&wake);
    pthread_mutex_unlock(&lock);
}

void
closer_close(struct socket_call *c)
{
    submit(c, -1, 0);
}

void
closer_close_fd(int fd)
{
    struct socket_call c = {.fd = fd};
    submit(&c, -1, 0);
}

void
closer_answer(struct socket_call *c, int listener, int result)
{
    submit(c, listener, result);
}

void
closer_flush(void)
{
    uint64_t end = clock_mono_ns() + FLUSH_NS;
    bool busy = true;
    while (busy && clock_mono_ns() < end) {
        pthread_mutex_lock(&lock);
        busy = waiting > 0 || idle < threads;
        pthread_mutex_unlock(&lock);
        if (busy)
            poll(NULL, 0, 1);
    }
}
