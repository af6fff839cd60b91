// SPDX-License-Identifier: Apache-2.0
// What this kernel offers, tried in throw-away children: never a comparison of versions. Before any
// thread exists.
#pragma once
#include <stddef.h>

enum probe_weight { PROBE_REQUIRED, PROBE_WANTED };

struct probe_result {
    const char *name;
    enum probe_weight weight;
    int error;           /* 0: works; else a negative errno */
    int value;           /* a version, where the feature has one; else 0 */
    const char *without; /* what its lack means, in words */
};

#define PROBE_MAX 16
// Fills results (room for PROBE_MAX) and returns how many. Takes a few milliseconds.
size_t probe_kernel(struct probe_result *results);
