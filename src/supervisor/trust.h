// SPDX-License-Identifier: Apache-2.0
// Instruction files are verified before an open hands them over (policy/trust.h). What is handed
// over under TRUST_DENY is a sealed copy of the very bytes that were verified: nothing that happens
// to the file afterwards changes what the task reads. Under the others it is the file itself.
#pragma once
#include "core.h"
#include "keygen.h"

struct trust;

// What is known of one object, as it was read. Owned by the job that found it out.
struct trust_result {
    bool verified;
    bool first;   /* not told to the record yet in this state */
    bool refused; /* and it is to be refused */
    int copy;     /* sealed, for reading; -1: the object itself is handed over; owned */
    char *detail; /* for a person: "signed by a@example.org"; owned */
};

// NULL when nothing is to be verified. The policy must outlive it; helper (keygen_start(), or -1)
// is taken over.
struct trust *trust_new(const struct trust_policy *p, int helper);
// Freed once no job needs it any more. Takes NULL, returns NULL.
struct trust *trust_free(struct trust *t);

// Is the path an instruction file's as the task wrote it? For struct open_call. Any thread.
bool trust_is_written(const struct supervisor *s, const struct open_call *c);
// Would the open hand over what is in an instruction file? Any thread, without the lock.
bool trust_concerns(const struct supervisor *s, const struct open_call *c,
                    const struct resolved *r);
// The same for what is there by that name and no other.
bool trust_concerns_path(const struct supervisor *s, const struct open_call *c, const char *path);
// A pipe, or a file that has lost its name, behind the name of an instruction file: nobody can have
// signed it. Is it to be refused?
bool trust_refuses_nameless(const struct supervisor *s, const struct open_call *c);
// The same for a file that had the name path before it was removed.
bool trust_refuses_removed(const struct supervisor *s, const struct open_call *c, const char *path);
// Finds out in a worker who signed it, then goes on with open_trusted(). approved: it was decided
// already. c and r stay the caller's.
void trust_verify(struct supervisor *s, const struct open_call *c, const struct resolved *r,
                  bool approved);
// Goes on with what is known. c, r and t stay the caller's (opens.c).
void open_trusted(struct supervisor *s, const struct open_call *c, struct resolved *r,
                  struct trust_result *t, bool approved);
// Hands over the copy, or opens the object. c and r stay the caller's.
void trust_hand_over(struct supervisor *s, const struct open_call *c, const struct resolved *r,
                     struct trust_result *t);
// Puts what was found out into a request, which may be NULL.
void trust_describe(const struct trust_result *t, struct request *q);
// Records, once for each state of a file, that it is handed over although nobody is asked. Takes q
// over, which may be NULL.
void trust_record(struct supervisor *s, struct request *q, struct trust_result *t);
