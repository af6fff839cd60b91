// SPDX-License-Identifier: Apache-2.0
#include "timeline.h"

#include <stdlib.h>

#include "util.h"

void
timeline_add(struct timeline *t, uint64_t real_ns, bool ask, uint64_t idle_ns)
{
    uint64_t at = 0;
    if (t->n) {
        const struct moment *last = &t->moments[t->n - 1];
        // A clock that was set back is no pause.
        uint64_t pause = real_ns > last->real_ns ? real_ns - last->real_ns : 0;
        at = last->at_ns + (idle_ns && pause > idle_ns ? idle_ns : pause);
    }
    if (t->n == t->room) {
        t->room = t->room ? t->room * 2 : 256;
        t->moments = xrealloc(t->moments, t->room * sizeof *t->moments);
    }
    t->moments[t->n++] = (struct moment){.at_ns = at, .real_ns = real_ns, .ask = ask};
}

void
timeline_drop_last(struct timeline *t)
{
    t->n -= t->n > 0;
    if (t->shown > t->n)
        t->shown = t->n;
    if (t->now_ns > timeline_length(t))
        t->now_ns = timeline_length(t);
}

void
timeline_done(struct timeline *t)
{
    free(t->moments);
    *t = (struct timeline){0};
}

uint64_t
timeline_length(const struct timeline *t)
{
    return t->n ? t->moments[t->n - 1].at_ns : 0;
}

bool
timeline_seek(struct timeline *t, uint64_t to_ns)
{
    size_t low = 0, high = t->n, before = t->shown;
    if (to_ns > timeline_length(t))
        to_ns = timeline_length(t);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (t->moments[middle].at_ns <= to_ns)
            low = middle + 1;
        else
            high = middle;
    }
    t->now_ns = to_ns;
    t->shown = low;
    return t->shown != before;
}

bool
timeline_tick(struct timeline *t, uint64_t elapsed_ns)
{
    if (t->paused)
        return false;
    double step = (double)elapsed_ns * t->speed;
    uint64_t length = timeline_length(t);
    return timeline_seek(t, step >= (double)(length - t->now_ns) ? length
                                                                 : t->now_ns + (uint64_t)step);
}

bool
timeline_step(struct timeline *t, int moments)
{
    size_t before = t->shown;
    t->paused = true;
    if (moments < 0)
        t->shown -= (size_t)-moments < t->shown ? (size_t)-moments : t->shown;
    else
        t->shown += (size_t)moments < t->n - t->shown ? (size_t)moments : t->n - t->shown;
    t->now_ns = t->shown ? t->moments[t->shown - 1].at_ns : 0;
    return t->shown != before;
}

bool
timeline_step_ask(struct timeline *t, int direction)
{
    size_t i = t->shown;
    if (direction > 0) {
        while (i < t->n && !t->moments[i].ask)
            i++;
        return i < t->n && timeline_step(t, (int)(i + 1 - t->shown));
    }
    // The newest of what has happened is where one is already.
    for (i = i ? i - 1 : 0; i > 0; i--)
        if (t->moments[i - 1].ask)
            return timeline_step(t, -(int)(t->shown - i));
    return false;
}

uint64_t
timeline_real(const struct timeline *t)
{
    size_t i = t->shown ? t->shown - 1 : 0;
    if (!t->n)
        return 0;
    const struct moment *a = &t->moments[i], *b = i + 1 < t->n ? a + 1 : a;
    if (t->now_ns <= a->at_ns || b->at_ns <= a->at_ns || b->real_ns <= a->real_ns)
        return a->real_ns;
    double part = (double)(t->now_ns - a->at_ns) / (double)(b->at_ns - a->at_ns);
    return a->real_ns + (uint64_t)((double)(b->real_ns - a->real_ns) * (part < 1 ? part : 1));
}

uint64_t
timeline_next(const struct timeline *t)
{
    if (t->paused || t->shown == t->n || t->speed <= 0)
        return UINT64_MAX;
    return (uint64_t)((double)(t->moments[t->shown].at_ns - t->now_ns) / t->speed);
}

void
timeline_change_speed(struct timeline *t, int direction)
{
    double speed = direction > 0 ? t->speed * 2 : t->speed / 2;
    if (speed >= 0.125 && speed <= 1024)
        t->speed = speed;
}
