// SPDX-License-Identifier: Apache-2.0
#include "tally.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

static uint32_t
hash_bytes(const char *s, size_t n)
{
    uint64_t h = 0xcbf29ce484222325ull;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)s[i]) * 0x100000001b3ull;
    return (uint32_t)(h ^ h >> 32);
}

// The slot of the key, or the free one where it belongs.
static struct tally_slot *
slot_of(const struct tally *t, const char *key, size_t n, uint32_t hash)
{
    size_t mask = t->room * 2 - 1, i = hash & mask;
    for (; t->slots[i].entry; i = (i + 1) & mask) {
        if (t->slots[i].hash != hash)
            continue;
        const struct tally_entry *e = &t->entries[t->slots[i].entry - 1];
        if (e->key_len == n && memcmp(e->key, key, n) == 0)
            break;
    }
    return &t->slots[i];
}

static void
grow(struct tally *t)
{
    struct tally_slot *old = t->slots;
    size_t old_n = t->room * 2;
    t->room = t->room ? t->room * 2 : 64;
    t->entries = xrealloc(t->entries, t->room * sizeof *t->entries);
    t->slots = xcalloc(t->room * 2, sizeof *t->slots);
    for (size_t i = 0; i < old_n; i++) {
        if (!old[i].entry)
            continue;
        size_t at = old[i].hash & (t->room * 2 - 1);
        while (t->slots[at].entry)
            at = (at + 1) & (t->room * 2 - 1);
        t->slots[at] = old[i];
    }
    free(old);
}

void
tally_add(struct tally *t, const char *key, size_t key_len, const struct tally_entry *e)
{
    if (t->n == t->room)
        grow(t);
    uint32_t hash = hash_bytes(key, key_len);
    struct tally_slot *slot = slot_of(t, key, key_len, hash);
    if (!slot->entry) {
        t->entries[t->n] = (struct tally_entry){.key = xstrndup(key, key_len), .key_len = key_len};
        *slot = (struct tally_slot){.entry = (uint32_t)++t->n, .hash = hash};
    }
    struct tally_entry *entry = &t->entries[slot->entry - 1];
    entry->n += e->n;
    entry->asked += e->asked;
    entry->allowed += e->allowed;
    entry->refused += e->refused;
}

static int
by_count(const void *a, const void *b)
{
    const struct tally_entry *x = a, *y = b;
    if (x->n != y->n)
        return x->n > y->n ? -1 : 1;
    return strcmp(x->key, y->key);
}

static int
by_name(const void *a, const void *b)
{
    const struct tally_entry *x = a, *y = b;
    return strcmp(x->key, y->key);
}

void
tally_sort(struct tally *t, bool by_key)
{
    free(t->slots);
    t->slots = NULL;
    if (t->n)
        qsort(t->entries, t->n, sizeof *t->entries, by_key ? by_name : by_count);
}

void
tally_done(struct tally *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->entries[i].key);
    free(t->entries);
    free(t->slots);
}
