// SPDX-License-Identifier: Apache-2.0
#include "plain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "count.h"
#include "detail.h"
#include "display.h"
#include "plain_agent.h"
#include "plain_counted.h"
#include "reach.h"
#include "util.h"

#define LINE_LEN_MAX 4096 /* bytes of a line that means something */

struct plain {
    const struct ui_ops *ops;
    void *ctx;
    struct view *v;
    int out_fd;
    bool agent, bells;
    unsigned flags; /* of display_escape() */
    struct buf out; /* not written yet */
    struct buf in;  /* what was read and is no whole line yet */

    uint64_t line_ns; /* when the last line of ours came; 0: none has */
    struct plain_agent printed;
    struct plain_counted counted;
    // A name is being waited for; 0: none is.
    uint64_t confirm_key;
    struct decision confirm;
    struct buf confirm_note;
};

struct plain *
plain_new(bool agent, int out_fd, const struct ui_ops *ops, void *ctx, struct view *v)
{
    struct plain *p = xcalloc(1, sizeof *p);

    p->ops = ops;
    p->ctx = ctx;
    p->v = v;
    p->out_fd = out_fd;
    p->agent = agent;
    p->bells = isatty(out_fd);
    p->flags = display_flags_of(out_fd);
    return p;
}

void
plain_count(struct plain *p, const struct covers *c)
{
    p->counted.covers = c;
}

struct plain *
plain_free(struct plain *p)
{
    if (!p)
        return NULL;
    plain_flush(p, 0);
    plain_counted_forget(&p->counted);
    buf_done(&p->out);
    buf_done(&p->in);
    buf_done(&p->confirm_note);
    plain_agent_done(&p->printed);
    free(p);
    return NULL;
}

void
plain_say(struct plain *p, const char *text)
{
    buf_printf(&p->out, "nono: %s\n", text);
}

static void
add_escaped(struct plain *p, const char *text)
{
    display_escape(&p->out, text ? text : "", text ? strlen(text) : 0, p->flags);
}

// "31", or "7f3a/31" where numbers alone could mean several.
static void
add_id(struct plain *p, unsigned session, uint64_t id)
{
    if (p->v->n_sessions > 1) {
        cleanup_free char *name = display_str(p->v->sessions[session].id, p->flags);
        buf_printf(&p->out, "%.4s/", name);
    }
    buf_printf(&p->out, "%llu", (unsigned long long)id);
}

static void
tell_counts(struct plain *p)
{
    struct count_result result;
    enum reach reach;

    while (plain_counted_take(&p->counted, &reach, &result)) {
        buf_puts(&p->out, "nono: ");
        add_id(p, p->counted.session, p->counted.id);
        buf_printf(&p->out, ": reach %s covers ", reach_to_string(reach));
        covers_text(&p->out, &result, p->flags);
        buf_putc(&p->out, '\n');
    }
}

// The rules of the wider reaches: those of the narrowest are the detail's.
static void
add_reaches(struct plain *p, const struct view_row *row)
{
    enum reach steps[REACH_STEPS];
    size_t n = reach_ladder(row->request, steps);

    for (size_t i = 1; i < n; i++) {
        const struct decision d = {
            .verdict = VERDICT_ALLOW, .scope = SCOPE_SESSION, .reach = steps[i]};
        buf_printf(&p->out, "nono:   reach %s: ", reach_to_string(steps[i]));
        reach_rule(&p->out, row->request, &d, p->flags);
        buf_putc(&p->out, '\n');
        plain_counted_begin(&p->counted, row, steps[i]);
    }
}

// rules: with what each answer would leave behind.
static void
add_request(struct plain *p, struct view_row *row, bool rules, uint64_t now_ns)
{
    cleanup_detail struct detail d = {0};

    buf_puts(&p->out, "nono: request ");
    add_id(p, row->session, row->request->id);
    buf_printf(&p->out, ": %s", detail_op(row->request->op));
    detail_make(&d, p->v, row, now_ns, p->flags);
    for (size_t i = 0; i < d.n; i++) {
        bool key = strlen(d.lines[i].label) == 1; /* the rules of the keys */
        if (i == 0)
            buf_printf(&p->out, " %s\n", d.lines[i].text);
        else if (!key || rules)
            buf_printf(&p->out, "nono:   %s: %s\n", key ? "rule" : d.lines[i].label,
                       d.lines[i].text);
    }
    if (rules)
        add_reaches(p, row);
    buf_printf(&p->out, "nono:   answer: %sallow ", p->agent ? ":" : "");
    add_id(p, row->session, row->request->id);
    buf_puts(&p->out, ", or deny; \"show ");
    add_id(p, row->session, row->request->id);
    buf_puts(&p->out, "\" tells the rules, \"help\" how far and how long\n");
}

void
plain_request(struct plain *p, unsigned session, uint64_t id, uint64_t now_ns)
{
    for (size_t i = p->v->n; i-- > 0;) {
        struct view_row *row = p->v->rows[i];
        if (row->session != session || row->request->id != id)
            continue;
        if (p->bells)
            buf_putc(&p->out, '\a');
        add_request(p, row, false, now_ns);
        return;
    }
}

void
plain_update(struct plain *p, unsigned session, const struct request_update *u)
{
    const char *verdict = verdict_to_string(u->verdict), *by = decider_to_string(u->by);

    if (!u->error && (u->state == STATE_NEW || u->state == STATE_ASKED ||
                      u->state == STATE_DECIDED || u->state == STATE_RECORDED))
        return;
    buf_puts(&p->out, "nono: ");
    add_id(p, session, u->id);
    if (u->error)
        buf_puts(&p->out, " was not decided; it waits on\n");
    else if (u->state == STATE_ANSWERED)
        buf_printf(&p->out, ": %s by %s\n", verdict ? verdict : "?", by ? by : "?");
    else
        buf_printf(&p->out, " %s\n", u->state == STATE_EXPIRED ? "expired" : "was withdrawn");
}

void
plain_agent_output(struct plain *p, const void *data, size_t n)
{
    plain_agent_feed(&p->printed, data, n, p->flags, &p->out);
}

int
plain_flush(struct plain *p, uint64_t now_ns)
{
    uint64_t at;

    tell_counts(p);
    view_tick(p->v, now_ns);
    plain_agent_pause(&p->printed, now_ns, p->flags, &p->out);
    // What could not be told was not seen, and is not decided.
    if (p->out.len && write_all(p->out_fd, p->out.data, p->out.len) == 0) {
        for (size_t i = 0; i < p->v->n; i++) {
            struct view_row *row = p->v->rows[i];
            if (!row->told_ns)
                row->told_ns = now_ns ? now_ns : 1;
        }
    }
    buf_reset(&p->out);
    at = view_deadline(p->v, now_ns);
    if (plain_agent_deadline(&p->printed) < at)
        at = plain_agent_deadline(&p->printed);
    if (plain_counted_busy(&p->counted) && now_ns + COUNT_LOOK_NS < at)
        at = now_ns + COUNT_LOOK_NS;
    if (at == UINT64_MAX)
        return -1;
    return at <= now_ns ? 0 : (int)((at - now_ns) / NS_PER_MS) + 1;
}

// --- lines -----------------------------------------------------------------------------------

static bool
is_session(const struct plain *p, unsigned session, const char *prefix)
{
    const struct view_session *s = &p->v->sessions[session];

    return s->known && (!*prefix || strncmp(s->id, prefix, strlen(prefix)) == 0 ||
                        strcmp(s->name, prefix) == 0);
}

// The row of that number. NULL, with what is wrong, when there is none or several.
static struct view_row *
find_row(struct plain *p, const struct plain_line *l, const char **ret_wrong)
{
    struct view_row *found = NULL;

    *ret_wrong = "there is no such request (any more)";
    for (size_t i = 0; i < p->v->n; i++) {
        struct view_row *row = p->v->rows[i];
        if (row->request->id != l->id || !is_session(p, row->session, l->session))
            continue;
        if (found) {
            *ret_wrong = "several sessions have that number: say SESSION/NUMBER";
            return NULL;
        }
        found = row;
    }
    return found;
}

static bool
reach_offered(const struct request *r, enum reach reach)
{
    enum reach steps[REACH_STEPS];
    size_t n = reach_ladder(r, steps);

    for (size_t i = 0; i < n; i++)
        if (steps[i] == reach)
            return true;
    return false;
}

// Why this row cannot be decided by a line that came now; NULL when it can.
static const char *
locked(const struct view_row *row, bool alone, uint64_t now_ns)
{
    if (!view_row_open(row))
        return "this request waits no more";
    if (row->sent_ns)
        return "its decision is being recorded";
    if (!alone)
        return "several lines came at once: nothing was decided, type it again";
    if (!row->told_ns || now_ns - row->told_ns < VIEW_QUIET_NS)
        return "it was told only now: read it, then type that again";
    return NULL;
}

static void
send_decision(struct plain *p, struct view_row *row, const struct decision *what, const char *note,
              uint64_t now_ns)
{
    struct decision d;
    int ret;

    buf_reset(&p->v->note);
    if (note)
        buf_puts(&p->v->note, note);
    view_take_row(p->v, row, what, now_ns, &d);
    ret = p->ops->decide(p->ctx, row->session, &d);
    buf_reset(&p->v->note);
    if (ret == 0)
        return;
    view_unsent(p->v, row->session, row->request->id);
    plain_say(p, ret == -EAGAIN ? "not decided: busy, say it again"
                                : "not decided: the session did not take it");
}

static void
run_decide(struct plain *p, const struct plain_line *l, bool alone, uint64_t now_ns)
{
    const char *wrong;
    struct view_row *row = find_row(p, l, &wrong);
    bool allow = l->verb == PLAIN_ALLOW;
    enum reach steps[REACH_STEPS];
    struct decision d = {
        .verdict = allow ? VERDICT_ALLOW : VERDICT_DENY,
        .scope = l->scope,
        .program = l->program,
        .by = DECIDER_USER,
        .reason = allow ? REASON_NONE : REASON_USER_DENIED,
        .error = allow ? 0 : EACCES,
        .for_ns = l->scope == SCOPE_TIME ? l->for_ns : 0,
    };

    if (row) {
        reach_ladder(row->request, steps);
        d.reach = (int)l->reach < 0 ? steps[0] : l->reach;
        wrong = locked(row, alone, now_ns);
        if (wrong)
            row->keys_ignored++;
        else if (!reach_offered(row->request, d.reach))
            wrong = "this request has no such reach";
        else if (row->request->peer.abstract && l->scope != SCOPE_ONCE)
            wrong = "an abstract socket is decided each time: once";
        else if (d.program && !request_names_program(row->request))
            wrong = "this request cannot be decided for its program alone";
        else if (l->scope == SCOPE_ONCE && (d.program || d.reach != steps[0]))
            wrong = "once is about this call alone: a reach goes with for, session or always";
    }
    if (wrong) {
        plain_say(p, wrong);
        return;
    }
    if (!allow || !view_must_confirm(row->request, d.scope, d.reach)) {
        send_decision(p, row, &d, l->note, now_ns);
        return;
    }
    cleanup_free char *name = reach_name(row->request, d.reach);
    p->confirm_key = row->key;
    p->confirm = d;
    buf_reset(&p->confirm_note);
    buf_puts(&p->confirm_note, l->note ? l->note : "");
    buf_puts(&p->out, "nono: ");
    reach_rule(&p->out, row->request, &d, p->flags);
    buf_printf(&p->out, "\nnono: to do so, type %s", p->agent ? ":" : "");
    add_escaped(p, name);
    plain_counted_begin(&p->counted, row, d.reach);
    buf_puts(&p->out, " on a line of its own; anything else leaves it waiting\n");
}

static void
run_name(struct plain *p, const char *line, bool alone, uint64_t now_ns)
{
    struct view_row *row = NULL;

    for (size_t i = 0; i < p->v->n; i++)
        if (p->v->rows[i]->key == p->confirm_key)
            row = p->v->rows[i];
    p->confirm_key = 0;
    if (!row || !view_row_waits(row)) {
        plain_say(p, "that request waits no more");
        return;
    }
    cleanup_free char *name = reach_name(row->request, p->confirm.reach);
    cleanup_free char *shown = display_str(name, 0), *ascii = display_str(name, DISPLAY_ASCII);
    if (alone && *line && (strcmp(line, shown) == 0 || strcmp(line, ascii) == 0))
        send_decision(p, row, &p->confirm, p->confirm_note.len ? p->confirm_note.data : NULL,
                      now_ns);
    else
        plain_say(p, "that is not its name: not allowed; it waits on");
}

static void
run_grants(struct plain *p, uint64_t now_ns)
{
    unsigned session;
    const struct grant *g;
    size_t i;

    for (i = 0; (g = view_grant_at(p->v, i, &session)); i++) {
        buf_puts(&p->out, "nono: grant ");
        add_id(p, session, g->id);
        buf_puts(&p->out, ": ");
        detail_grant(&p->out, g, now_ns, p->flags);
        buf_putc(&p->out, '\n');
    }
    if (i == 0)
        plain_say(p, "no grant is live or remembered");
}

static void
say_result(struct plain *p, int ret)
{
    if (ret == -ENOTSUP)
        plain_say(p, "that is not possible here");
    else if (ret < 0)
        plain_say(p, "not done: busy, say it again");
}

static void
run_revoke(struct plain *p, const struct plain_line *l)
{
    unsigned session = 0, found = 0;
    const struct grant *g;

    for (size_t i = 0; (g = view_grant_at(p->v, i, &session)); i++) {
        if (g->id != l->id || !is_session(p, session, l->session))
            continue;
        found++;
        if (found == 1)
            say_result(p, p->ops->revoke ? p->ops->revoke(p->ctx, session, l->id) : -ENOTSUP);
    }
    if (!found)
        plain_say(p, "there is no such grant (any more)");
}

static void
run_freeze(struct plain *p, const struct plain_line *l)
{
    bool any = false;

    for (unsigned s = 0; s < UI_SESSIONS_MAX; s++) {
        if (!is_session(p, s, l->session) || p->v->sessions[s].ended)
            continue;
        any = true;
        say_result(p,
                   p->ops->freeze ? p->ops->freeze(p->ctx, s, l->verb == PLAIN_FREEZE) : -ENOTSUP);
    }
    if (!any)
        plain_say(p, "there is no such session");
}

static void
run_list(struct plain *p, uint64_t now_ns)
{
    size_t n = 0;

    for (size_t i = 0; i < p->v->n; i++) {
        const struct view_row *row = p->v->rows[i];
        if (!view_row_waits(row))
            continue;
        n++;
        buf_puts(&p->out, "nono: ");
        add_id(p, row->session, row->request->id);
        buf_printf(&p->out, ": %s%s ", row->request->risk == RISK_HIGH ? "HIGH RISK " : "",
                   detail_op(row->request->op));
        detail_target(&p->out, row->request, p->flags);
        buf_puts(&p->out, " by ");
        detail_program(&p->out, row->request, p->flags);
        buf_puts(&p->out, ", waits ");
        detail_state(&p->out, row, now_ns);
        buf_putc(&p->out, '\n');
    }
    if (!n)
        plain_say(p, "nothing waits");
}

static void
run_help(struct plain *p)
{
    static const char *const lines[] = {
        "allow NUMBER [once | for 15m | session | always] [reach dir | subtree | host] [program]"
        " [note TEXT]",
        "deny NUMBER [once | session | always] [reach ...] [program] [note TEXT]",
        "show NUMBER; list; grants; revoke NUMBER; freeze; thaw; quit (requests wait on)",
        "A line counts when it comes alone, 0.6 s or more after its request was told.",
    };

    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        plain_say(p, lines[i]);
    if (p->agent)
        plain_say(p, "Lines that begin with a colon are for nono, all others for the command.");
}

static void
run_line(struct plain *p, const char *line, bool alone, uint64_t now_ns)
{
    struct plain_line l;
    const char *wrong;
    struct view_row *row;

    if (p->confirm_key) {
        run_name(p, line, alone, now_ns);
        return;
    }
    wrong = plain_parse(line, &l);
    if (wrong) {
        plain_say(p, wrong);
        return;
    }
    switch (l.verb) {
    case PLAIN_ALLOW:
    case PLAIN_DENY:
        run_decide(p, &l, alone, now_ns);
        break;
    case PLAIN_SHOW:
        row = find_row(p, &l, &wrong);
        if (row)
            add_request(p, row, true, now_ns);
        else
            plain_say(p, wrong);
        break;
    case PLAIN_LIST:
        run_list(p, now_ns);
        break;
    case PLAIN_GRANTS:
        run_grants(p, now_ns);
        break;
    case PLAIN_REVOKE:
        run_revoke(p, &l);
        break;
    case PLAIN_FREEZE:
    case PLAIN_THAW:
        run_freeze(p, &l);
        break;
    case PLAIN_HELP:
        run_help(p);
        break;
    case PLAIN_QUIT:
        p->ops->leave(p->ctx);
        break;
    case PLAIN_EMPTY:
        break;
    }
}

void
plain_feed(struct plain *p, const void *data, size_t n, uint64_t now_ns)
{
    buf_add(&p->in, data, n);
}

void
plain_run(struct plain *p, uint64_t now_ns)
{
    const char *end;
    bool quiet = !p->line_ns || now_ns - p->line_ns >= VIEW_QUIET_NS;

    while (p->in.len && (end = memchr(p->in.data, '\n', p->in.len))) {
        size_t n = (size_t)(end - p->in.data);
        cleanup_free char *line = xstrndup(p->in.data, n);
        // A line is alone when nothing stands behind it and none came shortly before.
        bool alone = quiet && n + 1 == p->in.len && strlen(line) == n && n < LINE_LEN_MAX;

        if (!p->agent || line[0] == ':') {
            quiet = false;
            p->line_ns = now_ns ? now_ns : 1;
        }
        if (n && line[n - 1] == '\r')
            line[n - 1] = 0;
        if (!p->agent)
            run_line(p, line, alone, now_ns);
        else if (line[0] == ':')
            run_line(p, line + 1, alone, now_ns);
        else
            p->ops->agent_input(p->ctx, p->in.data, n + 1);
        buf_consume(&p->in, n + 1);
    }
    // What grows without an end is nobody's command.
    if (p->in.len > 16 * LINE_LEN_MAX) {
        if (p->agent && p->in.data[0] != ':')
            p->ops->agent_input(p->ctx, p->in.data, p->in.len);
        buf_reset(&p->in);
    }
}
