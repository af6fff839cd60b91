// SPDX-License-Identifier: Apache-2.0
// The live grants of a session as they were told, and grants in words. One owner.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "decision.h"

struct grants {
    struct grant **list; /* by id; owned */
    size_t n, room;
};

void grants_done(struct grants *t);
// What was told of a grant: takes g over. One at its end is forgotten.
void grants_take(struct grants *t, struct grant *g);
// NULL when it is not live.
const struct grant *grants_find(const struct grants *t, uint64_t id);

// "allow read below /home/u/shop": one display-safe line. The caller frees it.
char *grant_words(const struct grant *g);
// "taken back: allow read below /home/u/shop (used 3 times, ...; still open in git/4720)": what is
// said of one that ended by order. root: the supervisor of its session, 0 when there is none.
// everywhere: its uses are those of all sessions. The caller frees it.
char *grant_epitaph(const struct grant *g, pid_t root, bool everywhere);
