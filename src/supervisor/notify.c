// SPDX-License-Identifier: Apache-2.0
#include "notify.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kernel.h"

int
notify_set_sync(int listener)
{
    // By value: a pointer gives EINVAL.
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP) < 0
               ? -errno
               : 0;
}

int
notify_recv(int listener, struct seccomp_notif *ret_n)
{
    memset(ret_n, 0, sizeof *ret_n); // the kernel refuses a buffer that isn't zeroed
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, ret_n) < 0 ? -errno : 0;
}

// A worker may be interrupted while the kernel waits for the listener's lock: an answer that is not
// sent for that leaves its task waiting for ever.
static int
ask_kernel(int listener, unsigned long request, void *arg)
{
    int ret;
    do
        ret = ioctl(listener, request, arg);
    while (ret < 0 && errno == EINTR);
    return ret < 0 ? -errno : ret;
}

bool
notify_valid(int listener, uint64_t id)
{
    return ask_kernel(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

static int
notify_send(int listener, struct seccomp_notif_resp *resp)
{
    return ask_kernel(listener, SECCOMP_IOCTL_NOTIF_SEND, resp);
}

int
notify_continue(int listener, uint64_t id)
{
    struct seccomp_notif_resp resp = {.id = id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
    return notify_send(listener, &resp);
}

int
notify_fail(int listener, uint64_t id, int error)
{
    struct seccomp_notif_resp resp = {.id = id, .error = -error};
    return notify_send(listener, &resp);
}

int
notify_return(int listener, uint64_t id, int64_t value)
{
    struct seccomp_notif_resp resp = {.id = id, .val = value};
    return notify_send(listener, &resp);
}

int
notify_give_fd(int listener, uint64_t id, int fd, bool cloexec)
{
    struct seccomp_notif_addfd addfd = {.id = id,
                                        .flags = SECCOMP_ADDFD_FLAG_SEND,
                                        .srcfd = (uint32_t)fd,
                                        .newfd_flags = cloexec ? O_CLOEXEC : 0};
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &addfd) < 0 ? -errno : 0;
}

int
notify_lend_fd(int listener, uint64_t id, int fd)
{
    struct seccomp_notif_addfd addfd = {.id = id, .srcfd = (uint32_t)fd, .newfd_flags = O_CLOEXEC};
    return ask_kernel(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &addfd);
}
