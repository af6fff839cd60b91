// SPDX-License-Identifier: Apache-2.0
// A session as a line of moments with a playhead. Pure: time is handed in. One owner.
//
// Replay time runs from 0 like the session did, but for pauses that are cut. A million moments are
// held in memory, so that going back costs no more than going on.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct moment {
    uint64_t at_ns; /* in replay time */
    uint64_t real_ns;
    bool ask; /* somebody was asked */
};

struct timeline {
    struct moment *moments; /* by time; owned */
    size_t n, room;
    size_t shown;    /* how many have happened */
    uint64_t now_ns; /* in replay time */
    double speed;
    bool paused;
};

// Moments in order of time. The first one is at 0. No pause becomes longer than idle_ns (0: as it
// was).
void timeline_add(struct timeline *t, uint64_t real_ns, bool ask, uint64_t idle_ns);
// Takes the last one away again.
void timeline_drop_last(struct timeline *t);
void timeline_done(struct timeline *t);

// What becomes of the playhead. Each gives true when what has happened changed.
bool timeline_tick(struct timeline *t, uint64_t elapsed_ns); /* of real time */
bool timeline_seek(struct timeline *t, uint64_t to_ns);
bool timeline_step(struct timeline *t, int moments);       /* pauses */
bool timeline_step_ask(struct timeline *t, int direction); /* to the next or previous ask */
uint64_t timeline_length(const struct timeline *t);
// The playhead in real time; in a pause that was cut it runs faster.
uint64_t timeline_real(const struct timeline *t);
// Real time until something happens by itself; UINT64_MAX for never.
uint64_t timeline_next(const struct timeline *t);
// Faster (1) or slower (-1), by a factor of two, from 1/8 to 1024.
void timeline_change_speed(struct timeline *t, int direction);
