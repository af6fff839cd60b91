// SPDX-License-Identifier: Apache-2.0
// opens FILE N: opens and closes FILE N times and prints the median and the 99th percentile in
// nanoseconds: "p50 p99".
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t
now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int
compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

int
main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    size_t n = strtoul(argv[2], NULL, 10), warm = n / 10;
    uint64_t *t = calloc(n + warm, sizeof *t);
    for (size_t i = 0; i < n + warm; i++) {
        uint64_t start = now_ns();
        int fd = open(argv[1], O_RDONLY);
        if (fd < 0) {
            fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
            return 1;
        }
        close(fd);
        t[i] = now_ns() - start;
    }
    qsort(t + warm, n, sizeof *t, compare);
    printf("%llu %llu\n", (unsigned long long)t[warm + n / 2],
           (unsigned long long)t[warm + n * 99 / 100]);
    free(t);
    return 0;
}
