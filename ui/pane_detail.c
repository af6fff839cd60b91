// SPDX-License-Identifier: Apache-2.0
// All facts of the selected request, wrapped and scrolled.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detail.h"
#include "display.h"
#include "pane.h"
#include "screen.h"
#include "util.h"

#define LABEL_COLS 9

size_t
pane_fit(const char *text, unsigned columns, bool words)
{
    size_t fit = 0, used = 0, width, length, space = 0, space_at = 0;

    while ((length = display_unit(text + fit, &width)) > 0 && (used + width <= columns || !fit)) {
        fit += length;
        used += width;
        if (text[fit - 1] == ' ') {
            space = fit;
            space_at = used;
        }
    }
    return words && text[fit] && space && space_at + columns / 3 > columns ? space : fit;
}

// Draws the part of a fact that falls into the area; *line counts on from the first fact's first.
// The target is broken where the row ends and nowhere else: no blank of it is out of sight.
static void
draw_fact(const struct detail_line *fact, const struct pane_area *a, bool target, unsigned scroll,
          unsigned *line)
{
    const char *text = fact->text;
    bool first = true;

    do {
        size_t fit = pane_fit(text, a->cols - LABEL_COLS - 1, !target);
        if (*line >= scroll && *line - scroll < a->rows) {
            unsigned y = a->top + *line - scroll;
            cleanup_free char *part = xstrndup(text, fit);
            screen_text(y, 0, 1, LOOK_DIM, "");
            screen_text(y, 1, LABEL_COLS - 1, LOOK_DIM, first ? fact->label : "");
            screen_text(y, LABEL_COLS, a->cols - LABEL_COLS,
                        fact->strong ? LOOK_STRONG : LOOK_PLAIN, part);
        }
        text += fit;
        first = false;
        ++*line;
    } while (*text);
}

unsigned
pane_draw_facts(struct pane *p, const struct pane_area *a, unsigned scroll, uint64_t now_ns)
{
    const struct view_row *row = view_selected(&p->view);
    cleanup_detail struct detail d = {0};
    unsigned line = 0, target = 0, end = scroll + a->rows;

    if (row)
        detail_make(&d, &p->view, row, now_ns, screen_display_flags());
    for (size_t i = 0; i < d.n; i++) {
        draw_fact(&d.lines[i], a, i < d.target, scroll, &line);
        if (i + 1 == d.target)
            target = line;
    }
    for (unsigned y = line > scroll ? line - scroll : 0; y < a->rows; y++)
        screen_text(a->top + y, 0, a->cols, LOOK_PLAIN, "");
    if (row && a->rows) {
        p->shown = row->key;
        p->shown_first = scroll;
        p->shown_end = end;
        p->shown_needed = target;
    }
    return line;
}

// Lines that the facts take, without drawing any.
static unsigned
count_lines(struct pane *p, unsigned cols, uint64_t now_ns)
{
    struct pane_area none = {0, 0, cols};

    return pane_draw_facts(p, &none, 0, now_ns);
}

static void
draw_detail(struct pane *p, const struct pane_area *a, uint64_t now_ns)
{
    struct view *v = &p->view;
    const struct view_row *at = view_selected(v);
    struct pane_area facts = {a->top, a->rows - 1, a->cols};
    unsigned lines = count_lines(p, a->cols, now_ns);
    char foot[96];

    view_fit_lines(v, lines, facts.rows);
    pane_draw_facts(p, &facts, (unsigned)v->scroll, now_ns);
    snprintf(foot, sizeof foot, "[#%llu  lines %u-%u of %u, Esc goes back]",
             (unsigned long long)(at ? at->request->id : 0), (unsigned)v->scroll + 1,
             lines < v->scroll + facts.rows ? lines : (unsigned)v->scroll + facts.rows, lines);
    pane_draw_rule(a->top + a->rows - 1, a->cols, false, false, foot);
}

const struct pane_ops pane_detail = {.title = "detail", .draw = draw_detail};
