// SPDX-License-Identifier: Apache-2.0
#include "nudge.h"

// What follows "\033[?" and ends with h or l, one number at a time.
enum { OUTSIDE, ESCAPE, BRACKET, NUMBERS };

static bool
is_alternate(unsigned mode)
{
    return mode == 47 || mode == 1047 || mode == 1049;
}

static void
take_byte(struct nudge *n, char c)
{
    static const char prefix[] = {[OUTSIDE] = '\033', [ESCAPE] = '[', [BRACKET] = '?'};

    if (n->state < NUMBERS) {
        n->state = c == prefix[n->state] ? n->state + 1 : c == '\033' ? ESCAPE : OUTSIDE;
        n->number = 0;
    } else if (c >= '0' && c <= '9') {
        n->number = n->number < 10000 ? n->number * 10 + (unsigned)(c - '0') : n->number;
    } else if (c == ';') {
        // Only the last one counts: programs set these modes one by one.
        n->number = 0;
    } else {
        if ((c == 'h' || c == 'l') && is_alternate(n->number))
            n->full_screen = c == 'h';
        n->state = c == '\033' ? ESCAPE : OUTSIDE;
    }
}

void
nudge_output(struct nudge *n, const char *data, size_t len, uint64_t now_ns)
{
    for (size_t i = 0; i < len; i++)
        take_byte(n, data[i]);
    if (len)
        n->mid_line = data[len - 1] != '\n' && data[len - 1] != '\r';
    n->output_ns = now_ns;
}

uint64_t
nudge_deadline(const struct nudge *n)
{
    if (!n->unseen_ns || n->told)
        return UINT64_MAX;
    return (n->unseen_ns > n->output_ns ? n->unseen_ns : n->output_ns) + NUDGE_NS;
}

enum nudge_how
nudge_due(struct nudge *n, size_t waiting, bool seen, uint64_t now_ns)
{
    if (!waiting || seen) {
        n->unseen_ns = 0;
        n->told = false;
        return NUDGE_NOT;
    }
    if (!n->unseen_ns)
        n->unseen_ns = now_ns;
    if (now_ns < nudge_deadline(n))
        return NUDGE_NOT;
    n->told = true;
    return n->full_screen ? NUDGE_BELL : NUDGE_LINE;
}
