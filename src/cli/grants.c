// SPDX-License-Identifier: Apache-2.0
// nono grants
#include "grants.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attached.h"
#include "buf.h"
#include "cli.h"
#include "clock.h"
#include "display.h"
#include "grant_uses.h"
#include "options.h"
#include "registry.h"
#include "remember.h"
#include "util.h"
#include "wire.h"

enum { OPT_JSON = OPTIONS_LONG, OPT_JSONL, OPT_DB };

static const struct option_row grants_rows[] = {
    {OPT_DB, "db", "FILE", "the record of remembered ones (default $XDG_STATE_HOME/nono/audit.db)"},
    {OPT_JSON, "json", NULL, "one JSON array"},
    {OPT_JSONL, "jsonl", NULL, "one JSON object per line"},
    {0},
};

static const struct options_help grants_help = {
    .synopsis = "nono grants [SESSION] [options]",
    .about =
        "Prints what decisions left behind and still holds: number, for how long, how often it\n"
        "answered, and what it answers. Without SESSION those of all running sessions, and\n"
        "those that are remembered for later ones.",
    .rows = grants_rows,
    .more = "SESSION is an id, a unique prefix of one, a name, or @ for the newest.",
};

struct listed {
    char *session; /* owned */
    char *profile; /* of one that is only remembered; owned; NULL: it is live */
    struct grant *grant;
};

struct listing {
    struct listed *rows;
    size_t n;
};

static void
add(struct listing *l, const char *session, const char *profile, const struct grant *g)
{
    l->rows = xrealloc(l->rows, (l->n + 1) * sizeof *l->rows);
    l->rows[l->n++] = (struct listed){
        .session = xstrdup(session), .profile = xstrdup(profile), .grant = grant_dup(g)};
}

static void
listing_done(struct listing *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->rows[i].session);
        free(l->rows[i].profile);
        grant_free(l->rows[i].grant);
    }
    free(l->rows);
}

static int
on_remembered(void *ctx, const struct remembered *r)
{
    struct listing *l = ctx;
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->rows[i].session, r->session) == 0 && l->rows[i].grant->id == r->grant->id)
            return 0; // its session runs
    add(l, r->session, r->profile ? r->profile : "", r->grant);
    return 0;
}

static void
format_holds(char *out, size_t n, const struct grant *g, uint64_t now_ns)
{
    char age[24];
    if (!g->expires_mono_ns) {
        snprintf(out, n, "%s", scope_to_string(g->scope));
        return;
    }
    format_age(age, sizeof age, g->expires_mono_ns > now_ns ? g->expires_mono_ns - now_ns : 0);
    snprintf(out, n, "%s left", age);
}

// sessions: with a column for them.
static void
print_text(const struct listing *l, bool sessions)
{
    if (l->n)
        printf("%s%5s  %-10s  %6s  %s\n", sessions ? "SESSION       " : "", "GRANT", "HOLDS",
               "USED", "RULE");
    for (size_t i = 0; i < l->n; i++) {
        const struct listed *r = &l->rows[i];
        char holds[32];
        cleanup_free char *words = grant_words(r->grant);
        format_holds(holds, sizeof holds, r->grant, clock_mono_ns());
        if (sessions)
            printf("%-12s  ", r->session);
        printf("%5" PRIu64 "  %-10s  %6" PRIu64 "  %s", r->grant->id, holds, r->grant->uses, words);
        if (r->profile && r->profile[0]) {
            cleanup_free char *profile = display_str(r->profile, DISPLAY_QUOTE);
            printf("  (profile %s)", profile);
        }
        putchar('\n');
    }
}

static void
print_json(const struct listing *l, bool lines)
{
    if (!lines)
        putchar('[');
    for (size_t i = 0; i < l->n; i++) {
        cleanup_buf struct buf b = {0};
        const struct listed *r = &l->rows[i];
        wire_put_grant_row(&b, r->session, r->profile, r->grant, clock_mono_ns(), clock_real_ns());
        printf("%s%s%s", lines ? "" : i ? ",\n" : "\n", buf_str(&b), lines ? "\n" : "");
    }
    if (!lines)
        puts(l->n ? "\n]" : "]");
}

// What is remembered answered in other sessions too. One that a session has read is told with what
// it did there.
static int
count_uses(const struct listing *l, const struct attached_set *live, const char *db,
           struct err *err)
{
    struct grant_uses uses = {0};
    int ret = grant_uses_read(&uses, db, err);
    for (size_t i = 0; i < l->n && ret == 0; i++) {
        struct grant *g = l->rows[i].grant;
        if (g->scope == SCOPE_ALWAYS && (l->rows[i].profile || !g->origin))
            g->uses = grant_uses_sum(&uses, live, l->rows[i].session, g->id);
    }
    grant_uses_done(&uses);
    return ret;
}

static int
list_grants(const char *spec, const char *db, int format)
{
    cleanup_err struct err err = {0};
    cleanup_attached struct attached_set s = {0};
    struct listing l = {0};
    if (attached_open(&s, spec, "nono grants", CLIENT_GRANTS, &err) < 0) {
        fprintf(stderr, "nono grants: %s\n", err.msg);
        return EXIT_FAILURE;
    }
    int status = attached_complain(&s, "grants") ? EXIT_FAILURE : EXIT_SUCCESS;
    for (size_t i = 0; i < s.n; i++)
        for (size_t k = 0; k < s.list[i]->grants.n; k++)
            add(&l, s.list[i]->id, NULL, s.list[i]->grants.list[k]);
    size_t live = l.n;
    if (!spec && db &&
        (remembered_list(db, geteuid(), NULL, on_remembered, &l, &err) < 0 ||
         count_uses(&l, &s, db, &err) < 0)) {
        fprintf(stderr, "nono grants: %s\n", err.msg);
        status = EXIT_UNREADABLE;
    }
    // "[]" or "nothing" would be an answer to what could not be asked.
    if (format && (l.n || status == EXIT_SUCCESS))
        print_json(&l, format == OPT_JSONL);
    else if (l.n)
        print_text(&l, s.n > 1 || l.n > live);
    else if (status == EXIT_SUCCESS)
        fputs("nono grants: nothing is granted beyond the command line\n", stderr);
    listing_done(&l);
    return status == EXIT_SUCCESS && ferror(stdout) ? EXIT_FAILURE : status;
}

int
cmd_grants(int argc, char **argv)
{
    struct options o;
    int c, format = 0;
    cleanup_free char *standard = registry_default_db();
    const char *db = standard;
    options_init(&o, &grants_help, argc, argv);
    while ((c = options_next(&o)) >= 0) {
        if (c == OPT_DB)
            db = o.arg;
        else
            format = c;
    }
    if (c != OPTIONS_END)
        return o.status;
    if (argc - o.index > 1)
        return options_error(&o, "one SESSION at most");
    // The usual record comes into being by itself; a file that was named and is not there is a
    // mistake.
    if (db && db != standard && access(db, F_OK) < 0) {
        cleanup_free char *shown = display_str(db, DISPLAY_QUOTE);
        fprintf(stderr, "nono grants: can't read %s: %s\n", shown, strerror(errno));
        return EXIT_UNREADABLE;
    }
    return list_grants(o.index < argc ? argv[o.index] : NULL, db, format);
}
