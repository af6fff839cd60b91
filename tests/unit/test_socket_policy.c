// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "socket_policy.h"
#include "util.h"

// Rules as they are written, one letter in front: c connect, b bind, p proxy, N net mode, U unix
// mode; f F d D s S a unix grant (file, dir, subtree; in capitals with bind).
static void
add_rule(struct socket_policy *p, const char *rule)
{
    static const char modes[] = "adb"; // ask, allow (d: "do"), block
    struct err err = {0};
    const char *value = rule + 1;
    int ret = 0;
    switch (rule[0]) {
    case 'c':
        ret = socket_policy_add_host(p, value, "--allow-connect", &err);
        break;
    case 'b':
        ret = socket_policy_add_bind(p, value, "--allow-bind", &err);
        break;
    case 'p':
        p->proxy_port = (uint16_t)atoi(value);
        break;
    case 'X':
        p->display_port = (uint16_t)atoi(value);
        break;
    case 'N':
        p->net = (enum socket_mode)(strchr(modes, value[0]) - modes);
        break;
    case 'U':
        p->unix_sockets = (enum socket_mode)(strchr(modes, value[0]) - modes);
        break;
    default: {
        const char *all = "fFdDsS", *at = strchr(all, rule[0]);
        p->grants = xrealloc(p->grants, (p->n_grants + 1) * sizeof *p->grants);
        p->grants[p->n_grants++] = (struct unix_grant){.reach = (enum unix_reach)((at - all) / 2),
                                                       .bind = (at - all) % 2,
                                                       .path = xstrdup(value),
                                                       .source = xstrdup("grant")};
    }
    }
    cr_assert_eq(ret, 0, "%s: %s", rule, err.msg);
}

static void
add_rules(struct socket_policy *p, const char *rules)
{
    cleanup_free char *copy = xstrdup(rules);
    char *save = NULL;
    for (char *rule = strtok_r(copy, " ", &save); rule; rule = strtok_r(NULL, " ", &save))
        add_rule(p, rule);
}

static struct endpoint
endpoint(const char *address, uint16_t port, int type)
{
    struct endpoint e = {.type = type, .port = port};
    e.family = strchr(address, ':') ? AF_INET6 : AF_INET;
    cr_assert_eq(inet_pton(e.family, address, e.addr), 1, "%s", address);
    e.loopback = socket_is_loopback(e.family, e.addr);
    return e;
}

// "good.example" leads to 192.0.2.7.
static bool
leads_to(void *ctx, const char *name, const struct endpoint *e)
{
    struct endpoint there = endpoint("192.0.2.7", 0, 0);
    return strcmp(name, "good.example") == 0 && e->family == AF_INET &&
           memcmp(e->addr, there.addr, 16) == 0;
}

struct inet_case {
    const char *rules;
    enum op op;
    const char *address;
    uint16_t port;
    enum socket_answer want;
};

static const struct inet_case inet_cases[] = {
    // Modes.
    {"", OP_CONNECT, "192.0.2.1", 443, SOCKET_ASK},
    {"", OP_SEND, "192.0.2.1", 443, SOCKET_ASK},
    {"", OP_CONNECT, "127.0.0.1", 443, SOCKET_ASK},
    {"Nd", OP_CONNECT, "192.0.2.1", 443, SOCKET_ALLOW},
    {"Nd", OP_BIND, "0.0.0.0", 80, SOCKET_ALLOW},
    {"Nb", OP_CONNECT, "192.0.2.1", 443, SOCKET_DENY},
    {"Nb", OP_CONNECT, "127.0.0.1", 443, SOCKET_DENY},
    {"Nb", OP_SEND, "127.0.0.1", 53, SOCKET_DENY},
    {"Nb", OP_BIND, "127.0.0.1", 0, SOCKET_DENY},
    {"Nb c192.0.2.1:443", OP_CONNECT, "192.0.2.1", 443, SOCKET_ALLOW},
    // AF_UNIX-only mode lets inet through.
    {"Nd Ub", OP_CONNECT, "192.0.2.1", 443, SOCKET_ALLOW},
    // The proxy and nothing else.
    {"p8080", OP_CONNECT, "127.0.0.1", 8080, SOCKET_ALLOW},
    {"p8080", OP_CONNECT, "127.9.9.9", 8080, SOCKET_ALLOW},
    {"p8080", OP_CONNECT, "::1", 8080, SOCKET_ALLOW},
    {"p8080", OP_CONNECT, "127.0.0.1", 8081, SOCKET_DENY},
    {"p8080", OP_CONNECT, "192.0.2.1", 8080, SOCKET_DENY},
    {"p8080", OP_SEND, "192.0.2.1", 8080, SOCKET_DENY},
    {"p8080 c192.0.2.1:8080", OP_CONNECT, "192.0.2.1", 8080, SOCKET_DENY},
    {"p8080 Nd", OP_CONNECT, "192.0.2.1", 8080, SOCKET_DENY},
    {"p8080", OP_BIND, "127.0.0.1", 3000, SOCKET_DENY},
    {"p8080 b3000", OP_BIND, "127.0.0.1", 3000, SOCKET_ALLOW},
    {"p8080 b3000", OP_BIND, "0.0.0.0", 3001, SOCKET_DENY},
    // Hosts and ports.
    {"c192.0.2.1:443", OP_CONNECT, "192.0.2.1", 443, SOCKET_ALLOW},
    {"c192.0.2.1:443", OP_SEND, "192.0.2.1", 443, SOCKET_ALLOW},
    {"c192.0.2.1:443", OP_CONNECT, "192.0.2.1", 80, SOCKET_ASK},
    {"c192.0.2.1:443", OP_CONNECT, "192.0.2.2", 443, SOCKET_ASK},
    {"c192.0.2.1:443", OP_BIND, "192.0.2.1", 443, SOCKET_ASK},
    {"c192.0.2.1:*", OP_CONNECT, "192.0.2.1", 1, SOCKET_ALLOW},
    {"c*:22", OP_CONNECT, "192.0.2.1", 22, SOCKET_ALLOW},
    {"c*:22", OP_CONNECT, "2001:db8::1", 22, SOCKET_ALLOW},
    {"c*:22", OP_CONNECT, "192.0.2.1", 23, SOCKET_ASK},
    {"c10.0.0.0/8:*", OP_CONNECT, "10.255.0.1", 9, SOCKET_ALLOW},
    {"c10.0.0.0/8:*", OP_CONNECT, "11.0.0.1", 9, SOCKET_ASK},
    {"c10.32.0.0/11:9", OP_CONNECT, "10.63.255.255", 9, SOCKET_ALLOW},
    {"c10.32.0.0/11:9", OP_CONNECT, "10.64.0.0", 9, SOCKET_ASK},
    {"c0.0.0.0/0:80", OP_CONNECT, "203.0.113.9", 80, SOCKET_ALLOW},
    {"c0.0.0.0:80", OP_CONNECT, "127.0.0.1", 80, SOCKET_ALLOW},
    {"c0.0.0.0:80", OP_CONNECT, "127.0.0.2", 80, SOCKET_ASK},
    {"c0.0.0.0:80", OP_CONNECT, "203.0.113.9", 80, SOCKET_ASK},
    {"c[::]:80", OP_CONNECT, "::1", 80, SOCKET_ALLOW},
    {"c[::]:80", OP_CONNECT, "127.0.0.1", 80, SOCKET_ASK},
    {"c0.0.0.0/0:80", OP_CONNECT, "2001:db8::1", 80, SOCKET_ASK},
    {"c[2001:db8::/32]:80", OP_CONNECT, "2001:db8:1::1", 80, SOCKET_ALLOW},
    {"c[2001:db8::/32]:80", OP_CONNECT, "2001:db9::1", 80, SOCKET_ASK},
    {"c[::1]:80", OP_CONNECT, "::1", 80, SOCKET_ALLOW},
    {"c[::ffff:192.0.2.1]:80", OP_CONNECT, "192.0.2.1", 80, SOCKET_ALLOW},
    {"cgood.example:443", OP_CONNECT, "192.0.2.7", 443, SOCKET_ALLOW},
    {"cGOOD.example:443", OP_CONNECT, "192.0.2.7", 443, SOCKET_ALLOW},
    {"cgood.example:443", OP_CONNECT, "192.0.2.8", 443, SOCKET_ASK},
    {"cother.example:443", OP_CONNECT, "192.0.2.7", 443, SOCKET_ASK},
    // Ports to listen at.
    {"", OP_BIND, "127.0.0.1", 3000, SOCKET_ASK},
    {"b3000", OP_BIND, "127.0.0.1", 3000, SOCKET_ALLOW},
    {"b3000", OP_BIND, "0.0.0.0", 3000, SOCKET_ALLOW},
    {"b3000-3009", OP_BIND, "::", 3009, SOCKET_ALLOW},
    {"b3000-3009", OP_BIND, "::", 3010, SOCKET_ASK},
    {"b3000-3009", OP_BIND, "::", 2999, SOCKET_ASK},
    {"b3000", OP_CONNECT, "127.0.0.1", 3000, SOCKET_ASK},
    // I4: displays. That of the session is refused whatever is said, others by what means them.
    {"", OP_CONNECT, "127.0.0.1", 6001, SOCKET_ASK},
    {"Nd", OP_CONNECT, "127.0.0.1", 6001, SOCKET_ASK},
    {"Nd", OP_SEND, "::1", 6063, SOCKET_ASK},
    {"Nd", OP_CONNECT, "127.0.0.1", 6064, SOCKET_ALLOW},
    {"Nd", OP_CONNECT, "192.168.1.2", 6000, SOCKET_ASK},
    {"Nd", OP_CONNECT, "203.0.113.9", 6000, SOCKET_ALLOW},
    {"Nd", OP_CONNECT, "127.0.0.1", 5901, SOCKET_ASK},
    {"Nd", OP_CONNECT, "127.0.0.1", 3389, SOCKET_ASK},
    {"Nd", OP_BIND, "127.0.0.1", 6001, SOCKET_ALLOW},
    {"Nd c*:*", OP_CONNECT, "127.0.0.1", 6001, SOCKET_ASK},
    {"c127.0.0.0/8:*", OP_CONNECT, "127.0.0.1", 6001, SOCKET_ASK},
    {"c127.0.0.1:6001", OP_CONNECT, "127.0.0.1", 6001, SOCKET_ALLOW},
    {"Nb", OP_CONNECT, "127.0.0.1", 6001, SOCKET_DENY},
    {"X6010 Nd", OP_CONNECT, "127.0.0.1", 6010, SOCKET_DENY},
    {"X6010 c127.0.0.1:6010", OP_CONNECT, "127.0.0.1", 6010, SOCKET_DENY},
    {"X6010 p6010", OP_CONNECT, "127.0.0.1", 6010, SOCKET_DENY},
    {"X6099 Nd c127.0.0.1:6099", OP_CONNECT, "127.0.0.1", 6099, SOCKET_DENY},
    {"X6010 Nd", OP_CONNECT, "203.0.113.9", 6010, SOCKET_ALLOW},
    {"X6010 c127.0.0.1:6011", OP_CONNECT, "127.0.0.1", 6011, SOCKET_ALLOW},
    {"Nb b3000", OP_BIND, "127.0.0.1", 3000, SOCKET_ALLOW},
    {"", OP_BIND, "127.0.0.1", 0, SOCKET_ALLOW},
    {"", OP_BIND, "0.0.0.0", 0, SOCKET_ASK},
};

Test(socket_policy, inet)
{
    const struct socket_names names = {.leads_to = leads_to};
    for (size_t i = 0; i < ARRAY_SIZE(inet_cases); i++) {
        const struct inet_case *t = &inet_cases[i];
        struct socket_policy p = {0};
        struct socket_verdict v;
        add_rules(&p, t->rules);
        struct endpoint e = endpoint(t->address, t->port, SOCK_STREAM);
        socket_judge_inet(&p, t->op, &e, &names, &v);
        cr_expect_eq(v.answer, t->want, "%s: %s %s %u: %d", t->rules, op_to_string(t->op),
                     t->address, t->port, v.answer);
        cr_expect(v.answer == SOCKET_ALLOW || v.reason == REASON_NETWORK_DENIED);
        socket_policy_done(&p);
    }
}

Test(socket_policy, datagrams_may_be_bound_to_a_port_of_the_kernels_choice)
{
    struct socket_policy p = {0};
    struct socket_verdict v;
    struct endpoint e = endpoint("0.0.0.0", 0, SOCK_DGRAM);
    socket_judge_inet(&p, OP_BIND, &e, NULL, &v);
    cr_expect_eq(v.answer, SOCKET_ALLOW);
    p.net = SOCKETS_BLOCK;
    socket_judge_inet(&p, OP_BIND, &e, NULL, &v);
    cr_expect_eq(v.answer, SOCKET_DENY);
}

Test(socket_policy, a_name_may_lead_there_by_now)
{
    const struct socket_names names = {.leads_to = leads_to};
    struct socket_policy p = {0};
    struct socket_verdict v;
    add_rules(&p, "cother.example:443");
    struct endpoint e = endpoint("192.0.2.7", 443, SOCK_STREAM);
    socket_judge_inet(&p, OP_CONNECT, &e, &names, &v);
    cr_expect(v.names);
    e.port = 80;
    socket_judge_inet(&p, OP_CONNECT, &e, &names, &v);
    cr_expect_not(v.names);
    socket_policy_done(&p);
}

struct unix_case {
    const char *rules;
    enum op op;
    enum unix_name kind;
    const char *path;
    bool ours;
    enum socket_answer want;
};

static const struct unix_case unix_cases[] = {
    {"", OP_CONNECT, UNIX_PATH, "/srv/a.sock", false, SOCKET_ASK},
    {"", OP_CONNECT, UNIX_PATH, "/srv/a.sock", true, SOCKET_ALLOW},
    {"", OP_BIND, UNIX_PATH, "/srv/a.sock", false, SOCKET_ASK},
    {"", OP_BIND, UNIX_PATH, "/srv/a.sock", true, SOCKET_ALLOW},
    {"Ud", OP_SEND, UNIX_PATH, "/srv/a.sock", false, SOCKET_ALLOW},
    {"Ub", OP_SEND, UNIX_PATH, "/srv/a.sock", false, SOCKET_DENY},
    {"Ub", OP_CONNECT, UNIX_PATH, "/srv/a.sock", true, SOCKET_DENY},
    {"Nb", OP_CONNECT, UNIX_PATH, "/srv/a.sock", false, SOCKET_ASK},
    // A socket.
    {"f/srv/a.sock", OP_CONNECT, UNIX_PATH, "/srv/a.sock", false, SOCKET_ALLOW},
    {"f/srv/a.sock", OP_SEND, UNIX_PATH, "/srv/a.sock", false, SOCKET_ALLOW},
    {"f/srv/a.sock", OP_BIND, UNIX_PATH, "/srv/a.sock", false, SOCKET_ASK},
    {"f/srv/a.sock", OP_CONNECT, UNIX_PATH, "/srv/a.sock2", false, SOCKET_ASK},
    {"f/srv/a.sock", OP_CONNECT, UNIX_PATH, "/srv/b.sock", false, SOCKET_ASK},
    {"F/srv/a.sock", OP_BIND, UNIX_PATH, "/srv/a.sock", false, SOCKET_ALLOW},
    {"F/srv/a.sock", OP_CONNECT, UNIX_PATH, "/srv/a.sock", false, SOCKET_ALLOW},
    {"Ub F/srv/a.sock", OP_BIND, UNIX_PATH, "/srv/a.sock", false, SOCKET_ALLOW},
    {"Ub f/srv/a.sock", OP_BIND, UNIX_PATH, "/srv/a.sock", false, SOCKET_DENY},
    // Direct children.
    {"d/srv", OP_CONNECT, UNIX_PATH, "/srv/a.sock", false, SOCKET_ALLOW},
    {"d/srv", OP_CONNECT, UNIX_PATH, "/srv/x/a.sock", false, SOCKET_ASK},
    {"d/srv", OP_CONNECT, UNIX_PATH, "/srv", false, SOCKET_ASK},
    {"d/srv", OP_CONNECT, UNIX_PATH, "/srv2/a.sock", false, SOCKET_ASK},
    {"d/srv", OP_BIND, UNIX_PATH, "/srv/a.sock", false, SOCKET_ASK},
    {"D/srv", OP_BIND, UNIX_PATH, "/srv/a.sock", false, SOCKET_ALLOW},
    {"D/srv", OP_BIND, UNIX_PATH, "/srv/x/a.sock", false, SOCKET_ASK},
    // Everything below.
    {"s/srv", OP_CONNECT, UNIX_PATH, "/srv/x/y/a.sock", false, SOCKET_ALLOW},
    {"s/srv", OP_CONNECT, UNIX_PATH, "/srv", false, SOCKET_ASK},
    {"s/srv", OP_BIND, UNIX_PATH, "/srv/x/a.sock", false, SOCKET_ASK},
    {"S/srv", OP_BIND, UNIX_PATH, "/srv/x/a.sock", false, SOCKET_ALLOW},
    {"s/", OP_CONNECT, UNIX_PATH, "/a.sock", false, SOCKET_ALLOW},
    {"d/", OP_CONNECT, UNIX_PATH, "/a/b.sock", false, SOCKET_ASK},
    // Names without a file: those of the sandbox only, whatever is granted.
    {"S/ Ud", OP_CONNECT, UNIX_ABSTRACT, "", false, SOCKET_DENY},
    {"", OP_CONNECT, UNIX_ABSTRACT, "", true, SOCKET_ALLOW},
    {"Ub", OP_CONNECT, UNIX_ABSTRACT, "", true, SOCKET_DENY},
    {"Ud", OP_CONNECT, UNIX_UNNAMED, "", false, SOCKET_DENY},
    // I4: nothing grants these.
    {"S/ Ud", OP_CONNECT, UNIX_PATH, "/tmp/tmux-1000/default", false, SOCKET_DENY},
    {"Ud f/tmp/tmux-1000/default", OP_CONNECT, UNIX_PATH, "/tmp/tmux-1000/default", true,
     SOCKET_DENY},
    {"Ud", OP_CONNECT, UNIX_PATH, "/run/screen/S-user/1.x", false, SOCKET_DENY},
    {"Ud", OP_CONNECT, UNIX_PATH, "/run/user/1000/zellij/0.39/x", false, SOCKET_DENY},
    {"Ud", OP_CONNECT, UNIX_PATH, "/tmp/.X11-unix/X0", false, SOCKET_DENY},
    {"Ud", OP_CONNECT, UNIX_PATH, "/run/user/1000/wayland-0", false, SOCKET_DENY},
};

Test(socket_policy, unix_sockets)
{
    for (size_t i = 0; i < ARRAY_SIZE(unix_cases); i++) {
        const struct unix_case *t = &unix_cases[i];
        struct socket_policy p = {0};
        struct socket_verdict v;
        add_rules(&p, t->rules);
        socket_judge_unix(&p, t->op, t->kind, t->path, t->ours, &v);
        cr_expect_eq(v.answer, t->want, "%s: %s %s: %d", t->rules, op_to_string(t->op), t->path,
                     v.answer);
        cr_expect(v.answer == SOCKET_ALLOW || v.reason == REASON_UNIX_SOCKET_DENIED);
        socket_policy_done(&p);
    }
}

static const char *const bad_hosts[] = {
    "",
    "host",
    "host:",
    ":80",
    "host:0",
    "host:65536",
    "host:99999",
    "host:+1",
    "host: 1",
    "host:80x",
    "::1:80",
    "[::1]",
    "[::1]80",
    "[host]:80",
    "10.0.0.1/8:80",
    "10.0.0/33:1",
    "1.2.3:80",
    "0x7f000001:80",
    "0x7f.1:80",
    "1.2.3.4/33:80",
    "1.2.3.4/:80",
    "1.2.3.256:80",
    "ho st:80",
    "-host:80",
    "host/8:80",
    "[fd00::1/8]:1",
    "[::1]/129:1",
    "a\nb:80",
    "host:80-90",
    "http://host:80",
    "*.example:80",
    "[:80",
    "]:80",
    "[]:80",
    "*",
    "host:**",
};

Test(socket_policy, hosts_that_do_not_parse)
{
    for (size_t i = 0; i < ARRAY_SIZE(bad_hosts); i++) {
        struct socket_policy p = {0};
        struct err err = {0};
        cr_expect_eq(socket_policy_add_host(&p, bad_hosts[i], "--allow-connect", &err), -EINVAL,
                     "%s", bad_hosts[i]);
        cr_expect(err.msg && strncmp(err.msg, "--allow-connect", 15) == 0, "%s", bad_hosts[i]);
        cr_expect_eq(p.n_hosts, 0);
        err_done(&err);
        socket_policy_done(&p);
    }
}

Test(socket_policy, what_is_meant_is_guessed)
{
    static const char *const rows[][2] = {
        {"https://example.com:443", "HOST:PORT is written, not a URL"},
        {"*.example.com:443", "there are no patterns of names (* alone is any host)"},
        {"unix:/run/x", "no host (for UNIX sockets: --allow-unix-socket PATH)"},
        {"@x", "no host (for UNIX sockets: --allow-unix-socket PATH)"},
        {"/run/x", "no host (for UNIX sockets: --allow-unix-socket PATH)"},
        {"::1:80", "IPv6 addresses are written [ADDRESS]:PORT"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct socket_policy p = {0};
        struct err err = {0};
        cr_expect_eq(socket_policy_add_host(&p, rows[i][0], "x", &err), -EINVAL);
        cr_expect(strstr(err.msg, rows[i][1]), "%s", err.msg);
        err_done(&err);
    }
    struct socket_policy p = {0};
    struct err err = {0};
    cr_expect_eq(socket_policy_add_bind(&p, "8099-8000", "--allow-bind", &err), -EINVAL);
    cr_expect_str_eq(err.msg, "--allow-bind 8099-8000: the range is reversed (8000-8099)");
    err_done(&err);
}

Test(socket_policy, ports_that_do_not_parse)
{
    static const char *const bad[] = {"",      "-",       "80-", "-80", "90-80",
                                      "65536", "1-65536", "80 ", "http"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct socket_policy p = {0};
        struct err err = {0};
        cr_expect_eq(socket_policy_add_bind(&p, bad[i], "--allow-bind", &err), -EINVAL, "%s",
                     bad[i]);
        cr_expect(err.msg);
        err_done(&err);
        socket_policy_done(&p);
    }
}

Test(socket_policy, grants_of_what_is_no_socket)
{
    struct socket_policy p = {0};
    struct err err = {0};
    cr_expect_eq(socket_policy_add_unix(&p, UNIX_FILE, false, "/etc/passwd", "x", &err), -ENOTSOCK);
    err_done(&err);
    err = (struct err){0};
    cr_expect_eq(socket_policy_add_unix(&p, UNIX_DIR, true, "/etc/passwd", "x", &err), -ENOTDIR);
    err_done(&err);
    err = (struct err){0};
    cr_expect_eq(socket_policy_add_unix(&p, UNIX_FILE, false, "/etc/none", "x", &err), -ENOENT);
    err_done(&err);
    err = (struct err){0};
    cr_expect_eq(socket_policy_add_unix(&p, UNIX_FILE, true, "/etc/none", "x", &err), 0);
    cr_expect_str_eq(p.grants[0].path, "/etc/none");
    socket_policy_done(&p);
}

static const struct {
    const char *path, *tag; /* NULL: forbidden; "": nothing */
} worth[] = {
    {"/tmp/ssh-XXXX/agent.1", "ssh-agent"},
    {"/home/u/.ssh/agent/s.abcdef.agent.1234", "ssh-agent"},
    {"/run/user/1000/gcr/ssh", "ssh-agent"},
    {"/run/user/1000/keyring/ssh", "ssh-agent"},
    {"/run/user/1000/keyring/.ssh", "ssh-agent"},
    {"/run/user/1000/openssh_agent", "ssh-agent"},
    {"/run/user/1000/ssh-agent.socket", "ssh-agent"},
    {"/home/u/.1password/agent.sock", "ssh-agent"},
    {"/home/u/.ssh/cm-host-22", "credentials"},
    {"/home/u/.gnupg/S.gpg-agent", "gpg-agent"},
    {"/run/user/1000/gnupg/S.gpg-agent.ssh", "gpg-agent"},
    {"/run/user/1000/gnupg/S.gpg-agent.extra", "gpg-agent"},
    {"/run/user/1000/keyring/control", "keyring"},
    {"/var/run/docker.sock", "escape"},
    {"/run/user/1000/podman/podman.sock", "escape"},
    {"/run/user/1000/bus", "dbus"},
    {"/run/dbus/system_bus_socket", "dbus"},
    {"/tmp/dbus-AbCdEf", "dbus"},
    {"/run/systemd/private", "systemd"},
    {"/run/user/1000/systemd/private", "systemd"},
    {"/run/user/1000/emacs/server", "escape"},
    {"/home/u/.emacs.d/server/server", "escape"},
    {"/run/user/1000/nvim.4711.0", "escape"},
    {"/tmp/nvim.u/AbCd/nvim.4711.0", "escape"},
    {"/run/user/1000/vscode-ipc-1.sock", "escape"},
    {"/run/user/1000/pipewire-0", "recording"},
    {"/run/user/1000/pulse/native", "recording"},
    {"/tmp/tmux-1000/default", NULL},
    {"/tmp/.X11-unix/X0", NULL},
    {"/run/user/1000/wayland-1", NULL},
    {"/run/user/1000/sway-ipc.1000.4711.sock", NULL},
    {"/run/user/1000/i3/ipc-socket.4711", NULL},
    {"/run/user/1000/hypr/abc_1/.socket.sock", NULL},
    {"/run/user/1000/niri.wayland-1.4711.sock", NULL},
    {"/run/user/1000/Alacritty-:0-4711.sock", NULL},
    {"/run/user/1000/Alacritty-wayland-1-4711.sock", NULL},
    {"/run/user/1000/wezterm/gui-sock-4711", NULL},
    {"/tmp/kitty-4711", NULL},
    {"/run/user/1000/foot-wayland-1.sock", NULL},
    {"/run/user/1000/at-spi/bus_0", NULL},
    {"/run/user/1000/.ydotool_socket", NULL},
    {"/tmp/.ydotool_socket", NULL},
    {"/var/run/keyd.socket", NULL},
    {"/run/user/1000/eis-0", NULL},
    {"/run/user/1000/nono/0123456789ab.sock", NULL},
    {"/srv/a.sock", ""},
    {"/srv/agent/s.1", ""},
    {"/srv/gcr/other", ""},
};

Test(socket_policy, what_a_unix_socket_is_worth)
{
    const char *tag, *gives;
    for (size_t i = 0; i < ARRAY_SIZE(worth); i++) {
        cr_expect_eq(socket_forbidden(NULL, worth[i].path) != NULL, !worth[i].tag, "%s",
                     worth[i].path);
        if (!worth[i].tag)
            continue;
        cr_expect_eq(socket_risk_unix(NULL, worth[i].path, &tag, &gives),
                     *worth[i].tag ? RISK_HIGH : RISK_NONE, "%s", worth[i].path);
        cr_expect_str_eq(tag ? tag : "", worth[i].tag, "%s", worth[i].path);
        cr_expect_eq(!tag, !gives);
    }
}

static char *
fake_environment(const char *name)
{
    static const char *const all[][2] = {
        {"SSH_AUTH_SOCK", "/srv/agent"},
        {"DOCKER_HOST", "unix:///srv/docker"},
        {"CONTAINER_HOST", "tcp://127.0.0.1:2375"},
        {"DBUS_SESSION_BUS_ADDRESS", "unix:path=/srv/session,guid=1;unix:path=/srv/second"},
        {"KITTY_LISTEN_ON", "unix:/srv/terminal"},
        {"WEZTERM_UNIX_SOCKET", "relative"},
        {"TMUX", "/srv/mux,4711,0"},
        {"DISPLAY", "localhost:10.0"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (strcmp(all[i][0], name) == 0)
            return (char *)all[i][1];
    return NULL;
}

Test(socket_policy, what_the_environment_names)
{
    static const struct {
        const char *path, *tag; /* as above */
    } rows[] = {
        {"/srv/agent", "ssh-agent"}, {"/srv/docker", "escape"}, {"/srv/session", "dbus"},
        {"/srv/terminal", NULL},     {"/srv/mux", NULL},        {"/srv/agent2", ""},
    };
    struct socket_policy p = {.unix_sockets = SOCKETS_ALLOW};
    struct socket_verdict v;
    const char *tag, *gives;
    socket_policy_add_environment(&p, fake_environment);
    cr_expect_eq(p.n_named, 5);
    cr_expect_eq(p.display_port, 6010);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        socket_judge_unix(&p, OP_CONNECT, UNIX_PATH, rows[i].path, true, &v);
        cr_expect_eq(v.answer, rows[i].tag ? SOCKET_ALLOW : SOCKET_DENY, "%s", rows[i].path);
        socket_risk_unix(&p, rows[i].path, &tag, &gives);
        cr_expect_str_eq(tag ? tag : "", rows[i].tag ? rows[i].tag : "", "%s", rows[i].path);
    }
    socket_policy_done(&p);
}

Test(socket_policy, what_the_environment_of_a_client_names)
{
    static const char all[] = "PATH=/bin\0TMUXX=/srv/x,1,0\0TMUX=/srv/mux,1,0\0A\0"
                              "SCREENDIR=/srv/s\0STY=1.tty.host\0KITTY_LISTEN_ON=unix:/srv/kitty";
    static const char *const want[] = {"/srv/mux", "/srv/kitty", "/srv/s/1.tty.host"};
    struct socket_policy p = {0};
    socket_policy_add_environ(&p, all, sizeof all);
    cr_assert_eq(p.n_named, ARRAY_SIZE(want));
    for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
        cr_expect_str_eq(p.named[i].path, want[i]);
        cr_expect(socket_named_is_forbidden(&p.named[i]));
    }
    socket_policy_done(&p);
    // Cut short, or empty.
    socket_policy_add_environ(&p, all, 20);
    socket_policy_add_environ(&p, all, 0);
    cr_expect_eq(p.n_named, 0);
}

Test(socket_policy, programs_that_are_multiplexers)
{
    static const char *const yes[] = {"tmux: server", "tmux", "screen", "zellij", "dtach"};
    static const char *const no[] = {"", "bash", "my-tmux", "screenshot", "food"};
    for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
        cr_expect(socket_is_multiplexer(yes[i]), "%s", yes[i]);
    for (size_t i = 0; i < ARRAY_SIZE(no); i++)
        cr_expect_not(socket_is_multiplexer(no[i]), "%s", no[i]);
}

static char *
fake_display(const char *name)
{
    static const char *const displays[] = {":0",         ":7.1", "[::1]:3",   "x:59536",
                                           "x:99999999", "x",    "unix:0foo", ""};
    static size_t next;
    return strcmp(name, "DISPLAY") == 0 ? (char *)displays[next++ % ARRAY_SIZE(displays)] : NULL;
}

Test(socket_policy, the_port_of_the_display)
{
    static const uint16_t want[] = {6000, 6007, 6003, 0, 0, 0, 6000, 0};
    for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
        struct socket_policy p = {0};
        socket_policy_add_environment(&p, fake_display);
        cr_expect_eq(p.display_port, want[i], "%zu: %u", i, p.display_port);
        socket_policy_done(&p);
    }
}

Test(socket_policy, displays_at_a_public_address_of_this_machine)
{
    const struct socket_policy p = {.net = SOCKETS_ALLOW, .display_port = 6000};
    static const struct {
        bool own;
        uint16_t port;
        enum socket_answer answer;
    } rows[] = {{false, 6000, SOCKET_ALLOW}, {false, 6001, SOCKET_ALLOW}, {true, 6000, SOCKET_DENY},
                {true, 6001, SOCKET_ASK},    {true, 5900, SOCKET_ASK},    {true, 80, SOCKET_ALLOW}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct endpoint e = endpoint("203.0.113.9", rows[i].port, SOCK_STREAM);
        struct socket_verdict v;
        e.own = rows[i].own;
        socket_judge_inet(&p, OP_CONNECT, &e, NULL, &v);
        cr_expect_eq(v.answer, rows[i].answer, "%zu", i);
    }
}

Test(socket_policy, what_an_address_is_worth)
{
    static const struct {
        enum op op;
        const char *address;
        uint16_t port;
        enum risk risk;
        const char *tag;
    } rows[] = {
        {OP_CONNECT, "169.254.169.254", 80, RISK_HIGH, "metadata-service"},
        {OP_CONNECT, "fd00:ec2::254", 80, RISK_HIGH, "metadata-service"},
        {OP_CONNECT, "127.0.0.1", 6010, RISK_HIGH, "display"},
        {OP_CONNECT, "::1", 6000, RISK_HIGH, "display"},
        {OP_CONNECT, "127.0.0.1", 5900, RISK_HIGH, "display"},
        {OP_CONNECT, "127.0.0.1", 3389, RISK_HIGH, "display"},
        {OP_CONNECT, "127.0.0.1", 2375, RISK_HIGH, "escape"},
        {OP_CONNECT, "127.0.0.1", 8080, RISK_NONE, ""},
        {OP_CONNECT, "127.0.0.1", 6077, RISK_HIGH, "display"},
        {OP_CONNECT, "203.0.113.9", 6000, RISK_NONE, ""},
        {OP_BIND, "127.0.0.1", 6000, RISK_NONE, ""},
        {OP_BIND, "0.0.0.0", 6000, RISK_NOTICE, "exposed"},
    };
    const struct socket_policy p = {.display_port = 6077};
    const char *tag, *gives;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct endpoint e = endpoint(rows[i].address, rows[i].port, SOCK_STREAM);
        cr_expect_eq(socket_risk_inet(&p, rows[i].op, &e, &tag, &gives), rows[i].risk, "%zu", i);
        cr_expect_str_eq(tag ? tag : "", rows[i].tag, "%zu", i);
    }
}
