// SPDX-License-Identifier: Apache-2.0
#include "ui.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "clock.h"
#include "input.h"
#include "pane.h"
#include "screen.h"
#include "terminal.h"
#include "ui_internal.h"
#include "util.h"
#include "view.h"

#define FRAME_NS (16 * NS_PER_MS)
#define READS_MAX 16 /* pieces of input taken in one go */

// Where things are on the screen; what has no rows is not there.
struct layout {
    bool title, bar;
    unsigned agent_first; /* the agent's row that is the topmost one seen */
    struct pane_area agent, pane;
};

struct ui {
    const struct ui_ops *ops;
    void *ctx;
    uint64_t (*clock)(void);
    int in_fd;
    bool tty, lost;
    struct pane pane;
    struct input input;
    struct terminal *terminal; /* NULL without an agent */
    unsigned rows, cols;
    struct layout layout;
    bool had_focus; /* of the view, when it was last looked at */
    bool dirty, relaid;
    uint64_t drawn_ns, wake_ns;
};

// The agent's size depends on that of the terminal and on the zoom: a request never changes it.
static unsigned
agent_rows(const struct ui *ui)
{
    bool split = ui->rows >= PANE_SPLIT_ROWS && !ui->pane.view.zoom;

    if (split)
        return ui->rows - PANE_ROWS - 1;
    return ui->rows > 1 ? ui->rows - 1 : 1;
}

static struct layout
layout_with_agent(const struct ui *ui)
{
    const struct view *v = &ui->pane.view;
    bool split = ui->rows >= PANE_SPLIT_ROWS && !v->zoom && !v->small;
    unsigned rows = ui->rows - 1, pane = PANE_ROWS, row, col;
    struct layout l = {0};

    if (!split && (!v->focus || v->small)) {
        l.bar = true;
        l.agent = (struct pane_area){0, rows, ui->cols};
        return l;
    }
    // Too little left of the agent to be worth a strip, or zoomed: the pane takes all.
    if (!split && (rows < pane + 4 || v->zoom))
        pane = rows;
    l.title = true;
    l.agent = (struct pane_area){1, rows - pane, ui->cols};
    // A strip of the agent shows what it does now: the rows up to its cursor.
    terminal_cursor(ui->terminal, &row, &col);
    l.agent_first = split || row < l.agent.rows ? 0 : row - l.agent.rows + 1;
    l.pane = (struct pane_area){ui->rows - pane, pane, ui->cols};
    return l;
}

static void
lay_out(struct ui *ui)
{
    const struct view *v = &ui->pane.view;
    struct layout l = {0};

    if (ui->terminal)
        l = layout_with_agent(ui);
    else if (v->small)
        l.bar = true;
    else
        l = (struct layout){.title = true, .pane = {1, ui->rows - 1, ui->cols}};
    if (l.title != ui->layout.title || l.bar != ui->layout.bar ||
        l.agent.top != ui->layout.agent.top || l.agent_first != ui->layout.agent_first ||
        l.agent.rows != ui->layout.agent.rows || l.pane.rows != ui->layout.pane.rows)
        ui->relaid = true;
    ui->layout = l;
}

static void
resize_agent(struct ui *ui, bool force)
{
    unsigned before_rows, before_cols, rows, cols;

    if (!ui->terminal)
        return;
    terminal_size(ui->terminal, &before_rows, &before_cols);
    terminal_resize(ui->terminal, agent_rows(ui), ui->cols);
    terminal_size(ui->terminal, &rows, &cols);
    if (force || rows != before_rows || cols != before_cols)
        ui->ops->agent_resize(ui->ctx, rows, cols);
}

static void
take_size(struct ui *ui, uint64_t now, bool first)
{
    screen_size(&ui->rows, &ui->cols);
    view_set_size(&ui->pane.view, ui->rows, ui->cols, now);
    resize_agent(ui, first);
    ui->dirty = ui->relaid = true;
}

// What was typed before the cursor or the focus moved was not meant for what is there now. The
// agent's own input is never thrown away for a request.
static void
apply_flush(struct ui *ui, uint64_t now)
{
    struct view *v = &ui->pane.view;
    bool wanted = v->flush && (v->focus || ui->had_focus);
    size_t dropped;
    int unread = 0;

    v->flush = false;
    ui->had_focus = v->focus;
    if (!wanted)
        return;
    dropped = input_drop(&ui->input);
    if (ui->tty && ioctl(ui->in_fd, FIONREAD, &unread) == 0 && unread > 0) {
        dropped += (size_t)unread;
        tcflush(ui->in_fd, TCIFLUSH);
    }
    if (dropped)
        view_ignored(v, dropped, now);
}

static void
on_reply(void *ctx, const void *data, size_t n)
{
    struct ui *ui = ctx;

    ui->ops->agent_input(ui->ctx, data, n);
}

int
ui_open(const struct ui_config *config, const struct ui_ops *ops, void *ctx, bool tty,
        uint64_t (*clock)(void), struct ui **ret_ui, struct err *err)
{
    int ret = screen_open(config->in_fd, config->out_fd, tty, err);
    struct ui *ui;

    if (ret < 0)
        return ret;
    ui = xcalloc(1, sizeof *ui);
    ui->ops = ops;
    ui->ctx = ctx;
    ui->clock = clock;
    ui->in_fd = config->in_fd;
    ui->tty = tty;
    pane_init(&ui->pane, config->session, config->title);
    view_init(&ui->pane.view, config->agent, clock());
    ui->had_focus = ui->pane.view.focus;
    if (config->agent)
        ui->terminal = terminal_new(TERMINAL_ROWS_MIN, TERMINAL_COLS_MIN, on_reply, ui);
    take_size(ui, clock(), true);
    *ret_ui = ui;
    return 0;
}

int
ui_new(const struct ui_config *config, const struct ui_ops *ops, void *ctx, struct ui **ret_ui,
       struct err *err)
{
    return ui_open(config, ops, ctx, true, clock_mono_ns, ret_ui, err);
}

struct ui *
ui_free(struct ui *ui)
{
    if (!ui)
        return NULL;
    screen_close();
    terminal_free(ui->terminal);
    pane_done(&ui->pane);
    input_done(&ui->input);
    free(ui);
    return NULL;
}

void
ui_agent_output(struct ui *ui, const void *data, size_t n)
{
    if (ui->terminal)
        terminal_feed(ui->terminal, data, n);
}

void
ui_add_session(struct ui *ui, unsigned session, const char *id, const char *title)
{
    if (session != 0)
        return;
    pane_set_title(&ui->pane, id, title);
    ui->dirty = true;
}

void
ui_end_session(struct ui *ui, unsigned session)
{
    ui->dirty = true;
}

void
ui_set_grants(struct ui *ui, unsigned session, const struct grant *const *grants, size_t n)
{
    ui->dirty = true;
}

void
ui_set_frozen(struct ui *ui, unsigned session, bool frozen)
{
    ui->dirty = true;
}

void
ui_add_request(struct ui *ui, unsigned session, struct request *r)
{
    uint64_t now = ui->clock();

    view_add(&ui->pane.view, r, now);
    apply_flush(ui, now);
    ui->dirty = true;
}

void
ui_update_request(struct ui *ui, unsigned session, const struct request_update *u)
{
    uint64_t now = ui->clock();

    if (u->error) {
        view_unsent(&ui->pane.view, u->id);
        ui->dirty = true;
        return;
    }
    view_update(&ui->pane.view, u, now);
    apply_flush(ui, now);
    ui->dirty = true;
}

void
ui_set_stats(struct ui *ui, unsigned session, const struct stats *s)
{
    ui->pane.stats = *s;
    ui->dirty = true;
}

void
ui_set_notice(struct ui *ui, const char *text)
{
    pane_set_notice(&ui->pane, text);
    ui->dirty = true;
}

void
ui_set_size(struct ui *ui, unsigned rows, unsigned cols, uint64_t now_mono_ns)
{
    screen_set_size(rows, cols);
    take_size(ui, now_mono_ns, false);
}

void
ui_resized(struct ui *ui, uint64_t now_mono_ns)
{
    screen_resize();
    take_size(ui, now_mono_ns, false);
}

void
ui_suspend(struct ui *ui)
{
    screen_suspend();
    view_set_size(&ui->pane.view, ui->rows, ui->cols, ui->clock());
}

void
ui_resume(struct ui *ui, uint64_t now_mono_ns)
{
    screen_resume();
    ui->pane.view.flush = true;
    apply_flush(ui, now_mono_ns);
    ui_resized(ui, now_mono_ns);
}

void
ui_emergency_restore(void)
{
    screen_emergency_restore();
}

static void
decide(struct ui *ui, const struct decision *d)
{
    int ret = ui->ops->decide(ui->ctx, 0, d);

    if (ret == 0)
        return;
    view_unsent(&ui->pane.view, d->request);
    ui->pane.view.hint = ret == -EAGAIN ? "not decided: busy, press again"
                                        : "not decided: the session did not take it";
}

static void
press(struct ui *ui, const struct input_key *key, bool alone, uint64_t now)
{
    static const char literal[] = {KEYS_PREFIX};
    struct decision d = {0};

    switch (view_press(&ui->pane.view, key, alone, now, &d)) {
    case VIEW_TO_AGENT:
        if (ui->terminal)
            terminal_press(ui->terminal, key);
        return; /* nothing of ours changed */
    case VIEW_LITERAL:
        ui->ops->agent_input(ui->ctx, literal, sizeof literal);
        break;
    case VIEW_DECIDE:
        decide(ui, &d);
        break;
    case VIEW_LEAVE:
        ui->ops->leave(ui->ctx);
        break;
    case VIEW_REDRAW:
        screen_forget();
        ui->relaid = true;
        break;
    case VIEW_SUSPEND:
        kill(getpid(), SIGTSTP);
        break;
    case VIEW_LAYOUT:
        resize_agent(ui, false);
        break;
    case VIEW_NOTHING:
        break;
    }
    ui->dirty = true;
}

static void
press_all(struct ui *ui, uint64_t now)
{
    struct input_key key;

    for (bool first = true; input_next(&ui->input, now, &key); first = false) {
        press(ui, &key, first && ui->input.used == ui->input.bytes.len, now);
        apply_flush(ui, now);
    }
}

void
ui_feed_input(struct ui *ui, const void *data, size_t n, uint64_t now_mono_ns)
{
    input_feed(&ui->input, data, n, now_mono_ns);
    press_all(ui, now_mono_ns);
}

int
ui_read_input(struct ui *ui, uint64_t now_mono_ns)
{
    struct pollfd p = {.fd = ui->in_fd, .events = POLLIN};
    char data[4096];

    // All that is there is one piece, however the kernel hands it out.
    for (int i = 0; i < READS_MAX && !ui->lost && poll(&p, 1, 0) > 0; i++) {
        ssize_t n = read(ui->in_fd, data, sizeof data);

        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            break;
        if (n <= 0)
            ui->lost = true;
        else
            input_feed(&ui->input, data, (size_t)n, now_mono_ns);
    }
    press_all(ui, now_mono_ns);
    return ui->lost ? -ENODATA : 0;
}

static void
draw(struct ui *ui, uint64_t now)
{
    struct view *v = &ui->pane.view;
    const struct layout *l = &ui->layout;
    enum view_lock lock = view_lock(v, now);
    unsigned row = 0, col = 0;
    bool cursor = false;

    lay_out(ui);
    if (ui->relaid)
        screen_erase();
    ui->pane.shown = 0;
    if (ui->terminal) {
        pane_draw_agent(ui->terminal, l->agent_first, &l->agent, ui->relaid);
        cursor = terminal_cursor(ui->terminal, &row, &col) && !v->focus && row >= l->agent_first &&
                 row - l->agent_first < l->agent.rows && col < ui->cols;
        terminal_clear_damage(ui->terminal);
        if (terminal_take_bell(ui->terminal))
            screen_bell();
    }
    if (l->title)
        pane_draw_title(&ui->pane, 0, ui->cols);
    if (l->pane.rows)
        pane_draw(&ui->pane, &l->pane, now);
    if (l->bar)
        pane_draw_bar(&ui->pane, ui->rows - 1, ui->cols, now);
    screen_flush(cursor, l->agent.top + row - l->agent_first, col);
    view_displayed(v, ui->pane.shown, ui->pane.shown_first, ui->pane.shown_end,
                   ui->pane.shown_needed, now);
    ui->drawn_ns = now;
    ui->relaid = false;
    // What this frame brought to the screen may change what it says about deciding.
    ui->dirty = view_lock(v, now) != lock;
}

// When something on the screen changes by itself: ages, the arming clock, a row that fades.
static uint64_t
next_change(const struct ui *ui, uint64_t now)
{
    uint64_t at = view_deadline(&ui->pane.view, now);
    uint64_t second = (now / NS_PER_SEC + 1) * NS_PER_SEC;

    return ui->pane.view.n && second < at ? second : at;
}

int
ui_draw(struct ui *ui, uint64_t now_mono_ns)
{
    uint64_t now = now_mono_ns, at;

    if (input_deadline(&ui->input) <= now)
        press_all(ui, now);
    if (view_tick(&ui->pane.view, now)) {
        apply_flush(ui, now);
        ui->dirty = true;
    }
    if (now >= ui->wake_ns || (ui->terminal && terminal_damaged(ui->terminal)))
        ui->dirty = true;
    if (ui->dirty && now - ui->drawn_ns >= FRAME_NS) {
        draw(ui, now);
        ui->wake_ns = next_change(ui, now);
    }
    at = ui->dirty ? ui->drawn_ns + FRAME_NS : ui->wake_ns;
    if (input_deadline(&ui->input) < at)
        at = input_deadline(&ui->input);
    if (at == UINT64_MAX)
        return -1;
    return at <= now ? 0 : (int)((at - now + NS_PER_MS - 1) / NS_PER_MS);
}
