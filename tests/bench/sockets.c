// SPDX-License-Identifier: Apache-2.0
// sockets connect|sendmsg|sendto N: what a call costs the caller, as "p50 p99" in ns. connect: TCP
// to a listener of its own; sendmsg: a datagram on a connected UNIX socket; sendto: with an
// address.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static uint64_t
now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int
compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static int
listener(int type, struct sockaddr_in *a)
{
    socklen_t len = sizeof *a;
    int fd = socket(AF_INET, type, 0);
    *a = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(fd, (struct sockaddr *)a, sizeof *a) < 0 ||
        (type == SOCK_STREAM && listen(fd, 64) < 0) ||
        getsockname(fd, (struct sockaddr *)a, &len) < 0)
        return -1;
    return fd;
}

static uint64_t
time_connect(int server, const struct sockaddr_in *a)
{
    struct linger l = {.l_onoff = 1};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
    uint64_t begin = now();
    int ret = connect(fd, (const struct sockaddr *)a, sizeof *a);
    uint64_t end = now();
    close(accept(server, NULL, NULL));
    close(fd);
    return ret < 0 ? 0 : end - begin;
}

static uint64_t
time_send(int from, int to, const struct sockaddr_in *a)
{
    char data[100] = "";
    struct iovec iov = {.iov_base = data, .iov_len = sizeof data};
    struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};
    uint64_t begin = now();
    ssize_t n = a ? sendto(from, data, sizeof data, 0, (const struct sockaddr *)a, sizeof *a)
                  : sendmsg(from, &h, 0);
    uint64_t end = now();
    return n == sizeof data && read(to, data, sizeof data) == n ? end - begin : 0;
}

int
main(int argc, char **argv)
{
    struct sockaddr_in a;
    int pair[2], server = -1;
    size_t n = argc == 3 ? (size_t)atol(argv[2]) : 0;
    uint64_t *times = n ? calloc(n, sizeof *times) : NULL;
    if (!times || socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) < 0)
        return 2;
    if (strcmp(argv[1], "sendmsg") != 0) {
        server = listener(strcmp(argv[1], "connect") == 0 ? SOCK_STREAM : SOCK_DGRAM, &a);
        pair[0] = socket(AF_INET, SOCK_DGRAM, 0);
        pair[1] = server;
    }
    for (size_t i = 0; i < n; i++) {
        times[i] = strcmp(argv[1], "connect") == 0
                       ? time_connect(server, &a)
                       : time_send(pair[0], pair[1], server < 0 ? NULL : &a);
        if (times[i] == 0) {
            perror(argv[1]);
            return 1;
        }
    }
    qsort(times, n, sizeof *times, compare);
    printf("%lu %lu\n", (unsigned long)times[n / 2], (unsigned long)times[n * 99 / 100]);
    return 0;
}
