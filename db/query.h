// SPDX-License-Identifier: Apache-2.0
// Reading the record: read only, query_only, also while a writer is at work or after one was
// killed. Any one thread per reader.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "enums.h"
#include "err.h"

struct reader;

// 0, or -errno with what is wrong with which file in *err (-ENOENT: nothing recorded yet).
int reader_open(const char *path, struct reader **ret_r, struct err *err);
// Takes NULL, returns NULL.
struct reader *reader_close(struct reader *r);

struct session_row {
    const char *id, *name, *cwd;
    const char *argv; /* each word ended by NUL */
    size_t argv_len;
    pid_t pid;
    uint64_t start_time; /* of the supervisor, with boot_id the name of its process */
    const char *boot_id;
    uint32_t uid;
    uint64_t started_ns;
    uint64_t ended_ns; /* 0: no end was recorded (running, or its supervisor was killed) */
    int wait_status;   /* valid when ended_ns; -1: the command never started */
    // Counts: requests; calls that decisions and grants let through, that they refused; accesses
    // that the floor allowed; requests without a decision.
    uint64_t asked, allowed, refused, floor, waiting;
};

// One event, in the order of seq. Strings are valid during the callback only; a NULL or negative
// value means "does not apply". Words that this nono does not know come as the _INVALID value.
struct event_row {
    uint64_t seq;
    const char *session;
    enum kind kind;
    uint64_t real_ns;
    uint64_t request; /* 0: none */
    enum op op;
    const char *target, *resolved, *exe, *cwd, *argv, *tags, *source, *note;
    const char *text; /* fault: what; session_end: "exit N", "signal N" or "never started" */
    size_t argv_len;
    unsigned access;
    pid_t pid;
    enum verdict verdict;
    enum scope scope;
    enum reach reach;
    enum decider by;
    enum reason reason;
    enum risk risk;
    int64_t waited_ms;
    int error;
    uint64_t count;   /* decision: calls it answered, repeats included; grant: its uses; else 0 */
    uint64_t last_ns; /* of the last of them, 0 when there is but the first */
    bool decided;     /* request: a decision was recorded */
};

// The callback returns 0 to go on, anything else to stop; that value is then returned.
typedef int (*session_fn)(void *ctx, const struct session_row *row);
typedef int (*event_fn)(void *ctx, const struct event_row *row);

// Oldest first.
int reader_sessions(struct reader *r, session_fn fn, void *ctx, struct err *err);

struct event_filter {
    const char *const *sessions; /* exact ids, NULL behind the last; NULL for all */
    const char *path_glob;       /* see path_matches(), against target and resolved; NULL for all */
    unsigned verdicts;           /* bit mask 1 << enum verdict, 0 for all */
    uint64_t since_ns;           /* at or after; 0 for all */
    uint64_t until_ns;           /* before; 0 for all */
    bool outcomes; /* per request its decision, or itself while it has none; and faults */
    bool newest;   /* with limit: the newest ones, still in the order asked for */
    bool reverse;  /* newest first */
    size_t limit;  /* 0 for all */
};
// Session by session in order of their starts, each in order of seq; streamed: nothing is held in
// memory but the current row.
int reader_events(struct reader *r, const struct event_filter *f, event_fn fn, void *ctx,
                  struct err *err);

// Does glob name path? '*' crosses slashes; a pattern without a wildcard also names what is below
// it, and without a slash the last component.
bool path_matches(const char *glob, const char *path);
