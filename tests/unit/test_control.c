// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "peer.h"
#include "unit/control_helpers.h"
#include "wire.h"

TestSuite(control, .init = start_server, .fini = stop_server);

// --- a client and a server -------------------------------------------------------------------

Test(control, socket_is_private)
{
    struct stat st;
    cr_assert_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_mode & 07777, 0600);
    *strrchr(path, '/') = 0;
    cr_assert_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_mode & 07777, 0700);
    path[strlen(path)] = '/';
}

Test(control, snapshot_then_live_events)
{
    struct seen s;
    for (uint64_t id = 1; id <= 3; id++)
        raise_request(id);
    update_to(2, STATE_WITHDRAWN, VERDICT_WITHDRAWN, DECIDER_INTERNAL);
    struct client *c = attach("nono ui", CLIENT_WATCH, &s);
    UNTIL(c, s.synced);
    cr_expect_eq(s.requests, 2);
    cr_expect_eq(s.last->id, 3);
    cr_expect_str_eq(client_session(c)->name, "shop");
    cr_expect_eq(client_waiting(c), 2);
    cr_expect_eq(client_newest(c), 3);
    cr_expect_eq(control_watchers(server), 1);
    raise_request(4);
    update_to(4, STATE_ASKED, _VERDICT_INVALID, _DECIDER_INVALID);
    struct stats st = {.floor = 1};
    UNTIL(c, s.updates == 1);
    control_stats(server, &st);
    UNTIL(c, s.requests == 3 && s.updates == 1 && s.stats == 1);
    detach(c, &s);
    c = attach("nono pending", 0, &s);
    UNTIL(c, s.synced);
    cr_expect_eq(s.requests, 3);
    raise_request(5);
    turn(-1);
    client_read(c);
    cr_expect_eq(s.requests, 3, "only watchers are told");
    cr_expect_eq(control_watchers(server), 0);
    detach(c, &s);
}

Test(control, decision_is_answered_when_recorded)
{
    struct seen s;
    raise_request(1);
    struct client *c = attach("nono allow", 0, &s);
    UNTIL(c, s.synced);
    struct decision d = choice(s.last, VERDICT_ALLOW);
    d.note = xstrdup("needed");
    d.scope = SCOPE_SESSION;
    cr_assert_eq(client_decide(c, &d), 0);
    free(d.note);
    UNTIL(c, decided);
    cr_expect_eq(decided->request, 1);
    cr_expect_eq(decided->verdict, VERDICT_ALLOW);
    cr_expect_eq(decided->scope, SCOPE_SESSION);
    cr_expect_eq(decided->by, DECIDER_USER);
    cr_expect_str_eq(decided->source, "nono allow");
    cr_expect_str_eq(decided->note, "needed");
    update_to(1, STATE_DECIDED, VERDICT_ALLOW, DECIDER_USER);
    turn(-1);
    client_read(c);
    cr_expect_eq(s.result, 1, "not before it is on disk");
    update_to(1, STATE_RECORDED, VERDICT_ALLOW, DECIDER_USER);
    UNTIL(c, s.result == 0);
    cr_expect_eq(s.result_for, 1);
    detach(c, &s);
}

Test(control, other_digest_is_refused)
{
    struct seen s;
    raise_request(1);
    struct client *c = attach("nono ui", CLIENT_WATCH, &s);
    UNTIL(c, s.synced);
    struct decision d = choice(s.last, VERDICT_ALLOW);
    d.digest[DIGEST_LEN - 1] ^= 1;
    client_decide(c, &d);
    UNTIL(c, s.result != 1);
    cr_expect_eq(s.result, -EBADMSG);
    cr_expect_null(decided);
    detach(c, &s);
}

Test(control, a_request_is_decided_once)
{
    struct seen s, t;
    raise_request(1);
    struct client *c = attach("nono ui", CLIENT_WATCH, &s), *e = attach("nono deny", 0, &t);
    UNTIL(c, s.synced);
    UNTIL(e, t.synced);
    struct decision d = choice(s.last, VERDICT_ALLOW), n = choice(t.last, VERDICT_DENY);
    client_decide(c, &d);
    UNTIL(c, decided);
    client_decide(e, &n);
    UNTIL(e, t.result != 1);
    cr_expect_eq(t.result, -EALREADY, "while the first is on its way");
    cr_expect_eq(decided->verdict, VERDICT_ALLOW);
    update_to(1, STATE_RECORDED, VERDICT_ALLOW, DECIDER_USER);
    UNTIL(c, s.result == 0);
    t.result = s.result = 1;
    client_decide(e, &n);
    UNTIL(e, t.result != 1);
    cr_expect_eq(t.result, -EALREADY, "when it is gone");
    n.request = 77;
    t.result = 1;
    client_decide(e, &n);
    UNTIL(e, t.result != 1);
    cr_expect_eq(t.result, -ENOENT, "when there never was one");
    detach(c, &s);
    detach(e, &t);
}

Test(control, outcome_is_told_as_it_is)
{
    static const struct {
        enum state state;
        enum verdict verdict;
        enum decider by;
        int expected;
    } rows[] = {
        {STATE_WITHDRAWN, VERDICT_WITHDRAWN, DECIDER_INTERNAL, -EALREADY},
        {STATE_EXPIRED, VERDICT_EXPIRED, DECIDER_TIMEOUT, -EALREADY},
        {STATE_ANSWERED, VERDICT_DENY, DECIDER_INTERNAL, -EIO},
        {STATE_ANSWERED, VERDICT_DENY, DECIDER_USER, -EALREADY},
        {STATE_ANSWERED, VERDICT_ALLOW, DECIDER_USER, 0},
    };
    struct seen s;
    struct client *c = attach("nono ui", CLIENT_WATCH, &s);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        raise_request(i + 1);
        UNTIL(c, s.requests == i + 1);
        struct decision d = choice(s.last, VERDICT_ALLOW);
        s.result = 1;
        decided = decision_free(decided);
        client_decide(c, &d);
        UNTIL(c, decided);
        update_to(i + 1, rows[i].state, rows[i].verdict, rows[i].by);
        UNTIL(c, s.result != 1);
        cr_expect_eq(s.result, rows[i].expected, "row %zu: %d", i, s.result);
    }
    detach(c, &s);
}

Test(control, roles_are_kept_apart)
{
    struct seen s;
    raise_request(1);
    struct client *c = attach("nono allow", 0, &s);
    UNTIL(c, s.synced);
    struct decision d = choice(s.last, VERDICT_DENY);
    client_decide(c, &d);
    UNTIL(c, s.result != 1);
    cr_expect_eq(s.result, -EINVAL);
    detach(c, &s);
    c = attach("nono pending", 0, &s);
    UNTIL(c, s.synced);
    d = choice(s.last, VERDICT_ALLOW);
    client_decide(c, &d);
    UNTIL(c, s.result != 1);
    cr_expect_eq(s.result, -EINVAL);
    cr_expect_null(decided);
    detach(c, &s);
    c = attach("root", CLIENT_WATCH, &s);
    UNTIL(c, s.closed);
    cr_expect_not_null(client_refusal(c));
    detach(c, &s);
}

Test(control, busy_session_can_be_asked_again)
{
    struct seen s;
    raise_request(1);
    struct client *c = attach("nono allow", 0, &s);
    UNTIL(c, s.synced);
    struct decision d = choice(s.last, VERDICT_ALLOW);
    decide_answer = -EAGAIN;
    client_decide(c, &d);
    UNTIL(c, s.result != 1);
    cr_expect_eq(s.result, -EAGAIN);
    decide_answer = 0;
    s.result = 1;
    client_decide(c, &d);
    turn(-1);
    update_to(1, STATE_RECORDED, VERDICT_ALLOW, DECIDER_USER);
    UNTIL(c, s.result != 1);
    cr_expect_eq(s.result, 0);
    detach(c, &s);
}

// The broker can refuse a decision that the session has passed on: the client hears it at once, the
// request waits on, and a watcher is told of no change.
Test(control, a_decision_that_was_not_taken_is_answered)
{
    struct seen s, w;
    struct client *c = attach("nono allow", 0, &s), *watcher = attach("nono ui", CLIENT_WATCH, &w);
    raise_request(1);
    UNTIL(watcher, w.requests == 1);
    UNTIL(c, s.synced);
    struct decision d = choice(w.last, VERDICT_ALLOW);
    const int errors[] = {-EAGAIN, -EBADMSG};
    for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
        s.result = 1;
        decided = decision_free(decided);
        cr_expect_eq(client_decide(c, &d), 0);
        UNTIL(c, decided);
        const struct request_update u = {.id = 1, .state = STATE_ASKED, .error = errors[i]};
        control_update(server, &u);
        UNTIL(c, s.result != 1);
        cr_expect_eq(s.result, errors[i]);
    }
    cr_expect_eq(w.updates, 0);
    detach(c, &s);
    detach(watcher, &w);
}

Test(control, what_the_broker_does_not_take_is_said)
{
    struct seen s;
    raise_request(1);
    struct client *c = attach("nono ui", CLIENT_WATCH, &s);
    UNTIL(c, s.synced);
    struct decision d = choice(s.last, VERDICT_ALLOW);
    d.scope = SCOPE_TIME;
    d.reach = REACH_SUBTREE;
    d.for_ns = 7;
    client_decide(c, &d);
    UNTIL(c, decided);
    cr_expect_eq(decided->scope, SCOPE_TIME);
    cr_expect_eq(decided->reach, REACH_SUBTREE);
    cr_expect_eq(decided->for_ns, 7);
    struct request_update u = {.id = 1, .state = STATE_ASKED, .error = -EINVAL};
    control_update(server, &u);
    UNTIL(c, s.result != 1);
    cr_expect_eq(s.result, -EOPNOTSUPP);
    detach(c, &s);
}

// --- grants and orders -----------------------------------------------------------------------

static void
tell_grant(uint64_t id, enum grant_state state, uint64_t uses)
{
    static char grant_path[] = "/w";
    const struct grant g = {.id = id, .state = state, .path = grant_path, .uses = uses};
    control_grant(server, &g);
}

Test(control, grants_are_told_to_who_asks_for_them)
{
    struct seen s, t;
    tell_grant(1, GRANT_LIVE, 0);
    tell_grant(2, GRANT_LIVE, 0);
    tell_grant(1, GRANT_EXPIRED, 0);
    struct client *c = attach("nono ui", CLIENT_WATCH | CLIENT_GRANTS, &s);
    struct client *look = attach("nono grants", CLIENT_GRANTS, &t);
    UNTIL(c, s.synced);
    UNTIL(look, t.synced);
    cr_expect_eq(s.grants, 1);
    cr_expect_eq(s.grant->id, 2);
    cr_expect_eq(t.grants, 1);
    tell_grant(2, GRANT_LIVE, 5);
    UNTIL(c, s.grants == 2);
    cr_expect_eq(s.grant->uses, 5);
    tell_grant(2, GRANT_EXPIRED, 5);
    UNTIL(c, s.grants == 3);
    cr_expect_eq(s.grant->state, GRANT_EXPIRED);
    detach(look, &t);
    look = attach("nono pending", 0, &t);
    UNTIL(look, t.synced);
    cr_expect_eq(t.grants, 0);
    detach(look, &t);
    detach(c, &s);
}

Test(control, a_revoke_is_answered_by_the_grants_end)
{
    struct seen s;
    tell_grant(3, GRANT_LIVE, 0);
    struct client *c = attach("nono revoke", CLIENT_GRANTS, &s);
    UNTIL(c, s.synced);
    client_revoke(c, 4);
    UNTIL(c, s.revoked != 1);
    cr_expect_eq(s.revoked, -ENOKEY);
    cr_expect_eq(revoked_grant, 0);
    s.revoked = 1;
    client_revoke(c, 3);
    UNTIL(c, revoked_grant == 3);
    cr_expect_str_eq(revoked_by, "nono revoke");
    turn(-1);
    client_read(c);
    cr_expect_eq(s.revoked, 1, "not before it is done");
    tell_grant(3, GRANT_LIVE, 1);
    tell_grant(3, GRANT_REVOKED, 1);
    UNTIL(c, s.revoked != 1);
    cr_expect_eq(s.revoked, 0);
    cr_expect_eq(s.revoked_for, 3);
    client_revoke(c, 3);
    UNTIL(c, s.revoked != 0);
    cr_expect_eq(s.revoked, -ENOKEY);
    detach(c, &s);
}

Test(control, orders_need_their_role)
{
    static const struct {
        const char *role;
        bool revoke, freeze, stop;
    } rows[] = {
        {"nono ui", true, true, true},        {"plugin", true, true, true},
        {"nono allow", false, false, false},  {"nono deny", false, false, false},
        {"nono revoke", true, false, false},  {"nono stop", false, false, true},
        {"nono grants", false, false, false}, {"nono pending", false, false, false},
        {"nono ps", false, false, false},
    };
    tell_grant(1, GRANT_LIVE, 0);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct seen s;
        struct client *c = attach(rows[i].role, 0, &s);
        UNTIL(c, s.synced);
        revoked_grant = freezes = stops = 0;
        client_revoke(c, 1);
        UNTIL(c, s.revoked != 1 || revoked_grant);
        cr_expect_eq(revoked_grant, rows[i].revoke ? 1 : 0, "%s", rows[i].role);
        cr_expect(rows[i].revoke || s.revoked == -EINVAL, "%s", rows[i].role);
        client_freeze(c, true);
        UNTIL(c, s.ordered != 1);
        cr_expect_eq(s.ordered, rows[i].freeze ? 0 : -EINVAL, "%s", rows[i].role);
        cr_expect_eq(freezes, rows[i].freeze ? 1u : 0u, "%s", rows[i].role);
        s.ordered = 1;
        client_stop(c);
        UNTIL(c, s.ordered != 1);
        cr_expect_eq(s.ordered, rows[i].stop ? 0 : -EINVAL, "%s", rows[i].role);
        cr_expect_eq(stops, rows[i].stop ? 1u : 0u, "%s", rows[i].role);
        detach(c, &s);
    }
}

Test(control, who_watches_hears_that_everything_stands_still)
{
    struct seen s;
    struct client *c = attach("nono ui", CLIENT_WATCH, &s);
    UNTIL(c, s.synced);
    control_frozen(server, true);
    UNTIL(c, s.frozen == 1);
    detach(c, &s);
    c = attach("nono ui", CLIENT_WATCH, &s);
    UNTIL(c, s.synced);
    cr_expect_eq(s.frozen, 1, "who comes later, too");
    control_frozen(server, false);
    UNTIL(c, s.thawed == 1);
    detach(c, &s);
}

// --- terminals -------------------------------------------------------------------------------

static bool
same_file(int a, int b)
{
    struct stat x, y;
    return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

static unsigned
open_fds(void)
{
    unsigned n = 0;
    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

Test(control, a_terminal_is_lent)
{
    struct seen s;
    int in[2], out[2];
    cr_assert(pipe(in) == 0 && pipe(out) == 0);
    struct client *c = attach("nono attach", 0, &s);
    UNTIL(c, s.synced);
    client_resized(c);
    turn(-1);
    cr_expect_eq(resizes, 0, "not before it has given one");
    cr_assert_eq(client_show(c, in[0], out[1], "xterm"), 0);
    UNTIL(c, s.ordered != 1);
    cr_expect_eq(s.ordered, 0);
    cr_expect(same_file(shown_in, in[0]) && same_file(shown_out, out[1]));
    cr_expect_str_eq(shown_term, "xterm");
    client_resized(c);
    UNTIL(c, resizes == 1);
    control_detached(server, true);
    UNTIL(c, s.detached == 1);
    client_resized(c);
    turn(-1);
    cr_expect_eq(resizes, 1, "it is its own again");
    detach(c, &s);
    c = attach("nono ps", 0, &s);
    UNTIL(c, s.synced);
    cr_expect(client_is_detached(c));
    cr_expect_eq(terminals_gone, 0);
    detach(c, &s);
}

Test(control, a_lost_client_takes_its_terminal_along)
{
    struct seen s;
    int in[2];
    cr_assert_eq(pipe(in), 0);
    struct client *c = attach("nono attach", 0, &s);
    UNTIL(c, s.synced);
    client_show(c, in[0], in[1], "xterm");
    UNTIL(c, s.ordered != 1);
    detach(c, &s);
    for (unsigned i = 0; i < 100 && !terminals_gone; i++)
        turn(-1);
    cr_expect_eq(terminals_gone, 1);
}

Test(control, descriptors_that_nobody_asked_for_are_closed)
{
    struct seen s;
    int in[2];
    cr_assert_eq(pipe(in), 0);
    unsigned before = open_fds();
    for (unsigned i = 0; i < 3; i++) {
        struct client *c = attach("nono ui", 0, &s);
        UNTIL(c, s.synced);
        client_show(c, in[0], in[1], "xterm");
        UNTIL(c, s.ordered != 1);
        cr_expect_eq(s.ordered, -EINVAL, "not its role");
        client_show(c, in[0], in[1], "xterm");
        s.ordered = 1;
        UNTIL(c, s.ordered != 1);
        detach(c, &s);
        turn(-1);
    }
    cr_expect_eq(open_fds(), before);
    struct client *c = attach("nono attach", 0, &s);
    UNTIL(c, s.synced);
    cleanup_buf struct buf line = {0};
    wire_put_terminal(&line, "xterm");
    cr_assert_eq(send(client_fd(c), line.data, line.len, 0), (ssize_t)line.len);
    UNTIL(c, s.ordered != 1);
    cr_expect_eq(s.ordered, -ENXIO, "without descriptors");
    detach(c, &s);
}

// --- clients that misbehave ------------------------------------------------------------------

static int
raw_connect(void)
{
    struct peer_address a;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    cr_assert_eq(peer_address_init(&a, path), 0);
    cr_assert_eq(connect(fd, (const struct sockaddr *)&a.un, a.len), 0);
    peer_address_done(&a);
    return fd;
}

// Reads until the server hangs up; the text is the caller's.
static char *
read_to_end(int fd)
{
    struct buf b = {0};
    char data[4096];
    uint64_t end = clock_mono_ns() + DEADLINE_NS;
    while (clock_mono_ns() < end) {
        turn(fd);
        ssize_t n = recv(fd, data, sizeof data, MSG_DONTWAIT);
        if (n > 0)
            buf_add(&b, data, (size_t)n);
        else if (n == 0 || errno != EAGAIN)
            return buf_steal(&b);
    }
    cr_assert_fail("the server did not hang up");
    return NULL;
}

Test(control, garbage_ends_the_connection)
{
    static const char *const lines[] = {
        "hello\n",
        "\n",
        "{\"type\":\"decide\"}\n",
        "{\"type\":\"bye\"}\n",
        "{\"type\":\"later\"}\n",
    };
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        int fd = raw_connect();
        cr_assert_gt(send(fd, lines[i], strlen(lines[i]), MSG_NOSIGNAL), 0);
        cleanup_free char *text = read_to_end(fd);
        cr_expect(strstr(text, "\"bad_message\""), "%s", text);
        close(fd);
    }
}

Test(control, endless_line_ends_the_connection)
{
    int fd = raw_connect();
    static char chunk[65536];
    memset(chunk, 'x', sizeof chunk);
    size_t sent = 0;
    uint64_t end = clock_mono_ns() + DEADLINE_NS;
    while (clock_mono_ns() < end) {
        ssize_t n = send(fd, chunk, sizeof chunk, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            break;
        sent += n > 0 ? (size_t)n : 0;
        turn(-1);
    }
    cr_assert_lt(sent, (size_t)4 * NONO_LINE_MAX);
    cleanup_free char *text = read_to_end(fd);
    cr_expect(strstr(text, "\"too_long\""), "%s", text);
    close(fd);
}

Test(control, half_lines_are_put_together)
{
    static const char line[] =
        "{\"type\":\"attach\",\"protocol\":1,\"role\":\"nono ui\",\"watch\":true}\n";
    int fd = raw_connect();
    for (size_t i = 0; i + 1 < sizeof line; i++) {
        cr_assert_eq(control_watchers(server), 0);
        cr_assert_eq(send(fd, line + i, 1, MSG_NOSIGNAL), 1);
        turn(-1);
    }
    uint64_t end = clock_mono_ns() + DEADLINE_NS;
    while (control_watchers(server) == 0 && clock_mono_ns() < end)
        turn(-1);
    cr_expect_eq(control_watchers(server), 1);
    // Half a decision, and gone.
    send(fd, "{\"type\":\"deci", 13, MSG_NOSIGNAL);
    close(fd);
    while (control_watchers(server) == 1 && clock_mono_ns() < end)
        turn(-1);
    cr_expect_eq(control_watchers(server), 0);
    cr_expect_null(decided);
}

Test(control, slow_client_is_dropped_and_holds_nobody_up)
{
    struct seen s;
    struct client *fast = attach("nono ui", CLIENT_WATCH, &s);
    UNTIL(fast, s.synced);
    static const char line[] =
        "{\"type\":\"attach\",\"protocol\":1,\"role\":\"plugin\",\"watch\":true}\n";
    int slow = raw_connect();
    send(slow, line, sizeof line - 1, MSG_NOSIGNAL);
    UNTIL(fast, control_watchers(server) == 2);
    raise_request(1);
    for (unsigned i = 0; i < 200000 && control_watchers(server) == 2; i++) {
        update_to(1, STATE_ASKED, _VERDICT_INVALID, _DECIDER_INVALID);
        client_read(fast);
    }
    cr_expect_eq(control_watchers(server), 1);
    unsigned before = s.requests;
    raise_request(2);
    UNTIL(fast, s.requests == before + 1);
    close(slow);
    detach(fast, &s);
}

Test(control, late_client_catches_up_with_everything)
{
    enum { MANY = 5000 };
    struct seen s;
    for (uint64_t id = 1; id <= MANY; id++)
        raise_request(id);
    struct client *c = attach("nono ui", CLIENT_WATCH, &s);
    // More arrive while the snapshot is still under way.
    turn(-1);
    for (uint64_t id = MANY + 1; id <= MANY + 100; id++)
        raise_request(id);
    UNTIL(c, s.requests == MANY + 100);
    cr_expect_eq(s.last->id, MANY + 100);
    detach(c, &s);
}

Test(control, one_client_too_many)
{
    struct seen s[NONO_CLIENTS_MAX];
    struct client *c[NONO_CLIENTS_MAX];
    for (size_t i = 0; i < NONO_CLIENTS_MAX; i++) {
        c[i] = attach("nono ui", CLIENT_WATCH, &s[i]);
        UNTIL(c[i], s[i].synced);
    }
    int fd = raw_connect();
    cleanup_free char *text = read_to_end(fd);
    cr_expect(strstr(text, "\"full\""), "%s", text);
    close(fd);
    cr_expect_eq(control_watchers(server), NONO_CLIENTS_MAX);
    detach(c[0], &s[0]);
    turn(-1);
    c[0] = attach("nono ui", CLIENT_WATCH, &s[0]);
    UNTIL(c[0], s[0].synced);
    for (size_t i = 0; i < NONO_CLIENTS_MAX; i++)
        detach(c[i], &s[i]);
}

Test(control, who_may_allow_is_told)
{
    static const struct {
        const char *role;
        unsigned told;
    } rows[] = {{"nono ui", 1}, {"plugin", 1}, {"nono allow", 1}, {"nono deny", 0}, {"nono ps", 0}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct seen s;
        approvers = 0;
        struct client *c = attach(rows[i].role, 0, &s);
        UNTIL(c, s.synced);
        cr_expect_eq(approvers, rows[i].told, "%s", rows[i].role);
        cr_expect(!approvers || approver_pid == getpid());
        detach(c, &s);
    }
}

Test(control, end_of_session_is_told)
{
    struct seen s;
    struct client *c = attach("nono ui", CLIENT_WATCH, &s);
    UNTIL(c, s.synced);
    struct session_info info = test_info();
    control_free(server);
    cr_expect_eq(client_read(c), -ECONNRESET);
    cr_expect_eq(s.closed, 1);
    cr_expect_null(client_refusal(c));
    cr_assert_eq(control_listen(path, &info, &server_ops, NULL, &server, NULL), 0);
    detach(c, &s);
}

// --- who may connect -------------------------------------------------------------------------

// In a grandchild whose parent has gone, so that it hangs below this process, its subreaper.
static int
connect_as_orphan(void)
{
    static const struct client_ops none = {0};
    struct client *c;
    cleanup_err struct err err = {0};
    if (client_connect(path, "nono allow", 0, &none, NULL, &c, NULL) < 0)
        return 2;
    int r = client_wait_synced(c, 5000, &err);
    client_free(c);
    return r == -EPERM && strstr(err.msg, "sandbox") ? 0 : 1;
}

Test(control, tasks_of_the_sandbox_are_refused)
{
    int done[2];
    char answer = 9;
    cr_assert_eq(pipe(done), 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    raise_request(1);
    pid_t child = fork();
    if (child == 0) {
        if (fork() == 0) {
            answer = (char)connect_as_orphan();
            _exit(write(done[1], &answer, 1) != 1);
        }
        _exit(0);
    }
    close(done[1]);
    waitpid(child, NULL, 0);
    struct pollfd pfd = {.fd = done[0], .events = POLLIN};
    uint64_t end = clock_mono_ns() + DEADLINE_NS;
    while (poll(&pfd, 1, 0) == 0 && clock_mono_ns() < end)
        turn(done[0]);
    cr_assert_eq(read(done[0], &answer, 1), 1);
    cr_expect_eq(answer, 0, "answer %d", answer);
    waitpid(-1, NULL, 0);
    close(done[0]);
}

Test(peer, ancestry)
{
    cr_expect_eq(peer_descends(getpid(), getppid()), 1);
    cr_expect_eq(peer_descends(getpid(), getpid()), 0);
    cr_expect_eq(peer_descends(getppid(), getpid()), 0);
    cr_expect_eq(peer_descends(1, getpid()), 0);
    cr_expect_eq(peer_descends(0, getpid()), -ESRCH);
    pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    cr_expect_eq(peer_descends(child, getpid()), 1);
    cr_expect_eq(peer_descends(child, getppid()), 1);
    cr_expect_eq(peer_descends(getpid(), child), 0);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    cr_expect_eq(peer_descends(child, getpid()), -ESRCH);
}

// --- the socket file -------------------------------------------------------------------------

Test(control, stale_socket_is_replaced_and_a_living_one_kept)
{
    struct session_info info = test_info();
    struct control *second = NULL;
    cleanup_err struct err err = {0};
    cr_expect_eq(control_listen(path, &info, &server_ops, NULL, &second, &err), -EADDRINUSE);
    cr_expect_null(second);
    cleanup_free char *other = xasprintf("%s/run/ffffffffffff.sock", dir);
    struct peer_address a;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(peer_address_init(&a, other), 0);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&a.un, a.len), 0);
    cr_expect(peer_socket_alive(other));
    close(fd);
    cr_expect(!peer_socket_alive(other));
    cr_assert_eq(control_listen(other, &info, &server_ops, NULL, &second, NULL), 0);
    cr_expect(peer_socket_alive(other));
    control_free(second);
    FILE *f = fopen(other, "w");
    fclose(f);
    err_done(&err);
    cr_expect_eq(control_listen(other, &info, &server_ops, NULL, &second, &err), -EEXIST);
    cr_expect_eq(access(other, F_OK), 0, "what is no socket is left alone");
    unlink(other);
    peer_address_done(&a);
}

Test(control, path_longer_than_a_socket_address)
{
    struct session_info info = test_info();
    struct control *first = server;
    char *plain = path, *deep = xasprintf("%s/%0200d/run", dir, 7);
    path = xasprintf("%s/0123456789ab.sock", deep);
    cr_assert_eq(control_listen(path, &info, &server_ops, NULL, &server, NULL), 0);
    struct seen s;
    struct client *c = attach("nono ui", CLIENT_WATCH, &s);
    UNTIL(c, s.synced);
    detach(c, &s);
    control_free(server);
    cr_expect(access(path, F_OK) < 0);
    free(path);
    rmdir(deep);
    *strrchr(deep, '/') = 0;
    rmdir(deep);
    free(deep);
    path = plain;
    server = first;
}
