// SPDX-License-Identifier: Apache-2.0
// opens FILE N [HZ]: opens FILE N times and prints how that went. With HZ, under a SIGALRM timer of
// that frequency without SA_RESTART.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

static void
on_alarm(int sig)
{
    (void)sig;
}

int
main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    long n = atol(argv[2]), ok = 0, eintr = 0, other = 0;
    if (argc > 3) {
        struct sigaction sa = {.sa_handler = on_alarm};
        sigaction(SIGALRM, &sa, NULL);
        long us = 1000000 / atol(argv[3]);
        struct itimerval it = {.it_interval = {.tv_usec = us}, .it_value = {.tv_usec = us}};
        setitimer(ITIMER_REAL, &it, NULL);
    }
    for (long i = 0; i < n; i++) {
        int fd = open(argv[1], O_RDONLY);
        if (fd >= 0) {
            ok++;
            close(fd);
        } else if (errno == EINTR) {
            eintr++;
        } else {
            other++;
        }
    }
    printf("ok=%ld eintr=%ld other=%ld\n", ok, eintr, other);
    return 0;
}
