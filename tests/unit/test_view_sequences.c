// SPDX-License-Identifier: Apache-2.0
// Random sequences of events: nothing becomes a decision by accident.
#include <criterion/criterion.h>
#include <stdio.h>

#include "view_helpers.h"

#define SEQUENCES 100000
#define EVENTS 30

// A second, simpler account of what may decide, kept beside the model under test.
struct shadow {
    bool focus, locked, small, page, prefix;
    uint64_t shown; /* key of the row on the screen, 0 for none */
    unsigned seen,
        there;   /* lines of its target, a bit each: since it is shown, in the last frame */
    bool filled; /* by them, in the detail */
    unsigned shown_reach; /* the rules of the keys when it was drawn last */
    uint64_t shown_for, quiet_since;
    unsigned reach; /* before the key */
    uint64_t for_ns;
    enum view_prompt prompt;
    bool named; /* the prompt holds the right name */
};

static bool
decides(uint32_t key)
{
    return key && key < 0x80 && strchr("otspdDP", (int)key);
}

// The lines that the target of a request takes, all of them.
static unsigned
lines_of(const struct view_row *row)
{
    return row->request->id % 3 == 0 ? 7 : 1;
}

// What was taken, against what the shadow knows from before the key.
static void
check_decision(const struct shadow *s, const struct decision *d, const struct view_row *before,
               unsigned marked, uint32_t key, bool alone, uint64_t now)
{
    bool wide = d->reach != REACH_OBJECT && d->reach != REACH_PORT;
    bool risky = wide || d->scope == SCOPE_ALWAYS || marked > (before->marked ? 1u : 0u) ||
                 before->request->risk == RISK_HIGH;

    cr_assert(s->focus && !s->small && !s->page && !s->prefix && alone);
    cr_assert_eq(s->shown, before->key);
    cr_assert_eq(s->seen, lines_of(before));
    cr_assert(s->there == lines_of(before) || (s->there && s->filled));
    if (s->prompt == VIEW_PROMPT_CONFIRM) {
        cr_assert(s->named && (key == '\r' || key == '\n') && d->verdict == VERDICT_ALLOW);
        return;
    }
    cr_assert_eq(s->prompt, VIEW_PROMPT_NONE);
    cr_assert_not(s->locked);
    cr_assert_eq(s->reach, s->shown_reach);
    cr_assert_eq(s->for_ns, s->shown_for);
    cr_assert_geq(now - s->quiet_since, 600 * MS);
    cr_assert(decides(key));
    if (d->verdict == VERDICT_ALLOW)
        cr_assert_not(risky);
}

static uint32_t
random_key(unsigned *seed)
{
    static const uint32_t often[] = {'o', 't', 's',  'p', 'd', 'D', 'P', 'j',         'k', 'g',
                                     '>', '<', '\r', ' ', '*', '&', 'm', KEYS_PREFIX, 'a', 27};

    return rand_r(seed) % 4 ? often[(size_t)rand_r(seed) % ARRAY_SIZE(often)]
                            : all_keys[(size_t)rand_r(seed) % ARRAY_SIZE(all_keys)];
}

static struct view_row
copy_of(const struct view_row *row)
{
    struct view_row copy = row ? *row : (struct view_row){0};

    copy.request = row ? request_dup(row->request) : NULL;
    return copy;
}

// The name that a confirmation asks for, made without the model.
static bool
name_is(const struct view *v, const char *typed)
{
    const struct view_row *row = view_confirmed_by(v);
    char path[128];
    char *slash;

    if (!row)
        return false;
    snprintf(path, sizeof path, "%s", row->request->resolved);
    slash = strrchr(path, '/');
    if (!v->batch && (v->decision.reach == REACH_DIR || v->decision.reach == REACH_SUBTREE)) {
        *slash = 0;
        slash = strrchr(path, '/');
    }
    return strcmp(slash + 1, typed) == 0;
}

// Helps a confirmation along: mostly the right name, and Enter.
static uint32_t
type_some_name(struct view *v, unsigned *seed)
{
    static const char *const names[] = {".ssh", "id_1", "id_2", "other"};
    const struct view_row *row = view_confirmed_by(v);
    const char *name = names[rand_r(seed) % 4];

    if (row && rand_r(seed) % 4 && !(v->decision.reach == REACH_DIR && !v->batch))
        name = strrchr(row->request->resolved, '/') + 1;
    buf_reset(&v->typed);
    buf_puts(&v->typed, name);
    return '\r';
}

static unsigned
random_press(struct view *v, struct shadow *s, unsigned *seed, uint64_t now)
{
    struct view_row before = copy_of(view_selected(v));
    unsigned allowed = 0, marked = (unsigned)v->marked;
    bool alone = rand_r(seed) % 8 != 0;
    uint32_t key = random_key(seed);
    struct input_key k;
    char raw[2] = {0};

    if (v->prompt == VIEW_PROMPT_CONFIRM && rand_r(seed) % 2)
        key = type_some_name(v, seed);
    s->focus = v->focus;
    s->locked = v->locked;
    s->page = v->mode == VIEW_HELP || v->mode == VIEW_GRANTS;
    s->prefix = v->prefix;
    s->prompt = v->prompt;
    s->reach = v->reach;
    s->for_ns = v->for_ns;
    s->named = v->prompt == VIEW_PROMPT_CONFIRM && name_is(v, buf_str(&v->typed));
    raw[0] = (char)key;
    k = (struct input_key){.code = key, .raw = raw, .raw_len = 1};
    if (view_press(v, &k, alone, now) == VIEW_DECIDE) {
        struct decision d;
        unsigned session, n = 0;
        for (; view_take(v, now, &session, &d); n++) {
            check_decision(s, &d, &before, marked, key, alone, now);
            allowed += d.verdict == VERDICT_ALLOW;
        }
        cr_assert_geq(n, 1);
        cr_assert(n == 1 || n <= marked);
    }
    if (s->focus || s->prefix || v->prefix)
        s->quiet_since = now;
    if (v->selected != before.key || v->shown == 0)
        s->shown = 0;
    request_free(before.request);
    return allowed;
}

// A frame with room for some lines, from one on that the detail was scrolled to.
static void
random_frame(struct view *v, struct shadow *s, unsigned *seed, uint64_t now)
{
    unsigned all = lines_of(view_selected(v)), room = 1 + (unsigned)rand_r(seed) % 4;
    unsigned first = v->mode == VIEW_DETAIL && rand_r(seed) % 2 ? (unsigned)rand_r(seed) % 4 : 0;
    unsigned on = ((1u << room) - 1) << first, there = on & all;

    if (s->shown != v->selected)
        s->seen = 0;
    if (s->shown != v->selected || (s->there != all && there == all))
        s->quiet_since = now;
    s->shown = v->selected;
    s->shown_reach = v->reach;
    s->shown_for = v->for_ns;
    s->there = there;
    s->seen |= there;
    s->filled = v->mode == VIEW_DETAIL && there == on;
    view_displayed(v, v->selected, first, first + room, all == 1 ? 1 : 3, now);
    for (size_t i = 0; i < v->listed; i++)
        v->list[i]->drawn_whole = true;
    view_list_displayed(v, v->top, 4);
}

static void
random_event(struct view *v, struct shadow *s, unsigned *seed, uint64_t now, uint64_t *id)
{
    uint64_t some = 1 + (uint64_t)rand_r(seed) % *id;

    switch (rand_r(seed) % 7) {
    case 0:
        view_add(v, 0, make_request((*id)++, rand_r(seed) % 3 ? RISK_NONE : RISK_HIGH), now);
        break;
    case 1:
        finish(v, some, rand_r(seed) % 2 ? STATE_ANSWERED : STATE_WITHDRAWN, VERDICT_DENY, now);
        break;
    case 2:
        view_tick(v, now);
        break;
    case 3:
        s->small = rand_r(seed) % 4 == 0;
        view_set_size(v, s->small ? 5 : 24, 80, now);
        s->shown = 0;
        s->quiet_since = now;
        break;
    case 4:
        view_set_focus(v, true, now);
        s->shown = 0;
        s->quiet_since = now;
        break;
    default:
        if (v->selected && (v->mode == VIEW_LIST || v->mode == VIEW_DETAIL))
            random_frame(v, s, seed, now);
        break;
    }
}

static void
check_counts(const struct view *v)
{
    size_t waiting = 0, marked = 0;

    for (size_t i = 0; i < v->n; i++) {
        waiting += view_row_waits(v->rows[i]);
        marked += v->rows[i]->marked;
        cr_assert(!v->rows[i]->marked || !v->rows[i]->hidden);
    }
    cr_assert_eq(waiting, v->waiting);
    cr_assert_eq(marked, v->marked);
    cr_assert(v->listed == 0 || view_selected(v));
}

Test(view, nothing_becomes_allow_by_accident, .timeout = 100)
{
    unsigned seed = 42, allowed = 0;

    for (int sequence = 0; sequence < SEQUENCES; sequence++) {
        VIEW(v);
        struct shadow s = {.quiet_since = now};
        uint64_t id = 1;

        for (int event = 0; event < EVENTS; event++) {
            uint64_t selected = v.selected;

            now += (uint64_t)(rand_r(&seed) % 900) * MS;
            if (rand_r(&seed) % 2)
                random_event(&v, &s, &seed, now, &id);
            else
                allowed += random_press(&v, &s, &seed, now);
            if (v.selected != selected)
                s.shown = 0;
            check_counts(&v);
        }
    }
    cr_assert_gt(allowed, SEQUENCES / 100, "only %u: the sequences prove nothing", allowed);
}
