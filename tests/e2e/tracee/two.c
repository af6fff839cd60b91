// SPDX-License-Identifier: Apache-2.0
// two FILE FILE: two threads each wait for an answer while a timer's signals come to the process.
// Prints what their opens gave: a handler with SA_RESTART is not seen by either.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>

static void
on_alarm(int signal)
{
}

static void *
open_one(void *arg)
{
    static char ok[] = "ok", failed[] = "failed";
    return open(arg, O_RDONLY) >= 0 ? ok : failed;
}

int
main(int argc, char **argv)
{
    pthread_t t;
    void *other;
    struct sigaction act = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    struct itimerval every = {{0, 5000}, {0, 5000}};
    if (argc < 3)
        return 2;
    sigaction(SIGALRM, &act, NULL);
    pthread_create(&t, NULL, open_one, argv[2]);
    setitimer(ITIMER_REAL, &every, NULL);
    const char *own = open_one(argv[1]);
    pthread_join(t, &other);
    printf("two: %s, %s\n", own, (const char *)other);
    return 0;
}
