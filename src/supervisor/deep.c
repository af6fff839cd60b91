// SPDX-License-Identifier: Apache-2.0
// What lies so deep that the kernel tells no path of it: whose place is still known, the nearest
// directory above.
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "kernel.h"
#include "resolve.h"
#include "util.h"

#define ROOM (NONO_PATH_MAX - (int)sizeof RESOLVE_BEYOND_TEXT)
// What a call may cost that means harm: a fraction of a second of a worker.
#define STEPS_MAX 4096
#define NAMES_MAX 256
#define ENTRIES_MAX 4096

// The length of the path, or -errno: -ENAMETOOLONG.
static ssize_t
path_of(int fd, char *buf)
{
    ssize_t n = resolve_fd_path(fd, buf);
    return n > ROOM ? -ENAMETOOLONG : n;
}

// The name of the directory at below in that at above, which is another; or NULL.
static char *
name_in(int above, int below)
{
    struct stat want, got;
    char *name = NULL;
    // The look must not show as a use of the directory.
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK;
    int fd = openat(above, ".", flags | O_NOATIME);
    if (fd < 0 && errno == EPERM)
        fd = openat(above, ".", flags);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        close_fd(&fd);
        return NULL;
    }
    struct dirent *e;
    if (fstat(below, &want) == 0)
        for (unsigned i = 0; !name && i < ENTRIES_MAX && (e = readdir(dir)); i++)
            if (e->d_ino == want.st_ino && strcmp(e->d_name, ".") && strcmp(e->d_name, "..") &&
                fstatat(fd, e->d_name, &got, AT_SYMLINK_NOFOLLOW) == 0 &&
                got.st_ino == want.st_ino && got.st_dev == want.st_dev)
                name = xstrdup(e->d_name);
    closedir(dir);
    return name;
}

// Goes up from dir until a path is told, which buf gets. *ret_names: what lies between, from "/"
// on, or NULL where it could not be found out.
static ssize_t
climb(int dir, char *buf, char **ret_names)
{
    cleanup_fd int at = fcntl(dir, F_DUPFD_CLOEXEC, 3);
    cleanup_free char *names = xstrdup("");
    ssize_t n;
    for (unsigned i = 0; (n = path_of(at, buf)) == -ENAMETOOLONG && i < STEPS_MAX; i++) {
        cleanup_fd int up = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (up < 0)
            return -ENAMETOOLONG;
        cleanup_free char *name = names && i < NAMES_MAX ? name_in(up, at) : NULL;
        char *longer = name ? xasprintf("/%s%s", name, names) : NULL;
        free(names);
        names = longer;
        close_fd(&at);
        at = steal_fd(&up);
    }
    if (n >= 0)
        *ret_names = steal_pointer(&names);
    return n;
}

// The line of /proc/self/maps that tells of the mapping at address, of any length.
static char *
mapping_line(const void *address)
{
    char start[32];
    char *line = NULL, *found = NULL;
    size_t room = 0;
    size_t n = (size_t)snprintf(start, sizeof start, "%08lx-", (unsigned long)(uintptr_t)address);
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps && !found && getline(&line, &room, maps) > 0)
        if (strncmp(line, start, n) == 0)
            found = steal_pointer(&line);
    free(line);
    if (maps)
        fclose(maps);
    return found;
}

// A file that is only known by a descriptor: what maps it is told its path.
static ssize_t
mapped(int fd, char *buf, char **ret_names)
{
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    cleanup_fd int file = open(link, flags | O_NOATIME);
    if (file < 0 && errno == EPERM)
        file = open(link, flags);
    void *at = file < 0 ? MAP_FAILED : mmap(NULL, 1, PROT_READ, MAP_PRIVATE, file, 0);
    if (at == MAP_FAILED)
        return -ENAMETOOLONG;
    cleanup_free char *line = mapping_line(at);
    munmap(at, 1);
    char *path = line ? strchr(line, '/') : NULL;
    // A line feed stands there as "\012", which may be a name's own bytes as well.
    if (!path || strchr(path, '\\'))
        return -ENAMETOOLONG;
    path[strcspn(path, "\n")] = 0;
    size_t n = strlen(path) < (size_t)ROOM ? strlen(path) : (size_t)ROOM;
    while (n > 0 && path[n] != '/')
        n--;
    if (n == 0)
        return -ENAMETOOLONG;
    memcpy(buf, path, n);
    buf[n] = 0;
    *ret_names = xstrdup(path + n);
    return (ssize_t)n;
}

ssize_t
resolve_deep_name(struct resolved *r, const struct found *found)
{
    struct stat st;
    cleanup_free char *names = NULL;
    ssize_t n = -ENAMETOOLONG;
    const char *leaf = r->leaf;
    if (fstat(r->fd, &st) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode)) {
        n = climb(r->fd, r->path, &names);
    } else if (found && found->dir >= 0) {
        n = climb(found->dir, r->path, &names);
        leaf = found->name;
    } else if (S_ISREG(st.st_mode)) {
        n = mapped(r->fd, r->path, &names);
    }
    if (n < 0)
        return n;
    if (names)
        r->whole = xasprintf("%s%s%s%s", r->path, names, leaf[0] ? "/" : "", leaf);
    r->known = (size_t)n;
    strcpy(r->path + n, RESOLVE_BEYOND_TEXT);
    r->pathless = st.st_nlink == 0;
    return n + (ssize_t)sizeof RESOLVE_BEYOND_TEXT - 1;
}
