// SPDX-License-Identifier: Apache-2.0
#include "holders.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "clock.h"
#include "display.h"
#include "tree.h"
#include "util.h"

#define NAMED_MAX 4 /* tasks that are named */
#define FILTERS "\nSeccomp_filters:"
#define LOOK_NS (50 * NS_PER_MS) /* for all of them together */

static bool
leaves_descriptors(const struct grant *g)
{
    return g->verdict == VERDICT_ALLOW &&
           (g->op == OP_READ || g->op == OP_WRITE || g->op == OP_READWRITE || g->op == OP_CREATE);
}

// By identity where the grant has one: the file may have another name by now.
static bool
is_of(const struct grant *g, int dirfd, const char *fd)
{
    char path[PATH_MAX];
    size_t n = strlen(g->path);

    if (g->reach == REACH_OBJECT && g->ino) {
        struct statx stx;
        return statx(dirfd, fd, AT_STATX_DONT_SYNC, STATX_INO, &stx) == 0 &&
               stx.stx_ino == g->ino && makedev(stx.stx_dev_major, stx.stx_dev_minor) == g->dev;
    }
    ssize_t length = readlinkat(dirfd, fd, path, sizeof path - 1);
    if (length < 0)
        return false;
    path[length] = 0;
    if (g->reach == REACH_OBJECT)
        return strcmp(path, g->path) == 0;
    // The root directory is all that ends in a slash.
    n -= n == 1;
    if (strncmp(path, g->path, n) != 0 || path[n] != '/')
        return false;
    return g->reach == REACH_SUBTREE || !strchr(path + n + 1, '/');
}

static bool
holds(const struct grant *g, pid_t pid, uint64_t end)
{
    char path[64];
    bool found = false;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *d = opendir(path);
    for (const struct dirent *e; d && !found && clock_mono_ns() < end && (e = readdir(d));)
        found = e->d_name[0] != '.' && is_of(g, dirfd(d), e->d_name);
    if (d)
        closedir(d);
    return found;
}

// How many seccomp filters a task is under, 0 where that cannot be told. What the name of the task
// holds is escaped there: no line of it can look like another.
static unsigned long
filters_of(pid_t pid)
{
    char file[64];
    cleanup_free char *text = NULL;
    snprintf(file, sizeof file, "/proc/%d/status", (int)pid);
    if (read_file_at(AT_FDCWD, file, 1 << 16, &text) < 0)
        return 0;
    const char *at = strstr(text, FILTERS);
    return at ? strtoul(at + strlen(FILTERS), NULL, 10) : 0;
}

void
holders_add_task(struct buf *b, pid_t pid)
{
    char file[64];
    cleanup_free char *comm = NULL;
    snprintf(file, sizeof file, "/proc/%d/comm", (int)pid);
    if (read_file_at(AT_FDCWD, file, 64, &comm) >= 0)
        comm[strcspn(comm, "\n")] = 0;
    cleanup_free char *shown = display_str(comm ? comm : "gone", 0);
    buf_printf(b, "%s/%d", shown, (int)pid);
}

char *
holders_text(const struct grant *g, pid_t root)
{
    cleanup_free pid_t *pids = NULL;
    uint64_t end = clock_mono_ns() + LOOK_NS;
    struct buf b = {0};
    size_t found = 0;

    if (!leaves_descriptors(g) || root <= 0)
        return NULL;
    size_t n = tree_list(root, &pids);
    unsigned long own = filters_of(root);
    // nono itself holds what it is about to hand over, and its record; a process of its own does so
    // as well. Those of the sandbox are the ones with a filter more.
    for (size_t i = 1; i < n; i++) {
        if (filters_of(pids[i]) <= own || !holds(g, pids[i], end))
            continue;
        if (found < NAMED_MAX) {
            buf_puts(&b, found ? ", " : "still open in ");
            holders_add_task(&b, pids[i]);
        }
        found++;
    }
    if (found > NAMED_MAX)
        buf_printf(&b, " and %zu more", found - NAMED_MAX);
    if (clock_mono_ns() >= end)
        buf_puts(&b, found ? " at least" : "who has it open could not be looked at in time");
    else if (!found)
        buf_puts(&b, "no task has it open");
    return buf_steal(&b);
}
