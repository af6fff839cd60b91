// SPDX-License-Identifier: Apache-2.0
// The approval pane as a pure model: which requests there are, which one is selected, what a key
// does. Functions of (state, event, time): no curses, no clock, no thread. Nothing becomes a
// decision unless the pane has the focus, the request was displayed and has been quiet (no key) for
// VIEW_QUIET_NS since, and high risk was confirmed.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decision.h"
#include "event.h"
#include "request.h"

#define VIEW_QUIET_NS 600000000ull   /* without a key, then decision keys work */
#define VIEW_GONE_NS 5000000000ull   /* how long a finished row stays visible */
#define VIEW_TYPING_NS 1000000000ull /* two unknown keys within this: somebody is typing */

// Keys beyond Unicode.
enum view_key {
    VK_UP = 0x110000,
    VK_DOWN,
    VK_PGUP,
    VK_PGDN,
    VK_HOME,
    VK_END,
    VK_ENTER,
    VK_ESC,
    VK_TAB,
    VK_BACKSPACE,
    VK_OTHER,
};

struct view_row {
    struct request *request; /* owned */
    enum state state;
    enum verdict verdict;
    enum decider by;
    uint64_t shown_ns; /* first time on the screen with the pane in focus; 0: not yet */
    bool quiet;        /* was on the screen long enough without a key */
    uint64_t gone_ns;  /* when it was finished; 0: alive */
};

struct view {
    struct view_row *rows; /* oldest first; new ones append */
    size_t n, room;
    uint64_t selected; /* request id; 0: none. Never an index: rows shift */
    size_t top;        /* first visible row */
    bool focus;
    uint64_t focus_ns;
    uint64_t key_ns;     /* last key in the pane */
    uint64_t unknown_ns; /* last key that means nothing here */
    bool locked;         /* somebody was typing: until the focus is given anew */
    bool detail, help;
    bool confirming; /* typed confirmation of pending_* */
    char typed[256];
    size_t typed_len;
    struct decision pending_decision; /* no owned strings */
    unsigned keys_ignored;
    const char *hint; /* one line about the last key, static text; NULL for none */
};

enum view_result { VIEW_NOTHING, VIEW_DECIDE, VIEW_LEAVE, VIEW_NEXT_PANE };

void view_init(struct view *v);
void view_done(struct view *v);
// Takes r over.
void view_add(struct view *v, struct request *r);
void view_update(struct view *v, const struct request_update *u, uint64_t now_ns);
// Takes away what has been finished for a while, notices quiet. True when something changed.
bool view_tick(struct view *v, uint64_t now_ns);
// Gives or takes the focus; every quiet clock starts anew.
void view_set_focus(struct view *v, bool focus, uint64_t now_ns);
// The rows [first, first + n) are on the screen now.
void view_displayed(struct view *v, size_t first, size_t n, uint64_t now_ns);
// Nothing is displayed any more (too small, covered).
void view_hidden(struct view *v);
// One key. VIEW_DECIDE fills *ret_d (no owned strings).
enum view_result view_press(struct view *v, uint32_t key, uint64_t now_ns, struct decision *ret_d);
// A burst of input (type-ahead, a paste): never decides, locks.
void view_burst(struct view *v, size_t keys, uint64_t now_ns);

bool view_row_alive(const struct view_row *row);
// Would a decision key work for the selected row now?
bool view_armed(const struct view *v, uint64_t now_ns);
struct view_row *view_selected(struct view *v);
// Index of the selected row, 0 when there is none.
size_t view_selected_index(const struct view *v);
// Requests that wait.
size_t view_waiting(const struct view *v);
// What has to be typed to confirm the request: its last path component.
const char *view_confirmation(const struct request *r);

// The keys of the pane: one table for the dispatcher, the help screen and the legend.
struct view_key_row {
    uint32_t key;
    const char *name;
    const char *help;
    bool decides;
};
extern const struct view_key_row view_keys[];
extern const size_t view_n_keys;
