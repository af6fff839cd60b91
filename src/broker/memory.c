// SPDX-License-Identifier: Apache-2.0
#include "memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "socket_policy.h"
#include "util.h"

#define BUCKETS 1024

// What a grant can be about; a grant never answers for another kind of thing.
enum thing { THING_FILE, THING_PROGRAM, THING_CONNECT, THING_BIND };
// Operations on files that an allow of one of them answers.
enum act { ACT_OPEN, ACT_DELETE, ACT_RENAME, ACT_LINK, ACT_MKDIR, ACT_META };

static const struct {
    enum thing thing;
    enum act act;
} ops[_OP_MAX] = {
    [OP_READ] = {THING_FILE, ACT_OPEN},      [OP_WRITE] = {THING_FILE, ACT_OPEN},
    [OP_READWRITE] = {THING_FILE, ACT_OPEN}, [OP_CREATE] = {THING_FILE, ACT_OPEN},
    [OP_DELETE] = {THING_FILE, ACT_DELETE},  [OP_RENAME] = {THING_FILE, ACT_RENAME},
    [OP_LINK] = {THING_FILE, ACT_LINK},      [OP_MKDIR] = {THING_FILE, ACT_MKDIR},
    [OP_META] = {THING_FILE, ACT_META},      [OP_EXEC] = {.thing = THING_PROGRAM},
    [OP_CONNECT] = {.thing = THING_CONNECT}, [OP_SEND] = {.thing = THING_CONNECT},
    [OP_BIND] = {.thing = THING_BIND},
};

// --- paths and their index -------------------------------------------------------------------

static size_t
path_bucket(const char *path, size_t n)
{
    uint64_t h = 0xcbf29ce484222325ull;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)path[i]) * 0x100000001b3ull;
    return h % BUCKETS;
}

static size_t
inode_bucket(uint64_t dev, uint64_t ino)
{
    return (dev * 31 + ino) % BUCKETS;
}

static bool
is_file_path(const char *path)
{
    return path[0] == '/';
}

// Length of what lies above the first n bytes: a directory, or the host of "host:port"; 0 for
// nothing.
static size_t
above(const char *path, size_t n)
{
    const char *edge;
    if (is_file_path(path)) {
        if (n <= 1)
            return 0;
        edge = memrchr(path, '/', n);
        return edge == path ? 1 : (size_t)(edge - path);
    }
    edge = path[n] ? NULL : memrchr(path, ':', n);
    return edge ? (size_t)(edge - path) : 0;
}

static bool
is_object_denial(const struct grant *g)
{
    return g->verdict == VERDICT_DENY && g->reach == REACH_OBJECT && g->ino;
}

static void
index_grant(struct memory *m, size_t i)
{
    const struct grant *g = m->grants[i];
    size_t b = path_bucket(g->path, strlen(g->path));
    m->chain[i] = m->buckets[b];
    m->buckets[b] = i + 1;
    if (is_object_denial(g)) {
        b = inode_bucket(g->dev, g->ino);
        m->inode_chain[i] = m->inodes[b];
        m->inodes[b] = i + 1;
    }
    m->n_wide += g->reach != REACH_OBJECT;
    if (g->expires_mono_ns && (!m->expiry_ns || g->expires_mono_ns < m->expiry_ns))
        m->expiry_ns = g->expires_mono_ns;
}

static void
index_again(struct memory *m)
{
    memset(m->buckets, 0, BUCKETS * sizeof *m->buckets);
    memset(m->inodes, 0, BUCKETS * sizeof *m->inodes);
    m->n_wide = 0;
    m->expiry_ns = 0;
    for (size_t i = 0; i < m->n; i++)
        index_grant(m, i);
}

// --- what answers what -----------------------------------------------------------------------

static bool
is_change(enum op op, unsigned access)
{
    return access & ACCESS_WRITE || op == OP_CREATE || ops[op].act != ACT_OPEN;
}

static bool
allow_answers(const struct grant *g, enum op op, unsigned access)
{
    if (ops[g->op].thing != ops[op].thing)
        return false;
    if (ops[op].thing != THING_FILE)
        return true;
    if (access & ~g->access)
        return false;
    if (ops[g->op].act == ops[op].act)
        return true;
    return g->reach != REACH_OBJECT && ops[g->op].act == ACT_OPEN && g->access & ACCESS_WRITE;
}

static bool
denial_answers(const struct grant *g, enum op op, unsigned access)
{
    if (ops[g->op].thing != ops[op].thing)
        return false;
    if (ops[op].thing != THING_FILE)
        return true;
    if (ops[g->op].act == ACT_OPEN)
        return g->access & ACCESS_WRITE ? is_change(op, access) : access & g->access;
    // What is renamed is gone from its place, as if it were deleted.
    return ops[g->op].act == ops[op].act || (g->op == OP_DELETE && op == OP_RENAME);
}

// Does the reach of a grant that is kept under the first at bytes of path cover all of path?
static bool
reach_covers(const struct grant *g, const char *path, size_t at, uint64_t dev, uint64_t ino,
             enum op op)
{
    bool whole = !path[at];
    switch (g->reach) {
    case REACH_OBJECT:
        return whole && (g->verdict == VERDICT_DENY || (g->dev == dev && g->ino == ino));
    case REACH_SUBTREE:
        return true;
    case REACH_DIR:
        if (whole)
            return op == OP_READ || (g->ino && g->dev == dev && g->ino == ino);
        return !strchr(path + at + (at > 1), '/');
    case REACH_PORT:
        return whole;
    case REACH_HOST:
        return !whole;
    case _REACH_MAX:
    case _REACH_INVALID:
        break;
    }
    return false;
}

static bool
same_content(const struct grant *g, const struct memory_query *q)
{
    return g->reach != REACH_OBJECT || !g->has_sha256 ||
           (q->sha256 && memcmp(g->sha256, q->sha256, SHA256_LEN) == 0);
}

// Whoever owns a name may let it lead to this machine once it is allowed.
static bool
same_place(const struct grant *g, const struct memory_query *q)
{
    if (!q->peer)
        return true;
    if (g->peer.family == q->peer->family && g->peer.scope_id == q->peer->scope_id &&
        memcmp(g->peer.addr, q->peer->addr, sizeof g->peer.addr) == 0)
        return true;
    return !g->peer.own && socket_is_public(g->peer.family, g->peer.addr) && !q->peer->own &&
           socket_is_public(q->peer->family, q->peer->addr);
}

static bool
is_over(const struct grant *g, uint64_t now_ns)
{
    return g->expires_mono_ns && now_ns >= g->expires_mono_ns;
}

static bool
same_program(const struct grant *g, const char *exe)
{
    return !g->exe || (exe && strcmp(g->exe, exe) == 0);
}

static struct grant *
find_denial(const struct memory *m, const struct memory_query *q, bool second, unsigned access,
            uint64_t now_ns)
{
    const char *path = second ? q->path2 : q->path;
    uint64_t dev = second ? q->dev2 : q->dev, ino = second ? q->ino2 : q->ino;
    enum op op = q->op;
    for (size_t i = ino ? m->inodes[inode_bucket(dev, ino)] : 0; i; i = m->inode_chain[i - 1]) {
        struct grant *g = m->grants[i - 1];
        if (g->dev == dev && g->ino == ino && denial_answers(g, op, access) &&
            same_program(g, q->exe) && !is_over(g, now_ns))
            return g;
    }
    for (size_t at = strlen(path); at; at = m->n_wide ? above(path, at) : 0)
        for (size_t i = m->buckets[path_bucket(path, at)]; i; i = m->chain[i - 1]) {
            struct grant *g = m->grants[i - 1];
            if (g->verdict == VERDICT_DENY && strncmp(g->path, path, at) == 0 && !g->path[at] &&
                reach_covers(g, path, at, dev, ino, op) && denial_answers(g, op, access) &&
                same_program(g, q->exe) && !is_over(g, now_ns))
                return g;
        }
    return NULL;
}

// Does a grant about two ends have this other one?
static bool
covers_end2(const struct grant *g, const struct memory_query *q)
{
    if (!g->path2 || !q->path2)
        return false;
    size_t n = strlen(g->path2);
    if (strncmp(g->path2, q->path2, n) != 0 || (n > 1 && q->path2[n] && q->path2[n] != '/'))
        return false;
    if (g->reach == REACH_OBJECT)
        return !q->path2[n] && g->dev2 == q->dev2 && g->ino2 == q->ino2;
    return reach_covers(g, q->path2, n, q->dev2, q->ino2, q->op);
}

// The narrowest allow. second: for the other end of a rename or link.
static struct grant *
find_allow(const struct memory *m, const struct memory_query *q, bool second, uint64_t now_ns)
{
    const char *path = second ? q->path2 : q->path;
    uint64_t dev = second ? q->dev2 : q->dev, ino = second ? q->ino2 : q->ino;
    unsigned access = second ? ACCESS_WRITE : q->access;
    for (size_t at = strlen(path); at; at = m->n_wide ? above(path, at) : 0)
        for (size_t i = m->buckets[path_bucket(path, at)]; i; i = m->chain[i - 1]) {
            struct grant *g = m->grants[i - 1];
            if (g->verdict != VERDICT_ALLOW || strncmp(g->path, path, at) != 0 || g->path[at] ||
                !reach_covers(g, path, at, dev, ino, q->op) || !allow_answers(g, q->op, access) ||
                !same_content(g, q) || !same_program(g, q->exe) || !same_place(g, q) ||
                is_over(g, now_ns))
                continue;
            // A grant to rename names both ends and counts for both together only.
            bool two = ops[g->op].act == ACT_RENAME || ops[g->op].act == ACT_LINK;
            if (!two || (!second && covers_end2(g, q)))
                return g;
        }
    return NULL;
}

// I7: nothing that reaches over more than was shown answers for a protected root, nor for a
// directory that would take one along.
static bool
is_protected(const struct memory *m, const char *path, bool moves)
{
    const struct denials *d = &m->caps->denials;
    return denials_refuse(d, path) || (moves && denials_hold(d, path, true, NULL));
}

// Would a rename of path take along what is denied below it?
static bool
denies_below(const struct memory *m, const char *path, uint64_t now_ns)
{
    for (size_t i = 0; i < m->n; i++) {
        const struct grant *g = m->grants[i];
        if (g->verdict == VERDICT_DENY && !is_over(g, now_ns) && path_is_below(g->path, path))
            return true;
    }
    return false;
}

static bool
may_allow(const struct memory *m, const struct grant *g, const char *path, enum op op,
          uint64_t now_ns)
{
    if (g->reach == REACH_OBJECT || !is_file_path(path))
        return true;
    bool moves = op == OP_RENAME;
    return !is_protected(m, path, moves) && !(moves && denies_below(m, path, now_ns));
}

bool
memory_ask(const struct memory *m, const struct memory_query *q, uint64_t now_ns,
           struct memory_answer *ret)
{
    struct memory_answer a = {.n = 1};
    if (m->n == 0 || q->abstract || !q->path[0])
        return false;
    // To move or link something out of a place is to read what it holds.
    unsigned leaving = q->op == OP_RENAME || q->op == OP_LINK ? ACCESS_READ : 0;
    struct grant *g = find_denial(m, q, false, q->access | leaving, now_ns);
    if (!g && q->path2)
        g = find_denial(m, q, true, ACCESS_WRITE, now_ns);
    a.verdict = g ? VERDICT_DENY : VERDICT_ALLOW;
    if (!g)
        g = find_allow(m, q, false, now_ns);
    if (!g || (a.verdict == VERDICT_ALLOW && !may_allow(m, g, q->path, q->op, now_ns)))
        return false;
    a.grants[0] = g;
    if (a.verdict == VERDICT_ALLOW && q->path2) {
        struct grant *other = g->path2 ? g : find_allow(m, q, true, now_ns);
        if (!other || !may_allow(m, other, q->path2, q->op, now_ns))
            return false;
        if (other != g)
            a.grants[a.n++] = other;
    }
    *ret = a;
    return true;
}

void
memory_used(const struct memory_answer *a, pid_t tid)
{
    for (size_t i = 0; i < a->n; i++) {
        struct grant *g = a->grants[i];
        size_t k = 0;
        g->uses++;
        while (k < g->n_tasks && g->tasks[k] != tid)
            k++;
        // The newest ones are kept, the last user in front.
        if (k == GRANT_TASKS_MAX)
            k--;
        else if (k == g->n_tasks)
            g->n_tasks++;
        memmove(g->tasks + 1, g->tasks, k * sizeof g->tasks[0]);
        g->tasks[0] = tid;
    }
}

struct memory_query
memory_query_of(const struct request *r)
{
    return (struct memory_query){
        .op = r->op,
        .access = r->access,
        .path = r->resolved,
        .dev = r->object.exists ? r->object.dev : 0,
        .ino = r->object.exists ? r->object.ino : 0,
        .path2 = r->resolved2 && r->resolved2[0] ? r->resolved2 : NULL,
        .dev2 = r->object2.exists ? r->object2.dev : 0,
        .ino2 = r->object2.exists ? r->object2.ino : 0,
        .sha256 = r->has_sha256 ? r->sha256 : NULL,
        .exe = r->exe,
        .peer = r->host && r->host[0] ? &r->peer : NULL,
        .abstract = r->peer.abstract,
    };
}

// --- the grants ------------------------------------------------------------------------------

void
memory_init(struct memory *m, const struct capability_set *caps)
{
    *m = (struct memory){.caps = caps, .next_id = 1};
    m->buckets = xcalloc(BUCKETS, sizeof *m->buckets);
    m->inodes = xcalloc(BUCKETS, sizeof *m->inodes);
}

void
memory_done(struct memory *m)
{
    for (size_t i = 0; i < m->n; i++)
        grant_free(m->grants[i]);
    free(m->grants);
    free(m->chain);
    free(m->inode_chain);
    free(m->buckets);
    free(m->inodes);
    *m = (struct memory){0};
}

int
memory_can_keep(const struct request *r, const struct decision *d)
{
    bool path = r->resolved && is_file_path(r->resolved);
    if ((d->verdict != VERDICT_ALLOW && d->verdict != VERDICT_DENY) || (int)d->scope < 0 ||
        d->scope >= _SCOPE_MAX || (d->scope == SCOPE_TIME) != (d->for_ns != 0) ||
        d->for_ns > NONO_GRANT_NS_MAX)
        return -EINVAL;
    switch (d->reach) {
    case REACH_OBJECT:
        break;
    case REACH_DIR:
    case REACH_SUBTREE:
        if (!path)
            return -EOPNOTSUPP;
        break;
    case REACH_PORT:
    case REACH_HOST:
        if (path || ops[r->op].thing < THING_CONNECT || !strchr(r->resolved, ':'))
            return -EOPNOTSUPP;
        break;
    case _REACH_MAX:
    case _REACH_INVALID:
    default:
        return -EINVAL;
    }
    if (d->program && d->scope == SCOPE_ONCE)
        return -EINVAL;
    if (d->program && !request_names_program(r))
        return -EOPNOTSUPP;
    return d->scope != SCOPE_ONCE && (r->peer.abstract || !r->resolved[0]) ? -EOPNOTSUPP : 0;
}

// Where a reach starts: a directory itself, else the directory that holds path; the host of
// "host:port". Takes path over.
static char *
reach_root(char *path, enum reach reach, const struct object *o)
{
    bool directory = o->exists && (o->mode & 0170000) == 0040000;
    if (reach == REACH_HOST || ((reach == REACH_DIR || reach == REACH_SUBTREE) && !directory)) {
        size_t n = above(path, strlen(path));
        if (n)
            path[n] = 0;
    }
    return path;
}

struct grant *
memory_grant_for(struct memory *m, const struct request *r, const struct decision *d,
                 uint64_t now_ns)
{
    struct memory_query q = memory_query_of(r);
    if (d->scope == SCOPE_ONCE || (d->verdict != VERDICT_ALLOW && d->verdict != VERDICT_DENY) ||
        q.abstract || !q.path[0])
        return NULL;
    struct grant *g = grant_new();
    *g = (struct grant){.id = m->next_id++,
                        .request = r->id,
                        .verdict = d->verdict,
                        .op = r->op,
                        .access = r->access,
                        .scope = d->scope,
                        .reach = d->reach,
                        .path = reach_root(xstrdup(q.path), d->reach, &r->object),
                        .dev = q.dev,
                        .ino = q.ino,
                        .dev2 = q.dev2,
                        .ino2 = q.ino2,
                        .peer = r->peer,
                        .host = xstrdup(r->host),
                        .exe = d->program ? xstrdup(r->exe) : NULL,
                        .created_real_ns = d->real_ns};
    if (q.path2)
        g->path2 = reach_root(xstrdup(q.path2), d->reach, &r->object2);
    if (q.sha256)
        memcpy(g->sha256, q.sha256, SHA256_LEN);
    g->has_sha256 = q.sha256;
    if (d->scope == SCOPE_TIME)
        g->expires_mono_ns = now_ns + d->for_ns;
    // A directory's own identity tells it from its namesake; what lies in it has its own.
    if (g->reach != REACH_OBJECT && strcmp(g->path, q.path) != 0)
        g->dev = g->ino = 0;
    return g;
}

int
memory_add(struct memory *m, struct grant *g)
{
    if (m->n >= NONO_GRANTS_MAX)
        return -ENOSPC;
    if (m->n == m->room) {
        m->room = m->room ? m->room * 2 : 32;
        m->grants = xrealloc(m->grants, m->room * sizeof *m->grants);
        m->chain = xrealloc(m->chain, m->room * sizeof *m->chain);
        m->inode_chain = xrealloc(m->inode_chain, m->room * sizeof *m->inode_chain);
    }
    m->grants[m->n] = g;
    index_grant(m, m->n++);
    return 0;
}

struct grant *
memory_find(const struct memory *m, uint64_t id)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->grants[i]->id == id)
            return m->grants[i];
    return NULL;
}

struct grant *
memory_remove(struct memory *m, uint64_t id)
{
    for (size_t i = 0; i < m->n; i++) {
        struct grant *g = m->grants[i];
        if (g->id != id)
            continue;
        m->grants[i] = m->grants[--m->n];
        index_again(m);
        return g;
    }
    return NULL;
}

struct grant *
memory_expired(struct memory *m, uint64_t now_ns)
{
    if (!m->expiry_ns || now_ns < m->expiry_ns)
        return NULL;
    for (size_t i = 0; i < m->n; i++)
        if (is_over(m->grants[i], now_ns))
            return memory_remove(m, m->grants[i]->id);
    return NULL;
}

void
memory_adopt(struct memory *m, const char *path, uint64_t dev, uint64_t ino)
{
    for (size_t i = m->buckets[path_bucket(path, strlen(path))]; i; i = m->chain[i - 1]) {
        struct grant *g = m->grants[i - 1];
        if (g->verdict == VERDICT_ALLOW && g->reach == REACH_OBJECT && g->ino == 0 &&
            ops[g->op].thing == THING_FILE && ops[g->op].act == ACT_OPEN &&
            strcmp(g->path, path) == 0) {
            g->dev = dev;
            g->ino = ino;
        }
    }
}
