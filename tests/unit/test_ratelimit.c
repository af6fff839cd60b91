// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>

#include "clock.h"
#include "ratelimit.h"
#include "unit/fake_broker.h"

#define R ACCESS_READ

// How many are taken when one is tried every step, from..to.
static uint64_t
taken(struct ratelimit *l, uint64_t from, uint64_t to, uint64_t step)
{
    uint64_t n = 0;
    for (uint64_t now = from; now < to; now += step)
        n += ratelimit_take(l, now);
    return n;
}

Test(ratelimit, off_takes_everything)
{
    struct ratelimit l;
    ratelimit_init(&l, 0, 0, 5);
    cr_expect_eq(taken(&l, 0, 1000, 1), 1000);
}

Test(ratelimit, a_burst_and_then_the_rate)
{
    struct ratelimit l;
    ratelimit_init(&l, 2, 3, 100);
    cr_expect_eq(taken(&l, 100, 110, 1), 3);
    cr_expect_not(ratelimit_take(&l, 100 + NS_PER_SEC / 2 - 1));
    cr_expect(ratelimit_take(&l, 100 + NS_PER_SEC / 2));
    cr_expect_not(ratelimit_take(&l, 100 + NS_PER_SEC / 2));
}

Test(ratelimit, no_fraction_is_lost_however_often_it_is_asked)
{
    static const struct {
        uint64_t rate, step;
    } rows[] = {{3, 1000003}, {7, 999983}, {1000, 10007}, {1, 33333331}, {999983, 997}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct ratelimit l;
        ratelimit_init(&l, rows[i].rate, 2, 0);
        uint64_t end = (rows[i].rate > 1000 ? 1 : 20) * NS_PER_SEC;
        uint64_t last = (end - 1) / rows[i].step * rows[i].step;
        uint64_t n = taken(&l, 0, end, rows[i].step), seconds = last / NS_PER_SEC;
        uint64_t want =
            2 + rows[i].rate * seconds + rows[i].rate * (last % NS_PER_SEC) / NS_PER_SEC;
        cr_expect_eq(n, want, "%d: %d, not %d", (int)i, (int)n, (int)want);
    }
}

Test(ratelimit, it_holds_no_more_than_the_burst)
{
    struct ratelimit l;
    ratelimit_init(&l, RATELIMIT_MAX, RATELIMIT_MAX, 0);
    for (int i = 0; i < 3; i++)
        cr_expect(ratelimit_take(&l, 1));
    cr_expect(ratelimit_take(&l, UINT64_MAX));
    cr_expect_eq(l.level, (RATELIMIT_MAX - 1) * NS_PER_SEC);
    ratelimit_init(&l, 1, 5, 0);
    cr_expect_eq(taken(&l, 1000 * NS_PER_SEC, 1000 * NS_PER_SEC + 100, 1), 5);
}

Test(ratelimit, a_clock_that_goes_back_refills_nothing)
{
    struct ratelimit l;
    ratelimit_init(&l, 1, 1, 10 * NS_PER_SEC);
    cr_expect(ratelimit_take(&l, 10 * NS_PER_SEC));
    cr_expect_not(ratelimit_take(&l, 5 * NS_PER_SEC));
    cr_expect_not(ratelimit_take(&l, 11 * NS_PER_SEC - 1));
    cr_expect(ratelimit_take(&l, 11 * NS_PER_SEC));
}

Test(ratelimit, only_new_prompts_cost)
{
    struct fake f;
    fake_init(&f, "ui", 600 * NS_PER_SEC);
    ratelimit_init(&f.broker.limit, 1, 1, 0);
    fake_submit(&f, "/a", R, 11, 1, 1);
    fake_submit(&f, "/a", R, 12, 2, 2); // joined
    cr_expect_str_eq(fake_said(&f), "request:1 publish:1 asked:1 x2");
    fake_submit(&f, "/b", R, 13, 3, 3);
    cr_expect_str_eq(fake_said(&f),
                     "notice request:2 note:2=deny/rate_limit refused:rate_limited no#13 "
                     "answered:2=deny");
    fake_submit(&f, "/b", R, 14, 3, 4); // the same again: counted
    cr_expect_str_eq(fake_said(&f), "repeat:2 no#14");
    fake_submit(&f, "/a", R, 15, 4, 5); // still joined
    cr_expect_str_eq(fake_said(&f), "asked:1 x3");
    cr_expect_eq(f.broker.stats.limited, 2);
    cr_expect_eq(f.broker.stats.refused, 2);
    fake_submit(&f, "/b", R, 16, 3, NS_PER_SEC + 1);
    cr_expect_str_eq(fake_said(&f), "request:4 publish:4");
    cr_expect_eq(f.broker.stats.pending, 2);
    broker_withdraw_all(&f.broker, 2 * NS_PER_SEC);
    fake_done(&f);
}

Test(ratelimit, what_nobody_is_asked_costs_nothing)
{
    static const char *const approvers[] = {"deny", "allow"};
    for (size_t i = 0; i < ARRAY_SIZE(approvers); i++) {
        struct fake f;
        fake_init(&f, approvers[i], 0);
        ratelimit_init(&f.broker.limit, 1, 1, 0);
        fake_submit(&f, "/a", R, 11, 1, 1);
        fake_submit(&f, "/b", R, 12, 1, 2);
        cr_expect_eq(f.broker.stats.limited, 0);
        cr_expect_eq(f.broker.limit.level, NS_PER_SEC);
        broker_withdraw_all(&f.broker, 3);
        fake_done(&f);
    }
}
