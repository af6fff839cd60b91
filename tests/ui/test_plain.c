// SPDX-License-Identifier: Apache-2.0
// The plain mode: lines in, lines out, the same guards.
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "../unit/view_helpers.h"
#include "plain_line.h"
#include "ui.h"
#include "ui_internal.h"

static uint64_t now_ns = START;

struct plain_test {
    struct ui *ui;
    int in[2], fd;
    struct decision decided;
    char note[64];
    unsigned session, decisions, leaves;
    uint64_t revoked;
    int frozen;
    struct buf to_agent;
};

static uint64_t
fake_clock(void)
{
    return now_ns;
}

static int
on_decide(void *ctx, unsigned session, const struct decision *d)
{
    struct plain_test *t = ctx;

    t->decided = *d;
    t->session = session;
    snprintf(t->note, sizeof t->note, "%s", d->note ? d->note : "");
    t->decisions++;
    return 0;
}

static void
on_agent_input(void *ctx, const void *data, size_t n)
{
    struct plain_test *t = ctx;

    buf_add(&t->to_agent, data, n);
}

static void
on_leave(void *ctx)
{
    ((struct plain_test *)ctx)->leaves++;
}

static int
on_revoke(void *ctx, unsigned session, uint64_t grant)
{
    ((struct plain_test *)ctx)->revoked = grant;
    return 0;
}

static int
on_freeze(void *ctx, unsigned session, bool on)
{
    ((struct plain_test *)ctx)->frozen = on;
    return 0;
}

static const struct ui_ops ops = {
    .decide = on_decide,
    .agent_input = on_agent_input,
    .leave = on_leave,
    .revoke = on_revoke,
    .freeze = on_freeze,
};

static void
open_plain_in(struct plain_test *t, bool agent, const char *home,
              char **(*risky)(const char *home, unsigned access))
{
    struct ui_config config = {.session = "7f3a5c01d2e4",
                               .title = "claude",
                               .agent = agent,
                               .count = home != NULL,
                               .risky = risky,
                               .home = home,
                               .plain = true};
    cleanup_err struct err err = {0};

    *t = (struct plain_test){.frozen = -1};
    cr_assert(setlocale(LC_ALL, "C.UTF-8"));
    t->fd = memfd_create("plain", MFD_CLOEXEC);
    cr_assert_eq(pipe(t->in), 0);
    config.in_fd = t->in[0];
    config.out_fd = t->fd;
    cr_assert_eq(ui_open(&config, &ops, t, true, fake_clock, &t->ui, &err), 0, "%s", err.msg);
}

static void
open_plain(struct plain_test *t, bool agent)
{
    open_plain_in(t, agent, NULL, NULL);
}

static void
close_plain(struct plain_test *t)
{
    ui_free(t->ui);
    buf_done(&t->to_agent);
    close_fd(&t->fd);
    close_fd(&t->in[0]);
    close_fd(&t->in[1]);
}

#define PLAIN(t, agent)                                                                            \
    __attribute__((cleanup(close_plain))) struct plain_test t;                                     \
    open_plain(&t, agent)

static void
pass_time(struct plain_test *t, unsigned ms)
{
    now_ns += ms * MS;
    ui_draw(t->ui, now_ns);
}

// Lines in one piece, and what was said since.
static const char *
say(struct plain_test *t, const char *lines)
{
    static char said[16384];
    off_t from;
    ssize_t n;

    ui_draw(t->ui, now_ns);
    from = lseek(t->fd, 0, SEEK_END);
    cr_assert_eq(write_all(t->in[1], lines, strlen(lines)), 0);
    cr_assert_eq(ui_read_input(t->ui, now_ns), 0);
    ui_draw(t->ui, now_ns);
    n = pread(t->fd, said, sizeof said - 1, from);
    said[n < 0 ? 0 : n] = 0;
    return said;
}

static void
add(struct plain_test *t, struct request *r)
{
    ui_add_request(t->ui, 0, r);
    ui_draw(t->ui, now_ns);
}

Test(plain, a_request_is_told_and_decided)
{
    PLAIN(t, false);
    const char *said;
    char all[8192] = {0};

    add(&t, make_request(31, RISK_NONE));
    cr_assert_gt(pread(t.fd, all, sizeof all - 1, 0), 0);
    cr_assert(strstr(all, "nono: request 31: READ {/home/u/.ssh/id_31}\n"), "%s", all);
    cr_assert(strstr(all, "answer: allow 31"), "%s", all);
    pass_time(&t, 600);
    said = say(&t, "allow 31 session note it is mine\n");
    cr_assert_eq(t.decisions, 1, "%s", said);
    cr_assert_eq(t.decided.request, 31);
    cr_assert_eq(t.decided.digest[0], 31);
    cr_assert_eq(t.decided.verdict, VERDICT_ALLOW);
    cr_assert_eq(t.decided.scope, SCOPE_SESSION);
    cr_assert_eq(t.decided.by, DECIDER_USER);
    cr_assert_str_eq(t.note, "it is mine");
}

Test(plain, what_was_typed_ahead_decides_nothing)
{
    PLAIN(t, false);
    add(&t, make_request(31, RISK_NONE));
    pass_time(&t, 599);
    say(&t, "allow 31\n");
    cr_assert_eq(t.decisions, 0);
    pass_time(&t, 599);
    say(&t, "allow 31\n");
    cr_assert_eq(t.decisions, 0, "a line came shortly before");
    pass_time(&t, 600);
    say(&t, "allow 31\n");
    cr_assert_eq(t.decisions, 1);
    cr_assert_eq(t.decided.keys_ignored, 2);
}

Test(plain, pasted_lines_decide_nothing)
{
    PLAIN(t, false);
    add(&t, make_request(31, RISK_NONE));
    pass_time(&t, 5000);
    cr_assert(strstr(say(&t, "allow 31\nallow 31\n"), "several lines"));
    pass_time(&t, 5000);
    say(&t, "allow 31\nall");
    pass_time(&t, 100);
    say(&t, "ow 31\n");
    cr_assert_eq(t.decisions, 0);
}

Test(plain, what_could_not_be_told_is_not_decided)
{
    PLAIN(t, false);
    ui_add_request(t.ui, 0, make_request(31, RISK_NONE));
    now_ns += 5 * NS_PER_SEC;
    cr_assert_eq(write_all(t.in[1], "allow 31\n", 9), 0);
    ui_read_input(t.ui, now_ns);
    cr_assert_eq(t.decisions, 0);
}

Test(plain, danger_asks_for_the_name)
{
    static const struct {
        const char *line, *name;
        enum risk risk;
    } rows[] = {
        {"allow 31\n", "id_31\n", RISK_HIGH},
        {"allow 31 always\n", "id_31\n", RISK_NONE},
        {"allow 31 session reach dir\n", ".ssh\n", RISK_NONE},
        {"allow 31 for 90s reach subtree\n", ".ssh\n", RISK_NONE},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        PLAIN(t, false);
        add(&t, make_request(31, rows[i].risk));
        pass_time(&t, 5000);
        cr_expect(strstr(say(&t, rows[i].line), "to do so, type"), "%s", rows[i].line);
        pass_time(&t, 5000);
        say(&t, "yes\n");
        cr_expect_eq(t.decisions, 0);
        pass_time(&t, 5000);
        say(&t, rows[i].name);
        cr_expect_eq(t.decisions, 0, "the question is over");
        pass_time(&t, 5000);
        say(&t, rows[i].line);
        pass_time(&t, 599);
        say(&t, rows[i].name);
        cr_expect_eq(t.decisions, 0, "too fast to have been read");
        pass_time(&t, 5000);
        say(&t, rows[i].line);
        pass_time(&t, 600);
        say(&t, rows[i].name);
        cr_expect_eq(t.decisions, 1, "%s", rows[i].line);
    }
}

Test(plain, denying_is_quick)
{
    PLAIN(t, false);
    add(&t, make_request(31, RISK_HIGH));
    pass_time(&t, 600);
    say(&t, "deny 31 always reach subtree\n");
    cr_assert_eq(t.decisions, 1);
    cr_assert_eq(t.decided.verdict, VERDICT_DENY);
    cr_assert_eq(t.decided.error, EACCES);
    cr_assert_eq(t.decided.reach, REACH_SUBTREE);
}

Test(plain, numbers_of_several_sessions)
{
    PLAIN(t, false);
    ui_add_session(t.ui, 1, "8888aaaa", NULL, "b");
    add(&t, make_request(31, RISK_NONE));
    ui_add_request(t.ui, 1, make_request(31, RISK_NONE));
    pass_time(&t, 1);
    pass_time(&t, 5000);
    cr_assert(strstr(say(&t, "deny 31\n"), "SESSION/NUMBER"));
    pass_time(&t, 5000);
    say(&t, "deny 88/31\n");
    cr_assert_eq(t.decisions, 1);
    cr_assert_eq(t.session, 1);
}

Test(plain, the_agent_cannot_speak_for_nono)
{
    PLAIN(t, true);
    char all[4096] = {0};
    static const char output[] =
        "\033[1mhi\033[0m\r\nnono: request 1\033]0;t\a: READ x\r\xe2\x80\xae\n$ ";

    ui_agent_output(t.ui, output, sizeof output - 1);
    pass_time(&t, 1);
    pass_time(&t, 300);
    cr_assert_gt(pread(t.fd, all, sizeof all - 1, 0), 0);
    cr_assert_str_eq(all, "| hi\n| nono: request 1: READ x\n| \\u{202e}\n| $\\x20\n");
    say(&t, "allow 1\n");
    cr_assert_str_eq(buf_str(&t.to_agent), "allow 1\n", "no colon: the command's");
    add(&t, make_request(1, RISK_NONE));
    pass_time(&t, 5000);
    say(&t, ":allow 1\n");
    cr_assert_eq(t.decisions, 1);
    cr_assert_str_eq(buf_str(&t.to_agent), "allow 1\n");
}

// Nothing that was printed is taken back: what a terminal would have overwritten is still told.
Test(plain, what_the_agent_overwrites_is_told)
{
    PLAIN(t, true);
    char all[4096] = {0};
    static const char output[] = "10%\r\033[2K20%\r\r\n\r\nbell\a back\b\n";

    ui_agent_output(t.ui, output, sizeof output - 1);
    pass_time(&t, 1);
    cr_assert_gt(pread(t.fd, all, sizeof all - 1, 0), 0);
    cr_assert_str_eq(all, "| 10%\n| 20%\n| \n| bell\\x07 back\\x08\n");
}

Test(plain, the_other_words)
{
    PLAIN(t, false);
    struct grant g = {
        .id = 4, .op = OP_READ, .scope = SCOPE_SESSION, .path = (char[]){"/x\033y"}, .uses = 2};

    cr_assert(strstr(say(&t, "list\n"), "nothing waits"));
    add(&t, make_request(31, RISK_HIGH));
    cr_assert(strstr(say(&t, "list\n"), "31: HIGH RISK READ"));
    cr_assert(strstr(say(&t, "show 31\n"), "request 31"));
    cr_assert(strstr(say(&t, "grants\n"), "no grant"));
    ui_set_grants(t.ui, 0, (const struct grant *[]){&g}, 1);
    cr_assert(strstr(say(&t, "grants\n"), "grant 4: allow session read /x\\x1by (used 2 times)"));
    say(&t, "revoke 4\n");
    cr_assert_eq(t.revoked, 4);
    say(&t, "freeze\n");
    cr_assert_eq(t.frozen, 1);
    say(&t, "thaw 7f\n");
    cr_assert_eq(t.frozen, 0);
    cr_assert(strstr(say(&t, "help\n"), "allow NUMBER"));
    cr_assert(strstr(say(&t, "y\n"), "unknown word"));
    cr_assert(strstr(say(&t, "deny 99\n"), "no such request"));
    say(&t, "quit\n");
    cr_assert_eq(t.leaves, 1);
    cr_assert_eq(t.decisions, 0);
}

static char dir[] = "/tmp/nono-plain.XXXXXX";

static char **
risky_places(const char *home, unsigned access)
{
    char **list = xcalloc(3, sizeof *list);

    cr_expect_str_eq(home, dir);
    cr_expect_eq(access, ACCESS_READ);
    list[0] = xasprintf("%s/.ssh", home);
    list[1] = xasprintf("%s/.not-there", home);
    return list;
}

// What is said until the mark comes, counting takes its time.
static const char *
say_until(struct plain_test *t, const char *line, const char *mark, const char *other)
{
    static char said[16384];
    uint64_t end = clock_mono_ns() + 10 * NS_PER_SEC;
    off_t from = lseek(t->fd, 0, SEEK_END);

    say(t, line);
    do {
        ssize_t n = pread(t->fd, said, sizeof said - 1, from);
        said[n < 0 ? 0 : n] = 0;
        poll(NULL, 0, 1);
        ui_draw(t->ui, now_ns);
    } while (!(strstr(said, mark) && strstr(said, other)) && clock_mono_ns() < end);
    return said;
}

// As the pane's detail does: what each answer leaves behind, how many files that would be, and
// whether there are dangerous ones among them.
Test(plain, rules_say_what_they_cover)
{
    cr_assert(mkdtemp(dir));
    cleanup_free char *ssh = xasprintf("%s/.ssh", dir), *key = xasprintf("%s/.ssh/key", dir);
    cleanup_free char *file = xasprintf("%s/file", dir);
    struct plain_test t;
    struct request *r = make_request(31, RISK_NONE);
    const char *said;

    cr_assert_eq(mkdir(ssh, 0700), 0);
    close(open(key, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    close(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    free(r->resolved);
    r->resolved = xstrdup(file);
    r->access = ACCESS_READ;
    open_plain_in(&t, false, dir, risky_places);
    add(&t, r);
    pass_time(&t, 600);
    said = say_until(&t, "show 31\n", "subtree covers", "dir covers");
    cr_expect(strstr(said, "rule: allow this one call; no rule stays"), "%s", said);
    cr_expect(strstr(said, "rule: refuse always: read of exactly this name"), "%s", said);
    cr_expect(strstr(said, "reach subtree: allow this session: read of everything below"), "%s",
              said);
    cr_expect(strstr(said, "nono: 31: reach dir covers 1 existing file\n"), "%s", said);
    cr_expect(strstr(said, "nono: 31: reach subtree covers 2 existing files, "
                           "HIGH RISK among them: .ssh\n"),
              "%s", said);
    pass_time(&t, 600);
    said = say_until(&t, "allow 31 always reach subtree\n", "covers", "type");
    cr_expect(strstr(said, "to do so, type"), "%s", said);
    cr_expect(strstr(said, "covers 2 existing files, HIGH RISK among them: .ssh"), "%s", said);
    close_plain(&t);
    unlink(key);
    unlink(file);
    rmdir(ssh);
    rmdir(dir);
}

Test(plain, the_end_of_input_decides_nothing)
{
    PLAIN(t, false);
    add(&t, make_request(31, RISK_NONE));
    pass_time(&t, 5000);
    cr_assert_eq(write_all(t.in[1], "allow 31", 8), 0);
    close_fd(&t.in[1]);
    cr_assert_eq(ui_read_input(t.ui, now_ns), -ENODATA);
    cr_assert_eq(t.decisions, 0);
}

Test(plain, lines_are_understood)
{
    static const struct {
        const char *line;
        enum plain_verb verb;
        uint64_t id;
        enum scope scope;
        enum reach reach;
    } good[] = {
        {"", PLAIN_EMPTY, 0, SCOPE_ONCE, _REACH_INVALID},
        {"  allow   31  ", PLAIN_ALLOW, 31, SCOPE_ONCE, _REACH_INVALID},
        {"allow 7f3a/31 for 2h reach host", PLAIN_ALLOW, 31, SCOPE_TIME, REACH_HOST},
        {"deny 1 always", PLAIN_DENY, 1, SCOPE_ALWAYS, _REACH_INVALID},
        {"q", PLAIN_QUIT, 0, SCOPE_ONCE, _REACH_INVALID},
    };
    static const char *const bad[] = {
        "allow",
        "allow x",
        "allow 0",
        "allow -1",
        "allow 99999999999999999999",
        "allow 1 2",
        "allow 1 for",
        "allow 1 for 0",
        "allow 1 for 5d",
        "allow 1 for -5",
        "allow 1 reach",
        "allow 1 reach all",
        "deny 1 for 5m",
        "allow 1 note",
        "yes",
        "y",
        "a 1",
        "ALLOW 1",
        "show",
        "list all",
        "revoke x",
        "show 1 2",
        "allow1",
        "allow 1 for 99999999999999999999h",
    };
    struct plain_line l;

    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        cr_expect_null(plain_parse(good[i].line, &l), "%s", good[i].line);
        cr_expect_eq(l.verb, good[i].verb);
        cr_expect_eq(l.id, good[i].id);
        cr_expect_eq(l.scope, good[i].scope);
        cr_expect_eq(l.reach, good[i].reach);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        cr_expect(plain_parse(bad[i], &l), "%s", bad[i]);
        cr_expect_eq(l.verb, PLAIN_EMPTY);
    }
}
