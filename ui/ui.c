// SPDX-License-Identifier: Apache-2.0
#include "ui.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "display.h"
#include "pane.h"
#include "screen.h"
#include "terminal.h"
#include "util.h"
#include "view.h"

#define PREFIX 0x1d /* ^] */
#define FRAME_NS (16 * NS_PER_MS)
#define BURST_MAX 4096

struct ui {
    struct ui_config config; /* strings owned */
    const struct ui_ops *ops;
    void *ctx;
    struct pane pane;
    struct terminal *terminal; /* NULL without an agent */
    unsigned rows, cols, agent_rows;
    bool prefix, pasting, zoom;
    bool dirty;
    uint64_t drawn_ns;
};

// --- layout ----------------------------------------------------------------------------------

// The agent's size depends on the terminal's alone: a new request never changes it.
static unsigned
agent_rows(const struct ui *ui)
{
    if (!ui->config.agent)
        return 0;
    if (ui->rows < PANE_SPLIT_ROWS)
        return ui->rows > 1 ? ui->rows - 1 : 1;
    return ui->zoom ? ui->rows - 2 : ui->rows - PANE_ROWS - 1;
}

static void
layout(struct ui *ui)
{
    screen_size(&ui->rows, &ui->cols);
    unsigned rows = agent_rows(ui);
    if (ui->terminal) {
        ui->agent_rows = rows;
        terminal_resize(ui->terminal, rows, ui->cols ? ui->cols : 1);
        ui->ops->agent_resize(ui->ctx, rows, ui->cols);
    }
    ui->dirty = true;
}

static void
set_focus(struct ui *ui, bool pane, uint64_t now)
{
    // What was typed before the focus moved belongs to nobody.
    screen_flush_input();
    view_set_focus(&ui->pane.view, pane, now);
    ui->dirty = true;
}

// --- life ------------------------------------------------------------------------------------

static void
on_reply(void *ctx, const void *data, size_t n)
{
    struct ui *ui = ctx;
    ui->ops->agent_input(ui->ctx, data, n);
}

int
ui_new(const struct ui_config *config, const struct ui_ops *ops, void *ctx, struct ui **ret_ui,
       struct err *err)
{
    int ret = screen_open(config->in_fd, config->out_fd, err);
    if (ret < 0)
        return ret;
    struct ui *ui = xcalloc(1, sizeof *ui);
    ui->config = *config;
    ui->ops = ops;
    ui->ctx = ctx;
    pane_init(&ui->pane, config->session, config->title);
    if (config->agent)
        ui->terminal = terminal_new(24, 80, on_reply, ui);
    layout(ui);
    view_set_focus(&ui->pane.view, !config->agent, clock_mono_ns());
    *ret_ui = ui;
    return 0;
}

struct ui *
ui_free(struct ui *ui)
{
    if (!ui)
        return NULL;
    screen_close();
    terminal_free(ui->terminal);
    pane_done(&ui->pane);
    free(ui);
    return NULL;
}

void
ui_agent_output(struct ui *ui, const void *data, size_t n)
{
    terminal_feed(ui->terminal, data, n);
}

void
ui_add_request(struct ui *ui, struct request *r)
{
    view_add(&ui->pane.view, r);
    ui->dirty = true;
}

void
ui_update_request(struct ui *ui, const struct request_update *u)
{
    view_update(&ui->pane.view, u, clock_mono_ns());
    ui->dirty = true;
}

void
ui_set_stats(struct ui *ui, const struct stats *s)
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
ui_resized(struct ui *ui, uint64_t now_mono_ns)
{
    screen_resize();
    // What is on the screen moved: everything has to be quiet anew.
    view_hidden(&ui->pane.view);
    ui->pane.view.key_ns = now_mono_ns;
    layout(ui);
}

void
ui_suspend(struct ui *ui)
{
    (void)ui;
    screen_suspend();
}

void
ui_resume(struct ui *ui, uint64_t now_mono_ns)
{
    screen_resume();
    ui_resized(ui, now_mono_ns);
}

void
ui_emergency_restore(void)
{
    screen_emergency_restore();
}

// --- input -----------------------------------------------------------------------------------

static void
send_to_agent(struct ui *ui, uint32_t key)
{
    if (!ui->terminal)
        return;
    if (key == SCREEN_PASTE_START || key == SCREEN_PASTE_END)
        terminal_paste(ui->terminal, key == SCREEN_PASTE_START);
    else if (key >= SCREEN_SPECIAL)
        terminal_key(ui->terminal, key - SCREEN_SPECIAL, false, false, false);
    else
        terminal_char(ui->terminal, key, false);
}

static uint32_t
view_key_of(uint32_t key)
{
    switch (key) {
    case '\r':
    case '\n':
    case SCREEN_SPECIAL + TK_ENTER:
        return VK_ENTER;
    case '\t':
        return VK_TAB;
    case 27:
        return VK_ESC;
    case 0x7f:
    case 8:
    case SCREEN_SPECIAL + TK_BACKSPACE:
        return VK_BACKSPACE;
    case SCREEN_SPECIAL + TK_UP:
        return VK_UP;
    case SCREEN_SPECIAL + TK_DOWN:
        return VK_DOWN;
    case SCREEN_SPECIAL + TK_PGUP:
        return VK_PGUP;
    case SCREEN_SPECIAL + TK_PGDN:
        return VK_PGDN;
    case SCREEN_SPECIAL + TK_HOME:
        return VK_HOME;
    case SCREEN_SPECIAL + TK_END:
        return VK_END;
    default:
        return key >= SCREEN_SPECIAL || key < 0x20 ? VK_OTHER : key;
    }
}

static void
press_in_pane(struct ui *ui, uint32_t key, uint64_t now)
{
    struct decision d;
    switch (view_press(&ui->pane.view, view_key_of(key), now, &d)) {
    case VIEW_DECIDE: {
        int ret = ui->ops->decide(ui->ctx, &d);
        if (ret < 0)
            pane_set_notice(&ui->pane, "not decided: busy, press again");
        break;
    }
    case VIEW_LEAVE:
        if (ui->config.agent)
            set_focus(ui, false, now);
        else
            ui->ops->leave(ui->ctx);
        break;
    case VIEW_NEXT_PANE:
        if (ui->config.agent)
            set_focus(ui, false, now);
        break;
    case VIEW_NOTHING:
        break;
    }
    ui->dirty = true;
}

static void
press_behind_prefix(struct ui *ui, uint32_t key, uint64_t now)
{
    struct view *v = &ui->pane.view;
    ui->prefix = false;
    ui->dirty = true;
    switch (key) {
    case 'a':
        set_focus(ui, ui->config.agent ? !v->focus : true, now);
        break;
    case ']':
    case PREFIX:
        send_to_agent(ui, PREFIX);
        break;
    case 'd':
        ui->ops->leave(ui->ctx);
        break;
    case 'z':
        ui->zoom = !ui->zoom;
        layout(ui);
        break;
    case 'n':
        set_focus(ui, true, now);
        pane_select_next_waiting(&ui->pane);
        break;
    case '?':
        set_focus(ui, true, now);
        v->help = true;
        break;
    default:
        pane_set_notice(&ui->pane, "unknown key behind ^] (? for help)");
    }
}

static bool
is_prefix(uint32_t key)
{
    return key == PREFIX || key == SCREEN_SPECIAL + TK_FUNCTION + 12;
}

static bool
navigates(uint32_t key)
{
    uint32_t k = view_key_of(key);
    return k == 'j' || k == 'k' || (k >= VK_UP && k <= VK_END);
}

// Keys that came in one piece were not typed after looking at the screen: unless all of them only
// move, none counts.
static void
press_burst(struct ui *ui, const uint32_t *keys, size_t n, uint64_t now)
{
    bool harmless = ui->pane.view.confirming || n == 1;
    if (!harmless) {
        harmless = true;
        for (size_t i = 0; i < n; i++)
            harmless &= navigates(keys[i]);
    }
    if (!harmless || ui->pasting) {
        view_burst(&ui->pane.view, n, now);
        ui->dirty = true;
        return;
    }
    for (size_t i = 0; i < n && ui->pane.view.focus; i++)
        press_in_pane(ui, keys[i], now);
}

void
ui_read_input(struct ui *ui, uint64_t now_mono_ns)
{
    static uint32_t burst[BURST_MAX]; // main thread only
    size_t n = 0;
    uint32_t key;
    while (screen_key(&key)) {
        if (key == SCREEN_PASTE_START || key == SCREEN_PASTE_END)
            ui->pasting = key == SCREEN_PASTE_START;
        if (!ui->pasting && ui->prefix) {
            press_behind_prefix(ui, key, now_mono_ns);
        } else if (!ui->pasting && is_prefix(key)) {
            ui->prefix = true;
            ui->dirty = true;
        } else if (!ui->pane.view.focus) {
            send_to_agent(ui, key);
        } else if (n < BURST_MAX && key != SCREEN_PASTE_START) {
            burst[n++] = key;
        }
    }
    if (n)
        press_burst(ui, burst, n, now_mono_ns);
}

// --- drawing ---------------------------------------------------------------------------------

static bool
too_small(const struct ui *ui)
{
    return ui->cols < 60 || ui->rows < 8;
}

static void
draw_agent(const struct ui *ui, unsigned top, unsigned rows)
{
    struct terminal_cell c;
    for (unsigned y = 0; y < rows; y++)
        for (unsigned x = 0; x < ui->cols; x++) {
            terminal_cell(ui->terminal, y, x, &c);
            screen_cell(top + y, x, &c);
        }
}

static void
draw_too_small(struct ui *ui)
{
    char text[64];
    view_hidden(&ui->pane.view);
    snprintf(text, sizeof text, "%zu waiting - enlarge", view_waiting(&ui->pane.view));
    screen_text(ui->rows - 1, 0, ui->cols, LOOK_BAR, text);
}

// Draws the parts that there is room for; returns the row at which the agent's pane starts.
static unsigned
draw_parts(struct ui *ui, uint64_t now)
{
    struct pane *p = &ui->pane;
    if (too_small(ui)) {
        if (ui->terminal)
            draw_agent(ui, 0, ui->agent_rows);
        draw_too_small(ui);
        return 0;
    }
    if (!ui->terminal) {
        pane_draw_status(p, 0, ui->cols, true, ui->prefix, now);
        pane_draw(p, 1, ui->rows - 1, ui->cols, now);
        return 0;
    }
    if (ui->rows >= PANE_SPLIT_ROWS && !ui->zoom) {
        pane_draw_status(p, 0, ui->cols, false, ui->prefix, now);
        draw_agent(ui, 1, ui->agent_rows);
        pane_draw(p, ui->rows - PANE_ROWS, PANE_ROWS, ui->cols, now);
        return 1;
    }
    draw_agent(ui, 0, ui->agent_rows);
    if (p->view.focus) {
        unsigned rows = ui->rows - 1 < PANE_ROWS ? ui->rows - 1 : PANE_ROWS;
        pane_draw(p, ui->rows - rows, rows, ui->cols, now);
        pane_draw_status(p, ui->rows - rows - 1, ui->cols, false, ui->prefix, now);
    } else {
        view_hidden(&p->view);
        pane_draw_bar(p, ui->rows - 1, ui->cols, ui->prefix, now);
    }
    return 0;
}

int
ui_draw(struct ui *ui, uint64_t now_mono_ns)
{
    struct view *v = &ui->pane.view;
    uint64_t age = now_mono_ns - ui->drawn_ns;
    ui->dirty |= view_tick(v, now_mono_ns);
    ui->dirty |= v->n && age >= NS_PER_SEC; // ages count
    if (ui->terminal && terminal_take_damage(ui->terminal))
        ui->dirty = true;
    if (ui->dirty && age < FRAME_NS)
        return (int)((FRAME_NS - age) / NS_PER_MS) + 1;
    if (ui->dirty) {
        unsigned row = 0, col = 0;
        screen_begin();
        unsigned top = draw_parts(ui, now_mono_ns);
        bool cursor = ui->terminal && !v->focus && terminal_cursor(ui->terminal, &row, &col);
        screen_end(cursor, top + row, col);
        ui->drawn_ns = now_mono_ns;
        ui->dirty = false;
    }
    if (v->n == 0)
        return -1;
    return v->focus ? 100 : 1000;
}
