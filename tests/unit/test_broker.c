// SPDX-License-Identifier: Apache-2.0
#include "unit/fake_broker.h"

#define R ACCESS_READ
#define W ACCESS_WRITE
#define MS NS_PER_MS

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

TestSuite(broker, .init = start, .fini = end);

static void
restart(const char *approver, uint64_t timeout_ns)
{
    fake_done(&f);
    fake_init(&f, approver, timeout_ns);
}

Test(broker, only_the_moves_of_the_table)
{
    static const struct {
        enum state from, to;
    } moves[] = {
        {STATE_NEW, STATE_ASKED},          {STATE_NEW, STATE_DECIDED},
        {STATE_NEW, STATE_WITHDRAWN},      {STATE_ASKED, STATE_DECIDED},
        {STATE_ASKED, STATE_EXPIRED},      {STATE_ASKED, STATE_WITHDRAWN},
        {STATE_DECIDED, STATE_RECORDED},   {STATE_DECIDED, STATE_WITHDRAWN},
        {STATE_EXPIRED, STATE_RECORDED},   {STATE_RECORDED, STATE_ANSWERED},
        {STATE_RECORDED, STATE_WITHDRAWN},
    };
    for (int from = 0; from < _STATE_MAX; from++)
        for (int to = 0; to < _STATE_MAX; to++) {
            bool allowed = false;
            for (size_t i = 0; i < ARRAY_SIZE(moves); i++)
                allowed |= (int)moves[i].from == from && (int)moves[i].to == to;
            struct pending row = {.state = (enum state)from};
            cr_expect_eq(pending_move(&row, (enum state)to), allowed ? 0 : -EINVAL, "%s > %s",
                         state_to_string((enum state)from), state_to_string((enum state)to));
            cr_expect_eq(row.state, allowed ? to : from);
        }
    struct pending row = {.state = STATE_NEW};
    cr_expect_eq(pending_move(&row, _STATE_MAX), -EINVAL);
    cr_expect_eq(pending_move(&row, _STATE_INVALID), -EINVAL);
}

Test(broker, allow_is_recorded_before_it_is_answered)
{
    fake_submit(&f, "/a", R, 11, 1, 5 * MS);
    expect_said(&f, "request:1 publish:1");
    cr_expect_eq(fake_decide(&f, 1, VERDICT_ALLOW, SCOPE_ONCE, 7 * MS), 0);
    expect_said(&f, "commit:1=allow/user decided:1=allow");
    fake_recorded(&f, 1, 0, 8 * MS);
    expect_said(&f, "recorded:1=allow yes#11 answered:1=allow");
    cr_expect_eq(f.broker.table.n, 0);
    cr_expect_eq(f.broker.stats.pending, 0);
    cr_expect_eq(f.broker.stats.allowed, 1);
    fake_recorded(&f, 1, 0, 9 * MS);
    expect_said(&f, "");
}

Test(broker, deny_is_answered_and_told)
{
    fake_submit(&f, "/a", R, 11, 1, 5);
    cr_expect_eq(fake_decide(&f, 1, VERDICT_DENY, SCOPE_ONCE, 7), 0);
    fake_said(&f);
    fake_recorded(&f, 1, 0, 8);
    expect_said(&f, "recorded:1=deny refused:user_denied no#11 answered:1=deny");
    cr_expect_eq(f.broker.stats.refused, 1);
}

Test(broker, what_cannot_be_recorded_is_denied)
{
    fake_submit(&f, "/a", R, 11, 1, 5);
    cr_expect_eq(fake_decide(&f, 1, VERDICT_ALLOW, SCOPE_SESSION, 7), 0);
    fake_said(&f);
    fake_recorded(&f, 1, -ENOSPC, 8);
    expect_said(&f, "notice recorded:1=deny refused:backend_error no#11 answered:1=deny");
    cr_expect_eq(f.broker.memory.n, 0);
    cr_expect_eq(f.broker.stats.record_error, -ENOSPC);
    fake_submit(&f, "/b", R, 12, 1, 9);
    cr_expect_eq(fake_decide(&f, 2, VERDICT_ALLOW, SCOPE_ONCE, 9), 0);
    fake_recorded(&f, 2, 0, 10);
    cr_expect_eq(f.broker.stats.record_error, 0);
}

Test(broker, decisions_that_are_not_taken)
{
    fake_submit(&f, "/a", R, 11, 1, 5);
    fake_said(&f);
    cr_expect_eq(fake_decide(&f, 2, VERDICT_ALLOW, SCOPE_ONCE, 6), -ENOENT);
    f.digest[1][3] ^= 1;
    cr_expect_eq(fake_decide(&f, 1, VERDICT_ALLOW, SCOPE_ONCE, 6), -EBADMSG);
    f.digest[1][3] ^= 1;
    cr_expect_eq(fake_decide(&f, 1, VERDICT_EXPIRED, SCOPE_ONCE, 6), -EINVAL);
    cr_expect_eq(fake_decide(&f, 1, VERDICT_WITHDRAWN, SCOPE_ONCE, 6), -EINVAL);
    cr_expect_eq(fake_decide(&f, 1, VERDICT_ALLOW, SCOPE_TIME, 6), -EINVAL, "no time said");
    cr_expect_eq(fake_decide(&f, 1, VERDICT_ALLOW, _SCOPE_MAX, 6), -EINVAL);
    cr_expect_eq(fake_decide(&f, 1, VERDICT_ALLOW, _SCOPE_INVALID, 6), -EINVAL);
    expect_said(&f, "");
    f.record_busy = 1;
    cr_expect_eq(fake_decide(&f, 1, VERDICT_ALLOW, SCOPE_SESSION, 6), -EAGAIN);
    expect_said(&f, "busy");
    f.record_busy = 0;
    cr_expect_eq(fake_decide(&f, 1, VERDICT_DENY, SCOPE_ONCE, 7), 0);
    cr_expect_eq(fake_decide(&f, 1, VERDICT_ALLOW, SCOPE_ONCE, 7), -EALREADY);
    fake_recorded(&f, 1, 0, 8);
    cr_expect_eq(fake_decide(&f, 1, VERDICT_ALLOW, SCOPE_ONCE, 8), -ENOENT);
    cr_expect_eq(f.allows, 0);
}

Test(broker, expiry_is_recorded_and_denied)
{
    restart("ui", 100);
    fake_submit(&f, "/a", R, 11, 1, 50);
    broker_tick(&f.broker, 149);
    expect_said(&f, "request:1 publish:1");
    f.record_busy = 1;
    broker_tick(&f.broker, 150);
    expect_said(&f, "busy");
    f.record_busy = 0;
    broker_tick(&f.broker, 151);
    expect_said(&f, "commit:1=expired/timeout expired:1=expired");
    cr_expect_eq(fake_decide(&f, 1, VERDICT_ALLOW, SCOPE_ONCE, 152), -EALREADY);
    broker_tick(&f.broker, 152);
    fake_recorded(&f, 1, 0, 153);
    expect_said(&f, "refused:timed_out no#11");
    cr_expect_eq(f.broker.table.n, 0);
}

// Whoever freezes the sandbox thinks as long as they like; what is asked meanwhile waits as well.
Test(broker, frozen_nothing_runs_out)
{
    const uint64_t ms = NS_PER_MS;
    restart("ui", 50 * ms);
    fake_submit(&f, "/a", R, 501, 10, 100 * ms);
    broker_freeze(&f.broker, true, 140 * ms);
    broker_freeze(&f.broker, true, 145 * ms);
    fake_submit(&f, "/b", R, 502, 11, 180 * ms);
    expect_said(&f, "request:1 publish:1 request:2 publish:2");
    broker_tick(&f.broker, 1000 * ms);
    expect_said(&f, "");
    broker_freeze(&f.broker, false, 1000 * ms);
    expect_said(&f, "asked:1 x1 asked:2 x1");
    cr_expect_eq(f.deadline, 1050 * ms, "the second one has all of its time");
    broker_tick(&f.broker, 1009 * ms);
    expect_said(&f, "");
    broker_tick(&f.broker, 1010 * ms);
    expect_said(&f, "commit:1=expired/timeout expired:1=expired");
    cr_expect_eq(pending_find(&f.broker.table, 1)->decision->waited_ms, 910);
    fake_recorded(&f, 1, 0, 1011 * ms);
    expect_said(&f, "refused:timed_out no#501");
    broker_tick(&f.broker, 1049 * ms);
    expect_said(&f, "");
    broker_tick(&f.broker, 1050 * ms);
    expect_said(&f, "commit:2=expired/timeout expired:2=expired");
}

Test(broker, waits_for_ever_without_a_timeout)
{
    restart("ui", 0);
    fake_submit(&f, "/a", R, 11, 1, 50);
    broker_tick(&f.broker, UINT64_MAX / 2);
    expect_said(&f, "request:1 publish:1");
}

Test(broker, withdrawn_when_the_last_waiter_goes)
{
    fake_submit(&f, "/a", R, 11, 1, 5);
    fake_submit(&f, "/a", R, 12, 2, 5);
    fake_said(&f);
    broker_withdraw(&f.broker, fake_waiter(&f, 11), 6);
    expect_said(&f, "");
    broker_withdraw(&f.broker, fake_waiter(&f, 12), 6);
    expect_said(&f, "note:1=withdrawn/internal x2 withdrawn:1=withdrawn");
    cr_expect_eq(f.broker.table.n, 0);
    cr_expect_eq(f.broker.stats.pending, 0);
}

Test(broker, withdrawn_while_the_decision_is_written)
{
    fake_submit(&f, "/a", R, 11, 1, 5);
    cr_expect_eq(fake_decide(&f, 1, VERDICT_ALLOW, SCOPE_SESSION, 7), 0);
    broker_withdraw(&f.broker, fake_waiter(&f, 11), 7);
    fake_said(&f);
    fake_recorded(&f, 1, 0, 8);
    expect_said(&f, "recorded:1=allow live:g1 answered:1=allow");
    cr_expect_eq(f.answers, 0);
    cr_expect_eq(f.broker.memory.n, 1, "the grant that was recorded lives");
}

Test(broker, everything_withdrawn_with_the_sandbox)
{
    fake_submit(&f, "/a", R, 11, 1, 5);
    fake_submit(&f, "/a", R, 12, 2, 5);
    fake_submit(&f, "/b", R, 13, 3, 5);
    fake_submit(&f, "/c", R, 14, 4, 5);
    cr_expect_eq(fake_decide(&f, 2, VERDICT_ALLOW, SCOPE_ONCE, 6), 0);
    broker_withdraw_all(&f.broker, 7);
    cr_expect_eq(f.broker.table.n, 1);
    fake_recorded(&f, 2, 0, 8);
    cr_expect_eq(f.broker.table.n, 0);
    cr_expect_eq(f.answers, 0);
}

Test(broker, close_refuses_all_that_wait_and_all_that_come)
{
    fake_submit(&f, "/a", R, 11, 1, 5);
    fake_submit(&f, "/b", R, 12, 2, 5);
    fake_submit(&f, "/c", R, 13, 3, 5);
    broker_detach(&f.broker, fake_waiter(&f, 13), 6);
    fake_submit(&f, "/d", R, 14, 4, 5);
    cr_expect_eq(fake_decide(&f, 4, VERDICT_ALLOW, SCOPE_ONCE, 6), 0);
    broker_close(&f.broker, 7);
    cr_expect_eq(f.answers, 2);
    cr_expect_eq(f.allows, 0);
    cr_expect_eq(f.broker.table.n, 1, "the one whose record is on the way");
    fake_recorded(&f, 4, 0, 8);
    cr_expect_eq(f.allows, 1);
    fake_submit(&f, "/e", R, 15, 5, 9);
    fake_submit(&f, "/c", R, 16, 3, 9);
    cr_expect_eq(f.answers, 5);
    cr_expect_eq(f.allows, 1);
    cr_expect_eq(f.broker.table.n, 0);
}
