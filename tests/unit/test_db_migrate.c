// SPDX-License-Identifier: Apache-2.0
// A record of an older nono: data/audit-vN.db was written by the code of schema N.
#include <criterion/criterion.h>
#include <sys/stat.h>

#include "db_helpers.h"
#include "transfer.h"
#include "verify.h"

TestSuite(migrate, .init = setup, .fini = teardown, .timeout = 60);

static void
put_file(int version)
{
    cleanup_free char *command =
        xasprintf("mkdir -p %s/state && cp %s/audit-v%d.db %s", dir, NONO_TEST_DATA, version, db);
    cr_assert(system(command) == 0);
}

static void
put_old_file(void)
{
    put_file(1);
}

struct seen {
    int sessions, events;
    uint64_t requests, allowed, refused, waiting;
    struct reader *r;
};

static int
see_session(void *ctx, const struct session_row *s)
{
    struct seen *seen = ctx;
    seen->sessions++;
    struct session_counts c = {0};
    cr_assert(reader_counts(seen->r, s->id, &c, NULL) == 0);
    seen->requests += c.asked;
    seen->allowed += c.allowed;
    seen->refused += c.refused;
    seen->waiting += c.waiting;
    return 0;
}

static int
see_event(void *ctx, const struct event_row *e)
{
    ((struct seen *)ctx)->events++;
    return 0;
}

static void
expect_old_rows(int more_sessions)
{
    struct seen seen = {0};
    struct reader *r = open_reader();
    seen.r = r;
    cr_assert(reader_sessions(r, see_session, &seen, NULL) == 0);
    cr_assert(reader_events(r, &(struct event_filter){0}, see_event, &seen, NULL) == 0);
    reader_close(r);
    cr_assert(seen.sessions == 3 + more_sessions && seen.events == 35 + 2 * more_sessions);
    cr_assert(seen.requests == 14 && seen.waiting == 2);
    // Decisions with the calls that they answered, uses of the grant, repeats of a refusal.
    cr_assert(seen.allowed == 12 + 5 + 1 + 5 && seen.refused == 33 + 7 + 5 + 7);
}

Test(migrate, version_1_is_readable_and_stays)
{
    put_old_file();
    expect_old_rows(0);
    cr_assert(query_gives("PRAGMA user_version", "1"));
}

Test(migrate, version_1_becomes_current)
{
    put_old_file();
    writer_stop(start("aaaaaaaaaaaa"), 0);
    expect_old_rows(1);
    cr_assert(query_gives("PRAGMA user_version", "3"));
    cr_assert(query_gives("PRAGMA integrity_check", "ok"));
    cr_assert(query_gives("SELECT count(*) FROM pragma_foreign_key_check", "0"));
    cr_assert(query_gives("SELECT CAST(capabilities AS TEXT) FROM v_sessions LIMIT 1",
                          "rw /home/u/shop (--allow)\nr /usr (default)\n"));
    cr_assert(query_gives("UPDATE event SET text = NULL", "error: event is append-only"));
    writer_stop(start("bbbbbbbbbbbb"), 0);
    expect_old_rows(2);
}

Test(migrate, a_copy_is_kept)
{
    struct stat st;
    cleanup_free char *before = NULL;
    cleanup_free char *first = xasprintf("%s.v1", db);
    cleanup_free char *second = xasprintf("%s.v1.2", db);
    cleanup_free char *third = xasprintf("%s.v1.3", db);
    for (int i = 0; i < 2; i++) {
        put_old_file();
        free(query("PRAGMA journal_mode"));
        writer_stop(start("aaaaaaaaaaaa"), 0);
        cr_assert(stat(i ? second : first, &st) == 0 && (st.st_mode & 07777) == 0600);
        cleanup_free char *clean = xasprintf("rm %s %s-wal %s-shm", db, db, db);
        cr_assert(system(clean) == 0);
    }
    cr_assert(stat(third, &st) < 0);
    cr_assert(rename(first, db) == 0);
    expect_old_rows(0);
}

// The directory has no room for the copy: nothing is migrated.
Test(migrate, without_a_copy_nothing_changes)
{
    struct session_info s = {.id = (char *)"aaaaaaaaaaaa"};
    struct writer *w = NULL;
    cleanup_err struct err err = {0};
    put_old_file();
    for (int i = 1; i < 100; i++) {
        cleanup_free char *taken = i == 1 ? xasprintf("%s.v1", db) : xasprintf("%s.v1.%d", db, i);
        cr_assert(mkdir(taken, 0700) == 0);
    }
    struct writer_options o = {.path = db, .key = key_file, .info = &s, .acks = acks};
    cr_assert(writer_start(&o, &w, &err) < 0 && strstr(err.msg, "audit.db"));
    expect_old_rows(0);
    cr_assert(query_gives("PRAGMA user_version", "1"));
}

Test(migrate, schema_is_the_same_by_either_way)
{
    static const char sql[] = "SELECT group_concat(type || name || sql, char(10)) FROM"
                              " (SELECT * FROM sqlite_schema ORDER BY type, name)";
    writer_stop(start("aaaaaaaaaaaa"), 0);
    cleanup_free char *fresh = query(sql);
    cleanup_free char *clean = xasprintf("rm %s %s-wal %s-shm", db, db, db);
    cr_assert(system(clean) == 0);
    put_old_file();
    writer_stop(start("aaaaaaaaaaaa"), 0);
    cleanup_free char *migrated = query(sql);
    cr_assert_str_eq(fresh, migrated);
    cr_assert(system(clean) == 0);
    put_file(2);
    writer_stop(start("aaaaaaaaaaaa"), 0);
    cleanup_free char *from_2 = query(sql);
    cr_assert_str_eq(fresh, from_2);
}

static void
note_problem(void *ctx, const struct verify_row *row)
{
    *(int *)ctx += row->problem != NULL;
}

// How many chains are not what was recorded.
static int
problems_of(const char *path)
{
    int bad = 0;
    cleanup_err struct err err = {0};
    int ret =
        verify_record(path, &(struct verify_options){.thorough = true}, note_problem, &bad, &err);
    cr_assert(ret == (bad ? -EBADMSG : 0), "%d %s", ret, err.msg);
    return bad;
}

static int
count_row(void *ctx, const struct event_row *e)
{
    struct seen *seen = ctx;
    seen->events++;
    if (e->kind == KIND_REQUEST)
        cr_assert_null(e->exe_sha256);
    return 0;
}

static int
events_of(const char *session)
{
    struct seen seen = {0};
    struct request *q = NULL;
    struct reader *r = open_reader();
    cr_assert(reader_events(r, &(struct event_filter){0}, count_row, &seen, NULL) == 0);
    cr_assert(reader_request(r, session, 3, &q, NULL) == 0);
    cr_assert(q && q->has_sha256 && !q->has_exe_sha256);
    request_free(q);
    reader_close(r);
    return seen.events;
}

#define OLD_SESSION "0123456789ab"

Test(migrate, version_2_is_readable_verifies_and_stays)
{
    put_file(2);
    cr_assert(events_of(OLD_SESSION) == 34 && problems_of(db) == 0);
    cr_assert(query_gives("PRAGMA user_version", "2"));
    free(query("DROP TRIGGER request_no_update"));
    free(query("UPDATE request SET uid = uid + 1 WHERE id = 3"));
    cr_assert_gt(problems_of(db), 0);
}

Test(migrate, version_2_keeps_its_hashes)
{
    static const char hashes[] = "SELECT group_concat(hex(hash)) FROM (SELECT e.hash FROM event e"
                                 " JOIN session s ON s.nr = e.session WHERE s.id <> 'aaaaaaaaaaaa'"
                                 " ORDER BY e.session, e.seq)";
    put_file(2);
    cleanup_free char *before = query(hashes);
    writer_stop(start("aaaaaaaaaaaa"), 0);
    cleanup_free char *after = query(hashes);
    cr_assert_str_eq(before, after);
    cr_assert(query_gives("PRAGMA user_version", "3"));
    cr_assert(events_of(OLD_SESSION) == 36 && problems_of(db) == 0);
    cr_assert(query_gives("SELECT count(*) FROM v_requests WHERE exe_sha256 IS NULL", "10"));
    // What an old row does not have cannot be put into it.
    free(query("DROP TRIGGER request_no_update"));
    free(query("UPDATE request SET exe_sha256 = zeroblob(32) WHERE id = 3"));
    cr_assert_gt(problems_of(db), 0);
}

// Also from a file that nobody brings forward.
Test(migrate, version_2_can_be_exported_and_imported)
{
    unsigned added = 0, known = 0;
    cleanup_err struct err err = {0};
    cleanup_free char *old = xasprintf("%s/old.db", dir);
    cleanup_free char *part = xasprintf("%s/part.db", dir);
    cleanup_free char *move = xasprintf("mv %s %s", db, old);
    put_file(2);
    cr_assert(system(move) == 0);
    cr_assert(transfer_export(old, OLD_SESSION, part, key_file, &err) == 0, "%s", err.msg);
    cr_assert(problems_of(part) == 0);
    cr_assert(transfer_import(part, db, key_file, &added, &known, &err) == 0, "%s", err.msg);
    cr_assert(added == 1 && known == 0);
    cr_assert(transfer_import(old, db, key_file, &added, &known, &err) == 0, "%s", err.msg);
    cr_assert(added == 2 && known == 1);
    cr_assert(problems_of(db) == 0 && problems_of(old) == 0 && events_of(OLD_SESSION) == 34);
}
