// SPDX-License-Identifier: Apache-2.0
#include "pane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detail.h"
#include "display.h"
#include "screen.h"
#include "util.h"

static const struct pane_ops *const bodies[_VIEW_MODE_MAX] = {
    [VIEW_LIST] = &pane_list,
    [VIEW_DETAIL] = &pane_detail,
    [VIEW_HELP] = &pane_help,
};

void
pane_init(struct pane *p, const char *session, const char *title)
{
    *p = (struct pane){0};
    pane_set_title(p, session, title);
}

void
pane_set_title(struct pane *p, const char *session, const char *title)
{
    free(p->session);
    free(p->title);
    p->session = display_str(session ? session : "", screen_display_flags());
    p->title = display_str(title ? title : "", screen_display_flags());
}

void
pane_done(struct pane *p)
{
    view_done(&p->view);
    free(p->session);
    free(p->title);
    free(p->notice);
}

void
pane_set_notice(struct pane *p, const char *text)
{
    free(p->notice);
    p->notice = xstrdup(text);
}

void
pane_draw_rule(unsigned row, unsigned cols, bool heavy, bool strong, const char *text)
{
    unsigned used;

    screen_line(row, 0, cols, strong ? LOOK_NOTICE : LOOK_DIM, heavy);
    if (!*text || cols < 8)
        return;
    used = (unsigned)display_width(text);
    screen_text(row, 2, used < cols - 4 ? used : cols - 4, strong ? LOOK_STRONG : LOOK_PLAIN, text);
}

// Puts "[text]" on the head and leaves a gap behind it.
static void
add_to_head(unsigned row, unsigned cols, unsigned *col, enum look look, const char *text)
{
    unsigned n = (unsigned)strlen(text);

    if (*col + n + 2 > cols)
        return;
    screen_text(row, *col, n, look, text);
    *col += n + 2;
}

static void
draw_head(const struct pane *p, unsigned row, unsigned cols, uint64_t now_ns)
{
    const struct view *v = &p->view;
    const struct view_row *at = view_selected(v), *oldest = view_oldest(v);
    enum view_lock lock = view_lock(v, now_ns);
    enum look look = v->focus ? LOOK_STRONG : LOOK_PLAIN;
    cleanup_buf struct buf text = {0};
    unsigned col = 2;

    pane_draw_rule(row, cols, true, v->focus, "");
    if (bodies[v->mode]->title)
        buf_printf(&text, "[%s]", bodies[v->mode]->title);
    else if (v->n)
        buf_printf(&text, "[approvals %zu/%zu]", view_selected_index(v) + 1, v->n);
    else
        buf_puts(&text, "[approvals]");
    add_to_head(row, cols, &col, look, buf_str(&text));
    if (lock == VIEW_ARMED)
        add_to_head(row, cols, &col, LOOK_ARMED, "[ARMED]");
    else if (lock != VIEW_LOCK_EMPTY)
        add_to_head(row, cols, &col, LOOK_LOCKED, "[LOCKED]");
    if (oldest) {
        buf_reset(&text);
        buf_puts(&text, "[oldest ");
        detail_state(&text, oldest, now_ns);
        buf_putc(&text, ']');
        add_to_head(row, cols, &col, look, buf_str(&text));
    }
    if (at && view_row_waits(at) && at->request->deadline_mono_ns > now_ns) {
        buf_reset(&text);
        buf_puts(&text, "[deny in ");
        detail_age(&text, at->request->deadline_mono_ns - now_ns);
        buf_putc(&text, ']');
        add_to_head(row, cols, &col, look, buf_str(&text));
    }
}

static void
draw_confirmation(const struct view *v, unsigned row, unsigned cols)
{
    cleanup_buf struct buf line = {0};
    const struct view_row *at = view_selected(v);
    const char *name = at ? view_confirmation(at->request) : "";

    buf_puts(&line, " HIGH RISK. To allow, type ");
    display_escape(&line, name, strlen(name), screen_display_flags());
    buf_puts(&line, " and Enter (Esc: no): ");
    display_escape(&line, buf_str(&v->typed), v->typed.len, screen_display_flags());
    buf_putc(&line, '_');
    // The end is what is being typed: it must stay in sight.
    const char *text = buf_str(&line);
    for (size_t width; display_width(text) > cols;)
        text += display_unit(text, &width);
    screen_text(row, 0, cols, LOOK_HIGH, text);
}

// One line about what is now: the last key, the guard, a notice, the risk.
static bool
draw_hint(const struct pane *p, unsigned row, unsigned cols, uint64_t now_ns)
{
    const struct view *v = &p->view;
    const struct view_row *at = view_selected(v);
    enum view_lock lock = view_lock(v, now_ns);
    cleanup_buf struct buf line = {0};
    enum look look = LOOK_NOTICE;

    if (v->confirming) {
        draw_confirmation(v, row, cols);
        return true;
    }
    if (v->prefix) {
        buf_puts(&line, " ^]-   a approvals  n next  z zoom  d detach  ] literal  ? help");
    } else if (v->hint) {
        buf_printf(&line, " %s", v->hint);
    } else if (lock == VIEW_LOCK_TYPING || lock == VIEW_LOCK_CUT) {
        buf_printf(&line, " %s", view_lock_text(lock));
        look = LOOK_LOCKED;
    } else if (p->notice) {
        buf_printf(&line, " %s", p->notice);
    } else if (v->focus && at && view_row_waits(at) && at->request->risk == RISK_HIGH) {
        const char *name = view_confirmation(at->request);
        buf_puts(&line, " HIGH RISK: allow asks you to type ");
        display_escape(&line, name, strlen(name), screen_display_flags());
        look = LOOK_HIGH;
    } else {
        return false;
    }
    screen_text(row, 0, cols, look, buf_str(&line));
    return true;
}

static void
draw_legend(const struct pane *p, unsigned row, unsigned cols)
{
    cleanup_buf struct buf line = {0}, legend = {0};

    if (p->view.focus)
        keys_legend(&legend, cols - 1);
    buf_printf(&line, " %s",
               p->view.focus ? buf_str(&legend) : "^] a approvals  ^] n next  ^] ? help");
    screen_text(row, 0, cols, p->view.focus ? LOOK_PLAIN : LOOK_DIM, buf_str(&line));
}

static void
draw_figures(const struct pane *p, unsigned row, unsigned cols)
{
    const struct stats *s = &p->stats;
    cleanup_buf struct buf line = {0};
    const char *record = s->record_error ? "rec:FAIL " : "rec:ok ";
    unsigned n = (unsigned)strlen(record);

    buf_printf(&line, " grants %u  allowed %llu  refused %llu  by the floor %llu", s->grants,
               (unsigned long long)(s->allowed + s->granted), (unsigned long long)s->refused,
               (unsigned long long)s->floor);
    screen_text(row, 0, cols - n, LOOK_DIM, buf_str(&line));
    screen_text(row, cols - n, n, s->record_error ? LOOK_HIGH : LOOK_DIM, record);
}

void
pane_draw(struct pane *p, const struct pane_area *a, uint64_t now_ns)
{
    bool roomy = a->rows >= 10;
    struct pane_area body = {a->top + 1, a->rows - (roomy ? 4 : 3), a->cols};
    unsigned last = a->top + a->rows - 1;

    p->shown = 0;
    p->shown_first = p->shown_end = p->shown_needed = 0;
    draw_head(p, a->top, a->cols, now_ns);
    bodies[p->view.mode]->draw(p, &body, now_ns);
    if (roomy) {
        draw_legend(p, last - 2, a->cols);
        if (!draw_hint(p, last - 1, a->cols, now_ns))
            screen_text(last - 1, 0, a->cols, LOOK_PLAIN, "");
        draw_figures(p, last, a->cols);
    } else {
        draw_legend(p, last - 1, a->cols);
        if (!draw_hint(p, last, a->cols, now_ns))
            draw_figures(p, last, a->cols);
    }
}
