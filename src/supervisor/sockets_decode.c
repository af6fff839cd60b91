// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bounds.h"
#include "closer.h"
#include "kernel.h"
#include "sockets.h"
#include "tracee.h"
#include "util.h"

#define BATCH 16          /* messages of sendmmsg(2) that are taken in at a time */
#define BULK (128 * 1024) /* bytes */

static atomic_size_t charged; /* of NONO_SENDS_MAX */

static void
message_done(struct message *m)
{
    for (size_t i = 0; i < m->n_fds; i++)
        close(m->fds[i]);
    free(m->fds);
    free(m->control);
    free(m->iov);
}

void
socket_call_close(struct socket_call *c)
{
    for (size_t i = 0; i < c->n; i++)
        message_done(&c->messages[i]);
    free(c->messages);
    c->messages = NULL;
    c->n = 0;
    atomic_fetch_sub(&charged, c->charged);
    c->charged = 0;
    close_fd(&c->fd);
}

struct socket_call *
socket_call_move(struct socket_call *c)
{
    struct socket_call *moved = xmemdup(c, sizeof *c);
    c->messages = NULL;
    c->n = c->charged = 0;
    c->fd = -1;
    return moved;
}

enum op
socket_op(const struct socket_call *c)
{
    // A datagram ignores the flag: its AF_UNSPEC is an address, that of a connection is none.
    if (c->kind == SOCKET_CONNECT || (c->kind >= SOCKET_SENDTO && c->flags & MSG_FASTOPEN &&
                                      c->type == SOCK_STREAM && c->domain != AF_UNIX))
        return OP_CONNECT;
    return c->kind == SOCKET_BIND || c->kind == SOCKET_LISTEN ? OP_BIND : OP_SEND;
}

// A thread may have a table of descriptors of its own; before Linux 6.9 only that of its group's
// leader can be reached, and the number may mean another file there.
static bool
is_same_file(pid_t tid, int fd, int duplicate)
{
    char link[48];
    struct stat theirs, ours;
    snprintf(link, sizeof link, "/proc/%d/fd/%d", (int)tid, fd);
    return stat(link, &theirs) == 0 && fstat(duplicate, &ours) == 0 &&
           theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

static int
steal_error(void)
{
    if (errno == EMFILE || errno == ENFILE)
        return -EMFILE;
    return errno == EBADF || errno == EPERM ? -errno : -EACCES;
}

int
socket_steal_fd(pid_t tid, int fd)
{
    cleanup_fd int thread = (int)syscall(SYS_pidfd_open, tid, NONO_PIDFD_THREAD);
    bool leader = thread < 0;
    struct tracee_status st;
    if (leader && tracee_read_status(tid, &st) == 0)
        thread = (int)syscall(SYS_pidfd_open, st.tgid, 0);
    if (thread < 0)
        return steal_error() == -EMFILE ? -EMFILE : -EACCES;
    int ret = (int)syscall(SYS_pidfd_getfd, thread, fd, 0);
    if (ret < 0)
        return steal_error();
    if (leader && !is_same_file(tid, fd, ret)) {
        closer_close_fd(ret);
        return -EBADF;
    }
    return ret;
}

static int
read_option(int fd, int option)
{
    int value = 0;
    socklen_t len = sizeof value;
    return getsockopt(fd, SOL_SOCKET, option, &value, &len) < 0 ? -1 : value;
}

static int
take_socket(pid_t tid, int fd, struct socket_call *c)
{
    struct stat st;
    c->fd = socket_steal_fd(tid, fd);
    if (c->fd < 0)
        return -c->fd;
    int flags = fcntl(c->fd, F_GETFL);
    if (flags < 0 || flags & O_PATH)
        return EBADF;
    if (fstat(c->fd, &st) < 0 || !S_ISSOCK(st.st_mode))
        return ENOTSOCK;
    c->domain = read_option(c->fd, SO_DOMAIN);
    c->type = read_option(c->fd, SO_TYPE);
    c->protocol = read_option(c->fd, SO_PROTOCOL);
    c->nonblock = flags & O_NONBLOCK;
    return 0;
}

// len: as the kernel takes it, an int. 0 or an errno.
static int
copy_address(pid_t tid, uint64_t addr, int len, struct socket_call *c)
{
    if (len < 0 || (size_t)len > sizeof c->addr)
        return EINVAL;
    c->addr_len = (size_t)len;
    int ret = len ? tracee_read(tid, addr, c->addr, c->addr_len) : 0;
    return ret < 0 ? (ret == -EFAULT ? EFAULT : EACCES) : 0;
}

// --- messages ----------------------------------------------------------------------------------

// The same as the kernel's rw_copy_check_uvector().
static int
copy_iov(pid_t tid, uint64_t addr, uint64_t n, struct message *m)
{
    if (n > UIO_MAXIOV)
        return EMSGSIZE;
    m->iov = n ? xcalloc((size_t)n, sizeof *m->iov) : NULL;
    m->n_iov = (size_t)n;
    if (n && tracee_read(tid, addr, m->iov, (size_t)n * sizeof *m->iov) < 0)
        return EFAULT;
    for (size_t i = 0; i < m->n_iov; i++) {
        if ((ssize_t)m->iov[i].iov_len < 0)
            return EINVAL;
        if (m->iov[i].iov_len > INT_MAX - m->total)
            m->iov[i].iov_len = INT_MAX - m->total;
        m->total += m->iov[i].iov_len;
    }
    return 0;
}

static int
own_descriptors(pid_t tid, struct cmsghdr *h, struct message *m)
{
    size_t n = (h->cmsg_len - sizeof *h) / sizeof(int);
    int *fds = (int *)CMSG_DATA(h);
    if (m->n_fds + n > 253) // SCM_MAX_FD
        return EINVAL;
    m->fds = xrealloc(m->fds, (m->n_fds + n + 1) * sizeof *m->fds);
    for (size_t i = 0; i < n; i++) {
        int fd = socket_steal_fd(tid, fds[i]);
        if (fd < 0)
            return fd == -EBADF || fd == -EMFILE ? -fd : EACCES;
        m->fds[m->n_fds++] = fds[i] = fd;
    }
    return 0;
}

// The task names itself; from us the kernel takes only our own name for that.
static void
own_credentials(pid_t tid, struct cmsghdr *h)
{
    struct ucred cred;
    struct tracee_status st;
    memcpy(&cred, CMSG_DATA(h), sizeof cred);
    if (tracee_read_status(tid, &st) == 0 && cred.pid == st.tgid)
        cred.pid = getpid();
    memcpy(CMSG_DATA(h), &cred, sizeof cred);
}

// Source routes lead a packet elsewhere than to the address that is judged.
static bool
leads_elsewhere(const struct cmsghdr *h)
{
    if (h->cmsg_level == IPPROTO_IP)
        return h->cmsg_type == IP_RETOPTS;
    return h->cmsg_level == IPPROTO_IPV6 &&
           (h->cmsg_type == IPV6_RTHDR || h->cmsg_type == IPV6_2292RTHDR);
}

static int
copy_control(pid_t tid, uint64_t addr, uint64_t len, struct message *m)
{
    if (len > NONO_CONTROL_MAX)
        return ENOBUFS;
    if (len == 0)
        return 0;
    m->control = xcalloc(1, (size_t)len + sizeof(struct cmsghdr));
    m->control_len = (size_t)len;
    if (tracee_read(tid, addr, m->control, m->control_len) < 0)
        return EFAULT;
    // As the kernel walks it: for_each_cmsghdr() with CMSG_OK(); it fails where this stops.
    size_t at = 0;
    while (m->control_len - at >= sizeof(struct cmsghdr)) {
        struct cmsghdr *h = (struct cmsghdr *)((char *)m->control + at);
        if (h->cmsg_len < sizeof *h || h->cmsg_len > m->control_len - at)
            return EINVAL;
        if (leads_elsewhere(h))
            return EPERM;
        int ret = 0;
        if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS)
            ret = own_descriptors(tid, h, m);
        else if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_CREDENTIALS &&
                 h->cmsg_len == CMSG_LEN(sizeof(struct ucred)))
            own_credentials(tid, h);
        if (ret)
            return ret;
        size_t step = CMSG_ALIGN(h->cmsg_len);
        if (step > m->control_len - at)
            break;
        at += step;
    }
    return 0;
}

// *ret_h: as copied once. 0 or an errno; the name is not taken in.
static int
copy_message(pid_t tid, uint64_t addr, struct message *m, struct msghdr *ret_h)
{
    if (tracee_read(tid, addr, ret_h, sizeof *ret_h) < 0)
        return EFAULT;
    if (!ret_h->msg_name)
        ret_h->msg_namelen = 0;
    if ((int)ret_h->msg_namelen < 0)
        return EINVAL;
    if (ret_h->msg_namelen > sizeof(struct sockaddr_storage))
        ret_h->msg_namelen = sizeof(struct sockaddr_storage);
    int ret = copy_iov(tid, (uintptr_t)ret_h->msg_iov, ret_h->msg_iovlen, m);
    return ret ? ret : copy_control(tid, (uintptr_t)ret_h->msg_control, ret_h->msg_controllen, m);
}

static int
copy_name(pid_t tid, const struct msghdr *h, uint8_t *addr)
{
    if (h->msg_namelen == 0)
        return 0;
    return tracee_read(tid, (uintptr_t)h->msg_name, addr, h->msg_namelen) < 0 ? EFAULT : 0;
}

static int
decode_sendto(const struct seccomp_notif *n, struct socket_call *c)
{
    const __u64 *a = n->data.args;
    struct message *m = &c->messages[c->n++];
    m->iov = xmalloc(sizeof *m->iov);
    *m->iov = (struct iovec){.iov_base = (void *)(uintptr_t)a[1],
                             .iov_len = a[2] > INT_MAX ? INT_MAX : (size_t)a[2]};
    m->n_iov = 1;
    m->total = m->iov->iov_len;
    return copy_address((pid_t)n->pid, a[4], (int)a[5], c);
}

static int
decode_sendmsg(const struct seccomp_notif *n, struct socket_call *c)
{
    struct msghdr h;
    pid_t tid = (pid_t)n->pid;
    int ret = copy_message(tid, n->data.args[1], &c->messages[c->n++], &h);
    // EMFILE: for the record.
    if (ret && ret != EMFILE)
        return ret;
    int error = copy_name(tid, &h, c->addr);
    c->addr_len = error ? 0 : h.msg_namelen;
    return ret ? ret : error;
}

static void
drop_last(struct socket_call *c)
{
    struct socket_call last = {
        .fd = -1, .messages = xmemdup(&c->messages[--c->n], sizeof *c->messages), .n = 1};
    closer_close(&last);
}

// Takes in the next messages of the batch, up to the first with another address: a batch may be
// sent in part, and the rest comes again with an address of its own. What is wrong with a later
// message is told when it is the first.
static int
take_batch(struct socket_call *c)
{
    size_t max = c->rest < BATCH ? c->rest : BATCH, control = 0, iovs = 0;
    c->messages = xcalloc(max, sizeof *c->messages);
    for (; c->n < max; c->rest--) {
        struct msghdr h;
        uint8_t name[sizeof c->addr];
        size_t at = c->before + c->n;
        struct message *m = &c->messages[c->n++];
        int ret = copy_message(c->call.tid, c->user_vec + at * sizeof(struct mmsghdr), m, &h);
        if (ret == 0)
            ret = copy_name(c->call.tid, &h, name);
        if (at == 0 && ret)
            return ret;
        if (at == 0) {
            c->addr_len = h.msg_namelen;
            memcpy(c->addr, name, c->addr_len);
        } else if (ret || h.msg_namelen != c->addr_len || memcmp(name, c->addr, c->addr_len) != 0) {
            drop_last(c);
            c->rest = 0;
            return 0;
        } else if (c->n > 1 && (control + m->control_len > NONO_CONTROL_MAX / 64 ||
                                iovs + m->n_iov > UIO_MAXIOV)) {
            drop_last(c);
            return 0;
        }
        control += m->control_len;
        iovs += m->n_iov;
    }
    return 0;
}

static int
decode_messages(const struct seccomp_notif *n, struct socket_call *c)
{
    const __u64 *a = n->data.args;
    bool batch = c->kind == SOCKET_SENDMMSG;
    if (batch)
        c->rest = (unsigned)a[2] > UIO_MAXIOV ? UIO_MAXIOV : (unsigned)a[2];
    if (batch && c->rest == 0)
        return 0;
    c->flags = (unsigned)(c->kind == SOCKET_SENDMSG ? a[2] : a[3]);
    // The pages would have to stay as they are until the network is through with them.
    if (c->flags & NONO_MSG_ZEROCOPY && read_option(c->fd, SO_ZEROCOPY) > 0)
        return ENOBUFS;
    if (batch) {
        c->user_vec = a[1];
        return take_batch(c);
    }
    c->messages = xcalloc(1, sizeof *c->messages);
    return c->kind == SOCKET_SENDTO ? decode_sendto(n, c) : decode_sendmsg(n, c);
}

// However many calls wait, what they hold is bounded.
static int
charge(struct socket_call *c)
{
    size_t bytes = c->n * sizeof *c->messages;
    for (size_t i = 0; i < c->n; i++)
        bytes += c->messages[i].control_len + c->messages[i].n_iov * sizeof(struct iovec);
    c->messages = c->n ? xrealloc(c->messages, c->n * sizeof *c->messages) : c->messages;
    c->charged = bytes;
    return atomic_fetch_add(&charged, bytes) + bytes > NONO_SENDS_MAX ? ENOMEM : 0;
}

int
socket_decode_messages(const struct seccomp_notif *n, struct socket_call *c)
{
    int ret = decode_messages(n, c);
    return ret ? ret : charge(c);
}

bool
socket_next_messages(struct socket_call *c)
{
    // Where the task's memory takes no lengths the batch ends, as natively.
    if (c->rest == 0 || socket_tell_lengths(c) != (int)(c->before + c->n))
        return false;
    struct socket_call sent = {.fd = -1, .messages = c->messages, .n = c->n, .charged = c->charged};
    c->before += c->n;
    c->n = c->done = c->charged = 0;
    c->messages = NULL;
    closer_close(&sent);
    return take_batch(c) == 0 && charge(c) == 0 && c->n > 0;
}

bool
socket_is_bulky(const struct socket_call *c)
{
    size_t bytes = 0;
    for (size_t i = 0; i < c->n; i++)
        bytes += c->messages[i].total;
    return c->rest > 0 || bytes > BULK;
}

static enum socket_kind
kind_of(int nr)
{
    switch (nr) {
    case SYS_connect:
        return SOCKET_CONNECT;
    case SYS_bind:
        return SOCKET_BIND;
    case SYS_listen:
        return SOCKET_LISTEN;
    case SYS_sendto:
        return SOCKET_SENDTO;
    case SYS_sendmsg:
        return SOCKET_SENDMSG;
    default:
        return SOCKET_SENDMMSG;
    }
}

// The filter makes no others, but a descriptor of one may have been passed in.
static bool
is_known(const struct socket_call *c)
{
    if (c->domain == AF_UNIX)
        return true;
    if (c->domain == AF_NETLINK)
        return c->protocol == 0; // NETLINK_ROUTE
    if ((c->domain != AF_INET && c->domain != AF_INET6) ||
        (c->type != SOCK_STREAM && c->type != SOCK_DGRAM))
        return false;
    switch (c->protocol) {
    case IPPROTO_ICMP:
    case IPPROTO_TCP:
    case IPPROTO_UDP:
    case IPPROTO_ICMPV6:
    case IPPROTO_UDPLITE:
    case IPPROTO_MPTCP:
        return true;
    default:
        return false;
    }
}

// Of a socket that cannot be looked at: what the address says by itself, for the record.
static void
parse_unseen(const __u64 *a, struct socket_call *c)
{
    bool send = c->kind == SOCKET_SENDTO;
    sa_family_t family;
    if ((c->kind > SOCKET_BIND && !send) ||
        copy_address(c->call.tid, a[send ? 4 : 1], (int)a[send ? 5 : 2], c) != 0 ||
        c->addr_len < sizeof family)
        return;
    memcpy(&family, c->addr, sizeof family);
    sockaddr_parse(c->addr, c->addr_len, family, send ? SOCK_DGRAM : SOCK_STREAM, socket_op(c),
                   &c->to);
}

int
socket_decode(int listener, const struct call_row *row, const struct seccomp_notif *n,
              struct socket_call *ret_c)
{
    struct socket_call *c = ret_c;
    const __u64 *a = n->data.args;
    *c = (struct socket_call){.call = {.row = row, .id = n->id, .tid = (pid_t)n->pid},
                              .kind = kind_of(row->nr),
                              .fd = -1,
                              .listener = listener};
    int ret = take_socket(c->call.tid, (int)a[0], c);
    if (ret == EPERM)
        parse_unseen(a, c);
    if (ret)
        return ret;
    if (c->kind == SOCKET_LISTEN)
        c->flags = (unsigned)a[1];
    else if (c->kind < SOCKET_LISTEN)
        ret = copy_address(c->call.tid, a[1], (int)a[2], c);
    else
        ret = socket_decode_messages(n, c);
    if (ret == 0 && c->addr_len && !is_known(c))
        ret = EACCES;
    if (ret == 0 || (ret == EMFILE && c->addr_len))
        sockaddr_parse(c->addr, c->addr_len, c->domain, c->type, socket_op(c), &c->to);
    return ret;
}

size_t
socket_peek(const struct socket_call *c, void *buf, size_t len)
{
    if (c->n == 0 || c->messages[0].n_iov == 0)
        return 0;
    struct iovec local = {.iov_base = buf, .iov_len = len};
    ssize_t n = process_vm_readv(c->call.tid, &local, 1, c->messages[0].iov,
                                 c->messages[0].n_iov < 16 ? c->messages[0].n_iov : 16, 0);
    return n > 0 ? (size_t)n : 0;
}
