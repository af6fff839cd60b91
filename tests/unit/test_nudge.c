// SPDX-License-Identifier: Apache-2.0
// A terminal that is the command's alone is told that requests wait.
#include <criterion/criterion.h>
#include <string.h>

#include "nudge.h"

#define S 1000000000ull

static void
print(struct nudge *n, const char *text, uint64_t now)
{
    nudge_output(n, text, strlen(text), now);
}

Test(nudge, once_when_it_is_quiet)
{
    struct nudge n = {0};

    cr_expect_eq(nudge_due(&n, 0, false, 100 * S), NUDGE_NOT);
    cr_expect_eq(nudge_deadline(&n), UINT64_MAX);
    cr_expect_eq(nudge_due(&n, 1, false, 200 * S), NUDGE_NOT);
    cr_expect_eq(nudge_deadline(&n), 202 * S);
    print(&n, "busy", 201 * S);
    cr_expect(n.mid_line);
    cr_expect_eq(nudge_due(&n, 1, false, 202 * S), NUDGE_NOT);
    cr_expect_eq(nudge_deadline(&n), 203 * S);
    cr_expect_eq(nudge_due(&n, 2, false, 203 * S), NUDGE_LINE);
    cr_expect_eq(nudge_due(&n, 3, false, 300 * S), NUDGE_NOT, "once");
    cr_expect_eq(nudge_deadline(&n), UINT64_MAX);
    cr_expect_eq(nudge_due(&n, 0, false, 301 * S), NUDGE_NOT);
    cr_expect_eq(nudge_due(&n, 1, false, 302 * S), NUDGE_NOT);
    cr_expect_eq(nudge_due(&n, 1, false, 304 * S), NUDGE_LINE, "all were decided, another waits");
    cr_expect_eq(nudge_due(&n, 1, true, 305 * S), NUDGE_NOT);
    cr_expect_eq(nudge_due(&n, 1, true, 400 * S), NUDGE_NOT, "somebody looks");
    cr_expect_eq(nudge_due(&n, 1, false, 500 * S), NUDGE_NOT);
    cr_expect_eq(nudge_due(&n, 1, false, 502 * S), NUDGE_LINE, "nobody does any more");
}

Test(nudge, a_full_screen_is_not_written_on)
{
    static const struct {
        const char *output;
        bool full;
    } rows[] = {
        {"\033[?1049h", true},    {"x\033[?1049h\033[2Jy", true}, {"\033[?1049h\033[?1049l", false},
        {"\033[?47h", true},      {"\033[?1047h", true},          {"\033[?1h", false},
        {"\033[?25;1049h", true}, {"\033[1049h", false},          {"\033\033[?1049h", true},
        {"\033[?1049$p", false},  {"\033[?99999999999h", false},  {"\033[?1049h\033[?25l", true},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int piecewise = 0; piecewise < 2; piecewise++) {
            struct nudge n = {0};
            for (const char *p = rows[i].output; piecewise && *p; p++)
                nudge_output(&n, p, 1, S);
            if (!piecewise)
                print(&n, rows[i].output, S);
            nudge_due(&n, 1, false, S);
            cr_expect_eq(nudge_due(&n, 1, false, 9 * S), rows[i].full ? NUDGE_BELL : NUDGE_LINE,
                         "%zu", i);
        }
    }
}
