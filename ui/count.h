// SPDX-License-Identifier: Apache-2.0
// How many existing files a rule about a directory would cover, counted in a thread of its own: a
// slow or endless directory holds nobody up. Only counted: nothing is opened but directories, no
// symbolic link is followed, no other file system entered. Places of high risk are looked up by
// their paths besides. Private to ui/.
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define COUNT_LOOK_NS 50000000ull /* how often one that is under way is looked after */
#define COUNT_MAX 10000           /* files; more are not counted */
#define COUNT_NAMED 3
#define COUNT_NAME 64

struct count;

struct count_result {
    size_t files;                        /* COUNT_MAX + 1: more than COUNT_MAX */
    bool whole;                          /* every directory was read */
    unsigned risky;                      /* places and names of high risk there that exist */
    char names[COUNT_NAMED][COUNT_NAME]; /* the first: places from the directory on; maybe cut */
};

// Counts what is no directory in dir, or everywhere below it. risky: absolute paths, and patterns
// of names, up to NULL, or NULL; taken over, list and strings. NULL when too many counts are under
// way: try again later.
struct count *count_start(const char *dir, bool below, char **risky);
// True when it has ended.
bool count_ended(const struct count *c, struct count_result *ret_result);
// Gives it up without waiting: a thread that hangs in the kernel stays behind, and frees what is
// its own when it comes back. Takes NULL, returns NULL.
struct count *count_free(struct count *c);
