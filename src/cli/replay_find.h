// SPDX-License-Identifier: Apache-2.0
// Search along the whole timeline of a replay: what has the words is found once, in a thread of its
// own; going from one to the next costs nothing then. Main thread.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "log_job.h"

struct playback;

struct replay_find {
    struct log_job *job;   /* at work; or NULL */
    struct buf words;      /* that found or job is for */
    struct key_list found; /* requests that have them */
    bool known;            /* found is there */
    bool forward;          /* where to go when job is done */
    uint64_t last_seq;     /* the last event on the line when job began */
    uint64_t select;       /* request that the cursor is to go to; 0: none */
};

// To the next moment, or the one before, at which something that has the words was asked; at once
// or when replay_find_take() has it. What was not found is said.
void replay_find_start(struct playback *p, const char *words, bool forward);
// Readable when there is something to take; -1: nothing is looked for.
int replay_find_fd(const struct replay_find *f);
void replay_find_take(struct playback *p);
// What is found so far, for the line below the pane. False: nothing was looked for.
bool replay_find_put(const struct playback *p, struct buf *b);
void replay_find_done(struct replay_find *f);
