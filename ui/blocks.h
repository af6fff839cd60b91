// SPDX-License-Identifier: Apache-2.0
// The memory of an emulator, which can be copied and set back as a whole: what was given back stays
// as long as a copy may want it. Private to terminal.c. One owner.
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct block;

struct blocks {
    struct block **list; /* owned */
    size_t n, room;
    bool kept;           /* there may be copies */
    size_t stale;        /* bytes of what was given back since */
    unsigned generation; /* of the copies that can be set back */
};

struct blocks_copy {
    unsigned generation;
    size_t n, bytes;
    char data[];
};

// For an allocator: zeroed memory; p as it was given.
void *blocks_alloc(size_t n, void *blocks);
void blocks_free(void *p, void *blocks);
void blocks_done(struct blocks *b);
// Freed with free(). b->kept must hold.
struct blocks_copy *blocks_copy(const struct blocks *b);
// Every block is as it was, at its place. False when the copy is too old.
bool blocks_restore(struct blocks *b, const struct blocks_copy *copy);
// Not in the middle of the emulator's work: gives up the copies when they keep too much.
void blocks_trim(struct blocks *b);
