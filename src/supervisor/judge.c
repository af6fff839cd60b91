// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "core.h"
#include "notify.h"
#include "risk.h"
#include "terminal.h"
#include "tracee.h"
#include "util.h"

static enum op
op_of(const struct open_call *c, const struct resolved *r)
{
    if (!r->exists)
        return OP_CREATE;
    unsigned access = files_access(c);
    return access == ACCESS_READ ? OP_READ : access == ACCESS_WRITE ? OP_WRITE : OP_READWRITE;
}

// The kernel goes on with the call, bounded by the floor (I2). Without a floor (--without-landlock)
// there is nothing that bounds what a racing thread could swap in: the call gets the errno that was
// found, or EACCES.
static void
answer_native(struct supervisor *s, const struct open_call *c, int error)
{
    if (s->o.floor->ruleset_fd >= 0)
        notify_continue(s->o.listener, c->id);
    else
        notify_fail(s->o.listener, c->id, error ? -error : EACCES);
}

static struct request *
make_request(struct supervisor *s, const struct open_call *c, const struct resolved *r,
             const struct stat *st, struct judgement *j)
{
    struct request *q = request_new();
    if (tracee_describe(c->tid, s->o.monitor, q) < 0) {
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
    // Descriptors are given out from the lowest number: a high one tells how few are left. Without
    // this a flood of requests would leave none to answer anybody with.
    if ((rlim_t)r->fd >= s->fd_limit) {
        broker_refuse(&s->broker, q, DECIDER_RATE_LIMIT, REASON_RATE_LIMITED, clock_mono_ns());
        notify_fail(s->o.listener, c->id, EACCES);
        return;
    }
    if (!tracee_shares_root(c->tid)) {
        broker_refuse(&s->broker, q, DECIDER_INTERNAL, REASON_BACKEND_ERROR, clock_mono_ns());
        notify_fail(s->o.listener, c->id, EACCES);
        return;
    }
    broker_submit(&s->broker, q, onbehalf_hold(r), c->id, c->tid, clock_mono_ns(),
                  onbehalf_call_dup(c));
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
    core_mark_counted(s);
    if (g->verdict == VERDICT_ALLOW) {
        s->broker.stats.granted++;
        onbehalf_open(s, c, r);
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

// Does the floor allow it, in the kernel's eyes as in ours? Reads what is constant only.
static bool
is_inside(const struct supervisor *s, const struct open_call *c, const struct resolved *r,
          struct judgement *ret_j, bool *ret_protected)
{
    // What is to be made needs write access to its directory, whatever it is opened for.
    unsigned access = files_access(c) | (r->exists ? 0 : ACCESS_WRITE);
    capability_judge(s->o.capabilities, r->path, ret_j);
    // I7: what nobody can grant. Our own /proc entry is read through nobody's capability either.
    *ret_protected = ret_j->protected_ || is_own_proc(s, r->path);
    return !*ret_protected && !ret_j->holed && (access & ~ret_j->access) == 0;
}

static void
judge(struct supervisor *s, const struct open_call *c, struct resolved *r)
{
    struct judgement j;
    struct stat st = {0};
    bool protected_;
    unsigned access = files_access(c) | (r->exists ? 0 : ACCESS_WRITE);
    if (is_inside(s, c, r, &j, &protected_)) {
        core_count_floor(s, op_of(c, r), true);
        if (s->o.floor->ruleset_fd >= 0)
            notify_continue(s->o.listener, c->id);
        else
            onbehalf_open(s, c, r);
        return;
    }
    if (fstat(r->fd, &st) < 0) {
        notify_fail(s->o.listener, c->id, EACCES);
        return;
    }
    if (path_is_below(r->path, TERMINAL_DIR) &&
        terminal_is_inside(c->tid, s->o.monitor, r->path, &st)) {
        core_count_floor(s, op_of(c, r), true);
        onbehalf_open(s, c, r);
        return;
    }
    if (protected_) {
        refuse_protected(s, c, r, &st, &j);
        return;
    }
    bool covered = (access & ~j.access) == 0;
    uint64_t dev = r->exists ? st.st_dev : 0, ino = r->exists ? st.st_ino : 0;
    if (files_fails_natively(c, r, st.st_mode) ||
        (strncmp(r->path, "/proc/", 6) == 0 && files_is_foreign_process(r)) ||
        (covered && floor_covers(s->o.floor, r->path, dev, ino, access))) {
        core_count_floor(s, op_of(c, r), true);
        answer_native(s, c, 0);
        return;
    }
    if (covered) {
        // Allowed, but carved out of the floor for the sake of a protected root beside it.
        core_count_floor(s, op_of(c, r), true);
        onbehalf_open(s, c, r);
        return;
    }
    if (!answer_from_memory(s, c, r, &st))
        ask(s, c, r, &st, &j);
}

// The id is not asked about here: SEND checks it under the kernel's own lock, so that an answer
// reaches only a task that has waited since before its memory was read. onbehalf_open() and ask()
// check it before they act on what was read.
void
judge_resolved(struct supervisor *s, const struct open_call *c, struct resolved *r, int error)
{
    if (error == 0 && !r->pathless) {
        judge(s, c, r);
    } else if (error == 0 || error == -ENOENT || error == -ENOTDIR || error == -ELOOP ||
               error == -ENAMETOOLONG || error == -EACCES || error == -EBADF || error == -EXDEV ||
               error == -EAGAIN || error == -EINVAL) {
        // There is nothing to open, or nothing that has a name: the kernel says so, under the floor
        // (I2).
        core_count_floor(s, OP_READ, true);
        answer_native(s, c, error);
    } else if (error != -ESRCH) {
        notify_fail(s->o.listener, c->id, -error);
    }
    if (error == 0)
        resolved_done(r);
}

// The common case, without a lock: takes r over when it is true.
static bool
answer_inside(struct supervisor *s, const struct open_call *c, struct resolved *r)
{
    struct judgement j;
    bool protected_;
    if (!is_inside(s, c, r, &j, &protected_))
        return false;
    notify_continue(s->o.listener, c->id);
    resolved_done(r);
    core_count_floor(s, op_of(c, r), false);
    return true;
}

void
judge_notification(struct supervisor *s, const struct seccomp_notif *n)
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
        answer_native(s, &c, 0);
        return;
    }
    int ret = files_resolve(&c, RESOLVE_NOW, &r);
    if (ret == 0 && !r.pathless && s->o.floor->ruleset_fd >= 0 && answer_inside(s, &c, &r))
        return;
    pthread_mutex_lock(&s->lock);
    core_wait_for_room(s);
    if (ret == -EAGAIN && !(c.resolve & RESOLVE_CACHED))
        onbehalf_resolve(s, &c);
    else
        judge_resolved(s, &c, &r, ret);
    pthread_mutex_unlock(&s->lock);
}
