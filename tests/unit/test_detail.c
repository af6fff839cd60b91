// SPDX-License-Identifier: Apache-2.0
// A request in words: two different ones never look equal, and nothing foreign comes through (I6).
#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/socket.h>

#include "detail.h"
#include "display.h"
#include "view_helpers.h"

static const char *const odd[] = {
    "a -> /b",
    "b -> /a",
    "a  (abstract)",
    "a (abstract)",
    "a",
    "b",
    "a\\> /b",
    "{a}",
    "{a",
    "a}",
    "\\{a",
    "a (b)",
    "a  [mode 0644 -> 0777]",
    "\xe2\x80\xae"
    "dcba",
    "a\xe2\x80\x8b",
    "a\xf3\xa0\x81\x81",
    "a\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81",
    "\xc3\xa1",
    "a\xcc\x81",
    "a\xc2\x9b",
    "a\xc2\xa0",
    "a ",
    " a",
    "a\r",
    "a\033[0m",
    "a\xff",
    "a\xc3",
    "\\x61",
    "\xe2\x84\xaa",
    "K",
    "\xd0\xb0", /* Cyrillic a: another letter, shown as what it is */
};

struct texts {
    char **texts;
    size_t n, room;
};

static void
add_text(struct texts *t, const struct request *r, unsigned flags)
{
    struct buf b = {0};

    if (t->n == t->room) {
        t->room = t->room ? 2 * t->room : 1024;
        t->texts = xrealloc(t->texts, t->room * sizeof(*t->texts));
    }
    detail_target(&b, r, flags);
    t->texts[t->n++] = buf_steal(&b);
}

static int
compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
check_all_differ(struct texts *t)
{
    qsort(t->texts, t->n, sizeof(*t->texts), compare);
    for (size_t i = 0; i < t->n; i++) {
        if (i)
            cr_expect_neq(strcmp(t->texts[i - 1], t->texts[i]), 0, "twice: %s", t->texts[i]);
        for (const unsigned char *c = (const unsigned char *)t->texts[i]; *c; c++)
            cr_expect(*c >= 0x20 && *c != 0x7f && !(c[0] == 0xc2 && c[1] < 0xa0));
    }
    for (size_t i = 0; i < t->n; i++)
        free(t->texts[i]);
    free(t->texts);
}

static void
set_names(struct request *r, const char *from, const char *to)
{
    free(r->resolved);
    free(r->resolved2);
    r->resolved = xasprintf("/%s", from);
    r->resolved2 = to ? xasprintf("/%s", to) : NULL;
}

Test(detail, targets_never_look_equal)
{
    for (unsigned flags = 0; flags <= DISPLAY_ASCII; flags += DISPLAY_ASCII) {
        struct texts t = {0};
        cleanup_request struct request *r = make_request(1, RISK_NONE);

        for (unsigned c = 1; c < 256; c++) {
            const char name[] = {'n', (char)c, 0};
            if (c == '/')
                continue;
            set_names(r, name, NULL);
            r->covered = 0;
            add_text(&t, r, flags);
        }
        // All of it covered: no braces help.
        r->covered = SIZE_MAX;
        r->peer = (struct endpoint){.family = AF_UNIX, .type = SOCK_STREAM};
        for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
            set_names(r, odd[i], NULL);
            for (int abstract = 0; abstract < 2; abstract++) {
                r->peer.abstract = abstract;
                add_text(&t, r, flags);
            }
        }
        check_all_differ(&t);
    }
}

Test(detail, two_ends_never_look_equal)
{
    static const size_t covers[] = {0, 2, 1000};

    for (size_t c = 0; c < ARRAY_SIZE(covers); c++) {
        struct texts t = {0};
        cleanup_request struct request *r = make_request(1, RISK_NONE);

        r->covered = covers[c];
        for (size_t i = 0; i < ARRAY_SIZE(odd); i++)
            for (size_t k = 0; k < ARRAY_SIZE(odd); k++) {
                set_names(r, odd[i], odd[k]);
                add_text(&t, r, 0);
            }
        check_all_differ(&t);
    }
}

static const char *
line(const struct detail *d, const char *label)
{
    for (size_t i = 0; i < d->n; i++)
        if (strcmp(d->lines[i].label, label) == 0)
            return d->lines[i].text;
    return "";
}

Test(detail, everything_that_decides_is_said)
{
    VIEW(v);
    cleanup_detail struct detail det = {0};
    struct request *r = make_request(1, RISK_HIGH);

    r->op = OP_EXEC;
    r->interpreter = xstrdup("/bin/sh\033");
    r->has_sha256 = true;
    r->sha256[0] = 0xab;
    r->has_exe_sha256 = true;
    r->exe_sha256[0] = 0xcd;
    r->tags = (free(r->tags), xstrdup("ssh-key,odd\033"));
    view_add(&v, 0, r, now);
    detail_make(&det, &v, v.rows[0], now, 0);
    cr_expect_eq(det.target, 2);
    cr_expect_str_eq(line(&det, "run by"), "/bin/sh\\x1b");
    cr_expect(strstr(line(&det, "sha256"), "ab00"));
    cr_expect(strstr(line(&det, "exe"), "  sha256 cd000000000000000000000000000000..."));
    cr_expect_str_eq(line(&det, "risk"), "!! high: SSH keys and their configuration; odd\\x1b");
    cr_expect(strstr(line(&det, "p"), "(type id_1)"));
}

static const char *
line_of(const struct detail *d, const char *label)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->lines[i].label && strcmp(d->lines[i].label, label) == 0)
            return d->lines[i].text;
    return "(none)";
}

Test(detail, what_has_its_answer_waits_no_more)
{
    static const struct {
        enum state state;
        enum verdict verdict;
        enum decider by;
        const char *answer;
    } rows[] = {
        {STATE_ANSWERED, VERDICT_ALLOW, DECIDER_USER, "allowed by a person; 3 calls in this row"},
        {STATE_ANSWERED, VERDICT_DENY, DECIDER_INITIAL, "denied by --on-ask; 3 calls in this row"},
        {STATE_EXPIRED, VERDICT_EXPIRED, DECIDER_TIMEOUT,
         "expired: nobody decided in time; 3 calls in this row"},
        {STATE_WITHDRAWN, VERDICT_WITHDRAWN, DECIDER_INTERNAL, "withdrawn; 3 calls in this row"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cleanup_detail struct detail det = {0};
        struct request_update u = {.id = 1,
                                   .count = 3,
                                   .state = rows[i].state,
                                   .verdict = rows[i].verdict,
                                   .by = rows[i].by};
        struct view v;
        view_init(&v, false, START);
        view_add(&v, 0, make_request(1, RISK_NONE), START);
        v.rows[0]->request->count = 3;
        detail_make(&det, &v, v.rows[0], START, 0);
        cr_expect(strstr(line_of(&det, "waits"), "; 3 calls like it wait in this row"), "%s",
                  line_of(&det, "waits"));
        detail_done(&det);
        view_update(&v, 0, &u, START);
        detail_make(&det, &v, v.rows[0], START, 0);
        cr_expect_str_eq(line_of(&det, "answer"), rows[i].answer);
        view_done(&v);
    }
}

Test(detail, why_it_is_asked)
{
    static const struct {
        const char *nearest, *want;
        enum reason why;
    } rows[] = {
        {"", "no rule covers it", REASON_POLICY_BLOCKED},
        {"rw /w (--allow)", "no rule covers it; nearest: rw /w (--allow)", REASON_POLICY_BLOCKED},
        {"r /w (--read)", "covered, but not for this access; nearest: r /w (--read)",
         REASON_INSUFFICIENT_ACCESS},
        {REQUEST_ASKS_PROGRAMS " (--exec ask)", "every program is asked about (--exec ask)",
         REASON_POLICY_BLOCKED},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        VIEW(v);
        cleanup_detail struct detail det = {0};
        struct request *r = make_request(1, RISK_NONE);
        free(r->nearest);
        r->nearest = xstrdup(rows[i].nearest);
        r->why = rows[i].why;
        view_add(&v, 0, r, now);
        detail_make(&det, &v, v.rows[0], now, 0);
        cr_expect_str_eq(line(&det, "why"), rows[i].want);
    }
}

Test(detail, a_peer_is_said_with_its_name)
{
    cleanup_request struct request *r = make_request(1, RISK_NONE);
    cleanup_buf struct buf b = {0};

    free(r->resolved);
    r->resolved = xstrdup("registry.npmjs.org:443");
    r->covered = strlen(r->resolved);
    r->host = xstrdup("registry.npmjs.org");
    r->peer = (struct endpoint){
        .family = AF_INET, .type = SOCK_STREAM, .port = 443, .addr = {104, 16, 3, 35}};
    detail_target(&b, r, 0);
    cr_expect_str_eq(buf_str(&b), "registry.npmjs.org:443/tcp  (104.16.3.35)");
}

Test(detail, a_grant_for_a_name_says_where_that_led)
{
    cleanup_buf struct buf b = {0};
    struct grant g = {.op = OP_CONNECT,
                      .scope = SCOPE_SESSION,
                      .reach = REACH_HOST,
                      .path = (char[]){"db.example"},
                      .host = (char[]){"db.example"},
                      .peer = {.family = AF_INET6, .addr = {0xfe, 0x80, [15] = 1}, .scope_id = 2}};

    detail_grant(&b, &g, 0, 0);
    cr_expect_str_eq(buf_str(&b), "allow session connect any port of db.example (fe80::1%2) "
                                  "(not used)");
}

// Of what is remembered only the uses of this session are known here.
Test(detail, a_remembered_grant_says_which_uses)
{
    cleanup_buf struct buf b = {0};
    struct grant g = {.verdict = VERDICT_ALLOW,
                      .op = OP_READ,
                      .scope = SCOPE_ALWAYS,
                      .reach = REACH_DIR,
                      .path = (char[]){"/a"},
                      .request = 3};

    detail_grant(&b, &g, 0, 0);
    cr_expect_str_eq(buf_str(&b), "allow always read directly in /a (not used again here)");
    buf_reset(&b);
    g.request = 0;
    g.uses = 2;
    detail_grant(&b, &g, 0, 0);
    cr_expect_str_eq(buf_str(&b), "allow always read directly in /a (used 2 times here)");
}

Test(detail, a_grant_says_both_ends)
{
    cleanup_buf struct buf b = {0};
    struct grant g = {.verdict = VERDICT_ALLOW,
                      .op = OP_RENAME,
                      .scope = SCOPE_SESSION,
                      .path = (char[]){"/a -> /b"},
                      .path2 = (char[]){"/c"},
                      .uses = 1};

    detail_grant(&b, &g, 0, 0);
    cr_expect_str_eq(buf_str(&b), "allow session rename /a -\\>\\x20/b -> /c (used 1 time)");
}
