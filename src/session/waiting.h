// SPDX-License-Identifier: Apache-2.0
// The requests that a control server still has to tell about, ordered by id. Main thread.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "request.h"

struct waiting {
    struct request *request; /* owned */
    struct request_update last;
    uint64_t claimed_by; /* serial of the client whose decision is on its way; 0: none */
    enum verdict claimed_verdict;
    uint64_t claimed_ns; /* monotonic */
};

struct waiting_list {
    struct waiting *rows;
    size_t n, room;
    uint64_t newest; /* highest id ever added */
};

void waiting_done(struct waiting_list *l);
// Copies r; a row of the same id is replaced.
void waiting_add(struct waiting_list *l, const struct request *r);
// The row, or NULL. Valid until the list changes.
struct waiting *waiting_find(struct waiting_list *l, uint64_t id);
// The first row with an id above id, or NULL.
struct waiting *waiting_after(struct waiting_list *l, uint64_t id);
void waiting_remove(struct waiting_list *l, uint64_t id);
