// SPDX-License-Identifier: Apache-2.0
// opens FILE N [HZ [mkdir]]: opens FILE N times, or makes and removes a directory, and prints how
// that went. With HZ, under a SIGALRM timer of that frequency without SA_RESTART.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

static volatile sig_atomic_t signals;

static void
on_alarm(int sig)
{
    signals++;
}

// One that was interrupted is made again: natively neither call ever is. One that took effect and
// was said to be interrupted all the same fails the second time.
static bool
make_and_remove(const char *path, long *eintr)
{
    int made, removed;
    while ((made = mkdir(path, 0700)) < 0 && errno == EINTR)
        ++*eintr;
    while ((removed = rmdir(path)) < 0 && errno == EINTR)
        ++*eintr;
    return made == 0 && removed == 0;
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
    for (long i = 0; i < n && argc > 4; i++) {
        if (make_and_remove(argv[1], &eintr))
            ok++;
        else
            other++;
    }
    for (long i = 0; i < n && argc <= 4; i++) {
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
    printf("ok=%ld eintr=%ld other=%ld signals=%d\n", ok, eintr, other, signals);
    return 0;
}
