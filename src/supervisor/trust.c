// SPDX-License-Identifier: Apache-2.0
#include "trust.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "bounds.h"
#include "clock.h"
#include "display.h"
#include "file_state.h"
#include "judge.h"
#include "notify.h"
#include "trust_policy.h"
#include "util.h"

#define CACHE_SLOTS 256

struct known {
    struct file_state file, signature; /* ino 0: none */
    uint8_t sha256[crypto_hash_sha256_BYTES];
    int error; /* 0: by principal; or why not */
    char principal[KEYGEN_PRINCIPAL_MAX];
};

struct trust {
    atomic_uint users;                 /* the supervisor, and jobs that outlive it */
    const struct trust_policy *policy; /* constant; the supervisor's threads only */
    int helper, signers;               /* constant but for use; -1: none */
    pthread_mutex_t ask;               /* the helper answers one at a time */
    pthread_mutex_t lock;              /* of the cache; never held while something blocks */
    struct known cache[CACHE_SLOTS];
};

struct trust_job {
    struct task_job task;
    struct supervisor *s;
    struct trust *trust;    /* one of its users */
    struct resolved target; /* owned */
    struct trust_result found;
    bool approved, deny;
};

static int
memfd_new(void)
{
    int fd = memfd_create("nono-verified", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return fd < 0 ? -errno : fd;
}

static int
seal(int fd)
{
    int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    return fcntl(fd, F_ADD_SEALS, seals) < 0 ? -errno : 0;
}

struct trust *
trust_new(const struct trust_policy *p, int helper)
{
    cleanup_fd int owned = helper;
    if (!p || p->n == 0)
        return NULL;
    struct trust *t = xcalloc(1, sizeof *t);
    atomic_init(&t->users, 1);
    t->policy = p;
    t->signers = -1;
    pthread_mutex_init(&t->ask, NULL);
    pthread_mutex_init(&t->lock, NULL);
    cleanup_fd int signers = p->signers ? memfd_new() : -1;
    if (signers >= 0 && write_all(signers, p->signers, p->signers_len) == 0 && seal(signers) == 0)
        t->signers = steal_fd(&signers);
    t->helper = steal_fd(&owned);
    return t;
}

struct trust *
trust_free(struct trust *t)
{
    if (!t || atomic_fetch_sub(&t->users, 1) > 1)
        return NULL;
    close_fd(&t->helper);
    close_fd(&t->signers);
    pthread_mutex_destroy(&t->ask);
    pthread_mutex_destroy(&t->lock);
    free(t);
    return NULL;
}

bool
trust_is_written(const struct supervisor *s, const struct open_call *c)
{
    return s->trust && files_access(c) & ACCESS_READ && trust_matches(s->trust->policy, c->path);
}

bool
trust_concerns_path(const struct supervisor *s, const struct open_call *c, const char *path)
{
    return s->trust && files_access(c) & ACCESS_READ &&
           trust_applies(s->trust->policy, c->steers, path);
}

bool
trust_concerns(const struct supervisor *s, const struct open_call *c, const struct resolved *r)
{
    return r->exists && !r->pathless && trust_concerns_path(s, c, r->path);
}

// --- finding out, in a worker ------------------------------------------------------------------

// Copies at most max bytes of a regular file into a sealed memfd, with their digest and the file's
// state; -EAGAIN when it changed meanwhile, -EFBIG.
static int
copy_file(int from, size_t max, struct stat *ret_st, struct file_state *ret_state,
          uint8_t *ret_sha256)
{
    char data[65536];
    size_t sum = 0;
    ssize_t n;
    struct stat after;
    crypto_hash_sha256_state hash;
    if (fstat(from, ret_st) < 0)
        return -errno;
    if (!S_ISREG(ret_st->st_mode))
        return -EINVAL;
    cleanup_fd int to = memfd_new();
    if (to < 0)
        return to;
    crypto_hash_sha256_init(&hash);
    while ((n = read(from, data, sizeof data)) > 0) {
        int ret = write_all(to, data, (size_t)n);
        if (ret < 0)
            return ret;
        crypto_hash_sha256_update(&hash, (const unsigned char *)data, (unsigned long long)n);
        if ((sum += (size_t)n) > max)
            return -EFBIG;
    }
    if (n < 0 || fstat(from, &after) < 0)
        return -errno;
    crypto_hash_sha256_final(&hash, ret_sha256);
    *ret_state = file_state_of(ret_st);
    if (!file_state_is(ret_state, &after) || sum != ret_state->size)
        return -EAGAIN;
    int ret = seal(to);
    return ret < 0 ? ret : steal_fd(&to);
}

// The signature beside it. Hostile bytes, and so may be what has its name: it is only read, and
// only ever believed by what ssh-keygen says of it.
static int
copy_signature(const struct resolved *r, struct file_state *ret_state)
{
    char path[sizeof r->path + sizeof ".sig"];
    uint8_t sha256[crypto_hash_sha256_BYTES];
    struct stat st;
    snprintf(path, sizeof path, "%s.sig", r->path);
    cleanup_fd int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    return fd < 0 ? -errno : copy_file(fd, KEYGEN_SIGNATURE_MAX, &st, ret_state, sha256);
}

static struct known *
slot_of(struct trust *t, const struct file_state *file)
{
    return &t->cache[(file->ino ^ file->dev) % CACHE_SLOTS];
}

// 1: the file is known in this state, with this signature; 0: it is not; -EAGAIN: it is, but what
// was read is not what was verified.
static int
look_up(struct trust *t, struct known *k)
{
    pthread_mutex_lock(&t->lock);
    const struct known *known = slot_of(t, &k->file);
    int ret = file_state_same(&known->file, &k->file) &&
              file_state_same(&known->signature, &k->signature);
    if (ret && memcmp(known->sha256, k->sha256, sizeof k->sha256) != 0)
        ret = -EAGAIN;
    if (ret > 0)
        *k = *known;
    pthread_mutex_unlock(&t->lock);
    return ret;
}

static void
remember(struct trust *t, const struct known *k)
{
    pthread_mutex_lock(&t->lock);
    *slot_of(t, &k->file) = *k;
    pthread_mutex_unlock(&t->lock);
}

static int
ask_helper(struct trust *t, int content, int signature, char *principal)
{
    if (t->helper < 0 || t->signers < 0)
        return -ENOKEY;
    pthread_mutex_lock(&t->ask);
    int ret = keygen_verify(t->helper, content, signature, t->signers, principal);
    pthread_mutex_unlock(&t->ask);
    return ret;
}

static char *
explain(const struct known *k)
{
    cleanup_free char *who = display_str(k->principal, DISPLAY_QUOTE);
    switch (k->error) {
    case 0:
        return xasprintf("signed by %s", who);
    case -ENODATA:
        return xstrdup("not signed");
    case -ENOKEY:
        return xstrdup("not verified: no signer is configured");
    case -EKEYREJECTED:
        return xstrdup("the signature is not by an allowed signer, or not of this content");
    case -EFBIG:
        return xstrdup("not verified: the file or its signature is too large");
    case -EINVAL:
        return xstrdup("not verified: it or its signature is not a regular file");
    case -EAGAIN:
        return xstrdup("not verified: it changed meanwhile");
    case -ENOENT:
        return xstrdup("not verified: there is no " KEYGEN_PATH);
    default:
        return xasprintf("not verified: %s", strerror(-k->error));
    }
}

// As the task would read it (I8). A copy of the content, or -errno.
static int
read_both(struct trust_job *j, struct stat *st, struct known *k, int *ret_signature)
{
    char link[40];
    if (onbehalf_enter(j->s, j->task.call->tid) < 0)
        return -EACCES;
    snprintf(link, sizeof link, "/proc/self/fd/%d", j->target.fd);
    cleanup_fd int from = open(link, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    int content = from < 0 ? -errno : copy_file(from, NONO_VERIFIED_MAX, st, &k->file, k->sha256);
    if (content >= 0)
        *ret_signature = copy_signature(&j->target, &k->signature);
    onbehalf_leave(j->s);
    return content;
}

// Sets k->error. A copy of the content, or -errno.
static int
find_out(struct trust_job *j, struct stat *st, struct known *k)
{
    struct trust *t = j->trust;
    struct stat now;
    int signature = -ENOENT;
    // A pipe would be opened for good, and what comes through one is nobody's.
    if (fstat(j->target.fd, &now) < 0 || !S_ISREG(now.st_mode))
        return k->error = -EINVAL;
    cleanup_fd int content = read_both(j, st, k, &signature);
    cleanup_fd int owned = signature;
    if (content < 0)
        return k->error = content;
    int known = look_up(t, k);
    j->found.first = known == 0;
    if (known < 0)
        return k->error = known;
    if (!known) {
        k->error = signature == -ENOENT ? -ENODATA
                   : signature < 0      ? signature
                                        : ask_helper(t, content, signature, k->principal);
        if (k->error == -ENODATA && t->signers < 0)
            k->error = -ENOKEY;
        // What may be otherwise the next time is asked again.
        if (k->error == 0 || k->error == -ENODATA || k->error == -ENOKEY ||
            k->error == -EKEYREJECTED)
            remember(t, k);
    }
    // What was verified must be what is there now: an old version is not handed over either.
    if (fstat(j->target.fd, &now) < 0)
        return k->error = -errno;
    if (!file_state_is(&k->file, &now))
        return k->error = -EAGAIN;
    return steal_fd(&content);
}

// As the file looks, but for device and inode; read from its start by a description of its own.
static int
finish_copy(int content, const struct stat *st, const struct open_call *c)
{
    char link[40];
    const struct timespec times[2] = {st->st_atim, st->st_mtim};
    snprintf(link, sizeof link, "/proc/self/fd/%d", content);
    int flags = (int)(c->flags & (O_APPEND | O_NONBLOCK)) | O_RDONLY | O_CLOEXEC;
    int copy = open(link, flags);
    if (copy < 0)
        return -errno;
    // For show only: fails where the copy is somebody else's.
    if (futimens(content, times) < 0 || fchmod(content, st->st_mode & 0777) < 0) {
        close(copy);
        return -EIO;
    }
    return copy;
}

static void
trust_run(struct job *job)
{
    struct trust_job *j = (struct trust_job *)job;
    const struct open_call *c = (const struct open_call *)j->task.call;
    struct trust_result *f = &j->found;
    struct known k = {0};
    struct stat st;
    cleanup_fd int content = find_out(j, &st, &k);
    f->verified = content >= 0 && k.error == 0;
    f->refused = j->deny && !f->verified;
    f->detail = explain(&k);
    if (f->verified && j->deny && files_access(c) != ACCESS_READ) {
        // No copy can be written to, and the file itself may change while it is open.
        f->refused = true;
        free(f->detail);
        f->detail = xstrdup("signed, but a verified file is opened for reading alone");
    } else if (f->verified && j->deny) {
        f->copy = finish_copy(content, &st, c);
        f->refused = f->copy < 0;
    }
    j->task.result = k.error == -EINTR ? -EINTR : 0;
}

// --- back in the supervisor --------------------------------------------------------------------

static void
trust_drop(struct job *job)
{
    struct trust_job *j = (struct trust_job *)job;
    resolved_done(&j->target);
    close_fd(&j->found.copy);
    free(j->found.detail);
    trust_free(j->trust);
    free(j->task.call);
    free(j);
}

static void
trust_done(struct job *job, void *ctx)
{
    struct trust_job *j = (struct trust_job *)job;
    struct supervisor *s = ctx;
    onbehalf_returned(s, &j->task);
    if (j->task.result < 0)
        notify_fail(s->o.listener, j->task.call->id, -j->task.result);
    else if (notify_valid(s->o.listener, j->task.call->id))
        open_trusted(s, (struct open_call *)j->task.call, &j->target, &j->found, j->approved);
    trust_drop(job);
}

bool
trust_refuses_nameless(const struct supervisor *s, const struct open_call *c)
{
    return c->steers && s->trust->policy->enforcement == TRUST_DENY;
}

bool
trust_refuses_removed(const struct supervisor *s, const struct open_call *c, const char *path)
{
    return trust_concerns_path(s, c, path) && s->trust->policy->enforcement == TRUST_DENY;
}

void
trust_verify(struct supervisor *s, const struct open_call *c, const struct resolved *r,
             bool approved)
{
    struct trust_job *j = xcalloc(1, sizeof *j);
    *j = (struct trust_job){
        .task = {.job = {.run = trust_run, .done = trust_done, .drop = trust_drop},
                 .call = &open_call_dup(c)->call,
                 .result = -EACCES},
        .s = s,
        .trust = s->trust,
        .deny = s->trust->policy->enforcement == TRUST_DENY,
        .target = {.fd = -1, .object_fd = -1},
        .found = {.copy = -1},
        .approved = approved};
    atomic_fetch_add(&s->trust->users, 1);
    if (resolved_dup(r, &j->target) < 0) {
        notify_fail(s->o.listener, c->call.id, EACCES);
        trust_drop(&j->task.job);
        return;
    }
    onbehalf_submit(s, &j->task);
}

void
trust_hand_over(struct supervisor *s, const struct open_call *c, const struct resolved *r,
                struct trust_result *t)
{
    if (!t || t->copy < 0) {
        onbehalf_open(s, c, r);
        return;
    }
    int ret = notify_give_fd(s->o.listener, c->call.id, t->copy, files_cloexec(c));
    if (ret < 0 && ret != -ENOENT)
        notify_fail(s->o.listener, c->call.id, -ret);
}

void
trust_describe(const struct trust_result *t, struct request *q)
{
    if (!q || !t)
        return;
    free(q->detail);
    q->detail = xasprintf("instruction file, %s", t->detail);
}

void
trust_record(struct supervisor *s, struct request *q, struct trust_result *t)
{
    if (!q || !t->first) {
        request_free(q);
        return;
    }
    struct decision *d = decision_new();
    trust_describe(t, q);
    q->id = pending_next_id(&s->broker.table);
    q->raised_mono_ns = clock_mono_ns();
    q->raised_real_ns = d->real_ns = clock_real_ns();
    q->count = 1;
    request_seal(q);
    d->request = q->id;
    memcpy(d->digest, q->digest, DIGEST_LEN);
    d->verdict = VERDICT_ALLOW;
    d->by = DECIDER_TRUST;
    d->reason = REASON_NONE;
    d->source = xstrdup(t->detail);
    if (!t->verified && s->trust->policy->enforcement == TRUST_WARN) {
        cleanup_free char *shown = display_str(q->resolved, DISPLAY_QUOTE);
        cleanup_free char *text = xasprintf("instruction file %s: %s", shown, t->detail);
        core_notice(s, text);
    }
    if (s->o.record.request(s->o.record.ctx, q) < 0 ||
        s->o.record.decision(s->o.record.ctx, d, NULL, 1, false) < 0)
        core_notice(s, "the record is full: an instruction file was not written down");
}
