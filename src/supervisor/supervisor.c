// SPDX-License-Identifier: Apache-2.0
#include "supervisor.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

#include "broker.h"
#include "clock.h"
#include "event.h"
#include "files.h"
#include "kernel.h"
#include "launch.h"
#include "bounds.h"
#include "notify.h"
#include "risk.h"
#include "tracee.h"
#include "util.h"
#include "worker.h"

#define TICK_NS (20 * NS_PER_MS)       /* parked calls are looked after this often */
#define TICK_BUDGET_NS (NS_PER_MS / 2) /* and for this long: others must not wait for it */
#define FLUSH_NS (100 * NS_PER_MS)
#define STARVED_MS 5
#define ROOM_DB 512 /* nothing is received while the record has less room than this */
#define ROOM_MAIN 64

struct supervisor {
    struct supervisor_options o;
    pthread_t thread;
    // What follows belongs to the thread.
    struct broker broker;
    struct worker_pool *workers;
    char own_proc[32], monitor_proc[32];
    uint64_t floor_counts[_OP_MAX];
    bool counted;
    struct msg *outbox; /* for main, when its queue was full */
    size_t n_outbox, room_outbox;
    size_t tick_row;   /* where the next look after parked calls starts */
    int timer_fd;      /* a poll(2) time-out would arm a timer for every call */
    uint64_t timer_at; /* monotonic; 0: not armed */
    uint64_t tick_at, flush_at;
    bool drained;
};

// --- towards main and the record -------------------------------------------------------------

static void
main_push(struct supervisor *s, int type, void *data, void (*free_fn)(void *))
{
    struct msg m = {.type = type, .data = data, .free = free_fn};
    if (s->n_outbox == 0 && queue_push(s->o.main, &m, 0) == 0)
        return;
    // Kept in order; nothing is received while this is not empty, so it stays small.
    if (s->n_outbox == s->room_outbox) {
        s->room_outbox = s->room_outbox ? s->room_outbox * 2 : 16;
        s->outbox = xrealloc(s->outbox, s->room_outbox * sizeof *s->outbox);
    }
    s->outbox[s->n_outbox++] = m;
}

static void
main_flush(struct supervisor *s)
{
    size_t sent = 0;
    while (sent < s->n_outbox && queue_push(s->o.main, &s->outbox[sent], 0) == 0)
        sent++;
    if (sent)
        memmove(s->outbox, s->outbox + sent, (s->n_outbox - sent) * sizeof *s->outbox);
    s->n_outbox -= sent;
}

static void
on_publish(void *ctx, const struct request *r)
{
    main_push(ctx, MSG_REQUEST, request_dup(r), request_free_msg);
}

static void
on_update(void *ctx, const struct request_update *u)
{
    main_push(ctx, MSG_UPDATE, xmemdup(u, sizeof *u), free);
}

static void
on_notice(void *ctx, const char *text)
{
    main_push(ctx, MSG_NOTICE, xstrdup(text), free);
}

static void
on_refused(void *ctx, const struct request *r, enum decider by, enum reason reason)
{
    struct refusal *f = xcalloc(1, sizeof *f);
    *f = (struct refusal){
        .op = r->op,
        .access = r->access,
        .by = by,
        .reason = reason,
        .directory = r->object.exists && S_ISDIR(r->object.mode),
        .resolved = xstrdup(r->resolved)};
    main_push(ctx, MSG_REFUSAL, f, refusal_free_msg);
}

static void
on_record_request(void *ctx, struct request *r)
{
    struct supervisor *s = ctx;
    if (s->o.record.request(s->o.record.ctx, r) < 0)
        on_notice(s, "the record is full: a request was not written");
}

static int
on_record_decision(void *ctx, struct decision *d, struct grant *g, unsigned count, bool durable)
{
    struct supervisor *s = ctx;
    return s->o.record.decision(s->o.record.ctx, d, g, count, durable);
}

static void
on_record_repeat(void *ctx, uint64_t request, enum op op)
{
    struct supervisor *s = ctx;
    s->o.record.count(s->o.record.ctx, "refused", request, op, 1);
}

static void
flush_counts(struct supervisor *s)
{
    for (int op = 0; op < _OP_MAX; op++) {
        if (s->floor_counts[op])
            s->o.record.count(s->o.record.ctx, "floor", 0, (enum op)op, s->floor_counts[op]);
        s->floor_counts[op] = 0;
    }
    for (size_t i = 0; i < s->broker.memory.n; i++) {
        struct grant *g = s->broker.memory.grants[i];
        if (g->uses)
            s->o.record.count(s->o.record.ctx, "grant", g->id, g->op, g->uses);
        g->uses = 0;
    }
    s->counted = false;
    main_push(s, MSG_STATS, xmemdup(&s->broker.stats, sizeof s->broker.stats), free);
}

static void
arm_timer(struct supervisor *s, uint64_t at)
{
    if (s->timer_at && s->timer_at <= at)
        return;
    s->timer_at = at;
    struct itimerspec when = {
        .it_value = {.tv_sec = (time_t)(at / NS_PER_SEC), .tv_nsec = (long)(at % NS_PER_SEC)}};
    timerfd_settime(s->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void
mark_counted(struct supervisor *s)
{
    if (s->counted)
        return;
    s->flush_at = clock_mono_ns() + FLUSH_NS;
    s->counted = true;
    arm_timer(s, s->flush_at);
}

// --- on behalf -------------------------------------------------------------------------------

// What a parked call needs to be answered: a copy without the path, which is not looked at again.
static struct open_call *
call_dup(const struct open_call *c)
{
    return xmemdup(c, offsetof(struct open_call, path));
}

static struct resolved *
resolved_hold(struct resolved *r)
{
    struct resolved *held = xmemdup(r, sizeof *r);
    r->fd = -1;
    return held;
}

static void
release_object(void *object)
{
    if (object)
        resolved_done(object);
    free(object);
}

// I8: the asker must not have fewer powers than the thread that acts for it.
static bool
same_powers(const struct supervisor *s, pid_t tid)
{
    uint64_t caps;
    return tracee_capabilities(tid, &caps) == 0 && (s->o.caps & ~caps) == 0;
}

static void
give(struct supervisor *s, const struct open_call *c, int fd_or_error)
{
    if (fd_or_error < 0) {
        notify_fail(s->o.listener, c->id, -fd_or_error);
        return;
    }
    int ret = notify_give_fd(s->o.listener, c->id, fd_or_error, files_cloexec(c));
    if (ret < 0 && ret != -ENOENT)
        notify_fail(s->o.listener, c->id, -ret);
    close(fd_or_error);
}

struct open_job {
    struct job job;
    struct open_call *call;
    struct resolved target; /* fd owned */
    bool resolve;           /* look the path up; else open the target */
    int result;
};

static void
open_job_drop(struct job *j)
{
    struct open_job *o = (struct open_job *)j;
    if (!o->resolve && o->result >= 0)
        close(o->result);
    resolved_done(&o->target);
    free(o->call);
    free(o);
}

static void
open_job_run(struct job *j)
{
    struct open_job *o = (struct open_job *)j;
    if (o->resolve)
        o->result = files_resolve(o->call, 0, &o->target);
    else
        o->result = files_open(o->call, &o->target);
}

// A created file becomes the object of the grant that allowed it to be made.
static void
adopt_created(struct supervisor *s, const struct resolved *r, int fd)
{
    struct stat st;
    struct grant *g = memory_lookup(&s->broker.memory, r->path, 0, 0, ACCESS_WRITE);
    if (g && g->reach == REACH_OBJECT && g->ino == 0 && fstat(fd, &st) == 0) {
        g->dev = st.st_dev;
        g->ino = st.st_ino;
    }
}

static void
opened(struct supervisor *s, const struct open_call *c, const struct resolved *r, int result)
{
    if (result >= 0 && !r->exists)
        adopt_created(s, r, result);
    give(s, c, result);
}

static void
open_job_done(struct job *j, void *ctx)
{
    struct open_job *o = (struct open_job *)j;
    opened(ctx, o->call, &o->target, o->result);
    o->result = -1;
    open_job_drop(j);
}

// Opens for the task, here when it can't block, else in a worker.
static void
perform(struct supervisor *s, const struct open_call *c, const struct resolved *r)
{
    if (!same_powers(s, c->tid)) {
        notify_fail(s->o.listener, c->id, EACCES);
        return;
    }
    if (!notify_valid(s->o.listener, c->id))
        return;
    if (!files_may_block(c, r)) {
        opened(s, c, r, files_open(c, r));
        return;
    }
    struct open_job *o = xcalloc(1, sizeof *o);
    *o = (struct open_job){
        .job = {.run = open_job_run, .done = open_job_done, .drop = open_job_drop},
        .call = call_dup(c),
        .target = *r,
        .result = -1};
    o->target.fd = fcntl(r->fd, F_DUPFD_CLOEXEC, 3);
    if (o->target.fd < 0 || worker_submit(s->workers, &o->job) < 0) {
        notify_fail(s->o.listener, c->id, EACCES);
        on_notice(s, "too many blocked opens at once: one was refused");
        open_job_drop(&o->job);
    }
}

static void
on_answer(void *ctx, const struct pending *row, struct waiter *w, const struct decision *d)
{
    struct supervisor *s = ctx;
    struct open_call *c = w->call;
    c->id = w->id;
    if (d->verdict == VERDICT_ALLOW && row->object)
        perform(s, c, row->object);
    else
        notify_fail(s->o.listener, w->id, d->error ? d->error : EACCES);
}

// --- judging ---------------------------------------------------------------------------------

static enum op
op_of(const struct open_call *c, const struct resolved *r)
{
    if (!r->exists)
        return OP_CREATE;
    unsigned access = files_access(c);
    return access == ACCESS_READ ? OP_READ : access == ACCESS_WRITE ? OP_WRITE : OP_READWRITE;
}

static void
count_floor(struct supervisor *s, enum op op)
{
    s->floor_counts[op]++;
    s->broker.stats.floor++;
    mark_counted(s);
}

static struct request *
make_request(struct supervisor *s, const struct open_call *c, const struct resolved *r,
             const struct stat *st, struct judgement *j)
{
    struct request *q = request_new();
    if (tracee_describe(c->tid, getpid(), q) < 0) {
        request_free(q);
        return NULL;
    }
    q->op = op_of(c, r);
    q->access = files_access(c) | (r->exists ? 0 : ACCESS_WRITE);
    q->call = c->row->name;
    q->flags = c->flags;
    q->mode = c->mode;
    q->target = xstrndup(c->path, c->path_len);
    q->resolved = xstrdup(r->path);
    q->why = j->access ? REASON_INSUFFICIENT_ACCESS : REASON_POLICY_BLOCKED;
    if (!j->nearest)
        capability_nearest(s->o.capabilities, r->path, j);
    q->covered = j->shared;
    q->nearest = j->nearest ? capability_describe(j->nearest) : xstrdup("");
    q->object = (struct object){.exists = r->exists,
                                .dev = st->st_dev,
                                .ino = st->st_ino,
                                .mode = st->st_mode,
                                .uid = st->st_uid,
                                .gid = st->st_gid,
                                .size = (uint64_t)st->st_size,
                                .nlink = st->st_nlink};
    q->risk = risk_of_path(r->path, s->o.home, q->access, &q->tags);
    return q;
}

static void
refuse_protected(struct supervisor *s, const struct open_call *c, const struct resolved *r,
                 const struct stat *st, struct judgement *j)
{
    struct request *q = make_request(s, c, r, st, j);
    if (q)
        broker_refuse(&s->broker, q, DECIDER_PROTECTED, REASON_POLICY_BLOCKED, clock_mono_ns());
    notify_fail(s->o.listener, c->id, EACCES);
}

static void
ask(struct supervisor *s, const struct open_call *c, struct resolved *r, const struct stat *st,
    struct judgement *j)
{
    struct request *q = make_request(s, c, r, st, j);
    // The facts were read from /proc after the notification: only now is it sure that they are the
    // asker's.
    if (!q || !notify_valid(s->o.listener, c->id)) {
        request_free(q);
        return;
    }
    if (!tracee_shares_root(c->tid)) {
        broker_refuse(&s->broker, q, DECIDER_INTERNAL, REASON_BACKEND_ERROR, clock_mono_ns());
        notify_fail(s->o.listener, c->id, EACCES);
        return;
    }
    broker_submit(&s->broker, q, resolved_hold(r), c->id, c->tid, clock_mono_ns(), call_dup(c));
}

// Remembered decisions of this session: true when one answered.
static bool
answer_from_memory(struct supervisor *s, const struct open_call *c, const struct resolved *r,
                   const struct stat *st)
{
    unsigned access = files_access(c) | (r->exists ? 0 : ACCESS_WRITE);
    struct grant *g = memory_lookup(&s->broker.memory, r->path, r->exists ? st->st_dev : 0,
                                    r->exists ? st->st_ino : 0, access);
    if (!g)
        return false;
    g->uses++;
    mark_counted(s);
    if (g->verdict == VERDICT_ALLOW) {
        s->broker.stats.granted++;
        perform(s, c, r);
    } else {
        s->broker.stats.refused++;
        notify_fail(s->o.listener, c->id, EACCES);
    }
    return true;
}

static bool
is_own_proc(const struct supervisor *s, const char *path)
{
    return strncmp(path, "/proc/", 6) == 0 &&
           (path_is_below(path, s->own_proc) || path_is_below(path, s->monitor_proc));
}

static void
judge(struct supervisor *s, const struct open_call *c, struct resolved *r)
{
    struct judgement j;
    struct stat st = {0};
    unsigned access = files_access(c);
    capability_judge(s->o.capabilities, r->path, &j);
    // I7: what nobody can grant. Our own /proc entry is read through nobody's capability either.
    bool protected_ = j.protected_ || is_own_proc(s, r->path);
    if (!protected_ && !j.holed && (access & ~j.access) == 0) {
        count_floor(s, op_of(c, r));
        notify_continue(s->o.listener, c->id);
        return;
    }
    if (fstat(r->fd, &st) < 0) {
        notify_fail(s->o.listener, c->id, EACCES);
        return;
    }
    if (protected_) {
        refuse_protected(s, c, r, &st, &j);
        return;
    }
    bool covered = (access & ~j.access) == 0;
    uint64_t dev = r->exists ? st.st_dev : 0, ino = r->exists ? st.st_ino : 0;
    if (files_fails_natively(c, r, st.st_mode) ||
        (covered && floor_covers(s->o.floor, r->path, dev, ino, access))) {
        count_floor(s, op_of(c, r));
        notify_continue(s->o.listener, c->id);
        return;
    }
    if (covered) {
        // Allowed, but carved out of the floor for the sake of a protected root beside it.
        count_floor(s, op_of(c, r));
        perform(s, c, r);
        return;
    }
    if (!answer_from_memory(s, c, r, &st))
        ask(s, c, r, &st, &j);
}

static void resolved_job_done(struct job *j, void *ctx);

static void
resolve_in_worker(struct supervisor *s, const struct open_call *c)
{
    struct open_job *o = xcalloc(1, sizeof *o);
    *o = (struct open_job){
        .job = {.run = open_job_run, .done = resolved_job_done, .drop = open_job_drop},
        .call = xmemdup(c, sizeof *c),
        .target = {.fd = -1},
        .resolve = true};
    if (worker_submit(s->workers, &o->job) < 0) {
        notify_fail(s->o.listener, c->id, EACCES);
        on_notice(s, "too many slow lookups at once: one was refused");
        open_job_drop(&o->job);
    }
}

// The id is not asked about here: SEND checks it under the kernel's own lock, so that an answer
// reaches only a task that has waited since before its memory was read. perform() and ask() check
// it before they act on what was read.
static void
judge_resolved(struct supervisor *s, const struct open_call *c, struct resolved *r, int error)
{
    if (error == 0 && !r->pathless) {
        judge(s, c, r);
    } else if (error == 0 || error == -ENOENT || error == -ENOTDIR || error == -ELOOP ||
               error == -ENAMETOOLONG || error == -EACCES || error == -EBADF || error == -EXDEV ||
               error == -EAGAIN || error == -EINVAL) {
        // There is nothing to open, or nothing that has a name: the kernel says so, under the floor
        // (I2).
        count_floor(s, OP_READ);
        notify_continue(s->o.listener, c->id);
    } else if (error != -ESRCH) {
        notify_fail(s->o.listener, c->id, -error);
    }
    if (error == 0)
        resolved_done(r);
}

static void
resolved_job_done(struct job *j, void *ctx)
{
    struct open_job *o = (struct open_job *)j;
    judge_resolved(ctx, o->call, &o->target, o->result);
    o->target.fd = o->result == 0 ? -1 : o->target.fd;
    open_job_drop(j);
}

static void
handle(struct supervisor *s, const struct seccomp_notif *n)
{
    struct open_call c;
    struct resolved r;
    int error = EACCES;
    const struct call_row *row = call_find(n->data.nr);
    if (!row) {
        notify_fail(s->o.listener, n->id, ENOSYS);
        return;
    }
    switch (files_decode(row, n, &c, &error)) {
    case FILES_NATIVE:
        notify_continue(s->o.listener, n->id);
        return;
    case FILES_ERROR:
        notify_fail(s->o.listener, n->id, error);
        return;
    case FILES_OK:
        break;
    }
    if (c.flags & O_PATH) {
        // Gives no access, can't be injected, and Landlock does not govern it.
        notify_continue(s->o.listener, n->id);
        return;
    }
    int ret = files_resolve(&c, RESOLVE_NOW, &r);
    if (ret == -EAGAIN && !(c.resolve & RESOLVE_CACHED))
        resolve_in_worker(s, &c);
    else
        judge_resolved(s, &c, &r, ret);
}

// --- parked calls ----------------------------------------------------------------------------

static void
look_after(struct supervisor *s, struct pending *row, uint64_t now)
{
    for (struct waiter *w = row->waiters, *next; w; w = next) {
        next = w->next;
        if (w->id == 0)
            continue;
        bool last = row->n_waiters == 1;
        struct tracee_status st;
        if (!notify_valid(s->o.listener, w->id)) {
            broker_withdraw(&s->broker, w, now);
            if (last)
                return;
        } else if (row->state == STATE_ASKED && tracee_read_status(w->tid, &st) == 0 &&
                   st.signal_waiting) {
            // The call goes back as it would natively for this signal: EINTR, or restarted behind
            // the handler. It keeps its place in the row; a restarted one finds it again.
            uint64_t id = w->id;
            broker_detach(&s->broker, w, now);
            notify_fail(s->o.listener, id, NONO_ERESTARTSYS);
        }
    }
}

static void
tick(struct supervisor *s, uint64_t now)
{
    struct pending_table *t = &s->broker.table;
    uint64_t end = now + TICK_BUDGET_NS;
    for (size_t n = t->n; n-- > 0 && t->n;) {
        if (s->tick_row >= t->n)
            s->tick_row = 0;
        size_t before = t->n;
        look_after(s, t->rows[s->tick_row], now);
        if (t->n == before)
            s->tick_row++;
        if (clock_mono_ns() > end)
            break;
    }
    broker_tick(&s->broker, now);
}

// --- the loop --------------------------------------------------------------------------------

// Whoever decided must hear that it counted for nothing; whom another forestalled hears how the
// request ends.
static void
decision_not_taken(struct supervisor *s, uint64_t id, int error)
{
    struct request_update u = {.id = id,
                               .state = STATE_ASKED,
                               .verdict = _VERDICT_INVALID,
                               .by = _DECIDER_INVALID,
                               .scope = _SCOPE_INVALID,
                               .error = error};
    if (error == 0 || error == -EALREADY)
        return;
    if (error == -ENOENT)
        u = (struct request_update){.id = id,
                                    .state = STATE_WITHDRAWN,
                                    .verdict = VERDICT_WITHDRAWN,
                                    .by = DECIDER_INTERNAL,
                                    .scope = SCOPE_ONCE};
    else if (error == -EAGAIN)
        on_notice(s, "the record is busy: decide again");
    else if (error == -EBADMSG)
        on_notice(s, "the request is not what was shown: not decided");
    else
        on_notice(s, "a decision of that kind cannot be taken: not decided");
    on_update(s, &u);
}

static void
take_message(struct supervisor *s, struct msg *m)
{
    uint64_t now = clock_mono_ns();
    switch (m->type) {
    case MSG_DECIDE: {
        struct decision *d = m->data;
        uint64_t id = d->request;
        m->free = NULL;
        decision_not_taken(s, id, broker_decide(&s->broker, d, now));
        break;
    }
    case MSG_RECORDED:
        broker_recorded(&s->broker, m->data, now);
        break;
    case MSG_WORKED: {
        struct job *j = m->data;
        m->free = NULL;
        j->done(j, s);
        break;
    }
    case MSG_STOP:
        broker_close(&s->broker, now);
        break;
    default:
        break;
    }
    mark_counted(s);
    msg_done(m);
}

static void
receive(struct supervisor *s)
{
    struct seccomp_notif n;
    if (notify_recv(s->o.listener, &n) == 0)
        handle(s, &n);
}

static void
on_timer(struct supervisor *s)
{
    uint64_t fired, now = clock_mono_ns();
    if (read(s->timer_fd, &fired, sizeof fired) < 0)
        return;
    s->timer_at = 0;
    if (s->broker.table.n && now >= s->tick_at) {
        tick(s, now);
        s->tick_at = now + TICK_NS;
    }
    if (s->counted && now >= s->flush_at)
        flush_counts(s);
}

static void
supervisor_turn(struct supervisor *s)
{
    // A full queue is a state, not a loss: the kernel keeps the callers asleep meanwhile.
    bool starved = s->n_outbox || s->o.record.room(s->o.record.ctx) < ROOM_DB ||
                   queue_room(s->o.main) < ROOM_MAIN;
    struct pollfd fds[3] = {{.fd = s->o.listener, .events = starved ? 0 : POLLIN},
                            {.fd = queue_fd(s->o.inbox), .events = POLLIN},
                            {.fd = s->timer_fd, .events = POLLIN}};
    int n = poll(fds, 3, starved ? STARVED_MS : -1);
    if (n > 0 && fds[0].revents & POLLIN)
        receive(s);
    if (n > 0 && fds[1].revents) {
        struct msg m;
        while (queue_pop(s->o.inbox, &m))
            take_message(s, &m);
    }
    if (n > 0 && fds[2].revents)
        on_timer(s);
    // POLLHUP: the last task is gone (seccomp_unotify(2)).
    if (n > 0 && fds[0].revents & (POLLHUP | POLLERR) && !(fds[0].revents & POLLIN))
        s->drained = true;
    if (s->broker.table.n && !s->timer_at)
        arm_timer(s, clock_mono_ns() + TICK_NS);
    if (s->counted && !s->timer_at)
        arm_timer(s, s->flush_at);
    if (s->n_outbox)
        main_flush(s);
}

static void *
supervisor_main(void *arg)
{
    struct supervisor *s = arg;
    // An own umask for creations on behalf, and no more power than the asker (I8).
    if (unshare(CLONE_FS) < 0)
        die("unshare(CLONE_FS) failed");
    launch_limit_thread(s->o.caps);
    while (!s->drained)
        supervisor_turn(s);
    broker_withdraw_all(&s->broker, clock_mono_ns());
    flush_counts(s);
    main_push(s, MSG_DRAINED, NULL, NULL);
    // Closing answers whoever still waits with ENOSYS: nothing is granted by our end (I1).
    close_fd(&s->o.listener);
    while (s->n_outbox) {
        struct pollfd none = {.fd = -1};
        main_flush(s);
        poll(&none, 1, 1);
    }
    return NULL;
}

static const struct broker_ops broker_ops = {
    .publish = on_publish,
    .update = on_update,
    .record_request = on_record_request,
    .record_decision = on_record_decision,
    .record_repeat = on_record_repeat,
    .answer = on_answer,
    .refused = on_refused,
    .notice = on_notice,
};

int
supervisor_start(const struct supervisor_options *o, struct supervisor **ret_s)
{
    sigset_t all, before;
    struct supervisor *s = xcalloc(1, sizeof *s);
    s->o = *o;
    snprintf(s->own_proc, sizeof s->own_proc, "/proc/%d", (int)getpid());
    snprintf(s->monitor_proc, sizeof s->monitor_proc, "/proc/%d", (int)o->monitor);
    broker_init(&s->broker, o->approver, o->timeout_ns, &broker_ops, s, release_object, free);
    s->workers = worker_pool_new(o->inbox, o->caps);
    notify_set_sync(o->listener);
    s->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int ret = pthread_create(&s->thread, NULL, supervisor_main, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (ret) {
        worker_pool_free(s->workers);
        broker_done(&s->broker);
        free(s);
        return -ret;
    }
    *ret_s = s;
    return 0;
}

struct supervisor *
supervisor_join(struct supervisor *s)
{
    if (!s)
        return NULL;
    pthread_join(s->thread, NULL);
    worker_pool_free(s->workers);
    broker_done(&s->broker);
    close_fd(&s->timer_fd);
    free(s->outbox);
    free(s);
    return NULL;
}
