// SPDX-License-Identifier: Apache-2.0
#include "control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "control_internal.h"
#include "peer.h"
#include "registry.h"
#include "util.h"
#include "wire.h"

#define SNAPSHOT_STEP (256u * 1024) /* a snapshot is written in pieces of about this size */
#define READ_STEP 65536
#define READS_MAX 4    /* pieces read from one client in one turn */
#define ACCEPTS_MAX 16 /* connections taken in one turn */

// --- one client ------------------------------------------------------------------------------

void
conn_drop(struct conn *k)
{
    close_fd(&k->fd);
    close_fd(&k->fds[0]);
    close_fd(&k->fds[1]);
    buf_done(&k->in);
    buf_done(&k->out);
    *k = (struct conn){.fd = -1, .fds = {-1, -1}};
}

void
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

void
conn_fail(struct conn *k, int error)
{
    if (k->fd < 0)
        return;
    wire_put_error(&k->out, error, NULL);
    conn_flush(k);
    if (k->fd >= 0)
        conn_drop(k);
}

void
conn_check_backlog(struct conn *k)
{
    conn_flush(k);
    if (k->fd >= 0 && k->out.len > CONTROL_BACKLOG_MAX)
        conn_drop(k);
}

void
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
            if (k->watch && c->frozen)
                wire_put_frozen(&k->out, true);
            for (size_t i = 0; k->grants && i < c->grants.n; i++)
                wire_put_grant(&k->out, c->grants.list[i]);
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

struct conn *
conn_by_serial(struct control *c, uint64_t serial)
{
    for (size_t i = 0; serial && i < NONO_CLIENTS_MAX; i++)
        if (c->conns[i].fd >= 0 && c->conns[i].serial == serial)
            return &c->conns[i];
    return NULL;
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
        control_line(c, k, in.data + done, n);
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

// Descriptors that come along: a terminal's two; what else there is is closed.
static void
take_fds(struct conn *k, struct msghdr *msg)
{
    for (struct cmsghdr *h = CMSG_FIRSTHDR(msg); h; h = CMSG_NXTHDR(msg, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(h) + i * sizeof fd, sizeof fd);
            int *slot = k->fds[0] < 0 ? &k->fds[0] : k->fds[1] < 0 ? &k->fds[1] : NULL;
            if (slot)
                *slot = fd;
            else
                close(fd);
        }
    }
}

static ssize_t
conn_receive(struct conn *k, void *data, size_t n)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(2 * sizeof(int))];
    } control;
    struct iovec iov = {.iov_base = data, .iov_len = n};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.space,
                         .msg_controllen = sizeof control.space};
    ssize_t r = recvmsg(k->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (r >= 0)
        take_fds(k, &msg);
    return r;
}

static void
conn_read(struct control *c, struct conn *k)
{
    char data[READ_STEP];
    for (unsigned i = 0; i < READS_MAX && k->fd >= 0; i++) {
        ssize_t n = conn_receive(k, data, sizeof data);
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
    struct conn stranger = {.fd = fd, .fds = {-1, -1}};
    struct conn *k = free_slot(c);
    int r = peer_check(fd, c->root);
    if (r < 0 || !k) {
        // Refused before it has a slot: tasks of the sandbox cannot use the slots up.
        conn_fail(&stranger, r < 0 ? r : -EUSERS);
        return;
    }
    *k = (struct conn){.fd = fd, .fds = {-1, -1}, .serial = ++c->serial};
    wire_put_hello(&k->out, c->info, (unsigned)c->waiting.n, c->detached);
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
    if (c->terminal && !conn_by_serial(c, c->terminal)) {
        c->terminal = 0;
        c->ops->terminal_gone(c->ctx);
    }
}

size_t
control_waiting(const struct control *c)
{
    return c->waiting.n;
}

unsigned
control_watchers(const struct control *c)
{
    unsigned n = 0;
    for (size_t i = 0; i < NONO_CLIENTS_MAX; i++) {
        const struct conn *k = &c->conns[i];
        n += k->fd >= 0 && k->watch && conn_is_person(k);
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
        c->conns[i] = (struct conn){.fd = -1, .fds = {-1, -1}};
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
    grants_done(&c->grants);
    session_info_free(c->info);
    free(c->path);
    free(c);
    return NULL;
}
