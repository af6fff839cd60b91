// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "decision.h"
#include "event.h"
#include "request.h"
#include "util.h"

char *
endpoint_address(const struct endpoint *e)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (e->family == AF_INET || e->family == AF_INET6)
        inet_ntop(e->family, e->addr, text, sizeof text);
    if (e->family == AF_INET6 && e->scope_id)
        return xasprintf("%s%%%u", text, e->scope_id);
    return xstrdup(text);
}

struct request *
request_new(void)
{
    return xcalloc(1, sizeof(struct request));
}

struct request *
request_dup(const struct request *r)
{
    struct request *n = xmemdup(r, sizeof *r);
    n->exe = xstrdup(r->exe);
    n->argv = r->argv ? xmemdup(r->argv, r->argv_len) : NULL;
    n->cwd = xstrdup(r->cwd);
    n->ancestry = xstrdup(r->ancestry);
    n->target = xstrdup(r->target);
    n->resolved = xstrdup(r->resolved);
    n->nearest = xstrdup(r->nearest);
    n->tags = xstrdup(r->tags);
    n->target2 = xstrdup(r->target2);
    n->resolved2 = xstrdup(r->resolved2);
    n->detail = xstrdup(r->detail);
    n->interpreter = xstrdup(r->interpreter);
    n->host = xstrdup(r->host);
    return n;
}

struct request *
request_free(struct request *r)
{
    if (!r)
        return NULL;
    free(r->exe);
    free(r->argv);
    free(r->cwd);
    free(r->ancestry);
    free(r->target);
    free(r->resolved);
    free(r->nearest);
    free(r->tags);
    free(r->target2);
    free(r->resolved2);
    free(r->detail);
    free(r->interpreter);
    free(r->host);
    free(r);
    return NULL;
}

void
request_freep(struct request **r)
{
    *r = request_free(*r);
}

void
request_free_msg(void *r)
{
    request_free(r);
}

bool
request_names_program(const struct request *r)
{
    // What is gone, or was never there (memfd_create(2)), leaves a name that anything may take.
    static const char gone[] = " (deleted)";
    size_t n = strlen(r->exe);
    return (r->op == OP_CONNECT || r->op == OP_BIND || r->op == OP_SEND) && r->exe[0] == '/' &&
           (n < sizeof gone || strcmp(r->exe + n + 1 - sizeof gone, gone) != 0);
}

static void
seal_bytes(crypto_generichash_state *h, const void *data, size_t n)
{
    uint64_t len = n;
    crypto_generichash_update(h, (const unsigned char *)&len, sizeof len);
    crypto_generichash_update(h, data, n);
}

static void
seal_string(crypto_generichash_state *h, const char *s)
{
    seal_bytes(h, s ? s : "", s ? strlen(s) : 0);
}

void
request_seal(struct request *r)
{
    crypto_generichash_state h;
    const uint64_t numbers[] = {
        r->id,
        r->op,
        r->access,
        r->flags,
        r->mode,
        (uint64_t)r->pid,
        (uint64_t)r->tid,
        r->start_time,
        r->uid,
        r->why,
        r->object.exists,
        r->object.dev,
        r->object.ino,
        r->object.mode,
        r->object.uid,
        r->object.gid,
        r->object.size,
        r->object.nlink,
        r->object2.exists,
        r->object2.dev,
        r->object2.ino,
        r->object2.mode,
        (uint64_t)r->peer.family,
        (uint64_t)r->peer.type,
        r->peer.port,
        r->peer.scope_id,
        r->peer.abstract,
        r->has_sha256,
        r->has_exe_sha256,
        r->risk,
    };
    crypto_generichash_init(&h, NULL, 0, DIGEST_LEN);
    seal_bytes(&h, numbers, sizeof numbers);
    seal_string(&h, r->call);
    seal_string(&h, r->exe);
    seal_bytes(&h, r->argv ? r->argv : "", r->argv_len);
    seal_string(&h, r->cwd);
    seal_string(&h, r->ancestry);
    seal_string(&h, r->target);
    seal_string(&h, r->resolved);
    seal_string(&h, r->nearest);
    seal_string(&h, r->tags);
    seal_string(&h, r->target2);
    seal_string(&h, r->resolved2);
    seal_string(&h, r->detail);
    seal_string(&h, r->interpreter);
    seal_bytes(&h, r->sha256, sizeof r->sha256);
    seal_bytes(&h, r->exe_sha256, sizeof r->exe_sha256);
    seal_bytes(&h, r->peer.addr, sizeof r->peer.addr);
    seal_string(&h, r->host);
    crypto_generichash_final(&h, r->digest, DIGEST_LEN);
}

struct decision *
decision_new(void)
{
    return xcalloc(1, sizeof(struct decision));
}

struct decision *
decision_dup(const struct decision *d)
{
    struct decision *n = xmemdup(d, sizeof *d);
    n->source = xstrdup(d->source);
    n->note = xstrdup(d->note);
    return n;
}

struct decision *
decision_free(struct decision *d)
{
    if (!d)
        return NULL;
    free(d->source);
    free(d->note);
    free(d);
    return NULL;
}

void
decision_free_msg(void *d)
{
    decision_free(d);
}

struct grant *
grant_new(void)
{
    return xcalloc(1, sizeof(struct grant));
}

struct grant *
grant_dup(const struct grant *g)
{
    struct grant *n = xmemdup(g, sizeof *g);
    n->path = xstrdup(g->path);
    n->host = xstrdup(g->host);
    n->exe = xstrdup(g->exe);
    n->path2 = xstrdup(g->path2);
    n->origin = xstrdup(g->origin);
    return n;
}

struct grant *
grant_free(struct grant *g)
{
    if (!g)
        return NULL;
    free(g->path);
    free(g->host);
    free(g->exe);
    free(g->path2);
    free(g->origin);
    free(g);
    return NULL;
}

void
grant_free_msg(void *g)
{
    grant_free(g);
}

struct network_event *
network_event_new(void)
{
    return xcalloc(1, sizeof(struct network_event));
}

struct network_event *
network_event_free(struct network_event *n)
{
    if (!n)
        return NULL;
    free(n->exe);
    free(n->target);
    free(n->host);
    free(n->text);
    free(n);
    return NULL;
}

struct revoke *
revoke_free(struct revoke *r)
{
    if (!r)
        return NULL;
    free(r->source);
    free(r);
    return NULL;
}

void
revoke_free_msg(void *r)
{
    revoke_free(r);
}

bool
request_is_denied(const struct request *r)
{
    return strncmp(r->nearest, "deny ", 5) == 0;
}

bool
request_asks_programs(const struct request *r)
{
    return strncmp(r->nearest, REQUEST_ASKS_PROGRAMS, strlen(REQUEST_ASKS_PROGRAMS)) == 0;
}

struct refusal *
refusal_free(struct refusal *r)
{
    if (!r)
        return NULL;
    free(r->resolved);
    free(r->detail);
    free(r->nearest);
    free(r);
    return NULL;
}

void
refusal_free_msg(void *r)
{
    refusal_free(r);
}

struct session_info *
session_info_dup(const struct session_info *s)
{
    struct session_info *n = xmemdup(s, sizeof *s);
    n->id = xstrdup(s->id);
    n->name = xstrdup(s->name);
    n->boot_id = xstrdup(s->boot_id);
    n->cwd = xstrdup(s->cwd);
    n->argv = s->argv ? xmemdup(s->argv, s->argv_len) : NULL;
    n->capabilities = xstrdup(s->capabilities);
    n->profile = xstrdup(s->profile);
    n->policy = xstrdup(s->policy);
    n->redact = xstrdup(s->redact);
    return n;
}

struct session_info *
session_info_free(struct session_info *s)
{
    if (!s)
        return NULL;
    free(s->id);
    free(s->name);
    free(s->boot_id);
    free(s->cwd);
    free(s->argv);
    free(s->capabilities);
    free(s->profile);
    free(s->policy);
    free(s->redact);
    free(s);
    return NULL;
}
