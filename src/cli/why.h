// SPDX-License-Identifier: Apache-2.0
// What nono why has found out. Private to nono why.
#pragma once
#include "enums.h"
#include "policy_options.h"

struct why_answer {
    const char *verdict; /* allow, deny or ask */
    const char *by;      /* enum decider in words, "" when it would ask */
    char *resolved;
    char *rule;   /* what covers or denies it in words; for ask: the nearest */
    char *source; /* what says so: "--deny", "shop.json:7"; "" for nothing */
    enum risk risk;
    char *tags;
    char *allow_with; /* an option that would allow it; "" when none would */
};

// The same judge as the supervisor's, about an address: "host:port", a port (to bind), or a path.
// Names are not looked up. 0, or -EINVAL with *err.
int why_socket(const struct policy_args *p, enum op op, const char *target, struct why_answer *a,
               struct err *err);
