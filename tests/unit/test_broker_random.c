// SPDX-License-Identifier: Apache-2.0
// Random sequences of events: every call gets exactly one answer or is withdrawn, and none is
// allowed without an allow that was recorded.
#include "unit/fake_broker.h"

#define SEQUENCES 20000
#define STEPS 40
#define THREADS 6
#define IDS 4096

enum fate { FATE_NONE, FATE_WAITS, FATE_SENT_BACK, FATE_ANSWERED, FATE_WITHDRAWN };

struct world {
    struct fake fake; /* first: the operations are called with it */
    enum fate fate[IDS];
    uint64_t waits[THREADS]; /* id of the call a thread is in; 0: none */
    unsigned call[THREADS];  /* what it asks */
    uint64_t next_id, now;
    uint8_t digest[IDS][DIGEST_LEN];
    bool committed[IDS], allowed[IDS]; /* by request: an allow was handed over; was acknowledged */
    uint64_t to_ack[IDS];
    size_t n_ack;
    unsigned state;
};

static unsigned
roll(struct world *w, unsigned n)
{
    w->state = w->state * 1103515245u + 12345u;
    return (w->state >> 16) % n;
}

static void
on_publish(void *ctx, const struct request *r)
{
    struct world *w = ctx;
    memcpy(w->digest[r->id], r->digest, DIGEST_LEN);
}

static void
on_update(void *ctx, const struct request_update *u)
{
    (void)ctx, (void)u;
}

static void
on_record_request(void *ctx, struct request *r)
{
    (void)ctx;
    request_free(r);
}

static int
on_record_decision(void *ctx, struct decision *d, struct grant *g, unsigned count, bool durable)
{
    struct world *w = ctx;
    int ret = roll(w, 20) == 0 ? -EAGAIN : 0;
    if (ret == 0 && durable) {
        cr_assert(!w->committed[d->request], "one decision for one request");
        w->to_ack[w->n_ack++] = d->request;
        w->committed[d->request] = true;
    }
    cr_assert(durable || d->verdict != VERDICT_ALLOW, "I5");
    decision_free(d);
    grant_free(g);
    return ret;
}

static void
on_answer(void *ctx, const struct pending *row, struct waiter *wait, const struct decision *d)
{
    struct world *w = ctx;
    cr_assert_eq(w->fate[wait->id], FATE_WAITS, "call %d", (int)wait->id);
    w->fate[wait->id] = FATE_ANSWERED;
    if (d->verdict == VERDICT_ALLOW)
        cr_assert(w->allowed[row->request->id], "I5");
    for (unsigned i = 0; i < THREADS; i++)
        if (w->waits[i] == wait->id)
            w->waits[i] = 0;
}

static void
on_record_repeat(void *ctx, uint64_t request, enum op op)
{
    (void)ctx, (void)request, (void)op;
}

static const struct broker_ops world_ops = {
    .publish = on_publish,
    .update = on_update,
    .record_request = on_record_request,
    .record_decision = on_record_decision,
    .record_repeat = on_record_repeat,
    .answer = on_answer,
    .refused = fake_refused,
    .notice = fake_notice,
};

static void
submit(struct world *w, unsigned thread)
{
    static const char *const paths[] = {"/a", "/b"};
    uint64_t id = ++w->next_id;
    unsigned call = w->call[thread];
    w->fate[id] = FATE_WAITS;
    w->waits[thread] = id;
    fake_submit(&w->fake, paths[call % 2], 1 + call / 2 % 3, id, (pid_t)(1 + thread), w->now);
}

static void
step_thread(struct world *w, unsigned thread)
{
    uint64_t id = w->waits[thread];
    if (id == 0 || w->fate[id] == FATE_SENT_BACK) {
        // The call comes again, or another one: the handler did not return to it.
        if (id == 0 || roll(w, 4) == 0)
            w->call[thread] = roll(w, 6);
        submit(w, thread);
        return;
    }
    struct waiter *wait = fake_waiter(&w->fake, id);
    cr_assert(wait, "call %d is lost", (int)id);
    if (roll(w, 3)) {
        w->fate[id] = FATE_SENT_BACK;
        broker_detach(&w->fake.broker, wait, w->now);
    } else {
        w->fate[id] = FATE_WITHDRAWN;
        w->waits[thread] = 0;
        broker_withdraw(&w->fake.broker, wait, w->now);
    }
}

static void
step_ack(struct world *w)
{
    if (!w->n_ack)
        return;
    size_t i = roll(w, (unsigned)w->n_ack);
    uint64_t id = w->to_ack[i];
    int error = roll(w, 5) == 0 ? -EIO : 0;
    w->to_ack[i] = w->to_ack[--w->n_ack];
    const struct pending *row = pending_find(&w->fake.broker.table, id);
    w->allowed[id] = row && error == 0 && row->decision->verdict == VERDICT_ALLOW;
    fake_recorded(&w->fake, id, error, w->now);
}

static void
step_decide(struct world *w)
{
    struct pending_table *t = &w->fake.broker.table;
    struct decision *d = decision_new();
    d->request = t->n && roll(w, 8) ? t->rows[roll(w, (unsigned)t->n)]->request->id : roll(w, 30);
    memcpy(d->digest, w->digest[d->request], DIGEST_LEN);
    d->digest[0] ^= roll(w, 10) == 0;
    d->verdict = (enum verdict)roll(w, 4);
    d->scope = (enum scope)roll(w, 3);
    d->by = DECIDER_USER;
    broker_decide(&w->fake.broker, d, w->now);
}

static void
step(struct world *w)
{
    w->now += roll(w, 40) == 0 ? NONO_DETACHED_NS : NS_PER_MS;
    switch (roll(w, 8)) {
    case 0:
        step_decide(w);
        break;
    case 1:
    case 2:
        step_ack(w);
        break;
    case 3:
        broker_tick(&w->fake.broker, w->now);
        break;
    case 4:
        if (roll(w, 40) == 0)
            broker_close(&w->fake.broker, w->now);
        break;
    default:
        step_thread(w, roll(w, THREADS));
    }
}

// All that is on the way arrives, all that was sent back stays away: nobody may wait then.
static void
settle(struct world *w)
{
    broker_close(&w->fake.broker, w->now);
    for (unsigned i = 0; i < 100 && w->fake.broker.table.n; i++) {
        w->now += NONO_DETACHED_NS;
        while (w->n_ack)
            step_ack(w);
        broker_tick(&w->fake.broker, w->now);
    }
    cr_assert_eq(w->fake.broker.table.n, 0);
    cr_assert_eq(w->fake.broker.table.n_waiters, 0);
    for (uint64_t id = 1; id <= w->next_id; id++)
        cr_assert_neq(w->fate[id], FATE_WAITS, "call %d waits for ever", (int)id);
}

Test(broker_random, one_answer_or_a_withdrawal)
{
    static const char *const approvers[] = {"ui", "ui", "deny", "allow"};
    static struct world w;
    for (unsigned seed = 0; seed < SEQUENCES; seed++) {
        memset(&w, 0, sizeof w);
        w.state = seed;
        broker_init(&w.fake.broker, approver_find(approvers[seed % 4]),
                    seed % 3 ? 50 * NS_PER_MS : 0, &world_ops, &w, fake_release_object,
                    fake_release_call);
        for (unsigned i = 0; i < STEPS + seed % 200; i++)
            step(&w);
        settle(&w);
        fake_done(&w.fake);
    }
}
