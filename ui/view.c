// SPDX-License-Identifier: Apache-2.0
#include "view.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "reach.h"
#include "util.h"
#include "view_internal.h"

void
view_init(struct view *v, bool has_agent, uint64_t now_ns)
{
    *v = (struct view){.has_agent = has_agent,
                       .focus = !has_agent,
                       .quiet_ns = now_ns,
                       .for_ns = 15 * 60 * NS_PER_SEC};
}

void
view_done(struct view *v)
{
    for (size_t i = 0; i < v->n; i++) {
        request_free(v->rows[i]->request);
        free(v->rows[i]);
    }
    free(v->rows);
    free(v->refs);
    free(v->list);
    for (unsigned s = 0; s < UI_SESSIONS_MAX; s++) {
        for (size_t i = 0; i < v->sessions[s].n_grants; i++)
            grant_free(v->sessions[s].grants[i]);
        free(v->sessions[s].grants);
        free(v->sessions[s].id);
        free(v->sessions[s].name);
        free(v->sessions[s].title);
    }
    buf_done(&v->typed);
    buf_done(&v->search);
    buf_done(&v->filter);
    buf_done(&v->note);
    buf_done(&v->scroll_search);
    *v = (struct view){0};
}

bool
view_row_open(const struct view_row *row)
{
    return row->state == STATE_NEW || row->state == STATE_ASKED;
}

bool
view_row_waits(const struct view_row *row)
{
    return view_row_open(row) && !row->sent_ns;
}

// Place of the first row whose key is not below.
static size_t
row_index(struct view_row *const *rows, size_t n, uint64_t key)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (rows[mid]->key < key)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

// Place of the first row by session and id that is not below.
static size_t
ref_index(const struct view *v, unsigned session, uint64_t id)
{
    size_t low = 0, high = v->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const struct view_row *row = v->refs[mid];
        if (row->session < session || (row->session == session && row->request->id < id))
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct view_row *
view_find(const struct view *v, unsigned session, uint64_t id)
{
    size_t i = ref_index(v, session, id);

    return i < v->n && v->refs[i]->session == session && v->refs[i]->request->id == id ? v->refs[i]
                                                                                       : NULL;
}

struct view_row *
view_selected(const struct view *v)
{
    size_t i = row_index(v->rows, v->n, v->selected);

    return v->selected && i < v->n && v->rows[i]->key == v->selected ? v->rows[i] : NULL;
}

size_t
view_selected_index(const struct view *v)
{
    size_t i = row_index(v->list, v->listed, v->selected);

    return i < v->listed ? i : v->listed ? v->listed - 1 : 0;
}

struct view_row *
view_oldest(const struct view *v)
{
    for (size_t i = 0; i < v->n && v->waiting; i++)
        if (view_row_waits(v->rows[i]))
            return v->rows[i];
    return NULL;
}

void
view_end_prompt(struct view *v)
{
    v->prompt = VIEW_PROMPT_NONE;
    buf_reset(&v->typed);
}

void
view_unshow(struct view *v, uint64_t now_ns)
{
    v->shown = 0;
    v->seen = v->needed = 0;
    v->away = false;
    v->quiet_ns = now_ns;
    if (v->prompt == VIEW_PROMPT_CONFIRM)
        view_end_prompt(v);
}

void
view_select(struct view *v, uint64_t key, uint64_t now_ns)
{
    if (key == v->selected)
        return;
    v->selected = key;
    v->scroll = 0;
    v->reach = 0;
    v->program = false;
    v->revision++;
    buf_reset(&v->note);
    if (v->prompt == VIEW_PROMPT_NOTE)
        view_end_prompt(v);
    view_unshow(v, now_ns);
}

uint64_t
view_next_waiting(const struct view *v)
{
    size_t at = view_selected_index(v);

    for (size_t i = 1; i <= v->listed && v->waiting; i++) {
        const struct view_row *row = v->list[(at + i) % v->listed];
        if (view_row_waits(row))
            return row->key;
    }
    return 0;
}

// The nearest listed row from a key that is gone: the one behind it that waits, else the oldest
// that waits, else a neighbour.
static uint64_t
successor(const struct view *v, uint64_t key)
{
    size_t at = row_index(v->list, v->listed, key);

    if (at < v->listed && view_row_waits(v->list[at]))
        return v->list[at]->key;
    for (size_t i = 0; i < v->listed && v->waiting; i++)
        if (view_row_waits(v->list[i]))
            return v->list[i]->key;
    return v->listed ? v->list[at < v->listed ? at : v->listed - 1]->key : 0;
}

// The cursor never leaves a request by itself, except one that is gone or that we are done with.
static void
view_settle(struct view *v, uint64_t now_ns)
{
    const struct view_row *row = view_selected(v);
    uint64_t next = v->selected;

    if (!row || row->hidden) {
        next = successor(v, v->selected);
        if (v->mode == VIEW_DETAIL)
            v->mode = VIEW_LIST;
    } else if ((row->mine && !view_row_open(row)) || row->sent_ns) {
        next = view_next_waiting(v);
        if (!next)
            next = v->selected;
    }
    if (next != v->selected) {
        view_select(v, next, now_ns);
        v->flush = true;
    }
}

void
view_set_mark(struct view *v, struct view_row *row, bool marked)
{
    if (row->marked == marked || (marked && !view_row_waits(row)))
        return;
    row->marked = marked;
    v->marked += marked ? 1 : (size_t)-1;
}

static void
make_room(struct view *v)
{
    if (v->n < v->room)
        return;
    v->room = v->room ? v->room * 2 : 64;
    v->rows = xrealloc(v->rows, v->room * sizeof(*v->rows));
    v->refs = xrealloc(v->refs, v->room * sizeof(*v->refs));
    v->list = xrealloc(v->list, v->room * sizeof(*v->list));
}

void
view_add(struct view *v, unsigned session, struct request *r, uint64_t now_ns)
{
    struct view_row *row;
    size_t at;

    if (session >= UI_SESSIONS_MAX || view_find(v, session, r->id)) {
        request_free(r);
        return;
    }
    make_room(v);
    row = xcalloc(1, sizeof(*row));
    *row = (struct view_row){.key = ++v->last_key,
                             .session = session,
                             .request = r,
                             .group = view_group_of(session, r),
                             .state = STATE_ASKED,
                             .verdict = _VERDICT_INVALID,
                             .scope = _SCOPE_INVALID,
                             .by = _DECIDER_INVALID};
    at = ref_index(v, session, r->id);
    memmove(&v->refs[at + 1], &v->refs[at], (v->n - at) * sizeof(*v->refs));
    v->refs[at] = row;
    v->rows[v->n++] = row;
    row->hidden = v->filter.len && !view_matches(v, row, buf_str(&v->filter));
    if (!row->hidden)
        v->list[v->listed++] = row;
    v->waiting++;
    view_settle(v, now_ns);
}

static void
remember_decision(struct view *v, const struct view_row *row)
{
    size_t slot = row->group % VIEW_PAST;

    if (row->verdict != VERDICT_ALLOW && row->verdict != VERDICT_DENY)
        return;
    if (v->past[slot].group != row->group) {
        v->past[slot].group = row->group;
        v->past[slot].allowed = v->past[slot].denied = 0;
    }
    if (row->verdict == VERDICT_ALLOW)
        v->past[slot].allowed++;
    else
        v->past[slot].denied++;
}

static void
finish_row(struct view *v, struct view_row *row, const struct request_update *u, uint64_t now_ns)
{
    row->mine |= row->sent_ns != 0;
    row->sent_ns = 0;
    row->going = false;
    row->verdict = u->verdict;
    row->scope = u->scope;
    row->by = u->by;
    view_set_mark(v, row, false);
    if (!row->gone_ns) {
        row->gone_ns = now_ns ? now_ns : 1;
        remember_decision(v, row);
    }
}

void
view_set_word(struct view *v, unsigned session, uint64_t id, const char *word)
{
    struct view_row *row = view_find(v, session, id);

    if (row)
        row->word = word;
}

void
view_update(struct view *v, unsigned session, const struct request_update *u, uint64_t now_ns)
{
    struct view_row *row = view_find(v, session, u->id), *asked;
    bool waited;

    if (!row)
        return;
    if (u->error) {
        view_unsent(v, session, u->id);
        return;
    }
    waited = view_row_waits(row);
    asked = v->prompt == VIEW_PROMPT_CONFIRM ? view_confirmed_by(v) : NULL;
    row->state = u->state;
    if (u->count)
        row->request->count = u->count;
    if (u->deadline_mono_ns)
        row->request->deadline_mono_ns = u->deadline_mono_ns;
    if (view_row_open(row))
        row->gone_ns = 0;
    else
        finish_row(v, row, u, now_ns);
    // A confirmation ends with the request whose name it asks for.
    if (asked == row && !view_row_waits(row))
        view_end_prompt(v);
    v->waiting += (size_t)view_row_waits(row) - (size_t)waited;
    view_settle(v, now_ns);
}

void
view_unsent(struct view *v, unsigned session, uint64_t id)
{
    struct view_row *row = view_find(v, session, id);

    if (!row || !row->sent_ns)
        return;
    row->sent_ns = 0;
    v->waiting += (size_t)view_row_waits(row);
}

static bool
row_is_over(const struct view_row *row, uint64_t now_ns)
{
    return row->gone_ns && now_ns >= row->gone_ns + VIEW_GONE_NS;
}

static void
drop_rows(struct view *v, uint64_t now_ns)
{
    size_t kept = 0, refs = 0;

    // The references first: they are looked at through the rows.
    for (size_t i = 0; i < v->n; i++)
        if (!row_is_over(v->refs[i], now_ns))
            v->refs[refs++] = v->refs[i];
    for (size_t i = 0; i < v->n; i++) {
        struct view_row *row = v->rows[i];
        if (!row_is_over(row, now_ns)) {
            v->rows[kept++] = row;
            continue;
        }
        request_free(row->request);
        free(row);
    }
    v->n = kept;
}

bool
view_tick(struct view *v, uint64_t now_ns)
{
    bool changed = false, over = false;
    uint64_t top = v->top < v->listed ? v->list[v->top]->key : UINT64_MAX;

    for (size_t i = 0; i < v->n; i++) {
        struct view_row *row = v->rows[i];

        over |= row_is_over(row, now_ns);
        if (row->sent_ns && now_ns - row->sent_ns >= VIEW_SENT_NS) {
            row->sent_ns = 0;
            v->waiting++;
            changed = true;
        }
    }
    if (over) {
        drop_rows(v, now_ns);
        view_relist(v);
        // What is above the first visible row may go without moving it.
        v->top = row_index(v->list, v->listed, top);
    }
    if (changed || over)
        view_settle(v, now_ns);
    if (v->hint && (now_ns >= v->hint_ns + VIEW_SAID_NS || view_hint_is_stale(v, now_ns))) {
        v->hint = NULL;
        changed = true;
    }
    return changed || over;
}

uint64_t
view_deadline(const struct view *v, uint64_t now_ns)
{
    uint64_t next = v->hint ? v->hint_ns + VIEW_SAID_NS : UINT64_MAX;

    for (size_t i = 0; i < v->n; i++) {
        const struct view_row *row = v->rows[i];
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
view_add_session(struct view *v, unsigned session, const char *id, const char *name,
                 const char *title)
{
    struct view_session *s;

    if (session >= UI_SESSIONS_MAX)
        return;
    s = &v->sessions[session];
    v->n_sessions += !s->known;
    s->known = true;
    s->ended = s->frozen = false;
    free(s->id);
    free(s->name);
    free(s->title);
    s->name = xstrdup(name ? name : "");
    s->id = xstrdup(id ? id : "");
    s->title = xstrdup(title ? title : "");
}

void
view_end_session(struct view *v, unsigned session, uint64_t now_ns)
{
    if (session >= UI_SESSIONS_MAX)
        return;
    v->sessions[session].ended = true;
    v->sessions[session].frozen = false;
    for (size_t i = 0; i < v->n; i++) {
        struct request_update u = {.id = v->rows[i]->request->id,
                                   .state = STATE_WITHDRAWN,
                                   .verdict = VERDICT_WITHDRAWN,
                                   .by = DECIDER_INTERNAL};
        if (v->rows[i]->session == session && view_row_open(v->rows[i]))
            view_update(v, session, &u, now_ns);
    }
    view_set_grants(v, session, NULL, 0, now_ns);
}

void
view_set_frozen(struct view *v, unsigned session, bool frozen)
{
    if (session < UI_SESSIONS_MAX)
        v->sessions[session].frozen = frozen;
}

void
view_set_focus(struct view *v, bool focus, uint64_t now_ns)
{
    v->focus = focus || !v->has_agent;
    v->locked = false;
    v->unknown_ns = 0;
    v->hint = NULL;
    v->flush = true;
    v->scrolling = false;
    view_end_prompt(v);
    view_unshow(v, now_ns);
    if (!v->focus && v->mode != VIEW_DETAIL)
        v->mode = VIEW_LIST;
}

void
view_set_size(struct view *v, unsigned rows, unsigned cols, uint64_t now_ns)
{
    v->small = rows < VIEW_ROWS_MIN || cols < VIEW_COLS_MIN;
    view_unshow(v, now_ns);
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
    if (v->top + rows > v->listed && v->top > 0)
        v->top = v->listed > rows ? v->listed - rows : 0;
}

void
view_fit_lines(struct view *v, size_t lines, size_t rows)
{
    size_t last = lines > rows ? lines - rows : 0;

    v->scroll = v->scroll < last ? v->scroll : last;
}
