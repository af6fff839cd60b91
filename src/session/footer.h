// SPDX-License-Identifier: Apache-2.0
// What was refused, for the end of nono run. Main thread.
#pragma once
#include <stdbool.h>
#include <stdio.h>

#include "event.h"

struct footer {
    struct refusal **items; /* the first few distinct ones */
    size_t n;
    size_t total;
    bool proxy_only; /* --proxy-port: no flag allows another connection */
};

// Takes r over.
void footer_add(struct footer *f, struct refusal *r);
// Prints it with the flags that would allow each. Foreign bytes are escaped.
void footer_print(const struct footer *f, const char *session, FILE *out);
void footer_done(struct footer *f);
