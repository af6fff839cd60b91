// SPDX-License-Identifier: Apache-2.0
// Reading the record: read only, query_only, also while a writer is at work. Any one thread per
// reader.
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
struct reader *reader_close(struct reader *r);

struct session_row {
    const char *id, *name, *cwd;
    const char *argv;
    size_t argv_len;
    pid_t pid;
    uint64_t start_time; /* of the supervisor, with boot_id the name of its process */
    const char *boot_id;
    uint64_t started_ns;
    uint64_t ended_ns; /* 0: no end was recorded (running, or its supervisor was killed) */
    int wait_status;   /* valid when ended_ns */
    uint64_t asked, allowed, refused, floor; /* counts */
};

// One event, in the order of seq. Strings are valid during the callback only; a NULL or negative
// value means "does not apply".
struct event_row {
    uint64_t seq;
    const char *session;
    enum kind kind;
    uint64_t real_ns;
    uint64_t request;
    enum op op;
    const char *target, *resolved, *exe, *cwd, *argv, *tags, *source, *note, *text;
    size_t argv_len;
    unsigned access;
    pid_t pid;
    enum verdict verdict;
    enum scope scope;
    enum reach reach;
    enum decider by;
    enum reason reason;
    enum risk risk;
    uint64_t waited_ms;
    int error;
    uint64_t count; /* requests answered at once, or repeats of an aggregated row */
    uint64_t last_ns;
};

// The callback returns 0 to go on, anything else to stop; that value is then returned.
typedef int (*session_fn)(void *ctx, const struct session_row *row);
typedef int (*event_fn)(void *ctx, const struct event_row *row);

int reader_sessions(struct reader *r, session_fn fn, void *ctx, struct err *err);

struct event_filter {
    const char *session;   /* exact id, NULL for all */
    const char *path_glob; /* matches target or resolved; NULL for all */
    unsigned verdicts;     /* bit mask 1 << enum verdict, 0 for all */
    bool newest;           /* with limit: the newest ones, still oldest first */
    size_t limit;          /* 0 for all */
};
int reader_events(struct reader *r, const struct event_filter *f, event_fn fn, void *ctx,
                  struct err *err);
