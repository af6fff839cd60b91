// SPDX-License-Identifier: Apache-2.0
// What happens to a session whose record can't be written, and what is never written to one.
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "db_helpers.h"
#include "verify.h"

TestSuite(audit, .init = setup, .fini = teardown, .timeout = 60);

static void
no_problem(void *ctx, const struct verify_row *row)
{
    cr_assert(row->problem == NULL, "%s: %d %s", row->id, (int)row->at, row->problem);
}

static void
expect_verified(void)
{
    cleanup_err struct err err = {0};
    int r = verify_record(db, &(struct verify_options){0}, no_problem, NULL, &err);
    // A session that was killed before it was one leaves an empty file.
    cr_assert(r == 0 || r == -ENOENT, "%s", err.msg);
}

static void
limit_files(rlim_t bytes)
{
    struct rlimit limit;
    cr_assert(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = bytes == RLIM_INFINITY ? limit.rlim_max : bytes;
    cr_assert(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

// As a disk that is full: no file grows any more.
static void
fill_disk(void)
{
    struct stat st;
    cleanup_free char *wal = xasprintf("%s-wal", db);
    signal(SIGXFSZ, SIG_IGN);
    cr_assert(stat(wal, &st) == 0);
    limit_files((rlim_t)st.st_size);
}

static void
expect_state(int error)
{
    struct msg m;
    struct pollfd pfd = {.fd = queue_fd(acks), .events = POLLIN};
    while (state.error != error || !state_changes) {
        while (!queue_pop(acks, &m))
            cr_assert(poll(&pfd, 1, 10000) == 1, "the state does not become %d", error);
        state = *(struct record_ack *)m.data;
        cr_assert(state.request == 0);
        state_changes++;
        msg_done(&m);
    }
}

Test(audit, required_refuses_and_recovers)
{
    struct writer *w = start("0123456789ab");
    fill_disk();
    writer_add_request(w, make_request(1));
    writer_add_decision(w, make_decision(1, VERDICT_ALLOW), NULL, 1, true);
    cr_assert(next_ack().error == -ENOSPC);
    expect_state(-ENOSPC);
    cr_assert(!state.goes_on);
    limit_files(RLIM_INFINITY);
    expect_state(0);
    writer_add_decision(w, make_decision(1, VERDICT_DENY), NULL, 1, true);
    cr_assert(next_ack().error == 0);
    writer_stop(w, 0);
    cr_assert(query_gives("SELECT verdict FROM decision", "deny"));
    expect_verified();
}

Test(audit, besteffort_goes_on_and_catches_up)
{
    besteffort = true;
    struct writer *w = start("0123456789ab");
    fill_disk();
    for (uint64_t i = 1; i <= 50; i++) {
        writer_add_request(w, make_request(i));
        writer_add_decision(w, make_decision(i, VERDICT_ALLOW), make_grant(i, i), 1, true);
        struct record_ack a = next_ack();
        cr_assert(a.request == i && a.error == 0 && a.goes_on);
    }
    expect_state(-ENOSPC);
    cr_assert(state.goes_on && writer_error(w) == -ENOSPC);
    cr_assert(query_gives("SELECT count(*) FROM decision", "0"));
    limit_files(RLIM_INFINITY);
    expect_state(0);
    cr_assert(writer_error(w) == 0);
    cr_assert(query_gives("SELECT count(*) FROM decision", "50"));
    cr_assert(query_gives("SELECT count(*) FROM granted", "50"));
    cr_assert(query_gives("SELECT count(*) FROM event WHERE kind = 'fault'"
                          " AND CAST(text AS TEXT) LIKE '%could not be written%'",
                          "1"));
    writer_stop(w, 0);
    expect_verified();
}

// What is kept in memory has an end; what was lost is counted.
Test(audit, besteffort_is_bounded)
{
    besteffort = true;
    struct writer *w = start("0123456789ab");
    fill_disk();
    for (uint64_t i = 1; i <= 6000; i++) {
        writer_add_request(w, make_request(i));
        writer_add_decision(w, make_decision(i, VERDICT_ALLOW), NULL, 1, true);
        cr_assert(next_ack().error == 0);
    }
    limit_files(RLIM_INFINITY);
    cr_assert(query_becomes("SELECT count(*) FROM event WHERE kind = 'fault'"
                            " AND CAST(text AS TEXT) LIKE '%3808 rows were lost%'",
                            "1"));
    writer_stop(w, 0);
    expect_verified();
}

static void
put_foreign_file(void)
{
    cleanup_free char *command =
        xasprintf("mkdir -p %s/state && echo something else > %s", dir, db);
    cr_assert(system(command) == 0);
}

// Neither overwritten nor waited for; as soon as it is moved away the record begins.
Test(audit, besteffort_starts_without_a_record)
{
    put_foreign_file();
    besteffort = true;
    struct session_info s = {.id = (char *)"0123456789ab", .started_real_ns = 1};
    struct writer_options o = {
        .path = db, .key = key_file, .info = &s, .acks = acks, .besteffort = true};
    struct writer *w = NULL;
    cleanup_err struct err err = {0};
    cleanup_free char *left = NULL;
    cr_assert(writer_start(&o, &w, &err) == 0);
    cr_assert(strstr(err.msg, "is not a nono database"), "%s", err.msg);
    writer_add_request(w, make_request(1));
    writer_add_decision(w, make_decision(1, VERDICT_ALLOW), NULL, 1, true);
    struct record_ack a = next_ack();
    cr_assert(a.error == 0 && a.goes_on && writer_error(w) == -EEXIST);
    cr_assert(read_file_at(AT_FDCWD, db, 4096, &left) == 15);
    cr_assert_str_eq(left, "something else\n");
    cr_assert(unlink(db) == 0);
    expect_state(0);
    writer_stop(w, 0);
    cr_assert(query_gives("SELECT count(*) FROM decision", "1"));
    cr_assert(query_gives("SELECT count(*) FROM session WHERE ended_ns IS NOT NULL", "1"));
    expect_verified();
}

Test(audit, besteffort_without_a_record_to_the_end)
{
    put_foreign_file();
    struct session_info s = {.id = (char *)"0123456789ab"};
    struct writer_options o = {
        .path = db, .key = key_file, .info = &s, .acks = acks, .besteffort = true};
    struct writer *w = NULL;
    cr_assert(writer_start(&o, &w, NULL) == 0);
    writer_add_fault(w, "nobody reads this");
    cr_assert(writer_stop(w, 0) == NULL);
}

#define SECRET "Hunter2Hunter2"

static bool
is_in_a_file(const char *text)
{
    cleanup_free char *command = xasprintf("grep -rqF -- '%s' %s/state", text, dir);
    return system(command) == 0;
}

Test(audit, secrets_are_not_stored)
{
    static const char asked[] = "curl\0--token=" SECRET "\0https://u:" SECRET "@h/";
    char argv[] = "deploy\0--acme-pin\0" SECRET;
    struct session_info s = {.id = (char *)"0123456789ab",
                             .argv = argv,
                             .argv_len = sizeof argv,
                             .redact = (char *)"acme-pin\n",
                             .capabilities = (char *)"rw /seen"};
    struct writer_options o = {.path = db, .key = key_file, .info = &s, .acks = acks};
    struct writer *w = NULL;
    cr_assert(writer_start(&o, &w, NULL) == 0);
    struct request *r = make_request(1);
    free(r->argv);
    r->argv = xmemdup(asked, sizeof asked);
    r->argv_len = sizeof asked;
    r->detail = xstrdup("runs: tool --password " SECRET);
    struct decision *d = make_decision(1, VERDICT_ALLOW);
    free(d->note);
    d->note = xstrdup("PASSWORD=" SECRET);
    writer_add_request(w, r);
    writer_add_decision(w, d, NULL, 1, true);
    cr_assert(next_ack().error == 0);
    writer_stop(w, 0);
    cr_assert(is_in_a_file("rw /seen") && !is_in_a_file(SECRET));
    cr_assert(query_gives("SELECT redacted FROM session", "1"));
    cr_assert(query_gives("SELECT redacted FROM v_requests", "3"));
    cr_assert(query_gives("SELECT redacted FROM decision", "1"));
    cr_assert(query_gives("SELECT CAST(note AS TEXT) FROM v_decisions", "PASSWORD=[REDACTED]"));
    expect_verified();
}

// What the parent sees of the child's effects, whenever that is killed.
struct effects {
    volatile uint64_t acked; /* decisions up to this one were acknowledged: acted upon */
};

static void
work_until_killed(const char *id, struct effects *e)
{
    struct writer *w = start(id);
    for (uint64_t i = 1;; i++) {
        writer_add_request(w, make_request(i));
        writer_add_decision(w, make_decision(i, VERDICT_ALLOW), i % 3 ? NULL : make_grant(i, i), 1,
                            true);
        writer_add_count(w, "floor", 0, OP_READ, 3);
        if (next_ack().error == 0)
            e->acked = i;
    }
}

Test(audit, killed_at_any_moment, .timeout = 110)
{
    const char *is_long = getenv("NONO_TEST_LONG");
    int rounds = is_long && strcmp(is_long, "1") == 0 ? 1000 : 25;
    unsigned seed = (unsigned)getpid();
    struct effects *e =
        mmap(NULL, sizeof *e, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert(e != MAP_FAILED);
    for (int round = 0; round < rounds; round++) {
        char id[16];
        snprintf(id, sizeof id, "%012x", round);
        e->acked = 0;
        pid_t pid = fork();
        if (pid == 0)
            work_until_killed(id, e);
        // The moment is the subject: within the start, a commit, a checkpoint.
        usleep((useconds_t)rand_r(&seed) % 15000);
        kill(pid, SIGKILL);
        cr_assert(waitpid(pid, NULL, 0) == pid);
        cleanup_free char *sql = xasprintf(
            "SELECT count(*) >= %d FROM v_decisions WHERE session = '%s'", (int)e->acked, id);
        if (e->acked)
            cr_assert(query_gives(sql, "1"), "round %d", round);
        if (access(db, F_OK) == 0 && round % 10 == 9)
            expect_verified();
    }
    writer_stop(start("eeeeeeeeeeee"), 0);
    expect_verified();
    cr_assert(query_gives("PRAGMA integrity_check", "ok"));
}
