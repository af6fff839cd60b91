// SPDX-License-Identifier: Apache-2.0
// Curses: the terminal taken and given back, keys in, text and cells out. Private to ui/, main
// thread, one at a time.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "terminal.h"

// Looks of nono's own text. Colour only repeats what a word says; no red/green pair.
enum look { LOOK_PLAIN, LOOK_BAR, LOOK_SELECTED, LOOK_HIGH, LOOK_NOTICE, LOOK_DIM, LOOK_STRONG };

int screen_open(int in_fd, int out_fd, struct err *err);
void screen_close(void);
// Async-signal-safe.
void screen_emergency_restore(void);
void screen_suspend(void);
void screen_resume(void);
// Reads the size anew.
void screen_resize(void);
void screen_size(unsigned *ret_rows, unsigned *ret_cols);
// For display_escape(): DISPLAY_ASCII or 0.
unsigned screen_display_flags(void);

void screen_begin(void);
// Shows what was drawn, with the cursor at row, col or hidden.
void screen_end(bool cursor, unsigned row, unsigned col);
// Draws text made by display_escape() or our own, cut to width columns and padded with blanks to
// it. Returns the columns of the text itself.
unsigned screen_text(unsigned row, unsigned col, unsigned width, enum look look, const char *text);
void screen_cell(unsigned row, unsigned col, const struct terminal_cell *c);

// Keys: a Unicode character, or SCREEN_SPECIAL + enum terminal_key, or a paste marker.
#define SCREEN_SPECIAL 0x200000u
#define SCREEN_PASTE_START 0x300000u
#define SCREEN_PASTE_END 0x300001u
// Takes the next key that is there; false when there is none, or the terminal is gone.
bool screen_key(uint32_t *ret_key);
// Throws away what was typed and not read yet.
void screen_flush_input(void);
