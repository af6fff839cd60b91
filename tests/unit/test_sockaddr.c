// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "dns.h"
#include "sockaddr.h"
#include "util.h"

static struct sockaddr_parsed
parse(const void *data, size_t len, int domain, int type, enum op op)
{
    struct sockaddr_parsed p;
    // Exactly as long as it claims: the sanitizer sees a byte too many.
    cleanup_free void *copy = xmemdup(data, len ? len : 1);
    sockaddr_parse(copy, len, domain, type, op, &p);
    return p;
}

static struct sockaddr_in6
in6(const char *address, uint16_t port)
{
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    cr_assert_eq(inet_pton(AF_INET6, address, &a.sin6_addr), 1);
    return a;
}

static struct sockaddr_in
in4(const char *address, uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    cr_assert_eq(inet_pton(AF_INET, address, &a.sin_addr), 1);
    return a;
}

struct inet_row {
    const char *address;
    const char *text;
    int family;
    bool loopback;
};

Test(sockaddr, inet)
{
    static const struct inet_row rows[] = {
        {"::1", "[::1]:80", AF_INET6, true},
        {"::", "[::1]:80", AF_INET6, true},
        {"2001:db8::1", "[2001:db8::1]:80", AF_INET6, false},
        {"::ffff:127.0.0.1", "127.0.0.1:80", AF_INET, true},
        {"::ffff:127.8.8.8", "127.8.8.8:80", AF_INET, true},
        {"::ffff:0.0.0.0", "127.0.0.1:80", AF_INET, true},
        {"::ffff:192.0.2.1", "192.0.2.1:80", AF_INET, false},
        {"::127.0.0.1", "[::127.0.0.1]:80", AF_INET6, false},
        {"64:ff9b::7f00:1", "[64:ff9b::7f00:1]:80", AF_INET6, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct sockaddr_in6 a = in6(rows[i].address, 80);
        struct sockaddr_parsed p = parse(&a, sizeof a, AF_INET6, SOCK_STREAM, OP_CONNECT);
        cleanup_free char *text = sockaddr_text(&p.peer, NULL);
        cr_expect_eq(p.kind, SOCKADDR_INET);
        cr_expect_eq(p.peer.family, rows[i].family, "%s", rows[i].address);
        cr_expect_eq(p.peer.loopback, rows[i].loopback, "%s", rows[i].address);
        cr_expect_str_eq(text, rows[i].text);
    }
}

Test(sockaddr, every_length_of_every_family)
{
    struct sockaddr_storage s;
    static const int domains[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
    static const enum op ops[] = {OP_CONNECT, OP_BIND, OP_SEND};
    memset(&s, 0x41, sizeof s);
    for (int family = 0; family < 48; family++) {
        s.ss_family = (sa_family_t)family;
        for (size_t len = 0; len <= sizeof s; len++)
            for (size_t d = 0; d < ARRAY_SIZE(domains); d++)
                for (size_t o = 0; o < ARRAY_SIZE(ops); o++) {
                    struct sockaddr_parsed p = parse(&s, len, domains[d], SOCK_DGRAM, ops[o]);
                    // What the kernel would take for an address is never overlooked.
                    if (domains[d] == AF_INET && family == AF_INET && len >= 16)
                        cr_assert_eq(p.kind, SOCKADDR_INET);
                    if (domains[d] == AF_INET && family == 0 && len >= 16 && ops[o] != OP_CONNECT)
                        cr_assert_eq(p.kind, SOCKADDR_INET);
                    if (domains[d] == AF_INET6 && family == AF_INET6 && len >= 24)
                        cr_assert_eq(p.kind, SOCKADDR_INET);
                    if (domains[d] == AF_INET6 && family == AF_INET && len >= 16)
                        cr_assert_eq(p.kind, SOCKADDR_INET);
                    if (domains[d] == AF_UNIX && family == AF_UNIX && len > 2 && len <= 110)
                        cr_assert(p.kind == SOCKADDR_UNIX && p.path_len == len - 2);
                    if (domains[d] == AF_UNIX && len > 110)
                        cr_assert_eq(p.kind, SOCKADDR_HARMLESS);
                }
    }
}

Test(sockaddr, connecting_to_nothing_dissolves)
{
    struct sockaddr_in a = in4("192.0.2.1", 80);
    a.sin_family = AF_UNSPEC;
    cr_expect_eq(parse(&a, sizeof a, AF_INET, SOCK_DGRAM, OP_CONNECT).kind, SOCKADDR_HARMLESS);
    // A datagram is sent there for all that.
    cr_expect_eq(parse(&a, sizeof a, AF_INET, SOCK_DGRAM, OP_SEND).kind, SOCKADDR_INET);
}

Test(sockaddr, unix_names)
{
    struct sockaddr_un u = {.sun_family = AF_UNIX, .sun_path = "/run/x"};
    struct sockaddr_parsed p = parse(&u, sizeof u, AF_UNIX, SOCK_STREAM, OP_CONNECT);
    cr_expect(p.name == UNIX_PATH && strcmp(p.path, "/run/x") == 0 && !p.peer.abstract);
    p = parse(&u, 2 + 3, AF_UNIX, SOCK_STREAM, OP_CONNECT);
    cr_expect_str_eq(p.path, "/ru");
    p = parse(&u, 2, AF_UNIX, SOCK_STREAM, OP_BIND);
    cr_expect(p.kind == SOCKADDR_UNIX && p.name == UNIX_UNNAMED);
    p = parse(&u, 2, AF_UNIX, SOCK_STREAM, OP_CONNECT);
    cr_expect_eq(p.kind, SOCKADDR_HARMLESS);
    memcpy(u.sun_path, "\0a\0b", 4);
    p = parse(&u, 2 + 4, AF_UNIX, SOCK_STREAM, OP_CONNECT);
    cr_expect(p.name == UNIX_ABSTRACT && p.path_len == 3 && memcmp(p.path, "a\0b", 3) == 0);
    memset(u.sun_path, 'x', sizeof u.sun_path);
    p = parse(&u, sizeof u, AF_UNIX, SOCK_STREAM, OP_CONNECT);
    cr_expect(p.name == UNIX_PATH && p.path_len == 108 && strlen(p.path) == 108);
}

// --- queries -----------------------------------------------------------------------------------

static const uint8_t query[] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
                               "\x03www\x07"
                               "EXAMPLE"
                               "\x03org\x00\x00\x01\x00\x01";

Test(dns, a_query)
{
    char name[DNS_NAME_MAX];
    cr_assert_eq(dns_parse_query(query, sizeof query - 1, name), 0);
    cr_expect_str_eq(name, "www.example.org");
}

// A query of one name, for addresses.
static size_t
make_query(const char *name, uint8_t out[512])
{
    static const uint8_t head[12] = {0x12, 0x34, 1, 0, 0, 1}, tail[] = {0, 0, 1, 0, 1};
    size_t at = sizeof head;
    memcpy(out, head, sizeof head);
    for (size_t n; *name; name += n + (name[n] == '.')) {
        n = strcspn(name, ".");
        out[at++] = (uint8_t)n;
        memcpy(out + at, name, n);
        at += n;
    }
    memcpy(out + at, tail, sizeof tail);
    return at + sizeof tail;
}

// Programs take it for an address, which need not be the one that it is shown beside.
Test(dns, what_looks_like_an_address_is_no_name)
{
    static const char *const bad[] = {"010.0.0.1",  "0127.0.0.1",  "8.8",        "0xc0000201",
                                      "3221225985", "127.0.0.1",   "0x7f.1",     "1.2.0x3.4",
                                      "-x.example", "a b.example", "a/b.example"};
    uint8_t q[512];
    char name[DNS_NAME_MAX];
    size_t n = make_query("0x7f.example", q);
    cr_expect_eq(dns_parse_query(q, n, name), 0);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        n = make_query(bad[i], q);
        cr_expect_eq(dns_parse_query(q, n, name), -EBADMSG, "%s", bad[i]);
    }
}

Test(dns, no_query_is_taken_for_one)
{
    char name[DNS_NAME_MAX] = "untouched";
    for (size_t len = 0; len < sizeof query - 1; len++) {
        cleanup_free uint8_t *copy = xmemdup(query, len ? len : 1);
        cr_expect_eq(dns_parse_query(copy, len, name), -EBADMSG, "%zu", len);
    }
    // Each byte changed in each bit: either refused or a clean name.
    for (size_t at = 0; at < sizeof query - 1; at++)
        for (int bit = 0; bit < 8; bit++) {
            uint8_t copy[sizeof query - 1];
            memcpy(copy, query, sizeof copy);
            copy[at] ^= (uint8_t)(1 << bit);
            if (dns_parse_query(copy, sizeof copy, name) == 0)
                cr_expect_eq(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_."), strlen(name));
        }
    uint8_t answer[sizeof query - 1];
    memcpy(answer, query, sizeof answer);
    answer[2] |= 0x80;
    cr_expect_eq(dns_parse_query(answer, sizeof answer, name), -EBADMSG);
}

Test(dns, names_and_addresses)
{
    struct dns_names *t = dns_names_new();
    struct endpoint e = {.family = AF_INET, .addr = {192, 0, 2, 7}};
    struct dns_address a = {.family = AF_INET, .addr = {192, 0, 2, 7}};
    cr_expect_null(dns_names_of(t, &e));
    dns_names_add(t, "one.example", &a, 1, 10);
    dns_names_add(t, "two.example", &a, 1, 20);
    cr_expect_str_eq(dns_names_of(t, &e), "two.example");
    cr_expect(dns_names_lead_to(t, "one.example", &e));
    cr_expect_not(dns_names_lead_to(t, "three.example", &e));
    // It does not resolve for the moment.
    dns_names_add(t, "two.example", NULL, -ENOENT, 30);
    cr_expect(dns_names_lead_to(t, "two.example", &e));
    cr_expect_eq(dns_names_age(t, "two.example"), 30);
    a.addr[3] = 8;
    dns_names_add(t, "two.example", &a, 1, 40);
    cr_expect_not(dns_names_lead_to(t, "two.example", &e));
    cr_expect_str_eq(dns_names_of(t, &e), "one.example");
    // Where it led before is still shown with it, if nothing else leads there.
    dns_names_add(t, "one.example", &a, 1, 30);
    cr_expect_str_eq(dns_names_of(t, &e), "two.example");
    cr_expect_not(dns_names_lead_to(t, "two.example", &e));
    dns_names_free(t);
}

Test(dns, the_table_is_bounded)
{
    struct dns_names *t = dns_names_new();
    struct dns_address a = {.family = AF_INET, .addr = {192, 0, 2, 7}};
    struct endpoint e = {.family = AF_INET, .addr = {192, 0, 2, 7}};
    for (unsigned i = 0; i < 5000; i++) {
        cleanup_free char *name = xasprintf("n%u.example", i);
        dns_names_add(t, name, &a, i < 4999, i + 1);
    }
    cr_expect_str_eq(dns_names_of(t, &e), "n4998.example");
    cr_expect_eq(dns_names_age(t, "n0.example"), 0, "the oldest made room");
    cr_expect_not(dns_names_lead_to(t, "n4999.example", &e), "nothing of its row's former name");
    dns_names_free(t);
}

Test(dns, hosts)
{
    struct dns_names *t = dns_names_new();
    struct endpoint e = {.family = AF_INET, .addr = {127, 0, 0, 1}};
    cr_expect_str_eq(dns_names_of(t, &e), "localhost");
    cr_expect(dns_names_lead_to(t, "localhost", &e));
    dns_names_free(t);
}
