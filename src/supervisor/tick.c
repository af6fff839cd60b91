// SPDX-License-Identifier: Apache-2.0
#include "clock.h"
#include "core.h"
#include "kernel.h"
#include "notify.h"
#include "tracee.h"

#define BUDGET_NS (NS_PER_MS / 2) /* others must not wait for it */
#define MANY 256                  /* calls that wait */
#define MANY_LOOKS 16
#define LOOKED_AT 64 /* calls of one request when it is decided */

// A call that went back for a signal comes again, but not when that ended its task.
static bool
comes_again(const struct waiter *w)
{
    struct tracee_status st;
    return tracee_read_status(w->tid, &st) == 0 && !st.ended;
}

static void
look_after(struct supervisor *s, struct waiter *w, uint64_t now)
{
    struct tracee_status st;
    if (w->id == 0) {
        if (!comes_again(w))
            broker_withdraw(&s->broker, w, now);
        return;
    }
    // The kernel walks a list of all that wait for each such question: while many do, it is asked
    // for a cause, and now and then.
    bool many = s->broker.table.n_waiters > MANY;
    bool known = tracee_read_status(w->tid, &st) == 0;
    bool cause = !known || st.ended || st.signal_waiting;
    if ((cause || !many || ++w->looks % MANY_LOOKS == 0) && !notify_valid(s->o.listener, w->id)) {
        broker_withdraw(&s->broker, w, now);
    } else if (known && st.signal_waiting &&
               (w->row->state == STATE_ASKED || w->row->state == STATE_NEW) && !s->broker.frozen) {
        // The call goes back as it would natively for this signal: EINTR, or restarted behind the
        // handler. It keeps its place in the row; a restarted one finds it again.
        uint64_t id = w->id;
        broker_detach(&s->broker, w, now);
        notify_fail(s->o.listener, id, NONO_ERESTARTSYS);
    }
}

void
core_look_at(struct supervisor *s, uint64_t request, uint64_t now)
{
    struct pending *row = pending_find(&s->broker.table, request);
    if (!row || row->n_waiters > LOOKED_AT)
        return;
    for (struct waiter *w = row->waiters, *next; w; w = next) {
        next = w->next;
        if (w->id ? !notify_valid(s->o.listener, w->id) : !comes_again(w))
            broker_withdraw(&s->broker, w, now);
    }
}

void
core_tick(struct supervisor *s, uint64_t now)
{
    const struct pending_table *t = &s->broker.table;
    uint64_t end = now + BUDGET_NS;
    for (size_t n = t->n_waiters; n-- > 0 && t->n_waiters && clock_mono_ns() < end;) {
        if (s->tick_waiter >= t->n_waiters)
            s->tick_waiter = 0;
        size_t before = t->n_waiters;
        look_after(s, t->waiters[s->tick_waiter], now);
        // Another one has taken the place of one that is gone.
        if (t->n_waiters == before)
            s->tick_waiter++;
    }
    broker_tick(&s->broker, now);
    // A tick waits for nothing.
    if (core_has_room(s))
        broker_ask_late(&s->broker, now);
    onbehalf_look_after(s, clock_mono_ns() + BUDGET_NS);
}
