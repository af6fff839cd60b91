// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"
#include "control_internal.h"
#include "util.h"
#include "wire.h"

// A decision that nothing was heard of for so long may be taken anew: it was refused on its way.
// The broker sees to it that a request is decided once only.
#define CLAIM_NS (5 * NS_PER_SEC)

enum may {
    MAY_ALLOW = 1 << 0,
    MAY_DENY = 1 << 1,
    MAY_REVOKE = 1 << 2,
    MAY_FREEZE = 1 << 3,
    MAY_STOP = 1 << 4,
    MAY_ALL = (1 << 5) - 1,
    MAY_SHOW = 1 << 5,
};

struct role {
    const char *name;
    unsigned may; /* bits of enum may */
    bool person;  /* somebody looks at it */
};

static const struct role roles[] = {
    {"nono ui", MAY_ALL, true},         {"plugin", MAY_ALL, true},
    {"nono allow", MAY_ALLOW, false},   {"nono deny", MAY_DENY, false},
    {"nono revoke", MAY_REVOKE, false}, {"nono stop", MAY_STOP, false},
    {"nono attach", MAY_SHOW, false},   {"nono grants", 0, false},
    {"nono pending", 0, false},         {"nono ps", 0, false},
};

bool
conn_is_person(const struct conn *k)
{
    return k->role && k->role->person;
}

static void
send_result(struct control *c, uint64_t serial, uint64_t request, int error)
{
    struct conn *k = conn_by_serial(c, serial);
    if (!k)
        return;
    wire_put_result(&k->out, WIRE_DECIDE, request, error);
    conn_check_backlog(k);
}

// --- what clients say ------------------------------------------------------------------------

static void
handle_attach(struct control *c, struct conn *k, const struct wire_msg *m)
{
    if (m->protocol != WIRE_PROTOCOL) {
        conn_fail(k, -EPROTONOSUPPORT);
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
        if (strcmp(roles[i].name, m->role) == 0)
            k->role = &roles[i];
    if (!k->role) {
        conn_fail(k, -EINVAL);
        return;
    }
    // Before anything that it decides.
    struct ucred peer = {0};
    socklen_t len = sizeof peer;
    int r = getsockopt(k->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 ? -errno : 0;
    if (r == 0 && k->role->may & MAY_ALLOW)
        r = c->ops->approver(c->ctx, peer.pid);
    if (r < 0) {
        conn_fail(k, r);
        return;
    }
    k->watch = m->watch;
    k->grants = m->grants;
    conn_pump(c, k);
}

static int
check_decision(struct control *c, const struct conn *k, const struct decision *d, uint64_t now)
{
    const struct waiting *w = waiting_find(&c->waiting, d->request);
    if (!w)
        return d->request && d->request <= c->waiting.newest ? -EALREADY : -ENOENT;
    if (memcmp(w->request->digest, d->digest, DIGEST_LEN) != 0)
        return -EBADMSG;
    if (w->last.state != STATE_ASKED && w->last.state != STATE_NEW)
        return -EALREADY;
    if (w->claimed_by && now - w->claimed_ns < CLAIM_NS)
        return -EALREADY;
    return k->role->may & (d->verdict == VERDICT_ALLOW ? MAY_ALLOW : MAY_DENY) ? 0 : -EINVAL;
}

static void
handle_decide(struct control *c, const struct conn *k, struct decision *d)
{
    uint64_t serial = k->serial, id = d->request, now = clock_mono_ns();
    int r = check_decision(c, k, d, now);
    struct waiting *w = r == 0 ? waiting_find(&c->waiting, id) : NULL;
    if (w) {
        if (w->claimed_by)
            send_result(c, w->claimed_by, id, -EAGAIN);
        w->claimed_by = serial;
        w->claimed_verdict = d->verdict;
        w->claimed_ns = now;
        // Nothing but the choice is the client's.
        d->by = DECIDER_USER;
        d->reason = d->verdict == VERDICT_ALLOW ? REASON_NONE : REASON_USER_DENIED;
        d->error = d->verdict == VERDICT_ALLOW ? 0 : EACCES;
        d->source = xstrdup(k->role->name);
        d->real_ns = clock_real_ns();
        d->waited_ms =
            now > w->request->raised_mono_ns ? (now - w->request->raised_mono_ns) / NS_PER_MS : 0;
        r = c->ops->decide(c->ctx, d);
        w = waiting_find(&c->waiting, id);
        if (r < 0 && w)
            w->claimed_by = 0;
    }
    if (r < 0)
        send_result(c, serial, id, r);
}

static void
handle_revoke(struct control *c, struct conn *k, uint64_t grant)
{
    int r = !(k->role->may & MAY_REVOKE)      ? -EINVAL
            : k->revoking                     ? -EAGAIN
            : !grants_find(&c->grants, grant) ? -ENOKEY
                                              : c->ops->revoke(c->ctx, grant, k->role->name);
    // The answer comes with the grant's end.
    if (r == 0)
        k->revoking = grant;
    else
        wire_put_result(&k->out, WIRE_REVOKE, grant, r == -ENOENT ? -ENOKEY : r);
    conn_check_backlog(k);
}

static void
handle_order(struct control *c, struct conn *k, const struct wire_msg *m)
{
    int r = k->role->may & (m->type == WIRE_FREEZE ? MAY_FREEZE : MAY_STOP) ? 0 : -EINVAL;
    if (r == 0 && m->type == WIRE_FREEZE)
        r = c->ops->freeze(c->ctx, m->on);
    else if (r == 0)
        c->ops->stop(c->ctx);
    wire_put_result(&k->out, m->type, 0, r);
    conn_check_backlog(k);
}

static void
handle_terminal(struct control *c, struct conn *k, const struct wire_msg *m)
{
    uint64_t serial = k->serial;
    int r = !(k->role->may & MAY_SHOW) ? -EINVAL : k->fds[1] < 0 ? -ENXIO : 0;
    if (r == 0)
        r = c->ops->terminal(c->ctx, steal_fd(&k->fds[0]), steal_fd(&k->fds[1]), m->term);
    if (r == 0)
        c->terminal = serial;
    wire_put_result(&k->out, WIRE_TERMINAL, 0, r);
    conn_check_backlog(k);
}

void
control_line(struct control *c, struct conn *k, const char *line, size_t n)
{
    cleanup_wire_msg struct wire_msg m = {0};
    int r = wire_parse(line, n, &m);
    if (r < 0)
        conn_fail(k, r == -EMSGSIZE ? r : -EPROTO);
    else if (m.type == WIRE_ATTACH && !k->role)
        handle_attach(c, k, &m);
    else if (m.type == WIRE_DECIDE && k->role)
        handle_decide(c, k, m.decision);
    else if (m.type == WIRE_REVOKE && k->role)
        handle_revoke(c, k, m.id);
    else if ((m.type == WIRE_FREEZE || m.type == WIRE_STOP) && k->role)
        handle_order(c, k, &m);
    else if (m.type == WIRE_TERMINAL && k->role)
        handle_terminal(c, k, &m);
    else if (m.type == WIRE_RESIZED && k->serial == c->terminal)
        c->ops->resized(c->ctx);
    else if (m.type != WIRE_RESIZED || !k->role)
        conn_fail(k, -EPROTO);
}

// --- what clients are told -------------------------------------------------------------------

void
control_request(struct control *c, const struct request *r)
{
    waiting_add(&c->waiting, r);
    for (size_t i = 0; i < NONO_CLIENTS_MAX; i++)
        if (c->conns[i].fd >= 0 && c->conns[i].watch)
            conn_pump(c, &c->conns[i]);
}

// What the client that took a decision is told when its request has come to an end.
static int
outcome(const struct waiting *w, const struct request_update *u)
{
    if (u->state == STATE_WITHDRAWN || u->state == STATE_EXPIRED)
        return -EALREADY;
    if ((int)u->verdict < 0 || u->verdict == w->claimed_verdict)
        return 0;
    return u->by == DECIDER_USER ? -EALREADY : -EIO;
}

void
control_update(struct control *c, const struct request_update *u)
{
    struct waiting *w = waiting_find(&c->waiting, u->id);
    if (u->error) {
        uint64_t serial = w ? w->claimed_by : 0;
        if (w)
            w->claimed_by = 0;
        // -EINVAL is said of roles.
        send_result(c, serial, u->id, u->error == -EINVAL ? -EOPNOTSUPP : u->error);
        return;
    }
    for (size_t i = 0; i < NONO_CLIENTS_MAX; i++) {
        struct conn *k = &c->conns[i];
        if (k->fd < 0 || !k->role || !k->watch || k->cursor < u->id)
            continue;
        wire_put_update(&k->out, u);
        conn_check_backlog(k);
    }
    if (!w)
        return;
    w->last = *u;
    if (u->count)
        w->request->count = u->count;
    if (u->deadline_mono_ns)
        w->request->deadline_mono_ns = u->deadline_mono_ns;
    if (u->state == STATE_NEW || u->state == STATE_ASKED || u->state == STATE_DECIDED)
        return;
    uint64_t serial = w->claimed_by;
    int error = outcome(w, u);
    waiting_remove(&c->waiting, u->id);
    send_result(c, serial, u->id, error);
}

void
control_grant(struct control *c, const struct grant *g)
{
    // That it was used is worth nothing to a client that is behind.
    bool news = g->state != GRANT_LIVE || !grants_find(&c->grants, g->id);
    grants_take(&c->grants, grant_dup(g));
    for (size_t i = 0; i < NONO_CLIENTS_MAX; i++) {
        struct conn *k = &c->conns[i];
        if (k->fd < 0 || !k->role)
            continue;
        // In the order of things: its end first, then that the order was carried out.
        if (k->grants && k->synced && k->watch && (news || !k->out.len))
            wire_put_grant(&k->out, g);
        if (k->revoking == g->id && g->state != GRANT_LIVE) {
            k->revoking = 0;
            wire_put_result(&k->out, WIRE_REVOKE, g->id, 0);
        }
        conn_check_backlog(k);
    }
}

void
control_frozen(struct control *c, bool on)
{
    c->frozen = on;
    for (size_t i = 0; i < NONO_CLIENTS_MAX; i++) {
        struct conn *k = &c->conns[i];
        if (k->fd < 0 || !k->watch || !k->synced)
            continue;
        wire_put_frozen(&k->out, on);
        conn_check_backlog(k);
    }
}

void
control_detached(struct control *c, bool detached)
{
    struct conn *k = detached ? conn_by_serial(c, c->terminal) : NULL;
    c->detached = detached;
    c->terminal = 0;
    if (!k)
        return;
    wire_put_detached(&k->out);
    conn_check_backlog(k);
}

void
control_each_request(const struct control *c,
                     void (*fn)(void *ctx, const struct request *r,
                                const struct request_update *last),
                     void *ctx)
{
    for (size_t i = 0; i < c->waiting.n; i++)
        fn(ctx, c->waiting.rows[i].request, &c->waiting.rows[i].last);
}

void
control_stats(struct control *c, const struct stats *s)
{
    c->stats = *s;
    c->have_stats = true;
    for (size_t i = 0; i < NONO_CLIENTS_MAX; i++) {
        struct conn *k = &c->conns[i];
        // A snapshot of counters is worth nothing to a client that is behind.
        if (k->fd < 0 || !k->watch || !k->synced || k->out.len)
            continue;
        wire_put_stats(&k->out, s);
        conn_flush(k);
    }
}
