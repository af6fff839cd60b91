// SPDX-License-Identifier: Apache-2.0
// What nono why has found out. Private to nono why.
#pragma once
#include <sys/types.h>

#include "enums.h"
#include "policy_options.h"

struct why_args {
    struct policy_args policy;
    struct options options;
    enum op op;
    bool last, json;
    int exec; /* EXEC_*, -1: not given */
    const char *db;
    pid_t task; /* outlook_start() */
};

struct why_answer {
    const char *verdict; /* allow, deny or ask */
    const char *by;      /* enum decider in words, "" when it would ask */
    char *resolved;
    char *interpreter; /* the one of a script that the answer is about; "" else */
    char *rule;        /* what covers or denies it in words; for ask: the nearest */
    char *source;      /* what says so: "--deny", "shop.json:7"; "" for nothing */
    enum risk risk;
    char *tags;
    char *allow_with; /* an option that would allow it; "" when none would */
    char *note;       /* a line more; or NULL */
};
void why_answer_done(struct why_answer *a);

// The same judge as the supervisor's, about a path that is to be read, written or run.
void why_path(const struct why_args *w, const char *target, struct why_answer *a);
// About an address: "host:port", a port (to bind), or a path. Names are not looked up. 0, or
// -EINVAL with *err.
int why_socket(const struct why_args *w, const char *target, struct why_answer *a, struct err *err);
