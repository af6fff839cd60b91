// SPDX-License-Identifier: Apache-2.0
// The queue, a row each, and below it the first facts of the selected request.
#include <stdio.h>
#include <string.h>

#include "detail.h"
#include "display.h"
#include "pane.h"
#include "screen.h"
#include "util.h"

#define MARK_COLS 5
#define OP_COLS 7
#define AGE_COLS 10
#define SESSION_ID_COLS 4

struct columns {
    unsigned session, target, who, argv, count; /* widths; session and argv may be 0 */
};

// Columns that the longest word for a session takes: its name, as far as there is room for it.
static unsigned
session_cols(const struct view *v, unsigned max)
{
    unsigned longest = SESSION_ID_COLS;

    for (unsigned i = 0; i < UI_SESSIONS_MAX; i++) {
        cleanup_buf struct buf word = {0};
        unsigned n;
        if (v->sessions[i].known)
            detail_session(&word, &v->sessions[i], max, SESSION_ID_COLS, screen_display_flags());
        n = (unsigned)display_width(buf_str(&word));
        longest = n > longest ? n : longest;
    }
    return longest;
}

static struct columns
columns_for(const struct view *v, unsigned cols)
{
    // The target comes first: what else there is gets room where that has plenty.
    struct columns c = {.who = cols < 72 ? 12 : 16, .count = cols < 72 ? 4 : 8};

    c.session = v->n_sessions > 1 ? session_cols(v, cols / 8) + 2 : 0;
    c.argv = cols < 110 ? 0 : cols / 5;
    c.target = cols - MARK_COLS - OP_COLS - c.session - c.who - c.argv - c.count - AGE_COLS;
    return c;
}

static enum look
row_look(const struct pane *p, const struct view_row *row, bool selected)
{
    if (selected && p->view.focus)
        return LOOK_SELECTED;
    if (row->word)
        return LOOK_NOTICE;
    if (!view_row_waits(row))
        return LOOK_DIM;
    return row->request->risk == RISK_HIGH ? LOOK_HIGH : LOOK_PLAIN;
}

// The row shows all of the target, or too little of it to decide.
static void
note_shown(struct pane *p, uint64_t key, bool whole)
{
    p->shown = key;
    p->shown_first = 0;
    p->shown_end = whole;
    p->shown_needed = whole ? 1 : 2;
}

// One column, a blank behind it.
static void
draw_column(unsigned y, unsigned *x, unsigned width, enum look look, const char *text)
{
    if (!width)
        return;
    screen_text(y, *x, width - 1, look, text);
    screen_text(y, *x + width - 1, 1, look, "");
    *x += width;
}

static void
draw_marks(const struct view_row *row, bool selected, unsigned y, unsigned *x, enum look look)
{
    const struct request *r = row->request;
    const char *mark = !view_row_waits(row)     ? "-"
                       : r->risk == RISK_HIGH   ? "!!"
                       : r->risk == RISK_NOTICE ? "!"
                                                : ".";
    char small[16];

    snprintf(small, sizeof small, "%c%c%s", selected ? '>' : ' ', row->marked ? '*' : ' ', mark);
    draw_column(y, x, MARK_COLS, look, small);
}

static void
draw_count(const struct view *v, const struct view_row *row, unsigned y, unsigned *x,
           unsigned width, enum look look)
{
    size_t like = view_row_waits(row) ? view_like(v, row) : 0;
    char small[32];

    snprintf(small, sizeof small, like > 0 && width > 4 ? "x%u +%zu" : "x%u", row->request->count,
             like);
    draw_column(y, x, width, look, small);
}

static void
draw_row(struct pane *p, struct view_row *row, unsigned y, unsigned cols, uint64_t now_ns)
{
    const struct request *r = row->request;
    const struct view_session *session = &p->view.sessions[row->session];
    unsigned flags = screen_display_flags(), x = 0;
    struct columns c = columns_for(&p->view, cols);
    bool selected = row->key == p->view.selected, whole;
    enum look look = row_look(p, row, selected);
    cleanup_buf struct buf text = {0};
    char small[16];

    draw_marks(row, selected, y, &x, look);
    draw_column(y, &x, OP_COLS, look, detail_op(r->op));
    if (c.session) {
        detail_session(&text, session, c.session - 2, SESSION_ID_COLS, flags);
        draw_column(y, &x, c.session, look, buf_str(&text));
        buf_reset(&text);
    }
    detail_target(&text, r, flags);
    whole = display_width(buf_str(&text)) < c.target && !detail_has_more(r);
    if (selected)
        note_shown(p, row->key, whole);
    row->drawn_whole = whole;
    pane_draw_target(y, x, c.target - 1, look, buf_str(&text));
    x += c.target - 1;
    draw_column(y, &x, 1, look, "");
    buf_reset(&text);
    detail_program(&text, r, flags);
    draw_column(y, &x, c.who, look, buf_str(&text));
    if (c.argv) {
        buf_reset(&text);
        detail_argv(&text, r, flags);
        draw_column(y, &x, c.argv, look, buf_str(&text));
    }
    draw_count(&p->view, row, y, &x, c.count, look);
    buf_reset(&text);
    if (row->word)
        buf_puts(&text, row->word);
    else
        detail_state(&text, row, now_ns);
    snprintf(small, sizeof small, "%*s%s", AGE_COLS - !row->word, buf_str(&text),
             row->word ? "" : " ");
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
        note_shown(p, row->key, true);
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

    if (v->listed == 0)
        rows = a->rows;
    view_fit_list(v, rows);
    p->list_first = v->top;
    p->list_rows = rows;
    for (unsigned i = 0; i < rows; i++) {
        if (v->top + i < v->listed)
            draw_row(p, v->list[v->top + i], a->top + i, a->cols, now_ns);
        else
            screen_text(a->top + i, 0, a->cols, LOOK_DIM,
                        v->listed || i ? ""
                        : v->n         ? " nothing that waits has those words (& asks anew)"
                                       : " nothing waits");
    }
    if (v->listed && preview.rows)
        draw_preview(p, &preview, now_ns);
}

const struct pane_ops pane_list = {.draw = draw_list};
