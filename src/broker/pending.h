// SPDX-License-Identifier: Apache-2.0
// The pending table: requests that wait, each with the parked notifications that joined it.
// Supervisor thread only.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "decision.h"
#include "request.h"

// One parked notification. The fields behind `next` are the supervisor's: the broker carries them.
struct waiter {
    struct waiter *next, **link; /* in its row; what points to it */
    struct waiter *by_tid;       /* hash chain */
    struct pending *row;
    size_t index; /* in waiters[] */
    uint64_t id;  /* of the notification; 0: sent back for a signal, expected again */
    pid_t tid;
    uint64_t start_time; /* of tid: with it, the thread for good */
    uint64_t since_ns;   /* monotonic: parked, or sent back */
    unsigned looks;      /* the supervisor's: how often it was looked after */
    void *call;          /* what the supervisor needs to answer it; owned */
};

struct pending {
    struct request *request; /* owned */
    enum state state;
    struct decision *decision; /* owned; NULL before STATE_DECIDED */
    struct grant *grant; /* what it will leave behind once it is recorded; owned, may be NULL */
    uint64_t rules[2];   /* ids of the grants that decided; 0 for none */
    uint64_t left;       /* id of the grant that its decision left behind; 0 for none */
    bool revoked;        /* one of these was taken back: nothing is allowed by it any more */
    bool limited;        /* came when there were too many: nobody is asked */
    struct waiter *waiters;
    unsigned n_waiters;
    void *object; /* the held object; the supervisor's, released by table->release_object */
    uint64_t key; /* hash of what makes requests identical */
    struct pending *by_key, *by_id; /* hash chains */
    size_t index;                   /* in rows[] */
};

struct pending_table {
    struct pending **rows; /* unordered */
    size_t n, room;
    struct waiter **waiters; /* of all rows, unordered */
    size_t n_waiters, room_waiters;
    struct pending **by_key, **by_id;
    struct waiter **by_tid;
    uint64_t next_id;
    void (*release_object)(void *object);
    void (*release_call)(void *call);
};

void pending_init(struct pending_table *t, void (*release_object)(void *),
                  void (*release_call)(void *));
void pending_done(struct pending_table *t);

// Hash of what makes requests identical: the operation with all that it would do, the program, and
// both ends with their objects.
uint64_t pending_key(const struct request *r);
// A number for a request that gets no row.
uint64_t pending_next_id(struct pending_table *t);
// The newest row of a request identical to r, or NULL; whether it takes a waiter more is for the
// caller to see.
struct pending *pending_find_same(struct pending_table *t, const struct request *r);
// The place that the thread of r has in any row identical to r, or NULL. A thread makes one call at
// a time: what comes from it now has taken the place of what it made before.
struct waiter *pending_find_waiter(struct pending_table *t, const struct request *r, pid_t tid);
struct pending *pending_find(struct pending_table *t, uint64_t id);

// Adds a row in STATE_NEW; takes r (its id is set here) and object over. -ENOSPC when the table is
// full: r and object are still the caller's then.
int pending_add(struct pending_table *t, struct request *r, void *object, struct pending **ret_row);
// Parks a notification in the row; takes call over. -ENOSPC when there are too many.
int pending_park(struct pending_table *t, struct pending *row, uint64_t id, pid_t tid,
                 uint64_t start_time, uint64_t now_ns, void *call);
// Unlinks and frees one waiter.
void pending_unpark(struct pending_table *t, struct waiter *w);
// The only function that changes a row's state. -EINVAL when the table of moves has no such move.
int pending_move(struct pending *row, enum state to);
// Removes the row with all its waiters.
void pending_remove(struct pending_table *t, struct pending *row);
