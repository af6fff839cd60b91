// SPDX-License-Identifier: Apache-2.0
// Nothing in the record can be changed, removed, inserted, moved or cut off without being found:
// every mutation of every column of every row is generated and tried.
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "chain.h"
#include "db_helpers.h"
#include "key.h"
#include "verify.h"
#include "walk.h"

TestSuite(verify, .init = setup, .fini = teardown, .timeout = 110);

#define ENDED "0123456789ab"
#define CRASHED "cccccccccccc"

// --- a record with every kind of row ---------------------------------------------------------

static struct request *
rename_request(uint64_t id)
{
    struct request *r = make_request(id);
    r->op = OP_RENAME;
    r->target2 = xstrdup("to");
    r->resolved2 = xstrdup("/home/to\xff");
    r->object2 = (struct object){.exists = true, .dev = 1, .ino = 2, .mode = 0100644};
    r->detail = xstrdup("replaces it");
    return r;
}

static struct request *
exec_request(uint64_t id)
{
    struct request *r = make_request(id);
    r->op = OP_EXEC;
    r->interpreter = xstrdup("/bin/sh");
    r->has_sha256 = true;
    memset(r->sha256, 7, sizeof r->sha256);
    r->has_exe_sha256 = true;
    memset(r->exe_sha256, 8, sizeof r->exe_sha256);
    return r;
}

static struct endpoint
make_peer(int family)
{
    struct endpoint e = {.family = family, .type = SOCK_STREAM};
    if (family == AF_UNIX) {
        e.abstract = true;
    } else {
        e.port = 443;
        e.addr[0] = 10;
        e.loopback = false;
        e.scope_id = 3;
    }
    return e;
}

static struct request *
socket_request(uint64_t id, int family)
{
    struct request *r = make_request(id);
    r->op = OP_CONNECT;
    r->peer = make_peer(family);
    r->host = xstrdup("example.org");
    return r;
}

static struct network_event *
make_network(uint64_t request, int family)
{
    struct network_event *n = network_event_new();
    n->request = request;
    n->mode = OP_CONNECT;
    n->decision = NET_DENIED;
    n->category = NET_CATEGORY_HOST_DENIED;
    n->reason = REASON_NETWORK_DENIED;
    n->peer = make_peer(family);
    n->target = xstrdup("example.org:443");
    n->host = xstrdup("example.org");
    n->text = xstrdup("not in the policy");
    n->pid = 10;
    n->exe = xstrdup("/usr/bin/curl");
    n->real_ns = 1700000003000000000;
    return n;
}

static void
fill(struct writer *w)
{
    uint64_t id = 1;
    writer_add_request(w, make_request(id));
    writer_add_decision(w, make_decision(id, VERDICT_ALLOW), make_grant(1, id), 3, true);
    cr_assert(next_ack().error == 0);
    writer_add_request(w, rename_request(++id));
    writer_add_decision(w, make_decision(id, VERDICT_DENY), NULL, 1, false);
    writer_add_request(w, exec_request(++id));
    writer_add_request(w, socket_request(++id, AF_INET6));
    struct grant *g = make_grant(2, id);
    g->scope = SCOPE_ALWAYS;
    g->peer = make_peer(AF_INET6);
    g->host = xstrdup("example.org");
    g->exe = xstrdup("/usr/bin/curl");
    g->path2 = xstrdup("/home/to");
    g->has_sha256 = true;
    writer_add_decision(w, make_decision(id, VERDICT_ALLOW), g, 1, true);
    cr_assert(next_ack().error == 0);
    writer_add_request(w, socket_request(++id, AF_UNIX));
    writer_add_network(w, make_network(4, AF_INET));
    writer_add_network(w, make_network(0, AF_UNIX));
    writer_add_revocation(w, 1, "pane", "a mistake");
    writer_add_fault(w, "it broke");
    writer_add_count(w, "floor", 0, OP_READ, 12);
    writer_add_count(w, "grant", 1, OP_READ, 3);
    struct terminal_chunk *t = xcalloc(1, sizeof *t);
    *t = (struct terminal_chunk){.first_ns = 1, .last_ns = 2, .rows = 24, .columns = 80};
    t->data = xstrdup("[0.1, \"o\", \"hello\"]");
    t->len = strlen(t->data);
    writer_add_terminal(w, t);
}

static void
make_record(void)
{
    int status;
    struct writer *w = start(ENDED);
    fill(w);
    writer_stop(w, 42 << 8);
    writer_stop(start("bbbbbbbbbbbb"), 0);
    pid_t pid = fork();
    if (pid == 0) {
        w = start(CRASHED);
        fill(w);
        // A commit that holds all of it.
        writer_add_decision(w, make_decision(2, VERDICT_DENY), NULL, 1, true);
        next_ack();
        kill(getpid(), SIGKILL);
    }
    cr_assert(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
    free(query("PRAGMA wal_checkpoint(TRUNCATE)"));
}

// --- looking
// --------------------------------------------------------------------------------------

struct outcome {
    int rows, bad;
    char first[200]; /* "ID: AT PROBLEM" */
    uint64_t events, signed_to;
};

static void
note(void *ctx, const struct verify_row *row)
{
    struct outcome *o = ctx;
    o->rows++;
    o->events += row->events;
    o->signed_to += row->signed_to;
    if (row->problem && !o->bad++)
        snprintf(o->first, sizeof o->first, "%s: %d %s", row->id, (int)row->at, row->problem);
}

static struct outcome
look(void)
{
    struct outcome o = {0};
    cleanup_err struct err err = {0};
    int ret = verify_record(db, &(struct verify_options){0}, note, &o, &err);
    cr_assert(ret == (o.bad ? -EBADMSG : 0), "%d %s", ret, err.msg);
    return o;
}

static sqlite3 *
open_raw(void)
{
    sqlite3 *h = NULL;
    cr_assert(sqlite3_open_v2(db, &h, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK);
    sqlite3_exec(h, "PRAGMA foreign_keys=OFF; PRAGMA synchronous=OFF", NULL, NULL, NULL);
    return h;
}

// Whoever can write the file can do this, too.
static void
drop_triggers(void)
{
    cleanup_free char *list =
        query("SELECT group_concat('DROP TRIGGER ' || name, ';') FROM sqlite_schema"
              " WHERE type = 'trigger'");
    sqlite3 *h = open_raw();
    cr_assert(sqlite3_exec(h, list, NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_exec(h, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
    sqlite3_close(h);
}

static char *good;
static size_t good_len;

static void
keep_good(void)
{
    ssize_t n = read_file_at(AT_FDCWD, db, 1 << 24, &good);
    cr_assert(n > 0);
    good_len = (size_t)n;
}

static void
restore_good(void)
{
    cleanup_free char *wal = xasprintf("%s-wal", db);
    cleanup_free char *shm = xasprintf("%s-shm", db);
    unlink(wal);
    unlink(shm);
    cleanup_fd int fd = open(db, O_WRONLY | O_TRUNC);
    cr_assert(fd >= 0 && write_all(fd, good, good_len) == 0);
}

static int
apply(const char *sql)
{
    sqlite3 *h = open_raw();
    int rc = sqlite3_exec(h, sql, NULL, NULL, NULL);
    int changed = sqlite3_total_changes(h);
    sqlite3_close(h);
    return rc == SQLITE_OK && changed > 0 ? 0 : -EINVAL;
}

// Is what the statement does found? It must do something.
static void
expect_found(const char *sql)
{
    cr_assert(apply(sql) == 0, "%s", sql);
    struct outcome o = look();
    cr_assert(o.bad, "not found: %s", sql);
    restore_good();
}

struct list {
    char *items[4096];
    size_t n;
};

static int
collect(void *ctx, int columns, char **values, char **names)
{
    struct list *l = ctx;
    cr_assert(l->n < ARRAY_SIZE(l->items));
    l->items[l->n++] = xstrdup(values[0]);
    return 0;
}

static void
select_list(const char *sql, struct list *ret_list)
{
    sqlite3 *h = open_raw();
    *ret_list = (struct list){0};
    cr_assert(sqlite3_exec(h, sql, collect, ret_list, NULL) == SQLITE_OK, "%s", sql);
    sqlite3_close(h);
}

static void
list_done(struct list *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->items[i]);
}

// What is not covered in a session that has no end: its counts and its terminal.
#define UNCOVERED "(SELECT nr FROM session WHERE ended_ns IS NULL)"

static const struct {
    const char *name, *key; /* an expression that names a row in SQL */
    const char *where;
} tables[] = {
    {"session", "'nr = ' || nr", ""},
    {"event", "'session = ' || session || ' AND seq = ' || seq", ""},
    {"request", "'session = ' || session || ' AND id = ' || id", ""},
    {"decision", "'session = ' || session || ' AND seq = ' || seq", ""},
    {"granted", "'session = ' || session || ' AND id = ' || id", ""},
    {"network", "'session = ' || session || ' AND seq = ' || seq", ""},
    {"revocation", "'session = ' || session || ' AND seq = ' || seq", ""},
    {"access_count",
     "'session = ' || session || ' AND what = ''' || what || ''' AND request = ' || request",
     "WHERE session NOT IN " UNCOVERED},
    {"terminal", "'session = ' || session || ' AND chunk = ' || chunk",
     "WHERE session NOT IN " UNCOVERED},
    {"journal", "'seq = ' || seq", ""},
    {"content", "'digest = x''' || hex(digest) || ''''", ""},
    {"head", "'session = ' || session", ""},
};

static void
rows_of(size_t table, struct list *ret_rows)
{
    cleanup_free char *sql = xasprintf("SELECT %s FROM %s %s", tables[table].key,
                                       tables[table].name, tables[table].where);
    select_list(sql, ret_rows);
    cr_assert(ret_rows->n > 0, "no row in %s", tables[table].name);
}

static void
begin(void)
{
    make_record();
    drop_triggers();
    keep_good();
    struct outcome o = look();
    cr_assert(!o.bad && o.rows == 4, "%d %s", o.rows, o.first);
}

// --- tests
// ------------------------------------------------------------------------------------------

Test(verify, a_good_record)
{
    make_record();
    struct outcome o = look();
    cr_assert(!o.bad && o.rows == 4, "%d %s", o.rows, o.first);
    cleanup_free char *events = query("SELECT (SELECT count(*) FROM event)"
                                      " + (SELECT count(*) FROM journal)");
    cr_assert(o.events == strtoull(events, NULL, 10) && o.signed_to == o.events);
}

// The lists of this file know every table: a new one is tried in all ways, too.
Test(verify, every_table_is_tried)
{
    struct list names;
    make_record();
    select_list("SELECT name FROM sqlite_schema WHERE type = 'table'", &names);
    for (size_t i = 0; i < names.n; i++) {
        bool known = false;
        for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
            known |= strcmp(tables[t].name, names.items[i]) == 0;
        cr_expect(known, "%s", names.items[i]);
    }
    cr_assert(names.n == ARRAY_SIZE(tables));
    list_done(&names);
}

Test(verify, every_column_of_every_row)
{
    int tried = 0;
    begin();
    for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
        struct list rows, columns;
        cleanup_free char *sql =
            xasprintf("SELECT name FROM pragma_table_info('%s')", tables[t].name);
        select_list(sql, &columns);
        rows_of(t, &rows);
        for (size_t r = 0; r < rows.n; r++) {
            for (size_t c = 0; c < columns.n; c++) {
                const char *name = columns.items[c];
                // Another value of the same type; for NULL, one of the column's type.
                cleanup_free char *change = xasprintf(
                    "UPDATE %s SET %s = CASE typeof(%s) WHEN 'integer' THEN %s + 1000000"
                    " WHEN 'text' THEN %s || 'x' WHEN 'blob' THEN CAST(%s || 'x' AS BLOB)"
                    " ELSE (SELECT CASE type WHEN 'INTEGER' THEN 7 WHEN 'TEXT' THEN 'x' ELSE x'78'"
                    " END FROM pragma_table_info('%s') WHERE name = '%s') END WHERE %s",
                    tables[t].name, name, name, name, name, name, tables[t].name, name,
                    rows.items[r]);
                expect_found(change);
                tried++;
                cleanup_free char *empty =
                    xasprintf("UPDATE %s SET %s = NULL WHERE %s AND %s IS NOT NULL", tables[t].name,
                              name, rows.items[r], name);
                // Most columns refuse that by themselves.
                if (apply(empty) == 0) {
                    cr_assert(look().bad, "not found: %s", empty);
                    restore_good();
                    tried++;
                }
            }
        }
        list_done(&rows);
        list_done(&columns);
    }
    cr_assert(tried > 1300, "%d", tried);
    free(good);
}

Test(verify, every_deletion)
{
    begin();
    for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
        struct list rows;
        rows_of(t, &rows);
        for (size_t r = 0; r < rows.n; r++) {
            cleanup_free char *sql =
                xasprintf("DELETE FROM %s WHERE %s", tables[t].name, rows.items[r]);
            expect_found(sql);
        }
        list_done(&rows);
    }
    free(good);
}

// Each row a second time, under a key that is free.
Test(verify, every_insertion)
{
    static const char *const keys[] = {"nr",  "seq",     "id",    "seq", "id",     "seq",
                                       "seq", "request", "chunk", "seq", "digest", "session"};
    begin();
    for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
        struct list rows;
        rows_of(t, &rows);
        for (size_t r = 0; r < rows.n; r++) {
            cleanup_free char *names_sql =
                xasprintf("SELECT group_concat(name) FROM pragma_table_info('%s')", tables[t].name);
            cleanup_free char *values_sql = xasprintf(
                "SELECT group_concat(CASE WHEN name = '%s' THEN CASE type WHEN 'BLOB' THEN"
                " 'CAST(' || name || ' || 1 AS BLOB)' ELSE name || ' + 1000000' END WHEN"
                " name IN ('seq', 'id') AND '%s' <> 'journal' THEN CASE type WHEN 'TEXT' THEN"
                " name || '|| 1' ELSE name || ' + 1000000' END ELSE name END)"
                " FROM pragma_table_info('%s')",
                keys[t], tables[t].name, tables[t].name);
            cleanup_free char *names = query(names_sql);
            cleanup_free char *values = query(values_sql);
            cleanup_free char *sql =
                xasprintf("INSERT INTO %s(%s) SELECT %s FROM %s WHERE %s", tables[t].name, names,
                          values, tables[t].name, rows.items[r]);
            expect_found(sql);
        }
        list_done(&rows);
    }
    free(good);
}

static uint64_t
number(const char *sql)
{
    cleanup_free char *text = query(sql);
    return strtoull(text, NULL, 10);
}

// Two neighbours change places: with their facts, and each kind of order that a table knows.
Test(verify, every_swap)
{
    static const char *const names[] = {"event",   "request",    "decision", "granted",
                                        "network", "revocation", "journal"};
    begin();
    uint64_t last = number("SELECT max(seq) FROM event WHERE session = 1");
    for (uint64_t seq = 1; seq < last; seq++) {
        struct buf b = {0};
        for (size_t i = 0; i + 1 < ARRAY_SIZE(names); i++)
            buf_printf(&b,
                       "UPDATE %s SET seq = -1 WHERE session = 1 AND seq = %d;"
                       "UPDATE %s SET seq = %d WHERE session = 1 AND seq = %d;"
                       "UPDATE %s SET seq = %d WHERE session = 1 AND seq = -1;",
                       names[i], (int)seq, names[i], (int)seq, (int)seq + 1, names[i],
                       (int)seq + 1);
        cr_assert(apply(buf_str(&b)) == 0);
        buf_done(&b);
        struct outcome o = look();
        cleanup_free char *want = xasprintf("%s: %d ", ENDED, (int)seq);
        cr_assert(strncmp(o.first, want, strlen(want)) == 0, "%d: %s", (int)seq, o.first);
        restore_good();
    }
    expect_found("UPDATE journal SET seq = -1 WHERE seq = 1; UPDATE journal SET seq = 1 WHERE seq"
                 " = 2; UPDATE journal SET seq = 2 WHERE seq = -1");
    free(good);
}

// The last n events, with all that belongs to them, as if they had never been.
Test(verify, every_truncation)
{
    begin();
    for (int session = 1; session <= 3; session++) {
        cleanup_free char *sql =
            xasprintf("SELECT max(seq) FROM event WHERE session = %d", session);
        uint64_t last = number(sql);
        for (uint64_t n = 0; n < last; n++) {
            static const char *const names[] = {"event",   "request", "decision",
                                                "granted", "network", "revocation"};
            struct buf b = {0};
            for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                buf_printf(&b, "DELETE FROM %s WHERE session = %d AND seq > %d;", names[i], session,
                           (int)n);
            buf_printf(&b,
                       "UPDATE session SET ended_ns = NULL, wait_status = NULL, counts_digest ="
                       " NULL, terminal_digest = NULL WHERE nr = %d",
                       session);
            cr_assert(apply(buf_str(&b)) == 0);
            struct outcome o = look();
            cleanup_free char *want = xasprintf(": %d is missing: the end was cut off", (int)n + 1);
            cr_assert(strstr(o.first, want) != NULL, "%d: %s", (int)n, o.first);
            // Without its head, too.
            buf_printf(&b, "; DELETE FROM head WHERE session = %d", session);
            restore_good();
            expect_found(buf_str(&b));
            buf_done(&b);
        }
    }
    free(good);
}

Test(verify, a_whole_session_is_missed)
{
    begin();
    for (int session = 1; session <= 3; session++) {
        static const char *const names[] = {"event",        "request",  "decision",
                                            "granted",      "network",  "revocation",
                                            "access_count", "terminal", "head"};
        struct buf b = {0};
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
            buf_printf(&b, "DELETE FROM %s WHERE session = %d;", names[i], session);
        buf_printf(&b, "DELETE FROM session WHERE nr = %d", session);
        expect_found(buf_str(&b));
        buf_done(&b);
    }
    free(good);
}

// Who knows how the hashes are made, but has no key.
Test(verify, a_rewritten_chain_is_not_the_signed_one)
{
    begin();
    sqlite3 *h = open_raw();
    cr_assert(sqlite3_exec(h, "UPDATE decision SET verdict = 'allow' WHERE verdict = 'deny'", NULL,
                           NULL, NULL) == SQLITE_OK);
    struct chain_tip tip;
    struct walk w;
    sqlite3_stmt *st = NULL;
    chain_start(&tip, "session", ENDED);
    cr_assert(walk_begin(&w, h, 1) == SQLITE_OK);
    sqlite3_prepare_v2(h, "UPDATE event SET hash = ?1 WHERE session = 1 AND seq = ?2", -1, &st,
                       NULL);
    while (walk_next(&w) == SQLITE_ROW) {
        chain_add(&tip, &w.bytes);
        sqlite3_bind_blob(st, 1, tip.hash, CHAIN_HASH_LEN, SQLITE_STATIC);
        sqlite3_bind_int64(st, 2, (int64_t)w.seq);
        cr_assert(sqlite3_step(st) == SQLITE_DONE);
        sqlite3_reset(st);
    }
    walk_done(&w);
    sqlite3_finalize(st);
    sqlite3_close(h);
    struct outcome o = look();
    cr_assert(strstr(o.first, "differs from what was signed") != NULL, "%s", o.first);
    free(good);
}

static void
note_keys(void *ctx, const struct verify_row *row)
{
    *(int *)ctx += row->foreign_key;
}

Test(verify, keys)
{
    struct key own, other;
    struct stat st;
    int foreign = 0;
    cleanup_err struct err err = {0};
    make_record();
    cr_assert(stat(key_file, &st) == 0 && (st.st_mode & 07777) == 0600);
    cr_assert(key_open(key_file, &own, &err) == 0, "%s", err.msg);
    struct verify_options o = {.key = own.public};
    cr_assert(verify_record(db, &o, note_keys, &foreign, NULL) == 0 && foreign == 0);
    cr_assert(unlink(key_file) == 0 && key_open(key_file, &other, NULL) == 0);
    cr_assert(memcmp(own.public, other.public, KEY_PUBLIC_LEN) != 0);
    o.key = other.public;
    cr_assert(verify_record(db, &o, note_keys, &foreign, NULL) == 0 && foreign == 4);
}

Test(verify, odd_keys)
{
    static const char *const texts[] = {"", "short\n", "zz", NULL};
    struct key key;
    for (int i = 0; texts[i]; i++) {
        cleanup_err struct err err = {0};
        cleanup_fd int fd = open(key_file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        cr_assert(write_all(fd, texts[i], strlen(texts[i])) == 0);
        cr_assert(key_open(key_file, &key, &err) == -EINVAL && strstr(err.msg, "audit.key"));
    }
    cleanup_err struct err err = {0};
    unlink(key_file);
    cr_assert(key_open(key_file, &key, &err) == 0 && chmod(key_file, 0640) == 0);
    cr_assert(key_open(key_file, &key, &err) == -EPERM);
    unlink(key_file);
    cr_assert(symlink("/dev/zero", key_file) == 0 && key_open(key_file, &key, NULL) == -ELOOP);
}

// A head that was written down elsewhere finds what a copy of the key and an old file could hide.
Test(verify, anchors)
{
    make_record();
    struct verify_anchor a = {.id = ENDED, .seq = 3};
    cleanup_free char *hex = query("SELECT hex(hash) FROM event WHERE session = 1 AND seq = 3");
    struct verify_options o = {.anchors = &a, .anchors_n = 1};
    struct outcome out = {0};
    for (size_t i = 0; i < 32; i++)
        cr_assert(sscanf(hex + 2 * i, "%2hhx", &a.hash[i]) == 1);
    cr_assert(verify_record(db, &o, note, &out, NULL) == 0);
    a.hash[5] ^= 1;
    cr_assert(verify_record(db, &o, note, &out, NULL) == -EBADMSG);
    cr_assert_str_eq(out.first, ENDED ": 3 differs from the anchor");
    a.seq = 1000;
    out = (struct outcome){0};
    cr_assert(verify_record(db, &o, note, &out, NULL) == -EBADMSG);
    cr_assert(strstr(out.first, "is missing: the end was cut off") != NULL);
}
