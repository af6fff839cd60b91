// SPDX-License-Identifier: Apache-2.0
// Random sequences of events: nothing becomes a decision by accident.
#include <criterion/criterion.h>

#include "view_helpers.h"

// A second, simpler account of what may decide, kept beside the model under test.
struct shadow {
    bool focus, locked, small, help, prefix;
    uint64_t shown; /* id */
    uint64_t quiet_since;
    char typed[64];
    uint64_t confirming; /* id */
};

static void
check_decision(const struct view *v, const struct shadow *s, const struct decision *d, uint32_t key,
               bool alone, uint64_t now, const struct request *before)
{
    cr_assert(s->focus && !s->small && !s->help && !s->prefix && alone);
    cr_assert_eq(d->request, before->id);
    cr_assert_eq(memcmp(d->digest, before->digest, DIGEST_LEN), 0);
    cr_assert_eq(s->shown, before->id);
    if (s->confirming == before->id && key == '\r')
        return;
    cr_assert_not(s->locked);
    cr_assert_geq(now - s->quiet_since, 600 * MS);
    cr_assert(key == 'o' || key == 's' || key == 'd' || key == 'D');
    if (d->verdict == VERDICT_ALLOW)
        cr_assert_neq(before->risk, RISK_HIGH);
    (void)v;
}

static uint32_t
random_key(unsigned *seed)
{
    static const uint32_t often[] = {'o', 's', 'd', 'D', 'j', 'k', '\r', KEYS_PREFIX, 'a', '?', 27};

    return rand_r(seed) % 3 ? often[(size_t)rand_r(seed) % ARRAY_SIZE(often)]
                            : all_keys[(size_t)rand_r(seed) % ARRAY_SIZE(all_keys)];
}

static bool
random_press(struct view *v, struct shadow *s, unsigned *seed, uint64_t now)
{
    const struct view_row *row = view_selected(v);
    cleanup_request struct request *before = row ? request_dup(row->request) : NULL;
    bool waited = row && view_row_waits(row), was_confirming = v->confirming;
    bool alone = rand_r(seed) % 8 != 0;
    uint32_t key = random_key(seed);
    struct decision d;
    enum view_result result;

    if (v->confirming && rand_r(seed) % 2) { /* help it along */
        const char *name = view_confirmation(row->request);
        buf_reset(&v->typed);
        buf_puts(&v->typed, rand_r(seed) % 4 ? name : "other");
        key = '\r';
    }
    s->focus = v->focus;
    s->locked = v->locked;
    s->help = v->mode == VIEW_HELP;
    s->prefix = v->prefix;
    s->confirming = was_confirming && before ? before->id : 0;
    result = press_as(v, key, alone, now, &d);
    if (result == VIEW_DECIDE) {
        cr_assert(waited);
        check_decision(v, s, &d, key, alone, now, before);
    }
    if (s->focus || s->prefix || v->prefix)
        s->quiet_since = now;
    if (v->selected != (before ? before->id : 0) || v->shown == 0)
        s->shown = 0;
    return result == VIEW_DECIDE && d.verdict == VERDICT_ALLOW;
}

Test(view, nothing_becomes_allow_by_accident, .timeout = 100)
{
    unsigned seed = 42, allowed = 0;

    for (int sequence = 0; sequence < 1000; sequence++) {
        VIEW(v);
        struct shadow s = {.quiet_since = now};
        uint64_t id = 1;

        for (int event = 0; event < 300; event++) {
            now += (uint64_t)(rand_r(&seed) % 900) * MS;
            uint64_t selected = v.selected, some = 1 + (uint64_t)rand_r(&seed) % id;
            switch (rand_r(&seed) % 10) {
            case 0:
                view_add(&v, make_request(id++, rand_r(&seed) % 3 ? RISK_NONE : RISK_HIGH), now);
                break;
            case 1:
                finish(&v, some, rand_r(&seed) % 2 ? STATE_ANSWERED : STATE_WITHDRAWN, VERDICT_DENY,
                       now);
                break;
            case 2:
                view_tick(&v, now);
                break;
            case 3:
                s.small = rand_r(&seed) % 4 == 0;
                view_set_size(&v, s.small ? 5 : 24, 80, now);
                s.shown = 0;
                s.quiet_since = now;
                break;
            case 4:
                if (rand_r(&seed) % 2 == 0) {
                    view_set_focus(&v, true, now);
                    s.shown = 0;
                    s.quiet_since = now;
                }
                break;
            case 5:
            case 6:
                if (v.selected && v.mode != VIEW_HELP) {
                    if (s.shown != v.selected)
                        s.quiet_since = now;
                    s.shown = v.selected;
                    show(&v, now);
                }
                break;
            default:
                allowed += random_press(&v, &s, &seed, now);
            }
            if (v.selected != selected)
                s.shown = 0;
            size_t waiting = 0;
            for (size_t i = 0; i < v.n; i++)
                waiting += view_row_waits(&v.rows[i]);
            cr_assert_eq(waiting, v.waiting);
            cr_assert(v.n == 0 || view_selected(&v));
        }
    }
    cr_assert_gt(allowed, 100, "only %u: the sequences prove nothing", allowed);
}
