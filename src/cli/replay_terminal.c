// SPDX-License-Identifier: Apache-2.0
#include "replay_terminal.h"

#include <errno.h>
#include <stdlib.h>

#include "cast.h"
#include "clock.h"
#include "util.h"

#define SIZE_MAX_SHOWN 1000        /* rows and columns of the emulator, whatever is recorded */
#define BUDGET_NS (10 * NS_PER_MS) /* for one call: keys are read in between */

struct stretch {
    uint64_t chunk, first_ns;
    uint64_t last_ns;
    unsigned rows, columns;
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

void
replay_terminal_done(struct replay_terminal *t)
{
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

static void
begin(struct replay_terminal *t, struct ui *ui)
{
    t->at = 0;
    t->loaded = false;
    t->begun = true;
    ui_restart_agent(ui, in_bounds(t->stretches[0].rows), in_bounds(t->stretches[0].columns));
}

static void
show_next(struct replay_terminal *t, struct ui *ui)
{
    const struct shown *s = &t->shown[t->next++];
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
    if (!t->begun || real_ns < t->now_ns)
        begin(t, ui);
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
    }
    t->now_ns = real_ns;
    return 0;
}
