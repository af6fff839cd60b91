// SPDX-License-Identifier: Apache-2.0
#include "tracee.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "bounds.h"
#include "buf.h"
#include "copies.h"
#include "mounts.h"
#include "util.h"

#define PAGE 4096u
#define FD_LOOKS_MAX 1024 /* the usual limit of descriptors */

ssize_t
tracee_read_path(pid_t tid, uint64_t addr, char *buf)
{
    // One remote part per page: the read stops before a page that is not there, and what was before
    // it counts.
    struct iovec local = {.iov_base = buf, .iov_len = NONO_PATH_MAX};
    size_t first = PAGE - (addr & (PAGE - 1));
    struct iovec remote[2] = {
        {.iov_base = (void *)(uintptr_t)addr, .iov_len = first},
        {.iov_base = (void *)(uintptr_t)(addr + first), .iov_len = NONO_PATH_MAX - first},
    };
    // Most paths are short: try what is left of the page before touching the next one.
    size_t got = 0;
    if (first >= 256) {
        ssize_t n = process_vm_readv(tid, &local, 1, remote, 1, 0);
        if (n < 0)
            return -errno;
        char *end = memchr(buf, 0, (size_t)n);
        if (end)
            return end - buf;
        got = (size_t)n;
    }
    if (got < NONO_PATH_MAX) {
        ssize_t n = process_vm_readv(tid, &local, 1, remote, remote[1].iov_len ? 2 : 1, 0);
        if (n < 0)
            return -errno;
        got = (size_t)n;
    }
    char *end = memchr(buf, 0, got);
    if (end)
        return end - buf;
    return got == NONO_PATH_MAX ? -ENAMETOOLONG : -EFAULT;
}

int
tracee_read(pid_t tid, uint64_t addr, void *buf, size_t n)
{
    struct iovec local = {.iov_base = buf, .iov_len = n};
    struct iovec remote = {.iov_base = (void *)(uintptr_t)addr, .iov_len = n};
    ssize_t got = process_vm_readv(tid, &local, 1, &remote, 1, 0);
    if (got < 0)
        return -errno;
    return (size_t)got == n ? 0 : -EFAULT;
}

static const char *
status_field(const char *text, const char *name)
{
    const char *p = strstr(text, name);
    return p ? p + strlen(name) : "";
}

// A runtime's own upkeep waits until the call is answered: returning for it would turn one prompt
// into a storm of restarts. A default action that ignores the signal ends no wait either.
#define SIGBIT(s) (1ull << ((s)-1))
#define HOUSEKEEPING                                                                               \
    (SIGBIT(SIGURG) | SIGBIT(SIGPROF) | SIGBIT(SIGVTALRM) | SIGBIT(SIGCHLD) | SIGBIT(SIGWINCH) |   \
     SIGBIT(SIGCONT))

int
tracee_read_status(pid_t tid, struct tracee_status *ret_s)
{
    char path[64];
    cleanup_free char *text = NULL;
    snprintf(path, sizeof path, "/proc/%d/status", (int)tid);
    ssize_t n = read_file_at(AT_FDCWD, path, 65536, &text);
    if (n < 0)
        return n == -ENOENT ? -ESRCH : (int)n;
    struct tracee_status s = {0};
    // Name: is the only field that the task writes; the kernel escapes newlines in it.
    char state = status_field(text, "\nState:\t")[0];
    s.ended = state == 'Z' || state == 'X';
    s.tgid = (pid_t)strtol(status_field(text, "\nTgid:"), NULL, 10);
    s.ppid = (pid_t)strtol(status_field(text, "\nPPid:"), NULL, 10);
    s.tracer = (pid_t)strtol(status_field(text, "\nTracerPid:"), NULL, 10);
    s.umask = (uint32_t)strtoul(status_field(text, "\nUmask:"), NULL, 8);
    unsigned ids[4] = {0};
    if (sscanf(status_field(text, "\nUid:"), "%u %u %u %u", &ids[0], &ids[1], &ids[2], &ids[3]) !=
        4)
        return -EIO;
    s.fsuid = ids[3];
    uint64_t pending = strtoull(status_field(text, "\nSigPnd:"), NULL, 16);
    // What is sent to the process is put upon one thread, the first whenever that can take it
    // (kernel/signal.c, complete_signal()). Another one that returned a restart code for it would
    // hand the bare code to its program.
    if (s.tgid == tid)
        pending |= strtoull(status_field(text, "\nShdPnd:"), NULL, 16);
    uint64_t silent = strtoull(status_field(text, "\nSigBlk:"), NULL, 16) |
                      strtoull(status_field(text, "\nSigIgn:"), NULL, 16) | HOUSEKEEPING;
    s.signal_waiting = pending & ~silent;
    *ret_s = s;
    return 0;
}

pid_t
tracee_process(pid_t tid)
{
    struct tracee_status s;
    return tracee_read_status(tid, &s) == 0 ? s.tgid : tid;
}

static char *
read_link(pid_t tid, const char *what)
{
    char path[64], target[NONO_PATH_MAX];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)tid, what);
    ssize_t n = readlink(path, target, sizeof target);
    return xstrndup(target, n > 0 ? (size_t)n : 0);
}

char *
tracee_program(pid_t tid, bool *ret_is_copy, uint8_t ret_sha256[SHA256_LEN])
{
    char link[64];
    struct stat st;
    char *path = read_link(tid, "exe"), *original = NULL;
    snprintf(link, sizeof link, "/proc/%d/exe", (int)tid);
    if (strncmp(path, NONO_COPY_LINK, sizeof NONO_COPY_LINK - 1) == 0) {
        // It may be another by now, whose server is silent.
        cleanup_fd int fd = open(link, O_PATH | O_CLOEXEC);
        if (fd >= 0 && mount_stat(fd, &st) == 0)
            original = copies_find(&st, ret_sha256);
    }
    if (ret_is_copy)
        *ret_is_copy = original;
    if (!original)
        return path;
    free(path);
    return original;
}

static void
add_ancestor(struct buf *out, pid_t pid, const char *sep)
{
    char path[64];
    cleanup_free char *comm = NULL;
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    ssize_t n = read_file_at(AT_FDCWD, path, 256, &comm);
    if (n > 0 && comm[n - 1] == '\n')
        comm[n - 1] = 0;
    buf_printf(out, "%s%s/%d", sep, n > 0 ? comm : "?", (int)pid);
}

static char *
read_ancestry(pid_t ppid, pid_t stop_pid)
{
    pid_t chain[NONO_ANCESTRY_MAX];
    size_t n = 0;
    struct tracee_status s;
    while (ppid > 1 && ppid != stop_pid && ppid != getpid() && n < NONO_ANCESTRY_MAX) {
        chain[n++] = ppid;
        if (tracee_read_status(ppid, &s) < 0)
            break;
        ppid = s.ppid;
    }
    struct buf out = {0};
    while (n-- > 0)
        add_ancestor(&out, chain[n], out.len ? " > " : "");
    return buf_steal(&out);
}

int
tracee_describe(pid_t tid, pid_t stop_pid, struct request *r)
{
    struct tracee_status s;
    int ret = tracee_read_status(tid, &s);
    if (ret < 0)
        return ret;
    ret = proc_start_time(tid, &r->start_time);
    if (ret < 0)
        return ret;
    r->tid = tid;
    r->pid = s.tgid;
    r->uid = s.fsuid;
    r->exe = tracee_program(tid, &r->has_exe_sha256, r->exe_sha256);
    r->cwd = read_link(tid, "cwd");
    r->ancestry = read_ancestry(s.ppid, stop_pid);
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)tid);
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    char argv[NONO_ARGV_MAX];
    ssize_t n = fd >= 0 ? read(fd, argv, sizeof argv) : 0;
    r->argv_len = n > 0 ? (size_t)n : 0;
    r->argv = xmemdup(argv, r->argv_len);
    return 0;
}

static bool
fd_is_open(pid_t tid, rlim_t fd)
{
    char path[64], target[8];
    snprintf(path, sizeof path, "/proc/%d/fd/%llu", (int)tid, (unsigned long long)fd);
    return readlink(path, target, sizeof target) >= 0;
}

bool
tracee_has_free_fd(pid_t tid)
{
    struct rlimit limit;
    if (prlimit(tid, RLIMIT_NOFILE, NULL, &limit) < 0)
        return true;
    // The highest number is rarely taken: one look tells mostly. A task with a huge table must not
    // hold the others up.
    unsigned looks = 0;
    for (rlim_t fd = limit.rlim_cur; fd-- > 0;)
        if (++looks > FD_LOOKS_MAX || !fd_is_open(tid, fd))
            return true;
    return false;
}

bool
tracee_fd_is_path(pid_t tid, int fd)
{
    char path[64], text[128];
    snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", (int)tid, fd);
    cleanup_fd int info = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = info < 0 ? -1 : read(info, text, sizeof text - 1);
    text[n < 0 ? 0 : n] = 0;
    const char *flags = strstr(text, "flags:");
    return flags && strtoul(flags + 6, NULL, 8) & O_PATH;
}

pid_t
tracee_of_path(const char *path)
{
    char *end;
    if (strncmp(path, "/proc/", 6) != 0 || path[6] < '1' || path[6] > '9')
        return 0;
    long pid = strtol(path + 6, &end, 10);
    return pid <= INT_MAX && (*end == 0 || *end == '/') ? (pid_t)pid : 0;
}

static pid_t monitor_pid;

void
tracee_set_monitor(pid_t monitor)
{
    monitor_pid = monitor;
}

bool
tracee_is_inside(pid_t pid)
{
    pid_t own = getpid();
    struct tracee_status s;
    // A chain that changes under the walk ends somewhere; a long one is nobody's honest tree.
    for (int depth = 0; depth < 4096 && pid > 1 && pid != own && pid != monitor_pid; depth++) {
        if (tracee_read_status(pid, &s) < 0)
            return false;
        if (s.ppid == own || s.ppid == monitor_pid)
            return true;
        pid = s.ppid;
    }
    return false;
}

int
tracee_capabilities(pid_t tid, uint64_t *ret_mask)
{
    struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = tid};
    struct __user_cap_data_struct d[2];
    if (syscall(SYS_capget, &h, d) < 0)
        return -errno;
    *ret_mask = d[0].effective | (uint64_t)d[1].effective << 32;
    return 0;
}

static bool
same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

bool
tracee_shares_root(pid_t tid)
{
    char root[64], mnt[64];
    snprintf(root, sizeof root, "/proc/%d/root", (int)tid);
    snprintf(mnt, sizeof mnt, "/proc/%d/ns/mnt", (int)tid);
    return same_file(root, "/proc/self/root") && same_file(mnt, "/proc/self/ns/mnt");
}
