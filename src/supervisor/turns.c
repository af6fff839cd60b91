// SPDX-License-Identifier: Apache-2.0
#include "turns.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_S 1

struct waiting {
    struct waiting *next;
    pthread_cond_t wake;
    bool called;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static struct waiting *first, **last = &first;
static long taken;

static bool
is_free(void)
{
    long turns = sysconf(_SC_NPROCESSORS_ONLN) / 2;
    return taken < (turns > 0 ? turns : 1);
}

static void
leave_queue(struct waiting *w)
{
    struct waiting **link = &first;
    while (*link != w)
        link = &(*link)->next;
    *link = w->next;
    if (last == &w->next)
        last = link;
}

void
turn_take(void)
{
    struct waiting w = {.wake = PTHREAD_COND_INITIALIZER};
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += PATIENCE_S;
    pthread_mutex_lock(&lock);
    if (!first && is_free()) {
        taken++;
    } else {
        *last = &w;
        last = &w.next;
        while (!w.called)
            if (pthread_cond_clockwait(&w.wake, &lock, CLOCK_MONOTONIC, &end) == ETIMEDOUT)
                break;
        if (!w.called) {
            leave_queue(&w);
            taken++;
        }
    }
    pthread_mutex_unlock(&lock);
    pthread_cond_destroy(&w.wake);
}

void
turn_give(void)
{
    pthread_mutex_lock(&lock);
    taken--;
    if (first && is_free()) {
        struct waiting *w = first;
        first = w->next;
        if (!first)
            last = &first;
        taken++;
        w->called = true;
        pthread_cond_signal(&w->wake);
    }
    pthread_mutex_unlock(&lock);
}
