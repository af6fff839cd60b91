// SPDX-License-Identifier: Apache-2.0
// The recorded terminal in a replay: what the agent's pane showed at a moment. Main thread.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "archive.h"
#include "buf.h"
#include "ui.h"

struct replay_terminal {
    struct reader *reader;
    const struct archive_session *session;
    struct stretch *stretches; /* the chunks, in order; owned */
    size_t n, room;
    size_t at;           /* the one that is played; n: all were */
    bool loaded;         /* its events are here */
    struct shown *shown; /* its events; owned */
    size_t shown_n, shown_room, next;
    struct buf text;         /* theirs */
    struct keyframe *frames; /* moments to come back to, in order; owned */
    size_t frames_n, frames_room, frames_bytes;
    size_t spacing;  /* bytes of output from one to the next */
    size_t since;    /* bytes shown since the last one */
    bool begun;      /* the pane has a terminal of ours */
    bool damaged;    /* something could not be read */
    uint64_t now_ns; /* up to there the pane has it, in CLOCK_REALTIME */
    struct err *err;
};

// What is recorded of session, nothing in most. Both must outlive it. 0 or -errno.
int replay_terminal_open(struct replay_terminal *t, struct reader *reader,
                         const struct archive_session *session, struct err *err);
void replay_terminal_done(struct replay_terminal *t);
// When the last output was, 0 for none.
uint64_t replay_terminal_end(const struct replay_terminal *t);
// Brings the agent's pane to that moment, back too. Returns 0, 1 when there was so much that the
// rest is for the next call, or -errno.
int replay_terminal_show(struct replay_terminal *t, struct ui *ui, uint64_t real_ns);
