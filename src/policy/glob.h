// SPDX-License-Identifier: Apache-2.0
// Patterns of path components: "*" any characters, "?" one, "[a-z]" "[!a-z]" one byte, "\" takes
// the next literally. Over bytes and whatever the locale, so that a name that is no valid text is
// not missed. Pure.
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct glob_part {
    const char *text;
    size_t len;
};

// Does pattern hold a character with a meaning of its own?
bool glob_is_pattern(const char *pattern, size_t len);
// "**", which stands for components?
bool glob_is_any(struct glob_part part);
// Why no name can match, or only one that was hardly meant; NULL when one can. Static storage.
const char *glob_fault(const char *pattern, size_t len);
// Does the whole name match?
bool glob_matches(struct glob_part pattern, const char *name, size_t len);
