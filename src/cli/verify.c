// SPDX-License-Identifier: Apache-2.0
// nono verify
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "buf.h"
#include "cli.h"
#include "clock.h"
#include "display.h"
#include "find.h"
#include "options.h"
#include "registry.h"
#include "util.h"
#include "verify.h"

#define JOURNAL_WORD "journal"

enum { OPT_DB = OPTIONS_LONG, OPT_ANCHOR, OPT_AGAINST, OPT_KEY, OPT_THOROUGH, OPT_JSON, OPT_JSONL };

static const struct option_row verify_rows[] = {
    {OPT_DB, "db", "FILE", "the record (default $XDG_STATE_HOME/nono/audit.db)"},
    {OPT_ANCHOR, "anchor", "WHERE", "write the heads down: stdout, syslog, or a file (appended)"},
    {OPT_AGAINST, "against", "FILE", "compare with heads that --anchor wrote down"},
    {OPT_KEY, "key", "KEY", "the public key that must have signed (64 hex digits)"},
    {OPT_THOROUGH, "thorough", NULL, "every entry of the indices of the file, too"},
    {'v', "verbose", NULL, "a line for each session"},
    {OPT_JSON, "json", NULL, "one JSON array of what was found"},
    {OPT_JSONL, "jsonl", NULL, "one JSON object per session and line"},
    {0},
};

static const struct options_help verify_help = {
    .synopsis = "nono verify [SESSION...] [options]",
    .about = "Computes each session's hash chain again and compares it with the signed heads.\n"
             "Names the first event that was altered, removed, inserted, moved or cut off.",
    .rows = verify_rows,
    .more = "Exit status: 0 all is as it was recorded, 2 usage, 3 the record can't be read,\n"
            "4 something is not as it was recorded.",
};

struct verify {
    struct options o;
    struct verify_options check;
    const char *db, *anchor, *against;
    bool verbose;
    int json; /* OPT_JSON, OPT_JSONL, or 0 */
    uint64_t printed;
    uint8_t key[KEY_PUBLIC_LEN];
    char **ids; /* owned; NULL behind the last */
    size_t ids_n;
    struct verify_anchor *anchors; /* owned */
    struct buf written;            /* lines of --anchor */
    uint64_t sessions, events, problems;
    uint64_t open; /* sessions without an end */
    bool signed_by_any;
    uint8_t signer[KEY_PUBLIC_LEN]; /* of the first chain that is signed */
    uint64_t others;                /* chains that another key signed */
};

static void
verify_done(struct verify *v)
{
    for (size_t i = 0; i < v->ids_n; i++)
        free(v->ids[i]);
    free(v->ids);
    free(v->anchors);
    buf_done(&v->written);
}

// --- input ---------------------------------------------------------------------------------------

static int
set_key(struct verify *v)
{
    size_t n = 0;
    if (sodium_hex2bin(v->key, sizeof v->key, v->o.arg, strlen(v->o.arg), NULL, &n, NULL) < 0 ||
        n != sizeof v->key) {
        options_bad_value(&v->o, "not 64 hexadecimal digits");
        return -EINVAL;
    }
    v->check.key = v->key;
    v->check.key_only = true;
    return 0;
}

static int
parse(struct verify *v, int argc, char **argv)
{
    int c;
    options_init(&v->o, &verify_help, argc, argv);
    while ((c = options_next(&v->o)) >= 0) {
        if (c == OPT_DB)
            v->db = v->o.arg;
        else if (c == OPT_ANCHOR)
            v->anchor = v->o.arg;
        else if (c == OPT_AGAINST)
            v->against = v->o.arg;
        else if (c == OPT_THOROUGH)
            v->check.thorough = true;
        else if (c == 'v')
            v->verbose = true;
        else if (c == OPT_JSON || c == OPT_JSONL)
            v->json = c;
        else if (c == OPT_KEY && set_key(v) < 0)
            return -EINVAL;
    }
    if (c == OPTIONS_END && v->check.thorough && v->o.index < argc) {
        options_error(&v->o, "--thorough looks at the whole record: name no session");
        return -EINVAL;
    }
    return c == OPTIONS_END ? 0 : -EINVAL;
}

// "nono-anchor 1 0123456789ab 42 HASH"; what stands in front (syslog) is skipped.
static int
parse_anchor(const char *line, struct verify_anchor *ret_a)
{
    char id[16], hex[65];
    unsigned long long seq;
    size_t n = 0;
    const char *at = strstr(line, "nono-anchor 1 ");
    if (!at || sscanf(at, "nono-anchor 1 %15s %llu %64[0-9a-f]", id, &seq, hex) != 3)
        return -EINVAL;
    *ret_a = (struct verify_anchor){.seq = seq};
    if (strcmp(id, JOURNAL_WORD) != 0)
        memcpy(ret_a->id, id, sizeof id);
    if (sodium_hex2bin(ret_a->hash, sizeof ret_a->hash, hex, strlen(hex), NULL, &n, NULL) < 0 ||
        n != sizeof ret_a->hash)
        return -EINVAL;
    return 0;
}

static int
read_anchors(struct verify *v)
{
    cleanup_free char *shown = display_str(v->against, DISPLAY_QUOTE);
    char line[1024];
    FILE *f = fopen(v->against, "re");
    if (!f)
        return options_fail(&v->o, EXIT_USAGE, "--against %s: %s", shown, strerror(errno));
    while (fgets(line, sizeof line, f)) {
        struct verify_anchor a;
        if (parse_anchor(line, &a) < 0)
            continue;
        size_t n = v->check.anchors_n;
        v->anchors = xrealloc(v->anchors, (n + 1) * sizeof *v->anchors);
        v->anchors[v->check.anchors_n++] = a;
    }
    fclose(f);
    v->check.anchors = v->anchors;
    return v->check.anchors_n ? 0
                              : options_fail(&v->o, EXIT_USAGE, "there is no anchor in %s", shown);
}

static int
find_sessions(struct verify *v, const char *db, char **specs, size_t n)
{
    v->ids = xcalloc(n + 1, sizeof *v->ids);
    for (size_t i = 0; i < n; i++) {
        cleanup_err struct err err = {0};
        int r = find_session(db, specs[i], &v->ids[i], &err);
        if (r < 0) {
            bool none = r == -ESRCH || r == -ENOTUNIQ;
            return options_fail(&v->o, none ? EXIT_USAGE : EXIT_UNREADABLE, "%s", err.msg);
        }
        v->ids_n++;
    }
    if (n)
        v->check.sessions = (const char *const *)v->ids;
    return 0;
}

// Your own record must be signed by your own key; another's is checked with the key it names.
static void
use_own_key(struct verify *v)
{
    cleanup_err struct err err = {0};
    cleanup_free char *file = registry_key_file();
    int r = v->check.key || !file ? -ENOENT : key_read_public(file, v->key, &err);
    if (r < 0 && r != -ENOENT)
        options_fail(&v->o, 0, "%s", err.msg);
    if (r < 0)
        return;
    v->check.key = v->key;
    v->check.key_only = v->db == NULL;
}

// --- output --------------------------------------------------------------------------------------

static void
print_problem(const struct verify_row *row)
{
    if (row->id[0])
        printf("session %s: ", row->id);
    else
        fputs("the journal of the record: ", stdout);
    if (row->at)
        printf("event %llu %s\n", (unsigned long long)row->at, row->problem);
    else
        printf("%s\n", row->problem);
}

// Nothing tells whether something followed its last event.
static bool
is_open(const struct verify_row *row)
{
    return row->id[0] && !row->ended && !row->problem;
}

static void
print_row(const struct verify_row *row)
{
    char name[KEY_NAME_LEN] = "nobody", hex[65] = "";
    if (row->key)
        key_name(row->key, name);
    if (row->hash)
        sodium_bin2hex(hex, sizeof hex, row->hash, 32);
    printf("%-12s %8llu events  %s  signed to %llu by %s%s%s\n",
           row->id[0] ? row->id : JOURNAL_WORD, (unsigned long long)row->events, hex,
           (unsigned long long)row->signed_to, name, row->imported ? " (imported)" : "",
           is_open(row) ? " (no end)" : "");
}

static void
print_json(struct verify *v, const struct verify_row *row)
{
    char hash[65] = "", key[2 * KEY_PUBLIC_LEN + 1] = "";
    if (row->hash)
        sodium_bin2hex(hash, sizeof hash, row->hash, 32);
    if (row->key)
        sodium_bin2hex(key, sizeof key, row->key, KEY_PUBLIC_LEN);
    json_t *o = json_pack("{s:i, s:s, s:b, s:I, s:s, s:I, s:s, s:b}", "schema", 1, "session",
                          row->id[0] ? row->id : JOURNAL_WORD, "ok", row->problem == NULL, "events",
                          (json_int_t)row->events, "hash", hash, "signed_to",
                          (json_int_t)row->signed_to, "key", key, "imported", row->imported);
    if (o && row->problem) {
        json_object_set_new(o, "problem", json_string(row->problem));
        json_object_set_new(o, "event", json_integer((json_int_t)row->at));
    }
    if (o && row->id[0])
        json_object_set_new(o, "ended", json_boolean(row->ended));
    if (o && row->key)
        json_object_set_new(o, "known_key", json_boolean(v->check.key && !row->foreign_key));
    cleanup_free char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    if (!text)
        die("out of memory");
    if (v->json == OPT_JSON)
        printf("%s\n%s", v->printed++ ? "," : "[", text);
    else
        puts(text);
}

static void
on_chain(void *ctx, const struct verify_row *row)
{
    struct verify *v = ctx;
    char hex[65];
    v->sessions += row->id[0] != 0;
    v->events += row->events;
    v->open += is_open(row);
    if (row->key && !v->signed_by_any) {
        memcpy(v->signer, row->key, KEY_PUBLIC_LEN);
        v->signed_by_any = true;
    }
    v->others += row->key && memcmp(v->signer, row->key, KEY_PUBLIC_LEN) != 0;
    v->problems += row->problem != NULL;
    if (v->json)
        print_json(v, row);
    else if (row->problem)
        print_problem(row);
    else if (v->verbose)
        print_row(row);
    if (row->problem)
        return;
    sodium_bin2hex(hex, sizeof hex, row->hash, 32);
    buf_printf(&v->written, "nono-anchor 1 %s %llu %s\n", row->id[0] ? row->id : JOURNAL_WORD,
               (unsigned long long)row->events, hex);
}

// syslog(3) tells nobody that nobody listens.
static int
find_syslog(void)
{
    static const int types[] = {SOCK_DGRAM, SOCK_STREAM};
    struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = _PATH_LOG};
    int r = -EPROTOTYPE;
    for (size_t i = 0; r == -EPROTOTYPE && i < ARRAY_SIZE(types); i++) {
        cleanup_fd int fd = socket(AF_UNIX, types[i] | SOCK_CLOEXEC, 0);
        r = fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0 ? -errno : 0;
    }
    return r;
}

static void
to_syslog(const char *text)
{
    openlog("nono", LOG_PID, LOG_AUTHPRIV);
    for (const char *end; (end = strchr(text, '\n')); text = end + 1)
        syslog(LOG_NOTICE, "%.*s", (int)(end - text), text);
    closelog();
}

static int
write_anchor(struct verify *v)
{
    const char *text = buf_str(&v->written);
    if (strcmp(v->anchor, "stdout") == 0) {
        fputs(text, stdout);
        return 0;
    }
    if (strcmp(v->anchor, "syslog") == 0) {
        int found = find_syslog();
        if (found < 0)
            return options_fail(&v->o, EXIT_FAILURE, "can't write the heads to syslog: %s: %s",
                                _PATH_LOG, strerror(-found));
        to_syslog(text);
        return 0;
    }
    cleanup_fd int fd = open(v->anchor, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    int r = fd < 0 ? -errno : write_all(fd, text, strlen(text));
    if (r == 0 && fsync(fd) < 0 && errno != EINVAL)
        r = -errno;
    if (r == 0)
        return 0;
    cleanup_free char *shown = display_str(v->anchor, DISPLAY_QUOTE);
    return options_fail(&v->o, EXIT_FAILURE, "--anchor %s: the heads cannot be written: %s", shown,
                        strerror(-r));
}

static void
print_summary(const struct verify *v)
{
    char name[KEY_NAME_LEN] = "nobody", hex[2 * KEY_PUBLIC_LEN + 1];
    const char *whose = "";
    if (v->signed_by_any) {
        key_name(v->signer, name);
        if (!v->check.key)
            whose = " (you have no key to compare with: nothing here vouches for it)";
        else if (memcmp(v->check.key, v->signer, sizeof v->signer) != 0)
            whose = " (not your key: nothing here vouches for it)";
    }
    printf("verified: %llu session%s, %llu events; signed by %s%s\n",
           (unsigned long long)v->sessions, v->sessions == 1 ? "" : "s",
           (unsigned long long)v->events, name, whose);
    if (v->others)
        printf("%llu of them signed by other keys (-v says which)\n",
               (unsigned long long)v->others);
    if (v->open)
        printf(
            "%llu of them without an end (running, killed, or cut off behind the last signature)\n",
            (unsigned long long)v->open);
    if (v->verbose && v->signed_by_any)
        printf("key: %s\n", sodium_bin2hex(hex, sizeof hex, v->signer, sizeof v->signer));
}

static int
verify(struct verify *v, const char *db)
{
    cleanup_err struct err err = {0};
    int r = verify_record(db, &v->check, on_chain, v, &err);
    if (r < 0 && r != -EBADMSG) {
        return options_fail(&v->o, EXIT_UNREADABLE, "%s", err.msg);
    }
    if (v->json) {
        if (v->json == OPT_JSON)
            puts(v->printed ? "\n]" : "[]");
        return v->problems ? EXIT_INTEGRITY : v->anchor ? write_anchor(v) : 0;
    }
    if (v->problems) {
        printf("NOT as it was recorded: %llu of %llu chains\n", (unsigned long long)v->problems,
               (unsigned long long)v->sessions + !v->check.sessions);
        return EXIT_INTEGRITY;
    }
    print_summary(v);
    return v->anchor ? write_anchor(v) : 0;
}

int
cmd_verify(int argc, char **argv)
{
    struct verify v = {0};
    if (parse(&v, argc, argv) < 0)
        return v.o.status;
    cleanup_free char *standard = v.db ? NULL : registry_default_db();
    const char *db = v.db ? v.db : standard;
    int status =
        !db ? options_fail(&v.o, EXIT_UNREADABLE, "no home directory: set HOME or XDG_STATE_HOME")
            : 0;
    if (!status && v.against)
        status = read_anchors(&v);
    if (!status)
        status = find_sessions(&v, db, argv + v.o.index, (size_t)(argc - v.o.index));
    if (!status) {
        use_own_key(&v);
        status = verify(&v, db);
    }
    verify_done(&v);
    return status;
}
