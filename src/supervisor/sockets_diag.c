// SPDX-License-Identifier: Apache-2.0
#include "sockets_diag.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "util.h"

struct diag_answer {
    struct nlmsghdr header;
    struct unix_diag_msg body;
    char attributes[512];
};

static bool
diag_ask(uint32_t inode, uint32_t show, struct diag_answer *ret, size_t *ret_len)
{
    struct {
        struct nlmsghdr header;
        struct unix_diag_req body;
    } q = {.header = {.nlmsg_len = sizeof q,
                      .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                      .nlmsg_flags = NLM_F_REQUEST},
           .body = {.sdiag_family = AF_UNIX,
                    .udiag_states = ~0u,
                    .udiag_ino = inode,
                    .udiag_show = show,
                    .udiag_cookie = {~0u, ~0u}}};
    cleanup_fd int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0 || send(fd, &q, sizeof q, 0) != sizeof q)
        return false;
    ssize_t n = recv(fd, ret, sizeof *ret, MSG_DONTWAIT);
    *ret_len = n > 0 ? (size_t)n : 0;
    return *ret_len >= offsetof(struct diag_answer, attributes) &&
           ret->header.nlmsg_type == SOCK_DIAG_BY_FAMILY && ret->body.udiag_ino == inode;
}

// One attribute of what the kernel says about a socket; NULL when it says nothing.
static const void *
diag_attribute(uint32_t inode, uint32_t show, uint16_t type, struct diag_answer *a, size_t *ret_len)
{
    size_t len, at = offsetof(struct diag_answer, attributes);
    if (!diag_ask(inode, show, a, &len))
        return NULL;
    while (at + sizeof(struct rtattr) <= len) {
        struct rtattr rta;
        memcpy(&rta, (char *)a + at, sizeof rta);
        if (rta.rta_len < sizeof rta || rta.rta_len > len - at)
            return NULL;
        *ret_len = rta.rta_len - sizeof rta;
        if (rta.rta_type == type)
            return (char *)a + at + sizeof rta;
        at += RTA_ALIGN(rta.rta_len);
    }
    return NULL;
}

bool
socket_diag_file(uint32_t socket, struct unix_diag_vfs *ret_file)
{
    struct diag_answer a;
    size_t len;
    const void *found = diag_attribute(socket, UDIAG_SHOW_VFS, UNIX_DIAG_VFS, &a, &len);
    if (!found || len < sizeof *ret_file)
        return false;
    memcpy(ret_file, found, sizeof *ret_file);
    return true;
}

bool
socket_diag_file_of(int fd, struct unix_diag_vfs *ret_file)
{
    struct stat st;
    return fstat(fd, &st) == 0 && socket_diag_file((uint32_t)st.st_ino, ret_file);
}

bool
socket_diag_has_abstract(uint32_t socket, const char *name, size_t len)
{
    struct diag_answer a;
    size_t n;
    const char *found = diag_attribute(socket, UDIAG_SHOW_NAME, UNIX_DIAG_NAME, &a, &n);
    return found && n == len + 1 && found[0] == 0 && memcmp(found + 1, name, len) == 0;
}
