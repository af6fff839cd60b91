// SPDX-License-Identifier: Apache-2.0
// Cleanup attributes, allocation that cannot fail, descriptors. Any thread.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

// Allocation: never NULL; running out ends the program through die().
void *xmalloc(size_t n) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t n) __attribute__((returns_nonnull));
// xstrdup(NULL) is NULL.
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
void *xmemdup(const void *p, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2), returns_nonnull));

// Ends the program: runs the hook (which restores the terminal), prints "nono: ..." and exits 125.
_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
// The hook must be safe to call from any thread; NULL takes it away.
void die_set_hook(void (*hook)(void));

static inline void
freep(void *p)
{
    free(*(void **)p);
}

static inline void
closep(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

#define cleanup_free __attribute__((cleanup(freep)))
#define cleanup_fd __attribute__((cleanup(closep)))

// Hands the descriptor over: returns it and leaves -1 behind.
static inline int
steal_fd(int *fd)
{
    int v = *fd;
    *fd = -1;
    return v;
}

static inline void *
steal_pointer_(void *pp)
{
    void **p = pp, *v = *p;
    *p = NULL;
    return v;
}
#define steal_pointer(pp) ((__typeof__(*(pp)))steal_pointer_(pp))

// Closes *fd unless it is -1 already, and sets it to -1. Keeps errno.
void close_fd(int *fd);

// Writes all n bytes; 0 or -errno. Restarts on EINTR, waits on EAGAIN.
int write_all(int fd, const void *data, size_t n);
// Reads the whole of a small file (at most max bytes) into a NUL-terminated buffer that the caller
// frees. Returns its length or -errno; -EFBIG when it is larger.
ssize_t read_file_at(int dirfd, const char *path, size_t max, char **ret_text);

// Start time of a task in clock ticks since boot (field 22 of /proc/PID/stat): with the pid it
// names a task for good. 0, or -errno (-ESRCH when there is no such task).
int proc_start_time(pid_t pid, uint64_t *ret_ticks);

// mkdir -p with mode 0700 for what is made; 0 or -errno. The last component must then be a
// directory of the caller (-EPERM otherwise).
int make_private_dir(const char *path);
