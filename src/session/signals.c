// SPDX-License-Identifier: Apache-2.0
#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "util.h"

static const int watched_signals[] = {SIGCHLD, SIGINT,  SIGTERM,  SIGHUP,
                                      SIGQUIT, SIGTSTP, SIGWINCH, SIGCONT};

void
signals_prepare(void)
{
    // Ignored, it would take every exit status away from the monitor.
    signal(SIGCHLD, SIG_DFL);
}

bool
signals_is_ignored(int sig)
{
    struct sigaction now;
    return sigaction(sig, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

int
signals_watch(void)
{
    sigset_t set;
    sigemptyset(&set);
    // A blocked signal is queued even when it is ignored.
    for (size_t i = 0; i < ARRAY_SIZE(watched_signals); i++)
        if (!signals_is_ignored(watched_signals[i]))
            sigaddset(&set, watched_signals[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

bool
signals_stop(bool group)
{
    sigset_t tstp, waiting;
    void (*before)(int) = signal(SIGTSTP, SIG_DFL);
    sigemptyset(&tstp);
    sigaddset(&tstp, SIGTSTP);
    sigprocmask(SIG_BLOCK, &tstp, NULL);
    kill(group ? 0 : getpid(), SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &tstp, NULL);
    sigprocmask(SIG_BLOCK, &tstp, NULL);
    signal(SIGTSTP, before);
    // What continued us waits for the signalfd; an orphaned process group never stops.
    return sigpending(&waiting) == 0 && sigismember(&waiting, SIGCONT) == 1;
}

static void (*crash_restore)(void);

static void
on_crash(int sig)
{
    crash_restore();
    signal(sig, SIG_DFL);
    raise(sig);
}

void
signals_on_crash(void (*restore)(void))
{
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    crash_restore = restore;
    die_set_hook(restore);
    for (size_t i = 0; i < ARRAY_SIZE(crashes); i++)
        signal(crashes[i], on_crash);
}
