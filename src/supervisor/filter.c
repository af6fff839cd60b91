// SPDX-License-Identifier: Apache-2.0
#include "filter.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "calls.h"
#include "kernel.h"
#include "util.h"

// What is refused always. By number where libseccomp 2.5.4 lacks the name.
struct refused_row {
    int nr;
    int error;
};
static const struct refused_row refused_rows[] = {
    // Of a ring that was made elsewhere; see also absent.c.
    {SYS_io_uring_enter, ENOSYS},
    {SYS_io_uring_register, ENOSYS},
    // Its flags lie in memory; libc falls back to clone, whose flags are a register.
    {SYS_clone3, ENOSYS},
    // Paths must keep their meaning.
    {SYS_setns, EPERM},
    {SYS_chroot, EPERM},
    {SYS_mount, EPERM},
    {SYS_umount2, EPERM},
    {SYS_pivot_root, EPERM},
    {SYS_open_tree, EPERM},
    {SYS_open_tree_attr, EPERM},
    {SYS_move_mount, EPERM},
    {SYS_fsopen, EPERM},
    {SYS_fsconfig, EPERM},
    {SYS_fsmount, EPERM},
    {SYS_fspick, EPERM},
    {SYS_mount_setattr, EPERM},
    // Ways round names, or into the kernel.
    {SYS_open_by_handle_at, EPERM},
    {SYS_bpf, EPERM},
    {SYS_keyctl, EPERM},
    {SYS_add_key, EPERM},
    {SYS_request_key, EPERM},
    {SYS_perf_event_open, EPERM},
    {SYS_userfaultfd, EPERM},
    {SYS_fanotify_init, EPERM},
    {SYS_kexec_load, EPERM},
#ifdef SYS_kexec_file_load
    {SYS_kexec_file_load, EPERM},
#endif
    {SYS_init_module, EPERM},
    {SYS_finit_module, EPERM},
    {SYS_delete_module, EPERM},
    {SYS_swapon, EPERM},
    {SYS_swapoff, EPERM},
    {SYS_reboot, EPERM},
    {SYS_acct, EPERM},
    {SYS_quotactl, EPERM},
    {SYS_quotactl_fd, EPERM},
#ifdef SYS_iopl
    {SYS_iopl, EPERM},
    {SYS_ioperm, EPERM},
#endif
};

static const uint64_t namespace_flags[] = {CLONE_NEWNS,  CLONE_NEWUSER,   CLONE_NEWPID,
                                           CLONE_NEWNET, CLONE_NEWCGROUP, CLONE_NEWUTS,
                                           CLONE_NEWIPC};

// Only MASKED_EQ on the low 32 bits: the kernel truncates an int argument, libseccomp's EQ looks at
// all 64 and is evaded by garbage above; its range comparisons have bugs before 2.6.1.
#define LOW(arg, value) SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, 0xffffffffu, (uint32_t)(value))
#define BITS(arg, bits, value) SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, bits, value)

static int
add_notified(scmp_filter_ctx ctx)
{
    size_t n;
    const struct call_row *rows = call_rows(&n);
    for (size_t i = 0; i < n; i++) {
        const struct call_row *row = &rows[i];
        struct scmp_arg_cmp when = row->when == WHEN_BITS_CLEAR
                                       ? BITS(row->arg, row->bits, 0)
                                       : SCMP_CMP(row->arg, SCMP_CMP_NE, 0);
        int ret = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, row->nr, row->when != WHEN_ALWAYS, when);
        if (ret < 0)
            return ret;
        // Looked for first: these are the calls that run the program at all, the kernel remembers
        // the others.
        seccomp_syscall_priority(ctx, row->nr, row->family == FAMILY_OPEN ? 255 : 128);
    }
    return 0;
}

static int
add_refused(scmp_filter_ctx ctx)
{
    int ret = 0;
    for (size_t i = 0; i < ARRAY_SIZE(refused_rows) && ret == 0; i++)
        ret = seccomp_rule_add(ctx, SCMP_ACT_ERRNO((uint32_t)refused_rows[i].error),
                               refused_rows[i].nr, 0);
    for (size_t i = 0; i < ARRAY_SIZE(namespace_flags) && ret == 0; i++) {
        uint64_t bit = namespace_flags[i];
        ret = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SYS_clone, 1, BITS(0, bit, bit));
        if (ret == 0)
            ret = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SYS_unshare, 1, BITS(0, bit, bit));
    }
    // I4: nothing types into a terminal, the supervisor's or another.
    if (ret == 0)
        ret = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SYS_ioctl, 1, LOW(1, TIOCSTI));
    if (ret == 0)
        ret = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SYS_ioctl, 1, LOW(1, TIOCLINUX));
    // A task that is not dumpable could not be read by a supervisor without privileges: answered 0,
    // no effect.
    if (ret == 0)
        ret = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(0), SYS_prctl, 2, LOW(0, PR_SET_DUMPABLE),
                               LOW(1, 0));
    return ret;
}

// Numbers that differ from the first in the bits of `rest` only: a rule for each of them would take
// a millisecond of every start.
struct number_range {
    uint32_t first, rest;
};

#define NETLINK_FAMILIES 32 /* MAX_LINKS */
#define TYPE_BITS 0xfu      /* of the type; the rest are flags */
#define INET_TYPE(value) BITS(1, TYPE_BITS, value)

// What is not there for socket(2) cannot be judged by its address: raw and packet sockets, SCTP
// (which connects by setsockopt(2)), kernel interfaces. The errors are those of a kernel that has
// none of it.
static int
add_types(scmp_filter_ctx ctx, int family)
{
    // All but SOCK_STREAM (1), SOCK_DGRAM (2), SOCK_RAW (3) and SOCK_PACKET (10).
    static const struct {
        struct number_range types;
        int error;
    } rows[] = {{{0, 0}, ESOCKTNOSUPPORT},
                {{4, 3}, ESOCKTNOSUPPORT},
                {{8, 1}, ESOCKTNOSUPPORT},
                {{11, 0}, EINVAL},
                {{12, 3}, EINVAL}};
    int ret = 0;
    for (size_t i = 0; i < ARRAY_SIZE(rows) && ret == 0; i++)
        ret = seccomp_rule_add(ctx, SCMP_ACT_ERRNO((uint32_t)rows[i].error), SYS_socket, 2,
                               LOW(0, family),
                               BITS(1, TYPE_BITS & ~rows[i].types.rest, rows[i].types.first));
    if (ret == 0)
        ret = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(family == AF_INET ? EPERM : ESOCKTNOSUPPORT),
                               SYS_socket, 2, LOW(0, family), INET_TYPE(SOCK_PACKET));
    // Of protocol 0 there are no raw sockets, whoever asks.
    if (ret == 0)
        ret = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPROTONOSUPPORT), SYS_socket, 3, LOW(0, family),
                               INET_TYPE(SOCK_RAW), LOW(2, 0));
    if (ret == 0)
        ret = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SYS_socket, 3, LOW(0, family),
                               INET_TYPE(SOCK_RAW), SCMP_CMP(2, SCMP_CMP_NE, 0));
    return ret;
}

static int
add_protocols(scmp_filter_ctx ctx, int family)
{
    static const uint32_t protocols[] = {IPPROTO_DCCP, NONO_IPPROTO_L2TP, IPPROTO_SCTP,
                                         IPPROTO_ETHERNET, NONO_IPPROTO_SMC};
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM};
    int ret = 0;
    for (size_t i = 0; i < ARRAY_SIZE(protocols) && ret == 0; i++)
        for (size_t j = 0; j < ARRAY_SIZE(types) && ret == 0; j++)
            ret = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPROTONOSUPPORT), SYS_socket, 3,
                                   LOW(0, family), INET_TYPE(types[j]), LOW(2, protocols[i]));
    return ret;
}

// All but AF_UNIX (1), AF_INET (2), AF_INET6 (10) and AF_NETLINK (16). The kernel has none from 64
// on.
static const struct number_range refused_families[] = {
    {0, 0}, {3, 0}, {4, 3}, {8, 1}, {11, 0}, {12, 3}, {17, 0}, {18, 1}, {20, 3}, {24, 7}, {32, 31}};

static int
add_sockets(scmp_filter_ctx ctx)
{
    static const int calls[] = {SYS_socket, SYS_socketpair};
    static const int inet[] = {AF_INET, AF_INET6};
    // Routes and source routes lead packets elsewhere than to the address that was judged.
    static const struct {
        uint32_t level, option;
    } leading[] = {{IPPROTO_IP, IP_OPTIONS},
                   {IPPROTO_IPV6, IPV6_RTHDR},
                   {IPPROTO_IPV6, IPV6_2292PKTOPTIONS},
                   // Its labels may carry them.
                   {IPPROTO_IPV6, NONO_IPV6_FLOWLABEL_MGR}};
    int ret = 0;
    for (size_t i = 0; i < ARRAY_SIZE(calls) && ret == 0; i++)
        for (size_t j = 0; j < ARRAY_SIZE(refused_families) && ret == 0; j++)
            ret = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), calls[i], 1,
                                   BITS(0, ~refused_families[j].rest, refused_families[j].first));
    // Of netlink the routing tables only (0), which programs read to find their own addresses.
    for (uint32_t bit = 1; bit < NETLINK_FAMILIES && ret == 0; bit <<= 1)
        ret = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPROTONOSUPPORT), SYS_socket, 2,
                               LOW(0, AF_NETLINK), BITS(2, bit, bit));
    for (size_t i = 0; i < ARRAY_SIZE(inet) && ret == 0; i++) {
        ret = add_types(ctx, inet[i]);
        if (ret == 0)
            ret = add_protocols(ctx, inet[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(leading) && ret == 0; i++)
        ret = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SYS_setsockopt, 2,
                               LOW(1, leading[i].level), LOW(2, leading[i].option));
    return ret;
}

static int
export_program(scmp_filter_ctx ctx, struct sock_fprog *ret_prog)
{
    cleanup_fd int fd = memfd_create("nono-filter", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    int ret = seccomp_export_bpf(ctx, fd);
    if (ret < 0)
        return ret;
    off_t size = lseek(fd, 0, SEEK_END);
    if (size <= 0 || size % (off_t)sizeof(struct sock_filter))
        return -EIO;
    struct sock_filter *code = xmalloc((size_t)size);
    if (pread(fd, code, (size_t)size, 0) != size) {
        free(code);
        return -EIO;
    }
    ret_prog->filter = code;
    ret_prog->len = (unsigned short)((size_t)size / sizeof *code);
    return 0;
}

int
filter_build(struct sock_fprog *ret_prog, struct err *err)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    if (!ctx)
        return err_set(err, -ENOMEM, "libseccomp: cannot make a filter");
    // 32-bit and x32 calls have other numbers for the same things: none of them runs (absent.c).
    int ret = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_NOTIFY);
    if (ret == 0)
        ret = add_notified(ctx);
    if (ret == 0)
        ret = add_refused(ctx);
    if (ret == 0)
        ret = add_sockets(ctx);
    if (ret == 0)
        ret = export_program(ctx, ret_prog);
    seccomp_release(ctx);
    return ret < 0 ? err_set(err, ret, "libseccomp: %s", strerror(-ret)) : 0;
}

int
filter_load(const struct sock_fprog *prog, bool killable)
{
    unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
    if (killable)
        flags |= SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    int fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, prog);
    return fd < 0 ? -errno : fd;
}
