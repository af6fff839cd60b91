// SPDX-License-Identifier: Apache-2.0
// record DB EVENTS: what the record takes and gives. Writes EVENTS events into DB (as a busy
// session would: requests, their decisions, connections; one decision in a thousand durable),
// verifies them, and prints the figures.
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "clock.h"
#include "queue.h"
#include "unit/writer_helpers.h"
#include "util.h"
#include "verify.h"

#define DURABLE_EVERY 1000

static struct request *
make_request(uint64_t id)
{
    static const char argv[] = "/usr/bin/python3\0-m\0pytest\0tests/unit\0--maxfail=3";
    struct request *r = request_new();
    r->id = id;
    r->op = id % 7 ? OP_READ : OP_CREATE;
    r->access = id % 7 ? ACCESS_READ : ACCESS_WRITE;
    r->call = "openat";
    r->flags = 02000000;
    r->pid = r->tid = (pid_t)(4000 + id % 50);
    r->start_time = 123456;
    r->exe = xstrdup(id % 3 ? "/usr/bin/python3.11" : "/usr/bin/node");
    r->argv = xmemdup(argv, sizeof argv);
    r->argv_len = sizeof argv;
    r->cwd = xstrdup("/home/u/shop");
    r->ancestry = xstrdup("claude/4000 > bash/4001 > python3/4002");
    r->target = xasprintf("../data/d%d/file%d.json", (int)(id % 97), (int)id);
    r->resolved = xasprintf("/home/u/data/d%d/file%d.json", (int)(id % 97), (int)id);
    r->nearest = xstrdup("rw /home/u/shop (--allow)");
    r->covered = 8;
    r->why = REASON_POLICY_BLOCKED;
    r->object =
        (struct object){.exists = true, .dev = 2049, .ino = id, .mode = 0100644, .nlink = 1};
    r->tags = xstrdup("");
    r->raised_real_ns = clock_real_ns();
    request_seal(r);
    return r;
}

static struct decision *
make_decision(const uint8_t digest[DIGEST_LEN], uint64_t id)
{
    struct decision *d = decision_new();
    d->request = id;
    memcpy(d->digest, digest, DIGEST_LEN);
    d->verdict = id % 5 ? VERDICT_ALLOW : VERDICT_DENY;
    d->by = DECIDER_USER;
    d->reason = id % 5 ? REASON_NONE : REASON_USER_DENIED;
    d->source = xstrdup("pane");
    d->real_ns = clock_real_ns();
    d->waited_ms = id % 4000;
    return d;
}

static struct network_event *
make_network(uint64_t id)
{
    struct network_event *n = network_event_new();
    n->mode = OP_CONNECT;
    n->decision = NET_ALLOW;
    n->peer = (struct endpoint){.family = AF_INET, .type = SOCK_STREAM, .port = 443};
    n->target = xasprintf("host%d.example.org:443", (int)(id % 31));
    n->host = xasprintf("host%d.example.org", (int)(id % 31));
    n->pid = 4000;
    n->exe = xstrdup("/usr/bin/curl");
    n->real_ns = clock_real_ns();
    return n;
}

static void
drain(struct queue *acks)
{
    struct msg m;
    for (; queue_pop(acks, &m); msg_done(&m)) {
        if (((struct record_ack *)m.data)->error)
            die("a decision was not recorded");
    }
}

// Ten events: four requests, their decisions, two connections.
static uint64_t
add_ten(struct writer *w, uint64_t id)
{
    for (int i = 0; i < 4; i++, id++) {
        struct request *r = make_request(id);
        struct decision *d = make_decision(r->digest, id);
        writer_add_request(w, r);
        writer_add_decision(w, d, NULL, 1, id % DURABLE_EVERY == 0);
    }
    writer_add_network(w, make_network(id));
    writer_add_network(w, make_network(id + 1));
    return id;
}

static double
write_events(const char *db, const char *key, uint64_t events)
{
    cleanup_err struct err err = {0};
    struct session_info info = {.id = (char *)"0123456789ab", .started_real_ns = clock_real_ns()};
    struct queue *acks = queue_new(65536);
    struct writer *w = NULL;
    struct writer_options o = {.path = db, .key = key, .info = &info, .acks = acks};
    if (writer_start(&o, &w, &err) < 0)
        die("%s", err.msg);
    uint64_t start = clock_mono_ns(), id = 1;
    for (uint64_t n = 0; n < events; n += 10) {
        while (writer_room(w) < 4096)
            poll(NULL, 0, 1);
        id = add_ten(w, id);
        drain(acks);
    }
    writer_stop(w, 0);
    double seconds = (double)(clock_mono_ns() - start) / (double)NS_PER_SEC;
    drain(acks);
    queue_free(acks);
    return seconds;
}

static void
count(void *ctx, const struct verify_row *row)
{
    if (row->problem)
        die("%s %llu %s", row->id, (unsigned long long)row->at, row->problem);
    *(uint64_t *)ctx += row->events;
}

static double
verify_events(const char *db, uint64_t *ret_events)
{
    cleanup_err struct err err = {0};
    uint64_t start = clock_mono_ns();
    *ret_events = 0;
    if (verify_record(db, &(struct verify_options){0}, count, ret_events, &err) < 0)
        die("%s", err.msg ? err.msg : "the record does not verify");
    return (double)(clock_mono_ns() - start) / (double)NS_PER_SEC;
}

int
main(int argc, char **argv)
{
    struct stat st;
    if (argc < 3)
        die("usage: record DB EVENTS");
    uint64_t events = strtoull(argv[2], NULL, 10), verified = 0;
    cleanup_free char *key = xasprintf("%s.key", argv[1]);
    cleanup_free char *wal = xasprintf("%s-wal", argv[1]);
    double written = write_events(argv[1], key, events);
    off_t size = stat(argv[1], &st) == 0 ? st.st_size : 0;
    if (stat(wal, &st) == 0)
        size += st.st_size;
    double checked = verify_events(argv[1], &verified);
    printf("%-44s %9.0f events/s (goal 100000)\n", "the writer takes", (double)events / written);
    printf("%-44s %9.0f events/s (goal 500000)\n", "nono verify", (double)verified / checked);
    printf("%-44s %9.0f bytes\n", "size per event", (double)size / (double)events);
    return 0;
}
