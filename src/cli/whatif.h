// SPDX-License-Identifier: Apache-2.0
// What a policy would say of recorded requests. The facts are those of the record: what lies on the
// disk now plays no part; only symbolic links in the policy's own paths are followed as they are
// here. Main thread.
#pragma once
#include "archive.h"
#include "capability.h"
#include "profile.h"
#include "socket_policy.h"

enum whatif_verdict { WHATIF_ALLOW, WHATIF_DENY, WHATIF_ASK, WHATIF_UNKNOWN };

struct whatif {
    struct profile profile;
    struct capability_set set;
    struct socket_policy sockets;
    char *home, *dir; /* owned */
    char *workdir;    /* that set was made for; owned */
};

// Loads the profile. 0 or -errno with *err.
int whatif_init(struct whatif *w, const char *policy, struct err *err);
void whatif_done(struct whatif *w);
// The policy as it would be for a session that starts in workdir (absolute). 0 or -errno with *err.
int whatif_for(struct whatif *w, const char *workdir, struct err *err);
// What it says of the request that row is about (or answers). *ret_source: which line says so, ""
// for none; valid until the next whatif_for().
enum whatif_verdict whatif_judge(const struct whatif *w, const struct event_row *row,
                                 const char **ret_source);

// How a recorded answer and a new verdict differ, the most dangerous first.
enum whatif_change {
    WHATIF_WIDENED, /* deny>allow */
    WHATIF_BROKEN,  /* allow>deny */
    WHATIF_SAVED,   /* ask>allow */
    WHATIF_REFUSED, /* ask>deny */
    WHATIF_NOT_KNOWN,
    WHATIF_SAME,
    _WHATIF_CHANGE_MAX,
};
// "deny>allow", ..., "unknown", "same".
const char *whatif_change_to_string(enum whatif_change c);
enum whatif_change whatif_compare(const struct event_row *row, enum whatif_verdict now);
// A connection that the old policy allowed by itself is an event, but no request. False: row is
// none. Whether a UNIX socket was the sandbox's own, or a port was bound by it before, is not in
// it: such a one is WHATIF_NOT_KNOWN, counted apart from what lacks a fact. *ret_allowed is row
// with what was decided then.
bool whatif_judge_network(const struct whatif *w, const struct event_row *row,
                          struct event_row *ret_allowed, enum whatif_change *ret_change,
                          const char **ret_source);
