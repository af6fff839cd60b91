// SPDX-License-Identifier: Apache-2.0
// Grants on their way: live once recorded, used, taken back, at their end.
#include "unit/fake_broker.h"

#define R ACCESS_READ
#define W ACCESS_WRITE

#define expect_said(f, want)                                                                       \
    do {                                                                                           \
        const char *said_ = fake_said(f);                                                          \
        cr_expect_str_eq(said_, want, "said: %s", said_);                                          \
    } while (0)

static struct fake f;

static void
start(void)
{
    fake_init(&f, "ui", 600 * NS_PER_SEC);
}

static void
end(void)
{
    fake_done(&f);
}

TestSuite(rules, .init = start, .fini = end);

static int
decide(uint64_t request, enum verdict verdict, enum scope scope, enum reach reach, uint64_t for_ns,
       uint64_t now)
{
    struct decision *d = decision_new();
    d->request = request;
    d->verdict = verdict;
    d->scope = scope;
    d->reach = reach;
    d->for_ns = for_ns;
    d->by = DECIDER_USER;
    memcpy(d->digest, f.digest[request], DIGEST_LEN);
    return broker_decide(&f.broker, d, now);
}

static bool
answers(const char *path, unsigned access, pid_t tid, uint64_t now)
{
    const struct memory_query q = {
        .op = OP_READ, .access = access, .path = path, .dev = 1, .ino = 2};
    enum verdict verdict = _VERDICT_INVALID;
    return broker_answer(&f.broker, &q, tid, now, &verdict) && verdict == VERDICT_ALLOW;
}

Test(rules, a_wide_grant_answers_the_queue_with_its_number)
{
    fake_submit(&f, "/w/d/a", R, 11, 1, 5);
    fake_submit(&f, "/w/d/b", R, 12, 2, 5);
    fake_submit(&f, "/w/d/x/c", R, 13, 3, 5);
    cr_assert_eq(decide(1, VERDICT_ALLOW, SCOPE_SESSION, REACH_DIR, 0, 6), 0);
    fake_said(&f);
    fake_recorded(&f, 1, 0, 7);
    expect_said(&f, "recorded:1=allow live:g1 commit:2=allow/rule decided:2=allow yes#11 "
                    "answered:1=allow");
    cr_expect_str_eq(pending_find(&f.broker.table, 2)->decision->source, "grant 1");
    fake_recorded(&f, 2, 0, 8);
    expect_said(&f, "recorded:2=allow yes#12 answered:2=allow");
    cr_expect_eq(f.broker.table.n, 1, "what lies deeper waits");
    // What it answered there has a row of its own in the record.
    broker_flush_uses(&f.broker);
    expect_said(&f, "live:g1");
    cr_expect_eq(memory_find(&f.broker.memory, 1)->uses, 1);
    cr_expect(answers("/w/d/e", R, 20, 9));
    broker_flush_uses(&f.broker);
    expect_said(&f, "uses:g1x1 live:g1");
}

Test(rules, uses_are_counted_exactly)
{
    fake_submit(&f, "/w/d/a", R, 11, 1, 5);
    decide(1, VERDICT_ALLOW, SCOPE_SESSION, REACH_DIR, 0, 6);
    fake_recorded(&f, 1, 0, 7);
    for (int i = 0; i < 5; i++)
        cr_expect(answers("/w/d/b", R, 20 + i % 2, 8));
    cr_expect(!answers("/w/d/b", W, 20, 8));
    // Two threads in one queued request count twice.
    struct request *other = fake_request("/w/e", R, 3);
    fake_submit_request(&f, other, 12, 8);
    fake_said(&f);
    broker_flush_uses(&f.broker);
    expect_said(&f, "uses:g1x5 live:g1");
    cr_expect_eq(f.uses, 5);
    cr_expect_eq(f.n_tasks, 2);
    broker_flush_uses(&f.broker);
    expect_said(&f, "");
    cr_expect_eq(f.broker.stats.granted, 5);
}

Test(rules, a_joined_request_counts_each_call)
{
    fake_submit(&f, "/w/d/b", R, 12, 2, 5);
    fake_submit(&f, "/w/d/b", R, 13, 3, 5);
    fake_submit(&f, "/w/d/a", R, 11, 1, 5);
    decide(2, VERDICT_ALLOW, SCOPE_SESSION, REACH_DIR, 0, 6);
    fake_recorded(&f, 2, 0, 7);
    fake_recorded(&f, 1, 0, 8);
    cr_expect_eq(f.allows, 3);
    cr_expect_eq(memory_find(&f.broker.memory, 1)->uses, 2);
}

Test(rules, taken_back_at_once)
{
    fake_submit(&f, "/w/d/a", R, 11, 1, 5);
    decide(1, VERDICT_ALLOW, SCOPE_SESSION, REACH_DIR, 0, 6);
    fake_recorded(&f, 1, 0, 7);
    cr_expect(answers("/w/d/b", R, 20, 8));
    fake_said(&f);
    cr_expect_eq(broker_revoke(&f.broker, 1, "nono revoke", 9), 0);
    expect_said(&f, "revoke:g1/nono revoke uses:g1x1 revoked:g1");
    cr_expect(!answers("/w/d/b", R, 20, 10));
    cr_expect_eq(broker_revoke(&f.broker, 1, "nono revoke", 11), -ENOENT);
    expect_said(&f, "");
    cr_expect_eq(f.broker.stats.grants, 0);
}

Test(rules, taken_back_while_its_answer_is_written)
{
    fake_submit(&f, "/w/d/a", R, 11, 1, 5);
    fake_submit(&f, "/w/d/b", R, 12, 2, 5);
    decide(1, VERDICT_ALLOW, SCOPE_SESSION, REACH_DIR, 0, 6);
    fake_recorded(&f, 1, 0, 7);
    broker_revoke(&f.broker, 1, "pane", 8);
    fake_said(&f);
    fake_recorded(&f, 2, 0, 9);
    expect_said(&f, "note:2=deny/rule recorded:2=deny refused:user_denied no#12 answered:2=deny");
    cr_expect_eq(f.allows, 1);
}

Test(rules, taken_back_before_an_interrupted_call_returns)
{
    fake_submit(&f, "/w/d/a", R, 11, 1, 5);
    broker_detach(&f.broker, fake_waiter(&f, 11), 6);
    decide(1, VERDICT_ALLOW, SCOPE_SESSION, REACH_OBJECT, 0, 6);
    fake_recorded(&f, 1, 0, 7);
    broker_revoke(&f.broker, 1, "pane", 8);
    fake_said(&f);
    fake_submit(&f, "/w/d/a", R, 12, 1, 9);
    expect_said(&f, "note:1=deny/rule no#12 answered:1=deny");
    cr_expect_eq(f.allows, 0);
}

Test(rules, a_denial_taken_back_uncovers_an_allow)
{
    fake_submit(&f, "/w/d/a", R, 11, 1, 5);
    decide(1, VERDICT_ALLOW, SCOPE_SESSION, REACH_SUBTREE, 0, 6);
    fake_recorded(&f, 1, 0, 7);
    fake_submit(&f, "/w/d/b", R, 12, 2, 8);
    decide(2, VERDICT_DENY, SCOPE_SESSION, REACH_OBJECT, 0, 8);
    fake_recorded(&f, 2, 0, 9);
    cr_expect(!answers("/w/d/b", R, 1, 10));
    broker_revoke(&f.broker, 2, "pane", 11);
    cr_expect(answers("/w/d/b", R, 1, 12));
}

Test(rules, time_runs_by_the_given_clock)
{
    fake_submit(&f, "/w/d/a", R, 11, 1, 5);
    cr_expect_eq(decide(1, VERDICT_ALLOW, SCOPE_TIME, REACH_DIR, 0, 6), -EINVAL);
    cr_expect_eq(decide(1, VERDICT_ALLOW, SCOPE_TIME, REACH_DIR, 100, 6), 0);
    fake_recorded(&f, 1, 0, 7);
    cr_expect_eq(broker_deadline(&f.broker), 106);
    cr_expect(answers("/w/d/b", R, 1, 105));
    cr_expect(!answers("/w/d/b", R, 1, 106));
    broker_tick(&f.broker, 105);
    fake_said(&f);
    broker_tick(&f.broker, 106);
    expect_said(&f, "uses:g1x1 expired:g1");
    cr_expect_eq(broker_deadline(&f.broker), 0);
    cr_expect_eq(f.broker.memory.n, 0);
}

Test(rules, what_is_remembered_answers_from_the_start)
{
    struct grant *g = grant_new();
    g->id = 900;
    g->origin = xstrdup("ba9876543210");
    g->origin_id = 4;
    g->op = OP_READ;
    g->access = R;
    g->scope = SCOPE_ALWAYS;
    g->reach = REACH_SUBTREE;
    g->path = xstrdup("/w");
    cr_expect_eq(broker_load(&f.broker, g), 0);
    expect_said(&f, "live:g1");
    cr_expect(answers("/w/d/b", R, 1, 5));
    struct grant *bad = grant_new();
    bad->op = _OP_INVALID;
    bad->path = xstrdup("/w");
    cr_expect_eq(broker_load(&f.broker, bad), -EINVAL);
    bad = grant_new();
    cr_expect_eq(broker_load(&f.broker, bad), -EINVAL);
    fake_submit(&f, "/x", R, 11, 1, 5);
    decide(1, VERDICT_ALLOW, SCOPE_ALWAYS, REACH_OBJECT, 0, 6);
    fake_recorded(&f, 1, 0, 7);
    // The record knows the remembered ones by their places: those of no use have one as well.
    cr_expect_eq(memory_find(&f.broker.memory, 4)->scope, SCOPE_ALWAYS);
}

static void
decide_for_session(uint64_t request)
{
    char path[32];
    snprintf(path, sizeof path, "/w/%d", (int)request);
    fake_submit(&f, path, R, 10 + request, (pid_t)request, 5);
    cr_assert_eq(decide(request, VERDICT_ALLOW, SCOPE_SESSION, REACH_OBJECT, 0, 6), 0);
    fake_recorded(&f, request, 0, 7);
}

Test(rules, that_there_are_too_many_is_said_once)
{
    for (int i = 0; i < NONO_GRANTS_MAX; i++) {
        struct grant *g = grant_new();
        g->access = R;
        g->path = xasprintf("/old/%d", i);
        cr_assert_eq(broker_load(&f.broker, g), 0);
    }
    for (uint64_t request = 1; request <= 3; request++)
        decide_for_session(request);
    cr_expect_eq(f.notices, 1);
    cr_expect_eq(f.allows, 3);
    cr_expect_not(answers("/w/3", R, 1, 8));
    cr_assert_eq(broker_revoke(&f.broker, 1, "user", 9), 0);
    decide_for_session(4);
    decide_for_session(5);
    cr_expect_eq(f.notices, 2, "room came and went");
    cr_expect(answers("/w/4", R, 1, 8));
}

Test(rules, nothing_stays_away_for_good_while_everything_is_stopped)
{
    fake_submit(&f, "/a", R, 11, 1, 5);
    broker_detach(&f.broker, fake_waiter(&f, 11), 6);
    broker_freeze(&f.broker, true, 7);
    uint64_t now = 7 + 10 * NONO_DETACHED_NS;
    broker_tick(&f.broker, now);
    cr_expect_eq(f.broker.table.n, 1);
    broker_freeze(&f.broker, false, now);
    broker_tick(&f.broker, now + NONO_DETACHED_NS - 1);
    cr_expect_eq(f.broker.table.n, 1);
    broker_tick(&f.broker, now + NONO_DETACHED_NS);
    cr_expect_eq(f.broker.table.n, 0);
}

// What a call would do is part of what it is: two that differ in it are two questions.
Test(rules, requests_that_would_do_something_else_are_not_joined)
{
    for (unsigned i = 0; i < 6; i++) {
        struct request *r = fake_request("/w/a", W, (pid_t)(1 + i));
        if (i == 1)
            r->detail = xstrdup("mode 0644 -> 0777");
        if (i == 2)
            r->detail = xstrdup("mode 0644 -> 0600");
        if (i == 3)
            r->resolved2 = xstrdup("/w/b");
        if (i == 4)
            r->peer.port = 443;
        if (i == 5)
            r->sha256[0] = 1;
        fake_submit_request(&f, r, 11 + i, 5);
    }
    cr_expect_eq(f.broker.table.n, 6);
}
