// SPDX-License-Identifier: Apache-2.0
// The broker: takes requests that no capability covers, puts them to the approver, joins identical
// ones, keeps the decision on its way (decided, recorded, answered) and remembers what it leaves
// behind. No kernel, no clock, no descriptors: what it decides goes out through struct broker_ops.
// Supervisor thread only.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "approver.h"
#include "event.h"
#include "memory.h"
#include "pending.h"
#include "ratelimit.h"

struct broker_ops {
    // Shows a new request; r stays the broker's.
    void (*publish)(void *ctx, const struct request *r);
    void (*update)(void *ctx, const struct request_update *u);
    // Hands a request to the record; takes r over.
    void (*record_request)(void *ctx, struct request *r);
    // Hands a decision to the record; takes d and g over. durable: broker_recorded() will be called
    // with the request's id. -EAGAIN when it can't be taken.
    int (*record_decision)(void *ctx, struct decision *d, struct grant *g, unsigned count,
                           bool durable);
    // Repeats of the refusal of that request, recorded as a count.
    void (*record_repeat)(void *ctx, uint64_t request, enum op op);
    // Answers one parked notification as d says: performs the call or fails it with d->error.
    // Called at most once for each waiter, after the decision is on disk (I5).
    void (*answer)(void *ctx, const struct pending *row, struct waiter *w,
                   const struct decision *d);
    // A grant went live, was used, or is at its end (g->state); g stays the broker's.
    void (*grant)(void *ctx, const struct grant *g);
    // Uses of a grant since the last time, recorded as a count.
    void (*record_uses)(void *ctx, const struct grant *g, uint64_t uses);
    // A grant was taken back by source.
    void (*record_revoke)(void *ctx, const struct grant *g, const char *source);
    // A refusal, for the footer.
    void (*refused)(void *ctx, const struct request *r, enum decider by, enum reason reason);
    // Something a person should know: one display-safe line.
    void (*notice)(void *ctx, const char *text);
};

struct refused_slot {
    uint64_t key;
    uint64_t request;
};

// broker.c: requests and their decisions. rules.c: the grants that decisions leave behind.
struct broker {
    struct pending_table table;
    struct memory memory;
    const struct approver *approver;
    const struct broker_ops *ops;
    void *ctx;
    uint64_t timeout_ns;    /* 0: asks wait for ever */
    struct ratelimit limit; /* of new prompts; set behind broker_init() */
    bool limited;           /* said already that it is exceeded */
    bool closing;           /* every ask is refused from now on */
    bool full;              /* said already that there is no room */
    bool crowded;           /* likewise for grants */
    bool judge_again;       /* a live grant could not answer all that it covers yet */
    bool frozen;        /* the sandbox is stopped: what was sent back may stay away, and no request
                         * runs out */
    uint64_t frozen_ns; /* since then */
    struct refused_slot *refused; /* direct-mapped by key: refusals whose repeats are counted */
    struct stats stats;
};

// caps: whose protected roots no grant answers for; must outlive b.
void broker_init(struct broker *b, const struct approver *approver, uint64_t timeout_ns,
                 const struct capability_set *caps, const struct broker_ops *ops, void *ctx,
                 void (*release_object)(void *), void (*release_call)(void *));
void broker_done(struct broker *b);

// A call that no capability covers. r (unsealed, id 0), object and call are taken over in every
// case. id: the notification's.
void broker_submit(struct broker *b, struct request *r, void *object, uint64_t id, pid_t tid,
                   uint64_t now_ns, void *call);
// As broker_submit(), but what nobody asked before is only asked once broker_ask() says so, or
// broker_ask_late() finds it. The id of that new request; 0: there is none.
uint64_t broker_hold(struct broker *b, struct request *r, void *object, uint64_t id, pid_t tid,
                     uint64_t now_ns, void *call);
// Asks it, unless it is gone or was asked. sha256: of the program that asks; NULL: unknown.
void broker_ask(struct broker *b, uint64_t request, const uint8_t *sha256, uint64_t now_ns);
// Asks what was held for NONO_UNASKED_NS, NONO_ASKED_AT_ONCE at most. To be called in every tick in
// which the record has room for them.
void broker_ask_late(struct broker *b, uint64_t now_ns);
// A refusal that is nobody's question (protected roots, failures of our own): recorded and counted;
// the caller answers. Takes r over.
void broker_refuse(struct broker *b, struct request *r, enum decider by, enum reason reason,
                   uint64_t now_ns);
// What that request was refused is refused again: counted.
void broker_repeat(struct broker *b, uint64_t request, enum op op);
// A person decided; takes d over. 0, -ENOENT unknown request, -EALREADY no longer open, -EBADMSG
// the digest is not that of the facts, -EAGAIN the record is busy, -EOPNOTSUPP a reach that the
// request does not have, -EINVAL.
int broker_decide(struct broker *b, struct decision *d, uint64_t now_ns);
// The record answered.
void broker_recorded(struct broker *b, const struct record_ack *ack, uint64_t now_ns);
// The task of this waiter is gone.
void broker_withdraw(struct broker *b, struct waiter *w, uint64_t now_ns);
// The waiter's call was sent back for a signal and may return.
void broker_detach(struct broker *b, struct waiter *w, uint64_t now_ns);
// Expires what is due, withdraws what did not return.
void broker_tick(struct broker *b, uint64_t now_ns);
// When broker_tick() has something to do although nothing waits; 0 for never.
uint64_t broker_deadline(const struct broker *b);
// The sandbox is stopped, or goes on: as much later, requests run out.
void broker_freeze(struct broker *b, bool on, uint64_t now_ns);
// Every task is gone.
void broker_withdraw_all(struct broker *b, uint64_t now_ns);
// No more questions: every waiting one is refused, and every later one.
void broker_close(struct broker *b, uint64_t now_ns);

// Is there a grant that answers? Then it counts as used by thread tid.
bool broker_answer(struct broker *b, const struct memory_query *q, pid_t tid, uint64_t now_ns,
                   enum verdict *ret_verdict);
// A remembered grant goes live; takes g over. -EINVAL for one that cannot be (it is freed),
// -ENOSPC likewise.
int broker_load(struct broker *b, struct grant *g);
// Takes a grant back, for everything that was not answered yet. -ENOENT when it is not live.
int broker_revoke(struct broker *b, uint64_t id, const char *source, uint64_t now_ns);
// Tells what grants were used since the last time.
void broker_flush_uses(struct broker *b);
