// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "display.h"
#include "footer.h"
#include "socket_policy.h"
#include "util.h"

static void
add(struct footer *f, enum op op, unsigned access, const char *path, struct refusal more)
{
    struct refusal *r = xmalloc(sizeof *r);
    *r = more;
    r->op = op;
    r->access = access;
    r->resolved = xstrdup(path);
    footer_add(f, r);
}

static char *
printed(const struct footer *f)
{
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    footer_print(f, "0123456789ab", out);
    fclose(out);
    return text;
}

static void
expect_line(const char *text, const char *path, const char *want)
{
    const char *line = strstr(text, path);
    cr_assert(line, "no %s in %s", path, text);
    cr_expect_eq(strncmp(line + strlen(path) + 3, want, strlen(want)), 0, "%s", line);
}

Test(footer, names_the_flag_that_would_allow_it)
{
    struct footer f = {0};
    add(&f, OP_READ, ACCESS_READ, "/a/file", (struct refusal){.reason = REASON_POLICY_BLOCKED});
    add(&f, OP_READ, ACCESS_READ, "/a/dir", (struct refusal){.directory = true});
    add(&f, OP_WRITE, ACCESS_WRITE, "/a/out", (struct refusal){.reason = REASON_TIMED_OUT});
    add(&f, OP_CREATE, ACCESS_WRITE, "/a/new", (struct refusal){0});
    add(&f, OP_CREATE, ACCESS_WRITE, "/top", (struct refusal){0});
    add(&f, OP_READ, ACCESS_READ, "/a/mine", (struct refusal){.reason = REASON_USER_DENIED});
    add(&f, OP_READ, ACCESS_READ, "/a/record", (struct refusal){.by = DECIDER_PROTECTED});
    add(&f, OP_READ, ACCESS_READ, "/a/file", (struct refusal){0});
    add(&f, OP_EXEC, 0, "/a/ring",
        (struct refusal){.by = DECIDER_FLOOR, .detail = xstrdup("no rings here")});
    add(&f, OP_EXEC, 0, "/a/ring",
        (struct refusal){.by = DECIDER_FLOOR, .detail = xstrdup("no rings here")});
    cleanup_free char *text = printed(&f);
    expect_line(text, "/a/file", "allow with: --read-file /a/file\n");
    expect_line(text, "/a/dir", "allow with: --read /a/dir\n");
    expect_line(text, "/a/out", "allow with: --write-file /a/out\n");
    expect_line(text, "/a/new", "allow with: --allow /a\n");
    expect_line(text, "/top", "allow with: --allow /\n");
    expect_line(text, "/a/mine", "(you denied it)\n");
    expect_line(text, "/a/record", "(protected: nothing can allow it)\n");
    expect_line(text, "/a/ring", "(no rings here: nothing can allow it)\n");
    cr_expect(strstr(text, "refused 10 times"));
    cr_expect_eq(f.n, 8);
    footer_done(&f);
}

Test(footer, names_the_process_itself_by_no_number)
{
    struct footer f = {0};
    add(&f, OP_WRITE, ACCESS_WRITE, "/proc/7/task/8/comm", (struct refusal){.pid = 7});
    add(&f, OP_WRITE, ACCESS_WRITE, "/proc/9/comm", (struct refusal){.pid = 7});
    cleanup_free char *text = printed(&f);
    expect_line(text, "/proc/7/task/8/comm", "allow with: --write-file /proc/self/comm\n");
    expect_line(text, "/proc/9/comm", "allow with: --write-file /proc/9/comm\n");
    footer_done(&f);
}

Test(footer, names_what_no_capability_overrides)
{
    struct footer f = {0};
    add(&f, OP_RENAME, ACCESS_WRITE, "/a/conf",
        (struct refusal){.denied = true, .nearest = xstrdup("deny /a/conf/key (shop.json:7)")});
    add(&f, OP_EXEC, ACCESS_READ, "/bin/true", (struct refusal){.programs = true});
    cleanup_free char *text = printed(&f);
    expect_line(text, "/a/conf", "(denied by the policy: deny /a/conf/key (shop.json:7))\n");
    expect_line(text, "/bin/true", "allow with: --exec allow\n");
    footer_done(&f);
}

Test(footer, offers_no_connection_beside_the_proxy)
{
    struct footer f = {.proxy_only = true};
    add(&f, OP_CONNECT, 0, "a.example:443", (struct refusal){0});
    add(&f, OP_SEND, 0, "192.0.2.1:53", (struct refusal){0});
    add(&f, OP_BIND, 0, "0.0.0.0:80", (struct refusal){0});
    add(&f, OP_CONNECT, 0, "/a/socket", (struct refusal){0});
    cleanup_free char *text = printed(&f);
    expect_line(text, "a.example:443", "(--proxy-port is given: nothing else can be");
    expect_line(text, "192.0.2.1:53", "(--proxy-port is given: nothing else can be");
    expect_line(text, "0.0.0.0:80", "allow with: --allow-bind 80\n");
    expect_line(text, "/a/socket", "allow with: --allow-unix-socket /a/socket\n");
    footer_done(&f);
}

Test(footer, offers_what_the_options_take)
{
    static const struct {
        const char *peer, *want;
    } cases[] = {
        {"a.example:443", "a.example:443"},         {"192.0.2.1:0", "192.0.2.1:*"},
        {"[2001:db8::1]:443", "[2001:db8::1]:443"}, {"[fe80::1%2]:443", "[fe80::1]:443"},
        {"[fe80::1%2]:0", "[fe80::1]:*"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct footer f = {0};
        struct socket_policy p = {0};
        struct err err = {0};
        add(&f, OP_CONNECT, 0, cases[i].peer, (struct refusal){0});
        cleanup_free char *text = printed(&f);
        cleanup_free char *shown = display_str(cases[i].want, DISPLAY_QUOTE);
        cleanup_free char *want = xasprintf("allow with: --allow-connect %s\n", shown);
        cr_expect(strstr(text, want), "%s", text);
        cr_expect_eq(socket_policy_add_host(&p, cases[i].want, "", &err), 0, "%s", err.msg);
        socket_policy_done(&p);
        footer_done(&f);
    }
}

Test(footer, says_nothing_without_refusals_and_caps_its_length)
{
    struct footer f = {0};
    cleanup_free char *none = printed(&f), *many = NULL;
    cr_expect_str_eq(none, "");
    for (int i = 0; i < 100; i++) {
        cleanup_free char *path = xasprintf("/p/%d", i);
        add(&f, OP_READ, ACCESS_READ, path, (struct refusal){0});
    }
    many = printed(&f);
    cr_expect(strstr(many, "refused 100 times") && strstr(many, "nono log 0123456789ab"));
    cr_expect_eq(f.n, 8);
    footer_done(&f);
}
