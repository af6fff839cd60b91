// SPDX-License-Identifier: Apache-2.0
// nono allow, nono deny
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
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

#define RESULT_TIMEOUT_NS (15 * NS_PER_SEC)

enum { OPT_SESSION = OPTIONS_LONG, OPT_NOTE };

static const struct option_row decide_rows[] = {
    {OPT_SESSION, "session", NULL, "for the rest of the session, not only once"},
    {OPT_NOTE, "note", "TEXT", "why; kept in the record"},
    {'s', "in", "SESSION", "the session that ID belongs to"},
    {0},
};

#define DECIDE_MORE                                                                                \
    "ID is the number that nono pending shows; SESSION:ID where several sessions run.\n"           \
    "Exit status: 0 when the decision is recorded, 1 otherwise, 2 for wrong arguments."

static const struct options_help allow_help = {
    .synopsis = "nono allow ID [options]",
    .about = "Grants the request: this object, once.",
    .rows = decide_rows,
    .more = DECIDE_MORE,
};

static const struct options_help deny_help = {
    .synopsis = "nono deny ID [options]",
    .about = "Refuses the request, once.",
    .rows = decide_rows,
    .more = DECIDE_MORE,
};

struct choice {
    const char *what; /* "allow" or "deny": the subcommand */
    const char *role;
    enum verdict verdict;
    enum scope scope;
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
    if (s->n == 0)
        return fail(c, "no session is running");
    if (attached_complain(s, c->what))
        return EXIT_FAILURE;
    if (s->n > 1)
        return fail(c, "request %" PRIu64 " waits in none of the %zu running sessions", c->id,
                    s->n);
    if (c->id > client_newest(s->list[0].client))
        return fail(c, "there is no request %" PRIu64 " in session %s", c->id, s->list[0].id);
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
        if (!attached_find(&s->list[i], c->id))
            continue;
        found = &s->list[i];
        buf_printf(&where, "%s%s:%" PRIu64, n++ ? ", " : "", found->id, c->id);
    }
    if (n > 1)
        fail(c, "request %" PRIu64 " waits in several sessions, name one: %s", c->id,
             buf_str(&where));
    else if (n == 0)
        say_not_waiting(c, s);
    return n == 1 ? found : NULL;
}

static int
await_result(const struct choice *c, struct attached *a)
{
    uint64_t end = clock_mono_ns() + RESULT_TIMEOUT_NS;
    for (;;) {
        int r = client_read(a->client);
        if (a->answered && a->result == 0)
            return EXIT_SUCCESS;
        if (a->answered)
            return fail(c, "request %" PRIu64 ": %s", c->id, wire_error_text(a->result));
        if (r < 0)
            return fail(c, "%s",
                        client_refusal(a->client) ? client_refusal(a->client)
                                                  : "the session ended before it answered");
        uint64_t now = clock_mono_ns();
        if (now >= end)
            return fail(c, "the session took the decision but does not say what became of it; "
                           "see nono log");
        struct pollfd pfd = {.fd = client_fd(a->client), .events = POLLIN};
        poll(&pfd, 1, (int)((end - now) / NS_PER_MS) + 1);
    }
}

static int
decide(const struct choice *c)
{
    cleanup_err struct err err = {0};
    cleanup_attached struct attached_set s = {0};
    if (attached_open(&s, c->session, c->role, false, &err) < 0)
        return fail(c, "%s", err.msg);
    struct attached *a = find_request(c, &s);
    if (!a)
        return EXIT_FAILURE;
    const struct request *r = attached_find(a, c->id);
    struct decision d = {
        .request = r->id,
        .verdict = c->verdict,
        .scope = c->scope,
        .reach = REACH_OBJECT,
        .note = c->note,
    };
    memcpy(d.digest, r->digest, DIGEST_LEN);
    int ret = client_decide(a->client, &d);
    if (ret < 0)
        return fail(c, "the session does not answer: %s", strerror(-ret));
    ret = await_result(c, a);
    if (ret != EXIT_SUCCESS)
        return ret;
    cleanup_free char *target =
        display_str(r->resolved[0] ? r->resolved : r->target, DISPLAY_QUOTE);
    printf("%s %s: %s %s\n", c->verdict == VERDICT_ALLOW ? "allowed" : "denied",
           c->scope == SCOPE_SESSION ? "for the session" : "once", op_to_string(r->op), target);
    return EXIT_SUCCESS;
}

// "ID" or "SESSION:ID"; the last colon counts, a name may hold others.
static int
parse_id(struct choice *c, const char *word)
{
    const char *colon = strrchr(word, ':');
    const char *digits = colon ? colon + 1 : word;
    char *end;
    errno = 0;
    c->id = strtoull(digits, &end, 10);
    if (digits[0] < '0' || digits[0] > '9' || *end || errno || c->id == 0 || colon == word)
        return -EINVAL;
    if (colon && c->session)
        return -EEXIST;
    if (colon)
        c->session = xstrndup(word, (size_t)(colon - word));
    return 0;
}

static int
run(struct choice *c, const struct options_help *help, int argc, char **argv)
{
    struct options o;
    int opt;
    options_init(&o, help, argc, argv);
    while ((opt = options_next(&o)) >= 0) {
        if (opt == OPT_SESSION) {
            c->scope = SCOPE_SESSION;
            continue;
        }
        char **slot = opt == OPT_NOTE ? &c->note : &c->session;
        free(*slot);
        *slot = xstrdup(o.arg);
    }
    if (opt != OPTIONS_END)
        return o.status;
    if (argc - o.index != 1)
        return options_error(&o, o.index == argc ? "which request? nono pending lists them"
                                                 : "one ID at a time");
    if (c->note && strlen(c->note) > WIRE_NOTE_MAX)
        return options_error(&o, "a note has %d bytes at most", WIRE_NOTE_MAX);
    int r = parse_id(c, argv[o.index]);
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
