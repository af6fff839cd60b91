// SPDX-License-Identifier: Apache-2.0
// nono run --record: what the session's terminal shows goes into the record. Output and sizes,
// never what is typed. Main thread.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cast.h"
#include "writer.h"

struct recording {
    struct writer *writer; /* NULL: nothing is recorded */
    struct cast cast;
    uint64_t due_ns; /* monotonic: when the lines so far are to leave; valid while there are any */
    size_t bytes;    /* that left */
    bool full;       /* NONO_RECORDED_MAX is reached */
};

// From a session that started then (CLOCK_REALTIME). w must outlive it.
void recording_start(struct recording *r, struct writer *w, uint64_t start_ns, unsigned rows,
                     unsigned columns);
// Nothing where nothing is recorded. False once, when the limit is reached.
bool recording_output(struct recording *r, const void *data, size_t n);
void recording_resize(struct recording *r, unsigned rows, unsigned columns);
// Hands over what is due. Returns the milliseconds until more is, -1 for never.
int recording_turn(struct recording *r);
// The rest leaves.
void recording_stop(struct recording *r);
