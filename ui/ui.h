// SPDX-License-Identifier: Apache-2.0
// The screen: the agent's pane and the approval pane, or the approval pane alone, over one session
// or several. Main thread only, one at a time. Knows plain data; what the person decides goes out
// through struct ui_ops.
// A session is a number below UI_SESSIONS_MAX that the caller gives; its own id and words are what
// people see. The session of the config is 0.
// Nothing here ever decides by itself: end of input, a lost terminal, a resize or a destroyed UI
// leave every request waiting (I1).
#pragma once
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decision.h"
#include "err.h"
#include "event.h"
#include "request.h"

struct ui;

#define UI_SESSIONS_MAX 64

struct ui_ops {
    // A person decided. *d and its note are the UI's (copy what you keep); by is DECIDER_USER,
    // source is not set; scope, reach and for_ns are the person's. 0, or -errno that the pane shows
    // in words (-EAGAIN: busy, press again). A refusal that comes later is a request_update with
    // its error.
    int (*decide)(void *ctx, unsigned session, const struct decision *d);
    // Bytes for the agent's terminal (typed keys, answers to its queries).
    void (*agent_input)(void *ctx, const void *data, size_t n);
    // The agent's pane has this size now.
    void (*agent_resize)(void *ctx, unsigned rows, unsigned cols);
    // q in a pane without an agent, or ^] d.
    void (*leave)(void *ctx);
    // A grant is to be taken back (u, or U and r). Its end comes as a ui_set_grants() without it;
    // what it did already is a ui_set_notice(). NULL: not possible here. 0 or -errno.
    int (*revoke)(void *ctx, unsigned session, uint64_t grant);
    // ^] f: all tasks of the sandbox are to stop, or to go on; the answer is ui_set_frozen(). NULL:
    // not possible here. 0 or -errno.
    int (*freeze)(void *ctx, unsigned session, bool on);
    // A replay: a key, unless a word is being typed, before the pane sees it (an enum input_code);
    // true: it is taken. Nobody is called by bell or notify, the keys are the
    // pane's alone. NULL: no replay.
    bool (*replay_key)(void *ctx, uint32_t code);
    // A replay: words are looked for (display-safe they are not) in what comes behind the moment
    // that is shown, or before it; words end with the call.
    void (*replay_find)(void *ctx, const char *words, bool forward);
};

struct ui_config {
    const char *session; /* id of session 0; NULL: sessions come through ui_add_session() */
    const char *name;    /* what it is called instead, where there is room; NULL or "": by its id */
    const char *title;   /* command and directory, foreign bytes */
    bool agent;          /* with the agent's pane */
    bool count; /* shows how many existing files a wide rule would cover: looks at the disk */
    // Places of high risk for an access, in a home directory and elsewhere: absolute paths up to
    // NULL, list and strings for the caller to free. NULL: none is known.
    char **(*risky)(const char *home, unsigned access);
    const char *home;   /* for that; or NULL */
    bool plain;         /* lines instead of a screen; neither has to be a terminal */
    const char *notify; /* run by the shell on a new request, or osc9, osc777; NULL for none */
    int in_fd, out_fd;  /* the terminal; not owned */
};

// Puts the terminal into the alternate screen and raw mode. -ENOTTY without a terminal, -EINVAL for
// an unknown TERM, with the way out in *err.
int ui_new(const struct ui_config *config, const struct ui_ops *ops, void *ctx, struct ui **ret_ui,
           struct err *err);
// False where TERM names nothing, or a terminal that cannot move its cursor (dumb): lines are all
// that it can show. A name that is not known is not among them: ui_new() says so.
bool ui_terminal_draws(int out_fd);
// Restores the terminal. Takes NULL, returns NULL.
struct ui *ui_free(struct ui *ui);
// The same at the end of the command: the text that its pane showed last stays in the terminal.
struct ui *ui_leave(struct ui *ui);

// Output of the agent's pty.
void ui_agent_output(struct ui *ui, const void *data, size_t n);
// Of a replay: the agent's terminal is blank again and has that size, or gets it. It keeps the size
// whatever the pane's is; what is larger than that is cut.
void ui_restart_agent(struct ui *ui, unsigned rows, unsigned cols);
void ui_resize_agent(struct ui *ui, unsigned rows, unsigned cols);
// The agent's terminal as it is, to come back to: ui_set_agent() is false when that is not possible
// any more. Only of a terminal of ui_restart_agent(), until the next one.
struct terminal_copy;
struct terminal_copy *ui_copy_agent(const struct ui *ui, size_t *ret_bytes);
struct terminal_copy *ui_free_copy(struct terminal_copy *copy);
bool ui_set_agent(struct ui *ui, const struct terminal_copy *copy);
// A further session, or new words for one. Foreign bytes, copied.
void ui_add_session(struct ui *ui, unsigned session, const char *id, const char *name,
                    const char *title);
// It has ended, or is out of reach: what waits of it is shown as withdrawn.
void ui_end_session(struct ui *ui, unsigned session);
// Takes r over.
void ui_add_request(struct ui *ui, unsigned session, struct request *r);
void ui_update_request(struct ui *ui, unsigned session, const struct request_update *u);
// Of a replay: a word that is shown instead of what became of the request (static storage), NULL
// for none.
void ui_mark_request(struct ui *ui, unsigned session, uint64_t id, const char *word);
// Puts the cursor on a request that is listed.
void ui_select_request(struct ui *ui, unsigned session, uint64_t id);
// One line about the last key, static text, until the next one or for a while.
void ui_set_hint(struct ui *ui, const char *text);
// The live and remembered grants of a session, all of them; copied.
void ui_set_grants(struct ui *ui, unsigned session, const struct grant *const *grants, size_t n);
void ui_set_frozen(struct ui *ui, unsigned session, bool frozen);
void ui_set_stats(struct ui *ui, unsigned session, const struct stats *s);
// All requests leave, and what was decided about them; sessions are to be added again. Focus, page,
// search and filter stay. Once those that are there now have been added: ui_refilled() puts the
// cursor back on the request that it was on, where that is one of them.
void ui_clear(struct ui *ui);
void ui_refilled(struct ui *ui);
// Ages and the time of what is added from now on are as of that long ago (modulo 2^64: a replay may
// also be ahead).
void ui_set_behind(struct ui *ui, uint64_t ns);
// Shows one line until the next one; display-safe text, copied.
void ui_set_notice(struct ui *ui, const char *text);

// The terminal has input. 0, or -ENODATA when it is gone for good: do not wait for input again.
int ui_read_input(struct ui *ui, uint64_t now_mono_ns);
// The terminal changed its size.
void ui_resized(struct ui *ui, uint64_t now_mono_ns);
// Draws if anything changed (ages count). Returns the milliseconds until it wants to be called
// again without any event, -1 for never.
int ui_draw(struct ui *ui, uint64_t now_mono_ns);

// Around a stop of the whole program (Ctrl-Z): gives the terminal back, takes it again.
void ui_suspend(struct ui *ui);
void ui_resume(struct ui *ui, uint64_t now_mono_ns);

// Restores the terminal of the living UI, if any, with write(2) and tcsetattr(3) alone: for signal
// handlers and die(). Async-signal-safe.
void ui_emergency_restore(void);
// Before a fork: the parent can restore the terminal of the child's UI as well, once the child is
// gone.
void ui_share_restore(void);
