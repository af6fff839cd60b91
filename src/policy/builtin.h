// SPDX-License-Identifier: Apache-2.0
// The profiles of assets/profiles, embedded when nono is built (assets/profiles/embed.cmake).
#pragma once
#include <stddef.h>

struct builtin_profile {
    const char *name; /* "default" */
    const char *text; /* of its file; no NUL at the end */
    size_t len;
};

extern const struct builtin_profile builtin_profiles[]; /* name NULL ends it */
