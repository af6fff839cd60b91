// SPDX-License-Identifier: Apache-2.0
#include "pane.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "detail.h"
#include "display.h"
#include "screen.h"
#include "util.h"

void
pane_init(struct pane *p, const char *session, const char *title)
{
    *p = (struct pane){0};
    p->session = display_str(session, screen_display_flags());
    p->title = display_str(title, screen_display_flags());
    view_init(&p->view);
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
pane_select_next_waiting(struct pane *p)
{
    struct view *v = &p->view;
    size_t at = view_selected_index(v);
    for (size_t i = 1; i <= v->n; i++) {
        struct view_row *row = &v->rows[(at + i) % v->n];
        if (view_row_alive(row)) {
            v->selected = row->request->id;
            return;
        }
    }
}

static void
add_upper(struct buf *out, const char *word)
{
    for (; *word; word++)
        buf_putc(out, (char)toupper((unsigned char)*word));
}

// What became of a row, in a word; for a waiting one its age.
static void
row_state(struct buf *out, const struct view_row *row, uint64_t now_ns)
{
    switch (row->state) {
    case STATE_NEW:
    case STATE_ASKED:
        detail_age(out, now_ns - row->request->raised_mono_ns);
        return;
    case STATE_WITHDRAWN:
        buf_puts(out, "gone");
        return;
    case STATE_EXPIRED:
        buf_puts(out, "expired");
        return;
    case STATE_DECIDED:
    case STATE_RECORDED:
    case STATE_ANSWERED:
    case _STATE_MAX:
    case _STATE_INVALID:
        break;
    }
    buf_puts(out, row->verdict == VERDICT_ALLOW     ? "allowed"
                  : row->verdict == VERDICT_EXPIRED ? "expired"
                                                    : "denied");
}

static void
draw_row(const struct pane *p, const struct view_row *row, unsigned y, unsigned cols,
         uint64_t now_ns)
{
    const struct request *r = row->request;
    unsigned flags = screen_display_flags();
    bool selected = r->id == p->view.selected;
    bool alive = view_row_alive(row);
    struct buf line = {0}, part = {0}, state = {0};
    enum look look = selected && p->view.focus ? LOOK_SELECTED
                     : !alive                  ? LOOK_DIM
                     : r->risk == RISK_HIGH    ? LOOK_HIGH
                                               : LOOK_PLAIN;
    buf_puts(&line, selected ? ">" : " ");
    buf_puts(&line, r->risk == RISK_HIGH ? "!! " : r->risk == RISK_NOTICE ? "!  " : ".  ");
    add_upper(&line, op_to_string(r->op));
    screen_text(y, 0, 14, look, buf_str(&line));
    unsigned who_width = cols >= 100 ? 22 : 16, tail = 14;
    unsigned argv_width = cols >= 120 ? cols / 4 : 0;
    unsigned target_width = cols - 14 - who_width - argv_width - tail;
    detail_target(&part, r, flags);
    screen_text(y, 14, target_width, look, buf_str(&part));
    buf_reset(&part);
    buf_putc(&part, ' ');
    detail_program(&part, r, flags);
    screen_text(y, 14 + target_width, who_width, look, buf_str(&part));
    if (argv_width) {
        buf_reset(&part);
        buf_putc(&part, ' ');
        for (size_t i = 0; i < r->argv_len && part.len < 512;) {
            size_t n = strnlen(r->argv + i, r->argv_len - i);
            display_escape(&part, r->argv + i, n, flags | DISPLAY_QUOTE);
            buf_putc(&part, ' ');
            i += n + 1;
        }
        screen_text(y, 14 + target_width + who_width, argv_width, look, buf_str(&part));
    }
    row_state(&state, row, now_ns);
    buf_reset(&part);
    buf_printf(&part, " x%-4u%8s", r->count, buf_str(&state));
    screen_text(y, cols - tail, tail, look, buf_str(&part));
    buf_done(&line);
    buf_done(&part);
    buf_done(&state);
}

static void
draw_rule(unsigned y, unsigned cols, char fill, enum look look, const char *text)
{
    struct buf line = {0};
    buf_putc(&line, fill);
    buf_putc(&line, fill);
    buf_puts(&line, text);
    while (line.len < cols)
        buf_putc(&line, fill);
    screen_text(y, 0, cols, look, buf_str(&line));
    buf_done(&line);
}

static void
draw_head(const struct pane *p, unsigned y, unsigned cols, uint64_t now_ns)
{
    const struct view *v = &p->view;
    struct buf text = {0};
    size_t waiting = view_waiting(v);
    uint64_t oldest = 0, deadline = 0;
    for (size_t i = 0; i < v->n && !oldest; i++) {
        if (view_row_alive(&v->rows[i])) {
            oldest = v->rows[i].request->raised_mono_ns;
            deadline = v->rows[i].request->deadline_mono_ns;
        }
    }
    buf_printf(&text, "[approvals %zu waiting]==", waiting);
    buf_puts(&text, v->locked               ? "[LOCKED: typing]"
                    : view_armed(v, now_ns) ? "[ARMED]"
                                            : "[LOCKED]");
    if (oldest) {
        buf_puts(&text, "==[oldest ");
        detail_age(&text, now_ns - oldest);
        buf_puts(&text, "]");
    }
    if (deadline > now_ns) {
        buf_puts(&text, "==[deny in ");
        detail_age(&text, deadline - now_ns);
        buf_puts(&text, "]");
    }
    draw_rule(y, cols, '=', v->focus ? LOOK_STRONG : LOOK_PLAIN, buf_str(&text));
    buf_done(&text);
}

static void
draw_help(unsigned top, unsigned rows, unsigned cols)
{
    unsigned half = (cols + 1) / 2, per_column = rows > 5 ? rows - 5 : 1;
    draw_rule(top, cols, '-', LOOK_STRONG, "[help: any key goes back]");
    for (size_t i = 0; i < view_n_keys; i++) {
        char line[96];
        unsigned column = (unsigned)(i / per_column);
        if (column > 1)
            break;
        snprintf(line, sizeof line, " %-6s %s", view_keys[i].name, view_keys[i].help);
        screen_text(top + 1 + (unsigned)(i % per_column), column * half, half,
                    view_keys[i].decides ? LOOK_STRONG : LOOK_PLAIN, line);
    }
    if (rows > 5) {
        screen_text(
            top + rows - 3, 0, cols, LOOK_PLAIN,
            " ^] or F12, then: a focus  ] literal ^]  d leave  z zoom  n next waiting  ? help");
        screen_text(
            top + rows - 2, 0, cols, LOOK_PLAIN,
            " Decisions work when [ARMED]: focus, and 0.6 s without a key since it was shown.");
        screen_text(top + rows - 1, 0, cols, LOOK_PLAIN,
                    " y, a, digits, Enter and Space never allow. Leaving decides nothing.");
    }
}

// Draws one line of the detail, wrapped; returns the rows it took.
static unsigned
draw_wrapped(unsigned y, unsigned rows, unsigned cols, const char *text)
{
    unsigned used = 0;
    do {
        size_t fit = 0, width = 0, unit_columns;
        for (size_t n; (n = display_unit(text + fit, &unit_columns)) > 0; fit += n) {
            if (width + unit_columns > cols - (used ? 7 : 1))
                break;
            width += unit_columns;
        }
        cleanup_free char *part = xstrndup(text, fit);
        if (used < rows)
            screen_text(y + used, used ? 7 : 1, cols - (used ? 7 : 1), LOOK_PLAIN, part);
        used++;
        text += fit;
        if (fit == 0)
            break;
    } while (*text);
    return used;
}

static void
draw_detail(const struct pane *p, const struct view_row *row, unsigned top, unsigned rows,
            unsigned cols, uint64_t now_ns)
{
    struct buf text = {0};
    char head[64];
    unsigned y = 1;
    (void)p;
    snprintf(head, sizeof head, "[#%llu detail, Esc goes back]",
             (unsigned long long)row->request->id);
    draw_rule(top, cols, '-', LOOK_PLAIN, head);
    detail_text(&text, row->request, now_ns, screen_display_flags());
    for (char *line = text.data, *next; line && *line && y < rows; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        else
            next = line + strlen(line);
        y += draw_wrapped(top + y, rows - y, cols, line);
    }
    buf_done(&text);
}

static void
draw_legend(struct pane *p, unsigned y, unsigned cols)
{
    struct view *v = &p->view;
    struct view_row *row = view_selected(v);
    struct buf line = {0};
    if (v->confirming && row) {
        buf_puts(&line, " HIGH RISK: to allow, type its name and Enter (Esc: no): ");
        const char *name = view_confirmation(row->request);
        display_escape(&line, name, strlen(name), screen_display_flags());
        buf_puts(&line, " : ");
        display_escape(&line, v->typed, v->typed_len, screen_display_flags());
        buf_putc(&line, '_');
        screen_text(y, 0, cols, LOOK_HIGH, buf_str(&line));
    } else if (v->hint) {
        buf_printf(&line, " %s", v->hint);
        screen_text(y, 0, cols, LOOK_NOTICE, buf_str(&line));
    } else if (!v->focus) {
        screen_text(y, 0, cols, LOOK_DIM, " ^] a: decide   ^] ?: help");
    } else {
        screen_text(y, 0, cols, LOOK_DIM,
                    " o once  s session | d deny  D deny session | Enter detail  ? help  q leave");
    }
    buf_done(&line);
}

static void
draw_list(struct pane *p, unsigned top, unsigned rows, unsigned cols, uint64_t now_ns)
{
    struct view *v = &p->view;
    size_t at = view_selected_index(v);
    if (at < v->top)
        v->top = at;
    if (at >= v->top + rows)
        v->top = at - rows + 1;
    for (unsigned i = 0; i < rows; i++) {
        if (v->top + i < v->n)
            draw_row(p, &v->rows[v->top + i], top + i, cols, now_ns);
        else
            screen_text(top + i, 0, cols, LOOK_DIM, i == 0 ? " nothing waits" : "");
    }
    view_displayed(v, v->top, rows, now_ns);
}

void
pane_draw(struct pane *p, unsigned top, unsigned rows, unsigned cols, uint64_t now_ns)
{
    struct view *v = &p->view;
    struct view_row *row = view_selected(v);
    draw_head(p, top, cols, now_ns);
    if (v->help) {
        view_hidden(v);
        draw_help(top + 1, rows - 1, cols);
        return;
    }
    unsigned list = rows - 2, detail = 0;
    if (v->detail && row && rows > 6) {
        detail = rows >= 12 ? rows - 5 : (rows - 2) / 2;
        list -= detail;
    }
    draw_list(p, top + 1, list, cols, now_ns);
    if (detail)
        draw_detail(p, row, top + 1 + list, detail, cols, now_ns);
    draw_legend(p, top + rows - 1, cols);
}

void
pane_draw_status(const struct pane *p, unsigned row, unsigned cols, bool alone, bool prefix,
                 uint64_t now_ns)
{
    struct buf line = {0}, right = {0};
    (void)now_ns;
    buf_printf(&line, " nono %.4s  ", p->session);
    if (p->notice)
        buf_puts(&line, p->notice);
    else
        display_clip(&line, p->title, cols / 3);
    buf_printf(&right, "%s%s  %zu waiting  allowed %llu  refused %llu  rec:%s ",
               prefix  ? "^]-"
               : alone ? ""
                       : "FOCUS: ",
               alone           ? ""
               : p->view.focus ? "APPROVALS"
                               : "agent",
               view_waiting(&p->view), (unsigned long long)p->stats.allowed,
               (unsigned long long)p->stats.refused, p->stats.record_error ? "FAIL" : "on");
    unsigned used = (unsigned)right.len < cols ? (unsigned)right.len : cols;
    screen_text(row, 0, cols - used, LOOK_BAR, buf_str(&line));
    screen_text(row, cols - used, used, LOOK_BAR, buf_str(&right));
    buf_done(&line);
    buf_done(&right);
}

void
pane_draw_bar(const struct pane *p, unsigned row, unsigned cols, bool prefix, uint64_t now_ns)
{
    const struct view *v = &p->view;
    struct buf line = {0};
    const struct view_row *oldest = NULL;
    for (size_t i = 0; i < v->n && !oldest; i++)
        if (view_row_alive(&v->rows[i]))
            oldest = &v->rows[i];
    if (prefix) {
        buf_puts(&line, " ^]-  a decide  ] literal  n next  z zoom  ? help");
    } else if (!oldest) {
        buf_printf(&line, " nono %.4s  %s  ^] a approvals", p->session,
                   p->notice ? p->notice : "nothing waits");
    } else {
        buf_printf(&line, "%s%zu waiting  ", oldest->request->risk == RISK_HIGH ? "!!" : "! ",
                   view_waiting(v));
        add_upper(&line, op_to_string(oldest->request->op));
        buf_putc(&line, ' ');
        detail_target(&line, oldest->request, screen_display_flags());
        buf_puts(&line, " by ");
        detail_program(&line, oldest->request, screen_display_flags());
        buf_putc(&line, ' ');
        detail_age(&line, now_ns - oldest->request->raised_mono_ns);
        buf_puts(&line, "  ^]a decide");
    }
    screen_text(row, 0, cols, LOOK_BAR, buf_str(&line));
    buf_done(&line);
}
