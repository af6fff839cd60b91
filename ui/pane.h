// SPDX-License-Identifier: Apache-2.0
// The approval pane on the screen: list, detail, help, status line, bar. Draws a view; every
// foreign byte goes through display_escape() here (I6). Private to ui/, main thread.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "event.h"
#include "view.h"

#define PANE_ROWS 16       /* height in a split */
#define PANE_SPLIT_ROWS 30 /* terminals from this height up are split for good */

struct pane {
    struct view view;
    struct stats stats;
    char *session, *title; /* owned, display-safe */
    char *notice;          /* owned; NULL for none */
};

void pane_init(struct pane *p, const char *session, const char *title);
void pane_done(struct pane *p);
// text is display-safe and copied.
void pane_set_notice(struct pane *p, const char *text);
void pane_select_next_waiting(struct pane *p);

// Draw into rows of the screen.
void pane_draw(struct pane *p, unsigned top, unsigned rows, unsigned cols, uint64_t now_ns);
// alone: there is no agent's pane to focus.
void pane_draw_status(const struct pane *p, unsigned row, unsigned cols, bool alone, bool prefix,
                      uint64_t now_ns);
// One row in place of the pane: the oldest request.
void pane_draw_bar(const struct pane *p, unsigned row, unsigned cols, bool prefix, uint64_t now_ns);
