// SPDX-License-Identifier: Apache-2.0
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>

#include "filter.h"
#include "kernel.h"
#include "util.h"

// What ownership of files needs; the rest of root's powers stays outside.
#define KEPT_CAPS                                                                                  \
    ((1ull << CAP_CHOWN) | (1ull << CAP_DAC_OVERRIDE) | (1ull << CAP_FOWNER) | (1ull << CAP_FSETID))

// From the child on its way to the command; followed by the monitor's launch_msg.
enum setup_step {
    STEP_CAPS,
    STEP_NNP,
    STEP_LANDLOCK,
    STEP_FILTER,
    STEP_READY,  /* the listener is there */
    STEP_PARTED, /* the descriptors are the child's own now */
    STEP_EXEC
};
static const char *const step_names[] = {"dropping capabilities",
                                         "no_new_privs",
                                         "Landlock",
                                         "the seccomp filter",
                                         "ready",
                                         "parted",
                                         "exec"};
struct setup_msg {
    int step;  /* enum setup_step */
    int value; /* errno; for STEP_READY the listener's number, negative without WAIT_KILLABLE_RECV
                */
};

static uint64_t
own_caps(void)
{
    struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct d[2];
    if (syscall(SYS_capget, &h, d) < 0)
        return 0;
    return d[0].effective | (uint64_t)d[1].effective << 32;
}

static int
set_caps(uint64_t caps)
{
    struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct d[2] = {
        {.effective = (uint32_t)caps, .permitted = (uint32_t)caps},
        {.effective = (uint32_t)(caps >> 32), .permitted = (uint32_t)(caps >> 32)}};
    return syscall(SYS_capset, &h, d) < 0 ? -errno : 0;
}

static int
drop_caps(uint64_t keep)
{
    if (own_caps() == 0)
        return 0;
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    // Root gets the bounding set back at every exec: what must stay lost goes there.
    for (int cap = 0; cap < 64; cap++)
        if (!(keep & (1ull << cap)) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno == EPERM)
            return -errno;
    return set_caps(keep);
}

int
launch_drop_caps(void)
{
    return drop_caps(own_caps() & KEPT_CAPS);
}

// What the thread acts with now. Threads start with the power of the whole process.
static _Thread_local uint64_t thread_caps = ~0ull;

void
launch_limit_thread(uint64_t caps)
{
    set_caps(own_caps() & (caps | 1ull << CAP_SYS_PTRACE));
    thread_caps = caps;
}

int
launch_lower_thread(uint64_t caps)
{
    struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct d[2];
    if (caps == thread_caps)
        return 0;
    if (syscall(SYS_capget, &h, d) < 0)
        return -errno;
    uint64_t effective =
        (d[0].permitted | (uint64_t)d[1].permitted << 32) & (caps | 1ull << CAP_SYS_PTRACE);
    d[0].effective = (uint32_t)effective;
    d[1].effective = (uint32_t)(effective >> 32);
    if (syscall(SYS_capset, &h, d) < 0)
        return -errno;
    thread_caps = caps;
    return 0;
}

// The monitor outlives what its terminal sends; the command gets the dispositions back that nono
// was started with.
static const int ignored_signals[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTSTP,
                                      SIGTTIN, SIGTTOU, SIGTERM, SIGPIPE};
static void (*former_handlers[ARRAY_SIZE(ignored_signals)])(int);

static void
restore_signals(void)
{
    sigset_t none;
    for (size_t i = 0; i < ARRAY_SIZE(ignored_signals); i++)
        signal(ignored_signals[i], former_handlers[i]);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

_Noreturn static void
child_fail(int fd, int step, int error)
{
    struct setup_msg m = {.step = step, .value = error};
    if (write(fd, &m, sizeof m) < 0)
        _exit(125);
    _exit(125);
}

// Runs in the table of descriptors that it shares with the monitor, until the listener is known.
_Noreturn static void
child_main(const struct launch *l, const struct sock_fprog *prog, int fd)
{
    int ret = launch_drop_caps();
    if (ret < 0)
        child_fail(fd, STEP_CAPS, -ret);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        child_fail(fd, STEP_NNP, errno);
    // I2: the floor is there before the filter.
    if ((ret = floor_enforce(l->floor)) < 0)
        child_fail(fd, STEP_LANDLOCK, -ret);
    bool killable = true;
    int listener = filter_load(prog, true);
    if (listener == -EINVAL) {
        killable = false;
        listener = filter_load(prog, false);
    }
    if (listener < 0)
        child_fail(fd, STEP_FILTER, -listener);
    struct setup_msg ready = {.step = STEP_READY, .value = killable ? listener : -listener};
    char go;
    if (write(fd, &ready, sizeof ready) != sizeof ready || read(fd, &go, 1) != 1)
        _exit(125);
    struct setup_msg parted = {.step = STEP_PARTED};
    if (unshare(CLONE_FILES) < 0 || write(fd, &parted, sizeof parted) != sizeof parted)
        child_fail(fd, STEP_FILTER, errno);
    // With a listener of its own the exec would wait for ever where nono is killed before it
    // answers.
    close(listener);
    for (int i = 0; i < 3; i++)
        if (l->stdio[i] >= 0 && l->stdio[i] != i && dup2(l->stdio[i], i) < 0)
            child_fail(fd, STEP_EXEC, errno);
    // Nothing of the supervisor's, and nothing that its caller left open, reaches the sandbox.
    syscall(SYS_close_range, 3, ~0u, 4 /* CLOSE_RANGE_CLOEXEC */);
    restore_signals();
    for (const char *const *name = l->unset; name && *name; name++)
        unsetenv(*name);
    prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
    execvp(l->argv[0], l->argv);
    child_fail(fd, STEP_EXEC, errno);
}

static int
send_listener(int channel, int listener, const struct setup_msg *m, pid_t child)
{
    int payload[3] = {m->step, m->value, child};
    struct iovec iov = {.iov_base = payload, .iov_len = sizeof payload};
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    if (listener >= 0) {
        msg.msg_control = control.space;
        msg.msg_controllen = sizeof control.space;
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &listener, sizeof(int));
    }
    return sendmsg(channel, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static void
monitor_say(int channel, int what, int value)
{
    struct launch_msg m = {.what = what, .value = value};
    send(channel, &m, sizeof m, MSG_NOSIGNAL);
}

// True while the child lives.
static bool
monitor_reap(int channel, pid_t child)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED)) > 0) {
        if (pid != child)
            continue;
        monitor_say(channel, LAUNCH_STATUS, status);
        if (WIFEXITED(status) || WIFSIGNALED(status))
            return false;
    }
    return true;
}

// Passes the command's states on, and continues it when told. Lives until the supervisor closes the
// channel, so that the terminal keeps its session leader as long as anything of the sandbox runs.
_Noreturn static void
monitor_loop(int channel, int signal_fd, pid_t child, int pty)
{
    struct pollfd fds[2] = {{.fd = channel, .events = POLLIN}, {.fd = signal_fd, .events = POLLIN}};
    bool alive = monitor_reap(channel, child);
    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            _exit(0);
        if (fds[1].revents) {
            struct signalfd_siginfo si;
            if (read(signal_fd, &si, sizeof si) > 0 && alive)
                alive = monitor_reap(channel, child);
        }
        if (fds[0].revents) {
            char order;
            if (recv(channel, &order, 1, 0) <= 0)
                _exit(0);
            if (!alive)
                continue;
            if (pty >= 0)
                tcsetpgrp(pty, child);
            kill(-child, SIGCONT);
        }
    }
}

static bool
is_dead(pid_t child)
{
    siginfo_t si = {0};
    // Left for monitor_reap() to tell the supervisor of.
    return waitid(P_PID, (id_t)child, &si, WEXITED | WNOHANG | WNOWAIT) < 0 || si.si_pid == child;
}

// Reads one word of the child. While the table of descriptors is shared its death closes nothing,
// so that is looked for as well. Returns as read(2).
static ssize_t
monitor_hear(int fd, int signal_fd, pid_t child, struct setup_msg *ret_m)
{
    struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = signal_fd, .events = POLLIN}};
    struct signalfd_siginfo si;
    for (;;) {
        // Asked before the look at what it said: its last word counts.
        bool dead = is_dead(child);
        ssize_t n = recv(fd, ret_m, sizeof *ret_m, MSG_DONTWAIT);
        if (n >= 0 || (errno != EAGAIN && errno != EINTR))
            return n;
        if (dead)
            return 0;
        poll(fds, 2, -1);
        if (read(signal_fd, &si, sizeof si) < 0 && errno != EAGAIN)
            return -1;
    }
}

// The end of the pipe without a word means that the command runs.
static void
monitor_wait_exec(int *pair, int channel, int signal_fd, pid_t child, int listener)
{
    struct setup_msg m;
    ssize_t n = monitor_hear(pair[0], signal_fd, child, &m);
    close(pair[1]);
    close(listener);
    if (n == sizeof m && m.step == STEP_PARTED)
        n = read(pair[0], &m, sizeof m);
    if (n == sizeof m)
        monitor_say(channel, LAUNCH_EXEC_FAILED, m.value);
    else
        monitor_say(channel, LAUNCH_EXECED, 0);
}

_Noreturn static void
monitor_main(const struct launch *l, int channel)
{
    struct sock_fprog prog = {0};
    int pair[2];
    sigset_t chld;
    setsid();
    if (l->pty >= 0)
        ioctl(l->pty, TIOCSCTTY, 0);
    for (size_t i = 0; i < ARRAY_SIZE(ignored_signals); i++)
        former_handlers[i] = signal(ignored_signals[i], SIG_IGN);
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    sigprocmask(SIG_SETMASK, &chld, NULL);
    int signal_fd = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signal_fd < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        _exit(125);
    int built = filter_build(&prog, NULL);
    if (built < 0) {
        struct setup_msg failed = {.step = STEP_FILTER, .value = -built};
        send_listener(channel, -1, &failed, 0);
        _exit(125);
    }
    // One table of descriptors for both: the listener that the child makes appears here, with no
    // message that its own filter could hold up and no ptrace right that a container could
    // withhold.
    pid_t self = getpid();
    pid_t child = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
    if (child == 0) {
        setpgid(0, 0);
        // Until it is told to go it must not outlive its monitor, whose end of the pipe it shares.
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        if (getppid() != self)
            _exit(125);
        child_main(l, &prog, pair[1]);
    }
    struct setup_msg m = {.step = STEP_EXEC, .value = errno};
    if (child > 0 && monitor_hear(pair[0], signal_fd, child, &m) != sizeof m)
        m = (struct setup_msg){.step = STEP_FILTER, .value = ECHILD};
    int listener = m.step == STEP_READY ? abs(m.value) : -1;
    if (send_listener(channel, listener, &m, child) < 0 || listener < 0)
        _exit(125);
    if (l->pty >= 0)
        tcsetpgrp(l->pty, child);
    char go = 0;
    // The supervisor says go once it has the listener.
    if (recv(channel, &go, 1, 0) != 1 || write(pair[0], &go, 1) != 1)
        _exit(125);
    monitor_wait_exec(pair, channel, signal_fd, child, listener);
    for (int i = 0; i < 3; i++)
        if (l->stdio[i] >= 0 && l->stdio[i] != l->pty)
            close(l->stdio[i]);
    monitor_loop(channel, signal_fd, child, l->pty);
}

static int
receive_listener(int channel, struct launched *ret, struct err *err)
{
    int payload[3];
    struct iovec iov = {.iov_base = payload, .iov_len = sizeof payload};
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.space,
                         .msg_controllen = sizeof control.space};
    ssize_t n = recvmsg(channel, &msg, MSG_CMSG_CLOEXEC);
    if (n != sizeof payload)
        return err_set(err, -ECHILD, "the sandbox could not be set up: its monitor died");
    if (payload[0] != STEP_READY)
        return err_set(err, -payload[1], "the sandbox could not be set up: %s: %s%s",
                       step_names[payload[0]], strerror(payload[1]),
                       payload[1] == EBUSY ? " (already under another supervisor?)" : "");
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    if (!c || c->cmsg_type != SCM_RIGHTS)
        return err_set(err, -EBADF, "the sandbox could not be set up: no listener came");
    memcpy(&ret->listener, CMSG_DATA(c), sizeof(int));
    ret->killable = payload[1] >= 0;
    ret->child = payload[2];
    return 0;
}

int
launch_start(const struct launch *l, struct launched *ret, struct err *err)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return err_set(err, -errno, "socketpair: %s", strerror(errno));
    // Orphans of the sandbox come to us, not to init: all of it stays below (I4), and their end is
    // seen.
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        close(pair[0]);
        monitor_main(l, pair[1]);
    }
    close(pair[1]);
    *ret = (struct launched){
        .monitor = pid, .listener = -1, .channel = pair[0], .caps = own_caps() & KEPT_CAPS};
    if (pid >= 0)
        return 0;
    int code = err_set(err, -errno, "fork: %s", strerror(errno));
    close_fd(&ret->channel);
    return code;
}

int
launch_finish(struct launched *l, struct err *err)
{
    int code = receive_listener(l->channel, l, err);
    if (code < 0) {
        close_fd(&l->channel);
        close_fd(&l->listener);
    }
    return code;
}

int
launch_go(int channel)
{
    return send(channel, "g", 1, MSG_NOSIGNAL) == 1 ? 0 : -EPIPE;
}

int
launch_read(int channel, struct launch_msg *ret_m)
{
    ssize_t n = recv(channel, ret_m, sizeof *ret_m, MSG_DONTWAIT);
    if (n == sizeof *ret_m)
        return 1;
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -EPIPE;
}

int
launch_continue(int channel)
{
    return send(channel, "c", 1, MSG_NOSIGNAL) == 1 ? 0 : -EPIPE;
}
