// SPDX-License-Identifier: Apache-2.0
#include "sockets_record.h"

#include <stdio.h>
#include <string.h>

#include "bounds.h"
#include "clock.h"
#include "tracee.h"
#include "util.h"

// "@name", its NULs shown as ss(8) does.
static char *
abstract_text(const struct sockaddr_parsed *to)
{
    char *text = xasprintf("@%*s", (int)to->path_len, "");
    for (size_t i = 0; i < to->path_len; i++)
        text[i + 1] = to->path[i] ? to->path[i] : '@';
    return text;
}

static char *
address_text(const struct socket_call *c, const char *path, const char *host)
{
    if (c->to.kind == SOCKADDR_INET)
        return sockaddr_text(&c->to.peer, host);
    if (path)
        return xstrdup(path);
    if (c->to.kind != SOCKADDR_UNIX)
        return xstrdup("(unknown)");
    return c->to.name == UNIX_ABSTRACT ? abstract_text(&c->to) : xstrdup("(unnamed)");
}

static void
set_detail(struct request *q, const struct socket_call *c, const struct socket_facts *f,
           const char *gives)
{
    bool nameless =
        c->to.kind == SOCKADDR_INET && f->op != OP_BIND && !f->host && !c->to.peer.loopback;
    free(q->detail);
    q->detail = xasprintf("%s%s%s%s", gives ? "gives " : "", gives ? gives : "",
                          gives && nameless ? "; " : "", nameless ? "no lookup seen" : "");
    if (nameless)
        judge_add_tag(q, RISK_NOTICE, "no-name");
}

struct request *
sockets_request(struct supervisor *s, const struct socket_call *c, const struct socket_facts *f)
{
    struct standing standing = f->standing;
    const char *tag, *gives;
    bool inet = c->to.kind == SOCKADDR_INET;
    cleanup_free char *target = address_text(c,
                                             inet                      ? NULL
                                             : c->to.name == UNIX_PATH ? c->to.path
                                                                       : NULL,
                                             NULL);
    cleanup_free char *text = address_text(c, f->path, f->host);
    struct facts facts = {.call = &c->call,
                          .op = f->op,
                          .access = ACCESS_READ | ACCESS_WRITE,
                          .flags = c->flags,
                          .target = target,
                          .target_len = strlen(target),
                          .resolved = text,
                          .st = &f->st,
                          .exists = f->exists,
                          .standing = &standing};
    struct request *q = judge_request(s, &facts);
    if (!q)
        return NULL;
    q->why = f->verdict.reason;
    q->peer = c->to.peer;
    free(q->host);
    q->host = xstrdup(f->host ? f->host : "");
    enum risk risk =
        inet      ? socket_risk_inet(s->o.sockets, f->op, &q->peer, &tag, &gives)
        : f->path ? socket_risk_unix(s->o.sockets, f->known ? f->known : f->path, &tag, &gives)
                  : RISK_NONE;
    if (!inet && !f->path)
        tag = gives = NULL;
    if (inet) {
        // The tables of paths do not speak of hosts.
        q->risk = RISK_NONE;
        q->tags[0] = 0;
    }
    judge_add_tag(q, risk, tag);
    set_detail(q, c, f, gives);
    return q;
}

// --- events ------------------------------------------------------------------------------------

static void
set_asker(struct network_event *n, pid_t tid, const struct request *q)
{
    struct tracee_status st;
    if (q) {
        n->pid = q->pid;
        n->start_time = q->start_time;
        n->exe = xstrdup(q->exe);
        return;
    }
    n->pid = tracee_read_status(tid, &st) == 0 ? st.tgid : tid;
    proc_start_time(tid, &n->start_time);
    n->exe = tracee_program(tid, NULL, NULL);
}

static char *
target_text(const struct socket_call *c, const char *resolved)
{
    if (c->to.kind == SOCKADDR_INET)
        return xstrdup(resolved);
    if (c->to.name == UNIX_PATH)
        return xasprintf("unix:%s", resolved);
    return xstrdup(c->to.name == UNIX_ABSTRACT ? "unix:<abstract>" : "unix:<unnamed>");
}

static void
record(struct supervisor *s, const struct socket_call *c, const struct request *q, const char *path,
       struct network_event *n)
{
    const char *host = q ? q->host : NULL;
    if (!q && c->to.kind == SOCKADDR_INET && n->mode != OP_BIND)
        host = dns_names_of(s->sockets->names, &c->to.peer);
    if (!path && c->to.name == UNIX_PATH)
        path = c->to.path;
    cleanup_free char *resolved = q ? xstrdup(q->resolved) : address_text(c, path, host);
    n->peer = c->to.peer;
    n->request = q ? q->id : 0;
    n->target = target_text(c, resolved);
    n->host = xstrdup(host ? host : "");
    n->real_ns = clock_real_ns();
    set_asker(n, c->call.tid, q);
    if (s->o.record.network(s->o.record.ctx, n) < 0)
        core_notice(s, "the record is full: a connection was not written");
}

void
sockets_record(struct supervisor *s, const struct socket_call *c, const struct request *q,
               const char *path, enum net_decision decision, const struct socket_verdict *why)
{
    struct network_event *n = network_event_new();
    n->mode = socket_op(c);
    n->decision = decision;
    n->category = why && decision == NET_DENY ? why->category : NET_CATEGORY_NONE;
    n->reason = why ? why->reason : REASON_NONE;
    n->text = xstrdup(why ? why->text : "");
    record(s, c, q, path, n);
}

void
sockets_record_decision(struct supervisor *s, const struct socket_call *c, const struct request *q,
                        const char *path, enum net_decision decision, enum reason reason)
{
    struct network_event *n = network_event_new();
    n->mode = socket_op(c);
    n->decision = decision;
    if (decision != NET_GRANTED)
        n->category = c->to.kind == SOCKADDR_UNIX ? NET_CATEGORY_UNIX_SOCKET_DENIED
                      : socket_op(c) == OP_BIND   ? NET_CATEGORY_PORT_DENIED
                                                  : NET_CATEGORY_HOST_DENIED;
    n->reason = decision == NET_GRANTED ? REASON_NONE : reason;
    n->text = xstrdup("");
    record(s, c, q, path, n);
}
