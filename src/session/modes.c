// SPDX-License-Identifier: Apache-2.0
#include "modes.h"

#include <assert.h>

#include "util.h"

#define KEYS_OFF "\033[<99u"

// Private modes, and whether a terminal starts with them. Those that leave the second screen come
// last: what is put back before belongs to both.
static const struct {
    unsigned number;
    bool on;
} table[] = {
    {1, false},    /* cursor keys of applications */
    {5, false},    /* reverse video */
    {6, false},    /* origin at the margins */
    {7, true},     /* lines wrap */
    {9, false},    /* mouse: presses */
    {25, true},    /* the cursor is seen */
    {1000, false}, /* mouse: buttons */
    {1001, false}, /* highlighting */
    {1002, false}, /* drags */
    {1003, false}, /* all motion */
    {1004, false}, /* focus is told */
    {1005, false}, /* how the mouse is told */
    {1006, false}, /* likewise */
    {1015, false}, /* likewise */
    {1016, false}, /* likewise */
    {2004, false}, /* bracketed paste */
    {2026, false}, /* output is held back */
    {2031, false}, /* colours are told */
    {47, false},   /* the second screen */
    {1047, false}, /* likewise */
    {1049, false}, /* with the cursor */
};
static_assert(ARRAY_SIZE(table) <= 32, "a bit for each");

static void
set_private(struct modes *m, bool on)
{
    for (unsigned p = 0; p < m->n_params && p < MODES_PARAMS; p++)
        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
            if (table[i].number == m->params[p])
                m->changed = (m->changed & ~(1u << i)) | (uint32_t)(on != table[i].on) << i;
}

static void
end_sequence(struct modes *m, char final)
{
    bool plain = !m->prefix && !m->between;

    m->state = MODES_TEXT;
    if (m->prefix == '?' && !m->between && (final == 'h' || final == 'l'))
        set_private(m, final == 'h');
    else if (plain && (final == 'h' || final == 'l') && m->params[0] == 4)
        m->insert = final == 'h';
    else if (plain && final == 'm')
        m->rendition = m->n_params > 1 || m->params[0] != 0;
    else if (plain && final == 'r')
        m->margins = true;
    else if (m->between == ' ' && final == 'q')
        m->shape = true;
    else if ((m->prefix == '>' || m->prefix == '=') && final == 'u')
        m->keys = true;
    else if (m->prefix == '>' && final == 'm')
        m->other_keys = true;
    else if (m->between == '!' && final == 'p')
        m->keypad = m->insert = false;
}

static void
feed_sequence(struct modes *m, char c)
{
    unsigned *last = &m->params[m->n_params - 1];

    if (c >= '0' && c <= '9')
        *last = *last < 10000 ? *last * 10 + (unsigned)(c - '0') : *last;
    else if ((c == ';' || c == ':') && m->n_params <= MODES_PARAMS)
        m->params[m->n_params++] = 0;
    else if (c >= '<' && c <= '?')
        m->prefix = c;
    else if (c >= ' ' && c <= '/')
        m->between = c;
    else if (c >= '@' && c <= '~')
        end_sequence(m, c);
}

static void
feed_escape(struct modes *m, char c)
{
    m->state = MODES_TEXT;
    if (c == '[') {
        m->state = MODES_CSI;
        m->prefix = m->between = 0;
        m->params[0] = 0;
        m->n_params = 1;
    } else if (c == '(') {
        m->state = MODES_CHARSET;
    } else if (c == '=' || c == '>') {
        m->keypad = c == '=';
    } else if (c == 'c') {
        *m = (struct modes){0};
    }
}

void
modes_feed(struct modes *m, const void *data, size_t n)
{
    const char *p = data;

    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\033') {
            m->state = MODES_ESCAPE;
        } else if (p[i] == '\030' || p[i] == '\032') {
            m->state = MODES_TEXT;
        } else if (p[i] == '\016' || p[i] == '\017') {
            m->shifted = p[i] == '\016';
        } else if (m->state == MODES_ESCAPE) {
            feed_escape(m, p[i]);
        } else if (m->state == MODES_CSI) {
            feed_sequence(m, p[i]);
        } else if (m->state == MODES_CHARSET) {
            m->charset = p[i] != 'B';
            m->state = MODES_TEXT;
        }
    }
}

void
modes_undo(struct modes *m, struct buf *out)
{
    const struct {
        bool due;
        const char *sequence;
    } others[] = {
        {m->rendition, "\033[m"},
        {m->charset, "\033(B"},
        {m->shifted, "\017"},
        {m->insert, "\033[4l"},
        {m->keypad, "\033>"},
        {m->keys, KEYS_OFF},
        {m->other_keys, "\033[>4m"},
        {m->shape, "\033[0 q"},
        {m->margins, "\0337\033[r\0338"}, /* it moves the cursor */
    };

    // What was cut off in the middle of a sequence would take ours for its rest.
    if (m->state != MODES_TEXT)
        buf_puts(out, "\030");
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (others[i].due)
            buf_puts(out, others[i].sequence);
    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        if (m->changed & 1u << i)
            buf_printf(out, "\033[?%u%c", table[i].number, table[i].on ? 'h' : 'l');
    // Each screen has its own.
    if (m->keys)
        buf_puts(out, KEYS_OFF);
    *m = (struct modes){0};
}
