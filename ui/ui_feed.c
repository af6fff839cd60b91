// SPDX-License-Identifier: Apache-2.0
// What callers tell the screen: sessions, requests, grants, figures.
#include "clock.h"
#include "notify.h"
#include "plain.h"
#include "ui_state.h"
#include "view.h"

#define BELL_NS (3 * NS_PER_SEC) /* no more than one bell and one notification in this time */

void
ui_add_session(struct ui *ui, unsigned session, const char *id, const char *name, const char *title)
{
    view_add_session(&ui->pane.view, session, id, name, title);
    ui->dirty = true;
}

void
ui_end_session(struct ui *ui, unsigned session)
{
    uint64_t now = ui->clock();

    view_end_session(&ui->pane.view, session, now);
    ui_apply_flush(ui, now);
    ui->dirty = true;
}

void
ui_set_grants(struct ui *ui, unsigned session, const struct grant *const *grants, size_t n)
{
    view_set_grants(&ui->pane.view, session, grants, n, ui->clock());
    ui->dirty = true;
}

void
ui_set_frozen(struct ui *ui, unsigned session, bool frozen)
{
    view_set_frozen(&ui->pane.view, session, frozen);
    if (ui->plain)
        plain_say(ui->plain, frozen ? "frozen" : "thawed");
    // What a key promised has come.
    ui->pane.view.hint = NULL;
    ui->dirty = true;
}

// Somebody who looks elsewhere is told, now and then.
static void
call_attention(struct ui *ui, uint64_t now)
{
    bool looking = ui->pane.view.has_agent && ui->pane.view.focus;

    if (looking || ui->ops->replay_key || (ui->rung_ns && now - ui->rung_ns < BELL_NS))
        return;
    ui->rung_ns = now;
    ui->ring = ui->told = true;
    notify_reap(&ui->notifying);
    if (ui->notify && ui->notifying == 0) {
        pid_t pid = notify_run(ui->notify);
        ui->notifying = pid > 0 ? pid : 0;
    }
}

void
ui_add_request(struct ui *ui, unsigned session, struct request *r)
{
    uint64_t now = ui->clock() - ui->behind_ns, id = r->id, before = ui->pane.view.last_key;

    view_add(&ui->pane.view, session, r, now);
    ui_apply_flush(ui, now);
    if (ui->pane.view.last_key != before) {
        call_attention(ui, now);
        // The first one that waits is shown at once; a flood keeps to the frames.
        if (ui->pane.view.waiting == 1)
            ui->drawn_ns = 0;
        if (ui->plain)
            plain_request(ui->plain, session, id, now);
    }
    ui->dirty = true;
}

void
ui_update_request(struct ui *ui, unsigned session, const struct request_update *u)
{
    uint64_t now = ui->clock() - ui->behind_ns;

    view_update(&ui->pane.view, session, u, now);
    ui_apply_flush(ui, now);
    if (ui->plain)
        plain_update(ui->plain, session, u);
    ui->dirty = true;
}

void
ui_mark_request(struct ui *ui, unsigned session, uint64_t id, const char *word)
{
    view_set_word(&ui->pane.view, session, id, word);
    ui->dirty = true;
}

void
ui_select_request(struct ui *ui, unsigned session, uint64_t id)
{
    view_select_request(&ui->pane.view, session, id, ui->clock());
    ui->dirty = true;
}

void
ui_set_hint(struct ui *ui, const char *text)
{
    ui->pane.view.hint = text;
    ui->pane.view.hint_ns = ui->clock() - ui->behind_ns;
    ui->dirty = true;
}

struct terminal_copy *
ui_copy_agent(const struct ui *ui, size_t *ret_bytes)
{
    return terminal_copy(ui->terminal, ret_bytes);
}

struct terminal_copy *
ui_free_copy(struct terminal_copy *copy)
{
    return terminal_copy_free(copy);
}

bool
ui_set_agent(struct ui *ui, const struct terminal_copy *copy)
{
    ui->dirty = ui->relaid = true;
    return terminal_restore(ui->terminal, copy);
}

void
ui_set_stats(struct ui *ui, unsigned session, const struct stats *s)
{
    if (session < UI_SESSIONS_MAX)
        ui->pane.view.sessions[session].stats = *s;
    ui->dirty = true;
}

void
ui_clear(struct ui *ui)
{
    struct view *v = &ui->pane.view;

    view_clear(v, ui->clock());
    view_set_size(v, ui->rows, ui->cols, ui->clock());
    ui->dirty = true;
}

void
ui_refilled(struct ui *ui)
{
    view_refilled(&ui->pane.view, ui->clock());
    ui->dirty = true;
}

void
ui_set_behind(struct ui *ui, uint64_t ns)
{
    ui->behind_ns = ns;
    ui->dirty = true;
}

void
ui_set_notice(struct ui *ui, const char *text)
{
    if (ui->plain)
        plain_say(ui->plain, text);
    else
        pane_set_notice(&ui->pane, text, ui->clock() - ui->behind_ns);
    // What a key promised has come, or something newer.
    // A replay says where it is all the time: that takes nothing away.
    if (!ui->pane.view.replay)
        ui->pane.view.hint = NULL;
    ui->dirty = true;
}
