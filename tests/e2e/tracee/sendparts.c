// SPDX-License-Identifier: Apache-2.0
// sendmmsg(2) of messages that are larger than the room of a stream: what the caller is told that
// was sent, and what came.
//
//     sendparts nonblock|timeout
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define MESSAGES 4
#define BYTES 100000

static char bytes[BYTES], in[BYTES];

static unsigned
send_all(int fd, size_t *told)
{
    struct iovec iov = {.iov_base = bytes, .iov_len = sizeof bytes};
    struct mmsghdr m[MESSAGES] = {0};
    for (int i = 0; i < MESSAGES; i++)
        m[i].msg_hdr = (struct msghdr){.msg_iov = &iov, .msg_iovlen = 1};
    int n = sendmmsg(fd, m, MESSAGES, 0);
    for (int i = 0; i < n; i++)
        *told += m[i].msg_len;
    return n < 0 ? 0 : (unsigned)n;
}

int
main(int argc, char **argv)
{
    int pair[2], room = 30000;
    size_t told = 0, came = 0;
    struct timeval tv = {.tv_usec = 200000};
    if (argc != 2 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        return 2;
    setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    if (strcmp(argv[1], "nonblock") == 0)
        fcntl(pair[0], F_SETFL, O_NONBLOCK);
    else
        setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
    unsigned n = send_all(pair[0], &told);
    fcntl(pair[1], F_SETFL, O_NONBLOCK);
    for (ssize_t got; (got = read(pair[1], in, sizeof in)) > 0;)
        came += (size_t)got;
    printf("%u messages, %s, told %s\n", n, came ? "some came" : "nothing came",
           told == came ? "what came" : "something else");
    return 0;
}
