// SPDX-License-Identifier: Apache-2.0
// How often remembered grants answered, in all sessions. Main thread.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "attached.h"
#include "err.h"

struct grant_use {
    char *session; /* that used it; owned */
    char *origin;  /* session that it is from; owned */
    uint64_t id;   /* its number there */
    uint64_t n;
};

// As the record has them.
struct grant_uses {
    struct grant_use *list; /* owned */
    size_t n;
};

// A record that is not there yet has none: 0. Else 0 or -errno with *err.
int grant_uses_read(struct grant_uses *u, const char *db, struct err *err);
void grant_uses_done(struct grant_uses *u);
// Of the grant with that number of that session: what the live sessions say of it; of the others
// what is recorded; and both.
uint64_t grant_uses_live(const struct attached_set *live, const char *origin, uint64_t id);
uint64_t grant_uses_recorded(const struct grant_uses *u, const struct attached_set *live,
                             const char *origin, uint64_t id);
uint64_t grant_uses_sum(const struct grant_uses *u, const struct attached_set *live,
                        const char *origin, uint64_t id);
