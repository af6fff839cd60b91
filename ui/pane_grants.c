// SPDX-License-Identifier: Apache-2.0
// What decisions left behind: a grant each line, r takes back the one under the cursor.
#include <stdio.h>
#include <string.h>

#include "detail.h"
#include "display.h"
#include "pane.h"
#include "screen.h"
#include "util.h"

static void
draw_grant(const struct pane *p, size_t i, unsigned row, unsigned cols, uint64_t now_ns)
{
    const struct view *v = &p->view;
    unsigned session = 0;
    const struct grant *g = view_grant_at(v, i, &session);
    bool selected = g->id == v->grant_id && session == v->grant_session;
    cleanup_buf struct buf text = {0};

    buf_printf(&text, "%c %4llu  ", selected ? '>' : ' ', (unsigned long long)g->id);
    if (v->n_sessions > 1) {
        detail_session(&text, &v->sessions[session], cols / 8, 4, screen_display_flags());
        buf_puts(&text, "  ");
    }
    detail_grant(&text, g, now_ns, screen_display_flags());
    screen_text(row, 0, cols,
                selected                     ? LOOK_SELECTED
                : g->verdict == VERDICT_DENY ? LOOK_DIM
                                             : LOOK_PLAIN,
                buf_str(&text));
}

static void
draw_grants(struct pane *p, const struct pane_area *a, uint64_t now_ns)
{
    struct view *v = &p->view;
    size_t n = view_grant_count(v), at = 0;
    unsigned session = 0;
    const struct grant *g;

    while ((g = view_grant_at(v, at, &session)) &&
           (g->id != v->grant_id || session != v->grant_session))
        at++;
    if (at < v->grant_top)
        v->grant_top = at;
    if (at >= v->grant_top + a->rows)
        v->grant_top = at - a->rows + 1;
    if (v->grant_top + a->rows > n)
        v->grant_top = n > a->rows ? n - a->rows : 0;
    for (unsigned y = 0; y < a->rows; y++) {
        if (v->grant_top + y < n)
            draw_grant(p, v->grant_top + y, a->top + y, a->cols, now_ns);
        else
            screen_text(a->top + y, 0, a->cols, LOOK_DIM,
                        n == 0 && y == 0 ? " no grant is live or remembered" : "");
    }
}

const struct pane_ops pane_grants = {.title = "grants: r takes back, Esc goes back",
                                     .draw = draw_grants};
