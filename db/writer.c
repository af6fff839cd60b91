// SPDX-License-Identifier: Apache-2.0
#include "writer.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sodium.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#include "batch.h"
#include "bounds.h"
#include "clock.h"
#include "db.h"
#include "journal.h"
#include "key.h"
#include "record.h"
#include "util.h"
#include "writer_internal.h"

#define COMMIT_ROWS_NS (5 * NS_PER_MS)    /* after the first row that is not durable */
#define COMMIT_COUNTS_NS (80 * NS_PER_MS) /* after the first count */
#define RETRY_MIN_NS (100 * NS_PER_MS)
#define RETRY_MAX_NS NS_PER_SEC
#define BATCH_MAX 1024             /* rows of one transaction while the disk works */
#define CHECKPOINT_PAGES 1000      /* of the log, while the session runs */
#define CLOSE_CHECKPOINT_PAGES 256 /* the next start reads this much again to recover the index */
#define BRIEF_NS NS_PER_SEC        /* who waits less for a command would feel a checkpoint */
#define STOP_TRIES 5
#define SIGN_NS (10 * NS_PER_SEC) /* what is not a decision is signed within this */

enum { QUEUE_ROW = 1, QUEUE_STOP };

struct writer {
    struct queue *queue;       /* constant; any thread pushes, the db thread pops */
    struct queue *acks;        /* constant; not owned */
    char *path, *key_file;     /* constant */
    struct session_info *info; /* constant */
    bool besteffort;           /* constant */
    pthread_t thread;
    atomic_int error; /* -errno of the last commit that failed, 0 since one succeeded */
    sem_t opened; /* posted once by the db thread; it does not touch the next three after that */
    int open_error;
    struct err open_err;
    remembered_fn remembered; /* NULL once the db thread has opened, or failed to */
    void *remembered_ctx;     /* constant */

    // Of the db thread from its start to its end.
    sqlite3 *h; /* NULL: it could not be opened yet (besteffort) */
    struct recorder rec;
    struct key key;
    uint64_t signed_seq; /* the event up to which the head is signed */
    uint64_t signed_ns;  /* when it was, monotonic */
    uint64_t began_ns;   /* when the record was opened, monotonic */
    struct stat log;     /* the -wal then */
    struct batch batch;
    int wal_pages;
    bool full; /* synchronous=FULL is in force, else NORMAL */
    bool stopping;
    int wait_status;
    uint64_t failed_ns; /* since when commits fail, 0 while they don't */
    uint64_t retry_ns;  /* when to try again */
    uint64_t backoff_ns;
};

// --- the db thread ----------------------------------------------------------------------------

static int
on_commit(void *ctx, sqlite3 *h, const char *name, int pages)
{
    struct writer *w = ctx;
    w->wal_pages = pages;
    return SQLITE_OK;
}

// A commit with FULL also makes durable everything that was committed with NORMAL before it: both
// go through one log file. What is lost with the power is at most the rows behind the last
// decision.
static int
set_durable(struct writer *w, bool full)
{
    if (w->full == full)
        return 0;
    int r = db_exec(w->h, full ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
    if (r == 0)
        w->full = full;
    return r;
}

static int
write_row(struct writer *w, struct row *row)
{
    int rc = SQLITE_OK;
    switch (row->type) {
    case ROW_REQUEST:
        rc = recorder_add_request(&w->rec, row->request);
        break;
    case ROW_DECISION:
        rc = recorder_add_decision(&w->rec, row->decision, row->grant, row->count);
        break;
    case ROW_FAULT:
        rc = recorder_add_fault(&w->rec, row->real_ns, row->text);
        break;
    case ROW_NETWORK:
        rc = recorder_add_network(&w->rec, row->network);
        break;
    case ROW_REVOCATION:
        rc = recorder_add_revocation(&w->rec, row->real_ns, &row->revocation);
        break;
    case ROW_TERMINAL:
        rc = recorder_add_terminal(&w->rec, row->terminal);
        break;
    case ROW_COUNT:
        break;
    }
    if ((rc & 0xff) != SQLITE_CONSTRAINT && rc != SQLITE_TOOBIG)
        return rc;
    // One row that cannot be stored must not hold up the others for ever.
    row->error = -EINVAL;
    cleanup_free char *text = xasprintf("a row about request %llu could not be stored: %s",
                                        (unsigned long long)row_request(row), sqlite3_errstr(rc));
    return recorder_add_fault(&w->rec, row->real_ns, text);
}

static int
write_counts(struct writer *w)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; rc == SQLITE_OK && i < w->batch.counts_n; i++)
        rc = recorder_add_count(&w->rec, &w->batch.counts[i]);
    return rc;
}

// What the record should say about a time in which it could not be written.
static int
write_outage(struct writer *w)
{
    if (!w->failed_ns)
        return SQLITE_OK;
    double seconds = (double)(clock_mono_ns() - w->failed_ns) / (double)NS_PER_SEC;
    cleanup_free char *text =
        xasprintf("the database could not be written for %.1f s (%s); %llu rows were lost", seconds,
                  strerror(-atomic_load(&w->error)), (unsigned long long)w->batch.lost);
    return recorder_add_fault(&w->rec, clock_real_ns(), text);
}

// When the head is to be signed if nothing else happens; UINT64_MAX: it is.
static uint64_t
sign_due(const struct writer *w)
{
    return w->rec.tip.seq > w->signed_seq ? w->signed_ns + SIGN_NS : UINT64_MAX;
}

static bool
is_sign_due(const struct writer *w)
{
    return sign_due(w) <= clock_mono_ns();
}

static int
write_batch(struct writer *w, bool sign)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; rc == SQLITE_OK && i < w->batch.rows_n; i++)
        rc = write_row(w, w->batch.rows[i]);
    if (rc == SQLITE_OK)
        rc = write_counts(w);
    if (rc == SQLITE_OK)
        rc = write_outage(w);
    if (rc == SQLITE_OK && w->stopping)
        rc = recorder_end_session(&w->rec, w->wait_status, clock_real_ns());
    if (rc == SQLITE_OK && sign)
        rc = head_put(w->h, &w->key, w->rec.session, w->info->id, &w->rec.tip, clock_real_ns());
    return rc;
}

struct remembering {
    struct writer *w;
    struct buf names;
};

static int
add_remembered(void *ctx, const struct remembered *r)
{
    struct remembering *m = ctx;
    remembered_put_name(&m->names, r->session, r->grant->id);
    return m->w->remembered(m->w->remembered_ctx, r);
}

static int
open_session(struct writer *w, struct err *err)
{
    int rc = sqlite3_exec(w->h, "BEGIN IMMEDIATE", NULL, NULL, NULL), stopped = 0;
    uint64_t now = clock_real_ns();
    struct remembering m = {.w = w};
    if (rc == SQLITE_OK && w->remembered)
        rc = remembered_read(w->h, w->info->uid, w->info->profile ? w->info->profile : "",
                             add_remembered, &m, &stopped);
    if (rc == SQLITE_OK && stopped == 0)
        rc = recorder_add_session(&w->rec, w->info, m.names.len ? buf_str(&m.names) : NULL);
    buf_done(&m.names);
    if (stopped)
        return err_set(err, stopped < 0 ? stopped : -ECANCELED,
                       "what is remembered in %s is not taken over", w->path);
    struct journal_row row = {.what = JOURNAL_BEGAN,
                              .id = w->info->id,
                              .n = w->rec.tip.seq,
                              .hash = w->rec.tip.hash,
                              .real_ns = now};
    if (rc == SQLITE_OK)
        rc = journal_add(w->h, &row, &w->key);
    if (rc == SQLITE_OK)
        rc = head_put(w->h, &w->key, w->rec.session, w->info->id, &w->rec.tip, now);
    w->signed_seq = w->rec.tip.seq;
    w->signed_ns = clock_mono_ns();
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(w->h, "COMMIT", NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : db_fail(w->h, rc, w->path, err);
}

// The other half of the record: what was committed and not yet checkpointed.
static int
stat_log(const struct writer *w, struct stat *ret_st)
{
    cleanup_free char *name = xasprintf("%s-wal", w->path);
    return stat(name, ret_st);
}

// A record that was moved away or deleted is one that nobody will find.
static bool
is_taken_away(struct writer *w)
{
    struct stat st;
    int moved = 0;
    sqlite3_file_control(w->h, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    return moved || stat_log(w, &st) < 0 || st.st_ino != w->log.st_ino ||
           st.st_dev != w->log.st_dev;
}

// Until it has succeeded there is no connection: nothing is left of a failure.
static int
open_record(struct writer *w, struct err *err)
{
    int r = key_open(w->key_file, &w->key, err);
    if (r == 0)
        r = db_open_write(w->path, &w->h, err);
    if (r < 0)
        return r;
    w->rec.h = w->h;
    w->rec.redact = w->info->redact;
    w->full = true;
    sqlite3_wal_hook(w->h, on_commit, w);
    set_durable(w, false);
    r = open_session(w, err);
    w->began_ns = clock_mono_ns();
    if (stat_log(w, &w->log) < 0)
        w->log.st_ino = 0; // no file's: nothing more is recorded
    if (r < 0) {
        recorder_done(&w->rec);
        w->h = w->rec.h = db_close(w->h);
    }
    return r;
}

static int
commit(struct writer *w)
{
    int opened = w->h ? 0 : open_record(w, NULL);
    if (opened < 0)
        return opened;
    struct chain_tip tip = w->rec.tip, terminal = w->rec.terminal;
    bool sign = w->batch.durable || w->stopping || is_sign_due(w);
    if (is_taken_away(w))
        return -ESTALE;
    int r = set_durable(w, w->batch.durable);
    if (r < 0)
        return r;
    int rc = sqlite3_exec(w->h, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return db_errno(w->h, rc);
    rc = write_batch(w, sign);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(w->h, "COMMIT", NULL, NULL, NULL);
    if (rc == SQLITE_OK && sign) {
        w->signed_seq = w->rec.tip.seq;
        w->signed_ns = clock_mono_ns();
    }
    if (rc == SQLITE_OK)
        return 0;
    int code = db_errno(w->h, rc);
    if (!sqlite3_get_autocommit(w->h))
        sqlite3_exec(w->h, "ROLLBACK", NULL, NULL, NULL);
    w->rec.tip = tip;
    w->rec.terminal = terminal;
    return code;
}

static void
acknowledge(struct writer *w, uint64_t request, int error, bool goes_on)
{
    struct record_ack *ack = xmalloc(sizeof *ack);
    *ack = (struct record_ack){.request = request, .error = error, .goes_on = goes_on};
    struct msg m = {.type = MSG_RECORDED, .data = ack, .free = free};
    // Without its acknowledgement the request stays unanswered: the task waits, nothing is granted.
    if (queue_push(w->acks, &m, 0) < 0)
        msg_done(&m);
}

// Whoever waits for a durable row hears that it is not recorded now.
static void
give_up_durable(struct writer *w, int error)
{
    for (size_t i = 0; i < w->batch.rows_n; i++) {
        struct row *row = w->batch.rows[i];
        row->error = 0;
        if (row->durable)
            acknowledge(w, row_request(row), w->besteffort ? 0 : error, w->besteffort);
    }
    if (w->besteffort)
        batch_keep_durable(&w->batch);
    else
        batch_drop_durable(&w->batch);
}

static void
commit_failed(struct writer *w, int error)
{
    uint64_t now = clock_mono_ns();
    if (!w->failed_ns) {
        w->failed_ns = now;
        acknowledge(w, 0, error, w->besteffort);
    }
    atomic_store(&w->error, error);
    w->backoff_ns = w->backoff_ns ? w->backoff_ns * 2 : RETRY_MIN_NS;
    if (w->backoff_ns > RETRY_MAX_NS)
        w->backoff_ns = RETRY_MAX_NS;
    w->retry_ns = now + w->backoff_ns;
    give_up_durable(w, error);
}

static int
commit_batch(struct writer *w)
{
    int error = commit(w);
    if (error < 0) {
        commit_failed(w, error);
        return error;
    }
    for (size_t i = 0; i < w->batch.rows_n; i++) {
        const struct row *row = w->batch.rows[i];
        if (row->durable)
            acknowledge(w, row_request(row), row->error, false);
    }
    batch_reset(&w->batch);
    if (w->failed_ns)
        acknowledge(w, 0, 0, false);
    w->failed_ns = w->backoff_ns = 0;
    atomic_store(&w->error, 0);
    // After the acknowledgements: nobody waits for a checkpoint.
    if (w->wal_pages >= CHECKPOINT_PAGES)
        sqlite3_wal_checkpoint_v2(w->h, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    return 0;
}

static void
take_message(struct writer *w, struct msg *m)
{
    if (m->type == QUEUE_STOP) {
        w->stopping = true;
        w->wait_status = *(int *)m->data;
        msg_done(m);
        return;
    }
    batch_add(&w->batch, m->data);
    *m = (struct msg){0};
}

// When the batch is to be committed; UINT64_MAX: there is nothing to commit.
static uint64_t
commit_due(const struct writer *w)
{
    if (w->failed_ns && !w->batch.durable)
        return w->retry_ns;
    if (batch_is_empty(&w->batch))
        return sign_due(w);
    if (w->batch.durable)
        return 0;
    if (w->batch.rows_n)
        return w->batch.rows_n >= BATCH_MAX ? 0 : w->batch.row_mono_ns + COMMIT_ROWS_NS;
    return w->batch.count_mono_ns + COMMIT_COUNTS_NS;
}

static void
wait_until(struct writer *w, uint64_t due)
{
    struct pollfd pfd = {.fd = queue_fd(w->queue), .events = POLLIN};
    struct timespec ts, *timeout = NULL;
    if (due != UINT64_MAX) {
        uint64_t now = clock_mono_ns();
        ts = clock_timespec(due > now ? due - now : 0);
        timeout = &ts;
    }
    ppoll(&pfd, 1, timeout, NULL);
}

// True when the session may go on.
static bool
open_first(struct writer *w)
{
    int r = sodium_init() < 0 ? err_set(&w->open_err, -EIO, "libsodium does not start")
                              : open_record(w, &w->open_err);
    // A record that is opened later comes too late for what was remembered: all of it or nothing.
    w->remembered = NULL;
    if (r < 0 && w->besteffort) {
        commit_failed(w, r);
        r = 0;
    }
    w->open_error = r;
    sem_post(&w->opened);
    return r == 0;
}

static void *
writer_main(void *arg)
{
    struct writer *w = arg;
    struct msg m;
    pthread_setname_np(pthread_self(), RECORD_THREAD);
    if (!open_first(w))
        return NULL;
    while (!w->stopping) {
        // While commits fail the queue is drained all the same: decisions must hear of it.
        for (int i = 0; i < BATCH_MAX && !w->stopping && queue_pop(w->queue, &m); i++)
            take_message(w, &m);
        if (w->stopping)
            break;
        // A decision is worth a try of its own where it hangs on that, not where it goes on anyway.
        if (w->batch.durable && w->besteffort && w->failed_ns)
            give_up_durable(w, atomic_load(&w->error));
        uint64_t due = commit_due(w);
        if (due <= clock_mono_ns())
            commit_batch(w);
        else
            wait_until(w, due);
    }
    for (int i = 0; commit_batch(w) < 0 && i < STOP_TRIES; i++)
        poll(NULL, 0, 100);
    return NULL;
}

// --- any thread -------------------------------------------------------------------------------

static struct writer *
writer_free(struct writer *w)
{
    recorder_done(&w->rec);
    sodium_memzero(&w->key, sizeof w->key);
    session_info_free(w->info);
    free(w->path);
    free(w->key_file);
    batch_done(&w->batch);
    db_close(w->h);
    queue_free(w->queue);
    err_done(&w->open_err);
    sem_destroy(&w->opened);
    free(w);
    return NULL;
}

static int
start_thread(struct writer *w)
{
    sigset_t all, old;
    // Signals belong to the main thread.
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    int r = pthread_create(&w->thread, NULL, writer_main, w);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return -r;
}

int
writer_begin(const struct writer_options *o, struct writer **ret_w, struct err *err)
{
    struct writer *w = xcalloc(1, sizeof *w);
    w->path = xstrdup(o->path);
    w->key_file = xstrdup(o->key);
    w->info = session_info_dup(o->info);
    w->besteffort = o->besteffort;
    w->acks = o->acks;
    w->remembered = o->remembered;
    w->remembered_ctx = o->remembered_ctx;
    w->queue = queue_new(NONO_QUEUE_DB + 1);
    sem_init(&w->opened, 0, 0);
    int r = start_thread(w);
    if (r < 0) {
        writer_free(w);
        return err_set(err, r, "can't start the thread of the record: %s", strerror(-r));
    }
    *ret_w = w;
    return 0;
}

int
writer_opened(struct writer **w, struct err *err)
{
    while (sem_wait(&(*w)->opened) < 0)
        ;
    int r = (*w)->open_error;
    if (err)
        *err = (*w)->open_err;
    else
        err_done(&(*w)->open_err);
    (*w)->open_err = (struct err){0};
    if (r < 0) {
        pthread_join((*w)->thread, NULL);
        *w = writer_free(*w);
    }
    return r;
}

static void
look_for_lost(struct writer *w, struct writer_lost *ret_lost)
{
    const struct batch *b = &w->batch;
    ret_lost->error = atomic_load(&w->error);
    if (!ret_lost->error)
        return;
    ret_lost->events = b->rows_n + b->lost + 1;
    ret_lost->decisions = b->lost_decisions;
    for (size_t i = 0; i < b->rows_n; i++)
        ret_lost->decisions += b->rows[i]->type == ROW_DECISION;
}

struct writer *
writer_end(struct writer *w, int wait_status, struct writer_lost *ret_lost)
{
    *ret_lost = (struct writer_lost){0};
    if (!w)
        return NULL;
    struct msg m = {
        .type = QUEUE_STOP, .data = xmemdup(&wait_status, sizeof wait_status), .free = free};
    queue_push(w->queue, &m, 0);
    pthread_join(w->thread, NULL);
    look_for_lost(w, ret_lost);
    // The file alone is the whole record then. With other sessions at work it is not this one's
    // turn: no waiting for them.
    if (w->h &&
        (w->wal_pages >= CLOSE_CHECKPOINT_PAGES || clock_mono_ns() - w->began_ns >= BRIEF_NS)) {
        sqlite3_busy_timeout(w->h, 0);
        sqlite3_wal_checkpoint_v2(w->h, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    }
    return writer_free(w);
}

size_t
writer_room(struct writer *w)
{
    size_t room = queue_room(w->queue);
    return room ? room - 1 : 0;
}

int
writer_error(struct writer *w)
{
    return atomic_load(&w->error);
}

// One slot is kept for the message that stops the thread.
int
writer_push(struct writer *w, struct row *row)
{
    struct msg m = {.type = QUEUE_ROW, .data = row, .free = row_free_msg};
    int r = queue_push(w->queue, &m, 1);
    if (r < 0)
        msg_done(&m);
    return r;
}
