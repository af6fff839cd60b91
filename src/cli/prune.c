// SPDX-License-Identifier: Apache-2.0
// nono prune
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "cli.h"
#include "clock.h"
#include "options.h"
#include "prune.h"
#include "registry.h"
#include "util.h"

#define NS_PER_DAY (86400 * NS_PER_SEC)
#define DAYS_MAX 100000
#define MB_MAX (1u << 30)

enum { OPT_DB = OPTIONS_LONG, OPT_KEEP_DAYS, OPT_KEEP_MB, OPT_DECISIONS, OPT_DRY_RUN };

static const struct option_row prune_rows[] = {
    {OPT_KEEP_DAYS, "keep-days", "N", "remove what ended more than N days ago"},
    {OPT_KEEP_MB, "keep-mb", "N", "remove the oldest until the record has at most N MB"},
    {OPT_DECISIONS, "decisions", NULL, "whole sessions, not only their counts and terminals"},
    {OPT_DRY_RUN, "dry-run", NULL, "only say what would go"},
    {OPT_DB, "db", "FILE", "the record (default $XDG_STATE_HOME/nono/audit.db)"},
    {0},
};

static const struct options_help prune_help = {
    .synopsis = "nono prune --keep-days N | --keep-mb N [options]",
    .about = "Removes old counts and recorded terminals from the record; with --decisions, old\n"
             "sessions altogether. What went leaves a signed line: the record still verifies.",
    .rows = prune_rows,
    .more = "Sessions that run stay, and so do those whose remembered grants are in force.",
};

struct prune_args {
    struct options o;
    struct prune_options prune;
    const char *db;
    bool chosen;
};

static int
set_option(struct prune_args *a, int c)
{
    uint64_t n = 0;
    switch (c) {
    case OPT_KEEP_DAYS:
        if (options_number(&a->o, 0, DAYS_MAX, &n) < 0)
            return -EINVAL;
        // 0 days: whatever has ended; never 0, which means no limit.
        a->prune.before_ns = clock_real_ns() - n * NS_PER_DAY;
        a->chosen = true;
        return 0;
    case OPT_KEEP_MB:
        if (options_number(&a->o, 1, MB_MAX, &n) < 0)
            return -EINVAL;
        a->prune.max_bytes = n * 1000000;
        a->chosen = true;
        return 0;
    case OPT_DECISIONS:
        a->prune.decisions = true;
        return 0;
    case OPT_DRY_RUN:
        a->prune.dry_run = true;
        return 0;
    default:
        a->db = a->o.arg;
        return 0;
    }
}

static int
parse(struct prune_args *a, int argc, char **argv)
{
    int c;
    options_init(&a->o, &prune_help, argc, argv);
    while ((c = options_next(&a->o)) >= 0)
        if (set_option(a, c) < 0)
            return -EINVAL;
    if (c != OPTIONS_END)
        return -EINVAL;
    if (a->o.index < argc)
        options_error(&a->o, "takes no operands");
    else if (!a->chosen)
        options_error(&a->o, "what is to be kept? --keep-days N or --keep-mb N");
    else
        return 0;
    return -EINVAL;
}

static const char *
plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

static void
print_result(const struct prune_args *a, const struct prune_result *r)
{
    const char *would = a->prune.dry_run ? "would remove" : "removed";
    if (r->pruned)
        printf("%s %llu session%s with %llu events\n", would, (unsigned long long)r->pruned,
               plural(r->pruned), (unsigned long long)r->events);
    if (r->thinned)
        printf("%s the counts and terminals of %llu session%s\n", would,
               (unsigned long long)r->thinned, plural(r->thinned));
    if (r->held)
        printf("%llu session%s stay%s: their remembered grants are in force (nono grants)\n",
               (unsigned long long)r->held, plural(r->held), r->held == 1 ? "s" : "");
    if (!r->pruned && !r->thinned)
        puts("nothing to remove");
    printf("in use: %.1f MB, before %.1f MB\n", (double)r->bytes_after / 1e6,
           (double)r->bytes_before / 1e6);
    if (!a->prune.decisions && a->prune.max_bytes && r->bytes_after > a->prune.max_bytes)
        puts("that is still more than --keep-mb; --decisions removes old sessions altogether");
    if (!a->prune.dry_run && !r->shrunk)
        puts("others are at work: the file keeps its size, its free space is used again");
}

int
cmd_prune(int argc, char **argv)
{
    struct prune_args a = {.prune.alive = registry_alive};
    struct prune_result result;
    struct stat st;
    cleanup_err struct err err = {0};
    if (parse(&a, argc, argv) < 0)
        return a.o.status;
    cleanup_free char *standard = a.db ? NULL : registry_default_db();
    const char *db = a.db ? a.db : standard;
    if (!db)
        return options_fail(&a.o, EXIT_UNREADABLE, "no home directory: set HOME or XDG_STATE_HOME");
    // Not made by the attempt to empty it.
    if (lstat(db, &st) < 0 && errno == ENOENT) {
        puts("nothing is recorded yet");
        return 0;
    }
    cleanup_free char *key = registry_key_file_for(db);
    if (prune_record(db, key, &a.prune, &result, &err) < 0) {
        return options_fail(&a.o, EXIT_UNREADABLE, "%s", err.msg);
    }
    print_result(&a, &result);
    return 0;
}
