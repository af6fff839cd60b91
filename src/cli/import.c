// SPDX-License-Identifier: Apache-2.0
// nono import
#include <errno.h>
#include <stdio.h>

#include "cli.h"
#include "options.h"
#include "registry.h"
#include "transfer.h"
#include "util.h"

enum { OPT_DB = OPTIONS_LONG };

static const struct option_row import_rows[] = {
    {OPT_DB, "db", "FILE", "the record (default $XDG_STATE_HOME/nono/audit.db)"},
    {0},
};

static const struct options_help import_help = {
    .synopsis = "nono import FILE... [--db FILE]",
    .about = "Verifies files that nono export wrote and takes their sessions into the record.\n"
             "What was granted there is not granted here.",
    .rows = import_rows,
    .more = "Exit status: 0, 2 usage, 3 a file can't be read, 4 one is not what was recorded.",
};

int
cmd_import(int argc, char **argv)
{
    struct options o;
    const char *db = NULL;
    int c, status = 0;
    options_init(&o, &import_help, argc, argv);
    while ((c = options_next(&o)) >= 0)
        db = o.arg;
    if (c != OPTIONS_END)
        return o.status;
    if (o.index >= argc)
        return options_error(&o, "which file?");
    cleanup_free char *standard = db ? NULL : registry_default_db();
    db = db ? db : standard;
    if (!db)
        return options_fail(&o, EXIT_UNREADABLE, "no home directory: set HOME or XDG_STATE_HOME");
    cleanup_free char *key = registry_key_file_for(db);
    for (int i = o.index; i < argc && status == 0; i++) {
        unsigned added = 0, known = 0;
        cleanup_err struct err err = {0};
        int r = transfer_import(argv[i], db, key, &added, &known, &err);
        if (r < 0) {
            status =
                options_fail(&o, r == -EBADMSG ? EXIT_INTEGRITY : EXIT_UNREADABLE, "%s", err.msg);
            break;
        }
        printf("%u session%s imported", added, added == 1 ? "" : "s");
        printf(known ? ", %u there already\n" : "\n", known);
    }
    return status;
}
