// SPDX-License-Identifier: Apache-2.0
// FAMILY_SOCKET: from the notification of a call to its answer or its request.
#include "sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bounds.h"
#include "clock.h"
#include "closer.h"
#include "judge.h"
#include "kernel.h"
#include "mounts.h"
#include "notify.h"
#include "sockets_record.h"
#include "sockets_state.h"
#include "tracee.h"
#include "util.h"

// One call on its way: its arguments, and the UNIX socket or its place once that is held.
struct socket_job {
    struct task_job task;
    struct supervisor *s;
    struct socket_call *call;
    struct resolved at;
    bool timed; /* SO_SNDTIMEO is set: a signal ends the call for good */
};

static void
free_call(struct call *c)
{
    closer_close((struct socket_call *)c);
    free(c);
}

static bool
is_send(const struct socket_call *c)
{
    return c->kind >= SOCKET_SENDTO;
}

// --- doing it ----------------------------------------------------------------------------------

static int
do_as_task(const struct supervisor *s, struct socket_call *c, const struct resolved *r, bool now)
{
    // I8: as the task, with no more than its powers.
    if (onbehalf_enter(s, c->call.tid) < 0)
        return -EACCES;
    int result = socket_do(c, r, now);
    onbehalf_leave(s);
    return result;
}

static void
remember_own(struct supervisor *s, const struct socket_call *c, const struct resolved *r)
{
    bool bind = socket_op(c) == OP_BIND;
    if (bind && c->to.kind == SOCKADDR_INET && !c->unoffered)
        own_sockets_add_bound(s->sockets->own, c->fd);
    if (!bind || c->to.kind != SOCKADDR_UNIX)
        return;
    if (r)
        own_sockets_add_path(s->sockets->own, c->fd, r);
    else
        own_sockets_add_abstract(s->sockets->own, c->fd);
}

// Natively the sender gets the signal before its call returns.
static void
raise_sigpipe(const struct socket_call *c)
{
    struct tracee_status st;
    if (is_send(c) && c->type == SOCK_STREAM && !(c->flags & MSG_NOSIGNAL) &&
        tracee_read_status(c->call.tid, &st) == 0)
        syscall(SYS_tgkill, st.tgid, c->call.tid, SIGPIPE);
}

// Without the lock as well, unless it is a bind.
static void
answer(struct supervisor *s, struct socket_call *c, const struct resolved *r, int result)
{
    if (result == 0)
        remember_own(s, c, r);
    if (result > 0 && c->kind == SOCKET_SENDMMSG)
        result = socket_tell_lengths(c);
    if (result == -EPIPE && notify_valid(s->o.listener, c->call.id))
        raise_sigpipe(c);
    closer_answer(c, s->o.listener, result);
}

static void
job_drop(struct job *j)
{
    struct socket_job *p = (struct socket_job *)j;
    resolved_done(&p->at);
    free_call(p->task.call);
    free(p);
}

static void
job_run(struct job *j)
{
    struct socket_job *p = (struct socket_job *)j;
    p->task.result = do_as_task(p->s, p->call, p->at.fd >= 0 ? &p->at : NULL, false);
}

static void
job_done(struct job *j, void *ctx)
{
    struct socket_job *p = (struct socket_job *)j;
    bool interrupted = p->task.result == -EINTR;
    onbehalf_returned(ctx, &p->task);
    // socket(7): with a time-out, EINTR whatever the handler says.
    if (interrupted && p->timed)
        p->task.result = -EINTR;
    answer(ctx, p->call, p->at.fd >= 0 ? &p->at : NULL, p->task.result);
    job_drop(j);
}

static struct socket_job *
job_new(struct supervisor *s, struct socket_call *call, struct resolved *r)
{
    struct socket_job *p = xcalloc(1, sizeof *p);
    p->task.job = (struct job){.run = job_run, .done = job_done, .drop = job_drop};
    p->task.call = &call->call;
    p->task.result = -1;
    p->s = s;
    p->call = call;
    p->at.fd = p->at.object_fd = -1;
    if (r) {
        p->at = *r;
        r->fd = r->object_fd = -1;
    }
    return p;
}

static bool
is_timed(const struct socket_call *c)
{
    struct timeval tv = {0};
    socklen_t len = sizeof tv;
    return getsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, &len) == 0 && (tv.tv_sec || tv.tv_usec);
}

// Can it be tried here and now without waiting for anybody? O_NONBLOCK promises nothing: another
// thread of the task takes it off again before the call is made.
static bool
is_quick(const struct socket_call *c, const struct resolved *r)
{
    switch (c->kind) {
    case SOCKET_CONNECT:
        return c->type == SOCK_DGRAM || c->to.kind == SOCKADDR_HARMLESS ||
               c->to.kind == SOCKADDR_NETLINK;
    case SOCKET_BIND:
        return !r;
    case SOCKET_LISTEN:
        return true;
    case SOCKET_SENDTO:
    case SOCKET_SENDMSG:
    case SOCKET_SENDMMSG:
        break;
    }
    // MSG_DONTWAIT is ours.
    return !socket_is_bulky(c) && (c->nonblock || !(c->flags & MSG_FASTOPEN));
}

// True when it is done and answered. Without the lock as well, but for a bind.
static bool
try_now(struct supervisor *s, struct socket_call *c, const struct resolved *r)
{
    if (!is_quick(c, r))
        return false;
    int result = do_as_task(s, c, r, true);
    bool waits = is_send(c) && !c->nonblock && !(c->flags & MSG_DONTWAIT);
    if (result == -EAGAIN && waits)
        return false;
    answer(s, c, r, result);
    return true;
}

// Takes what r holds over; c stays the caller's, what it holds is taken over. The task is known to
// wait still.
static void
perform(struct supervisor *s, struct socket_call *c, struct resolved *r)
{
    sockets_learn_name(s, c);
    if (try_now(s, c, r))
        return;
    // It was recorded as allowed, and isn't made.
    if (onbehalf_reserve(s, &c->call, true) < 0)
        sockets_record_decision(s, c, NULL, r ? r->path : NULL, NET_ERROR, REASON_RATE_LIMITED);
    struct socket_job *p = job_new(s, socket_call_move(c), r);
    p->task.blocks = true;
    p->timed = is_timed(p->call);
    onbehalf_submit(s, &p->task);
}

// --- judging -----------------------------------------------------------------------------------

// What no worker would take is not allowed, nor recorded as that. True: it was refused.
static bool
refused_as_busy(struct supervisor *s, struct socket_call *c, const struct resolved *r,
                const struct socket_facts *f)
{
    if (is_quick(c, r) || onbehalf_reserve(s, &c->call, true) == 0)
        return false;
    struct request *q = sockets_request(s, c, f);
    sockets_record_decision(s, c, q, NULL, NET_DENIED, REASON_RATE_LIMITED);
    judge_refuse(s, &c->call, q, DECIDER_RATE_LIMIT, REASON_RATE_LIMITED, EACCES);
    return true;
}

static void
ask_or_refuse(struct supervisor *s, struct socket_call *c, struct resolved *r,
              struct socket_facts *f)
{
    struct request *q = sockets_request(s, c, f);
    struct memory_query query = q ? memory_query_of(q) : (struct memory_query){.path = ""};
    bool ask = f->verdict.answer == SOCKET_ASK;
    enum verdict v = q && ask ? judge_remembered(s, &query, c->call.tid) : _VERDICT_INVALID;
    // Only now is it sure that the facts are the asker's; judge_ask() sees to it by itself.
    if ((!ask || v != _VERDICT_INVALID) && !notify_valid(s->o.listener, c->call.id)) {
        request_free(q);
        return;
    }
    if (!ask) {
        enum decider by =
            f->verdict.fixed || f->standing.j.protected_ ? DECIDER_PROTECTED : DECIDER_INITIAL;
        sockets_record(s, c, q, NULL, NET_DENY, &f->verdict);
        judge_refuse(s, &c->call, q, by, f->verdict.reason, EACCES);
        return;
    }
    if (v == VERDICT_ALLOW && refused_as_busy(s, c, r, f)) {
        // Answered.
    } else if (v == VERDICT_ALLOW) {
        sockets_record(s, c, q, NULL, NET_GRANTED, NULL);
        perform(s, c, r);
    } else if (v == VERDICT_DENY) {
        sockets_record_decision(s, c, q, NULL, NET_DENIED, REASON_USER_DENIED);
        notify_fail(s->o.listener, c->call.id, EACCES);
    } else if (q && (rlim_t)c->fd >= s->fd_limit) {
        judge_refuse(s, &c->call, q, DECIDER_RATE_LIMIT, REASON_RATE_LIMITED, EACCES);
        return;
    } else {
        judge_ask(s, &socket_call_move(c)->call, q,
                  held_new(r ? 1 : 0, (struct resolved *const[]){r}));
        return;
    }
    request_free(q);
}

static void
settle(struct supervisor *s, struct socket_call *c, struct resolved *r, struct socket_facts *f)
{
    if (f->verdict.answer != SOCKET_ALLOW) {
        ask_or_refuse(s, c, r, f);
        return;
    }
    if (!notify_valid(s->o.listener, c->call.id) || refused_as_busy(s, c, r, f))
        return;
    core_count_floor(s, f->op, true);
    if (f->op != OP_SEND || judge_logs_allowed(s))
        sockets_record(s, c, NULL, f->path, NET_ALLOW, NULL);
    perform(s, c, r);
}

static void
judge_inet(struct supervisor *s, struct socket_call *c)
{
    struct socket_facts f = {.op = socket_op(c)};
    c->to.peer.own = f.op != OP_BIND && socket_is_own(c->to.peer.family, c->to.peer.addr);
    sockets_judge_inet(s, c, &f);
    // What its name is may be known in a moment.
    if (f.op != OP_BIND && sockets_wait_for_name(s, c, &f))
        return;
    settle(s, c, NULL, &f);
}

// r is held: the socket, or the place of one.
static void
judge_unix(struct supervisor *s, struct socket_call *c, struct resolved *r)
{
    struct socket_facts f = {.op = socket_op(c), .path = r ? r->path : NULL};
    bool bind = f.op == OP_BIND;
    if (r && mount_stat(r->fd, &f.st) < 0) {
        notify_fail(s->o.listener, c->call.id, EACCES);
        return;
    }
    f.exists = r && !bind;
    // The kernel's answer, whatever the policy says: ECONNREFUSED, EADDRINUSE.
    if (r && bind && (r->exists || r->trailing)) {
        notify_fail(s->o.listener, c->call.id, r->exists ? EADDRINUSE : ENOENT);
    } else if (r && !bind && !S_ISSOCK(f.st.st_mode)) {
        if (notify_valid(s->o.listener, c->call.id))
            perform(s, c, r);
    } else {
        sockets_judge_unix(s, c, r, &f);
        settle(s, c, r, &f);
    }
}

static int
resolve(const struct socket_call *c, unsigned flags, struct resolved *ret_r)
{
    if (c->kind == SOCKET_BIND)
        flags |= RESOLVE_PARENT;
    return resolve_path(c->call.tid, AT_FDCWD, c->to.path, flags, ret_r);
}

// For want of descriptors of ours: the errno that the task gets.
static int
refused_as_full(struct supervisor *s, const struct socket_call *c)
{
    if (!s->sockets->told_fds)
        core_notice(s,
                    "too many descriptors are held for calls that wait: more calls of sockets are "
                    "refused until some are decided");
    s->sockets->told_fds = true;
    if (c->addr_len && notify_valid(s->o.listener, c->call.id))
        sockets_record_decision(s, c, NULL, NULL, NET_DENIED, REASON_RATE_LIMITED);
    return EACCES;
}

// c stays the caller's, what both hold is taken over.
static void
resolved(struct supervisor *s, struct socket_call *c, struct resolved *r, int error)
{
    if (error == 0) {
        judge_unix(s, c, r);
        resolved_done(r);
    } else {
        // bind(2) of ".", "..", "/".
        if (error == -EINVAL && c->kind == SOCKET_BIND)
            error = -EADDRINUSE;
        if (error == -EMFILE || error == -ENFILE)
            error = -refused_as_full(s, c);
        // Gone, or a task of which nothing can be read.
        if (error == -ESRCH)
            error = -EACCES;
        notify_fail(s->o.listener, c->call.id, -error);
    }
}

static void
lookup_run(struct job *j)
{
    struct socket_job *p = (struct socket_job *)j;
    p->task.result = onbehalf_enter(p->s, p->call->call.tid);
    if (p->task.result == 0)
        p->task.result = resolve(p->call, 0, &p->at);
    onbehalf_leave(p->s);
    if (p->task.result < 0)
        p->at.fd = p->at.object_fd = -1;
    else if (p->call->kind != SOCKET_BIND)
        own_sockets_look_around(p->s->sockets->own, p->at.fd);
}

static void
lookup_done(struct job *j, void *ctx)
{
    struct socket_job *p = (struct socket_job *)j;
    onbehalf_returned(ctx, &p->task);
    resolved(ctx, p->call, &p->at, p->task.result);
    job_drop(j);
}

// Is it the kernel's own business, whatever the policy says?
static bool
is_harmless(const struct socket_call *c)
{
    if (c->kind == SOCKET_LISTEN)
        return c->to.kind == SOCKADDR_HARMLESS;
    return c->addr_len == 0 || c->to.kind == SOCKADDR_HARMLESS || c->to.kind == SOCKADDR_NETLINK;
}

void
sockets_judge(struct supervisor *s, struct socket_call *c)
{
    if (c->to.kind == SOCKADDR_INET)
        judge_inet(s, c);
    else
        judge_unix(s, c, NULL);
}

// Unbound, it is bound to a port of the kernel's choice and to every address. So is one that has a
// port of a connection: what getsockname(2) says of it counts for nothing, the kernel lets that
// port go when the connection ends.
static void
decode_listen(struct supervisor *s, struct socket_call *c)
{
    struct sockaddr_storage any = {.ss_family = (sa_family_t)c->domain};
    if ((c->domain != AF_INET && c->domain != AF_INET6) || c->type != SOCK_STREAM)
        return;
    sockaddr_parse(&any, sizeof any, c->domain, c->type, OP_BIND, &c->to);
    pthread_mutex_lock(&s->lock);
    if (own_sockets_has_bound(s->sockets->own, c->fd))
        c->to.kind = SOCKADDR_HARMLESS;
    pthread_mutex_unlock(&s->lock);
}

static void
judge_received(struct supervisor *s, struct socket_call *c)
{
    struct resolved r = {.fd = -1, .object_fd = -1};
    bool path = c->to.kind == SOCKADDR_UNIX && c->to.name == UNIX_PATH;
    // Before a socket is reached it is looked for other names of it, which takes its time.
    bool now = c->kind == SOCKET_BIND;
    int ret = !path ? 0 : now ? resolve(c, RESOLVE_NOW, &r) : -EAGAIN;
    pthread_mutex_lock(&s->lock);
    core_wait_for_room(s);
    if (ret == -EAGAIN) {
        if (onbehalf_reserve(s, &c->call, false) < 0 && notify_valid(s->o.listener, c->call.id))
            sockets_record_decision(s, c, NULL, NULL, NET_DENIED, REASON_RATE_LIMITED);
        struct socket_job *p = job_new(s, socket_call_move(c), NULL);
        p->task.job.run = lookup_run;
        p->task.job.done = lookup_done;
        onbehalf_submit(s, &p->task);
    } else if (path) {
        resolved(s, c, &r, ret);
    } else {
        sockets_judge(s, c);
    }
    pthread_mutex_unlock(&s->lock);
}

// Nothing is known of it but the address that it names, if that.
static int
refused_as_unseen(struct supervisor *s, const struct socket_call *c)
{
    if (!s->sockets->told)
        core_notice(s, "a program's sockets cannot be duplicated, as of one that is not dumpable: "
                       "their calls are refused (see nono doctor)");
    s->sockets->told = true;
    const struct socket_facts f = {.op = socket_op(c)};
    struct request *q = sockets_request(s, c, &f);
    if (!q || !notify_valid(s->o.listener, c->call.id)) {
        request_free(q);
        return EACCES;
    }
    if (c->to.peer.family)
        sockets_record_decision(s, c, q, NULL, NET_DENIED, REASON_BACKEND_ERROR);
    broker_refuse(&s->broker, q, DECIDER_BACKEND, REASON_BACKEND_ERROR, clock_mono_ns());
    return EACCES;
}

static void
tell_once(struct supervisor *s, bool *told, const char *text)
{
    pthread_mutex_lock(&s->lock);
    if (!*told)
        core_notice(s, text);
    *told = true;
    pthread_mutex_unlock(&s->lock);
}

static void
socket_notified(struct supervisor *s, const struct call_row *row, const struct seccomp_notif *n)
{
    struct socket_call c;
    int error = socket_decode(s->o.listener, row, n, &c);
    if (error == 0 && c.kind == SOCKET_LISTEN)
        decode_listen(s, &c);
    bool unseen = error == EPERM && c.fd < 0;
    if (unseen || error == EMFILE) {
        pthread_mutex_lock(&s->lock);
        core_wait_for_room(s);
        error = unseen ? refused_as_unseen(s, &c) : refused_as_full(s, &c);
        pthread_mutex_unlock(&s->lock);
    }
    if (error == ENOMEM)
        tell_once(s, &s->sockets->told_full,
                  "too much is held for sends that wait: more are refused with ENOMEM until some "
                  "are decided");
    // Copied from whoever has that number: that it is the asker's is looked at once more is known.
    if (error) {
        notify_fail(s->o.listener, n->id, error);
    } else if (!is_harmless(&c)) {
        judge_received(s, &c);
    } else if (!is_send(&c) && !notify_valid(s->o.listener, n->id)) {
        // Gone. Whether a sender is, is looked at once its bytes are read.
    } else if (sockets_is_query(&c) || !try_now(s, &c, NULL)) {
        pthread_mutex_lock(&s->lock);
        perform(s, &c, NULL);
        pthread_mutex_unlock(&s->lock);
    }
    closer_close(&c);
}

static void
socket_perform(struct supervisor *s, struct call *c, struct held *object)
{
    // The broker keeps the object for others that joined the request: the descriptors are lent.
    struct resolved r = {.fd = -1, .object_fd = -1};
    if (!notify_valid(s->o.listener, c->id))
        return;
    if (object->n && resolved_dup(&object->end[0], &r) < 0) {
        notify_fail(s->o.listener, c->id, EACCES);
        return;
    }
    perform(s, (struct socket_call *)c, object->n ? &r : NULL);
    resolved_done(&r);
}

static void
socket_decided(struct supervisor *s, struct call *c, const struct request *q,
               const struct decision *d)
{
    enum net_decision what = d->verdict == VERDICT_ALLOW     ? NET_GRANTED
                             : d->verdict == VERDICT_EXPIRED ? NET_TIMEOUT
                             : d->by == DECIDER_BACKEND      ? NET_ERROR
                                                             : NET_DENIED;
    // Of a refusal that repeats another one the request was not recorded.
    struct request recorded = *q;
    recorded.id = d->request;
    sockets_record_decision(s, (struct socket_call *)c, &recorded, NULL, what, d->reason);
}

const struct family family_socket = {.notified = socket_notified,
                                     .perform = socket_perform,
                                     .decided = socket_decided,
                                     .free_call = free_call};
