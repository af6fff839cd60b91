// SPDX-License-Identifier: Apache-2.0
// Calls that come again, calls that join, what decisions leave behind, and the limits.
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

TestSuite(broker_join, .init = start, .fini = end);

static void
restart(const char *approver, uint64_t timeout_ns)
{
    fake_done(&f);
    fake_init(&f, approver, timeout_ns);
}

static void
decide(uint64_t id, enum verdict verdict, enum scope scope)
{
    cr_assert_eq(fake_decide(&f, id, verdict, scope, 50), 0);
}

static void
detach(uint64_t id, uint64_t now)
{
    broker_detach(&f.broker, fake_waiter(&f, id), now);
}

Test(broker_join, a_call_that_comes_again_keeps_its_place)
{
    fake_submit(&f, "/a", R, 11, 1, 5);
    for (uint64_t i = 0; i < 100; i++) {
        detach(11 + i, 6);
        fake_submit(&f, "/a", R, 12 + i, 1, 7);
    }
    expect_said(&f, "request:1 publish:1");
    cr_expect_eq(f.broker.table.rows[0]->request->count, 1);
    decide(1, VERDICT_ALLOW, SCOPE_ONCE);
    detach(111, 6);
    fake_said(&f);
    fake_recorded(&f, 1, 0, 51);
    expect_said(&f, "recorded:1=allow");
    cr_expect_eq(f.broker.stats.allowed, 0);
    fake_submit(&f, "/a", R, 200, 1, 52);
    expect_said(&f, "yes#200 answered:1=allow");
    cr_expect_eq(f.broker.stats.allowed, 1);
    fake_submit(&f, "/a", R, 201, 1, 53);
    expect_said(&f, "request:2 publish:2");
}

// Where the kernel takes a call back without a word, the same thread's next one is its successor.
Test(broker_join, a_call_that_was_taken_back_unseen_counts_once)
{
    fake_submit(&f, "/a", R, 11, 1, 5);
    fake_submit(&f, "/a", R, 12, 1, 6);
    expect_said(&f, "request:1 publish:1");
    cr_expect_eq(f.broker.table.n_waiters, 1);
    decide(1, VERDICT_ALLOW, SCOPE_ONCE);
    fake_said(&f);
    fake_recorded(&f, 1, 0, 51);
    expect_said(&f, "recorded:1=allow yes#12 answered:1=allow");
}

Test(broker_join, the_answer_waits_behind_a_newer_identical_request)
{
    fake_submit(&f, "/a", R, 11, 1, 5);
    decide(1, VERDICT_ALLOW, SCOPE_ONCE);
    detach(11, 50);
    fake_recorded(&f, 1, 0, 51);
    fake_submit(&f, "/a", R, 21, 2, 52);
    cr_expect_eq(f.broker.table.n, 2, "an answer that counts once is for those who had asked");
    fake_said(&f);
    fake_submit(&f, "/a", R, 12, 1, 53);
    expect_said(&f, "yes#12 answered:1=allow");
    cr_expect(fake_waiter(&f, 21) != NULL);
}

Test(broker_join, a_reused_thread_id_is_another_thread)
{
    fake_submit(&f, "/a", R, 11, 1, 5);
    decide(1, VERDICT_ALLOW, SCOPE_ONCE);
    detach(11, 50);
    fake_recorded(&f, 1, 0, 51);
    struct request *r = fake_request("/a", R, 1);
    r->start_time++;
    fake_submit_request(&f, r, 12, 52);
    cr_expect_eq(f.answers, 0);
}

Test(broker_join, a_call_that_does_not_return_is_withdrawn)
{
    fake_submit(&f, "/a", R, 11, 1, 5);
    detach(11, 100);
    fake_said(&f);
    broker_tick(&f.broker, 99 + NONO_DETACHED_NS);
    expect_said(&f, "");
    broker_tick(&f.broker, 100 + NONO_DETACHED_NS);
    expect_said(&f, "note:1=withdrawn/internal withdrawn:1=withdrawn");
    fake_submit(&f, "/b", R, 12, 1, 5);
    decide(2, VERDICT_DENY, SCOPE_ONCE);
    detach(12, 100);
    fake_recorded(&f, 2, 0, 101);
    fake_said(&f);
    broker_tick(&f.broker, 100 + NONO_DETACHED_NS);
    expect_said(&f, "withdrawn:2=deny");
    cr_expect_eq(f.broker.table.n, 0);
    cr_expect_eq(f.broker.stats.refused, 0);
}

Test(broker_join, refused_is_told_once_and_counted_by_answer)
{
    fake_submit(&f, "/a", R, 11, 1, 5);
    fake_submit(&f, "/a", R, 12, 2, 5);
    decide(1, VERDICT_DENY, SCOPE_ONCE);
    detach(11, 50);
    fake_recorded(&f, 1, 0, 51);
    cr_expect_eq(f.broker.stats.refused, 1);
    fake_submit(&f, "/a", R, 13, 1, 52);
    cr_expect_eq(f.broker.stats.refused, 2);
    cr_expect_eq(f.refusals, 1);
    cr_expect_eq(f.answers, 2);
}

Test(broker_join, an_expired_call_that_comes_again_is_not_asked_anew)
{
    restart("ui", 100);
    fake_submit(&f, "/a", R, 11, 1, 5);
    detach(11, 104);
    broker_tick(&f.broker, 105);
    fake_recorded(&f, 1, 0, 106);
    fake_said(&f);
    fake_submit(&f, "/a", R, 12, 1, 107);
    expect_said(&f, "no#12");
    cr_expect_eq(f.broker.table.n, 0);
}

Test(broker_join, identical_requests_share_a_row)
{
    fake_submit(&f, "/a", R, 11, 1, 5);
    fake_said(&f);
    fake_submit(&f, "/a", R, 12, 2, 6);
    fake_submit(&f, "/a", R, 13, 3, 6);
    expect_said(&f, "asked:1 x2 asked:1 x3");
    fake_submit(&f, "/a", W, 14, 4, 6);
    fake_submit(&f, "/b", R, 15, 5, 6);
    struct request *r = fake_request("/a", R, 6);
    free(r->exe);
    r->exe = xstrdup("/usr/bin/less");
    fake_submit_request(&f, r, 16, 6);
    r = fake_request("/a", R, 7);
    r->object.ino++;
    fake_submit_request(&f, r, 17, 6);
    cr_expect_eq(f.broker.table.n, 5);
    fake_said(&f);
    decide(1, VERDICT_ALLOW, SCOPE_ONCE);
    expect_said(&f, "commit:1=allow/user x3 decided:1=allow");
    fake_submit(&f, "/a", R, 18, 8, 6);
    cr_expect_eq(f.broker.table.n, 6, "a decision that counts once is not for later callers");
    fake_recorded(&f, 1, 0, 51);
    cr_expect_eq(f.allows, 3);
}

Test(broker_join, a_session_grant_answers_the_others)
{
    fake_submit(&f, "/a", R, 11, 1, 5);
    struct request *r = fake_request("/a", R, 2);
    free(r->exe);
    r->exe = xstrdup("/usr/bin/less");
    fake_submit_request(&f, r, 12, 6);
    fake_submit(&f, "/a", R | W, 13, 3, 6);
    fake_submit(&f, "/b", R, 14, 4, 6);
    decide(1, VERDICT_ALLOW, SCOPE_SESSION);
    fake_submit(&f, "/a", R, 15, 5, 6);
    cr_expect_null(fake_remembers(&f, "/a", 2, R), "not before it is recorded");
    fake_said(&f);
    fake_recorded(&f, 1, 0, 51);
    expect_said(&f, "recorded:1=allow live:g1 commit:2=allow/rule decided:2=allow yes#15 yes#11 "
                    "answered:1=allow");
    fake_recorded(&f, 2, 0, 52);
    expect_said(&f, "recorded:2=allow yes#12 answered:2=allow");
    cr_expect(fake_remembers(&f, "/a", 2, R) != NULL);
    cr_expect_eq(fake_remembers(&f, "/a", 2, R)->uses, 1);
    cr_expect_null(fake_remembers(&f, "/a", 3, R), "another object");
    cr_expect_null(fake_remembers(&f, "/a", 2, W));
    cr_expect_null(fake_remembers(&f, "/a/b", 2, R));
    cr_expect_eq(f.broker.table.n, 2);
}

Test(broker_join, a_busy_record_delays_what_a_grant_answers)
{
    fake_submit(&f, "/a", R, 11, 1, 5);
    struct request *r = fake_request("/a", R, 2);
    free(r->exe);
    r->exe = xstrdup("/usr/bin/less");
    fake_submit_request(&f, r, 12, 6);
    decide(1, VERDICT_ALLOW, SCOPE_SESSION);
    f.record_busy = 1;
    fake_recorded(&f, 1, 0, 51);
    f.record_busy = 0;
    fake_said(&f);
    broker_tick(&f.broker, 52);
    expect_said(&f, "commit:2=allow/rule decided:2=allow");
    fake_recorded(&f, 2, 0, 53);
    cr_expect_eq(f.broker.memory.grants[0]->uses, 1);
    cr_expect_eq(f.allows, 2);
}

Test(broker_join, a_session_denial_answers_the_others)
{
    fake_submit(&f, "/a", W, 11, 1, 5);
    fake_submit(&f, "/a", R | W, 12, 2, 5);
    fake_submit(&f, "/a", R, 13, 3, 5);
    decide(1, VERDICT_DENY, SCOPE_SESSION);
    fake_recorded(&f, 1, 0, 51);
    fake_recorded(&f, 2, 0, 52);
    cr_expect_eq(f.answers, 2);
    cr_expect_eq(f.allows, 0);
    cr_expect_eq(f.broker.table.n, 1, "reading was not denied");
    decide(3, VERDICT_ALLOW, SCOPE_SESSION);
    fake_recorded(&f, 3, 0, 53);
    cr_expect_eq(fake_remembers(&f, "/a", 2, R)->verdict, VERDICT_ALLOW);
    cr_expect_eq(fake_remembers(&f, "/a", 2, W)->verdict, VERDICT_DENY);
    cr_expect_eq(fake_remembers(&f, "/a", 2, R | W)->verdict, VERDICT_DENY);
}

Test(broker_join, on_ask_deny_counts_repeats)
{
    restart("deny", 0);
    fake_submit(&f, "/a", R, 11, 1, 5);
    expect_said(&f, "request:1 note:1=deny/initial refused:policy_blocked no#11 answered:1=deny");
    fake_submit(&f, "/a", R, 12, 1, 6);
    expect_said(&f, "repeat:1 no#12");
    fake_submit(&f, "/a", W, 13, 1, 6);
    cr_expect_eq(f.refusals, 2);
    cr_expect_eq(f.broker.stats.refused, 3);
    cr_expect_eq(f.broker.stats.pending, 0);
    cr_expect_eq(f.broker.table.n, 0);
}

Test(broker_join, on_ask_allow_records_and_grants)
{
    restart("allow", 0);
    fake_submit(&f, "/a", R, 11, 1, 5);
    expect_said(&f, "request:1 commit:1=allow/initial+grant decided:1=allow");
    fake_recorded(&f, 1, 0, 6);
    expect_said(&f, "recorded:1=allow live:g1 yes#11 answered:1=allow");
    cr_expect(fake_remembers(&f, "/a", 2, R) != NULL);
    f.record_busy = 1;
    fake_submit(&f, "/b", R, 12, 1, 7);
    f.record_busy = 0;
    cr_expect_eq(f.allows, 1);
    cr_expect_eq(f.answers, 2);
    fake_submit(&f, "/c", R, 13, 1, 7);
    fake_recorded(&f, 3, -EIO, 8);
    cr_expect_eq(f.allows, 1);
    cr_expect_eq(f.answers, 3);
}

static void
fill(unsigned n, unsigned per_row)
{
    for (unsigned i = 0; i < n; i++) {
        char path[32];
        snprintf(path, sizeof path, "/fill/%u", i / per_row);
        fake_submit(&f, path, R, 100000 + i, (pid_t)(1000 + i), 5);
    }
    fake_said(&f);
}

Test(broker_join, a_full_table_refuses)
{
    fill(NONO_PENDING_MAX, 1);
    cr_expect_eq(f.broker.table.n, NONO_PENDING_MAX);
    unsigned before = f.answers;
    fake_submit(&f, "/a", R, 11, 1, 5);
    expect_said(&f, "no#11 notice request:16385 note:16385=deny/rate_limit refused:rate_limited");
    fake_submit(&f, "/a", R, 12, 1, 6);
    expect_said(&f, "no#12 repeat:16385");
    fake_submit(&f, "/fill/7", R, 13, 1, 6);
    cr_expect_eq(f.answers, before + 2, "joining still works");
    cr_expect_eq(f.notices, 1);
    broker_withdraw(&f.broker, fake_waiter(&f, 100003), 7);
    fake_submit(&f, "/a", R, 14, 1, 8);
    cr_expect_eq(f.answers, before + 2, "there is room again");
}

// A row that takes nobody any more must not pay for the full table.
Test(broker_join, a_full_table_leaves_identical_rows_alone)
{
    fill(NONO_PENDING_MAX, 1);
    decide(1, VERDICT_ALLOW, SCOPE_ONCE);
    fake_said(&f);
    fake_submit(&f, "/fill/0", R, 11, 1, 6);
    cr_expect_eq(f.broker.table.n, NONO_PENDING_MAX);
    fake_said(&f);
    fake_recorded(&f, 1, 0, 7);
    expect_said(&f, "recorded:1=allow yes#100000 answered:1=allow");
}

Test(broker_join, too_many_waiters_are_refused)
{
    fill(NONO_WAITERS_MAX, 4096);
    cr_expect_eq(f.broker.table.n_waiters, NONO_WAITERS_MAX);
    size_t rows = f.broker.table.n;
    fake_submit(&f, "/fill/0", R, 11, 1, 5);
    fake_submit(&f, "/a", R, 12, 2, 5);
    cr_expect_eq(f.answers, 2);
    cr_expect_eq(f.allows, 0);
    cr_expect_eq(f.broker.table.n, rows);
}

Test(broker_join, a_refusal_of_our_own_is_recorded_even_when_full)
{
    fill(NONO_PENDING_MAX, 1);
    broker_refuse(&f.broker, fake_request("/p", R, 1), DECIDER_PROTECTED, REASON_POLICY_BLOCKED, 6);
    expect_said(&f, "request:16385 note:16385=deny/protected refused:policy_blocked");
    broker_refuse(&f.broker, fake_request("/p", R, 1), DECIDER_PROTECTED, REASON_POLICY_BLOCKED, 6);
    expect_said(&f, "repeat:16385");
}

Test(broker_join, too_many_grants_count_once)
{
    struct memory *m = &f.broker.memory;
    for (unsigned i = 0; i < NONO_GRANTS_MAX; i++) {
        struct grant *g = grant_new();
        g->path = xasprintf("/g/%u", i);
        cr_assert_eq(memory_add(m, g), 0);
    }
    fake_submit(&f, "/a", R, 11, 1, 5);
    decide(1, VERDICT_ALLOW, SCOPE_SESSION);
    fake_said(&f);
    fake_recorded(&f, 1, 0, 51);
    expect_said(&f, "recorded:1=allow notice yes#11 answered:1=allow");
    cr_expect_eq(m->n, NONO_GRANTS_MAX);
}

static const uint8_t sum[SHA256_LEN] = {0xab};

Test(broker_join, what_is_held_is_asked_once_with_what_was_found_out)
{
    cr_expect_eq(fake_hold(&f, "/a", 11, 1, 5), 1);
    cr_expect_eq(fake_hold(&f, "/a", 12, 2, 6), 0);
    broker_ask_late(&f.broker, 7);
    expect_said(&f, "");
    broker_ask(&f.broker, 1, sum, 8);
    expect_said(&f, "request:1 publish:1");
    const struct request *r = f.broker.table.rows[0]->request;
    cr_expect(r->has_exe_sha256 && r->exe_sha256[0] == 0xab);
    cr_expect(r->count == 2 && r->raised_mono_ns == 8);
    broker_ask(&f.broker, 1, NULL, 9);
    expect_said(&f, "");
    cr_expect(r->has_exe_sha256);
    decide(1, VERDICT_ALLOW, SCOPE_ONCE);
    fake_said(&f);
    fake_recorded(&f, 1, 0, 51);
    cr_expect_eq(f.allows, 2);
}

Test(broker_join, what_is_held_is_asked_in_the_end)
{
    fake_hold(&f, "/a", 11, 1, 5);
    broker_ask_late(&f.broker, 4 + NONO_UNASKED_NS);
    expect_said(&f, "");
    broker_ask_late(&f.broker, 5 + NONO_UNASKED_NS);
    expect_said(&f, "request:1 publish:1");
    cr_expect(!f.broker.table.rows[0]->request->has_exe_sha256);
    broker_ask(&f.broker, 1, sum, 6 + NONO_UNASKED_NS);
    cr_expect(!f.broker.table.rows[0]->request->has_exe_sha256);
}

// What they leave in the record has room only so far (I5).
Test(broker_join, what_is_held_is_asked_in_the_end_a_few_at_a_time)
{
    char path[32];
    restart("deny", 0);
    for (unsigned i = 0; i < 2 * NONO_ASKED_AT_ONCE + 1; i++) {
        snprintf(path, sizeof path, "/held/%u", i);
        fake_hold(&f, path, 11 + i, (pid_t)(1 + i), 5);
    }
    broker_tick(&f.broker, 5 + NONO_UNASKED_NS);
    cr_expect_eq(f.answers, 0);
    broker_ask_late(&f.broker, 5 + NONO_UNASKED_NS);
    cr_expect_eq(f.answers, NONO_ASKED_AT_ONCE);
    broker_ask_late(&f.broker, 6 + NONO_UNASKED_NS);
    broker_ask_late(&f.broker, 7 + NONO_UNASKED_NS);
    cr_expect_eq(f.answers, 2 * NONO_ASKED_AT_ONCE + 1);
    cr_expect_eq(f.broker.table.n, 0);
}

// Its task is gone: nobody has heard of it, and nobody does.
Test(broker_join, what_is_held_goes_without_a_word)
{
    fake_hold(&f, "/a", 11, 1, 5);
    broker_withdraw(&f.broker, fake_waiter(&f, 11), 6);
    broker_ask(&f.broker, 1, sum, 7);
    expect_said(&f, "");
    cr_expect_eq(f.broker.table.n, 0);
    fake_hold(&f, "/a", 12, 1, 8);
    detach(12, 9);
    fake_submit(&f, "/a", R, 13, 1, 10);
    broker_ask(&f.broker, 2, sum, 11);
    expect_said(&f, "request:2 publish:2");
    cr_expect_eq(f.broker.table.n_waiters, 1);
}

// --ask-rate is for the calls as they come, whenever they are asked about.
Test(broker_join, what_is_held_counts_when_it_comes)
{
    ratelimit_init(&f.broker.limit, 1, 2, 0);
    fake_hold(&f, "/a", 11, 1, 5);
    fake_hold(&f, "/b", 12, 2, 5);
    cr_expect_eq(fake_hold(&f, "/c", 13, 3, 5), 0);
    expect_said(
        &f, "notice request:3 note:3=deny/rate_limit refused:rate_limited no#13 answered:3=deny");
    fake_submit(&f, "/d", R, 14, 4, 2 * NS_PER_SEC);
    broker_ask(&f.broker, 1, sum, 2 * NS_PER_SEC);
    broker_ask(&f.broker, 2, sum, 2 * NS_PER_SEC);
    expect_said(&f, "request:4 publish:4 request:1 publish:1 request:2 publish:2");
    cr_expect_eq(f.broker.stats.limited, 1);
}

Test(broker_join, what_is_held_hears_of_a_new_grant)
{
    fake_submit(&f, "/a", R, 11, 1, 5);
    decide(1, VERDICT_ALLOW, SCOPE_SESSION);
    struct request *r = fake_request("/a", R, 2);
    r->exe_state.dev = 1; // another program of that name
    cr_expect_eq(fake_hold_request(&f, r, 12, 6), 2);
    fake_recorded(&f, 1, 0, 51);
    fake_said(&f);
    broker_ask(&f.broker, 2, sum, 52);
    expect_said(&f, "request:2 publish:2 commit:2=allow/rule decided:2=allow");
}

Test(broker_join, what_is_held_is_not_shown_where_nobody_is_asked)
{
    static const char *const approvers[] = {"ui", "deny", "allow"};
    static const char *const said[] = {
        "request:1 note:1=deny/initial refused:policy_blocked no#11 answered:1=deny",
        "request:1 note:1=deny/initial refused:policy_blocked no#11 answered:1=deny",
        "request:1 commit:1=allow/initial+grant decided:1=allow",
    };
    for (size_t i = 0; i < ARRAY_SIZE(approvers); i++) {
        restart(approvers[i], 0);
        fake_hold(&f, "/a", 11, 1, 5);
        struct grant *g = grant_new();
        g->op = OP_READ;
        g->verdict = VERDICT_ALLOW;
        g->scope = SCOPE_SESSION;
        g->access = R;
        g->path = xstrdup("/a");
        g->dev = 1;
        g->ino = 2;
        cr_assert_eq(broker_load(&f.broker, g), 0);
        cr_assert_not_null(fake_remembers(&f, "/a", 2, R));
        fake_said(&f);
        if (i == 0)
            broker_close(&f.broker, 6);
        else
            broker_ask(&f.broker, 1, sum, 6);
        expect_said(&f, said[i]);
    }
}

Test(broker_join, everyone_who_waits_hears_a_refusal_that_was_told_before)
{
    restart("deny", 0);
    fake_submit(&f, "/a", R, 11, 1, 5);
    fake_hold(&f, "/a", 12, 2, 6);
    fake_hold(&f, "/a", 13, 3, 7);
    fake_said(&f);
    broker_ask(&f.broker, 2, NULL, 8);
    expect_said(&f, "repeat:1 no#13 repeat:1 no#12");
    cr_expect_eq(f.broker.table.n, 0);
    fake_hold(&f, "/b", 14, 4, 9);
    broker_close(&f.broker, 10);
    cr_expect(strstr(fake_said(&f), "no#14"));
    cr_expect_eq(f.broker.table.n, 0);
}
