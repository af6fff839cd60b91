// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base64.h"
#include "bounds.h"
#include "unit/wire_helpers.h"
#include "util.h"
#include "wire.h"

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

// Sets what only some operations have; every field of it differs from its default.
static void
add_ends(struct request *r)
{
    char **strings[] = {&r->target2, &r->resolved2, &r->detail, &r->interpreter, &r->host};
    for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
        free(*strings[i]);
        *strings[i] = xasprintf("%zu \x1b[2J\xff\xe2\x80\xae", i);
    }
    r->object2 = (struct object){.exists = true, .dev = 6, .ino = UINT64_MAX, .mode = 0100600};
    memset(r->sha256, 0xa5, SHA256_LEN);
    r->has_sha256 = true;
    r->peer = (struct endpoint){.family = AF_INET6,
                                .type = SOCK_STREAM,
                                .port = 443,
                                .addr = {0x20, 1, 0xd, 0xb8, [15] = 1},
                                .scope_id = 3,
                                .abstract = true,
                                .loopback = true};
    request_seal(r);
}

Test(wire, both_ends_programs_and_peers_survive)
{
    cleanup_buf struct buf b = {0};
    cleanup_wire_msg struct wire_msg m = {0};
    struct request *r = new_request(9);
    add_ends(r);
    wire_put_request(&b, r);
    for (size_t i = 0; i + 1 < b.len; i++)
        cr_assert((unsigned char)b.data[i] >= 0x20, "a control byte went raw");
    cr_assert_eq(wire_parse(b.data, b.len - 1, &m), 0);
    const struct request *q = m.request;
    expect_bytes(q->target2, r->target2);
    expect_bytes(q->resolved2, r->resolved2);
    expect_bytes(q->detail, r->detail);
    expect_bytes(q->interpreter, r->interpreter);
    expect_bytes(q->host, r->host);
    cr_expect_eq(q->object2.ino, UINT64_MAX);
    cr_expect_eq(q->object2.mode, 0100600);
    cr_expect(q->has_sha256);
    cr_expect_eq(memcmp(q->sha256, r->sha256, SHA256_LEN), 0);
    cr_expect_eq(memcmp(q->peer.addr, r->peer.addr, sizeof q->peer.addr), 0);
    cr_expect_eq(q->peer.family, AF_INET6);
    cr_expect_eq(q->peer.type, SOCK_STREAM);
    cr_expect_eq(q->peer.port, 443);
    cr_expect_eq(q->peer.scope_id, 3);
    cr_expect(q->peer.abstract && q->peer.loopback);
    request_seal(m.request);
    cr_expect_eq(memcmp(q->digest, r->digest, DIGEST_LEN), 0, "a fact that is shown was lost");
    request_free(r);
}

Test(wire, families_and_socket_types)
{
    static const int families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    for (size_t i = 0; i < ARRAY_SIZE(families) * ARRAY_SIZE(types); i++) {
        cleanup_buf struct buf b = {0};
        cleanup_wire_msg struct wire_msg m = {0};
        struct request *r = new_request(1);
        r->peer = (struct endpoint){.family = families[i % 4], .type = types[i / 4]};
        if (r->peer.family == AF_INET)
            memcpy(r->peer.addr, (uint8_t[]){127, 0, 0, 1}, 4);
        wire_put_request(&b, r);
        cr_assert_eq(wire_parse(b.data, b.len - 1, &m), 0, "row %zu", i);
        cr_expect_eq(m.request->peer.family, r->peer.family, "row %zu", i);
        cr_expect_eq(m.request->peer.type, r->peer.type, "row %zu", i);
        cr_expect_eq(memcmp(m.request->peer.addr, r->peer.addr, 16), 0, "row %zu", i);
        request_free(r);
    }
}

// A request without the keys that were added later is one still.
Test(wire, what_most_requests_lack_may_be_missing)
{
    cleanup_buf struct buf b = {0};
    cleanup_wire_msg struct wire_msg m = {0};
    struct request *r = new_request(1);
    wire_put_request(&b, r);
    static const char *const keys[] = {"target2", "object2", "detail", "interpreter",
                                       "sha256",  "peer",    "host",   "exe_sha256"};
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        cr_expect(!strstr(b.data, keys[i]), "%s", keys[i]);
    cr_assert_eq(wire_parse(b.data, b.len - 1, &m), 0);
    cr_expect_str_eq(m.request->resolved2, "");
    cr_expect_str_eq(m.request->host, "");
    cr_expect(!m.request->has_sha256);
    cr_expect_eq(m.request->peer.family, 0);
    request_free(r);
}

Test(wire, a_peer_that_is_none_is_refused)
{
    static const char *const peers[] = {
        "7",
        "{}",
        "{\"family\":\"inet\",\"type\":\"stream\",\"port\":65536,\"addr\":\"127.0.0.1\","
        "\"scope_id\":0,\"abstract\":false,\"loopback\":true}",
        "{\"family\":\"inet\",\"type\":\"stream\",\"port\":1,\"addr\":\"::1\","
        "\"scope_id\":0,\"abstract\":false,\"loopback\":true}",
        "{\"family\":\"inet7\",\"type\":\"stream\",\"port\":1,"
        "\"scope_id\":0,\"abstract\":false,\"loopback\":true}",
    };
    struct request *r = new_request(1);
    cleanup_buf struct buf b = {0};
    wire_put_request(&b, r);
    request_free(r);
    for (size_t i = 0; i < ARRAY_SIZE(peers); i++) {
        cleanup_wire_msg struct wire_msg m = {0};
        // Without the closing brace and the newline.
        cleanup_free char *line = xasprintf("%.*s,\"peer\":%s}", (int)b.len - 2, b.data, peers[i]);
        cr_expect_eq(wire_parse(line, strlen(line), &m), -EBADMSG, "row %zu", i);
    }
}

Test(wire, longest_request_fits_into_a_line)
{
    cleanup_buf struct buf b = {0};
    cleanup_wire_msg struct wire_msg m = {0};
    struct request *r = new_request(1);
    add_ends(r);
    char **strings[] = {&r->exe,      &r->cwd,         &r->ancestry, &r->target,
                        &r->resolved, &r->nearest,     &r->target2,  &r->resolved2,
                        &r->detail,   &r->interpreter, &r->host};
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
                         .program = true,
                         .keys_ignored = 3};
    struct request_update u = {.id = 3,
                               .state = STATE_ASKED,
                               .count = 4,
                               .deadline_mono_ns = UINT64_MAX,
                               .verdict = _VERDICT_INVALID,
                               .by = _DECIDER_INVALID,
                               .scope = _SCOPE_INVALID};
    struct stats s = {.floor = UINT64_MAX, .limited = 3, .pending = 7, .record_error = -ENOSPC};
    wire_put_hello(&b, &info, 5, true);
    wire_put_decide(&b, &d);
    wire_put_update(&b, &u);
    wire_put_stats(&b, &s);
    wire_put_result(&b, WIRE_DECIDE, 8, -EALREADY);
    wire_put_synced(&b, 12);
    wire_put_attach(&b, "nono ui", true, true);
    wire_put_revoke(&b, UINT64_MAX);
    wire_put_freeze(&b, true);
    wire_put_frozen(&b, false);
    wire_put_stop(&b);
    wire_put_result(&b, WIRE_REVOKE, 9, -ENOKEY);
    wire_put_result(&b, WIRE_FREEZE, 0, 0);
    wire_put_result(&b, WIRE_STOP, 0, -EINVAL);
    struct wire_msg m[14] = {0};
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
    cr_expect(m[0].detached);
    cr_expect_eq(m[1].decision->request, UINT64_MAX);
    cr_expect_eq(memcmp(m[1].decision->digest, d.digest, DIGEST_LEN), 0);
    cr_expect_str_eq(m[1].decision->note, note);
    cr_expect_eq(m[1].decision->scope, SCOPE_SESSION);
    cr_expect_eq(m[1].decision->keys_ignored, 3);
    cr_expect(m[1].decision->program);
    cr_expect_eq(m[2].update.verdict, _VERDICT_INVALID);
    cr_expect_eq(m[2].update.count, 4);
    cr_expect_eq(m[2].update.deadline_mono_ns, UINT64_MAX);
    cr_expect_eq(m[3].stats.floor, UINT64_MAX);
    cr_expect_eq(m[3].stats.limited, 3);
    cr_expect_eq(m[3].stats.record_error, -ENOSPC);
    cr_expect_eq(m[4].error, -EALREADY);
    cr_expect_eq(m[5].id, 12);
    cr_expect_str_eq(m[6].role, "nono ui");
    cr_expect(m[6].watch && m[6].grants);
    cr_expect_eq(m[7].id, UINT64_MAX);
    cr_expect(m[8].type == WIRE_FREEZE && m[8].on);
    cr_expect(m[9].type == WIRE_FROZEN && !m[9].on);
    cr_expect_eq(m[10].type, WIRE_STOP);
    cr_expect(m[11].about == WIRE_REVOKE && m[11].id == 9 && m[11].error == -ENOKEY);
    cr_expect(m[12].about == WIRE_FREEZE && m[12].error == 0);
    cr_expect(m[13].about == WIRE_STOP && m[13].error == -EINVAL);
    for (size_t i = 0; i < ARRAY_SIZE(m); i++)
        wire_msg_done(&m[i]);
}

Test(wire, a_grant_survives_with_hostile_bytes)
{
    cleanup_buf struct buf b = {0}, row = {0};
    cleanup_wire_msg struct wire_msg m = {0};
    static char path[] = "/a\x1b[2J\xff", path2[] = "/b\n", exe[] = "/bin/\xe2\x80\xae",
                host[] = "h", origin[] = "ba9876543210";
    const struct grant g = {.id = UINT64_MAX,
                            .request = 3,
                            .origin = origin,
                            .origin_id = 4,
                            .state = GRANT_REVOKED,
                            .verdict = VERDICT_DENY,
                            .op = OP_RENAME,
                            .access = ACCESS_WRITE,
                            .scope = SCOPE_TIME,
                            .reach = REACH_SUBTREE,
                            .path = path,
                            .path2 = path2,
                            .host = host,
                            .peer = {.family = AF_INET, .port = 80, .addr = {192, 0, 2, 1}},
                            .exe = exe,
                            .created_real_ns = 1732400000123456789u,
                            .expires_mono_ns = 77,
                            .uses = UINT64_MAX,
                            .tasks = {7, 9},
                            .n_tasks = 2};
    wire_put_grant(&b, &g);
    for (size_t i = 0; i + 1 < b.len; i++)
        cr_assert((unsigned char)b.data[i] >= 0x20, "a control byte went raw");
    cr_assert_eq(wire_parse(b.data, b.len - 1, &m), 0);
    const struct grant *q = m.grant;
    cr_expect_eq(q->id, g.id);
    cr_expect_eq(q->request, 3);
    cr_expect_str_eq(q->origin, origin);
    cr_expect_eq(q->origin_id, 4);
    cr_expect_eq(q->state, GRANT_REVOKED);
    cr_expect_eq(q->verdict, VERDICT_DENY);
    cr_expect_eq(q->op, OP_RENAME);
    cr_expect_eq(q->access, ACCESS_WRITE);
    cr_expect_eq(q->scope, SCOPE_TIME);
    cr_expect_eq(q->reach, REACH_SUBTREE);
    cr_expect_arr_eq(q->peer.addr, g.peer.addr, sizeof g.peer.addr);
    expect_bytes(q->path, path);
    expect_bytes(q->path2, path2);
    expect_bytes(q->exe, exe);
    expect_bytes(q->host, host);
    cr_expect_eq(q->created_real_ns, g.created_real_ns);
    cr_expect_eq(q->expires_mono_ns, 77);
    cr_expect_eq(q->uses, UINT64_MAX);
    cr_expect_eq(q->n_tasks, 2);
    cr_expect_eq(q->tasks[1], 9);
    wire_put_grant_row(&row, "0123456789ab", NULL, &g, 70, 1732400000000000000u);
    cr_expect(strstr(row.data, "\"expires\":\"2024-11-23T22:13:20.000000007Z\""), "%s", row.data);
    cr_expect(!memchr(row.data, '\n', row.len));
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
        "{\"type\":\"revoke\",\"grant\":-1}",
        "{\"type\":\"freeze\"}",
        "{\"type\":\"freeze\",\"on\":1}",
        "{\"type\":\"grant\",\"grant\":1}",
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
