// SPDX-License-Identifier: Apache-2.0
// Filters of the record: what each finds is compared with a look at every event.
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <sys/socket.h>

#include "clock.h"
#include "db_helpers.h"

#define SESSIONS 3
#define REQUESTS 60

TestSuite(query, .init = setup, .fini = teardown, .timeout = 60);

static unsigned seed = 1;

static unsigned
pick(unsigned n)
{
    seed = seed * 1103515245 + 12345;
    return (seed >> 16) % n;
}

static struct request *
random_request(uint64_t id)
{
    static const char *const paths[] = {"/etc/passwd", "/home/u/.ssh/id_rsa", "/srv/a b/\xff.pem",
                                        "/srv/x/[odd]*"};
    static const char *const programs[] = {"/usr/bin/cat", "/usr/bin/git", "/bin/ev\x1bil"};
    struct request *r = make_request(id);
    r->op = (enum op)pick(_OP_MAX);
    r->risk = (enum risk)pick(_RISK_MAX);
    r->pid = 100 + (int)pick(5);
    free(r->exe);
    r->exe = xstrdup(programs[pick(3)]);
    free(r->resolved);
    r->resolved = xstrdup(paths[pick(4)]);
    r->raised_real_ns = 1700000000000000000 + id * NS_PER_SEC + pick(1000);
    if (r->op >= OP_CONNECT) {
        r->peer = (struct endpoint){.family = AF_INET, .port = pick(2) ? 443 : 22};
        inet_pton(AF_INET, pick(2) ? "10.1.2.3" : "192.0.2.1", r->peer.addr);
        free(r->resolved);
        r->resolved = xasprintf("%s:%d", pick(2) ? "API.example.org" : "10.1.2.3", r->peer.port);
    }
    return r;
}

static void
fill(void)
{
    for (int s = 0; s < SESSIONS; s++) {
        char id[16];
        uint64_t grants = 0;
        snprintf(id, sizeof id, "00000000000%d", s);
        struct writer *w = start(id);
        for (uint64_t i = 1; i <= REQUESTS; i++) {
            struct request *r = random_request(i);
            uint64_t raised = r->raised_real_ns;
            cleanup_request struct request *about = request_dup(r);
            writer_add_request(w, r);
            if (pick(10) == 0)
                continue;
            struct decision *d = make_decision(i, (enum verdict)pick(_VERDICT_MAX));
            d->by = (enum decider)pick(_DECIDER_MAX);
            d->waited_ms = pick(60000);
            d->real_ns = raised + d->waited_ms * NS_PER_MS;
            struct grant *g = pick(3) == 0 ? make_grant(++grants, i) : NULL;
            if (g) {
                g->op = about->op;
                free(g->path);
                g->path = xstrdup(about->resolved);
            }
            writer_add_decision(w, d, g, 1, false);
        }
        writer_add_fault(w, "the disk was full");
        writer_stop(w, 0);
    }
}

// An event as the oracle keeps it.
struct seen {
    char *session, *target, *resolved, *exe, *note, *text;
    struct event_row row; /* numbers and words only */
};

struct all {
    struct seen list[SESSIONS * (REQUESTS * 3 + 3)];
    size_t n;
};

static int
keep(void *ctx, const struct event_row *row)
{
    struct all *all = ctx;
    all->list[all->n++] = (struct seen){
        .session = xstrdup(row->session),
        .target = xstrdup(row->target),
        .resolved = xstrdup(row->resolved),
        .exe = xstrdup(row->exe),
        .note = xstrdup(row->note),
        .text = xstrdup(row->text),
        .row = *row,
    };
    return 0;
}

static bool
in_mask(unsigned mask, int v)
{
    return !mask || (v >= 0 && mask & 1u << v);
}

static bool
picked(const struct pattern *list, const char *a, const char *b)
{
    bool positive = false, hit = false, negated = false;
    for (; list->text; list++) {
        bool m = (a && path_matches(list->text, a)) || (b && path_matches(list->text, b));
        positive |= !list->negated;
        hit |= m && !list->negated;
        negated |= m && list->negated;
    }
    return !negated && (hit || !positive);
}

static bool
number_picked(const struct pattern *list, int v)
{
    bool positive = false, hit = false, negated = false;
    for (; list->text; list++) {
        positive |= !list->negated;
        hit |= atoi(list->text) == v && !list->negated;
        negated |= atoi(list->text) == v && list->negated;
    }
    return !negated && (hit || !positive);
}

static bool
wanted(const struct event_filter *f, const struct seen *s)
{
    const struct event_row *row = &s->row;
    bool decision = row->kind == KIND_DECISION, of_request = row->request != 0;
    if (f->outcomes && !decision && row->kind != KIND_FAULT &&
        !(row->kind == KIND_REQUEST && !row->decided))
        return false;
    if (!in_mask(f->kinds, (int)row->kind) || !in_mask(f->verdicts, (int)row->verdict))
        return false;
    if ((f->paths || f->exes || f->pids || f->ports || f->ops || f->risks) && !of_request)
        return false;
    if (f->ops && !(f->ops & 1u << row->op))
        return false;
    if (f->paths && !picked(f->paths, s->target, s->resolved))
        return false;
    if (f->exes && !picked(f->exes, s->exe, NULL))
        return false;
    if (f->pids && !number_picked(f->pids, row->pid))
        return false;
    if (f->ports && !number_picked(f->ports, row->port))
        return false;
    if (!in_mask(f->risks, (int)row->risk) || !in_mask(f->deciders, (int)row->by))
        return false;
    if (f->waited &&
        (!decision || row->waited_ms < f->waited_min_ms || row->waited_ms > f->waited_max_ms))
        return false;
    if (f->asked &&
        !(decision && (row->by == DECIDER_USER || row->by == DECIDER_TIMEOUT ||
                       row->verdict == VERDICT_EXPIRED || row->verdict == VERDICT_WITHDRAWN)) &&
        !(f->outcomes && row->kind == KIND_REQUEST))
        return false;
    return row->real_ns >= f->since_ns && (!f->until_ns || row->real_ns < f->until_ns);
}

struct check {
    const struct all *all;
    const struct event_filter *f;
    size_t at, found;
};

// Every event that comes is the next wanted one of all.
static int
expect(void *ctx, const struct event_row *row)
{
    struct check *c = ctx;
    while (c->at < c->all->n && !wanted(c->f, &c->all->list[c->at]))
        c->at++;
    cr_assert(c->at < c->all->n, "one too many: %s event %d", row->session, (int)row->seq);
    cr_assert_str_eq(row->session, c->all->list[c->at].session);
    cr_assert(row->seq == c->all->list[c->at].row.seq, "event %d, not %d", (int)row->seq,
              (int)c->all->list[c->at].row.seq);
    c->at++;
    c->found++;
    return 0;
}

static struct pattern *
random_patterns(struct pattern *list, const char *const *words, unsigned n)
{
    unsigned count = 1 + pick(2);
    for (unsigned i = 0; i < count; i++)
        list[i] = (struct pattern){words[pick(n)], pick(3) == 0};
    list[count] = (struct pattern){0};
    return list;
}

Test(query, filters_find_what_a_look_at_everything_finds)
{
    static struct all all;
    static const char *const globs[] = {"/etc/*", "*.pem", "/home", "/srv/x/[[]odd]\\*", "id_rsa"};
    static const char *const exes[] = {"cat", "/usr/bin/*", "/bin/ev\x1bil"};
    static const char *const pids[] = {"100", "103", "7"}, *const ports[] = {"443", "22", "1"};
    size_t matched = 0;
    fill();
    struct reader *r = open_reader();
    cr_assert(reader_events(r, &(struct event_filter){0}, keep, &all, NULL) == 0);
    cr_assert(all.n > SESSIONS * REQUESTS * 2);
    for (int round = 0; round < 3000; round++) {
        struct pattern a[4], b[4], c[4], d[4];
        struct event_filter f = {.outcomes = pick(2)};
        unsigned what = pick(1 << 11);
        if (what & 1)
            f.paths = random_patterns(a, globs, 5);
        if (what & 2 && pick(2))
            f.exes = random_patterns(b, exes, 3);
        if (what & 4 && pick(2))
            f.pids = random_patterns(c, pids, 3);
        if (what & 8 && pick(3) == 0)
            f.ports = random_patterns(d, ports, 3);
        if (what & 16 && pick(2))
            f.risks = 1 + pick((1 << _RISK_MAX) - 1);
        if (what & 32 && pick(2))
            f.verdicts = 1 + pick((1 << _VERDICT_MAX) - 1);
        if (what & 64 && pick(2))
            f.deciders = 1 + pick((1 << _DECIDER_MAX) - 1);
        if (what & 128 && pick(2)) {
            f.waited = true;
            f.waited_min_ms = pick(30000);
            f.waited_max_ms = f.waited_min_ms + pick(60000);
        }
        if (what & 256 && pick(2))
            f.asked = true;
        if (what & 512 && !f.outcomes)
            f.kinds = 1 + pick((1 << _KIND_MAX) - 1);
        if (what & 1024) {
            f.since_ns = 1700000000000000000 + pick(80) * NS_PER_SEC;
            f.until_ns = f.since_ns + pick(80) * NS_PER_SEC;
        }
        struct check check = {.all = &all, .f = &f};
        cr_assert(reader_events(r, &f, expect, &check, NULL) == 0);
        while (check.at < all.n && !wanted(&f, &all.list[check.at]))
            check.at++;
        cr_assert(check.at == all.n, "round %d: event %d of %s is missing", round,
                  (int)all.list[check.at].row.seq, all.list[check.at].session);
        matched += check.found;
    }
    cr_assert(matched > 10000, "%zu", matched);
    reader_close(r);
}

static int
last_seq(void *ctx, const struct event_row *row)
{
    cr_assert(row->real_ns >= *(uint64_t *)ctx);
    *(uint64_t *)ctx = row->real_ns;
    return 0;
}

Test(query, limits_and_orders)
{
    fill();
    struct reader *r = open_reader();
    struct event_filter f = {.outcomes = true, .by_time = true};
    struct event_key *all = NULL, *newest = NULL;
    size_t all_n = 0, n = 0;
    uint64_t time = 0;
    cr_assert(reader_keys(r, &f, &all, &all_n, NULL) == 0 && all_n > 100);
    for (size_t i = 0; i < all_n; i++)
        cr_assert(reader_event(r, &all[i], last_seq, &time, NULL) == 0);
    f.limit = 17;
    f.reverse = true;
    cr_assert(reader_keys(r, &f, &newest, &n, NULL) == 0 && n == 17);
    for (size_t i = 0; i < n; i++)
        cr_assert(newest[i].real_ns == all[all_n - 1 - i].real_ns);
    free(all);
    free(newest);
    reader_close(r);
}

static int
count_event(void *ctx, const struct event_row *row)
{
    ++*(int *)ctx;
    return 0;
}

static int
count_matches(struct reader *r, const struct event_filter *f)
{
    int n = 0;
    cr_assert(reader_events(r, f, count_event, &n, NULL) == 0);
    return n;
}

Test(query, hosts_and_texts)
{
    fill();
    struct reader *r = open_reader();
    const struct {
        const char *host;
        bool some;
    } cases[] = {{"api.EXAMPLE.*", true}, {"10.0.0.0/8", true},   {"10.1.2.3", true},
                 {"192.0.2.0/30", true},  {"10.2.0.0/16", false}, {"example.org", false},
                 {"0.0.0.0/0", true},     {"::/0", false}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct pattern hosts[] = {{cases[i].host, false}, {0}};
        struct event_filter f = {.hosts = hosts};
        cr_assert((count_matches(r, &f) > 0) == cases[i].some, "%s", cases[i].host);
    }
    const struct {
        const char *regex;
        bool some;
    } texts[] = {{"disk was", true},   {"DISK was", false},   {"id_rs[a]$", true},
                 {"c/.\\.pem", false}, {"a b/.\\.pem", true}, {"why . not", true},
                 {"nothing", false},   {"(git|cat)", true},   {"z*passwd", true},
                 {"ev\x1bil", true},   {"etc/passw", true},   {"d", true},
                 {"/passwd", true},    {"passwd/", false},    {"/usr/bin/gitx", false}};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct matcher *m[] = {NULL, NULL};
        char *why = NULL;
        cr_assert(matcher_new(texts[i].regex, &m[0], &why) == 0);
        struct event_filter f = {.greps = m, .outcomes = i % 2};
        cr_assert((count_matches(r, &f) > 0) == texts[i].some, "%s", texts[i].regex);
        matcher_free(m[0]);
    }
    reader_close(r);
}

// What the pane's list says of a request, and nothing that it does not.
Test(query, texts_that_are_shown)
{
    struct writer *w = start("0123456789ab");
    struct request *q = random_request(1);
    free(q->exe);
    free(q->cwd);
    free(q->target);
    free(q->resolved);
    free(q->host);
    q->op = OP_SEND;
    q->exe = xstrdup("/opt/tools/fetch");
    q->cwd = xstrdup("/srv/yard");
    q->target = xstrdup("../asked");
    q->resolved = xstrdup("name.example:53");
    q->host = xstrdup("name.example");
    q->peer = (struct endpoint){
        .family = AF_INET, .type = SOCK_DGRAM, .port = 53, .addr = {192, 0, 2, 7}};
    q->pid = 4711;
    request_seal(q);
    writer_add_request(w, q);
    writer_stop(w, 0);
    struct reader *r = open_reader();
    const struct {
        const char *regex;
        bool anywhere, shown;
    } texts[] = {{"fetch", true, true},
                 {"fetch/4711$", false, true},
                 {"tools", true, false},
                 {"yard", true, false},
                 {"asked", true, false},
                 {"name\\.example:53", true, true},
                 {"192\\.0\\.2\\.7", false, true},
                 {"/udp", false, true},
                 {"456789ab", false, true},
                 {"^shop", false, true},
                 {"abstract", false, false}};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct matcher *m[] = {NULL, NULL};
        char *why = NULL;
        cr_assert(matcher_new(texts[i].regex, &m[0], &why) == 0);
        struct event_filter f = {.greps = m, .kinds = 1u << KIND_REQUEST};
        cr_expect_eq(count_matches(r, &f), texts[i].anywhere, "%s", texts[i].regex);
        f.shown = true;
        cr_expect_eq(count_matches(r, &f), texts[i].shown, "shown: %s", texts[i].regex);
        matcher_free(m[0]);
    }
    reader_close(r);
}

Test(query, a_request_comes_back_whole)
{
    struct writer *w = start("0123456789ab");
    struct request *r = random_request(1), *back = NULL;
    r->op = OP_EXEC;
    r->object = (struct object){true, 1, 2, 0100644, 3, 4, 5, 6};
    r->target2 = xstrdup("b\xff");
    r->resolved2 = xstrdup("/b\xff");
    r->object2 = (struct object){false, 11, 12, 040755, 13, 14, 15, 16};
    r->detail = xstrdup("mode 0644 -> 0777");
    r->interpreter = xstrdup("/bin/sh");
    memset(r->sha256, 0xab, sizeof r->sha256);
    memset(r->exe_sha256, 0xcd, sizeof r->exe_sha256);
    r->has_exe_sha256 = true;
    r->has_sha256 = true;
    r->peer = (struct endpoint){AF_INET6, SOCK_DGRAM, 53, {1, 2, 3}, 4, false, true, false};
    r->host = xstrdup("example.org");
    request_seal(r);
    cleanup_request struct request *sent = request_dup(r);
    writer_add_request(w, r);
    writer_stop(w, 0);
    struct reader *reader = open_reader();
    cr_assert(reader_request(reader, "0123456789ab", 1, &back, NULL) == 0 && back);
    cr_assert(memcmp(back->digest, sent->digest, DIGEST_LEN) == 0);
    memset(back->digest, 0, DIGEST_LEN);
    // The digest covers every fact that a person is shown.
    request_seal(back);
    cr_assert(memcmp(back->digest, sent->digest, DIGEST_LEN) == 0);
    cr_assert(memcmp(back->sha256, sent->sha256, SHA256_LEN) == 0);
    cr_assert(back->has_exe_sha256);
    cr_assert(memcmp(back->exe_sha256, sent->exe_sha256, SHA256_LEN) == 0);
    back = request_free(back);
    cr_assert(reader_request(reader, "0123456789ab", 2, &back, NULL) == 0 && !back);
    reader_close(reader);
}

Test(query, globs)
{
    static const struct {
        const char *glob, *text;
        bool matches;
    } cases[] = {
        {"*", "", true},          {"a*b*c", "aXXbYYc", true}, {"a*b*c", "aXXbYY", false},
        {"?", "\xff", true},      {"?", "", false},           {"[a-c]x", "bx", true},
        {"[!a-c]x", "bx", false}, {"[]]", "]", true},         {"[", "[", true},
        {"\\*", "*", true},       {"\\*", "a", false},        {"a\\", "a\\", true},
        {"**/x", "/a/b/x", true}, {"[a-]", "-", true},        {"[^a]", "b", true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        cr_assert(match_glob(cases[i].glob, cases[i].text) == cases[i].matches, "%s ~ %s",
                  cases[i].glob, cases[i].text);
    // A pattern that makes a naive matcher take for ever.
    char text[5000], glob[400];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = 0;
    for (size_t i = 0; i + 2 < sizeof glob; i += 2)
        memcpy(glob + i, "*a", 2);
    memcpy(glob + sizeof glob - 2, "b", 2);
    cr_assert(!match_glob(glob, text));
}

static int
add_counts(void *ctx, const struct event_row *row)
{
    struct session_counts *sum = ctx;
    sum->asked += row->kind == KIND_REQUEST;
    sum->waiting += row->kind == KIND_REQUEST && !row->decided;
    if (row->kind == KIND_DECISION && row->verdict == VERDICT_ALLOW)
        sum->allowed++;
    if (row->kind == KIND_DECISION &&
        (row->verdict == VERDICT_DENY || row->verdict == VERDICT_EXPIRED))
        sum->refused++;
    // The helper's grants allow, whatever their decision said.
    if (row->kind == KIND_GRANT && row->verdict == VERDICT_ALLOW)
        sum->allowed += row->count;
    if (row->kind == KIND_GRANT && row->verdict == VERDICT_DENY)
        sum->refused += row->count;
    return 0;
}

static void
fill_counted(const char *id, bool gap)
{
    struct writer *w = start(id);
    for (uint64_t i = 1; i <= 6; i++) {
        struct grant *g = i % 2 ? make_grant(i, i) : NULL;
        if (g && i == 3)
            g->verdict = VERDICT_DENY;
        writer_add_request(w, make_request(i + (gap && i > 2)));
        if (i == 6 && !gap)
            break;
        if (g)
            g->request = i + (gap && i > 2);
        writer_add_decision(w, make_decision(i + (gap && i > 2), (enum verdict)(i % 4)), g, 1,
                            false);
        if (g)
            writer_add_count(w, "grant", i, OP_READ, 10 + i);
    }
    writer_stop(w, 0);
}

// What the line of a session says is what its events come to: with all decided, with one that
// waits, and with a number that no request has.
Test(query, counts_of_a_session)
{
    static const char *const ids[] = {"0000000000a1", "0000000000a2"};
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
        fill_counted(ids[i], i == 1);
    struct reader *r = open_reader();
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        const char *const one[] = {ids[i], NULL};
        struct event_filter f = {.sessions = one};
        struct session_counts want = {0}, counts;
        cr_assert(reader_events(r, &f, add_counts, &want, NULL) == 0);
        cr_assert(reader_counts(r, ids[i], &counts, NULL) == 0);
        cr_assert(counts.asked == want.asked && counts.asked == 6, "%zu", (size_t)counts.asked);
        cr_assert(counts.waiting == want.waiting && counts.waiting == (i == 0));
        cr_assert(counts.allowed == want.allowed, "%zu %zu", (size_t)counts.allowed,
                  (size_t)want.allowed);
        cr_assert(counts.refused == want.refused, "%zu %zu", (size_t)counts.refused,
                  (size_t)want.refused);
    }
    reader_close(r);
}
