// SPDX-License-Identifier: Apache-2.0
#include "archive.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "display.h"
#include "registry.h"
#include "util.h"

const char *
session_state_to_string(enum session_state s)
{
    switch (s) {
    case SESSION_RUNNING:
        return "running";
    case SESSION_EXITED:
        return "exited";
    case SESSION_CRASHED:
        return "crashed";
    }
    return NULL;
}

void
archive_add_db(struct archive *a, const char *path)
{
    a->paths = xrealloc(a->paths, (a->paths_n + 1) * sizeof *a->paths);
    a->paths[a->paths_n++] = path;
}

void
archive_add_spec(struct archive *a, const char *spec)
{
    a->specs = xrealloc(a->specs, (a->specs_n + 1) * sizeof *a->specs);
    a->specs[a->specs_n++] = spec;
}

void
archive_add_operands(struct archive *a)
{
    for (int i = a->o->index; i < a->o->argc; i++)
        archive_add_spec(a, a->o->argv[i]);
}

static void
session_free(struct archive_session *s)
{
    free(s->id);
    free(s->name);
    free(s->cwd);
    free(s->argv);
    free(s->boot_id);
    free(s);
}

void
archive_done(struct archive *a)
{
    for (size_t i = 0; i < a->sessions_n; i++)
        session_free(a->sessions[i]);
    for (size_t i = 0; i < a->readers_n; i++)
        reader_close(a->readers[i]);
    free(a->sessions);
    free(a->readers);
    free(a->paths);
    free(a->specs);
    free(a->standard);
    free(a->ids);
}

int
archive_failed(const struct archive *a, const struct err *err)
{
    int n = (int)strcspn(a->o->help->synopsis + strlen("nono "), " ");
    fprintf(stderr, "%.*s: %s\n", n + (int)strlen("nono "), a->o->help->synopsis,
            err->msg ? err->msg : "the record can't be read");
    return EXIT_UNREADABLE;
}

struct listing {
    struct archive *a;
    size_t reader;
};

static enum session_state
state_of(const struct archive_session *s)
{
    return s->ended_ns                                         ? SESSION_EXITED
           : registry_alive(s->pid, s->start_time, s->boot_id) ? SESSION_RUNNING
                                                               : SESSION_CRASHED;
}

static int
keep_session(void *ctx, const struct session_row *row)
{
    const struct listing *l = ctx;
    struct archive *a = l->a;
    struct archive_session *known = archive_find(a, l->reader, row->id);
    if (!known) {
        if ((a->sessions_n & (a->sessions_n - 1)) == 0) {
            size_t room = a->sessions_n ? a->sessions_n * 2 : 1;
            a->sessions = xrealloc(a->sessions, room * sizeof *a->sessions);
        }
        known = xcalloc(1, sizeof *known);
        a->sessions[a->sessions_n++] = known;
        *known = (struct archive_session){
            .reader = l->reader,
            .id = xstrdup(row->id),
            .name = xstrdup(row->name),
            .cwd = xstrdup(row->cwd),
            .argv = xmemdup(row->argv, row->argv_len),
            .argv_len = row->argv_len,
            .boot_id = xstrdup(row->boot_id),
            .pid = row->pid,
            .start_time = row->start_time,
            .started_ns = row->started_ns,
        };
    }
    known->ended_ns = row->ended_ns;
    known->wait_status = row->wait_status;
    known->state = state_of(known);
    return 0;
}

static int
older_first(const void *a, const void *b)
{
    const struct archive_session *x = *(struct archive_session *const *)a;
    const struct archive_session *y = *(struct archive_session *const *)b;
    if (x->started_ns != y->started_ns)
        return x->started_ns < y->started_ns ? -1 : 1;
    return strcmp(x->id, y->id);
}

static int
list_sessions(struct archive *a, struct err *err)
{
    int ret = 0;
    for (size_t i = 0; i < a->readers_n && ret == 0; i++) {
        struct listing l = {.a = a, .reader = i};
        ret = reader_sessions(a->readers[i], keep_session, &l, err);
    }
    // One record gives them in the order of its own numbers, which the events have too.
    if (ret == 0 && a->readers_n > 1)
        qsort(a->sessions, a->sessions_n, sizeof *a->sessions, older_first);
    return ret;
}

struct archive_session *
archive_find(const struct archive *a, size_t reader, const char *id)
{
    // Events come session by session, mostly of the newest.
    for (size_t i = a->sessions_n; i-- > 0;)
        if (a->sessions[i]->reader == reader && strcmp(a->sessions[i]->id, id) == 0)
            return a->sessions[i];
    return NULL;
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

// Of several sessions with one name the newest is meant; of several with one id (a record and its
// export) all of them.
static int
select_spec(struct archive *a, const char *spec)
{
    size_t len = strlen(spec), found = 0, n = 0;
    long at = parse_at(spec);
    if (at >= 0) {
        if ((size_t)at >= a->sessions_n)
            return -ENOENT;
        a->sessions[a->sessions_n - 1 - (size_t)at]->selected = true;
        return 0;
    }
    for (size_t i = a->sessions_n; i-- > 0;) {
        struct archive_session *s = a->sessions[i];
        bool prefix = len >= 2 && strncmp(s->id, spec, len) == 0;
        if (len && strcmp(s->name, spec) == 0 && !n) {
            s->selected = true;
            return 0;
        }
        if (prefix && (!n || strcmp(s->id, a->sessions[found]->id) != 0)) {
            found = i;
            n++;
        }
    }
    for (size_t i = 0; n == 1 && i < a->sessions_n; i++)
        a->sessions[i]->selected |= strcmp(a->sessions[i]->id, a->sessions[found]->id) == 0;
    return n == 1 ? 0 : n ? -EEXIST : -ENOENT;
}

static int
select_sessions(struct archive *a)
{
    for (size_t i = 0; i < a->sessions_n && !a->specs_n; i++)
        a->sessions[i]->selected = true;
    for (size_t i = 0; i < a->specs_n; i++) {
        int r = select_spec(a, a->specs[i]);
        if (r == 0)
            continue;
        cleanup_free char *shown = display_str(a->specs[i], 0);
        return options_fail(a->o, EXIT_USAGE,
                            r == -EEXIST ? "'%s' is the start of more than one session id"
                                         : "no session '%s' in this record",
                            shown);
    }
    return 0;
}

// The usual record comes into being by itself; a file that was named and is not there is a mistake.
static int
nothing_recorded(struct archive *a)
{
    cleanup_free char *shown = display_str(a->paths_n ? a->paths[0] : a->standard, DISPLAY_QUOTE);
    if (a->specs_n)
        return options_fail(a->o, EXIT_USAGE, "nothing is recorded yet in %s", shown);
    int n = (int)strcspn(a->o->help->synopsis + strlen("nono "), " ");
    fprintf(stderr, "%.*s: nothing is recorded yet in %s\n", n + (int)strlen("nono "),
            a->o->help->synopsis, shown);
    return 0;
}

static int
open_readers(struct archive *a, const char *const *paths, size_t n, struct err *err)
{
    int ret = 0;
    a->readers = xcalloc(n, sizeof *a->readers);
    for (size_t i = 0; i < n && ret == 0; i++) {
        ret = reader_open(paths[i], &a->readers[i], err);
        a->readers_n += ret == 0;
    }
    return ret;
}

int
archive_again(const struct archive *a, struct archive *ret_again, struct err *err)
{
    *ret_again = (struct archive){.o = a->o};
    int ret = a->paths_n ? open_readers(ret_again, a->paths, a->paths_n, err)
                         : open_readers(ret_again, (const char *const *)&a->standard, 1, err);
    if (ret == 0)
        ret = list_sessions(ret_again, err);
    for (size_t i = 0; i < ret_again->sessions_n; i++) {
        struct archive_session *s = ret_again->sessions[i];
        const struct archive_session *known = archive_find(a, s->reader, s->id);
        s->selected = known ? known->selected : !a->specs_n;
    }
    // Without any the next reader would take it for all.
    for (size_t i = 0; i < a->specs_n; i++)
        archive_add_spec(ret_again, a->specs[i]);
    return ret;
}

int
archive_open_again(struct archive *a, struct err *err)
{
    cleanup_err struct err why = {0};
    bool named = a->paths_n > 0;
    free(a->readers);
    a->readers = NULL;
    int ret = named ? open_readers(a, a->paths, a->paths_n, &why)
                    : open_readers(a, (const char *const *)&a->standard, 1, &why);
    return ret < 0 && ret != -ENOENT ? err_set(err, ret, "%s", why.msg) : 0;
}

int
archive_open(struct archive *a)
{
    cleanup_err struct err err = {0};
    int ret = 0;
    const char *const *paths = a->paths;
    size_t n = a->paths_n;
    if (!n) {
        a->standard = registry_default_db();
        if (!a->standard) {
            err_set(&err, -ENOENT, "no home directory; use --db FILE");
            return archive_failed(a, &err);
        }
        paths = (const char *const *)&a->standard;
        n = 1;
    }
    ret = open_readers(a, paths, n, &err);
    bool missing = ret == -ENOENT && (!a->paths_n || access(paths[a->readers_n], F_OK) == 0);
    if (missing && n == 1)
        return nothing_recorded(a);
    if (ret == 0)
        ret = list_sessions(a, &err);
    if (ret < 0)
        return archive_failed(a, &err);
    return a->sessions_n ? select_sessions(a) : nothing_recorded(a);
}

int
archive_refresh(struct archive *a, struct err *err)
{
    int ret = list_sessions(a, err);
    for (size_t i = 0; i < a->sessions_n && !a->specs_n; i++)
        a->sessions[i]->selected = true;
    return ret;
}

bool
archive_select_newest(struct archive *a)
{
    for (size_t i = 0; i < a->sessions_n; i++)
        a->sessions[i]->selected = i + 1 == a->sessions_n;
    return a->sessions_n > 0;
}

const char *const *
archive_ids(struct archive *a)
{
    size_t n = 0;
    bool all = true;
    free(a->ids);
    a->ids = xcalloc(a->sessions_n + 1, sizeof *a->ids);
    for (size_t i = 0; i < a->sessions_n; i++) {
        all &= a->sessions[i]->selected;
        if (a->sessions[i]->selected)
            a->ids[n++] = a->sessions[i]->id;
    }
    return all && !a->specs_n ? NULL : a->ids;
}

int
archive_count(struct archive *a, struct archive_session *s, struct err *err)
{
    return reader_counts(a->readers[s->reader], s->id, &s->counts, err);
}

struct relay {
    struct archive *a;
    size_t reader;
    archive_fn fn;
    void *ctx;
    struct archive_session *last;
};

static int
relay_event(void *ctx, const struct event_row *row)
{
    struct relay *relay = ctx;
    if (!relay->last || relay->last->reader != relay->reader ||
        strcmp(relay->last->id, row->session) != 0)
        relay->last = archive_find(relay->a, relay->reader, row->session);
    return relay->last ? relay->fn(relay->ctx, relay->last, row) : 0;
}

int
archive_keys(struct archive *a, struct event_filter *f, struct event_key **ret_keys, size_t *ret_n,
             struct err *err)
{
    struct event_key *keys = NULL;
    size_t n = 0;
    int ret = 0;
    f->sessions = archive_ids(a);
    for (size_t i = 0; i < a->readers_n && ret == 0; i++) {
        cleanup_free struct event_key *some = NULL;
        size_t some_n = 0;
        ret = reader_keys(a->readers[i], f, &some, &some_n, err);
        keys = xrealloc(keys, (n + some_n + 1) * sizeof *keys);
        for (size_t k = 0; k < some_n; k++) {
            keys[n] = some[k];
            keys[n++].reader = i;
        }
    }
    if (ret < 0) {
        free(keys);
        return ret;
    }
    *ret_n = event_keys_sort(keys, n, f);
    *ret_keys = keys;
    return 0;
}

int
archive_event(struct archive *a, const struct event_key *key, archive_fn fn, void *ctx,
              struct err *err)
{
    struct relay relay = {.a = a, .reader = key->reader, .fn = fn, .ctx = ctx};
    return reader_event(a->readers[key->reader], key, relay_event, &relay, err);
}

int
archive_events(struct archive *a, struct event_filter *f, archive_fn fn, void *ctx, struct err *err)
{
    struct relay relay = {.a = a, .fn = fn, .ctx = ctx};
    if (a->readers_n == 1) {
        f->sessions = archive_ids(a);
        return reader_events(a->readers[0], f, relay_event, &relay, err);
    }
    f->by_time = true;
    cleanup_free struct event_key *keys = NULL;
    size_t n = 0;
    int ret = archive_keys(a, f, &keys, &n, err);
    for (size_t i = 0; i < n && ret == 0; i++) {
        relay.reader = keys[i].reader;
        ret = reader_event(a->readers[relay.reader], &keys[i], relay_event, &relay, err);
    }
    return ret;
}
