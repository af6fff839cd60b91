// SPDX-License-Identifier: Apache-2.0
// Decisions: what a key would do to which requests, the name that confirms it, and handing it out.
// The guards that let a key come this far are view_lock()'s.
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "display.h"
#include "reach.h"
#include "util.h"
#include "view_internal.h"

static const struct {
    enum keys_command command;
    enum verdict verdict;
    enum scope scope;
} decide_keys[] = {
    {KEYS_ALLOW_ONCE, VERDICT_ALLOW, SCOPE_ONCE},
    {KEYS_ALLOW_TIME, VERDICT_ALLOW, SCOPE_TIME},
    {KEYS_ALLOW_SESSION, VERDICT_ALLOW, SCOPE_SESSION},
    {KEYS_ALLOW_ALWAYS, VERDICT_ALLOW, SCOPE_ALWAYS},
    {KEYS_DENY_ONCE, VERDICT_DENY, SCOPE_ONCE},
    {KEYS_DENY_SESSION, VERDICT_DENY, SCOPE_SESSION},
    {KEYS_DENY_ALWAYS, VERDICT_DENY, SCOPE_ALWAYS},
};

bool
view_must_confirm(const struct request *r, enum scope scope, enum reach reach)
{
    return r->risk == RISK_HIGH || scope == SCOPE_ALWAYS || reach_is_wide(reach);
}

// A single decision has one row, a batch the marked ones.
static bool
is_target(const struct view *v, const struct view_row *row)
{
    return view_row_waits(row) && (v->batch ? row->marked : row->key == v->selected);
}

struct view_row *
view_confirmed_by(const struct view *v)
{
    struct view_row *row = view_selected(v), *named = row && row->marked ? row : NULL;

    if (!v->batch)
        return row;
    // Nobody allows what is of high risk by the name of something else.
    for (size_t i = 0; i < v->listed; i++)
        if (v->list[i]->marked && (!named || v->list[i]->request->risk > named->request->risk))
            named = v->list[i];
    return named;
}

size_t
view_marked_high(const struct view *v)
{
    size_t n = 0;
    for (size_t i = 0; i < v->listed; i++)
        n += v->list[i]->marked && v->list[i]->request->risk == RISK_HIGH;
    return n;
}

static enum view_result
begin_taking(struct view *v)
{
    v->take_from = v->take_left = 0;
    for (size_t i = 0; i < v->n; i++) {
        v->rows[i]->going = is_target(v, v->rows[i]);
        v->take_left += v->rows[i]->going;
    }
    view_end_prompt(v);
    return v->take_left ? VIEW_DECIDE : VIEW_NOTHING;
}

static void
push_undo(struct view *v, const struct view_row *row)
{
    if (v->n_undo == VIEW_UNDO_MAX)
        memmove(v->undo, v->undo + 1, --v->n_undo * sizeof(*v->undo));
    v->undo[v->n_undo++] = (struct view_undo){
        .session = row->session, .request = row->request->id, .scope = v->decision.scope};
}

static void
take_row(struct view *v, struct view_row *row, uint64_t now_ns, struct decision *ret_d)
{
    enum reach steps[REACH_STEPS];
    uint64_t raised = row->request->raised_mono_ns;

    *ret_d = v->decision;
    ret_d->request = row->request->id;
    memcpy(ret_d->digest, row->request->digest, DIGEST_LEN);
    if (v->batch) {
        reach_ladder(row->request, steps);
        ret_d->reach = steps[0];
    }
    ret_d->note = v->note.len ? v->note.data : NULL;
    ret_d->keys_ignored = row->keys_ignored;
    ret_d->waited_ms = now_ns > raised ? (now_ns - raised) / NS_PER_MS : 0;
    push_undo(v, row);
    view_set_mark(v, row, false);
    row->going = false;
    row->sent_ns = now_ns ? now_ns : 1;
    v->waiting--;
}

void
view_take_row(struct view *v, struct view_row *row, const struct decision *what, uint64_t now_ns,
              struct decision *ret_d)
{
    v->batch = false;
    v->decision = *what;
    take_row(v, row, now_ns, ret_d);
}

bool
view_take(struct view *v, uint64_t now_ns, unsigned *ret_session, struct decision *ret_d)
{
    uint64_t next;

    while (v->take_left && v->take_from < v->n) {
        struct view_row *row = v->rows[v->take_from++];

        if (!row->going || !view_row_waits(row))
            continue;
        v->take_left--;
        *ret_session = row->session;
        take_row(v, row, now_ns, ret_d);
        return true;
    }
    v->take_left = 0;
    buf_reset(&v->note);
    // On to the next one, which has to be displayed and quiet like any other.
    next = v->waiting ? view_next_waiting(v) : 0;
    if (next && !view_row_waits(view_selected(v))) {
        view_select(v, next, now_ns);
        v->flush = true;
    }
    return false;
}

static bool
all_seen(const struct view *v)
{
    for (size_t i = 0; i < v->n; i++)
        if (v->rows[i]->marked && !v->rows[i]->seen)
            return false;
    return true;
}

enum view_result
view_press_decide(struct view *v, enum keys_command command, uint64_t now_ns)
{
    const struct view_row *row = view_selected(v);
    enum reach steps[REACH_STEPS];
    size_t n = reach_ladder(row->request, steps), k = 0;
    bool allow;

    while (decide_keys[k].command != command)
        k++;
    allow = decide_keys[k].verdict == VERDICT_ALLOW;
    v->batch = v->marked > (row->marked ? 1u : 0u);
    v->decision = (struct decision){
        .verdict = decide_keys[k].verdict,
        .scope = decide_keys[k].scope,
        .reach = decide_keys[k].scope == SCOPE_ONCE || v->batch ? steps[0]
                 : v->reach < n                                 ? steps[v->reach]
                                                                : steps[n - 1],
        .program = v->program && decide_keys[k].scope != SCOPE_ONCE && !v->batch,
        .by = DECIDER_USER,
        .reason = allow ? REASON_NONE : REASON_USER_DENIED,
        .error = allow ? 0 : EACCES,
        .for_ns = decide_keys[k].scope == SCOPE_TIME ? v->for_ns : 0,
    };
    if (row->request->peer.abstract && decide_keys[k].scope != SCOPE_ONCE) {
        v->hint = "an abstract socket has no owner: it is decided each time, by o or d";
        return VIEW_NOTHING;
    }
    if (allow && v->batch && !all_seen(v)) {
        v->hint = "not all of the marked ones were on the screen: go over each of them first";
        return VIEW_NOTHING;
    }
    if (allow &&
        (v->batch || view_must_confirm(row->request, v->decision.scope, v->decision.reach))) {
        v->prompt = VIEW_PROMPT_CONFIRM;
        buf_reset(&v->typed);
        return VIEW_NOTHING;
    }
    return begin_taking(v);
}

// What is asked for may hold characters that no keyboard types: the escaped forms count as well.
static bool
confirmed(const struct view *v, const struct request *r)
{
    cleanup_free char *name = reach_name(r, v->batch ? REACH_OBJECT : v->decision.reach);
    cleanup_free char *shown = display_str(name, 0), *ascii = display_str(name, DISPLAY_ASCII);

    return v->typed.len > 0 &&
           (strcmp(buf_str(&v->typed), shown) == 0 || strcmp(buf_str(&v->typed), ascii) == 0);
}

enum view_result
view_press_confirm(struct view *v, bool alone, uint64_t now_ns)
{
    const struct view_row *row = view_selected(v), *named = view_confirmed_by(v);
    bool bound = row && named && view_row_waits(row) && view_row_waits(named) &&
                 v->shown == v->selected && v->shown_revision == v->revision && !v->away &&
                 !v->small;

    if (!bound) {
        view_end_prompt(v);
        v->hint = "not allowed; it waits on";
        return VIEW_NOTHING;
    }
    if (!alone)
        return VIEW_NOTHING;
    if (confirmed(v, named->request))
        return begin_taking(v);
    view_end_prompt(v);
    v->hint = "that is not its name: not allowed; it waits on";
    return VIEW_NOTHING;
}

void
view_change_reach(struct view *v, bool wider, uint64_t now_ns)
{
    const struct view_row *row = view_selected(v);
    enum reach steps[REACH_STEPS];
    size_t n = row ? reach_ladder(row->request, steps) : 0;

    if (!row)
        return;
    if (wider ? v->reach + 1 >= n : v->reach == 0) {
        v->hint = wider ? "there is no wider rule for this" : "there is no narrower rule for this";
        return;
    }
    v->reach = wider ? v->reach + 1 : v->reach - 1;
    v->revision++;
}

void
view_change_program(struct view *v)
{
    const struct view_row *row = view_selected(v);

    if (!row)
        return;
    if (!request_names_program(row->request)) {
        v->hint = "a rule for one program is for sockets, and for a program that has a file";
        return;
    }
    v->program = !v->program;
    v->revision++;
}

void
view_change_duration(struct view *v, uint64_t now_ns)
{
    static const uint64_t minutes[] = {5, 15, 60, 240};
    size_t i = 0;

    while (i < ARRAY_SIZE(minutes) && minutes[i] * 60 * NS_PER_SEC != v->for_ns)
        i++;
    v->for_ns = minutes[(i + 1) % ARRAY_SIZE(minutes)] * 60 * NS_PER_SEC;
    v->revision++;
}
