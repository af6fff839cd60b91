// SPDX-License-Identifier: Apache-2.0
#include "session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "approver.h"
#include "bounds.h"
#include "clock.h"
#include "control.h"
#include "display.h"
#include "event.h"
#include "footer.h"
#include "landlock.h"
#include "launch.h"
#include "pty.h"
#include "queue.h"
#include "record.h"
#include "registry.h"
#include "signals.h"
#include "supervisor.h"
#include "tree.h"
#include "ui.h"
#include "util.h"
#include "writer.h"

// Everything here belongs to the main thread.
struct session {
    const struct session_options *o;
    struct session_info *info;
    struct floor floor;
    struct launched launched;
    struct pty pty;
    struct raw_tty tty; /* the user's, while it is passed through */
    bool relay;         /* the user's terminal is passed through to the pty */
    bool input_open;    /* standard input still has something for the command */
    struct queue *inbox_main, *inbox_supervisor;
    struct writer *writer;
    struct supervisor *supervisor;
    struct control *control;
    struct ui *ui;
    struct footer footer;
    int signal_fd;
    int wait_status; /* of the command; valid with ended */
    int exec_error;
    bool started;     /* the command was told to go */
    bool stopped;     /* the command stopped, and we did not */
    bool ended;       /* the command is gone */
    bool drained;     /* so is everything else */
    bool terminating; /* a signal told us to end */
    uint64_t tell_at; /* when to say that something outlives the command; 0: said */
    uint64_t kill_at; /* monotonic, valid with terminating */
    bool monitor_gone;
    bool terminal_gone;
};

// What outlives the command for this long is worth a word: much of it is just about to end.
#define TELL_NS NS_PER_SEC
// A command that was told to end and does not is killed then.
#define GRACE_NS (10 * NS_PER_SEC)

// --- decisions and the record ----------------------------------------------------------------

static int
send_decision(struct session *s, const struct decision *d, const char *source)
{
    struct decision *copy = decision_dup(d);
    if (source) {
        free(copy->source);
        copy->source = xstrdup(source);
    }
    struct msg m = {.type = MSG_DECIDE, .data = copy, .free = decision_free_msg};
    int ret = queue_push(s->inbox_supervisor, &m, NONO_QUEUE_SUPERVISOR_KEEP);
    if (ret < 0)
        decision_free(copy);
    return ret;
}

static int
on_pane_decide(void *ctx, unsigned session, const struct decision *d)
{
    return send_decision(ctx, d, "pane");
}

static int
on_control_decide(void *ctx, const struct decision *d)
{
    return send_decision(ctx, d, NULL);
}

// --- the screen ------------------------------------------------------------------------------

static void
say(struct session *s, const char *text)
{
    if (s->ui)
        ui_set_notice(s->ui, text);
    else
        fprintf(stderr, "nono: %s%s\n", text, s->tty.on ? "\r" : "");
}

static void
terminate(struct session *s)
{
    if (!s->terminating)
        s->kill_at = clock_mono_ns() + GRACE_NS;
    s->terminating = true;
}

static void
on_agent_input(void *ctx, const void *data, size_t n)
{
    struct session *s = ctx;
    // No terminal driver turns the key into a signal for what outlives the command.
    if (s->ended && memchr(data, '\003', n))
        terminate(s);
    pty_send(&s->pty, data, n);
}

static void
on_agent_resize(void *ctx, unsigned rows, unsigned cols)
{
    struct session *s = ctx;
    pty_resize(&s->pty, rows, cols);
}

static void
on_leave(void *ctx)
{
    say(ctx, "the pane stays as long as the command runs");
}

static const struct ui_ops session_ui_ops = {
    .decide = on_pane_decide,
    .agent_input = on_agent_input,
    .agent_resize = on_agent_resize,
    .leave = on_leave,
};

static int
open_ui(struct session *s, struct err *err)
{
    struct buf title = {0};
    for (char **a = s->o->argv; *a; a++)
        buf_printf(&title, "%s%s", title.len ? " " : "", *a);
    buf_printf(&title, " (%s)", s->info->cwd);
    struct ui_config config = {.session = s->info->id,
                               .title = buf_str(&title),
                               .agent = true,
                               .in_fd = STDIN_FILENO,
                               .out_fd = STDOUT_FILENO};
    int ret = ui_new(&config, &session_ui_ops, s, &s->ui, err);
    buf_done(&title);
    if (ret < 0)
        return ret;
    signals_on_crash(ui_emergency_restore);
    return 0;
}

// --- start -----------------------------------------------------------------------------------

static int
start_sandbox(struct session *s, struct err *err)
{
    struct launch l = {.argv = s->o->argv, .stdio = {-1, -1, -1}, .pty = -1, .floor = &s->floor};
    bool tty = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    int ret = floor_build(s->o->capabilities, s->o->without_landlock, &s->floor, err);
    if (ret < 0)
        return ret;
    if (tty || s->o->ui == UI_MODE_SPLIT) {
        ret = pty_open(STDIN_FILENO, &s->pty);
        if (ret < 0)
            return err_set(err, ret, "cannot open a pty: %s", strerror(-ret));
        s->relay = s->o->ui != UI_MODE_SPLIT;
        l.pty = s->pty.slave;
        // A redirected standard error stays where the user sent it.
        l.stdio[0] = l.stdio[1] = s->pty.slave;
        l.stdio[2] = isatty(STDERR_FILENO) ? s->pty.slave : -1;
    }
    ret = launch_start(&l, &s->launched, err);
    close_fd(&s->pty.slave);
    return ret;
}

static int
start_threads(struct session *s, struct err *err)
{
    static const char *const approver_names[] = {
        [ON_ASK_UI] = "ui", [ON_ASK_DENY] = "deny", [ON_ASK_ALLOW] = "allow"};
    struct rlimit files;
    // Each held object is a descriptor.
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max < 65536 ? files.rlim_max : 65536;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    s->inbox_main = queue_new(NONO_QUEUE_UI);
    s->inbox_supervisor = queue_new(NONO_QUEUE_SUPERVISOR);
    cleanup_free char *key = registry_key_file_for(s->o->db_path);
    int ret = writer_start(s->o->db_path, key, s->info, s->inbox_supervisor, &s->writer, err);
    if (ret < 0)
        return ret;
    struct supervisor_options so = {
        .listener = steal_fd(&s->launched.listener),
        .monitor = s->launched.monitor,
        .caps = s->launched.caps,
        .capabilities = s->o->capabilities,
        .floor = &s->floor,
        .approver = approver_find(approver_names[s->o->on_ask]),
        .timeout_ns = s->o->ask_timeout_s * NS_PER_SEC,
        .home = s->o->home,
        .inbox = s->inbox_supervisor,
        .main = s->inbox_main,
        .record = record_into(s->writer),
    };
    ret = supervisor_start(&so, &s->supervisor);
    return ret < 0 ? err_set(err, ret, "cannot start a thread: %s", strerror(-ret)) : 0;
}

static int
start_control(struct session *s, struct err *err)
{
    static const struct control_ops ops = {.decide = on_control_decide};
    cleanup_free char *dir = registry_runtime_dir();
    if (!dir)
        return err_set(err, -ENOENT, "no home directory: set HOME or XDG_RUNTIME_DIR");
    cleanup_free char *path = xasprintf("%s/%s.sock", dir, s->info->id);
    return control_listen(path, s->info, &ops, s, &s->control, err);
}

// --- the command's life ----------------------------------------------------------------------

// The command was stopped like a job: so are we, with the terminal given back, until our shell
// continues us.
static void
suspend_with_command(struct session *s)
{
    bool terminal = s->ui || s->relay;
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
        launch_continue(s->launched.channel);
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

static void
read_monitor(struct session *s)
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
            if (WIFSTOPPED(m.value))
                suspend_with_command(s);
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
        terminate(s);
    }
}

static void
pass_signal(struct session *s, int sig)
{
    bool end = sig == SIGTERM || sig == SIGHUP;
    if (!s->ended)
        kill(-s->launched.child, sig);
    else if (sig == SIGTSTP)
        suspend_with_command(s);
    // A stopped command would not see it.
    if (!s->ended && end)
        kill(-s->launched.child, SIGCONT);
    if (end || (s->ended && (sig == SIGINT || sig == SIGQUIT)))
        terminate(s);
}

static void
read_signals(struct session *s)
{
    struct signalfd_siginfo si;
    unsigned rows, cols;
    while (read(s->signal_fd, &si, sizeof si) == sizeof si) {
        switch ((int)si.ssi_signo) {
        case SIGCHLD:
            while (waitpid(-1, NULL, WNOHANG) > 0)
                ;
            break;
        case SIGWINCH:
            if (s->ui) {
                ui_resized(s->ui, clock_mono_ns());
            } else if (s->relay) {
                pty_size_of(STDIN_FILENO, &rows, &cols);
                pty_resize(&s->pty, rows, cols);
            }
            break;
        case SIGCONT:
            if (s->stopped)
                launch_continue(s->launched.channel);
            s->stopped = false;
            break;
        default:
            pass_signal(s, (int)si.ssi_signo);
        }
    }
}

static void
read_inbox(struct session *s)
{
    struct msg m;
    while (queue_pop(s->inbox_main, &m)) {
        switch (m.type) {
        case MSG_REQUEST:
            control_request(s->control, m.data);
            if (s->ui) {
                ui_add_request(s->ui, 0, m.data);
                m.free = NULL;
            }
            break;
        case MSG_UPDATE:
            control_update(s->control, m.data);
            if (s->ui)
                ui_update_request(s->ui, 0, m.data);
            break;
        case MSG_STATS:
            control_stats(s->control, m.data);
            if (s->ui)
                ui_set_stats(s->ui, 0, m.data);
            break;
        case MSG_NOTICE:
            say(s, m.data);
            break;
        case MSG_REFUSAL:
            footer_add(&s->footer, m.data);
            m.free = NULL;
            break;
        case MSG_DRAINED:
            s->drained = true;
            break;
        default:
            break;
        }
        msg_done(&m);
    }
}

// What the command printed goes to the pane or straight through.
static void
read_pty(struct session *s)
{
    char data[65536];
    ssize_t n = read(s->pty.master, data, sizeof data);
    if (n > 0 && s->ui)
        ui_agent_output(s->ui, data, (size_t)n);
    else if (n > 0)
        write_all(STDOUT_FILENO, data, (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        close_fd(&s->pty.master); // EIO: every descriptor of the other side is closed
}

static void
read_terminal(struct session *s)
{
    char data[4096];
    if (s->ui) {
        ui_read_input(s->ui, clock_mono_ns());
        return;
    }
    ssize_t n = read(STDIN_FILENO, data, sizeof data);
    if (n > 0)
        pty_send(&s->pty, data, (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        s->input_open = false;
}

// How long poll(2) may wait, in ms.
static int
turn_timeout(struct session *s)
{
    int timeout = s->ui ? ui_draw(s->ui, clock_mono_ns()) : -1;
    if (s->ended && s->tell_at && (timeout < 0 || timeout > 100))
        timeout = 100;
    if (!s->terminating)
        return timeout;
    uint64_t now = clock_mono_ns();
    int rest = s->ended || now >= s->kill_at ? 20 : (int)((s->kill_at - now) / NS_PER_MS) + 1;
    return timeout < 0 || rest < timeout ? rest : timeout;
}

enum { FD_SIGNAL, FD_INBOX, FD_MONITOR, FD_PTY, FD_TERMINAL, FD_CONTROL };

static void
session_turn(struct session *s)
{
    bool terminal = s->ui || (s->relay && s->input_open);
    struct pollfd fds[FD_CONTROL + NONO_CLIENTS_MAX + 1] = {
        [FD_SIGNAL] = {.fd = s->signal_fd, .events = POLLIN},
        [FD_INBOX] = {.fd = queue_fd(s->inbox_main), .events = POLLIN},
        [FD_MONITOR] = {.fd = s->monitor_gone ? -1 : s->launched.channel, .events = POLLIN},
        [FD_PTY] = {.fd = s->pty.master,
                    .events = (short)(POLLIN | (s->pty.out.len ? POLLOUT : 0))},
        [FD_TERMINAL] = {.fd = terminal && !s->terminal_gone ? STDIN_FILENO : -1, .events = POLLIN},
    };
    size_t n = control_pollfds(s->control, fds + FD_CONTROL);
    if (poll(fds, FD_CONTROL + n, turn_timeout(s)) < 0 && errno != EINTR)
        die("poll: %s", strerror(errno));
    if (fds[FD_SIGNAL].revents)
        read_signals(s);
    if (fds[FD_PTY].revents & POLLOUT)
        pty_flush(&s->pty);
    if (fds[FD_PTY].revents & (POLLIN | POLLHUP | POLLERR))
        read_pty(s);
    if (fds[FD_MONITOR].revents)
        read_monitor(s);
    if (fds[FD_INBOX].revents)
        read_inbox(s);
    if (fds[FD_TERMINAL].revents & (POLLHUP | POLLERR | POLLNVAL)) {
        s->terminal_gone = true;
        pass_signal(s, SIGHUP); // nothing is decided by that (I1)
    } else if (fds[FD_TERMINAL].revents) {
        read_terminal(s);
    }
    control_serve(s->control, fds + FD_CONTROL, n);
    if (s->terminating && !s->drained && (s->ended || clock_mono_ns() >= s->kill_at))
        tree_kill(s->launched.monitor);
}

static void
drain_pty(struct session *s)
{
    struct pollfd pfd = {.fd = s->pty.master, .events = POLLIN};
    while (s->pty.master >= 0 && poll(&pfd, 1, 0) > 0 && pfd.revents) {
        read_pty(s);
        pfd.fd = s->pty.master;
    }
}

static void
session_done(struct session *s)
{
    s->ui = ui_free(s->ui);
    die_set_hook(NULL);
    raw_tty_off(&s->tty, STDIN_FILENO);
    s->control = control_free(s->control);
    // Not before the supervisor has ended: it hands its last counts to the writer, the writer its
    // acknowledgements to the supervisor's inbox.
    s->supervisor = supervisor_join(s->supervisor);
    s->writer = writer_stop(s->writer, s->exec_error || !s->started ? -1 : s->wait_status);
    close_fd(&s->launched.channel);
    close_fd(&s->launched.listener);
    s->inbox_main = queue_free(s->inbox_main);
    s->inbox_supervisor = queue_free(s->inbox_supervisor);
    pty_done(&s->pty);
    floor_done(&s->floor);
    footer_done(&s->footer);
    close_fd(&s->signal_fd);
    s->info = session_info_free(s->info);
}

static int
exit_status(const struct session *s)
{
    if (s->exec_error) {
        cleanup_free char *shown = display_str(s->o->argv[0], DISPLAY_QUOTE);
        fprintf(stderr, "nono: %s: %s\n", shown, strerror(s->exec_error));
        return s->exec_error == ENOENT ? 127 : 126;
    }
    if (WIFSIGNALED(s->wait_status))
        return 128 + WTERMSIG(s->wait_status);
    return WEXITSTATUS(s->wait_status);
}

static int
session_start(struct session *s, struct err *err)
{
    signals_prepare();
    int ret = start_sandbox(s, err);
    if (ret < 0)
        return ret;
    // The command waits until all of this stands.
    s->signal_fd = signals_watch();
    if (s->signal_fd < 0)
        return err_set(err, s->signal_fd, "signalfd: %s", strerror(-s->signal_fd));
    if ((ret = start_threads(s, err)) < 0 || (ret = start_control(s, err)) < 0)
        return ret;
    if (s->o->ui == UI_MODE_SPLIT && (ret = open_ui(s, err)) < 0)
        return ret;
    if (s->o->ui == UI_MODE_ATTACH && isatty(STDERR_FILENO))
        fprintf(stderr, "nono: requests wait for \"nono ui %.4s\" in another terminal\n",
                s->info->id);
    if (s->relay)
        raw_tty_on(&s->tty, STDIN_FILENO);
    s->input_open = s->started = true;
    ret = launch_go(s->launched.channel);
    return ret < 0 ? err_set(err, ret, "the sandbox could not be started") : 0;
}

static void
session_abort(struct session *s)
{
    close_fd(&s->launched.channel);
    if (s->launched.child > 0)
        kill(s->launched.child, SIGKILL);
    session_done(s);
}

int
session_run(const struct session_options *o, struct err *err)
{
    struct session s = {.o = o,
                        .info = registry_new_session(o->name, o->argv),
                        .floor = {.ruleset_fd = -1},
                        .launched = {.listener = -1, .channel = -1},
                        .pty = {.master = -1, .slave = -1},
                        .signal_fd = -1};
    free(s.info->capabilities);
    s.info->capabilities = capability_set_describe(o->capabilities);
    if (session_start(&s, err) < 0) {
        session_abort(&s);
        return 125;
    }
    while (!s.ended || !s.drained) {
        session_turn(&s);
        if (!s.ended || s.drained || !s.tell_at || clock_mono_ns() < s.tell_at)
            continue;
        s.tell_at = 0;
        if (s.ui || s.relay)
            say(&s, "the command has ended; what it started still runs (Ctrl-C ends it)");
    }
    drain_pty(&s);
    int status = exit_status(&s);
    s.ui = ui_free(s.ui);
    raw_tty_off(&s.tty, STDIN_FILENO);
    if (status != 0)
        footer_print(&s.footer, s.info->id, stderr);
    session_done(&s);
    return status;
}
