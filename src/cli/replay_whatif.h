// SPDX-License-Identifier: Apache-2.0
// What-if in the pane of a replay: a policy's name is typed, and what it would have said otherwise
// is marked. Main thread.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "archive.h"
#include "buf.h"
#include "err.h"
#include "whatif.h"

struct replay_whatif {
    bool typing;
    struct buf typed;
    enum whatif_change *changes; /* by request; owned; NULL: no policy */
    size_t n;
    size_t counts[_WHATIF_CHANGE_MAX];
    size_t
        connections; /* of those that differ: nobody was asked about them, the pane has no line */
    size_t unplaced; /* sockets that were allowed, and nobody can say of what they are */
    char *name;      /* of the policy; owned */
    char *problem;   /* with the last one; owned; NULL: none */
};

void replay_whatif_done(struct replay_whatif *w);
// A key while the name is typed. True when it is complete: replay_whatif_load() is due.
bool replay_whatif_key(struct replay_whatif *w, uint32_t code);
// Judges the requests of s by the policy that was typed, no policy for an empty name. A policy that
// can't be used is no failure: it is shown. 0 or -errno.
int replay_whatif_load(struct replay_whatif *w, struct reader *reader,
                       const struct archive_session *s, struct err *err);
// What would be different about that request; NULL for nothing.
const char *replay_whatif_mark(const struct replay_whatif *w, uint64_t request);
// What is typed, or what came out, for the line below the pane. False: nothing.
bool replay_whatif_put(const struct replay_whatif *w, struct buf *b);
