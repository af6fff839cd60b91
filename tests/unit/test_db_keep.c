// SPDX-License-Identifier: Apache-2.0
// What is kept: retention, sessions as files, grants that are remembered. The record verifies
// before and after.
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "clock.h"
#include "db_helpers.h"
#include "find.h"
#include "prune.h"
#include "remember.h"
#include "transfer.h"
#include "verify.h"

static char other[96]; /* another record */

static void
setup_keep(void)
{
    setup();
    snprintf(other, sizeof other, "%s/other.db", dir);
}

TestSuite(keep, .init = setup_keep, .fini = teardown, .timeout = 60);

static void
note_problem(void *ctx, const struct verify_row *row)
{
    cr_assert(row->problem == NULL, "%s: %d %s", row->id, (int)row->at, row->problem);
    ++*(int *)ctx;
}

// How many chains there are.
static int
verified(const char *path)
{
    int chains = 0;
    cleanup_err struct err err = {0};
    int r = verify_record(path, &(struct verify_options){0}, note_problem, &chains, &err);
    cr_assert(r == 0, "%s", err.msg);
    return chains;
}

static void
record(const char *id, enum scope scope)
{
    struct writer *w = start(id);
    struct grant *g = make_grant(1, 1);
    g->scope = scope;
    writer_add_request(w, make_request(1));
    writer_add_decision(w, make_decision(1, VERDICT_ALLOW), g, 1, true);
    cr_assert(next_ack().error == 0);
    writer_add_request(w, make_request(2));
    writer_add_decision(w, make_decision(2, VERDICT_DENY), NULL, 1, false);
    writer_add_count(w, "floor", 0, OP_READ, 12);
    writer_add_count(w, "grant", 1, OP_READ, 3);
    writer_stop(w, 0);
}

static bool
nobody_lives(pid_t pid, uint64_t start_time, const char *boot_id)
{
    return false;
}

static bool
all_live(pid_t pid, uint64_t start_time, const char *boot_id)
{
    return true;
}

static struct prune_result
run_prune(const struct prune_options *o)
{
    struct prune_result result = {0};
    cleanup_err struct err err = {0};
    int r = prune_record(db, key_file, o, &result, &err);
    cr_assert(r == 0, "%s", err.msg);
    return result;
}

// --- retention -----------------------------------------------------------------------------------

Test(keep, counts_go_first)
{
    record("aaaaaaaaaaaa", SCOPE_SESSION);
    record("bbbbbbbbbbbb", SCOPE_SESSION);
    uint64_t now = clock_real_ns();
    record("cccccccccccc", SCOPE_SESSION);
    struct prune_options o = {.before_ns = now, .alive = nobody_lives, .dry_run = true};
    struct prune_result r = run_prune(&o);
    cr_assert(r.thinned == 2 && r.pruned == 0);
    cr_assert(query_gives("SELECT count(*) FROM access_count", "6"));
    o.dry_run = false;
    r = run_prune(&o);
    cr_assert(r.thinned == 2 && r.pruned == 0 && r.bytes_after <= r.bytes_before);
    cr_assert(query_gives("SELECT count(*) FROM access_count", "2"));
    cr_assert(query_gives("SELECT count(*) FROM decision", "6"));
    cr_assert(verified(db) == 4);
    r = run_prune(&o);
    cr_assert(r.thinned == 0);
    cr_assert(query_gives("SELECT count(*) FROM journal", "5"));
}

Test(keep, whole_sessions_leave_a_stub)
{
    record("aaaaaaaaaaaa", SCOPE_SESSION);
    record("bbbbbbbbbbbb", SCOPE_SESSION);
    uint64_t now = clock_real_ns();
    record("cccccccccccc", SCOPE_SESSION);
    cleanup_free char *hash = query("SELECT hex(hash) FROM event WHERE session = 2 AND seq = 7");
    struct prune_options o = {.before_ns = now, .decisions = true, .alive = nobody_lives};
    struct prune_result r = run_prune(&o);
    cr_assert(r.pruned == 2 && r.events == 14);
    cr_assert(query_gives("SELECT group_concat(id) FROM session", "cccccccccccc"));
    cr_assert(query_gives("SELECT count(*) FROM event", "7"));
    cr_assert(query_gives("SELECT count(*) FROM head", "2"));
    cr_assert(query_gives("SELECT hex(facts) FROM journal WHERE what = 'pruned' AND id ="
                          " 'bbbbbbbbbbbb' AND n = 7",
                          hash));
    cr_assert(verified(db) == 2);
    cr_assert(query_gives("DELETE FROM event", "error: event is append-only"));
    cr_assert(query_gives("DELETE FROM session", "error: session is append-only"));
    // The next one is given a number that was in use before.
    record("dddddddddddd", SCOPE_SESSION);
    cr_assert(verified(db) == 3);
}

static void
count_problem(void *ctx, const struct verify_row *row)
{
    *(int *)ctx += row->problem != NULL;
}

// The stub itself cannot be taken away.
Test(keep, a_stub_is_signed)
{
    int problems = 0;
    record("aaaaaaaaaaaa", SCOPE_SESSION);
    struct prune_options o = {.before_ns = UINT64_MAX, .decisions = true, .alive = nobody_lives};
    run_prune(&o);
    cr_assert(verified(db) == 1);
    free(query("DROP TRIGGER journal_no_delete"));
    free(query("DELETE FROM journal WHERE seq = (SELECT max(seq) FROM journal)"));
    int r = verify_record(db, &(struct verify_options){0}, count_problem, &problems, NULL);
    cr_assert(r == -EBADMSG && problems == 2);
}

Test(keep, what_runs_and_what_is_remembered_stays)
{
    record("aaaaaaaaaaaa", SCOPE_ALWAYS);
    pid_t pid = fork();
    if (pid == 0) {
        struct writer *w = start("bbbbbbbbbbbb");
        writer_add_request(w, make_request(1));
        writer_add_decision(w, make_decision(1, VERDICT_DENY), NULL, 1, true);
        next_ack();
        kill(getpid(), SIGKILL);
    }
    cr_assert(waitpid(pid, NULL, 0) == pid);
    struct prune_options o = {.before_ns = UINT64_MAX, .decisions = true, .alive = all_live};
    struct prune_result r = run_prune(&o);
    cr_assert(r.pruned == 0 && r.held == 1);
    o.alive = nobody_lives;
    r = run_prune(&o);
    cr_assert(r.pruned == 1 && r.held == 1);
    cr_assert(query_gives("SELECT group_concat(id) FROM session", "aaaaaaaaaaaa"));
    cr_assert(remembered_revoke(db, key_file, "aaaaaaaaaaaa", 1, "nono revoke", NULL, NULL) == 0);
    cr_assert(run_prune(&o).pruned == 1);
    cr_assert(query_gives("SELECT count(*) FROM event", "0"));
    cr_assert(verified(db) == 1);
}

Test(keep, until_it_is_small)
{
    for (int i = 0; i < 20; i++) {
        char id[16];
        snprintf(id, sizeof id, "%012x", i);
        struct writer *w = start(id);
        for (uint64_t n = 1; n <= 100; n++) {
            writer_add_request(w, make_request(n));
            writer_add_decision(w, make_decision(n, VERDICT_DENY), NULL, 1, false);
        }
        writer_stop(w, 0);
    }
    struct prune_options o = {.max_bytes = 500000, .alive = nobody_lives};
    struct prune_result r = run_prune(&o);
    cr_assert(r.pruned == 0 && r.bytes_after > o.max_bytes);
    o.decisions = true;
    r = run_prune(&o);
    cr_assert(r.pruned > 5 && r.pruned < 20 && r.bytes_after <= o.max_bytes && r.shrunk);
    struct stat st;
    cr_assert(stat(db, &st) == 0 && st.st_size <= (off_t)o.max_bytes);
    cr_assert(query_gives("SELECT max(id) FROM session", "000000000013"));
    cr_assert(verified(db) == 21 - (int)r.pruned);
    cr_assert(query_gives("PRAGMA integrity_check", "ok"));
}

// A writer at work is neither disturbed nor pruned.
Test(keep, beside_a_writer)
{
    record("aaaaaaaaaaaa", SCOPE_SESSION);
    struct writer *w = start("bbbbbbbbbbbb");
    struct prune_options o = {.before_ns = UINT64_MAX, .decisions = true, .alive = all_live};
    for (uint64_t i = 1; i <= 20; i++) {
        writer_add_request(w, make_request(i));
        writer_add_decision(w, make_decision(i, VERDICT_ALLOW), NULL, 1, true);
        if (i == 10)
            cr_assert(run_prune(&o).pruned == 1);
        cr_assert(next_ack().error == 0);
    }
    writer_stop(w, 0);
    cr_assert(query_gives("SELECT count(*) FROM decision", "20"));
    cr_assert(verified(db) == 2);
}

// --- sessions as files ---------------------------------------------------------------------------

static int
count_event(void *ctx, const struct event_row *row)
{
    ++*(int *)ctx;
    return 0;
}

Test(keep, export_is_a_record)
{
    cleanup_err struct err err = {0};
    struct stat st;
    int events = 0;
    struct reader *r = NULL;
    record("aaaaaaaaaaaa", SCOPE_SESSION);
    record("bbbbbbbbbbbb", SCOPE_ALWAYS);
    int ret = transfer_export(db, "bbbbbbbbbbbb", other, key_file, &err);
    cr_assert(ret == 0, "%s", err.msg);
    cr_assert(stat(other, &st) == 0 && (st.st_mode & 07777) == 0600);
    cleanup_free char *wal = xasprintf("%s-wal", other);
    cr_assert(stat(wal, &st) < 0);
    cr_assert(chmod(other, 0400) == 0);
    cr_assert(verified(other) == 2);
    cr_assert(reader_open(other, &r, NULL) == 0);
    cr_assert(reader_events(r, &(struct event_filter){0}, count_event, &events, NULL) == 0);
    cr_assert(events == 7);
    reader_close(r);
    cr_assert(transfer_export(db, "bbbbbbbbbbbb", other, key_file, NULL) == -EEXIST);
    cr_assert(transfer_export(db, "ffffffffffff", "/nonexistent/x", key_file, NULL) < 0);
    snprintf(other, sizeof other, "%s/third.db", dir);
    cr_assert(transfer_export(db, "ffffffffffff", other, key_file, NULL) == -ENOENT);
    cr_assert(stat(other, &st) < 0);
}

static int
count_remembered(void *ctx, const struct remembered *r)
{
    ++*(int *)ctx;
    return 0;
}

Test(keep, import_keeps_hashes_and_grants_nothing)
{
    char home[96], own_key[96];
    unsigned added = 0, known = 0;
    int n = 0;
    cleanup_err struct err err = {0};
    record("aaaaaaaaaaaa", SCOPE_SESSION);
    record("bbbbbbbbbbbb", SCOPE_ALWAYS);
    cr_assert(transfer_export(db, "bbbbbbbbbbbb", other, key_file, NULL) == 0);
    cleanup_free char *hash = query("SELECT hex(hash) FROM event WHERE session = 2 AND seq = 7");
    // Another machine: a record and a key of its own.
    snprintf(home, sizeof home, "%s/home.db", dir);
    snprintf(own_key, sizeof own_key, "%s/home.key", dir);
    strcpy(db, home);
    strcpy(key_file, own_key);
    record("cccccccccccc", SCOPE_SESSION);
    int ret = transfer_import(other, db, key_file, &added, &known, &err);
    cr_assert(ret == 0 && added == 1 && known == 0, "%s", err.msg);
    cr_assert(transfer_import(other, db, key_file, &added, &known, NULL) == 0);
    cr_assert(added == 0 && known == 1);
    cr_assert(verified(db) == 3);
    cr_assert(query_gives("SELECT hex(e.hash) FROM event e JOIN session s ON s.nr = e.session"
                          " WHERE s.id = 'bbbbbbbbbbbb' AND seq = 7",
                          hash));
    cr_assert(query_gives("SELECT count(*) FROM v_grants WHERE scope = 'always'", "1"));
    cr_assert(remembered_list(db, 1000, NULL, count_remembered, &n, NULL) == 0 && n == 0);
    cr_assert(remembered_revoke(db, key_file, "bbbbbbbbbbbb", 1, "x", NULL, NULL) == -ENOENT);
}

Test(keep, what_was_altered_is_not_imported)
{
    unsigned added = 7, known = 7;
    cleanup_err struct err err = {0};
    char saved[96];
    record("aaaaaaaaaaaa", SCOPE_SESSION);
    cr_assert(transfer_export(db, "aaaaaaaaaaaa", other, key_file, NULL) == 0);
    strcpy(saved, db);
    strcpy(db, other);
    free(query("DROP TRIGGER decision_no_update"));
    free(query("UPDATE decision SET verdict = 'allow'"));
    snprintf(db, sizeof db, "%s/home.db", dir);
    record("cccccccccccc", SCOPE_SESSION);
    cr_assert(transfer_import(other, db, key_file, &added, &known, &err) == -EBADMSG);
    cr_assert(strstr(err.msg, "event 6") && added == 7, "%s", err.msg);
    cr_assert(query_gives("SELECT count(*) FROM session", "1"));
}

// A file whose ids are something else: not believed, and not used for a name of a file.
Test(keep, ids_of_others)
{
    static const char *const ids[] = {"../../escape", "0123456789AB", "\x1b[31m red  ", ""};
    unsigned added = 0, known = 0;
    record("aaaaaaaaaaaa", SCOPE_SESSION);
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        cleanup_err struct err err = {0};
        cleanup_free char *id = NULL;
        int problems = 0;
        char mine[96];
        strcpy(mine, db);
        snprintf(other, sizeof other, "%s/other%zu.db", dir, i);
        cr_assert(transfer_export(mine, "aaaaaaaaaaaa", other, key_file, NULL) == 0);
        strcpy(db, other);
        free(query("DROP TRIGGER session_ends_once"));
        cleanup_free char *sql = xasprintf("UPDATE session SET id = '%s'", ids[i]);
        free(query(sql));
        strcpy(db, mine);
        cr_assert(find_session(other, "@", &id, NULL) == -ESRCH);
        cr_assert(transfer_import(other, db, key_file, &added, &known, &err) == -EBADMSG);
        cr_assert(strstr(err.msg, "is not what was recorded") != NULL, "%s", err.msg);
        int r = verify_record(other, &(struct verify_options){0}, count_problem, &problems, NULL);
        cr_assert(r == -EBADMSG && problems >= 2);
    }
}

// --- remembered grants ---------------------------------------------------------------------------

struct memory {
    int n;
    char session[16];
};

static int
keep_remembered(void *ctx, const struct remembered *r)
{
    struct memory *m = ctx;
    const struct grant *g = r->grant;
    m->n++;
    snprintf(m->session, sizeof m->session, "%s", r->session);
    cr_assert(g->scope == SCOPE_ALWAYS && g->verdict == VERDICT_ALLOW && g->reach == REACH_DIR);
    cr_assert_str_eq(g->path, "/tmp/\xff");
    cr_assert(r->uid == 1000 && g->id == 1 && g->request == 1 && g->access == ACCESS_READ);
    return 0;
}

Test(keep, remembered)
{
    struct memory m = {0};
    cr_assert(remembered_list(db, 1000, NULL, keep_remembered, &m, NULL) == 0 && m.n == 0);
    record("aaaaaaaaaaaa", SCOPE_SESSION);
    record("bbbbbbbbbbbb", SCOPE_ALWAYS);
    cr_assert(remembered_list(db, 1000, NULL, keep_remembered, &m, NULL) == 0 && m.n == 1);
    cr_assert_str_eq(m.session, "bbbbbbbbbbbb");
    cr_assert(remembered_list(db, 1001, NULL, keep_remembered, &m, NULL) == 0 && m.n == 1);
    cr_assert(remembered_list(db, 1000, "shop", keep_remembered, &m, NULL) == 0 && m.n == 1);
    cr_assert(remembered_list(db, 1000, "", keep_remembered, &m, NULL) == 0 && m.n == 2);
    cr_assert(remembered_revoke(db, key_file, "bbbbbbbbbbbb", 2, "x", NULL, NULL) == -ENOENT);
    cr_assert(remembered_revoke(db, key_file, "bbbbbbbbbbbb", 1, "nono revoke", "a \xff", NULL) ==
              0);
    cr_assert(remembered_revoke(db, key_file, "bbbbbbbbbbbb", 1, "x", NULL, NULL) == -ENOENT);
    cr_assert(remembered_list(db, 1000, NULL, keep_remembered, &m, NULL) == 0 && m.n == 2);
    cr_assert(query_gives("SELECT revoked FROM v_grants WHERE scope = 'always'", "1"));
    cr_assert(verified(db) == 3);
}

static int
take_one(void *ctx, const struct remembered *r)
{
    return *(int *)ctx;
}

Test(keep, who_does_not_take_what_is_remembered_has_no_record)
{
    static const int codes[][2] = {{0, 0}, {1, -ECANCELED}, {-EPERM, -EPERM}};
    struct session_info s = {.id = (char *)"cccccccccccc", .uid = 1000};
    record("bbbbbbbbbbbb", SCOPE_ALWAYS);
    for (size_t i = 1; i <= ARRAY_SIZE(codes); i++) {
        const int *code = codes[i % ARRAY_SIZE(codes)];
        struct writer *w = NULL;
        cleanup_err struct err err = {0};
        struct writer_options o = {.path = db,
                                   .key = key_file,
                                   .info = &s,
                                   .acks = acks,
                                   .remembered = take_one,
                                   .remembered_ctx = (void *)&code[0]};
        cr_assert_eq(writer_start(&o, &w, &err), code[1], "%d", code[0]);
        cr_assert_eq(err.msg != NULL, code[1] < 0);
        if (code[1] == 0)
            writer_stop(w, 0);
    }
    cr_assert(query_gives("SELECT count(*) FROM session", "2"));
    cr_assert(verified(db) == 3);
}

Test(keep, remembered_by_number)
{
    static const char *const wrong[] = {"",
                                        "remembered:",
                                        "remembered: aaaaaaaaaaaa",
                                        "remembered: aaaaaaaaaaa:1",
                                        "remembered: aaaaaaaaaaaaa:1",
                                        "remembered: aaaaaaaaaaa/:1",
                                        "remembered: aaaaaaaaaaaa:",
                                        "remembered: aaaaaaaaaaaa:x",
                                        "remembered: aaaaaaaaaaaa:1x",
                                        "aaaaaaaaaaaa:1",
                                        "remembered:x aaaaaaaaaaaa:1",
                                        "remembered: aaaaaaaaaaaax1"};
    char session[REMEMBERED_SESSION_MAX] = "";
    uint64_t id = 0;
    cleanup_buf struct buf text = {0};
    remembered_put_name(&text, "aaaaaaaaaaaa", 7);
    remembered_put_name(&text, "bbbbbbbbbbbb", 12);
    cr_assert_str_eq(buf_str(&text), "remembered: aaaaaaaaaaaa:7 bbbbbbbbbbbb:12");
    cr_assert(remembered_find_name(buf_str(&text), 1, session, &id));
    cr_assert(strcmp(session, "aaaaaaaaaaaa") == 0 && id == 7);
    cr_assert(remembered_find_name(buf_str(&text), 2, session, &id));
    cr_assert(strcmp(session, "bbbbbbbbbbbb") == 0 && id == 12);
    cr_assert(!remembered_find_name(buf_str(&text), 0, session, &id));
    cr_assert(!remembered_find_name(buf_str(&text), UINT64_MAX, session, &id));
    cr_assert(!remembered_find_name(buf_str(&text), 3, session, &id));
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        cr_assert(!remembered_find_name(wrong[i], 1, session, &id), "%s", wrong[i]);
    cr_assert(strcmp(session, "bbbbbbbbbbbb") == 0 && id == 12);
}

// By a pane of the session itself, while it runs.
Test(keep, revoked_in_its_session)
{
    struct memory m = {0};
    struct writer *w = start("aaaaaaaaaaaa");
    struct grant *g = make_grant(1, 1);
    g->scope = SCOPE_ALWAYS;
    writer_add_request(w, make_request(1));
    writer_add_decision(w, make_decision(1, VERDICT_ALLOW), g, 1, true);
    next_ack();
    cr_assert(remembered_list(db, 1000, NULL, keep_remembered, &m, NULL) == 0 && m.n == 1);
    writer_add_revocation(w, 1, "pane", "leaked --token=abc");
    writer_stop(w, 0);
    cr_assert(
        query_gives("SELECT CAST(note AS TEXT) FROM revocation", "leaked --token=[REDACTED]"));
    cr_assert(remembered_list(db, 1000, NULL, keep_remembered, &m, NULL) == 0 && m.n == 1);
}

// --- names ---------------------------------------------------------------------------------------

Test(keep, names_of_sessions)
{
    static const struct {
        const char *spec, *id;
        int error;
    } cases[] = {
        {"@", "abcccccccccc", 0},
        {"@{1}", "abbbbbbbbbbb", 0},
        {"@{3}", NULL, -ESRCH},
        {"@{-1}", NULL, -ESRCH},
        {"aaaaaaaaaaaa", "aaaaaaaaaaaa", 0},
        {"aa", "aaaaaaaaaaaa", 0},
        {"ab", NULL, -ENOTUNIQ},
        {"a", NULL, -ESRCH},
        {"shop \xff", "abcccccccccc", 0},
        {"", NULL, -ESRCH},
        {"%", NULL, -ESRCH},
    };
    writer_stop(start("aaaaaaaaaaaa"), 0);
    writer_stop(start("abbbbbbbbbbb"), 0);
    writer_stop(start("abcccccccccc"), 0);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_free char *id = NULL;
        cleanup_err struct err err = {0};
        int r = find_session(db, cases[i].spec, &id, &err);
        cr_assert(r == cases[i].error, "%s: %d", cases[i].spec, r);
        cr_assert(r < 0 ? err.msg != NULL : strcmp(id, cases[i].id) == 0, "%s", cases[i].spec);
    }
}
