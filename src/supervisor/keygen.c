// SPDX-License-Identifier: Apache-2.0
#include "keygen.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "util.h"

#define DEADLINE_NS (10 * NS_PER_SEC) /* for one run of ssh-keygen */
#define OUTPUT_MAX 4096
#define PRINCIPALS_MAX 8 /* tried for one signature */

// Of the child before it is ssh-keygen, which ends with 0, 1 or 255.
enum { EXIT_UNABLE = 126, EXIT_NO_KEYGEN = 127 };
enum { FD_CONTENT, FD_SIGNATURE, FD_SIGNERS, FDS };

struct reply {
    int error;
    char principal[KEYGEN_PRINCIPAL_MAX];
};

// --- the process -------------------------------------------------------------------------------

static void
limit(int resource, rlim_t value)
{
    struct rlimit r = {value, value};
    setrlimit(resource, &r);
}

// As root it would get every capability back by its exec: it needs none.
static void
give_up_power(void)
{
    struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {0};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED, 0, 0, 0);
    syscall(SYS_capset, &h, none);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_CPU, DEADLINE_NS / NS_PER_SEC);
    limit(RLIMIT_AS, 1u << 30);
}

// The descriptors are moved to 3, 4 ... behind what they might lie in the way of.
_Noreturn static void
run_keygen(const int *fds, int out, const char *const *argv)
{
    static const char *const env[] = {"LC_ALL=C", "PATH=/usr/bin:/bin", NULL};
    int high[FDS], to = fcntl(out, F_DUPFD, 16), null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; i < FDS; i++)
        high[i] = fcntl(fds[i], F_DUPFD, 16);
    if (to < 0 || null < 0 || lseek(high[FD_CONTENT], 0, SEEK_SET) < 0)
        _exit(EXIT_UNABLE);
    if (dup2(high[FD_CONTENT], 0) < 0 || dup2(to, 1) < 0 || dup2(null, 2) < 0 ||
        dup2(high[FD_SIGNATURE], 3) < 0 || dup2(high[FD_SIGNERS], 4) < 0)
        _exit(EXIT_UNABLE);
    syscall(SYS_close_range, 5, ~0u, 0);
    give_up_power();
    execve(KEYGEN_PATH, (char *const *)argv, (char *const *)env);
    _exit(errno == ENOENT ? EXIT_NO_KEYGEN : EXIT_UNABLE);
}

// Its output, at most size - 1 bytes and a NUL, until it closes it. 0 or -ETIME.
static int
collect(int from, char *out, size_t size)
{
    uint64_t end = clock_mono_ns() + DEADLINE_NS;
    size_t len = 0;
    for (;;) {
        char spill[512];
        uint64_t now = clock_mono_ns();
        struct pollfd pfd = {.fd = from, .events = POLLIN};
        if (now >= end)
            return -ETIME;
        if (poll(&pfd, 1, (int)((end - now) / NS_PER_MS) + 1) <= 0)
            continue;
        bool full = len + 1 >= size;
        ssize_t n = full ? read(from, spill, sizeof spill) : read(from, out + len, size - 1 - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        len += full ? 0 : (size_t)n;
    }
    out[len] = 0;
    return 0;
}

// Its exit status, or -errno.
static int
keygen(const int *fds, const char *const *argv, char *out, size_t size)
{
    int pair[2], status;
    if (pipe2(pair, O_CLOEXEC) < 0)
        return -errno;
    pid_t pid = fork();
    if (pid == 0)
        run_keygen(fds, pair[1], argv);
    int error = pid < 0 ? -errno : 0;
    close(pair[1]);
    if (error == 0 && (error = collect(pair[0], out, size)) < 0)
        kill(pid, SIGKILL);
    close(pair[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    if (error < 0)
        return error;
    if (!WIFEXITED(status))
        return -EKEYREJECTED;
    int code = WEXITSTATUS(status);
    return code == EXIT_NO_KEYGEN ? -ENOENT : code == EXIT_UNABLE ? -EACCES : code;
}

// The signature says by which key; the file says whose that is, and the check itself is made for
// each of those names, because options of the line (namespaces, dates) may rule one out.
static int
verify(const int *fds, char *principal)
{
    static const char *const find[] = {KEYGEN_PATH,       "-Y", "find-principals", "-s",
                                       "/proc/self/fd/3", "-f", "/proc/self/fd/4", NULL};
    char names[OUTPUT_MAX], ignored[OUTPUT_MAX], *rest = names, *name;
    int ret = keygen(fds, find, names, sizeof names);
    if (ret != 0)
        return ret < 0 ? ret : -EKEYREJECTED;
    for (int i = 0; i < PRINCIPALS_MAX && (name = strsep(&rest, "\n,")) && *name; i++) {
        const char *const check[] = {
            KEYGEN_PATH, "-Y", "verify",          "-n", KEYGEN_NAMESPACE,  "-I",
            name,        "-s", "/proc/self/fd/3", "-f", "/proc/self/fd/4", NULL};
        ret = keygen(fds, check, ignored, sizeof ignored);
        if (ret < 0)
            return ret;
        if (ret == 0 && strlen(name) < KEYGEN_PRINCIPAL_MAX) {
            strcpy(principal, name);
            return 0;
        }
    }
    return -EKEYREJECTED;
}

// 0 at the end of the other side. The descriptors that came are the caller's.
static ssize_t
receive(int channel, int *fds)
{
    char byte;
    struct iovec iov = {.iov_base = &byte, .iov_len = 1};
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(FDS * sizeof(int))];
    } control = {0};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.space,
                         .msg_controllen = sizeof control.space};
    ssize_t n = recvmsg(channel, &msg, MSG_CMSG_CLOEXEC);
    struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
    if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(FDS * sizeof(int)))
        return n < 0 && errno == EINTR ? -EINTR : 0;
    memcpy(fds, CMSG_DATA(c), FDS * sizeof(int));
    return n;
}

_Noreturn static void
keygen_main(int channel)
{
    int fds[FDS];
    ssize_t n;
    // What a terminal sends is not for it, nor anything that nono was started with.
    setsid();
    if (chdir("/") < 0)
        _exit(125);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
    channel = fcntl(channel, F_DUPFD_CLOEXEC, 3);
    if (channel < 0 || dup2(channel, 3) < 0 || fcntl(3, F_SETFD, FD_CLOEXEC) < 0)
        _exit(125);
    syscall(SYS_close_range, 4, ~0u, 0);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; i < 3; i++)
        dup2(null, i);
    while ((n = receive(3, fds)) != 0) {
        struct reply r = {0};
        if (n < 0)
            continue;
        r.error = verify(fds, r.principal);
        for (int i = 0; i < FDS; i++)
            close(fds[i]);
        if (send(3, &r, sizeof r, MSG_NOSIGNAL) != sizeof r)
            break;
    }
    _exit(0);
}

// --- this side ---------------------------------------------------------------------------------

int
keygen_start(int *ret_fd)
{
    int pair[2], status;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    // Whoever started this process may have made it one.
    prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
    pid_t pid = fork();
    if (pid == 0) {
        // Twice, so that it is init's and not ours.
        pid = fork();
        if (pid == 0)
            keygen_main(pair[1]);
        _exit(pid < 0);
    }
    int error = pid < 0 ? errno : 0;
    close(pair[1]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            error = errno, pid = 0;
    if (pid > 0 && (!WIFEXITED(status) || WEXITSTATUS(status)))
        error = EAGAIN;
    if (error) {
        close(pair[0]);
        return -error;
    }
    *ret_fd = pair[0];
    return 0;
}

int
keygen_verify(int fd, int content, int signature, int signers,
              char ret_principal[KEYGEN_PRINCIPAL_MAX])
{
    char byte = 'v';
    const int fds[FDS] = {content, signature, signers};
    struct iovec iov = {.iov_base = &byte, .iov_len = 1};
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(FDS * sizeof(int))];
    } control = {0};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.space,
                         .msg_controllen = sizeof control.space};
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fds);
    memcpy(CMSG_DATA(c), fds, sizeof fds);
    ssize_t n;
    struct reply r;
    // Not given up for a signal: the answer would be taken for that of the next question.
    while ((n = sendmsg(fd, &msg, MSG_NOSIGNAL)) < 0 && errno == EINTR)
        ;
    while (n > 0 && (n = recv(fd, &r, sizeof r, 0)) < 0 && errno == EINTR)
        ;
    if (n != sizeof r)
        return -EPIPE;
    if (r.error)
        return r.error < 0 ? r.error : -EBADMSG;
    r.principal[sizeof r.principal - 1] = 0;
    strcpy(ret_principal, r.principal);
    return 0;
}
