// SPDX-License-Identifier: Apache-2.0
#include "sockets_state.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "bounds.h"
#include "clock.h"
#include "closer.h"
#include "notify.h"
#include "tracee.h"
#include "util.h"

#define STALE_NS (60 * NS_PER_SEC)  /* the name of a rule is looked up again then */
#define AGAIN_NS (10 * NS_PER_SEC)  /* a name that a task asks for */
#define WAIT_NS (3 * NS_PER_SEC)    /* so long does a call wait for names */
#define MISSING_NS (2 * NS_PER_SEC) /* after a lookup that found nothing */

#define FIRST_NS (300 * NS_PER_MS) /* so long may a first lookup hold up the end */

struct waiting_call {
    struct waiting_call *next;
    struct socket_call *call;
};

// --- names -------------------------------------------------------------------------------------

struct name_job {
    struct job job;
    struct supervisor *s;
    struct name_job *next;
    bool of_rule;
    pid_t process; /* that asked for it */
    char name[DNS_NAME_MAX];
    struct dns_address found[DNS_ADDRESSES_MAX];
    int n;
};

static void
name_drop(struct job *j)
{
    free(j);
}

static void
name_run(struct job *j)
{
    struct name_job *p = (struct name_job *)j;
    p->n = dns_resolve(p->name, p->found);
}

// Judges what waits for a name again; what still has to wait parks itself anew.
static void
judge_waiting(struct supervisor *s)
{
    struct waiting_call *list = s->sockets->waiting;
    s->sockets->waiting = NULL;
    while (list) {
        struct waiting_call *w = list;
        list = w->next;
        if (notify_valid(s->o.listener, w->call->call.id))
            sockets_judge(s, w->call);
        closer_close(w->call);
        free(w->call);
        free(w);
    }
}

static void
name_done(struct job *j, void *ctx)
{
    struct name_job *p = (struct name_job *)j;
    struct supervisor *s = ctx;
    struct name_job **link = &s->sockets->lookups;
    while (*link != p)
        link = &(*link)->next;
    *link = p->next;
    s->sockets->n_lookups[p->of_rule]--;
    bool first = dns_names_age(s->sockets->names, p->name) == 0;
    if (p->n <= 0 && p->of_rule && first) {
        cleanup_free char *text =
            xasprintf("--allow-connect %s: the name does not resolve; tried again when it is asked "
                      "for",
                      p->name);
        core_notice(s, text);
    }
    dns_names_add(s->sockets->names, p->name, p->found, p->n, clock_mono_ns());
    free(p);
    judge_waiting(s);
}

// Rules have lookups of their own, and no process has more of the others than are left.
static bool
may_look_up(const struct sockets *k, bool of_rule, pid_t process)
{
    unsigned left = NONO_LOOKUPS_MAX - k->n_lookups[of_rule], own = 0;
    for (const struct name_job *p = k->lookups; p && !of_rule; p = p->next)
        own += !p->of_rule && p->process == process;
    return own < left;
}

static void
look_up(struct supervisor *s, const char *name, bool of_rule, pid_t process)
{
    struct sockets *k = s->sockets;
    for (const struct name_job *p = k->lookups; p; p = p->next)
        if (p->of_rule == of_rule && p->process == process && strcmp(p->name, name) == 0)
            return;
    if (!may_look_up(k, of_rule, process))
        return;
    struct name_job *p = xcalloc(1, sizeof *p);
    p->job = (struct job){.run = name_run, .done = name_done, .drop = name_drop};
    p->s = s;
    p->of_rule = of_rule;
    p->process = process;
    snprintf(p->name, sizeof p->name, "%s", name);
    if (worker_submit(s->workers, &p->job) < 0) {
        free(p);
        return;
    }
    p->next = k->lookups;
    k->lookups = p;
    k->n_lookups[of_rule]++;
}

static bool
is_older(struct supervisor *s, const char *name, uint64_t than)
{
    uint64_t at = dns_names_age(s->sockets->names, name);
    if (!dns_names_lead_anywhere(s->sockets->names, name))
        than = MISSING_NS;
    return at == 0 || clock_mono_ns() - at > than;
}

// What a rule's name leads to may have changed since.
static void
refresh_rules(struct supervisor *s, uint16_t port)
{
    const struct socket_policy *p = s->o.sockets;
    for (size_t i = 0; i < p->n_hosts; i++) {
        const struct host_rule *r = &p->hosts[i];
        if (r->name && (r->port == 0 || port == 0 || r->port == port) &&
            is_older(s, r->name, STALE_NS))
            look_up(s, r->name, true, 0);
    }
}

void
sockets_start(struct supervisor *s)
{
    s->sockets = xcalloc(1, sizeof *s->sockets);
    s->sockets->started = clock_mono_ns();
    s->sockets->names = dns_names_new();
    s->sockets->own = own_sockets_new(s->o.sockets);
    own_sockets_look_around(s->sockets->own, -1);
    refresh_rules(s, 0);
}

static bool
is_unresolved(const struct supervisor *s, const struct name_job *p)
{
    return p->of_rule && dns_names_age(s->sockets->names, p->name) == 0;
}

bool
sockets_await_rules(const struct supervisor *s, uint64_t now)
{
    for (const struct name_job *p = s->sockets->lookups; p; p = p->next)
        if (is_unresolved(s, p) && now - s->sockets->started < FIRST_NS)
            return true;
    return false;
}

void
sockets_tell_unresolved(struct supervisor *s)
{
    for (const struct name_job *p = s->sockets->lookups; p; p = p->next) {
        cleanup_free char *text = xasprintf(
            "--allow-connect %s: the name has not resolved before the command ended", p->name);
        if (is_unresolved(s, p))
            core_notice(s, text);
    }
}

struct sockets *
sockets_free(struct supervisor *s)
{
    if (!s->sockets)
        return NULL;
    dns_names_free(s->sockets->names);
    own_sockets_unref(s->sockets->own);
    while (s->sockets->waiting) {
        struct waiting_call *w = s->sockets->waiting;
        s->sockets->waiting = w->next;
        closer_close(w->call);
        free(w->call);
        free(w);
    }
    free(s->sockets);
    return NULL;
}

// The name may lead elsewhere by now: it is looked up again once that matters.
static void
note_asked(struct sockets *k, const char *name, pid_t process)
{
    for (size_t i = 0; i < ARRAY_SIZE(k->asked); i++)
        if (k->asked[i].process == process && strcmp(k->asked[i].name, name) == 0)
            return;
    struct asked_name *a = &k->asked[k->n_asked++ % ARRAY_SIZE(k->asked)];
    *a = (struct asked_name){.process = process};
    snprintf(a->name, sizeof a->name, "%s", name);
}

static void
look_up_asked(struct supervisor *s, const struct socket_call *c)
{
    struct sockets *k = s->sockets;
    pid_t process = k->n_asked ? tracee_process(c->call.tid) : 0;
    for (size_t i = 0; process && i < ARRAY_SIZE(k->asked); i++)
        if (k->asked[i].process == process) {
            look_up(s, k->asked[i].name, false, process);
            k->asked[i].process = 0;
        }
}

// Does one that is on its way concern the call?
static bool
is_awaited(const struct sockets *k, const struct socket_call *c, const struct socket_facts *f)
{
    pid_t process = k->n_lookups[false] ? tracee_process(c->call.tid) : 0;
    for (const struct name_job *p = k->lookups; p; p = p->next)
        if (p->of_rule ? f->verdict.names : p->process == process)
            return true;
    return false;
}

bool
sockets_wait_for_name(struct supervisor *s, struct socket_call *c, const struct socket_facts *f)
{
    if (f->verdict.answer == SOCKET_DENY && !f->verdict.names)
        return false;
    if (f->verdict.answer == SOCKET_ALLOW)
        return false;
    if (f->verdict.names)
        refresh_rules(s, c->to.peer.port);
    if (!f->host)
        look_up_asked(s, c);
    if (!is_awaited(s->sockets, c, f))
        return false;
    uint64_t now = clock_mono_ns();
    if (c->named_by == 0)
        c->named_by = now + WAIT_NS;
    else if (now >= c->named_by)
        return false;
    struct waiting_call *w = xmalloc(sizeof *w);
    *w = (struct waiting_call){.next = s->sockets->waiting, .call = socket_call_move(c)};
    s->sockets->waiting = w;
    core_look_after(s);
    return true;
}

void
sockets_look_after(struct supervisor *s, uint64_t now)
{
    for (const struct waiting_call *w = s->sockets->waiting; w; w = w->next)
        if (now >= w->call->named_by) {
            judge_waiting(s);
            return;
        }
}

bool
sockets_is_query(const struct socket_call *c)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    if (c->n == 0 || c->type != SOCK_DGRAM || (c->domain != AF_INET && c->domain != AF_INET6))
        return false;
    if (c->to.kind == SOCKADDR_INET)
        return c->to.peer.port == 53;
    // Of both families the port lies at the same place.
    return getpeername(c->fd, (struct sockaddr *)&peer, &len) == 0 &&
           ((struct sockaddr_in *)&peer)->sin_port == htons(53);
}

void
sockets_learn_name(struct supervisor *s, const struct socket_call *c)
{
    uint8_t query[512];
    char name[DNS_NAME_MAX];
    if (!sockets_is_query(c))
        return;
    size_t n = socket_peek(c, query, sizeof query);
    // I8: what was read is the asker's only if it still waits.
    if (dns_parse_query(query, n, name) < 0 || !notify_valid(c->listener, c->call.id))
        return;
    pid_t process = tracee_process(c->call.tid);
    if (is_older(s, name, AGAIN_NS))
        look_up(s, name, false, process);
    else
        note_asked(s->sockets, name, process);
}

// --- standing ----------------------------------------------------------------------------------

static bool
leads_to(void *ctx, const char *name, const struct endpoint *e)
{
    struct sockets *k = ctx;
    return dns_names_lead_to(k->names, name, e);
}

void
sockets_judge_inet(struct supervisor *s, struct socket_call *c, struct socket_facts *f)
{
    const struct endpoint *e = &c->to.peer;
    const struct socket_names names = {.leads_to = leads_to, .ctx = s->sockets};
    socket_judge_inet(s->o.sockets, f->op, e, &names, &f->verdict);
    c->unoffered = c->kind == SOCKET_BIND && e->port == 0 && f->verdict.answer == SOCKET_ASK;
    if (c->unoffered)
        f->verdict.answer = SOCKET_ALLOW;
    if (f->op == OP_BIND)
        return;
    f->host = dns_names_of(s->sockets->names, e);
    // Lookups are asked about like any datagram, but for those that every program makes.
    if (f->verdict.answer == SOCKET_ASK && dns_is_resolver(s->sockets->names, e)) {
        f->verdict.answer = SOCKET_ALLOW;
        f->verdict.nearest = "resolv.conf";
    }
}

// May last as long as a file system does not answer, longer than the supervisor.
struct named_job {
    struct job job;
    struct own_sockets *own;
    char *path;
    bool late;
};

static void
named_drop(struct job *j)
{
    struct named_job *p = (struct named_job *)j;
    own_sockets_unref(p->own);
    free(p->path);
    free(p);
}

static void
named_run(struct job *j)
{
    struct named_job *p = (struct named_job *)j;
    p->late = own_sockets_look_at(p->own, p->path);
}

static void
named_done(struct job *j, void *ctx)
{
    if (((struct named_job *)j)->late)
        core_notice(ctx, "ATTENTION: the sandbox has reached the terminal multiplexer that "
                         "requests are decided in before it was known as one: it could press keys "
                         "there (nono stop ends the session)");
    named_drop(j);
}

void
sockets_approver(struct supervisor *s, const struct socket_policy *named)
{
    struct own_sockets *own = s->sockets->own;
    for (size_t i = 0; i < named->n_named; i++) {
        if (!own_sockets_add_named(own, &named->named[i]))
            continue;
        struct named_job *p = xcalloc(1, sizeof *p);
        p->job = (struct job){.run = named_run, .done = named_done, .drop = named_drop};
        p->own = own_sockets_ref(own);
        p->path = xstrdup(named->named[i].path);
        if (worker_submit(s->workers, &p->job) < 0) {
            core_notice(s, "no thread is left to look at the terminal in which a client decides "
                           "requests: a multiplexer's socket there may be unknown");
            named_drop(&p->job);
        }
    }
}

void
sockets_judge_unix(struct supervisor *s, const struct socket_call *c, const struct resolved *r,
                   struct socket_facts *f)
{
    const struct sockaddr_parsed *to = &c->to;
    bool bind = f->op == OP_BIND, ours;
    if (r) {
        judge_path(s, r->path, ACCESS_READ | ACCESS_WRITE, &f->standing);
        if (!bind)
            judge_object(s, &f->st, &f->standing);
        ours = bind ? f->standing.covered : own_sockets_has_path(s->sockets->own, r->fd);
    } else {
        // Landlock lets a task reach those of the sandbox and no others (landlock(7), scoped).
        ours = bind || own_sockets_has_abstract(s->sockets->own, c->fd, to->path, to->path_len);
    }
    socket_judge_unix(s->o.sockets, f->op, to->name, r ? r->path : "", ours, &f->verdict);
    if (r && !bind)
        f->known = own_sockets_judge(s->sockets->own, r->fd, r->path, &f->verdict);
    if (f->standing.j.protected_) {
        bool fixed = f->standing.j.by == DECIDER_PROTECTED;
        f->verdict = (struct socket_verdict){.answer = SOCKET_DENY,
                                             .reason = REASON_POLICY_BLOCKED,
                                             .category = NET_CATEGORY_UNIX_SOCKET_DENIED,
                                             .text = fixed ? "one of nono's own places" : "denied",
                                             .fixed = fixed};
    }
}
