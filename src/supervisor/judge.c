// SPDX-License-Identifier: Apache-2.0
#include "judge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "asker.h"
#include "clock.h"
#include "notify.h"
#include "risk.h"
#include "tracee.h"
#include "util.h"

static bool
is_own_proc(const struct supervisor *s, const char *path)
{
    return strncmp(path, "/proc/", 6) == 0 &&
           (path_is_below(path, s->own_proc) || path_is_below(path, s->monitor_proc));
}

void
judge_path(const struct supervisor *s, const char *path, unsigned access, struct standing *ret_st)
{
    struct judgement *j = &ret_st->j;
    capability_judge(s->o.capabilities, path, j);
    // I7: our own /proc entry is read through nobody's capability.
    if (is_own_proc(s, path)) {
        j->protected_ = true;
        j->by = DECIDER_PROTECTED;
    }
    ret_st->covered = !j->protected_ && (access & ~j->access) == 0;
    ret_st->inside = ret_st->covered && !j->holed;
}

bool
judge_knows(const struct supervisor *s, struct resolved *r, unsigned access, bool moves)
{
    char place[NONO_PATH_MAX];
    struct standing st;
    bool anywhere;
    if (!r->known)
        return true;
    const struct denials *d = &s->o.capabilities->denials;
    cleanup_free char *whole = steal_pointer(&r->whole);
    memcpy(place, r->path, r->known);
    place[r->known] = 0;
    judge_path(s, place, access, &st);
    if (!st.covered || (s->o.trust && s->o.trust->enforcement == TRUST_DENY))
        return false;
    return denials_place(d, place, &anywhere) == PLACE_FREE ||
           (whole && !moves && !denials_refuse(d, whole));
}

void
judge_object(const struct supervisor *s, const struct stat *st, struct standing *standing)
{
    capability_judge_object(s->o.capabilities, st->st_dev, st->st_ino, &standing->j);
    if (standing->j.protected_)
        standing->covered = standing->inside = false;
}

void
judge_refuse_protected(struct supervisor *s, const struct call *c, struct request *q,
                       const struct standing *standing)
{
    judge_refuse(s, c, q, standing->j.by, REASON_POLICY_BLOCKED, EACCES);
}

void
judge_native(struct supervisor *s, const struct call *c, int error)
{
    if (s->o.floor->ruleset_fd >= 0)
        notify_continue(s->o.listener, c->id);
    else
        notify_fail(s->o.listener, c->id, error ? error : EACCES);
}

struct object
judge_facts(bool exists, const struct stat *st)
{
    return (struct object){.exists = exists,
                           .dev = st->st_dev,
                           .ino = st->st_ino,
                           .mode = st->st_mode,
                           .uid = st->st_uid,
                           .gid = st->st_gid,
                           .size = (uint64_t)st->st_size,
                           .nlink = st->st_nlink};
}

struct request *
judge_request(struct supervisor *s, const struct facts *f)
{
    struct judgement *j = &f->standing->j;
    struct request *q = request_new();
    if (tracee_describe(f->call->tid, s->o.monitor, q) < 0)
        return request_free(q);
    q->op = f->op;
    q->access = f->access;
    q->call = f->call->row->name;
    q->flags = f->flags;
    q->mode = f->mode;
    q->target = xstrndup(f->target, f->target_len);
    q->resolved = xstrdup(f->resolved);
    q->why = j->access ? REASON_INSUFFICIENT_ACCESS : REASON_POLICY_BLOCKED;
    if (!j->nearest)
        capability_nearest(s->o.capabilities, f->resolved, j);
    q->covered = j->shared;
    q->nearest = judgement_describe(j);
    q->object = judge_facts(f->exists, f->st);
    q->risk = risk_of_path(f->resolved, s->o.home, f->access, &q->tags);
    return q;
}

void
judge_asks_programs(const struct supervisor *s, struct request *q)
{
    free(q->nearest);
    q->nearest = xasprintf(REQUEST_ASKS_PROGRAMS " (%s)", s->o.exec_ask);
    q->why = REASON_POLICY_BLOCKED;
}

void
judge_add_tag(struct request *q, enum risk risk, const char *tag)
{
    if (risk > q->risk)
        q->risk = risk;
    if (!tag || strstr(q->tags, tag))
        return;
    char *both = xasprintf("%s%s%s", q->tags, q->tags[0] ? "," : "", tag);
    free(q->tags);
    q->tags = both;
}

void
judge_add_risk(const struct supervisor *s, struct request *q, const char *path)
{
    cleanup_free char *tags = NULL;
    enum risk risk = risk_of_path(path, s->o.home, q->access, &tags);
    judge_add_tag(q, risk, tags);
}

enum verdict
judge_remembered(struct supervisor *s, const struct memory_query *q, pid_t tid)
{
    enum verdict verdict;
    if (!broker_answer(&s->broker, q, tid, clock_mono_ns(), &verdict))
        return _VERDICT_INVALID;
    core_mark_counted(s);
    return verdict;
}

void
judge_log_allowed(struct supervisor *s, const struct call *c, struct request *q, enum decider by)
{
    if (q)
        asker_known(q);
    // As in judge_ask(): only now is it sure that the facts are the asker's.
    if (!q || !notify_valid(s->o.listener, c->id)) {
        request_free(q);
        return;
    }
    struct decision *d = decision_new();
    q->id = pending_next_id(&s->broker.table);
    q->raised_mono_ns = clock_mono_ns();
    q->raised_real_ns = d->real_ns = clock_real_ns();
    q->count = 1;
    request_seal(q);
    d->request = q->id;
    memcpy(d->digest, q->digest, DIGEST_LEN);
    d->verdict = VERDICT_ALLOW;
    d->by = by;
    d->reason = REASON_NONE;
    // Both were made room for (core_wait_for_room()). The call counts where it always does.
    if (s->o.record.request(s->o.record.ctx, q) < 0 ||
        s->o.record.decision(s->o.record.ctx, d, NULL, 0, false) < 0)
        core_notice(s, "the record is full: an allowed access was not written");
}

void
judge_refuse(struct supervisor *s, const struct call *c, struct request *q, enum decider by,
             enum reason reason, int error)
{
    if (q)
        asker_known(q);
    // As in judge_ask().
    if (q && !notify_valid(s->o.listener, c->id))
        q = request_free(q);
    if (q)
        broker_refuse(&s->broker, q, by, reason, clock_mono_ns());
    notify_fail(s->o.listener, c->id, error);
}

void
judge_refuse_outside(struct supervisor *s, const struct call *c, enum op op, unsigned access,
                     const char *target, const char *what)
{
    struct standing standing = {0};
    struct stat st = {0};
    struct facts f = {.call = c,
                      .op = op,
                      .access = access,
                      .target = target,
                      .target_len = strlen(target),
                      .resolved = target,
                      .st = &st,
                      .exists = true,
                      .standing = &standing};
    pthread_mutex_lock(&s->lock);
    core_wait_for_room(s);
    struct request *q = judge_request(s, &f);
    if (q) {
        free(q->detail);
        q->detail = xasprintf("%s that was made outside", what);
    }
    judge_refuse(s, c, q, DECIDER_FLOOR, REASON_POLICY_BLOCKED, EACCES);
    pthread_mutex_unlock(&s->lock);
}

static bool
holds_high_descriptor(const struct supervisor *s, const struct held *h)
{
    for (unsigned i = 0; i < h->n; i++)
        if ((rlim_t)h->end[i].fd >= s->fd_limit ||
            (h->end[i].object_fd >= 0 && (rlim_t)h->end[i].object_fd >= s->fd_limit))
            return true;
    return false;
}

void
judge_ask(struct supervisor *s, struct call *copy, struct request *q, struct held *object)
{
    enum decider by = _DECIDER_INVALID;
    enum reason reason = REASON_RATE_LIMITED;
    if (q)
        asker_known(q);
    // The facts were read from /proc after the notification: only now is it sure that they are the
    // asker's.
    if (!q || !notify_valid(s->o.listener, copy->id)) {
        request_free(q);
        q = NULL;
        // Whoever still waits although nothing could be read of it is not left waiting.
        notify_fail(s->o.listener, copy->id, EACCES);
    } else if (holds_high_descriptor(s, object)) {
        // Descriptors are given out from the lowest number: a high one tells how few are left.
        // Without this a flood of requests would leave none to answer anybody with.
        by = DECIDER_RATE_LIMIT;
    } else if (!tracee_shares_root(copy->tid)) {
        by = DECIDER_INTERNAL;
        reason = REASON_BACKEND_ERROR;
    } else {
        asker_submit(s, copy, q, object);
        return;
    }
    if (q)
        judge_refuse(s, copy, q, by, reason, EACCES);
    core_family(copy)->free_call(copy);
    held_free(object);
}
