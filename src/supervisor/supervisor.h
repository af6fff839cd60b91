// SPDX-License-Identifier: Apache-2.0
// The supervisor, two threads: receives every notification at once, answers what the floor or a
// grant allows, parks the rest with the broker, and never waits for a person (DESIGN 3).
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "approver.h"
#include "capability.h"
#include "decision.h"
#include "err.h"
#include "event.h"
#include "landlock.h"
#include "queue.h"
#include "request.h"
#include "socket_policy.h"
#include "trust_policy.h"

// Where the record goes; called by one of its threads at a time, must not block.
struct supervisor_record {
    void *ctx;
    int (*request)(void *ctx, struct request *r); /* takes r over */
    int (*decision)(void *ctx, struct decision *d, struct grant *g, unsigned count,
                    bool durable); /* takes d and g over */
    int (*count)(void *ctx, const char *what, uint64_t request, enum op op, uint64_t n);
    int (*revoke)(void *ctx, const struct grant *g, const char *source);
    int (*network)(void *ctx, struct network_event *n); /* takes n over */
    size_t (*room)(void *ctx);
};

struct supervisor_options {
    int listener; /* owned by the supervisor from now on */
    pid_t monitor;
    pid_t child;                               /* that becomes the command */
    bool log_allowed;                          /* a row for every access that is allowed */
    const char *exec_ask;                      /* what says that every program is asked about */
    uint64_t caps;                             /* of the sandbox */
    const struct capability_set *capabilities; /* constant, must outlive it */
    const struct floor *floor;                 /* likewise */
    const struct socket_policy *sockets;       /* likewise */
    const struct trust_policy *trust;          /* likewise; NULL: nothing is verified */
    int keygen; /* from keygen_start(), or -1; owned by the supervisor from now on */
    const struct approver *approver;
    uint64_t timeout_ns;
    uint64_t ask_rate, ask_burst;
    const char *home;    /* for risk tags; or NULL */
    struct queue *inbox; /* the supervisor's, made by the caller: acknowledgements go there */
    struct queue *main;
    struct supervisor_record record;
};

struct supervisor;

// Starts the threads. 0 or -errno.
int supervisor_start(const struct supervisor_options *o, struct supervisor **ret_s);
// Grants of former sessions, before the command is let go: n of them, taken over; the array is not.
void supervisor_remember(struct supervisor *s, struct grant **grants, size_t n);
// Waits for the threads, which end after MSG_STOP or when the last task is gone (MSG_DRAINED was
// sent then), and frees everything. Takes NULL, returns NULL.
struct supervisor *supervisor_join(struct supervisor *s);
