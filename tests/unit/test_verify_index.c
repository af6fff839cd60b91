// SPDX-License-Identifier: Apache-2.0
// An index that does not fit its table: the chain is read from the tables and whole, but nono log
// would not find what is there.
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "db_helpers.h"
#include "verify.h"

TestSuite(verify_index, .init = setup, .fini = teardown, .timeout = 60);

static void
make_record(void)
{
    struct writer *w = start("0123456789ab");
    for (uint64_t i = 1; i <= 8; i++) {
        writer_add_request(w, make_request(i));
        writer_add_decision(w, make_decision(i, i % 2 ? VERDICT_ALLOW : VERDICT_DENY), NULL, 1,
                            false);
    }
    writer_stop(w, 0);
}

static void
note(void *ctx, const struct verify_row *row)
{
    const char **problem = ctx;
    if (row->problem && !*problem)
        *problem = row->problem;
}

// What is wrong first; "" for nothing.
static const char *
look(bool thorough)
{
    const char *problem = NULL;
    struct verify_options o = {.thorough = thorough};
    int ret = verify_record(db, &o, note, &problem, NULL);
    cr_assert(ret == (problem ? -EBADMSG : 0), "%d", ret);
    return problem ? problem : "";
}

static void
change(const char *sql)
{
    sqlite3 *h = NULL;
    char *why = NULL;
    cr_assert(sqlite3_open_v2(db, &h, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK);
    cr_assert(sqlite3_exec(h, sql, NULL, NULL, &why) == SQLITE_OK, "%s", why);
    sqlite3_close(h);
}

// The index as this definition makes it, in a file that says it was made by the right one.
static void
damage(const char *definition)
{
    for (int back = 0; back < 2; back++) {
        cleanup_free char *sql =
            xasprintf("PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql = 'CREATE INDEX"
                      " decision_by_request ON decision(session, request, %s' WHERE name ="
                      " 'decision_by_request'",
                      back ? "verdict, count)" : definition);
        change(sql);
        if (!back)
            change("REINDEX decision_by_request");
    }
}

Test(verify_index, a_good_one)
{
    make_record();
    cr_assert_str_eq(look(false), "");
    cr_assert_str_eq(look(true), "");
}

Test(verify_index, entries_are_missing)
{
    make_record();
    damage("verdict, count) WHERE verdict <> ''deny''");
    cr_assert(strstr(look(false), "an index is damaged"));
    cr_assert(strstr(look(true), "an index is damaged"));
    change("REINDEX");
    cr_assert_str_eq(look(true), "");
}

// As many entries as rows: only a look at each of them tells.
Test(verify_index, other_entries)
{
    make_record();
    damage("verdict, seq)");
    cr_assert_str_eq(look(false), "");
    cr_assert(strstr(look(true), "an index is damaged"));
}

// Each that the schema knows, also one that is added later.
Test(verify_index, no_index)
{
    make_record();
    cleanup_free char *names = query("SELECT group_concat(name) FROM sqlite_schema"
                                     " WHERE type = 'index' AND sql IS NOT NULL");
    int tried = 0;
    char *rest = names;
    for (char *name; (name = strsep(&rest, ",")); tried++) {
        cleanup_free char *find =
            xasprintf("SELECT sql FROM sqlite_schema WHERE name = '%s'", name);
        cleanup_free char *definition = query(find);
        cleanup_free char *drop = xasprintf("DROP INDEX %s", name);
        change(drop);
        cr_expect(strstr(look(false), "an index is missing"), "%s", name);
        change(definition);
        cr_expect_str_eq(look(false), "");
    }
    cr_assert(tried >= 6);
}
