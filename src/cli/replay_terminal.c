// SPDX-License-Identifier: Apache-2.0
#include "replay_terminal.h"

#include <errno.h>
#include <stdlib.h>

#include "cast.h"
#include "clock.h"
#include "util.h"

#define SIZE_MAX_SHOWN 1000 /* rows and columns of the emulator, whatever is recorded */
#define SPACING (256 * 1024)
#define FRAMES_MAX (128 * 1024 * 1024) /* bytes; beyond, every other one is dropped */
#define BUDGET_NS (10 * NS_PER_MS)     /* for one call: keys are read in between */

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
    return reader_terminal(reader, session->id, 0, add_stretch, t, err);
}

static void
drop_frames(struct replay_terminal *t)
{
    for (size_t i = 0; i < t->frames_n; i++)
        ui_free_copy(t->frames[i].copy);
    t->frames_n = t->frames_bytes = 0;
    t->spacing = SPACING;
}

void
replay_terminal_done(struct replay_terminal *t)
{
    drop_frames(t);
    free(t->frames);
    free(t->stretches);
    free(t->shown);
    buf_done(&t->text);
    *t = (struct replay_terminal){0};
}

uint64_t
replay_terminal_end(const struct replay_terminal *t)
{
    return t->n ? t->stretches[t->n - 1].last_ns : 0;
}

static int
add_shown(void *ctx, const struct cast_event *e)
{
    struct replay_terminal *t = ctx;
    if (t->shown_n == t->shown_room) {
        t->shown_room = t->shown_room ? t->shown_room * 2 : 256;
        t->shown = xrealloc(t->shown, t->shown_room * sizeof *t->shown);
    }
    t->shown[t->shown_n++] = (struct shown){.real_ns = t->session->started_ns + e->at_ns,
                                            .code = e->code,
                                            .start = t->text.len,
                                            .n = e->n,
                                            .rows = e->rows,
                                            .columns = e->columns};
    buf_add(&t->text, e->text, e->n);
    return 0;
}

static int
take_chunk(void *ctx, const struct terminal_row *row)
{
    struct replay_terminal *t = ctx;
    if (cast_read(row->data, row->len, add_shown, t) < 0)
        t->damaged = true;
    return 0;
}

static int
load(struct replay_terminal *t)
{
    t->shown_n = t->next = 0;
    buf_reset(&t->text);
    t->loaded = true;
    return reader_terminal(t->reader, t->session->id, t->stretches[t->at].chunk, take_chunk, t,
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
keep_frame(struct replay_terminal *t, struct ui *ui)
{
    if (t->frames_n && (t->at <= t->frames[t->frames_n - 1].at || t->since < t->spacing))
        return;
    if (t->frames_n == t->frames_room) {
        t->frames_room = t->frames_room ? t->frames_room * 2 : 64;
        t->frames = xrealloc(t->frames, t->frames_room * sizeof *t->frames);
    }
    struct keyframe *f = &t->frames[t->frames_n++];
    f->at = t->at;
    f->copy = ui_copy_agent(ui, &f->bytes);
    t->frames_bytes += f->bytes;
    t->since = 0;
    if (t->frames_bytes > FRAMES_MAX)
        thin_frames(t);
}

static void
begin(struct replay_terminal *t, struct ui *ui)
{
    drop_frames(t);
    t->at = t->since = 0;
    t->loaded = false;
    t->begun = true;
    t->now_ns = 0;
    ui_restart_agent(ui, in_bounds(t->stretches[0].rows), in_bounds(t->stretches[0].columns));
    keep_frame(t, ui);
}

// To the last moment that is kept and not later; on from here when that is later still.
static void
jump(struct replay_terminal *t, struct ui *ui, uint64_t real_ns)
{
    size_t i = t->frames_n - 1;
    while (i && t->stretches[t->frames[i].at - 1].last_ns > real_ns)
        i--;
    const struct keyframe *f = &t->frames[i];
    if (real_ns >= t->now_ns && f->at <= t->at)
        return;
    t->at = f->at;
    t->loaded = false;
    t->since = 0;
    if (!ui_set_agent(ui, f->copy))
        begin(t, ui);
}

static void
show_next(struct replay_terminal *t, struct ui *ui)
{
    const struct shown *s = &t->shown[t->next++];
    t->since += s->n;
    if (s->code == 'o')
        ui_agent_output(ui, t->text.data + s->start, s->n);
    else if (s->code == 'r')
        ui_resize_agent(ui, in_bounds(s->rows), in_bounds(s->columns));
    t->now_ns = s->real_ns;
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
    while (t->at < t->n && t->stretches[t->at].first_ns <= real_ns) {
        int ret = t->loaded ? 0 : load(t);
        if (ret < 0)
            return ret;
        while (t->next < t->shown_n && t->shown[t->next].real_ns <= real_ns) {
            show_next(t, ui);
            if (clock_mono_ns() > stop)
                return 1;
        }
        if (t->next < t->shown_n)
            break;
        t->loaded = false;
        t->at++;
        keep_frame(t, ui);
    }
    t->now_ns = real_ns;
    return 0;
}
