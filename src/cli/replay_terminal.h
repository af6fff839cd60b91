// SPDX-License-Identifier: Apache-2.0
// The recorded terminal in a replay: what the agent's pane showed at a moment. Main thread.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "archive.h"
#include "buf.h"
#include "ui.h"

// Somebody who plays the chunks, one after the other.
struct replay_player {
    size_t at;           /* the chunk that is played; n: all were */
    bool loaded;         /* its events are here */
    struct shown *shown; /* its events; owned */
    size_t shown_n, shown_room, next;
    struct buf text; /* theirs */
    size_t since;    /* bytes shown since the last moment that was kept */
    uint64_t now_ns; /* what was shown last, in CLOCK_REALTIME */
    bool damaged;    /* something could not be read */
};

struct replay_terminal {
    struct reader *reader;
    const struct archive_session *session;
    struct stretch *stretches; /* the chunks, in order; owned */
    size_t n, room;
    struct replay_player here;        /* what the pane shows */
    struct replay_player ahead;       /* what is behind that, for moments to come back to */
    struct terminal_copy *ahead_copy; /* the terminal of ahead within a chunk; owned, or NULL */
    struct keyframe *frames;          /* moments to come back to, in order; owned */
    size_t frames_n, frames_room, frames_bytes;
    size_t spacing; /* bytes of output from one to the next */
    bool begun;     /* the pane has a terminal of ours */
    bool aimless;   /* looking ahead lost what the pane showed: not again */
    struct err *err;
};

// What is recorded of session, nothing in most. Both must outlive it. 0 or -errno.
int replay_terminal_open(struct replay_terminal *t, struct reader *reader,
                         const struct archive_session *session, struct err *err);
void replay_terminal_done(struct replay_terminal *t);
// Of a session that runs: what was recorded since. 0 or -errno.
int replay_terminal_extend(struct replay_terminal *t);
// When the last output was, 0 for none.
uint64_t replay_terminal_end(const struct replay_terminal *t);
// Brings the agent's pane to that moment, back too. Returns 0, 1 when there was so much that the
// rest is for the next call, or -errno.
int replay_terminal_show(struct replay_terminal *t, struct ui *ui, uint64_t real_ns);
// While nothing else is to do: goes on a little through what was not shown yet, so that a jump
// there finds a moment to start from. The pane is left as it is. Returns 1 while there is more, 0,
// or -errno.
int replay_terminal_look_ahead(struct replay_terminal *t, struct ui *ui);
