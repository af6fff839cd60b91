// SPDX-License-Identifier: Apache-2.0
// The formats of nono log. One thread. Foreign bytes go through base/display.h.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "query.h"

enum session_state { SESSION_RUNNING, SESSION_EXITED, SESSION_CRASHED };
const char *session_state_to_string(enum session_state s);

// A session as the log lists it. Strings are owned.
struct log_session {
    char *id, *name, *cwd, *argv;
    size_t argv_len;
    enum session_state state;
    int wait_status; /* SESSION_EXITED */
    uint64_t started_ns, ended_ns;
    uint64_t asked, allowed, refused, floor, waiting;
};

struct log_printer {
    FILE *out;
    bool color;
    unsigned display; /* DISPLAY_ASCII or 0 */
    uint64_t now_ns;  /* real time: how long a request waits */
    bool json;        /* an array, not lines */
    size_t printed;   /* objects so far */
    int day;          /* of the last line, as in struct tm; the date is printed when it changes */
    int year;
};

// Short format: a line about a session; a line about what came of a request, or a fault.
void log_print_session(struct log_printer *p, const struct log_session *s);
void log_print_outcome(struct log_printer *p, const struct log_session *s,
                       const struct event_row *row);

// JSON: between begin and end an object per event.
void log_begin_json(struct log_printer *p);
void log_print_json(struct log_printer *p, const struct event_row *row);
void log_end_json(struct log_printer *p);
