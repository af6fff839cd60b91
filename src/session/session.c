// SPDX-License-Identifier: Apache-2.0
#include "session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "approver.h"
#include "bounds.h"
#include "clock.h"
#include "display.h"
#include "event.h"
#include "keygen.h"
#include "record.h"
#include "registry.h"
#include "remember.h"
#include "risk.h"
#include "session_internal.h"
#include "signals.h"
#include "tmux.h"
#include "util.h"

// Bytes of what the command printed that a new terminal is shown.
#define BACKLOG_MAX (256 * 1024)

// --- start -----------------------------------------------------------------------------------

int
session_open_ui(struct session *s, struct err *err)
{
    cleanup_free char *title = session_title(s->info);
    struct ui_config config = {.session = s->info->id,
                               .name = s->info->name,
                               .title = title,
                               .agent = true,
                               .count = true,
                               .risky = risk_places,
                               .home = s->o->home,
                               .plain = s->o->ui == UI_MODE_PLAIN,
                               .notify = s->o->notify,
                               .in_fd = s->term_in,
                               .out_fd = s->term_out};
    int ret = ui_new(&config, &session_ui_ops, s, &s->ui, err);
    if (ret < 0)
        return ret;
    signals_on_crash(ui_emergency_restore);
    return 0;
}

static int
start_keygen(struct session *s, struct err *err)
{
    // What is given away to init would come back to us, and count as a task of the sandbox.
    if (getpid() == 1)
        return err_set(err, -EPERM,
                       "process 1 cannot have instruction files verified: start an init before it "
                       "(docker run --init)");
    int ret = keygen_start(&s->keygen);
    return ret < 0 ? err_set(err, ret, "no process for " KEYGEN_PATH ": %s", strerror(-ret)) : 0;
}

// A redirected standard error stays where the user sent it, but where nono itself is read the
// command writes nothing past it (I6).
static bool
stderr_is_shared(void)
{
    struct stat out, err;
    return isatty(STDERR_FILENO) ||
           (fstat(STDOUT_FILENO, &out) == 0 && fstat(STDERR_FILENO, &err) == 0 &&
            out.st_dev == err.st_dev && out.st_ino == err.st_ino);
}

static int
start_sandbox(struct session *s, struct err *err)
{
    struct launch l = {.argv = s->o->argv, .stdio = {-1, -1, -1}, .pty = -1, .floor = &s->floor};
    bool tty = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    int ret =
        floor_build(s->o->capabilities, s->o->sockets, s->o->without_landlock, &s->floor, err);
    if (ret < 0)
        return ret;
    bool pane = s->o->ui == UI_MODE_SPLIT || s->o->ui == UI_MODE_PLAIN;
    if (tty || pane) {
        ret = pty_open(STDIN_FILENO, &s->pty);
        if (ret < 0)
            return err_set(err, ret, "cannot open a pty: %s", strerror(-ret));
        s->relay = !pane;
        l.unset = pane ? pty_foreign_variables : NULL;
        l.pty = s->pty.slave;
        l.stdio[0] = l.stdio[1] = s->pty.slave;
        l.stdio[2] = stderr_is_shared() ? s->pty.slave : -1;
    }
    if (s->o->trust->signers && (ret = start_keygen(s, err)) < 0)
        return ret;
    ret = launch_start(&l, &s->launched, err);
    close_fd(&s->pty.slave);
    return ret;
}

static int
keep_remembered(void *ctx, const struct remembered *r)
{
    struct session *s = ctx;
    struct grant *g = grant_dup(r->grant);
    s->remembered = xrealloc(s->remembered, (s->n_remembered + 1) * sizeof(struct grant *));
    s->remembered[s->n_remembered++] = g;
    return 0;
}

static void
forget_remembered(struct session *s)
{
    for (size_t i = 0; i < s->n_remembered; i++)
        grant_free(s->remembered[i]);
    free(s->remembered);
    s->remembered = NULL;
    s->n_remembered = 0;
}

// Opening the record takes about as long as everything else does: both go on side by side.
static int
begin_record(struct session *s, struct err *err)
{
    s->inbox_main = queue_new(NONO_QUEUE_UI);
    s->inbox_supervisor = queue_new(NONO_QUEUE_SUPERVISOR);
    cleanup_free char *key = registry_key_file_for(s->o->db_path);
    struct writer_options wo = {.path = s->o->db_path,
                                .key = key,
                                .info = s->info,
                                .acks = s->inbox_supervisor,
                                .besteffort = s->o->besteffort,
                                .remembered = keep_remembered,
                                .remembered_ctx = s};
    return writer_begin(&wo, &s->writer, err);
}

// Before the command is let go: nothing of it is without a record.
static int
await_record(struct session *s, struct err *err)
{
    int ret = writer_opened(&s->writer, err);
    if (ret < 0)
        return ret;
    if (err->msg) {
        // All of them or none: an allow must not come back without the denial beside it (I1).
        forget_remembered(s);
        fprintf(stderr, "nono: %s; going on without a record (--audit besteffort)\n", err->msg);
        err_done(err);
    }
    supervisor_remember(s->supervisor, s->remembered, s->n_remembered);
    s->n_remembered = 0;
    return 0;
}

static void
start_recording(struct session *s)
{
    unsigned rows, cols;
    if (!s->o->record || s->pty.master < 0)
        return;
    pty_size_of(s->pty.master, &rows, &cols);
    recording_start(&s->recording, s->writer, s->info->started_real_ns, rows, cols);
}

static int
start_supervisor(struct session *s, struct err *err)
{
    static const char *const approver_names[] = {
        [ON_ASK_UI] = "ui", [ON_ASK_DENY] = "deny", [ON_ASK_ALLOW] = "allow"};
    struct rlimit files;
    // Each held object is a descriptor.
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max < 65536 ? files.rlim_max : 65536;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    struct supervisor_options so = {
        .listener = steal_fd(&s->launched.listener),
        .monitor = s->launched.monitor,
        .child = s->launched.child,
        .log_allowed = s->o->log_allowed,
        .exec_ask = s->o->exec_ask,
        .caps = s->launched.caps,
        .capabilities = s->o->capabilities,
        .floor = &s->floor,
        .sockets = s->o->sockets,
        .trust = s->o->trust,
        .keygen = steal_fd(&s->keygen),
        .approver = approver_find(approver_names[s->o->on_ask]),
        .timeout_ns = s->o->ask_timeout_s * NS_PER_SEC,
        .ask_rate = s->o->ask_rate,
        .ask_burst = s->o->ask_burst,
        .home = s->o->home,
        .inbox = s->inbox_supervisor,
        .main = s->inbox_main,
        .record = record_into(s->writer),
    };
    int ret = supervisor_start(&so, &s->supervisor);
    return ret < 0 ? err_set(err, ret, "cannot start a thread: %s", strerror(-ret)) : 0;
}

static int
start_control(struct session *s, struct err *err)
{
    cleanup_free char *dir = registry_runtime_dir();
    if (!dir)
        return err_set(err, -ENOENT, "no home directory: set HOME or XDG_RUNTIME_DIR");
    cleanup_free char *path = xasprintf("%s/%s.sock", dir, s->info->id);
    return control_listen(path, s->info, &session_control_ops, s, &s->control, err);
}

static void
pass_output(struct session *s, const void *data, size_t n)
{
    write_all(STDOUT_FILENO, data, n);
    modes_feed(&s->modes, data, n);
}

// What the command left set on a terminal that it had for itself is put back.
static void
restore_modes(struct session *s)
{
    cleanup_buf struct buf undo = {0};
    modes_undo(&s->modes, &undo);
    if (!s->parted)
        write_all(STDOUT_FILENO, buf_str(&undo), undo.len);
}

// What the command printed goes to the pane or straight through.
static void
read_pty(struct session *s)
{
    char data[65536];
    ssize_t n = read(s->pty.master, data, sizeof data);
    if (n > 0 && s->o->ui == UI_MODE_SPLIT) {
        buf_add(&s->backlog, data, (size_t)n);
        if (s->backlog.len > 2 * BACKLOG_MAX)
            buf_consume(&s->backlog, s->backlog.len - BACKLOG_MAX);
    }
    if (n > 0 && !recording_output(&s->recording, data, (size_t)n))
        session_say(s, "the recording of the terminal has reached its limit and ends");
    if (n > 0 && s->relay)
        nudge_output(&s->nudge, data, (size_t)n, clock_mono_ns());
    if (n > 0 && s->ui)
        ui_agent_output(s->ui, data, (size_t)n);
    else if (n > 0 && !s->parted)
        pass_output(s, data, (size_t)n);
    else if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        close_fd(&s->pty.master); // EIO: every descriptor of the other side is closed
}

// One that was lent is not the session's, and the end of a pipe is not that of a terminal: losing
// them ends nothing.
static void
terminal_lost(struct session *s)
{
    if (s->foreign)
        session_detach(s);
    else if (s->o->ui == UI_MODE_PLAIN)
        s->terminal_gone = true;
    else
        session_terminal_gone(s);
}

static void
read_terminal(struct session *s)
{
    char data[4096];
    if (s->ui) {
        if (ui_read_input(s->ui, clock_mono_ns()) == -ENODATA)
            terminal_lost(s);
        return;
    }
    ssize_t n = read(STDIN_FILENO, data, sizeof data);
    if (n > 0)
        pty_send(&s->pty, data, (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        s->input_open = false;
}

// The command has the terminal, and seems to hang where it waits for an answer. When to look again,
// in ms.
static int
tell_of_waiting(struct session *s)
{
    uint64_t now = clock_mono_ns(), at;
    size_t waiting = s->nudge_fd >= 0 ? control_waiting(s->control) : 0;
    enum nudge_how how = nudge_due(&s->nudge, waiting, control_watchers(s->control) > 0, now);
    if (how == NUDGE_BELL)
        dprintf(s->nudge_fd, "\a");
    else if (how == NUDGE_LINE)
        dprintf(s->nudge_fd,
                "%snono: %zu request%s: answer with \"nono ui %.4s\" in another terminal%s\n",
                s->nudge.mid_line ? "\r\n" : "", waiting, waiting == 1 ? " waits" : "s wait",
                s->info->id, s->relay ? "\r" : "");
    at = nudge_deadline(&s->nudge);
    return at == UINT64_MAX ? -1 : now >= at ? 0 : (int)((at - now) / NS_PER_MS) + 1;
}

// How long poll(2) may wait, in ms.
static int
turn_timeout(struct session *s)
{
    if (s->ui && s->grants_changed)
        ui_set_grants(s->ui, 0, (const struct grant *const *)s->grants.list, s->grants.n);
    s->grants_changed = false;
    if (s->thaw_owed)
        s->thaw_owed = session_order(s, MSG_THAW, NULL, NULL) < 0;
    int timeout = s->ui ? ui_draw(s->ui, clock_mono_ns()) : -1;
    if (((s->ended && s->tell_at) || s->thaw_owed) && (timeout < 0 || timeout > 100))
        timeout = 100;
    const int others[] = {session_enforce_timeout(s), session_sweep_timeout(s), tell_of_waiting(s),
                          recording_turn(&s->recording)};
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (others[i] >= 0 && (timeout < 0 || others[i] < timeout))
            timeout = others[i];
    return timeout;
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
        [FD_TERMINAL] = {.fd = terminal && !s->terminal_gone ? s->term_in : -1, .events = POLLIN},
    };
    size_t n = control_pollfds(s->control, fds + FD_CONTROL);
    if (poll(fds, FD_CONTROL + n, turn_timeout(s)) < 0 && errno != EINTR)
        die("poll: %s", strerror(errno));
    if (fds[FD_SIGNAL].revents)
        session_read_signals(s);
    if (fds[FD_PTY].revents & POLLOUT)
        pty_flush(&s->pty);
    if (fds[FD_PTY].revents & (POLLIN | POLLHUP | POLLERR))
        read_pty(s);
    if (fds[FD_MONITOR].revents)
        session_read_monitor(s);
    if (fds[FD_INBOX].revents)
        session_read_inbox(s);
    bool plain = s->o->ui == UI_MODE_PLAIN && fds[FD_TERMINAL].revents & POLLIN;
    if (fds[FD_TERMINAL].revents & (POLLHUP | POLLERR | POLLNVAL) && !plain) {
        terminal_lost(s);
    } else if (fds[FD_TERMINAL].revents) {
        read_terminal(s);
    }
    // Not inside of the pane's own call.
    if (s->leaving)
        session_detach(s);
    control_serve(s->control, fds + FD_CONTROL, n);
    session_enforce(s);
    session_keep_frozen(s);
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
end_record(struct session *s)
{
    struct writer_lost lost;
    recording_stop(&s->recording);
    s->writer = writer_end(s->writer, s->exec_error || !s->started ? -1 : s->wait_status, &lost);
    if (lost.error)
        fprintf(stderr,
                "nono: the record could not be written at the end (%s): %llu events are lost,"
                " %llu of them decisions\n",
                strerror(-lost.error), (unsigned long long)lost.events,
                (unsigned long long)lost.decisions);
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
    end_record(s);
    close_fd(&s->launched.channel);
    close_fd(&s->launched.listener);
    s->inbox_main = queue_free(s->inbox_main);
    s->inbox_supervisor = queue_free(s->inbox_supervisor);
    if (s->foreign) {
        close_fd(&s->term_in);
        close_fd(&s->term_out);
    }
    close_fd(&s->front);
    close_fd(&s->keygen);
    buf_done(&s->backlog);
    pty_done(&s->pty);
    floor_done(&s->floor);
    footer_done(&s->footer);
    grants_done(&s->grants);
    forget_remembered(s);
    tree_done(&s->frozen);
    close_fd(&s->signal_fd);
    s->info = session_info_free(s->info);
}

// A directory of PATH that may not be searched makes execvp(3) say EACCES for what is nowhere.
static bool
is_nowhere(const char *name)
{
    const char *path = getenv("PATH");
    if (strchr(name, '/') || !path)
        return false;
    for (const char *p = path, *end; *p; p = *end ? end + 1 : end) {
        end = strchrnul(p, ':');
        cleanup_free char *file =
            xasprintf("%.*s%s%s", (int)(end - p), p, end > p ? "/" : "", name);
        if (access(file, F_OK) == 0)
            return false;
    }
    return true;
}

static int
exit_status(const struct session *s)
{
    if (s->exec_error) {
        cleanup_free char *shown = display_str(s->o->argv[0], DISPLAY_QUOTE);
        int error = s->exec_error;
        if (error == EACCES && is_nowhere(s->o->argv[0]))
            error = ENOENT;
        fprintf(stderr, "nono: %s: %s\n", shown, strerror(error));
        return error == ENOENT ? 127 : 126;
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
    if ((ret = begin_record(s, err)) < 0 || (ret = launch_finish(&s->launched, err)) < 0 ||
        (ret = start_supervisor(s, err)) < 0 || (ret = start_control(s, err)) < 0 ||
        (ret = await_record(s, err)) < 0)
        return ret;
    start_recording(s);
    if ((s->o->ui == UI_MODE_SPLIT || s->o->ui == UI_MODE_PLAIN) &&
        (ret = session_open_ui(s, err)) < 0)
        return ret;
    if (s->o->ui == UI_MODE_ATTACH && isatty(STDERR_FILENO))
        fprintf(stderr, "nono: requests wait for \"nono ui %.4s\" in another terminal%s\n",
                s->info->id, tmux_is_here() ? " (--ui tmux opens a pane for it)" : "");
    if (s->o->ui == UI_MODE_TMUX && (ret = tmux_split(s->info->id, err)) < 0)
        return ret;
    if (s->relay)
        raw_tty_on(&s->tty, STDIN_FILENO);
    if (!s->ui && (s->relay || isatty(STDERR_FILENO)))
        s->nudge_fd = s->relay ? STDOUT_FILENO : STDERR_FILENO;
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
    // Before Linux 6.11 the listener ends only once the last task is reaped: ours to do, with the
    // monitor gone.
    if (s->launched.monitor > 0)
        waitpid(s->launched.monitor, NULL, 0);
    if (s->launched.child > 0)
        waitpid(s->launched.child, NULL, 0);
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
                        .term_in = STDIN_FILENO,
                        .term_out = STDOUT_FILENO,
                        .front = o->front,
                        .keygen = -1,
                        .nudge_fd = -1,
                        .signal_fd = -1};
    free(s.info->capabilities);
    cleanup_free char *capabilities = capability_set_describe(o->capabilities);
    cleanup_free char *sockets = socket_policy_describe(o->sockets);
    s.info->capabilities = xasprintf("%s%s", capabilities, sockets);
    s.info->profile = xstrdup(o->profile);
    s.info->policy = xstrdup(o->policy);
    s.info->redact = xstrdup(o->redact);
    if (session_start(&s, err) < 0) {
        session_abort(&s);
        return 125;
    }
    while (!s.ended || !s.drained) {
        session_turn(&s);
        if (!s.ended || s.drained || !s.tell_at || clock_mono_ns() < s.tell_at)
            continue;
        s.tell_at = 0;
        restore_modes(&s);
        if (s.ui || s.relay)
            session_say(&s, "the command has ended; what it started still runs (Ctrl-C ends it)");
    }
    drain_pty(&s);
    s.ui = ui_leave(s.ui);
    restore_modes(&s);
    raw_tty_off(&s.tty, STDIN_FILENO);
    int status = exit_status(&s);
    // Repeats are not told one by one.
    if (s.stats.refused > s.footer.total)
        s.footer.total = s.stats.refused;
    s.footer.proxy_only = o->sockets && o->sockets->proxy_port;
    if (status != 0)
        footer_print(&s.footer, s.info->id, stderr);
    session_done(&s);
    return status;
}
