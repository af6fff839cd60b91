// SPDX-License-Identifier: Apache-2.0
// A token bucket over new prompts (--ask-rate, --ask-burst). What it holds is counted in tokens
// times nanoseconds, so that no fraction of a token is ever lost. Pure. One owner.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define RATELIMIT_MAX 1000000 /* of rate and burst: nothing below overflows */

struct ratelimit {
    uint64_t rate;  /* tokens a second; 0: no limit */
    uint64_t burst; /* tokens that it holds at most */
    uint64_t level; /* tokens * NS_PER_SEC */
    uint64_t at_ns; /* when level was right */
};

// Full at now_ns (monotonic). burst 0 is rate's number.
void ratelimit_init(struct ratelimit *l, uint64_t rate, uint64_t burst, uint64_t now_ns);
// Takes one token. False when there is none. A clock that went back refills nothing.
bool ratelimit_take(struct ratelimit *l, uint64_t now_ns);
