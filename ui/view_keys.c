// SPDX-License-Identifier: Apache-2.0
// What a key does.
#include <string.h>

#include "clock.h"
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

static size_t
moved(size_t at, enum keys_command command, size_t page)
{
    switch ((int)command) {
    case KEYS_DOWN:
        return at + 1;
    case KEYS_UP:
        return at - (at > 0);
    case KEYS_FIRST:
        return 0;
    case KEYS_LAST:
        return SIZE_MAX / 2;
    case KEYS_PAGE_DOWN:
        return at + page;
    default: /* KEYS_PAGE_UP */
        return at - (at > page ? page : at);
    }
}

static void
press_move(struct view *v, enum keys_command command, uint64_t now_ns)
{
    size_t at = v->mode == VIEW_LIST ? view_selected_index(v) : v->scroll;

    at = moved(at, command, PAGE);
    if (v->mode != VIEW_LIST)
        v->scroll = at;
    else if (v->listed)
        view_select(v, v->list[at < v->listed ? at : v->listed - 1]->key, now_ns);
}

static bool
moves(enum keys_command command)
{
    return command >= KEYS_DOWN && command <= KEYS_PAGE_UP;
}

static bool
decides(enum keys_command command)
{
    return command >= KEYS_ALLOW_ONCE && command <= KEYS_DENY_ALWAYS;
}

// --- prompts ---------------------------------------------------------------------------------

static void
begin_prompt(struct view *v, enum view_prompt prompt, const struct buf *before)
{
    v->prompt = prompt;
    buf_reset(&v->typed);
    if (before && before->len)
        buf_add(&v->typed, before->data, before->len);
}

static void
keep_typed(struct view *v, struct buf *where)
{
    buf_reset(where);
    if (v->typed.len)
        buf_add(where, v->typed.data, v->typed.len);
    view_end_prompt(v);
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
finish_prompt(struct view *v, bool alone, uint64_t now_ns)
{
    switch (v->prompt) {
    case VIEW_PROMPT_CONFIRM:
        return view_press_confirm(v, alone, now_ns);
    case VIEW_PROMPT_SEARCH:
        keep_typed(v, &v->search);
        return view_search(v, true, now_ns);
    case VIEW_PROMPT_FILTER:
        keep_typed(v, &v->filter);
        view_apply_filter(v, now_ns);
        break;
    case VIEW_PROMPT_NOTE:
        keep_typed(v, &v->note);
        v->hint = v->note.len ? "the note goes with the decision of this request" : "no note";
        break;
    case VIEW_PROMPT_SCROLL:
        keep_typed(v, &v->scroll_search);
        return v->scroll_search.len ? VIEW_SCROLL_FIND : VIEW_NOTHING;
    case VIEW_PROMPT_NONE:
        break;
    }
    return VIEW_NOTHING;
}

static enum view_result
press_prompt(struct view *v, const struct input_key *key, bool alone, uint64_t now_ns)
{
    enum view_result result = VIEW_NOTHING;

    if (key->code == '\033' || keys_find(key->code, false) == KEYS_BACK) {
        if (v->prompt == VIEW_PROMPT_CONFIRM)
            v->hint = "not allowed; it waits on";
        view_end_prompt(v);
    } else if (key->code == '\r' || key->code == '\n') {
        result = finish_prompt(v, alone, now_ns);
    } else if (key->code == 0x7f || key->code == '\b') {
        type_back(&v->typed);
    } else if (key->code == 0x15) { /* ^U, as in any line editor */
        buf_reset(&v->typed);
    } else if (key->code >= 0x20 && key->code < INPUT_UP && !key->mods &&
               v->typed.len + key->raw_len <= VIEW_TEXT_MAX) {
        buf_add(&v->typed, key->raw, key->raw_len);
    }
    v->quiet_ns = now_ns;
    return result;
}

// --- pages -----------------------------------------------------------------------------------

static void
turn_to(struct view *v, enum view_mode mode)
{
    if (mode == VIEW_HELP && v->mode != VIEW_HELP)
        v->help_from = v->mode;
    v->mode = mode;
    v->scroll = 0;
}

static void
press_back(struct view *v, uint64_t now_ns)
{
    if (v->mode == VIEW_LIST && v->marked) {
        for (size_t i = 0; i < v->n; i++)
            view_set_mark(v, v->rows[i], false);
    } else if (v->mode == VIEW_LIST && v->has_agent) {
        view_set_focus(v, false, now_ns);
    } else {
        turn_to(v, v->mode == VIEW_HELP ? v->help_from : VIEW_LIST);
    }
}

static enum view_result
press_leave(struct view *v, uint64_t now_ns)
{
    if (v->mode == VIEW_HELP || v->mode == VIEW_GRANTS) {
        turn_to(v, v->mode == VIEW_HELP ? v->help_from : VIEW_LIST);
        return VIEW_NOTHING;
    }
    if (!v->has_agent)
        return VIEW_LEAVE;
    view_set_focus(v, false, now_ns);
    v->mode = VIEW_LIST;
    return VIEW_NOTHING;
}

static void
press_mark(struct view *v, bool group, uint64_t now_ns)
{
    struct view_row *row = view_selected(v);

    if (!row || v->mode != VIEW_LIST)
        return;
    if (group) {
        view_mark_group(v, row);
        return;
    }
    view_set_mark(v, row, !row->marked);
    press_move(v, KEYS_DOWN, now_ns);
}

static void
press_next_page(struct view *v)
{
    static const enum view_mode next[_VIEW_MODE_MAX] = {
        [VIEW_LIST] = VIEW_DETAIL,
        [VIEW_DETAIL] = VIEW_GRANTS,
        [VIEW_GRANTS] = VIEW_LIST,
        [VIEW_HELP] = VIEW_LIST,
    };
    enum view_mode to = next[v->mode];

    if (to == VIEW_DETAIL && !view_selected(v))
        to = VIEW_GRANTS;
    // A replay has no grants: there is nothing to take back.
    turn_to(v, to == VIEW_GRANTS && v->replay ? VIEW_LIST : to);
}

static enum view_result
press_general(struct view *v, enum keys_command command, uint64_t now_ns)
{
    switch ((int)command) {
    case KEYS_OPEN:
        if (v->mode == VIEW_LIST && view_selected(v))
            turn_to(v, VIEW_DETAIL);
        return VIEW_NOTHING;
    case KEYS_NEXT_PANE:
        press_next_page(v);
        return VIEW_NOTHING;
    case KEYS_BACK:
        press_back(v, now_ns);
        return VIEW_NOTHING;
    case KEYS_HELP:
        turn_to(v, v->mode == VIEW_HELP ? v->help_from : VIEW_HELP);
        return VIEW_NOTHING;
    case KEYS_GRANTS:
        turn_to(v, v->mode == VIEW_GRANTS ? VIEW_LIST : VIEW_GRANTS);
        return VIEW_NOTHING;
    case KEYS_LEAVE:
        return press_leave(v, now_ns);
    case KEYS_REDRAW:
        return VIEW_REDRAW;
    case KEYS_SUSPEND:
        return VIEW_SUSPEND;
    case KEYS_SEARCH:
        begin_prompt(v, VIEW_PROMPT_SEARCH, NULL);
        return VIEW_NOTHING;
    case KEYS_SEARCH_NEXT:
    case KEYS_SEARCH_BACK:
        return view_search(v, command == KEYS_SEARCH_NEXT, now_ns);
    case KEYS_FILTER:
        begin_prompt(v, VIEW_PROMPT_FILTER, &v->filter);
        return VIEW_NOTHING;
    case KEYS_NOTE:
        if (view_selected(v))
            begin_prompt(v, VIEW_PROMPT_NOTE, &v->note);
        return VIEW_NOTHING;
    case KEYS_MARK:
    case KEYS_MARK_GROUP:
        press_mark(v, command == KEYS_MARK_GROUP, now_ns);
        return VIEW_NOTHING;
    case KEYS_NARROW:
    case KEYS_WIDEN:
        view_change_reach(v, command == KEYS_WIDEN, now_ns);
        return VIEW_NOTHING;
    case KEYS_PROGRAM:
        view_change_program(v);
        return VIEW_NOTHING;
    case KEYS_DURATION:
        view_change_duration(v, now_ns);
        return VIEW_NOTHING;
    case KEYS_UNDO:
        return view_undo_last(v);
    case KEYS_REVOKE:
        v->hint = "U lists the grants; there it takes back the one under the cursor";
        return VIEW_NOTHING;
    default:
        press_move(v, command, now_ns);
        return VIEW_NOTHING;
    }
}

static enum view_result
press_pane(struct view *v, const struct input_key *key, bool alone, uint64_t now_ns)
{
    enum keys_command command = key->mods ? KEYS_NONE : keys_find(key->code, false);
    enum view_lock lock = view_lock(v, now_ns);

    v->hint = NULL;
    if (v->prompt != VIEW_PROMPT_NONE)
        return press_prompt(v, key, alone, now_ns);
    if (command == KEYS_NONE) {
        press_unknown(v, now_ns);
        return VIEW_NOTHING;
    }
    // What came in one piece was typed before anybody could look: only the cursor may follow it.
    if (!alone && !moves(command)) {
        view_ignored(v, 1, now_ns);
        return VIEW_NOTHING;
    }
    if (decides(command)) {
        if (lock != VIEW_ARMED) {
            view_ignored(v, 1, now_ns);
            v->hint = view_lock_text(lock);
            return VIEW_NOTHING;
        }
        v->quiet_ns = now_ns;
        return view_press_decide(v, command, now_ns);
    }
    v->quiet_ns = now_ns;
    if (v->mode == VIEW_GRANTS &&
        (moves(command) || command == KEYS_UNDO || command == KEYS_REVOKE))
        return view_press_grants(v, command, now_ns);
    return press_general(v, command, now_ns);
}

// --- behind the prefix, and in the agent's history -------------------------------------------

static enum view_result
press_freeze(struct view *v)
{
    const struct view_row *row = view_selected(v);

    v->wish.session = row ? row->session : 0;
    v->wish.on = !v->sessions[v->wish.session].frozen;
    return VIEW_FREEZE;
}

static enum view_result
press_prefixed(struct view *v, const struct input_key *key, uint64_t now_ns)
{
    enum keys_command command = key->mods ? KEYS_NONE : keys_find(key->code, true);
    const struct view_row *at;
    uint64_t next;

    v->prefix = false;
    v->quiet_ns = now_ns;
    switch ((int)command) {
    case KEYS_FOCUS:
    case KEYS_NEXT_WAITING:
        // Not to a row that is over while another one waits.
        at = view_selected(v);
        next =
            command == KEYS_NEXT_WAITING || !at || !view_row_waits(at) ? view_next_waiting(v) : 0;
        view_set_focus(v, true, now_ns);
        if (next)
            view_select(v, next, now_ns);
        return VIEW_NOTHING;
    case KEYS_HELP:
        view_set_focus(v, true, now_ns);
        turn_to(v, VIEW_HELP);
        return VIEW_NOTHING;
    case KEYS_ZOOM:
        v->zoom = !v->zoom;
        view_unshow(v, now_ns);
        return VIEW_LAYOUT;
    case KEYS_FREEZE:
        return press_freeze(v);
    case KEYS_SCROLL:
        if (v->has_agent) {
            view_set_focus(v, false, now_ns);
            v->scrolling = true;
            v->back = 0;
        }
        return VIEW_NOTHING;
    case KEYS_DETACH:
        return VIEW_LEAVE;
    case KEYS_LITERAL:
        return v->has_agent ? VIEW_LITERAL : VIEW_NOTHING;
    default:
        v->hint = "unknown key behind ^]; ^] ? for help";
        return VIEW_NOTHING;
    }
}

// Up is back in time: the count of rows goes the other way.
static void
scroll_by(struct view *v, enum keys_command command)
{
    static const enum keys_command opposite[] = {
        [KEYS_DOWN] = KEYS_UP,    [KEYS_UP] = KEYS_DOWN,           [KEYS_FIRST] = KEYS_LAST,
        [KEYS_LAST] = KEYS_FIRST, [KEYS_PAGE_DOWN] = KEYS_PAGE_UP, [KEYS_PAGE_UP] = KEYS_PAGE_DOWN,
    };

    v->back = moved(v->back, opposite[command], 2 * PAGE);
}

static enum view_result
press_scrolling(struct view *v, const struct input_key *key, bool alone, uint64_t now_ns)
{
    enum keys_command command = key->mods ? KEYS_NONE : keys_find(key->code, false);

    v->hint = NULL;
    if (v->prompt != VIEW_PROMPT_NONE)
        return press_prompt(v, key, alone, now_ns);
    if (moves(command))
        scroll_by(v, command);
    else if (command == KEYS_SEARCH)
        begin_prompt(v, VIEW_PROMPT_SCROLL, NULL);
    else if (command == KEYS_SEARCH_NEXT && v->scroll_search.len)
        return VIEW_SCROLL_FIND;
    else if (command == KEYS_SEARCH_BACK && v->scroll_search.len)
        return VIEW_SCROLL_NEWER;
    else if (command == KEYS_BACK || command == KEYS_LEAVE || command == KEYS_OPEN)
        v->scrolling = false;
    return VIEW_NOTHING;
}

enum view_result
view_press(struct view *v, const struct input_key *key, bool alone, uint64_t now_ns)
{
    v->hint_ns = now_ns;
    if (key->code == INPUT_PASTE) {
        v->prefix = false;
        if (!v->focus)
            return v->scrolling ? VIEW_NOTHING : VIEW_TO_AGENT;
        view_ignored(v, key->raw_len ? key->raw_len : 1, now_ns);
        view_end_prompt(v);
        v->locked = true;
        v->hint = NULL;
        return VIEW_NOTHING;
    }
    if (v->prefix)
        return press_prefixed(v, key, now_ns);
    if (key->code == KEYS_PREFIX || (key->code == INPUT_F0 + KEYS_PREFIX_F && !key->mods)) {
        v->prefix = true;
        view_end_prompt(v);
        v->hint = NULL;
        v->quiet_ns = now_ns;
        return VIEW_NOTHING;
    }
    if (v->focus)
        return press_pane(v, key, alone, now_ns);
    return v->scrolling ? press_scrolling(v, key, alone, now_ns) : VIEW_TO_AGENT;
}
