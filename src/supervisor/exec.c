// SPDX-License-Identifier: Apache-2.0
// FAMILY_EXEC: from the notification of an execve to its answer or its request.
//
// A program inside the readable directories is the floor's to decide: CONTINUE, whatever the memory
// holds by then (I2). Everything else is looked at in a worker, judged, and run traced
// (exec_trace.c).
#include "exec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "exec_record.h"
#include "judge.h"
#include "kernel.h"
#include "mounts.h"
#include "notify.h"
#include "tracee.h"
#include "util.h"

#define KNOWN_FLAGS (AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)

// One call in a worker: looked at, or carried out.
struct exec_job {
    struct task_job task;
    struct supervisor *s;
    struct exec_call *call;
    struct resolved ends[EXEC_PARTS];
    struct exec_order order;
    bool initial;
    bool unread[EXEC_PARTS]; /* a script that its interpreter could not read */
    bool native_floor;       /* where it cannot be traced the floor decides */
    bool counted;            /* in s->restarts */
};

// How one part of a call stands.
struct part {
    struct standing standing;
    bool runs;  /* the policy lets it be run */
    bool given; /* and the floor does: the kernel can run it under its own name */
};

static void
exec_free_call(struct call *c)
{
    exec_call_done((struct exec_call *)c);
    free(c);
}

static struct exec_call *
call_move(struct exec_call *c)
{
    struct exec_call *moved = xmemdup(c, sizeof *c);
    memset(&c->name, 0, sizeof *c - offsetof(struct exec_call, name));
    return moved;
}

static void
exec_job_drop(struct job *job)
{
    struct exec_job *j = (struct exec_job *)job;
    if (j->counted)
        atomic_fetch_sub(&j->s->restarts, 1);
    for (unsigned i = 0; i < EXEC_PARTS; i++) {
        resolved_done(&j->ends[i]);
        close_fd(&j->order.script[i]);
    }
    if (j->call)
        exec_free_call(&j->call->call);
    free(j);
}

static struct exec_job *
job_new(struct supervisor *s, struct exec_call *call, struct resolved *ends)
{
    struct exec_job *j = xcalloc(1, sizeof *j);
    j->task.call = &call->call;
    j->task.result = -1;
    j->s = s;
    j->call = call;
    j->order.listener = s->o.listener;
    for (unsigned i = 0; i < EXEC_PARTS; i++) {
        j->order.script[i] = -1;
        j->ends[i].fd = j->ends[i].object_fd = -1;
        if (ends && i < call->parts) {
            j->ends[i] = ends[i];
            ends[i].fd = ends[i].object_fd = -1;
        }
    }
    return j;
}

// The command itself, until it has been run: what the user started needs nobody's leave.
static bool
is_initial(struct supervisor *s, const struct call *c)
{
    return c->tid == s->o.child && atomic_load(&s->initial);
}

static void
stand(const struct supervisor *s, const struct resolved *r, const struct stat *st,
      struct part *ret_p)
{
    struct standing *standing = &ret_p->standing;
    judge_path(s, r->path, 0, standing);
    judge_object(s, st, standing);
    if (r->pathless) {
        // Nothing has this name: only the kernel can tell whose it was. What never had one is the
        // task's own making, which Landlock does not govern.
        *ret_p = (struct part){.given = true};
        return;
    }
    ret_p->runs = !standing->j.protected_ && standing->j.exec;
    ret_p->given =
        ret_p->runs && (!standing->j.holed ||
                        floor_covers(s->o.floor, r->path, st->st_dev, st->st_ino, ACCESS_READ));
}

static void look_again(struct supervisor *s, struct exec_call *c);

// --- carrying out ------------------------------------------------------------------------------

// In the worker, while the task stands still.
static void
started(struct exec_order *o, pid_t pid)
{
    struct exec_job *j = (struct exec_job *)((char *)o - offsetof(struct exec_job, order));
    if (j->initial)
        atomic_store(&j->s->initial, false);
    for (unsigned i = 0; i < EXEC_PARTS; i++) {
        if (o->script[i] < 0)
            continue;
        pthread_mutex_lock(&j->s->lock);
        exec_scripts_add(&j->s->scripts, pid, &j->call->program[i].st, o->script[i]);
        pthread_mutex_unlock(&j->s->lock);
    }
}

// Likewise. A hostile task can have this said as often as it likes: after the first time, less and
// less.
static void
mismatch(struct exec_order *o)
{
    struct exec_job *j = (struct exec_job *)((char *)o - offsetof(struct exec_job, order));
    pthread_mutex_lock(&j->s->lock);
    unsigned n = ++j->s->killed;
    if ((n & (n - 1)) == 0) {
        cleanup_free char *text = xasprintf(
            "a program that was not the approved one was about to run: it was killed (%u so far)",
            n);
        core_notice(j->s, text);
    }
    pthread_mutex_unlock(&j->s->lock);
}

// The copies that the interpreter will read: of what was approved, or the call is judged anew.
static int
copy_scripts(struct exec_job *j)
{
    uint8_t sha256[SHA256_LEN];
    for (unsigned i = 0; i < EXEC_PARTS; i++) {
        if (!j->unread[i] || j->order.script[i] >= 0)
            continue;
        int fd = exec_copy(j->ends[i].fd, sha256);
        if (fd < 0)
            return fd;
        j->order.script[i] = fd;
        if (memcmp(sha256, j->call->program[i].sha256, SHA256_LEN) != 0)
            return -NONO_ECHANGED;
    }
    return 0;
}

static void
run_job(struct job *job)
{
    struct exec_job *j = (struct exec_job *)job;
    // I8: what is read on the way is read with the task's powers.
    int ret = onbehalf_enter(j->s, j->call->call.tid) < 0 ? -EACCES : 0;
    if (ret == 0)
        ret = copy_scripts(j);
    // Only reading can be interrupted, and for an execve that is no reason to return.
    while (ret == 0 && (ret = exec_run(&j->order, j->call, j->ends)) == -EINTR &&
           notify_valid(j->order.listener, j->call->call.id))
        ret = 0;
    onbehalf_leave(j->s);
    j->task.result = ret;
}

static void
fail(struct supervisor *s, const struct exec_call *c, int result)
{
    if (result == -EFBIG)
        core_notice(s, "a program was refused: it is too large to be looked at or copied");
    notify_fail(s->o.listener, c->call.id, result == -EFBIG ? EACCES : -result);
}

static void
run_done(struct job *job, void *ctx)
{
    struct exec_job *j = (struct exec_job *)job;
    struct supervisor *s = ctx;
    int result = j->task.result;
    onbehalf_returned(s, &j->task);
    if (result == -EACCES && j->native_floor) {
        atomic_store(&s->initial, false);
        notify_continue(s->o.listener, j->call->call.id);
    } else if (result == -NONO_ECHANGED) {
        exec_call_done(j->call);
        look_again(s, steal_pointer(&j->call));
    } else if (result < 0) {
        if (result == -EACCES)
            core_notice(s, "a program could not be run: its task cannot be traced");
        fail(s, j->call, result);
    }
    exec_job_drop(job);
}

// The call is taken over; of the ends what is still held afterwards is the caller's.
static void
perform(struct supervisor *s, struct exec_call *call, struct resolved *ends)
{
    if (!notify_valid(s->o.listener, call->call.id)) {
        exec_free_call(&call->call);
        return;
    }
    struct exec_job *j = job_new(s, call, ends);
    bool floor = s->o.floor->ruleset_fd >= 0, given = true, last = true;
    for (unsigned i = 0; i < call->parts; i++) {
        struct part p;
        stand(s, &j->ends[i], &call->program[i].st, &p);
        last = p.given;
        j->unread[i] =
            i + 1 < call->parts && !(p.standing.j.access & ACCESS_READ) && !j->ends[i].pathless;
        given &= p.given;
        call->writable[i] = j->ends[i].pathless || p.standing.j.access & ACCESS_WRITE;
    }
    j->order.native = given || !floor;
    j->order.copy = !last && floor;
    j->order.started = started;
    j->order.mismatch = mismatch;
    j->initial = is_initial(s, &call->call);
    j->native_floor = j->initial && given && floor && !s->o.exec_ask;
    j->task.job = (struct job){.run = run_job, .done = run_done, .drop = exec_job_drop};
    j->counted = !j->order.native;
    atomic_fetch_add(&s->restarts, j->counted);
    onbehalf_submit(s, &j->task);
}

static void
exec_perform(struct supervisor *s, struct call *call, struct held *object)
{
    struct exec_call *c = (struct exec_call *)call;
    struct resolved ends[EXEC_PARTS];
    // The broker keeps the object for others that joined the request: the descriptors are lent.
    for (unsigned i = 0; i < object->n; i++)
        if (resolved_dup(&object->end[i], &ends[i]) < 0) {
            notify_fail(s->o.listener, c->call.id, EACCES);
            while (i-- > 0)
                resolved_done(&ends[i]);
            return;
        }
    perform(s, call_move(c), ends);
    for (unsigned i = 0; i < object->n; i++)
        resolved_done(&ends[i]);
}

// The call of a task that a worker has just sent round again.
static bool
is_restarted(struct supervisor *s, pid_t tid)
{
    bool found = false;
    if (atomic_load(&s->restarts) == 0)
        return false;
    pthread_mutex_lock(&s->lock);
    for (struct task_job *t = s->jobs; t && !found; t = t->after)
        found = t->job.run == run_job && t->call->tid == tid &&
                atomic_exchange(&((struct exec_job *)t)->order.restarted, false);
    pthread_mutex_unlock(&s->lock);
    return found;
}

// --- judging -----------------------------------------------------------------------------------

static struct request *
make_request(struct supervisor *s, const struct exec_call *c, const struct resolved *ends,
             unsigned i, struct part *parts)
{
    struct request *q = exec_request(s, c, ends, i, &parts[i].standing,
                                     !parts[i].given && s->o.floor->ruleset_fd >= 0);
    if (q && s->o.exec_ask && parts[i].runs && !is_initial(s, &c->call))
        judge_asks_programs(s, q);
    return q;
}

static enum verdict
remembered(struct supervisor *s, const struct exec_call *c, const struct resolved *ends,
           unsigned part, const char *exe)
{
    const struct memory_query q = {.op = OP_EXEC,
                                   .access = ACCESS_READ,
                                   .path = ends[part].path,
                                   .dev = c->program[part].st.st_dev,
                                   .ino = c->program[part].st.st_ino,
                                   .sha256 = c->program[part].sha256,
                                   .exe = exe};
    return judge_remembered(s, &q, c->call.tid);
}

static void
exec_decided(struct supervisor *s, struct call *c, const struct request *q,
             const struct decision *d)
{
    const struct exec_refusal r = {
        .tid = c->tid, .dev = q->object.dev, .ino = q->object.ino, .request = d->request};
    if (d->verdict != VERDICT_ALLOW)
        exec_refusals_add(&s->refusals, &r);
}

// The part that somebody has to be asked about, -1 when there is none, -EACCES for a refusal.
static int
part_to_ask(struct supervisor *s, const struct exec_call *c, const struct resolved *ends,
            const struct part *parts)
{
    int asked = -1;
    for (unsigned i = 0; i < c->parts; i++) {
        if (parts[i].runs && !s->o.exec_ask)
            continue;
        enum verdict v = remembered(s, c, ends, i, NULL);
        if (v == VERDICT_DENY) {
            struct exec_refusal r = {
                .tid = c->call.tid, .dev = c->program[i].st.st_dev, .ino = c->program[i].st.st_ino};
            memcpy(r.sha256, c->program[i].sha256, SHA256_LEN);
            exec_refusals_add(&s->refusals, &r);
            return -EACCES;
        }
        if (v != VERDICT_ALLOW && asked < 0)
            asked = (int)i;
    }
    return asked;
}

static bool
is_traced(pid_t tid)
{
    struct tracee_status st;
    return tracee_read_status(tid, &st) == 0 && st.tracer;
}

// Takes the call and the ends over.
static void
judge(struct supervisor *s, struct exec_call *c, struct resolved *ends)
{
    struct part parts[EXEC_PARTS];
    bool runs = true, given = true, initial = is_initial(s, &c->call);
    for (unsigned i = 0; i < c->parts; i++) {
        stand(s, &ends[i], &c->program[i].st, &parts[i]);
        if (parts[i].standing.j.protected_) {
            judge_refuse_protected(s, &c->call, make_request(s, c, ends, i, parts),
                                   &parts[i].standing);
            exec_free_call(&c->call);
            return;
        }
        runs &= parts[i].runs;
        given &= parts[i].given;
    }
    bool policy = (runs && !s->o.exec_ask) || initial;
    int asked = policy ? -1 : part_to_ask(s, c, ends, parts);
    if (asked == -1 && judge_logs_allowed(s))
        judge_log_allowed(s, &c->call, make_request(s, c, ends, EXEC_PROGRAM, parts),
                          policy ? DECIDER_FLOOR : DECIDER_RULE);
    if (asked == -1)
        core_count_floor(s, OP_EXEC, true);
    if (asked == -1 && given && !s->o.exec_ask && !initial && s->o.floor->ruleset_fd >= 0) {
        notify_continue(s->o.listener, c->call.id);
    } else if (asked == -1) {
        perform(s, c, ends);
        return;
    } else if (asked < 0) {
        notify_fail(s->o.listener, c->call.id, EACCES);
    } else if (is_traced(c->call.tid)) {
        // Its tracer could change everything that was approved, and it has only one.
        core_notice(s, "a program was refused: its task is traced by another (strace, gdb), nono "
                       "cannot see to it that what is approved is what runs");
        judge_refuse(s, &c->call, make_request(s, c, ends, (unsigned)asked, parts), DECIDER_BACKEND,
                     REASON_BACKEND_ERROR, EACCES);
    } else {
        struct request *q = make_request(s, c, ends, (unsigned)asked, parts);
        struct resolved *all[EXEC_PARTS];
        for (unsigned i = 0; i < EXEC_PARTS; i++)
            all[i] = &ends[i];
        judge_ask(s, &c->call, q, held_new(c->parts, all));
        return;
    }
    exec_free_call(&c->call);
}

// --- looking -----------------------------------------------------------------------------------

static int
look_once(struct exec_job *j)
{
    for (unsigned i = 0; i < EXEC_PARTS; i++)
        resolved_done(&j->ends[i]);
    exec_call_done(j->call);
    int ret = exec_resolve(j->call, 0, &j->ends[EXEC_PROGRAM]);
    return ret == 0 ? exec_look(j->call, j->ends) : ret;
}

// An execve returns for no signal, so this does not either: only for the end of the task.
static void
look_run(struct job *job)
{
    struct exec_job *j = (struct exec_job *)job;
    const struct call *c = &j->call->call;
    int ret = onbehalf_enter(j->s, c->tid);
    if (ret == 0)
        while ((ret = look_once(j)) == -EINTR && notify_valid(j->order.listener, c->id))
            ;
    onbehalf_leave(j->s);
    j->task.result = ret;
}

// What cannot be run says so natively, but of what is denied nothing is said: not that it is no
// program, nor what its #! line names. True when it was refused.
static bool
refuse_denied(struct supervisor *s, struct exec_call *c, const struct resolved *ends)
{
    struct part parts[EXEC_PARTS];
    struct stat st;
    for (unsigned i = 0; c->name && i < EXEC_PARTS && ends[i].fd >= 0; i++) {
        if (mount_stat(ends[i].fd, &st) < 0)
            continue;
        stand(s, &ends[i], &st, &parts[i]);
        if (!parts[i].standing.j.protected_)
            continue;
        c->parts = i + 1;
        c->program[i].st = st;
        struct request *q = make_request(s, c, ends, i, parts);
        if (q)
            q->has_sha256 = false;
        judge_refuse_protected(s, &c->call, q, &parts[i].standing);
        return true;
    }
    return false;
}

static void
look_done(struct job *job, void *ctx)
{
    struct exec_job *j = (struct exec_job *)job;
    struct supervisor *s = ctx;
    onbehalf_returned(s, &j->task);
    if (j->task.result == 0)
        judge(s, steal_pointer(&j->call), j->ends);
    else if (!refuse_denied(s, j->call, j->ends))
        fail(s, j->call, j->task.result);
    exec_job_drop(job);
}

// Takes the call over. With the lock.
static void
look_again(struct supervisor *s, struct exec_call *c)
{
    struct exec_job *j = job_new(s, c, NULL);
    j->task.job = (struct job){.run = look_run, .done = look_done, .drop = exec_job_drop};
    onbehalf_submit(s, &j->task);
}

static void
look(struct supervisor *s, struct exec_call *c)
{
    pthread_mutex_lock(&s->lock);
    core_wait_for_room(s);
    look_again(s, call_move(c));
    pthread_mutex_unlock(&s->lock);
}

// Does the floor give the interpreter, if there is one, and what runs that? False when that is not
// sure at once.
static bool
interpreter_is_inside(const struct supervisor *s, const struct exec_call *c, int fd, unsigned level)
{
    char head[EXEC_HEAD], interpreter[EXEC_HEAD], argument[EXEC_HEAD];
    struct resolved r;
    struct stat st;
    struct part p;
    if (level == EXEC_PARTS)
        return true; // ELOOP
    int ret = exec_read_head(fd, true, head);
    if (ret == -EAGAIN)
        return false;
    // What cannot be run at all the kernel says best.
    if (ret < 0 || exec_format_of(head) != EXEC_SCRIPT ||
        exec_parse_line(head, interpreter, argument) < 0)
        return true;
    ret = resolve_path(c->call.tid, AT_FDCWD, interpreter, RESOLVE_NOW, &r);
    if (ret < 0)
        return ret != -EAGAIN;
    bool inside = mount_stat(r.fd, &st) == 0;
    if (inside) {
        stand(s, &r, &st, &p);
        inside = p.given && interpreter_is_inside(s, c, r.fd, level + 1);
    }
    resolved_done(&r);
    return inside;
}

static bool
is_sure_to_run(int fd)
{
    char head[EXEC_HEAD];
    return resolve_is_local(fd) && faccessat(fd, "", X_OK, AT_EACCESS | AT_EMPTY_PATH) == 0 &&
           exec_read_head(fd, true, head) == 0 && exec_format_of(head) == EXEC_NATIVE;
}

// The common case, without the lock: what is not there, and what the floor gives. The command
// itself only when it is sure to run: what runs behind it is not the command any more.
static bool
answer_inside(struct supervisor *s, const struct exec_call *c)
{
    bool initial = is_initial(s, &c->call);
    struct resolved r;
    struct stat st;
    struct part p;
    if (judge_logs_allowed(s))
        return false;
    int ret = exec_resolve(c, RESOLVE_NOW, &r);
    if (ret == -EAGAIN || (ret < 0 && initial && ret != -ENOENT))
        return false;
    if (ret < 0) {
        // The command must not find there what appears meanwhile, and be the command still.
        if (initial)
            notify_fail(s->o.listener, c->call.id, -ret);
        else
            notify_continue(s->o.listener, c->call.id);
        return true;
    }
    bool inside = mount_stat(r.fd, &st) == 0;
    if (inside) {
        stand(s, &r, &st, &p);
        inside = p.given && (initial ? is_sure_to_run(r.fd) : interpreter_is_inside(s, c, r.fd, 0));
    }
    resolved_done(&r);
    if (!inside)
        return false;
    if (initial)
        atomic_store(&s->initial, false);
    notify_continue(s->o.listener, c->call.id);
    core_count_floor(s, OP_EXEC, false);
    return true;
}

static void
exec_notified(struct supervisor *s, const struct call_row *row, const struct seccomp_notif *n)
{
    struct exec_call c;
    // Whatever it has become meanwhile is compared before it runs.
    if (is_restarted(s, (pid_t)n->pid)) {
        notify_continue(s->o.listener, n->id);
        return;
    }
    int error = exec_decode(row, n, &c);
    // With --exec ask the floor gives more than was approved, without one nothing bounds a race.
    bool floor_decides = s->o.floor->ruleset_fd >= 0 && !s->o.exec_ask;
    if (c.flags & NONO_AT_EXECVE_CHECK) {
        // Nothing is run.
        judge_native(s, &c.call, EINVAL);
    } else if (error || c.flags & ~(unsigned)KNOWN_FLAGS) {
        notify_fail(s->o.listener, n->id, error ? error : EINVAL);
    } else if (!floor_decides || !answer_inside(s, &c)) {
        look(s, &c);
    }
}

const struct family family_exec = {.notified = exec_notified,
                                   .perform = exec_perform,
                                   .decided = exec_decided,
                                   .free_call = exec_free_call,
                                   .path = exec_path};
