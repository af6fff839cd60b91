// SPDX-License-Identifier: Apache-2.0
// Where the file of a bound UNIX socket came to lie. It is made by its name, which others may lead
// elsewhere below the directory that was judged meanwhile (sockets_do.c).
#include <dirent.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "bounds.h"
#include "sockets.h"
#include "util.h"

#define DEPTH_MAX 256

// The low half of the file's inode number, which is all that the kernel tells (sock_diag(7)). False
// when it does not.
static bool
file_of(int socket_fd, uint32_t *ret_ino)
{
    struct stat st;
    cleanup_fd int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0 || fstat(socket_fd, &st) < 0)
        return false;
    struct {
        struct nlmsghdr h;
        struct unix_diag_req r;
    } ask = {.h = {.nlmsg_len = sizeof ask,
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST},
             .r = {.sdiag_family = AF_UNIX,
                   .udiag_states = UINT32_MAX,
                   .udiag_ino = (uint32_t)st.st_ino,
                   .udiag_show = UDIAG_SHOW_VFS,
                   .udiag_cookie = {UINT32_MAX, UINT32_MAX}}};
    union {
        struct nlmsghdr h;
        char bytes[4096];
    } answer;
    ssize_t n =
        send(fd, &ask, sizeof ask, 0) < 0 ? -1 : recv(fd, &answer, sizeof answer, MSG_DONTWAIT);
    if (n < 0 || !NLMSG_OK(&answer.h, (size_t)n) || answer.h.nlmsg_type != SOCK_DIAG_BY_FAMILY)
        return false;
    int left = (int)NLMSG_PAYLOAD(&answer.h, sizeof(struct unix_diag_msg));
    struct rtattr *a = (struct rtattr *)((char *)NLMSG_DATA(&answer.h) +
                                         NLMSG_ALIGN(sizeof(struct unix_diag_msg)));
    for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        struct unix_diag_vfs vfs;
        if (a->rta_type != UNIX_DIAG_VFS || RTA_PAYLOAD(a) < sizeof vfs)
            continue;
        memcpy(&vfs, RTA_DATA(a), sizeof vfs);
        *ret_ino = vfs.udiag_vfs_ino;
        return true;
    }
    return false;
}

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
    while (dir && !found && depth<DEPTH_MAX && * budget> 0 && (e = readdir(dir))) {
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
    uint32_t ino;
    struct stat st;
    size_t budget = NONO_NAMES_MAX;
    // Elsewhere the kernel's number may be another than that which is told.
    if (!resolve_is_local(place->fd) || !file_of(fd, &ino))
        return fstatat(place->fd, place->leaf, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
               S_ISSOCK(st.st_mode);
    if (is_file(place->fd, place->leaf, ino))
        return true;
    remove_below(place->fd, place->leaf, ino, 0, &budget);
    return false;
}
