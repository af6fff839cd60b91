// SPDX-License-Identifier: Apache-2.0
#include "clock.h"

#include <time.h>

static uint64_t
read_clock(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

uint64_t
clock_mono_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t
clock_real_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

struct timespec
clock_timespec(uint64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / NS_PER_SEC),
                             .tv_nsec = (long)(ns % NS_PER_SEC)};
}
