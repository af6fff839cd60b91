// SPDX-License-Identifier: Apache-2.0
// nono export in the formats for collectors: text, an event at a time. Main thread.
#pragma once
#include <stdint.h>
#include <stdio.h>

#include "err.h"
#include "log_print.h"

enum export_format { EXPORT_SQLITE, EXPORT_JSONL, EXPORT_CSV, EXPORT_OTLP, EXPORT_CAST };

struct export_text {
    enum export_format format;
    const char *db;
    char **ids;             /* of the sessions, NULL behind the last; NULL for all */
    const char *output;     /* a file; NULL for standard output */
    const char *checkpoint; /* where the last export ended, a file; NULL for none */
};

// Writes the events; how many in *ret_events. With a checkpoint only those behind it, and only when
// they are all out (a file: on disk) does it move: what a file held behind the checkpoint, from an
// export that was interrupted, is cut off first. 0, or -errno with *err set; *ret_reading says
// whether it was the record that could not be read.
int export_text(const struct export_text *e, uint64_t *ret_events, bool *ret_reading,
                struct err *err);

// Writes the recorded terminal of the session with that id as asciicast v2. As export_text();
// -ENOENT when there is none.
int export_cast(const char *db, const char *id, const char *output, bool *ret_reading,
                struct err *err);

// OpenTelemetry: a line of OTLP/JSON (a whole ExportLogsServiceRequest) for each batch of events.
struct otlp {
    void *records; /* json_t; owned */
    size_t n;
};
void otlp_add(struct otlp *o, const struct event_row *row, FILE *out);
// Writes what was added since the last line.
void otlp_flush(struct otlp *o, FILE *out);
