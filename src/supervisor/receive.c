// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <poll.h>

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
    atomic_store(&s->received_all, true);
    return NULL;
}
