// SPDX-License-Identifier: Apache-2.0
#include "match.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <regex.h>
#include <string.h>
#include <sys/socket.h>

#include "util.h"

// Is c in the class behind '['? *ret_end: what follows its ']'; NULL when it is not closed and '['
// means itself.
static bool
in_class(const char *class, unsigned char c, const char **ret_end)
{
    const char *p = class;
    bool negated = *p == '!' || *p == '^', found = false;
    p += negated;
    for (const char *first = p; *p && (*p != ']' || p == first);) {
        if (*p == '\\' && p[1])
            p++;
        unsigned char from = (unsigned char)*p++, to = from;
        if (*p == '-' && p[1] && p[1] != ']') {
            to = (unsigned char)p[1];
            p += 2;
        }
        found |= from <= c && c <= to;
    }
    *ret_end = *p ? p + 1 : NULL;
    return found != negated;
}

// One pattern element against one byte; *ret_next: behind the element.
static bool
element_matches(const char *glob, unsigned char c, const char **ret_next)
{
    const char *end = NULL;
    *ret_next = glob + 1;
    if (*glob == '?')
        return true;
    if (*glob == '[') {
        bool in = in_class(glob + 1, c, &end);
        if (end) {
            *ret_next = end;
            return in;
        }
    }
    if (*glob == '\\' && glob[1])
        *ret_next = ++glob + 1;
    return (unsigned char)*glob == c;
}

bool
match_glob(const char *glob, const char *text)
{
    // Only the last '*' is ever tried again: no pattern takes more than glob x text steps.
    const char *star = NULL, *retry = NULL, *next;
    while (*text) {
        if (*glob == '*') {
            star = ++glob;
            retry = text;
        } else if (*glob && element_matches(glob, (unsigned char)*text, &next)) {
            glob = next;
            text++;
        } else if (star) {
            glob = star;
            text = ++retry;
        } else {
            return false;
        }
    }
    while (*glob == '*')
        glob++;
    return !*glob;
}

bool
path_matches(const char *glob, const char *path)
{
    if (match_glob(glob, path))
        return true;
    if (!strchr(glob, '/')) {
        const char *leaf = strrchr(path, '/');
        return leaf && match_glob(glob, leaf + 1);
    }
    size_t n = strlen(glob);
    while (n > 1 && glob[n - 1] == '/')
        n--;
    return !strpbrk(glob, "*?[\\") && strncmp(glob, path, n) == 0 &&
           (path[n] == 0 || path[n] == '/' || n == 1);
}

// "address" or "address/bits"; false when it is neither.
static bool
parse_net(const char *pattern, int family, uint8_t *ret_net, unsigned *ret_bits)
{
    char text[64];
    unsigned max = family == AF_INET ? 32 : 128;
    size_t n = strcspn(pattern, "/");
    if (n >= sizeof text)
        return false;
    memcpy(text, pattern, n);
    text[n] = 0;
    if (inet_pton(family, text, ret_net) != 1)
        return false;
    *ret_bits = max;
    if (!pattern[n])
        return true;
    char *end;
    unsigned long bits = strtoul(pattern + n + 1, &end, 10);
    if (!isdigit((unsigned char)pattern[n + 1]) || *end || bits > max)
        return false;
    *ret_bits = (unsigned)bits;
    return true;
}

static bool
same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned rest = bits % 8, mask = 0xff00u >> rest & 0xff;
    return memcmp(a, b, bits / 8) == 0 && (!rest || ((a[bits / 8] ^ b[bits / 8]) & mask) == 0);
}

bool
host_pattern_is_valid(const char *pattern)
{
    uint8_t net[16];
    unsigned bits;
    return !strchr(pattern, '/') || parse_net(pattern, AF_INET, net, &bits) ||
           parse_net(pattern, AF_INET6, net, &bits);
}

bool
host_matches(const char *pattern, const char *host, int family, const void *addr)
{
    uint8_t net[16];
    unsigned bits;
    if (addr && (family == AF_INET || family == AF_INET6) &&
        parse_net(pattern, family, net, &bits) && same_bits(net, addr, bits))
        return true;
    if (!host[0])
        return false;
    cleanup_free char *glob = xstrdup(pattern), *name = xstrdup(host);
    for (char *p = glob; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    for (char *p = name; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return match_glob(glob, name);
}

struct matcher {
    regex_t regex;
    char *literal; /* what every match contains; NULL when that is not known */
    bool whole;    /* the literal is all that there is to find */
    bool fold;
};

#define SPECIAL "\\^$.[]|()*+?{}"

// The longest piece of the pattern that every match contains, in a simple pattern: looking for it
// first is twenty times as fast as the regular expression.
static char *
required_literal(const char *pattern)
{
    const char *best = pattern;
    size_t best_n = 0;
    if (strpbrk(pattern, "|()"))
        return NULL;
    for (const char *p = pattern; *p;) {
        size_t n = strcspn(p, SPECIAL);
        const char *end = p + n;
        // The last character before one of these may be missing.
        if (n && (*end == '*' || *end == '?' || *end == '{'))
            n--;
        if (n > best_n) {
            best = p;
            best_n = n;
        }
        if (*end == '[') {
            end += 1 + (end[1] == '^');
            end += *end == ']';
            end += strcspn(end, "]");
        } else if (*end == '{') {
            end += strcspn(end, "}");
        } else if (*end == '\\' && end[1]) {
            end++;
        }
        p = *end ? end + 1 : end;
    }
    return best_n ? xstrndup(best, best_n) : NULL;
}

int
matcher_new(const char *pattern, struct matcher **ret_m, char **ret_why)
{
    struct matcher *m = xcalloc(1, sizeof *m);
    m->fold = true;
    for (const char *p = pattern; *p; p++)
        m->fold &= !isupper((unsigned char)*p);
    // Texts are bytes: '.' is any of them, whatever the user's locale says.
    locale_t bytes = newlocale(LC_ALL_MASK, "C", (locale_t)0), before = uselocale(bytes);
    int error = regcomp(&m->regex, pattern, REG_EXTENDED | REG_NOSUB | (m->fold ? REG_ICASE : 0));
    uselocale(before);
    freelocale(bytes);
    if (error) {
        char why[128];
        regerror(error, &m->regex, why, sizeof why);
        free(m);
        *ret_why = xstrdup(why);
        return -EINVAL;
    }
    m->whole = *pattern && !strpbrk(pattern, SPECIAL);
    m->literal = required_literal(pattern);
    *ret_m = m;
    return 0;
}

struct matcher *
matcher_free(struct matcher *m)
{
    if (!m)
        return NULL;
    regfree(&m->regex);
    free(m->literal);
    free(m);
    return NULL;
}

static bool
finds_folded(const char *needle, const char *text, size_t n)
{
    size_t len = strlen(needle), at = 0;
    // A character without a case is looked for once; a letter once for each of its two.
    while (at + 1 < len && tolower((unsigned char)needle[at]) != toupper((unsigned char)needle[at]))
        at++;
    int low = tolower((unsigned char)needle[at]), high = toupper((unsigned char)needle[at]);
    const char *end = text + n;
    if (n < len)
        return false;
    // Every place of either is looked at, in order of neither: memchr(3) is fast.
    for (int i = 0; i < 1 + (high != low); i++) {
        const char *p = text + at, *last = end - (len - at);
        while (p <= last && (p = memchr(p, i ? high : low, (size_t)(last - p) + 1))) {
            if (strncasecmp(p - at, needle, len) == 0)
                return true;
            p++;
        }
    }
    return false;
}

bool
matcher_finds(const struct matcher *m, const void *bytes, size_t n)
{
    if (m->literal && !(m->fold ? finds_folded(m->literal, bytes, n)
                                : memmem(bytes, n, m->literal, strlen(m->literal)) != NULL))
        return false;
    regmatch_t range = {.rm_so = 0, .rm_eo = (regoff_t)n};
    return m->whole || regexec(&m->regex, bytes, 1, &range, REG_STARTEND) == 0;
}
