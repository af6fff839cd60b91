// SPDX-License-Identifier: Apache-2.0
// Curses: the terminal taken and given back, text and cells out. Private to ui/, main thread, one
// at a time. The keyboard is read by ui.c itself: curses would take keys apart that belong to the
// agent.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "terminal.h"

// Looks of nono's own text. Colour only repeats what a word says; no red/green pair.
enum look {
    LOOK_PLAIN,
    LOOK_BAR,
    LOOK_SELECTED,
    LOOK_HIGH,
    LOOK_NOTICE,
    LOOK_DIM,
    LOOK_STRONG,
    LOOK_ARMED,
    LOOK_LOCKED,
    _LOOK_MAX,
};

// See ui_terminal_draws().
bool screen_possible(int out_fd);

// tty: both are terminals, whose modes are set and given back; else a file, whose size comes from
// the environment (tests). -ENOTTY, -EINVAL for a TERM that will not do.
int screen_open(int in_fd, int out_fd, bool tty, struct err *err);
void screen_close(void);
// Async-signal-safe.
void screen_emergency_restore(void);
// Before a fork: what the child sets up then, screen_emergency_restore() of the parent puts back.
void screen_share_restore(void);
void screen_suspend(void);
void screen_resume(void);
// Reads the size anew.
void screen_resize(void);
void screen_set_size(unsigned rows, unsigned cols);
void screen_size(unsigned *ret_rows, unsigned *ret_cols);
// For display_escape(): DISPLAY_ASCII or 0.
unsigned screen_display_flags(void);

// Blanks everything.
void screen_erase(void);
// The next frame is drawn whole, whatever the terminal is believed to show.
void screen_forget(void);
// Shows what was drawn, with the cursor at row, col or hidden.
void screen_flush(bool cursor, unsigned row, unsigned col);
void screen_bell(void);
// Tells the person through the terminal, where that may know how: always the same words (I6).
enum screen_notice { SCREEN_NO_NOTICE, SCREEN_OSC9, SCREEN_OSC777 };
// "osc9", "osc777"; anything else and NULL is none.
enum screen_notice screen_notice_of(const char *word);
void screen_notify(enum screen_notice how);
// What the terminal is to report of the mouse, and the shape of the cursor as DECSCUSR numbers it
// (0: its own); where it can.
void screen_set_mouse(enum terminal_mouse mouse);
void screen_set_cursor_shape(unsigned shape);

// The one way of text to the terminal: made by display_escape() or our own, cut to width columns
// (a mark stands where it was cut) and padded with blanks to it. What is neither an allowed
// character nor ASCII is drawn as a question mark; escapes stand out. Returns the columns of the
// text itself.
unsigned screen_text(unsigned row, unsigned col, unsigned width, enum look look, const char *text);
// A horizontal line; heavy or light.
void screen_line(unsigned row, unsigned col, unsigned width, enum look look, bool heavy);
void screen_cell(unsigned row, unsigned col, const struct terminal_cell *c);
