// SPDX-License-Identifier: Apache-2.0
// What a grant answers, and what it does not.
#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "unit/fake_broker.h"

// Most calls of the tables have one end only.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define R ACCESS_READ
#define W ACCESS_WRITE
#define NOW 1000

static struct memory m;

static void
start(void)
{
    memory_init(&m, fake_caps());
}

static void
end(void)
{
    memory_done(&m);
}

TestSuite(memory, .init = start, .fini = end);

// A call: what it would do to which path. ino 0: nothing is there yet; a path that ends in a slash
// names a directory.
struct call {
    enum op op;
    unsigned access;
    const char *path;
    uint64_t ino;
    const char *path2;
    uint64_t ino2;
};

static char *
bare(const char *path)
{
    size_t n = path ? strlen(path) : 0;
    return xstrndup(path ? path : "", n > 1 && path[n - 1] == '/' ? n - 1 : n);
}

static void
set_end(struct object *o, const char *path, uint64_t ino)
{
    bool directory = path && path[strlen(path) - 1] == '/';
    *o =
        (struct object){.exists = ino, .dev = 1, .ino = ino, .mode = directory ? S_IFDIR : S_IFREG};
}

static struct request *
request_of(const struct call *c)
{
    struct request *r = fake_request("", c->access, 1);
    free(r->resolved);
    r->op = c->op;
    r->resolved = bare(c->path);
    r->resolved2 = bare(c->path2);
    set_end(&r->object, c->path, c->ino);
    set_end(&r->object2, c->path2, c->ino2);
    if (c->path[0] != '/') {
        r->object = (struct object){0};
        r->peer.family = AF_INET;
    }
    return r;
}

static int
keep_as(const struct call *c, enum verdict verdict, enum scope scope, enum reach reach)
{
    cleanup_request struct request *r = request_of(c);
    const struct decision d = {.verdict = verdict,
                               .scope = scope,
                               .reach = reach,
                               .for_ns = scope == SCOPE_TIME ? 100 : 0};
    int ret = memory_can_keep(r, &d);
    struct grant *g = ret == 0 ? memory_grant_for(&m, r, &d, NOW) : NULL;
    cr_assert(ret < 0 || g);
    return g ? memory_add(&m, g) : ret;
}

static void
keep(const struct call *c, enum verdict verdict, enum reach reach)
{
    cr_assert_eq(keep_as(c, verdict, SCOPE_SESSION, reach), 0, "%s", c->path);
}

static const char *
answer_at(const struct call *c, uint64_t now)
{
    cleanup_request struct request *r = request_of(c);
    const struct memory_query q = memory_query_of(r);
    struct memory_answer a;
    return memory_ask(&m, &q, now, &a) ? verdict_to_string(a.verdict) : "-";
}

struct row {
    struct call call;
    const char *want;
};

static void
expect_rows(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        cr_expect_str_eq(answer_at(&rows[i].call, NOW), rows[i].want, "row %zu: %s %s: %s", i,
                         op_to_string(rows[i].call.op), rows[i].call.path,
                         answer_at(&rows[i].call, NOW));
}
#define EXPECT(rows) expect_rows(rows, ARRAY_SIZE(rows))

Test(memory, an_object_is_one_path_and_one_inode)
{
    keep(&(struct call){OP_READ, R, "/w/a", 7}, VERDICT_ALLOW, REACH_OBJECT);
    keep(&(struct call){OP_READWRITE, R | W, "/w/b", 8}, VERDICT_ALLOW, REACH_OBJECT);
    static const struct row rows[] = {
        {{OP_READ, R, "/w/a", 7}, "allow"},      {{OP_READ, R, "/w/a", 9}, "-"},
        {{OP_READ, R, "/w/a2", 7}, "-"},         {{OP_READ, R, "/w", 7}, "-"},
        {{OP_READ, R, "/w/a/b", 7}, "-"},        {{OP_WRITE, W, "/w/a", 7}, "-"},
        {{OP_READWRITE, R | W, "/w/a", 7}, "-"}, {{OP_EXEC, R, "/w/a", 7}, "-"},
        {{OP_LINK, R, "/w/a", 7, "/w/c"}, "-"},  {{OP_WRITE, W, "/w/b", 8}, "allow"},
        {{OP_DELETE, W, "/w/b", 8}, "-"},        {{OP_META, W, "/w/b", 8}, "-"},
        {{OP_META, 0, "/w/b", 8}, "-"},          {{OP_RENAME, W, "/w/b", 8, "/w/c"}, "-"},
    };
    EXPECT(rows);
}

Test(memory, a_directory_is_what_lies_directly_in_it)
{
    keep(&(struct call){OP_READ, R, "/w/d/a", 7}, VERDICT_ALLOW, REACH_DIR);
    keep(&(struct call){OP_CREATE, W, "/w/e/a"}, VERDICT_ALLOW, REACH_DIR);
    keep(&(struct call){OP_READ, R, "/w/f/", 9}, VERDICT_ALLOW, REACH_DIR);
    static const struct row rows[] = {
        {{OP_READ, R, "/w/d/a", 7}, "allow"},  {{OP_READ, R, "/w/d/other", 8}, "allow"},
        {{OP_READ, R, "/w/d/", 5}, "allow"},   {{OP_READ, R, "/w/d/x/y", 8}, "-"},
        {{OP_READ, R, "/w/da", 8}, "-"},       {{OP_READ, R, "/w/", 8}, "-"},
        {{OP_WRITE, W, "/w/d/a", 7}, "-"},     {{OP_CREATE, W, "/w/e/new"}, "allow"},
        {{OP_WRITE, W, "/w/e/a", 6}, "allow"}, {{OP_DELETE, W, "/w/e/a", 6}, "allow"},
        {{OP_META, W, "/w/e/a", 6}, "allow"},  {{OP_META, W, "/w/e/", 6}, "-"},
        {{OP_MKDIR, W, "/w/e/d"}, "allow"},    {{OP_MKDIR, W, "/w/e/d/e"}, "-"},
        {{OP_READ, R, "/w/e/a", 6}, "-"},      {{OP_READ, R, "/w/f/", 9}, "allow"},
        {{OP_READ, R, "/w/f/x", 4}, "allow"},  {{OP_READ, R, "/w/f/x/y", 4}, "-"},
        {{OP_READ, R, "/w/ff", 4}, "-"},       {{OP_EXEC, R, "/w/d/a", 7}, "-"},
        {{OP_CONNECT, 0, "/w/e/s", 7}, "-"},
    };
    EXPECT(rows);
}

Test(memory, a_subtree_is_everything_below_by_whole_components)
{
    keep(&(struct call){OP_WRITE, W, "/w/d/a", 7}, VERDICT_ALLOW, REACH_SUBTREE);
    keep(&(struct call){OP_DELETE, W, "/w/t/", 9}, VERDICT_ALLOW, REACH_SUBTREE);
    keep(&(struct call){OP_EXEC, R, "/opt/x/bin/tool", 3}, VERDICT_ALLOW, REACH_SUBTREE);
    static const struct row rows[] = {
        {{OP_WRITE, W, "/w/d/a", 7}, "allow"},
        {{OP_WRITE, W, "/w/d/a", 8}, "allow"},
        {{OP_CREATE, W, "/w/d/x/y/z"}, "allow"},
        {{OP_DELETE, W, "/w/d/x/", 4}, "allow"},
        {{OP_RENAME, W, "/w/d/x", 4, "/w/d/y/z"}, "allow"},
        {{OP_RENAME, W, "/w/d/x", 4, "/w/e"}, "-"},
        {{OP_RENAME, W, "/w/e", 4, "/w/d/x"}, "-"},
        {{OP_RENAME, R | W, "/w/d/x", 4, "/w/d/y"}, "-"},
        {{OP_WRITE, W, "/w/dd", 7}, "-"},
        {{OP_WRITE, W, "/w/d2/a", 7}, "-"},
        {{OP_WRITE, W, "/w/", 7}, "-"},
        {{OP_READ, R, "/w/d/a", 7}, "-"},
        {{OP_DELETE, W, "/w/t/a/b", 2}, "allow"},
        {{OP_DELETE, W, "/w/t/", 9}, "allow"},
        {{OP_WRITE, W, "/w/t/a/b", 2}, "-"},
        {{OP_CREATE, W, "/w/t/a/b"}, "-"},
        {{OP_EXEC, R, "/opt/x/bin/other", 4}, "allow"},
        {{OP_EXEC, R, "/opt/x/other", 4}, "-"},
        {{OP_READ, R, "/opt/x/bin/other", 4}, "-"},
    };
    EXPECT(rows);
}

Test(memory, the_root_as_a_subtree)
{
    keep(&(struct call){OP_READ, R, "/a", 7}, VERDICT_ALLOW, REACH_SUBTREE);
    static const struct row rows[] = {
        {{OP_READ, R, "/", 2}, "allow"},
        {{OP_READ, R, "/a/b/c", 3}, "allow"},
        {{OP_READ, R, "/home/u/.local/state/nono/audit.db", 3}, "-"},
    };
    EXPECT(rows);
}

Test(memory, a_denial_wins_before_an_allow)
{
    keep(&(struct call){OP_WRITE, W, "/w/d/a", 7}, VERDICT_ALLOW, REACH_OBJECT);
    keep(&(struct call){OP_READWRITE, R | W, "/w/x", 6}, VERDICT_ALLOW, REACH_SUBTREE);
    keep(&(struct call){OP_WRITE, W, "/w/d/b", 8}, VERDICT_DENY, REACH_DIR);
    keep(&(struct call){OP_READ, R, "/w/s", 9}, VERDICT_DENY, REACH_OBJECT);
    static const struct row rows[] = {
        {{OP_WRITE, W, "/w/d/a", 7}, "deny"},
        {{OP_READWRITE, R | W, "/w/d/a", 7}, "deny"},
        {{OP_READ, R, "/w/d/a", 7}, "allow"},
        {{OP_DELETE, W, "/w/d/a", 7}, "deny"},
        {{OP_CREATE, W, "/w/d/new"}, "deny"},
        {{OP_META, 0, "/w/d/a", 7}, "deny"},
        {{OP_RENAME, W, "/w/y", 5, "/w/d/a", 7}, "deny"},
        {{OP_RENAME, W, "/w/d/a", 7, "/w/y"}, "deny"},
        {{OP_WRITE, W, "/w/d/sub/a", 3}, "allow"},
        {{OP_READ, R, "/w/s", 9}, "deny"},
        {{OP_READWRITE, R | W, "/w/s", 9}, "deny"},
        {{OP_READ, R, "/w/s", 4}, "deny"}, // put in its place
        {{OP_WRITE, W, "/w/s", 9}, "allow"},
    };
    EXPECT(rows);
}

// A denied object has no other name, and does not move with what holds it.
Test(memory, no_way_around_a_denial)
{
    keep(&(struct call){OP_READWRITE, R | W, "/w/x", 6}, VERDICT_ALLOW, REACH_SUBTREE);
    keep(&(struct call){OP_WRITE, W, "/w/d/keep", 7}, VERDICT_DENY, REACH_OBJECT);
    keep(&(struct call){OP_READ, R, "/w/p/q/", 20}, VERDICT_DENY, REACH_SUBTREE);
    static const struct row rows[] = {
        {{OP_WRITE, W, "/w/hardlink", 7}, "deny"},
        {{OP_LINK, R, "/w/d/keep", 7, "/w/hardlink"}, "deny"},
        {{OP_RENAME, R | W, "/w/d/keep", 7, "/w/moved"}, "deny"},
        {{OP_RENAME, R | W, "/w/d/", 5, "/w/d2"}, "-"},
        {{OP_RENAME, R | W, "/w/p/", 19, "/w/p2"}, "-"},
        {{OP_RENAME, W, "/w/p/q/", 20, "/w/q2"}, "deny"},
        {{OP_LINK, 0, "/w/p/q/file", 21, "/w/copy"}, "deny"},
        {{OP_RENAME, R | W, "/w/other/", 5, "/w/d"}, "-"},
        {{OP_RENAME, R | W, "/w/other/", 5, "/w/other2"}, "allow"},
    };
    EXPECT(rows);
}

Test(memory, denials_of_an_operation)
{
    keep(&(struct call){OP_READWRITE, R | W, "/w/x", 6}, VERDICT_ALLOW, REACH_SUBTREE);
    keep(&(struct call){OP_DELETE, W, "/w/a", 7}, VERDICT_DENY, REACH_OBJECT);
    keep(&(struct call){OP_META, W, "/w/b", 8}, VERDICT_DENY, REACH_OBJECT);
    keep(&(struct call){OP_EXEC, R, "/w/c", 9}, VERDICT_DENY, REACH_OBJECT);
    static const struct row rows[] = {
        {{OP_DELETE, W, "/w/a", 7}, "deny"},  {{OP_RENAME, W, "/w/a", 7, "/w/z"}, "deny"},
        {{OP_WRITE, W, "/w/a", 7}, "allow"},  {{OP_META, W, "/w/b", 8}, "deny"},
        {{OP_DELETE, W, "/w/b", 8}, "allow"}, {{OP_EXEC, R, "/w/c", 9}, "deny"},
        {{OP_READ, R, "/w/c", 9}, "allow"},
    };
    EXPECT(rows);
}

// I7
Test(memory, no_wide_allow_answers_for_a_protected_root)
{
    keep(&(struct call){OP_READWRITE, R | W, "/w/x", 6}, VERDICT_ALLOW, REACH_SUBTREE);
    keep(&(struct call){OP_READWRITE, R | W, "/w/priv/x", 6}, VERDICT_ALLOW, REACH_DIR);
    static const struct row rows[] = {
        {{OP_READ, R, "/w/priv/state/", 3}, "-"},
        {{OP_READ, R, "/w/priv/state/audit.db", 3}, "-"},
        {{OP_CREATE, W, "/w/priv/state/new"}, "-"},
        {{OP_RENAME, R | W, "/w/priv/", 2, "/w/priv2"}, "-"},
        {{OP_RENAME, R | W, "/w/x", 2, "/w/priv/state/x"}, "-"},
        {{OP_RENAME, R | W, "/w/x", 2, "/w/priv"}, "-"},
        {{OP_LINK, R, "/w/priv/state/audit.db", 2, "/w/y"}, "-"},
        {{OP_READ, R, "/w/priv/other", 3}, "allow"},
        {{OP_READ, R, "/w/priv/state2", 3}, "allow"},
    };
    EXPECT(rows);
}

Test(memory, both_ends_of_a_rename)
{
    keep(&(struct call){OP_RENAME, W, "/w/a", 7, "/w/b"}, VERDICT_ALLOW, REACH_OBJECT);
    keep(&(struct call){OP_LINK, R, "/s/a", 7, "/t/b"}, VERDICT_ALLOW, REACH_DIR);
    static const struct row rows[] = {
        {{OP_RENAME, W, "/w/a", 7, "/w/b"}, "allow"},
        {{OP_RENAME, W, "/w/a", 7, "/w/b", 9}, "-"}, // something is there now
        {{OP_RENAME, W, "/w/a", 8, "/w/b"}, "-"},
        {{OP_RENAME, W, "/w/a", 7, "/w/c"}, "-"},
        {{OP_RENAME, W, "/w/b", 7, "/w/a"}, "-"},
        {{OP_RENAME, W, "/w/a", 7}, "-"},
        {{OP_WRITE, W, "/w/a", 7}, "-"},
        {{OP_DELETE, W, "/w/a", 7}, "-"},
        {{OP_LINK, R, "/s/x", 3, "/t/y"}, "allow"},
        {{OP_LINK, R, "/s/x", 3, "/s/y"}, "-"},
        {{OP_LINK, R, "/s/x", 3, "/t/d/y"}, "-"},
        {{OP_RENAME, R, "/s/x", 3, "/t/y"}, "-"},
    };
    EXPECT(rows);
}

Test(memory, ports_and_hosts)
{
    keep(&(struct call){OP_CONNECT, 0, "api.example.org:443"}, VERDICT_ALLOW, REACH_PORT);
    keep(&(struct call){OP_CONNECT, 0, "10.0.0.1:80"}, VERDICT_ALLOW, REACH_HOST);
    keep(&(struct call){OP_CONNECT, 0, "[2001:db8::1]:80"}, VERDICT_ALLOW, REACH_HOST);
    keep(&(struct call){OP_CONNECT, 0, "bad.example.org:80"}, VERDICT_ALLOW, REACH_HOST);
    keep(&(struct call){OP_CONNECT, 0, "bad.example.org:25"}, VERDICT_DENY, REACH_PORT);
    keep(&(struct call){OP_CONNECT, 0, "same.example.org:1"}, VERDICT_ALLOW, REACH_OBJECT);
    static const struct row rows[] = {
        {{OP_CONNECT, 0, "api.example.org:443"}, "allow"},
        {{OP_SEND, 0, "api.example.org:443"}, "allow"},
        {{OP_BIND, 0, "api.example.org:443"}, "-"},
        {{OP_CONNECT, 0, "api.example.org:80"}, "-"},
        {{OP_CONNECT, 0, "example.org:443"}, "-"},
        {{OP_CONNECT, 0, "10.0.0.1:8080"}, "allow"},
        {{OP_CONNECT, 0, "10.0.0.11:80"}, "-"},
        {{OP_CONNECT, 0, "10.0.0.1"}, "-"},
        {{OP_CONNECT, 0, "[2001:db8::1]:443"}, "allow"},
        {{OP_CONNECT, 0, "[2001:db8::2]:80"}, "-"},
        {{OP_CONNECT, 0, "bad.example.org:443"}, "allow"},
        {{OP_CONNECT, 0, "bad.example.org:25"}, "deny"},
        {{OP_CONNECT, 0, "same.example.org:1"}, "allow"},
        {{OP_CONNECT, 0, "same.example.org:2"}, "-"},
        {{OP_READ, R, "api.example.org:443"}, "-"},
    };
    EXPECT(rows);
}

// exe is NULL where the supervisor did not look.
static const char *
answer_to(enum op op, const char *path, const char *exe)
{
    cleanup_request struct request *r = request_of(&(struct call){op, 0, path});
    struct memory_query q = memory_query_of(r);
    struct memory_answer a;
    q.exe = exe;
    return memory_ask(&m, &q, NOW, &a) ? verdict_to_string(a.verdict) : "-";
}

static int
keep_of(enum op op, const char *path, const char *exe, enum verdict verdict, enum scope scope)
{
    cleanup_request struct request *r = request_of(&(struct call){op, 0, path});
    const struct decision d = {.verdict = verdict,
                               .scope = scope,
                               .reach = path[0] == '/' ? REACH_OBJECT : REACH_HOST,
                               .program = true};
    free(r->exe);
    r->exe = xstrdup(exe);
    int ret = memory_can_keep(r, &d);
    return ret < 0 ? ret : memory_add(&m, memory_grant_for(&m, r, &d, NOW));
}

Test(memory, one_program_or_any)
{
    const enum scope session = SCOPE_SESSION;
    cr_assert_eq(keep_of(OP_CONNECT, "a.example.org:443", "/bin/a", VERDICT_ALLOW, session), 0);
    cr_assert_eq(keep_of(OP_CONNECT, "b.example.org:443", "/bin/a", VERDICT_DENY, session), 0);
    cr_assert_eq(keep_of(OP_CONNECT, "/run/agent", "/bin/a", VERDICT_ALLOW, session), 0);
    keep(&(struct call){OP_CONNECT, 0, "b.example.org:443"}, VERDICT_ALLOW, REACH_HOST);
    static const struct {
        const char *path, *exe, *want;
    } rows[] = {
        {"a.example.org:443", "/bin/a", "allow"},
        {"a.example.org:80", "/bin/a", "allow"},
        {"a.example.org:443", "/bin/aa", "-"},
        {"a.example.org:443", "/bin/", "-"},
        {"a.example.org:443", "", "-"},
        {"a.example.org:443", NULL, "-"},
        {"b.example.org:443", "/bin/a", "deny"},
        {"b.example.org:443", "/bin/b", "allow"},
        {"b.example.org:443", NULL, "allow"},
        {"/run/agent", "/bin/a", "allow"},
        {"/run/agent", "/bin/b", "-"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        cr_expect_str_eq(answer_to(OP_CONNECT, rows[i].path, rows[i].exe), rows[i].want, "row %zu",
                         i);
    // Not for one call, not for files, not for what has no file that others could not take.
    static const char host[] = "a.example.org:443";
    cr_expect_eq(keep_of(OP_CONNECT, host, "/bin/a", VERDICT_ALLOW, SCOPE_ONCE), -EINVAL);
    cr_expect_eq(keep_of(OP_READ, "/w/a", "/bin/a", VERDICT_ALLOW, session), -EOPNOTSUPP);
    cr_expect_eq(keep_of(OP_CONNECT, host, "", VERDICT_ALLOW, session), -EOPNOTSUPP);
    cr_expect_eq(keep_of(OP_CONNECT, host, "/memfd:a (deleted)", VERDICT_ALLOW, session),
                 -EOPNOTSUPP);
}

// Does an allow of a name at one address answer for it at the other?
static bool
follows(int family, const char *shown, const char *now)
{
    const struct call c = {OP_CONNECT, 0, "name.example.org:80"};
    cleanup_request struct request *r = request_of(&c);
    const struct decision d = {
        .verdict = VERDICT_ALLOW, .scope = SCOPE_SESSION, .reach = REACH_HOST};
    struct memory_answer a;
    free(r->host);
    r->host = xstrdup("name.example.org");
    r->peer.family = family;
    cr_assert_eq(inet_pton(family, shown, r->peer.addr), 1);
    struct grant *g = memory_grant_for(&m, r, &d, NOW);
    cr_assert_eq(memory_add(&m, g), 0);
    r->peer.family = strchr(now, ':') ? AF_INET6 : AF_INET;
    memset(r->peer.addr, 0, sizeof r->peer.addr);
    cr_assert_eq(inet_pton(r->peer.family, now, r->peer.addr), 1);
    const struct memory_query q = memory_query_of(r);
    bool answered = memory_ask(&m, &q, NOW, &a);
    grant_free(memory_remove(&m, g->id));
    return answered;
}

Test(memory, a_name_that_leads_elsewhere)
{
    static const char *const local[] = {
        "127.0.0.1",     "10.0.0.1",    "172.31.0.1", "192.168.0.1",     "169.254.169.254",
        "100.100.0.1",   "198.19.0.1",  "224.0.0.1",  "255.255.255.255", "0.0.0.0",
        "::1",           "fe80::1",     "fd00::1",    "ff02::1",         "64:ff9b::7f00:1",
        "2002:7f00:1::", "2001:0:1::1", "::"};
    for (size_t i = 0; i < sizeof local / sizeof *local; i++) {
        cr_expect(!follows(AF_INET, "8.8.8.8", local[i]), "%s", local[i]);
        cr_expect(!follows(AF_INET, "10.9.9.9", local[i]), "%s", local[i]);
        if (strchr(local[i], ':'))
            cr_expect(follows(AF_INET6, local[i], local[i]), "%s", local[i]);
        else
            cr_expect(follows(AF_INET, local[i], local[i]), "%s", local[i]);
    }
    cr_expect(follows(AF_INET, "8.8.8.8", "9.9.9.9"));
    cr_expect(follows(AF_INET, "8.8.8.8", "172.32.0.1"));
    cr_expect(follows(AF_INET, "8.8.8.8", "2606:4700::1"));
    cr_expect(!follows(AF_INET, "10.0.0.1", "8.8.8.8"));
}

Test(memory, a_name_that_leads_to_this_machine_by_a_public_address)
{
    const struct call c = {OP_CONNECT, 0, "name.example.org:80"};
    cleanup_request struct request *r = request_of(&c);
    const struct decision d = {
        .verdict = VERDICT_ALLOW, .scope = SCOPE_SESSION, .reach = REACH_HOST};
    struct memory_answer a;
    free(r->host);
    r->host = xstrdup("name.example.org");
    r->peer.family = AF_INET;
    cr_assert_eq(inet_pton(AF_INET, "8.8.8.8", r->peer.addr), 1);
    cr_assert_eq(memory_add(&m, memory_grant_for(&m, r, &d, NOW)), 0);
    cr_assert_eq(inet_pton(AF_INET, "9.9.9.9", r->peer.addr), 1);
    struct memory_query q = memory_query_of(r);
    cr_expect(memory_ask(&m, &q, NOW, &a));
    r->peer.own = true;
    q = memory_query_of(r);
    cr_expect(!memory_ask(&m, &q, NOW, &a));
}

Test(memory, sockets_in_the_file_system)
{
    keep(&(struct call){OP_CONNECT, 0, "/run/app/sock", 7}, VERDICT_ALLOW, REACH_DIR);
    static const struct row rows[] = {
        {{OP_CONNECT, 0, "/run/app/other", 8}, "allow"},
        {{OP_CONNECT, 0, "/run/app/d/other", 8}, "-"},
        {{OP_BIND, 0, "/run/app/other"}, "-"},
        {{OP_WRITE, W, "/run/app/other", 8}, "-"},
    };
    EXPECT(rows);
    struct memory_query q = {.op = OP_CONNECT, .path = "/run/app/sock", .abstract = true};
    struct memory_answer a;
    cr_expect(!memory_ask(&m, &q, NOW, &a), "an abstract name is no path");
}

Test(memory, what_a_request_cannot_have)
{
    const struct call file = {OP_READ, R, "/w/a", 7}, host = {OP_CONNECT, 0, "h:1"};
    cr_expect_eq(keep_as(&file, VERDICT_ALLOW, SCOPE_SESSION, REACH_PORT), -EOPNOTSUPP);
    cr_expect_eq(keep_as(&file, VERDICT_ALLOW, SCOPE_SESSION, REACH_HOST), -EOPNOTSUPP);
    cr_expect_eq(keep_as(&host, VERDICT_DENY, SCOPE_SESSION, REACH_DIR), -EOPNOTSUPP);
    cr_expect_eq(keep_as(&host, VERDICT_DENY, SCOPE_SESSION, REACH_SUBTREE), -EOPNOTSUPP);
    cr_expect_eq(keep_as(&file, VERDICT_ALLOW, SCOPE_SESSION, _REACH_MAX), -EINVAL);
    cr_expect_eq(keep_as(&file, VERDICT_ALLOW, SCOPE_SESSION, _REACH_INVALID), -EINVAL);
    cr_expect_eq(keep_as(&file, VERDICT_EXPIRED, SCOPE_SESSION, REACH_OBJECT), -EINVAL);
    cleanup_request struct request *r = request_of(&file);
    struct decision d = {.scope = SCOPE_TIME};
    cr_expect_eq(memory_can_keep(r, &d), -EINVAL, "no time");
    d.for_ns = NONO_GRANT_NS_MAX + 1;
    cr_expect_eq(memory_can_keep(r, &d), -EINVAL, "too long");
    d.for_ns = NONO_GRANT_NS_MAX;
    cr_expect_eq(memory_can_keep(r, &d), 0);
    d.scope = SCOPE_SESSION;
    cr_expect_eq(memory_can_keep(r, &d), -EINVAL, "a time for what has none");
    r->peer.abstract = true;
    d.for_ns = 0;
    cr_expect_eq(memory_can_keep(r, &d), -EOPNOTSUPP);
    d.scope = SCOPE_ONCE;
    cr_expect_eq(memory_can_keep(r, &d), 0);
    cr_expect_null(memory_grant_for(&m, r, &d, NOW));
}

// The record keeps both ends, and the content.
Test(memory, what_can_be_remembered)
{
    const struct call move = {OP_RENAME, W, "/w/a", 7, "/w/b"}, run = {OP_EXEC, R, "/w/a", 7};
    cr_expect_eq(keep_as(&move, VERDICT_ALLOW, SCOPE_ALWAYS, REACH_SUBTREE), 0);
    cr_expect_eq(keep_as(&run, VERDICT_ALLOW, SCOPE_ALWAYS, REACH_OBJECT), 0);
    cr_expect_eq(keep_as(&run, VERDICT_ALLOW, SCOPE_ALWAYS, REACH_DIR), 0);
    cr_expect_eq(keep_as(&move, VERDICT_DENY, SCOPE_ALWAYS, REACH_OBJECT), 0);
}

Test(memory, time_ends)
{
    const struct call c = {OP_READ, R, "/w/a", 7};
    cr_assert_eq(keep_as(&c, VERDICT_ALLOW, SCOPE_TIME, REACH_SUBTREE), 0);
    cr_expect_str_eq(answer_at(&c, NOW + 99), "allow");
    cr_expect_str_eq(answer_at(&c, NOW + 100), "-", "before anybody has looked");
    cr_expect_null(memory_expired(&m, NOW + 99));
    struct grant *g = memory_expired(&m, NOW + 100);
    cr_assert(g != NULL);
    grant_free(g);
    cr_expect_null(memory_expired(&m, NOW + 100));
    cr_expect_eq(m.n, 0);
    cr_expect_eq(m.expiry_ns, 0);
}

Test(memory, what_is_taken_out_answers_no_more)
{
    for (uint64_t i = 0; i < 300; i++) {
        char path[32];
        snprintf(path, sizeof path, "/w/%d", (int)i);
        keep(&(struct call){OP_READ, R, path, 100 + i}, i % 3 ? VERDICT_ALLOW : VERDICT_DENY,
             REACH_OBJECT);
    }
    for (uint64_t id = 1; id <= 300; id += 2)
        grant_free(memory_remove(&m, id));
    cr_expect_null(memory_remove(&m, 1));
    for (uint64_t i = 0; i < 300; i++) {
        char path[32];
        snprintf(path, sizeof path, "/w/%d", (int)i);
        const struct call c = {OP_READ, R, path, 100 + i};
        const char *want = i % 2 == 0 ? "-" : i % 3 ? "allow" : "deny";
        cr_expect_str_eq(answer_at(&c, NOW), want, "%s", path);
    }
}

Test(memory, a_made_file_belongs_to_the_grant_that_made_it)
{
    keep(&(struct call){OP_CREATE, W, "/w/new"}, VERDICT_ALLOW, REACH_OBJECT);
    memory_adopt(&m, "/w/new", 1, 77);
    static const struct row rows[] = {
        {{OP_WRITE, W, "/w/new", 77}, "allow"},
        {{OP_WRITE, W, "/w/new", 78}, "-"},
        {{OP_CREATE, W, "/w/new"}, "-"},
    };
    EXPECT(rows);
}

Test(memory, programs_by_content_and_by_who_asks)
{
    uint8_t sum[SHA256_LEN] = {1}, other[SHA256_LEN] = {2};
    cleanup_request struct request *r = request_of(&(struct call){OP_EXEC, R, "/w/tool", 7});
    struct decision d = {.scope = SCOPE_SESSION};
    struct memory_answer a;
    memcpy(r->sha256, sum, sizeof sum);
    r->has_sha256 = true;
    struct grant *g = memory_grant_for(&m, r, &d, NOW);
    g->exe = xstrdup("/bin/sh");
    cr_assert_eq(memory_add(&m, g), 0);
    struct memory_query q = memory_query_of(r);
    q.exe = "/bin/sh";
    cr_expect(memory_ask(&m, &q, NOW, &a));
    q.sha256 = other;
    cr_expect(!memory_ask(&m, &q, NOW, &a), "the same inode with another content");
    q.sha256 = NULL;
    cr_expect(!memory_ask(&m, &q, NOW, &a));
    q.sha256 = sum;
    q.exe = "/bin/bash";
    cr_expect(!memory_ask(&m, &q, NOW, &a));
    q.exe = NULL;
    cr_expect(!memory_ask(&m, &q, NOW, &a));
}

Test(memory, uses_and_who)
{
    keep(&(struct call){OP_READ, R, "/w/a", 7}, VERDICT_ALLOW, REACH_OBJECT);
    struct grant *g = m.grants[0];
    const struct memory_answer a = {.grants = {g}, .n = 1};
    for (pid_t tid = 1; tid <= 20; tid++) {
        memory_used(&a, tid);
        memory_used(&a, 3);
    }
    cr_expect_eq(g->uses, 40);
    cr_expect_eq(g->n_tasks, GRANT_TASKS_MAX);
    cr_expect_eq(g->tasks[0], 3);
    cr_expect_eq(g->tasks[1], 20);
    for (size_t i = 0; i < g->n_tasks; i++)
        for (size_t k = 0; k < i; k++)
            cr_expect_neq(g->tasks[i], g->tasks[k]);
}
