// SPDX-License-Identifier: Apache-2.0
// The characters beyond ASCII that display.c lets through, and those of them that another spelling
// stands for. What is in none of the first three tables is escaped. All are sorted. Independent of
// the locale and of the C library.
#pragma once
#include <stddef.h>
#include <stdint.h>

struct unicode_range {
    uint32_t first, last;
};

// Characters that stand behind one base in ascending order: the other way round is a second
// spelling.
struct unicode_order {
    struct unicode_range range;
    uint32_t order;
};

// A character and one behind it that make a second spelling, of a third one or of its marks in
// their order.
struct unicode_pair {
    uint32_t base, mark;
};

extern const struct unicode_range unicode_narrow[]; /* one column */
extern const struct unicode_range unicode_wide[];   /* two columns */
extern const struct unicode_range unicode_mark[];   /* none: drawn over the character before */
extern const struct unicode_order unicode_order[];
extern const struct unicode_pair unicode_pair[];
extern const size_t unicode_narrow_count, unicode_wide_count, unicode_mark_count;
extern const size_t unicode_order_count, unicode_pair_count;
