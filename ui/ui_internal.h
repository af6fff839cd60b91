// SPDX-License-Identifier: Apache-2.0
// The parts of ui.c that tests drive without a terminal. Private to ui/ and tests/.
#pragma once
#include "ui.h"

// ui_new() on any descriptors (tty false: a file, whose size comes from LINES and COLUMNS), with a
// clock of the caller's for what has no time of its own.
int ui_open(const struct ui_config *config, const struct ui_ops *ops, void *ctx, bool tty,
            uint64_t (*clock)(void), struct ui **ret_ui, struct err *err);
// As if these bytes had been read from the terminal in one piece.
void ui_feed_input(struct ui *ui, const void *data, size_t n, uint64_t now_mono_ns);
void ui_set_size(struct ui *ui, unsigned rows, unsigned cols, uint64_t now_mono_ns);
