// SPDX-License-Identifier: Apache-2.0
// The approval pane as a pure model: which requests there are, which one is selected, what a key
// does. Functions of (state, event, time): no curses, no clock, no thread.
//
// Nothing becomes a decision unless, all at once: the pane has the focus and room; the selected
// request waits; its whole target, and the rule that the keys would leave, have been on the screen
// since it came under the cursor, and the target still is (of one that is larger than the detail as
// much as fits); no key at all was pressed for VIEW_QUIET_NS since then; the key
// came alone, not in a burst or a paste; and nobody was seen typing. To allow something of high
// risk, something wide, for ever or several at once is confirmed by typing a name, and of several
// each one must have been on the screen. A request is named by its key, id and digest, never by its
// place in the list.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "count.h"
#include "decision.h"
#include "event.h"
#include "input.h"
#include "keys.h"
#include "request.h"
#include "ui.h"

#define VIEW_QUIET_NS 600000000ull   /* without a key, then decision keys work */
#define VIEW_GONE_NS 5000000000ull   /* how long a finished row stays visible */
#define VIEW_SENT_NS 5000000000ull   /* a decision without an echo may be taken again */
#define VIEW_TYPING_NS 1000000000ull /* two unknown keys within this: somebody is typing */
#define VIEW_SAID_NS 10000000000ull  /* how long a line about a key or a notice stays */
#define VIEW_TEXT_MAX 1024           /* bytes typed into a prompt */
#define VIEW_UNDO_MAX 64             /* decisions that can be taken back one after the other */
#define VIEW_PAST 512                /* kinds of requests whose decisions are counted */
#define VIEW_GRANTS_MAX 16384        /* of all sessions, kept */

// Least size at which the pane is drawn; below, decision keys are dead.
#define VIEW_ROWS_MIN 8
#define VIEW_COLS_MIN 60

enum view_mode { VIEW_LIST, VIEW_DETAIL, VIEW_GRANTS, VIEW_HELP, _VIEW_MODE_MAX };

// What is being typed.
enum view_prompt {
    VIEW_PROMPT_NONE,
    VIEW_PROMPT_CONFIRM, /* the name, for v->decision */
    VIEW_PROMPT_SEARCH,
    VIEW_PROMPT_FILTER,
    VIEW_PROMPT_NOTE,
    VIEW_PROMPT_SCROLL, /* what to search in the agent's history */
};

// Why decision keys do not work now, the first that holds.
enum view_lock {
    VIEW_ARMED,       /* they do */
    VIEW_LOCK_EMPTY,  /* nothing is selected */
    VIEW_LOCK_REPLAY, /* nothing is decided in a replay */
    VIEW_LOCK_SMALL,  /* the terminal is too small */
    VIEW_LOCK_FOCUS,  /* the agent has the focus */
    VIEW_LOCK_TYPING, /* somebody was typing or pasting: until the focus is given anew */
    VIEW_LOCK_DONE,   /* the selected request waits no more */
    VIEW_LOCK_SENT,   /* its decision is under way */
    VIEW_LOCK_HIDDEN, /* not on the screen yet, or covered by another page */
    VIEW_LOCK_CUT,    /* its target was not shown to the end */
    VIEW_LOCK_AWAY,   /* it is not on the screen any more, or a part of it */
    VIEW_LOCK_BUSY,   /* behind the prefix, or something is being typed */
    VIEW_LOCK_QUIET,  /* a key was pressed less than VIEW_QUIET_NS ago */
};

struct view_row {
    uint64_t key; /* from 1, in the order of arrival; unique in the view */
    unsigned session;
    struct request *request; /* owned */
    uint64_t group;          /* same session, program, operation and directory or host */
    enum state state;
    enum verdict verdict;
    enum scope scope;
    enum decider by;
    uint64_t gone_ns;      /* when it was finished; 0: not yet */
    uint64_t sent_ns;      /* when our own decision went out; 0: none is under way */
    bool mine;             /* finished by our own decision */
    bool hidden;           /* the filter does not let it through */
    bool marked;           /* to be decided together with the other marked ones */
    bool drawn_whole;      /* the screen's: its last line in the list held all of its target */
    bool seen;             /* its whole target was on the screen at some time */
    bool going;            /* between view_press() and view_take() */
    uint64_t told_ns;      /* plain mode: when it was printed; 0: not yet */
    const char *word;      /* shown instead of its state; static storage; NULL for none */
    unsigned keys_ignored; /* thrown away by a guard while it was selected */
};

struct view_session {
    bool known, ended, frozen;
    char *id, *name, *title; /* foreign bytes, owned; the name "" for none */
    struct grant **grants;   /* owned */
    size_t n_grants;
    struct stats stats;
};

struct view_undo {
    unsigned session;
    uint64_t request;
    enum scope scope;
};

struct view {
    struct view_row **rows; /* by key: oldest first, new ones append */
    struct view_row **refs; /* the same by session and id */
    struct view_row **list; /* the same without the hidden ones: what is shown, in this order */
    size_t n, room, listed, waiting, marked;
    uint64_t last_key;
    struct view_session sessions[UI_SESSIONS_MAX];
    unsigned n_sessions; /* known ones */
    struct {
        uint64_t group;
        unsigned allowed, denied;
    } past[VIEW_PAST]; /* one kind of request to a place; a new kind takes it over */

    uint64_t selected; /* key; 0: none. Never an index: rows shift */
    size_t top;        /* first visible row of the list */
    size_t scroll;     /* first visible line of the detail or the help */
    enum view_mode mode, help_from;
    // Where the person was at view_clear(); id 0: at no request.
    struct {
        unsigned session;
        uint64_t id;
        enum view_mode mode;
        size_t scroll;
    } left;
    bool has_agent, focus, small;
    bool replay;    /* the owner's: what is shown is over */
    bool prefix;    /* the next key is one behind ^] */
    bool zoom;      /* of whatever has the focus */
    bool locked;    /* typing was seen */
    bool flush;     /* input that was not read yet must be thrown away: the owner does it */
    uint64_t shown; /* key of the request on the screen; 0: the selected one is not */
    size_t seen;    /* lines of its target shown so far, without a gap */
    size_t needed;  /* lines that its target takes */
    bool away;      /* not all of them that there is room for are on the screen now */
    unsigned revision, shown_revision; /* of the rules that the decision keys would leave */
    uint64_t quiet_ns;                 /* the quiet time runs from here */
    uint64_t unknown_ns;               /* last key that means nothing; 0: none lately */

    enum view_prompt prompt;
    struct buf typed;
    struct buf search, filter, note; /* as they were typed; the note is for the selected request */
    struct buf scroll_search;
    unsigned reach;  /* step of the ladder of the selected request, see reach.h */
    bool program;    /* the rule is for its program alone */
    uint64_t for_ns; /* what t allows */
    struct {
        enum { VIEW_UNCOUNTED, VIEW_COUNTING, VIEW_COUNTED } state;
        struct count_result result;
    } covers;                 /* existing files under the rule of that reach; the owner counts */
    struct decision decision; /* being confirmed or taken; no owned strings */
    bool batch;               /* for the marked rows, each with a reach of its own */
    size_t take_from;         /* of rows */
    unsigned take_left;
    struct view_undo undo[VIEW_UNDO_MAX];
    size_t n_undo;

    size_t grant_top;
    unsigned grant_session;  /* of the grant under the cursor */
    uint64_t grant_id;       /* 0: none */
    uint64_t grant_moved_ns; /* when the cursor moved by itself; 0: it did not */
    struct {
        unsigned session;
        uint64_t grant;
        bool on;
    } wish; /* of VIEW_REVOKE and VIEW_FREEZE */

    bool scrolling;   /* the agent's pane shows its history, keys move in it */
    size_t back;      /* rows that it is scrolled back by */
    const char *hint; /* one line about the last key, static text; NULL for none */
    uint64_t hint_ns; /* when that key came */
};

enum view_result {
    VIEW_NOTHING,
    VIEW_TO_AGENT, /* the key, as it came */
    VIEW_LITERAL,  /* a KEYS_PREFIX for the agent */
    VIEW_DECIDE,   /* view_take() has them */
    VIEW_LEAVE,
    VIEW_REDRAW,
    VIEW_SUSPEND,
    VIEW_LAYOUT,       /* the zoom changed */
    VIEW_REVOKE,       /* v->wish.session, v->wish.grant */
    VIEW_FREEZE,       /* v->wish.session, v->wish.on */
    VIEW_SCROLL_FIND,  /* v->scroll_search, from v->back on to older rows */
    VIEW_SCROLL_NEWER, /* the same, to newer ones */
    VIEW_FIND,         /* of a replay: v->search, behind what is shown */
    VIEW_FIND_BACK,    /* the same, before it */
};

void view_init(struct view *v, bool has_agent, uint64_t now_ns);
void view_done(struct view *v);
// All that came leaves; where the person is, and what they look for, stays: view_refilled() says
// that what is there now has come.
void view_clear(struct view *v, uint64_t now_ns);
void view_refilled(struct view *v, uint64_t now_ns);

// Session numbers of UI_SESSIONS_MAX and above are ignored, everywhere.
void view_add_session(struct view *v, unsigned session, const char *id, const char *name,
                      const char *title);
void view_end_session(struct view *v, unsigned session, uint64_t now_ns);
void view_set_frozen(struct view *v, unsigned session, bool frozen);
// Copied.
void view_set_grants(struct view *v, unsigned session, const struct grant *const *grants, size_t n,
                     uint64_t now_ns);
// Takes r over. An id that is known already changes nothing.
void view_add(struct view *v, unsigned session, struct request *r, uint64_t now_ns);
// Unknown ids are ignored. With an error: the decision was not taken, the request waits as before.
void view_update(struct view *v, unsigned session, const struct request_update *u, uint64_t now_ns);
// Takes away what has been finished for a while. True when something changed.
bool view_tick(struct view *v, uint64_t now_ns);
// When the view changes without any event; UINT64_MAX for never.
uint64_t view_deadline(const struct view *v, uint64_t now_ns);
// Gives or takes the focus. Quiet time starts anew, typing is forgotten. Without an agent the pane
// keeps it.
void view_set_focus(struct view *v, bool focus, uint64_t now_ns);
// The terminal has this size, or lost what it showed: everything has to be displayed anew.
void view_set_size(struct view *v, unsigned rows, unsigned cols, uint64_t now_ns);
// After a frame reached the screen: it had room for lines [first, end) of the selected request,
// whose first needed ones are its target, and shows the rules of its keys. key 0: none.
void view_displayed(struct view *v, uint64_t key, size_t first, size_t end, size_t needed,
                    uint64_t now_ns);
// Rows [first, first + count) of the list were on it as well.
void view_list_displayed(struct view *v, size_t first, size_t count);
// Keeps the selection inside a list of that many rows, the scroll inside that many lines.
void view_fit_list(struct view *v, size_t rows);
void view_fit_lines(struct view *v, size_t lines, size_t rows);

// See ui_mark_request() and ui_select_request().
void view_set_word(struct view *v, unsigned session, uint64_t id, const char *word);
void view_select_request(struct view *v, unsigned session, uint64_t id, uint64_t now_ns);

// One key. alone: nothing else came in the same piece of input.
enum view_result view_press(struct view *v, const struct input_key *key, bool alone,
                            uint64_t now_ns);
// The decisions of VIEW_DECIDE, one after the other; false after the last. Its note is the view's,
// valid until the next call.
bool view_take(struct view *v, uint64_t now_ns, unsigned *ret_session, struct decision *ret_d);
// A decision about one row that did not come by a key: the guards are the caller's. what: verdict,
// scope, reach, for_ns and error.
void view_take_row(struct view *v, struct view_row *row, const struct decision *what,
                   uint64_t now_ns, struct decision *ret_d);
// The decision could not be handed on: the request waits as before.
void view_unsent(struct view *v, unsigned session, uint64_t id);
// Input thrown away unread.
void view_ignored(struct view *v, size_t keys, uint64_t now_ns);

enum view_lock view_lock(const struct view *v, uint64_t now_ns);
// One line that says so.
const char *view_lock_text(enum view_lock lock);
// Does allowing r with that scope and reach ask for a name?
bool view_must_confirm(const struct request *r, enum scope scope, enum reach reach);
// The request whose name confirms v->decision, of several one of the highest risk. NULL when there
// is none.
struct view_row *view_confirmed_by(const struct view *v);
// How many of the marked requests are of high risk.
size_t view_marked_high(const struct view *v);

// Not finished; waits: nor being decided here.
bool view_row_open(const struct view_row *row);
bool view_row_waits(const struct view_row *row);
// NULL when there is none.
struct view_row *view_selected(const struct view *v);
struct view_row *view_oldest(const struct view *v);
// Place of the selected row in the list, 0 when there is none.
size_t view_selected_index(const struct view *v);
// Other waiting requests that are like this one.
size_t view_like(const struct view *v, const struct view_row *row);
// What was decided about such requests before, since the view was opened.
void view_past(const struct view *v, const struct view_row *row, unsigned *ret_allowed,
               unsigned *ret_denied);
// The grant under the cursor of the grants' page; NULL for none.
const struct grant *view_grant(const struct view *v);
// All grants as one list: the i-th and its session, NULL behind the end.
const struct grant *view_grant_at(const struct view *v, size_t i, unsigned *ret_session);
size_t view_grant_count(const struct view *v);
