// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "bounds.h"
#include "kernel.h"
#include "landlock.h"
#include "notify.h"
#include "sockets.h"
#include "tracee.h"
#include "turns.h"
#include "util.h"

#define CHUNK (256 * 1024) /* of a stream, sent at once */
#define TURN (1024 * 1024) /* bytes */
#define UNREADABLE ((void *)1)

// The address for the kernel: that of the task, or a name that leads to the very object that is
// held (I3).
struct target {
    struct sockaddr_storage addr;
    socklen_t len;
};

static struct target
target_of(const struct socket_call *c, const struct resolved *r)
{
    struct target t = {.len = (socklen_t)c->addr_len};
    memcpy(&t.addr, c->addr, c->addr_len);
    if (r) {
        struct sockaddr_un *un = (struct sockaddr_un *)&t.addr;
        snprintf(un->sun_path, sizeof un->sun_path, "/proc/self/fd/%d", r->fd);
        t.len = sizeof *un;
    }
    return t;
}

// --- binding a path ----------------------------------------------------------------------------

struct bind_job {
    const struct socket_call *c;
    const struct resolved *place;
    int cwd; /* the task's */
    mode_t umask;
    int result;
};

// I3: the socket keeps the name that it is bound by, so that must be the task's; what confines the
// thread for good is that it may make sockets below the held directory only.
static bool
confine_to(int directory)
{
    struct nono_landlock_ruleset_attr attr = {.handled_access_fs = LANDLOCK_ACCESS_FS_MAKE_SOCK};
    struct landlock_path_beneath_attr beneath = {.allowed_access = LANDLOCK_ACCESS_FS_MAKE_SOCK,
                                                 .parent_fd = directory};
    cleanup_fd int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, 8, 0);
    return ruleset >= 0 &&
           syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0 &&
           prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
}

static int
bind_here(const struct bind_job *j)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    size_t len = strlen(j->place->leaf);
    umask(j->umask);
    if (confine_to(j->place->fd) && fchdir(j->cwd) == 0) {
        if (bind(j->c->fd, (const struct sockaddr *)j->c->addr, (socklen_t)j->c->addr_len) == 0)
            return socket_is_at(j->c->fd, j->place) ? 0 : -EACCES;
        if (errno != EACCES && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
            return -errno;
    }
    // Without Landlock, and where the name leads elsewhere for us (/proc/self), the place matters
    // more than the name.
    if (len > sizeof un.sun_path)
        return -ENAMETOOLONG;
    memcpy(un.sun_path, j->place->leaf, len);
    if (fchdir(j->place->fd) < 0 ||
        bind(j->c->fd, (struct sockaddr *)&un,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
        return -errno;
    return 0;
}

static void *
bind_main(void *arg)
{
    struct bind_job *j = arg;
    j->result = unshare(CLONE_FS) < 0 ? -errno : bind_here(j);
    return NULL;
}

// A thread of its own: what confines it can't be taken back. It has the caller's powers.
static int
bind_path(const struct socket_call *c, const struct resolved *place)
{
    char link[40];
    pthread_t thread;
    struct tracee_status st;
    snprintf(link, sizeof link, "/proc/%d/cwd", (int)c->call.tid);
    cleanup_fd int cwd = open(link, O_PATH | O_CLOEXEC | O_DIRECTORY);
    if (cwd < 0 || tracee_read_status(c->call.tid, &st) < 0)
        return -EACCES;
    struct bind_job j = {.c = c, .place = place, .cwd = cwd, .umask = st.umask};
    int ret = pthread_create(&thread, NULL, bind_main, &j);
    if (ret)
        return -ret;
    pthread_join(thread, NULL);
    return j.result;
}

// --- sending -----------------------------------------------------------------------------------

// The part of m that begins at m->sent, at most len bytes, from the task's memory. Its length, or
// -EFAULT.
static ssize_t
copy_part(const struct socket_call *c, const struct message *m, void *buf, size_t len)
{
    struct iovec *remote = xcalloc(m->n_iov + 1, sizeof *remote);
    size_t skip = m->sent, n = 0, want = 0;
    for (size_t i = 0; i < m->n_iov && want < len; i++) {
        struct iovec v = m->iov[i];
        if (skip >= v.iov_len) {
            skip -= v.iov_len;
            continue;
        }
        v.iov_base = (char *)v.iov_base + skip;
        v.iov_len -= skip;
        skip = 0;
        if (v.iov_len > len - want)
            v.iov_len = len - want;
        want += v.iov_len;
        remote[n++] = v;
    }
    struct iovec local = {.iov_base = buf, .iov_len = want};
    ssize_t got = want ? process_vm_readv(c->call.tid, &local, 1, remote, n, 0) : 0;
    free(remote);
    // I8: a killed task's number may be another process's by now, even of one outside.
    if (!notify_valid(c->listener, c->call.id))
        return -EINTR;
    return got == (ssize_t)want ? got : -EFAULT;
}

// One call of the kernel: a whole message, or a part of a stream.
static int
send_part(const struct socket_call *c, struct message *m, const struct target *t, void *buf,
          size_t len, bool now)
{
    ssize_t got = copy_part(c, m, buf, len);
    if (got == -EFAULT) {
        // The kernel looks at the socket before it reads: it shall say what is wrong.
        buf = UNREADABLE;
        got = (ssize_t)len;
    }
    if (got < 0)
        return (int)got;
    struct iovec iov = {.iov_base = buf, .iov_len = (size_t)got};
    struct msghdr h = {.msg_name = t->len ? (void *)&t->addr : NULL,
                       .msg_namelen = t->len,
                       .msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = m->sent ? NULL : m->control,
                       .msg_controllen = m->sent ? 0 : m->control_len};
    unsigned flags = c->flags & ~(unsigned)NONO_MSG_ZEROCOPY;
    // The signal is the task's, not ours.
    int how = (int)(flags | MSG_NOSIGNAL | (now ? MSG_DONTWAIT : 0));
    // An address without a length is an address for sendto(2) alone.
    ssize_t n = c->kind == SOCKET_SENDTO ? sendto(c->fd, buf, (size_t)got, how,
                                                  (const struct sockaddr *)&t->addr, t->len)
                                         : sendmsg(c->fd, &h, how);
    // A connection that was put off until the first bytes (TCP_FASTOPEN_CONNECT).
    if (n < 0 && errno == EINPROGRESS && now && !c->nonblock)
        return -EAGAIN;
    return n < 0 ? -errno : (int)n;
}

static bool
is_stream(const struct socket_call *c)
{
    return c->type == SOCK_STREAM;
}

// 0 when it is sent as far as it goes, or -errno; -NONO_ELATER when it goes on behind *budget.
static int
send_message(const struct socket_call *c, struct message *m, const struct target *t, bool now,
             size_t *budget)
{
    size_t room = m->total;
    if (is_stream(c) && room > CHUNK)
        room = CHUNK;
    if (room > NONO_MESSAGE_MAX)
        return -EMSGSIZE;
    cleanup_free void *buf = xmalloc(room + 1);
    int n;
    do {
        if (*budget == 0)
            return -NONO_ELATER;
        size_t left = m->total - m->sent;
        n = send_part(c, m, t, buf, left < room ? left : room, now);
        if (n > 0)
            m->sent += (size_t)n;
        size_t spent = n > 0 ? (size_t)n : 1;
        *budget -= spent < *budget ? spent : *budget;
    } while (n > 0 && is_stream(c) && m->sent < m->total);
    // What is on its way counts; the rest of a blocking send is for a thread that may wait.
    if (n < 0 && m->sent && !(n == -EAGAIN && now))
        return 0;
    return n < 0 ? n : 0;
}

static bool
may_wait(const struct socket_call *c)
{
    return !c->nonblock && !(c->flags & MSG_DONTWAIT);
}

// -NONO_ELATER when it goes on behind the budget.
static int
do_send(struct socket_call *c, const struct target *t, bool now, size_t budget)
{
    int ret = 0;
    bool whole = true;
    do {
        while (whole && c->done < c->n &&
               (ret = send_message(c, &c->messages[c->done], t, now, &budget)) == 0) {
            whole = c->messages[c->done].sent == c->messages[c->done].total;
            c->done++;
        }
    } while (ret == 0 && whole && c->kind == SOCKET_SENDMMSG && socket_next_messages(c));
    if (ret == -NONO_ELATER || (ret == -EAGAIN && now && may_wait(c)))
        return ret;
    // What went out in part counts, and is the last one (sendmmsg(2) in net/socket.c).
    if (ret < 0 && c->done < c->n && c->messages[c->done].sent)
        c->done++;
    if (c->kind == SOCKET_SENDMMSG)
        return c->before + c->done || ret == 0 ? (int)(c->before + c->done) : ret;
    return ret == 0 || c->messages[0].sent ? (int)c->messages[0].sent : ret;
}

// What can be sent without waiting for the peer is sent in turns, the rest in between.
static int
do_bulky_send(struct socket_call *c, const struct target *t)
{
    // A second try of that would find the first one's connection.
    bool at_once = c->flags & MSG_FASTOPEN;
    int ret;
    do {
        ret = -EAGAIN;
        if (!at_once) {
            turn_take();
            ret = do_send(c, t, true, TURN);
            turn_give();
        }
        if (ret == -EAGAIN && (at_once || may_wait(c)))
            ret = do_send(c, t, false, 1);
        at_once = false;
    } while (ret == -NONO_ELATER);
    return ret;
}

int
socket_tell_lengths(const struct socket_call *c)
{
    size_t at = c->before;
    if (c->done && !notify_valid(c->listener, c->call.id))
        return -EINTR;
    for (size_t i = 0; i < c->done; i++, at++) {
        unsigned len = (unsigned)c->messages[i].sent;
        struct iovec local = {.iov_base = &len, .iov_len = sizeof len};
        struct iovec remote = {.iov_base =
                                   (void *)(uintptr_t)(c->user_vec + at * sizeof(struct mmsghdr) +
                                                       offsetof(struct mmsghdr, msg_len)),
                               .iov_len = sizeof len};
        if (process_vm_writev(c->call.tid, &local, 1, &remote, 1, 0) != sizeof len)
            return at ? (int)at : -EFAULT;
    }
    return (int)at;
}

int
socket_do(struct socket_call *c, const struct resolved *r, bool now)
{
    struct target t;
    switch (c->kind) {
    case SOCKET_CONNECT:
        t = target_of(c, r);
        return connect(c->fd, (struct sockaddr *)&t.addr, t.len) < 0 ? -errno : 0;
    case SOCKET_BIND:
        if (r)
            return bind_path(c, r);
        return bind(c->fd, (const struct sockaddr *)c->addr, (socklen_t)c->addr_len) < 0 ? -errno
                                                                                         : 0;
    case SOCKET_LISTEN:
        return listen(c->fd, (int)c->flags) < 0 ? -errno : 0;
    case SOCKET_SENDTO:
    case SOCKET_SENDMSG:
    case SOCKET_SENDMMSG:
        break;
    }
    t = target_of(c, r);
    return now || !socket_is_bulky(c) ? do_send(c, &t, now, SIZE_MAX) : do_bulky_send(c, &t);
}
