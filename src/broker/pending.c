// SPDX-License-Identifier: Apache-2.0
#include "pending.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "util.h"

#define BUCKETS 4096

#define TO(s) (1u << STATE_##s)
// The life of a request. What is not here cannot happen.
static const unsigned allowed_moves[_STATE_MAX] = {
    [STATE_NEW] = TO(ASKED) | TO(DECIDED) | TO(WITHDRAWN),
    [STATE_ASKED] = TO(DECIDED) | TO(EXPIRED) | TO(WITHDRAWN),
    [STATE_DECIDED] = TO(RECORDED) | TO(WITHDRAWN),
    [STATE_EXPIRED] = TO(RECORDED),
    [STATE_RECORDED] = TO(ANSWERED) | TO(WITHDRAWN),
};

int
pending_move(struct pending *row, enum state to)
{
    if ((int)to < 0 || to >= _STATE_MAX || !(allowed_moves[row->state] & (1u << to)))
        return -EINVAL;
    row->state = to;
    return 0;
}

static uint64_t
hash_bytes(uint64_t h, const void *data, size_t n)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * 0x100000001b3ull;
    return h;
}

static uint64_t
hash_string(uint64_t h, const char *s)
{
    return s ? hash_bytes(h, s, strlen(s) + 1) : h;
}

uint64_t
pending_key(const struct request *r)
{
    const uint64_t numbers[] = {r->op, r->access, r->object.exists, r->object.dev, r->object.ino};
    uint64_t h = hash_bytes(0xcbf29ce484222325ull, numbers, sizeof numbers);
    h = hash_bytes(h, &r->exe_state, sizeof r->exe_state);
    h = hash_string(h, r->resolved);
    h = hash_string(h, r->resolved2);
    h = hash_string(h, r->detail);
    return hash_bytes(h, r->exe, strlen(r->exe));
}

static bool
object_same(const struct object *a, const struct object *b)
{
    return a->exists == b->exists && a->dev == b->dev && a->ino == b->ino;
}

static bool
string_same(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool
peer_same(const struct endpoint *a, const struct endpoint *b)
{
    return a->family == b->family && a->type == b->type && a->port == b->port &&
           a->scope_id == b->scope_id && a->abstract == b->abstract &&
           memcmp(a->addr, b->addr, sizeof a->addr) == 0;
}

static bool
request_same(const struct request *a, const struct request *b)
{
    return a->op == b->op && a->access == b->access && object_same(&a->object, &b->object) &&
           object_same(&a->object2, &b->object2) && peer_same(&a->peer, &b->peer) &&
           a->has_sha256 == b->has_sha256 && memcmp(a->sha256, b->sha256, SHA256_LEN) == 0 &&
           string_same(a->resolved, b->resolved) && string_same(a->resolved2, b->resolved2) &&
           string_same(a->detail, b->detail) && string_same(a->interpreter, b->interpreter) &&
           string_same(a->host, b->host) && string_same(a->exe, b->exe) &&
           file_state_same(&a->exe_state, &b->exe_state);
}

void
pending_init(struct pending_table *t, void (*release_object)(void *), void (*release_call)(void *))
{
    *t = (struct pending_table){
        .next_id = 1, .release_object = release_object, .release_call = release_call};
    t->by_key = xcalloc(BUCKETS, sizeof(*t->by_key));
    t->by_id = xcalloc(BUCKETS, sizeof(*t->by_id));
    t->by_tid = xcalloc(BUCKETS, sizeof(*t->by_tid));
}

void
pending_done(struct pending_table *t)
{
    while (t->n)
        pending_remove(t, t->rows[t->n - 1]);
    free(t->rows);
    free(t->waiters);
    free(t->by_key);
    free(t->by_id);
    free(t->by_tid);
    *t = (struct pending_table){0};
}

struct pending *
pending_find_same(struct pending_table *t, const struct request *r)
{
    uint64_t key = pending_key(r);
    for (struct pending *p = t->by_key[key % BUCKETS]; p; p = p->by_key)
        if (p->key == key && request_same(p->request, r))
            return p;
    return NULL;
}

struct waiter *
pending_find_waiter(struct pending_table *t, const struct request *r, pid_t tid)
{
    for (struct waiter *w = t->by_tid[(size_t)tid % BUCKETS]; w; w = w->by_tid)
        if (w->tid == tid && w->start_time == r->start_time && request_same(w->row->request, r))
            return w;
    return NULL;
}

uint64_t
pending_next_id(struct pending_table *t)
{
    return t->next_id++;
}

struct pending *
pending_find(struct pending_table *t, uint64_t id)
{
    for (struct pending *p = t->by_id[id % BUCKETS]; p; p = p->by_id)
        if (p->request->id == id)
            return p;
    return NULL;
}

int
pending_add(struct pending_table *t, struct request *r, void *object, struct pending **ret_row)
{
    if (t->n >= NONO_PENDING_MAX)
        return -ENOSPC;
    if (t->n == t->room) {
        t->room = t->room ? t->room * 2 : 64;
        t->rows = xrealloc(t->rows, t->room * sizeof(*t->rows));
    }
    struct pending *p = xcalloc(1, sizeof(*p));
    r->id = pending_next_id(t);
    *p = (struct pending){.request = r, .object = object, .key = pending_key(r), .index = t->n};
    p->by_key = t->by_key[p->key % BUCKETS];
    t->by_key[p->key % BUCKETS] = p;
    p->by_id = t->by_id[r->id % BUCKETS];
    t->by_id[r->id % BUCKETS] = p;
    t->rows[t->n++] = p;
    *ret_row = p;
    return 0;
}

int
pending_park(struct pending_table *t, struct pending *row, uint64_t id, pid_t tid,
             uint64_t start_time, uint64_t now_ns, void *call)
{
    if (t->n_waiters >= NONO_WAITERS_MAX)
        return -ENOSPC;
    if (t->n_waiters == t->room_waiters) {
        t->room_waiters = t->room_waiters ? t->room_waiters * 2 : 64;
        t->waiters = xrealloc(t->waiters, t->room_waiters * sizeof(*t->waiters));
    }
    struct waiter **chain = &t->by_tid[(size_t)tid % BUCKETS], *w = xcalloc(1, sizeof(*w));
    *w = (struct waiter){.next = row->waiters,
                         .link = &row->waiters,
                         .by_tid = *chain,
                         .row = row,
                         .index = t->n_waiters,
                         .id = id,
                         .tid = tid,
                         .start_time = start_time,
                         .since_ns = now_ns,
                         .call = call};
    if (w->next)
        w->next->link = &w->next;
    row->waiters = *chain = w;
    row->n_waiters++;
    t->waiters[t->n_waiters++] = w;
    return 0;
}

void
pending_unpark(struct pending_table *t, struct waiter *w)
{
    struct waiter **chain = &t->by_tid[(size_t)w->tid % BUCKETS];
    while (*chain != w)
        chain = &(*chain)->by_tid;
    *chain = w->by_tid;
    *w->link = w->next;
    if (w->next)
        w->next->link = w->link;
    w->row->n_waiters--;
    t->waiters[w->index] = t->waiters[--t->n_waiters];
    t->waiters[w->index]->index = w->index;
    t->release_call(w->call);
    free(w);
}

void
pending_remove(struct pending_table *t, struct pending *row)
{
    while (row->waiters)
        pending_unpark(t, row->waiters);
    struct pending **link = &t->by_key[row->key % BUCKETS];
    while (*link != row)
        link = &(*link)->by_key;
    *link = row->by_key;
    link = &t->by_id[row->request->id % BUCKETS];
    while (*link != row)
        link = &(*link)->by_id;
    *link = row->by_id;
    t->rows[row->index] = t->rows[--t->n];
    t->rows[row->index]->index = row->index;
    t->release_object(row->object);
    request_free(row->request);
    decision_free(row->decision);
    grant_free(row->grant);
    free(row);
}
