// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "display.h"
#include "util.h"
#include "view_internal.h"

#define PAGE 8

void
view_ignored(struct view *v, size_t keys, uint64_t now_ns)
{
    struct view_row *row = view_selected(v);

    if (row && v->shown == v->selected)
        row->keys_ignored += (unsigned)keys;
    v->quiet_ns = now_ns;
}

// A key that is bound to nothing: two of them in a row are somebody's typing, meant for elsewhere.
static void
press_unknown(struct view *v, uint64_t now_ns)
{
    view_ignored(v, 1, now_ns);
    v->hint = "unknown key; ? for help";
    if (v->unknown_ns && now_ns - v->unknown_ns < VIEW_TYPING_NS) {
        v->locked = true;
        v->hint = NULL;
    }
    v->unknown_ns = now_ns ? now_ns : 1;
}

static void
move_to(struct view *v, size_t index, uint64_t now_ns)
{
    if (v->n)
        view_select(v, v->rows[index < v->n ? index : v->n - 1].request->id, now_ns);
}

static void
press_move(struct view *v, enum keys_command command, uint64_t now_ns)
{
    bool list = v->mode == VIEW_LIST;
    size_t at = list ? view_selected_index(v) : v->scroll;

    if (command == KEYS_DOWN)
        at++;
    else if (command == KEYS_UP)
        at -= at > 0;
    else if (command == KEYS_FIRST)
        at = 0;
    else if (command == KEYS_LAST)
        at = list ? v->n : SIZE_MAX / 2;
    else if (command == KEYS_PAGE_DOWN)
        at += PAGE;
    else
        at -= at > PAGE ? PAGE : at;
    if (list)
        move_to(v, at, now_ns);
    else
        v->scroll = at;
}

static enum view_result
take_decision(struct view *v, uint64_t now_ns, struct decision *ret_d)
{
    struct view_row *row = view_selected(v);

    *ret_d = v->decision;
    ret_d->keys_ignored = row->keys_ignored;
    ret_d->waited_ms = now_ns > row->request->raised_mono_ns
                           ? (now_ns - row->request->raised_mono_ns) / NS_PER_MS
                           : 0;
    v->confirming = false;
    row->sent_ns = now_ns ? now_ns : 1;
    v->waiting--;
    // On to the next one, which has to be displayed and quiet like any other.
    if (v->waiting) {
        view_select(v, view_next_waiting(v), now_ns);
        v->flush = true;
    }
    return VIEW_DECIDE;
}

static enum view_result
press_decide(struct view *v, enum keys_command command, bool armed, uint64_t now_ns,
             struct decision *ret_d)
{
    struct view_row *row = view_selected(v);
    bool allow = command == KEYS_ALLOW_ONCE || command == KEYS_ALLOW_SESSION;
    bool once = command == KEYS_ALLOW_ONCE || command == KEYS_DENY_ONCE;

    if (!armed || !row)
        return VIEW_NOTHING;
    v->decision = (struct decision){
        .request = row->request->id,
        .verdict = allow ? VERDICT_ALLOW : VERDICT_DENY,
        .scope = once ? SCOPE_ONCE : SCOPE_SESSION,
        .reach = REACH_OBJECT,
        .by = DECIDER_USER,
        .reason = allow ? REASON_NONE : REASON_USER_DENIED,
        .error = allow ? 0 : EACCES,
    };
    memcpy(v->decision.digest, row->request->digest, DIGEST_LEN);
    if (allow && row->request->risk == RISK_HIGH) {
        v->confirming = true;
        buf_reset(&v->typed);
        return VIEW_NOTHING;
    }
    return take_decision(v, now_ns, ret_d);
}

// What is asked for may hold characters that no keyboard types: the escaped forms count as well.
static bool
confirmed(const struct view *v, const struct request *r)
{
    const char *name = view_confirmation(r);
    cleanup_free char *shown = display_str(name, 0), *ascii = display_str(name, DISPLAY_ASCII);

    return v->typed.len > 0 &&
           (strcmp(buf_str(&v->typed), shown) == 0 || strcmp(buf_str(&v->typed), ascii) == 0);
}

static void
type_back(struct buf *b)
{
    while (b->len > 0 && ((unsigned char)b->data[b->len - 1] & 0xc0) == 0x80)
        b->len--;
    if (b->len > 0)
        b->len--;
    if (b->data)
        b->data[b->len] = 0;
}

static enum view_result
press_confirm(struct view *v, const struct input_key *key, bool alone, uint64_t now_ns,
              struct decision *ret_d)
{
    struct view_row *row = view_selected(v);
    bool bound = row && view_row_waits(row) && row->request->id == v->decision.request &&
                 v->shown == v->selected && !v->small;

    if (!bound || key->code == '\033' || keys_find(key->code, false) == KEYS_BACK) {
        v->confirming = false;
        v->hint = "not allowed; it waits on";
    } else if (key->code == '\r' || key->code == '\n') {
        if (alone && confirmed(v, row->request))
            return take_decision(v, now_ns, ret_d);
        if (alone) {
            v->confirming = false;
            v->hint = "that is not its name: not allowed; it waits on";
        }
    } else if (key->code == 0x7f || key->code == '\b') {
        type_back(&v->typed);
    } else if (key->code >= 0x20 && key->code < INPUT_UP && !key->mods &&
               v->typed.len + key->raw_len <= VIEW_NAME_MAX) {
        buf_add(&v->typed, key->raw, key->raw_len);
    }
    v->quiet_ns = now_ns;
    return VIEW_NOTHING;
}

static enum view_result
press_general(struct view *v, enum keys_command command, uint64_t now_ns)
{
    switch ((int)command) {
    case KEYS_OPEN:
    case KEYS_NEXT_PANE:
        v->scroll = 0;
        if (v->mode == VIEW_LIST && view_selected(v))
            v->mode = VIEW_DETAIL;
        else if (command == KEYS_NEXT_PANE)
            v->mode = VIEW_LIST;
        return VIEW_NOTHING;
    case KEYS_BACK:
        if (v->mode == VIEW_LIST && v->has_agent)
            view_set_focus(v, false, now_ns);
        v->mode = v->mode == VIEW_HELP ? v->help_from : VIEW_LIST;
        v->scroll = 0;
        return VIEW_NOTHING;
    case KEYS_HELP:
        if (v->mode != VIEW_HELP)
            v->help_from = v->mode;
        v->mode = v->mode == VIEW_HELP ? v->help_from : VIEW_HELP;
        v->scroll = 0;
        return VIEW_NOTHING;
    case KEYS_LEAVE:
        if (v->mode == VIEW_HELP) {
            v->mode = v->help_from;
            return VIEW_NOTHING;
        }
        if (!v->has_agent)
            return VIEW_LEAVE;
        view_set_focus(v, false, now_ns);
        v->mode = VIEW_LIST;
        return VIEW_NOTHING;
    case KEYS_REDRAW:
        return VIEW_REDRAW;
    case KEYS_SUSPEND:
        return VIEW_SUSPEND;
    default:
        press_move(v, command, now_ns);
        return VIEW_NOTHING;
    }
}

static enum view_result
press_prefixed(struct view *v, const struct input_key *key, uint64_t now_ns)
{
    enum keys_command command = key->mods ? KEYS_NONE : keys_find(key->code, true);
    uint64_t next;

    v->prefix = false;
    v->quiet_ns = now_ns;
    switch ((int)command) {
    case KEYS_FOCUS:
        view_set_focus(v, true, now_ns);
        return VIEW_NOTHING;
    case KEYS_NEXT_WAITING:
        next = view_next_waiting(v);
        view_set_focus(v, true, now_ns);
        if (next)
            view_select(v, next, now_ns);
        return VIEW_NOTHING;
    case KEYS_HELP:
        view_set_focus(v, true, now_ns);
        if (v->mode != VIEW_HELP)
            v->help_from = v->mode;
        v->mode = VIEW_HELP;
        v->scroll = 0;
        return VIEW_NOTHING;
    case KEYS_ZOOM:
        v->zoom = !v->zoom;
        view_unshow(v, now_ns);
        return VIEW_LAYOUT;
    case KEYS_DETACH:
        return VIEW_LEAVE;
    case KEYS_LITERAL:
        return v->has_agent ? VIEW_LITERAL : VIEW_NOTHING;
    default:
        v->hint = "unknown key behind ^]; ^] ? for help";
        return VIEW_NOTHING;
    }
}

static bool
moves(enum keys_command command)
{
    return command >= KEYS_DOWN && command <= KEYS_PAGE_UP;
}

static enum view_result
press_pane(struct view *v, const struct input_key *key, bool alone, uint64_t now_ns,
           struct decision *ret_d)
{
    enum keys_command command = key->mods ? KEYS_NONE : keys_find(key->code, false);
    enum view_lock lock = view_lock(v, now_ns);

    v->hint = NULL;
    if (v->confirming)
        return press_confirm(v, key, alone, now_ns, ret_d);
    if (command == KEYS_NONE) {
        press_unknown(v, now_ns);
        return VIEW_NOTHING;
    }
    // What came in one piece was typed before anybody could look: only the cursor may follow it.
    if (!alone && !moves(command)) {
        view_ignored(v, 1, now_ns);
        return VIEW_NOTHING;
    }
    if (command >= KEYS_ALLOW_ONCE && command <= KEYS_DENY_SESSION) {
        if (lock != VIEW_ARMED) {
            view_ignored(v, 1, now_ns);
            v->hint = view_lock_text(lock);
        }
        v->quiet_ns = now_ns;
        return press_decide(v, command, lock == VIEW_ARMED, now_ns, ret_d);
    }
    v->quiet_ns = now_ns;
    return press_general(v, command, now_ns);
}

enum view_result
view_press(struct view *v, const struct input_key *key, bool alone, uint64_t now_ns,
           struct decision *ret_d)
{
    if (key->code == INPUT_PASTE) {
        v->prefix = false;
        if (!v->focus)
            return VIEW_TO_AGENT;
        view_ignored(v, key->raw_len ? key->raw_len : 1, now_ns);
        v->confirming = false;
        v->locked = true;
        v->hint = NULL;
        return VIEW_NOTHING;
    }
    if (v->prefix)
        return press_prefixed(v, key, now_ns);
    if (key->code == KEYS_PREFIX || (key->code == INPUT_F0 + KEYS_PREFIX_F && !key->mods)) {
        v->prefix = true;
        v->confirming = false;
        v->hint = NULL;
        v->quiet_ns = now_ns;
        return VIEW_NOTHING;
    }
    if (!v->focus)
        return VIEW_TO_AGENT;
    return press_pane(v, key, alone, now_ns, ret_d);
}

void
view_unsent(struct view *v, uint64_t id)
{
    for (size_t i = 0; i < v->n; i++) {
        struct view_row *row = &v->rows[i];
        if (row->request->id == id && row->sent_ns) {
            row->sent_ns = 0;
            v->waiting += (size_t)view_row_waits(row);
        }
    }
}
