// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bounds.h"
#include "clock.h"
#include "event.h"
#include "registry.h"
#include "remember.h"
#include "session_internal.h"
#include "socket_policy.h"
#include "util.h"

#define ENVIRON_MAX (8u * 1024 * 1024) /* more than execve(2) takes */
#define SWEEP_NS (250 * NS_PER_MS)     /* between two looks at what is frozen */

void
session_say(struct session *s, const char *text)
{
    if (s->ui)
        ui_set_notice(s->ui, text);
    else
        fprintf(stderr, "nono: %s%s\n", text, s->tty.on ? "\r" : "");
}

int
session_order(struct session *s, int type, void *data, void (*free_fn)(void *))
{
    struct msg m = {.type = type, .data = data, .free = free_fn};
    int ret = queue_push(s->inbox_supervisor, &m, NONO_QUEUE_SUPERVISOR_KEEP);
    if (ret < 0)
        msg_done(&m);
    return ret;
}

// --- decisions and grants --------------------------------------------------------------------

static int
send_decision(struct session *s, const struct decision *d, const char *source)
{
    struct decision *copy = decision_dup(d);
    if (source) {
        free(copy->source);
        copy->source = xstrdup(source);
    }
    return session_order(s, MSG_DECIDE, copy, decision_free_msg);
}

// One that holds for later sessions is ended in the record first. Rare, and of a person: the wait
// for the disk is not handed to another thread. 0, also when somebody else ended it before.
static int
forget_grant(struct session *s, const struct grant *g, const char *source)
{
    cleanup_err struct err err = {0};
    cleanup_free char *key = registry_key_file_for(s->o->db_path);
    int ret = remembered_revoke(s->o->db_path, key, g->origin ? g->origin : s->info->id,
                                g->origin ? g->origin_id : g->id, source, NULL, &err);
    if (ret == 0 || ret == -ENOENT)
        return 0;
    cleanup_free char *line = xasprintf("not taken back: %s", err.msg ? err.msg : strerror(-ret));
    session_say(s, line);
    return -EREMOTEIO;
}

static int
send_revoke(struct session *s, uint64_t grant, const char *source)
{
    const struct grant *g = grants_find(&s->grants, grant);
    if (!g)
        return -ENOENT;
    if (g->scope == SCOPE_ALWAYS && forget_grant(s, g, source) < 0)
        return -EREMOTEIO;
    struct revoke *r = xcalloc(1, sizeof *r);
    *r = (struct revoke){.grant = grant, .source = xstrdup(source)};
    return session_order(s, MSG_REVOKE, r, revoke_free_msg);
}

// Takes g over.
static void
take_grant(struct session *s, struct grant *g)
{
    control_grant(s->control, g);
    if (g->state == GRANT_REVOKED) {
        cleanup_free char *line = grant_epitaph(g, getpid(), false);
        session_say(s, line);
    }
    grants_take(&s->grants, g);
    s->grants_changed = true;
}

// --- stopping everything ---------------------------------------------------------------------

static void
tell_frozen(struct session *s, bool on)
{
    control_frozen(s->control, on);
    if (s->ui)
        ui_set_frozen(s->ui, 0, on);
}

int
session_freeze(struct session *s, bool on)
{
    if (on && s->freeze == FREEZE_OFF) {
        int ret = session_order(s, MSG_FREEZE, NULL, NULL);
        if (ret == 0)
            s->freeze = FREEZE_ASKED;
        return ret;
    }
    if (on || s->freeze == FREEZE_OFF)
        return 0;
    s->freeze = FREEZE_OFF;
    tree_continue(&s->frozen);
    tell_frozen(s, false);
    // Not taken now, it is sent again with the next turn: calls would be kept longer, no more.
    s->thaw_owed = session_order(s, MSG_THAW, NULL, NULL) < 0;
    return 0;
}

// The supervisor sends no call back any more, for which a stopped task could not return.
static void
stop_all(struct session *s)
{
    if (s->freeze != FREEZE_ASKED)
        return;
    s->freeze = FREEZE_ON;
    s->sweep_at = 0;
    session_keep_frozen(s);
    tell_frozen(s, true);
}

void
session_keep_frozen(struct session *s)
{
    if (s->freeze != FREEZE_ON || clock_mono_ns() < s->sweep_at)
        return;
    tree_stop(&s->frozen, s->launched.monitor);
    s->sweep_at = clock_mono_ns() + SWEEP_NS;
}

int
session_sweep_timeout(const struct session *s)
{
    uint64_t now = clock_mono_ns();
    if (s->freeze != FREEZE_ON)
        return -1;
    return now >= s->sweep_at ? 0 : (int)((s->sweep_at - now) / NS_PER_MS) + 1;
}

// --- terminals -------------------------------------------------------------------------------

void
session_detach(struct session *s)
{
    s->leaving = false;
    s->ui = ui_free(s->ui);
    if (s->foreign) {
        close_fd(&s->term_in);
        close_fd(&s->term_out);
    } else if (s->front >= 0) {
        printf("detached; nono attach %.4s brings it back\n", s->info->id);
        fflush(stdout);
        front_part(&s->front);
        s->parted = true;
    }
    s->foreign = false;
    s->term_in = s->term_out = -1;
    control_detached(s->control, true);
}

static void
show_request(void *ctx, const struct request *r, const struct request_update *last)
{
    struct session *s = ctx;
    ui_add_request(s->ui, 0, request_dup(r));
    ui_update_request(s->ui, 0, last);
}

// What the pane before knew.
static void
show_everything(struct session *s)
{
    s->replaying = true;
    ui_agent_output(s->ui, buf_str(&s->backlog), s->backlog.len);
    s->replaying = false;
    control_each_request(s->control, show_request, s);
    ui_set_stats(s->ui, 0, &s->stats);
    ui_set_frozen(s->ui, 0, s->freeze == FREEZE_ON);
    s->grants_changed = true;
    // A full-screen program draws itself again.
    pid_t group = tcgetpgrp(s->pty.master);
    if (group > 0 && !s->ended)
        kill(-group, SIGWINCH);
}

static int
on_control_terminal(void *ctx, int in_fd, int out_fd, const char *term)
{
    struct session *s = ctx;
    cleanup_fd int in = in_fd, out = out_fd;
    cleanup_err struct err err = {0};
    if (s->o->ui != UI_MODE_SPLIT || s->pty.master < 0)
        return -ENOTTY;
    if (!isatty(in) || !isatty(out))
        return -ENXIO;
    if (s->ui)
        session_detach(s);
    s->term_in = in;
    s->term_out = out;
    setenv("TERM", term, 1);
    unsetenv("COLORTERM"); // it was said of another one
    if (session_open_ui(s, &err) < 0) {
        s->term_in = s->term_out = -1;
        return -ENXIO;
    }
    steal_fd(&in);
    steal_fd(&out);
    s->foreign = true;
    s->terminal_gone = false;
    control_detached(s->control, false);
    show_everything(s);
    return 0;
}

static void
on_control_resized(void *ctx)
{
    struct session *s = ctx;
    if (s->ui)
        ui_resized(s->ui, clock_mono_ns());
}

static void
on_control_terminal_gone(void *ctx)
{
    struct session *s = ctx;
    if (s->foreign)
        session_detach(s);
}

// --- the control socket ----------------------------------------------------------------------

static void
free_named(void *named)
{
    socket_policy_done(named);
    free(named);
}

// I4: the terminal that it runs in may be a multiplexer's, whose socket lies anywhere.
static int
on_control_approver(void *ctx, pid_t pid)
{
    struct session *s = ctx;
    cleanup_free char *environ = NULL, *path = xasprintf("/proc/%d/environ", (int)pid);
    ssize_t n = read_file_at(AT_FDCWD, path, ENVIRON_MAX, &environ);
    struct socket_policy *named = xcalloc(1, sizeof *named);
    if (n <= 0 || environ[n - 1])
        session_say(s, "it cannot be seen in which terminal a client decides requests: a "
                       "multiplexer's socket there may be unknown");
    else
        socket_policy_add_environ(named, environ, (size_t)n);
    if (named->n_named)
        return session_order(s, MSG_APPROVER, named, free_named);
    free_named(named);
    return 0;
}

static int
on_control_decide(void *ctx, const struct decision *d)
{
    return send_decision(ctx, d, NULL);
}

static int
on_control_revoke(void *ctx, uint64_t grant, const char *source)
{
    return send_revoke(ctx, grant, source);
}

static int
on_control_freeze(void *ctx, bool on)
{
    return session_freeze(ctx, on);
}

static void
on_control_stop(void *ctx)
{
    session_terminate(ctx, SIGTERM);
}

const struct control_ops session_control_ops = {
    .approver = on_control_approver,
    .decide = on_control_decide,
    .revoke = on_control_revoke,
    .freeze = on_control_freeze,
    .stop = on_control_stop,
    .terminal = on_control_terminal,
    .resized = on_control_resized,
    .terminal_gone = on_control_terminal_gone,
};

// --- the pane --------------------------------------------------------------------------------

static int
on_pane_decide(void *ctx, unsigned session, const struct decision *d)
{
    (void)session;
    return send_decision(ctx, d, "pane");
}

static int
on_pane_revoke(void *ctx, unsigned session, uint64_t grant)
{
    (void)session;
    return send_revoke(ctx, grant, "pane");
}

static int
on_pane_freeze(void *ctx, unsigned session, bool on)
{
    (void)session;
    return session_freeze(ctx, on);
}

static void
on_agent_input(void *ctx, const void *data, size_t n)
{
    struct session *s = ctx;
    // What the command asked its terminal long ago was answered then.
    if (s->replaying)
        return;
    // No terminal driver turns the key into a signal for what outlives the command.
    if (s->ended && memchr(data, '\003', n))
        session_terminate(s, SIGINT);
    pty_send(&s->pty, data, n);
}

void
session_resize_pty(struct session *s, unsigned rows, unsigned cols)
{
    pty_resize(&s->pty, rows, cols);
    recording_resize(&s->recording, rows, cols);
}

static void
on_agent_resize(void *ctx, unsigned rows, unsigned cols)
{
    session_resize_pty(ctx, rows, cols);
}

static void
on_leave(void *ctx)
{
    struct session *s = ctx;
    if (s->foreign || s->front >= 0)
        s->leaving = true;
    else
        session_say(s, "the pane stays as long as the command runs");
}

const struct ui_ops session_ui_ops = {
    .decide = on_pane_decide,
    .agent_input = on_agent_input,
    .agent_resize = on_agent_resize,
    .leave = on_leave,
    .revoke = on_pane_revoke,
    .freeze = on_pane_freeze,
};

// --- what the supervisor says ----------------------------------------------------------------

void
session_read_inbox(struct session *s)
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
            s->stats = *(const struct stats *)m.data;
            if (s->ui)
                ui_set_stats(s->ui, 0, m.data);
            break;
        case MSG_NOTICE:
            session_say(s, m.data);
            break;
        case MSG_REFUSAL:
            footer_add(&s->footer, m.data);
            m.free = NULL;
            break;
        case MSG_GRANT:
            take_grant(s, m.data);
            m.free = NULL;
            break;
        case MSG_FROZEN:
            stop_all(s);
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
