// SPDX-License-Identifier: Apache-2.0
// nono revoke
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attached.h"
#include "buf.h"
#include "cli.h"
#include "display.h"
#include "grant_uses.h"
#include "grants.h"
#include "options.h"
#include "registry.h"
#include "remember.h"
#include "util.h"

enum { OPT_DB = OPTIONS_LONG };

static const struct option_row revoke_rows[] = {
    {'s', "in", "SESSION", "the session that GRANT is from"},
    {OPT_DB, "db", "FILE", "the record of remembered ones (default $XDG_STATE_HOME/nono/audit.db)"},
    {0},
};

static const struct options_help revoke_help = {
    .synopsis = "nono revoke GRANT [options]",
    .about =
        "Takes a grant back: it answers nothing more, also not what waits already, in no session.\n"
        "What it answered before stays as it is: files that are open stay open.",
    .rows = revoke_rows,
    .more =
        "GRANT is the number that nono grants shows; SESSION:GRANT where it is not the only one.\n"
        "Exit status: 0 when it is taken back, 1 otherwise, 2 for wrong arguments.",
};

struct search {
    char *spec; /* the session that was named; owned, or NULL */
    uint64_t id;
    const char *db;
    struct attached_set sessions;
    struct attached *session; /* where it is live; NULL: it is only remembered */
    // What was found; a remembered one has a name.
    struct grant *grant; /* owned */
    pid_t root;          /* the supervisor of its session, or 0 */
    char *origin;        /* owned */
    uint64_t origin_id;
    uint64_t live_uses; /* of a remembered one, in the sessions that run */
    size_t found;
    struct buf where;
};

static int
fail(const char *text)
{
    fprintf(stderr, "nono revoke: %s\n", text);
    return EXIT_FAILURE;
}

static void
note_found(struct search *s, const char *session, uint64_t id)
{
    buf_printf(&s->where, "%s%s:%" PRIu64, s->found++ ? ", " : "", session, id);
}

// Names of the record: the session may have ended.
static bool
is_meant(const struct search *s, const char *session)
{
    return !s->spec || strncmp(session, s->spec, strlen(s->spec)) == 0;
}

static bool
is_live_there(const struct search *s, const char *session, uint64_t id)
{
    for (size_t i = 0; i < s->sessions.n; i++)
        if (strcmp(s->sessions.list[i]->id, session) == 0 &&
            grants_find(&s->sessions.list[i]->grants, id))
            return true;
    return false;
}

// Takes origin over; NULL: it is not remembered.
static void
set_found(struct search *s, const struct grant *g, char *origin, uint64_t id)
{
    free(s->origin);
    grant_free(s->grant);
    s->grant = grant_dup(g);
    s->origin = origin;
    s->origin_id = id;
    // Before it is taken back: then the sessions forget it.
    s->live_uses = origin ? grant_uses_live(&s->sessions, origin, id) : 0;
}

// Of a remembered one all that it did, in whatever session, as far as that can be read: it is taken
// back by now, and that is what is said.
static char *
epitaph(const struct search *s)
{
    cleanup_err struct err err = {0};
    if (!s->origin)
        return grant_epitaph(s->grant, s->root, false);
    struct grant_uses uses = {0};
    bool known = s->db && grant_uses_read(&uses, s->db, &err) == 0;
    if (known)
        s->grant->uses =
            s->live_uses + grant_uses_recorded(&uses, &s->sessions, s->origin, s->origin_id);
    grant_uses_done(&uses);
    if (known || s->session)
        return grant_epitaph(s->grant, s->root, known);
    cleanup_free char *words = grant_words(s->grant);
    return xasprintf("taken back: %s", words);
}

static int
on_remembered(void *ctx, const struct remembered *r)
{
    struct search *s = ctx;
    if (r->grant->id != s->id || !is_meant(s, r->session) ||
        is_live_there(s, r->session, r->grant->id))
        return 0;
    note_found(s, r->session, s->id);
    set_found(s, r->grant, xstrdup(r->session), r->grant->id);
    return 0;
}

static void
find_live(struct search *s, const char *id)
{
    for (size_t i = 0; i < s->sessions.n; i++) {
        struct attached *a = s->sessions.list[i];
        const struct grant *g = grants_find(&a->grants, s->id);
        if (!g || (id ? strcmp(a->id, id) != 0 : !is_meant(s, a->id)))
            continue;
        note_found(s, a->id, s->id);
        s->session = a;
        s->root = client_session(a->client)->pid;
        set_found(s, g, g->scope == SCOPE_ALWAYS ? xstrdup(g->origin ? g->origin : a->id) : NULL,
                  g->origin ? g->origin_id : g->id);
    }
}

// 0 when exactly one grant is meant.
static int
find(struct search *s)
{
    cleanup_err struct err err = {0};
    cleanup_free char *id = NULL, *path = NULL;
    if (attached_open(&s->sessions, NULL, "nono revoke", CLIENT_GRANTS, &err) < 0)
        return fail(err.msg);
    // A name means a running session; a prefix one of the record as well.
    if (s->spec && registry_find_socket(s->spec, &id, &path, NULL) < 0)
        id = NULL;
    find_live(s, id);
    // What can't be read holds up nothing that runs.
    if (!id && s->db && remembered_list(s->db, geteuid(), NULL, on_remembered, s, &err) < 0) {
        int status = fail(err.msg);
        if (!s->session)
            return status;
    }
    if (s->found == 1)
        return 0;
    if (s->found > 1) {
        fprintf(stderr, "nono revoke: there are several grants %" PRIu64 ", name one: %s\n", s->id,
                buf_str(&s->where));
        return EXIT_FAILURE;
    }
    if (!attached_complain(&s->sessions, "revoke"))
        fprintf(stderr, "nono revoke: there is no grant %" PRIu64 ", or it has ended\n", s->id);
    return EXIT_FAILURE;
}

static int
revoke_in(struct attached *a, uint64_t id, struct err *err)
{
    a->answered = false;
    int r = client_revoke(a->client, id);
    return r < 0 ? err_set(err, r, "the session does not answer: %s", strerror(-r))
                 : attached_await(a, err);
}

// A remembered one lives in every session that read it.
static int
revoke_copies(struct search *s, struct err *err)
{
    for (size_t i = 0; i < s->sessions.n; i++) {
        struct attached *a = s->sessions.list[i];
        for (size_t k = 0; k < a->grants.n; k++) {
            const struct grant *g = a->grants.list[k];
            if (g->scope != SCOPE_ALWAYS || a == s->session ||
                strcmp(g->origin ? g->origin : a->id, s->origin) != 0 ||
                (g->origin ? g->origin_id : g->id) != s->origin_id)
                continue;
            int r = revoke_in(a, g->id, err);
            if (r < 0 && r != -ENOKEY)
                return r;
            err_done(err);
            break;
        }
    }
    return 0;
}

static int
take_back(struct search *s)
{
    cleanup_err struct err err = {0};
    int r = find(s);
    if (r != 0)
        return r;
    if (s->session) {
        r = revoke_in(s->session, s->id, &err);
    } else {
        cleanup_free char *key = registry_key_file_for(s->db);
        r = remembered_revoke(s->db, key, s->origin, s->origin_id, "nono revoke", NULL, &err);
    }
    if (r == 0 && s->origin)
        r = revoke_copies(s, &err);
    if (r < 0)
        return fail(err.msg);
    cleanup_free char *line = epitaph(s);
    puts(line);
    return EXIT_SUCCESS;
}

static void
search_done(struct search *s)
{
    attached_done(&s->sessions);
    grant_free(s->grant);
    free(s->spec);
    free(s->origin);
    buf_done(&s->where);
}

int
cmd_revoke(int argc, char **argv)
{
    struct search s = {0};
    struct options o;
    int c;
    cleanup_free char *standard = registry_default_db();
    s.db = standard;
    options_init(&o, &revoke_help, argc, argv);
    while ((c = options_next(&o)) >= 0) {
        if (c == OPT_DB) {
            s.db = o.arg;
        } else {
            free(s.spec);
            s.spec = xstrdup(o.arg);
        }
    }
    int status = o.status;
    int r =
        c == OPTIONS_END && argc - o.index == 1 ? parse_number(argv[o.index], &s.spec, &s.id) : 0;
    cleanup_free char *shown =
        c == OPTIONS_END && o.index < argc ? display_str(argv[o.index], DISPLAY_QUOTE) : NULL;
    if (c == OPTIONS_END && argc - o.index != 1)
        status = options_error(&o, o.index == argc ? "which grant? nono grants lists them"
                                                   : "one GRANT at a time");
    else if (r == -EEXIST)
        status = options_error(&o, "%s names a session, and so does --in", shown);
    else if (r < 0)
        status = options_error(&o, "%s is not the number of a grant", shown);
    else if (c == OPTIONS_END)
        status = take_back(&s);
    search_done(&s);
    return status;
}
