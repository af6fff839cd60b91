// SPDX-License-Identifier: Apache-2.0
// FAMILY_PATH: from the notification of a call that changes names, files or metadata to its answer
// or its request.
#include "paths.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "judge.h"
#include "kernel.h"
#include "mounts.h"
#include "notify.h"
#include "risk.h"
#include "tracee.h"
#include "util.h"

// One call on its way: its arguments, and its ends once they are held.
struct path_job {
    struct task_job task;
    struct supervisor *s;
    struct path_call *call;
    struct resolved ends[2];
    uint32_t umask;
};

static unsigned
n_ends(const struct path_call *c)
{
    return path_has_two_ends(c->kind) ? 2 : 1;
}

static void
path_free_call(struct call *c)
{
    path_call_done((struct path_call *)c);
    free(c);
}

// Moves the call into an allocation of its own.
static struct path_call *
call_move(struct path_call *c)
{
    struct path_call *moved = xmemdup(c, sizeof *c);
    c->data = c->target[0] = c->target[1] = NULL;
    return moved;
}

static void
ends_done(struct resolved *ends)
{
    resolved_done(&ends[0]);
    resolved_done(&ends[1]);
}

// --- doing it ----------------------------------------------------------------------------------

static void
path_job_drop(struct job *j)
{
    struct path_job *p = (struct path_job *)j;
    ends_done(p->ends);
    path_free_call(p->task.call);
    free(p);
}

static int
do_as_task(const struct supervisor *s, const struct path_call *c, const struct resolved *ends,
           uint32_t task_umask)
{
    // I8: as the task, with no more than its powers.
    if (onbehalf_enter(s, c->call.tid) < 0)
        return -EACCES;
    int result = path_do(c, ends, task_umask);
    onbehalf_leave(s);
    return result;
}

static void look_again(struct supervisor *s, struct path_call *c);

static void
path_job_run(struct job *j)
{
    struct path_job *p = (struct path_job *)j;
    p->task.result = do_as_task(p->s, p->call, p->ends, p->umask);
}

static void
answer(struct supervisor *s, const struct call *c, int result)
{
    if (result < 0)
        notify_fail(s->o.listener, c->id, -result);
    else
        notify_return(s->o.listener, c->id, result);
}

static void
path_job_done(struct job *j, void *ctx)
{
    struct path_job *p = (struct path_job *)j;
    onbehalf_returned(ctx, &p->task);
    if (p->task.result == -NONO_ECHANGED)
        look_again(ctx, p->call);
    else
        answer(ctx, p->task.call, p->task.result);
    path_job_drop(j);
}

static struct path_job *
job_new(struct supervisor *s, struct path_call *call)
{
    struct path_job *p = xcalloc(1, sizeof *p);
    p->task.call = &call->call;
    p->task.result = -1;
    p->s = s;
    p->call = call;
    for (int i = 0; i < 2; i++)
        p->ends[i].fd = p->ends[i].object_fd = -1;
    return p;
}

// Changes of metadata on a local file system end at once; what frees blocks or waits for a journal
// goes to a worker.
static bool
is_quick(const struct path_call *c, const struct resolved *ends)
{
    return !path_is_governed(c->kind) && resolve_is_local(ends[0].fd);
}

// Takes the ends' descriptors over; c stays the caller's.
static void
perform(struct supervisor *s, struct path_call *c, struct resolved *ends)
{
    struct tracee_status st;
    if (files_is_foreign_process(&ends[0]) || tracee_read_status(c->call.tid, &st) < 0) {
        notify_fail(s->o.listener, c->call.id, EACCES);
        return;
    }
    if (!notify_valid(s->o.listener, c->call.id))
        return;
    if (is_quick(c, ends)) {
        answer(s, &c->call, do_as_task(s, c, ends, st.umask));
        return;
    }
    struct path_job *p = job_new(s, call_move(c));
    p->task.job = (struct job){.run = path_job_run, .done = path_job_done, .drop = path_job_drop};
    p->umask = st.umask;
    for (unsigned i = 0; i < n_ends(c); i++) {
        p->ends[i] = ends[i];
        ends[i].fd = ends[i].object_fd = -1;
    }
    onbehalf_submit(s, &p->task);
}

// --- judging -----------------------------------------------------------------------------------

// How one end stands.
struct end {
    struct standing standing; /* of the path itself */
    struct stat st;           /* of the object, else of its directory */
    bool covered, inside;
};

static bool
stat_end(const struct resolved *r, struct stat *st)
{
    return mount_stat(r->exists && r->object_fd >= 0 ? r->object_fd : r->fd, st) == 0;
}

// What an entry needs is the right to change its directory, for Landlock as for us.
static void
judge_place(const struct supervisor *s, const struct resolved *r, struct end *e)
{
    struct standing place;
    struct stat dir;
    char path[NONO_PATH_MAX];
    size_t n = (size_t)(strrchr(r->path, '/') - r->path);
    memcpy(path, r->path, n);
    strcpy(path + n, n ? "" : "/");
    judge_path(s, path, ACCESS_WRITE, &place);
    e->covered = place.covered && !e->standing.j.protected_;
    e->inside = place.inside && e->covered;
    if (e->covered && !e->inside && mount_stat(r->fd, &dir) == 0)
        e->inside = floor_covers(s->o.floor, path, dir.st_dev, dir.st_ino, ACCESS_WRITE);
}

// What a capability to write into it does not mean: the mode and owner of a device node, or of a
// directory that is everybody's. To change them is asked about.
static bool
is_shared(const struct stat *st)
{
    return S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode) ||
           (S_ISDIR(st->st_mode) && st->st_mode & S_ISVTX);
}

// What whoever may write does to the times anyway, and what changes nothing.
static bool
is_harmless(const struct path_call *c)
{
    if (c->kind == PATH_CHOWN)
        return c->uid == UINT32_MAX && c->gid == UINT32_MAX;
    return c->kind == PATH_UTIMES &&
           (c->times_now || (c->times[0].tv_nsec == UTIME_NOW && c->times[1].tv_nsec == UTIME_NOW));
}

// The object itself, where the call changes that.
static void
judge_target(const struct supervisor *s, const struct path_call *c, const struct resolved *r,
             struct end *e)
{
    const struct standing *st = &e->standing;
    // A link needs no right to write: what its new name gives is looked at with the other end.
    unsigned access = c->kind == PATH_LINK ? st->j.access : ACCESS_WRITE;
    e->covered = c->kind == PATH_LINK ? !st->j.protected_ && access : st->covered;
    if (!path_is_governed(c->kind) && is_shared(&e->st) && !is_harmless(c))
        e->covered = false;
    e->inside = e->covered && (!st->j.holed || floor_covers(s->o.floor, r->path, e->st.st_dev,
                                                            e->st.st_ino, access));
}

static bool
takes_away(enum path_kind kind)
{
    return kind == PATH_UNLINK || kind == PATH_RMDIR || kind == PATH_RENAME;
}

// Would the new name give more than the old one? Landlock refuses that as well (landlock(7),
// REFER).
static bool
gains(const struct end *from, const struct end *to)
{
    return to->standing.j.access & ~from->standing.j.access;
}

static bool
gains_exec(const struct end *from, const struct end *to)
{
    return to->standing.j.exec && !from->standing.j.exec;
}

// I7: moving or removing a directory moves or removes what is refused below it, and a link or
// another directory in the place of one above would lead it elsewhere.
static const struct denial *
diverts_refused(const struct supervisor *s, const struct path_call *c, const struct resolved *ends,
                const struct end *e)
{
    const struct denials *d = &s->o.capabilities->denials;
    if (!takes_away(c->kind) && c->kind != PATH_SYMLINK)
        return NULL;
    const char *to = c->kind == PATH_RENAME ? ends[1].path : NULL;
    const struct denial *held = denials_hold(d, ends[0].path, S_ISDIR(e[0].st.st_mode), to);
    if (held || !to)
        return held;
    // What is at the other end is replaced, or comes here.
    bool exchange = c->kind == PATH_RENAME && c->flags & RENAME_EXCHANGE;
    return denials_hold(d, to, ends[1].exists && S_ISDIR(e[1].st.st_mode),
                        exchange ? ends[0].path : NULL);
}

// Judges both ends together. The end that nobody can grant, or NULL.
static const struct end *
judge_ends(const struct supervisor *s, const struct path_call *c, const struct resolved *ends,
           struct end *e, bool *ret_covered, bool *ret_inside)
{
    *ret_covered = *ret_inside = true;
    for (unsigned i = 0; i < n_ends(c); i++) {
        judge_path(s, ends[i].path, ACCESS_WRITE, &e[i].standing);
        if (ends[i].exists)
            judge_object(s, &e[i].st, &e[i].standing);
        if (e[i].standing.j.protected_)
            return &e[i];
        if (i == 1 || path_is_entry(c->kind))
            judge_place(s, &ends[i], &e[i]);
        else
            judge_target(s, c, &ends[i], &e[i]);
        *ret_covered &= e[i].covered;
        *ret_inside &= e[i].inside;
    }
    if (n_ends(c) == 2) {
        bool exchange = c->kind == PATH_RENAME && c->flags & RENAME_EXCHANGE;
        *ret_covered &= !gains(&e[0], &e[1]) && !(exchange && gains(&e[1], &e[0]));
        *ret_inside &=
            *ret_covered && !gains_exec(&e[0], &e[1]) && !(exchange && gains_exec(&e[1], &e[0]));
    }
    *ret_inside &= *ret_covered && path_is_governed(c->kind) && s->o.floor->ruleset_fd >= 0;
    const struct denial *diverted = diverts_refused(s, c, ends, e);
    if (!diverted)
        return NULL;
    e[0].standing.j.denied = diverted;
    e[0].standing.j.by = diverted->source ? DECIDER_INITIAL : DECIDER_PROTECTED;
    return &e[0];
}

static struct request *
make_request(struct supervisor *s, const struct path_call *c, const struct resolved *ends,
             struct end *e)
{
    const char *target = c->target[0] ? c->target[0] : ends[0].path;
    struct facts f = {.call = &c->call,
                      .op = path_op(c->kind),
                      .access = ACCESS_WRITE,
                      .flags = c->flags,
                      .mode = c->mode,
                      .target = target,
                      .target_len = strlen(target),
                      .resolved = ends[0].path,
                      .st = &e[0].st,
                      .exists = ends[0].exists,
                      .standing = &e[0].standing};
    struct request *q = judge_request(s, &f);
    if (!q)
        return NULL;
    q->detail = path_detail(c, &e[0].st, n_ends(c) == 2 && ends[1].exists ? &e[1].st : NULL);
    if (n_ends(c) == 1)
        return q;
    q->target2 = xstrdup(c->target[1]);
    q->resolved2 = xstrdup(ends[1].path);
    q->object2 = judge_facts(ends[1].exists, &e[1].st);
    judge_add_risk(s, q, ends[1].path);
    return q;
}

static void
log_allowed(struct supervisor *s, const struct path_call *c, const struct resolved *ends,
            struct end *e)
{
    if (judge_logs_allowed(s))
        judge_log_allowed(s, &c->call, make_request(s, c, ends, e), DECIDER_FLOOR);
}

// What is not covered: it is remembered, or a person is asked.
static void
ask(struct supervisor *s, struct path_call *c, struct resolved *ends, struct end *e)
{
    struct request *q = make_request(s, c, ends, e);
    enum verdict remembered = _VERDICT_INVALID;
    if (q) {
        struct memory_query query = memory_query_of(q);
        remembered = judge_remembered(s, &query, c->call.tid);
    }
    if (remembered == VERDICT_ALLOW) {
        if (judge_logs_allowed(s))
            judge_log_allowed(s, &c->call, request_dup(q), DECIDER_RULE);
        perform(s, c, ends);
    } else if (remembered == VERDICT_DENY) {
        notify_fail(s->o.listener, c->call.id, EACCES);
    } else {
        judge_ask(s, &call_move(c)->call, q,
                  held_new(n_ends(c), (struct resolved *const[]){&ends[0], &ends[1]}));
        return;
    }
    request_free(q);
}

static void
judge(struct supervisor *s, struct path_call *c, struct resolved *ends)
{
    struct end e[2] = {0};
    bool covered, inside;
    for (unsigned i = 0; i < n_ends(c); i++)
        if (!stat_end(&ends[i], &e[i].st)) {
            notify_fail(s->o.listener, c->call.id, EACCES);
            return;
        }
    const struct end *refused = judge_ends(s, c, ends, e, &covered, &inside);
    if (refused) {
        e[0].standing.j.denied = refused->standing.j.denied; // the request names it
        judge_refuse_protected(s, &c->call, make_request(s, c, ends, e), &refused->standing);
        return;
    }
    if (inside && !path_makes_device(c)) {
        log_allowed(s, c, ends, e);
        core_count_floor(s, path_op(c->kind), true);
        // Whoever lets go of a file last has the work of its end: natively that is the task, and
        // here the next call would wait for it meanwhile, and be interrupted by any signal.
        for (unsigned i = 0; i < n_ends(c); i++)
            resolved_done(&ends[i]);
        notify_continue(s->o.listener, c->call.id);
        return;
    }
    // What a remote file system makes of it only it can say: the call itself, in a worker.
    bool local = resolve_is_local(ends[0].fd) && (n_ends(c) < 2 || resolve_is_local(ends[1].fd));
    // Two paths that are not whole cannot be compared.
    bool whole = !ends[0].known && (n_ends(c) < 2 || !ends[1].known);
    int error = local && (whole || n_ends(c) < 2) ? path_native_error(c, ends, s->o.caps) : 0;
    if (error) {
        core_count_floor(s, path_op(c->kind), true);
        notify_fail(s->o.listener, c->call.id, error);
        return;
    }
    if (covered) {
        log_allowed(s, c, ends, e);
        core_count_floor(s, path_op(c->kind), true);
        perform(s, c, ends);
        return;
    }
    if (whole) {
        ask(s, c, ends, e);
        return;
    }
    // It shows nobody what it is, and stands for everything that lies as deep there (I6).
    judge_refuse(s, &c->call, make_request(s, c, ends, e), DECIDER_FLOOR, REASON_POLICY_BLOCKED,
                 EACCES);
}

// A pipe, a socket, a file without a name: the task made it or was given it, and it is nobody
// else's. What has lost the name that it was opened by and has others is judged as what it is: not
// covered.
static bool
is_nameless(const struct resolved *r)
{
    struct stat st;
    return r->pathless && mount_stat(r->fd, &st) == 0 && (r->path[0] != '/' || st.st_nlink == 0);
}

// Is it known well enough what the ends are?
static bool
knows(const struct supervisor *s, const struct path_call *c, struct resolved *ends)
{
    struct stat st;
    bool moves = false, known = true;
    for (unsigned i = 0; i < n_ends(c); i++)
        moves |= c->kind == PATH_RENAME && ends[i].exists &&
                 (mount_stat(ends[i].object_fd, &st) < 0 || S_ISDIR(st.st_mode));
    for (unsigned i = 0; i < n_ends(c); i++)
        known &= judge_knows(s, &ends[i], ACCESS_WRITE, moves);
    return known;
}

// The kernel asks who opened the descriptor before it looks whether that is a directory
// (fs/namei.c, LOOKUP_LINKAT_EMPTY): one that was handed over is the supervisor's to it.
static bool
hides_error(const struct path_call *c, int error)
{
    return error == -ENOTDIR && c->kind == PATH_LINK && c->flags & AT_EMPTY_PATH;
}

// c stays the caller's, the ends' descriptors are taken over.
static void
path_resolved(struct supervisor *s, struct path_call *c, struct resolved *ends, int error)
{
    // What was opened with O_TMPFILE gets its name by a link: the new end is judged, the old one
    // has no right of its own.
    bool names_file = c->kind == PATH_LINK && ends[0].path[0] == '/';
    if (error == 0 && !knows(s, c, ends))
        error = -ENAMETOOLONG;
    if (error == 0 && is_nameless(&ends[0]) && !names_file) {
        if (path_is_governed(c->kind))
            judge_native(s, &c->call, 0);
        else
            perform(s, c, ends);
    } else if (error == 0) {
        judge(s, c, ends);
    } else if (error != -NONO_ERESTARTSYS && path_is_governed(c->kind) && !hides_error(c, error)) {
        // Nothing is there to be changed: the kernel says so, under the floor (I2).
        core_count_floor(s, path_op(c->kind), true);
        judge_native(s, &c->call, -error);
    } else {
        notify_fail(s->o.listener, c->call.id, -error);
    }
    ends_done(ends);
}

static int
resolve_ends(const struct path_call *c, unsigned flags, struct resolved *ends)
{
    for (unsigned i = 0; i < 2; i++)
        resolved_init(&ends[i]);
    int ret = path_resolve(c, 0, flags, &ends[0]);
    if (ret == 0 && n_ends(c) == 2)
        ret = path_resolve(c, 1, flags, &ends[1]);
    if (ret < 0)
        ends_done(ends);
    return ret;
}

static void
lookup_run(struct job *j)
{
    struct path_job *p = (struct path_job *)j;
    p->task.result = onbehalf_enter(p->s, p->call->call.tid);
    if (p->task.result == 0)
        p->task.result = resolve_ends(p->call, 0, p->ends);
    onbehalf_leave(p->s);
}

static void
lookup_done(struct job *j, void *ctx)
{
    struct path_job *p = (struct path_job *)j;
    onbehalf_returned(ctx, &p->task);
    path_resolved(ctx, p->call, p->ends, p->task.result);
    path_job_drop(j);
}

// Resolves the call's paths in a worker and judges it then. Takes what c owns over.
static void
look_again(struct supervisor *s, struct path_call *c)
{
    struct path_job *p = job_new(s, call_move(c));
    p->task.job = (struct job){.run = lookup_run, .done = lookup_done, .drop = path_job_drop};
    onbehalf_submit(s, &p->task);
}

static void
path_notified(struct supervisor *s, const struct call_row *row, const struct seccomp_notif *n)
{
    struct path_call c;
    struct resolved ends[2];
    int error = path_decode(row, n, &c);
    if (error) {
        // I2: what Landlock governs the kernel may look at again; what it does not, may not.
        if (path_is_governed(c.kind))
            judge_native(s, &c.call, error);
        else
            notify_fail(s->o.listener, c.call.id, error);
        path_call_done(&c);
        return;
    }
    if (c.nothing) {
        notify_return(s->o.listener, c.call.id, 0);
        return;
    }
    int ret = resolve_ends(&c, RESOLVE_NOW, ends);
    pthread_mutex_lock(&s->lock);
    core_wait_for_room(s);
    if (ret == -EAGAIN) {
        look_again(s, &c);
    } else {
        path_resolved(s, &c, ends, ret);
    }
    pthread_mutex_unlock(&s->lock);
    path_call_done(&c);
}

static void
path_perform(struct supervisor *s, struct call *c, struct held *object)
{
    // The broker keeps the object for others that joined the request: the descriptors are lent.
    struct resolved ends[2];
    for (unsigned i = 0; i < object->n; i++)
        if (resolved_dup(&object->end[i], &ends[i]) < 0) {
            notify_fail(s->o.listener, c->id, EACCES);
            if (i)
                resolved_done(&ends[0]);
            return;
        }
    if (object->n == 1)
        resolved_init(&ends[1]);
    perform(s, (struct path_call *)c, ends);
    ends_done(ends);
}

static const char *
path_path(const struct call *c, enum op *ret_op)
{
    const struct path_call *p = (const struct path_call *)c;
    *ret_op = path_op(p->kind);
    return p->target[0] ? p->target[0] : "(descriptor)";
}

const struct family family_path = {.notified = path_notified,
                                   .perform = path_perform,
                                   .free_call = path_free_call,
                                   .path = path_path};
