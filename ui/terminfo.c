// SPDX-License-Identifier: Apache-2.0
// curses.h first: term.h needs its types.
#include <curses.h>

#include <term.h>

#include <string.h>

#include "terminfo.h"

static const char *
capability(const char *name)
{
    const char *s = tigetstr(name);

    return s == (char *)-1 ? NULL : s;
}

enum terminfo
terminfo_check(const char *term, int out_fd)
{
    int found = 0;
    enum terminfo result;

    if (!term || !*term || setupterm(term, out_fd, &found) != OK)
        return TERMINFO_UNKNOWN;
    result = capability("cup") ? TERMINFO_GOOD : TERMINFO_NO_CURSOR;
    del_curterm(cur_term);
    return result;
}

bool
terminfo_has_alternate(void)
{
    return capability("rmcup") != NULL;
}

bool
terminfo_has_cursor_shape(void)
{
    return capability("Ss") != NULL;
}

void
terminfo_add_restore(struct buf *out)
{
    const char *names[] = {"sgr0", "op", "cnorm", "rmcup"};

    if (!terminfo_has_alternate())
        names[3] = "clear";
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *s = capability(names[i]);
        while (s && *s) {
            const char *end = s[0] == '$' && s[1] == '<' ? strchr(s, '>') : NULL;
            if (end)
                s = end + 1;
            else
                buf_putc(out, *s++);
        }
    }
}
