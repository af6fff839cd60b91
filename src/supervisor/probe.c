// SPDX-License-Identifier: Apache-2.0
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bounds.h"
#include "kernel.h"
#include "landlock.h"
#include "notify.h"
#include "sockets.h"
#include "tracee.h"
#include "util.h"

#define PROBE_TIMEOUT_MS 2000

// A child whose getppid() is notified; it returns what the call gave.
struct probe_child {
    pid_t pid;
    int listener; /* or -errno */
};

static int
load_probe_filter(unsigned long flags)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog prog = {.len = ARRAY_SIZE(code), .filter = code};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    int fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                          SECCOMP_FILTER_FLAG_NEW_LISTENER | flags, &prog);
    return fd < 0 ? -errno : fd;
}

static char probe_text[] = "/probe";

static struct probe_child
probe_spawn(unsigned long flags)
{
    int pair[2];
    struct probe_child c = {.pid = -1, .listener = -EIO};
    if (pipe2(pair, O_CLOEXEC) < 0)
        return c;
    c.pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
    if (c.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        int listener = load_probe_filter(flags);
        if (write(pair[1], &listener, sizeof listener) != sizeof listener || listener < 0)
            _exit(1);
        _exit(syscall(SYS_getppid, probe_text) == 1 ? 0 : 1);
    }
    if (c.pid < 0 || read(pair[0], &c.listener, sizeof c.listener) != sizeof c.listener)
        c.listener = -EIO;
    close(pair[0]);
    close(pair[1]);
    return c;
}

static void
probe_end(struct probe_child *c)
{
    close_fd(&c->listener);
    if (c->pid > 0) {
        kill(c->pid, SIGKILL);
        waitpid(c->pid, NULL, 0);
    }
}

static int
probe_receive(const struct probe_child *c, struct seccomp_notif *n)
{
    struct pollfd pfd = {.fd = c->listener, .events = POLLIN};
    if (c->listener < 0)
        return c->listener;
    if (poll(&pfd, 1, PROBE_TIMEOUT_MS) != 1)
        return -ETIMEDOUT;
    return notify_recv(c->listener, n);
}

static int
try_listener(unsigned long flags)
{
    struct seccomp_notif n;
    struct probe_child c = probe_spawn(flags);
    int ret = probe_receive(&c, &n);
    if (ret == 0)
        ret = notify_return(c.listener, n.id, 1);
    probe_end(&c);
    return ret;
}

static int
try_sync(void)
{
    struct probe_child c = probe_spawn(0);
    int ret = c.listener < 0 ? c.listener : notify_set_sync(c.listener);
    probe_end(&c);
    return ret;
}

static int
try_addfd(void)
{
    struct seccomp_notif n;
    struct probe_child c = probe_spawn(0);
    int ret = probe_receive(&c, &n);
    if (ret == 0)
        ret = notify_give_fd(c.listener, n.id, STDERR_FILENO, true);
    probe_end(&c);
    return ret;
}

static int
try_read(void)
{
    struct seccomp_notif n;
    char text[NONO_PATH_MAX];
    struct probe_child c = probe_spawn(0);
    int ret = probe_receive(&c, &n);
    if (ret == 0) {
        ssize_t len = tracee_read_path((pid_t)n.pid, n.data.args[0], text);
        ret = len < 0 ? (int)len : strcmp(text, probe_text) == 0 ? 0 : -EIO;
    }
    probe_end(&c);
    return ret;
}

static int
try_getfd(void)
{
    struct seccomp_notif n;
    struct probe_child c = probe_spawn(0);
    int ret = probe_receive(&c, &n);
    if (ret == 0) {
        cleanup_fd int fd = socket_steal_fd((pid_t)n.pid, c.listener);
        ret = fd < 0 ? fd : 0;
    }
    probe_end(&c);
    return ret;
}

static int
try_openat2(void)
{
    cleanup_fd int fd = sys_openat2(AT_FDCWD, "/", O_PATH | O_CLOEXEC, 0, RESOLVE_NO_SYMLINKS);
    return fd < 0 ? -errno : 0;
}

static int
try_cached(void)
{
    cleanup_fd int fd = sys_openat2(AT_FDCWD, "/", O_PATH | O_CLOEXEC, 0, RESOLVE_CACHED);
    return fd < 0 && errno != EAGAIN ? -errno : 0;
}

size_t
probe_kernel(struct probe_result *results)
{
    int abi = landlock_abi();
    const struct probe_result found[] = {
        {"Landlock", PROBE_REQUIRED, abi ? 0 : -EOPNOTSUPP, abi,
         "no floor: nono run starts only with --without-landlock"},
        {"Landlock: renames across directories (ABI 2)", PROBE_WANTED, abi >= 2 ? 0 : -EOPNOTSUPP,
         0, "moving files between directories fails with EXDEV"},
        {"Landlock: truncation (ABI 3)", PROBE_WANTED, abi >= 3 ? 0 : -EOPNOTSUPP, 0,
         "truncate(2) outside writable places is not stopped"},
        {"Landlock: device ioctls (ABI 5)", PROBE_WANTED, abi >= 5 ? 0 : -EOPNOTSUPP, 0,
         "ioctl(2) on devices is not stopped"},
        {"Landlock: signals and abstract sockets (ABI 6)", PROBE_WANTED, abi >= 6 ? 0 : -EOPNOTSUPP,
         0, "the sandbox can signal your other processes and reach abstract sockets"},
        {"seccomp listener", PROBE_REQUIRED, try_listener(0), 0,
         "nothing can be asked (a container may forbid it, or another supervisor is above)"},
        {"seccomp: wait killable after receive", PROBE_WANTED,
         try_listener(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV), 0,
         "signals interrupt calls that wait for you, which may ask again"},
        {"seccomp: answer with a descriptor", PROBE_REQUIRED, try_addfd(), 0,
         "an approved file cannot be handed over"},
        {"seccomp: synchronous wake-up", PROBE_WANTED, try_sync(), 0,
         "each supervised call takes several times as long"},
        {"reading a task's memory", PROBE_REQUIRED, try_read(), 0,
         "paths cannot be read (ptrace is restricted here)"},
        {"duplicating a task's descriptors", PROBE_WANTED, try_getfd(), 0,
         "every connect, bind and send with an address is refused"},
        {"openat2", PROBE_REQUIRED, try_openat2(), 0, "paths cannot be resolved safely"},
        {"openat2: cached lookups", PROBE_WANTED, try_cached(), 0,
         "a slow file system can delay every call"},
    };
    _Static_assert(ARRAY_SIZE(found) <= PROBE_MAX, "room for the results");
    memcpy(results, found, sizeof found);
    return ARRAY_SIZE(found);
}
