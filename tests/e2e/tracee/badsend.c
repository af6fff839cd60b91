// SPDX-License-Identifier: Apache-2.0
// badsend - sends what cannot be read over sockets in every state, by every call, and says what
// each came to: the kernel looks at the socket first.
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_in server = {.sin_family = AF_INET};
static struct sockaddr_in6 server6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};

static int acceptor;

static int
connected(int type)
{
    static int peer = -1;
    int fd = socket(AF_INET, type, 0);
    if (connect(fd, (struct sockaddr *)&server, sizeof server) < 0)
        return -1;
    // The queue of the server has an end.
    if (type == SOCK_STREAM) {
        close(peer);
        peer = accept(acceptor, NULL, NULL);
    }
    return fd;
}

static int
half_closed(void)
{
    int fd = connected(SOCK_STREAM);
    shutdown(fd, SHUT_WR);
    return fd;
}

static int
listening(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return bind(fd, (struct sockaddr *)&any, sizeof any) < 0 || listen(fd, 1) < 0 ? -1 : fd;
}

static int
pair(int type, int close_peer)
{
    int fd[2];
    if (socketpair(AF_UNIX, type, 0, fd) < 0)
        return -1;
    if (close_peer)
        close(fd[1]);
    return fd[0];
}

static const char *const states[] = {"stream",
                                     "connected stream",
                                     "half closed",
                                     "listening",
                                     "datagram",
                                     "connected datagram",
                                     "datagram6",
                                     "unix",
                                     "unix datagram",
                                     "unix pair",
                                     "unix pair gone",
                                     "unix datagrams",
                                     "unix datagrams gone",
                                     "unix packets",
                                     "unix packets gone"};
#define STATES (sizeof states / sizeof *states)

static int
make(size_t state)
{
    switch (state) {
    case 0:
        return socket(AF_INET, SOCK_STREAM, 0);
    case 1:
        return connected(SOCK_STREAM);
    case 2:
        return half_closed();
    case 3:
        return listening();
    case 4:
        return socket(AF_INET, SOCK_DGRAM, 0);
    case 5:
        return connected(SOCK_DGRAM);
    case 6:
        return socket(AF_INET6, SOCK_DGRAM, 0);
    case 7:
        return socket(AF_UNIX, SOCK_STREAM, 0);
    case 8:
        return socket(AF_UNIX, SOCK_DGRAM, 0);
    default:
        return pair(state < 11   ? SOCK_STREAM
                    : state < 13 ? SOCK_DGRAM
                                 : SOCK_SEQPACKET,
                    state % 2 == 0);
    }
}

static const char *const calls[] = {"sendto", "sendmsg", "sendmmsg"};

static ssize_t
send_by(size_t call, int fd, void *name, socklen_t len, struct iovec *v, int flags)
{
    struct mmsghdr m = {.msg_hdr = {.msg_name = name, .msg_namelen = len, .msg_iov = v}};
    m.msg_hdr.msg_iovlen = 1;
    switch (call) {
    case 0:
        return sendto(fd, v->iov_base, v->iov_len, flags, name, len);
    case 1:
        return sendmsg(fd, &m.msg_hdr, flags);
    default:
        return sendmmsg(fd, &m, 1, flags);
    }
}

static void
try_all(size_t state, void *name, socklen_t len, const char *to)
{
    static const int flags[] = {0, MSG_OOB, MSG_EOR, MSG_DONTWAIT, MSG_MORE, MSG_DONTROUTE};
    static const size_t lengths[] = {1, 5000, 70000};
    void *bad = mmap(NULL, 100000, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (size_t call = 0; call < 3; call++)
        for (size_t f = 0; f < sizeof flags / sizeof *flags; f++)
            for (size_t l = 0; l < 3; l++) {
                int fd = make(state);
                struct iovec v = {.iov_base = bad, .iov_len = lengths[l]};
                ssize_t n = send_by(call, fd, name, len, &v, flags[f] | MSG_NOSIGNAL);
                printf("%s %s%s 0x%x %zu: %s\n", calls[call], states[state], to, flags[f],
                       lengths[l], n < 0 ? strerrorname_np(errno) : "sent");
                close(fd);
            }
    munmap(bad, 100000);
}

int
main(void)
{
    struct sockaddr_un there = {.sun_family = AF_UNIX, .sun_path = "some.sock"};
    socklen_t len = sizeof server;
    int datagram = socket(AF_INET, SOCK_DGRAM, 0);
    acceptor = socket(AF_INET, SOCK_STREAM, 0);
    signal(SIGPIPE, SIG_IGN);
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(acceptor, (struct sockaddr *)&server, sizeof server) < 0 ||
        listen(acceptor, 100) < 0 || getsockname(acceptor, (struct sockaddr *)&server, &len) < 0 ||
        bind(datagram, (struct sockaddr *)&server, sizeof server) < 0)
        return 1;
    unlink(there.sun_path);
    if (bind(socket(AF_UNIX, SOCK_DGRAM, 0), (struct sockaddr *)&there, sizeof there) < 0)
        return 1;
    server6.sin6_port = server.sin_port;
    for (size_t state = 0; state < STATES; state++) {
        try_all(state, NULL, 0, "");
        if (state < 6)
            try_all(state, &server, sizeof server, " to");
        else if (state == 6)
            try_all(state, &server6, sizeof server6, " to");
        else
            try_all(state, &there, sizeof there, " to");
    }
    return 0;
}
