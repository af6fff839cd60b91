// SPDX-License-Identifier: Apache-2.0
#include "path_index.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

struct path_root {
    const char *path; /* NULL: the slot is free */
    size_t len;
    uint32_t hash;
    size_t row;
};

// The length and the last bytes tell roots apart well enough, and cost the same for a long one.
// They are the user's own, not the sandbox's: nobody chooses them to collide.
static uint32_t
hash_of(const char *path, size_t len)
{
    uint32_t last = 0;
    memcpy(&last, path + (len > sizeof last ? len - sizeof last : 0),
           len > sizeof last ? sizeof last : len);
    return (last ^ (uint32_t)len) * 2654435761u;
}

static uint64_t
length_bit(size_t len)
{
    return (uint64_t)1 << (len < 63 ? len : 63);
}

static size_t
slot_of(const struct path_index *ix, uint32_t hash)
{
    return (hash >> 16 ^ hash) & (ix->size - 1);
}

static void
insert(struct path_index *ix, struct path_root r)
{
    size_t slot = slot_of(ix, r.hash);
    while (ix->slots[slot].path)
        slot = (slot + 1) & (ix->size - 1);
    ix->slots[slot] = r;
}

void
path_index_add(struct path_index *ix, const char *root, size_t row)
{
    struct path_root r = {.path = root, .len = strlen(root), .row = row};
    r.hash = hash_of(root, r.len);
    if (2 * ++ix->n > ix->size) {
        struct path_index old = *ix;
        ix->size = old.size ? 2 * old.size : 64;
        ix->slots = xcalloc(ix->size, sizeof *ix->slots);
        for (size_t i = 0; i < old.size; i++)
            if (old.slots[i].path)
                insert(ix, old.slots[i]);
        free(old.slots);
    }
    insert(ix, r);
    ix->lengths |= length_bit(r.len);
}

void
path_index_done(struct path_index *ix)
{
    free(ix->slots);
    *ix = (struct path_index){0};
}

struct path_walk
path_walk_start(const struct path_index *ix, const char *path)
{
    return (struct path_walk){.index = ix, .path = path};
}

// Takes the next component in that ends where a root may: "/" first.
static bool
walk_on(struct path_walk *w)
{
    const struct path_index *ix = w->index;
    size_t i = w->len;
    if (i == 0 && w->path[0] != '/')
        return false;
    while (w->path[i]) {
        i++;
        if (i > 1)
            while (w->path[i] && w->path[i] != '/')
                i++;
        if (!(ix->lengths & length_bit(i)))
            continue;
        w->len = i;
        w->hash = hash_of(w->path, i);
        w->slot = slot_of(ix, w->hash);
        return w->probing = true;
    }
    return false;
}

bool
path_walk_next(struct path_walk *w, size_t *ret_row)
{
    while (w->probing || walk_on(w)) {
        const struct path_root *r = &w->index->slots[w->slot];
        w->slot = (w->slot + 1) & (w->index->size - 1);
        w->probing = r->path;
        if (r->path && r->hash == w->hash && r->len == w->len &&
            memcmp(r->path, w->path, r->len) == 0) {
            *ret_row = r->row;
            return true;
        }
    }
    return false;
}
