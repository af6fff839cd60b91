// SPDX-License-Identifier: Apache-2.0
// nono export
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "display.h"
#include "export.h"
#include "find.h"
#include "options.h"
#include "registry.h"
#include "transfer.h"
#include "util.h"

enum { OPT_DB = OPTIONS_LONG, OPT_FORMAT, OPT_CHECKPOINT };

static const struct option_row export_rows[] = {
    {'o', "output", "FILE", "where to (default: nono-ID.db; text: standard output)"},
    {OPT_FORMAT, "format", "F",
     "sqlite (default): a record; jsonl, csv, otlp: text;\n"
     "cast: the recorded terminal (also by -o X.cast)"},
    {OPT_CHECKPOINT, "checkpoint", "FILE", "text: only what is new since this file was written"},
    {OPT_DB, "db", "FILE", "the record (default $XDG_STATE_HOME/nono/audit.db)"},
    {0},
};

static const struct options_help export_help = {
    .synopsis = "nono export [SESSION...] [options]",
    .about = "Writes a session (default: the newest) into a file that other machines can read,\n"
             "verify and import; or events (default: all) as text for other programs.",
    .rows = export_rows,
    .more = "Exit status: 0, 1 output can't be written, 2 usage, 3 unreadable record.",
};

// In the order of enum export_format.
static const char *const format_words[] = {"sqlite", "jsonl", "csv", "otlp", "cast", NULL};

struct export_args {
    struct options o;
    int format;
    const char *db, *output, *checkpoint;
    char **ids; /* owned, NULL behind the last */
    size_t n;
};

static bool
is_of_one(const struct export_args *a)
{
    return a->format == EXPORT_SQLITE || a->format == EXPORT_CAST;
}

static int
parse(struct export_args *a, int argc, char **argv)
{
    int c;
    bool formatted = false;
    options_init(&a->o, &export_help, argc, argv);
    while ((c = options_next(&a->o)) >= 0) {
        if (c == 'o')
            a->output = a->o.arg;
        else if (c == OPT_CHECKPOINT)
            a->checkpoint = a->o.arg;
        else if (c == OPT_DB)
            a->db = a->o.arg;
        else if ((a->format = options_word(&a->o, format_words)) < 0)
            return -EINVAL;
        else
            formatted = true;
    }
    if (c != OPTIONS_END)
        return -EINVAL;
    const char *end = a->output ? strrchr(a->output, '.') : NULL;
    if (!formatted && end && strcmp(end, ".cast") == 0)
        a->format = EXPORT_CAST;
    // Text has standard output without an option, too.
    if (a->output && strcmp(a->output, "-") == 0 && a->format != EXPORT_SQLITE)
        a->output = NULL;
    if (a->output && strcmp(a->output, "-") == 0)
        options_error(&a->o, "-o -: a record is a file; --format jsonl, csv, otlp, cast are text");
    else if (a->checkpoint && is_of_one(a))
        options_error(&a->o, "--checkpoint is for --format jsonl, csv or otlp");
    else if (is_of_one(a) && argc - a->o.index > 1)
        options_error(&a->o, "one session to a file; --format jsonl, csv, otlp take several");
    else
        return 0;
    return -EINVAL;
}

static int
find_sessions(struct export_args *a, const char *db, char **specs, size_t n)
{
    static char newest[] = "@";
    char *only[] = {newest};
    if (!n && !is_of_one(a))
        return 0;
    specs = n ? specs : only;
    n = n ? n : 1;
    a->ids = xcalloc(n + 1, sizeof *a->ids);
    for (; a->n < n; a->n++) {
        cleanup_err struct err err = {0};
        int r = find_session(db, specs[a->n], &a->ids[a->n], &err);
        if (r < 0) {
            // The usual record comes into being by itself; until then no session is in it.
            bool none = r == -ESRCH || r == -ENOTUNIQ || (r == -ENOENT && !a->db);
            return options_fail(&a->o, none ? EXIT_USAGE : EXIT_UNREADABLE, "%s", err.msg);
        }
    }
    return 0;
}

static int
export_sqlite(struct export_args *a, const char *db)
{
    cleanup_err struct err err = {0};
    cleanup_free char *standard = xasprintf("nono-%s.db", a->ids[0]);
    const char *into = a->output ? a->output : standard;
    cleanup_free char *key = registry_key_file_for(db);
    cleanup_free char *shown = display_str(into, DISPLAY_QUOTE);
    int r = transfer_export(db, a->ids[0], into, key, &err);
    if (r < 0)
        return options_fail(&a->o, r == -EPROTO || r == -ENODATA ? EXIT_UNREADABLE : EXIT_FAILURE,
                            "%s", err.msg);
    printf("session %s is in %s; read it with nono log --db %s\n", a->ids[0], shown, shown);
    return 0;
}

static int
export_as_text(struct export_args *a, const char *db)
{
    cleanup_err struct err err = {0};
    struct export_text e = {.format = (enum export_format)a->format,
                            .db = db,
                            .ids = a->ids,
                            .output = a->output,
                            .checkpoint = a->checkpoint};
    uint64_t events = 0;
    bool reading = false;
    if (export_text(&e, &events, &reading, &err) < 0) {
        return options_fail(&a->o, reading ? EXIT_UNREADABLE : EXIT_FAILURE, "%s", err.msg);
    }
    if (a->output)
        printf("%llu event%s\n", (unsigned long long)events, events == 1 ? "" : "s");
    return 0;
}

static int
export_as_cast(struct export_args *a, const char *db)
{
    cleanup_err struct err err = {0};
    bool reading = false;
    if (export_cast(db, a->ids[0], a->output, &reading, &err) == 0)
        return 0;
    return options_fail(&a->o, reading ? EXIT_UNREADABLE : EXIT_FAILURE, "%s", err.msg);
}

int
cmd_export(int argc, char **argv)
{
    struct export_args a = {0};
    if (parse(&a, argc, argv) < 0)
        return a.o.status;
    cleanup_free char *standard = a.db ? NULL : registry_default_db();
    const char *db = a.db ? a.db : standard;
    int status =
        !db ? options_fail(&a.o, EXIT_UNREADABLE, "no home directory: set HOME or XDG_STATE_HOME")
            : 0;
    if (!status)
        status = find_sessions(&a, db, argv + a.o.index, (size_t)(argc - a.o.index));
    if (!status)
        status = a.format == EXPORT_SQLITE ? export_sqlite(&a, db)
                 : a.format == EXPORT_CAST ? export_as_cast(&a, db)
                                           : export_as_text(&a, db);
    for (size_t i = 0; i < a.n; i++)
        free(a.ids[i]);
    free(a.ids);
    return status;
}
