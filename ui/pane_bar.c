// SPDX-License-Identifier: Apache-2.0
// The single rows: title, and the bar that stands for the pane; and the agent's cells.
#include <stdio.h>
#include <string.h>

#include "detail.h"
#include "display.h"
#include "pane.h"
#include "screen.h"
#include "util.h"

#define TARGET_COLS_MIN 24

// The start of an id is enough to name a session.
static int
session_cols(unsigned cols)
{
    return cols < 100 ? 4 : 64;
}

void
pane_add_title(const struct pane *p, struct buf *out, unsigned cols)
{
    const struct view *v = &p->view;
    const struct view_session *s = NULL;
    cleanup_free char *title = NULL;

    for (unsigned i = 0; i < UI_SESSIONS_MAX; i++)
        if (v->sessions[i].known)
            s = &v->sessions[i];
    if (v->n_sessions != 1 || !s) {
        buf_printf(out, "%u sessions", v->n_sessions);
        return;
    }
    title = display_str(s->title, screen_display_flags());
    detail_session(out, s, cols / 3, session_cols(cols), screen_display_flags());
    buf_printf(out, "%s%s", s->frozen ? "  FROZEN" : "", s->ended ? "  ended" : "");
    if (out->len + 4 < cols) {
        buf_puts(out, "  ");
        display_clip(out, title, cols - out->len);
    }
}

void
pane_draw_title(const struct pane *p, unsigned row, unsigned cols)
{
    const struct view *v = &p->view;
    cleanup_buf struct buf left = {0}, right = {0};
    unsigned n;

    if (v->has_agent)
        buf_printf(&right, "FOCUS: %s   ",
                   v->focus       ? "APPROVALS"
                   : v->scrolling ? "HISTORY"
                                  : "AGENT");
    buf_printf(&right, "%zu waiting   ", v->waiting);
    if (v->prefix)
        buf_puts(&right, "^]-   ");
    buf_puts(&right, v->scrolling               ? "q agent "
                     : v->focus && v->has_agent ? "q agent  ? help "
                     : v->focus                 ? "? help "
                                                : "^] a approvals ");
    n = right.len < cols ? (unsigned)right.len : cols;
    buf_puts(&left, " nono ");
    if (n + 10 < cols)
        pane_add_title(p, &left, cols - n - 2);
    screen_text(row, 0, cols - n, LOOK_BAR, buf_str(&left));
    screen_text(row, cols - n, n, LOOK_BAR, buf_str(&right));
}

// Scrolled back: where, and how to go on.
static void
add_scroll(const struct view *v, struct buf *left)
{
    if (v->prompt == VIEW_PROMPT_SCROLL) {
        buf_puts(left, " / ");
        display_escape(left, buf_str(&v->typed), v->typed.len, screen_display_flags());
        buf_putc(left, '_');
        return;
    }
    buf_printf(left, " HISTORY -%zu  %s", v->back,
               v->hint ? v->hint : "j k PgUp PgDn g G move  / n N search  q ends");
}

// The oldest request, in columns; who asks only where the target leaves enough room.
static void
draw_oldest(const struct view *v, unsigned row, unsigned cols)
{
    const struct view_row *oldest = view_oldest(v);
    cleanup_buf struct buf head = {0}, target = {0}, who = {0};
    unsigned flags = screen_display_flags(), used, by;

    buf_printf(&head, "%s%zu waiting  %s ", oldest->request->risk == RISK_HIGH ? "!! " : "! ",
               v->waiting, detail_op(oldest->request->op));
    detail_target(&target, oldest->request, flags);
    buf_puts(&who, " by ");
    detail_program(&who, oldest->request, flags);
    used = screen_text(row, 0, cols, LOOK_BAR, buf_str(&head));
    by = (unsigned)display_width(buf_str(&who));
    if (used + by + TARGET_COLS_MIN > cols)
        by = 0;
    pane_draw_target(row, used, cols - used - by, LOOK_BAR, buf_str(&target));
    used += (unsigned)display_width(buf_str(&target));
    if (by)
        screen_text(row, used + by < cols ? used : cols - by, used + by < cols ? cols - used : by,
                    LOOK_BAR, buf_str(&who));
}

void
pane_draw_bar(const struct pane *p, unsigned row, unsigned cols, uint64_t now_ns)
{
    const struct view *v = &p->view;
    const struct view_row *oldest = view_oldest(v);
    bool request = oldest && !v->small && !v->prefix && !v->scrolling;
    cleanup_buf struct buf left = {0}, right = {0};
    unsigned n;

    if (v->small) {
        buf_printf(&left, "%s%zu waiting - enlarge", v->prefix ? "^]- " : "", v->waiting);
    } else if (v->prefix) {
        buf_printf(&left, " %s", PANE_PREFIX_KEYS);
    } else if (v->scrolling) {
        add_scroll(v, &left);
    } else if (!oldest) {
        buf_puts(&left, " nono ");
        pane_add_title(p, &left, cols / 3);
        buf_printf(&left, "  %s", v->hint ? v->hint : p->notice ? p->notice : "nothing waits");
        buf_puts(&right, "  ^] a approvals  ^] ? help ");
    } else {
        if (v->sessions[oldest->session].frozen)
            buf_puts(&right, "  FROZEN");
        buf_puts(&right, "  ");
        detail_state(&right, oldest, now_ns);
        buf_puts(&right, "  ^] a review ");
    }
    n = right.len < cols ? (unsigned)right.len : cols;
    if (request)
        draw_oldest(v, row, cols - n);
    else
        screen_text(row, 0, cols - n, LOOK_BAR, buf_str(&left));
    if (n)
        screen_text(row, cols - n, n, LOOK_BAR, buf_str(&right));
}

void
pane_draw_agent(const struct terminal *t, unsigned first, size_t back, const struct pane_area *a,
                bool all)
{
    struct terminal_cell c;

    for (unsigned y = 0; y < a->rows; y++) {
        if (!all && !terminal_row_damaged(t, first + y))
            continue;
        for (unsigned x = 0; x < a->cols; x++) {
            terminal_cell_back(t, back, first + y, x, &c);
            if (c.width == 2 && x + 1 >= a->cols)
                c = (struct terminal_cell){.width = 1, .fg = c.fg, .bg = c.bg};
            screen_cell(a->top + y, x, &c);
        }
    }
}
