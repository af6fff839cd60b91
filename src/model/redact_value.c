// SPDX-License-Identifier: Apache-2.0
#include "redact_value.h"

#include <string.h>

bool
redact_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool
redact_is_quote(char c)
{
    return c == '\'' || c == '"' || c == '`';
}

static size_t
backslashes(const char *begin, const char *p)
{
    const char *first = p;
    while (first > begin && first[-1] == '\\')
        first--;
    return (size_t)(p - first);
}

const char *
redact_closing(const char *begin, const char *open, const char *end)
{
    size_t level = backslashes(begin, open), n;
    const char *p = open;
    do {
        for (p++; p < end && *p != *open;)
            p++;
        n = p < end ? backslashes(open, p) : 0;
    } while (n > level && (n - level) % (2 * (level + 1)) != 0);
    return p;
}

const char *
redact_skip_value(const char *p, const char *end)
{
    if (p < end && redact_is_quote(*p)) {
        // A shell takes a backslash in the other ones as it is.
        const char *quote =
            *p == '"' ? redact_closing(p, p, end) : memchr(p + 1, *p, (size_t)(end - p) - 1);
        return quote && quote < end ? quote + 1 : end;
    }
    while (p < end && !redact_is_space(*p) && !redact_is_quote(*p))
        p++;
    return p;
}

const char *
redact_skip_json(const char *begin, const char *end)
{
    size_t depth = 0;
    for (const char *p = begin; p < end; p++) {
        if (depth == 0 && (redact_is_space(*p) || strchr(",]}", *p)))
            return p;
        if (redact_is_quote(*p)) {
            bool all = p == begin;
            p = redact_closing(begin, p, end);
            if (all || p == end)
                return p < end ? p + 1 : end;
        }
        depth += *p == '[' || *p == '{';
        depth -= *p == ']' || *p == '}';
        if (depth == 0 && strchr("]}", *p))
            return p + 1;
    }
    return end;
}
