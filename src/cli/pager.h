// SPDX-License-Identifier: Apache-2.0
// Long output on a terminal: $NONO_PAGER, $PAGER or less. One at a time, main thread.
#pragma once
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

struct pager {
    FILE *out; /* where to write: the pager, or standard output */
    pid_t pid; /* 0: none */
};

// Starts the pager when standard output is a terminal and there is one to start. From here on a
// reader that went away is no signal but an error of out.
void pager_open(struct pager *p);
// Waits for the pager. False when not everything could be written and the reader is still there.
bool pager_close(struct pager *p);

enum color_when { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };
// Colours or not: --color, then CLICOLOR_FORCE, NO_COLOR, TERM, and whether it is a terminal.
bool color_wanted(enum color_when when);
