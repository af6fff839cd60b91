// SPDX-License-Identifier: Apache-2.0
// Where the file of a bound UNIX socket came to lie. It is made by its name, which others may lead
// elsewhere below the directory that was judged meanwhile (sockets_do.c).
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "bounds.h"
#include "sockets.h"
#include "sockets_diag.h"
#include "util.h"

#define DEPTH_MAX 256

static bool
is_file(int dir, const char *leaf, uint32_t ino)
{
    struct stat st;
    return fstatat(dir, leaf, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(st.st_mode) &&
           (uint32_t)st.st_ino == ino;
}

// True when it was found.
static bool
remove_below(int at, const char *leaf, uint32_t ino, unsigned depth, size_t *budget)
{
    if (is_file(at, leaf, ino)) {
        unlinkat(at, leaf, 0);
        return true;
    }
    int fd = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    bool found = false;
    struct dirent *e;
    if (!dir)
        close_fd(&fd);
    while (dir && !found && depth < DEPTH_MAX && *budget != 0 && (e = readdir(dir))) {
        --*budget;
        if ((e->d_type != DT_DIR && e->d_type != DT_UNKNOWN) || strcmp(e->d_name, ".") == 0 ||
            strcmp(e->d_name, "..") == 0)
            continue;
        cleanup_fd int below = openat(fd, e->d_name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        found = below >= 0 && remove_below(below, leaf, ino, depth + 1, budget);
    }
    if (dir)
        closedir(dir);
    return found;
}

bool
socket_is_at(int fd, const struct resolved *place)
{
    struct unix_diag_vfs file;
    struct stat st;
    size_t budget = NONO_NAMES_MAX;
    // Elsewhere the kernel's number may be another than that which is told.
    if (!resolve_is_local(place->fd) || !socket_diag_file_of(fd, &file))
        return fstatat(place->fd, place->leaf, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
               S_ISSOCK(st.st_mode);
    if (is_file(place->fd, place->leaf, file.udiag_vfs_ino))
        return true;
    remove_below(place->fd, place->leaf, file.udiag_vfs_ino, 0, &budget);
    return false;
}
