// SPDX-License-Identifier: Apache-2.0
#include "ratelimit.h"

#include "clock.h"

void
ratelimit_init(struct ratelimit *l, uint64_t rate, uint64_t burst, uint64_t now_ns)
{
    burst = burst ? burst : rate;
    *l = (struct ratelimit){
        .rate = rate, .burst = burst, .level = burst * NS_PER_SEC, .at_ns = now_ns};
}

static void
refill(struct ratelimit *l, uint64_t now_ns)
{
    uint64_t room = l->burst * NS_PER_SEC - l->level;
    if (now_ns <= l->at_ns)
        return;
    uint64_t elapsed = now_ns - l->at_ns;
    // Divided first: the product may not fit.
    l->level += elapsed > room / l->rate ? room : elapsed * l->rate;
    l->at_ns = now_ns;
}

bool
ratelimit_take(struct ratelimit *l, uint64_t now_ns)
{
    if (!l->rate)
        return true;
    refill(l, now_ns);
    if (l->level < NS_PER_SEC)
        return false;
    l->level -= NS_PER_SEC;
    return true;
}
