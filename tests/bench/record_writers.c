// SPDX-License-Identifier: Apache-2.0
// record_writers DB SESSIONS DECISIONS - what it costs to share a record: so many sessions at once
// make so many decisions each, every one committed before the next; beside each of them a request
// and a refusal that nobody waits for. Somebody reads all of it meanwhile, again and again. Prints
// the wait for a commit: "p50 p99 max" in ns.
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "query.h"
#include "queue.h"
#include "unit/writer_helpers.h"
#include "util.h"

static struct request *
make_request(uint64_t id)
{
    struct request *r = request_new();
    r->id = id;
    r->op = OP_READ;
    r->access = ACCESS_READ;
    r->call = "openat";
    r->pid = r->tid = 4000;
    r->resolved = xasprintf("/home/u/data/file%d.json", (int)id);
    r->raised_real_ns = clock_real_ns();
    request_seal(r);
    return r;
}

static void
decide(struct writer *w, uint64_t id, bool durable)
{
    struct request *r = make_request(id);
    struct decision *d = decision_new();
    d->request = id;
    memcpy(d->digest, r->digest, DIGEST_LEN);
    d->verdict = durable ? VERDICT_ALLOW : VERDICT_DENY;
    d->by = durable ? DECIDER_USER : DECIDER_RULE;
    d->real_ns = clock_real_ns();
    writer_add_request(w, r);
    writer_add_decision(w, d, NULL, 1, durable);
}

static void
wait_for(struct queue *acks)
{
    struct msg m;
    struct pollfd p = {.fd = queue_fd(acks), .events = POLLIN};
    for (bool got = false; !got;) {
        poll(&p, 1, -1);
        for (; queue_pop(acks, &m); msg_done(&m)) {
            const struct record_ack *ack = m.data;
            if (ack->error)
                die("a decision was not recorded: %s", strerror(-ack->error));
            got |= ack->request != 0;
        }
    }
}

static void
run_session(const char *db, int number, uint64_t decisions, uint64_t *ret_waits)
{
    cleanup_err struct err err = {0};
    cleanup_free char *key = xasprintf("%s.key", db), *id = xasprintf("%012x", number);
    struct session_info info = {.id = id, .started_real_ns = clock_real_ns()};
    struct queue *acks = queue_new(1024);
    struct writer *w = NULL;
    struct writer_options o = {.path = db, .key = key, .info = &info, .acks = acks};
    if (writer_start(&o, &w, &err) < 0)
        die("%s", err.msg);
    for (uint64_t n = 0; n < decisions; n++) {
        decide(w, 2 * n + 1, false);
        uint64_t before = clock_mono_ns();
        decide(w, 2 * n + 2, true);
        wait_for(acks);
        ret_waits[n] = clock_mono_ns() - before;
        // Nobody decides all the time.
        poll(NULL, 0, 5);
    }
    writer_stop(w, 0);
    queue_free(acks);
    _exit(0);
}

static int
see(void *ctx, const struct event_row *row)
{
    ++*(uint64_t *)ctx;
    return 0;
}

static void
read_for_ever(const char *db)
{
    for (;;) {
        struct reader *r = NULL;
        struct event_filter f = {0};
        uint64_t n = 0;
        if (reader_open(db, &r, NULL) == 0)
            reader_events(r, &f, see, &n, NULL);
        reader_close(r);
    }
}

static int
compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

int
main(int argc, char **argv)
{
    if (argc != 4)
        die("usage: record_writers DB SESSIONS DECISIONS");
    size_t sessions = strtoul(argv[2], NULL, 10), each = strtoul(argv[3], NULL, 10);
    size_t n = sessions * each;
    uint64_t *waits =
        mmap(NULL, n * sizeof *waits, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (waits == MAP_FAILED)
        die("mmap");
    for (size_t i = 0; i < sessions; i++)
        if (fork() == 0)
            run_session(argv[1], (int)i + 1, each, waits + i * each);
    pid_t reader = fork();
    if (reader == 0)
        read_for_ever(argv[1]);
    for (size_t i = 0; i < sessions; i++) {
        int status = 0;
        if (wait(&status) < 0 || status)
            die("a session failed");
    }
    kill(reader, SIGKILL);
    qsort(waits, n, sizeof *waits, compare);
    printf("%llu %llu %llu\n", (unsigned long long)waits[n / 2],
           (unsigned long long)waits[n * 99 / 100], (unsigned long long)waits[n - 1]);
    return 0;
}
