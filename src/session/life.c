// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "event.h"
#include "session_internal.h"
#include "signals.h"

// What outlives the command for this long is worth a word: much of it is just about to end.
#define TELL_NS NS_PER_SEC
// A command that was told to end gets the signal of a closed terminal then, and is killed then.
#define HANGUP_NS (300 * NS_PER_MS)
#define GRACE_NS (2 * NS_PER_SEC)
// A command that is told to stop and does not, as an interactive shell, runs on while we stop.
#define STOP_NS (200 * NS_PER_MS)

// What is frozen goes on when it is thawed, and not before.
static void
continue_command(struct session *s)
{
    if (s->freeze == FREEZE_OFF)
        launch_continue(s->launched.channel);
}

// The command was stopped like a job: so are we, with the terminal given back, until our shell
// continues us.
static void
suspend_with_command(struct session *s)
{
    bool terminal = s->ui || s->relay;
    s->stop_at = 0;
    // There is no shell that would continue it.
    if (s->parted) {
        continue_command(s);
        return;
    }
    if (s->ui)
        ui_suspend(s->ui);
    raw_tty_off(&s->tty, STDIN_FILENO);
    bool continued = signals_stop(terminal);
    if (s->relay && !s->ended)
        raw_tty_on(&s->tty, STDIN_FILENO);
    if (s->ui)
        ui_resume(s->ui, clock_mono_ns());
    // Without a shell above, the one who stopped the command continues it; on our terminal nobody
    // could.
    s->stopped = !continued && !terminal;
    if (!s->stopped)
        continue_command(s);
    s->resumed_at = clock_mono_ns();
}

// The command has stopped: for a key that we have stopped for already, it only took its time.
static void
command_stopped(struct session *s)
{
    if (s->resumed_at && clock_mono_ns() - s->resumed_at < STOP_NS)
        continue_command(s);
    else
        suspend_with_command(s);
}

// The command is gone: what it started has the terminal no more, and its keys are signals again.
static void
command_ended(struct session *s, int wait_status)
{
    s->wait_status = wait_status;
    s->ended = true;
    s->tell_at = clock_mono_ns() + TELL_NS;
    s->input_open = false;
    raw_tty_off(&s->tty, STDIN_FILENO);
}

void
session_read_monitor(struct session *s)
{
    struct launch_msg m;
    int ret;
    while ((ret = launch_read(s->launched.channel, &m)) > 0) {
        switch ((enum launch_event)m.what) {
        case LAUNCH_EXECED:
            break;
        case LAUNCH_EXEC_FAILED:
            s->exec_error = m.value;
            break;
        case LAUNCH_STATUS:
            // Of a sandbox that is stopped as a whole, and of what goes on already, that is no
            // news.
            if (WIFSTOPPED(m.value) && s->freeze == FREEZE_OFF &&
                tree_is_stopped(s->launched.child))
                command_stopped(s);
            else if (WIFEXITED(m.value) || WIFSIGNALED(m.value))
                command_ended(s, m.value);
            break;
        }
    }
    if (ret < 0) {
        s->monitor_gone = true;
        if (s->ended)
            return;
        // Nobody is left who could say how the command ends.
        command_ended(s, SIGKILL);
        session_terminate(s, SIGTERM);
    }
}

void
session_terminate(struct session *s, int sig)
{
    uint64_t now = clock_mono_ns();
    s->stop_at = 0;
    session_freeze(s, false);
    // Before what it waits for is refused: it ends by the signal, not for want of what it asked.
    if (!s->ended)
        kill(-s->launched.child, sig);
    if (!s->terminating) {
        // Nobody is asked any more: what waits is refused, and all that comes.
        session_order(s, MSG_STOP, NULL, NULL);
        s->hangup_at = now + HANGUP_NS;
    }
    s->terminating = true;
    // A stopped command would not see it.
    if (!s->ended)
        kill(-s->launched.child, SIGCONT);
}

void
session_enforce(struct session *s)
{
    uint64_t now = clock_mono_ns();
    if (s->stop_at && now >= s->stop_at)
        suspend_with_command(s);
    if (!s->terminating || s->drained)
        return;
    if (!s->ended && s->hangup_at && now >= s->hangup_at) {
        // An interactive shell ends for nothing else. It has its time from here, however late we
        // are.
        s->hangup_at = 0;
        s->kill_at = now + GRACE_NS - HANGUP_NS;
        kill(-s->launched.child, SIGHUP);
        kill(-s->launched.child, SIGCONT);
    } else if (s->ended || (!s->hangup_at && now >= s->kill_at)) {
        tree_kill(s->launched.monitor);
    }
}

int
session_enforce_timeout(const struct session *s)
{
    uint64_t now = clock_mono_ns(), at = s->hangup_at ? s->hangup_at : s->kill_at;
    if (s->stop_at)
        at = s->stop_at;
    else if (!s->terminating)
        return -1;
    return s->ended || now >= at ? 20 : (int)((at - now) / NS_PER_MS) + 1;
}

static void
pass_signal(struct session *s, int sig)
{
    // The shell may have the terminal again: what is put back must not stop for that, nor fail.
    if (sig == SIGHUP)
        signal(SIGTTOU, SIG_IGN);
    if (sig == SIGTERM || sig == SIGHUP || (s->ended && (sig == SIGINT || sig == SIGQUIT)))
        session_terminate(s, sig);
    // What is frozen would tell nobody that it stops.
    else if (sig == SIGTSTP && (s->ended || s->freeze == FREEZE_ON))
        suspend_with_command(s);
    else if (!s->ended)
        kill(-s->launched.child, sig);
    if (sig == SIGTSTP && !s->ended && s->freeze != FREEZE_ON)
        s->stop_at = clock_mono_ns() + STOP_NS;
}

void
session_terminal_gone(struct session *s)
{
    s->terminal_gone = true;
    pass_signal(s, SIGHUP); // nothing is decided by that (I1)
}

// What has ended, and nothing else: a stop of a task that a worker traces is that worker's to hear,
// and waitpid(2) would take it. Behind such a stop the dead wait for the next SIGCHLD.
static void
reap(void)
{
    siginfo_t si = {0};
    while (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT | __WNOTHREAD) == 0 && si.si_pid &&
           si.si_code != CLD_TRAPPED && si.si_code != CLD_STOPPED) {
        waitpid(si.si_pid, NULL, WNOHANG | __WNOTHREAD);
        si = (siginfo_t){0};
    }
}

void
session_read_signals(struct session *s)
{
    struct signalfd_siginfo si;
    unsigned rows, cols;
    while (read(s->signal_fd, &si, sizeof si) == sizeof si) {
        switch ((int)si.ssi_signo) {
        case SIGCHLD:
            reap();
            break;
        case SIGWINCH:
            if (s->ui) {
                ui_resized(s->ui, clock_mono_ns());
            } else if (s->relay) {
                pty_size_of(STDIN_FILENO, &rows, &cols);
                session_resize_pty(s, rows, cols);
            }
            break;
        case SIGCONT:
            if (s->stopped)
                continue_command(s);
            s->stopped = false;
            break;
        default:
            pass_signal(s, (int)si.ssi_signo);
        }
    }
}
