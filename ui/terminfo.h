// SPDX-License-Identifier: Apache-2.0
// What the terminal database says. Apart from screen.c, because <term.h> takes words like "columns"
// away from everyone who includes it. Private to screen.c.
#pragma once
#include <stdbool.h>

#include "buf.h"

enum terminfo { TERMINFO_GOOD, TERMINFO_UNKNOWN, TERMINFO_NO_CURSOR };

// Can a screen be drawn on this terminal? Never exits, unlike initscr().
enum terminfo terminfo_check(const char *term, int out_fd);
// The description of a terminal with 256 colours as one with direct colours, made out of its own:
// "hex:...", what TERMINFO may hold. A colour below 256 is one of its palette, 0x1000000 | 0xRRGGBB
// is red, green and blue; there are TERMINFO_DIRECT of them. NULL when it has not 256 colours. The
// caller frees it.
char *terminfo_direct(const char *term, int out_fd);
#define TERMINFO_DIRECT 0x2000000

// Can the shape of its cursor be set (DECSCUSR)?
bool terminfo_has_cursor_shape(const char *term, int out_fd);
// Does it have a second screen to draw on, so that the first comes back? Needs newterm() before.
bool terminfo_has_alternate(void);
// Appends the strings that give the terminal back: attributes, colours, cursor, the main screen or
// else an empty one. For a signal handler: without padding. Needs newterm() before.
void terminfo_add_restore(struct buf *out);
