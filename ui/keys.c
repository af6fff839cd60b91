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
    {KEYS_NEXT_PANE, KEYS_MOVE, {'\t', INPUT_BACKTAB}, "Tab", NULL, "list, detail, live grants"},
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

    {KEYS_PLAY, KEYS_REPLAY, {' '}, "Space", "Space pause", "pause, and go on"},
    {KEYS_STEP, KEYS_REPLAY, {'.'}, ".", ". , step", "a step forward; pauses"},
    {KEYS_STEP_BACK, KEYS_REPLAY, {','}, ",", NULL, "a step back; pauses"},
    {KEYS_STEP_ASK, KEYS_REPLAY, {']'}, "]", "[ ] ask", "next that was asked about"},
    {KEYS_STEP_ASK_BACK, KEYS_REPLAY, {'['}, "[", NULL, "previous one"},
    {KEYS_FASTER, KEYS_REPLAY, {'>'}, ">", "<> speed", "twice as fast"},
    {KEYS_SLOWER, KEYS_REPLAY, {'<'}, "<", NULL, "half as fast"},
    {KEYS_JUMP, KEYS_REPLAY, {INPUT_RIGHT}, "Right", NULL, "ten seconds on"},
    {KEYS_JUMP_BACK, KEYS_REPLAY, {INPUT_LEFT}, "Left", NULL, "ten seconds back"},
    {KEYS_SEEK,
     KEYS_REPLAY,
     {'0', '1', '2', '3', '4', '5', '6', '7', '8', '9'},
     "0 to 9",
     "0-9 F seek",
     "seek, in tenths of it"},
    {KEYS_TO_NOW, KEYS_REPLAY, {'F'}, "F", NULL, "to the end; follow what runs"},
    {KEYS_WHAT_IF, KEYS_REPLAY, {'w'}, "w", "w what-if", "what a policy would have said"},
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
        [KEYS_REPLAY] = "REPLAY",
    };

    return titles[group];
}

// The row among those of the groups [first, last] that has the key.
static const struct keys_row *
find(uint32_t code, enum keys_group first, enum keys_group last)
{
    for (size_t i = 0; code && i < ARRAY_SIZE(table); i++) {
        if (table[i].group < first || table[i].group > last)
            continue;
        for (size_t k = 0; k < ARRAY_SIZE(table[i].codes); k++)
            if (table[i].codes[k] == code)
                return &table[i];
    }
    return NULL;
}

enum keys_command
keys_find(uint32_t code, bool prefixed)
{
    const struct keys_row *row =
        find(code, prefixed ? KEYS_PREFIXED : KEYS_MOVE, prefixed ? KEYS_PREFIXED : KEYS_GENERAL);

    return row ? row->command : KEYS_NONE;
}

bool
keys_of_replay(enum keys_group group)
{
    return group == KEYS_REPLAY || group == KEYS_MOVE || group == KEYS_GENERAL;
}

enum keys_command
keys_find_replay(uint32_t code)
{
    const struct keys_row *row = find(code, KEYS_REPLAY, KEYS_REPLAY);

    if (row)
        return row->command;
    row = find(code, KEYS_MOVE, KEYS_GENERAL);
    return row && !keys_of_replay(row->group) ? KEYS_NOT_HERE : KEYS_NONE;
}

void
keys_legend(struct buf *out, size_t columns, bool replay)
{
    enum keys_group group = _KEYS_GROUP_MAX;
    static const enum keys_group order[] = {KEYS_REPLAY, KEYS_DECIDE, KEYS_CHOOSE, KEYS_GENERAL};

    for (size_t o = 0; o < ARRAY_SIZE(order); o++) {
        if (replay ? !keys_of_replay(order[o]) : order[o] == KEYS_REPLAY)
            continue;
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
keys_mdoc(struct buf *out, bool replay)
{
    for (enum keys_group g = 0; g < _KEYS_GROUP_MAX; g++) {
        static const char *const titles[_KEYS_GROUP_MAX] = {
            [KEYS_MOVE] = "Moving",
            [KEYS_DECIDE] = "Deciding",
            [KEYS_CHOOSE] = "What is decided",
            [KEYS_GENERAL] = "The pane",
            [KEYS_PREFIXED] = "Behind the prefix",
            [KEYS_REPLAY] = "Keys",
        };

        if (replay != (g == KEYS_REPLAY))
            continue;
        buf_printf(out, ".Ss %s\n.Bl -tag -width \"PgDn, ^F\" -compact\n", titles[g]);
        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
            if (table[i].group == g)
                // \& keeps a lone question mark from being taken for punctuation.
                buf_printf(out, ".It Sy \"%s%s\"\n%s\n", strlen(table[i].name) == 1 ? "\\&" : "",
                           table[i].name, table[i].help);
        buf_puts(out, ".El\n");
    }
}
