// SPDX-License-Identifier: Apache-2.0
// nono allow, nono deny
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attached.h"
#include "bounds.h"
#include "buf.h"
#include "cli.h"
#include "display.h"
#include "options.h"
#include "request_text.h"
#include "util.h"
#include "wire.h"

enum { OPT_FOR = OPTIONS_LONG, OPT_SESSION, OPT_ALWAYS, OPT_REACH, OPT_PROGRAM, OPT_NOTE };

#define ROW_SESSION                                                                                \
    {                                                                                              \
        OPT_SESSION, "session", NULL, "for the rest of the session"                                \
    }
#define ROW_ALWAYS                                                                                 \
    {                                                                                              \
        OPT_ALWAYS, "always", NULL, "for later sessions too, until it is revoked"                  \
    }
#define ROW_REACH                                                                                  \
    {                                                                                              \
        OPT_REACH, "reach", "REACH",                                                               \
            "object (default), dir: directly in its directory, subtree:\n"                         \
            "everything below; of an address port (default) or host"                               \
    }
#define ROW_PROGRAM                                                                                \
    {                                                                                              \
        OPT_PROGRAM, "program", NULL, "of a socket: for the program that asks alone, not for any"  \
    }
#define ROW_NOTE                                                                                   \
    {                                                                                              \
        OPT_NOTE, "note", "TEXT", "why; kept in the record"                                        \
    }
#define ROW_IN                                                                                     \
    {                                                                                              \
        's', "in", "SESSION", "the session that ID belongs to"                                     \
    }

static const struct option_row allow_rows[] = {
    {OPT_FOR, "for", "DUR", "for that long: 90s, 15m, 2h, 1h30m, 3d"},
    ROW_SESSION,
    ROW_ALWAYS,
    ROW_REACH,
    ROW_PROGRAM,
    ROW_NOTE,
    ROW_IN,
    {0},
};

static const struct option_row deny_rows[] = {ROW_SESSION, ROW_ALWAYS, ROW_REACH, ROW_PROGRAM,
                                              ROW_NOTE,    ROW_IN,     {0}};

#define DECIDE_MORE                                                                                \
    "ID is the number that nono pending shows; SESSION:ID where several sessions run. What\n"      \
    "holds for longer than once is listed by nono grants and taken back by nono revoke.\n"         \
    "Exit status: 0 when the decision is recorded, 1 otherwise, 2 for wrong arguments."

static const struct options_help allow_help = {
    .synopsis = "nono allow ID [options]",
    .about = "Grants the request: once and for its object, unless the options say more.",
    .rows = allow_rows,
    .more = DECIDE_MORE,
};

static const struct options_help deny_help = {
    .synopsis = "nono deny ID [options]",
    .about = "Refuses the request: once and for its object, unless the options say more.",
    .rows = deny_rows,
    .more = DECIDE_MORE,
};

struct choice {
    const char *what; /* "allow" or "deny": the subcommand */
    const char *role;
    enum verdict verdict;
    enum scope scope;
    bool scope_said;
    enum reach reach;
    bool program;
    uint64_t for_ns;
    char *note;
    char *session; /* owned, or NULL */
    uint64_t id;
};

static int
fail(const struct choice *c, const char *fmt, ...)
{
    va_list ap;
    fprintf(stderr, "nono %s: ", c->what);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    return EXIT_FAILURE;
}

// Nothing of that number waits: why, as far as it can be known.
static int
say_not_waiting(const struct choice *c, const struct attached_set *s)
{
    if (s->n == 0) {
        attached_say_none(c->what);
        return EXIT_FAILURE;
    }
    if (attached_complain(s, c->what))
        return EXIT_FAILURE;
    if (s->n > 1)
        return fail(c, "request %" PRIu64 " waits in none of the %zu running sessions", c->id,
                    s->n);
    if (c->id > client_newest(s->list[0]->client))
        return fail(c, "there is no request %" PRIu64 " in session %s", c->id, s->list[0]->id);
    return fail(c, "request %" PRIu64 " waits no more: already decided, withdrawn or expired",
                c->id);
}

// The one session in which the request waits; NULL after saying why there is none.
static struct attached *
find_request(const struct choice *c, const struct attached_set *s)
{
    struct attached *found = NULL;
    cleanup_buf struct buf where = {0};
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (!attached_find(s->list[i], c->id))
            continue;
        found = s->list[i];
        buf_printf(&where, "%s%s:%" PRIu64, n++ ? ", " : "", found->id, c->id);
    }
    if (n > 1)
        fail(c, "request %" PRIu64 " waits in several sessions, name one: %s", c->id,
             buf_str(&where));
    else if (n == 0)
        say_not_waiting(c, s);
    return n == 1 ? found : NULL;
}

static void
print_decided(const struct choice *c, const struct request *r)
{
    static const char *const scopes[_SCOPE_MAX] = {[SCOPE_ONCE] = "once",
                                                   [SCOPE_TIME] = "for a time",
                                                   [SCOPE_SESSION] = "for the session",
                                                   [SCOPE_ALWAYS] = "always"};
    cleanup_buf struct buf target = {0};
    request_put_text(&target, r);
    printf("%s %s", c->verdict == VERDICT_ALLOW ? "allowed" : "denied", scopes[c->scope]);
    if (c->reach != REACH_OBJECT)
        printf(", %s", reach_to_string(c->reach));
    if (c->program) {
        cleanup_free char *exe = display_str(r->exe, DISPLAY_QUOTE);
        printf(", by %s", exe);
    }
    printf(": %s %s\n", op_to_string(r->op), buf_str(&target));
}

static int
decide(const struct choice *c)
{
    cleanup_err struct err err = {0};
    cleanup_attached struct attached_set s = {0};
    if (attached_open(&s, c->session, c->role, 0, &err) < 0)
        return fail(c, "%s", err.msg);
    struct attached *a = find_request(c, &s);
    if (!a)
        return EXIT_FAILURE;
    const struct request *r = attached_find(a, c->id);
    struct decision d = {
        .request = r->id,
        .verdict = c->verdict,
        .scope = c->scope,
        .reach = c->reach,
        .program = c->program,
        .for_ns = c->for_ns,
        .note = c->note,
    };
    memcpy(d.digest, r->digest, DIGEST_LEN);
    int ret = client_decide(a->client, &d);
    if (ret < 0)
        return fail(c, "the session does not answer: %s", strerror(-ret));
    if (attached_await(a, &err) < 0)
        return fail(c, "request %" PRIu64 ": %s", c->id, err.msg);
    print_decided(c, r);
    return EXIT_SUCCESS;
}

// 0, or -EINVAL after options_error().
static int
take_option(struct choice *c, struct options *o, int opt)
{
    static const char *const reaches[] = {"object", "dir", "subtree", "port", "host", NULL};
    bool scope = opt == OPT_FOR || opt == OPT_SESSION || opt == OPT_ALWAYS;
    char **slot = opt == OPT_NOTE ? &c->note : &c->session;
    if (scope && c->scope_said) {
        options_error(o, "one of --for, --session and --always");
        return -EINVAL;
    }
    c->scope_said |= scope;
    switch (opt) {
    case OPT_FOR:
        c->scope = SCOPE_TIME;
        return options_duration(o, NONO_GRANT_NS_MAX, &c->for_ns);
    case OPT_SESSION:
        c->scope = SCOPE_SESSION;
        return 0;
    case OPT_ALWAYS:
        c->scope = SCOPE_ALWAYS;
        return 0;
    case OPT_REACH: {
        int reach = options_word(o, reaches);
        c->reach = reach < 0 ? REACH_OBJECT : (enum reach)reach;
        return reach < 0 ? reach : 0;
    }
    case OPT_PROGRAM:
        c->program = true;
        return 0;
    default:
        free(*slot);
        *slot = xstrdup(o->arg);
        return 0;
    }
}

static int
run(struct choice *c, const struct options_help *help, int argc, char **argv)
{
    struct options o;
    int opt;
    options_init(&o, help, argc, argv);
    while ((opt = options_next(&o)) >= 0)
        if (take_option(c, &o, opt) < 0)
            return o.status;
    if (opt != OPTIONS_END)
        return o.status;
    if (argc - o.index != 1)
        return options_error(&o, o.index == argc ? "which request? nono pending lists them"
                                                 : "one ID at a time");
    if (c->note && strlen(c->note) > WIRE_NOTE_MAX)
        return options_error(&o, "a note has %d bytes at most", WIRE_NOTE_MAX);
    if (c->scope == SCOPE_ONCE &&
        (c->program || (c->reach != REACH_OBJECT && c->reach != REACH_PORT)))
        return options_error(
            &o, "%s is for what holds longer than once (%s)", c->program ? "--program" : "--reach",
            c->verdict == VERDICT_ALLOW ? "--for, --session, --always" : "--session, --always");
    int r = parse_number(argv[o.index], &c->session, &c->id);
    cleanup_free char *shown = display_str(argv[o.index], DISPLAY_QUOTE);
    if (r == -EEXIST)
        return options_error(&o, "%s names a session, and so does --in", shown);
    if (r < 0)
        return options_error(&o, "%s is not the number of a request", shown);
    return decide(c);
}

static int
choose(struct choice *c, const struct options_help *help, int argc, char **argv)
{
    int status = run(c, help, argc, argv);
    free(c->note);
    free(c->session);
    return status;
}

int
cmd_allow(int argc, char **argv)
{
    struct choice c = {.what = "allow", .role = "nono allow", .verdict = VERDICT_ALLOW};
    return choose(&c, &allow_help, argc, argv);
}

int
cmd_deny(int argc, char **argv)
{
    struct choice c = {.what = "deny", .role = "nono deny", .verdict = VERDICT_DENY};
    return choose(&c, &deny_help, argc, argv);
}
