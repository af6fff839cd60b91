// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "broker_internal.h"
#include "util.h"

static void
tell_grant(struct broker *b, const struct grant *g)
{
    b->stats.grants = (unsigned)b->memory.n;
    b->ops->grant(b->ctx, g);
}

static char *
rules_name(const struct memory_answer *a)
{
    unsigned long long first = a->grants[0]->id;
    if (a->n == 1)
        return xasprintf("grant %llu", first);
    return xasprintf("grants %llu, %llu", first, (unsigned long long)a->grants[1]->id);
}

// What a new grant answers needs no person any more.
static void
broker_judge_again(struct broker *b, uint64_t now_ns)
{
    b->judge_again = false;
    for (size_t i = 0; i < b->table.n; i++) {
        struct pending *row = b->table.rows[i];
        struct memory_query q = memory_query_of(row->request);
        struct memory_answer a;
        if (row->state != STATE_ASKED || !memory_ask(&b->memory, &q, now_ns, &a))
            continue;
        struct decision *d =
            broker_verdict(row->request, a.verdict, DECIDER_RULE,
                           a.verdict == VERDICT_ALLOW ? REASON_NONE : REASON_USER_DENIED, now_ns);
        d->source = rules_name(&a);
        row->rules[0] = a.grants[0]->id;
        row->rules[1] = a.n > 1 ? a.grants[1]->id : 0;
        // A record that is busy now is tried again with the next tick.
        if (broker_commit(b, row, d, now_ns) < 0) {
            row->rules[0] = row->rules[1] = 0;
            b->judge_again = true;
        }
    }
}

bool
broker_answer_row(struct broker *b, struct pending *row, uint64_t now_ns)
{
    struct memory_query q = memory_query_of(row->request);
    struct memory_answer a;
    if (!memory_ask(&b->memory, &q, now_ns, &a))
        return false;
    // Shown as well: it waits like any other when the record is busy now.
    b->ops->record_request(b->ctx, request_dup(row->request));
    b->ops->publish(b->ctx, row->request);
    pending_move(row, STATE_ASKED);
    broker_judge_again(b, now_ns);
    return true;
}

void
broker_remember(struct broker *b, struct pending *row, uint64_t now_ns)
{
    struct grant *g = steal_pointer(&row->grant);
    if (!g)
        return;
    if (memory_add(&b->memory, g) < 0) {
        grant_free(g);
        if (!b->crowded)
            b->ops->notice(b->ctx, "too many grants: new decisions count once");
        b->crowded = true;
        return;
    }
    b->crowded = false;
    row->left = g->id;
    tell_grant(b, g);
    broker_judge_again(b, now_ns);
}

void
broker_check_rules(struct broker *b, struct pending *row, uint64_t now_ns)
{
    if (!row->revoked || row->decision->verdict != VERDICT_ALLOW)
        return;
    struct decision *d =
        broker_verdict(row->request, VERDICT_DENY, DECIDER_RULE, REASON_USER_DENIED, now_ns);
    d->source = xstrdup("revoked");
    b->ops->record_decision(b->ctx, decision_dup(d), NULL, row->request->count, false);
    decision_free(row->decision);
    row->decision = d;
}

void
broker_count_rules(struct broker *b, const struct pending *row, pid_t tid)
{
    struct memory_answer a = {.n = 0};
    for (size_t i = 0; i < ARRAY_SIZE(row->rules); i++) {
        struct grant *g = row->rules[i] ? memory_find(&b->memory, row->rules[i]) : NULL;
        if (!g)
            continue;
        a.grants[a.n++] = g;
        g->uses_own++;
    }
    memory_used(&a, tid);
}

bool
broker_answer(struct broker *b, const struct memory_query *q, pid_t tid, uint64_t now_ns,
              enum verdict *ret_verdict)
{
    struct memory_answer a;
    if (!memory_ask(&b->memory, q, now_ns, &a))
        return false;
    memory_used(&a, tid);
    *(a.verdict == VERDICT_ALLOW ? &b->stats.granted : &b->stats.refused) += 1;
    *ret_verdict = a.verdict;
    return true;
}

int
broker_load(struct broker *b, struct grant *g)
{
    // The record knows the remembered ones by their places (remember.h): one that is of no use has
    // its number all the same.
    g->id = b->memory.next_id++;
    g->request = 0;
    int ret = (int)g->op < 0 || (int)g->reach < 0 || !g->path || !g->path[0] ||
                      (g->verdict != VERDICT_ALLOW && g->verdict != VERDICT_DENY)
                  ? -EINVAL
                  : memory_add(&b->memory, g);
    if (ret < 0) {
        grant_free(g);
        return ret;
    }
    tell_grant(b, g);
    return 0;
}

static void
tell_uses(struct broker *b, struct grant *g)
{
    if (g->uses == g->uses_told)
        return;
    if (g->uses - g->uses_told > g->uses_own)
        b->ops->record_uses(b->ctx, g, g->uses - g->uses_told - g->uses_own);
    g->uses_told = g->uses;
    g->uses_own = 0;
    if (g->state == GRANT_LIVE)
        tell_grant(b, g);
}

void
broker_flush_uses(struct broker *b)
{
    for (size_t i = 0; i < b->memory.n; i++)
        tell_uses(b, b->memory.grants[i]);
}

// Takes g over.
static void
end_grant(struct broker *b, struct grant *g, enum grant_state state)
{
    g->state = state;
    tell_uses(b, g);
    tell_grant(b, g);
    grant_free(g);
}

int
broker_revoke(struct broker *b, uint64_t id, const char *source, uint64_t now_ns)
{
    struct grant *g = memory_remove(&b->memory, id);
    if (!g)
        return -ENOENT;
    for (size_t i = 0; i < b->table.n; i++) {
        struct pending *row = b->table.rows[i];
        row->revoked |= row->rules[0] == id || row->rules[1] == id || row->left == id;
    }
    b->ops->record_revoke(b->ctx, g, source);
    end_grant(b, g, GRANT_REVOKED);
    // A denial that is gone may have hidden an allow.
    broker_judge_again(b, now_ns);
    return 0;
}

void
broker_tick_rules(struct broker *b, uint64_t now_ns)
{
    struct grant *g;
    bool again = b->judge_again;
    while ((g = memory_expired(&b->memory, now_ns))) {
        again = true;
        end_grant(b, g, GRANT_EXPIRED);
    }
    if (again)
        broker_judge_again(b, now_ns);
}

uint64_t
broker_deadline(const struct broker *b)
{
    return b->memory.expiry_ns;
}
