// SPDX-License-Identifier: Apache-2.0
// How many existing files a rule about a directory would cover, counted in a thread of its own: a
// slow or endless directory holds nobody up. Only counted: nothing is opened but directories, no
// symbolic link is followed, no other file system entered. Private to ui/.
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define COUNT_MAX 10000 /* files; more are not counted */

struct count;

struct count_result {
    size_t files; /* COUNT_MAX + 1: more than COUNT_MAX */
    bool whole;   /* every directory was read */
};

// Counts what is no directory in dir, or everywhere below it. NULL when too many counts are under
// way: try again later.
struct count *count_start(const char *dir, bool below);
// True when it has ended.
bool count_ended(const struct count *c, struct count_result *ret_result);
// Gives it up without waiting: a thread that hangs in the kernel stays behind, and frees what is
// its own when it comes back. Takes NULL, returns NULL.
struct count *count_free(struct count *c);
