// SPDX-License-Identifier: Apache-2.0
// A pane of tmux beside the command's, for its approvals (nono run --ui tmux).
#pragma once
#include <stdbool.h>

#include "err.h"

// Is this terminal a pane of tmux, as the environment says?
bool tmux_is_here(void);
// Splits the window of this pane and runs nono ui for that session in the new one. The focus stays.
// Waits for tmux; its own words go to standard error. 0, or -errno with *err set.
int tmux_split(const char *session, struct err *err);
