// SPDX-License-Identifier: Apache-2.0
#include "plain_agent.h"

#include "display.h"

#define LINE_BYTES 2048 /* longer ones are cut into several */

void
plain_agent_done(struct plain_agent *a)
{
    buf_done(&a->line);
}

static void
end_line(struct plain_agent *a, unsigned flags, struct buf *out)
{
    buf_puts(out, "| ");
    display_escape(out, buf_str(&a->line), a->line.len, flags);
    buf_putc(out, '\n');
    buf_reset(&a->line);
    a->since_ns = 0;
}

static void
take_text(struct plain_agent *a, unsigned char c, unsigned flags, struct buf *out)
{
    // What comes behind a return would overwrite the line: it is one of its own.
    if (a->returned && c != '\n' && c != '\r' && a->line.len)
        end_line(a, flags, out);
    a->returned = c == '\r';
    if (c == '\r')
        return;
    if (c == '\033')
        a->state = PLAIN_ESCAPE;
    else if (c == '\n')
        end_line(a, flags, out);
    else if (c == '\t')
        buf_putc(&a->line, ' ');
    else
        buf_putc(&a->line, (char)c);
    if (a->line.len >= LINE_BYTES)
        end_line(a, flags, out);
}

static void
take_byte(struct plain_agent *a, unsigned char c, unsigned flags, struct buf *out)
{
    switch (a->state) {
    case PLAIN_TEXT:
        take_text(a, c, flags, out);
        break;
    case PLAIN_ESCAPE:
        a->state = c == '['                                                   ? PLAIN_CSI
                   : c == ']' || c == 'P' || c == '_' || c == '^' || c == 'X' ? PLAIN_STRING
                   : c >= 0x20 && c < 0x30                                    ? PLAIN_ESCAPE
                                                                              : PLAIN_TEXT;
        break;
    case PLAIN_CSI:
        if (c >= 0x40)
            a->state = PLAIN_TEXT;
        break;
    case PLAIN_STRING:
        if (c == '\a')
            a->state = PLAIN_TEXT;
        else if (c == '\033')
            a->state = PLAIN_STRING_ESCAPE;
        break;
    case PLAIN_STRING_ESCAPE:
        a->state = c == '\\' ? PLAIN_TEXT : PLAIN_STRING;
        break;
    }
}

void
plain_agent_feed(struct plain_agent *a, const void *data, size_t n, unsigned flags, struct buf *out)
{
    const unsigned char *p = data;

    for (size_t i = 0; i < n; i++)
        take_byte(a, p[i], flags, out);
}

uint64_t
plain_agent_deadline(const struct plain_agent *a)
{
    return a->line.len && a->since_ns ? a->since_ns + PLAIN_PAUSE_NS : UINT64_MAX;
}

void
plain_agent_pause(struct plain_agent *a, uint64_t now_ns, unsigned flags, struct buf *out)
{
    if (!a->line.len)
        return;
    if (!a->since_ns)
        a->since_ns = now_ns ? now_ns : 1;
    else if (now_ns - a->since_ns >= PLAIN_PAUSE_NS)
        end_line(a, flags, out);
}
