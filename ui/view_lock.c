// SPDX-License-Identifier: Apache-2.0
// What of a request is on the screen, and whether decision keys work.
#include "view_internal.h"

void
view_displayed(struct view *v, uint64_t key, size_t first, size_t end, size_t needed,
               uint64_t now_ns)
{
    // Only the detail can show the rest of what is larger.
    bool all = first == 0 && end >= needed, full = v->mode == VIEW_DETAIL && end <= needed;
    struct view_row *row;

    if (!key || key != v->selected) {
        if (v->shown)
            view_unshow(v, now_ns);
        return;
    }
    if (v->shown != key || v->needed != needed) {
        view_unshow(v, now_ns);
        v->shown = key;
        v->needed = needed;
    }
    v->shown_revision = v->revision;
    end = end < needed ? end : needed;
    if ((first <= v->seen && end > v->seen) || (v->away && (all || full)))
        v->quiet_ns = now_ns;
    if (first <= v->seen && end > v->seen)
        v->seen = end;
    v->away = !all && !full;
    row = view_selected(v);
    if (row && v->seen >= v->needed)
        row->seen = true;
}

void
view_list_displayed(struct view *v, size_t first, size_t count)
{
    for (size_t i = first; i < v->listed && i - first < count; i++)
        v->list[i]->seen |= v->list[i]->drawn_whole;
}

enum view_lock
view_lock(const struct view *v, uint64_t now_ns)
{
    const struct view_row *row = view_selected(v);

    if (!row)
        return VIEW_LOCK_EMPTY;
    if (v->replay)
        return VIEW_LOCK_REPLAY;
    if (v->small)
        return VIEW_LOCK_SMALL;
    if (!v->focus)
        return VIEW_LOCK_FOCUS;
    if (v->locked)
        return VIEW_LOCK_TYPING;
    if (!view_row_open(row))
        return VIEW_LOCK_DONE;
    if (row->sent_ns)
        return VIEW_LOCK_SENT;
    if (v->shown != v->selected || v->shown_revision != v->revision ||
        (v->mode != VIEW_LIST && v->mode != VIEW_DETAIL))
        return VIEW_LOCK_HIDDEN;
    if (v->seen < v->needed)
        return VIEW_LOCK_CUT;
    if (v->away)
        return VIEW_LOCK_AWAY;
    if (v->prefix || v->prompt != VIEW_PROMPT_NONE || v->scrolling)
        return VIEW_LOCK_BUSY;
    return now_ns - v->quiet_ns < VIEW_QUIET_NS ? VIEW_LOCK_QUIET : VIEW_ARMED;
}

const char *
view_lock_text(enum view_lock lock)
{
    static const char *const texts[] = {
        [VIEW_ARMED] = "decision keys work",
        [VIEW_LOCK_EMPTY] = "nothing waits",
        [VIEW_LOCK_REPLAY] = "a replay: nothing can be decided in it",
        [VIEW_LOCK_SMALL] = "too small: decision keys are dead",
        [VIEW_LOCK_FOCUS] = "^] a gives the focus to the approvals",
        [VIEW_LOCK_TYPING] = "typing or a paste was seen: decision keys are dead until ^] a",
        [VIEW_LOCK_DONE] = "this request waits no more",
        [VIEW_LOCK_SENT] = "its decision is being recorded",
        [VIEW_LOCK_HIDDEN] = "not on the screen yet",
        [VIEW_LOCK_CUT] = "not all of it was shown: Enter and j show the rest, then decide",
        [VIEW_LOCK_AWAY] = "its target is out of sight: Enter and g show it, then decide",
        [VIEW_LOCK_BUSY] = "finish or leave with Esc first",
        [VIEW_LOCK_QUIET] = "that key came too soon: they decide after 0.6 s without any key",
    };

    return texts[lock];
}

bool
view_hint_is_stale(const struct view *v, uint64_t now_ns)
{
    for (enum view_lock lock = VIEW_ARMED; v->hint && lock <= VIEW_LOCK_QUIET; lock++)
        if (v->hint == view_lock_text(lock))
            return lock != VIEW_LOCK_QUIET && lock != view_lock(v, now_ns);
    return false;
}
