// SPDX-License-Identifier: Apache-2.0
// A record in a directory of its own, rows to put into it, and SQL to look at it.
#pragma once
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "query.h"
#include "queue.h"
#include "unit/writer_helpers.h"
#include "util.h"

#define HOSTILE "/tmp/\xff\x1b[31m ev\xe2\x80\xaeil\n"

static char dir[64];
static char db[96];
static char key_file[96];
static struct queue *acks;
static bool besteffort;

static inline void
setup(void)
{
    // In memory where that is offered: thousands of small files are written.
    snprintf(dir, sizeof dir, "%s/nono-db-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    cr_assert(mkdtemp(dir) != NULL);
    snprintf(db, sizeof db, "%s/state/audit.db", dir);
    snprintf(key_file, sizeof key_file, "%s/audit.key", dir);
    acks = queue_new(1024);
}

static inline void
teardown(void)
{
    cleanup_free char *command = xasprintf("rm -rf %s", dir);
    acks = queue_free(acks);
    cr_assert(system(command) == 0);
}

static inline struct writer *
start(const char *id)
{
    char argv[] = "sh\0-c\0a\xff b";
    struct session_info s = {
        .id = (char *)id,
        .name = (char *)"shop \xff",
        .pid = getpid(),
        .start_time = 77,
        .boot_id = (char *)"boot",
        .uid = 1000,
        .cwd = (char *)HOSTILE,
        .argv = argv,
        .argv_len = sizeof argv,
        .capabilities = (char *)"rw /x (--allow)",
        .started_real_ns = 1700000000000000001,
    };
    struct writer *w = NULL;
    cleanup_err struct err err = {0};
    struct writer_options o = {
        .path = db, .key = key_file, .info = &s, .acks = acks, .besteffort = besteffort};
    int r = writer_start(&o, &w, &err);
    cr_assert(r == 0, "%s", err.msg);
    return w;
}

static inline struct request *
make_request(uint64_t id)
{
    struct request *r = request_new();
    r->id = id;
    r->op = OP_READ;
    r->access = ACCESS_READ;
    r->call = "openat";
    r->flags = UINT64_MAX;
    r->pid = 10;
    r->tid = 11;
    r->exe = xstrdup("/usr/bin/c\xfft");
    r->argv = xmemdup("cat\0\xfe\0", 6);
    r->argv_len = 6;
    r->cwd = xstrdup("/");
    r->ancestry = xstrdup("a/1 > b/2");
    r->target = xstrdup("../x");
    r->resolved = xstrdup(HOSTILE);
    r->nearest = xstrdup("");
    r->why = REASON_POLICY_BLOCKED;
    r->risk = RISK_HIGH;
    r->tags = xstrdup("ssh-key,credentials");
    r->raised_real_ns = 1700000000123456789;
    return r;
}

static inline struct decision *
make_decision(uint64_t request, enum verdict verdict)
{
    struct decision *d = decision_new();
    d->request = request;
    d->verdict = verdict;
    d->scope = SCOPE_SESSION;
    d->reach = REACH_DIR;
    d->by = DECIDER_USER;
    d->reason = verdict == VERDICT_ALLOW ? REASON_NONE : REASON_USER_DENIED;
    d->source = xstrdup("pane");
    d->note = xstrdup("why \xff not");
    d->real_ns = 1700000003000000000;
    d->waited_ms = 3200;
    d->error = verdict == VERDICT_ALLOW ? 0 : EACCES;
    return d;
}

static inline struct grant *
make_grant(uint64_t id, uint64_t request)
{
    struct grant *g = grant_new();
    g->id = id;
    g->request = request;
    g->op = OP_READ;
    g->access = ACCESS_READ;
    g->scope = SCOPE_SESSION;
    g->reach = REACH_DIR;
    g->path = xstrdup("/tmp/\xff");
    g->created_real_ns = 1700000003000000001;
    return g;
}

static int state_changes;
static struct record_ack state;

// The next acknowledgement of a request, within ten seconds.
static inline struct record_ack
next_ack(void)
{
    struct msg m;
    struct pollfd pfd = {.fd = queue_fd(acks), .events = POLLIN};
    for (;;) {
        while (!queue_pop(acks, &m))
            cr_assert(poll(&pfd, 1, 10000) == 1, "no acknowledgement came");
        cr_assert(m.type == MSG_RECORDED);
        struct record_ack a = *(struct record_ack *)m.data;
        msg_done(&m);
        if (a.request)
            return a;
        // That the record stopped to work, or works again.
        state_changes++;
        state = a;
    }
}

// The first value of a query, as text, on a connection of its own; the caller frees it.
static char *
query(const char *sql)
{
    sqlite3 *h = NULL;
    sqlite3_stmt *st = NULL;
    char *text = NULL;
    cr_assert(sqlite3_open_v2(db, &h, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK);
    sqlite3_db_config(h, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_busy_timeout(h, 5000);
    int rc = sqlite3_prepare_v2(h, sql, -1, &st, NULL);
    if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW)
        text = xstrdup((const char *)sqlite3_column_text(st, 0));
    else
        text = xasprintf("error: %s", rc == SQLITE_DONE ? "no row" : sqlite3_errmsg(h));
    sqlite3_finalize(st);
    sqlite3_close(h);
    return text;
}

static inline bool
query_gives(const char *sql, const char *expected)
{
    cleanup_free char *text = query(sql);
    bool same = text && strcmp(text, expected) == 0;
    if (!same)
        fprintf(stderr, "%s: %s, not %s\n", sql, text ? text : "(null)", expected);
    return same;
}

// Waits until the query gives what is expected, at most ten seconds.
static inline bool
query_becomes(const char *sql, const char *expected)
{
    for (int i = 0; i < 1000; i++) {
        cleanup_free char *text = query(sql);
        if (text && strcmp(text, expected) == 0)
            return true;
        poll(NULL, 0, 10);
    }
    return query_gives(sql, expected);
}

static inline struct reader *
open_reader(void)
{
    struct reader *r = NULL;
    cleanup_err struct err err = {0};
    int ret = reader_open(db, &r, &err);
    cr_assert(ret == 0, "%s", err.msg);
    return r;
}
