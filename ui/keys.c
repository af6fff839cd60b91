// SPDX-License-Identifier: Apache-2.0
#include "keys.h"

#include <string.h>

#include "input.h"
#include "util.h"

#define CTRL(c) ((c)&0x1f)

// Unbound on purpose: y, a, the digits, Enter and Space never allow. They are what people type at
// the prompts of the agent itself.
static const struct keys_row table[] = {
    {KEYS_DOWN, KEYS_MOVE, {'j', INPUT_DOWN}, "j, Down", NULL, "next request, or line"},
    {KEYS_UP, KEYS_MOVE, {'k', INPUT_UP}, "k, Up", NULL, "previous request, or line"},
    {KEYS_FIRST, KEYS_MOVE, {'g', INPUT_HOME}, "g, Home", NULL, "first"},
    {KEYS_LAST, KEYS_MOVE, {'G', INPUT_END}, "G, End", NULL, "last"},
    {KEYS_PAGE_DOWN, KEYS_MOVE, {INPUT_PAGE_DOWN, CTRL('f')}, "PgDn, ^F", NULL, "page down"},
    {KEYS_PAGE_UP, KEYS_MOVE, {INPUT_PAGE_UP, CTRL('b')}, "PgUp, ^B", NULL, "page up"},
    {KEYS_OPEN, KEYS_MOVE, {'\r', '\n'}, "Enter", NULL, "open the detail"},
    {KEYS_BACK, KEYS_MOVE, {'\033', CTRL('c')}, "Esc, ^C", NULL, "back; decides nothing"},
    {KEYS_NEXT_PANE, KEYS_MOVE, {'\t', INPUT_BACKTAB}, "Tab", NULL, "list, detail, grants"},
    {KEYS_SEARCH, KEYS_MOVE, {'/'}, "/", NULL, "search for words"},
    {KEYS_SEARCH_NEXT, KEYS_MOVE, {'n'}, "n", NULL, "next that has them"},
    {KEYS_SEARCH_BACK, KEYS_MOVE, {'N'}, "N", NULL, "previous that has them"},
    {KEYS_FILTER, KEYS_MOVE, {'&'}, "&", NULL, "list only what has words"},

    {KEYS_ALLOW_ONCE, KEYS_DECIDE, {'o'}, "o", "o once", "allow once"},
    {KEYS_ALLOW_TIME, KEYS_DECIDE, {'t'}, "t", "t time", "allow for a time"},
    {KEYS_ALLOW_SESSION, KEYS_DECIDE, {'s'}, "s", "s session", "allow for this session"},
    {KEYS_ALLOW_ALWAYS, KEYS_DECIDE, {'p'}, "p", "p always", "allow always"},
    {KEYS_DENY_ONCE, KEYS_DECIDE, {'d'}, "d", "d deny", "deny once"},
    {KEYS_DENY_SESSION, KEYS_DECIDE, {'D'}, "D", "D deny session", "deny for this session"},
    {KEYS_DENY_ALWAYS, KEYS_DECIDE, {'P'}, "P", NULL, "deny always"},

    {KEYS_NARROW, KEYS_CHOOSE, {'<', INPUT_LEFT}, "<, Left", "<> reach", "narrower rule"},
    {KEYS_WIDEN, KEYS_CHOOSE, {'>', INPUT_RIGHT}, ">, Right", NULL, "wider rule"},
    {KEYS_PROGRAM, KEYS_CHOOSE, {'='}, "=", NULL, "this program alone, or any"},
    {KEYS_DURATION, KEYS_CHOOSE, {'T'}, "T", NULL, "how long t allows"},
    {KEYS_MARK, KEYS_CHOOSE, {' '}, "Space", NULL, "mark, to decide together"},
    {KEYS_MARK_GROUP, KEYS_CHOOSE, {'*'}, "*", NULL, "mark all that are like it"},
    {KEYS_NOTE, KEYS_CHOOSE, {'m'}, "m", NULL, "note for the record"},
    {KEYS_UNDO, KEYS_CHOOSE, {'u'}, "u", "u undo", "take the last grant back"},
    {KEYS_GRANTS, KEYS_CHOOSE, {'U'}, "U", "U grants", "list of grants"},
    {KEYS_REVOKE, KEYS_CHOOSE, {'r'}, "r", NULL, "there: take this one back"},

    {KEYS_HELP, KEYS_GENERAL, {'?'}, "?", "? help", "this help"},
    {KEYS_LEAVE, KEYS_GENERAL, {'q'}, "q", "q leave", "leave; requests wait on"},
    {KEYS_REDRAW, KEYS_GENERAL, {CTRL('l')}, "^L", NULL, "draw the screen anew"},
    {KEYS_SUSPEND, KEYS_GENERAL, {CTRL('z')}, "^Z", NULL, "stop nono; fg continues"},

    {KEYS_FOCUS, KEYS_PREFIXED, {'a'}, "^] a", NULL, "to the approvals; unlocks"},
    {KEYS_NEXT_WAITING, KEYS_PREFIXED, {'n'}, "^] n", NULL, "to the next that waits"},
    {KEYS_ZOOM, KEYS_PREFIXED, {'z'}, "^] z", NULL, "zoom the focused pane"},
    {KEYS_FREEZE, KEYS_PREFIXED, {'f'}, "^] f", NULL, "freeze the sandbox, thaw it"},
    {KEYS_SCROLL, KEYS_PREFIXED, {'['}, "^] [", NULL, "the agent's history"},
    {KEYS_DETACH, KEYS_PREFIXED, {'d'}, "^] d", NULL, "detach"},
    {KEYS_HELP, KEYS_PREFIXED, {'?'}, "^] ?", NULL, "help"},
    {KEYS_LITERAL, KEYS_PREFIXED, {']', KEYS_PREFIX}, "^] ]", NULL, "send ^] to the agent"},
};

const struct keys_row *
keys_table(size_t *ret_count)
{
    *ret_count = ARRAY_SIZE(table);
    return table;
}

const char *
keys_group_title(enum keys_group group)
{
    static const char *const titles[_KEYS_GROUP_MAX] = {
        [KEYS_MOVE] = "MOVE",
        [KEYS_DECIDE] = "DECIDE (armed only)",
        [KEYS_CHOOSE] = "WHAT IS DECIDED",
        [KEYS_GENERAL] = "PANE",
        [KEYS_PREFIXED] = "ANYWHERE (F12 = ^])",
    };

    return titles[group];
}

enum keys_command
keys_find(uint32_t code, bool prefixed)
{
    if (code == 0)
        return KEYS_NONE;
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        if ((table[i].group == KEYS_PREFIXED) != prefixed)
            continue;
        for (size_t k = 0; k < ARRAY_SIZE(table[i].codes); k++)
            if (table[i].codes[k] == code)
                return table[i].command;
    }
    return KEYS_NONE;
}

void
keys_legend(struct buf *out, size_t columns)
{
    enum keys_group group = _KEYS_GROUP_MAX;
    static const enum keys_group order[] = {KEYS_DECIDE, KEYS_CHOOSE, KEYS_GENERAL};

    for (size_t o = 0; o < ARRAY_SIZE(order); o++) {
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
            const struct keys_row *row = &table[i];
            const char *gap = out->len == 0 ? "" : row->group == group ? "  " : " | ";
            size_t n;

            if (row->group != order[o] || !row->legend)
                continue;
            n = strlen(gap) + strlen(row->legend);
            if (out->len + n > columns)
                return;
            buf_printf(out, "%s%s", gap, row->legend);
            group = row->group;
        }
    }
}

void
keys_mdoc(struct buf *out)
{
    for (enum keys_group g = 0; g < _KEYS_GROUP_MAX; g++) {
        static const char *const titles[_KEYS_GROUP_MAX] = {
            [KEYS_MOVE] = "Moving",
            [KEYS_DECIDE] = "Deciding",
            [KEYS_CHOOSE] = "What is decided",
            [KEYS_GENERAL] = "The pane",
            [KEYS_PREFIXED] = "Behind the prefix",
        };

        buf_printf(out, ".Ss %s\n.Bl -tag -width \"PgDn, ^F\" -compact\n", titles[g]);
        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
            if (table[i].group == g)
                // \& keeps a lone question mark from being taken for punctuation.
                buf_printf(out, ".It Sy \"%s%s\"\n%s\n", strlen(table[i].name) == 1 ? "\\&" : "",
                           table[i].name, table[i].help);
        buf_puts(out, ".El\n");
    }
}
