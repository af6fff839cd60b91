// SPDX-License-Identifier: Apache-2.0
// What the terminal database says. Apart from screen.c, because <term.h> takes words like "columns"
// away from everyone who includes it. Private to screen.c.
#pragma once
#include <stdbool.h>

#include "buf.h"

enum terminfo { TERMINFO_GOOD, TERMINFO_UNKNOWN, TERMINFO_NO_CURSOR };

// Can a screen be drawn on this terminal? Never exits, unlike initscr().
enum terminfo terminfo_check(const char *term, int out_fd);
// Can the shape of its cursor be set (DECSCUSR)? Needs newterm() before.
bool terminfo_has_cursor_shape(void);
// Does it have a second screen to draw on, so that the first comes back? Needs newterm() before.
bool terminfo_has_alternate(void);
// Appends the strings that give the terminal back: attributes, colours, cursor, the main screen or
// else an empty one. For a signal handler: without padding. Needs newterm() before.
void terminfo_add_restore(struct buf *out);
