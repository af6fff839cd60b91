// SPDX-License-Identifier: Apache-2.0
// nono show: everything about one request, or one event.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive.h"
#include "cli.h"
#include "clock.h"
#include "display.h"
#include "log_print.h"
#include "options.h"
#include "pager.h"
#include "util.h"

enum { OPT_JSON = OPTIONS_LONG, OPT_JSONL, OPT_DB, OPT_EVENT, OPT_COLOR };

static const struct option_row show_rows[] = {
    {'s', "in", "SESSION", "the session that ID belongs to (default: the newest)"},
    {OPT_EVENT, "event", NULL, "ID is the number of an event (seq), not of a request"},
    {OPT_JSON, "json", NULL, "one JSON array of its events"},
    {OPT_JSONL, "jsonl", NULL, "one JSON object per event and line"},
    {OPT_DB, "db", "FILE", "the record (default $XDG_STATE_HOME/nono/audit.db)"},
    {OPT_COLOR, "color", "WHEN", "auto, always, never"},
    {0},
};

static const struct options_help show_help = {
    .synopsis = "nono show ID [options]",
    .about = "Prints everything that is recorded about one request: its facts, its decision,\n"
             "what that left behind. ID is the number of a request, or SESSION:ID.",
    .rows = show_rows,
    .more = "Exit status: 0, 1 when there is no such request or event, 2 usage, 3 unreadable.",
};

struct show {
    struct options o;
    struct archive archive;
    struct log_printer printer;
    bool event, jsonl;
    enum color_when color;
    uint64_t id;
    char *session; /* owned, or NULL */
    size_t printed;
};

static int
parse_id(struct show *s, const char *text)
{
    const char *colon = strrchr(text, ':'), *digits = colon ? colon + 1 : text;
    char *end;
    errno = 0;
    s->id = strtoull(digits, &end, 10);
    if (errno || !s->id || *end || digits[strspn(digits, "0123456789")]) {
        cleanup_free char *shown = display_str(text, DISPLAY_QUOTE);
        options_error(&s->o, "%s: not the number of a request (ID or SESSION:ID)", shown);
        return -EINVAL;
    }
    if (colon && !s->session)
        s->session = xstrndup(text, (size_t)(colon - text));
    return 0;
}

static int
set_option(struct show *s, int c)
{
    static const char *const whens[] = {"auto", "always", "never", NULL};
    int r = 0;
    switch (c) {
    case 's':
        free(s->session);
        s->session = xstrdup(s->o.arg);
        return 0;
    case OPT_EVENT:
        s->event = true;
        return 0;
    case OPT_DB:
        archive_add_db(&s->archive, s->o.arg);
        return 0;
    case OPT_COLOR:
        r = options_word(&s->o, whens);
        s->color = r < 0 ? COLOR_AUTO : (enum color_when)r;
        return r < 0 ? r : 0;
    default:
        s->printer.json = c == OPT_JSON;
        s->jsonl = c == OPT_JSONL;
        return 0;
    }
}

static int
parse(struct show *s, int argc, char **argv)
{
    int c;
    options_init(&s->o, &show_help, argc, argv);
    s->archive.o = &s->o;
    while ((c = options_next(&s->o)) >= 0)
        if (set_option(s, c) < 0)
            return -EINVAL;
    if (c != OPTIONS_END)
        return -EINVAL;
    if (s->o.index + 1 != argc) {
        options_error(&s->o, s->o.index == argc ? "which request?" : "one request at a time");
        return -EINVAL;
    }
    int r = parse_id(s, argv[s->o.index]);
    archive_add_spec(&s->archive, s->session ? s->session : "@");
    return r;
}

static int
print_event(void *ctx, struct archive_session *session, const struct event_row *row)
{
    struct show *s = ctx;
    if (s->printer.json || s->jsonl)
        log_print_json(&s->printer, row);
    else
        log_print_verbose(&s->printer, session, row);
    s->printed++;
    return 0;
}

static struct archive_session *
selected(struct show *s)
{
    for (size_t i = 0; i < s->archive.sessions_n; i++)
        if (s->archive.sessions[i]->selected)
            return s->archive.sessions[i];
    return NULL;
}

static int
print(struct show *s, struct archive_session *session)
{
    cleanup_err struct err err = {0};
    struct event_filter f = {.request = s->event ? 0 : s->id};
    if (s->event) {
        f.after_seq = s->id - 1;
        f.until_seq = s->id;
    }
    bool json = s->printer.json || s->jsonl;
    if (json)
        log_begin_json(&s->printer);
    int ret = archive_events(&s->archive, &f, print_event, s, &err);
    if (ret == 0 && json)
        log_end_json(&s->printer);
    if (ret == 0 && !json && !s->event && s->printed)
        ret =
            log_print_facts(&s->printer, s->archive.readers[session->reader], session, s->id, &err);
    return ret < 0 ? archive_failed(&s->archive, &err) : 0;
}

static int
run(struct show *s)
{
    int status = archive_open(&s->archive);
    struct archive_session *session = status ? NULL : selected(s);
    if (!session)
        return status;
    struct pager pager;
    pager_open(&pager);
    s->printer.out = pager.out;
    s->printer.color = color_wanted(s->color);
    s->printer.display = display_flags_of(STDOUT_FILENO);
    s->printer.now_ns = clock_real_ns();
    status = print(s, session);
    pager_close(&pager);
    if (status == 0 && !s->printed) {
        fprintf(stderr, "nono show: there is no %s %" PRIu64 " in session %s\n",
                s->event ? "event" : "request", s->id, session->id);
        status = EXIT_FAILURE;
    }
    return status;
}

int
cmd_show(int argc, char **argv)
{
    struct show s = {0};
    int status = parse(&s, argc, argv) < 0 ? s.o.status : run(&s);
    archive_done(&s.archive);
    free(s.session);
    return status;
}
