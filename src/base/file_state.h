// SPDX-License-Identifier: Apache-2.0
// What tells one state of a file from another. The ctime cannot be set back. Any thread.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

// Without padding: compared and hashed as bytes.
struct file_state {
    uint64_t dev, ino, size;
    int64_t mtime, mtime_ns, ctime, ctime_ns;
};

static inline struct file_state
file_state_of(const struct stat *st)
{
    return (struct file_state){.dev = st->st_dev,
                               .ino = st->st_ino,
                               .size = (uint64_t)st->st_size,
                               .mtime = st->st_mtim.tv_sec,
                               .mtime_ns = st->st_mtim.tv_nsec,
                               .ctime = st->st_ctim.tv_sec,
                               .ctime_ns = st->st_ctim.tv_nsec};
}

static inline bool
file_state_same(const struct file_state *a, const struct file_state *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static inline bool
file_state_is(const struct file_state *a, const struct stat *st)
{
    const struct file_state b = file_state_of(st);
    return file_state_same(a, &b);
}
