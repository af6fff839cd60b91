// SPDX-License-Identifier: Apache-2.0
// The agent's pane: a terminal emulator (libvterm) whose cells are drawn by us. Its titles,
// clipboard and other OSC requests go nowhere. Main thread.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct terminal;

struct terminal_cell {
    uint32_t chars[6]; /* base and combining marks, 0-terminated when shorter; 0: blank */
    unsigned width;    /* 1 or 2; 0: the second half of a wide one */
    bool bold, underline, reverse, dim, italic, blink;
    int fg, bg; /* 0..255 of the 256 colour palette, -1: default */
};

// reply: bytes for the agent (answers to its queries, encoded keys).
struct terminal *terminal_new(unsigned rows, unsigned cols,
                              void (*reply)(void *ctx, const void *data, size_t n), void *ctx);
struct terminal *terminal_free(struct terminal *t);
void terminal_resize(struct terminal *t, unsigned rows, unsigned cols);
// Output of the agent.
void terminal_feed(struct terminal *t, const void *data, size_t n);
void terminal_cell(const struct terminal *t, unsigned row, unsigned col,
                   struct terminal_cell *ret_c);
// Cursor position; false when it is hidden.
bool terminal_cursor(const struct terminal *t, unsigned *ret_row, unsigned *ret_col);
// True once after something changed.
bool terminal_take_damage(struct terminal *t);

// Typed keys: a character (alt: with Alt), or a special one.
enum terminal_key {
    TK_ENTER,
    TK_TAB,
    TK_BACKTAB,
    TK_BACKSPACE,
    TK_ESCAPE,
    TK_UP,
    TK_DOWN,
    TK_LEFT,
    TK_RIGHT,
    TK_INS,
    TK_DEL,
    TK_HOME,
    TK_END,
    TK_PGUP,
    TK_PGDN,
    TK_FUNCTION, /* + n for Fn */
};
void terminal_key(struct terminal *t, unsigned key, bool shift, bool alt, bool ctrl);
void terminal_char(struct terminal *t, uint32_t c, bool alt);
// Around pasted text: passes the markers on when the agent asked for them.
void terminal_paste(struct terminal *t, bool start);
