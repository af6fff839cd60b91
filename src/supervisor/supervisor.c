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
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

#include "bounds.h"
#include "clock.h"
#include "closer.h"
#include "core.h"
#include "event.h"
#include "last.h"
#include "launch.h"
#include "notify.h"
#include "sockets_state.h"
#include "tracee.h"
#include "trust.h"
#include "util.h"

#define TICK_NS (20 * NS_PER_MS) /* parked calls are looked after this often */
#define FLUSH_NS (100 * NS_PER_MS)
#define MESSAGES_AT_ONCE 64
#define STARVED_NS (5 * NS_PER_MS)
#define JOBS_END_NS NS_PER_SEC
#define ROOM_DB 512 /* nothing is judged while the record has less room than this */
#define ROOM_MAIN 64
#define FDS_KEPT 256
#define FDS_KEPT_LEAST 64

static void
arm_timer(struct supervisor *s, uint64_t at)
{
    if (s->timer_at && s->timer_at <= at)
        return;
    s->timer_at = at;
    struct itimerspec when = {.it_value = clock_timespec(at)};
    timerfd_settime(s->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

void
core_look_after(struct supervisor *s)
{
    arm_timer(s, clock_mono_ns() + TICK_NS);
}

static void
main_push(struct supervisor *s, int type, void *data, void (*free_fn)(void *))
{
    struct msg m = {.type = type, .data = data, .free = free_fn};
    if (s->n_outbox == 0 && queue_push(s->o.main, &m, 0) == 0)
        return;
    // Kept in order; nothing is judged while this is not empty, so it stays small.
    arm_timer(s, clock_mono_ns() + STARVED_NS);
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

void
core_notice(struct supervisor *s, const char *text)
{
    main_push(s, MSG_NOTICE, xstrdup(text), free);
}

static void
on_refused(void *ctx, const struct request *r, enum decider by, enum reason reason)
{
    struct refusal *f = xcalloc(1, sizeof *f);
    *f = (struct refusal){.op = r->op,
                          .pid = r->pid,
                          .access = r->access,
                          .by = by,
                          .reason = reason,
                          .directory = r->object.exists && S_ISDIR(r->object.mode),
                          .denied = request_is_denied(r),
                          .programs = request_asks_programs(r),
                          .nearest = xstrdup(r->nearest),
                          .resolved = xstrdup(r->resolved),
                          .detail = xstrdup(r->detail)};
    struct supervisor *s = ctx;
    free(s->last);
    s->last = last_text(r, by, reason);
    main_push(s, MSG_REFUSAL, f, refusal_free_msg);
}

static void
on_notice(void *ctx, const char *text)
{
    core_notice(ctx, text);
}

static void
on_record_request(void *ctx, struct request *r)
{
    struct supervisor *s = ctx;
    if (s->o.record.request(s->o.record.ctx, r) < 0)
        core_notice(s, "the record is full: a request was not written");
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
on_grant(void *ctx, const struct grant *g)
{
    main_push(ctx, MSG_GRANT, grant_dup(g), grant_free_msg);
}

static void
on_record_uses(void *ctx, const struct grant *g, uint64_t uses)
{
    struct supervisor *s = ctx;
    s->o.record.count(s->o.record.ctx, "grant", g->id, g->op, uses);
}

static void
on_record_revoke(void *ctx, const struct grant *g, const char *source)
{
    struct supervisor *s = ctx;
    if (s->o.record.revoke(s->o.record.ctx, g, source) < 0)
        core_notice(s, "the record is full: that a grant was taken back was not written");
}

static void
flush_counts(struct supervisor *s)
{
    atomic_store(&s->counted, false);
    for (int op = 0; op < _OP_MAX; op++) {
        uint64_t n = atomic_exchange(&s->floor_counts[op], 0);
        if (n)
            s->o.record.count(s->o.record.ctx, "floor", 0, (enum op)op, n);
        s->broker.stats.floor += n;
    }
    broker_flush_uses(&s->broker);
    main_push(s, MSG_STATS, xmemdup(&s->broker.stats, sizeof s->broker.stats), free);
}

void
core_mark_counted(struct supervisor *s)
{
    if (atomic_exchange(&s->counted, true))
        return;
    s->flush_at = clock_mono_ns() + FLUSH_NS;
    arm_timer(s, s->flush_at);
}

void
core_count_floor(struct supervisor *s, enum op op, bool locked)
{
    atomic_fetch_add_explicit(&s->floor_counts[op], 1, memory_order_relaxed);
    if (atomic_load_explicit(&s->counted, memory_order_relaxed))
        return;
    if (!locked)
        pthread_mutex_lock(&s->lock);
    core_mark_counted(s);
    if (!locked)
        pthread_mutex_unlock(&s->lock);
}

static void
on_answer(void *ctx, const struct pending *row, struct waiter *w, const struct decision *d)
{
    struct supervisor *s = ctx;
    struct call *c = w->call;
    c->id = w->id;
    if (core_family(c)->decided)
        core_family(c)->decided(s, c, row->request, d);
    if (d->verdict == VERDICT_ALLOW && row->object)
        core_family(c)->perform(s, c, row->object);
    else
        notify_fail(s->o.listener, w->id, d->error ? d->error : EACCES);
}

static const struct family *const families[_FAMILY_MAX] = {
    [FAMILY_OPEN] = &family_open,       [FAMILY_PATH] = &family_path,
    [FAMILY_PROCESS] = &family_process, [FAMILY_SOCKET] = &family_socket,
    [FAMILY_EXEC] = &family_exec,       [FAMILY_IPC] = &family_ipc,
    [FAMILY_QUEUE] = &family_queue,     [FAMILY_ABSENT] = &family_absent,
};

const struct family *
core_family(const struct call *c)
{
    return families[c->row->family];
}

void
core_notified(struct supervisor *s, const struct seccomp_notif *n)
{
    // The numbers of another ABI mean other calls.
    const struct call_row *row = absent_abi(n);
    if (!row)
        row = call_find(n->data.nr);
    // I8: already the lookup is made with no more than the task's powers.
    if (!row)
        notify_fail(s->o.listener, n->id, ENOSYS);
    else if (onbehalf_enter(s, (pid_t)n->pid) < 0)
        notify_fail(s->o.listener, n->id, EACCES);
    else
        families[row->family]->notified(s, row, n);
    onbehalf_leave(s);
}

static void
free_call(void *call)
{
    if (call)
        core_family(call)->free_call(call);
}

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
        core_notice(s, "the record is busy: decide again");
    else if (error == -EOPNOTSUPP)
        core_notice(s, "this request has no such reach: not decided");
    else if (error == -EBADMSG)
        core_notice(s, "the request is not what was shown: not decided");
    else
        core_notice(s, "a decision of that kind cannot be taken: not decided");
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
        core_look_at(s, id, now);
        decision_not_taken(s, id, broker_decide(&s->broker, d, now));
        break;
    }
    case MSG_RECORDED:
        broker_recorded(&s->broker, m->data, now);
        core_mark_counted(s);
        break;
    case MSG_WORKED: {
        struct job *j = m->data;
        m->free = NULL;
        j->done(j, s);
        break;
    }
    case MSG_REVOKE: {
        const struct revoke *r = m->data;
        broker_revoke(&s->broker, r->grant, r->source, now);
        break;
    }
    case MSG_APPROVER:
        sockets_approver(s, m->data);
        break;
    case MSG_FREEZE:
        broker_freeze(&s->broker, true, now);
        main_push(s, MSG_FROZEN, NULL, NULL);
        break;
    case MSG_THAW:
        broker_freeze(&s->broker, false, now);
        break;
    case MSG_STOP:
        broker_close(&s->broker, now);
        break;
    default:
        break;
    }
    core_mark_counted(s);
    msg_done(m);
}

// A few at a time: the receiver waits for the lock meanwhile. True when there may be more.
static bool
take_messages(struct supervisor *s)
{
    struct msg m;
    int n = 0;
    while (n < MESSAGES_AT_ONCE && queue_pop(s->o.inbox, &m)) {
        take_message(s, &m);
        n++;
    }
    return n == MESSAGES_AT_ONCE;
}

static void
on_timer(struct supervisor *s)
{
    uint64_t fired, now = clock_mono_ns();
    if (read(s->timer_fd, &fired, sizeof fired) < 0)
        return;
    s->timer_at = 0;
    uint64_t due = broker_deadline(&s->broker);
    if (((s->broker.table.n || s->jobs) && now >= s->tick_at) || (due && now >= due)) {
        core_tick(s, now);
        s->tick_at = now + TICK_NS;
    }
    sockets_look_after(s, now);
    if (atomic_load(&s->counted) && now >= s->flush_at)
        flush_counts(s);
}

bool
core_has_room(const struct supervisor *s)
{
    return !s->n_outbox && s->o.record.room(s->o.record.ctx) >= ROOM_DB &&
           queue_room(s->o.main) >= ROOM_MAIN;
}

void
core_wait_for_room(struct supervisor *s)
{
    while (!core_has_room(s)) {
        pthread_mutex_unlock(&s->lock);
        poll(NULL, 0, STARVED_NS / NS_PER_MS);
        pthread_mutex_lock(&s->lock);
        main_flush(s);
    }
}

static void
clerk_turn(struct supervisor *s)
{
    struct pollfd fds[3] = {{.fd = queue_fd(s->o.inbox), .events = POLLIN},
                            {.fd = s->timer_fd, .events = POLLIN},
                            {.fd = s->end_fd, .events = POLLIN}};
    int n = poll(fds, 3, -1);
    pthread_mutex_lock(&s->lock);
    if (n > 0 && fds[0].revents)
        take_messages(s);
    if (n > 0 && fds[1].revents)
        on_timer(s);
    if (n > 0 && fds[2].revents)
        atomic_store(&s->drained, true);
    if ((s->broker.table.n || s->jobs || s->sockets->waiting) && !s->timer_at)
        arm_timer(s, clock_mono_ns() + TICK_NS);
    if (atomic_load(&s->counted) && !s->timer_at)
        arm_timer(s, s->flush_at);
    if (broker_deadline(&s->broker))
        arm_timer(s, broker_deadline(&s->broker));
    if (s->n_outbox)
        main_flush(s);
    pthread_mutex_unlock(&s->lock);
}

static void
await_message(struct supervisor *s)
{
    struct pollfd inbox = {.fd = queue_fd(s->o.inbox), .events = POLLIN};
    pthread_mutex_unlock(&s->lock);
    poll(&inbox, 1, 1);
    pthread_mutex_lock(&s->lock);
    take_messages(s);
}

// What is done for tasks that are gone returns: the jobs refer to the supervisor.
static void
end_jobs(struct supervisor *s)
{
    uint64_t end = clock_mono_ns() + JOBS_END_NS;
    while (s->jobs && clock_mono_ns() < end) {
        onbehalf_look_after(s, UINT64_MAX);
        await_message(s);
    }
}

// A command may end before it is clear that a name of its rules leads nowhere.
static void
end_lookups(struct supervisor *s)
{
    while (sockets_await_rules(s, clock_mono_ns()))
        await_message(s);
    sockets_tell_unresolved(s);
}

static void *
clerk_main(void *arg)
{
    struct supervisor *s = arg;
    core_thread_prepare(s);
    while (!atomic_load(&s->drained))
        clerk_turn(s);
    receive_end(s);
    pthread_mutex_lock(&s->lock);
    end_jobs(s);
    end_lookups(s);
    while (take_messages(s))
        ;
    broker_withdraw_all(&s->broker, clock_mono_ns());
    flush_counts(s);
    main_push(s, MSG_DRAINED, NULL, NULL);
    closer_flush();
    // Closing answers whoever still waits with ENOSYS: nothing is granted by our end (I1).
    close_fd(&s->o.listener);
    while (s->n_outbox) {
        struct pollfd none = {.fd = -1};
        main_flush(s);
        poll(&none, 1, 1);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

void
core_thread_prepare(struct supervisor *s)
{
    // An own umask for creations on behalf, and no more power than the asker (I8).
    if (unshare(CLONE_FS) < 0)
        die("unshare(CLONE_FS) failed");
    launch_limit_thread(s->o.caps);
    worker_allow_interrupt();
}

static const struct broker_ops broker_ops = {
    .publish = on_publish,
    .update = on_update,
    .record_request = on_record_request,
    .record_decision = on_record_decision,
    .record_repeat = on_record_repeat,
    .grant = on_grant,
    .record_uses = on_record_uses,
    .record_revoke = on_record_revoke,
    .answer = on_answer,
    .refused = on_refused,
    .notice = on_notice,
};

// What is left of the descriptors is for clients, workers and lookups.
static rlim_t
held_limit(void)
{
    struct rlimit files;
    rlim_t limit = getrlimit(RLIMIT_NOFILE, &files) == 0 ? files.rlim_cur : 1024;
    rlim_t kept = limit / 4 < FDS_KEPT ? limit / 4 : FDS_KEPT;
    // Where there are few, the lookups of the calls that need no request still want theirs.
    if (kept < FDS_KEPT_LEAST)
        kept = limit / 2 < FDS_KEPT_LEAST ? limit / 2 : FDS_KEPT_LEAST;
    return limit - kept;
}

static struct supervisor *
supervisor_free(struct supervisor *s)
{
    worker_pool_free(s->workers);
    // One that blocks in a file system that does not answer uses it until the process ends.
    if (s->jobs)
        return NULL;
    sockets_free(s);
    trust_free(s->trust);
    exec_scripts_done(&s->scripts);
    free(s->last);
    broker_done(&s->broker);
    close_fd(&s->timer_fd);
    close_fd(&s->end_fd);
    close_fd(&s->o.listener);
    pthread_mutex_destroy(&s->lock);
    sem_destroy(&s->received_all);
    free(s->outbox);
    free(s);
    return NULL;
}

// 0 or an errno. A receiver that runs alone is ended again.
static int
start_threads(struct supervisor *s)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int ret = pthread_create(&s->receiver, NULL, receive_main, s);
    if (ret == 0 && (ret = pthread_create(&s->clerk, NULL, clerk_main, s))) {
        atomic_store(&s->drained, true);
        receive_end(s);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ret;
}

// Of the listener only its end: EPOLLHUP, the last task is gone (seccomp_unotify(2)). Each poll(2)
// of the listener itself walks all calls that wait.
static int
watch_end(int listener)
{
    struct epoll_event hangup = {0};
    int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd >= 0 && epoll_ctl(fd, EPOLL_CTL_ADD, listener, &hangup) < 0)
        close_fd(&fd);
    return fd;
}

int
supervisor_start(const struct supervisor_options *o, struct supervisor **ret_s)
{
    struct supervisor *s = xcalloc(1, sizeof *s);
    s->o = *o;
    snprintf(s->own_proc, sizeof s->own_proc, "/proc/%d", (int)getpid());
    snprintf(s->monitor_proc, sizeof s->monitor_proc, "/proc/%d", (int)o->monitor);
    s->fd_limit = held_limit();
    atomic_init(&s->initial, true);
    tracee_set_monitor(o->monitor);
    pthread_mutex_init(&s->lock, NULL);
    sem_init(&s->received_all, 0, 0);
    broker_init(&s->broker, o->approver, o->timeout_ns, o->capabilities, &broker_ops, s, held_free,
                free_call);
    ratelimit_init(&s->broker.limit, o->ask_rate, o->ask_burst, clock_mono_ns());
    s->workers = worker_pool_new(o->inbox, o->caps);
    sockets_start(s);
    s->trust = trust_new(o->trust, o->keygen);
    notify_set_sync(o->listener);
    // Without it no request would ever expire.
    s->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    s->end_fd = watch_end(o->listener);
    int ret = s->timer_fd < 0 || s->end_fd < 0 ? errno : start_threads(s);
    if (ret) {
        supervisor_free(s);
        return -ret;
    }
    *ret_s = s;
    return 0;
}

void
supervisor_remember(struct supervisor *s, struct grant **grants, size_t n)
{
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < n; i++)
        broker_load(&s->broker, grants[i]);
    pthread_mutex_unlock(&s->lock);
}

struct supervisor *
supervisor_join(struct supervisor *s)
{
    if (!s)
        return NULL;
    pthread_join(s->clerk, NULL);
    return supervisor_free(s);
}
