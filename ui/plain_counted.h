// SPDX-License-Identifier: Apache-2.0
// The counts that plain mode has under way: of what the wide rules of one request would cover.
// Private to ui/plain.c; main thread.
#pragma once
#include <stdbool.h>

#include "covers.h"
#include "reach.h"
#include "view.h"

struct plain_counted {
    const struct covers *covers; /* the owner's; NULL: nothing is counted */
    unsigned session;
    uint64_t id; /* of the request */
    struct count *counts[REACH_STEPS];
    enum reach reaches[REACH_STEPS];
};

// Gives up what is under way.
void plain_counted_forget(struct plain_counted *c);
// One reach of a request more, or the first of another one.
void plain_counted_begin(struct plain_counted *c, const struct view_row *row, enum reach reach);
// One that has ended, and forgets it. False when there is none.
bool plain_counted_take(struct plain_counted *c, enum reach *ret_reach,
                        struct count_result *ret_result);
bool plain_counted_busy(const struct plain_counted *c);
