// SPDX-License-Identifier: Apache-2.0
// nono report: a session as one HTML file for people who would rather look than read.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive.h"
#include "cli.h"
#include "display.h"
#include "log_filter.h"
#include "log_print.h"
#include "options.h"
#include "report_page.h"
#include "util.h"

enum { OPT_DB = OPTIONS_LONG };

static const struct option_row report_rows[] = {
    {'o', "output", "FILE", "the file to write; - for standard output"},
    {OPT_DB, "db", "FILE", "the record (default $XDG_STATE_HOME/nono/audit.db)"},
    LOG_FILTER_ROWS,
    {0},
};

static const struct options_help report_help = {
    .synopsis = "nono report [SESSION...] -o FILE [options]",
    .about = "Writes a session (the newest one) as a web page that needs nothing but itself: a\n"
             "timeline, figures, and every event in a table that can be filtered.\n"
             "SESSION and filters as in nono log.",
    .rows = report_rows,
    .more = "Exit status: 0, 1 the file can't be made, 2 usage, 3 unreadable record.",
};

struct report {
    struct options o;
    struct archive archive;
    struct log_filter filter;
    const char *output;
    FILE *out;
    size_t events;
};

static int
parse(struct report *r, int argc, char **argv)
{
    int c;
    options_init(&r->o, &report_help, argc, argv);
    r->archive.o = &r->o;
    while ((c = options_next(&r->o)) >= 0) {
        if (c == 'o')
            r->output = r->o.arg;
        else if (c == OPT_DB)
            archive_add_db(&r->archive, r->o.arg);
        else if (log_filter_option(&r->filter, &r->o, c) < 0)
            return -EINVAL;
    }
    if (c != OPTIONS_END)
        return -EINVAL;
    archive_add_operands(&r->archive);
    if (!r->archive.specs_n)
        archive_add_spec(&r->archive, "@");
    if (!r->output) {
        options_error(&r->o, "where to? (-o FILE, -o - for standard output)");
        return -EINVAL;
    }
    return log_filter_finish(&r->filter, &r->o);
}

// JSON inside of a script element: no '<' of the data may end it. In JSON it stands in strings
// only.
static void
put_data(FILE *out, const char *json)
{
    for (const char *p = json; *p; p++) {
        if (*p == '<')
            fputs("\\u003c", out);
        else
            fputc(*p, out);
    }
}

static int
put_event(void *ctx, struct archive_session *s, const struct event_row *row)
{
    struct report *r = ctx;
    cleanup_free char *json = log_json_text(row);
    fputs(r->events++ ? ",\n" : "\n", r->out);
    put_data(r->out, json);
    return ferror(r->out) ? 1 : 0;
}

static void
put_html(FILE *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        if (*p == '<' || *p == '>' || *p == '&' || *p == '"' || *p == '\'')
            fprintf(out, "&#%d;", *p);
        else
            fputc(*p, out);
    }
}

static void
put_sessions(struct report *r)
{
    for (size_t i = 0; i < r->archive.sessions_n; i++) {
        const struct archive_session *s = r->archive.sessions[i];
        cleanup_buf struct buf b = {0};
        char from[48], to[48];
        if (!s->selected)
            continue;
        log_format_time(from, sizeof from, s->started_ns);
        log_format_time(to, sizeof to, s->ended_ns);
        display_escape(&b, s->id, strlen(s->id), 0);
        buf_printf(&b, "  %s", session_state_to_string(s->state));
        log_put_end(&b, s);
        buf_printf(&b, "  %.19sZ", from);
        if (s->ended_ns)
            buf_printf(&b, " to %.19sZ", to);
        buf_puts(&b, "  ");
        if (s->name[0]) {
            display_escape(&b, s->name, strlen(s->name), 0);
            buf_puts(&b, ": ");
        }
        log_put_argv(&b, s->argv, s->argv_len, 0);
        fputs("<p class=\"session\">", r->out);
        put_html(r->out, buf_str(&b));
        fputs("</p>\n", r->out);
    }
}

static int
write_page(struct report *r, struct err *err)
{
    fputs(report_page_head, r->out);
    put_sessions(r);
    fputs(report_page_body, r->out);
    int ret = archive_events(&r->archive, &r->filter.f, put_event, r, err);
    fputs(report_page_tail, r->out);
    return ret < 0 ? ret : 0;
}

// A file that came to be meanwhile stays, where the file system can tell.
static int
put_in_place(const char *part, const char *output)
{
    int r = renameat2(AT_FDCWD, part, AT_FDCWD, output, RENAME_NOREPLACE);
    return r < 0 && errno == EINVAL ? rename(part, output) : r;
}

// The file appears whole or not at all, and only for its owner.
static int
run(struct report *r)
{
    cleanup_err struct err err = {0};
    struct stat st;
    // A pipe or a device is written to, not replaced.
    bool plain = strcmp(r->output, "-") == 0, there = !plain && lstat(r->output, &st) == 0,
         direct = plain || (stat(r->output, &st) == 0 && !S_ISREG(st.st_mode));
    cleanup_free char *shown = display_str(r->output, DISPLAY_QUOTE);
    cleanup_free char *part = xasprintf("%s.XXXXXX", r->output);
    if (there && !direct)
        return options_fail(&r->o, EXIT_FAILURE, "%s is there already", shown);
    int status = archive_open(&r->archive);
    if (status || !r->archive.sessions_n)
        return status ? status : EXIT_FAILURE;
    int fd = plain    ? -1
             : direct ? open(r->output, O_WRONLY | O_CLOEXEC)
                      : mkostemp(part, O_CLOEXEC);
    r->out = plain ? stdout : fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!r->out) {
        fprintf(stderr, "nono report: --output %s: %s\n", shown, strerror(errno));
        return EXIT_FAILURE;
    }
    int ret = write_page(r, &err);
    bool failed = fflush(r->out) != 0 || ferror(r->out);
    if (!plain)
        failed |= fclose(r->out) != 0;
    if (!direct) {
        failed |= ret == 0 && !failed && put_in_place(part, r->output) < 0;
        if (ret < 0 || failed)
            unlink(part);
    }
    if (ret < 0)
        return archive_failed(&r->archive, &err);
    if (failed)
        fprintf(stderr, "nono report: can't write %s: %s\n", shown, strerror(errno));
    return failed ? EXIT_FAILURE : 0;
}

int
cmd_report(int argc, char **argv)
{
    struct report r = {0};
    int status = parse(&r, argc, argv) < 0 ? r.o.status : run(&r);
    archive_done(&r.archive);
    log_filter_done(&r.filter);
    return status;
}
