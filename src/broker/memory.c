// SPDX-License-Identifier: Apache-2.0
#include "memory.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "capability.h"
#include "util.h"

#define BUCKETS 1024

static size_t
path_bucket(const char *path, size_t n)
{
    uint64_t h = 0xcbf29ce484222325ull;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)path[i]) * 0x100000001b3ull;
    return h % BUCKETS;
}

void
memory_init(struct memory *m)
{
    *m = (struct memory){.next_id = 1};
    m->buckets = xcalloc(BUCKETS, sizeof(*m->buckets));
}

void
memory_done(struct memory *m)
{
    for (size_t i = 0; i < m->n; i++)
        grant_free(m->grants[i]);
    free(m->grants);
    free(m->chain);
    free(m->buckets);
    *m = (struct memory){0};
}

struct grant *
memory_grant_for(struct memory *m, const struct request *r, const struct decision *d)
{
    if (d->scope != SCOPE_SESSION || (d->verdict != VERDICT_ALLOW && d->verdict != VERDICT_DENY))
        return NULL;
    struct grant *g = grant_new();
    *g = (struct grant){.id = m->next_id++,
                        .request = r->id,
                        .verdict = d->verdict,
                        .op = r->op,
                        .access = r->access,
                        .scope = d->scope,
                        .reach = d->reach,
                        .path = xstrdup(r->resolved),
                        .created_real_ns = d->real_ns};
    if (r->object.exists) {
        g->dev = r->object.dev;
        g->ino = r->object.ino;
    }
    return g;
}

int
memory_add(struct memory *m, struct grant *g)
{
    if (m->n >= NONO_GRANTS_MAX)
        return -ENOSPC;
    if (m->n == m->room) {
        m->room = m->room ? m->room * 2 : 32;
        m->grants = xrealloc(m->grants, m->room * sizeof(*m->grants));
        m->chain = xrealloc(m->chain, m->room * sizeof(*m->chain));
    }
    size_t b = path_bucket(g->path, strlen(g->path));
    m->grants[m->n] = g;
    m->chain[m->n] = m->buckets[b];
    m->buckets[b] = ++m->n;
    if (g->reach != REACH_OBJECT)
        m->n_wide++;
    return 0;
}

// An allow answers for what it gives; a denial for everything that holds what was denied, and a
// denied write for every write.
static bool
grant_answers(const struct grant *g, unsigned access)
{
    if (g->verdict == VERDICT_ALLOW)
        return (access & ~g->access) == 0;
    if (g->access & ACCESS_WRITE)
        return access & ACCESS_WRITE;
    return (access & g->access) == g->access;
}

static bool
grant_covers(const struct grant *g, const char *path, uint64_t dev, uint64_t ino)
{
    switch (g->reach) {
    case REACH_OBJECT:
        return strcmp(g->path, path) == 0 && g->dev == dev && g->ino == ino;
    case REACH_SUBTREE:
        return path_is_below(path, g->path);
    case REACH_DIR: {
        const char *slash = strrchr(path, '/');
        size_t n = slash == path ? 1 : (size_t)(slash - path);
        return strncmp(g->path, path, n) == 0 && g->path[n] == 0;
    }
    case REACH_PORT:
    case REACH_HOST:
    case _REACH_MAX:
    case _REACH_INVALID:
        break;
    }
    return false;
}

struct grant *
memory_lookup(struct memory *m, const char *path, uint64_t dev, uint64_t ino, unsigned access)
{
    struct grant *found = NULL;
    size_t len = strlen(path);
    if (m->n == 0)
        return NULL;
    for (;;) {
        for (size_t i = m->buckets[path_bucket(path, len)]; i; i = m->chain[i - 1]) {
            struct grant *g = m->grants[i - 1];
            if (!grant_covers(g, path, dev, ino) || !grant_answers(g, access))
                continue;
            if (g->verdict == VERDICT_DENY)
                return g;
            found = g;
        }
        // Only grants with a wider reach are kept under a path above the target's own.
        if (!m->n_wide || len <= 1)
            return found;
        while (len > 1 && path[--len] != '/')
            ;
    }
}
