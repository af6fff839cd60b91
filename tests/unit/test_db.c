// SPDX-License-Identifier: Apache-2.0
// The record: what is written can be read back, whatever happens in between.
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "query.h"
#include "queue.h"
#include "util.h"
#include "writer.h"

#include "db_helpers.h"

TestSuite(db, .init = setup, .fini = teardown, .timeout = 60);

static int
check_session(void *ctx, const struct session_row *s)
{
    cr_assert_str_eq(s->id, "0123456789ab");
    cr_assert_str_eq(s->name, "shop \xff");
    cr_assert_str_eq(s->cwd, HOSTILE);
    cr_assert(s->argv_len == 11 && memcmp(s->argv, "sh\0-c\0a\xff b", 11) == 0);
    cr_assert(s->pid == getpid() && s->start_time == 77 && s->uid == 1000);
    cr_assert(s->started_ns == 1700000000000000001 && s->ended_ns && s->wait_status == 42 << 8);
    ++*(int *)ctx;
    return 0;
}

static int
check_event(void *ctx, const struct event_row *e)
{
    static const enum kind kinds[] = {KIND_SESSION_START, KIND_REQUEST, KIND_DECISION,   KIND_GRANT,
                                      KIND_FAULT,         KIND_REQUEST, KIND_SESSION_END};
    int n = (*(int *)ctx)++;
    cr_assert(e->kind == kinds[n] && e->seq == (uint64_t)n + 1);
    cr_assert_str_eq(e->session, "0123456789ab");
    switch (n) {
    case 1:
        cr_assert(e->request == 1 && e->op == OP_READ && e->access == ACCESS_READ && e->decided);
        cr_assert_str_eq(e->resolved, HOSTILE);
        cr_assert_str_eq(e->target, "../x");
        cr_assert_str_eq(e->exe, "/usr/bin/c\xfft");
        cr_assert(e->argv_len == 6 && memcmp(e->argv, "cat\0\xfe\0", 6) == 0);
        cr_assert(e->risk == RISK_HIGH && (int)e->verdict < 0 && e->waited_ms < 0);
        cr_assert(e->real_ns == 1700000000123456789);
        break;
    case 2:
        cr_assert(e->verdict == VERDICT_ALLOW && e->scope == SCOPE_SESSION &&
                  e->reach == REACH_DIR && e->by == DECIDER_USER && e->waited_ms == 3200);
        cr_assert_str_eq(e->source, "pane");
        cr_assert_str_eq(e->note, "why \xff not");
        cr_assert_str_eq(e->resolved, HOSTILE);
        cr_assert(e->count == 3 && e->error == 0);
        break;
    case 3:
        cr_assert_str_eq(e->resolved, "/tmp/\xff");
        cr_assert(e->request == 1 && e->count == 0);
        break;
    case 4:
        cr_assert_str_eq(e->text, "it broke \x1b");
        break;
    case 5:
        cr_assert(e->request == 2 && !e->decided);
        break;
    case 6:
        cr_assert_str_eq(e->text, "exit 42");
        break;
    }
    return 0;
}

Test(db, round_trip)
{
    struct writer *w = start("0123456789ab");
    int sessions = 0, events = 0;
    writer_add_request(w, make_request(1));
    writer_add_decision(w, make_decision(1, VERDICT_ALLOW), make_grant(1, 1), 3, true);
    writer_add_fault(w, "it broke \x1b");
    writer_add_request(w, make_request(2));
    writer_stop(w, 42 << 8);
    struct reader *r = open_reader();
    struct event_filter all = {0};
    struct session_counts c = {0};
    cr_assert(reader_sessions(r, check_session, &sessions, NULL) == 0 && sessions == 1);
    cr_assert(reader_counts(r, "0123456789ab", &c, NULL) == 0);
    cr_assert(c.asked == 2 && c.allowed == 3 && c.refused == 0 && c.waiting == 1);
    cr_assert(reader_counts(r, "nobody", &c, NULL) == 0 && c.asked == 0);
    cr_assert(reader_events(r, &all, check_event, &events, NULL) == 0 && events == 7);
    reader_close(r);
    struct stat st;
    cr_assert(stat(db, &st) == 0 && (st.st_mode & 07777) == 0600);
    *strrchr(db, '/') = 0;
    cr_assert(stat(db, &st) == 0 && (st.st_mode & 07777) == 0700);
}

Test(db, acknowledged_is_on_disk)
{
    struct writer *w = start("0123456789ab");
    for (uint64_t i = 1; i <= 20; i++) {
        cleanup_free char *sql =
            xasprintf("SELECT verdict FROM v_decisions WHERE request = %d", (int)i);
        writer_add_request(w, make_request(i));
        writer_add_decision(w, make_decision(i, VERDICT_DENY), NULL, 1, true);
        struct record_ack a = next_ack();
        cr_assert(a.request == i && a.error == 0);
        cr_assert(query_gives(sql, "deny"));
    }
    writer_add_request(w, make_request(21));
    cr_assert(query_becomes("SELECT count(*) FROM request", "21"));
    writer_stop(w, 0);
}

struct tally {
    uint64_t n, last_count;
    char sessions[256];
};

static int
tally_event(void *ctx, const struct event_row *e)
{
    struct tally *t = ctx;
    t->n++;
    t->last_count = e->count;
    if (!strstr(t->sessions, e->session))
        strncat(t->sessions, e->session, sizeof t->sessions - strlen(t->sessions) - 1);
    return 0;
}

Test(db, counts_are_merged)
{
    struct writer *w = start("0123456789ab");
    writer_add_request(w, make_request(1));
    writer_add_decision(w, make_decision(1, VERDICT_DENY), NULL, 1, true);
    next_ack();
    for (int i = 0; i < 1000; i++) {
        cr_assert(writer_add_count(w, "floor", 0, i % 2 ? OP_READ : OP_WRITE, 2) == 0);
        cr_assert(writer_add_count(w, "refused", 1, OP_READ, 1) == 0);
    }
    cr_assert(writer_add_count(w, "other", 0, OP_READ, 2) == -EINVAL);
    cr_assert(query_becomes("SELECT sum(n) FROM access_count WHERE what = 'floor'", "2000"));
    writer_add_count(w, "floor", 0, OP_READ, 5);
    writer_stop(w, 0);
    cr_assert(query_gives("SELECT count(*) FROM access_count", "3"));
    cr_assert(
        query_gives("SELECT n FROM access_count WHERE what = 'floor' AND op = 'read'", "1005"));
    struct reader *r = open_reader();
    struct event_filter f = {.verdicts = 1 << VERDICT_DENY};
    struct tally t = {0};
    cr_assert(reader_events(r, &f, tally_event, &t, NULL) == 0);
    cr_assert(t.n == 1 && t.last_count == 1001);
    reader_close(r);
}

Test(db, filters)
{
    struct reader *r;
    for (int s = 0; s < 3; s++) {
        char id[16];
        snprintf(id, sizeof id, "00000000000%d", s);
        struct writer *w = start(id);
        for (uint64_t i = 1; i <= 10; i++) {
            struct request *q = make_request(i);
            q->raised_real_ns += (uint64_t)s;
            writer_add_request(w, q);
            if (i < 10)
                writer_add_decision(w, make_decision(i, i % 2 ? VERDICT_ALLOW : VERDICT_DENY), NULL,
                                    1, false);
        }
        writer_stop(w, 0);
    }
    const char *ids[] = {"000000000000", "000000000002", NULL};
    const struct {
        struct event_filter f;
        uint64_t n;
    } cases[] = {
        {{0}, 3 * 21},
        {{.sessions = ids}, 2 * 21},
        {{.outcomes = true}, 30},
        {{.verdicts = 1 << VERDICT_DENY}, 12},
        {{.verdicts = 1 << VERDICT_DENY | 1 << VERDICT_ALLOW, .sessions = ids}, 18},
        {{.paths = (struct pattern[]){{"/tmp/*", false}, {0}}}, 57},
        {{.paths = (struct pattern[]){{"/etc/*", false}, {0}}}, 0},
        {{.limit = 5}, 5},
        {{.limit = 5, .reverse = true}, 5},
        {{.since_ns = 1700000003000000000, .until_ns = 1700000003000000001}, 27},
    };
    r = open_reader();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct tally t = {0};
        cr_assert(reader_events(r, &cases[i].f, tally_event, &t, NULL) == 0);
        cr_assert(t.n == cases[i].n, "case %zu: %d", i, (int)t.n);
    }
    reader_close(r);
}

Test(db, paths)
{
    static const struct {
        const char *glob, *path;
        bool matches;
    } cases[] = {
        {"/etc/*", "/etc/a/b", true},  {"/etc", "/etc/a/b", true},   {"/etc/", "/etc/a", true},
        {"/etc", "/etcetera", false},  {"*.pem", "/a/b.pem", true},  {"b.pem", "/a/b.pem", true},
        {"b.pem", "/a/cb.pem", false}, {"/", "/etc", true},          {"", "/etc", false},
        {"[", "/etc", false},          {"/a/\xff", "/a/\xff", true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        cr_assert(path_matches(cases[i].glob, cases[i].path) == cases[i].matches, "case %zu", i);
}

static void
put_file(const char *text)
{
    cleanup_free char *parent = xstrdup(db);
    *strrchr(parent, '/') = 0;
    mkdir(parent, 0700);
    cleanup_fd int fd = open(db, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert(fd >= 0 && write_all(fd, text, strlen(text)) == 0);
}

// Neither written nor read, with a line that names the file.
static void
expect_refusal(int write_error, int read_error)
{
    struct session_info s = {.id = (char *)"0123456789ab"};
    struct writer *w = NULL;
    struct reader *r = NULL;
    cleanup_err struct err err = {0};
    cleanup_err struct err err2 = {0};
    struct writer_options o = {.path = db, .key = key_file, .info = &s, .acks = acks};
    int ret = writer_start(&o, &w, &err);
    cr_assert(ret == write_error, "%d %s", ret, err.msg);
    cr_assert(strstr(err.msg, "audit.db") && !strchr(err.msg, '\n'));
    ret = reader_open(db, &r, &err2);
    cr_assert(ret == read_error, "%d %s", ret, err2.msg);
    reader_close(r);
}

Test(db, foreign_file_is_left_alone)
{
    static const char *const texts[] = {
        "hello\n", "SQLite format 3",
        "a text that is long enough to look like something: "
        "0123456789012345678901234567890123456789012345678901234567"};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        cleanup_free char *left = NULL;
        put_file(texts[i]);
        expect_refusal(-EEXIST, -EEXIST);
        cr_assert(read_file_at(AT_FDCWD, db, 4096, &left) == (ssize_t)strlen(texts[i]));
        cr_assert_str_eq(left, texts[i]);
    }
}

Test(db, foreign_database_is_left_alone)
{
    cleanup_free char *before = NULL;
    cleanup_free char *after = NULL;
    put_file("");
    free(query("CREATE TABLE t(x)"));
    ssize_t n = read_file_at(AT_FDCWD, db, 1 << 20, &before);
    expect_refusal(-EEXIST, -EEXIST);
    cr_assert(read_file_at(AT_FDCWD, db, 1 << 20, &after) == n && memcmp(before, after, n) == 0);
    free(query("PRAGMA application_id=7"));
    expect_refusal(-EEXIST, -EEXIST);
}

Test(db, odd_files)
{
    put_file("");
    unlink(db);
    cr_assert(symlink("/dev/null", db) == 0);
    expect_refusal(-ELOOP, -EINVAL);
    // A link that leads nowhere is not a record that begins.
    unlink(db);
    cr_assert(symlink("nowhere", db) == 0);
    expect_refusal(-ELOOP, -ELOOP);
    unlink(db);
    cr_assert(mkdir(db, 0700) == 0);
    expect_refusal(-EISDIR, -EISDIR);
    rmdir(db);
    struct reader *r = NULL;
    cr_assert(reader_open(db, &r, NULL) == -ENOENT);
    put_file("");
    cr_assert(reader_open(db, &r, NULL) == -ENOENT);
    writer_stop(start("0123456789ab"), 0);
    cr_assert(query_gives("SELECT count(*) FROM session", "1"));
}

Test(db, newer_schema_is_read_only)
{
    writer_stop(start("0123456789ab"), 0);
    free(query("PRAGMA user_version=99"));
    expect_refusal(-EPROTO, 0);
    struct reader *r = open_reader();
    struct tally t = {0};
    cr_assert(reader_events(r, &(struct event_filter){0}, tally_event, &t, NULL) == 0 && t.n == 2);
    reader_close(r);
}

static int
ignore_session(void *ctx, const struct session_row *s)
{
    return 0;
}

// Overwrites n bytes at offset with what a seed says.
static void
damage(unsigned seed, off_t size)
{
    unsigned char junk[64];
    for (size_t i = 0; i < sizeof junk; i++)
        junk[i] = (unsigned char)rand_r(&seed);
    cleanup_fd int fd = open(db, O_WRONLY);
    cr_assert(pwrite(fd, junk, sizeof junk, (off_t)rand_r(&seed) % size) == sizeof junk);
}

static bool
is_readable(void)
{
    struct reader *r = NULL;
    cleanup_err struct err err = {0};
    struct tally t = {0};
    int ret = reader_open(db, &r, &err);
    if (ret == 0)
        ret = reader_sessions(r, ignore_session, NULL, &err);
    if (ret == 0)
        ret = reader_events(r, &(struct event_filter){0}, tally_event, &t, &err);
    reader_close(r);
    cr_assert(ret == 0 || (err.code == ret && err.msg));
    return ret == 0;
}

Test(db, damage_is_an_error)
{
    cleanup_free char *good = NULL;
    struct writer *w = start("0123456789ab");
    for (uint64_t i = 1; i <= 100; i++) {
        writer_add_request(w, make_request(i));
        writer_add_decision(w, make_decision(i, VERDICT_ALLOW), NULL, 1, false);
    }
    writer_stop(w, 0);
    free(query("PRAGMA wal_checkpoint(TRUNCATE)"));
    ssize_t size = read_file_at(AT_FDCWD, db, 1 << 24, &good);
    cr_assert(size > 40960 && is_readable());
    int bad = 0;
    for (unsigned seed = 0; seed < 300; seed++) {
        cleanup_fd int fd = open(db, O_WRONLY);
        cr_assert(pwrite(fd, good, (size_t)size, 0) == size);
        damage(seed, size - 64);
        bad += !is_readable();
    }
    cr_assert(bad > 0);
    for (off_t n = size - 1; n > 0; n = n * 2 / 3) {
        cleanup_fd int fd = open(db, O_WRONLY);
        cr_assert(pwrite(fd, good, (size_t)size, 0) == size && ftruncate(fd, n) == 0);
        is_readable();
    }
}

static void
write_for_ever(const char *id)
{
    struct writer *w = start(id);
    for (uint64_t i = 1;; i++) {
        writer_add_request(w, make_request(i));
        writer_add_decision(w, make_decision(i, VERDICT_ALLOW), make_grant(i, i), 1, true);
        next_ack();
    }
}

static int
session_id(void *ctx, const struct session_row *s)
{
    struct tally *t = ctx;
    t->n++;
    cr_assert(s->ended_ns == 0);
    return 0;
}

Test(db, killed_writer)
{
    for (int round = 0; round < 8; round++) {
        char id[16];
        snprintf(id, sizeof id, "00000000000%d", round);
        pid_t pid = fork();
        if (pid == 0)
            write_for_ever(id);
        cleanup_free char *sql = xasprintf(
            "SELECT count(*) >= %d FROM v_decisions WHERE session = '%s'", 1 + round * 20, id);
        struct stat st;
        while (round == 0 && stat(db, &st) < 0)
            poll(NULL, 0, 1);
        cr_assert(query_becomes(sql, "1"));
        // Read while it writes, then kill it in the middle of that.
        struct reader *live = open_reader();
        struct tally t = {0};
        cr_assert(reader_sessions(live, session_id, &t, NULL) == 0 && t.n == (uint64_t)round + 1);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        reader_close(live);
        struct reader *r = open_reader();
        t = (struct tally){0};
        cr_assert(reader_sessions(r, session_id, &t, NULL) == 0 && t.n == (uint64_t)round + 1);
        reader_close(r);
        cr_assert(query_gives("PRAGMA integrity_check", "ok"));
        cr_assert(query_gives("SELECT count(*) FROM pragma_foreign_key_check", "0"));
    }
}

Test(db, two_writers_lose_nothing)
{
    enum { ROWS = 300, WRITERS = 4 };
    for (int i = 0; i < WRITERS; i++) {
        if (fork() != 0)
            continue;
        char id[16];
        snprintf(id, sizeof id, "00000000000%d", i);
        struct writer *w = start(id);
        for (uint64_t n = 1; n <= ROWS; n++) {
            cr_assert(writer_add_request(w, make_request(n)) == 0);
            cr_assert(
                writer_add_decision(w, make_decision(n, VERDICT_ALLOW), NULL, 1, n % 3 == 0) == 0);
            if (n % 3 == 0)
                cr_assert(next_ack().error == 0);
        }
        writer_stop(w, 0);
        _exit(0);
    }
    int status = 0;
    while (wait(&status) > 0)
        cr_assert(status == 0);
    cr_assert(query_gives("SELECT count(*) FROM session WHERE ended_ns IS NOT NULL", "4"));
    cr_assert(query_gives("SELECT count(*) FROM decision", "1200"));
    cr_assert(query_gives("SELECT count(*) FROM request", "1200"));
    cr_assert(query_gives("SELECT group_concat(n) FROM (SELECT max(seq) = count(*) AS n FROM event"
                          " GROUP BY session)",
                          "1,1,1,1"));
}

Test(db, record_only_grows)
{
    struct writer *w = start("0123456789ab");
    writer_add_request(w, make_request(1));
    writer_add_decision(w, make_decision(1, VERDICT_ALLOW), make_grant(1, 1), 1, true);
    writer_stop(w, 0);
    static const char *const tables[] = {"event", "request", "decision", "granted"};
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        cleanup_free char *expected = xasprintf("error: %s is append-only", tables[i]);
        cleanup_free char *update = xasprintf("UPDATE %s SET seq = seq + 1", tables[i]);
        cleanup_free char *delete = xasprintf("DELETE FROM %s", tables[i]);
        cr_assert(query_gives(update, expected));
        cr_assert(query_gives(delete, expected));
    }
    cr_assert(query_gives("INSERT OR REPLACE INTO event(session, seq, kind, real_ns)"
                          " VALUES(1, 1, 'fault', 1)",
                          "error: event is append-only"));
    cr_assert(query_gives("UPDATE session SET ended_ns = 5",
                          "error: a session only ends, and only once"));
    cr_assert(query_gives("DELETE FROM session", "error: session is append-only"));
    cr_assert(query_gives("SELECT count(*) FROM event", "5"));
}

Test(db, a_row_that_cannot_be_stored_is_said)
{
    struct writer *w = start("0123456789ab");
    writer_add_decision(w, make_decision(99, VERDICT_ALLOW), NULL, 1, true);
    struct record_ack a = next_ack();
    cr_assert(a.request == 99 && a.error == -EINVAL);
    writer_add_request(w, make_request(1));
    writer_add_decision(w, make_decision(1, VERDICT_ALLOW), NULL, 1, true);
    cr_assert(next_ack().error == 0);
    writer_stop(w, 0);
    cr_assert(query_gives("SELECT count(*) FROM decision", "1"));
    cr_assert(query_gives("SELECT count(*) FROM event WHERE kind = 'fault'", "1"));
}

static void
limit_files(rlim_t bytes)
{
    struct rlimit limit;
    cr_assert(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = bytes == RLIM_INFINITY ? limit.rlim_max : bytes;
    cr_assert(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

Test(db, full_disk)
{
    struct stat st;
    signal(SIGXFSZ, SIG_IGN);
    struct writer *w = start("0123456789ab");
    cleanup_free char *wal = xasprintf("%s-wal", db);
    writer_add_request(w, make_request(1));
    writer_add_decision(w, make_decision(1, VERDICT_ALLOW), NULL, 1, true);
    cr_assert(next_ack().error == 0 && stat(wal, &st) == 0);
    limit_files((rlim_t)st.st_size);
    writer_add_request(w, make_request(2));
    for (int i = 0; i < 3; i++) {
        writer_add_decision(w, make_decision(2, VERDICT_ALLOW), NULL, 1, true);
        struct record_ack a = next_ack();
        cr_assert(a.request == 2 && a.error == -ENOSPC, "%d", a.error);
    }
    cr_assert(writer_error(w) == -ENOSPC);
    cr_assert(query_gives("SELECT count(*) FROM request", "1"));
    limit_files(RLIM_INFINITY);
    // Without being asked to: what was kept is written, and that there was an outage.
    cr_assert(query_becomes("SELECT count(*) FROM request", "2"));
    cr_assert(query_gives("SELECT count(*) FROM event WHERE kind = 'fault'"
                          " AND CAST(text AS TEXT) LIKE '%could not be written%'",
                          "1"));
    cr_assert(query_gives("SELECT count(*) FROM decision WHERE request = 2", "0"));
    writer_add_decision(w, make_decision(2, VERDICT_DENY), NULL, 1, true);
    cr_assert(next_ack().error == 0 && writer_error(w) == 0);
    writer_stop(w, 0);
    cr_assert(query_gives("PRAGMA integrity_check", "ok"));
}

Test(db, full_disk_at_the_end)
{
    struct stat st;
    signal(SIGXFSZ, SIG_IGN);
    struct writer *w = start("0123456789ab");
    cleanup_free char *wal = xasprintf("%s-wal", db);
    cr_assert(stat(wal, &st) == 0);
    limit_files((rlim_t)st.st_size);
    cr_assert(writer_stop(w, 0) == NULL);
    limit_files(RLIM_INFINITY);
    cr_assert(query_gives("SELECT count(*) FROM session WHERE ended_ns IS NULL", "1"));
}

Test(db, a_record_that_was_taken_away)
{
    struct writer *w = start("0123456789ab");
    cr_assert(unlink(db) == 0);
    writer_add_request(w, make_request(1));
    writer_add_decision(w, make_decision(1, VERDICT_ALLOW), NULL, 1, true);
    cr_assert(next_ack().error == -ESTALE);
    writer_stop(w, 0);
}

// The log is the other half of it, also where a new one has come into its place.
Test(db, a_log_that_was_taken_away)
{
    struct writer *w = start("0123456789ab");
    cleanup_free char *wal = xasprintf("%s-wal", db);
    cleanup_free char *away = xasprintf("%s.away", wal);
    writer_add_request(w, make_request(1));
    for (int round = 0; round < 2; round++) {
        cr_assert(rename(wal, away) == 0);
        cr_assert(round == 0 || mknod(wal, S_IFREG | 0600, 0) == 0);
        writer_add_decision(w, make_decision(1, VERDICT_ALLOW), NULL, 1, true);
        cr_assert(next_ack().error == -ESTALE);
        cr_assert(rename(away, wal) == 0);
    }
    cr_assert(query_becomes("SELECT count(*) FROM request", "1"));
    writer_add_decision(w, make_decision(1, VERDICT_ALLOW), NULL, 1, true);
    cr_assert(next_ack().error == 0);
    writer_stop(w, 0);
}

// A copy of the file alone, made before anything was checkpointed.
Test(db, without_its_log)
{
    struct reader *r = NULL;
    cleanup_err struct err err = {0};
    cleanup_free char *wal = xasprintf("%s-wal", db);
    writer_stop(start("0123456789ab"), 0);
    cr_assert(unlink(wal) == 0);
    for (int round = 0; round < 2; round++) {
        cr_assert(reader_open(db, &r, &err) == -EIO, "%s", err.msg);
        cr_assert(strstr(err.msg, "-wal"), "%s", err.msg);
        err_done(&err);
    }
}

// A link to it from elsewhere leads to its log too.
Test(db, through_a_link)
{
    struct reader *r = NULL;
    cleanup_err struct err err = {0};
    cleanup_free char *link = xasprintf("%s/link.db", dir);
    writer_stop(start("0123456789ab"), 0);
    cr_assert(symlink(db, link) == 0);
    cr_assert(reader_open(link, &r, &err) == 0, "%s", err.msg);
    reader_close(r);
}

// What took longer than a blink is whole in the file itself when it has ended.
Test(db, whole_without_its_log)
{
    struct writer *w = start("0123456789ab");
    cleanup_free char *wal = xasprintf("%s-wal", db);
    uint64_t end = clock_mono_ns() + 1010 * NS_PER_MS;
    for (uint64_t i = 1; clock_mono_ns() < end; i++) {
        writer_add_request(w, make_request(i));
        writer_add_decision(w, make_decision(i, VERDICT_ALLOW), NULL, 1, true);
        cr_assert(next_ack().error == 0);
        // The time is the subject: more decisions would make it checkpoint by themselves.
        poll(NULL, 0, 20);
    }
    writer_stop(w, 0);
    cr_assert(unlink(wal) == 0);
    cr_assert(query_gives("SELECT count(*) FROM session WHERE ended_ns IS NOT NULL", "1"));
    cr_assert(query_gives("SELECT max(request) = count(*) AND count(*) > 0 FROM decision", "1"));
}

static int
read_as_nobody(void)
{
    if (geteuid() == 0 && setuid(65534) < 0)
        return 2;
    struct reader *r = NULL;
    cleanup_err struct err err = {0};
    struct tally t = {0};
    int ret = reader_open(db, &r, &err);
    if (ret == 0)
        ret = reader_events(r, &(struct event_filter){0}, tally_event, &t, &err);
    reader_close(r);
    if (ret < 0)
        fprintf(stderr, "%s\n", err.msg);
    return ret == 0 && t.n == 2 ? 0 : 1;
}

// -wal and -shm cannot be made in a directory that is read only.
Test(db, read_only_directory)
{
    int status = 0;
    cleanup_free char *parent = xstrdup(db);
    *strrchr(parent, '/') = 0;
    writer_stop(start("0123456789ab"), 0);
    cr_assert(chmod(db, 0444) == 0 && chmod(dir, 0555) == 0);
    for (int round = 0; round < 3; round++) {
        cleanup_free char *wal = xasprintf("%s-wal", db);
        cleanup_free char *shm = xasprintf("%s-shm", db);
        if (round == 0) {
            cr_assert(chmod(wal, 0444) == 0 && chmod(shm, 0444) == 0);
        } else if (round == 1) {
            cr_assert(chmod(parent, 0700) == 0 && unlink(shm) == 0);
        } else {
            cr_assert(chmod(parent, 0700) == 0 && chmod(db, 0600) == 0);
            cr_assert(chmod(wal, 0600) == 0);
            free(query("PRAGMA wal_checkpoint(TRUNCATE)"));
            cr_assert(chmod(db, 0444) == 0 && unlink(wal) == 0 && unlink(shm) == 0);
        }
        cr_assert(chmod(parent, 0555) == 0);
        pid_t pid = fork();
        if (pid == 0)
            _exit(read_as_nobody());
        cr_assert(waitpid(pid, &status, 0) == pid && status == 0, "round %d: %x", round, status);
    }
    cr_assert(chmod(parent, 0700) == 0 && chmod(dir, 0700) == 0);
}
