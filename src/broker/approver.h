// SPDX-License-Identifier: Apache-2.0
// An approver: whom a request is put to. One file section and one line of the table each.
// Supervisor thread.
#pragma once
#include "request.h"

enum approver_answer {
    APPROVER_LATER, /* asked; a decision comes by message, or the timer ends it */
    APPROVER_ALLOW, /* allowed by the options of the session */
    APPROVER_DENY,
};

struct approver {
    const char *name; /* the value of --on-ask */
    enum approver_answer (*ask)(const struct request *r);
};

// NULL for an unknown name.
const struct approver *approver_find(const char *name);
