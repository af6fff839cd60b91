// SPDX-License-Identifier: Apache-2.0
// The key map: one table from which the dispatcher, the help, the legend and the man page are made.
// To add a key: one row. Pure.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

#define KEYS_PREFIX 0x1d /* ^] */
#define KEYS_PREFIX_NAME "^]"
#define KEYS_PREFIX_F 12 /* F12 does the same */

// The order counts: moves and decisions are each in one piece.
enum keys_command {
    KEYS_NONE,
    KEYS_DOWN,
    KEYS_UP,
    KEYS_FIRST,
    KEYS_LAST,
    KEYS_PAGE_DOWN,
    KEYS_PAGE_UP,
    KEYS_OPEN,
    KEYS_BACK,
    KEYS_NEXT_PANE,
    KEYS_SEARCH,
    KEYS_SEARCH_NEXT,
    KEYS_SEARCH_BACK,
    KEYS_FILTER,
    KEYS_ALLOW_ONCE,
    KEYS_ALLOW_TIME,
    KEYS_ALLOW_SESSION,
    KEYS_ALLOW_ALWAYS,
    KEYS_DENY_ONCE,
    KEYS_DENY_SESSION,
    KEYS_DENY_ALWAYS,
    KEYS_NARROW,
    KEYS_WIDEN,
    KEYS_PROGRAM,
    KEYS_DURATION,
    KEYS_MARK,
    KEYS_MARK_GROUP,
    KEYS_NOTE,
    KEYS_UNDO,
    KEYS_GRANTS,
    KEYS_REVOKE,
    KEYS_HELP,
    KEYS_LEAVE,
    KEYS_REDRAW,
    KEYS_SUSPEND,
    KEYS_FOCUS,
    KEYS_LITERAL,
    KEYS_DETACH,
    KEYS_ZOOM,
    KEYS_NEXT_WAITING,
    KEYS_FREEZE,
    KEYS_SCROLL,
    KEYS_PLAY,
    KEYS_STEP,
    KEYS_STEP_BACK,
    KEYS_STEP_ASK,
    KEYS_STEP_ASK_BACK,
    KEYS_FASTER,
    KEYS_SLOWER,
    KEYS_JUMP,
    KEYS_JUMP_BACK,
    KEYS_SEEK,
    KEYS_TO_NOW,
    KEYS_WHAT_IF,
    KEYS_NOT_HERE,
    _KEYS_MAX,
};

enum keys_group {
    KEYS_MOVE,
    KEYS_DECIDE,
    KEYS_CHOOSE,
    KEYS_GENERAL,
    KEYS_PREFIXED,
    KEYS_REPLAY,
    _KEYS_GROUP_MAX
};

struct keys_row {
    enum keys_command command;
    enum keys_group group;
    uint32_t codes[10]; /* characters and enum input_code; 0 ends the list */
    const char *name;   /* as people read it: "j, Down" */
    const char *legend; /* key and word in the legend; NULL: not there */
    const char *help;
};

// The whole table, in the order of the help.
const struct keys_row *keys_table(size_t *ret_count);
const char *keys_group_title(enum keys_group group);

// What a key means in the pane, or behind the prefix. KEYS_NONE when it is not bound.
enum keys_command keys_find(uint32_t code, bool prefixed);
// What a key means to a replay, before the pane: KEYS_NOT_HERE when it decides something elsewhere,
// or says what; KEYS_NONE when it is the pane's.
enum keys_command keys_find_replay(uint32_t code);
// Does a replay have the keys of that group? Else those of it that are shown are for the live pane.
bool keys_of_replay(enum keys_group group);

// Appends "o once  s session | d deny ..." within columns; of a replay its own keys.
void keys_legend(struct buf *out, size_t columns, bool replay);
// Appends the list of keys of nono-keys(7), or of nono-replay(1), in mdoc.
void keys_mdoc(struct buf *out, bool replay);
