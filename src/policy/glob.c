// SPDX-License-Identifier: Apache-2.0
#include "glob.h"

#include <limits.h>

bool
glob_is_pattern(const char *pattern, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (pattern[i] == '*' || pattern[i] == '?' || pattern[i] == '[')
            return true;
    return false;
}

bool
glob_is_any(struct glob_part part)
{
    return part.len == 2 && part.text[0] == '*' && part.text[1] == '*';
}

// Length of the class that starts at p ("[...]"), 0 when it is not closed and the bracket is one.
static size_t
class_length(const char *p, size_t n)
{
    size_t i = 1;
    if (i < n && (p[i] == '!' || p[i] == '^'))
        i++;
    if (i < n && p[i] == ']')
        i++;
    while (i < n && p[i] != ']')
        i++;
    return i < n ? i + 1 : 0;
}

static bool
class_holds(const char *p, size_t n, unsigned char c)
{
    size_t i = 1, end = n - 1;
    bool negated = p[i] == '!' || p[i] == '^', found = false;
    for (i += negated; i < end; i++) {
        unsigned char low = (unsigned char)p[i], high = low;
        if (i + 2 < end && p[i + 1] == '-') {
            high = (unsigned char)p[i + 2];
            i += 2;
        }
        found |= low <= c && c <= high;
    }
    return found != negated;
}

static bool
class_is_empty(const char *p, size_t n)
{
    for (int c = 1; c < 256; c++)
        if (c != '/' && class_holds(p, n, (unsigned char)c))
            return false;
    return true;
}

const char *
glob_fault(const char *pattern, size_t len)
{
    size_t least = 0;
    for (size_t i = 0, n; i < len; i += n) {
        n = 1;
        if (pattern[i] == '[' && !(n = class_length(pattern + i, len - i)))
            return "a [ is not closed (\\[ is the bracket itself)";
        if (pattern[i] == '[' && class_is_empty(pattern + i, n))
            return "a [ ] holds no character";
        if (pattern[i] == '\\' && i + 1 < len)
            n = 2;
        least += pattern[i] != '*';
    }
    return least > NAME_MAX ? "a component is longer than a name can be" : NULL;
}

// Matches one character at name by what stands at pattern (not "*"). Bytes of pattern used, 0 for
// no match; *ret_used bytes of name.
static size_t
match_one(struct glob_part p, const char *name, size_t n, size_t *ret_used)
{
    *ret_used = 1;
    if (p.len == 0)
        return 0;
    if (p.text[0] == '?') {
        // One character of UTF-8: a name with "é" must not slip through for being longer in bytes.
        while (*ret_used < n && ((unsigned char)name[*ret_used] & 0xc0) == 0x80)
            ++*ret_used;
        return 1;
    }
    size_t class = p.text[0] == '[' ? class_length(p.text, p.len) : 0;
    if (class)
        return class_holds(p.text, class, (unsigned char)name[0]) ? class : 0;
    size_t escape = p.text[0] == '\\' && p.len > 1;
    return p.text[escape] == name[0] ? 1 + escape : 0;
}

bool
glob_matches(struct glob_part pattern, const char *name, size_t len)
{
    // What follows the last "*", and where in the name it was tried last. An earlier "*" need not
    // be tried again: the shortest match is as good as any.
    struct glob_part p = pattern, star = {0};
    size_t i = 0, tried = 0, used;
    while (i < len) {
        if (p.len && p.text[0] == '*') {
            p.text++, p.len--;
            star = p;
            tried = i;
            continue;
        }
        size_t n = match_one(p, name + i, len - i, &used);
        if (n) {
            p.text += n, p.len -= n;
            i += used;
        } else if (star.text) {
            p = star;
            i = ++tried;
        } else {
            return false;
        }
    }
    while (p.len && p.text[0] == '*')
        p.text++, p.len--;
    return p.len == 0;
}
