// SPDX-License-Identifier: Apache-2.0
#include "terminal.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "bounds.h"
#include "tracee.h"
#include "util.h"

#define DEPTH_MAX 32
#define FDS_MAX 1024

static bool
is_controlling(pid_t pid, const struct stat *st)
{
    char path[64];
    unsigned n;
    cleanup_free char *text = NULL;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (read_file_at(AT_FDCWD, path, 4096, &text) < 0)
        return false;
    // The name in parentheses is the process's own and may hold anything.
    const char *end = strrchr(text, ')');
    if (!end || sscanf(end, ") %*c %*d %*d %*d %u", &n) != 1 || n == 0)
        return false;
    return st->st_rdev == makedev(n >> 8 & 0xfff, (n & 0xff) | (n >> 12 & 0xfff00));
}

static bool
has_on_stdio(pid_t tid, const struct stat *st)
{
    char path[64];
    struct stat own;
    for (int fd = 0; fd < 3; fd++) {
        snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)tid, fd);
        if (stat(path, &own) == 0 && own.st_dev == st->st_dev && own.st_ino == st->st_ino &&
            own.st_rdev == st->st_rdev)
            return true;
    }
    return false;
}

// Does descriptor name of the process in dir hold the other end of that terminal?
static bool
is_master(const char *dir, const char *name, const struct stat *st)
{
    char path[128], target[32];
    snprintf(path, sizeof path, "%s/fd/%.16s", dir, name);
    ssize_t n = readlink(path, target, sizeof target - 1);
    if (n < 4 || memcmp(target + n - 4, "ptmx", 4) != 0)
        return false;
    cleanup_free char *text = NULL;
    snprintf(path, sizeof path, "%s/fdinfo/%.16s", dir, name);
    if (read_file_at(AT_FDCWD, path, 4096, &text) < 0)
        return false;
    const char *index = strstr(text, "\ntty-index:");
    return index && strtoul(index + 11, NULL, 10) == minor(st->st_rdev);
}

static bool
holds_master(pid_t pid, const struct stat *st)
{
    char dir[64], fds[80];
    snprintf(dir, sizeof dir, "/proc/%d", (int)pid);
    snprintf(fds, sizeof fds, "%s/fd", dir);
    DIR *d = opendir(fds);
    if (!d)
        return false;
    bool found = false;
    struct dirent *e;
    for (unsigned n = 0; !found && n < FDS_MAX && (e = readdir(d)); n++)
        found = is_master(dir, e->d_name, st);
    closedir(d);
    return found;
}

bool
terminal_is_inside(pid_t tid, pid_t monitor, const char *path, const struct stat *st)
{
    struct tracee_status s;
    if (S_ISDIR(st->st_mode) || strcmp(path, TERMINAL_DIR "/ptmx") == 0)
        return true;
    if (!S_ISCHR(st->st_mode))
        return false;
    if (is_controlling(monitor, st) || has_on_stdio(tid, st))
        return true;
    pid_t pid = tid;
    for (unsigned depth = 0; depth < DEPTH_MAX && tracee_is_inside(pid); depth++) {
        if (holds_master(pid, st))
            return true;
        if (tracee_read_status(pid, &s) < 0)
            return false;
        pid = s.ppid;
    }
    return false;
}
