// SPDX-License-Identifier: Apache-2.0
// The agent's pane: a terminal emulator (libvterm) whose cells are drawn by us. Its titles,
// clipboard, links, notifications and other OSC and DCS requests go nowhere; questions about the
// terminal are answered by the emulator. Main thread.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "input.h"

// The emulator is never smaller: libvterm writes a wide character into a row that must hold it.
#define TERMINAL_ROWS_MIN 2
#define TERMINAL_COLS_MIN 4

struct terminal;

struct terminal_cell {
    uint32_t chars[6]; /* base and combining marks, 0-terminated when shorter; 0: blank */
    unsigned width;    /* 1 or 2; 0: the second half of a wide one */
    bool bold, faint, underline, reverse, italic, blink;
    int fg, bg; /* 0..255 of the 256 colour palette, TERMINAL_RGB | 0xRRGGBB, -1: default */
};

#define TERMINAL_RGB 0x1000000

enum terminal_mouse {
    TERMINAL_MOUSE_NONE,
    TERMINAL_MOUSE_CLICK,
    TERMINAL_MOUSE_DRAG,
    TERMINAL_MOUSE_MOVE,
};

// reply: bytes for the agent (answers to its queries, encoded keys).
struct terminal *terminal_new(unsigned rows, unsigned cols,
                              void (*reply)(void *ctx, const void *data, size_t n), void *ctx);
// Takes NULL, returns NULL.
struct terminal *terminal_free(struct terminal *t);
// The size that it takes is at least the minimum above.
// From now on it can be copied, and has no history: what a screen that grows gets back does not
// depend on what was scrolled away before the copy.
void terminal_keep(struct terminal *t);
// All of the emulator's state. terminal_restore() brings exactly that terminal back to it; false
// when that is not possible any more (after many changes of size).
struct terminal_copy;
struct terminal_copy *terminal_copy(const struct terminal *t, size_t *ret_bytes);
struct terminal_copy *terminal_copy_free(struct terminal_copy *copy);
bool terminal_restore(struct terminal *t, const struct terminal_copy *copy);
void terminal_resize(struct terminal *t, unsigned rows, unsigned cols);
void terminal_size(const struct terminal *t, unsigned *ret_rows, unsigned *ret_cols);
// Output of the agent.
void terminal_feed(struct terminal *t, const void *data, size_t n);
// Only characters that are safe to draw are left in it; a blank one outside of the screen.
void terminal_cell(const struct terminal *t, unsigned row, unsigned col,
                   struct terminal_cell *ret_c);
// The same with the screen scrolled back by that many rows of its history.
void terminal_cell_back(const struct terminal *t, size_t back, unsigned row, unsigned col,
                        struct terminal_cell *ret_c);
// Appends the text of a row in UTF-8, blanks at its end included; back as above.
void terminal_row_text(const struct terminal *t, size_t back, unsigned row, struct buf *out);
// Rows of the history, and how many were ever pushed into it.
size_t terminal_history(const struct terminal *t);
size_t terminal_pushed(const struct terminal *t);
// The nearest row above (older) or below the topmost one at *back that holds text, in any case;
// *back then brings it to the top. False when there is none.
bool terminal_find(const struct terminal *t, const char *text, bool older, size_t *back);
// Cursor position; false when it is hidden.
bool terminal_cursor(const struct terminal *t, unsigned *ret_row, unsigned *ret_col);
// True when anything changed since the last terminal_clear_damage().
bool terminal_damaged(const struct terminal *t);
bool terminal_row_damaged(const struct terminal *t, unsigned row);
void terminal_clear_damage(struct terminal *t);
// What the agent wants to hear of the mouse.
enum terminal_mouse terminal_mouse_wanted(const struct terminal *t);
// The shape of its cursor as DECSCUSR numbers it: 0 when it never said.
unsigned terminal_cursor_shape(const struct terminal *t);
// True once after the agent rang the bell.
bool terminal_take_bell(struct terminal *t);

// A typed key or a piece of a paste, encoded the way the agent asked for.
void terminal_press(struct terminal *t, const struct input_key *key);
// A key or button of the mouse at row, col of its screen.
void terminal_mouse(struct terminal *t, const struct input_key *key, unsigned row, unsigned col);
