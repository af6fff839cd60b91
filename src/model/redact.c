// SPDX-License-Identifier: Apache-2.0
#include "redact.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "redact_names.h"
#include "redact_rules.h"
#include "redact_value.h"
#include "util.h"

// What the next word is.
enum pending {
    PENDING_NONE,
    PENDING_SECRET,
    PENDING_BARE, /* a secret, unless it is a flag */
    PENDING_USER,
};

struct scan {
    const char *more;
    struct buf *out;
    size_t n; /* taken out so far */
    enum pending pending;
    char user;           /* of PENDING_USER: as in struct redact_tool */
    const char *program; /* that was named last; NULL: none that is listed */
    size_t program_len;
};

static bool
is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

#define SECRET_NAMES (1u << RULE_FLAG | 1u << RULE_PART | 1u << RULE_NAME)

// --- pieces ------------------------------------------------------------------------------------

static void
take_out(struct scan *s)
{
    buf_puts(s->out, REDACTED);
    s->n++;
}

// p: behind the piece of a rule that ends with what is at p - 1. Where the secret behind it ends;
// NULL when there is none.
static const char *
behind_piece(const char *begin, const char *p, const char *end)
{
    for (size_t i = 0; i < redact_pieces_n; i++) {
        const struct redact_rule *r = &redact_pieces[i];
        if (p[-1] != r->word[r->len - 1] || (size_t)(p - begin) < r->len ||
            memcmp(p - r->len, r->word, r->len) != 0)
            continue;
        const char *stop = r->kind == RULE_BLOCK ? memmem(p, (size_t)(end - p), "-----END", 8) : p;
        while (r->kind == RULE_URL && stop < end && !redact_is_space(*stop) &&
               !redact_is_quote(*stop) && *stop != '?' && *stop != '#')
            stop++;
        stop = stop ? stop : end;
        return (size_t)(stop - p) > r->min ? stop : NULL;
    }
    return NULL;
}

static bool
is_number(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] < '0' || p[i] > '9')
            return false;
    return n > 0;
}

// "user:secret@" or "token@" behind "://": how much of it is copied, and how much taken out. web:
// the scheme is http or https, where a user without a password is a token.
static void
put_userinfo(struct scan *s, const char **p, const char *end, bool web)
{
    const char *stop = *p;
    while (stop < end && !strchr("/?#", *stop))
        stop++;
    const char *at = memrchr(*p, '@', (size_t)(stop - *p));
    const char *colon = memchr(*p, ':', (size_t)((at ? at : stop) - *p));
    // What is no number is no port: a secret with a '/' in it, which was to be escaped.
    if (!at && colon && stop - colon > 1 && **p != '[' &&
        !is_number(colon + 1, (size_t)(stop - colon) - 1))
        at = memrchr(*p, '@', (size_t)(end - *p));
    if (!at)
        return;
    if (colon) {
        buf_add(s->out, *p, (size_t)(colon + 1 - *p));
        take_out(s);
    } else if (at > *p && (web || at - *p >= 16)) {
        take_out(s); // elsewhere what is longer than names of users are
    } else {
        return;
    }
    *p = at;
}

// In capitals, as names in an environment are.
static bool
is_env(const char *name, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (name[i] >= 'a' && name[i] <= 'z')
            return false;
    return true;
}

// Is it NAME=VALUE, NAME: VALUE, "NAME": "VALUE" or the like that begins at p, and the value a
// secret? *ret_value, *ret_stop: where that is. query: the NAME stands behind '?' or '&'.
static bool
is_assignment(const struct scan *s, const char *p, const char *end, bool query,
              const char **ret_value, const char **ret_stop)
{
    size_t len = redact_name_len(p, (size_t)(end - p));
    const char *v = p + len;
    // Its own quote, which may be escaped in a text that is quoted itself.
    while (len && v < end && (redact_is_quote(*v) || *v == '\\'))
        v++;
    const char *blank = v;
    while (len && v < end && *v == ' ')
        v++;
    if (!len || v == end || (*v != '=' && *v != ':') || (*v == ':' && end - v > 2 && v[1] == '/'))
        return false;
    // The shell's current directory.
    if (end - p > 5 && memcmp(p, "PWD=/", 5) == 0)
        return false;
    bool header = *v == ':' && blank == v && redact_is_listed(s->more, p, len, 1u << RULE_HEADER);
    unsigned kinds = SECRET_NAMES | (query ? 1u << RULE_QUERY : 0);
    if (*v == '=' && v == p + len && is_env(p, len))
        kinds |= 1u << RULE_ENV;
    // "auth: ..." is how people begin a sentence.
    if (*v == ':' && v == p + len)
        kinds &= ~(1u << RULE_FLAG);
    if (!header && !redact_is_listed(s->more, p, len, kinds))
        return false;
    while (v < end && (*v == '=' || *v == ':' || *v == '>'))
        v++;
    while (v < end && *v == ' ')
        v++;
    if (v == end)
        return false;
    const char *stop = v;
    if (*v == '\\' && end - v > 1 && redact_is_quote(v[1]))
        stop = redact_closing(v, v + 1, end);
    else if (blank > p + len)
        stop = redact_skip_json(v, end);
    else if (header && !redact_is_quote(*v))
        while (stop < end && !redact_is_quote(*stop) && *stop != '\n')
            stop++;
    else
        stop = redact_skip_value(v, end);
    if (query && !redact_is_quote(*v))
        for (const char *q = v; q < stop; q++)
            if (strchr("&;#", *q))
                stop = q;
    *ret_value = v;
    *ret_stop = stop;
    return stop > v;
}

static int
hex_digit(char c)
{
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;
    return at ? (int)(at - digits) : -1;
}

// Is what stands behind '?' or '&' the name of a secret, in other letters ("to%6ben=")? Where the
// value begins, or NULL.
static const char *
behind_escaped(const struct scan *s, const char *p, const char *end)
{
    char name[64];
    size_t n = 0;
    for (; p < end && n < sizeof name; n++) {
        if (*p == '%' && end - p > 2 && hex_digit(p[1]) >= 0 && hex_digit(p[2]) >= 0) {
            name[n] = (char)(hex_digit(p[1]) << 4 | hex_digit(p[2]));
            p += 3;
        } else if (redact_name_len(p, 1)) {
            name[n] = *p++;
        } else {
            break;
        }
    }
    return p < end && *p == '=' && redact_name_len(name, n) == n &&
                   redact_is_listed(s->more, name, n, SECRET_NAMES | 1u << RULE_QUERY)
               ? p + 1
               : NULL;
}

// p: behind "://".
static bool
is_web(const char *begin, const char *p)
{
    size_t n = (size_t)(p - begin);
    return (n >= 7 && strncasecmp(p - 7, "http", 4) == 0) ||
           (n >= 8 && strncasecmp(p - 8, "https", 5) == 0);
}

// A token without spaces up to stop, in a text up to end: assignments, URLs, shapes of tokens. Up
// to where that was.
static const char *
put_plain(struct scan *s, const char *p, const char *stop, const char *end)
{
    const char *begin = p, *value, *after;
    while (p < stop) {
        size_t left = (size_t)(stop - p), run = redact_name_len(p, left);
        bool query = p > begin && strchr("?&;#", p[-1]);
        if (run && redact_is_shape(s->more, p, run)) {
            take_out(s);
            p += run;
        } else if (run && is_assignment(s, p, end, query, &value, &after)) {
            buf_add(s->out, p, (size_t)(value - p));
            take_out(s);
            p = after;
        } else if (query && (after = behind_escaped(s, p, stop))) {
            buf_add(s->out, p, (size_t)(after - p));
            for (p = after; p < stop && !strchr("&;#", *p) && !redact_is_quote(*p);)
                p++;
            if (p > after)
                take_out(s);
        } else if (left > 3 && memcmp(p, "://", 3) == 0) {
            buf_add(s->out, p, 3);
            p += 3;
            put_userinfo(s, &p, stop, is_web(begin, p));
        } else {
            run = run ? run : 1;
            buf_add(s->out, p, run);
            p += run;
            if ((after = behind_piece(begin, p, end))) {
                take_out(s);
                p = after;
            }
        }
    }
    return p;
}

// The value of curl's -u: only what stands behind the colon.
static void
put_user(struct scan *s, const char *p, size_t n, char separator)
{
    const char *at = separator == '@' ? memrchr(p, '@', n) : p + n;
    const char *c = memchr(p, separator == '@' ? ':' : separator, n);
    // Numbers of a user and a group are no secret.
    if (!c || !at || c > at || is_number(p, (size_t)(c - p)) || memmem(p, n, "://", 3)) {
        put_plain(s, p, p + n, p + n);
        return;
    }
    buf_add(s->out, p, (size_t)(c + 1 - p));
    take_out(s);
    buf_add(s->out, at, (size_t)(p + n - at));
}

// --- programs ----------------------------------------------------------------------------------

static bool
is_program(const struct redact_tool *t, const char *name, size_t n)
{
    // Most are another one at the first look: this is done for every word.
    if (!n || name[0] != t->program[0])
        return false;
    size_t len = strlen(t->program);
    bool begins = t->program[len - 1] == '*';
    len -= begins;
    return (begins ? n >= len : n == len) && memcmp(name, t->program, len) == 0;
}

static void
note_program(struct scan *s, const char *p, size_t n)
{
    const char *slash = memrchr(p, '/', n);
    const char *name = slash ? slash + 1 : p;
    size_t len = (size_t)(p + n - name);
    for (size_t i = 0; i < redact_tools_n; i++) {
        if (is_program(&redact_tools[i], name, len)) {
            s->program = name;
            s->program_len = len;
        }
    }
}

static void
expect_user(struct scan *s, char separator)
{
    s->pending = PENDING_USER;
    s->user = separator;
}

static void
expect(struct scan *s, const struct redact_tool *t, bool flag)
{
    s->pending = flag ? PENDING_SECRET : PENDING_BARE;
    if (t->user)
        expect_user(s, t->user);
}

// "-sSu": letters, of which the last is the one.
static bool
is_cluster(const char *p, size_t n, char last)
{
    for (size_t i = 1; i < n; i++)
        if (!is_letter(p[i]))
            return false;
    return n > 2 && p[0] == '-' && p[n - 1] == last;
}

// "-sSujoe:abc": where the value of the last letter begins; 0: it is not that.
static size_t
cluster_len(const char *p, size_t n, char last)
{
    size_t i = 2;
    if (n < 4 || p[0] != '-' || !is_letter(p[1]))
        return 0;
    while (i < n && is_letter(p[i]) && p[i] != last)
        i++;
    return i + 1 < n && p[i] == last ? i + 1 : 0;
}

// The value behind the first len bytes.
static void
put_glued(struct scan *s, const char *p, size_t n, size_t len, char user)
{
    buf_add(s->out, p, len);
    if (user)
        put_user(s, p + len, n - len, user);
    else
        take_out(s);
}

// The first letter of several that takes a value takes all that follows.
static bool
put_cluster(struct scan *s, const char *p, size_t n)
{
    const struct redact_tool *first = NULL;
    size_t at = n;
    for (size_t i = 0; s->program && i < redact_tools_n; i++) {
        const struct redact_tool *t = &redact_tools[i];
        size_t len = t->how & TOOL_CLUSTER && is_program(t, s->program, s->program_len)
                         ? cluster_len(p, n, t->flag[1])
                         : 0;
        if (len && len < at) {
            first = t;
            at = len;
        }
    }
    if (first)
        put_glued(s, p, n, at, first->user);
    return first;
}

// What the program that was named last takes as a secret. True when all of the token was put.
static bool
put_option(struct scan *s, const char *p, size_t n, bool quoted)
{
    for (size_t i = 0; s->program && i < redact_tools_n; i++) {
        const struct redact_tool *t = &redact_tools[i];
        size_t len = strlen(t->flag);
        bool same = n >= len && memcmp(p, t->flag, len) == 0;
        if (!is_program(t, s->program, s->program_len))
            continue;
        if (t->how & TOOL_NAMED && redact_is_listed(s->more, p, n, SECRET_NAMES))
            s->pending = PENDING_BARE;
        else if (same && n == len && (t->how & TOOL_NEXT || (t->how & TOOL_GLUED && quoted)))
            expect(s, t, p[0] == '-');
        else if (t->how & TOOL_CLUSTER && is_cluster(p, n, t->flag[1]))
            expect(s, t, true);
        else if (t->how & TOOL_GLUED && same && n > len) {
            put_glued(s, p, n, len, t->user);
            return true;
        }
    }
    return !s->pending && put_cluster(s, p, n);
}

// --- words -------------------------------------------------------------------------------------

// A flag, an assignment, or anything else without spaces around it, in a text up to end.
static const char *
put_token(struct scan *s, const char *p, const char *stop, const char *end)
{
    size_t n = (size_t)(stop - p), len = redact_name_len(p, n);
    const char *value, *after;
    bool flag = n > 1 && p[0] == '-';
    if (flag && len < n && p[len] == '=' && redact_is_listed(s->more, p, len, 1u << RULE_USER)) {
        buf_add(s->out, p, len + 1);
        put_user(s, p + len + 1, n - len - 1, ':');
        return stop;
    }
    if (put_option(s, p, n, stop < end && redact_is_quote(*stop)))
        return stop;
    if (!flag)
        note_program(s, p, n);
    if (flag && len == n && !s->pending && !is_assignment(s, p, end, false, &value, &after)) {
        if (redact_is_listed(s->more, p, n, SECRET_NAMES))
            s->pending = PENDING_SECRET;
        else if (redact_is_listed(s->more, p, n, 1u << RULE_USER))
            expect_user(s, ':');
    }
    return put_plain(s, p, stop, end);
}

// How long the part of a header up to its value is, when p starts with one whose value is secret.
static size_t
header_len(const struct scan *s, const char *p, size_t n)
{
    // -H, -sH, --header=, http.extraheader=
    size_t skip = redact_name_len(p, n), colon = skip;
    if (skip < n && p[skip] == '=')
        skip++;
    else if (skip > 2 && p[0] == '-' && p[1] != '-' && memchr(p, 'H', skip))
        skip = (size_t)((const char *)memchr(p, 'H', skip) - p) + 1;
    else
        skip = 0;
    colon = skip + redact_name_len(p + skip, n - skip);
    if (colon >= n || p[colon] != ':' || n - colon < 2 || p[colon + 1] == '/' ||
        !redact_is_listed(s->more, p + skip, colon - skip, 1u << RULE_HEADER | 1u << RULE_NAME))
        return 0;
    bool header = redact_is_listed(s->more, p + skip, colon - skip, 1u << RULE_HEADER);
    for (colon++; colon < n && p[colon] == ' ';)
        colon++;
    // Any name that sounds like a secret may begin a sentence; a token has no spaces.
    return header || !memchr(p + colon, ' ', n - colon) ? colon : 0;
}

// "--" is no secret: that stands behind it.
static bool
is_end_of_flags(struct scan *s, const char *p, size_t n)
{
    if (s->pending == PENDING_NONE || n != 2 || memcmp(p, "--", 2) != 0)
        return false;
    buf_add(s->out, p, n);
    return true;
}

// --token=VALUE, all of a word: how long the part up to the value is.
static size_t
flag_len(const struct scan *s, const char *p, size_t n)
{
    size_t len = redact_name_len(p, n);
    return p[0] == '-' && len < n && p[len] == '=' &&
                   redact_is_listed(s->more, p, len, SECRET_NAMES)
               ? len + 1
               : 0;
}

// One word of a shell script inside of a word.
static const char *
put_inner(struct scan *s, const char *p, const char *end)
{
    const char *stop = redact_skip_value(p, end);
    enum pending pending = s->pending;
    if (is_end_of_flags(s, p, (size_t)(stop - p)))
        return stop;
    s->pending = PENDING_NONE;
    if (pending == PENDING_SECRET || (pending == PENDING_BARE && *p != '-')) {
        take_out(s);
        return stop;
    }
    if (redact_is_quote(*p)) {
        buf_putc(s->out, *p);
        s->pending = pending;
        return p + 1;
    }
    if (pending != PENDING_USER)
        return put_token(s, p, stop, end);
    put_user(s, p, (size_t)(stop - p), s->user);
    return stop;
}

static void
put_inner_words(struct scan *s, const char *p, size_t n)
{
    const char *end = p + n;
    while (p < end) {
        if (redact_is_space(*p))
            buf_putc(s->out, *p++);
        else
            p = put_inner(s, p, end);
    }
    s->pending = PENDING_NONE;
}

static void
put_word(struct scan *s, const char *p, size_t n)
{
    enum pending pending = s->pending;
    size_t head = n ? flag_len(s, p, n) : 0;
    bool inner = false, empty = head && head == n;
    if (is_end_of_flags(s, p, n))
        return;
    if (!head)
        head = header_len(s, p, n);
    for (size_t i = 0; i < n; i++)
        inner |= redact_is_space(p[i]) || redact_is_quote(p[i]);
    s->pending = PENDING_NONE;
    if (pending == PENDING_SECRET || (pending == PENDING_BARE && p[0] != '-')) {
        take_out(s);
    } else if (empty) {
        buf_add(s->out, p, n);
        s->pending = PENDING_BARE;
    } else if (head) {
        buf_add(s->out, p, head);
        take_out(s);
    } else if (pending == PENDING_USER) {
        put_user(s, p, n, s->user);
    } else if (inner) {
        put_inner_words(s, p, n);
    } else {
        put_token(s, p, p + n, p + n);
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
