// SPDX-License-Identifier: Apache-2.0
#include "view.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "util.h"
#include "view_internal.h"

void
view_init(struct view *v, bool has_agent, uint64_t now_ns)
{
    *v = (struct view){.has_agent = has_agent, .focus = !has_agent, .quiet_ns = now_ns};
}

void
view_done(struct view *v)
{
    for (size_t i = 0; i < v->n; i++)
        request_free(v->rows[i].request);
    free(v->rows);
    buf_done(&v->typed);
    *v = (struct view){0};
}

bool
view_row_waits(const struct view_row *row)
{
    return (row->state == STATE_NEW || row->state == STATE_ASKED) && !row->sent_ns;
}

static bool
row_open(const struct view_row *row)
{
    return row->state == STATE_NEW || row->state == STATE_ASKED;
}

// Index of the first row whose id is not below.
static size_t
row_index(const struct view *v, uint64_t id)
{
    size_t low = 0, high = v->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (v->rows[mid].request->id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static struct view_row *
row_find(const struct view *v, uint64_t id)
{
    size_t i = row_index(v, id);

    return id && i < v->n && v->rows[i].request->id == id ? &v->rows[i] : NULL;
}

struct view_row *
view_selected(const struct view *v)
{
    return row_find(v, v->selected);
}

size_t
view_selected_index(const struct view *v)
{
    return view_selected(v) ? row_index(v, v->selected) : 0;
}

struct view_row *
view_oldest(const struct view *v)
{
    for (size_t i = 0; i < v->n; i++)
        if (view_row_waits(&v->rows[i]))
            return &v->rows[i];
    return NULL;
}

const char *
view_confirmation(const struct request *r)
{
    const char *slash = strrchr(r->resolved, '/');

    return slash && slash[1] ? slash + 1 : r->resolved;
}

void
view_unshow(struct view *v, uint64_t now_ns)
{
    v->shown = 0;
    v->seen = v->needed = 0;
    v->quiet_ns = now_ns;
    v->confirming = false;
}

void
view_select(struct view *v, uint64_t id, uint64_t now_ns)
{
    if (id == v->selected)
        return;
    v->selected = id;
    v->scroll = 0;
    view_unshow(v, now_ns);
}

uint64_t
view_next_waiting(const struct view *v)
{
    size_t at = view_selected_index(v);

    for (size_t i = 1; i <= v->n; i++) {
        const struct view_row *row = &v->rows[(at + i) % v->n];
        if (view_row_waits(row))
            return row->request->id;
    }
    return 0;
}

// The cursor never leaves a request by itself, except one that is gone or that we are done with.
static void
view_settle(struct view *v, uint64_t now_ns)
{
    const struct view_row *row = view_selected(v);
    uint64_t next = v->selected;

    if (!row) {
        size_t at = row_index(v, v->selected);
        const struct view_row *oldest = view_oldest(v);

        next = 0;
        if (at < v->n && view_row_waits(&v->rows[at]))
            next = v->rows[at].request->id;
        else if (oldest)
            next = oldest->request->id;
        else if (v->n)
            next = v->rows[at < v->n ? at : v->n - 1].request->id;
        if (v->mode == VIEW_DETAIL)
            v->mode = VIEW_LIST;
    } else if ((row->mine && !row_open(row)) || row->sent_ns) {
        next = v->waiting ? view_next_waiting(v) : v->selected;
    }
    if (next != v->selected) {
        view_select(v, next, now_ns);
        v->flush = true;
    }
}

void
view_add(struct view *v, struct request *r, uint64_t now_ns)
{
    size_t at = row_index(v, r->id);

    if (at < v->n && v->rows[at].request->id == r->id) {
        request_free(r);
        return;
    }
    if (v->n == v->room) {
        v->room = v->room ? v->room * 2 : 64;
        v->rows = xrealloc(v->rows, v->room * sizeof *v->rows);
    }
    memmove(&v->rows[at + 1], &v->rows[at], (v->n - at) * sizeof *v->rows);
    v->rows[at] = (struct view_row){.request = r,
                                    .state = STATE_ASKED,
                                    .verdict = _VERDICT_INVALID,
                                    .scope = _SCOPE_INVALID,
                                    .by = _DECIDER_INVALID};
    v->n++;
    v->waiting++;
    if (at < v->top)
        v->top++;
    view_settle(v, now_ns);
}

void
view_update(struct view *v, const struct request_update *u, uint64_t now_ns)
{
    struct view_row *row = row_find(v, u->id);
    bool waited;

    if (!row)
        return;
    waited = view_row_waits(row);
    row->state = u->state;
    if (u->count)
        row->request->count = u->count;
    if (row_open(row)) {
        row->gone_ns = 0;
    } else {
        row->mine |= row->sent_ns != 0;
        row->sent_ns = 0;
        row->verdict = u->verdict;
        row->scope = u->scope;
        row->by = u->by;
        if (!row->gone_ns)
            row->gone_ns = now_ns ? now_ns : 1;
        if (v->confirming && v->decision.request == u->id)
            v->confirming = false;
    }
    v->waiting += (size_t)view_row_waits(row) - (size_t)waited;
    view_settle(v, now_ns);
}

bool
view_tick(struct view *v, uint64_t now_ns)
{
    bool changed = false;
    size_t kept = 0, top = v->top;

    for (size_t i = 0; i < v->n; i++) {
        struct view_row *row = &v->rows[i];

        if (row->gone_ns && now_ns - row->gone_ns >= VIEW_GONE_NS) {
            request_free(row->request);
            top -= i < v->top;
            changed = true;
            continue;
        }
        if (row->sent_ns && now_ns - row->sent_ns >= VIEW_SENT_NS) {
            row->sent_ns = 0;
            v->waiting++;
            changed = true;
        }
        if (kept != i)
            v->rows[kept] = *row;
        kept++;
    }
    v->n = kept;
    v->top = top;
    if (changed)
        view_settle(v, now_ns);
    return changed;
}

uint64_t
view_deadline(const struct view *v, uint64_t now_ns)
{
    uint64_t next = UINT64_MAX;

    for (size_t i = 0; i < v->n; i++) {
        const struct view_row *row = &v->rows[i];
        uint64_t at = row->gone_ns   ? row->gone_ns + VIEW_GONE_NS
                      : row->sent_ns ? row->sent_ns + VIEW_SENT_NS
                                     : UINT64_MAX;
        next = at < next ? at : next;
    }
    if (v->waiting && view_lock(v, now_ns) == VIEW_LOCK_QUIET && v->quiet_ns + VIEW_QUIET_NS < next)
        next = v->quiet_ns + VIEW_QUIET_NS;
    return next;
}

void
view_set_focus(struct view *v, bool focus, uint64_t now_ns)
{
    v->focus = focus || !v->has_agent;
    v->locked = false;
    v->unknown_ns = 0;
    v->hint = NULL;
    v->flush = true;
    view_unshow(v, now_ns);
    if (!v->focus && v->mode == VIEW_HELP)
        v->mode = VIEW_LIST;
}

void
view_set_size(struct view *v, unsigned rows, unsigned cols, uint64_t now_ns)
{
    v->small = rows < VIEW_ROWS_MIN || cols < VIEW_COLS_MIN;
    view_unshow(v, now_ns);
}

void
view_displayed(struct view *v, uint64_t id, size_t first, size_t end, size_t needed,
               uint64_t now_ns)
{
    if (!id || id != v->selected) {
        if (v->shown)
            view_unshow(v, now_ns);
        return;
    }
    if (v->shown != id || v->needed != needed) {
        view_unshow(v, now_ns);
        v->shown = id;
        v->needed = needed;
    }
    if (first <= v->seen && end > v->seen) {
        v->seen = end;
        v->quiet_ns = now_ns;
    }
}

void
view_fit_list(struct view *v, size_t rows)
{
    size_t at = view_selected_index(v);

    if (rows == 0)
        return;
    if (at < v->top)
        v->top = at;
    if (at >= v->top + rows)
        v->top = at - rows + 1;
    if (v->top + rows > v->n && v->top > 0)
        v->top = v->n > rows ? v->n - rows : 0;
}

void
view_fit_lines(struct view *v, size_t lines, size_t rows)
{
    size_t last = lines > rows ? lines - rows : 0;

    v->scroll = v->scroll < last ? v->scroll : last;
}

enum view_lock
view_lock(const struct view *v, uint64_t now_ns)
{
    const struct view_row *row = view_selected(v);

    if (!row)
        return VIEW_LOCK_EMPTY;
    if (v->small)
        return VIEW_LOCK_SMALL;
    if (!v->focus)
        return VIEW_LOCK_FOCUS;
    if (v->locked)
        return VIEW_LOCK_TYPING;
    if (!row_open(row))
        return VIEW_LOCK_DONE;
    if (row->sent_ns)
        return VIEW_LOCK_SENT;
    if (v->shown != v->selected || v->mode == VIEW_HELP)
        return VIEW_LOCK_HIDDEN;
    if (v->seen < v->needed)
        return VIEW_LOCK_CUT;
    if (v->prefix || v->confirming)
        return VIEW_LOCK_BUSY;
    return now_ns - v->quiet_ns < VIEW_QUIET_NS ? VIEW_LOCK_QUIET : VIEW_ARMED;
}

const char *
view_lock_text(enum view_lock lock)
{
    static const char *const texts[] = {
        [VIEW_ARMED] = "decision keys work",
        [VIEW_LOCK_EMPTY] = "nothing waits",
        [VIEW_LOCK_SMALL] = "too small: decision keys are dead",
        [VIEW_LOCK_FOCUS] = "^] a gives the focus to the approvals",
        [VIEW_LOCK_TYPING] = "typing or a paste was seen: decision keys are dead until ^] a",
        [VIEW_LOCK_DONE] = "this request waits no more",
        [VIEW_LOCK_SENT] = "its decision is being recorded",
        [VIEW_LOCK_HIDDEN] = "not on the screen yet",
        [VIEW_LOCK_CUT] = "the path is cut: Enter and j show all of it, then decide",
        [VIEW_LOCK_BUSY] = "finish or leave with Esc first",
        [VIEW_LOCK_QUIET] = "not yet: decision keys work after 0.6 s without any key",
    };

    return texts[lock];
}
