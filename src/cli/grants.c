// SPDX-License-Identifier: Apache-2.0
// nono grants, nono revoke
#include "grants.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attached.h"
#include "buf.h"
#include "cli.h"
#include "clock.h"
#include "display.h"
#include "options.h"
#include "util.h"
#include "wire.h"

enum { OPT_JSON = OPTIONS_LONG, OPT_JSONL };

static const struct option_row grants_rows[] = {
    {OPT_JSON, "json", NULL, "one JSON array"},
    {OPT_JSONL, "jsonl", NULL, "one JSON object per line"},
    {0},
};

static const struct options_help grants_help = {
    .synopsis = "nono grants [SESSION] [options]",
    .about =
        "Prints what decisions left behind and still holds: number, for how long, how often it\n"
        "answered, and what it answers. Without SESSION those of all running sessions.",
    .rows = grants_rows,
    .more = "SESSION is an id, a unique prefix of one, a name, or @ for the newest.",
};

static const struct option_row revoke_rows[] = {
    {'s', "in", "SESSION", "the session that GRANT belongs to"},
    {0},
};

static const struct options_help revoke_help = {
    .synopsis = "nono revoke GRANT [options]",
    .about = "Takes a grant back: it answers nothing more, also not what waits already. What it\n"
             "answered before stays as it is: files that are open stay open.",
    .rows = revoke_rows,
    .more =
        "GRANT is the number that nono grants shows; SESSION:GRANT where several sessions run.\n"
        "Exit status: 0 when it is taken back, 1 otherwise, 2 for wrong arguments.",
};

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

static void
print_text(const struct attached_set *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        n += s->list[i]->grants.n;
    if (n)
        printf("%s%5s  %-10s  %6s  %s\n", s->n > 1 ? "SESSION       " : "", "GRANT", "HOLDS",
               "USED", "RULE");
    else
        fputs(s->n ? "nono grants: nothing is granted beyond the command line\n"
                   : "nono grants: no session is running\n",
              stderr);
    for (size_t i = 0; i < s->n; i++)
        for (size_t k = 0; k < s->list[i]->grants.n; k++) {
            const struct grant *g = s->list[i]->grants.list[k];
            char holds[32];
            cleanup_free char *words = grant_words(g);
            format_holds(holds, sizeof holds, g, clock_mono_ns());
            if (s->n > 1)
                printf("%-12s  ", s->list[i]->id);
            printf("%5" PRIu64 "  %-10s  %6" PRIu64 "  %s\n", g->id, holds, g->uses, words);
        }
}

static void
print_json(const struct attached_set *s, bool lines)
{
    bool first = true;
    if (!lines)
        putchar('[');
    for (size_t i = 0; i < s->n; i++)
        for (size_t k = 0; k < s->list[i]->grants.n; k++) {
            cleanup_buf struct buf b = {0};
            wire_put_grant_row(&b, s->list[i]->id, s->list[i]->grants.list[k], clock_mono_ns(),
                               clock_real_ns());
            printf("%s%s%s", lines ? "" : first ? "\n" : ",\n", buf_str(&b), lines ? "\n" : "");
            first = false;
        }
    if (!lines)
        puts(first ? "]" : "\n]");
}

int
cmd_grants(int argc, char **argv)
{
    cleanup_err struct err err = {0};
    cleanup_attached struct attached_set s = {0};
    struct options o;
    int c, format = 0;
    options_init(&o, &grants_help, argc, argv);
    while ((c = options_next(&o)) >= 0)
        format = c;
    if (c != OPTIONS_END)
        return o.status;
    if (argc - o.index > 1)
        return options_error(&o, "one SESSION at most");
    if (attached_open(&s, o.index < argc ? argv[o.index] : NULL, "nono grants", CLIENT_GRANTS,
                      &err) < 0) {
        fprintf(stderr, "nono grants: %s\n", err.msg);
        return EXIT_FAILURE;
    }
    bool failed = attached_complain(&s, "grants");
    if (format)
        print_json(&s, format == OPT_JSONL);
    else
        print_text(&s);
    return failed || ferror(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int
fail(const char *text)
{
    fprintf(stderr, "nono revoke: %s\n", text);
    return EXIT_FAILURE;
}

// The one session that has the grant; NULL after saying why there is none.
static struct attached *
find_session(const struct attached_set *s, uint64_t id)
{
    struct attached *found = NULL;
    cleanup_buf struct buf where = {0};
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (!grants_find(&s->list[i]->grants, id))
            continue;
        found = s->list[i];
        buf_printf(&where, "%s%s:%" PRIu64, n++ ? ", " : "", found->id, id);
    }
    if (n == 1)
        return found;
    if (n > 1)
        fprintf(stderr, "nono revoke: several sessions have a grant %" PRIu64 ", name one: %s\n",
                id, buf_str(&where));
    else if (s->n == 0)
        fail("no session is running");
    else if (!attached_complain(s, "revoke"))
        fprintf(stderr, "nono revoke: there is no grant %" PRIu64 ", or it has ended\n", id);
    return NULL;
}

static int
take_back(const char *spec, uint64_t id)
{
    cleanup_err struct err err = {0};
    cleanup_attached struct attached_set s = {0};
    if (attached_open(&s, spec, "nono revoke", CLIENT_GRANTS, &err) < 0)
        return fail(err.msg);
    struct attached *a = find_session(&s, id);
    if (!a)
        return EXIT_FAILURE;
    const struct grant *g = grants_find(&a->grants, id);
    cleanup_free char *line = grant_epitaph(g);
    int r = client_revoke(a->client, id);
    if (r < 0)
        err_set(&err, r, "the session does not answer: %s", strerror(-r));
    else
        r = attached_await(a, &err);
    if (r < 0)
        return fail(err.msg);
    puts(line);
    return EXIT_SUCCESS;
}

int
cmd_revoke(int argc, char **argv)
{
    cleanup_free char *spec = NULL;
    struct options o;
    uint64_t id = 0;
    int c;
    options_init(&o, &revoke_help, argc, argv);
    while ((c = options_next(&o)) >= 0) {
        free(spec);
        spec = xstrdup(o.arg);
    }
    if (c != OPTIONS_END)
        return o.status;
    if (argc - o.index != 1)
        return options_error(&o, o.index == argc ? "which grant? nono grants lists them"
                                                 : "one GRANT at a time");
    int r = parse_number(argv[o.index], &spec, &id);
    cleanup_free char *shown = display_str(argv[o.index], DISPLAY_QUOTE);
    if (r == -EEXIST)
        return options_error(&o, "%s names a session, and so does --in", shown);
    if (r < 0)
        return options_error(&o, "%s is not the number of a grant", shown);
    return take_back(spec, id);
}
