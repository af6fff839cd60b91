// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "display.h"
#include "dns.h"
#include "outlook.h"
#include "registry.h"
#include "risk.h"
#include "sockaddr.h"
#include "sockets_own.h"
#include "util.h"
#include "why.h"

// A name leads where the rule for that very name does.
static bool
is_name(void *ctx, const char *name, const struct endpoint *e)
{
    return ctx && strcasecmp(ctx, name) == 0;
}

static void
set_answer(struct why_answer *a, const struct socket_verdict *v, const char *flag, const char *what)
{
    static const char *const verdicts[] = {"allow", "ask", "deny"};
    cleanup_free char *shown = display_str(what, DISPLAY_QUOTE);
    a->verdict = verdicts[v->answer];
    a->by = v->answer == SOCKET_ASK ? ""
            : v->fixed              ? decider_to_string(DECIDER_PROTECTED)
                                    : decider_to_string(DECIDER_INITIAL);
    a->source = xstrdup(v->answer == SOCKET_ALLOW && v->nearest ? v->nearest : "");
    a->rule = xstrdup(v->answer == SOCKET_ASK    ? ""
                      : v->answer == SOCKET_DENY ? v->text
                      : v->nearest               ? v->nearest
                                                 : "the default");
    a->allow_with =
        v->answer == SOCKET_ALLOW || v->fixed ? xstrdup("") : xasprintf("%s %s", flag, shown);
}

static void
refuse(struct socket_verdict *v, const char *text)
{
    *v = (struct socket_verdict){.answer = SOCKET_DENY, .text = text, .fixed = true};
}

// What a session would take the socket there for, wherever it lies: as own_sockets_judge().
static const char *
judge_found(struct own_sockets *own, const char *path, struct socket_verdict *v)
{
    cleanup_fd int fd = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return NULL;
    own_sockets_look_around(own, fd);
    return own_sockets_judge(own, fd, path, v);
}

static void
judge_path(const struct why_args *w, const char *target, struct why_answer *a)
{
    struct socket_verdict v;
    struct judgement j;
    struct outlook o;
    const char *tag, *gives;
    const struct policy_args *p = &w->policy;
    unsigned both = ACCESS_READ | ACCESS_WRITE;
    bool bind = w->op == OP_BIND;
    cleanup_free char *whole = path_absolute(target);
    outlook_at(w->task, whole, w->op, &o);
    capability_judge(&p->set, o.path, &j);
    if (o.exists && !bind)
        capability_judge_object(&p->set, o.st.st_dev, o.st.st_ino, &j);
    socket_judge_unix(&p->sockets, w->op, UNIX_PATH, o.path, bind && !(both & ~j.access), &v);
    struct own_sockets *own = bind ? NULL : own_sockets_new(&p->sockets);
    const char *known = bind ? NULL : judge_found(own, o.path, &v);
    // The kernel's own answer comes first (EADDRINUSE, ECONNREFUSED).
    const char *native = o.native != OUTLOOK_POLICY ? "owner or mode on the way there forbid it"
                         : bind && o.exists         ? "something is there already"
                         : !bind && o.exists && !S_ISSOCK(o.st.st_mode) ? "no socket is there"
                                                                        : NULL;
    if (native)
        refuse(&v, native);
    else if (j.protected_)
        refuse(&v, "one of nono's own places");
    a->resolved = steal_pointer(&o.path);
    outlook_done(&o);
    cleanup_free char *home = registry_home();
    cleanup_free char *tags = NULL;
    a->risk = risk_of_path(a->resolved, home, both, &tags);
    enum risk risk = socket_risk_unix(&p->sockets, known ? known : a->resolved, &tag, &gives);
    own_sockets_unref(own);
    a->risk = risk > a->risk ? risk : a->risk;
    a->tags = tag && !strstr(tags, tag) ? xasprintf("%s%s%s", tags, *tags ? "," : "", tag)
                                        : steal_pointer(&tags);
    set_answer(a, &v, bind ? "--allow-unix-socket-bind" : "--allow-unix-socket", a->resolved);
    if (known) {
        // No option speaks of it under this name.
        free(a->allow_with);
        a->allow_with = xstrdup("");
    }
    if (native) {
        a->by = decider_to_string(DECIDER_FLOOR);
    } else if (j.protected_ && j.denied->source) {
        free(a->rule);
        free(a->source);
        a->by = decider_to_string(j.by);
        a->rule = denial_describe(j.denied);
        a->source = xstrdup(j.denied->source);
    }
}

static bool
is_resolver(const struct endpoint *e)
{
    struct dns_names *names = dns_names_new();
    bool is = dns_is_resolver(names, e);
    dns_names_free(names);
    return is;
}

static int
judge_host(const struct policy_args *p, enum op op, const char *target, struct why_answer *a,
           struct err *err)
{
    struct socket_policy one = {0};
    struct socket_verdict v;
    const char *tag, *gives;
    bool port_only = op == OP_BIND && strspn(target, "0123456789") == strlen(target);
    cleanup_free char *text = port_only ? xasprintf("0.0.0.0:%s", target) : xstrdup(target);
    int ret = socket_policy_add_host(&one, text, op == OP_BIND ? "--bind" : "--connect", err);
    if (ret < 0)
        return ret;
    const struct host_rule *r = &one.hosts[0];
    struct endpoint e = {.family = r->name || !r->family ? AF_INET : r->family,
                         .type = SOCK_STREAM,
                         .port = r->port};
    memcpy(e.addr, r->addr, sizeof e.addr);
    e.loopback = socket_is_loopback(e.family, e.addr);
    e.own = socket_is_own(e.family, e.addr);
    const struct socket_names names = {.leads_to = is_name, .ctx = r->name};
    socket_judge_inet(&p->sockets, op, &e, &names, &v);
    if (op != OP_BIND && v.answer == SOCKET_ASK && is_resolver(&e))
        v = (struct socket_verdict){.answer = SOCKET_ALLOW, .nearest = "resolv.conf"};
    a->risk = socket_risk_inet(&p->sockets, op, &e, &tag, &gives);
    a->tags = xstrdup(tag ? tag : "");
    a->resolved = sockaddr_text(&e, r->name);
    const char *port = strrchr(a->resolved, ':') + 1;
    set_answer(a, &v, op == OP_BIND ? "--allow-bind" : "--allow-connect",
               op == OP_BIND ? port : a->resolved);
    socket_policy_done(&one);
    return 0;
}

// "@NAME": outside; those of the sandbox are its own affair.
static void
judge_abstract(const struct why_args *w, const char *target, struct why_answer *a)
{
    struct socket_verdict v;
    socket_judge_unix(&w->policy.sockets, w->op, UNIX_ABSTRACT, "", w->op == OP_BIND, &v);
    a->resolved = xstrdup(target);
    a->tags = xstrdup("");
    set_answer(a, &v, "--unix-sockets", "ask");
}

int
why_socket(const struct why_args *w, const char *target, struct why_answer *a, struct err *err)
{
    a->interpreter = xstrdup("");
    if (strncmp(target, "unix:", 5) == 0)
        target += 5;
    if (target[0] == '@') {
        judge_abstract(w, target, a);
        return 0;
    }
    // Neither a host nor a port has a slash, but for a network, which ends in a port.
    if (strchr(target, '/') && !(strchr(target, ':') && target[0] != '/' && target[0] != '.')) {
        judge_path(w, target, a);
        return 0;
    }
    return judge_host(&w->policy, w->op, target, a, err);
}
