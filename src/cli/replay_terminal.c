// SPDX-License-Identifier: Apache-2.0
#include "replay_terminal.h"

#include <errno.h>
#include <stdlib.h>

#include "cast.h"
#include "clock.h"
#include "util.h"

#define SIZE_MAX_SHOWN 1000 /* rows and columns of the emulator, whatever is recorded */
#define SPACING (128 * 1024)
#define FRAMES_MAX (128 * 1024 * 1024) /* bytes; beyond, every other one is dropped */
#define BUDGET_NS (10 * NS_PER_MS)     /* for one call: keys are read in between */
#define AHEAD_NS (4 * NS_PER_MS)       /* likewise, when a key may come that has its own to do */

struct stretch {
    uint64_t chunk, first_ns;
    uint64_t last_ns;
    unsigned rows, columns;
};

// The emulator before the stretch at.
struct keyframe {
    size_t at, bytes;
    struct terminal_copy *copy; /* owned */
};

struct shown {
    uint64_t real_ns;
    char code;
    size_t start, n; /* of the text */
    unsigned rows, columns;
};

static int
add_stretch(void *ctx, const struct terminal_row *row)
{
    struct replay_terminal *t = ctx;
    if (t->n && row->chunk <= t->stretches[t->n - 1].chunk)
        return 0;
    if (t->n == t->room) {
        t->room = t->room ? t->room * 2 : 256;
        t->stretches = xrealloc(t->stretches, t->room * sizeof *t->stretches);
    }
    t->stretches[t->n++] = (struct stretch){.chunk = row->chunk,
                                            .first_ns = row->first_ns,
                                            .last_ns = row->last_ns,
                                            .rows = row->rows,
                                            .columns = row->columns};
    return 0;
}

int
replay_terminal_open(struct replay_terminal *t, struct reader *reader,
                     const struct archive_session *session, struct err *err)
{
    *t = (struct replay_terminal){.reader = reader, .session = session, .err = err};
    return replay_terminal_extend(t);
}

int
replay_terminal_extend(struct replay_terminal *t)
{
    return reader_terminal(t->reader, t->session->id, 0, add_stretch, t, t->err);
}

static void
player_done(struct replay_player *p)
{
    free(p->shown);
    buf_done(&p->text);
    *p = (struct replay_player){0};
}

static void
drop_frames(struct replay_terminal *t)
{
    for (size_t i = 0; i < t->frames_n; i++)
        ui_free_copy(t->frames[i].copy);
    t->frames_n = t->frames_bytes = 0;
    t->spacing = SPACING;
    t->ahead_copy = ui_free_copy(t->ahead_copy);
}

// To the begin of a stretch.
static void
place(struct replay_player *p, size_t at)
{
    p->at = at;
    p->since = 0;
    p->loaded = false;
}

void
replay_terminal_done(struct replay_terminal *t)
{
    drop_frames(t);
    free(t->frames);
    free(t->stretches);
    player_done(&t->here);
    player_done(&t->ahead);
    *t = (struct replay_terminal){0};
}

uint64_t
replay_terminal_end(const struct replay_terminal *t)
{
    return t->n ? t->stretches[t->n - 1].last_ns : 0;
}

struct loading {
    struct replay_player *p;
    uint64_t started_ns;
};

static int
add_shown(void *ctx, const struct cast_event *e)
{
    const struct loading *l = ctx;
    struct replay_player *p = l->p;
    if (p->shown_n == p->shown_room) {
        p->shown_room = p->shown_room ? p->shown_room * 2 : 256;
        p->shown = xrealloc(p->shown, p->shown_room * sizeof *p->shown);
    }
    p->shown[p->shown_n++] = (struct shown){.real_ns = l->started_ns + e->at_ns,
                                            .code = e->code,
                                            .start = p->text.len,
                                            .n = e->n,
                                            .rows = e->rows,
                                            .columns = e->columns};
    buf_add(&p->text, e->text, e->n);
    return 0;
}

static int
take_chunk(void *ctx, const struct terminal_row *row)
{
    struct loading *l = ctx;
    if (cast_read(row->data, row->len, add_shown, l) < 0)
        l->p->damaged = true;
    return 0;
}

static int
load(struct replay_terminal *t, struct replay_player *p)
{
    struct loading l = {.p = p, .started_ns = t->session->started_ns};
    p->shown_n = p->next = 0;
    buf_reset(&p->text);
    p->loaded = true;
    return reader_terminal(t->reader, t->session->id, t->stretches[p->at].chunk, take_chunk, &l,
                           t->err);
}

static unsigned
in_bounds(unsigned size)
{
    return size < SIZE_MAX_SHOWN ? size : SIZE_MAX_SHOWN;
}

// Half of the moments are enough to come back to: from one to the next it takes twice as long.
static void
thin_frames(struct replay_terminal *t)
{
    size_t n = 0;
    t->frames_bytes = 0;
    for (size_t i = 0; i < t->frames_n; i++) {
        if (i % 2) {
            ui_free_copy(t->frames[i].copy);
        } else {
            t->frames_bytes += t->frames[i].bytes;
            t->frames[n++] = t->frames[i];
        }
    }
    t->frames_n = n;
    t->spacing *= 2;
}

// Between two stretches.
static void
keep_frame(struct replay_terminal *t, struct replay_player *p, struct ui *ui)
{
    if (t->frames_n && (p->at <= t->frames[t->frames_n - 1].at || p->since < t->spacing))
        return;
    if (t->frames_n == t->frames_room) {
        t->frames_room = t->frames_room ? t->frames_room * 2 : 64;
        t->frames = xrealloc(t->frames, t->frames_room * sizeof *t->frames);
    }
    struct keyframe *f = &t->frames[t->frames_n++];
    f->at = p->at;
    f->copy = ui_copy_agent(ui, &f->bytes);
    t->frames_bytes += f->bytes;
    p->since = 0;
    if (t->frames_bytes > FRAMES_MAX)
        thin_frames(t);
}

static void
begin(struct replay_terminal *t, struct ui *ui)
{
    drop_frames(t);
    place(&t->here, 0);
    place(&t->ahead, 0);
    t->begun = true;
    t->here.now_ns = 0;
    ui_restart_agent(ui, in_bounds(t->stretches[0].rows), in_bounds(t->stretches[0].columns));
    keep_frame(t, &t->here, ui);
}

// To the last moment that is kept and not later; on from here when that is later still.
static void
jump(struct replay_terminal *t, struct ui *ui, uint64_t real_ns)
{
    size_t i = t->frames_n - 1;
    while (i && t->stretches[t->frames[i].at - 1].last_ns > real_ns)
        i--;
    const struct keyframe *f = &t->frames[i];
    if (real_ns >= t->here.now_ns && f->at <= t->here.at)
        return;
    place(&t->here, f->at);
    if (!ui_set_agent(ui, f->copy))
        begin(t, ui);
}

static void
show_next(struct replay_player *p, struct ui *ui)
{
    const struct shown *s = &p->shown[p->next++];
    p->since += s->n;
    if (s->code == 'o')
        ui_agent_output(ui, p->text.data + s->start, s->n);
    else if (s->code == 'r')
        ui_resize_agent(ui, in_bounds(s->rows), in_bounds(s->columns));
    p->now_ns = s->real_ns;
}

// Up to that moment, or until it is time to stop: then 1. 0 or -errno.
static int
play(struct replay_terminal *t, struct replay_player *p, struct ui *ui, uint64_t real_ns,
     uint64_t stop_ns)
{
    while (p->at < t->n && t->stretches[p->at].first_ns <= real_ns) {
        int ret = p->loaded ? 0 : load(t, p);
        if (ret < 0)
            return ret;
        while (p->next < p->shown_n && p->shown[p->next].real_ns <= real_ns) {
            show_next(p, ui);
            if (clock_mono_ns() > stop_ns)
                return 1;
        }
        if (p->next < p->shown_n)
            break;
        p->loaded = false;
        p->at++;
        keep_frame(t, p, ui);
    }
    return 0;
}

int
replay_terminal_show(struct replay_terminal *t, struct ui *ui, uint64_t real_ns)
{
    uint64_t stop = clock_mono_ns() + BUDGET_NS;
    if (!t->n)
        return 0;
    if (!t->begun)
        begin(t, ui);
    jump(t, ui, real_ns);
    int ret = play(t, &t->here, ui, real_ns, stop);
    if (ret == 0)
        t->here.now_ns = real_ns;
    return ret;
}

int
replay_terminal_look_ahead(struct replay_terminal *t, struct ui *ui)
{
    uint64_t stop = clock_mono_ns() + AHEAD_NS;
    size_t bytes;
    if (!t->begun || t->aimless || t->ahead.at == t->n)
        return 0;
    const struct keyframe *last = &t->frames[t->frames_n - 1];
    const struct terminal_copy *from = t->ahead_copy;
    if (!from || t->ahead.at < last->at) {
        place(&t->ahead, last->at);
        from = last->copy;
    }
    struct terminal_copy *back = ui_copy_agent(ui, &bytes);
    int ret = ui_set_agent(ui, from) ? play(t, &t->ahead, ui, UINT64_MAX, stop) : 0;
    t->ahead_copy = ui_free_copy(t->ahead_copy);
    if (ret > 0)
        t->ahead_copy = ui_copy_agent(ui, &bytes);
    // Many changes of size make all copies worthless: the pane starts again, and catches up.
    if (!ui_set_agent(ui, back)) {
        t->aimless = true;
        begin(t, ui);
    }
    ui_free_copy(back);
    return t->aimless ? 1 : ret;
}
