// SPDX-License-Identifier: Apache-2.0
#include "redact.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "util.h"

enum rule_kind {
    RULE_FLAG,   /* the whole name of a flag or an assignment */
    RULE_NAME,   /* it, or its last part: --github-token, DB_PASSWORD=, -Ddb.password= */
    RULE_USER,   /* a flag whose value is USER:SECRET */
    RULE_HEADER, /* NAME: value */
    RULE_QUERY,  /* ?NAME=value in a URL; RULE_NAME too */
    RULE_SHAPE,  /* a token begins like that, and at least min more characters follow */
};

#define RULE(kind, word, min)                                                                      \
    {                                                                                              \
        kind, word, sizeof word - 1, min                                                           \
    }

static const struct rule {
    enum rule_kind kind;
    const char *word; /* '-' stands for '_' and the other way round, but for shapes */
    size_t len;
    size_t min;
} rules[] = {
    RULE(RULE_FLAG, "auth", 0),
    RULE(RULE_FLAG, "bearer", 0),
    RULE(RULE_FLAG, "pass", 0),
    RULE(RULE_NAME, "token", 0),
    RULE(RULE_NAME, "password", 0),
    RULE(RULE_NAME, "passwd", 0),
    RULE(RULE_NAME, "passphrase", 0),
    RULE(RULE_NAME, "secret", 0),
    RULE(RULE_NAME, "api-key", 0),
    RULE(RULE_NAME, "apikey", 0),
    RULE(RULE_NAME, "access-key", 0),
    RULE(RULE_NAME, "access-key-id", 0),
    RULE(RULE_NAME, "secret-key", 0),
    RULE(RULE_NAME, "private-key", 0),
    RULE(RULE_NAME, "credentials", 0),
    RULE(RULE_USER, "u", 0),
    RULE(RULE_USER, "user", 0),
    RULE(RULE_USER, "proxy-user", 0),
    RULE(RULE_HEADER, "authorization", 0),
    RULE(RULE_HEADER, "proxy-authorization", 0),
    RULE(RULE_HEADER, "x-api-key", 0),
    RULE(RULE_HEADER, "x-auth-token", 0),
    RULE(RULE_HEADER, "private-token", 0),
    RULE(RULE_HEADER, "cookie", 0),
    RULE(RULE_HEADER, "set-cookie", 0),
    RULE(RULE_QUERY, "key", 0),
    RULE(RULE_QUERY, "code", 0),
    RULE(RULE_QUERY, "state", 0),
    RULE(RULE_QUERY, "nonce", 0),
    RULE(RULE_QUERY, "sig", 0),
    RULE(RULE_QUERY, "signature", 0),
    RULE(RULE_QUERY, "x-amz-signature", 0),
    RULE(RULE_SHAPE, "ghp_", 30),
    RULE(RULE_SHAPE, "gho_", 30),
    RULE(RULE_SHAPE, "ghu_", 30),
    RULE(RULE_SHAPE, "ghs_", 30),
    RULE(RULE_SHAPE, "ghr_", 30),
    RULE(RULE_SHAPE, "github_pat_", 20),
    RULE(RULE_SHAPE, "glpat-", 16),
    RULE(RULE_SHAPE, "sk-", 20),
    RULE(RULE_SHAPE, "sk_live_", 16),
    RULE(RULE_SHAPE, "rk_live_", 16),
    RULE(RULE_SHAPE, "xoxa-", 10),
    RULE(RULE_SHAPE, "xoxb-", 10),
    RULE(RULE_SHAPE, "xoxp-", 10),
    RULE(RULE_SHAPE, "xoxr-", 10),
    RULE(RULE_SHAPE, "xoxs-", 10),
    RULE(RULE_SHAPE, "AKIA", 16),
    RULE(RULE_SHAPE, "ASIA", 16),
    RULE(RULE_SHAPE, "AIza", 30),
    RULE(RULE_SHAPE, "ya29.", 20),
    RULE(RULE_SHAPE, "eyJ", 30),
    RULE(RULE_SHAPE, "npm_", 30),
    RULE(RULE_SHAPE, "pypi-", 30),
    RULE(RULE_SHAPE, "hf_", 30),
    RULE(RULE_SHAPE, "dop_v1_", 30),
    RULE(RULE_SHAPE, "SG.", 30),
};

enum pending { PENDING_NONE, PENDING_SECRET, PENDING_USER };

struct scan {
    const char *more;
    struct buf *out;
    size_t n;             /* taken out so far */
    enum pending pending; /* what the next word is */
};

// --- names -------------------------------------------------------------------------------------

static bool
is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

static size_t
name_len(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n && is_name_char(s[i]))
        i++;
    return i;
}

static bool
same(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char x = a[i] == '_' ? '-' : a[i], y = b[i] == '_' ? '-' : b[i];
        if (x >= 'A' && x <= 'Z')
            x += 'a' - 'A';
        if (y >= 'A' && y <= 'Z')
            y += 'a' - 'A';
        if (x != y)
            return false;
    }
    return true;
}

// tail: also as the last part of a longer name.
static bool
matches(const char *name, size_t n, const char *word, size_t word_len, bool tail)
{
    if (n < word_len || !word_len || !same(name + n - word_len, word, word_len))
        return false;
    return n == word_len || (tail && strchr("-_.", name[n - word_len - 1]));
}

// The next line of the caller's own names; NULL behind the last.
static const char *
next_more(const char *more, size_t *ret_len)
{
    while (more && *more == '\n')
        more++;
    if (!more || !*more)
        return NULL;
    *ret_len = strcspn(more, "\n");
    return more;
}

static bool
is_more_name(const struct scan *s, const char *name, size_t n)
{
    size_t len;
    for (const char *m = s->more; (m = next_more(m, &len)); m += len) {
        if (m[len - 1] != '*' && matches(name, n, m, len, true))
            return true;
    }
    return false;
}

// kinds: bits 1 << enum rule_kind.
static bool
is_listed(const struct scan *s, const char *name, size_t n, unsigned kinds)
{
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
        const struct rule *r = &rules[i];
        if ((kinds & 1u << r->kind) && matches(name, n, r->word, r->len, r->kind == RULE_NAME))
            return true;
    }
    return kinds != 1u << RULE_USER && is_more_name(s, name, n);
}

#define SECRET_NAMES (1u << RULE_FLAG | 1u << RULE_NAME)
#define QUERY_NAMES (1u << RULE_QUERY | 1u << RULE_NAME | 1u << RULE_FLAG)

// --- pieces ------------------------------------------------------------------------------------

static void
take_out(struct scan *s)
{
    buf_puts(s->out, REDACTED);
    s->n++;
}

// A token of a known shape at p: its length, else 0.
static size_t
shape_len(const struct scan *s, const char *p, size_t n)
{
    size_t run = name_len(p, n), len;
    if (!run)
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
        const struct rule *r = &rules[i];
        if (r->kind == RULE_SHAPE && p[0] == r->word[0] && run >= r->len + r->min &&
            memcmp(p, r->word, r->len) == 0)
            return run;
    }
    for (const char *m = s->more; (m = next_more(m, &len)); m += len) {
        if (m[len - 1] == '*' && len > 1 && run >= len && strncmp(p, m, len - 1) == 0)
            return run;
    }
    return 0;
}

// "user:secret@" or "token@" behind "://": how much of it is copied, and how much taken out.
static void
put_userinfo(struct scan *s, const char **p, const char *end)
{
    const char *stop = *p;
    while (stop < end && !strchr("/?#", *stop))
        stop++;
    const char *at = memrchr(*p, '@', (size_t)(stop - *p));
    if (!at)
        return;
    const char *colon = memchr(*p, ':', (size_t)(at - *p));
    if (colon) {
        buf_add(s->out, *p, (size_t)(colon + 1 - *p));
        take_out(s);
    } else if (at - *p >= 16) {
        take_out(s); // longer than names of users are: a token
    } else {
        return;
    }
    *p = at;
}

// A word without spaces: user-info and query values of URLs, shapes of tokens.
static void
put_plain(struct scan *s, const char *p, size_t n)
{
    const char *end = p + n, *begin = p;
    while (p < end) {
        size_t left = (size_t)(end - p), len;
        bool boundary = p == begin || !is_name_char(p[-1]);
        if (boundary && (len = shape_len(s, p, left))) {
            take_out(s);
            p += len;
            continue;
        }
        if (left > 3 && memcmp(p, "://", 3) == 0) {
            buf_add(s->out, p, 3);
            p += 3;
            put_userinfo(s, &p, end);
            continue;
        }
        char c = *p++;
        buf_putc(s->out, c);
        if (!strchr("?&;#", c))
            continue;
        len = name_len(p, (size_t)(end - p));
        if (p + len < end && p[len] == '=' && is_listed(s, p, len, QUERY_NAMES)) {
            buf_add(s->out, p, len + 1);
            p += len + 1;
            take_out(s);
            while (p < end && !strchr("&;#", *p))
                p++;
        }
    }
}

// The value of curl's -u: only what stands behind the colon.
static void
put_user(struct scan *s, const char *p, size_t n)
{
    const char *colon = memchr(p, ':', n);
    if (!colon) {
        put_plain(s, p, n);
        return;
    }
    buf_add(s->out, p, (size_t)(colon + 1 - p));
    take_out(s);
}

// A flag, an assignment, or anything else without spaces around it.
static void
put_token(struct scan *s, const char *p, size_t n)
{
    size_t dashes = 0;
    while (dashes < n && p[dashes] == '-')
        dashes++;
    const char *name = p + dashes;
    size_t len = name_len(name, n - dashes);
    bool value = dashes + len < n && name[len] == '=';
    if (value && is_listed(s, name, len, SECRET_NAMES)) {
        buf_add(s->out, p, dashes + len + 1);
        take_out(s);
        return;
    }
    if (dashes && dashes + len == n) {
        if (is_listed(s, name, len, SECRET_NAMES))
            s->pending = PENDING_SECRET;
        else if (is_listed(s, name, len, 1u << RULE_USER))
            s->pending = PENDING_USER;
    }
    put_plain(s, p, n);
}

// How long the part of a header up to its value is, when p starts with one whose value is secret.
static size_t
header_len(const struct scan *s, const char *p, size_t n)
{
    static const char *const before[] = {"-H", "--header="};
    size_t skip = 0;
    for (size_t i = 0; i < ARRAY_SIZE(before) && !skip; i++) {
        if (n > strlen(before[i]) && strncmp(p, before[i], strlen(before[i])) == 0)
            skip = strlen(before[i]);
    }
    size_t len = name_len(p + skip, n - skip);
    if (skip + len >= n || p[skip + len] != ':' || !is_listed(s, p + skip, len, 1u << RULE_HEADER))
        return 0;
    len += skip + 1;
    while (len < n && p[len] == ' ')
        len++;
    return len;
}

static bool
is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool
is_quote(char c)
{
    return c == '\'' || c == '"' || c == '`';
}

// The value of a flag inside of a text: a quoted one with its spaces.
static const char *
skip_value(const char *p, const char *end)
{
    if (is_quote(*p)) {
        const char *close = memchr(p + 1, *p, (size_t)(end - p - 1));
        return close ? close + 1 : end;
    }
    while (p < end && !is_space(*p) && !is_quote(*p))
        p++;
    return p;
}

// One word of a shell script inside of a word.
static const char *
put_inner(struct scan *s, const char *p, const char *end)
{
    const char *stop = skip_value(p, end);
    size_t head = header_len(s, p, (size_t)(end - p));
    if (head) {
        buf_add(s->out, p, head);
        take_out(s);
        for (p += head; p < end && !is_quote(*p) && *p != '\n'; p++)
            ;
        return p;
    }
    enum pending pending = s->pending;
    s->pending = PENDING_NONE;
    if (pending == PENDING_SECRET) {
        take_out(s);
        return stop;
    }
    if (is_quote(*p)) {
        buf_putc(s->out, *p);
        s->pending = pending;
        return p + 1;
    }
    // An assignment's value may be quoted: TOKEN='a b'.
    if (stop < end && is_quote(*stop) && stop > p && stop[-1] == '=')
        stop = skip_value(stop, end);
    if (pending == PENDING_USER)
        put_user(s, p, (size_t)(stop - p));
    else
        put_token(s, p, (size_t)(stop - p));
    return stop;
}

static void
put_inner_words(struct scan *s, const char *p, size_t n)
{
    const char *end = p + n;
    while (p < end) {
        if (is_space(*p))
            buf_putc(s->out, *p++);
        else
            p = put_inner(s, p, end);
    }
    s->pending = PENDING_NONE;
}

// --- entries -----------------------------------------------------------------------------------

static void
put_word(struct scan *s, const char *p, size_t n)
{
    enum pending pending = s->pending;
    size_t head = header_len(s, p, n);
    bool inner = false;
    for (size_t i = 0; i < n; i++)
        inner |= is_space(p[i]) || is_quote(p[i]);
    s->pending = PENDING_NONE;
    if (pending == PENDING_SECRET) {
        take_out(s);
    } else if (head) {
        buf_add(s->out, p, head);
        take_out(s);
    } else if (pending == PENDING_USER) {
        put_user(s, p, n);
    } else if (inner) {
        put_inner_words(s, p, n);
    } else {
        put_token(s, p, n);
    }
}

size_t
redact_argv(const char *argv, size_t len, const char *more, struct buf *out)
{
    struct scan s = {.more = more, .out = out};
    for (size_t i = 0; i < len;) {
        size_t n = strnlen(argv + i, len - i);
        put_word(&s, argv + i, n);
        i += n;
        if (i < len) {
            buf_putc(out, 0);
            i++;
        }
    }
    return s.n;
}

size_t
redact_text(const char *text, const char *more, struct buf *out)
{
    struct scan s = {.more = more, .out = out};
    put_word(&s, text, strlen(text));
    return s.n;
}
