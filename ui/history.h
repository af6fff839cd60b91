// SPDX-License-Identifier: Apache-2.0
// Rows that scrolled off the agent's screen, the newest HISTORY_ROWS of them. Private to
// terminal.c.
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include <vterm.h>

#define HISTORY_ROWS 2000

struct history_row {
    VTermScreenCell *cells; /* owned; blanks at the end are cut off */
    unsigned cols;
};

struct history {
    struct history_row *rows; /* a ring of HISTORY_ROWS */
    size_t first, n;
};

void history_done(struct history *h);
void history_push(struct history *h, const VTermScreenCell *cells, unsigned cols);
// Takes the newest row back, cut or filled with blanks to cols. False when there is none.
bool history_pop(struct history *h, VTermScreenCell *ret_cells, unsigned cols);
// i: 0 is the oldest.
const struct history_row *history_row(const struct history *h, size_t i);
