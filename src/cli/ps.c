// SPDX-License-Identifier: Apache-2.0
// nono ps
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attached.h"
#include "buf.h"
#include "cli.h"
#include "clock.h"
#include "display.h"
#include "options.h"
#include "query.h"
#include "registry.h"
#include "util.h"
#include "wire.h"

enum { OPT_ALL = OPTIONS_LONG, OPT_JSON, OPT_JSONL, OPT_DB };

static const struct option_row ps_rows[] = {
    {OPT_ALL, "all", NULL, "also sessions that have ended, from the record"},
    {OPT_DB, "db", "FILE", "the record (default $XDG_STATE_HOME/nono/audit.db)"},
    {OPT_JSON, "json", NULL, "one JSON array"},
    {OPT_JSONL, "jsonl", NULL, "one JSON object per line"},
    {0},
};

static const struct options_help ps_help = {
    .synopsis = "nono ps [options]",
    .about =
        "Prints the sessions, oldest first: running, detached from their terminal, exited, or\n"
        "crashed when the supervisor was killed.",
    .rows = ps_rows,
};

struct row {
    struct session_info *info; /* owned */
    const char *state;
    int waiting; /* -1: not known */
    uint64_t ended_ns;
};

struct table {
    struct row *rows;
    size_t n;
};

static void
add_row(struct table *t, const struct row *row)
{
    t->rows = xrealloc(t->rows, (t->n + 1) * sizeof *t->rows);
    t->rows[t->n++] = *row;
}

static void
table_done(struct table *t)
{
    for (size_t i = 0; i < t->n; i++)
        session_info_free(t->rows[i].info);
    free(t->rows);
}

static bool
is_listed(const struct table *t, const char *id)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->rows[i].info->id, id) == 0)
            return true;
    return false;
}

static int
add_recorded(void *ctx, const struct session_row *s)
{
    struct table *t = ctx;
    if (is_listed(t, s->id))
        return 0;
    const struct session_info info = {
        .id = xstrdup(s->id),
        .name = xstrdup(s->name ? s->name : ""),
        .pid = s->pid,
        .start_time = s->start_time,
        .boot_id = xstrdup(s->boot_id ? s->boot_id : ""),
        .cwd = xstrdup(s->cwd ? s->cwd : ""),
        .argv = xmemdup(s->argv ? s->argv : "", s->argv ? s->argv_len : 0),
        .argv_len = s->argv ? s->argv_len : 0,
        .started_real_ns = s->started_ns,
    };
    bool alive = registry_alive(s->pid, s->start_time, s->boot_id);
    add_row(t, &(struct row){
                   .info = xmemdup(&info, sizeof info),
                   .state = s->ended_ns ? "exited"
                            : alive     ? "running"
                                        : "crashed",
                   .waiting = alive && !s->ended_ns ? -1 : 0,
                   .ended_ns = s->ended_ns,
               });
    return 0;
}

static int
read_record(struct table *t, const char *db)
{
    cleanup_err struct err err = {0};
    cleanup_free char *standard = db ? NULL : registry_default_db();
    struct reader *r = NULL;
    if (!db && !standard) {
        fputs("nono ps: no home directory: set HOME or XDG_STATE_HOME\n", stderr);
        return EXIT_UNREADABLE;
    }
    int ret = reader_open(db ? db : standard, &r, &err);
    // Nothing recorded yet is an empty record, but not where a file was asked for.
    if (ret == -ENOENT && !db)
        return 0;
    if (ret >= 0)
        ret = reader_sessions(r, add_recorded, t, &err);
    reader_close(r);
    if (ret >= 0)
        return 0;
    fprintf(stderr, "nono ps: %s\n", err.msg ? err.msg : strerror(-ret));
    return EXIT_UNREADABLE;
}

static int
older_first(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->info->started_real_ns != y->info->started_real_ns)
        return x->info->started_real_ns < y->info->started_real_ns ? -1 : 1;
    return strcmp(x->info->id, y->info->id);
}

static void
print_text(const struct table *t)
{
    uint64_t now = clock_real_ns();
    printf("%-12s  %-8s  %7s  %4s  %7s  %-10s  %s\n", "SESSION", "STATE", "PID", "AGE", "WAITING",
           "NAME", "COMMAND");
    for (size_t i = 0; i < t->n; i++) {
        const struct row *r = &t->rows[i];
        char age[24], waiting[16] = "-";
        cleanup_free char *command = format_words(r->info->argv, r->info->argv_len);
        cleanup_free char *name = display_str(r->info->name[0] ? r->info->name : "-", 0);
        uint64_t since = r->info->started_real_ns;
        format_age(age, sizeof age, now > since ? now - since : 0);
        if (r->waiting >= 0)
            snprintf(waiting, sizeof waiting, "%d", r->waiting);
        printf("%-12s  %-8s  %7d  %4s  %7s  %-10s  %s\n", r->info->id, r->state, (int)r->info->pid,
               age, waiting, name, command);
    }
}

static void
print_json(const struct table *t, bool lines)
{
    if (!lines)
        putchar('[');
    for (size_t i = 0; i < t->n; i++) {
        cleanup_buf struct buf b = {0};
        const struct row *r = &t->rows[i];
        wire_put_session(&b, r->info, r->state, r->waiting, r->ended_ns);
        printf("%s%s%s", lines ? "" : i ? ",\n" : "\n", buf_str(&b), lines ? "\n" : "");
    }
    if (!lines)
        puts(t->n ? "\n]" : "]");
}

static void
add_running(struct table *t, const struct attached_set *s)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct attached *a = s->list[i];
        const struct session_info *info = a->client ? client_session(a->client) : NULL;
        if (info)
            add_row(t,
                    &(struct row){.info = session_info_dup(info),
                                  .state = client_is_detached(a->client) ? "detached" : "running",
                                  .waiting = (int)client_waiting(a->client)});
    }
}

static int
list_sessions(int format, bool all, const char *db)
{
    cleanup_err struct err err = {0};
    cleanup_attached struct attached_set s = {0};
    struct table t = {0};
    if (attached_open(&s, NULL, "nono ps", 0, &err) < 0) {
        fprintf(stderr, "nono ps: %s\n", err.msg);
        return EXIT_FAILURE;
    }
    int status = attached_complain(&s, "ps") ? EXIT_FAILURE : EXIT_SUCCESS;
    add_running(&t, &s);
    int unreadable = all ? read_record(&t, db) : 0;
    status = unreadable ? unreadable : status;
    if (t.n)
        qsort(t.rows, t.n, sizeof *t.rows, older_first);
    // "[]" or "no session" would be an answer to what could not be asked.
    if (format && (t.n || status == EXIT_SUCCESS))
        print_json(&t, format == OPT_JSONL);
    else if (t.n)
        print_text(&t);
    else if (status == EXIT_SUCCESS)
        attached_say_none("ps");
    table_done(&t);
    return status;
}

int
cmd_ps(int argc, char **argv)
{
    struct options o;
    bool all = false;
    const char *db = NULL;
    int c, format = 0;
    options_init(&o, &ps_help, argc, argv);
    while ((c = options_next(&o)) >= 0) {
        switch (c) {
        case OPT_ALL:
            all = true;
            break;
        case OPT_DB:
            db = o.arg;
            break;
        default:
            format = c;
        }
    }
    if (c != OPTIONS_END)
        return o.status;
    if (o.index < argc)
        return options_error(&o, "no operands: nono log SESSION tells about one session");
    if (db && !all)
        return options_error(&o, "--db needs --all");
    return list_sessions(format, all, db);
}
