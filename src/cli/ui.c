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

#include "cli.h"
#include "client.h"
#include "clock.h"
#include "grants.h"
#include "options.h"
#include "registry.h"
#include "risk.h"
#include "util.h"
#include "wire.h"

#define ANSWER_TIMEOUT_MS 3000
#define HOLD_NS (2 * NS_PER_SEC) /* for sessions that do not answer at once */
#define HOLD_LOOK_MS 50
#define LOOK_NS NS_PER_SEC /* how often sessions that started are looked for */

enum { OPT_PLAIN = OPTIONS_LONG, OPT_NOTIFY };

static const struct option_row ui_rows[] = {
    {OPT_PLAIN, "plain", NULL, "lines instead of a screen, for readers and pipes"},
    {OPT_NOTIFY, "notify", "COMMAND", "for the shell when a request comes; or osc9, osc777"},
    {0},
};

static const struct options_help ui_help = {
    .synopsis = "nono ui [SESSION]",
    .about =
        "Shows the requests of a session and lets you decide them; without SESSION those of all\n"
        "sessions in one queue, also of those that start later. q leaves; the requests wait on.",
    .rows = ui_rows,
    .more = "SESSION is an id, a unique prefix of one, a name, or @ for the newest.",
};

struct pane;

// A session that is shown. Its number is its place in the pane.
struct member {
    struct pane *pane;
    unsigned number;
    char *id;
    struct client *client; /* NULL: free, or ended */
    struct grants grants;
    bool grants_changed;
    bool named;  /* the screen knows its words */
    bool synced; /* what waited when it was found is shown */
};

struct pane {
    struct ui *ui;
    struct member members[UI_SESSIONS_MAX];
    unsigned next;    /* number for the next one */
    const char *spec; /* only this session; NULL: all */
    bool plain;
    const char *notify;
    uint64_t look_at; /* monotonic: when sessions are looked for */
    uint64_t hold_to; /* likewise: lines that came early are read then at the latest */
    bool said;        /* why none can be seen */
    int signal_fd;
    bool leave;    /* the person is done */
    bool ended;    /* the only session is */
    int killed;    /* by this signal */
    bool no_tty;   /* the terminal is gone */
    char *refusal; /* why the only session did not let us in; owned */
};

// --- between the sessions and the screen -----------------------------------------------------

static void
on_request(void *ctx, struct request *r)
{
    const struct member *m = ctx;
    ui_add_request(m->pane->ui, m->number, r);
}

static void
on_update(void *ctx, const struct request_update *u)
{
    const struct member *m = ctx;
    ui_update_request(m->pane->ui, m->number, u);
}

static void
on_stats(void *ctx, const struct stats *s)
{
    const struct member *m = ctx;
    ui_set_stats(m->pane->ui, m->number, s);
}

static void
on_grant(void *ctx, struct grant *g)
{
    struct member *m = ctx;
    if (g->state == GRANT_REVOKED) {
        cleanup_free char *line = grant_epitaph(g, client_session(m->client)->pid, false);
        ui_set_notice(m->pane->ui, line);
    }
    grants_take(&m->grants, g);
    m->grants_changed = true;
}

static void
on_synced(void *ctx)
{
    struct member *m = ctx;
    m->synced = true;
}

static void
on_frozen(void *ctx, bool on)
{
    const struct member *m = ctx;
    ui_set_frozen(m->pane->ui, m->number, on);
}

static void
on_result(void *ctx, uint64_t id, int error)
{
    const struct member *m = ctx;
    if (error)
        ui_set_notice(m->pane->ui, wire_error_text(error));
}

static void
on_ordered(void *ctx, int error)
{
    on_result(ctx, 0, error);
}

static const struct client_ops member_ops = {
    .request = on_request,
    .update = on_update,
    .stats = on_stats,
    .result = on_result,
    .grant = on_grant,
    .frozen = on_frozen,
    .synced = on_synced,
    .revoked = on_result,
    .ordered = on_ordered,
};

static struct client *
client_of(const struct pane *p, unsigned session)
{
    return session < UI_SESSIONS_MAX ? p->members[session].client : NULL;
}

static int
on_decide(void *ctx, unsigned session, const struct decision *d)
{
    struct client *c = client_of(ctx, session);
    return c ? client_decide(c, d) : -ENOTCONN;
}

static int
on_revoke(void *ctx, unsigned session, uint64_t grant)
{
    struct client *c = client_of(ctx, session);
    return c ? client_revoke(c, grant) : -ENOTCONN;
}

static int
on_freeze(void *ctx, unsigned session, bool on)
{
    struct client *c = client_of(ctx, session);
    return c ? client_freeze(c, on) : -ENOTCONN;
}

static void
on_leave(void *ctx)
{
    struct pane *p = ctx;
    p->leave = true;
}

static const struct ui_ops pane_ui_ops = {
    .decide = on_decide, .leave = on_leave, .revoke = on_revoke, .freeze = on_freeze};

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

// --- the sessions ----------------------------------------------------------------------------

// "claude -p (/home/u/shop)", for the title; foreign bytes.
static void
member_name(struct member *m)
{
    const struct session_info *s = m->client ? client_session(m->client) : NULL;
    if (m->named || !s)
        return;
    cleanup_free char *title = session_title(s);
    ui_add_session(m->pane->ui, m->number, m->id, s->name, title);
    m->named = true;
}

static void
member_end(struct member *m)
{
    struct pane *p = m->pane;
    ui_end_session(p->ui, m->number);
    if (p->spec && client_refusal(m->client))
        p->refusal = xstrdup(client_refusal(m->client));
    p->ended = p->spec;
    m->client = client_free(m->client);
    grants_done(&m->grants);
}

static void
member_read(struct member *m)
{
    int r = client_read(m->client);
    member_name(m);
    if (m->grants_changed)
        ui_set_grants(m->pane->ui, m->number, (const struct grant *const *)m->grants.list,
                      m->grants.n);
    m->grants_changed = false;
    if (r < 0)
        member_end(m);
}

// Numbers are taken in turn: what is shown of one that has ended is gone when its number comes
// again.
static struct member *
free_member(struct pane *p)
{
    for (unsigned i = 0; i < UI_SESSIONS_MAX; i++) {
        struct member *m = &p->members[p->next++ % UI_SESSIONS_MAX];
        if (!m->client)
            return m;
    }
    return NULL;
}

static int
add_session(struct pane *p, const char *id, const char *path, struct err *err)
{
    struct member *m = free_member(p);
    if (!m)
        return err_set(err, -EUSERS, "more than %d sessions", UI_SESSIONS_MAX);
    free(m->id);
    *m = (struct member){.pane = p, .number = (unsigned)(m - p->members), .id = xstrdup(id)};
    return client_connect(path, "nono ui", CLIENT_WATCH | CLIENT_GRANTS, &member_ops, m, &m->client,
                          err);
}

static bool
is_shown(const struct pane *p, const char *id)
{
    for (unsigned i = 0; i < UI_SESSIONS_MAX; i++)
        if (p->members[i].client && strcmp(p->members[i].id, id) == 0)
            return true;
    return false;
}

// Why no session can be seen.
static void
say_once(struct pane *p, const char *text)
{
    if (!p->said)
        ui_set_notice(p->ui, text);
    p->said = true;
}

// The sessions that run and are not shown yet.
static void
look_for_sessions(struct pane *p)
{
    struct registry_socket *sockets;
    size_t n;
    if (p->spec || clock_mono_ns() < p->look_at)
        return;
    p->look_at = clock_mono_ns() + LOOK_NS;
    cleanup_err struct err unreadable = {0};
    if (registry_list_sockets(&sockets, &n, &unreadable) < 0) {
        say_once(p, unreadable.msg);
        return;
    }
    cleanup_free char *skipped = registry_skipped_text();
    if (n == 0 && skipped)
        say_once(p, skipped);
    for (size_t i = 0; i < n; i++) {
        cleanup_err struct err err = {0};
        if (!is_shown(p, sockets[i].id) && add_session(p, sockets[i].id, sockets[i].path, &err) < 0)
            ui_set_notice(p->ui, err.msg);
    }
    registry_free_sockets(sockets, n);
}

// --- life ------------------------------------------------------------------------------------

static void
read_input(struct pane *p, short revents)
{
    if (revents & (POLLIN | (p->plain ? POLLHUP : 0))) {
        // The end of a pipe is no end of a terminal: what it said was said.
        if (ui_read_input(p->ui, clock_mono_ns()) == -ENODATA && p->plain)
            p->leave = true;
    } else if (revents & (POLLHUP | POLLERR | POLLNVAL)) {
        p->no_tty = true;
    }
}

// A line of a pipe comes at once: it is about what waits, not about what has come so far.
static bool
lines_are_early(const struct pane *p)
{
    for (unsigned i = 0; i < UI_SESSIONS_MAX; i++)
        if (p->members[i].client && !p->members[i].synced)
            return p->plain && clock_mono_ns() < p->hold_to;
    return false;
}

static void
pane_turn(struct pane *p)
{
    struct pollfd fds[2 + UI_SESSIONS_MAX] = {
        {.fd = STDIN_FILENO, .events = POLLIN},
        {.fd = p->signal_fd, .events = POLLIN},
    };
    look_for_sessions(p);
    bool early = lines_are_early(p);
    if (early)
        fds[0].fd = -1;
    for (unsigned i = 0; i < UI_SESSIONS_MAX; i++)
        fds[2 + i] = (struct pollfd){
            .fd = p->members[i].client ? client_fd(p->members[i].client) : -1, .events = POLLIN};
    int timeout = ui_draw(p->ui, clock_mono_ns());
    int look = p->spec ? -1 : (int)(LOOK_NS / NS_PER_MS);
    if (timeout < 0 || (look >= 0 && look < timeout))
        timeout = look;
    if (early && (timeout < 0 || timeout > HOLD_LOOK_MS))
        timeout = HOLD_LOOK_MS;
    if (poll(fds, ARRAY_SIZE(fds), timeout) < 0 && errno != EINTR)
        die("poll: %s", strerror(errno));
    if (fds[1].revents)
        read_signals(p);
    // What the sessions say comes before keys: a row that is gone must not be decided.
    for (unsigned i = 0; i < UI_SESSIONS_MAX; i++)
        if (fds[2 + i].revents)
            member_read(&p->members[i]);
    if (fds[0].revents && !p->ended && !p->killed)
        read_input(p, fds[0].revents);
}

static int
pane_open(struct pane *p, struct err *err)
{
    cleanup_free char *id = NULL, *path = NULL;
    if (!p->plain && (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)))
        return err_set(err, -ENOTTY,
                       "no terminal; --plain, nono pending, nono allow and nono deny need none");
    if (p->spec) {
        int r = registry_find_socket(p->spec, &id, &path, err);
        if (r < 0)
            return r;
    }
    cleanup_free char *home = registry_home();
    const struct ui_config config = {.session = id,
                                     .title = id ? "" : NULL,
                                     .plain = p->plain,
                                     .count = true,
                                     .risky = risk_places,
                                     .home = home,
                                     .notify = p->notify,
                                     .in_fd = STDIN_FILENO,
                                     .out_fd = STDOUT_FILENO};
    p->signal_fd = watch_signals();
    p->hold_to = clock_mono_ns() + HOLD_NS;
    int r = ui_new(&config, &pane_ui_ops, p, &p->ui, err);
    return r == 0 && p->spec ? add_session(p, id, path, err) : r;
}

static int
pane_end(struct pane *p, struct err *err)
{
    p->ui = ui_free(p->ui);
    die_set_hook(NULL);
    for (unsigned i = 0; i < UI_SESSIONS_MAX; i++) {
        struct member *m = &p->members[i];
        client_free(m->client);
        grants_done(&m->grants);
        free(m->id);
    }
    close_fd(&p->signal_fd);
    cleanup_free char *refusal = p->refusal;
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
    int c;
    options_init(&o, &ui_help, argc, argv);
    while ((c = options_next(&o)) >= 0) {
        if (c == OPT_PLAIN)
            p.plain = true;
        else if (!o.arg[0] && options_bad_value(&o, "a command, osc9 or osc777") < 0)
            return o.status;
        else
            p.notify = o.arg;
    }
    if (c != OPTIONS_END)
        return o.status;
    if (argc - o.index > 1)
        return options_error(&o, "one SESSION at most");
    p.spec = o.index < argc ? argv[o.index] : NULL;
    if (pane_open(&p, &err) == 0)
        while (!p.leave && !p.ended && !p.killed && !p.no_tty)
            pane_turn(&p);
    return pane_end(&p, &err);
}
