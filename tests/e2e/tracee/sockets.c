// SPDX-License-Identifier: Apache-2.0
// Socket calls as programs make them and as they should not: each prints what it got, so that a
// bare run and a supervised one can be compared.
//
//     sockets odd             odd arguments of every call
//     sockets unix DIR        UNIX sockets of every kind, descriptors passed, names of 108 bytes
//     sockets stream          big, blocking, interrupted and broken sends
//     sockets flip CALL GOOD BAD N   two threads, one of which changes the address all the time
//     sockets rate PORT N     connects one after the other; prints how many failed
//     sockets many PORT N     as many threads connect at once; prints how many succeeded
//     sockets queue PORT      a connect to a full backlog, and 100 sends to others meanwhile
//     sockets stray GOOD BAD N   binds in a directory that a link leads to, which is swapped
//     sockets linked SOCKET N   binds where a thread puts a link of SOCKET, then connects to SOCKET
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOBODY 45871 /* a port where nobody listens */

static void
say(const char *what, long result)
{
    if (result < 0)
        printf("%s: %s\n", what, strerrorname_np(errno));
    else
        printf("%s: %ld\n", what, result);
    fflush(stdout);
}

static struct sockaddr_in
loopback(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int
listener(int type, int *ret_port)
{
    struct sockaddr_in a = loopback(0);
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, type, 0);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0 ||
        (type == SOCK_STREAM && listen(fd, 16) < 0))
        perror("listener");
    getsockname(fd, (struct sockaddr *)&a, &len);
    *ret_port = ntohs(a.sin_port);
    return fd;
}

// --- odd ---------------------------------------------------------------------------------------

static void
odd_addresses(const char *name, int domain, int type)
{
    static const int lengths[] = {-1, 0, 1, 2, 3, 8, 15, 16, 24, 28, 110, 111, 128, 129, 4096};
    static const int families[] = {AF_UNSPEC, AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, 99};
    static char page[8192] __attribute__((aligned(4096)));
    for (size_t f = 0; f < sizeof families / sizeof *families; f++)
        for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
            for (int call = 0; call < 3; call++) {
                static const char *const calls[] = {"connect", "bind", "sendto"};
                char text[128];
                // 127.0.0.1 or ::1, where nobody listens; a path nowhere at any length.
                struct sockaddr_in in = loopback(NOBODY);
                struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
                                           .sin6_port = htons(NOBODY),
                                           .sin6_addr = IN6ADDR_LOOPBACK_INIT};
                memset(page, 0, 256);
                if (families[f] == AF_UNIX)
                    strcpy(page + 2, "/no/where/at/all");
                else if (families[f] == AF_INET6)
                    memcpy(page, &in6, sizeof in6);
                else
                    memcpy(page, &in, sizeof in);
                *(sa_family_t *)page = (sa_family_t)families[f];
                int fd = socket(domain, type | SOCK_NONBLOCK, 0);
                long ret = call == 0 ? syscall(SYS_connect, fd, page, lengths[l])
                           : call == 1
                               ? syscall(SYS_bind, fd, page, lengths[l])
                               : syscall(SYS_sendto, fd, "x", 1, MSG_NOSIGNAL, page, lengths[l]);
                snprintf(text, sizeof text, "%s %s family %d length %d", name, calls[call],
                         families[f], lengths[l]);
                say(text, ret);
                close(fd);
            }
}

static void
odd_pointers(void)
{
    struct sockaddr_in a = loopback(NOBODY);
    char *edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(edge + 4096, 4096);
    memcpy(edge + 4088, &a, 8);
    int fd = socket(AF_INET, SOCK_DGRAM, 0), file = open("/dev/null", O_RDWR);
    int path = open("/", O_PATH);
    struct iovec iov = {.iov_base = (void *)"x", .iov_len = 1};
    struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};
    static struct mmsghdr batch[1025];
    int port, receiver = listener(SOCK_DGRAM, &port);
    say("connect null", syscall(SYS_connect, fd, NULL, 16));
    say("connect bad pointer", syscall(SYS_connect, fd, 1, 16));
    say("connect half mapped", syscall(SYS_connect, fd, edge + 4088, 16));
    say("bind null", syscall(SYS_bind, fd, NULL, 16));
    say("connect no descriptor", syscall(SYS_connect, -1, &a, 16));
    say("connect closed descriptor", syscall(SYS_connect, 999, &a, 16));
    say("connect file", syscall(SYS_connect, file, &a, 16));
    say("connect path", syscall(SYS_connect, path, &a, 16));
    say("listen file", syscall(SYS_listen, file, 1));
    say("listen datagram", syscall(SYS_listen, fd, 1));
    say("sendmsg null", syscall(SYS_sendmsg, fd, NULL, 0));
    say("sendmsg no peer", sendmsg(fd, &h, 0));
    h.msg_name = edge + 4088;
    h.msg_namelen = 16;
    say("sendmsg name half mapped", sendmsg(fd, &h, 0));
    h.msg_namelen = (socklen_t)-1;
    say("sendmsg negative name", sendmsg(fd, &h, 0));
    a = loopback(port);
    h.msg_name = &a;
    h.msg_namelen = 4096;
    say("sendmsg long name", sendmsg(fd, &h, 0));
    h.msg_namelen = 16;
    h.msg_iovlen = 1025;
    say("sendmsg 1025 parts", sendmsg(fd, &h, 0));
    h.msg_iovlen = 1;
    iov.iov_base = edge + 4096;
    say("sendmsg data unmapped", sendmsg(fd, &h, 0));
    iov.iov_base = (void *)"x";
    iov.iov_len = (size_t)-1;
    say("sendmsg negative part", sendmsg(fd, &h, 0));
    iov.iov_len = 1;
    h.msg_controllen = 16;
    h.msg_control = NULL;
    say("sendmsg control null", sendmsg(fd, &h, 0));
    char control[64] = {1};
    h.msg_control = control;
    say("sendmsg control broken", sendmsg(fd, &h, 0));
    h.msg_controllen = 0;
    for (int i = 0; i < 1025; i++)
        batch[i].msg_hdr = h;
    say("sendmmsg 0", syscall(SYS_sendmmsg, fd, batch, 0, 0));
    say("sendmmsg null", syscall(SYS_sendmmsg, fd, NULL, 3, 0));
    long sent = 0;
    for (long n = 1; sent < 40 && n > 0; sent += n)
        n = syscall(SYS_sendmmsg, fd, batch, 40, 0);
    say("sendmmsg 40", sent);
    say("sendmmsg length told", batch[39].msg_len);
    sent = syscall(SYS_sendmmsg, fd, batch, 1025, MSG_DONTWAIT);
    say("sendmmsg 1025 is cut", sent > 0 && sent <= 1024);
    close(receiver);
    a = loopback(0);
    say("sendto port 0", sendto(fd, "x", 1, 0, (struct sockaddr *)&a, sizeof a));
    int stream = socket(AF_INET, SOCK_STREAM, 0);
    say("connect port 0", connect(stream, (struct sockaddr *)&a, sizeof a));
    a = loopback(NOBODY);
    say("connect refused", connect(stream, (struct sockaddr *)&a, sizeof a));
    say("sendto unconnected stream",
        sendto(stream, "x", 1, MSG_NOSIGNAL, (struct sockaddr *)&a, 16));
    a.sin_addr.s_addr = htonl(0xcb007101); // 203.0.113.1
    say("bind not ours", bind(stream, (struct sockaddr *)&a, sizeof a));
}

// Those of which nobody gets a socket: root has raw and packet ones.
static void
odd_types(int family)
{
    static const int protocols[] = {0, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_RAW};
    for (int type = 0; type < 16; type++)
        for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++) {
            char what[64];
            if ((type == SOCK_RAW && protocols[i]) || (type == SOCK_PACKET && family == AF_INET))
                continue;
            snprintf(what, sizeof what, "socket(%d, %d, %d)", family, type, protocols[i]);
            say(what, socket(family, type | SOCK_CLOEXEC, protocols[i]) < 0 ? -1 : 0);
        }
}

static void
odd_sockets(void)
{
    say("packet", socket(AF_PACKET, SOCK_RAW, 0) < 0 ? 0 : 1);
    say("raw", socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) < 0 ? 0 : 1);
    say("sctp", socket(AF_INET, SOCK_STREAM, 132) < 0 ? 0 : 1);
    say("vsock", socket(40, SOCK_STREAM, 0) < 0 ? 0 : 1);
    say("alg", socket(38, SOCK_SEQPACKET, 0) < 0 ? 0 : 1);
    say("audit", socket(AF_NETLINK, SOCK_RAW, 9) < 0 ? 0 : 1);
    say("garbage above the family",
        syscall(SYS_socket, 0x100000000ul | 38, SOCK_SEQPACKET, 0) < 0 ? 0 : 1);
}

// --- unix --------------------------------------------------------------------------------------

static socklen_t
unix_address(struct sockaddr_un *u, const char *path)
{
    memset(u, 0, sizeof *u);
    u->sun_family = AF_UNIX;
    memcpy(u->sun_path, path, strnlen(path, sizeof u->sun_path));
    size_t n = strnlen(path, sizeof u->sun_path);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (n < sizeof u->sun_path));
}

static long
unix_call(const char *what, int fd, const char *path,
          int (*call)(int, const struct sockaddr *, socklen_t))
{
    struct sockaddr_un u;
    socklen_t len = unix_address(&u, path);
    long ret = call(fd, (struct sockaddr *)&u, len);
    say(what, ret);
    return ret;
}

static void
say_name(const char *what, int fd)
{
    struct sockaddr_un u = {0};
    socklen_t len = sizeof u;
    getsockname(fd, (struct sockaddr *)&u, &len);
    printf("%s: %.*s\n", what, (int)(len > 2 ? len - 2 : 0), u.sun_path);
}

static void
pass_descriptor(int a, int b)
{
    int file = open("/dev/null", O_RDWR), got = -1;
    char data[2] = "d", space[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec iov = {.iov_base = data, .iov_len = 1};
    struct msghdr h = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
    struct cmsghdr *c = CMSG_FIRSTHDR(&h);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &file, sizeof file);
    say("pass a descriptor", sendmsg(a, &h, 0));
    say("receive it", recvmsg(b, &h, 0));
    memcpy(&got, CMSG_DATA(c), sizeof got);
    struct stat x, y;
    say("it is the same file",
        fstat(file, &x) == 0 && fstat(got, &y) == 0 && x.st_ino == y.st_ino && got != file);
    file = 999;
    memcpy(CMSG_DATA(c), &file, sizeof file);
    h.msg_controllen = sizeof space;
    say("pass what is not open", sendmsg(a, &h, 0));
}

static void
run_unix(const char *dir)
{
    char path[200], longer[400];
    if (chdir(dir) < 0)
        perror(dir);
    umask(027);
    int s = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(path, sizeof path, "%s/listen.sock", dir);
    unix_call("connect missing", c, path, connect);
    unix_call("bind", s, path, bind);
    say_name("its name", s);
    struct stat st = {0};
    stat(path, &st);
    printf("its mode: %o\n", st.st_mode);
    unix_call("bind again", c, path, bind);
    unix_call("bind bound", s, "other.sock", bind);
    unix_call("connect before listen", c, path, connect);
    say("listen", listen(s, 4));
    unix_call("connect", c, path, connect);
    int a = accept(s, NULL, NULL);
    pass_descriptor(c, a);
    unix_call("connect connected", c, path, connect);
    close(c);
    close(a);
    c = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    unix_call("connect relative", c, "listen.sock", connect);
    close(c);
    c = socket(AF_UNIX, SOCK_DGRAM, 0);
    unix_call("connect wrong type", c, path, connect);
    int file = open("plain", O_CREAT | O_WRONLY, 0600);
    close(file);
    unix_call("connect a file", c, "plain", connect);
    unix_call("connect a directory", c, dir, connect);
    unix_call("bind a directory", c, dir, bind);
    unix_call("bind .", c, ".", bind);
    unix_call("bind below a file", c, "plain/x", bind);
    unix_call("bind below nothing", c, "none/x", bind);
    // Datagrams: the receiver answers to the name that the sender was bound by.
    int d = socket(AF_UNIX, SOCK_DGRAM, 0), e = socket(AF_UNIX, SOCK_DGRAM, 0);
    unix_call("bind datagram", d, "d.sock", bind);
    unix_call("bind sender", e, "./e.sock", bind);
    struct sockaddr_un u, from = {0};
    socklen_t len = unix_address(&u, "d.sock"), from_len = sizeof from;
    say("sendto", sendto(e, "hello", 5, 0, (struct sockaddr *)&u, len));
    char text[16] = "";
    say("recvfrom", recvfrom(d, text, sizeof text, 0, (struct sockaddr *)&from, &from_len));
    printf("from %s: %s\n", from.sun_path, text);
    say("answer", sendto(d, "back", 4, 0, (struct sockaddr *)&from, from_len));
    say("it came", recv(e, text, sizeof text, MSG_DONTWAIT));
    // 108 bytes, and more than that by way of a descriptor.
    memset(longer, 0, sizeof longer);
    memset(longer, 'l', 108);
    int l = socket(AF_UNIX, SOCK_DGRAM, 0);
    unix_call("bind 108 bytes", l, longer, bind);
    char deep[300];
    memset(deep, 0, sizeof deep);
    memset(deep, 'x', 200);
    mkdir(deep, 0700);
    int dirfd = open(deep, O_PATH | O_DIRECTORY);
    snprintf(longer, sizeof longer, "/proc/self/fd/%d/deep.sock", dirfd);
    l = socket(AF_UNIX, SOCK_STREAM, 0);
    unix_call("bind by a descriptor", l, longer, bind);
    say("listen", listen(l, 1));
    c = socket(AF_UNIX, SOCK_STREAM, 0);
    unix_call("connect by a descriptor", c, longer, connect);
    // Names without a file.
    int x = socket(AF_UNIX, SOCK_STREAM, 0), y = socket(AF_UNIX, SOCK_STREAM, 0);
    memset(&u, 0, sizeof u);
    u.sun_family = AF_UNIX;
    snprintf(u.sun_path + 1, 40, "nono-test-%d", (int)getpid());
    len = (socklen_t)(3 + strlen(u.sun_path + 1));
    say("bind abstract", bind(x, (struct sockaddr *)&u, len));
    say("listen", listen(x, 1));
    say("connect abstract", connect(y, (struct sockaddr *)&u, len));
    say("bind to a name of the kernel's choice",
        bind(l = socket(AF_UNIX, SOCK_DGRAM, 0), (struct sockaddr *)&u, 2));
}

// --- streams -----------------------------------------------------------------------------------

static atomic_int signals;

static void
on_signal(int sig)
{
    signals++;
}

static void *
drain(void *arg)
{
    char buf[65536];
    long total = 0;
    ssize_t n;
    unsigned sum = 0;
    while ((n = read(*(int *)arg, buf, sizeof buf)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            sum = sum * 31 + (unsigned char)buf[i];
        total += n;
    }
    printf("received: %ld, sum %u\n", total, sum);
    return NULL;
}

static long
send_big(int fd, size_t size, int flags)
{
    char *data = malloc(size);
    for (size_t i = 0; i < size; i++)
        data[i] = (char)(i * 7 + i / 251);
    struct iovec iov[3] = {{.iov_base = data, .iov_len = size / 3},
                           {.iov_base = data, .iov_len = 0},
                           {.iov_base = data + size / 3, .iov_len = size - size / 3}};
    struct msghdr h = {.msg_iov = iov, .msg_iovlen = 3};
    long n = sendmsg(fd, &h, flags);
    free(data);
    return n;
}

static void
run_stream(void)
{
    int pair[2];
    pthread_t t;
    struct sigaction act = {.sa_handler = on_signal};
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    pthread_create(&t, NULL, drain, &pair[1]);
    say("a big blocking message", send_big(pair[0], 5000000, 0));
    shutdown(pair[0], SHUT_WR);
    pthread_join(t, NULL);
    close(pair[0]);
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    long part = send_big(pair[0], 5000000, MSG_DONTWAIT);
    say("a part of one that may not block", part > 0 && part < 5000000);
    say("then nothing", send_big(pair[0], 5000000, MSG_DONTWAIT));
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    say("nor by O_NONBLOCK", send_big(pair[0], 100, 0));
    fcntl(pair[0], F_SETFL, 0);
    struct timeval tv = {.tv_usec = 50000};
    setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
    say("nor within SO_SNDTIMEO", send_big(pair[0], 100, 0));
    tv.tv_usec = 0;
    setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
    sigaction(SIGALRM, &act, NULL);
    struct itimerval timer = {.it_value.tv_usec = 100000};
    setitimer(ITIMER_REAL, &timer, NULL);
    say("a signal ends it", send_big(pair[0], 100, 0));
    say("signals", signals);
    sigaction(SIGPIPE, &act, NULL);
    close(pair[1]);
    say("nobody reads", send_big(pair[0], 100, 0));
    say("signals", signals);
    say("without the signal", send_big(pair[0], 100, MSG_NOSIGNAL));
    say("signals", signals);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGPIPE, SIG_DFL);
        send_big(pair[0], 100, 0);
        _exit(1);
    }
    int status;
    waitpid(child, &status, 0);
    say("killed by", WIFSIGNALED(status) ? WTERMSIG(status) : -1);
    socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
    say("too long a datagram", send_big(pair[0], 20000000, 0));
    say("a long one", send_big(pair[0], 100000, 0));
    say("an empty one", send_big(pair[0], 0, 0));
    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair);
    say("a packet", send_big(pair[0], 1000, MSG_EOR));
    int port, s = listener(SOCK_STREAM, &port), c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in a = loopback(port);
    say("a connect that may not block", connect(c, (struct sockaddr *)&a, sizeof a));
    struct pollfd p = {.fd = c, .events = POLLOUT};
    poll(&p, 1, 5000);
    say("again", connect(c, (struct sockaddr *)&a, sizeof a));
    say("and again", connect(c, (struct sockaddr *)&a, sizeof a));
    a.sin_family = AF_UNSPEC;
    say("dissolved", connect(c, (struct sockaddr *)&a, sizeof a));
    close(s);
}

// --- races -------------------------------------------------------------------------------------

static struct sockaddr_in flipping;
static struct msghdr flipping_message;
static atomic_bool stop;
static struct sockaddr_in good, bad;

static void *
flip(void *arg)
{
    while (!stop) {
        memcpy(&flipping, &bad, sizeof bad);
        flipping_message.msg_name = &bad;
        memcpy(&flipping, &good, sizeof good);
        flipping_message.msg_name = &good;
    }
    return NULL;
}

static void
run_flip(const char *call, int good_port, int bad_port, long n)
{
    pthread_t t;
    long sent = 0, refused = 0;
    struct iovec iov = {.iov_base = (void *)"x", .iov_len = 1};
    good = loopback(good_port);
    bad = loopback(bad_port);
    flipping = good;
    flipping_message = (struct msghdr){
        .msg_name = &good, .msg_namelen = sizeof good, .msg_iov = &iov, .msg_iovlen = 1};
    pthread_create(&t, NULL, flip, NULL);
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    // Until both were met, if the machine has no processor left for the other thread.
    for (long i = 0; i < n || (i < n * 50 && (!sent || !refused)); i++) {
        long ret;
        if (strcmp(call, "connect") == 0) {
            int fd = socket(AF_INET, SOCK_STREAM, 0);
            struct linger l = {.l_onoff = 1};
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
            ret = connect(fd, (struct sockaddr *)&flipping, sizeof flipping);
            close(fd);
        } else if (strcmp(call, "sendto") == 0) {
            ret = sendto(udp, "x", 1, 0, (struct sockaddr *)&flipping, sizeof flipping);
        } else {
            ret = sendmsg(udp, &flipping_message, 0);
        }
        *(ret < 0 && errno == EACCES ? &refused : &sent) += 1;
    }
    stop = true;
    pthread_join(t, NULL);
    printf("sent %ld refused %ld\n", sent, refused);
}

static void
run_rate(int port, long n)
{
    struct sockaddr_in a = loopback(port);
    struct timespec begin, end;
    long failed = 0;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (long i = 0; i < n; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        struct linger l = {.l_onoff = 1};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
        failed += connect(fd, (struct sockaddr *)&a, sizeof a) < 0;
        close(fd);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    double s = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
    printf("failed %ld, %.0f a second\n", failed, (double)n / s);
}

static atomic_long succeeded;

static void *
connect_once(void *arg)
{
    struct sockaddr_in a = loopback((int)(intptr_t)arg);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
        succeeded++;
    return NULL;
}

static void
run_many(int port, int n)
{
    pthread_t *t = calloc((size_t)n, sizeof *t);
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 65536);
    for (int i = 0; i < n; i++)
        pthread_create(&t[i], &attr, connect_once, (void *)(intptr_t)port);
    for (int i = 0; i < n; i++)
        pthread_join(t[i], NULL);
    printf("succeeded %ld\n", succeeded);
}

static void *
block(void *arg)
{
    struct sockaddr_un u;
    socklen_t len = unix_address(&u, arg);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    say("the blocked connect", connect(fd, (struct sockaddr *)&u, len));
    return NULL;
}

// path: of a UNIX socket whose backlog is full.
static void
run_queue(const char *path)
{
    pthread_t t;
    int port, fd = listener(SOCK_DGRAM, &port), udp = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in a = loopback(port);
    char c;
    pthread_create(&t, NULL, block, (void *)path);
    for (int i = 0; i < 100; i++)
        if (sendto(udp, "x", 1, 0, (struct sockaddr *)&a, sizeof a) != 1 || read(fd, &c, 1) != 1)
            say("sendto", -1);
    say("others are not delayed", 1);
    pthread_join(t, NULL);
}

static const char *victim;

static void *
put_links(void *arg)
{
    struct stat st;
    while (!stop) {
        link(victim, "link");
        while (!stop && stat("bound", &st) < 0)
            ;
        rename("link", "bound");
    }
    return NULL;
}

static void
run_linked(const char *path, int n)
{
    pthread_t t;
    long reached = 0, bound = 0;
    struct sockaddr_un there, own;
    socklen_t len = unix_address(&there, path), own_len = unix_address(&own, "bound");
    victim = path;
    pthread_create(&t, NULL, put_links, NULL);
    // A bind whose place was taken before it was looked at is refused: some must not be.
    for (int i = 0; i < n || (!bound && i < 100 * n); i++) {
        int a = socket(AF_UNIX, SOCK_DGRAM, 0), b = socket(AF_UNIX, SOCK_STREAM, 0);
        if (bind(a, (struct sockaddr *)&own, own_len) == 0) {
            bound++;
            reached += connect(b, (struct sockaddr *)&there, len) == 0;
        }
        close(a);
        close(b);
        unlink("bound");
    }
    stop = true;
    pthread_join(t, NULL);
    unlink("link");
    unlink("bound");
    printf("bound %d, reached %ld\n", bound > 0, reached);
}

static const char *flipped[2];

static void *
flip_link(void *arg)
{
    for (unsigned i = 0; !stop; i++) {
        unlink("next");
        if (symlink(flipped[i % 2], "next") == 0)
            rename("next", "way");
    }
    return NULL;
}

static void
run_stray(const char *allowed, const char *denied, int n)
{
    pthread_t t;
    struct sockaddr_un a;
    socklen_t len = unix_address(&a, "way/stray");
    char made[256];
    int bound = 0;
    flipped[0] = allowed;
    flipped[1] = denied;
    snprintf(made, sizeof made, "%s/stray", allowed);
    pthread_create(&t, NULL, flip_link, NULL);
    for (int i = 0; i < n; i++) {
        int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
        bound += bind(fd, (struct sockaddr *)&a, len) == 0;
        close(fd);
        unlink(made);
    }
    stop = true;
    pthread_join(t, NULL);
    printf("bound %d\n", bound > 0);
}

int
main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (strcmp(what, "odd") == 0) {
        odd_addresses("tcp", AF_INET, SOCK_STREAM);
        odd_addresses("udp", AF_INET, SOCK_DGRAM);
        odd_addresses("tcp6", AF_INET6, SOCK_STREAM);
        odd_addresses("udp6", AF_INET6, SOCK_DGRAM);
        odd_addresses("unix", AF_UNIX, SOCK_STREAM);
        odd_addresses("unix datagram", AF_UNIX, SOCK_DGRAM);
        odd_addresses("route", AF_NETLINK, SOCK_RAW);
        odd_pointers();
        odd_types(AF_INET);
        odd_types(AF_INET6);
    } else if (strcmp(what, "families") == 0) {
        odd_sockets();
    } else if (strcmp(what, "unix") == 0 && argc == 3) {
        run_unix(argv[2]);
    } else if (strcmp(what, "stream") == 0) {
        run_stream();
    } else if (strcmp(what, "flip") == 0 && argc == 6) {
        run_flip(argv[2], atoi(argv[3]), atoi(argv[4]), atol(argv[5]));
    } else if (strcmp(what, "rate") == 0 && argc == 4) {
        run_rate(atoi(argv[2]), atol(argv[3]));
    } else if (strcmp(what, "many") == 0 && argc == 4) {
        run_many(atoi(argv[2]), atoi(argv[3]));
    } else if (strcmp(what, "queue") == 0 && argc == 3) {
        run_queue(argv[2]);
    } else if (strcmp(what, "linked") == 0 && argc == 4) {
        run_linked(argv[2], atoi(argv[3]));
    } else if (strcmp(what, "stray") == 0 && argc == 5) {
        run_stray(argv[2], argv[3], atoi(argv[4]));
    } else {
        return 2;
    }
    return 0;
}
