// SPDX-License-Identifier: Apache-2.0
#include "broker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "broker_internal.h"
#include "clock.h"
#include "util.h"

void
broker_init(struct broker *b, const struct approver *approver, uint64_t timeout_ns,
            const struct capability_set *caps, const struct broker_ops *ops, void *ctx,
            void (*release_object)(void *), void (*release_call)(void *))
{
    *b = (struct broker){.approver = approver, .timeout_ns = timeout_ns, .ops = ops, .ctx = ctx};
    pending_init(&b->table, release_object, release_call);
    memory_init(&b->memory, caps);
    b->refused = xcalloc(NONO_REFUSALS_MAX, sizeof *b->refused);
}

void
broker_done(struct broker *b)
{
    pending_done(&b->table);
    memory_done(&b->memory);
    free(b->refused);
    b->refused = NULL;
}

static void
broker_update(struct broker *b, const struct pending *row)
{
    struct request_update u = {.id = row->request->id,
                               .state = row->state,
                               .count = row->request->count,
                               .deadline_mono_ns = row->request->deadline_mono_ns,
                               .verdict = _VERDICT_INVALID,
                               .by = _DECIDER_INVALID,
                               .scope = _SCOPE_INVALID};
    if (row->decision) {
        u.verdict = row->decision->verdict;
        u.by = row->decision->by;
        u.scope = row->decision->scope;
    }
    b->ops->update(b->ctx, &u);
    b->stats.pending = (unsigned)b->table.n;
    b->stats.grants = (unsigned)b->memory.n;
}

static void
broker_drop(struct broker *b, struct pending *row)
{
    pending_remove(&b->table, row);
    b->stats.pending = (unsigned)b->table.n;
}

static void
tell_refused(struct broker *b, const struct pending *row)
{
    if (row->decision->verdict != VERDICT_ALLOW && row->n_waiters)
        b->ops->refused(b->ctx, row->request, row->decision->by, row->decision->reason);
}

// Answers every waiter that is there. The row stays while a call that was sent back for a signal
// may still return for its answer.
static void
broker_release(struct broker *b, struct pending *row)
{
    const struct decision *d = row->decision;
    for (struct waiter *w = row->waiters, *next; w; w = next) {
        next = w->next;
        if (w->id == 0)
            continue;
        *(d->verdict == VERDICT_ALLOW ? &b->stats.allowed : &b->stats.refused) += 1;
        broker_count_rules(b, row, w->tid);
        b->ops->answer(b->ctx, row, w, d);
        pending_unpark(&b->table, w);
    }
    if (row->n_waiters)
        return;
    pending_move(row, STATE_ANSWERED);
    // An expired request has been told of as such: that is how it ended.
    if (d->verdict != VERDICT_EXPIRED)
        broker_update(b, row);
    broker_drop(b, row);
}

static void
decision_fill(struct decision *d, const struct request *r, uint64_t now_ns)
{
    d->request = r->id;
    memcpy(d->digest, r->digest, DIGEST_LEN);
    d->real_ns = clock_real_ns();
    d->waited_ms = (now_ns - r->raised_mono_ns) / NS_PER_MS;
    d->error = d->verdict == VERDICT_ALLOW ? 0 : EACCES;
}

int
broker_commit(struct broker *b, struct pending *row, struct decision *d, uint64_t now_ns)
{
    struct grant *g = memory_grant_for(&b->memory, row->request, d, now_ns);
    int ret = b->ops->record_decision(b->ctx, decision_dup(d), g ? grant_dup(g) : NULL,
                                      row->request->count, true);
    if (ret < 0) {
        grant_free(g);
        decision_free(d);
        return ret;
    }
    row->decision = d;
    row->grant = g;
    pending_move(row, d->verdict == VERDICT_EXPIRED ? STATE_EXPIRED : STATE_DECIDED);
    broker_update(b, row);
    return 0;
}

struct decision *
broker_verdict(const struct request *r, enum verdict verdict, enum decider by, enum reason reason,
               uint64_t now_ns)
{
    struct decision *d = decision_new();
    d->verdict = verdict;
    d->by = by;
    d->reason = reason;
    decision_fill(d, r, now_ns);
    return d;
}

// A refusal needs no disk to be safe: it is answered at once and recorded with the next batch.
static void
broker_refuse_row(struct broker *b, struct pending *row, struct decision *d)
{
    b->ops->record_decision(b->ctx, decision_dup(d), NULL, row->request->count, false);
    row->decision = d;
    pending_move(row, STATE_DECIDED);
    pending_move(row, STATE_RECORDED);
    for (struct waiter *w = row->waiters; w;) {
        struct waiter *next = w->next;
        if (w->id == 0)
            pending_unpark(&b->table, w);
        w = next;
    }
    tell_refused(b, row);
    broker_release(b, row);
}

static struct refused_slot *
refused_slot(struct broker *b, uint64_t key)
{
    return &b->refused[key % NONO_REFUSALS_MAX];
}

// Over the limit nothing is shown: refused, counted, and said once for each time that it begins.
static bool
broker_may_prompt(struct broker *b, uint64_t now_ns)
{
    bool may = ratelimit_take(&b->limit, now_ns);
    b->stats.limited += !may;
    if (!may && !b->limited)
        b->ops->notice(b->ctx, "too many new requests: refused for now (--ask-rate)");
    b->limited = !may;
    return may;
}

void
broker_repeat(struct broker *b, uint64_t request, enum op op)
{
    b->stats.refused++;
    b->ops->record_repeat(b->ctx, request, op);
}

static enum approver_answer
broker_approver(const struct broker *b, const struct request *r)
{
    return b->closing ? APPROVER_DENY : b->approver->ask(r);
}

static void
broker_ask_row(struct broker *b, struct pending *row, uint64_t now_ns)
{
    struct request *r = row->request;
    enum approver_answer answer = broker_approver(b, r);
    struct refused_slot *slot = refused_slot(b, row->key);
    enum decider by = DECIDER_INITIAL;
    enum reason reason = r->why;
    if (answer == APPROVER_LATER && row->limited) {
        answer = APPROVER_DENY;
        by = DECIDER_RATE_LIMIT;
        reason = REASON_RATE_LIMITED;
    }
    if (answer == APPROVER_DENY && slot->key == row->key && slot->request) {
        // The same refusal again: counted, not told anew.
        struct decision *d = broker_verdict(r, VERDICT_DENY, by, reason, now_ns);
        d->request = slot->request;
        for (struct waiter *w = row->waiters; w; w = w->next) {
            if (w->id == 0)
                continue;
            broker_repeat(b, slot->request, r->op);
            b->ops->answer(b->ctx, row, w, d);
        }
        decision_free(d);
        broker_drop(b, row);
        return;
    }
    b->ops->record_request(b->ctx, request_dup(r));
    if (answer == APPROVER_LATER) {
        b->ops->publish(b->ctx, r);
        pending_move(row, STATE_ASKED);
        b->stats.pending = (unsigned)b->table.n;
        return;
    }
    if (answer == APPROVER_DENY) {
        *slot = (struct refused_slot){.key = row->key, .request = r->id};
        broker_refuse_row(b, row, broker_verdict(r, VERDICT_DENY, by, reason, now_ns));
        return;
    }
    struct decision *d = broker_verdict(r, VERDICT_ALLOW, DECIDER_INITIAL, REASON_NONE, now_ns);
    d->scope = SCOPE_SESSION;
    d->source = xstrdup("--on-ask allow");
    if (broker_commit(b, row, d, now_ns) < 0)
        broker_refuse_row(
            b, row, broker_verdict(r, VERDICT_DENY, DECIDER_BACKEND, REASON_BACKEND_ERROR, now_ns));
}

// The thread's call has come again, after it was sent back for a signal: it takes its old place.
static void
broker_rejoin(struct broker *b, struct waiter *w, uint64_t id, uint64_t now_ns, void *call)
{
    b->table.release_call(w->call);
    w->id = id;
    w->since_ns = now_ns;
    w->call = call;
    if (w->row->state != STATE_RECORDED)
        return;
    broker_check_rules(b, w->row, now_ns);
    broker_release(b, w->row);
}

static bool
row_takes_more(const struct pending *row)
{
    if (row->state == STATE_NEW || row->state == STATE_ASKED)
        return true;
    return row->state == STATE_DECIDED && row->decision->scope != SCOPE_ONCE;
}

static void
request_raise(struct broker *b, struct request *r, uint64_t now_ns)
{
    r->raised_mono_ns = now_ns;
    r->raised_real_ns = clock_real_ns();
    r->deadline_mono_ns = b->timeout_ns ? now_ns + b->timeout_ns : 0;
    r->count = 1;
}

// There is no room: refused and said so, never silently dropped (I1). Takes everything over.
static void
broker_refuse_full(struct broker *b, struct request *r, void *object, uint64_t id, pid_t tid,
                   uint64_t now_ns, void *call)
{
    struct pending nobody = {.request = r};
    struct waiter w = {.row = &nobody, .id = id, .tid = tid, .call = call};
    struct decision *d =
        broker_verdict(r, VERDICT_DENY, DECIDER_RATE_LIMIT, REASON_RATE_LIMITED, now_ns);
    b->ops->answer(b->ctx, &nobody, &w, d);
    decision_free(d);
    b->table.release_call(call);
    b->table.release_object(object);
    if (!b->full)
        b->ops->notice(b->ctx, "too many requests wait: new ones are refused");
    b->full = true;
    broker_refuse(b, r, DECIDER_RATE_LIMIT, REASON_RATE_LIMITED, now_ns);
}

// The row of a request that is new: in STATE_NEW, nobody has heard of it. NULL for any other.
static struct pending *
broker_enter(struct broker *b, struct request *r, void *object, uint64_t id, pid_t tid,
             uint64_t now_ns, void *call)
{
    struct pending_table *t = &b->table;
    uint64_t start_time = r->start_time;
    struct waiter *own = pending_find_waiter(t, r, tid);
    struct pending *row = own ? own->row : pending_find_same(t, r);
    if (own) {
        broker_rejoin(b, own, id, now_ns, call);
        request_free(r);
        t->release_object(object);
        return NULL;
    }
    if (row && row_takes_more(row) &&
        pending_park(t, row, id, tid, start_time, now_ns, call) == 0) {
        row->request->count++;
        request_free(r);
        t->release_object(object);
        if (row->state != STATE_NEW)
            broker_update(b, row);
        return NULL;
    }
    request_raise(b, r, now_ns);
    if (t->n_waiters >= NONO_WAITERS_MAX || pending_add(t, r, object, &row) < 0) {
        broker_refuse_full(b, r, object, id, tid, now_ns, call);
        return NULL;
    }
    b->full = false;
    pending_park(t, row, id, tid, start_time, now_ns, call);
    row->limited = broker_approver(b, r) == APPROVER_LATER && !broker_may_prompt(b, now_ns);
    return row;
}

void
broker_submit(struct broker *b, struct request *r, void *object, uint64_t id, pid_t tid,
              uint64_t now_ns, void *call)
{
    struct pending *row = broker_enter(b, r, object, id, tid, now_ns, call);
    if (!row)
        return;
    request_seal(r);
    broker_ask_row(b, row, now_ns);
}

uint64_t
broker_hold(struct broker *b, struct request *r, void *object, uint64_t id, pid_t tid,
            uint64_t now_ns, void *call)
{
    struct pending *row = broker_enter(b, r, object, id, tid, now_ns, call);
    if (row && row->limited) {
        request_seal(r);
        broker_ask_row(b, row, now_ns);
        return 0;
    }
    return row ? r->id : 0;
}

void
broker_ask(struct broker *b, uint64_t request, const uint8_t *sha256, uint64_t now_ns)
{
    struct pending *row = pending_find(&b->table, request);
    if (!row || row->state != STATE_NEW)
        return;
    struct request *r = row->request;
    unsigned count = r->count;
    request_raise(b, r, now_ns);
    r->count = count;
    r->has_exe_sha256 = sha256;
    if (sha256)
        memcpy(r->exe_sha256, sha256, SHA256_LEN);
    request_seal(r);
    // What would not be shown to a person is not shown because a grant answers it either.
    if (broker_approver(b, r) != APPROVER_LATER || !broker_answer_row(b, row, now_ns))
        broker_ask_row(b, row, now_ns);
}

void
broker_refuse(struct broker *b, struct request *r, enum decider by, enum reason reason,
              uint64_t now_ns)
{
    uint64_t key = pending_key(r);
    struct refused_slot *slot = refused_slot(b, key);
    if (slot->key == key && slot->request) {
        broker_repeat(b, slot->request, r->op);
        request_free(r);
        return;
    }
    b->stats.refused++;
    request_raise(b, r, now_ns);
    r->id = pending_next_id(&b->table);
    request_seal(r);
    *slot = (struct refused_slot){.key = key, .request = r->id};
    b->ops->record_request(b->ctx, request_dup(r));
    b->ops->record_decision(b->ctx, broker_verdict(r, VERDICT_DENY, by, reason, now_ns), NULL, 1,
                            false);
    b->ops->refused(b->ctx, r, by, reason);
    request_free(r);
}

int
broker_decide(struct broker *b, struct decision *d, uint64_t now_ns)
{
    struct pending *row = pending_find(&b->table, d->request);
    int ret = 0;
    if (!row)
        ret = -ENOENT;
    else if (row->state != STATE_ASKED)
        ret = -EALREADY;
    else if (memcmp(d->digest, row->request->digest, DIGEST_LEN) != 0)
        ret = -EBADMSG;
    else
        ret = memory_can_keep(row->request, d);
    if (ret < 0) {
        decision_free(d);
        return ret;
    }
    d->reason = d->verdict == VERDICT_ALLOW ? REASON_NONE : REASON_USER_DENIED;
    decision_fill(d, row->request, now_ns);
    return broker_commit(b, row, d, now_ns);
}

void
broker_recorded(struct broker *b, const struct record_ack *ack, uint64_t now_ns)
{
    if (!ack->request) {
        b->stats.record_error = ack->error;
        b->ops->notice(b->ctx, !ack->error    ? "the record is written again"
                               : ack->goes_on ? "the record can't be written: going on without"
                                              : "the record can't be written: nothing is granted");
        return;
    }
    struct pending *row = pending_find(&b->table, ack->request);
    if (!row || (row->state != STATE_DECIDED && row->state != STATE_EXPIRED))
        return;
    if (ack->error) {
        // I5: what can't be recorded is a denial, and the user is told.
        b->stats.record_error = ack->error;
        b->ops->notice(b->ctx, "the record could not be written: refused (see --db, disk space)");
        struct decision *d = broker_verdict(row->request, VERDICT_DENY, DECIDER_BACKEND,
                                            REASON_BACKEND_ERROR, now_ns);
        decision_free(row->decision);
        row->decision = d;
    } else if (!ack->goes_on) {
        b->stats.record_error = 0;
        broker_check_rules(b, row, now_ns);
    }
    pending_move(row, STATE_RECORDED);
    if (row->decision->verdict != VERDICT_EXPIRED)
        broker_update(b, row);
    if (!ack->error)
        broker_remember(b, row, now_ns);
    tell_refused(b, row);
    broker_release(b, row);
}

static void
broker_withdraw_row(struct broker *b, struct pending *row, uint64_t now_ns)
{
    if (row->state == STATE_NEW) {
        broker_drop(b, row);
        return;
    }
    // Its record is on the way; broker_recorded() finds no one to answer.
    if (row->state == STATE_DECIDED || row->state == STATE_EXPIRED)
        return;
    if (!row->decision) {
        row->decision = broker_verdict(row->request, VERDICT_WITHDRAWN, DECIDER_INTERNAL,
                                       REASON_WITHDRAWN, now_ns);
        b->ops->record_decision(b->ctx, decision_dup(row->decision), NULL, row->request->count,
                                false);
    }
    pending_move(row, STATE_WITHDRAWN);
    if (row->decision->verdict != VERDICT_EXPIRED)
        broker_update(b, row);
    broker_drop(b, row);
}

void
broker_withdraw(struct broker *b, struct waiter *w, uint64_t now_ns)
{
    struct pending *row = w->row;
    pending_unpark(&b->table, w);
    if (row->n_waiters == 0)
        broker_withdraw_row(b, row, now_ns);
}

void
broker_detach(struct broker *b, struct waiter *w, uint64_t now_ns)
{
    w->id = 0;
    w->since_ns = now_ns;
}

static void
broker_expire_row(struct broker *b, struct pending *row, uint64_t now_ns)
{
    struct decision *d =
        broker_verdict(row->request, VERDICT_EXPIRED, DECIDER_TIMEOUT, REASON_TIMED_OUT, now_ns);
    // A record that is busy now is tried again with the next tick.
    broker_commit(b, row, d, now_ns);
}

void
broker_tick(struct broker *b, uint64_t now_ns)
{
    broker_tick_rules(b, now_ns);
    // Backwards: a removed row's place is taken by the last one, which was looked at already.
    for (size_t i = b->table.n; i-- > 0;) {
        struct pending *row = b->table.rows[i];
        if (!b->frozen && row->state == STATE_ASKED && row->request->deadline_mono_ns &&
            now_ns >= row->request->deadline_mono_ns)
            broker_expire_row(b, row, now_ns);
    }
    for (size_t i = b->frozen ? 0 : b->table.n_waiters; i-- > 0;) {
        struct waiter *w = b->table.waiters[i];
        if (w->id == 0 && now_ns - w->since_ns >= NONO_DETACHED_NS)
            broker_withdraw(b, w, now_ns);
    }
}

void
broker_ask_late(struct broker *b, uint64_t now_ns)
{
    unsigned asked = 0;
    for (size_t i = b->table.n; i-- > 0 && asked < NONO_ASKED_AT_ONCE;) {
        const struct pending *row = b->table.rows[i];
        if (row->state != STATE_NEW || now_ns - row->request->raised_mono_ns < NONO_UNASKED_NS)
            continue;
        broker_ask(b, row->request->id, NULL, now_ns);
        asked++;
    }
}

void
broker_withdraw_all(struct broker *b, uint64_t now_ns)
{
    for (size_t i = b->table.n; i-- > 0;) {
        struct pending *row = b->table.rows[i];
        for (unsigned n = row->n_waiters; n > 0; n--)
            broker_withdraw(b, row->waiters, now_ns);
    }
}

void
broker_close(struct broker *b, uint64_t now_ns)
{
    b->closing = true;
    for (size_t i = b->table.n; i-- > 0;) {
        struct pending *row = b->table.rows[i];
        if (row->state == STATE_ASKED)
            broker_refuse_row(b, row,
                              broker_verdict(row->request, VERDICT_DENY, DECIDER_INTERNAL,
                                             REASON_BACKEND_ERROR, now_ns));
        else if (row->state == STATE_NEW)
            broker_ask(b, row->request->id, NULL, now_ns);
    }
}

// Time to think is not time that runs out.
static void
broker_shift_deadlines(struct broker *b, uint64_t now_ns)
{
    for (size_t i = 0; i < b->table.n; i++) {
        const struct pending *row = b->table.rows[i];
        struct request *r = row->request;
        uint64_t since = r->raised_mono_ns > b->frozen_ns ? r->raised_mono_ns : b->frozen_ns;
        if (row->state != STATE_ASKED || !r->deadline_mono_ns)
            continue;
        r->deadline_mono_ns += now_ns - since;
        broker_update(b, row);
    }
}

void
broker_freeze(struct broker *b, bool on, uint64_t now_ns)
{
    if (b->frozen && !on)
        broker_shift_deadlines(b, now_ns);
    if (!b->frozen && on)
        b->frozen_ns = now_ns;
    // What was sent back before could not return meanwhile: its time runs anew.
    for (size_t i = 0; b->frozen && !on && i < b->table.n_waiters; i++)
        if (b->table.waiters[i]->id == 0)
            b->table.waiters[i]->since_ns = now_ns;
    b->frozen = on;
}
