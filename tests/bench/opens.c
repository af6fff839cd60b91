// SPDX-License-Identifier: Apache-2.0
// opens FILE [ROUNDS [PER_ROUND]]: microseconds per open+close, "median p50 p99 max" on one line:
// the median over rounds, then single calls of the whole run.
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double
now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int
main(int argc, char **argv)
{
    int rounds = argc > 2 ? atoi(argv[2]) : 15, each = argc > 3 ? atoi(argv[3]) : 2000;
    double *round = calloc((size_t)rounds, sizeof *round);
    double *call = calloc((size_t)(rounds * each), sizeof *call);
    if (argc < 2 || !round || !call)
        return 2;
    for (int r = 0; r < rounds; r++) {
        double start = now_us(), before = start;
        for (int i = 0; i < each; i++) {
            int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
            if (fd < 0) {
                perror(argv[1]);
                return 1;
            }
            close(fd);
            double after = now_us();
            call[r * each + i] = after - before;
            before = after;
        }
        round[r] = (before - start) / each;
    }
    size_t n = (size_t)(rounds * each);
    qsort(round, (size_t)rounds, sizeof *round, compare);
    qsort(call, n, sizeof *call, compare);
    printf("%.2f %.2f %.2f %.2f\n", round[rounds / 2], call[n / 2], call[n * 99 / 100],
           call[n - 1]);
    return 0;
}
