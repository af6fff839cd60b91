// SPDX-License-Identifier: Apache-2.0
// nono log
#include <errno.h>
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "clock.h"
#include "display.h"
#include "log_print.h"
#include "options.h"
#include "pager.h"
#include "query.h"
#include "registry.h"
#include "util.h"
#include "when.h"

enum {
    OPT_SESSION = OPTIONS_LONG,
    OPT_DECISION,
    OPT_PATH,
    OPT_SINCE,
    OPT_UNTIL,
    OPT_JSON,
    OPT_JSONL,
    OPT_DB,
    OPT_COLOR
};

static const struct option_row log_rows[] = {
    {OPT_SESSION, "session", "SESSION", "the same as the operand; repeat or comma: any of them"},
    {OPT_DECISION, "decision", "WORD,...", "allow, deny, expired, withdrawn; -WORD: all but that"},
    {OPT_PATH, "path", "GLOB", "what matches; '*' crosses slashes"},
    {OPT_SINCE, "since", "TIME", "at or after: '2025-11-23 14:02', @EPOCH, today, '10 min ago'"},
    {OPT_UNTIL, "until", "TIME", "before"},
    {'n', "lines", "N", "the newest N only"},
    {'r', "reverse", NULL, "newest first"},
    {OPT_JSON, "json", NULL, "one JSON array of events"},
    {OPT_JSONL, "jsonl", NULL, "one JSON object per event and line"},
    {OPT_DB, "db", "FILE", "the record (default $XDG_STATE_HOME/nono/audit.db)"},
    {OPT_COLOR, "color", "WHEN", "auto, always, never"},
    {0},
};

static const struct options_help log_help = {
    .synopsis = "nono log [SESSION] [options]",
    .about = "Prints what was asked, granted and refused, session by session, newest last.\n"
             "SESSION: an id, the start of one, a name, @ (newest), @{N} (the Nth before it).",
    .rows = log_rows,
    .more = "Exit status: 0 (also when there is nothing), 2 usage, 3 the record can't be read.",
};

enum format { FORMAT_SHORT, FORMAT_JSON, FORMAT_JSONL };

struct log {
    struct options o;
    enum format format;
    const char *db;
    enum color_when color;
    struct event_filter filter;
    unsigned wanted, unwanted; /* --decision */
    const char **specs;        /* sessions asked for; owned, but not the strings */
    size_t specs_n;

    struct log_session *sessions; /* oldest first; owned */
    size_t sessions_n;
    bool *selected; /* per session; owned */
    size_t next;    /* sessions whose line was printed or left out, in the order of printing */
    struct log_printer printer;
    struct pager pager;
    bool output_failed;
};

static void
log_done(struct log *l)
{
    for (size_t i = 0; i < l->sessions_n; i++) {
        struct log_session *s = &l->sessions[i];
        free(s->id);
        free(s->name);
        free(s->cwd);
        free(s->argv);
    }
    free(l->sessions);
    free(l->selected);
    free(l->specs);
}

// --- options ----------------------------------------------------------------------------------

// Words of one option, separated by commas; each is handed to add. Changes its argument.
static int
each_word(struct log *l, const char *arg, int (*add)(struct log *l, char *word))
{
    char *rest = (char *)arg;
    int r = 0;
    for (char *word = strsep(&rest, ","); word && r == 0; word = strsep(&rest, ","))
        r = add(l, word);
    return r;
}

static int
add_decision(struct log *l, char *word)
{
    bool negated = word[0] == '-';
    enum verdict v = verdict_from_string(word + negated);
    if (v == _VERDICT_INVALID) {
        cleanup_free char *shown = display_str(word, 0);
        options_error(&l->o, "--decision %s: not one of allow, deny, expired, withdrawn", shown);
        return -EINVAL;
    }
    *(negated ? &l->unwanted : &l->wanted) |= 1u << v;
    return 0;
}

static int
add_session(struct log *l, char *word)
{
    l->specs = xrealloc(l->specs, (l->specs_n + 1) * sizeof *l->specs);
    l->specs[l->specs_n++] = word;
    return 0;
}

static int
set_time(struct log *l, const char *name, uint64_t *ret_ns)
{
    if (when_parse(l->o.arg, clock_real_ns(), ret_ns) == 0)
        return 0;
    cleanup_free char *shown = display_str(l->o.arg, 0);
    options_error(&l->o, "--%s '%s': not a time ('2025-11-23 14:02', @EPOCH, '10 min ago')", name,
                  shown);
    return -EINVAL;
}

static int
set_option(struct log *l, int c)
{
    static const char *const whens[] = {"auto", "always", "never", NULL};
    uint64_t n = 0;
    int r = 0;
    switch (c) {
    case OPT_SESSION:
        return each_word(l, l->o.arg, add_session);
    case OPT_DECISION:
        return each_word(l, l->o.arg, add_decision);
    case OPT_PATH:
        l->filter.path_glob = l->o.arg;
        return 0;
    case OPT_SINCE:
        return set_time(l, "since", &l->filter.since_ns);
    case OPT_UNTIL:
        return set_time(l, "until", &l->filter.until_ns);
    case 'n':
        r = options_number(&l->o, 1, INT64_MAX, &n);
        l->filter.limit = n;
        l->filter.newest = true;
        return r;
    case 'r':
        l->filter.reverse = true;
        return 0;
    case OPT_JSON:
    case OPT_JSONL:
        l->format = c == OPT_JSON ? FORMAT_JSON : FORMAT_JSONL;
        return 0;
    case OPT_DB:
        l->db = l->o.arg;
        return 0;
    case OPT_COLOR:
        r = options_word(&l->o, whens);
        l->color = r < 0 ? COLOR_AUTO : (enum color_when)r;
        return r < 0 ? r : 0;
    default:
        return 0;
    }
}

static int
parse(struct log *l, int argc, char **argv)
{
    int c;
    options_init(&l->o, &log_help, argc, argv);
    while ((c = options_next(&l->o)) >= 0)
        if (set_option(l, c) < 0)
            return -EINVAL;
    if (c != OPTIONS_END)
        return -EINVAL;
    for (int i = l->o.index; i < argc; i++)
        add_session(l, argv[i]);
    unsigned all = (1u << _VERDICT_MAX) - 1;
    if (l->wanted || l->unwanted) {
        l->filter.verdicts = (l->wanted ? l->wanted : all) & ~l->unwanted;
        if (!l->filter.verdicts) {
            options_error(&l->o, "--decision leaves nothing to show");
            return -EINVAL;
        }
    }
    l->filter.outcomes = l->format == FORMAT_SHORT;
    return 0;
}

// --- sessions ---------------------------------------------------------------------------------

static int
keep_session(void *ctx, const struct session_row *row)
{
    struct log *l = ctx;
    if ((l->sessions_n & (l->sessions_n - 1)) == 0) {
        size_t room = l->sessions_n ? l->sessions_n * 2 : 1;
        l->sessions = xrealloc(l->sessions, room * sizeof *l->sessions);
    }
    l->sessions[l->sessions_n++] = (struct log_session){
        .id = xstrdup(row->id),
        .name = xstrdup(row->name),
        .cwd = xstrdup(row->cwd),
        .argv = xmemdup(row->argv, row->argv_len),
        .argv_len = row->argv_len,
        .state = row->ended_ns                                             ? SESSION_EXITED
                 : registry_alive(row->pid, row->start_time, row->boot_id) ? SESSION_RUNNING
                                                                           : SESSION_CRASHED,
        .wait_status = row->wait_status,
        .started_ns = row->started_ns,
        .ended_ns = row->ended_ns,
        .asked = row->asked,
        .allowed = row->allowed,
        .refused = row->refused,
        .floor = row->floor,
        .waiting = row->waiting,
    };
    return 0;
}

// "@", "@{N}": how many before the newest; -EINVAL for anything else.
static long
parse_at(const char *spec)
{
    if (strcmp(spec, "@") == 0)
        return 0;
    char *end;
    if (strncmp(spec, "@{", 2) != 0)
        return -EINVAL;
    long n = strtol(spec + 2, &end, 10);
    return end != spec + 2 && strcmp(end, "}") == 0 && n >= 0 ? n : -EINVAL;
}

// Of several sessions with one name the newest is meant.
static int
find_session(const struct log *l, const char *spec, size_t *ret_index)
{
    size_t len = strlen(spec), found = 0, n = 0;
    long at = parse_at(spec);
    if (at >= 0) {
        *ret_index = l->sessions_n - 1 - (size_t)at;
        return (size_t)at < l->sessions_n ? 0 : -ENOENT;
    }
    for (size_t i = l->sessions_n; i-- > 0;) {
        const struct log_session *s = &l->sessions[i];
        if (strcmp(s->id, spec) == 0 || (len && strcmp(s->name, spec) == 0)) {
            *ret_index = i;
            return 0;
        }
        if (len >= 2 && strncmp(s->id, spec, len) == 0) {
            found = i;
            n++;
        }
    }
    if (n == 1)
        *ret_index = found;
    return n == 1 ? 0 : n ? -EEXIST : -ENOENT;
}

static int
select_sessions(struct log *l)
{
    l->selected = xcalloc(l->sessions_n, sizeof *l->selected);
    for (size_t i = 0; i < l->sessions_n && !l->specs_n; i++)
        l->selected[i] = true;
    for (size_t i = 0; i < l->specs_n; i++) {
        size_t index = 0;
        int r = find_session(l, l->specs[i], &index);
        if (r == 0) {
            l->selected[index] = true;
            continue;
        }
        cleanup_free char *shown = display_str(l->specs[i], 0);
        options_error(&l->o,
                      r == -EEXIST ? "'%s' is the start of more than one session id"
                                   : "no session '%s' in this record",
                      shown);
        return r;
    }
    return 0;
}

// --- output -----------------------------------------------------------------------------------

static bool
is_filtered(const struct log *l)
{
    const struct event_filter *f = &l->filter;
    return f->path_glob || f->verdicts || f->since_ns || f->until_ns || f->limit;
}

static struct log_session *
nth_session(const struct log *l, size_t n, bool *ret_selected)
{
    size_t i = l->filter.reverse ? l->sessions_n - 1 - n : n;
    *ret_selected = l->selected[i];
    return &l->sessions[i];
}

// Goes on to the session of that id, printing the lines of those in between where nothing was
// filtered away; id NULL: to the end. NULL when it is not listed (it began a moment ago).
static const struct log_session *
advance(struct log *l, const char *id)
{
    bool selected;
    if (id && l->next) {
        struct log_session *last = nth_session(l, l->next - 1, &selected);
        if (strcmp(last->id, id) == 0)
            return last;
    }
    size_t n = l->next;
    while (id && n < l->sessions_n && strcmp(nth_session(l, n, &selected)->id, id) != 0)
        n++;
    if (id && n == l->sessions_n)
        return NULL;
    for (; l->next < l->sessions_n; l->next++) {
        struct log_session *s = nth_session(l, l->next, &selected);
        bool wanted = id && strcmp(s->id, id) == 0;
        if (wanted || (selected && !is_filtered(l)))
            log_print_session(&l->printer, s);
        if (wanted) {
            l->next++;
            return s;
        }
    }
    return NULL;
}

static int
print_event(void *ctx, const struct event_row *row)
{
    struct log *l = ctx;
    if (l->format == FORMAT_SHORT) {
        const struct log_session *s = advance(l, row->session);
        if (s)
            log_print_outcome(&l->printer, s, row);
    } else {
        log_print_json(&l->printer, row);
    }
    // The reader went away, or the disk is full: no use in going on.
    return ferror(l->printer.out) ? 1 : 0;
}

static int
print_events(struct log *l, struct reader *r, struct err *err)
{
    size_t n = 0;
    cleanup_free const char **ids = xcalloc(l->sessions_n + 1, sizeof *ids);
    for (size_t i = 0; i < l->sessions_n; i++)
        if (l->selected[i])
            ids[n++] = l->sessions[i].id;
    if (l->specs_n)
        l->filter.sessions = ids;
    bool utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    pager_open(&l->pager);
    l->printer = (struct log_printer){
        .out = l->pager.out,
        .color = color_wanted(l->color),
        .display = utf8 ? 0 : DISPLAY_ASCII,
        .now_ns = clock_real_ns(),
        .json = l->format == FORMAT_JSON,
    };
    if (l->format != FORMAT_SHORT)
        log_begin_json(&l->printer);
    int ret = reader_events(r, &l->filter, print_event, l, err);
    if (ret == 0 && l->format == FORMAT_SHORT)
        advance(l, NULL);
    else if (ret == 0)
        log_end_json(&l->printer);
    l->output_failed = !pager_close(&l->pager);
    return ret < 0 ? ret : 0;
}

// The record that was asked for or the usual one; the caller frees it.
static char *
record_path(const struct log *l)
{
    return l->db ? xstrdup(l->db) : registry_default_db();
}

static int
run(struct log *l)
{
    cleanup_err struct err err = {0};
    cleanup_free char *path = record_path(l);
    struct reader *r = NULL;
    if (!path) {
        fputs("nono log: no home directory; use --db FILE\n", stderr);
        return EXIT_UNREADABLE;
    }
    int ret = reader_open(path, &r, &err);
    if (ret == 0)
        ret = reader_sessions(r, keep_session, l, &err);
    // A file that was named and is not there is a mistake; the usual one comes by itself.
    bool missing = l->db && access(path, F_OK) < 0;
    bool none = !missing && (ret == -ENOENT || (ret == 0 && !l->sessions_n));
    if (none && !l->specs_n) {
        cleanup_free char *shown = display_str(path, DISPLAY_QUOTE);
        fprintf(stderr, "nono log: nothing is recorded yet in %s\n", shown);
        if (l->format == FORMAT_JSON)
            puts("[]");
        ret = 0;
    } else if (none || (ret == 0 && select_sessions(l) < 0)) {
        ret = none ? options_error(&l->o, "nothing is recorded yet") : l->o.status;
    } else {
        if (ret == 0)
            ret = print_events(l, r, &err);
        if (ret < 0)
            fprintf(stderr, "nono log: %s\n", err.msg);
        else if (l->output_failed)
            fputs("nono log: can't write to standard output\n", stderr);
        ret = ret < 0 ? EXIT_UNREADABLE : l->output_failed;
    }
    reader_close(r);
    return ret;
}

int
cmd_log(int argc, char **argv)
{
    struct log l = {0};
    int status = parse(&l, argc, argv) < 0 ? l.o.status : run(&l);
    log_done(&l);
    return status;
}
