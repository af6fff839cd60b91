// SPDX-License-Identifier: Apache-2.0
// Kernel constants newer than Debian 12's headers, and system calls without a libc wrapper.
#pragma once
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif
#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1ul << 0)
#endif
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1ul << 5)
#endif

#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ull << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ull << 15)
#endif
#define NONO_LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (1ull << 0)
#define NONO_LANDLOCK_SCOPE_SIGNAL (1ull << 1)

// linux/landlock.h of ABI 7; the kernel takes the size and ignores zeroes it does not know.
struct nono_landlock_ruleset_attr {
    uint64_t handled_access_fs;
    uint64_t handled_access_net;
    uint64_t scoped;
};

struct nono_landlock_net_port_attr {
    uint64_t allowed_access;
    uint64_t port;
};

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452 /* Linux 6.6 */
#endif
#ifndef SYS_setxattrat
#define SYS_setxattrat 463 /* 6.13 */
#define SYS_removexattrat 466
#endif
#ifndef SYS_open_tree_attr
#define SYS_open_tree_attr 467 /* 6.15 */
#endif
#ifndef SYS_file_setattr
#define SYS_file_setattr 469 /* 6.17 */
#endif

#define NONO_PIDFD_THREAD O_EXCL /* pidfd_open(2): of one thread, Linux 6.9 */
#ifndef IPPROTO_ETHERNET
#define IPPROTO_ETHERNET 143
#endif
#define NONO_IPPROTO_L2TP 115
#define NONO_IPPROTO_SMC 256
#define NONO_IPV6_FLOWLABEL_MGR 32  /* setsockopt(2) */
#define NONO_MSG_ZEROCOPY 0x4000000 /* send(2) */
#define NONO_LANDLOCK_NET_BIND_TCP (1ull << 0)
#define NONO_LANDLOCK_NET_CONNECT_TCP (1ull << 1)
#define NONO_LANDLOCK_RULE_NET_PORT 2
#define NONO_MFD_EXEC 0x10u           /* 6.3 */
#define NONO_AT_EXECVE_CHECK 0x10000u /* 6.14: nothing is run */

// Answers that make the kernel restart the call (include/linux/errno.h, not for user space).
#define NONO_ERESTARTSYS 512    /* as the signal's SA_RESTART says */
#define NONO_ERESTARTNOINTR 513 /* always */
// Neither is understood where no signal is pending: a bare 513 would reach the program. So this is
// never sent: what was held is not what is there any more, the call is judged anew.
#define NONO_ECHANGED 4096
#define NONO_ELATER 4097       /* nor is this: there is more to do than was to be done at once */
#define NONO_ERESTART_LAST 516 /* ERESTART_RESTARTBLOCK */

static inline int
sys_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
    struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
    return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof how);
}
