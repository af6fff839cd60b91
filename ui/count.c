// SPDX-License-Identifier: Apache-2.0
#include "count.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util.h"

#define DEPTH_MAX 64        /* of directories; each one on the way is an open descriptor */
#define ENTRIES_MAX 200000u /* looked at, directories included */
#define THREADS_MAX 4
#define STACK_SIZE (256 * 1024)

struct count {
    atomic_int users; /* the one who asked, and the thread */
    atomic_bool given_up, ended;
    char *dir, **risky;
    bool below;
    size_t entries;             /* the thread's */
    struct count_result result; /* likewise, until ended */
};

static atomic_int threads;

static void
free_list(char **list)
{
    for (size_t i = 0; list && list[i]; i++)
        free(list[i]);
    free(list);
}

static void
leave(struct count *c)
{
    if (atomic_fetch_sub(&c->users, 1) > 1)
        return;
    free_list(c->risky);
    free(c->dir);
    free(c);
}

static int
open_dir(int at, const char *name)
{
    struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                           .resolve = at == AT_FDCWD ? 0 : RESOLVE_NO_XDEV};
    return (int)syscall(SYS_openat2, at, name, &how, sizeof how);
}

static bool
is_dir(int at, const struct dirent *e)
{
    struct stat st;
    if (e->d_type != DT_UNKNOWN)
        return e->d_type == DT_DIR;
    return fstatat(at, e->d_name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) == 0 &&
           S_ISDIR(st.st_mode);
}

static void
note_risky(struct count *c, const char *name)
{
    if (c->result.risky++ < COUNT_NAMED)
        snprintf(c->result.names[c->result.risky - 1], COUNT_NAME, "%.*s", COUNT_NAME - 1, name);
}

static void
look_at_name(struct count *c, const char *name)
{
    for (size_t i = 0; c->risky && c->risky[i]; i++)
        if (c->risky[i][0] != '/' && fnmatch(c->risky[i], name, 0) == 0) {
            note_risky(c, name);
            return;
        }
}

// False when nothing more is to be counted.
static bool
count_in(struct count *c, int at, const char *name, unsigned depth)
{
    cleanup_fd int fd = depth < DEPTH_MAX ? open_dir(at, name) : -1;
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    bool goes_on = true;
    if (!d) {
        c->result.whole = false;
        return true;
    }
    steal_fd(&fd);
    errno = 0;
    for (struct dirent *e; goes_on && (e = readdir(d)); errno = 0) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (atomic_load(&c->given_up) || ++c->entries > ENTRIES_MAX) {
            c->result.whole = false;
            goes_on = false;
        } else if (!is_dir(dirfd(d), e)) {
            look_at_name(c, e->d_name);
            goes_on = ++c->result.files <= COUNT_MAX;
        } else if (c->below) {
            goes_on = count_in(c, dirfd(d), e->d_name, depth + 1);
        }
    }
    if (errno)
        c->result.whole = false;
    closedir(d);
    return goes_on;
}

// What the place is called from the directory on; NULL when no rule about that covers it.
static const char *
name_in(const struct count *c, const char *place)
{
    struct stat st;
    size_t n = strlen(c->dir);
    // The root directory is all that ends in a slash.
    n -= n == 1;
    if (strncmp(place, c->dir, n) != 0 || place[n] != '/' || !place[n + 1])
        return NULL;
    if (fstatat(AT_FDCWD, place, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0)
        return NULL;
    bool covered = c->below || (!strchr(place + n + 1, '/') && !S_ISDIR(st.st_mode));
    return covered ? place + n + 1 : NULL;
}

static void
look_for_risky(struct count *c)
{
    for (size_t i = 0; c->risky && c->risky[i] && !atomic_load(&c->given_up); i++) {
        const char *name = c->risky[i][0] == '/' ? name_in(c, c->risky[i]) : NULL;
        if (name)
            note_risky(c, name);
    }
}

static void *
count_thread(void *arg)
{
    struct count *c = arg;
    c->result.whole = true;
    look_for_risky(c);
    count_in(c, AT_FDCWD, c->dir, 0);
    atomic_store(&c->ended, true);
    leave(c);
    atomic_fetch_sub(&threads, 1);
    return NULL;
}

static int
start_thread(struct count *c)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    pthread_t thread;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    // Signals are the main thread's.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int ret = pthread_create(&thread, &attributes, count_thread, c);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return -ret;
}

struct count *
count_start(const char *dir, bool below, char **risky)
{
    // Those that were given up and hang still count.
    if (atomic_fetch_add(&threads, 1) >= THREADS_MAX) {
        atomic_fetch_sub(&threads, 1);
        free_list(risky);
        return NULL;
    }
    struct count *c = xcalloc(1, sizeof *c);
    c->dir = xstrdup(dir);
    c->risky = risky;
    c->below = below;
    atomic_init(&c->users, 2);
    if (start_thread(c) < 0) {
        atomic_fetch_sub(&threads, 1);
        leave(c);
        leave(c);
        return NULL;
    }
    return c;
}

bool
count_ended(const struct count *c, struct count_result *ret_result)
{
    if (!atomic_load(&c->ended))
        return false;
    *ret_result = c->result;
    return true;
}

struct count *
count_free(struct count *c)
{
    if (!c)
        return NULL;
    atomic_store(&c->given_up, true);
    leave(c);
    return NULL;
}
