// SPDX-License-Identifier: Apache-2.0
// Several threads write to one record at the same time while others read it: for ThreadSanitizer,
// under which Criterion cannot run.
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "clock.h"
#include "query.h"
#include "queue.h"
#include "unit/writer_helpers.h"
#include "util.h"

enum { WRITERS = 2, THREADS = 3, ROWS = 400 };

static char db[96], key_file[96];
static atomic_bool done;
static atomic_int failures;

struct session {
    struct writer *w;
    struct queue *acks;
    atomic_uint_fast64_t next;
    atomic_int durable;
};

static void
fail(const char *what)
{
    fprintf(stderr, "race_writer: %s\n", what);
    atomic_fetch_add(&failures, 1);
}

static void *
produce(void *arg)
{
    struct session *s = arg;
    for (int i = 0; i < ROWS; i++) {
        struct request *r = request_new();
        struct decision *d = decision_new();
        uint64_t id = r->id = d->request = atomic_fetch_add(&s->next, 1) + 1;
        bool durable = i % 5 == 0;
        r->call = "openat";
        r->resolved = xstrdup("/tmp/x");
        while (writer_room(s->w) < 16)
            poll(NULL, 0, 1);
        if (writer_add_request(s->w, r) < 0 || writer_add_decision(s->w, d, NULL, 1, durable) < 0 ||
            writer_add_count(s->w, "floor", 0, OP_READ, id) < 0)
            fail("a row found no room");
        if (durable)
            atomic_fetch_add(&s->durable, 1);
        if (writer_error(s->w) < 0)
            fail("commits fail");
    }
    return NULL;
}

static int
count_event(void *ctx, const struct event_row *row)
{
    ++*(int *)ctx;
    return 0;
}

static int
count_events(void)
{
    struct reader *r = NULL;
    cleanup_err struct err err = {0};
    int n = 0, ret = reader_open(db, &r, &err);
    if (ret == 0)
        ret = reader_events(r, &(struct event_filter){0}, count_event, &n, &err);
    reader_close(r);
    if (ret < 0)
        fail(err.msg);
    return n;
}

static void *
consume(void *arg)
{
    while (!atomic_load(&done))
        count_events();
    return NULL;
}

static void
start(struct session *s, int n)
{
    char id[16];
    cleanup_err struct err err = {0};
    snprintf(id, sizeof id, "00000000000%d", n);
    struct session_info info = {.id = id, .started_real_ns = clock_real_ns()};
    s->acks = queue_new(THREADS * ROWS);
    struct writer_options o = {.path = db, .key = key_file, .info = &info, .acks = s->acks};
    if (writer_start(&o, &s->w, &err) < 0)
        die("%s", err.msg);
}

static void
stop(struct session *s)
{
    struct msg m;
    s->w = writer_stop(s->w, 0);
    for (; queue_pop(s->acks, &m); msg_done(&m)) {
        if (((struct record_ack *)m.data)->error)
            fail("a decision was not recorded");
        atomic_fetch_sub(&s->durable, 1);
    }
    if (atomic_load(&s->durable))
        fail("an acknowledgement is missing");
    s->acks = queue_free(s->acks);
}

int
main(void)
{
    char dir[] = "/tmp/nono-race-XXXXXX";
    static struct session sessions[WRITERS];
    pthread_t producers[WRITERS][THREADS], consumer;
    if (!mkdtemp(dir))
        die("mkdtemp failed");
    snprintf(db, sizeof db, "%s/audit.db", dir);
    snprintf(key_file, sizeof key_file, "%s/audit.key", dir);
    for (int i = 0; i < WRITERS; i++)
        start(&sessions[i], i);
    pthread_create(&consumer, NULL, consume, NULL);
    for (int i = 0; i < WRITERS; i++)
        for (int j = 0; j < THREADS; j++)
            pthread_create(&producers[i][j], NULL, produce, &sessions[i]);
    for (int i = 0; i < WRITERS; i++)
        for (int j = 0; j < THREADS; j++)
            pthread_join(producers[i][j], NULL);
    for (int i = 0; i < WRITERS; i++)
        stop(&sessions[i]);
    atomic_store(&done, true);
    pthread_join(consumer, NULL);
    if (count_events() != WRITERS * (2 + THREADS * ROWS * 2))
        fail("events are missing");
    cleanup_free char *command = xasprintf("rm -rf %s", dir);
    if (system(command) != 0)
        fail("the directory could not be removed");
    return atomic_load(&failures) ? 1 : 0;
}
