// SPDX-License-Identifier: Apache-2.0
// nono ui: the approval pane of running sessions, in a terminal of its own.
#include "ui.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "buf.h"
#include "cli.h"
#include "client.h"
#include "clock.h"
#include "options.h"
#include "registry.h"
#include "util.h"
#include "wire.h"

#define ANSWER_TIMEOUT_MS 3000

static const struct option_row ui_rows[] = {{0}};

static const struct options_help ui_help = {
    .synopsis = "nono ui [SESSION]",
    .about = "Shows the requests of a running session and lets you decide them. q leaves; the\n"
             "requests wait on.",
    .rows = ui_rows,
    .more =
        "SESSION is an id, a unique prefix of one, a name, or @ for the newest; it may be left\n"
        "out where one session runs.",
};

struct pane {
    struct ui *ui;
    struct client *client;
    int signal_fd;
    bool leave;  /* the person is done */
    bool ended;  /* the session is */
    int killed;  /* by this signal */
    bool no_tty; /* the terminal is gone */
};

// --- between the session and the screen ------------------------------------------------------

static void
on_request(void *ctx, struct request *r)
{
    struct pane *p = ctx;
    ui_add_request(p->ui, 0, r);
}

static void
on_update(void *ctx, const struct request_update *u)
{
    struct pane *p = ctx;
    ui_update_request(p->ui, 0, u);
}

static void
on_stats(void *ctx, const struct stats *s)
{
    struct pane *p = ctx;
    ui_set_stats(p->ui, 0, s);
}

static void
on_result(void *ctx, uint64_t request, int error)
{
    struct pane *p = ctx;
    if (error) {
        ui_update_request(p->ui, 0, &(struct request_update){.id = request, .error = error});
        ui_set_notice(p->ui, wire_error_text(error));
    }
}

static void
on_closed(void *ctx)
{
    struct pane *p = ctx;
    p->ended = true;
}

static const struct client_ops pane_client_ops = {
    .request = on_request,
    .update = on_update,
    .stats = on_stats,
    .result = on_result,
    .closed = on_closed,
};

static int
on_decide(void *ctx, unsigned session, const struct decision *d)
{
    struct pane *p = ctx;
    return client_decide(p->client, d);
}

static void
on_leave(void *ctx)
{
    struct pane *p = ctx;
    p->leave = true;
}

static const struct ui_ops pane_ui_ops = {.decide = on_decide, .leave = on_leave};

// --- signals ---------------------------------------------------------------------------------

static void
on_crash(int sig)
{
    ui_emergency_restore();
    signal(sig, SIG_DFL);
    raise(sig);
}

static int
watch_signals(void)
{
    static const int watched[] = {SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGCONT};
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_SIZE(watched); i++)
        sigaddset(&set, watched[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(crashes); i++)
        signal(crashes[i], on_crash);
    die_set_hook(ui_emergency_restore);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

// The default action of SIGTSTP, and not SIGSTOP: it does not stop a process whose shell is gone,
// which nobody could continue.
static void
suspend(struct pane *p)
{
    sigset_t tstp;
    sigemptyset(&tstp);
    sigaddset(&tstp, SIGTSTP);
    ui_suspend(p->ui);
    raise(SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &tstp, NULL);
    sigprocmask(SIG_BLOCK, &tstp, NULL);
    ui_resume(p->ui, clock_mono_ns());
}

static void
read_signals(struct pane *p)
{
    struct signalfd_siginfo si;
    while (read(p->signal_fd, &si, sizeof si) == sizeof si) {
        switch ((int)si.ssi_signo) {
        case SIGWINCH:
            ui_resized(p->ui, clock_mono_ns());
            break;
        case SIGTSTP:
            suspend(p);
            break;
        case SIGCONT:
            // Stopped by SIGSTOP, without a word: the shell has had the terminal meanwhile.
            ui_suspend(p->ui);
            ui_resume(p->ui, clock_mono_ns());
            break;
        default:
            p->killed = (int)si.ssi_signo;
        }
    }
}

// --- life ------------------------------------------------------------------------------------

static void
pane_loop(struct pane *p)
{
    while (!p->leave && !p->ended && !p->killed && !p->no_tty) {
        struct pollfd fds[] = {
            {.fd = STDIN_FILENO, .events = POLLIN},
            {.fd = p->signal_fd, .events = POLLIN},
            {.fd = client_fd(p->client), .events = POLLIN},
        };
        int timeout = ui_draw(p->ui, clock_mono_ns());
        if (poll(fds, ARRAY_SIZE(fds), timeout) < 0 && errno != EINTR)
            die("poll: %s", strerror(errno));
        if (fds[1].revents)
            read_signals(p);
        // What the session says comes before keys: a row that is gone must not be decided.
        if (fds[2].revents)
            client_read(p->client);
        if (fds[0].revents & POLLIN && !p->ended && !p->killed)
            ui_read_input(p->ui, clock_mono_ns());
        else if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL))
            p->no_tty = true;
    }
}

// "claude -p (/home/u/shop)", for the title; foreign bytes.
static int
ask_title(const char *path, char **ret_title, struct err *err)
{
    static const struct client_ops none = {0};
    struct client *c = NULL;
    int r = client_connect(path, "nono ps", 0, &none, NULL, &c, err);
    if (r == 0)
        r = client_wait_synced(c, ANSWER_TIMEOUT_MS, err);
    const struct session_info *s = r == 0 ? client_session(c) : NULL;
    if (s) {
        struct buf title = {0};
        for (size_t i = 0; i + 1 < s->argv_len; i++)
            buf_putc(&title, s->argv[i] ? s->argv[i] : ' ');
        buf_printf(&title, " (%s)", s->cwd);
        *ret_title = buf_steal(&title);
    }
    client_free(c);
    return r == 0 && !s ? err_set(err, -EPROTO, "the session does not say what it is") : r;
}

static int
pane_open(struct pane *p, const char *spec, struct err *err)
{
    cleanup_free char *id = NULL, *path = NULL, *title = NULL;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return err_set(err, -ENOTTY,
                       "no terminal; nono pending, nono allow and nono deny need none");
    int r = registry_find_socket(spec, &id, &path, err);
    if (r == 0)
        r = ask_title(path, &title, err);
    if (r < 0)
        return r;
    const struct ui_config config = {
        .session = id, .title = title, .in_fd = STDIN_FILENO, .out_fd = STDOUT_FILENO};
    p->signal_fd = watch_signals();
    r = ui_new(&config, &pane_ui_ops, p, &p->ui, err);
    if (r == 0)
        r = client_connect(path, "nono ui", CLIENT_WATCH, &pane_client_ops, p, &p->client, err);
    return r;
}

static int
pane_end(struct pane *p, struct err *err)
{
    p->ui = ui_free(p->ui);
    die_set_hook(NULL);
    cleanup_free char *refusal = p->client ? xstrdup(client_refusal(p->client)) : NULL;
    p->client = client_free(p->client);
    close_fd(&p->signal_fd);
    if (err->msg || refusal) {
        fprintf(stderr, "nono ui: %s\n", err->msg ? err->msg : refusal);
        return EXIT_FAILURE;
    }
    if (p->ended)
        puts("session ended");
    if (p->killed)
        return 128 + p->killed;
    return p->no_tty ? EXIT_FAILURE : EXIT_SUCCESS;
}

int
cmd_ui(int argc, char **argv)
{
    cleanup_err struct err err = {0};
    struct pane p = {.signal_fd = -1};
    struct options o;
    options_init(&o, &ui_help, argc, argv);
    int c = options_next(&o);
    if (c != OPTIONS_END)
        return o.status;
    if (argc - o.index > 1)
        return options_error(&o, "one SESSION at most");
    if (pane_open(&p, o.index < argc ? argv[o.index] : NULL, &err) == 0)
        pane_loop(&p);
    return pane_end(&p, &err);
}
