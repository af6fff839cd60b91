// SPDX-License-Identifier: Apache-2.0
// nono log --stats: figures, and bars that fit the terminal.
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "clock.h"
#include "display.h"
#include "log.h"
#include "tally.h"
#include "util.h"

#define NUMBERS (4 * 8 + 1) /* columns of them, with a blank before each and the bar */
#define NAME_MIN 8
#define TOP 8 /* lines per table unless one was asked for */

static const struct {
    enum log_group group;
    const char *name, *title;
} tables[] = {
    {LOG_GROUP_EXE, "exe", "Programs"}, {LOG_GROUP_DIR, "dir", "Directories"},
    {LOG_GROUP_HOST, "host", "Hosts"},  {LOG_GROUP_RULE, "rule", "Rules, by prompts saved"},
    {LOG_GROUP_DAY, "day", "Days"},
};

struct stats_of {
    struct log *l;
    struct tally groups[ARRAY_SIZE(tables)];
    uint64_t requests, prompts, allowed, refused, saved;
    int64_t *waits; /* of people, ms; owned */
    size_t waits_n, waits_room;
    uint64_t session_ns; /* time that the sessions took together */
};

static bool
is_wanted(const struct stats_of *s, enum log_group group)
{
    return s->l->group == group || (s->l->group == LOG_GROUP_ALL && group != LOG_GROUP_DAY);
}

static void
add(struct stats_of *s, enum log_group group, const char *key, size_t n,
    const struct tally_entry *e)
{
    if (is_wanted(s, group))
        tally_add(&s->groups[group - LOG_GROUP_EXE], key, n, e);
}

static void
add_place(struct stats_of *s, const struct decided_row *row, const struct tally_entry *e)
{
    const char *path = row->resolved ? row->resolved : "";
    if (row->op == OP_CONNECT || row->op == OP_SEND || row->op == OP_BIND) {
        add(s, LOG_GROUP_HOST, path, strlen(path), e);
        return;
    }
    const char *slash = strrchr(path, '/');
    size_t n = slash ? slash > path ? (size_t)(slash - path) : 1 : strlen(path);
    add(s, LOG_GROUP_DIR, path, n, e);
}

static void
add_day(struct stats_of *s, const struct decided_row *row, const struct tally_entry *e)
{
    char day[16];
    time_t t = (time_t)(row->decided_ns / NS_PER_SEC);
    struct tm tm = {0};
    if (!is_wanted(s, LOG_GROUP_DAY))
        return;
    localtime_r(&t, &tm);
    add(s, LOG_GROUP_DAY, day, strftime(day, sizeof day, "%Y-%m-%d", &tm), e);
}

static int
add_decided(void *ctx, const struct decided_row *row)
{
    struct stats_of *s = ctx;
    bool prompt =
        row->by == DECIDER_USER || row->by == DECIDER_TIMEOUT || row->verdict == VERDICT_WITHDRAWN;
    bool refused = row->verdict == VERDICT_DENY || row->verdict == VERDICT_EXPIRED;
    struct tally_entry e = {
        .n = !row->repeats,
        .asked = prompt,
        .allowed = row->verdict == VERDICT_ALLOW ? row->count : 0,
        .refused = refused ? row->count : 0,
    };
    s->requests += e.n;
    s->prompts += prompt;
    s->allowed += e.allowed;
    s->refused += e.refused;
    if (row->by == DECIDER_USER && !row->repeats) {
        if (s->waits_n == s->waits_room) {
            s->waits_room = s->waits_room ? s->waits_room * 2 : 256;
            s->waits = xrealloc(s->waits, s->waits_room * sizeof *s->waits);
        }
        s->waits[s->waits_n++] = row->waited_ms;
    }
    add(s, LOG_GROUP_EXE, row->exe ? row->exe : "", row->exe ? strlen(row->exe) : 0, &e);
    add_place(s, row, &e);
    add_day(s, row, &e);
    return 0;
}

static bool
has(unsigned mask, int value)
{
    return !mask || (value >= 0 && mask & 1u << value);
}

// Of the calls that a grant answered the record knows how many, not which: a filter by anything
// that they may differ in has none of them.
static bool
uses_pass(const struct event_filter *f, const struct granted_row *row)
{
    return !f->paths && !f->exes && !f->hosts && !f->pids && !f->ports && !f->greps && !f->risks &&
           !f->waited && !f->asked && has(f->verdicts, (int)row->verdict) &&
           has(f->deciders, DECIDER_RULE) && has(f->ops, (int)row->op);
}

static int
add_granted(void *ctx, const struct granted_row *row)
{
    struct stats_of *s = ctx;
    if (!uses_pass(&s->l->filter.f, row))
        return 0;
    cleanup_buf struct buf key = {0};
    const char *verdict = verdict_to_string(row->verdict), *op = op_to_string(row->op);
    const char *reach = reach_to_string(row->reach);
    struct tally_entry e = {
        .n = row->uses,
        .allowed = row->verdict == VERDICT_ALLOW ? row->uses : 0,
        .refused = row->verdict == VERDICT_DENY ? row->uses : 0,
    };
    s->saved += row->uses;
    s->allowed += e.allowed;
    s->refused += e.refused;
    if (!row->uses || !row->path)
        return 0;
    buf_printf(&key, "%s %s %s ", verdict ? verdict : "?", op ? op : "?", reach ? reach : "?");
    buf_puts(&key, row->path);
    add(s, LOG_GROUP_RULE, buf_str(&key), key.len, &e);
    return 0;
}

static int
collect(struct stats_of *s)
{
    struct log *l = s->l;
    struct event_filter *f = &l->filter.f;
    int ret = 0;
    f->limit = 0;
    f->sessions = archive_ids(&l->archive);
    for (size_t i = 0; i < l->archive.readers_n && ret == 0; i++) {
        ret = reader_decided(l->archive.readers[i], f, add_decided, s, l->err);
        if (ret == 0)
            ret = reader_granted(l->archive.readers[i], f, add_granted, s, l->err);
    }
    for (size_t i = 0; i < l->archive.sessions_n; i++) {
        const struct archive_session *one = l->archive.sessions[i];
        uint64_t from = one->started_ns > f->since_ns ? one->started_ns : f->since_ns;
        uint64_t to = one->ended_ns ? one->ended_ns : l->printer.now_ns;
        if (f->until_ns && f->until_ns < to)
            to = f->until_ns;
        if (one->selected && one->state != SESSION_CRASHED && to > from)
            s->session_ns += to - from;
    }
    return ret;
}

// --- output -----------------------------------------------------------------------------------

static int
compare_waits(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

// -1 when nobody was waited for.
static int64_t
median_wait(struct stats_of *s)
{
    if (!s->waits_n)
        return -1;
    qsort(s->waits, s->waits_n, sizeof *s->waits, compare_waits);
    return s->waits[(s->waits_n - 1) / 2];
}

static unsigned
columns_of(void)
{
    struct winsize size;
    const char *columns = getenv("COLUMNS");
    unsigned n = columns ? (unsigned)strtoul(columns, NULL, 10) : 0;
    // Behind a pager the terminal is that of standard output all the same.
    if (!n && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        n = size.ws_col;
    return !n ? 80 : n > 500 ? 500 : n;
}

static void
put_bar(struct buf *b, uint64_t n, uint64_t most, unsigned width, bool ascii)
{
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    uint64_t parts = most && width ? (n * width * 8 + most / 2) / most : 0;
    if (n && width && !parts)
        parts = 1;
    for (uint64_t i = 0; i < parts / 8; i++)
        buf_puts(b, ascii ? "#" : "█");
    if (!ascii)
        buf_puts(b, eighths[parts % 8]);
    else if (parts % 8 >= 4 || (parts && parts < 8))
        buf_putc(b, '#');
}

// The end of a name tells more than its begin; of a rule, whose begin are three words, both, where
// there is room for both.
static size_t
put_name(struct buf *line, const struct tally_entry *e, unsigned columns, bool rule,
         unsigned display)
{
    const char *name = e->key, *end = e->key + e->key_len;
    for (int words = rule ? 3 : 0; name < end && words > 0;)
        words -= *name++ == ' ';
    if ((size_t)(name - e->key) + NAME_MIN > columns)
        name = e->key;
    cleanup_buf struct buf raw = {0};
    display_escape(&raw, name, (size_t)(end - name), display);
    buf_add(line, e->key, (size_t)(name - e->key));
    size_t used = (size_t)(name - e->key);
    return used + display_clip_start(line, buf_str(&raw), columns > used ? columns - used : 0);
}

static void
print_table(struct stats_of *s, size_t table)
{
    const struct tally *t = &s->groups[table];
    bool rule = tables[table].group == LOG_GROUP_RULE;
    struct log_printer *p = &s->l->printer;
    size_t shown = s->l->group == LOG_GROUP_ALL && t->n > TOP ? TOP : t->n;
    unsigned columns = columns_of(), bar = columns / 5, name = NAME_MIN;
    // Where it is narrow the bar goes first; a rule is a long name.
    if (rule && columns < 100)
        bar = 0;
    if (columns < name + NUMBERS + bar)
        bar = columns > name + NUMBERS ? columns - name - NUMBERS : 0;
    if (columns > name + NUMBERS + bar)
        name = columns - NUMBERS - bar;
    if (!t->n)
        return;
    fprintf(p->out, "\n%s%-*.*s %7s %7s %7s %7s%s\n", p->color ? "\033[1m" : "", (int)name,
            (int)name, tables[table].title, "n", "asked", "allowed", "refused",
            p->color ? "\033[0m" : "");
    for (size_t i = 0; i < shown; i++) {
        const struct tally_entry *e = &t->entries[i];
        cleanup_buf struct buf line = {0};
        size_t used = put_name(&line, e, name, rule, p->display);
        while (used++ < name)
            buf_putc(&line, ' ');
        buf_printf(&line, " %7" PRIu64 " %7" PRIu64 " %7" PRIu64 " %7" PRIu64 " ", e->n, e->asked,
                   e->allowed, e->refused);
        put_bar(&line, e->n, t->entries[0].n, bar, p->display & DISPLAY_ASCII);
        fprintf(p->out, "%s\n", buf_str(&line));
    }
    if (shown < t->n)
        fprintf(p->out, "... and %zu more\n", t->n - shown);
}

static double
share_allowed(const struct stats_of *s)
{
    uint64_t all = s->allowed + s->refused;
    return all ? (double)s->allowed * 100 / (double)all : 0;
}

static double
prompts_per_hour(const struct stats_of *s)
{
    double hours = (double)s->session_ns / (3600.0 * (double)NS_PER_SEC);
    return hours > 0 ? (double)s->prompts / hours : 0;
}

static void
print_text(struct stats_of *s)
{
    FILE *out = s->l->printer.out;
    cleanup_buf struct buf wait = {0};
    int64_t median = median_wait(s);
    if (median >= 0)
        log_put_duration(&wait, median);
    if (s->l->group == LOG_GROUP_ALL) {
        fprintf(out, "Requests          %" PRIu64 "\n", s->requests);
        fprintf(out, "Prompts           %" PRIu64 " (%.1f per hour of session)\n", s->prompts,
                prompts_per_hour(s));
        fprintf(out, "Median think time %s\n", median >= 0 ? buf_str(&wait) : "-");
        fprintf(out, "Calls allowed     %" PRIu64 " (%.1f %% of those decided)\n", s->allowed,
                share_allowed(s));
        fprintf(out, "Calls refused     %" PRIu64 "\n", s->refused);
        fprintf(out, "Prompts saved     %" PRIu64 " (answered by rules)\n", s->saved);
    }
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
        print_table(s, i);
}

static void
set(json_t *o, const char *key, json_t *v)
{
    if (!v || json_object_set_new(o, key, v) < 0)
        die("out of memory");
}

static json_t *
number(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static json_t *
table_json(const struct tally *t)
{
    json_t *list = json_array();
    for (size_t i = 0; i < t->n; i++) {
        const struct tally_entry *e = &t->entries[i];
        cleanup_buf struct buf key = {0};
        json_t *o = json_object();
        if (display_is_odd(e->key, e->key_len))
            display_escape(&key, e->key, e->key_len, 0);
        else
            buf_add(&key, e->key, e->key_len);
        set(o, "key", json_string(buf_str(&key)));
        set(o, "n", number(e->n));
        set(o, "asked", number(e->asked));
        set(o, "allowed", number(e->allowed));
        set(o, "refused", number(e->refused));
        if (json_array_append_new(list, o) < 0)
            die("out of memory");
    }
    return list;
}

static void
print_json(struct stats_of *s)
{
    json_t *o = json_object();
    int64_t median = median_wait(s);
    set(o, "schema", json_integer(1));
    set(o, "requests", number(s->requests));
    set(o, "prompts", number(s->prompts));
    set(o, "prompts_per_hour", json_real(prompts_per_hour(s)));
    if (median >= 0)
        set(o, "median_think_ms", json_integer(median));
    set(o, "allowed", number(s->allowed));
    set(o, "refused", number(s->refused));
    set(o, "share_allowed", json_real(share_allowed(s) / 100));
    set(o, "prompts_saved", number(s->saved));
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
        if (is_wanted(s, tables[i].group))
            set(o, tables[i].name, table_json(&s->groups[i]));
    cleanup_free char *text = json_dumps(o, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    json_decref(o);
    if (!text)
        die("out of memory");
    fprintf(s->l->printer.out, "%s\n", text);
}

int
log_stats(struct log *l)
{
    struct stats_of s = {.l = l};
    int ret = collect(&s);
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
        tally_sort(&s.groups[i], tables[i].group == LOG_GROUP_DAY);
    if (ret == 0 && l->printer.json)
        print_json(&s);
    else if (ret == 0)
        print_text(&s);
    l->events += s.requests;
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
        tally_done(&s.groups[i]);
    free(s.waits);
    return ret;
}
