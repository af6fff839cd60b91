// SPDX-License-Identifier: Apache-2.0
// FAMILY_OPEN: from the notification of an open to its answer or its request.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "judge.h"
#include "kernel.h"
#include "last.h"
#include "mounts.h"
#include "notify.h"
#include "terminal.h"
#include "trust.h"
#include "util.h"

static enum op
op_of_access(unsigned access)
{
    return access == ACCESS_READ ? OP_READ : access == ACCESS_WRITE ? OP_WRITE : OP_READWRITE;
}

static enum op
op_of(const struct open_call *c, const struct resolved *r)
{
    return r->exists ? op_of_access(files_access(c)) : OP_CREATE;
}

// What is to be made needs write access to its directory, whatever it is opened for.
static unsigned
access_of(const struct open_call *c, const struct resolved *r)
{
    return files_access(c) | (r->exists ? 0 : ACCESS_WRITE);
}

// As long as the path is: thousands of them may wait.
struct open_call *
open_call_dup(const struct open_call *c)
{
    return xmemdup(c, offsetof(struct open_call, path) + c->path_len + 1);
}

static struct request *
make_request(struct supervisor *s, const struct open_call *c, const struct resolved *r,
             const struct stat *st, struct standing *standing)
{
    struct facts f = {.call = &c->call,
                      .op = op_of(c, r),
                      .access = access_of(c, r),
                      .flags = c->flags,
                      .mode = c->mode,
                      .target = c->path,
                      .target_len = c->path_len,
                      .resolved = r->path,
                      .st = st,
                      .exists = r->exists,
                      .standing = standing};
    return judge_request(s, &f);
}

static void
log_allowed(struct supervisor *s, const struct open_call *c, const struct resolved *r,
            const struct stat *st, struct standing *standing, enum decider by)
{
    if (judge_logs_allowed(s))
        judge_log_allowed(s, &c->call, make_request(s, c, r, st, standing), by);
}

// Remembered decisions of this session: true when one answered.
static bool
answer_from_memory(struct supervisor *s, const struct open_call *c, const struct resolved *r,
                   const struct stat *st, struct standing *standing, struct trust_result *t)
{
    const struct memory_query q = {.op = op_of(c, r),
                                   .access = access_of(c, r),
                                   .path = r->path,
                                   .dev = r->exists ? st->st_dev : 0,
                                   .ino = r->exists ? st->st_ino : 0};
    switch (judge_remembered(s, &q, c->call.tid)) {
    case VERDICT_ALLOW:
        log_allowed(s, c, r, st, standing, DECIDER_RULE);
        trust_hand_over(s, c, r, t);
        return true;
    case VERDICT_DENY:
        notify_fail(s->o.listener, c->call.id, EACCES);
        return true;
    case VERDICT_EXPIRED:
    case VERDICT_WITHDRAWN:
    case _VERDICT_MAX:
    case _VERDICT_INVALID:
        break;
    }
    return false;
}

static void
refuse_untrusted(struct supervisor *s, const struct open_call *c, const struct resolved *r,
                 const struct trust_result *t)
{
    struct standing standing;
    struct stat st;
    struct request *q = NULL;
    judge_path(s, r->path, access_of(c, r), &standing);
    if (mount_stat(r->fd, &st) == 0)
        q = make_request(s, c, r, &st, &standing);
    trust_describe(t, q);
    judge_refuse(s, &c->call, q, DECIDER_TRUST, REASON_TRUST_FAILED, EACCES);
}

// False when it was refused, or will be judged again once it is known who signed it.
static bool
may_be_handed_over(struct supervisor *s, const struct open_call *c, const struct resolved *r,
                   const struct trust_result *t)
{
    if (!t)
        trust_verify(s, c, r, false);
    else if (t->refused)
        refuse_untrusted(s, c, r, t);
    return t && !t->refused;
}

// What the policy gives; that an instruction file was handed over is recorded.
static void
hand_over_covered(struct supervisor *s, const struct open_call *c, const struct resolved *r,
                  const struct stat *st, struct standing *standing, struct trust_result *t)
{
    if (t)
        trust_record(s, t->first ? make_request(s, c, r, st, standing) : NULL, t);
    log_allowed(s, c, r, st, standing, DECIDER_FLOOR);
    core_count_floor(s, op_of(c, r), true);
    trust_hand_over(s, c, r, t);
}

// True when it was refused together with the start of that program, and is counted as that again.
static bool
answer_as_exec(struct supervisor *s, const struct open_call *c, const struct resolved *r,
               const struct stat *st)
{
    const struct exec_refusal *x = r->exists ? exec_refusals_take(&s->refusals, c, st) : NULL;
    if (!x)
        return false;
    const struct memory_query rule = {.op = OP_EXEC,
                                      .access = ACCESS_READ,
                                      .path = r->path,
                                      .dev = x->dev,
                                      .ino = x->ino,
                                      .sha256 = x->sha256};
    if (x->request)
        broker_repeat(&s->broker, x->request, OP_EXEC);
    else
        judge_remembered(s, &rule, c->call.tid);
    notify_fail(s->o.listener, c->call.id, EACCES);
    return true;
}

// t: what is known of an instruction file; NULL when it has not been looked at, or is none.
static void
judge(struct supervisor *s, const struct open_call *c, struct resolved *r, struct trust_result *t)
{
    struct standing standing;
    struct stat st = {0};
    unsigned access = access_of(c, r);
    judge_path(s, r->path, access, &standing);
    if (mount_stat(r->fd, &st) < 0) {
        notify_fail(s->o.listener, c->call.id, EACCES);
        return;
    }
    if (r->exists)
        judge_object(s, &st, &standing);
    bool concerns = trust_concerns(s, c, r);
    if (standing.inside && s->o.floor->ruleset_fd >= 0 && !concerns) {
        log_allowed(s, c, r, &st, &standing, DECIDER_FLOOR);
        core_count_floor(s, op_of(c, r), true);
        notify_continue(s->o.listener, c->call.id);
        return;
    }
    if (path_is_below(r->path, TERMINAL_DIR) &&
        terminal_is_inside(c->call.tid, s->o.monitor, r->path, &st)) {
        log_allowed(s, c, r, &st, &standing, DECIDER_FLOOR);
        core_count_floor(s, op_of(c, r), true);
        onbehalf_open(s, c, r);
        return;
    }
    if (standing.j.protected_) {
        judge_refuse_protected(s, &c->call, make_request(s, c, r, &st, &standing), &standing);
        return;
    }
    const char *own = standing.covered ? NULL : files_in_own_process(r, c->call.tid);
    if (own) {
        capability_judge_own(s->o.capabilities, r->path, own, &standing.j);
        standing.covered = (access & ~standing.j.access) == 0;
    }
    uint64_t dev = r->exists ? st.st_dev : 0, ino = r->exists ? st.st_ino : 0;
    // Of a process outside nothing but what is carved out of the floor beside a denial.
    bool fails = files_fails_natively(c, r, st.st_mode) ||
                 (strncmp(r->path, "/proc/", 6) == 0 && files_is_foreign_process(r) &&
                  !(standing.covered && access == ACCESS_READ));
    if (fails ||
        (standing.covered && !concerns && floor_covers(s->o.floor, r->path, dev, ino, access))) {
        if (!fails)
            log_allowed(s, c, r, &st, &standing, DECIDER_FLOOR);
        core_count_floor(s, op_of(c, r), true);
        judge_native(s, &c->call, 0);
        return;
    }
    // Whoever writes there names itself: the kernel takes it from the same process only.
    if (own && strcmp(own, "/comm") == 0) {
        log_allowed(s, c, r, &st, &standing, DECIDER_FLOOR);
        core_count_floor(s, op_of(c, r), true);
        onbehalf_open(s, c, r);
        return;
    }
    if (S_ISSOCK(st.st_mode)) {
        // Nobody can open it; natively Landlock would be heard first.
        core_count_floor(s, op_of(c, r), true);
        notify_fail(s->o.listener, c->call.id, ENXIO);
        return;
    }
    if (concerns && !S_ISDIR(st.st_mode) && !may_be_handed_over(s, c, r, t))
        return;
    if (standing.covered) {
        // Allowed, but carved out of the floor for the sake of what is refused beside it.
        hand_over_covered(s, c, r, &st, &standing, t);
        return;
    }
    if (answer_from_memory(s, c, r, &st, &standing, t) ||
        (r->exists && exec_scripts_serve(&s->scripts, s->o.listener, c, &st)) ||
        answer_as_exec(s, c, r, &st))
        return;
    struct request *q = make_request(s, c, r, &st, &standing);
    trust_describe(t, q);
    judge_ask(s, &open_call_dup(c)->call, q, held_new(1, (struct resolved *const[]){r}));
}

void
open_trusted(struct supervisor *s, const struct open_call *c, struct resolved *r,
             struct trust_result *t, bool approved)
{
    if (!approved)
        judge(s, c, r, t);
    else if (t->refused)
        refuse_untrusted(s, c, r, t);
    else
        trust_hand_over(s, c, r, t);
}

static void
refuse_nameless(struct supervisor *s, const struct open_call *c, const struct resolved *r,
                const struct stat *st, struct standing *standing)
{
    struct request *q = make_request(s, c, r, st, standing);
    if (q) {
        free(q->detail);
        q->detail = xstrdup("a file without a name");
    }
    judge_refuse(s, &c->call, q, standing->j.protected_ ? standing->j.by : DECIDER_FLOOR,
                 REASON_POLICY_BLOCKED, EACCES);
}

// A file that has no name any more, or never had one, is judged by the place where it was, as the
// floor does it. Nobody is asked: there is nothing to be shown. False: it is none, the kernel
// answers.
static bool
judge_nameless(struct supervisor *s, const struct open_call *c, struct resolved *r)
{
    static char detail[] = "it has lost its name";
    struct standing standing;
    struct stat st;
    if (!resolved_drop_mark(r) || mount_kind_of(r->fd) != MOUNT_LOCAL ||
        mount_stat(r->fd, &st) < 0 || !S_ISREG(st.st_mode))
        return false;
    judge_path(s, r->path, files_access(c), &standing);
    judge_object(s, &st, &standing);
    if ((standing.inside && s->o.floor->ruleset_fd >= 0) || files_fails_natively(c, r, st.st_mode))
        return false;
    // What has another name is judged by none: the floor knows it.
    if (st.st_nlink > 0 && standing.covered &&
        floor_covers(s->o.floor, r->path, st.st_dev, st.st_ino, files_access(c)))
        return false;
    if (!standing.covered || st.st_nlink > 0) {
        refuse_nameless(s, c, r, &st, &standing);
    } else if (trust_refuses_removed(s, c, r->path)) {
        refuse_untrusted(s, c, r, &(struct trust_result){.detail = detail});
    } else {
        log_allowed(s, c, r, &st, &standing, DECIDER_FLOOR);
        core_count_floor(s, op_of(c, r), true);
        onbehalf_open(s, c, r);
    }
    return true;
}

// The sandbox asks why it was refused (last.h).
static bool
serve_last(struct supervisor *s, const struct open_call *c, int error)
{
    if (error != -ENOENT || (c->flags & O_ACCMODE) != O_RDONLY ||
        strcmp(c->path, NONO_LAST_PATH) != 0)
        return false;
    cleanup_fd int fd = last_open(s->last);
    int ret = fd < 0 ? fd : notify_give_fd(s->o.listener, c->call.id, fd, files_cloexec(c));
    if (ret < 0 && ret != -ENOENT)
        notify_fail(s->o.listener, c->call.id, -ret);
    return true;
}

// The id is not asked about here: SEND checks it under the kernel's own lock, so that an answer
// reaches only a task that has waited since before its memory was read. onbehalf_open() and
// judge_ask() check it before they act on what was read.
void
open_resolved(struct supervisor *s, const struct open_call *c, struct resolved *r, int error)
{
    if (serve_last(s, c, error))
        return;
    if (error == 0 && !judge_knows(s, r, access_of(c, r), false)) {
        resolved_done(r);
        error = -ENAMETOOLONG;
    }
    if (error == 0 && r->pathless && trust_refuses_nameless(s, c)) {
        static char detail[] = "it has no name of its own";
        refuse_untrusted(s, c, r, &(struct trust_result){.detail = detail});
    } else if (error == 0 && !r->pathless) {
        judge(s, c, r, NULL);
    } else if (error == 0 && judge_nameless(s, c, r)) {
        // answered
    } else if (error == 0 || error == -ENOENT || error == -ENOTDIR || error == -ELOOP ||
               error == -ENAMETOOLONG || error == -EACCES || error == -EBADF || error == -EXDEV ||
               error == -EAGAIN || error == -EINVAL) {
        // There is nothing to open, or nothing that has a name: the kernel says so, under the floor
        // (I2).
        core_count_floor(s, OP_READ, true);
        judge_native(s, &c->call, -error);
    } else {
        // ESRCH as well: that may be about another process than the asker.
        notify_fail(s->o.listener, c->call.id, -error);
    }
    if (error == 0)
        resolved_done(r);
}

// What can be answered without the lock: nothing is to be written down of it, which is read of the
// task before it goes on.
static bool
is_answered_alone(const struct supervisor *s)
{
    return s->o.floor->ruleset_fd >= 0 && !judge_logs_allowed(s);
}

// The common case: the words of the path lie inside, and are the name of what is there. Nothing is
// held, because the floor decides about what the call meets (I2).
static bool
answer_by_words(struct supervisor *s, const struct open_call *c)
{
    char words[NONO_PATH_MAX + 256];
    struct standing standing;
    unsigned access = files_access(c);
    if (c->resolve || c->flags & O_CREAT || s->o.capabilities->denials.n_objects ||
        resolve_words(c->call.tid, c->dirfd, c->path, words) < 0)
        return false;
    judge_path(s, words, access, &standing);
    // These words end in those of the path as it was written.
    if (!standing.inside || trust_concerns_path(s, c, words) || !resolve_words_hold(words))
        return false;
    notify_continue(s->o.listener, c->call.id);
    core_count_floor(s, op_of_access(access), false);
    return true;
}

// Takes r over when it is true.
static bool
answer_inside(struct supervisor *s, const struct open_call *c, struct resolved *r)
{
    struct standing standing;
    struct stat st;
    judge_path(s, r->path, access_of(c, r), &standing);
    if (!standing.inside || trust_concerns(s, c, r))
        return false;
    if (r->exists && s->o.capabilities->denials.n_objects) {
        if (mount_stat(r->fd, &st) < 0)
            return false;
        judge_object(s, &st, &standing);
        if (!standing.inside)
            return false;
    }
    notify_continue(s->o.listener, c->call.id);
    resolved_done(r);
    core_count_floor(s, op_of(c, r), false);
    return true;
}

static void
open_notified(struct supervisor *s, const struct call_row *row, const struct seccomp_notif *n)
{
    struct open_call c;
    struct resolved r;
    int error = EACCES;
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
        judge_native(s, &c.call, 0);
        return;
    }
    bool alone = is_answered_alone(s);
    c.steers = false;
    if (alone && answer_by_words(s, &c))
        return;
    c.steers = trust_is_written(s, &c);
    int ret = files_resolve(&c, RESOLVE_NOW, &r);
    if (ret == 0 && !r.pathless && alone && answer_inside(s, &c, &r))
        return;
    pthread_mutex_lock(&s->lock);
    core_wait_for_room(s);
    if (ret == -EAGAIN && !(c.resolve & RESOLVE_CACHED))
        onbehalf_resolve(s, &c);
    else
        open_resolved(s, &c, &r, ret);
    pthread_mutex_unlock(&s->lock);
}

static void
open_perform(struct supervisor *s, struct call *c, struct held *object)
{
    const struct open_call *open = (struct open_call *)c;
    // What a person approved is an instruction file still, and may have changed since.
    if (trust_concerns(s, open, &object->end[0]))
        trust_verify(s, open, &object->end[0], true);
    else
        onbehalf_open(s, open, &object->end[0]);
}

static void
open_free_call(struct call *c)
{
    free(c);
}

static const char *
open_path(const struct call *c, enum op *ret_op)
{
    const struct open_call *open = (const struct open_call *)c;
    *ret_op = op_of_access(files_access(open));
    return open->path;
}

const struct family family_open = {.notified = open_notified,
                                   .perform = open_perform,
                                   .free_call = open_free_call,
                                   .path = open_path};
