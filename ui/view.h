// SPDX-License-Identifier: Apache-2.0
// The approval pane as a pure model: which requests there are, which one is selected, what a key
// does. Functions of (state, event, time): no curses, no clock, no thread.
//
// Nothing becomes a decision unless, all at once: the pane has the focus and room; the selected
// request waits; its whole target has been on the screen since it came under the cursor; no key at
// all was pressed for VIEW_QUIET_NS since then; the key came alone, not in a burst or a paste; and
// nobody was seen typing. High risk is confirmed by typing a name. The request is named by id and
// digest, never by its row.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "decision.h"
#include "event.h"
#include "input.h"
#include "keys.h"
#include "request.h"

#define VIEW_QUIET_NS 600000000ull   /* without a key, then decision keys work */
#define VIEW_GONE_NS 5000000000ull   /* how long a finished row stays visible */
#define VIEW_SENT_NS 5000000000ull   /* a decision without an echo may be taken again */
#define VIEW_TYPING_NS 1000000000ull /* two unknown keys within this: somebody is typing */
#define VIEW_NAME_MAX 1024           /* bytes typed to confirm */

// Least size at which the pane is drawn; below, decision keys are dead.
#define VIEW_ROWS_MIN 8
#define VIEW_COLS_MIN 60

enum view_mode { VIEW_LIST, VIEW_DETAIL, VIEW_HELP, _VIEW_MODE_MAX };

// Why decision keys do not work now, the first that holds.
enum view_lock {
    VIEW_ARMED,       /* they do */
    VIEW_LOCK_EMPTY,  /* nothing is selected */
    VIEW_LOCK_SMALL,  /* the terminal is too small */
    VIEW_LOCK_FOCUS,  /* the agent has the focus */
    VIEW_LOCK_TYPING, /* somebody was typing or pasting: until the focus is given anew */
    VIEW_LOCK_DONE,   /* the selected request waits no more */
    VIEW_LOCK_SENT,   /* its decision is under way */
    VIEW_LOCK_HIDDEN, /* not on the screen yet, or covered by the help */
    VIEW_LOCK_CUT,    /* its target was not shown to the end */
    VIEW_LOCK_BUSY,   /* behind the prefix, or a confirmation is being typed */
    VIEW_LOCK_QUIET,  /* a key was pressed less than VIEW_QUIET_NS ago */
};

struct view_row {
    struct request *request; /* owned */
    enum state state;
    enum verdict verdict;
    enum scope scope;
    enum decider by;
    uint64_t gone_ns;      /* when it was finished; 0: not yet */
    uint64_t sent_ns;      /* when our own decision went out; 0: none is under way */
    bool mine;             /* finished by our own decision */
    unsigned keys_ignored; /* thrown away by a guard while it was selected */
};

struct view {
    struct view_row *rows; /* by id: oldest first, new ones append */
    size_t n, room, waiting;
    uint64_t selected; /* request id; 0: none. Never an index: rows shift */
    size_t top;        /* first visible row of the list */
    size_t scroll;     /* first visible line of the detail or the help */
    enum view_mode mode, help_from;
    bool has_agent, focus, small;
    bool prefix;         /* the next key is one behind ^] */
    bool zoom;           /* of whatever has the focus */
    bool locked;         /* typing was seen */
    bool flush;          /* input that was not read yet must be thrown away: the owner does it */
    uint64_t shown;      /* id of the request on the screen; 0: the selected one is not */
    size_t seen;         /* lines of its target shown so far, without a gap */
    size_t needed;       /* lines that its target takes */
    uint64_t quiet_ns;   /* the quiet time runs from here */
    uint64_t unknown_ns; /* last key that means nothing; 0: none lately */
    bool confirming;     /* a name is being typed for decision */
    struct decision decision; /* no owned strings */
    struct buf typed;
    const char *hint; /* one line about the last key, static text; NULL for none */
};

enum view_result {
    VIEW_NOTHING,
    VIEW_TO_AGENT, /* the key, as it came */
    VIEW_LITERAL,  /* a KEYS_PREFIX for the agent */
    VIEW_DECIDE,   /* *ret_d: no owned strings */
    VIEW_LEAVE,
    VIEW_REDRAW,
    VIEW_SUSPEND,
    VIEW_LAYOUT, /* the zoom changed */
};

void view_init(struct view *v, bool has_agent, uint64_t now_ns);
void view_done(struct view *v);

// Takes r over. An id that is known already changes nothing.
void view_add(struct view *v, struct request *r, uint64_t now_ns);
// Unknown ids are ignored.
void view_update(struct view *v, const struct request_update *u, uint64_t now_ns);
// Takes away what has been finished for a while. True when something changed.
bool view_tick(struct view *v, uint64_t now_ns);
// When the view changes without any event; UINT64_MAX for never.
uint64_t view_deadline(const struct view *v, uint64_t now_ns);
// Gives or takes the focus. Quiet time starts anew, typing is forgotten. Without an agent the pane
// keeps it.
void view_set_focus(struct view *v, bool focus, uint64_t now_ns);
// The terminal has this size, or lost what it showed: everything has to be displayed anew.
void view_set_size(struct view *v, unsigned rows, unsigned cols, uint64_t now_ns);
// After a frame reached the screen: lines [first, end) of the needed ones that the target of the
// selected request takes were on it. id 0: none.
void view_displayed(struct view *v, uint64_t id, size_t first, size_t end, size_t needed,
                    uint64_t now_ns);
// Keeps the selection inside a list of that many rows, the scroll inside that many lines.
void view_fit_list(struct view *v, size_t rows);
void view_fit_lines(struct view *v, size_t lines, size_t rows);

// One key. alone: nothing else came in the same piece of input.
enum view_result view_press(struct view *v, const struct input_key *key, bool alone,
                            uint64_t now_ns, struct decision *ret_d);
// The decision could not be handed on: the request waits as before.
void view_unsent(struct view *v, uint64_t id);
// Input thrown away unread.
void view_ignored(struct view *v, size_t keys, uint64_t now_ns);

enum view_lock view_lock(const struct view *v, uint64_t now_ns);
// One line that says so.
const char *view_lock_text(enum view_lock lock);

bool view_row_waits(const struct view_row *row);
// NULL when there is none.
struct view_row *view_selected(const struct view *v);
struct view_row *view_oldest(const struct view *v);
// Index of the selected row, 0 when there is none.
size_t view_selected_index(const struct view *v);
// What has to be typed to confirm the request: its last path component. Bytes of r.
const char *view_confirmation(const struct request *r);
