// SPDX-License-Identifier: Apache-2.0
#include "recording.h"

#include <inttypes.h>
#include <stdlib.h>

#include "bounds.h"
#include "clock.h"
#include "util.h"

#define DUE_NS NS_PER_SEC /* how much of it a crash may take */
#define ROOM_MIN 1024     /* slots of the writer that are left to requests and decisions */

void
recording_start(struct recording *r, struct writer *w, uint64_t start_ns, unsigned rows,
                unsigned columns)
{
    *r = (struct recording){.writer = w};
    cast_init(&r->cast, start_ns, rows, columns);
}

// What the writer had no room for is missing, and the recording says where.
static void
tell_lost(struct recording *r)
{
    cleanup_free char *text =
        xasprintf("nono: %" PRIu64 " bytes of output are missing here", r->cast.lost);
    cast_remark(&r->cast, clock_real_ns(), text);
    r->cast.lost = 0;
}

static void
hand_over(struct recording *r)
{
    struct terminal_chunk *t = cast_take(&r->cast);
    if (!t)
        return;
    r->bytes += t->len;
    writer_add_terminal(r->writer, t);
    if (r->cast.lost)
        tell_lost(r);
    r->due_ns = clock_mono_ns() + DUE_NS;
}

bool
recording_output(struct recording *r, const void *data, size_t n)
{
    if (!r->writer || r->full)
        return true;
    if (!r->cast.lines.len)
        r->due_ns = clock_mono_ns() + DUE_NS;
    cast_output(&r->cast, clock_real_ns(), data, n);
    if (r->cast.lines.len >= CAST_CHUNK && writer_room(r->writer) > ROOM_MIN)
        hand_over(r);
    if (r->bytes < NONO_RECORDED_MAX)
        return true;
    r->full = true;
    cast_remark(&r->cast, clock_real_ns(), "nono: the recording ends here, at its limit");
    hand_over(r);
    cleanup_free char *text = xasprintf("the terminal is recorded no further: its recording has"
                                        " %d MiB",
                                        NONO_RECORDED_MAX >> 20);
    writer_add_fault(r->writer, text);
    return false;
}

void
recording_resize(struct recording *r, unsigned rows, unsigned columns)
{
    if (!r->writer || r->full || !rows || !columns)
        return;
    // Before anything was shown it is the size to begin with.
    if (!r->bytes && !r->cast.lines.len) {
        r->cast.rows = rows;
        r->cast.columns = columns;
        return;
    }
    if (!r->cast.lines.len)
        r->due_ns = clock_mono_ns() + DUE_NS;
    cast_resize(&r->cast, clock_real_ns(), rows, columns);
}

int
recording_turn(struct recording *r)
{
    if (!r->writer || !r->cast.lines.len)
        return -1;
    uint64_t now = clock_mono_ns();
    if (now >= r->due_ns) {
        if (writer_room(r->writer) > ROOM_MIN)
            hand_over(r);
        else
            r->due_ns = now + DUE_NS;
    }
    return r->cast.lines.len ? (int)((r->due_ns - now) / NS_PER_MS) + 1 : -1;
}

void
recording_stop(struct recording *r)
{
    if (r->writer)
        hand_over(r);
    cast_done(&r->cast);
    *r = (struct recording){0};
}
