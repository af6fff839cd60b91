// SPDX-License-Identifier: Apache-2.0
// record_fill FILE EVENTS SESSIONS [HOURS] - a record of that many events, through the writer, as
// agents make them: requests with their decisions, some grants, some connections. HOURS: so long a
// terminal of 80x24 is recorded besides, in the last session.
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cast.h"
#include "clock.h"
#include "queue.h"
#include "unit/writer_helpers.h"
#include "util.h"

#define START_NS 1760000000000000000ull
#define STEP_NS (40 * NS_PER_MS)

static uint64_t seed = 88172645463325252ull;

static unsigned
pick(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 11) % n;
}

static const char *const programs[] = {"/usr/bin/cat",    "/usr/bin/git", "/usr/bin/python3.11",
                                       "/usr/bin/node",   "/bin/bash",    "/usr/bin/make",
                                       "/usr/bin/gcc-12", "/usr/bin/rg",  "/usr/local/bin/claude"};
static const char *const places[] = {"/home/u/.config/gh",      "/home/u/.ssh",
                                     "/srv/data/shop/src",      "/var/lib/docker/tmp",
                                     "/home/u/.cache/pip/http", "/etc/letsencrypt"};
static const char *const hosts[] = {"api.example.org", "registry.example.net", "pypi.example.com"};

static void
wait_for_room(struct writer *w)
{
    while (writer_room(w) < 16)
        poll(NULL, 0, 1);
}

static struct request *
make_request(uint64_t id, uint64_t now)
{
    unsigned program = pick(ARRAY_SIZE(programs)), place = pick(ARRAY_SIZE(places));
    struct request *r = request_new();
    bool net = pick(8) == 0;
    cleanup_free char *leaf = xasprintf("module-%u/part%u.json", pick(5000), pick(20));
    r->id = id;
    r->op = net ? OP_CONNECT : (enum op)pick(OP_CONNECT);
    r->access = r->op == OP_READ ? ACCESS_READ : ACCESS_WRITE;
    r->call = net ? "connect" : "openat";
    r->pid = r->tid = 1000 + (int)pick(30000);
    r->start_time = now / NS_PER_SEC;
    r->exe = xstrdup(programs[program]);
    r->argv = xasprintf("%s%c--input%c%s", programs[program], 1, 1, leaf);
    r->argv_len = strlen(r->argv) + 1;
    for (char *p = r->argv; (p = strchr(p, 1));)
        *p = 0;
    r->cwd = xstrdup("/home/u/work/shop");
    r->ancestry = xasprintf("claude/%u > bash/%u", 900 + pick(3), 1000 + pick(200));
    const char *host = hosts[pick(ARRAY_SIZE(hosts))];
    r->target = net ? xasprintf("%s:443", host) : xstrdup(leaf);
    r->resolved = net ? xstrdup(r->target) : xasprintf("%s/%s", places[place], leaf);
    r->host = xstrdup(net ? host : "");
    if (net) {
        r->peer = (struct endpoint){.family = AF_INET, .type = SOCK_STREAM, .port = 443};
        inet_pton(AF_INET, "192.0.2.7", r->peer.addr);
    }
    r->nearest = xstrdup("rw /home/u/work/shop (default)");
    r->target2 = xstrdup("");
    r->resolved2 = xstrdup("");
    r->detail = xstrdup("");
    r->interpreter = xstrdup("");
    r->why = REASON_POLICY_BLOCKED;
    r->object = (struct object){.exists = true, .dev = 64, .ino = id, .mode = 0100644, .nlink = 1};
    r->risk = (enum risk)(pick(20) ? RISK_NONE : RISK_HIGH);
    r->tags = xstrdup(r->risk ? "credentials" : "");
    r->raised_real_ns = now;
    request_seal(r);
    return r;
}

static struct decision *
make_decision(const uint8_t *digest, uint64_t id, uint64_t now)
{
    struct decision *d = decision_new();
    unsigned kind = pick(10);
    d->request = id;
    memcpy(d->digest, digest, DIGEST_LEN);
    d->verdict = kind < 6 ? VERDICT_ALLOW : kind < 9 ? VERDICT_DENY : VERDICT_EXPIRED;
    d->by = kind == 9 ? DECIDER_TIMEOUT : pick(3) ? DECIDER_RULE : DECIDER_USER;
    d->reason = d->verdict == VERDICT_ALLOW ? REASON_NONE : REASON_USER_DENIED;
    d->waited_ms = d->by == DECIDER_USER ? 300 + pick(40000) : 0;
    d->source = xstrdup(d->by == DECIDER_USER ? "pane" : "session");
    d->error = d->verdict == VERDICT_ALLOW ? 0 : EACCES;
    d->real_ns = now + d->waited_ms * NS_PER_MS;
    return d;
}

static struct grant *
make_grant(uint64_t id, const struct request *r, const struct decision *d)
{
    struct grant *g = grant_new();
    *g = (struct grant){.id = id,
                        .request = r->id,
                        .verdict = d->verdict == VERDICT_ALLOW ? VERDICT_ALLOW : VERDICT_DENY,
                        .op = r->op,
                        .access = r->access,
                        .scope = SCOPE_SESSION,
                        .path = xstrdup(r->resolved),
                        .created_real_ns = d->real_ns};
    return g;
}

// A second of what an agent shows: a line or two of text, a status line that is drawn ten times.
static void
show_second(struct cast *c, uint64_t now, unsigned second)
{
    cleanup_buf struct buf b = {0};
    for (unsigned i = 0; i < 10; i++) {
        buf_reset(&b);
        if (i % 5 == 0)
            buf_printf(&b,
                       "\r\033[K\033[1m* part %u of it\033[0m: \033[38;5;%um%*u\033[0m files were"
                       " read, and what they say is told in a line that is wrapped, in %s\r\n",
                       second, 16 + pick(200), 8, pick(99999), places[pick(ARRAY_SIZE(places))]);
        buf_printf(&b,
                   "\r\033[K\033[35m%c\033[0m Working \033[2m(%us, %u tokens, esc stops)\033[0m",
                   "-\\|/"[i % 4], second, second * 37 + i);
        if (i == 9)
            buf_printf(&b, "\0337\033[1;1H\033[7m %-78.78s \033[0m\0338", places[pick(6)]);
        cast_output(c, now + i * 100 * NS_PER_MS, b.data, b.len);
    }
}

static void
add_terminal(struct writer *w, uint64_t start, unsigned hours)
{
    struct cast c;
    cast_init(&c, start, 24, 80);
    for (unsigned second = 0; second < hours * 3600; second++) {
        wait_for_room(w);
        show_second(&c, start + second * NS_PER_SEC, second);
        writer_add_terminal(w, cast_take(&c));
    }
    cast_done(&c);
}

static void
fill_session(const char *path, int n, uint64_t events, unsigned hours)
{
    struct queue *acks = queue_new(1024);
    cleanup_err struct err err = {0};
    char id[16], name[] = "shop", boot[] = "boot", cwd[] = "/home/u/work/shop", argv[] = "claude";
    char capabilities[] = "rw /home/u/work/shop (default)";
    struct writer *w = NULL;
    uint64_t now = hours ? clock_real_ns() - hours * 3600 * NS_PER_SEC
                         : START_NS + (uint64_t)n * 86400 * NS_PER_SEC;
    uint64_t grants = 0, made = 1;
    snprintf(id, sizeof id, "%012x", 0xabc000 + n);
    struct session_info info = {.id = id,
                                .name = name,
                                .pid = 2,
                                .boot_id = boot,
                                .cwd = cwd,
                                .argv = argv,
                                .argv_len = sizeof argv,
                                .capabilities = capabilities,
                                .started_real_ns = now};
    cleanup_free char *key = xasprintf("%s.key", path);
    struct writer_options o = {.path = path, .key = key, .info = &info, .acks = acks};
    if (writer_start(&o, &w, &err) < 0)
        die("%s", err.msg);
    for (uint64_t request = 1; made + 2 < events; request++) {
        wait_for_room(w);
        struct request *r = make_request(request, now += STEP_NS);
        struct decision *d = make_decision(r->digest, request, now);
        struct grant *g = pick(4) == 0 ? make_grant(++grants, r, d) : NULL;
        writer_add_request(w, r);
        made += 2 + (g != NULL);
        if (g)
            writer_add_count(w, "grant", grants, OP_READ, 1 + pick(50));
        writer_add_decision(w, d, g, 1, false);
    }
    add_terminal(w, info.started_real_ns, hours);
    writer_stop(w, 0);
    queue_free(acks);
}

int
main(int argc, char **argv)
{
    if (argc < 4)
        die("usage: record_fill FILE EVENTS SESSIONS [HOURS]");
    uint64_t events = strtoull(argv[2], NULL, 10);
    int sessions = atoi(argv[3]);
    unsigned hours = argc > 4 ? (unsigned)atoi(argv[4]) : 0;
    for (int i = 0; i < sessions; i++)
        fill_session(argv[1], i, events / (uint64_t)sessions, i + 1 == sessions ? hours : 0);
    return 0;
}
