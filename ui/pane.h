// SPDX-License-Identifier: Apache-2.0
// The approval pane on the screen: a frame (head, legend, figures) around one of the bodies below.
// Draws a view; every foreign byte goes through display_escape() on its way (I6). Private to ui/,
// main thread.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "event.h"
#include "screen.h"
#include "terminal.h"
#include "view.h"

#define PANE_ROWS 16       /* height in a split */
#define PANE_SPLIT_ROWS 30 /* terminals from this height up are split for good */

#define PANE_TREE_COLS 140 /* from this width up the processes have a column of their own */
#define PANE_TREE_WIDTH 44
#define PANE_PREFIX_KEYS                                                                           \
    "^]- a review  n next  z zoom  f freeze  [ history  d detach  ? help  ] send ^]"

struct pane {
    struct view view;
    char *notice;       /* owned; NULL for none */
    uint64_t notice_ns; /* when it came */
    // What the frame being drawn shows of the selected request's target; view_displayed() gets it
    // once the frame is out.
    uint64_t shown;
    size_t shown_first, shown_end, shown_needed;
    size_t list_first, list_rows; /* likewise for view_list_displayed() */
};

struct pane_area {
    unsigned top, rows, cols;
};

// A body of the pane. To add one: a file with its table, a line in pane.c.
struct pane_ops {
    const char *title; /* in the head; NULL: the queue's */
    void (*draw)(struct pane *p, const struct pane_area *a, uint64_t now_ns);
};

extern const struct pane_ops pane_list, pane_detail, pane_grants, pane_help;

void pane_done(struct pane *p);
// text is display-safe and copied; it goes after a while, and with a key once it could be read.
void pane_set_notice(struct pane *p, const char *text, uint64_t now_ns);
void pane_pressed(struct pane *p, uint64_t now_ns);
// view_tick() and view_deadline(), the notice included.
bool pane_tick(struct pane *p, uint64_t now_ns);
uint64_t pane_deadline(const struct pane *p, uint64_t now_ns);

// The whole pane.
void pane_draw(struct pane *p, const struct pane_area *a, uint64_t now_ns);
// The row on top of the screen: session, title, focus.
void pane_draw_title(const struct pane *p, unsigned row, unsigned cols);
// One row in place of the pane: the oldest request, or the count alone.
void pane_draw_bar(const struct pane *p, unsigned row, unsigned cols, uint64_t now_ns);
// The agent's rows [first, first + rows) at top; the damaged ones, or all of them. back: scrolled
// back by that many rows.
void pane_draw_agent(const struct terminal *t, unsigned first, size_t back,
                     const struct pane_area *a, bool all);
// What detail_target() made, in a row. What does not fit loses the start of each of its parts (both
// ends, the name of a host), so that all of them tell something: names differ at their end.
void pane_draw_target(unsigned row, unsigned col, unsigned width, enum look look, const char *text);
// The processes that wait, below those that started them, and the grants; from column left on.
void pane_draw_tree(const struct pane *p, const struct pane_area *a, unsigned left,
                    uint64_t now_ns);
// Appends "3 sessions", or the session's id and title, within columns.
void pane_add_title(const struct pane *p, struct buf *out, unsigned cols);

// The facts of the selected request from line v->scroll on, wrapped, and what of the target they
// show. Returns the lines that they would take.
unsigned pane_draw_facts(struct pane *p, const struct pane_area *a, unsigned scroll,
                         uint64_t now_ns);
// Bytes of text that fit into columns, whole units only; words stay whole where that costs little.
size_t pane_fit(const char *text, unsigned columns, bool words);
// A line with words in brackets on it.
void pane_draw_rule(unsigned row, unsigned cols, bool heavy, bool strong, const char *text);
