// SPDX-License-Identifier: Apache-2.0
// A session as it is played in the pane, shared by its files. Main thread.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replay.h"
#include "replay_find.h"
#include "replay_terminal.h"
#include "replay_whatif.h"
#include "timeline.h"
#include "ui.h"

#define LOOK_MS 250 /* between two looks at whether a session that runs has written anything */

// Where a request is on the line: moments, SIZE_MAX for none.
struct span {
    size_t raised, decided;
};

struct playback {
    struct replay *r;
    struct archive_session *session;
    struct reader *reader;
    struct ui *ui;
    struct timeline line;
    struct replay_terminal terminal;
    struct replay_whatif whatif;
    struct replay_find find;
    bool judge;             /* a policy was typed */
    bool judged;            /* anew: the marks on the screen are old */
    bool behind;            /* the terminal is still on its way to the playhead */
    bool live;              /* the session runs: more may come */
    bool follow;            /* the playhead stays at the end */
    struct event_key *keys; /* of its moments; owned */
    struct span *spans;     /* by request; owned */
    size_t spans_n;
    size_t applied;    /* moments that the screen knows */
    uint64_t last_seq; /* the last event that is on the line */
    int64_t version;   /* of the record, when it was looked at last, at look_ns */
    uint64_t look_ns;
    uint64_t last_ns, start_ns;
    bool leave, gone;
    struct err *err;
};

// Puts all that is recorded of the session on the line. 0 or -errno.
int playback_lay(struct playback *p);
// Of a session that runs: what was recorded since. 0 or -errno.
int playback_extend(struct playback *p, uint64_t now_ns);
