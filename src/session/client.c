// SPDX-License-Identifier: Apache-2.0
#include "client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "bounds.h"
#include "buf.h"
#include "clock.h"
#include "display.h"
#include "peer.h"
#include "util.h"
#include "wire.h"

#define READ_STEP 65536
#define CONNECT_TIMEOUT_S 2

struct client {
    int fd;
    const struct client_ops *ops;
    void *ctx;
    struct session_info *session;
    unsigned waiting;
    bool detached;
    uint64_t newest;
    bool synced;
    int over; /* 0, or -errno once the connection is over */
    char *refusal;
    size_t scanned; /* bytes of in without a newline */
    struct buf in;
};

static int
connect_socket(const char *path, int *ret_fd, struct err *err)
{
    cleanup_free char *shown = display_str(path, DISPLAY_QUOTE);
    cleanup_peer_address struct peer_address a = {.dirfd = -1};
    int r = peer_address_init(&a, path);
    if (r < 0)
        return err_set(err, r, "%s: %s", shown, strerror(-r));
    cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_set(err, -errno, "%s: %s", shown, strerror(errno));
    // A full queue of connections makes connect(2) wait, but not for ever.
    struct timeval wait = {.tv_sec = CONNECT_TIMEOUT_S};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    if (connect(fd, (const struct sockaddr *)&a.un, a.len) < 0) {
        r = -errno;
        if (r == -EACCES || r == -EPERM)
            return err_set(err, r,
                           "%s may not be connected to: a session is controlled from outside of "
                           "its sandbox only, by the user who started it",
                           shown);
        return err_set(err, r, "%s: %s", shown,
                       r == -EAGAIN ? "the session does not answer" : strerror(-r));
    }
    *ret_fd = steal_fd(&fd);
    return 0;
}

static int
send_line(struct client *c, const struct buf *line)
{
    ssize_t n = send(c->fd, line->data, line->len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0)
        return errno == EINTR ? -EAGAIN : -errno;
    // Half a line cannot be taken back: what follows would be misread.
    if ((size_t)n != line->len) {
        shutdown(c->fd, SHUT_RDWR);
        return -EPIPE;
    }
    return 0;
}

int
client_connect(const char *socket_path, const char *role, unsigned wants,
               const struct client_ops *ops, void *ctx, struct client **ret_c, struct err *err)
{
    int fd = -1;
    int r = connect_socket(socket_path, &fd, err);
    if (r < 0)
        return r;
    struct client *c = xcalloc(1, sizeof *c);
    cleanup_buf struct buf line = {0};
    c->fd = fd;
    c->ops = ops;
    c->ctx = ctx;
    wire_put_attach(&line, role, wants & CLIENT_WATCH, wants & CLIENT_GRANTS);
    // A refusal may have come already, and closed the connection: it is there to be read.
    r = send_line(c, &line);
    if (r < 0 && r != -EPIPE && r != -ECONNRESET) {
        client_free(c);
        return err_set(err, r, "the session does not answer: %s", strerror(-r));
    }
    *ret_c = c;
    return 0;
}

struct client *
client_free(struct client *c)
{
    if (!c)
        return NULL;
    close_fd(&c->fd);
    session_info_free(c->session);
    buf_done(&c->in);
    free(c->refusal);
    free(c);
    return NULL;
}

int
client_fd(const struct client *c)
{
    return c->fd;
}

const struct session_info *
client_session(const struct client *c)
{
    return c->session;
}

unsigned
client_waiting(const struct client *c)
{
    return c->waiting;
}

bool
client_is_detached(const struct client *c)
{
    return c->detached;
}

uint64_t
client_newest(const struct client *c)
{
    return c->newest;
}

const char *
client_refusal(const struct client *c)
{
    return c->refusal;
}

static int
client_end(struct client *c, int error, const char *refusal)
{
    if (c->over)
        return c->over;
    c->over = error;
    c->refusal = xstrdup(refusal);
    if (c->ops->closed)
        c->ops->closed(c->ctx);
    return error;
}

static int
take_hello(struct client *c, struct wire_msg *m)
{
    if (m->protocol != WIRE_PROTOCOL)
        return client_end(c, -EPROTONOSUPPORT, wire_error_text(-EPROTONOSUPPORT));
    session_info_free(c->session);
    c->session = steal_pointer(&m->session);
    c->waiting = m->waiting;
    c->detached = m->detached;
    return 0;
}

static void
take_result(const struct client *c, const struct wire_msg *m)
{
    if (m->about == WIRE_DECIDE && c->ops->result)
        c->ops->result(c->ctx, m->id, m->error);
    else if (m->about == WIRE_REVOKE && c->ops->revoked)
        c->ops->revoked(c->ctx, m->id, m->error);
    else if (m->about != WIRE_DECIDE && m->about != WIRE_REVOKE && c->ops->ordered)
        c->ops->ordered(c->ctx, m->error);
}

static int
take_message(struct client *c, struct wire_msg *m)
{
    switch (m->type) {
    case WIRE_HELLO:
        return take_hello(c, m);
    case WIRE_REQUEST:
        if (c->ops->request)
            c->ops->request(c->ctx, steal_pointer(&m->request));
        return 0;
    case WIRE_UPDATE:
        if (c->ops->update)
            c->ops->update(c->ctx, &m->update);
        return 0;
    case WIRE_STATS:
        if (c->ops->stats)
            c->ops->stats(c->ctx, &m->stats);
        return 0;
    case WIRE_SYNCED:
        c->synced = true;
        c->newest = m->id;
        if (c->ops->synced)
            c->ops->synced(c->ctx);
        return 0;
    case WIRE_GRANT:
        if (c->ops->grant)
            c->ops->grant(c->ctx, steal_pointer(&m->grant));
        return 0;
    case WIRE_FROZEN:
        if (c->ops->frozen)
            c->ops->frozen(c->ctx, m->on);
        return 0;
    case WIRE_DETACHED:
        if (c->ops->detached)
            c->ops->detached(c->ctx);
        return 0;
    case WIRE_RESULT:
        take_result(c, m);
        return 0;
    case WIRE_ERROR:
        return client_end(c, m->error, m->text ? m->text : wire_error_text(m->error));
    case WIRE_BYE:
        return client_end(c, -ECONNRESET, NULL);
    case WIRE_OTHER:
    case WIRE_ATTACH:
    case WIRE_DECIDE:
    case WIRE_REVOKE:
    case WIRE_FREEZE:
    case WIRE_STOP:
    case WIRE_TERMINAL:
    case WIRE_RESIZED:
        return 0; // of a later version of the protocol
    }
    return 0;
}

static int
read_lines(struct client *c)
{
    size_t done = 0;
    while (c->scanned < c->in.len && !c->over) {
        const char *end = memchr(c->in.data + c->scanned, '\n', c->in.len - c->scanned);
        if (!end) {
            c->scanned = c->in.len;
            break;
        }
        size_t n = (size_t)(end - c->in.data) - done;
        cleanup_wire_msg struct wire_msg m = {0};
        int r = wire_parse(c->in.data + done, n, &m);
        r = r < 0 ? client_end(c, -EPROTO, "the session sent what is no message")
                  : take_message(c, &m);
        if (r < 0)
            return r;
        done = c->scanned = done + n + 1;
    }
    buf_consume(&c->in, done);
    c->scanned -= done;
    if (c->in.len > NONO_LINE_MAX)
        return client_end(c, -EMSGSIZE, wire_error_text(-EMSGSIZE));
    return 0;
}

int
client_read(struct client *c)
{
    char data[READ_STEP];
    while (!c->over) {
        ssize_t n = recv(c->fd, data, sizeof data, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return 0;
        if (n <= 0)
            return client_end(c, -ECONNRESET, NULL);
        buf_add(&c->in, data, (size_t)n);
        read_lines(c);
    }
    return c->over;
}

int
client_wait_synced(struct client *c, int timeout_ms, struct err *err)
{
    uint64_t end = clock_mono_ns() + (uint64_t)timeout_ms * NS_PER_MS;
    for (;;) {
        int r = client_read(c);
        // Synced counts also where the session ended right behind it.
        if (c->synced)
            return 0;
        if (r < 0)
            return err_set(err, r, "%s", c->refusal ? c->refusal : "the session has ended");
        uint64_t now = clock_mono_ns();
        if (now >= end)
            return err_set(err, -ETIMEDOUT, "the session does not answer");
        struct pollfd pfd = {.fd = c->fd, .events = POLLIN};
        poll(&pfd, 1, (int)((end - now) / NS_PER_MS) + 1);
    }
}

int
client_decide(struct client *c, const struct decision *d)
{
    cleanup_buf struct buf line = {0};
    if (c->over)
        return c->over;
    if (d->note && strlen(d->note) > WIRE_NOTE_MAX)
        return -EMSGSIZE;
    wire_put_decide(&line, d);
    return send_line(c, &line);
}

int
client_revoke(struct client *c, uint64_t grant)
{
    cleanup_buf struct buf line = {0};
    wire_put_revoke(&line, grant);
    return c->over ? c->over : send_line(c, &line);
}

int
client_freeze(struct client *c, bool on)
{
    cleanup_buf struct buf line = {0};
    wire_put_freeze(&line, on);
    return c->over ? c->over : send_line(c, &line);
}

int
client_stop(struct client *c)
{
    cleanup_buf struct buf line = {0};
    wire_put_stop(&line);
    return c->over ? c->over : send_line(c, &line);
}

int
client_show(struct client *c, int in_fd, int out_fd, const char *term)
{
    cleanup_buf struct buf line = {0};
    const int fds[2] = {in_fd, out_fd};
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof fds)];
    } control = {0};
    wire_put_terminal(&line, term);
    struct iovec iov = {.iov_base = line.data, .iov_len = line.len};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.space,
                         .msg_controllen = sizeof control.space};
    struct cmsghdr *h = CMSG_FIRSTHDR(&msg);
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(sizeof fds);
    memcpy(CMSG_DATA(h), fds, sizeof fds);
    if (c->over)
        return c->over;
    ssize_t n = sendmsg(c->fd, &msg, MSG_NOSIGNAL);
    return n < 0 ? -errno : (size_t)n == line.len ? 0 : -EPIPE;
}

int
client_resized(struct client *c)
{
    cleanup_buf struct buf line = {0};
    wire_put_resized(&line);
    return c->over ? c->over : send_line(c, &line);
}

int
client_ask_name(const char *socket_path, int timeout_ms, char **ret_name, struct err *err)
{
    static const struct client_ops ops = {0};
    struct client *c = NULL;
    int r = client_connect(socket_path, "nono ps", 0, &ops, NULL, &c, err);
    if (r < 0)
        return r;
    r = client_wait_synced(c, timeout_ms, err);
    if (r == 0 && c->session)
        *ret_name = xstrdup(c->session->name);
    else if (r == 0)
        r = err_set(err, -EPROTO, "the session does not say what it is");
    client_free(c);
    return r;
}
