// SPDX-License-Identifier: Apache-2.0
#include "pane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detail.h"
#include "display.h"
#include "reach.h"
#include "screen.h"
#include "util.h"

static const struct pane_ops *const bodies[_VIEW_MODE_MAX] = {
    [VIEW_LIST] = &pane_list,
    [VIEW_DETAIL] = &pane_detail,
    [VIEW_GRANTS] = &pane_grants,
    [VIEW_HELP] = &pane_help,
};

void
pane_done(struct pane *p)
{
    view_done(&p->view);
    free(p->notice);
}

void
pane_set_notice(struct pane *p, const char *text, uint64_t now_ns)
{
    free(p->notice);
    p->notice = xstrdup(text);
    p->notice_ns = now_ns;
}

// A replay has no news: its notice says where it is.
static bool
notice_passes(const struct pane *p)
{
    return p->notice && !p->view.replay;
}

static void
drop_notice(struct pane *p)
{
    free(p->notice);
    p->notice = NULL;
}

void
pane_pressed(struct pane *p, uint64_t now_ns)
{
    if (notice_passes(p) && now_ns >= p->notice_ns + VIEW_QUIET_NS)
        drop_notice(p);
}

bool
pane_tick(struct pane *p, uint64_t now_ns)
{
    bool changed = view_tick(&p->view, now_ns);

    if (!notice_passes(p) || now_ns < p->notice_ns + VIEW_SAID_NS)
        return changed;
    drop_notice(p);
    return true;
}

uint64_t
pane_deadline(const struct pane *p, uint64_t now_ns)
{
    uint64_t at = view_deadline(&p->view, now_ns);

    return notice_passes(p) && p->notice_ns + VIEW_SAID_NS < at ? p->notice_ns + VIEW_SAID_NS : at;
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
    unsigned n = (unsigned)display_width(text);

    if (*col + n + 2 > cols)
        return;
    screen_text(row, *col, n, look, text);
    *col += n + 2;
}

static void
draw_filter(const struct view *v, unsigned row, unsigned cols, unsigned *col)
{
    cleanup_buf struct buf text = {0}, shown = {0};

    display_escape(&shown, v->filter.data, v->filter.len, screen_display_flags());
    buf_puts(&text, "[& ");
    display_clip(&text, buf_str(&shown), 20);
    buf_printf(&text, ": %zu hidden]", v->n - v->listed);
    add_to_head(row, cols, col, LOOK_NOTICE, buf_str(&text));
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
    else if (v->listed)
        buf_printf(&text, "[approvals %zu/%zu]", view_selected_index(v) + 1, v->listed);
    else
        buf_puts(&text, "[approvals]");
    add_to_head(row, cols, &col, look, buf_str(&text));
    if (lock == VIEW_ARMED)
        add_to_head(row, cols, &col, LOOK_ARMED, "[ARMED]");
    else if (lock != VIEW_LOCK_EMPTY && lock != VIEW_LOCK_REPLAY)
        add_to_head(row, cols, &col, LOOK_LOCKED, "[LOCKED]");
    if (v->marked) {
        buf_reset(&text);
        buf_printf(&text, "[%zu marked]", v->marked);
        add_to_head(row, cols, &col, LOOK_STRONG, buf_str(&text));
    }
    if (at && v->sessions[at->session].frozen)
        add_to_head(row, cols, &col, LOOK_LOCKED, "[FROZEN]");
    if (v->filter.len)
        draw_filter(v, row, cols, &col);
    if (oldest) {
        buf_reset(&text);
        buf_puts(&text, "[oldest ");
        detail_state(&text, oldest, now_ns);
        buf_putc(&text, ']');
        add_to_head(row, cols, &col, look, buf_str(&text));
    }
    if (at && view_row_waits(at) && at->request->deadline_mono_ns &&
        v->sessions[at->session].frozen) {
        add_to_head(row, cols, &col, look, "[deny in -]");
    } else if (at && view_row_waits(at) && at->request->deadline_mono_ns > now_ns) {
        buf_reset(&text);
        buf_puts(&text, "[deny in ");
        detail_age(&text, at->request->deadline_mono_ns - now_ns);
        buf_putc(&text, ']');
        add_to_head(row, cols, &col, look, buf_str(&text));
    }
}

static void
add_confirmation(const struct view *v, struct buf *line)
{
    const struct view_row *at = view_confirmed_by(v);
    cleanup_free char *name =
        at ? reach_name(at->request, v->batch ? REACH_OBJECT : v->decision.reach) : xstrdup("");

    if (v->batch && view_marked_high(v))
        buf_printf(line, " ALLOW %zu REQUESTS, %zu of HIGH RISK. To do so, type ", v->marked,
                   view_marked_high(v));
    else if (v->batch)
        buf_printf(line, " ALLOW %zu REQUESTS. To do so, type ", v->marked);
    else if (at && at->request->risk == RISK_HIGH)
        buf_puts(line, " HIGH RISK. To allow, type ");
    else if (v->decision.scope == SCOPE_ALWAYS)
        buf_puts(line, " ALWAYS. To allow, type ");
    else
        buf_puts(line, " WIDE. To allow, type ");
    display_escape(line, name, strlen(name), screen_display_flags());
    buf_puts(line, " and Enter (Esc: no): ");
}

static void
draw_prompt(const struct view *v, unsigned row, unsigned cols)
{
    static const char *const words[] = {
        [VIEW_PROMPT_SEARCH] = " / ",
        [VIEW_PROMPT_FILTER] = " & (words; -word: without it; empty: all) ",
        [VIEW_PROMPT_NOTE] = " note: ",
        [VIEW_PROMPT_SCROLL] = " / ",
    };
    cleanup_buf struct buf line = {0};

    if (v->prompt == VIEW_PROMPT_CONFIRM)
        add_confirmation(v, &line);
    else
        buf_puts(&line, words[v->prompt]);
    display_escape(&line, buf_str(&v->typed), v->typed.len, screen_display_flags());
    buf_putc(&line, '_');
    // The end is what is being typed: it must stay in sight.
    const char *text = buf_str(&line);
    for (size_t width; display_width(text) > cols;)
        text += display_unit(text, &width);
    screen_text(row, 0, cols, v->prompt == VIEW_PROMPT_CONFIRM ? LOOK_HIGH : LOOK_NOTICE, text);
}

// What the next decision would be about when it is not the selected object alone.
static bool
add_what(const struct view *v, const struct view_row *at, struct buf *line)
{
    enum reach steps[REACH_STEPS];
    size_t n;

    if (v->marked > (at->marked ? 1u : 0u)) {
        buf_printf(line, " decides the %zu marked ones, each for itself (Esc: no marks)",
                   v->marked);
        return true;
    }
    n = reach_ladder(at->request, steps);
    if ((v->reach == 0 && !v->program) || v->reach >= n)
        return false;
    const struct decision d = {.verdict = VERDICT_ALLOW,
                               .scope = SCOPE_SESSION,
                               .reach = steps[v->reach],
                               .program = v->program};
    buf_puts(line, " > ");
    reach_rule(line, at->request, &d, screen_display_flags());
    return true;
}

static void
add_risk(const struct view *v, struct buf *line)
{
    cleanup_free char *name = reach_name(view_selected(v)->request, REACH_OBJECT);

    // Which name depends on the key then.
    if (v->reach > 0 || v->marked > 0) {
        buf_puts(line, " HIGH RISK: allow asks you to type a name");
        return;
    }
    buf_puts(line, " HIGH RISK: allow asks you to type ");
    display_escape(line, name, strlen(name), screen_display_flags());
}

static bool
row_waits(const struct view *v)
{
    const struct view_row *at = view_selected(v);

    return (v->mode == VIEW_LIST || v->mode == VIEW_DETAIL) && at && view_row_waits(at);
}

// What is now: the last key, the guard, what is decided, a notice.
static enum look
add_said(const struct pane *p, struct buf *line, uint64_t now_ns)
{
    const struct view *v = &p->view;
    enum view_lock lock = view_lock(v, now_ns);

    if (v->prefix) {
        buf_printf(line, " %s", PANE_PREFIX_KEYS);
    } else if (v->hint) {
        buf_printf(line, " %s", v->hint);
    } else if (lock == VIEW_LOCK_TYPING || lock == VIEW_LOCK_CUT || lock == VIEW_LOCK_AWAY) {
        buf_printf(line, " %s", view_lock_text(lock));
        return LOOK_LOCKED;
    } else if (row_waits(v) && add_what(v, view_selected(v), line)) {
        return LOOK_STRONG;
    } else if (p->notice) {
        buf_printf(line, " %s", p->notice);
    }
    return LOOK_NOTICE;
}

// The rows that it takes: a notice is read to its end where there is room.
static unsigned
count_said(const struct pane *p, unsigned cols, unsigned room, uint64_t now_ns)
{
    cleanup_buf struct buf line = {0};
    unsigned rows = 0;

    if (p->view.prompt != VIEW_PROMPT_NONE)
        return 1;
    add_said(p, &line, now_ns);
    if (!p->notice || !line.len || strcmp(buf_str(&line) + 1, p->notice) != 0)
        return line.len > 0;
    for (const char *text = buf_str(&line); *text; text += pane_fit(text, cols, true))
        rows++;
    return rows < room ? rows : room;
}

static void
draw_said(const struct pane *p, unsigned row, unsigned rows, unsigned cols, uint64_t now_ns)
{
    cleanup_buf struct buf line = {0};
    enum look look;

    if (p->view.prompt != VIEW_PROMPT_NONE) {
        draw_prompt(&p->view, row, cols);
        return;
    }
    look = add_said(p, &line, now_ns);
    for (const char *text = buf_str(&line); rows > 0; rows--, row++) {
        size_t fit = rows > 1 ? pane_fit(text, cols, true) : strlen(text);
        cleanup_free char *part = xstrndup(text, fit);
        screen_text(row, 0, cols, look, part);
        text += fit;
    }
}

// Nothing that is said takes the place of this but the confirmation, which says it itself.
static bool
draw_risk(const struct view *v, unsigned row, unsigned cols)
{
    cleanup_buf struct buf line = {0};

    if (!v->focus || v->replay || !row_waits(v) || view_selected(v)->request->risk != RISK_HIGH ||
        v->prompt == VIEW_PROMPT_CONFIRM)
        return false;
    add_risk(v, &line);
    screen_text(row, 0, cols, LOOK_HIGH, buf_str(&line));
    return true;
}

static void
draw_legend(const struct pane *p, unsigned row, unsigned cols)
{
    cleanup_buf struct buf line = {0}, legend = {0};

    // Keys that decide do so elsewhere.
    if (p->view.focus && p->view.mode == VIEW_HELP)
        buf_puts(&legend, "j k PgUp PgDn move  Esc back");
    else if (p->view.focus && p->view.mode == VIEW_GRANTS)
        buf_puts(&legend, "j k PgUp PgDn move  r take back  Esc back  ? help");
    else if (p->view.focus)
        keys_legend(&legend, cols - 1, p->view.replay);
    buf_printf(&line, " %s",
               p->view.focus ? buf_str(&legend) : "^] a approvals  ^] n next  ^] ? help");
    screen_text(row, 0, cols, p->view.focus ? LOOK_PLAIN : LOOK_DIM, buf_str(&line));
}

// The keys, and below them the risk or what is said: with both, what is said is in place of the
// keys. said: the rows that it takes; the last of all is row + 1. False when that is free.
static bool
draw_hints(const struct pane *p, unsigned row, unsigned said, unsigned cols, uint64_t now_ns)
{
    bool risk = draw_risk(&p->view, row + 1, cols);

    draw_said(p, row + !risk - (said - (said > 0)), said, cols, now_ns);
    if (!risk || !said)
        draw_legend(p, risk ? row : row - (said - (said > 0)), cols);
    return risk || said;
}

static void
draw_figures(const struct pane *p, unsigned row, unsigned cols)
{
    struct stats sum = {0};
    cleanup_buf struct buf line = {0};
    const char *record;
    unsigned n;

    for (unsigned i = 0; i < UI_SESSIONS_MAX; i++) {
        const struct stats *s = &p->view.sessions[i].stats;
        sum.grants += s->grants;
        sum.allowed += s->allowed + s->granted;
        sum.refused += s->refused;
        sum.limited += s->limited;
        sum.floor += s->floor;
        sum.record_error = s->record_error ? s->record_error : sum.record_error;
    }
    // What needed no decision was counted without the times: nobody can say how much of it there
    // was at the moment that is shown.
    if (p->view.replay) {
        screen_text(row, 0, cols, LOOK_PLAIN, "");
        return;
    }
    record = sum.record_error ? "rec:FAIL " : "rec:ok ";
    n = (unsigned)strlen(record);
    buf_printf(&line, " grants %u  allowed %llu  refused %llu  by the floor %llu", sum.grants,
               (unsigned long long)sum.allowed, (unsigned long long)sum.refused,
               (unsigned long long)sum.floor);
    if (sum.limited)
        buf_printf(&line, "  over --ask-rate %llu", (unsigned long long)sum.limited);
    screen_text(row, 0, cols - n, LOOK_DIM, buf_str(&line));
    screen_text(row, cols - n, n, sum.record_error ? LOOK_HIGH : LOOK_DIM, record);
}

// The body, and beside it the processes where there is room.
static void
draw_body(struct pane *p, struct pane_area a, uint64_t now_ns)
{
    unsigned cols = a.cols;

    if (cols >= PANE_TREE_COLS && p->view.mode != VIEW_HELP) {
        a.cols -= PANE_TREE_WIDTH;
        pane_draw_tree(p, &(struct pane_area){a.top, a.rows, PANE_TREE_WIDTH}, a.cols, now_ns);
    }
    bodies[p->view.mode]->draw(p, &a, now_ns);
}

void
pane_draw(struct pane *p, const struct pane_area *a, uint64_t now_ns)
{
    bool roomy = a->rows >= 10;
    struct pane_area body = {a->top + 1, a->rows - (roomy ? 4 : 3), a->cols};
    unsigned last = a->top + a->rows - 1;
    unsigned lines = count_said(p, a->cols, body.rows > 3 ? body.rows - 2 : 1, now_ns);
    bool said;

    p->shown = 0;
    p->shown_first = p->shown_end = p->shown_needed = 0;
    p->list_rows = 0;
    body.rows -= lines - (lines > 0);
    draw_head(p, a->top, a->cols, now_ns);
    draw_body(p, body, now_ns);
    said = draw_hints(p, last - (roomy ? 2 : 1), lines, a->cols, now_ns);
    if (roomy && !said)
        screen_text(last - 1, 0, a->cols, LOOK_PLAIN, "");
    if (roomy || !said)
        draw_figures(p, last, a->cols);
}
