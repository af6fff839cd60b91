// SPDX-License-Identifier: Apache-2.0
// One line of the plain mode, taken apart. Pure.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "enums.h"

enum plain_verb {
    PLAIN_EMPTY,
    PLAIN_ALLOW,
    PLAIN_DENY,
    PLAIN_SHOW,
    PLAIN_LIST,
    PLAIN_GRANTS,
    PLAIN_REVOKE,
    PLAIN_FREEZE,
    PLAIN_THAW,
    PLAIN_HELP,
    PLAIN_QUIT,
};

struct plain_line {
    enum plain_verb verb;
    char session[64]; /* of "7f3a/31", or of freeze and thaw; "" when it was not said */
    uint64_t id;      /* of a request, or of a grant */
    enum scope scope;
    uint64_t for_ns;
    enum reach reach; /* _REACH_INVALID when it was not said */
    bool program;
    const char *note; /* points into the line; NULL for none */
};

// "allow 31", "allow 7f3a/31 for 15m reach dir note because", "deny 31 session", "show 31", ...
// NULL when it was understood, else what is wrong with it, in words.
const char *plain_parse(const char *line, struct plain_line *ret_line);
