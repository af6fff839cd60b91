// SPDX-License-Identifier: Apache-2.0
#include "redact_names.h"

#include <stdint.h>
#include <string.h>

#include "redact_rules.h"

static bool
is_separator(char c)
{
    return c == '_' || c == '-' || c == '.';
}

static bool
is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool
is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || is_upper(c) || (c >= '0' && c <= '9') || is_separator(c);
}

size_t
redact_name_len(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n && is_name_char(s[i]))
        i++;
    return i;
}

static char
lower(char c)
{
    return is_upper(c) ? (char)(c + ('a' - 'A')) : c;
}

// How much of the name stands before the word that it ends with; SIZE_MAX when it does not.
static size_t
before_tail(const char *name, size_t n, const char *word, size_t word_len)
{
    while (word_len) {
        char c = word[word_len - 1];
        if (is_separator(c)) {
            word_len--;
        } else if (n && is_separator(name[n - 1])) {
            n--;
        } else if (n && lower(name[n - 1]) == lower(c)) {
            n--;
            word_len--;
        } else {
            return SIZE_MAX;
        }
    }
    return n;
}

static bool
matches(const char *name, size_t n, const char *word, size_t word_len, enum redact_kind kind)
{
    size_t before = before_tail(name, n, word, word_len), i = 0;
    if (before == SIZE_MAX || before == n)
        return false;
    while (i < before && is_separator(name[i]))
        i++;
    if (i == before || kind == RULE_NAME)
        return true;
    bool camel = is_upper(name[before]) && !is_upper(name[before - 1]);
    return (kind == RULE_PART || kind == RULE_ENV) && (camel || is_separator(name[before - 1]));
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
is_more_name(const char *more, const char *name, size_t n)
{
    size_t len;
    for (const char *m = more; (m = next_more(m, &len)); m += len) {
        if (m[len - 1] != '*' && matches(name, n, m, len, RULE_PART))
            return true;
    }
    return false;
}

bool
redact_is_listed(const char *more, const char *name, size_t n, unsigned kinds)
{
    for (size_t i = 0; n && i < redact_rules_n; i++) {
        const struct redact_rule *r = &redact_rules[i];
        bool likely = is_separator(name[n - 1]) || lower(name[n - 1]) == r->word[r->len - 1];
        if (likely && (kinds & 1u << r->kind) && matches(name, n, r->word, r->len, r->kind))
            return true;
    }
    return kinds != 1u << RULE_USER && kinds != 1u << RULE_HEADER && is_more_name(more, name, n);
}

bool
redact_is_shape(const char *more, const char *p, size_t run)
{
    size_t len;
    for (size_t i = 0; i < redact_shapes_n; i++) {
        const struct redact_rule *r = &redact_shapes[i];
        if (p[0] == r->word[0] && run >= r->len + r->min && memcmp(p, r->word, r->len) == 0)
            return true;
    }
    for (const char *m = more; (m = next_more(m, &len)); m += len) {
        if (m[len - 1] == '*' && len > 1 && run >= len && strncmp(p, m, len - 1) == 0)
            return true;
    }
    return false;
}
