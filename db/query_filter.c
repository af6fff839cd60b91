// SPDX-License-Identifier: Apache-2.0
// A filter as SQL. Each kind of event is found in the table of its facts, with the narrowest scan
// that there is, and only keys are collected; the rows are read one by one afterwards.
#include <string.h>
#include <sys/socket.h>

#include "query_internal.h"
#include "request.h"
#include "util.h"

enum {
    P_SINCE = 1,
    P_UNTIL,
    P_AFTER,
    P_UPTO,
    P_REQUEST,
    P_LIMIT,
    P_WAITED_MIN,
    P_WAITED_MAX,
    P_SESSION
};

enum { HIT = 1, HIT_NEGATED = 2 };

static unsigned
hits(const struct pattern *list, const char *text)
{
    unsigned found = 0;
    for (; list->text; list++) {
        unsigned bit = list->negated ? HIT_NEGATED : HIT;
        if (!(found & bit) && path_matches(list->text, text))
            found |= bit;
    }
    return found;
}

static bool
has_positive(const struct pattern *list)
{
    while (list->text && list->negated)
        list++;
    return list->text != NULL;
}

// Any of the texts, and none of them a negated one.
static bool
picks(const struct pattern *list, int n, sqlite3_value **texts)
{
    unsigned found = 0;
    for (int i = 0; i < n; i++) {
        const char *text = (const char *)sqlite3_value_text(texts[i]);
        if (text && text[0])
            found |= hits(list, text);
    }
    return !(found & HIT_NEGATED) && (found & HIT || !has_positive(list));
}

static void
sql_picks_path(sqlite3_context *ctx, int n, sqlite3_value **texts)
{
    const struct reader *r = sqlite3_user_data(ctx);
    sqlite3_result_int(ctx, picks(r->filter->paths, n, texts));
}

static void
sql_picks_exe(sqlite3_context *ctx, int n, sqlite3_value **texts)
{
    const struct reader *r = sqlite3_user_data(ctx);
    sqlite3_result_int(ctx, picks(r->filter->exes, n, texts));
}

static void
sql_greps(sqlite3_context *ctx, int n, sqlite3_value **texts)
{
    const struct reader *r = sqlite3_user_data(ctx);
    bool found = false;
    for (int i = 0; i < n && !found; i++) {
        size_t len = (size_t)sqlite3_value_bytes(texts[i]);
        const void *bytes = len ? sqlite3_value_blob(texts[i]) : NULL;
        for (struct matcher *const *m = r->filter->greps; bytes && *m && !found; m++)
            found = matcher_finds(*m, bytes, len);
    }
    sqlite3_result_int(ctx, found);
}

// The other end as text: "host:port", "[::1]:443", or a name without a port.
static char *
host_of(const char *peer)
{
    const char *colon = strrchr(peer, ':');
    size_t n = colon ? (size_t)(colon - peer) : strlen(peer);
    if (n >= 2 && peer[0] == '[' && peer[n - 1] == ']')
        return xstrndup(peer + 1, n - 2);
    return xstrndup(peer, n);
}

// host, peer as text, family, address.
static void
sql_picks_host(sqlite3_context *ctx, int n, sqlite3_value **v)
{
    const struct reader *r = sqlite3_user_data(ctx);
    const char *host = (const char *)sqlite3_value_text(v[0]);
    const char *peer = (const char *)sqlite3_value_text(v[1]);
    int family = sqlite3_value_int(v[2]), wanted = family == AF_INET ? 4 : 16;
    if (family != AF_INET && family != AF_INET6)
        return sqlite3_result_int(ctx, 0);
    const void *addr = sqlite3_value_bytes(v[3]) == wanted ? sqlite3_value_blob(v[3]) : NULL;
    cleanup_free char *text = host_of(peer ? peer : "");
    unsigned found = 0;
    for (const struct pattern *p = r->filter->hosts; p->text; p++)
        if (host_matches(p->text, host ? host : "", family, addr) ||
            host_matches(p->text, text, family, addr))
            found |= p->negated ? HIT_NEGATED : HIT;
    sqlite3_result_int(ctx,
                       !(found & HIT_NEGATED) && (found & HIT || !has_positive(r->filter->hosts)));
}

// As the pane's list has it: "cat/4711" of exe, pid.
static void
sql_program(sqlite3_context *ctx, int n, sqlite3_value **v)
{
    const char *exe = (const char *)sqlite3_value_text(v[0]),
               *slash = exe ? strrchr(exe, '/') : NULL;
    cleanup_free char *text = xasprintf("%s/%d",
                                        slash           ? slash + 1
                                        : exe && exe[0] ? exe
                                                        : "?",
                                        sqlite3_value_int(v[1]));
    sqlite3_result_text(ctx, text, -1, SQLITE_TRANSIENT);
}

// Likewise: "/tcp (192.0.2.1)" or "(abstract)" of family, socktype, addr, scope_id, abstract.
static void
sql_peer(sqlite3_context *ctx, int n, sqlite3_value **v)
{
    struct endpoint e = {.family = sqlite3_value_int(v[0]),
                         .scope_id = (uint32_t)sqlite3_value_int64(v[3])};
    size_t wanted = e.family == AF_INET ? 4 : 16, len = (size_t)sqlite3_value_bytes(v[2]);
    cleanup_free char *text = NULL;
    if (e.family == AF_UNIX && sqlite3_value_int(v[4])) {
        text = xstrdup("(abstract)");
    } else if ((e.family == AF_INET || e.family == AF_INET6) && len == wanted) {
        memcpy(e.addr, sqlite3_value_blob(v[2]), len);
        cleanup_free char *address = endpoint_address(&e);
        text =
            xasprintf("/%s (%s)", sqlite3_value_int(v[1]) == SOCK_DGRAM ? "udp" : "tcp", address);
    }
    sqlite3_result_text(ctx, text ? text : "", -1, SQLITE_TRANSIENT);
}

int
filter_define(struct reader *r)
{
    static const struct {
        const char *name;
        void (*fn)(sqlite3_context *ctx, int n, sqlite3_value **texts);
    } functions[] = {{"picks_path", sql_picks_path}, {"picks_exe", sql_picks_exe},
                     {"picks_host", sql_picks_host}, {"greps", sql_greps},
                     {"program", sql_program},       {"peer", sql_peer}};
    int rc = SQLITE_OK;
    for (size_t i = 0; i < ARRAY_SIZE(functions) && rc == SQLITE_OK; i++)
        rc =
            sqlite3_create_function_v2(r->h, functions[i].name, -1, SQLITE_UTF8 | SQLITE_DIRECTONLY,
                                       r, functions[i].fn, NULL, NULL, NULL);
    return rc;
}

// --- text -------------------------------------------------------------------------------------

static void
put_words(struct buf *b, const char *column, unsigned mask, int max, const char *(*word)(int v))
{
    if (!mask)
        return;
    buf_printf(b, " AND %s IN (''", column);
    for (int v = 0; v < max; v++)
        if (mask & 1u << v)
            buf_printf(b, ", '%s'", word(v));
    buf_puts(b, ")");
}

static const char *
verdict_word(int v)
{
    return verdict_to_string((enum verdict)v);
}

static const char *
decider_word(int v)
{
    return decider_to_string((enum decider)v);
}

static const char *
op_word(int v)
{
    return op_to_string((enum op)v);
}

static const char *
risk_word(int v)
{
    return risk_to_string((enum risk)v);
}

static const char *
kind_word(int v)
{
    return kind_to_string((enum kind)v);
}

// The texts of the list are numbers already.
static void
put_numbers(struct buf *b, const char *column, const struct pattern *list)
{
    if (!list)
        return;
    for (int negated = 0; negated < 2; negated++) {
        if (!negated && !has_positive(list))
            continue;
        buf_printf(b, " AND coalesce(%s, -1)%s IN (-2", column, negated ? " NOT" : "");
        for (const struct pattern *p = list; p->text; p++)
            if (p->negated == (negated == 1))
                buf_printf(b, ", %s", p->text);
        buf_puts(b, ")");
    }
}

void
filter_put_sessions(struct buf *b, const struct event_filter *f, const char *nr)
{
    if (!f->sessions)
        return;
    buf_printf(b, " AND %s IN (SELECT x.nr FROM session x WHERE x.id IN (''", nr);
    for (int i = 0; f->sessions[i]; i++)
        buf_printf(b, ", ?%d", P_SESSION + i);
    buf_puts(b, "))");
}

void
filter_bind(sqlite3_stmt *st, const struct event_filter *f)
{
    // A parameter that the text does without is out of range, which is harmless.
    for (int i = 0; f->sessions && f->sessions[i]; i++)
        sqlite3_bind_text(st, P_SESSION + i, f->sessions[i], -1, SQLITE_STATIC);
    sqlite3_bind_int64(st, P_SINCE, (int64_t)f->since_ns);
    sqlite3_bind_int64(st, P_UNTIL, (int64_t)f->until_ns);
    sqlite3_bind_int64(st, P_AFTER, (int64_t)f->after_seq);
    sqlite3_bind_int64(st, P_UPTO, (int64_t)f->until_seq);
    sqlite3_bind_int64(st, P_REQUEST, (int64_t)f->request);
    sqlite3_bind_int64(st, P_LIMIT, (int64_t)f->limit);
    sqlite3_bind_int64(st, P_WAITED_MIN, f->waited_min_ms);
    sqlite3_bind_int64(st, P_WAITED_MAX, f->waited_max_ms);
}

// Facts of the request (r).
static bool
has_request_facts(const struct event_filter *f)
{
    return f->paths || f->exes || f->hosts || f->pids || f->ports || f->ops || f->risks;
}

// Facts of the decision (d) that a grant has too, and those that it has not.
static bool
has_decision_facts(const struct event_filter *f)
{
    return f->deciders || f->waited || f->asked;
}

static bool
wants(const struct event_filter *f, enum kind kind)
{
    return !f->kinds || f->kinds & 1u << kind;
}

#define OTHER_KINDS                                                                                \
    (1u << KIND_SESSION_START | 1u << KIND_REVOKE | 1u << KIND_FAULT | 1u << KIND_SESSION_END)

// The common end of an arm: when, which sessions, how many.
static char *
finish_arm(struct buf *b, const struct event_filter *f, const char *time, const char *nr,
           const char *seq)
{
    if (f->since_ns)
        buf_printf(b, " AND %s >= ?%d", time, P_SINCE);
    if (f->until_ns)
        buf_printf(b, " AND %s < ?%d", time, P_UNTIL);
    if (f->until_seq)
        buf_printf(b, " AND %s > ?%d AND %s <= ?%d", seq, P_AFTER, seq, P_UPTO);
    filter_put_sessions(b, f, nr);
    if (f->limit)
        buf_printf(b, " ORDER BY %s DESC, %s DESC, %s DESC LIMIT ?%d", time, nr, seq, P_LIMIT);
    return buf_steal(b);
}

static void
put_request_facts(struct buf *b, const struct event_filter *f)
{
    put_words(b, "r.op", f->ops, _OP_MAX, op_word);
    put_words(b, "r.risk", f->risks, _RISK_MAX, risk_word);
    put_numbers(b, "r.pid", f->pids);
    put_numbers(b, "r.port", f->ports);
    if (f->exes)
        buf_puts(b, " AND picks_exe(r.exe)");
    if (f->paths)
        buf_puts(b, " AND picks_path(r.target, r.resolved, r.target2, r.resolved2)");
    if (f->hosts)
        buf_puts(b, " AND picks_host(r.host, r.resolved, r.family, r.addr)");
}

#define REQUEST_TEXTS                                                                              \
    "r.resolved, r.target, r.exe, r.argv, r.cwd, r.tags, r.target2, r.resolved2, r.host, r.detail"
#define SHOWN_TEXTS                                                                                \
    "r.resolved, r.resolved2, program(r.exe, r.pid), r.argv, r.tags, r.host, r.detail,"            \
    " peer(r.family, r.socktype, r.addr, r.scope_id, r.abstract),"                                 \
    " (SELECT s.id FROM session s WHERE s.nr = r.session),"                                        \
    " (SELECT s.name FROM session s WHERE s.nr = r.session)"
#define UNDECIDED                                                                                  \
    " AND NOT EXISTS(SELECT 1 FROM decision d2 WHERE d2.session = r.session"                       \
    " AND d2.request = r.id)"

// What follows new events is driven by them; anything else by the table of the facts.
static const char *
source(const struct event_filter *f, const char *by_table, const char *by_event)
{
    return f->until_seq ? by_event : by_table;
}

static char *
requests_arm(const struct event_filter *f)
{
    struct buf b = {0};
    buf_puts(&b, "SELECT r.raised_ns, r.seq, r.session FROM ");
    buf_puts(&b, source(f, "request r WHERE 1",
                        "event e CROSS JOIN request r ON r.session = e.session"
                        " AND r.id = e.request WHERE e.kind = 'request'"));
    put_request_facts(&b, f);
    if (f->greps)
        buf_puts(&b, f->shown ? " AND greps(" SHOWN_TEXTS ")" : " AND greps(" REQUEST_TEXTS ")");
    if (f->outcomes)
        buf_puts(&b, UNDECIDED);
    return f->until_seq ? finish_arm(&b, f, "e.real_ns", "e.session", "e.seq")
                        : finish_arm(&b, f, "r.raised_ns", "r.session", "r.seq");
}

char *
filter_decisions(const struct event_filter *f, const char *columns, enum filter_from from)
{
    struct buf b = {0};
    buf_printf(&b, "SELECT %s FROM ", columns);
    if (f->until_seq)
        buf_puts(&b, "event e CROSS JOIN decision d ON d.session = e.session AND d.seq = e.seq"
                     " CROSS JOIN request r ON r.session = d.session AND r.id = d.request"
                     " WHERE e.kind = 'decision'");
    // Without statistics SQLite takes a whole session for a shorter way than this index.
    else if (from == FILTER_FROM_REPEATS)
        buf_puts(&b, "access_count c CROSS JOIN request r ON r.session = c.session"
                     " AND r.id = c.request CROSS JOIN decision d INDEXED BY decision_by_request"
                     " ON d.session = r.session AND d.request = r.id WHERE c.what = 'refused'");
    else if (from == FILTER_FROM_ALL && !has_request_facts(f) && !f->greps)
        buf_puts(&b, "decision d CROSS JOIN request r ON r.session = d.session"
                     " AND r.id = d.request WHERE 1");
    else if (from != FILTER_FROM_DECISIONS)
        buf_puts(&b, "request r CROSS JOIN decision d INDEXED BY decision_by_request"
                     " ON d.session = r.session AND d.request = r.id WHERE 1");
    else
        buf_puts(&b, "decision d WHERE 1");
    put_words(&b, "d.verdict", f->verdicts, _VERDICT_MAX, verdict_word);
    put_words(&b, "d.by", f->deciders, _DECIDER_MAX, decider_word);
    if (f->waited)
        buf_printf(&b, " AND d.waited_ms BETWEEN ?%d AND ?%d", P_WAITED_MIN, P_WAITED_MAX);
    if (f->asked)
        buf_puts(&b, " AND (d.by IN ('user', 'timeout') OR d.verdict IN ('expired', 'withdrawn'))");
    put_request_facts(&b, f);
    if (f->greps)
        buf_puts(&b, " AND greps(" REQUEST_TEXTS ", d.note, d.source)");
    return f->until_seq ? finish_arm(&b, f, "e.real_ns", "e.session", "e.seq")
                        : finish_arm(&b, f, "d.decided_ns", "d.session", "d.seq");
}

static char *
decisions_arm(const struct event_filter *f)
{
    bool by_request = has_request_facts(f) || f->greps;
    return filter_decisions(f, "d.decided_ns, d.seq, d.session, 'decision', d.request",
                            by_request ? FILTER_FROM_REQUESTS : FILTER_FROM_DECISIONS);
}

// Outcomes in one scan: of each request its decision, or itself.
static char *
outcomes_arm(const struct event_filter *f)
{
    struct buf b = {0};
    buf_puts(&b, "SELECT coalesce(d.decided_ns, r.raised_ns), coalesce(d.seq, r.seq), r.session"
                 " FROM request r LEFT JOIN decision d INDEXED BY decision_by_request"
                 " ON d.session = r.session AND d.request = r.id WHERE 1");
    put_request_facts(&b, f);
    if (f->greps)
        buf_puts(&b, " AND greps(" REQUEST_TEXTS ")");
    return finish_arm(&b, f, "coalesce(d.decided_ns, r.raised_ns)", "r.session", "r.seq");
}

// The texts that a decision adds, without a look at each request.
static char *
notes_arm(const struct event_filter *f)
{
    struct buf b = {0};
    buf_puts(&b, "SELECT d.decided_ns, d.seq, d.session FROM decision d CROSS JOIN request r"
                 " ON r.session = d.session AND r.id = d.request WHERE greps(d.note, d.source)");
    put_request_facts(&b, f);
    return finish_arm(&b, f, "d.decided_ns", "d.session", "d.seq");
}

static char *
grants_arm(const struct event_filter *f)
{
    struct buf b = {0};
    buf_puts(&b, "SELECT g.created_ns, g.seq, g.session FROM granted g"
                 " CROSS JOIN request r ON r.session = g.session AND r.id = g.request WHERE 1");
    put_words(&b, "g.verdict", f->verdicts, _VERDICT_MAX, verdict_word);
    put_request_facts(&b, f);
    if (f->greps)
        buf_puts(&b, " AND greps(g.path, " REQUEST_TEXTS ")");
    return finish_arm(&b, f, "g.created_ns", "g.session", "g.seq");
}

static char *
network_arm(const struct event_filter *f)
{
    struct buf b = {0};
    buf_puts(&b, "SELECT e.real_ns, e.seq, e.session FROM network n CROSS JOIN event e"
                 " ON e.session = n.session AND e.seq = n.seq WHERE 1");
    put_words(&b, "n.mode", f->ops, _OP_MAX, op_word);
    put_numbers(&b, "n.pid", f->pids);
    put_numbers(&b, "n.port", f->ports);
    if (f->exes)
        buf_puts(&b, " AND picks_exe(n.exe)");
    if (f->paths)
        buf_puts(&b, " AND n.family = 1 AND picks_path(substr(n.target, length('unix:') + 1))");
    if (f->hosts)
        buf_puts(&b, " AND picks_host(n.host, n.target, n.family, n.addr)");
    if (f->greps)
        buf_puts(&b, " AND greps(n.target, n.host, n.exe, e.text)");
    return finish_arm(&b, f, "e.real_ns", "e.session", "e.seq");
}

static char *
others_arm(const struct event_filter *f)
{
    struct buf b = {0};
    unsigned kinds = f->outcomes ? 1u << KIND_FAULT : OTHER_KINDS;
    buf_puts(&b, "SELECT e.real_ns, e.seq, e.session FROM event e WHERE 1");
    put_words(&b, "e.kind", f->kinds ? kinds & f->kinds : kinds, _KIND_MAX, kind_word);
    if (f->greps)
        buf_puts(&b, " AND (greps(e.text) OR e.kind = 'session_start' AND EXISTS(SELECT 1 FROM"
                     " session s WHERE s.nr = e.session AND greps(s.argv, s.name, s.cwd)))");
    return finish_arm(&b, f, "e.real_ns", "e.session", "e.seq");
}

// Everything about one request.
static char *
request_arm(const struct event_filter *f)
{
    struct buf b = {0};
    buf_printf(&b,
               "SELECT e.real_ns, e.seq, e.session FROM (SELECT session, seq FROM request"
               " WHERE id = ?%d UNION ALL SELECT session, seq FROM decision WHERE request = ?%d"
               " UNION ALL SELECT session, seq FROM granted WHERE request = ?%d"
               " UNION ALL SELECT session, seq FROM network WHERE request = ?%d) x"
               " CROSS JOIN event e ON e.session = x.session AND e.seq = x.seq WHERE 1",
               P_REQUEST, P_REQUEST, P_REQUEST, P_REQUEST);
    return finish_arm(&b, f, "e.real_ns", "x.session", "e.seq");
}

// One event of a session, whatever it is.
static char *
seq_arm(const struct event_filter *f)
{
    struct buf b = {0};
    buf_puts(&b, "SELECT e.real_ns, e.seq, e.session, e.kind, e.request FROM event e WHERE 1");
    return finish_arm(&b, f, "e.real_ns", "e.session", "e.seq");
}

// Nothing but the time and the kind is looked at: the index by time has both.
static char *
times_arm(const struct event_filter *f)
{
    struct buf b = {0};
    buf_puts(&b, "SELECT e.real_ns, e.seq, e.session, e.kind, e.request FROM event e WHERE 1");
    put_words(&b, "e.kind", f->kinds, _KIND_MAX, kind_word);
    if (f->outcomes)
        buf_puts(&b, " AND (e.kind IN ('decision', 'fault') OR e.kind = 'request' AND NOT EXISTS("
                     "SELECT 1 FROM decision d WHERE d.session = e.session"
                     " AND d.request = e.request))");
    // The newest are found from the end of that index. Without the sign SQLite reads the whole
    // session and sorts it.
    return finish_arm(&b, f, "e.real_ns", f->limit ? "+e.session" : "e.session", "e.seq");
}

bool
filter_is_plain(const struct event_filter *f)
{
    return !has_request_facts(f) && !has_decision_facts(f) && !f->verdicts && !f->greps &&
           !f->kinds && !f->request && !f->since_ns && !f->until_ns && !f->until_seq &&
           !f->by_time && !f->limit;
}

void
filter_arms(const struct event_filter *f, char *ret_sql[static FILTER_ARMS_MAX])
{
    int n = 0;
    bool of_request = has_request_facts(f), of_decision = has_decision_facts(f) || f->verdicts;
    // What nobody decided yet has been asked, but by nobody and for no time.
    bool undecided = !f->deciders && !f->waited && !f->verdicts && (!f->asked || f->outcomes);
    unsigned others = f->outcomes ? 1u << KIND_FAULT : OTHER_KINDS;
    if (f->request) {
        ret_sql[n++] = request_arm(f);
    } else if (!of_request && !of_decision && !f->greps && !f->kinds && f->until_seq &&
               !f->outcomes) {
        ret_sql[n++] = seq_arm(f);
    } else if (!of_request && !of_decision && !f->greps && !f->until_seq) {
        ret_sql[n++] = times_arm(f);
    } else {
        if (!of_decision && !f->until_seq && f->outcomes && !f->kinds) {
            ret_sql[n++] = outcomes_arm(f);
            if (f->greps)
                ret_sql[n++] = notes_arm(f);
        } else {
            if (wants(f, KIND_REQUEST) && undecided)
                ret_sql[n++] = requests_arm(f);
            if (wants(f, KIND_DECISION))
                ret_sql[n++] = decisions_arm(f);
        }
        if (wants(f, KIND_GRANT) && !f->outcomes && !has_decision_facts(f))
            ret_sql[n++] = grants_arm(f);
        if (wants(f, KIND_NETWORK) && !f->outcomes && !of_decision && !f->risks)
            ret_sql[n++] = network_arm(f);
        if (!of_request && !of_decision && (!f->kinds || others & f->kinds))
            ret_sql[n++] = others_arm(f);
    }
    ret_sql[n] = NULL;
}
