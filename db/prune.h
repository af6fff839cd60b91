// SPDX-License-Identifier: Apache-2.0
// Retention. What goes leaves a signed line in the journal: how many events there were, and the
// hash of the last one; the record still verifies. First go the counts and recorded terminals of
// sessions, which grow large; decisions, and all else about a session, only where that is asked
// for, and never those that left a remembered grant in force, nor a session that runs.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

struct prune_options {
    uint64_t before_ns; /* sessions that ended before that; 0: none for their age */
    uint64_t max_bytes; /* the oldest, until the record is that small; 0: however large it is */
    bool decisions;     /* whole sessions */
    bool dry_run;       /* only say */
    // Does the supervisor of a session without an end still run?
    bool (*alive)(pid_t pid, uint64_t start_time, const char *boot_id);
};

struct prune_result {
    uint64_t thinned;                   /* sessions whose counts and terminal went */
    uint64_t pruned;                    /* sessions that went */
    uint64_t events;                    /* of those */
    uint64_t held;                      /* sessions that stay for the sake of a remembered grant */
    uint64_t bytes_before, bytes_after; /* what is in use */
    bool shrunk; /* the file gave its free space back; else it is used for what comes */
};

// 0, or -errno with *err set. key: see struct writer_options.
int prune_record(const char *path, const char *key, const struct prune_options *o,
                 struct prune_result *ret_result, struct err *err);
