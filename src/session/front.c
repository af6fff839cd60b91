// SPDX-License-Identifier: Apache-2.0
#include "front.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "signals.h"
#include "ui.h"
#include "util.h"

static int
watch(void)
{
    static const int passed_on[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    for (size_t i = 0; i < ARRAY_SIZE(passed_on); i++)
        if (!signals_is_ignored(passed_on[i]))
            sigaddset(&set, passed_on[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static pid_t session;

// A crash of this process: the shell must not have the terminal before it is put back.
static void
end_session(void)
{
    kill(session, SIGHUP);
    for (int i = 0; i < 100 && waitpid(session, NULL, WNOHANG) == 0; i++)
        poll(NULL, 0, 10);
    ui_emergency_restore();
}

_Noreturn static void
front_main(pid_t child, int fd)
{
    struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = watch(), .events = POLLIN}};
    struct signalfd_siginfo si;
    int status;
    char word;
    session = child;
    signals_on_crash(end_session);
    for (;;) {
        if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
            _exit(EXIT_FAILURE);
        if (fds[0].revents & POLLIN && recv(fd, &word, 1, MSG_DONTWAIT) == 1)
            _exit(0);
        // A closed end without a word: the child is about to be gone.
        if (fds[0].revents)
            fds[0].fd = -1;
        while (read(fds[1].fd, &si, sizeof si) == sizeof si)
            // What the terminal sends reaches the child by itself, in the same process group.
            if (si.ssi_signo != SIGCHLD && si.ssi_code <= 0)
                kill(child, (int)si.ssi_signo);
        if (waitpid(child, &status, WNOHANG) != child)
            continue;
        ui_emergency_restore();
        _exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
    }
}

int
front_start(int *ret_fd, struct err *err)
{
    int pair[2];
    pid_t parent = getpid();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return err_set(err, -errno, "socketpair: %s", strerror(errno));
    fflush(NULL);
    ui_share_restore();
    pid_t pid = fork();
    if (pid < 0) {
        int error = errno;
        close(pair[0]);
        close(pair[1]);
        return err_set(err, -error, "fork: %s", strerror(error));
    }
    if (pid > 0) {
        close(pair[1]);
        front_main(pid, pair[0]);
    }
    close(pair[0]);
    // Without its front it would share the terminal with the shell: it ends as with the terminal.
    prctl(PR_SET_PDEATHSIG, SIGHUP, 0, 0, 0);
    if (getppid() != parent)
        raise(SIGHUP);
    *ret_fd = pair[1];
    return 0;
}

void
front_part(int *fd)
{
    prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
    setsid();
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; i < 3; i++)
        if (null < 0 || dup2(null, i) < 0)
            close(i);
    if (null > 2)
        close(null);
    send(*fd, "d", 1, MSG_NOSIGNAL);
    close_fd(fd);
}
