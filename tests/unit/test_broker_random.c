// SPDX-License-Identifier: Apache-2.0
// Random sequences of events with a clock of their own: every call gets exactly one answer or is
// withdrawn, and none is allowed unless somebody decided so, it was recorded, and it was not taken
// back. What a rule may answer is worked out here once more, in the plainest way.
#include "unit/fake_broker.h"

#define SEQUENCES 20000
#define STEPS 40
#define THREADS 6
#define IDS 4096

#define RULES 512

// What a decision left behind, as this file sees it.
struct rule {
    uint64_t request, id; /* id 0: not live yet */
    enum verdict verdict;
    enum op op;
    unsigned access;
    enum reach reach;
    char path[32];
    uint64_t ino, end;
    bool revoked;
};

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
    struct rule rules[RULES];
    size_t n_rules;
    struct request *asked[IDS]; /* by id, as recorded */
    unsigned state;
    unsigned by_rule, at_once, held; /* allowed so, or not asked at once: that it happens at all */
};

static unsigned
roll(struct world *w, unsigned n)
{
    w->state = w->state * 1103515245u + 12345u;
    return (w->state >> 16) % n;
}

// --- what rules may answer, once more --------------------------------------------------------

static const char *const paths[] = {"/w/a",     "/w/b",    "/w/d/a",         "/w/d/b",
                                    "/w/d/e/f", "/w/d2/a", "/w/priv/state/x"};
#define PROTECTED_PATH 6 /* of them */

static bool
below(const char *path, const char *dir)
{
    size_t n = strlen(dir);
    return strncmp(path, dir, n) == 0 && path[n] == '/';
}

static bool
reaches(const struct rule *r, const char *path, uint64_t ino)
{
    char dir[32];
    snprintf(dir, sizeof dir, "%s", r->path);
    *strrchr(dir, '/') = 0;
    if (r->reach == REACH_OBJECT && r->verdict == VERDICT_ALLOW)
        return strcmp(path, r->path) == 0 && ino == r->ino;
    if (r->reach == REACH_OBJECT)
        return strcmp(path, r->path) == 0 || ino == r->ino;
    return below(path, dir) && (r->reach == REACH_SUBTREE || !strchr(path + strlen(dir) + 1, '/'));
}

static bool
rules_answer(const struct world *w, const struct request *q, enum verdict verdict, uint64_t now)
{
    for (size_t i = 0; i < w->n_rules; i++) {
        const struct rule *r = &w->rules[i];
        if (r->verdict != verdict || !r->id || r->revoked || (r->end && now >= r->end) ||
            !reaches(r, q->resolved, q->object.ino))
            continue;
        bool same = (r->op == OP_DELETE) == (q->op == OP_DELETE);
        bool wide_write =
            r->reach != REACH_OBJECT && r->op != OP_DELETE && r->access & ACCESS_WRITE;
        if (verdict == VERDICT_ALLOW && !(q->access & ~r->access) && (same || wide_write))
            return true;
        if (verdict == VERDICT_DENY && r->op == OP_DELETE && same)
            return true;
        if (verdict == VERDICT_DENY && r->op != OP_DELETE && q->access & r->access &&
            (!(r->access & ACCESS_WRITE) || q->access & ACCESS_WRITE))
            return true;
    }
    return false;
}

static bool
may_allow(const struct world *w, const struct request *q, uint64_t now)
{
    return rules_answer(w, q, VERDICT_ALLOW, now) && !rules_answer(w, q, VERDICT_DENY, now) &&
           strcmp(q->resolved, paths[PROTECTED_PATH]) != 0;
}

static struct rule *
rule_of(struct world *w, uint64_t id)
{
    for (size_t i = 0; i < w->n_rules; i++)
        if (id && w->rules[i].id == id)
            return &w->rules[i];
    return NULL;
}

// --- the broker's outside --------------------------------------------------------------------

static void
on_grant(void *ctx, const struct grant *g)
{
    struct world *w = ctx;
    for (size_t i = 0; i < w->n_rules; i++)
        if (w->rules[i].request == g->request)
            w->rules[i].id = g->id;
    struct rule *r = rule_of(w, g->id);
    cr_assert(r, "a grant that nobody gave");
    cr_assert(g->state != GRANT_EXPIRED || (r->end && w->now >= r->end));
    cr_assert(g->state != GRANT_REVOKED || r->revoked);
}

static void
on_record_uses(void *ctx, const struct grant *g, uint64_t uses)
{
    (void)ctx, (void)g, (void)uses;
}

static void
on_record_revoke(void *ctx, const struct grant *g, const char *source)
{
    (void)source;
    cr_assert(rule_of(ctx, g->id)->revoked);
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
    struct world *w = ctx;
    cr_assert_null(w->asked[r->id]);
    w->asked[r->id] = r;
}

static void
note_rule(struct world *w, const struct decision *d)
{
    const struct request *q = w->asked[d->request];
    cr_assert_lt(w->n_rules, RULES);
    struct rule *r = &w->rules[w->n_rules++];
    *r = (struct rule){.request = d->request,
                       .verdict = d->verdict,
                       .op = q->op,
                       .access = q->access,
                       .reach = d->reach,
                       .ino = q->object.ino,
                       .end = d->scope == SCOPE_TIME ? w->now + d->for_ns : 0};
    snprintf(r->path, sizeof r->path, "%s", q->resolved);
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
    if (d->by == DECIDER_RULE && d->verdict == VERDICT_ALLOW)
        cr_assert(may_allow(w, w->asked[d->request], w->now), "no rule allows it");
    if (d->by == DECIDER_RULE && d->verdict == VERDICT_DENY && durable)
        cr_assert(rules_answer(w, w->asked[d->request], VERDICT_DENY, w->now));
    cr_assert_eq(g != NULL, d->scope != SCOPE_ONCE);
    if (ret == 0 && g)
        note_rule(w, d);
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
    if (d->verdict == VERDICT_ALLOW) {
        cr_assert(w->allowed[row->request->id], "I5");
        cr_assert(d->by == DECIDER_USER || d->by == DECIDER_INITIAL || d->by == DECIDER_RULE);
        w->by_rule += d->by == DECIDER_RULE;
        for (size_t i = 0; i < w->n_rules; i++) {
            const struct rule *r = &w->rules[i];
            bool by_it = r->request == row->request->id ||
                         (r->id && (r->id == row->rules[0] || r->id == row->rules[1]));
            cr_assert(!by_it || !r->revoked, "taken back before it was answered");
        }
    }
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
    .grant = on_grant,
    .record_uses = on_record_uses,
    .record_revoke = on_record_revoke,
    .answer = on_answer,
    .refused = fake_refused,
    .notice = fake_notice,
};

static struct request *
call_of(unsigned call, unsigned thread)
{
    unsigned path = call % ARRAY_SIZE(paths);
    struct request *r = fake_request(paths[path], 1 + call / 8 % 3, (pid_t)(1 + thread));
    // Two names of one object.
    r->object.ino = path == 3 ? 10 : 10 + path;
    if (call / 24 % 3 == 0 && r->access == ACCESS_WRITE)
        r->op = OP_DELETE;
    return r;
}

static void
submit(struct world *w, unsigned thread)
{
    struct request *r = call_of(w->call[thread], thread);
    const struct memory_query q = memory_query_of(r);
    enum verdict verdict;
    if (broker_answer(&w->fake.broker, &q, r->tid, w->now, &verdict)) {
        cr_assert(verdict == VERDICT_ALLOW ? may_allow(w, r, w->now)
                                           : rules_answer(w, r, VERDICT_DENY, w->now));
        w->at_once += verdict == VERDICT_ALLOW;
        w->waits[thread] = 0;
        request_free(r);
        return;
    }
    // A protected root is refused before anybody is asked.
    if (strcmp(r->resolved, paths[PROTECTED_PATH]) == 0) {
        request_free(r);
        return;
    }
    uint64_t id = ++w->next_id;
    w->fate[id] = FATE_WAITS;
    w->waits[thread] = id;
    if (roll(w, 3))
        fake_submit_request(&w->fake, r, id, w->now);
    else
        w->held += fake_hold_request(&w->fake, r, id, w->now) != 0;
}

static void
step_thread(struct world *w, unsigned thread)
{
    uint64_t id = w->waits[thread];
    if (id == 0 || w->fate[id] == FATE_SENT_BACK) {
        // The call comes again, or another one: the handler did not return to it.
        if (id == 0 || roll(w, 4) == 0)
            w->call[thread] = roll(w, 144);
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

// Something was found out about a request, which may be gone or asked by now.
static void
step_ask(struct world *w)
{
    const uint8_t sum[SHA256_LEN] = {0xab};
    const struct pending_table *t = &w->fake.broker.table;
    if (t->n)
        broker_ask(&w->fake.broker, t->rows[roll(w, (unsigned)t->n)]->request->id,
                   roll(w, 2) ? sum : NULL, w->now);
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
    d->scope = (enum scope)roll(w, _SCOPE_MAX + 1);
    d->reach = (enum reach)roll(w, roll(w, 8) ? 3 : _REACH_MAX + 1);
    d->for_ns = d->scope == SCOPE_TIME ? (1 + roll(w, 40)) * NS_PER_MS : 0;
    d->by = DECIDER_USER;
    broker_decide(&w->fake.broker, d, w->now);
}

static void
step_revoke(struct world *w)
{
    uint64_t id = 1 + roll(w, (unsigned)w->fake.broker.memory.next_id);
    struct rule *r = rule_of(w, id);
    bool live = memory_find(&w->fake.broker.memory, id);
    if (live)
        r->revoked = true;
    cr_assert_eq(broker_revoke(&w->fake.broker, id, "test", w->now), live ? 0 : -ENOENT);
}

static void
step(struct world *w)
{
    w->now += roll(w, 40) == 0 ? NONO_DETACHED_NS : NS_PER_MS;
    switch (roll(w, 10)) {
    case 0:
        step_decide(w);
        break;
    case 5:
        if (roll(w, 8) == 0)
            step_revoke(w);
        else if (roll(w, 8) == 0)
            broker_freeze(&w->fake.broker, roll(w, 2), w->now);
        else
            broker_flush_uses(&w->fake.broker);
        break;
    case 1:
    case 2:
        step_ack(w);
        break;
    case 3:
        broker_tick(&w->fake.broker, w->now);
        if (roll(w, 4) == 0)
            broker_ask_late(&w->fake.broker, w->now);
        break;
    case 6:
        step_ask(w);
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
    broker_freeze(&w->fake.broker, false, w->now);
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
    unsigned by_rule = 0, at_once = 0, held = 0;
    for (unsigned seed = 0; seed < SEQUENCES; seed++) {
        memset(&w, 0, sizeof w);
        w.state = seed;
        broker_init(&w.fake.broker, approver_find(approvers[seed % 4]),
                    seed % 3 ? 50 * NS_PER_MS : 0, fake_caps(), &world_ops, &w, fake_release_object,
                    fake_release_call);
        for (unsigned i = 0; i < STEPS + seed % 200; i++)
            step(&w);
        settle(&w);
        fake_done(&w.fake);
        for (size_t i = 0; i < IDS; i++)
            request_free(w.asked[i]);
        by_rule += w.by_rule;
        at_once += w.at_once;
        held += w.held;
    }
    cr_expect_gt(by_rule, 500u, "%u", by_rule);
    cr_expect_gt(at_once, 1000u, "%u", at_once);
    cr_expect_gt(held, 1000u, "%u", held);
}
