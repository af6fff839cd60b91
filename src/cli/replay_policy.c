// SPDX-License-Identifier: Apache-2.0
// nono replay --policy: what another policy would have said.
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <sys/socket.h>

#include "base64.h"
#include "cli.h"
#include "display.h"
#include "replay.h"
#include "util.h"
#include "whatif.h"

struct lines {
    char **list; /* owned */
    size_t n, room;
    uint64_t calls;
};

struct judging {
    struct replay *r;
    struct whatif whatif;
    struct archive_session *session; /* the policy was made for */
    struct lines lines[_WHATIF_CHANGE_MAX];
    uint64_t
        unplaced; /* sockets that the old policy allowed, and nobody can say of what they are */
    struct err *err;
};

static void
set(json_t *o, const char *key, json_t *v)
{
    if (!v || json_object_set_new(o, key, v) < 0)
        die("out of memory");
}

static void
set_text(json_t *o, const char *key, const char *s)
{
    cleanup_buf struct buf shown = {0}, exact = {0};
    size_t n = s ? strlen(s) : 0;
    if (!n)
        return;
    if (!display_is_odd(s, n)) {
        set(o, key, json_stringn(s, n));
        return;
    }
    cleanup_free char *name = xasprintf("%s_b64", key);
    display_escape(&shown, s, n, 0);
    base64_encode(&exact, s, n);
    set(o, key, json_string(buf_str(&shown)));
    set(o, name, json_string(buf_str(&exact)));
}

static char *
json_line(enum whatif_change change, const struct event_row *row, const char *source)
{
    json_t *o = json_object();
    const char *op = op_to_string(row->op), *verdict = verdict_to_string(row->verdict);
    set(o, "schema", json_integer(1));
    set(o, "change", json_string(whatif_change_to_string(change)));
    set(o, "session", json_string(row->session));
    if (row->request)
        set(o, "request", json_integer((json_int_t)row->request));
    else
        set(o, "seq", json_integer((json_int_t)row->seq));
    if (!row->resolved)
        set_text(o, "target", row->target);
    if (op)
        set(o, "op", json_string(op));
    set_text(o, "resolved", row->resolved);
    set_text(o, "resolved2", row->resolved2);
    set_text(o, "exe", row->exe);
    if (verdict)
        set(o, "verdict", json_string(verdict));
    if ((int)row->by >= 0)
        set(o, "by", json_string(decider_to_string(row->by)));
    set_text(o, "source", source);
    set(o, "count", json_integer((json_int_t)(row->count ? row->count : 1)));
    char *text = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    if (!text)
        die("out of memory");
    return text;
}

static char *
text_line(const struct judging *j, enum whatif_change change, const struct event_row *row,
          const char *source)
{
    struct buf b = {0};
    unsigned display = j->r->printer.display;
    const char *op = op_to_string(row->op);
    const char *path = row->resolved && row->resolved[0] ? row->resolved : row->target;
    buf_printf(&b, "%-10s  %-9s ", whatif_change_to_string(change), op ? op : "?");
    display_escape(&b, path ? path : "", path ? strlen(path) : 0, display | DISPLAY_QUOTE);
    if (row->resolved2 && row->resolved2[0]) {
        buf_puts(&b, " -> ");
        display_escape(&b, row->resolved2, strlen(row->resolved2), display | DISPLAY_QUOTE);
    }
    buf_printf(&b, "  %s", row->session);
    if (row->request)
        buf_printf(&b, ":%" PRIu64, row->request);
    if (row->count > 1)
        buf_printf(&b, "  x%" PRIu64, row->count);
    if (source[0]) {
        buf_puts(&b, "  by ");
        display_escape(&b, source, strlen(source), display);
    }
    return buf_steal(&b);
}

static int
start_session(struct judging *j, struct archive_session *s)
{
    int ret = s == j->session ? 0 : whatif_for(&j->whatif, s->cwd, j->err);
    if (ret == 0)
        j->session = s;
    return ret;
}

static void
add_change(struct judging *j, enum whatif_change change, const struct event_row *row,
           const char *source)
{
    struct lines *lines = &j->lines[change];
    lines->calls += row->count ? row->count : 1;
    if (lines->n == lines->room) {
        lines->room = lines->room ? lines->room * 2 : 64;
        lines->list = xrealloc(lines->list, lines->room * sizeof *lines->list);
    }
    // What stays the same is only counted.
    lines->list[lines->n++] = change == WHATIF_SAME ? NULL
                              : j->r->jsonl         ? json_line(change, row, source)
                                                    : text_line(j, change, row, source);
}

static int
judge_event(void *ctx, struct archive_session *s, const struct event_row *row)
{
    struct judging *j = ctx;
    const char *source;
    if (row->kind == KIND_FAULT)
        return 0;
    int ret = start_session(j, s);
    if (ret < 0)
        return ret;
    s->logged |= row->by == DECIDER_FLOOR && row->verdict == VERDICT_ALLOW;
    enum whatif_change change = whatif_compare(row, whatif_judge(&j->whatif, row, &source));
    add_change(j, change, row, source);
    return 0;
}

static int
judge_network(void *ctx, struct archive_session *s, const struct event_row *row)
{
    struct judging *j = ctx;
    struct event_row allowed;
    enum whatif_change change;
    const char *source;
    int ret = start_session(j, s);
    if (ret < 0 || !whatif_judge_network(&j->whatif, row, &allowed, &change, &source))
        return ret;
    s->judged++;
    if (change == WHATIF_NOT_KNOWN)
        j->unplaced++;
    else
        add_change(j, change, &allowed, source);
    return 0;
}

static int
judge_all(struct judging *j)
{
    struct event_filter *f = &j->r->filter.f;
    f->outcomes = true;
    int ret = archive_events(&j->r->archive, f, judge_event, j, j->err);
    f->outcomes = false;
    if (ret < 0 || (f->kinds && !(f->kinds & 1u << KIND_NETWORK)))
        return ret;
    f->kinds = 1u << KIND_NETWORK;
    return archive_events(&j->r->archive, f, judge_network, j, j->err);
}

// Accesses inside the floor are counted, not kept, unless they were to be: nobody can say what
// another policy thinks of them. (What fails by itself is counted as well, and never kept.)
static uint64_t
count_floor(struct judging *j)
{
    uint64_t floor = 0;
    struct archive *a = &j->r->archive;
    for (size_t i = 0; i < a->sessions_n; i++) {
        struct archive_session *s = a->sessions[i];
        if (s->selected && !s->logged && archive_count(a, s, j->err) == 0 &&
            s->counts.floor > s->judged)
            floor += s->counts.floor - s->judged;
    }
    return floor;
}

static void
print_changes(struct judging *j, FILE *out)
{
    size_t differences = 0, all = 0;
    for (int c = 0; c < _WHATIF_CHANGE_MAX; c++) {
        const struct lines *l = &j->lines[c];
        all += l->n;
        differences += c < WHATIF_NOT_KNOWN ? l->n : 0;
        for (size_t i = 0; c != WHATIF_SAME && i < l->n; i++)
            fprintf(out, "%s\n", l->list[i]);
    }
    j->r->differences = differences;
    if (j->r->jsonl)
        return;
    fprintf(out, "%s%zu of %zu requests differ:", differences ? "\n" : "", differences, all);
    for (int c = 0; c < WHATIF_SAME; c++)
        fprintf(out, "%s %s %zu", c ? "," : "", whatif_change_to_string((enum whatif_change)c),
                j->lines[c].n);
    uint64_t floor = j->r->filter.used ? 0 : count_floor(j);
    fputs("\n", out);
    if (floor)
        fprintf(out,
                "not judged: %" PRIu64 " accesses that the old policy allowed by itself were only"
                " counted (nono run --log-allowed keeps them)\n",
                floor);
    if (j->unplaced)
        fprintf(out,
                "not judged: %" PRIu64
                " sockets that the old policy allowed by itself (whether they"
                " were the command's own is not recorded)\n",
                j->unplaced);
}

int
replay_policy(struct replay *r)
{
    cleanup_err struct err err = {0};
    struct judging j = {.r = r, .err = &err};
    struct pager pager;
    int ret = whatif_init(&j.whatif, r->policy, &err);
    if (ret < 0) {
        err_wrap(&err, "--policy");
        archive_failed(&r->archive, &err);
        whatif_done(&j.whatif);
        return EXIT_USAGE;
    }
    ret = judge_all(&j);
    pager_open(&pager);
    if (ret == 0)
        print_changes(&j, pager.out);
    pager_close(&pager);
    for (int c = 0; c < _WHATIF_CHANGE_MAX; c++) {
        for (size_t i = 0; i < j.lines[c].n; i++)
            free(j.lines[c].list[i]);
        free(j.lines[c].list);
    }
    whatif_done(&j.whatif);
    if (ret < 0 || err.msg)
        return archive_failed(&r->archive, &err);
    return r->exit_code && r->differences ? EXIT_DIFFERENT : 0;
}
