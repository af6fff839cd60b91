// SPDX-License-Identifier: Apache-2.0
// The queue, a row each, and below it the first facts of the selected request.
#include <stdio.h>
#include <string.h>

#include "detail.h"
#include "display.h"
#include "pane.h"
#include "screen.h"
#include "util.h"

#define MARK_COLS 4
#define OP_COLS 7
#define COUNT_COLS 6
#define AGE_COLS 10

struct columns {
    unsigned target, who, argv; /* widths; argv may be 0 */
};

static struct columns
columns_for(unsigned cols)
{
    struct columns c = {.who = cols < 72 ? 12 : cols < 100 ? 16 : 22};

    c.argv = cols < 100 ? 0 : cols / 4;
    c.target = cols - MARK_COLS - OP_COLS - c.who - c.argv - COUNT_COLS - AGE_COLS;
    return c;
}

static enum look
row_look(const struct pane *p, const struct view_row *row, bool selected)
{
    if (selected && p->view.focus)
        return LOOK_SELECTED;
    if (!view_row_waits(row))
        return LOOK_DIM;
    return row->request->risk == RISK_HIGH ? LOOK_HIGH : LOOK_PLAIN;
}

// The row shows all of the target, or too little of it to decide.
static void
note_shown(struct pane *p, uint64_t id, bool whole)
{
    p->shown = id;
    p->shown_first = 0;
    p->shown_end = whole;
    p->shown_needed = whole ? 1 : 2;
}

static void
draw_row(struct pane *p, const struct view_row *row, unsigned y, unsigned cols, uint64_t now_ns)
{
    const struct request *r = row->request;
    unsigned flags = screen_display_flags(), x = 0;
    struct columns c = columns_for(cols);
    bool selected = r->id == p->view.selected;
    enum look look = row_look(p, row, selected);
    const char *mark = !view_row_waits(row)     ? "-"
                       : r->risk == RISK_HIGH   ? "!!"
                       : r->risk == RISK_NOTICE ? "!"
                                                : ".";
    cleanup_buf struct buf text = {0};
    char small[16];

    snprintf(small, sizeof small, "%c%-3s", selected ? '>' : ' ', mark);
    screen_text(y, x, MARK_COLS, look, small);
    x += MARK_COLS;
    screen_text(y, x, OP_COLS, look, detail_op(r->op));
    x += OP_COLS;
    detail_target(&text, r, flags);
    if (selected)
        note_shown(p, r->id, display_width(buf_str(&text)) < c.target);
    screen_text(y, x, c.target - 1, look, buf_str(&text));
    screen_text(y, x + c.target - 1, 1, look, "");
    x += c.target;
    buf_reset(&text);
    detail_program(&text, r, flags);
    screen_text(y, x, c.who - 1, look, buf_str(&text));
    screen_text(y, x + c.who - 1, 1, look, "");
    x += c.who;
    if (c.argv) {
        buf_reset(&text);
        detail_argv(&text, r, flags);
        screen_text(y, x, c.argv - 1, look, buf_str(&text));
        screen_text(y, x + c.argv - 1, 1, look, "");
        x += c.argv;
    }
    snprintf(small, sizeof small, "x%u", r->count);
    screen_text(y, x, COUNT_COLS, look, small);
    x += COUNT_COLS;
    buf_reset(&text);
    detail_state(&text, row, now_ns);
    snprintf(small, sizeof small, "%*s ", AGE_COLS - 1, buf_str(&text));
    screen_text(y, x, AGE_COLS, look, small);
}

static void
draw_preview(struct pane *p, const struct pane_area *a, uint64_t now_ns)
{
    const struct view_row *row = view_selected(&p->view); /* there is one: the list has rows */
    unsigned rule = a->rows > 1;
    struct pane_area facts = {a->top + rule, a->rows - rule, a->cols};
    bool whole = p->shown_end > 0;
    char head[64];

    snprintf(head, sizeof head, "[#%llu]%s", (unsigned long long)row->request->id,
             view_row_waits(row) ? "" : "[waits no more]");
    if (rule)
        pane_draw_rule(a->top, a->cols, false, false, head);
    pane_draw_facts(p, &facts, 0, now_ns);
    if (whole)
        note_shown(p, row->request->id, true);
}

static void
draw_list(struct pane *p, const struct pane_area *a, uint64_t now_ns)
{
    struct view *v = &p->view;
    // At most a third for the list: what is selected needs the room, its path at the least.
    unsigned rows = a->rows < 3   ? a->rows
                    : a->rows < 6 ? a->rows - 1
                    : a->rows < 9 ? 3
                                  : a->rows / 3;
    struct pane_area preview = {a->top + rows, a->rows - rows, a->cols};

    if (v->n == 0)
        rows = a->rows;
    view_fit_list(v, rows);
    for (unsigned i = 0; i < rows; i++) {
        if (v->top + i < v->n)
            draw_row(p, &v->rows[v->top + i], a->top + i, a->cols, now_ns);
        else
            screen_text(a->top + i, 0, a->cols, LOOK_DIM,
                        v->n == 0 && i == 0 ? " nothing waits" : "");
    }
    if (v->n && preview.rows)
        draw_preview(p, &preview, now_ns);
}

const struct pane_ops pane_list = {.draw = draw_list};
