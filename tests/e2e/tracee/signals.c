// SPDX-License-Identifier: Apache-2.0
// signals restart|norestart|urg FILE: opens FILE once under a SIGALRM every 10 ms with or without
// SA_RESTART, or under a SIGURG every millisecond as a Go runtime sends them. A call that returns
// EINTR is made again, as programs do.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static volatile sig_atomic_t handled;
static volatile int done;
static pid_t main_tid;

static void
on_signal(int sig)
{
    (void)sig;
    handled++;
}

static void *
storm(void *arg)
{
    while (!done) {
        syscall(SYS_tgkill, getpid(), main_tid, SIGURG);
        usleep(1000);
    }
    return arg;
}

int
main(int argc, char **argv)
{
    pthread_t t;
    char text[64];
    int fd, eintr = 0;
    if (argc < 3)
        return 2;
    int urg = strcmp(argv[1], "urg") == 0;
    struct sigaction sa = {.sa_handler = on_signal};
    if (strcmp(argv[1], "norestart") != 0)
        sa.sa_flags = SA_RESTART;
    sigaction(urg ? SIGURG : SIGALRM, &sa, NULL);
    main_tid = (pid_t)syscall(SYS_gettid);
    if (urg) {
        pthread_create(&t, NULL, storm, NULL);
    } else {
        struct itimerval it = {.it_interval = {.tv_usec = 10000}, .it_value = {.tv_usec = 10000}};
        setitimer(ITIMER_REAL, &it, NULL);
    }
    do {
        fd = open(argv[2], O_RDONLY);
    } while (fd < 0 && errno == EINTR && ++eintr);
    int error = errno;
    done = 1;
    if (urg)
        pthread_join(t, NULL);
    if (fd < 0) {
        printf("failed: %s\n", strerror(error));
        return 1;
    }
    ssize_t n = read(fd, text, sizeof text);
    printf("eintr=%d handled=%s %.*s", eintr, handled ? "yes" : "no", (int)(n > 0 ? n : 0), text);
    return 0;
}
