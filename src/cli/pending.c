// SPDX-License-Identifier: Apache-2.0
// nono pending
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attached.h"
#include "buf.h"
#include "cli.h"
#include "clock.h"
#include "display.h"
#include "options.h"
#include "request_text.h"
#include "util.h"
#include "wire.h"

enum { OPT_JSON = OPTIONS_LONG, OPT_JSONL };
#define LOOK_MS 500 /* how often sessions that started are looked for */
enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_JSONL };

static const struct option_row pending_rows[] = {
    {'f', "follow", NULL, "go on with the requests to come, of later sessions too"},
    {OPT_JSON, "json", NULL, "one JSON array"},
    {OPT_JSONL, "jsonl", NULL, "one JSON object per line"},
    {0},
};

static const struct options_help pending_help = {
    .synopsis = "nono pending [SESSION] [options]",
    .about = "Prints the requests that wait for a decision: number, age, operation, target,\n"
             "program/pid. Without SESSION those of all running sessions.",
    .rows = pending_rows,
    .more = "SESSION is an id, a unique prefix of one, a name, or @ for the newest.",
};

struct listing {
    enum format format;
    bool sessions; /* with a column for them */
    bool first;    /* of a JSON array */
};

static void
print_text(const struct listing *l, const char *session, const struct request *r)
{
    char age[24];
    uint64_t now = clock_mono_ns();
    const char *slash = strrchr(r->exe, '/');
    cleanup_buf struct buf target = {0};
    request_put_text(&target, r);
    cleanup_free char *program = display_str(slash ? slash + 1 : r->exe, 0);
    format_age(age, sizeof age, now > r->raised_mono_ns ? now - r->raised_mono_ns : 0);
    if (l->sessions)
        printf("%s  ", session);
    printf("%4" PRIu64 "  %4s  %-9s  %s  %s/%d", r->id, age, op_to_string(r->op), buf_str(&target),
           program[0] ? program : "?", (int)r->pid);
    if (r->count > 1)
        printf("  x%u", r->count);
    putchar('\n');
}

static void
print_request(struct listing *l, const char *session, const struct request *r)
{
    cleanup_buf struct buf b = {0};
    if (l->format == FORMAT_TEXT) {
        print_text(l, session, r);
        return;
    }
    wire_put_pending(&b, session, r, clock_mono_ns());
    if (l->format == FORMAT_JSONL)
        printf("%s\n", buf_str(&b));
    else
        printf("%s%s", l->first ? "\n" : ",\n", buf_str(&b));
    l->first = false;
}

static void
print_new(struct listing *l, struct attached *a)
{
    for (size_t i = 0; i < a->n_requests; i++) {
        print_request(l, a->id, a->requests[i]);
        request_free(a->requests[i]);
    }
    a->n_requests = 0;
    fflush(stdout);
}

// all: also of sessions that start later; then it ends with the reader only.
static void
follow(struct listing *l, struct attached_set *s, bool all)
{
    struct pollfd *fds = NULL;
    size_t open = 1;
    while (open && !ferror(stdout)) {
        if (all)
            attached_add_new(s, "nono pending", CLIENT_WATCH);
        open = all;
        fds = xrealloc(fds, (s->n + 1) * sizeof *fds);
        for (size_t i = 0; i < s->n; i++) {
            struct attached *a = s->list[i];
            int r = a->client ? client_read(a->client) : -ENOTCONN;
            print_new(l, a);
            if (r < 0)
                a->client = client_free(a->client);
            fds[i] = (struct pollfd){.fd = a->client ? client_fd(a->client) : -1, .events = POLLIN};
            open += a->client != NULL;
        }
        // A reader that is gone is noticed although nothing is printed.
        fds[s->n] = (struct pollfd){.fd = STDOUT_FILENO};
        if (open)
            poll(fds, s->n + 1, all ? LOOK_MS : -1);
        if (fds[s->n].revents & (POLLERR | POLLNVAL))
            break;
    }
    free(fds);
}

static int
list_pending(struct listing *l, const char *spec, bool watch)
{
    cleanup_err struct err err = {0};
    cleanup_attached struct attached_set s = {0};
    bool all = watch && !spec;
    if (attached_open(&s, spec, "nono pending", watch ? CLIENT_WATCH : 0, &err) < 0) {
        fprintf(stderr, "nono pending: %s\n", err.msg);
        return EXIT_FAILURE;
    }
    bool failed = attached_complain(&s, "pending");
    l->sessions = !spec && (s.n > 1 || watch);
    if (l->format == FORMAT_JSON)
        putchar('[');
    for (size_t i = 0; i < s.n; i++)
        print_new(l, s.list[i]);
    if (l->format == FORMAT_JSON)
        puts(l->first ? "]" : "\n]");
    if (!s.n && !watch && l->format == FORMAT_TEXT)
        attached_say_none("pending");
    if (watch)
        follow(l, &s, all);
    return failed || ferror(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}

int
cmd_pending(int argc, char **argv)
{
    struct listing l = {.first = true};
    struct options o;
    bool watch = false;
    int c;
    options_init(&o, &pending_help, argc, argv);
    while ((c = options_next(&o)) >= 0) {
        if (c == 'f')
            watch = true;
        else
            l.format = c == OPT_JSON ? FORMAT_JSON : FORMAT_JSONL;
    }
    if (c != OPTIONS_END)
        return o.status;
    if (argc - o.index > 1)
        return options_error(&o, "one SESSION at most");
    if (watch && l.format == FORMAT_JSON)
        return options_error(&o, "--follow never ends: use --jsonl instead of --json");
    return list_pending(&l, o.index < argc ? argv[o.index] : NULL, watch);
}
