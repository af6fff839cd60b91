// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>

#include "clock.h"
#include "core.h"
#include "notify.h"

// Waits inside the receive call itself: no poll(2) on the way of every supervised call.
void *
receive_main(void *supervisor)
{
    struct supervisor *s = supervisor;
    struct seccomp_notif n;
    core_thread_prepare(s);
    while (!atomic_load_explicit(&s->drained, memory_order_relaxed)) {
        int ret = notify_recv(s->o.listener, &n);
        if (ret == 0) {
            core_notified(s, &n);
        } else if (ret != -EINTR) {
            // Nothing there after all, or nobody is left to ask: wait for which it is.
            struct pollfd p = {.fd = s->o.listener, .events = POLLIN};
            poll(&p, 1, -1);
            if (!(p.revents & POLLIN) && p.revents & (POLLHUP | POLLERR))
                break;
        }
    }
    sem_post(&s->received_all);
    return NULL;
}

// Before Linux 6.11 a thread that waits to receive is not woken by the end of the last task; a
// signal that comes before it waits is lost, so it is sent until the thread has ended.
void
receive_end(struct supervisor *s)
{
    struct timespec at;
    do {
        pthread_kill(s->receiver, NONO_SIGNAL_INTERRUPT);
        at = clock_timespec(clock_mono_ns() + NS_PER_MS);
    } while (sem_clockwait(&s->received_all, CLOCK_MONOTONIC, &at) < 0);
    pthread_join(s->receiver, NULL);
}
