// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bounds.h"
#include "clock.h"
#include "judge.h"
#include "kernel.h"
#include "landlock.h"
#include "launch.h"
#include "mounts.h"
#include "notify.h"
#include "tracee.h"
#include "util.h"

struct held *
held_new(unsigned n, struct resolved *const ends[])
{
    struct held *h = xmalloc(sizeof *h + n * sizeof h->end[0]);
    h->n = n;
    for (unsigned i = 0; i < n; i++) {
        h->end[i] = *ends[i];
        ends[i]->fd = ends[i]->object_fd = -1;
    }
    return h;
}

void
held_free(void *held)
{
    struct held *h = held;
    for (unsigned i = 0; h && i < h->n; i++)
        resolved_done(&h->end[i]);
    free(h);
}

int
onbehalf_enter(const struct supervisor *s, pid_t tid)
{
    // Uid, gid and groups need no look: without CAP_SETUID and CAP_SETGID, without user namespaces
    // and with no_new_privs, a task of the sandbox keeps those that it was started with. Without
    // CAP_SETPCAP it loses capabilities by capset(2) alone, which is notified.
    if (!s->o.caps || !atomic_load(&s->lowered))
        return 0;
    uint64_t caps;
    int ret = tracee_capabilities(tid, &caps);
    return ret < 0 ? ret : launch_lower_thread(s->o.caps & caps);
}

void
onbehalf_leave(const struct supervisor *s)
{
    launch_lower_thread(s->o.caps);
}

// --- workers ---------------------------------------------------------------------------------

// No process has more workers than are left for the others, and what may block for ever leaves some
// for the rest, however many processes it is made by.
static bool
has_share(const struct supervisor *s, const struct call *c, bool blocks)
{
    unsigned max = NONO_WORKERS_MAX - (blocks ? NONO_WORKERS_KEPT : 0);
    unsigned left = s->n_jobs < max ? max - s->n_jobs : 0, own = 0;
    if (s->n_jobs < left)
        return true;
    pid_t process = tracee_process(c->tid);
    for (struct task_job *j = s->jobs; j; j = j->after) {
        if (j->process == 0)
            j->process = tracee_process(j->call->tid);
        own += j->process == process;
    }
    return own < left;
}

int
onbehalf_reserve(struct supervisor *s, const struct call *c, bool blocks)
{
    if (has_share(s, c, blocks) && worker_reserve(s->workers) == 0)
        return 0;
    if (!s->told_busy)
        core_notice(s, "too many blocked calls at once: more are refused until some return");
    s->told_busy = true;
    return -EAGAIN;
}

// Whatever it was allowed by, it is not done: the record says so.
static void
refuse_busy(struct supervisor *s, const struct call *c)
{
    enum op op;
    const char *path = core_family(c)->path ? core_family(c)->path(c, &op) : NULL;
    if (!path) {
        notify_fail(s->o.listener, c->id, EACCES);
        return;
    }
    // Nothing was looked up: the name is all that is known.
    const struct stat nothing = {0};
    struct standing standing = {0};
    const struct facts f = {.call = c,
                            .op = op,
                            .target = path,
                            .target_len = strlen(path),
                            .resolved = path,
                            .st = &nothing,
                            .standing = &standing};
    judge_refuse(s, c, judge_request(s, &f), DECIDER_RATE_LIMIT, REASON_RATE_LIMITED, EACCES);
}

void
onbehalf_submit(struct supervisor *s, struct task_job *j)
{
    if (onbehalf_reserve(s, j->call, j->blocks) < 0 || worker_submit(s->workers, &j->job) < 0) {
        refuse_busy(s, j->call);
        j->job.drop(&j->job);
        return;
    }
    s->n_jobs++;
    j->before = NULL;
    j->after = s->jobs;
    if (s->jobs)
        s->jobs->before = j;
    s->jobs = j;
    core_look_after(s);
}

void
onbehalf_returned(struct supervisor *s, struct task_job *j)
{
    s->n_jobs--;
    if (s->tick_job == j)
        s->tick_job = j->after;
    if (j->after)
        j->after->before = j->before;
    if (j->before)
        j->before->after = j->after;
    else
        s->jobs = j->after;
    // As the task's own call would return for its signal: EINTR, or again behind the handler. An
    // EINTR of the file system's own is none of that: without a signal the kernel would hand the
    // restart's code to the program.
    if (j->result == -EINTR && j->interrupted)
        j->result = -NONO_ERESTARTSYS;
}

static void
look_after(struct supervisor *s, struct task_job *j)
{
    struct tracee_status st;
    bool signal =
        !s->broker.frozen && tracee_read_status(j->call->tid, &st) == 0 && st.signal_waiting;
    j->interrupted |= signal;
    if (signal || !notify_valid(s->o.listener, j->call->id))
        worker_interrupt(s->workers, &j->job);
}

void
onbehalf_look_after(struct supervisor *s, uint64_t end_ns)
{
    for (unsigned n = s->n_jobs; n > 0 && clock_mono_ns() < end_ns; n--) {
        struct task_job *j = s->tick_job ? s->tick_job : s->jobs;
        s->tick_job = j->after;
        look_after(s, j);
    }
}

// --- opens -----------------------------------------------------------------------------------

struct open_job {
    struct task_job task;
    const struct supervisor *s;
    struct resolved target; /* owned */
};

static struct open_call *
call_of(struct open_job *o)
{
    return (struct open_call *)o->task.call;
}

static void
open_job_drop(struct job *j)
{
    struct open_job *o = (struct open_job *)j;
    if (o->task.result >= 0)
        close(o->task.result);
    resolved_done(&o->target);
    free(o->task.call);
    free(o);
}

struct confined_open {
    const struct open_call *call;
    const struct resolved *target;
    int result;
};

static void *
confined_main(void *arg)
{
    struct confined_open *o = arg;
    o->result = landlock_enter_domain() < 0 ? -EACCES : files_open(o->call, o->target, false);
    return NULL;
}

// I8: what procfs shows of a process outside is shown to who has no power over it. A thread of its
// own, with the caller's powers: a domain can't be left.
static int
open_confined(const struct open_call *c, const struct resolved *r)
{
    pthread_t thread;
    struct confined_open o = {.call = c, .target = r};
    int ret = pthread_create(&thread, NULL, confined_main, &o);
    if (ret)
        return -EACCES;
    pthread_join(thread, NULL);
    return o.result;
}

static int
open_as_task(const struct supervisor *s, const struct open_call *c, const struct resolved *r,
             bool now)
{
    if (onbehalf_enter(s, c->call.tid) < 0)
        return -EACCES;
    int result = files_is_foreign_process(r) ? open_confined(c, r) : files_open(c, r, now);
    onbehalf_leave(s);
    return result;
}

static void
open_job_run(struct job *j)
{
    struct open_job *o = (struct open_job *)j;
    o->task.result = open_as_task(o->s, call_of(o), &o->target, false);
}

// A created file becomes the object of the grant that allowed it to be made.
static void
adopt_created(struct supervisor *s, const struct resolved *r, int fd)
{
    struct stat st;
    if (mount_stat(fd, &st) == 0)
        memory_adopt(&s->broker.memory, r->path, st.st_dev, st.st_ino);
}

// Takes the descriptor over.
static void
opened(struct supervisor *s, const struct open_call *c, const struct resolved *r, int result)
{
    if (result == -NONO_ECHANGED) {
        // In a worker, so that who changes it again and again holds nobody up.
        onbehalf_resolve(s, c);
        return;
    }
    if (result < 0) {
        notify_fail(s->o.listener, c->call.id, -result);
        return;
    }
    if (!r->exists)
        adopt_created(s, r, result);
    int ret = notify_give_fd(s->o.listener, c->call.id, result, files_cloexec(c));
    if (ret < 0 && ret != -ENOENT)
        notify_fail(s->o.listener, c->call.id, -ret);
    close(result);
}

static void
open_job_done(struct job *j, void *ctx)
{
    struct open_job *o = (struct open_job *)j;
    onbehalf_returned(ctx, &o->task);
    opened(ctx, call_of(o), &o->target, o->task.result);
    o->task.result = -1;
    open_job_drop(j);
}

static bool
is_fifo(const struct resolved *r)
{
    struct stat st;
    return r->exists && mount_stat(r->fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

void
onbehalf_open(struct supervisor *s, const struct open_call *c, const struct resolved *r)
{
    if (files_is_foreign_process(r) && files_access(c) != ACCESS_READ) {
        notify_fail(s->o.listener, c->call.id, EACCES);
        return;
    }
    if ((!r->exists || c->flags & O_TRUNC) && !tracee_has_free_fd(c->call.tid)) {
        notify_fail(s->o.listener, c->call.id, EMFILE);
        return;
    }
    if (!notify_valid(s->o.listener, c->call.id))
        return;
    if (!files_may_block(c, r)) {
        int result = open_as_task(s, c, r, true);
        if (result != -EAGAIN || c->flags & O_NONBLOCK) {
            opened(s, c, r, result);
            return;
        }
    }
    struct open_job *o = xcalloc(1, sizeof *o);
    *o = (struct open_job){
        .task = {.job = {.run = open_job_run, .done = open_job_done, .drop = open_job_drop},
                 .call = &open_call_dup(c)->call,
                 .result = -1,
                 .blocks = is_fifo(r)},
        .s = s,
        .target = *r};
    o->target.object_fd = -1;
    o->target.fd = fcntl(r->fd, F_DUPFD_CLOEXEC, 3);
    if (o->target.fd < 0) {
        notify_fail(s->o.listener, c->call.id, EACCES);
        open_job_drop(&o->task.job);
        return;
    }
    onbehalf_submit(s, &o->task);
}

// --- lookups ---------------------------------------------------------------------------------

static void
lookup_drop(struct job *j)
{
    struct open_job *o = (struct open_job *)j;
    if (o->task.result == 0)
        resolved_done(&o->target);
    free(o->task.call);
    free(o);
}

static void
lookup_run(struct job *j)
{
    struct open_job *o = (struct open_job *)j;
    o->task.result = onbehalf_enter(o->s, o->task.call->tid);
    if (o->task.result == 0)
        o->task.result = files_resolve(call_of(o), 0, &o->target);
    onbehalf_leave(o->s);
}

static void
lookup_done(struct job *j, void *ctx)
{
    struct open_job *o = (struct open_job *)j;
    onbehalf_returned(ctx, &o->task);
    open_resolved(ctx, call_of(o), &o->target, o->task.result);
    o->task.result = -1;
    lookup_drop(j);
}

void
onbehalf_resolve(struct supervisor *s, const struct open_call *c)
{
    struct open_job *o = xcalloc(1, sizeof *o);
    *o = (struct open_job){
        .task = {.job = {.run = lookup_run, .done = lookup_done, .drop = lookup_drop},
                 .call = &open_call_dup(c)->call,
                 .result = -1},
        .s = s,
        .target = {.fd = -1, .object_fd = -1}};
    onbehalf_submit(s, &o->task);
}
