// SPDX-License-Identifier: Apache-2.0
// waiters GRANTED OUTSIDE_DIR GO: measures opens of GRANTED, starts eight threads that each open
// OUTSIDE_DIR/wN, waits for the file GO to exist (the eight are known to wait then), measures again
// in this and in another process, prints the two 99th percentiles, and joins the threads.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define THREADS 8
#define SAMPLES 4000

static const char *granted, *outside;

static int
compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static uint64_t
now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint64_t
measure_p99(void)
{
    static uint64_t t[SAMPLES];
    for (int i = 0; i < SAMPLES; i++) {
        uint64_t start = now_ns();
        int fd = open(granted, O_RDONLY);
        t[i] = now_ns() - start;
        if (fd < 0) {
            printf("granted: %s\n", strerror(errno));
            exit(1);
        }
        close(fd);
    }
    qsort(t, SAMPLES, sizeof t[0], compare);
    return t[SAMPLES * 99 / 100] / 1000;
}

static void *
waiter(void *arg)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/w%ld", outside, (long)(intptr_t)arg);
    int fd = open(path, O_RDONLY);
    return (void *)(intptr_t)(fd >= 0 ? 0 : errno);
}

int
main(int argc, char **argv)
{
    pthread_t t[THREADS];
    int opened = 0, refused = 0;
    if (argc < 4)
        return 2;
    granted = argv[1];
    outside = argv[2];
    printf("idle_us=%llu\n", (unsigned long long)measure_p99());
    fflush(stdout);
    for (long i = 0; i < THREADS; i++)
        pthread_create(&t[i], NULL, waiter, (void *)(intptr_t)i);
    while (access(argv[3], F_OK) < 0)
        usleep(2000);
    printf("busy_us=%llu\n", (unsigned long long)measure_p99());
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        printf("other_us=%llu\n", (unsigned long long)measure_p99());
        exit(0);
    }
    waitpid(child, NULL, 0);
    puts("measured");
    fflush(stdout);
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(t[i], &result);
        if (!result)
            opened++;
        else if ((intptr_t)result == EACCES)
            refused++;
    }
    printf("opened=%d refused=%d\n", opened, refused);
    return 0;
}
