// SPDX-License-Identifier: Apache-2.0
// A control server in this process, and clients of it that note what they are told.
#pragma once
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bounds.h"
#include "client.h"
#include "clock.h"
#include "control.h"
#include "unit/wire_helpers.h"
#include "util.h"

#define DEADLINE_NS (10 * NS_PER_SEC)

static char dir[64];
static char *path;
static struct control *server;
static struct decision *decided; /* the last one that reached the session */
static int decide_answer;

static inline int
on_decide(void *ctx, const struct decision *d)
{
    decision_free(decided);
    decided = decision_dup(d);
    return decide_answer;
}

static uint64_t revoked_grant; /* the last one that reached the session */
static char revoked_by[32];
static unsigned stops, freezes;
static bool frozen_on;

static inline int
on_revoke(void *ctx, uint64_t grant, const char *source)
{
    revoked_grant = grant;
    snprintf(revoked_by, sizeof revoked_by, "%s", source);
    return 0;
}

static inline int
on_freeze(void *ctx, bool on)
{
    freezes++;
    frozen_on = on;
    return 0;
}

static inline void
on_stop(void *ctx)
{
    stops++;
}

static int shown_in = -1, shown_out = -1, show_answer;
static char shown_term[32];
static unsigned resizes, terminals_gone;

static inline int
on_terminal(void *ctx, int in_fd, int out_fd, const char *term)
{
    shown_in = in_fd;
    shown_out = out_fd;
    snprintf(shown_term, sizeof shown_term, "%s", term);
    return show_answer;
}

static inline void
on_resized(void *ctx)
{
    resizes++;
}

static inline void
on_terminal_gone(void *ctx)
{
    terminals_gone++;
}

static unsigned approvers;
static pid_t approver_pid;

static int
on_approver(void *ctx, pid_t pid)
{
    (void)ctx;
    approvers++;
    approver_pid = pid;
    return 0;
}

static const struct control_ops server_ops = {.approver = on_approver,
                                              .decide = on_decide,
                                              .revoke = on_revoke,
                                              .freeze = on_freeze,
                                              .stop = on_stop,
                                              .terminal = on_terminal,
                                              .resized = on_resized,
                                              .terminal_gone = on_terminal_gone};

static inline void
start_server(void)
{
    struct session_info info = test_info();
    snprintf(dir, sizeof dir, "/tmp/nono-control-XXXXXX");
    cr_assert(mkdtemp(dir));
    path = xasprintf("%s/run/0123456789ab.sock", dir);
    cr_assert_eq(control_listen(path, &info, &server_ops, NULL, &server, NULL), 0);
    decide_answer = 0;
    revoked_grant = stops = freezes = resizes = terminals_gone = 0;
    show_answer = 0;
}

static inline void
stop_server(void)
{
    char run[128];
    server = control_free(server);
    cr_expect(access(path, F_OK) < 0, "the socket is removed");
    snprintf(run, sizeof run, "%s/run", dir);
    rmdir(run);
    rmdir(dir);
    free(path);
    decided = decision_free(decided);
}

static inline void
raise_request(uint64_t id)
{
    struct request *r = new_request(id);
    control_request(server, r);
    request_free(r);
}

static inline void
turn(int extra_fd)
{
    struct pollfd fds[NONO_CLIENTS_MAX + 2];
    size_t n = control_pollfds(server, fds);
    fds[n] = (struct pollfd){.fd = extra_fd, .events = POLLIN};
    poll(fds, n + 1, 50);
    control_serve(server, fds, n);
}

struct seen {
    unsigned requests, updates, stats, closed, grants, frozen, thawed, detached;
    struct grant *grant; /* the last one */
    uint64_t revoked_for;
    int revoked, ordered; /* 1: no answer yet */
    struct request *last;
    struct request_update update;
    bool synced;
    uint64_t result_for;
    int result; /* 1: none yet */
};

static inline void
seen_request(void *ctx, struct request *r)
{
    struct seen *s = ctx;
    request_free(s->last);
    s->last = r;
    s->requests++;
}

static inline void
seen_update(void *ctx, const struct request_update *u)
{
    struct seen *s = ctx;
    s->update = *u;
    s->updates++;
}

static inline void
seen_stats(void *ctx, const struct stats *st)
{
    ((struct seen *)ctx)->stats++;
}

static inline void
seen_synced(void *ctx)
{
    ((struct seen *)ctx)->synced = true;
}

static inline void
seen_result(void *ctx, uint64_t request, int error)
{
    struct seen *s = ctx;
    s->result_for = request;
    s->result = error;
}

static inline void
seen_grant(void *ctx, struct grant *g)
{
    struct seen *s = ctx;
    grant_free(s->grant);
    s->grant = g;
    s->grants++;
}

static inline void
seen_frozen(void *ctx, bool on)
{
    struct seen *s = ctx;
    *(on ? &s->frozen : &s->thawed) += 1;
}

static inline void
seen_revoked(void *ctx, uint64_t grant, int error)
{
    struct seen *s = ctx;
    s->revoked_for = grant;
    s->revoked = error;
}

static inline void
seen_ordered(void *ctx, int error)
{
    ((struct seen *)ctx)->ordered = error;
}

static inline void
seen_detached(void *ctx)
{
    ((struct seen *)ctx)->detached++;
}

static inline void
seen_closed(void *ctx)
{
    ((struct seen *)ctx)->closed++;
}

static const struct client_ops seen_ops = {
    .request = seen_request,
    .update = seen_update,
    .stats = seen_stats,
    .result = seen_result,
    .grant = seen_grant,
    .frozen = seen_frozen,
    .revoked = seen_revoked,
    .ordered = seen_ordered,
    .detached = seen_detached,
    .synced = seen_synced,
    .closed = seen_closed,
};

// Turns both sides until cond holds; fails the test when it never does.
#define UNTIL(c, cond)                                                                             \
    do {                                                                                           \
        uint64_t end_ = clock_mono_ns() + DEADLINE_NS;                                             \
        while (!(cond) && clock_mono_ns() < end_) {                                                \
            turn(client_fd(c));                                                                    \
            client_read(c);                                                                        \
        }                                                                                          \
        cr_assert(cond, "never came: %s", #cond);                                                  \
    } while (0)

static inline struct client *
attach(const char *role, unsigned wants, struct seen *s)
{
    struct client *c;
    *s = (struct seen){.result = 1, .revoked = 1, .ordered = 1};
    cr_assert_eq(client_connect(path, role, wants, &seen_ops, s, &c, NULL), 0);
    return c;
}

static inline void
detach(struct client *c, struct seen *s)
{
    client_free(c);
    s->last = request_free(s->last);
    s->grant = grant_free(s->grant);
}

static inline struct decision
choice(const struct request *r, enum verdict verdict)
{
    struct decision d = {.request = r->id, .verdict = verdict, .scope = SCOPE_ONCE};
    memcpy(d.digest, r->digest, DIGEST_LEN);
    return d;
}

static inline void
update_to(uint64_t id, enum state state, enum verdict verdict, enum decider by)
{
    struct request_update u = {
        .id = id, .state = state, .count = 1, .verdict = verdict, .by = by, .scope = SCOPE_ONCE};
    control_update(server, &u);
}
