// SPDX-License-Identifier: Apache-2.0
// The characters beyond ASCII that display.c lets through, as sorted ranges. Everything that is in
// none of the three tables is escaped. Independent of the locale and of the C library.
#pragma once
#include <stddef.h>
#include <stdint.h>

struct unicode_range {
    uint32_t first, last;
};

extern const struct unicode_range unicode_narrow[]; /* one column */
extern const struct unicode_range unicode_wide[];   /* two columns */
extern const struct unicode_range unicode_mark[];   /* none: drawn over the character before */
extern const size_t unicode_narrow_count, unicode_wide_count, unicode_mark_count;
