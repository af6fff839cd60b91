// SPDX-License-Identifier: Apache-2.0
// Counts by key: a hash table that becomes a sorted list. One owner.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tally_entry {
    char *key; /* owned bytes, NUL-terminated */
    size_t key_len;
    uint64_t n, asked, allowed, refused;
};

struct tally_slot {
    uint32_t entry; /* index + 1, 0 for none */
    uint32_t hash;  /* of its key: most others are told apart without a look at them */
};

struct tally {
    struct tally_entry *entries;
    size_t n, room;
    struct tally_slot *slots; /* twice room; gone once sorted */
};

// Adds the counts of e (not its key) to those of the key.
void tally_add(struct tally *t, const char *key, size_t key_len, const struct tally_entry *e);
// Largest n first, or in order of the keys. Nothing can be added after that.
void tally_sort(struct tally *t, bool by_key);
void tally_done(struct tally *t);
