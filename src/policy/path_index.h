// SPDX-License-Identifier: Apache-2.0
// Which of many roots (paths) lie at or above a path: found by one walk over its components,
// however many roots there are. On every supervised call's way.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct path_root;

struct path_index {
    struct path_root *slots; /* open addressing; size is a power of two, more than half are free */
    size_t size, n;
    uint64_t lengths; /* bit i: a root of i bytes, the last bit: of that many or more */
};

// Adds a root, absolute and without a trailing slash but for "/", under a number that path_walk()
// gives back. The text stays the caller's, and must outlive the index.
void path_index_add(struct path_index *ix, const char *root, size_t row);
void path_index_done(struct path_index *ix);

struct path_walk {
    const struct path_index *index;
    const char *path;
    size_t len; /* bytes of path walked so far */
    uint32_t hash;
    size_t slot;
    bool probing;
};

// Starts at the root; path must outlive the walk. A path that is not absolute is below nothing.
struct path_walk path_walk_start(const struct path_index *ix, const char *path);
// The next root at or above the path, the shortest first. False when there is none any more.
bool path_walk_next(struct path_walk *w, size_t *ret_row);
