// SPDX-License-Identifier: Apache-2.0
// Time in nanoseconds. Any thread. Pure code takes "now" as an argument instead.
#pragma once
#include <stdint.h>
#include <time.h>

#define NS_PER_SEC 1000000000ull
#define NS_PER_MS 1000000ull

// CLOCK_MONOTONIC: for waiting and ages.
uint64_t clock_mono_ns(void);
// CLOCK_REALTIME: for the record.
uint64_t clock_real_ns(void);
struct timespec clock_timespec(uint64_t ns);
