// SPDX-License-Identifier: Apache-2.0
#include "ui.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "count.h"
#include "display.h"
#include "input.h"
#include "layout.h"
#include "notify.h"
#include "pane.h"
#include "plain.h"
#include "screen.h"
#include "terminal.h"
#include "ui_internal.h"
#include "ui_state.h"
#include "util.h"
#include "view.h"

#define FRAME_NS (8 * NS_PER_MS) /* between two frames */
#define READS_MAX 16             /* pieces of input taken in one go */

static void
lay_out(struct ui *ui)
{
    struct layout l = layout_for(&ui->pane.view, ui->terminal, ui->rows, ui->cols);

    ui->relaid |= !layout_equal(&l, &ui->layout);
    ui->layout = l;
}

static void
resize_agent(struct ui *ui, bool force)
{
    unsigned before_rows, before_cols, rows, cols;

    if (!ui->terminal || ui->pane.view.replay)
        return;
    terminal_size(ui->terminal, &before_rows, &before_cols);
    terminal_resize(ui->terminal, layout_agent_rows(&ui->pane.view, ui->rows), ui->cols);
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
void
ui_apply_flush(struct ui *ui, uint64_t now)
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

void
ui_restart_agent(struct ui *ui, unsigned rows, unsigned cols)
{
    terminal_free(ui->terminal);
    ui->terminal = terminal_new(rows, cols, on_reply, ui);
    terminal_keep(ui->terminal);
    ui->pushed = 0;
    ui->dirty = ui->relaid = true;
}

void
ui_resize_agent(struct ui *ui, unsigned rows, unsigned cols)
{
    terminal_resize(ui->terminal, rows, cols);
    ui->dirty = ui->relaid = true;
}

static void
open_plain(const struct ui_config *config, struct ui *ui)
{
    ui->plain = plain_new(config->agent, config->out_fd, ui->ops, ui->ctx, &ui->pane.view);
    if (config->count)
        plain_count(ui->plain, &ui->covers);
    view_init(&ui->pane.view, false, ui->clock());
}

static int
open_screen(const struct ui_config *config, struct ui *ui, struct err *err)
{
    int ret = screen_open(config->in_fd, config->out_fd, ui->tty, err);

    if (ret < 0)
        return ret;
    view_init(&ui->pane.view, config->agent && !ui->ops->replay_key, ui->clock());
    ui->pane.view.replay = ui->ops->replay_key != NULL;
    ui->had_focus = ui->pane.view.focus;
    if (config->agent)
        ui->terminal = terminal_new(TERMINAL_ROWS_MIN, TERMINAL_COLS_MIN, on_reply, ui);
    take_size(ui, ui->clock(), true);
    return 0;
}

int
ui_open(const struct ui_config *config, const struct ui_ops *ops, void *ctx, bool tty,
        uint64_t (*clock)(void), struct ui **ret_ui, struct err *err)
{
    struct ui *ui = xcalloc(1, sizeof *ui);
    int ret = 0;

    ui->ops = ops;
    ui->ctx = ctx;
    ui->clock = clock;
    ui->covers = (struct covers){config->home ? xstrdup(config->home) : NULL, config->risky};
    ui->in_fd = config->in_fd;
    ui->out_fd = config->out_fd;
    ui->tty = tty && !config->plain;
    if (config->plain)
        open_plain(config, ui);
    else
        ret = open_screen(config, ui, err);
    if (ret < 0) {
        free(ui->covers.home);
        free(ui);
        return ret;
    }
    ui->notice = screen_notice_of(config->notify);
    ui->notify = ui->notice == SCREEN_NO_NOTICE ? xstrdup(config->notify) : NULL;
    ui->counts = config->count;
    if (config->session)
        ui_add_session(ui, 0, config->session, config->name, config->title);
    *ret_ui = ui;
    return 0;
}

int
ui_new(const struct ui_config *config, const struct ui_ops *ops, void *ctx, struct ui **ret_ui,
       struct err *err)
{
    return ui_open(config, ops, ctx, true, clock_mono_ns, ret_ui, err);
}

// What the agent's pane shows, up to the last row that holds anything: only characters that are
// safe to draw, as ui/terminal.h has it.
static void
add_last_screen(const struct terminal *t, bool ascii, struct buf *out)
{
    unsigned rows, cols, blank = 0;

    terminal_size(t, &rows, &cols);
    for (unsigned row = 0; row < rows; row++) {
        cleanup_buf struct buf line = {0};
        size_t n;

        terminal_row_text(t, 0, row, &line);
        for (n = line.len; n && line.data[n - 1] == ' '; n--)
            ;
        blank++;
        if (n == 0)
            continue;
        for (; blank > 1; blank--)
            buf_putc(out, '\n');
        for (size_t i = 0; i < n; i++)
            if (!ascii || !(line.data[i] & 0x80))
                buf_putc(out, line.data[i]);
            else if ((line.data[i] & 0xc0) == 0xc0)
                buf_putc(out, '?');
        buf_putc(out, '\n');
        blank = 0;
    }
}

struct ui *
ui_leave(struct ui *ui)
{
    cleanup_buf struct buf text = {0};

    if (!ui || !ui->terminal)
        return ui_free(ui);
    add_last_screen(ui->terminal, screen_display_flags() & DISPLAY_ASCII, &text);
    screen_close();
    ui->lost = write_all(ui->out_fd, buf_str(&text), text.len) < 0;
    return ui_free(ui);
}

bool
ui_terminal_draws(int out_fd)
{
    return screen_possible(out_fd);
}

struct ui *
ui_free(struct ui *ui)
{
    if (!ui)
        return NULL;
    if (!ui->plain)
        screen_close();
    plain_free(ui->plain);
    count_free(ui->count);
    terminal_free(ui->terminal);
    pane_done(&ui->pane);
    input_done(&ui->input);
    free(ui->covers.home);
    free(ui->notify);
    free(ui);
    return NULL;
}

void
ui_agent_output(struct ui *ui, const void *data, size_t n)
{
    if (ui->plain)
        plain_agent_output(ui->plain, data, n);
    if (!ui->terminal)
        return;
    terminal_feed(ui->terminal, data, n);
    // Scrolled back, the same rows stay in sight.
    if (ui->pane.view.scrolling)
        ui->pane.view.back += terminal_pushed(ui->terminal) - ui->pushed;
    ui->pushed = terminal_pushed(ui->terminal);
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
    if (ui->plain)
        return;
    screen_resize();
    take_size(ui, now_mono_ns, false);
}

void
ui_suspend(struct ui *ui)
{
    if (ui->plain)
        return;
    screen_suspend();
    view_set_size(&ui->pane.view, ui->rows, ui->cols, ui->clock());
}

void
ui_resume(struct ui *ui, uint64_t now_mono_ns)
{
    if (ui->plain)
        return;
    screen_resume();
    ui->pane.view.flush = true;
    ui_apply_flush(ui, now_mono_ns);
    ui_resized(ui, now_mono_ns);
}

void
ui_emergency_restore(void)
{
    screen_emergency_restore();
}

void
ui_share_restore(void)
{
    screen_share_restore();
}

static void
decide(struct ui *ui, uint64_t now)
{
    unsigned session;
    struct decision d;

    while (view_take(&ui->pane.view, now, &session, &d)) {
        int ret = ui->ops->decide(ui->ctx, session, &d);

        if (ret == 0)
            continue;
        view_unsent(&ui->pane.view, session, d.request);
        ui->pane.view.hint = ret == -EAGAIN ? "not decided: busy, press again"
                                            : "not decided: the session did not take it";
    }
}

static void
ask(struct ui *ui, bool revoke)
{
    struct view *v = &ui->pane.view;
    int ret = -ENOTSUP;

    if (revoke && ui->ops->revoke)
        ret = ui->ops->revoke(ui->ctx, v->wish.session, v->wish.grant);
    else if (!revoke && ui->ops->freeze)
        ret = ui->ops->freeze(ui->ctx, v->wish.session, v->wish.on);
    if (ret == -ENOTSUP)
        v->hint = "that is not possible here";
    else if (ret == -EAGAIN)
        v->hint = "not done: busy, press again";
    else if (ret < 0)
        v->hint = "not done: the session did not take it";
    else
        v->hint = revoke ? "it is being taken back" : v->wish.on ? "freezing" : "thawing";
}

static void
find_in_history(struct ui *ui, bool older)
{
    struct view *v = &ui->pane.view;
    size_t n = terminal_history(ui->terminal);

    v->back = v->back < n ? v->back : n;
    if (!terminal_find(ui->terminal, buf_str(&v->scroll_search), older, &v->back))
        v->hint = "not found";
}

// The mouse is the agent's, inside of its pane and while it has the focus; nothing else hears it.
static void
press_mouse(struct ui *ui, const struct input_key *key)
{
    const struct pane_area *a = &ui->layout.agent;

    if (ui->terminal && !ui->pane.view.focus && !ui->pane.view.scrolling && key->row >= a->top &&
        key->row - a->top < a->rows)
        terminal_mouse(ui->terminal, key, key->row - a->top + ui->layout.agent_first, key->col);
}

static void
press(struct ui *ui, const struct input_key *key, bool alone, uint64_t now)
{
    static const char literal[] = {KEYS_PREFIX};
    enum view_result result;

    if (key->code == INPUT_MOUSE) {
        press_mouse(ui, key);
        return;
    }
    if (ui->ops->replay_key && ui->pane.view.prompt == VIEW_PROMPT_NONE &&
        ui->ops->replay_key(ui->ctx, key->code)) {
        ui->pane.view.hint = NULL;
        ui->dirty = true;
        return;
    }
    result = view_press(&ui->pane.view, key, alone, now - ui->behind_ns);
    if (result != VIEW_TO_AGENT)
        pane_pressed(&ui->pane, now - ui->behind_ns);
    switch (result) {
    case VIEW_TO_AGENT:
        if (ui->terminal)
            terminal_press(ui->terminal, key);
        return; /* nothing of ours changed */
    case VIEW_LITERAL:
        ui->ops->agent_input(ui->ctx, literal, sizeof literal);
        break;
    case VIEW_DECIDE:
        decide(ui, now);
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
    case VIEW_REVOKE:
    case VIEW_FREEZE:
        ask(ui, result == VIEW_REVOKE);
        break;
    case VIEW_SCROLL_FIND:
    case VIEW_SCROLL_NEWER:
        find_in_history(ui, result == VIEW_SCROLL_FIND);
        break;
    case VIEW_FIND:
    case VIEW_FIND_BACK:
        if (ui->ops->replay_find)
            ui->ops->replay_find(ui->ctx, buf_str(&ui->pane.view.search), result == VIEW_FIND);
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
        ui_apply_flush(ui, now);
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
        else if (ui->plain)
            plain_feed(ui->plain, data, (size_t)n, now_mono_ns);
        else
            input_feed(&ui->input, data, (size_t)n, now_mono_ns);
    }
    if (ui->plain)
        plain_run(ui->plain, now_mono_ns);
    else
        press_all(ui, now_mono_ns);
    return ui->lost ? -ENODATA : 0;
}

// Where the agent's cursor is on the screen; false when it is not to be seen.
static bool
place_cursor(const struct ui *ui, unsigned *ret_row, unsigned *ret_col)
{
    const struct layout *l = &ui->layout;
    const struct view *v = &ui->pane.view;
    unsigned row, col;
    bool visible = terminal_cursor(ui->terminal, &row, &col);

    *ret_row = l->agent.top + row - l->agent_first;
    *ret_col = col;
    return visible && !v->focus && !v->scrolling && row >= l->agent_first &&
           row - l->agent_first < l->agent.rows && col < ui->cols;
}

static bool
draw_agent(struct ui *ui, unsigned *ret_row, unsigned *ret_col)
{
    struct view *v = &ui->pane.view;
    size_t history = terminal_history(ui->terminal);
    bool mine = !v->focus && !v->scrolling;

    if (v->scrolling)
        v->back = v->back < history ? v->back : history;
    pane_draw_agent(ui->terminal, ui->layout.agent_first, v->scrolling ? v->back : 0,
                    &ui->layout.agent, ui->relaid || v->scrolling);
    terminal_clear_damage(ui->terminal);
    if (terminal_take_bell(ui->terminal) && !ui->pane.view.replay)
        ui->ring = true;
    screen_set_mouse(mine ? terminal_mouse_wanted(ui->terminal) : TERMINAL_MOUSE_NONE);
    screen_set_cursor_shape(mine ? terminal_cursor_shape(ui->terminal) : 0);
    return place_cursor(ui, ret_row, ret_col);
}

static void
draw(struct ui *ui, uint64_t now)
{
    struct pane *p = &ui->pane;
    const struct layout *l = &ui->layout;
    enum view_lock lock = view_lock(&p->view, now);
    unsigned row = 0, col = 0;
    bool cursor = false;

    lay_out(ui);
    ui->relaid |= ui->was_scrolling != p->view.scrolling;
    ui->was_scrolling = p->view.scrolling;
    if (ui->relaid)
        screen_erase();
    p->shown = 0;
    p->list_rows = 0;
    if (ui->terminal)
        cursor = draw_agent(ui, &row, &col);
    if (l->title)
        pane_draw_title(p, 0, ui->cols);
    if (l->pane.rows)
        pane_draw(p, &l->pane, now);
    if (l->bar)
        pane_draw_bar(p, ui->rows - 1, ui->cols, now);
    screen_flush(cursor, row, col);
    if (ui->ring)
        screen_bell();
    if (ui->told)
        screen_notify(ui->notice);
    ui->ring = ui->told = false;
    view_displayed(&p->view, p->shown, p->shown_first, p->shown_end, p->shown_needed, now);
    view_list_displayed(&p->view, p->list_first, p->list_rows);
    ui->drawn_ns = now;
    ui->relaid = false;
    // What this frame brought to the screen may change what it says about deciding.
    ui->dirty = view_lock(&p->view, now) != lock;
}

// When something on the screen changes by itself: ages, the arming clock, a row that fades.
static uint64_t
next_change(const struct ui *ui, uint64_t now)
{
    uint64_t at = pane_deadline(&ui->pane, now);
    uint64_t second = (now / NS_PER_SEC + 1) * NS_PER_SEC;

    return ui->pane.view.n && second < at ? second : at;
}

int
ui_draw(struct ui *ui, uint64_t now_mono_ns)
{
    uint64_t now = now_mono_ns, at;
    bool counting;

    if (ui->notifying)
        notify_reap(&ui->notifying);
    if (ui->plain)
        return plain_flush(ui->plain, now);
    if (input_deadline(&ui->input) <= now)
        press_all(ui, now);
    if (pane_tick(&ui->pane, now - ui->behind_ns)) {
        ui_apply_flush(ui, now);
        ui->dirty = true;
    }
    counting = ui_count(ui);
    if (now >= ui->wake_ns || (ui->terminal && terminal_damaged(ui->terminal)))
        ui->dirty = true;
    if (ui->dirty && now - ui->drawn_ns >= FRAME_NS) {
        draw(ui, now - ui->behind_ns);
        ui->drawn_ns = now;
        ui->wake_ns = next_change(ui, now - ui->behind_ns);
        ui->wake_ns += ui->wake_ns < UINT64_MAX ? ui->behind_ns : 0;
    }
    at = ui->dirty ? ui->drawn_ns + FRAME_NS : ui->wake_ns;
    if (input_deadline(&ui->input) < at)
        at = input_deadline(&ui->input);
    if (counting && now + COUNT_LOOK_NS < at)
        at = now + COUNT_LOOK_NS;
    if (at == UINT64_MAX)
        return -1;
    return at <= now ? 0 : (int)((at - now + NS_PER_MS - 1) / NS_PER_MS);
}
