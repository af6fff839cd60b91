// SPDX-License-Identifier: Apache-2.0
// A broker whose outside is a list of words: what it published, recorded and answered, in order.
#pragma once
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "broker.h"
#include "buf.h"
#include "clock.h"
#include "util.h"

struct fake {
    struct broker broker;
    struct buf words; /* since the last fake_said() */
    char *said;
    uint64_t last_id;               /* of the newest request recorded */
    uint8_t digest[64][DIGEST_LEN]; /* of the published requests, by id */
    int record_busy;                /* decisions fail with -EAGAIN */
    unsigned answers, allows, notices, refusals, repeats;
    uint64_t uses; /* of the grant that was told last */
    size_t n_tasks;
    uint64_t deadline; /* that an update told last */
};

static int live_objects, live_calls;

static inline void
fake_say(struct fake *f, const char *fmt, ...)
{
    char word[128];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(word, sizeof word, fmt, ap);
    va_end(ap);
    buf_printf(&f->words, "%s%s", f->words.len ? " " : "", word);
}

static inline void
fake_publish(void *ctx, const struct request *r)
{
    struct fake *f = ctx;
    if (r->id < ARRAY_SIZE(f->digest))
        memcpy(f->digest[r->id], r->digest, DIGEST_LEN);
    fake_say(f, "publish:%d", (int)r->id);
}

static inline void
fake_update(void *ctx, const struct request_update *u)
{
    const char *verdict = verdict_to_string(u->verdict);
    ((struct fake *)ctx)->deadline = u->deadline_mono_ns;
    fake_say(ctx, "%s:%d%s%s", state_to_string(u->state), (int)u->id, verdict ? "=" : "",
             verdict ? verdict : "");
    if (u->state == STATE_ASKED)
        fake_say(ctx, "x%u", u->count);
}

static inline void
fake_record_request(void *ctx, struct request *r)
{
    struct fake *f = ctx;
    f->last_id = r->id;
    fake_say(f, "request:%d", (int)r->id);
    request_free(r);
}

static inline int
fake_record_decision(void *ctx, struct decision *d, struct grant *g, unsigned count, bool durable)
{
    struct fake *f = ctx;
    if (f->record_busy) {
        fake_say(f, "busy");
    } else {
        fake_say(f, "%s:%d=%s/%s%s", durable ? "commit" : "note", (int)d->request,
                 verdict_to_string(d->verdict), decider_to_string(d->by), g ? "+grant" : "");
        if (count > 1)
            fake_say(f, "x%u", count);
    }
    decision_free(d);
    grant_free(g);
    return f->record_busy ? -EAGAIN : 0;
}

static inline void
fake_record_repeat(void *ctx, uint64_t request, enum op op)
{
    struct fake *f = ctx;
    f->repeats++;
    fake_say(f, "repeat:%d", (int)request);
}

static inline void
fake_answer(void *ctx, const struct pending *row, struct waiter *w, const struct decision *d)
{
    struct fake *f = ctx;
    f->answers++;
    f->allows += d->verdict == VERDICT_ALLOW;
    cr_expect(d->verdict == VERDICT_ALLOW ? d->error == 0 : d->error == EACCES);
    fake_say(f, "%s#%d", d->verdict == VERDICT_ALLOW ? "yes" : "no", (int)w->id);
}

static inline void
fake_grant(void *ctx, const struct grant *g)
{
    struct fake *f = ctx;
    fake_say(f, "%s:g%d", grant_state_to_string(g->state), (int)g->id);
    f->uses = g->uses;
    f->n_tasks = g->n_tasks;
}

static inline void
fake_record_uses(void *ctx, const struct grant *g, uint64_t uses)
{
    fake_say(ctx, "uses:g%dx%d", (int)g->id, (int)uses);
}

static inline void
fake_record_revoke(void *ctx, const struct grant *g, const char *source)
{
    fake_say(ctx, "revoke:g%d/%s", (int)g->id, source);
}

static inline void
fake_refused(void *ctx, const struct request *r, enum decider by, enum reason reason)
{
    struct fake *f = ctx;
    f->refusals++;
    fake_say(f, "refused:%s", reason_to_string(reason));
}

static inline void
fake_notice(void *ctx, const char *text)
{
    struct fake *f = ctx;
    f->notices++;
    fake_say(f, "notice");
}

static inline void
fake_release_object(void *object)
{
    if (object)
        live_objects--;
    free(object);
}

static inline void
fake_release_call(void *call)
{
    live_calls--;
    free(call);
}

static const struct broker_ops fake_ops = {
    .publish = fake_publish,
    .update = fake_update,
    .record_request = fake_record_request,
    .record_decision = fake_record_decision,
    .record_repeat = fake_record_repeat,
    .grant = fake_grant,
    .record_uses = fake_record_uses,
    .record_revoke = fake_record_revoke,
    .answer = fake_answer,
    .refused = fake_refused,
    .notice = fake_notice,
};

// nono's own places, that nobody can grant.
static inline const struct capability_set *
fake_caps(void)
{
    static struct capability_set caps;
    if (!caps.denials.n) {
        denials_add_name(&caps.denials, "/home/u/.local/state/nono", NULL);
        denials_add_name(&caps.denials, "/w/priv/state", NULL);
    }
    return &caps;
}

static inline void
fake_init(struct fake *f, const char *approver, uint64_t timeout_ns)
{
    *f = (struct fake){0};
    broker_init(&f->broker, approver_find(approver), timeout_ns, fake_caps(), &fake_ops, f,
                fake_release_object, fake_release_call);
}

// Everything that was handed over is gone with it.
static inline void
fake_done(struct fake *f)
{
    broker_done(&f->broker);
    buf_done(&f->words);
    free(f->said);
    cr_expect_eq(live_objects, 0, "%d objects leaked", live_objects);
    cr_expect_eq(live_calls, 0, "%d calls leaked", live_calls);
}

// The words since the last time.
static inline const char *
fake_said(struct fake *f)
{
    free(f->said);
    f->said = xstrdup(buf_str(&f->words));
    buf_reset(&f->words);
    return f->said;
}

static inline struct request *
fake_request(const char *path, unsigned access, pid_t tid)
{
    struct request *r = request_new();
    r->op = access == ACCESS_READ ? OP_READ : access == ACCESS_WRITE ? OP_WRITE : OP_READWRITE;
    r->access = access;
    r->call = "openat";
    r->pid = r->tid = tid;
    r->start_time = 1000 + (uint64_t)tid;
    r->exe = xstrdup("/usr/bin/cat");
    r->cwd = xstrdup("/");
    r->ancestry = xstrdup("");
    r->target = xstrdup(path);
    r->resolved = xstrdup(path);
    r->nearest = xstrdup("");
    r->tags = xstrdup("");
    r->why = REASON_POLICY_BLOCKED;
    r->object = (struct object){.exists = true, .dev = 1, .ino = 2};
    return r;
}

static inline void
fake_submit_request(struct fake *f, struct request *r, uint64_t id, uint64_t now)
{
    live_objects++;
    live_calls++;
    broker_submit(&f->broker, r, xmalloc(1), id, r->tid, now, xmalloc(1));
}

// Not asked yet; its number.
static inline uint64_t
fake_hold_request(struct fake *f, struct request *r, uint64_t id, uint64_t now)
{
    live_objects++;
    live_calls++;
    return broker_hold(&f->broker, r, xmalloc(1), id, r->tid, now, xmalloc(1));
}

static inline uint64_t
fake_hold(struct fake *f, const char *path, uint64_t id, pid_t tid, uint64_t now)
{
    return fake_hold_request(f, fake_request(path, ACCESS_READ, tid), id, now);
}

static inline void
fake_submit(struct fake *f, const char *path, unsigned access, uint64_t id, pid_t tid, uint64_t now)
{
    fake_submit_request(f, fake_request(path, access, tid), id, now);
}

// What is remembered for that access to an existing object, or one that is not there (ino 0); NULL
// for nothing.
static inline struct grant *
fake_remembers(struct fake *f, const char *path, uint64_t ino, unsigned access)
{
    struct memory_answer a;
    const struct memory_query q = {.op = ino == 0                 ? OP_CREATE
                                         : access == ACCESS_READ  ? OP_READ
                                         : access == ACCESS_WRITE ? OP_WRITE
                                                                  : OP_READWRITE,
                                   .access = access,
                                   .path = path,
                                   .dev = ino ? 1 : 0,
                                   .ino = ino};
    return memory_ask(&f->broker.memory, &q, 100, &a) ? a.grants[0] : NULL;
}

static inline int
fake_decide(struct fake *f, uint64_t request, enum verdict verdict, enum scope scope, uint64_t now)
{
    struct decision *d = decision_new();
    d->request = request;
    d->verdict = verdict;
    d->scope = scope;
    d->by = DECIDER_USER;
    memcpy(d->digest, f->digest[request % ARRAY_SIZE(f->digest)], DIGEST_LEN);
    return broker_decide(&f->broker, d, now);
}

static inline void
fake_recorded(struct fake *f, uint64_t request, int error, uint64_t now)
{
    const struct record_ack ack = {.request = request, .error = error};
    broker_recorded(&f->broker, &ack, now);
}

static inline struct waiter *
fake_waiter(struct fake *f, uint64_t id)
{
    for (size_t i = 0; i < f->broker.table.n; i++)
        for (struct waiter *w = f->broker.table.rows[i]->waiters; w; w = w->next)
            if (w->id == id)
                return w;
    return NULL;
}
