// SPDX-License-Identifier: Apache-2.0
// What the socket family knows beside the call: names, the sandbox's own sockets; and how an
// address stands to the policy with that. Supervisor, under the lock unless it says otherwise.
#pragma once
#include <stdbool.h>
#include <sys/stat.h>

#include "dns.h"
#include "judge.h"
#include "sockets.h"
#include "sockets_own.h"

// A name that a process asked for again soon after it was looked up.
struct asked_name {
    pid_t process; /* 0: none */
    char name[DNS_NAME_MAX];
};

struct sockets {
    struct dns_names *names;
    struct own_sockets *own;
    struct waiting_call *waiting; /* for a name that is being looked up */
    struct name_job *lookups;     /* on their way */
    struct asked_name asked[16];  /* the last ones */
    unsigned n_asked;             /* ever */
    unsigned n_lookups[2];        /* of them those of tasks, and of rules */
    uint64_t started;             /* monotonic */
    bool told_full;               /* that sends hold too much */
    bool told_fds;                /* that descriptors are short */
    bool told;                    /* that sockets cannot be duplicated here */
};

// Once the workers are there: looks the names of rules up.
void sockets_start(struct supervisor *s);
struct sockets *sockets_free(struct supervisor *s);
// At the end: could the first look at the name of a rule still be over soon? Says of which ones it
// is not.
bool sockets_await_rules(const struct supervisor *s, uint64_t now);
void sockets_tell_unresolved(struct supervisor *s);

// How a call stands.
struct socket_facts {
    enum op op;
    struct socket_verdict verdict;
    const char *host;  /* behind the address, or NULL */
    const char *path;  /* of a UNIX socket, or NULL */
    const char *known; /* by this path it was seen as one of high risk, which path does not say */
    bool exists;
    struct stat st; /* of what path names, or its directory */
    struct standing standing;
};
// Sets c->unoffered as well.
void sockets_judge_inet(struct supervisor *s, struct socket_call *c, struct socket_facts *f);
// f->op, path, exists and st are set; r is NULL for a name without a file.
void sockets_judge_unix(struct supervisor *s, const struct socket_call *c, const struct resolved *r,
                        struct socket_facts *f);

// True when the answer depends on a lookup that is on its way, of a rule's name or of what the
// process itself asked for: the call is parked, its arguments taken over, and judged again by
// sockets_judge() when one has ended, or a few seconds later.
bool sockets_wait_for_name(struct supervisor *s, struct socket_call *c,
                           const struct socket_facts *f);
// Judges those that have waited long enough.
void sockets_look_after(struct supervisor *s, uint64_t now);
void sockets_judge(struct supervisor *s, struct socket_call *c);
// I4: nobody in the sandbox reaches what the environment of an approving client names, from now on.
void sockets_approver(struct supervisor *s, const struct socket_policy *named);

// Is it sent to a name server? Without the lock as well.
bool sockets_is_query(const struct socket_call *c);
// Looks up what an allowed query asks for.
void sockets_learn_name(struct supervisor *s, const struct socket_call *c);
