// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core.h"
#include "kernel.h"
#include "notify.h"
#include "tracee.h"
#include "util.h"

// What a parked call needs to be answered: a copy without the path, which is not looked at again.
struct open_call *
onbehalf_call_dup(const struct open_call *c)
{
    return xmemdup(c, offsetof(struct open_call, path));
}

struct resolved *
onbehalf_hold(struct resolved *r)
{
    struct resolved *held = xmemdup(r, sizeof *r);
    r->fd = -1;
    return held;
}

void
onbehalf_release(void *object)
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
    struct resolved target;          /* fd owned */
    struct open_job *before, *after; /* in the supervisor's list, unless it resolves */
    bool resolve;                    /* look the path up; else open the target */
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
        o->result = files_open(o->call, &o->target, false);
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
list_job(struct supervisor *s, struct open_job *o)
{
    o->after = s->jobs;
    if (s->jobs)
        s->jobs->before = o;
    s->jobs = o;
}

static void
unlist_job(struct supervisor *s, struct open_job *o)
{
    if (o->after)
        o->after->before = o->before;
    if (o->before)
        o->before->after = o->after;
    else
        s->jobs = o->after;
}

void
onbehalf_look_after(struct supervisor *s)
{
    for (struct open_job *o = s->jobs; o; o = o->after) {
        struct tracee_status st;
        if (!notify_valid(s->o.listener, o->call->id) ||
            (tracee_read_status(o->call->tid, &st) == 0 && st.signal_waiting))
            worker_interrupt(s->workers, &o->job);
    }
}

static void
open_job_done(struct job *j, void *ctx)
{
    struct open_job *o = (struct open_job *)j;
    unlist_job(ctx, o);
    // As the task's own call would return for its signal: EINTR, or again behind the handler.
    if (o->result == -EINTR)
        o->result = -NONO_ERESTARTSYS;
    opened(ctx, o->call, &o->target, o->result);
    o->result = -1;
    open_job_drop(j);
}

// Opens for the task, here when it can't block, else in a worker.
void
onbehalf_open(struct supervisor *s, const struct open_call *c, const struct resolved *r)
{
    if (!same_powers(s, c->tid) || files_is_foreign_process(r)) {
        notify_fail(s->o.listener, c->id, EACCES);
        return;
    }
    if ((!r->exists || c->flags & O_TRUNC) && !tracee_has_free_fd(c->tid)) {
        notify_fail(s->o.listener, c->id, EMFILE);
        return;
    }
    if (!notify_valid(s->o.listener, c->id))
        return;
    if (!files_may_block(c, r)) {
        int result = files_open(c, r, true);
        if (result != -EAGAIN || c->flags & O_NONBLOCK) {
            opened(s, c, r, result);
            return;
        }
    }
    struct open_job *o = xcalloc(1, sizeof *o);
    *o = (struct open_job){
        .job = {.run = open_job_run, .done = open_job_done, .drop = open_job_drop},
        .call = onbehalf_call_dup(c),
        .target = *r,
        .result = -1};
    o->target.fd = fcntl(r->fd, F_DUPFD_CLOEXEC, 3);
    if (o->target.fd < 0 || worker_submit(s->workers, &o->job) < 0) {
        notify_fail(s->o.listener, c->id, EACCES);
        core_notice(s, "too many blocked opens at once: one was refused");
        open_job_drop(&o->job);
        return;
    }
    list_job(s, o);
}

static void
resolved_job_done(struct job *j, void *ctx)
{
    struct open_job *o = (struct open_job *)j;
    judge_resolved(ctx, o->call, &o->target, o->result);
    o->target.fd = o->result == 0 ? -1 : o->target.fd;
    open_job_drop(j);
}

void
onbehalf_resolve(struct supervisor *s, const struct open_call *c)
{
    struct open_job *o = xcalloc(1, sizeof *o);
    *o = (struct open_job){
        .job = {.run = open_job_run, .done = resolved_job_done, .drop = open_job_drop},
        .call = xmemdup(c, sizeof *c),
        .target = {.fd = -1},
        .resolve = true};
    if (worker_submit(s->workers, &o->job) < 0) {
        notify_fail(s->o.listener, c->id, EACCES);
        core_notice(s, "too many slow lookups at once: one was refused");
        open_job_drop(&o->job);
    }
}
