// SPDX-License-Identifier: Apache-2.0
#include "control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "peer.h"
#include "registry.h"
#include "util.h"
#include "waiting.h"
#include "wire.h"

#define SNAPSHOT_STEP (256u * 1024) /* a snapshot is written in pieces of about this size */
#define READ_STEP 65536
#define READS_MAX 4    /* pieces read from one client in one turn */
#define ACCEPTS_MAX 16 /* connections taken in one turn */
// A decision that nothing was heard of for so long may be taken anew: it was refused on its way.
// The broker sees to it that a request is decided once only.
#define CLAIM_NS (5 * NS_PER_SEC)

static const struct role {
    const char *name;
    bool may[_VERDICT_MAX];
    bool person; /* somebody looks at it */
} roles[] = {
    {"nono ui", {[VERDICT_ALLOW] = true, [VERDICT_DENY] = true}, true},
    {"plugin", {[VERDICT_ALLOW] = true, [VERDICT_DENY] = true}, true},
    {"nono allow", {[VERDICT_ALLOW] = true}, false},
    {"nono deny", {[VERDICT_DENY] = true}, false},
    {"nono pending", {0}, false},
    {"nono ps", {0}, false},
};

struct conn {
    int fd;                  /* -1: free slot */
    uint64_t serial;         /* never used twice */
    const struct role *role; /* NULL until it has attached */
    bool watch;
    bool synced;
    uint64_t cursor; /* highest request id told */
    size_t scanned;  /* bytes of in without a newline */
    struct buf in, out;
};

struct control {
    char *path;
    int fd;
    struct session_info *info;
    const struct control_ops *ops;
    void *ctx;
    pid_t root;
    uint64_t serial;
    uint64_t deaf_until; /* monotonic: out of descriptors, no connection is taken before */
    struct waiting_list waiting;
    struct stats stats;
    bool have_stats;
    struct conn conns[NONO_CLIENTS_MAX];
    size_t polled[NONO_CLIENTS_MAX]; /* slots of the last control_pollfds() */
};

// --- one client ------------------------------------------------------------------------------

static void
conn_drop(struct conn *k)
{
    close_fd(&k->fd);
    buf_done(&k->in);
    buf_done(&k->out);
    *k = (struct conn){.fd = -1};
}

static void
conn_flush(struct conn *k)
{
    while (k->fd >= 0 && k->out.len) {
        size_t n = k->out.len < SNAPSHOT_STEP ? k->out.len : SNAPSHOT_STEP;
        ssize_t w = send(k->fd, k->out.data, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0 && errno == EAGAIN)
            break;
        if (w < 0)
            conn_drop(k);
        else
            buf_consume(&k->out, (size_t)w);
    }
}

// Last words: what the socket takes at once, then the end.
static void
conn_fail(struct conn *k, int error)
{
    if (k->fd < 0)
        return;
    wire_put_error(&k->out, error, NULL);
    conn_flush(k);
    if (k->fd >= 0)
        conn_drop(k);
}

static void
conn_check_backlog(struct conn *k)
{
    conn_flush(k);
    if (k->fd >= 0 && k->out.len > CONTROL_BACKLOG_MAX)
        conn_drop(k);
}

// Tells the requests that this client does not know yet, as far as it keeps up. They wait in the
// list and not in its buffer: a client that is behind costs no memory and loses nothing.
static void
conn_pump(struct control *c, struct conn *k)
{
    while (k->fd >= 0 && k->role && (k->watch || !k->synced) && k->out.len < SNAPSHOT_STEP) {
        const struct waiting *w = waiting_after(&c->waiting, k->cursor);
        if (w) {
            wire_put_request(&k->out, w->request);
            if (w->last.state != STATE_ASKED && w->last.state != STATE_NEW)
                wire_put_update(&k->out, &w->last);
            k->cursor = w->request->id;
        } else if (!k->synced) {
            if (k->watch && c->have_stats)
                wire_put_stats(&k->out, &c->stats);
            wire_put_synced(&k->out, c->waiting.newest);
            k->synced = true;
        } else {
            break;
        }
        if (k->out.len >= SNAPSHOT_STEP)
            conn_flush(k);
    }
    conn_flush(k);
}

static struct conn *
conn_by_serial(struct control *c, uint64_t serial)
{
    for (size_t i = 0; serial && i < NONO_CLIENTS_MAX; i++)
        if (c->conns[i].fd >= 0 && c->conns[i].serial == serial)
            return &c->conns[i];
    return NULL;
}

static void
send_result(struct control *c, uint64_t serial, uint64_t request, int error)
{
    struct conn *k = conn_by_serial(c, serial);
    if (!k)
        return;
    wire_put_result(&k->out, request, error);
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
    k->watch = m->watch;
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
    if (!k->role->may[d->verdict])
        return -EINVAL;
    // The broker takes nothing else yet, and would have no way to answer.
    if ((d->scope != SCOPE_ONCE && d->scope != SCOPE_SESSION) || d->reach != REACH_OBJECT)
        return -EOPNOTSUPP;
    return 0;
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
handle_line(struct control *c, struct conn *k, const char *line, size_t n)
{
    cleanup_wire_msg struct wire_msg m = {0};
    int r = wire_parse(line, n, &m);
    if (r < 0)
        conn_fail(k, r == -EMSGSIZE ? r : -EPROTO);
    else if (m.type == WIRE_ATTACH && !k->role)
        handle_attach(c, k, &m);
    else if (m.type == WIRE_DECIDE && k->role)
        handle_decide(c, k, m.decision);
    else
        conn_fail(k, -EPROTO);
}

static void
read_lines(struct control *c, struct conn *k)
{
    // A line's handler may drop the client and its buffers: the lines are taken out first.
    struct buf in = k->in;
    size_t done = 0, scanned = k->scanned;
    uint64_t serial = k->serial;
    k->in = (struct buf){0};
    while (k->fd >= 0 && k->serial == serial && scanned < in.len) {
        const char *end = memchr(in.data + scanned, '\n', in.len - scanned);
        if (!end) {
            scanned = in.len;
            break;
        }
        size_t n = (size_t)(end - in.data) - done;
        handle_line(c, k, in.data + done, n);
        done = scanned = done + n + 1;
    }
    if (k->fd >= 0 && k->serial == serial) {
        buf_consume(&in, done);
        k->in = in;
        k->scanned = scanned - done;
        if (k->in.len > NONO_LINE_MAX)
            conn_fail(k, -EMSGSIZE);
    } else {
        buf_done(&in);
    }
}

static void
conn_read(struct control *c, struct conn *k)
{
    char data[READ_STEP];
    for (unsigned i = 0; i < READS_MAX && k->fd >= 0; i++) {
        ssize_t n = recv(k->fd, data, sizeof data, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            conn_drop(k);
            return;
        }
        buf_add(&k->in, data, (size_t)n);
        read_lines(c, k);
    }
}

// --- connections -----------------------------------------------------------------------------

static struct conn *
free_slot(struct control *c)
{
    for (size_t i = 0; i < NONO_CLIENTS_MAX; i++)
        if (c->conns[i].fd < 0)
            return &c->conns[i];
    return NULL;
}

static void
admit(struct control *c, int fd)
{
    struct conn stranger = {.fd = fd};
    struct conn *k = free_slot(c);
    int r = peer_check(fd, c->root);
    if (r < 0 || !k) {
        // Refused before it has a slot: tasks of the sandbox cannot use the slots up.
        conn_fail(&stranger, r < 0 ? r : -EUSERS);
        return;
    }
    *k = (struct conn){.fd = fd, .serial = ++c->serial};
    wire_put_hello(&k->out, c->info, (unsigned)c->waiting.n);
    conn_flush(k);
}

static void
accept_clients(struct control *c)
{
    for (unsigned i = 0; i < ACCEPTS_MAX; i++) {
        int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0)
            admit(c, fd);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            c->deaf_until = clock_mono_ns() + NS_PER_SEC;
        if (fd < 0 && errno != ECONNABORTED && errno != EINTR)
            return;
    }
}

size_t
control_pollfds(struct control *c, struct pollfd *fds)
{
    size_t n = 0;
    bool deaf = c->deaf_until && clock_mono_ns() < c->deaf_until;
    fds[n++] = (struct pollfd){.fd = deaf ? -1 : c->fd, .events = POLLIN};
    for (size_t i = 0; i < NONO_CLIENTS_MAX; i++) {
        const struct conn *k = &c->conns[i];
        if (k->fd < 0)
            continue;
        c->polled[n - 1] = i;
        short events = (short)(POLLIN | (k->out.len ? POLLOUT : 0));
        fds[n++] = (struct pollfd){.fd = k->fd, .events = events};
    }
    return n;
}

void
control_serve(struct control *c, const struct pollfd *fds, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct conn *k = &c->conns[c->polled[i - 1]];
        // New connections are taken last, so an equal number is still the same client.
        if (!fds[i].revents || k->fd != fds[i].fd)
            continue;
        if (fds[i].revents & POLLOUT) {
            conn_flush(k);
            conn_pump(c, k);
        }
        if (k->fd >= 0 && fds[i].revents & (POLLIN | POLLHUP | POLLERR | POLLNVAL))
            conn_read(c, k);
    }
    if (n && fds[0].fd >= 0 && fds[0].revents)
        accept_clients(c);
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
        send_result(c, serial, u->id, u->error);
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
    if (u->state == STATE_NEW || u->state == STATE_ASKED || u->state == STATE_DECIDED)
        return;
    uint64_t serial = w->claimed_by;
    int error = outcome(w, u);
    waiting_remove(&c->waiting, u->id);
    send_result(c, serial, u->id, error);
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

unsigned
control_watchers(const struct control *c)
{
    unsigned n = 0;
    for (size_t i = 0; i < NONO_CLIENTS_MAX; i++) {
        const struct conn *k = &c->conns[i];
        n += k->fd >= 0 && k->role && k->role->person && k->watch;
    }
    return n;
}

// --- life ------------------------------------------------------------------------------------

int
control_listen(const char *path, const struct session_info *info, const struct control_ops *ops,
               void *ctx, struct control **ret_c, struct err *err)
{
    int fd = -1;
    int r = peer_listen(path, &fd, err);
    if (r < 0)
        return r;
    registry_sweep();
    struct control *c = xcalloc(1, sizeof *c);
    c->path = xstrdup(path);
    c->fd = fd;
    c->info = session_info_dup(info);
    c->ops = ops;
    c->ctx = ctx;
    c->root = getpid();
    for (size_t i = 0; i < NONO_CLIENTS_MAX; i++)
        c->conns[i].fd = -1;
    *ret_c = c;
    return 0;
}

struct control *
control_free(struct control *c)
{
    if (!c)
        return NULL;
    for (size_t i = 0; i < NONO_CLIENTS_MAX; i++) {
        struct conn *k = &c->conns[i];
        if (k->fd < 0)
            continue;
        wire_put_bye(&k->out);
        conn_flush(k);
        if (k->fd >= 0)
            conn_drop(k);
    }
    unlink(c->path);
    close(c->fd);
    waiting_done(&c->waiting);
    session_info_free(c->info);
    free(c->path);
    free(c);
    return NULL;
}
