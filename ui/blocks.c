// SPDX-License-Identifier: Apache-2.0
#include "blocks.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

#define STALE_MAX (64 * 1024 * 1024)

struct block {
    size_t n;
    bool live;
    _Alignas(max_align_t) char data[];
};

void *
blocks_alloc(size_t n, void *blocks)
{
    struct blocks *b = blocks;
    struct block *block = xcalloc(1, sizeof *block + n);

    if (b->n == b->room) {
        b->room = b->room ? b->room * 2 : 32;
        b->list = xrealloc(b->list, b->room * sizeof(struct block *));
    }
    block->n = n;
    block->live = true;
    b->list[b->n++] = block;
    return block->data;
}

// Frees what is not live.
static void
sweep(struct blocks *b)
{
    size_t n = 0;

    for (size_t i = 0; i < b->n; i++) {
        if (b->list[i]->live)
            b->list[n++] = b->list[i];
        else
            free(b->list[i]);
    }
    b->n = n;
    b->stale = 0;
}

void
blocks_free(void *p, void *blocks)
{
    struct blocks *b = blocks;
    struct block *block;

    if (!p)
        return;
    block = (struct block *)((char *)p - offsetof(struct block, data));
    block->live = false;
    b->stale += block->n;
    if (!b->kept)
        sweep(b);
}

void
blocks_done(struct blocks *b)
{
    for (size_t i = 0; i < b->n; i++)
        b->list[i]->live = false;
    sweep(b);
    free(b->list);
    *b = (struct blocks){0};
}

struct blocks_copy *
blocks_copy(const struct blocks *b)
{
    size_t bytes = 0;
    struct blocks_copy *copy;
    char *to;

    for (size_t i = 0; i < b->n; i++)
        if (b->list[i]->live)
            bytes += sizeof(struct block *) + b->list[i]->n;
    copy = xmalloc(sizeof *copy + bytes);
    *copy = (struct blocks_copy){.generation = b->generation, .bytes = bytes};
    to = copy->data;
    for (size_t i = 0; i < b->n; i++) {
        if (!b->list[i]->live)
            continue;
        memcpy(to, &b->list[i], sizeof(struct block *));
        memcpy(to + sizeof(struct block *), b->list[i]->data, b->list[i]->n);
        to += sizeof(struct block *) + b->list[i]->n;
        copy->n++;
    }
    return copy;
}

bool
blocks_restore(struct blocks *b, const struct blocks_copy *copy)
{
    const char *from = copy->data;

    if (copy->generation != b->generation)
        return false;
    b->stale = 0;
    for (size_t i = 0; i < b->n; i++) {
        b->list[i]->live = false;
        b->stale += b->list[i]->n;
    }
    for (size_t i = 0; i < copy->n; i++) {
        struct block *block;

        memcpy(&block, from, sizeof block);
        memcpy(block->data, from + sizeof block, block->n);
        block->live = true;
        b->stale -= block->n;
        from += sizeof block + block->n;
    }
    return true;
}

void
blocks_trim(struct blocks *b)
{
    if (b->stale <= STALE_MAX)
        return;
    b->generation++;
    sweep(b);
}
