// SPDX-License-Identifier: Apache-2.0
// Tries to make the supervisor wait for a socket. Prints how long an open took meanwhile at most.
//
//     sockhang connect DIR    O_NONBLOCK changes under connects to a full backlog
//     sockhang names DIR      datagram sockets that connect to a path, again and again
//     sockhang linger         the last close of a connection that lingers is the supervisor's
//     sockhang closes         many of those at once, and connects of another process
//     sockhang many FILE FIFO connects that block, and one of another process
//     sockhang bulk           processes that send batches of 60 MB, again and again
//     sockhang asks           threads that ask for the same, thousands
//     sockhang memory         sends that wait with much control data, until one is refused
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FLIPPERS 8
#define SECONDS 3
#define SENDERS 900
#define BULK_SENDERS 100
#define BATCH 1000
#define ASKERS 4000
#define LINGERERS 400

static double
now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
watch(void)
{
    double longest = 0, end = now() + SECONDS;
    long n = 0;
    for (; now() < end; n++) {
        double begin = now();
        close(open("/etc/nothing", O_RDONLY));
        if (now() - begin > longest)
            longest = now() - begin;
    }
    printf("at most %.0f ms, %ld opens\n", longest * 1e3, n);
}

// --- connect -----------------------------------------------------------------------------------

static void *
flip(void *arg)
{
    int fd = *(int *)arg;
    for (;;) {
        fcntl(fd, F_SETFL, O_NONBLOCK);
        for (volatile int i = 0; i < 1000; i++)
            ;
        fcntl(fd, F_SETFL, 0);
    }
    return NULL;
}

static void
run_connect(const char *dir)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    pid_t pids[FLIPPERS];
    snprintf(un.sun_path, sizeof un.sun_path, "%s/full.%d", dir, getpid());
    int server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(server, (struct sockaddr *)&un, sizeof un) < 0 || listen(server, 0) < 0 ||
        connect(client, (struct sockaddr *)&un, sizeof un) < 0)
        perror("full");
    for (int i = 0; i < FLIPPERS; i++) {
        pids[i] = fork();
        if (pids[i])
            continue;
        pthread_t t;
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        pthread_create(&t, NULL, flip, &fd);
        for (;;)
            connect(fd, (struct sockaddr *)&un, sizeof un);
    }
    watch();
    for (int i = 0; i < FLIPPERS; i++)
        kill(pids[i], SIGKILL);
}

// --- names -------------------------------------------------------------------------------------

static void *
reach(void *arg)
{
    struct sockaddr_un *un = arg;
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    for (;;)
        connect(fd, (struct sockaddr *)un, sizeof *un);
    return NULL;
}

static void
run_names(const char *dir)
{
    static struct sockaddr_un un = {.sun_family = AF_UNIX};
    snprintf(un.sun_path, sizeof un.sun_path, "%s/names", dir);
    if (bind(socket(AF_UNIX, SOCK_DGRAM, 0), (struct sockaddr *)&un, sizeof un) < 0)
        perror("bind");
    for (int i = 0; i < FLIPPERS; i++) {
        pthread_t t;
        pthread_create(&t, NULL, reach, &un);
    }
    watch();
}

// --- linger ------------------------------------------------------------------------------------

static char bytes[65536];

// A connection with bytes that nobody reads.
static int
lingering(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    struct linger l = {.l_onoff = 1, .l_linger = 3600};
    int server = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(server, (struct sockaddr *)&a, sizeof a) < 0 || listen(server, 1) < 0 ||
        getsockname(server, (struct sockaddr *)&a, &len) < 0 ||
        connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
        perror("connection");
    accept(server, NULL, NULL);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (write(fd, bytes, sizeof bytes) > 0)
        ;
    fcntl(fd, F_SETFL, 0);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
    return fd;
}

static void
on_signal(int signal)
{
}

static atomic_int sending;

static void *
send_some(void *arg)
{
    struct iovec iov = {.iov_base = bytes, .iov_len = sizeof bytes};
    struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};
    sending = gettid();
    sendmsg(*(int *)arg, &h, MSG_NOSIGNAL);
    sending = 0;
    return NULL;
}

static void
wait_asleep(pid_t tid)
{
    char path[64], state = 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)tid);
    for (int i = 0; state != 'S' && i < 1000; i++) {
        FILE *f = fopen(path, "r");
        if (f && fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
            state = 0;
        if (f)
            fclose(f);
    }
}

// A blocked send holds the connection while it is closed; a signal ends the send.
static void
run_linger(void)
{
    struct sigaction act = {.sa_handler = on_signal};
    int fd = lingering();
    pthread_t t;
    sigaction(SIGUSR1, &act, NULL);
    pthread_create(&t, NULL, send_some, &fd);
    while (!sending)
        ;
    wait_asleep(sending);
    for (int i = 0; i < 20; i++)
        close(open("/etc/nothing", O_RDONLY));
    close(fd);
    pthread_kill(t, SIGUSR1);
    watch();
}

// --- many --------------------------------------------------------------------------------------

#define CONNECTS 2400
#define SHARE 1920 /* of a process */

static struct sockaddr_in full;
static atomic_int refusals;

static void *
block(void *arg)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&full, sizeof full) < 0 && errno == EACCES)
        refusals++;
    return NULL;
}

static int
listen_at(struct sockaddr_in *ret_at, int backlog)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t len = sizeof *ret_at;
    *ret_at =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(fd, (struct sockaddr *)ret_at, sizeof *ret_at) < 0 || listen(fd, backlog) < 0 ||
        getsockname(fd, (struct sockaddr *)ret_at, &len) < 0)
        perror("listen");
    return fd;
}

// Who takes all that a process may have is refused more, and nobody else is.
static void
run_many(const char *file, const char *fifo)
{
    struct sockaddr_in open_to;
    struct rlimit limit;
    pthread_attr_t attr;
    pthread_t t;
    int go[2];
    char c;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    listen_at(&open_to, 5);
    listen_at(&full, 0);
    if (pipe(go) < 0)
        perror("pipe");
    pid_t other = fork();
    if (other == 0) {
        close(go[1]);
        if (read(go[0], &c, 1) != 0)
            _exit(2);
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        _exit(connect(fd, (struct sockaddr *)&open_to, sizeof open_to) < 0 ? errno : 0);
    }
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 65536);
    for (int i = 0; i < CONNECTS; i++)
        pthread_create(&t, &attr, block, NULL);
    for (double end = now() + 30; refusals < CONNECTS - SHARE && now() < end;)
        sched_yield();
    close(go[1]);
    int status;
    waitpid(other, &status, 0);
    printf("refused %d, the other %d\n", refusals, WEXITSTATUS(status));
    // Of the same process: one that nobody can block for ever, and one that could be.
    printf("removed: %s\n", unlink(file) == 0 ? "yes" : strerror(errno));
    printf("fifo: %s\n", open(fifo, O_RDONLY) >= 0 ? "opened" : strerror(errno));
    _exit(0);
}

// --- memory ------------------------------------------------------------------------------------

static void *
send_much(void *arg)
{
    static char control[100 * 1024] __attribute__((aligned(8)));
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct iovec iov = {.iov_base = bytes, .iov_len = 1};
    struct msghdr h = {.msg_name = &a,
                       .msg_namelen = sizeof a,
                       .msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control,
                       .msg_controllen = sizeof control};
    *(struct cmsghdr *)control = (struct cmsghdr){.cmsg_len = sizeof control, .cmsg_level = 99};
    if (sendmsg(socket(AF_INET, SOCK_DGRAM, 0), &h, 0) < 0 && errno == ENOMEM) {
        printf("refused\n");
        exit(0);
    }
    return NULL;
}

static void
run_memory(void)
{
    pthread_t t[SENDERS];
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 65536);
    for (int i = 0; i < SENDERS; i++)
        pthread_create(&t[i], &attr, send_much, NULL);
    for (int i = 0; i < SENDERS; i++)
        pthread_join(t[i], NULL);
}

// --- bulk --------------------------------------------------------------------------------------

// To a socket that nobody reads: what it has no room for is dropped.
static void
send_batches(void)
{
    static struct mmsghdr batch[BATCH];
    static struct iovec iov = {.iov_base = bytes, .iov_len = 60000};
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int server = socket(AF_INET, SOCK_DGRAM, 0), fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(server, (struct sockaddr *)&a, sizeof a) < 0 ||
        getsockname(server, (struct sockaddr *)&a, &len) < 0 ||
        connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
        perror("bulk");
    for (int i = 0; i < BATCH; i++)
        batch[i].msg_hdr = (struct msghdr){.msg_iov = &iov, .msg_iovlen = 1};
    int n;
    while ((n = sendmmsg(fd, batch, BATCH, 0)) == BATCH && batch[BATCH - 1].msg_len == 60000)
        ;
    printf("a batch ends at %d: %s\n", n, n < 0 ? strerror(errno) : "short");
    _exit(1);
}

static void
run_bulk(void)
{
    pid_t pids[BULK_SENDERS];
    for (int i = 0; i < BULK_SENDERS; i++)
        if ((pids[i] = fork()) == 0)
            send_batches();
    watch();
    for (int i = 0; i < BULK_SENDERS; i++)
        kill(pids[i], SIGKILL);
}

// --- asks --------------------------------------------------------------------------------------

static atomic_int asking;

static void *
ask(void *arg)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(9)};
    a.sin_addr.s_addr = htonl(0xc0000201); // 192.0.2.1
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    asking++;
    connect(fd, (struct sockaddr *)&a, sizeof a);
    return NULL;
}

static void
run_asks(void)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    pthread_attr_t attr;
    // What an open costs on this machine as it is now.
    watch();
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 64 * 1024);
    for (int i = 0; i < ASKERS; i++) {
        pthread_t t;
        if (pthread_create(&t, &attr, ask, NULL) != 0)
            break;
    }
    double begin = now();
    while (asking < ASKERS && now() - begin < 20)
        sched_yield();
    // Behind all of them.
    close(open("/etc/nothing", O_RDONLY));
    printf("%d ask after %.0f ms\n", asking, (now() - begin) * 1e3);
    watch();
    _exit(0);
}

// --- closes ------------------------------------------------------------------------------------

static int lingerers[LINGERERS];
static atomic_bool interrupted;

static void *
send_on(void *arg)
{
    struct iovec iov = {.iov_base = bytes, .iov_len = sizeof bytes};
    struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};
    sending++;
    // There may be room for some yet.
    while (!interrupted && sendmsg(*(int *)arg, &h, MSG_NOSIGNAL) > 0)
        ;
    return NULL;
}

// Connects to itself again and again; how long that takes at most goes to *longest, in us.
static void
connect_on(atomic_int *longest)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int server = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(server, (struct sockaddr *)&a, sizeof a) < 0 || listen(server, 8) < 0 ||
        getsockname(server, (struct sockaddr *)&a, &len) < 0)
        perror("server");
    for (;;) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        double begin = now();
        connect(fd, (struct sockaddr *)&a, sizeof a);
        int us = (int)((now() - begin) * 1e6);
        if (us > *longest)
            *longest = us;
        close(accept(server, NULL, NULL));
        close(fd);
    }
}

// What each of the threads sends on is nono's alone when they are interrupted: its close lingers.
static void
run_closes(void)
{
    pthread_t threads[LINGERERS];
    struct sigaction act = {.sa_handler = on_signal};
    atomic_int *longest =
        mmap(NULL, sizeof *longest, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t other = fork();
    if (other == 0)
        connect_on(longest);
    sigaction(SIGUSR1, &act, NULL);
    // Should one of them be closed here after all.
    struct linger l = {.l_onoff = 1, .l_linger = 2};
    for (int i = 0; i < LINGERERS; i++) {
        lingerers[i] = lingering();
        setsockopt(lingerers[i], SOL_SOCKET, SO_LINGER, &l, sizeof l);
        pthread_create(&threads[i], NULL, send_on, &lingerers[i]);
    }
    while (sending < LINGERERS)
        sched_yield();
    // Received behind all of them.
    close(open("/etc/nothing", O_RDONLY));
    for (int i = 0; i < LINGERERS; i++)
        close(lingerers[i]);
    *longest = 0;
    interrupted = true;
    double begin = now();
    for (int i = 0; i < LINGERERS; i++)
        pthread_kill(threads[i], SIGUSR1);
    for (int i = 0; i < LINGERERS; i++)
        pthread_join(threads[i], NULL);
    printf("all back after %.0f ms, a connect took at most %d ms\n", (now() - begin) * 1e3,
           *longest / 1000);
    kill(other, SIGKILL);
}

int
main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (strcmp(what, "connect") == 0 && argc == 3)
        run_connect(argv[2]);
    else if (strcmp(what, "names") == 0 && argc == 3)
        run_names(argv[2]);
    else if (strcmp(what, "linger") == 0)
        run_linger();
    else if (strcmp(what, "closes") == 0)
        run_closes();
    else if (strcmp(what, "many") == 0 && argc == 4)
        run_many(argv[2], argv[3]);
    else if (strcmp(what, "bulk") == 0)
        run_bulk();
    else if (strcmp(what, "asks") == 0)
        run_asks();
    else if (strcmp(what, "memory") == 0)
        run_memory();
    else
        return 2;
    return 0;
}
