// SPDX-License-Identifier: Apache-2.0
#include "history.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

void
history_done(struct history *h)
{
    for (size_t i = 0; h->rows && i < HISTORY_ROWS; i++)
        free(h->rows[i].cells);
    free(h->rows);
    *h = (struct history){0};
}

static struct history_row *
slot(const struct history *h, size_t i)
{
    return &h->rows[(h->first + i) % HISTORY_ROWS];
}

const struct history_row *
history_row(const struct history *h, size_t i)
{
    return slot(h, i);
}

static bool
is_blank(const VTermScreenCell *c)
{
    return c->chars[0] == 0 && VTERM_COLOR_IS_DEFAULT_BG(&c->bg) && !c->attrs.reverse;
}

void
history_push(struct history *h, const VTermScreenCell *cells, unsigned cols)
{
    struct history_row *row;

    if (!h->rows)
        h->rows = xcalloc(HISTORY_ROWS, sizeof(*h->rows));
    if (h->n == HISTORY_ROWS) {
        h->first = (h->first + 1) % HISTORY_ROWS;
        h->n--;
    }
    while (cols && is_blank(&cells[cols - 1]))
        cols--;
    row = slot(h, h->n++);
    free(row->cells);
    row->cells = cols ? xmemdup(cells, cols * sizeof(*cells)) : NULL;
    row->cols = cols;
}

bool
history_pop(struct history *h, VTermScreenCell *ret_cells, unsigned cols)
{
    struct history_row *row;
    VTermScreenCell blank = {.width = 1,
                             .fg = {.type = VTERM_COLOR_RGB | VTERM_COLOR_DEFAULT_FG},
                             .bg = {.type = VTERM_COLOR_RGB | VTERM_COLOR_DEFAULT_BG}};

    if (!h->n)
        return false;
    row = slot(h, --h->n);
    for (unsigned i = 0; i < cols; i++) {
        ret_cells[i] = i < row->cols ? row->cells[i] : blank;
        // The second half of a wide character does not fit any more.
        if (i + 1 == cols && ret_cells[i].width == 2)
            ret_cells[i] = blank;
    }
    free(row->cells);
    *row = (struct history_row){0};
    return true;
}
