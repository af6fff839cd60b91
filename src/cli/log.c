// SPDX-License-Identifier: Apache-2.0
// nono log
#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "clock.h"
#include "display.h"
#include "util.h"

enum {
    OPT_SESSION = OPTIONS_LONG,
    OPT_JSON,
    OPT_JSONL,
    OPT_CSV,
    OPT_TREE,
    OPT_STATS,
    OPT_GROUP,
    OPT_EXIT_CODE,
    OPT_DB,
    OPT_COLOR
};

static const struct option_row log_rows[] = {
    LOG_FILTER_ROWS,
    {'i', "interactive", NULL, "a browser instead of lines"},
    {'n', "lines", "N", "the newest N only; -r, --reverse: newest first"},
    {'r', "reverse", NULL, NULL},
    {'f', "follow", NULL, "go on with what happens now"},
    {'v', "verbose", NULL, "everything about each, over several lines"},
    {OPT_JSONL, "jsonl", NULL, "a JSON object per event; --json: an array; --csv"},
    {OPT_JSON, "json", NULL, NULL},
    {OPT_CSV, "csv", NULL, NULL},
    {OPT_TREE, "tree", NULL, "by process"},
    {OPT_STATS, "stats", NULL, "figures; of one kind: --group exe|dir|host|rule|day"},
    {OPT_GROUP, "group", "WORD", NULL},
    {OPT_EXIT_CODE, "exit-code", NULL, NULL},
    {OPT_SESSION, "session", "SESSION,...", NULL},
    {OPT_DB, "db", "FILE", "the record; repeat: merged by time"},
    {OPT_COLOR, "color", "WHEN", NULL},
    {0},
};

static const struct options_help log_help = {
    .synopsis = "nono log [SESSION...] [options]",
    .about = "Prints what was asked, granted and refused, newest last.\n"
             "SESSION: an id, the start of one, a name, @ (newest), @{N} (the Nth before it).",
    .rows = log_rows,
    .more = "Filters of all kinds must match, of several values any; -VALUE: all but that.\n"
            "Exit status: 0 (--exit-code: 1 for nothing), 2 usage, 3 unreadable record.",
};

static int
set_number(struct log *l)
{
    uint64_t n = 0;
    int r = options_number(&l->o, 1, INT64_MAX, &n);
    l->filter.f.limit = n;
    return r;
}

static int
set_word(struct log *l, int c)
{
    static const char *const whens[] = {"auto", "always", "never", NULL};
    static const char *const groups[] = {"exe", "dir", "host", "rule", "day", NULL};
    int r = options_word(&l->o, c == OPT_COLOR ? whens : groups);
    if (r < 0)
        return r;
    if (c == OPT_COLOR)
        l->color = (enum color_when)r;
    else
        l->group = LOG_GROUP_EXE + (enum log_group)r;
    return 0;
}

static void
add_sessions(struct log *l)
{
    char *rest = (char *)l->o.arg;
    for (char *word = strsep(&rest, ","); word; word = strsep(&rest, ","))
        archive_add_spec(&l->archive, word);
}

static int
set_option(struct log *l, int c)
{
    static const struct {
        int option;
        enum log_format format;
    } formats[] = {{'v', LOG_VERBOSE}, {OPT_JSON, LOG_JSON}, {OPT_JSONL, LOG_JSONL},
                   {OPT_CSV, LOG_CSV}, {OPT_TREE, LOG_TREE}, {OPT_STATS, LOG_STATS}};
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        // --stats --json gives the figures as JSON.
        if (formats[i].option == c && c == OPT_JSON)
            l->printer.json = true;
        if (formats[i].option == c && (c != OPT_JSON || l->format != LOG_STATS))
            l->format = formats[i].format;
    }
    switch (c) {
    case OPT_SESSION:
        add_sessions(l);
        return 0;
    case 'n':
        return set_number(l);
    case 'r':
        l->filter.f.reverse = true;
        return 0;
    case 'f':
        l->follow = true;
        return 0;
    case 'i':
        l->browse = true;
        return 0;
    case OPT_EXIT_CODE:
        l->exit_code = true;
        return 0;
    case OPT_DB:
        archive_add_db(&l->archive, l->o.arg);
        return 0;
    case OPT_GROUP:
    case OPT_COLOR:
        return set_word(l, c);
    default:
        return log_filter_option(&l->filter, &l->o, c) < 0 ? -EINVAL : 0;
    }
}

// What does not go together, in one line; NULL when all does.
static const char *
conflict(const struct log *l)
{
    if (l->group && l->format != LOG_STATS)
        return "--group goes with --stats";
    if (l->browse && (l->filter.f.reverse || l->format != LOG_SHORT || l->exit_code))
        return "-i goes with filters, sessions, -n, -f and --db only";
    if (l->follow && l->filter.f.reverse)
        return "-f and -r do not go together";
    if (l->follow && (l->format == LOG_JSON || l->format == LOG_TREE || l->format == LOG_STATS))
        return "-f goes with lines: the short format, -v, --jsonl or --csv";
    return NULL;
}

static int
parse(struct log *l, int argc, char **argv)
{
    int c;
    options_init(&l->o, &log_help, argc, argv);
    l->archive.o = &l->o;
    while ((c = options_next(&l->o)) >= 0)
        if (set_option(l, c) < 0)
            return -EINVAL;
    if (c != OPTIONS_END)
        return -EINVAL;
    archive_add_operands(&l->archive);
    const char *wrong = conflict(l);
    if (wrong) {
        options_error(&l->o, "%s", wrong);
        return -EINVAL;
    }
    bool lines = l->format == LOG_SHORT || l->format == LOG_VERBOSE || l->format == LOG_TREE;
    // Who asks for kinds of events wants those, not outcomes.
    l->filter.f.outcomes = lines && !l->filter.kinds.wanted && !l->filter.kinds.unwanted;
    return log_filter_finish(&l->filter, &l->o);
}

// --- output -----------------------------------------------------------------------------------

static bool
is_filtered(const struct log *l)
{
    return l->filter.used || l->filter.f.limit || l->filter.f.by_time;
}

static void
emit_session(struct log *l, struct archive_session *s)
{
    // Where sessions take turns, or are shown in part, a line only says whose turn it is.
    l->printer.brief = l->follow || is_filtered(l);
    if (l->printer.brief || archive_count(&l->archive, s, l->err) == 0)
        log_print_session(&l->printer, s);
    l->last = s;
}

static struct archive_session *
nth_session(struct log *l, size_t n)
{
    size_t last = l->archive.sessions_n - 1;
    return l->archive.sessions[l->filter.f.reverse ? last - n : n];
}

// Goes on to s (NULL: to the end), printing the lines of those in between where nothing was
// filtered away.
static void
advance(struct log *l, struct archive_session *s)
{
    for (; !is_filtered(l) && l->next < l->archive.sessions_n; l->next++) {
        struct archive_session *other = nth_session(l, l->next);
        if (other == s) {
            l->next++;
            break;
        }
        if (other->selected)
            emit_session(l, other);
    }
    if (s)
        emit_session(l, s);
}

void
log_emit_sessions(struct log *l)
{
    if (l->format == LOG_SHORT)
        advance(l, NULL);
}

int
log_emit(struct log *l, struct archive_session *s, const struct event_row *row)
{
    switch (l->format) {
    case LOG_SHORT:
        if (s != l->last)
            advance(l, s);
        log_print_event(&l->printer, s, row);
        break;
    case LOG_VERBOSE:
        log_print_verbose(&l->printer, s, row);
        break;
    case LOG_CSV:
        log_print_csv(&l->printer, row);
        break;
    case LOG_JSON:
    case LOG_JSONL:
    case LOG_TREE:
    case LOG_STATS:
        log_print_json(&l->printer, row);
        break;
    }
    l->events++;
    // The reader went away, or the disk is full: no use in going on.
    return ferror(l->printer.out) ? 1 : 0;
}

static int
emit(void *ctx, struct archive_session *s, const struct event_row *row)
{
    return log_emit(ctx, s, row);
}

static int
print_events(struct log *l)
{
    if (l->format == LOG_JSON)
        log_begin_json(&l->printer);
    int ret = archive_events(&l->archive, &l->filter.f, emit, l, l->err);
    if (ret == 0)
        log_emit_sessions(l);
    if (ret == 0 && l->format == LOG_JSON)
        log_end_json(&l->printer);
    return ret;
}

static int
print_format(struct log *l)
{
    if (l->format == LOG_CSV)
        log_begin_csv(&l->printer);
    if (l->follow)
        return log_follow(l);
    if (l->format == LOG_TREE)
        return log_tree(l);
    if (l->format == LOG_STATS)
        return log_stats(l);
    return print_events(l);
}

static int
print(struct log *l)
{
    cleanup_err struct err err = {0};
    l->err = &err;
    // What goes on for ever needs no pager: less(1) would wait for its end.
    if (l->follow)
        l->pager = (struct pager){.out = stdout};
    else
        pager_open(&l->pager);
    l->printer.out = l->pager.out;
    l->printer.color = color_wanted(l->color);
    l->printer.display = display_flags_of(STDOUT_FILENO);
    l->printer.now_ns = clock_real_ns();
    int ret = print_format(l);
    bool written = pager_close(&l->pager);
    if (ret < 0 || err.msg)
        return archive_failed(&l->archive, &err);
    if (!written) {
        fputs("nono log: can't write to standard output\n", stderr);
        return EXIT_FAILURE;
    }
    return l->exit_code && !l->events ? EXIT_FAILURE : 0;
}

static int
run(struct log *l)
{
    int status = archive_open(&l->archive);
    if (status || (l->archive.sessions_n == 0 && !l->follow)) {
        if (!status && l->format == LOG_JSON)
            puts("[]");
        return status ? status : l->exit_code;
    }
    return l->browse ? log_browse(l) : print(l);
}

int
cmd_log(int argc, char **argv)
{
    struct log l = {0};
    int status = parse(&l, argc, argv) < 0 ? l.o.status : run(&l);
    archive_done(&l.archive);
    log_filter_done(&l.filter);
    return status;
}
