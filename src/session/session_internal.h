// SPDX-License-Identifier: Apache-2.0
// One running session, between the files that serve it: session.c (start, loop, end), life.c (the
// command's life and the signals), orders.c (what people order, and what the supervisor says).
// Private to src/session. Main thread.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "control.h"
#include "footer.h"
#include "front.h"
#include "grants.h"
#include "landlock.h"
#include "launch.h"
#include "modes.h"
#include "nudge.h"
#include "pty.h"
#include "queue.h"
#include "recording.h"
#include "session.h"
#include "supervisor.h"
#include "tree.h"
#include "ui.h"
#include "writer.h"

// Everything here belongs to the main thread.
struct session {
    const struct session_options *o;
    struct session_info *info;
    struct floor floor;
    struct launched launched;
    struct pty pty;
    struct recording recording;
    struct raw_tty tty; /* the user's, while it is passed through */
    struct modes modes; /* likewise */
    bool relay;         /* the user's terminal is passed through to the pty */
    bool input_open;    /* standard input still has something for the command */
    struct queue *inbox_main, *inbox_supervisor;
    struct writer *writer;
    struct supervisor *supervisor;
    struct control *control;
    struct ui *ui;
    int term_in, term_out; /* the terminal that shows it; its own are the standard streams */
    bool foreign;          /* they came from a client; owned then */
    int front;             /* -1 once it has parted from it, or there is none */
    int keygen;            /* from keygen_start() until the supervisor has it; -1: none */
    bool parted;           /* from its shell */
    bool replaying;        /* a new terminal is shown the backlog */
    bool leaving;          /* the person left the pane: detach with the next turn */
    struct buf backlog;    /* what the command printed last, for the next terminal */
    struct stats stats;    /* the last ones */
    struct footer footer;
    struct grants grants;      /* as the supervisor told them */
    struct grant **remembered; /* of earlier sessions, until the supervisor has them */
    size_t n_remembered;
    bool grants_changed; /* since the pane was told */
    enum { FREEZE_OFF, FREEZE_ASKED, FREEZE_ON } freeze;
    bool thaw_owed;     /* the supervisor could not be told yet that everything goes on */
    struct tree frozen; /* the tasks that were stopped */
    uint64_t sweep_at;  /* while frozen: when what runs all the same is looked for again */
    struct nudge nudge;
    int nudge_fd; /* the terminal that is the command's alone; -1: there is none */
    int signal_fd;
    int wait_status; /* of the command; valid with ended */
    int exec_error;
    bool started;        /* the command was told to go */
    bool stopped;        /* the command stopped, and we did not */
    uint64_t stop_at;    /* the command was told to: without it we stop then; 0: it was not */
    uint64_t resumed_at; /* when we went on last; 0: we have not stopped */
    bool ended;          /* the command is gone */
    bool drained;        /* so is everything else */
    bool terminating;    /* a signal or an order told us to end */
    uint64_t tell_at;    /* when to say that something outlives the command; 0: said */
    uint64_t hangup_at;  /* monotonic, valid with terminating: SIGHUP is sent then; 0: it was */
    uint64_t kill_at;    /* likewise, once it was: what lives then is killed */
    bool monitor_gone;
    bool terminal_gone;
};

// orders.c
extern const struct ui_ops session_ui_ops;
extern const struct control_ops session_control_ops;
// One line for the person; display-safe.
void session_say(struct session *s, const char *text);
// What the supervisor says.
void session_read_inbox(struct session *s);
// The command's terminal has this size now.
void session_resize_pty(struct session *s, unsigned rows, unsigned cols);
// A message to the supervisor; takes data over in any case. 0 or -EAGAIN.
int session_order(struct session *s, int type, void *data, void (*free_fn)(void *));
// The pane on the terminal of s.
int session_open_ui(struct session *s, struct err *err);
// The session goes on without a terminal.
void session_detach(struct session *s);
// Stops every task of the sandbox, or lets them go on. 0 or -EAGAIN.
int session_freeze(struct session *s, bool on);
// Stops what runs although everything is frozen: what was in the middle of something, or was sent
// SIGCONT by somebody.
void session_keep_frozen(struct session *s);
// When that is due, in ms; -1 for never.
int session_sweep_timeout(const struct session *s);

// life.c
// Tells the command to end; what does not is killed after a while.
void session_terminate(struct session *s, int sig);
void session_read_monitor(struct session *s);
void session_read_signals(struct session *s);
// The terminal is gone for good: as a closed one does, it ends the command.
void session_terminal_gone(struct session *s);
// Kills what should have ended, and stops nono where the command does not stop.
void session_enforce(struct session *s);
// When session_enforce() is due, in ms; -1 for never.
int session_enforce_timeout(const struct session *s);
