// SPDX-License-Identifier: Apache-2.0
// What the families have in common once a target is held: how it stands to the capabilities, the
// request that is made of it, and where that goes. With the lock held unless it says otherwise.
#pragma once
#include <sys/stat.h>

#include "core.h"

// How a path stands. Reads what is constant only: any thread, without the lock.
struct standing {
    struct judgement
        j;        /* j.protected_: nobody can grant it (I7), and j.by says whose refusal it is */
    bool covered; /* the capabilities give it */
    bool inside;  /* covered, and there is no hole: the floor gives it as well */
};
void judge_path(const struct supervisor *s, const char *path, unsigned access,
                struct standing *ret_st);
// Can it be judged? Of what has too long a path the place is known, a directory above: enough where
// that gives the access, and nothing below it is refused or at least not what is meant. moves: with
// all that is below it. Any thread, without the lock. Ends r->whole.
bool judge_knows(const struct supervisor *s, struct resolved *r, unsigned access, bool moves);
// Adds what is known of the object that the path led to: it may be refused under another name.
void judge_object(const struct supervisor *s, const struct stat *st, struct standing *standing);

// What a request is made of, beside what is read of the task.
struct facts {
    const struct call *call;
    enum op op;
    unsigned access;
    uint64_t flags;
    uint32_t mode;
    const char *target; /* as the task wrote it */
    size_t target_len;
    const char *resolved;
    const struct stat *st; /* of the object, or its directory */
    bool exists;
    struct standing *standing;
};
struct object judge_facts(bool exists, const struct stat *st);
// NULL when the task is gone. The caller owns it.
struct request *judge_request(struct supervisor *s, const struct facts *f);

// Says that it is asked because of --exec ask, whatever covers it.
void judge_asks_programs(const struct supervisor *s, struct request *q);
// Adds what path is worth to the risk and the tags of q.
void judge_add_risk(const struct supervisor *s, struct request *q, const char *path);
// At least that risk, and the tag if it is not there yet; NULL for none.
void judge_add_tag(struct request *q, enum risk risk, const char *tag);
// What is remembered for the call of thread tid, counted as used: ALLOW, DENY, or _VERDICT_INVALID.
enum verdict judge_remembered(struct supervisor *s, const struct memory_query *q, pid_t tid);

// Is what is allowed to be recorded one by one? Constant: any thread, without the lock.
static inline bool
judge_logs_allowed(const struct supervisor *s)
{
    return s->o.log_allowed;
}
// Records an access that is about to be allowed by the policy (DECIDER_FLOOR) or by a grant
// (DECIDER_RULE), as a request and its decision; where it is counted does not change. Takes q over,
// which may be NULL.
void judge_log_allowed(struct supervisor *s, const struct call *c, struct request *q,
                       enum decider by);

// Refuses what nobody can grant. Takes q over, which may be NULL.
void judge_refuse_protected(struct supervisor *s, const struct call *c, struct request *q,
                            const struct standing *standing);
// Refuses: the call gets error (a positive errno), the record a request and its refusal if the
// asker still waits, so that the facts are its own. Takes q over, which may be NULL.
void judge_refuse(struct supervisor *s, const struct call *c, struct request *q, enum decider by,
                  enum reason reason, int error);
// Refuses the use of what was made outside the sandbox and is nobody's to grant: EACCES, recorded.
// Without the lock.
void judge_refuse_outside(struct supervisor *s, const struct call *c, enum op op, unsigned access,
                          const char *target, const char *what);
// Asks: parks a copy of the call with the object. Takes all three over; q may be NULL.
void judge_ask(struct supervisor *s, struct call *copy, struct request *q, struct held *object);
// The kernel goes on with the call, bounded by the floor (I2). Without a floor there is nothing
// that bounds what a racing thread could swap in: the call gets error (positive), or EACCES for 0.
// Without the lock as well.
void judge_native(struct supervisor *s, const struct call *c, int error);
