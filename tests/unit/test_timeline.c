// SPDX-License-Identifier: Apache-2.0
// The playhead of a replay: pure, so every property can be tried.
#include <criterion/criterion.h>

#include "clock.h"
#include "timeline.h"

static unsigned seed = 7;

static unsigned
pick(unsigned n)
{
    seed = seed * 1103515245 + 12345;
    return (seed >> 16) % n;
}

static void
fill(struct timeline *t, size_t n, uint64_t idle_ns)
{
    uint64_t now = 1700000000ull * NS_PER_SEC;
    *t = (struct timeline){.speed = 1};
    for (size_t i = 0; i < n; i++) {
        now += pick(5) ? pick(1000) * NS_PER_MS : pick(100) * NS_PER_SEC;
        // The clock is set back now and then.
        uint64_t real_ns = pick(50) ? now : now - 30 * NS_PER_SEC;
        timeline_add(t, real_ns, pick(3) == 0, idle_ns);
    }
}

static void
check(const struct timeline *t)
{
    cr_assert(t->shown <= t->n && t->now_ns <= timeline_length(t));
    // What has happened lies before the playhead, what has not does not.
    cr_assert(!t->shown || t->moments[t->shown - 1].at_ns <= t->now_ns);
    cr_assert(t->shown == t->n || t->moments[t->shown].at_ns >= t->now_ns);
}

Test(timeline, moments_are_in_order_and_pauses_are_cut)
{
    struct timeline t;
    fill(&t, 2000, 2 * NS_PER_SEC);
    cr_assert(t.moments[0].at_ns == 0);
    for (size_t i = 1; i < t.n; i++) {
        uint64_t pause = t.moments[i].at_ns - t.moments[i - 1].at_ns;
        cr_assert(t.moments[i].at_ns >= t.moments[i - 1].at_ns && pause <= 2 * NS_PER_SEC);
    }
    timeline_done(&t);
}

Test(timeline, any_sequence_keeps_the_playhead_in_place)
{
    struct timeline t;
    fill(&t, 300, 0);
    for (int i = 0; i < 100000; i++) {
        size_t before = t.shown;
        bool changed = false;
        switch (pick(7)) {
        case 0:
            changed = timeline_tick(&t, pick(5000) * NS_PER_MS);
            break;
        case 1:
            changed = timeline_seek(&t, (uint64_t)pick(10000) * NS_PER_SEC);
            break;
        case 2:
            changed = timeline_step(&t, (int)pick(7) - 3);
            break;
        case 3:
            changed = timeline_step_ask(&t, 1);
            cr_assert(!changed || t.moments[t.shown - 1].ask);
            break;
        case 4:
            changed = timeline_step_ask(&t, -1);
            cr_assert(!changed || (t.shown < before && t.moments[t.shown - 1].ask));
            break;
        case 5:
            timeline_change_speed(&t, pick(2) ? 1 : -1);
            cr_assert(t.speed >= 0.125 && t.speed <= 1024);
            break;
        default:
            t.paused = pick(2);
            break;
        }
        cr_assert(changed == (t.shown != before), "%d", i);
        check(&t);
    }
    timeline_done(&t);
}

Test(timeline, time_alone_shows_everything)
{
    struct timeline t;
    fill(&t, 200, NS_PER_SEC);
    timeline_seek(&t, 0);
    t.speed = 4;
    uint64_t real = 0;
    while (t.shown < t.n) {
        uint64_t next = timeline_next(&t);
        cr_assert(next != UINT64_MAX);
        timeline_tick(&t, next + 1);
        real += next + 1;
        check(&t);
    }
    cr_assert(real / 4 <= timeline_length(&t) && real * 5 >= timeline_length(&t));
    cr_assert(timeline_next(&t) == UINT64_MAX);
    t.paused = true;
    cr_assert(!timeline_tick(&t, NS_PER_SEC));
    timeline_done(&t);
}

Test(timeline, without_a_moment)
{
    struct timeline t = {.speed = 1};
    cr_assert(!timeline_tick(&t, NS_PER_SEC) && !timeline_step(&t, 1) && !timeline_step(&t, -1));
    cr_assert(!timeline_step_ask(&t, 1) && !timeline_step_ask(&t, -1) && timeline_length(&t) == 0);
}

Test(timeline, real_time_runs_faster_where_a_pause_was_cut)
{
    struct timeline t = {.speed = 1};
    cr_assert(timeline_real(&t) == 0);
    timeline_add(&t, 100 * NS_PER_SEC, false, NS_PER_SEC);
    timeline_add(&t, 100 * NS_PER_SEC + NS_PER_MS, false, NS_PER_SEC);
    timeline_add(&t, 200 * NS_PER_SEC, false, NS_PER_SEC);
    timeline_add(&t, 150 * NS_PER_SEC, false, NS_PER_SEC); /* the clock was set back */
    timeline_seek(&t, 0);
    cr_assert(timeline_real(&t) == 100 * NS_PER_SEC);
    timeline_seek(&t, NS_PER_MS / 2);
    cr_assert(timeline_real(&t) == 100 * NS_PER_SEC + NS_PER_MS / 2);
    timeline_seek(&t, NS_PER_MS + NS_PER_SEC / 2);
    cr_assert(timeline_real(&t) / NS_PER_SEC == 150);
    uint64_t last = 0;
    for (uint64_t at = 0; at < NS_PER_SEC; at += NS_PER_SEC / 64) {
        timeline_seek(&t, at);
        cr_assert(timeline_real(&t) >= last);
        last = timeline_real(&t);
    }
    timeline_seek(&t, timeline_length(&t));
    cr_assert(timeline_real(&t) == 150 * NS_PER_SEC);
    timeline_done(&t);
}
