// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base64.h"
#include "bounds.h"
#include "client.h"
#include "clock.h"
#include "control.h"
#include "peer.h"
#include "util.h"
#include "wire.h"

#define DEADLINE_NS (10 * NS_PER_SEC)

// --- fixtures --------------------------------------------------------------------------------

static char dir[64];
static char *path;
static struct control *server;
static struct decision *decided; /* the last one that reached the session */
static int decide_answer;

static int
on_decide(void *ctx, const struct decision *d)
{
    decision_free(decided);
    decided = decision_dup(d);
    return decide_answer;
}

static const struct control_ops server_ops = {.decide = on_decide};

static struct session_info
test_info(void)
{
    static char id[] = "0123456789ab", name[] = "shop", boot[] = "boot", cwd[] = "/home/u",
                argv[] = "claude\0-p\0caf\xe9", caps[] = "";
    return (struct session_info){.id = id,
                                 .name = name,
                                 .pid = 4711,
                                 .start_time = UINT64_MAX,
                                 .boot_id = boot,
                                 .uid = 1000,
                                 .cwd = cwd,
                                 .argv = argv,
                                 .argv_len = sizeof argv,
                                 .capabilities = caps,
                                 .started_real_ns = 1732400000123456789u};
}

static void
start_server(void)
{
    struct session_info info = test_info();
    snprintf(dir, sizeof dir, "/tmp/nono-control-XXXXXX");
    cr_assert(mkdtemp(dir));
    path = xasprintf("%s/run/0123456789ab.sock", dir);
    cr_assert_eq(control_listen(path, &info, &server_ops, NULL, &server, NULL), 0);
    decide_answer = 0;
}

static void
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

static struct request *
new_request(uint64_t id)
{
    struct request *r = request_new();
    r->id = id;
    r->op = OP_READ;
    r->access = ACCESS_READ;
    r->call = "openat";
    r->flags = UINT64_MAX;
    r->pid = 100;
    r->tid = 101;
    r->start_time = 1u << 30;
    r->exe = xstrdup("/bin/c\x1b[31mat");
    r->argv = xmemdup("cat\0a b\0\xff\xfe", 10);
    r->argv_len = 10;
    r->cwd = xstrdup("/");
    r->ancestry = xstrdup("");
    r->target = xstrdup("\xe2\x80\xae\\x\n\x80");
    r->resolved = xstrdup("/home/u/\xe2\x80\xae\\x\n\x80");
    r->covered = 7;
    r->nearest = xstrdup("");
    r->why = REASON_POLICY_BLOCKED;
    r->object = (struct object){.exists = true, .dev = 5, .ino = UINT64_MAX, .mode = 0100644};
    r->risk = RISK_HIGH;
    r->tags = xstrdup("ssh-key");
    r->raised_real_ns = 1732400000123456789u;
    r->raised_mono_ns = clock_mono_ns();
    r->count = 1;
    request_seal(r);
    return r;
}

static void
raise_request(uint64_t id)
{
    struct request *r = new_request(id);
    control_request(server, r);
    request_free(r);
}

static void
turn(int extra_fd)
{
    struct pollfd fds[NONO_CLIENTS_MAX + 2];
    size_t n = control_pollfds(server, fds);
    fds[n] = (struct pollfd){.fd = extra_fd, .events = POLLIN};
    poll(fds, n + 1, 50);
    control_serve(server, fds, n);
}

struct seen {
    unsigned requests, updates, stats, closed;
    struct request *last;
    struct request_update update;
    bool synced;
    uint64_t result_for;
    int result; /* 1: none yet */
};

static void
seen_request(void *ctx, struct request *r)
{
    struct seen *s = ctx;
    request_free(s->last);
    s->last = r;
    s->requests++;
}

static void
seen_update(void *ctx, const struct request_update *u)
{
    struct seen *s = ctx;
    s->update = *u;
    s->updates++;
}

static void
seen_stats(void *ctx, const struct stats *st)
{
    ((struct seen *)ctx)->stats++;
}

static void
seen_synced(void *ctx)
{
    ((struct seen *)ctx)->synced = true;
}

static void
seen_result(void *ctx, uint64_t request, int error)
{
    struct seen *s = ctx;
    s->result_for = request;
    s->result = error;
}

static void
seen_closed(void *ctx)
{
    ((struct seen *)ctx)->closed++;
}

static const struct client_ops seen_ops = {
    .request = seen_request,
    .update = seen_update,
    .stats = seen_stats,
    .result = seen_result,
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

static struct client *
attach(const char *role, bool watch, struct seen *s)
{
    struct client *c;
    *s = (struct seen){.result = 1};
    cr_assert_eq(client_connect(path, role, watch, &seen_ops, s, &c, NULL), 0);
    return c;
}

static void
detach(struct client *c, struct seen *s)
{
    client_free(c);
    s->last = request_free(s->last);
}

static struct decision
choice(const struct request *r, enum verdict verdict)
{
    struct decision d = {.request = r->id, .verdict = verdict, .scope = SCOPE_ONCE};
    memcpy(d.digest, r->digest, DIGEST_LEN);
    return d;
}

static void
update_to(uint64_t id, enum state state, enum verdict verdict, enum decider by)
{
    struct request_update u = {
        .id = id, .state = state, .count = 1, .verdict = verdict, .by = by, .scope = SCOPE_ONCE};
    control_update(server, &u);
}

TestSuite(control, .init = start_server, .fini = stop_server);

// --- lines -----------------------------------------------------------------------------------

static void
expect_bytes(const char *a, const char *b)
{
    cr_expect_str_eq(a, b);
}

Test(wire, request_survives_with_hostile_bytes)
{
    cleanup_buf struct buf b = {0};
    cleanup_wire_msg struct wire_msg m = {0};
    struct request *r = new_request(9);
    wire_put_request(&b, r);
    cr_assert_eq(b.data[b.len - 1], '\n');
    for (size_t i = 0; i + 1 < b.len; i++)
        cr_assert((unsigned char)b.data[i] >= 0x20, "a control byte went raw");
    cr_assert(!memmem(b.data, b.len, "\xe2\x80\xae", 3), "a bidi override went raw");
    cr_assert_eq(wire_parse(b.data, b.len - 1, &m), 0);
    cr_assert_eq(m.type, WIRE_REQUEST);
    const struct request *q = m.request;
    expect_bytes(q->target, r->target);
    expect_bytes(q->resolved, r->resolved);
    expect_bytes(q->exe, r->exe);
    expect_bytes(q->tags, r->tags);
    expect_bytes(q->call, r->call);
    cr_expect_eq(q->argv_len, r->argv_len);
    cr_expect_eq(memcmp(q->argv, r->argv, r->argv_len), 0);
    cr_expect_eq(q->flags, UINT64_MAX);
    cr_expect_eq(q->object.ino, UINT64_MAX);
    cr_expect_eq(q->covered, 7);
    cr_expect_eq(q->op, r->op);
    cr_expect_eq(q->access, r->access);
    cr_expect_eq(q->risk, RISK_HIGH);
    cr_expect_eq(q->raised_real_ns, r->raised_real_ns);
    cr_expect_eq(memcmp(q->digest, r->digest, DIGEST_LEN), 0);
    // Every fact that is shown came across: the digest over them is the same.
    request_seal(m.request);
    cr_expect_eq(memcmp(q->digest, r->digest, DIGEST_LEN), 0);
    request_free(r);
}

Test(wire, longest_request_fits_into_a_line)
{
    cleanup_buf struct buf b = {0};
    cleanup_wire_msg struct wire_msg m = {0};
    struct request *r = new_request(1);
    char **strings[] = {&r->exe, &r->cwd, &r->ancestry, &r->target, &r->resolved, &r->nearest};
    for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
        free(*strings[i]);
        *strings[i] = xmalloc(NONO_PATH_MAX);
        memset(*strings[i], 0x80, NONO_PATH_MAX - 1);
        (*strings[i])[NONO_PATH_MAX - 1] = 0;
    }
    free(r->argv);
    r->argv = xmalloc(NONO_ARGV_MAX);
    memset(r->argv, 1, NONO_ARGV_MAX);
    r->argv_len = NONO_ARGV_MAX;
    wire_put_request(&b, r);
    cr_assert_leq(b.len, (size_t)NONO_LINE_MAX);
    cr_assert_eq(wire_parse(b.data, b.len - 1, &m), 0);
    expect_bytes(m.request->resolved, r->resolved);
    cr_expect_eq(m.request->argv_len, (size_t)NONO_ARGV_MAX);
    request_free(r);
}

Test(wire, words_keep_their_borders)
{
    static const struct {
        const char *bytes;
        size_t n;
    } rows[] = {{"", 0}, {"", 1}, {"a", 1}, {"a", 2}, {"a\0", 3}, {"\0\0b", 4}, {"a\0b", 3}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_buf struct buf b = {0};
        cleanup_wire_msg struct wire_msg m = {0};
        struct request *r = new_request(1);
        free(r->argv);
        r->argv = xmemdup(rows[i].bytes, rows[i].n);
        r->argv_len = rows[i].n;
        wire_put_request(&b, r);
        cr_assert_eq(wire_parse(b.data, b.len - 1, &m), 0);
        cr_expect_eq(m.request->argv_len, rows[i].n, "row %zu", i);
        cr_expect_eq(memcmp(m.request->argv, r->argv, rows[i].n), 0, "row %zu", i);
        request_free(r);
    }
}

Test(wire, other_messages_round_trip)
{
    cleanup_buf struct buf b = {0};
    struct session_info info = test_info();
    char note[] = "why\xff";
    struct decision d = {.request = UINT64_MAX,
                         .digest = {1, 2, 255},
                         .verdict = VERDICT_DENY,
                         .scope = SCOPE_SESSION,
                         .reach = REACH_OBJECT,
                         .note = note,
                         .keys_ignored = 3};
    struct request_update u = {.id = 3,
                               .state = STATE_ASKED,
                               .count = 4,
                               .verdict = _VERDICT_INVALID,
                               .by = _DECIDER_INVALID,
                               .scope = _SCOPE_INVALID};
    struct stats s = {.floor = UINT64_MAX, .pending = 7, .record_error = -ENOSPC};
    wire_put_hello(&b, &info, 5);
    wire_put_decide(&b, &d);
    wire_put_update(&b, &u);
    wire_put_stats(&b, &s);
    wire_put_result(&b, 8, -EALREADY);
    wire_put_synced(&b, 12);
    wire_put_attach(&b, "nono ui", true);
    struct wire_msg m[7] = {0};
    char *line = b.data;
    for (size_t i = 0; i < ARRAY_SIZE(m); i++) {
        char *end = strchr(line, '\n');
        cr_assert_eq(wire_parse(line, (size_t)(end - line), &m[i]), 0, "message %zu", i);
        line = end + 1;
    }
    cr_expect_eq(m[0].session->start_time, UINT64_MAX);
    cr_expect_eq(m[0].session->argv_len, info.argv_len);
    cr_expect_eq(memcmp(m[0].session->argv, info.argv, info.argv_len), 0);
    cr_expect_eq(m[0].waiting, 5);
    cr_expect_eq(m[1].decision->request, UINT64_MAX);
    cr_expect_eq(memcmp(m[1].decision->digest, d.digest, DIGEST_LEN), 0);
    cr_expect_str_eq(m[1].decision->note, note);
    cr_expect_eq(m[1].decision->scope, SCOPE_SESSION);
    cr_expect_eq(m[1].decision->keys_ignored, 3);
    cr_expect_eq(m[2].update.verdict, _VERDICT_INVALID);
    cr_expect_eq(m[2].update.count, 4);
    cr_expect_eq(m[3].stats.floor, UINT64_MAX);
    cr_expect_eq(m[3].stats.record_error, -ENOSPC);
    cr_expect_eq(m[4].error, -EALREADY);
    cr_expect_eq(m[5].id, 12);
    cr_expect_str_eq(m[6].role, "nono ui");
    for (size_t i = 0; i < ARRAY_SIZE(m); i++)
        wire_msg_done(&m[i]);
}

Test(wire, garbage_is_refused)
{
    static const char *const lines[] = {
        "",
        "{",
        "[]",
        "null",
        "{}",
        "{\"type\":7}",
        "{\"type\":\"decide\"}",
        "{\"type\":\"attach\",\"type\":\"attach\"}",
        "{\"type\":\"attach\",\"protocol\":-1,\"role\":\"nono ui\",\"watch\":true}",
        "{\"type\":\"attach\",\"protocol\":1,\"role\":\"nono ui\",\"watch\":1}",
        "{\"type\":\"attach\",\"protocol\":1,\"role\":\"a\\u0000b\",\"watch\":true}",
        "{\"type\":\"attach\",\"protocol\":1,\"role\":\"x\",\"role_b64\":\"AA==\",\"watch\":true}",
        "{\"type\":\"attach\",\"protocol\":1,\"role\":\"x\",\"role_b64\":\"A\",\"watch\":true}",
        "{\"type\":\"synced\",\"newest\":\"-1\"}",
        "{\"type\":\"synced\",\"newest\":\" 1\"}",
        "{\"type\":\"synced\",\"newest\":\"18446744073709551616\"}",
        "{\"type\":\"synced\",\"newest\":1.5}",
        "{\"type\":\"decide\",\"request\":1,\"digest\":\"00\",\"verdict\":\"allow\","
        "\"scope\":\"once\",\"reach\":\"object\"}",
        "{\"type\":\"decide\",\"request\":1,\"digest\":\"00000000000000000000000000000000\","
        "\"verdict\":\"expired\",\"scope\":\"once\",\"reach\":\"object\"}",
        "{\"type\":\"decide\",\"request\":1,\"digest\":\"0000000000000000000000000000000G\","
        "\"verdict\":\"allow\",\"scope\":\"once\",\"reach\":\"object\"}",
        "\xff\xfe",
        "{\"type\":\"sync\xff\"}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        struct wire_msg m = {0};
        cr_expect_eq(wire_parse(lines[i], strlen(lines[i]), &m), -EBADMSG, "line %zu", i);
        cr_expect_null(m.role);
    }
    cleanup_wire_msg struct wire_msg m = {0};
    static const char later[] = "{\"type\":\"later\",\"x\":1}";
    cr_expect_eq(wire_parse(later, strlen(later), &m), 0);
    cr_expect_eq(m.type, WIRE_OTHER);
    char *big = xcalloc(NONO_LINE_MAX + 1, 1);
    cr_expect_eq(wire_parse(big, NONO_LINE_MAX + 1, &m), -EMSGSIZE);
    free(big);
}

Test(wire, base64_is_canonical)
{
    static const char *const bad[] = {"A",    "AA",   "AAA",      "====", "A===", "AA=A",
                                      "AB==", "AAB=", "AA==AAAA", "AA A", "AAA\n"};
    uint8_t all[257];
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)i;
    for (size_t n = 0; n < sizeof all; n++) {
        cleanup_buf struct buf text = {0}, back = {0};
        base64_encode(&text, all, n);
        cr_assert_eq(base64_decode(&back, buf_str(&text), text.len), 0);
        cr_assert_eq(back.len, n);
        cr_assert(n == 0 || memcmp(back.data, all, n) == 0);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        cleanup_buf struct buf back = {0};
        cr_expect_eq(base64_decode(&back, bad[i], strlen(bad[i])), -EBADMSG, "%s", bad[i]);
    }
}

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
    struct client *c = attach("nono ui", true, &s);
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
    c = attach("nono pending", false, &s);
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
    struct client *c = attach("nono allow", false, &s);
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
    struct client *c = attach("nono ui", true, &s);
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
    struct client *c = attach("nono ui", true, &s), *e = attach("nono deny", false, &t);
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
    struct client *c = attach("nono ui", true, &s);
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
    struct client *c = attach("nono allow", false, &s);
    UNTIL(c, s.synced);
    struct decision d = choice(s.last, VERDICT_DENY);
    client_decide(c, &d);
    UNTIL(c, s.result != 1);
    cr_expect_eq(s.result, -EINVAL);
    detach(c, &s);
    c = attach("nono pending", false, &s);
    UNTIL(c, s.synced);
    d = choice(s.last, VERDICT_ALLOW);
    client_decide(c, &d);
    UNTIL(c, s.result != 1);
    cr_expect_eq(s.result, -EINVAL);
    cr_expect_null(decided);
    detach(c, &s);
    c = attach("root", true, &s);
    UNTIL(c, s.closed);
    cr_expect_not_null(client_refusal(c));
    detach(c, &s);
}

Test(control, busy_session_can_be_asked_again)
{
    struct seen s;
    raise_request(1);
    struct client *c = attach("nono allow", false, &s);
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
    struct client *c = attach("nono allow", false, &s), *watcher = attach("nono ui", true, &w);
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
    struct client *c = attach("nono ui", true, &s);
    UNTIL(c, s.synced);
    struct decision d = choice(s.last, VERDICT_ALLOW);
    d.scope = SCOPE_ALWAYS;
    client_decide(c, &d);
    UNTIL(c, s.result != 1);
    cr_expect_eq(s.result, -EOPNOTSUPP);
    cr_expect_null(decided);
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
    struct client *fast = attach("nono ui", true, &s);
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
    struct client *c = attach("nono ui", true, &s);
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
        c[i] = attach("nono ui", true, &s[i]);
        UNTIL(c[i], s[i].synced);
    }
    int fd = raw_connect();
    cleanup_free char *text = read_to_end(fd);
    cr_expect(strstr(text, "\"full\""), "%s", text);
    close(fd);
    cr_expect_eq(control_watchers(server), NONO_CLIENTS_MAX);
    detach(c[0], &s[0]);
    turn(-1);
    c[0] = attach("nono ui", true, &s[0]);
    UNTIL(c[0], s[0].synced);
    for (size_t i = 0; i < NONO_CLIENTS_MAX; i++)
        detach(c[i], &s[i]);
}

Test(control, end_of_session_is_told)
{
    struct seen s;
    struct client *c = attach("nono ui", true, &s);
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
    if (client_connect(path, "nono allow", false, &none, NULL, &c, NULL) < 0)
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
    struct client *c = attach("nono ui", true, &s);
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
