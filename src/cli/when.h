// SPDX-License-Identifier: Apache-2.0
// Points in time as a person writes them. Pure but for the time zone; any thread.
#pragma once
#include <stdint.h>

// "2025-11-23", "2025-11-23 14:02[:11]" (or with T, or a Z behind for UTC), "@1763906531[.25]",
// "today", "yesterday", "now", "10 min ago", "2h ago". Local time unless said otherwise.
// now_ns: real time. 0 or -EINVAL.
int when_parse(const char *text, uint64_t now_ns, uint64_t *ret_ns);
